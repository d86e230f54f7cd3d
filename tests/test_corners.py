"""Every loss in the corner cases, against values and gradients written out by hand.

The cases are those in which formulas with infinities, empty sums and quotients of zeros have to be
read one way or another. EXPECTED has a row for each loss and case: the value, and the gradients of
logits, labels and weights, worked out on paper from the formula in the loss's file, with sum as the
reduction and weights of 1. A number stands for all items. A loss of losses.def without rows fails.
"""
import json
import math
import os
import pathlib
import re
import subprocess
import sys

PROGRAM = os.environ["RANKGRAD"]
SOURCE = pathlib.Path(os.environ["RANKGRAD_SOURCE"])
INF, NAN = math.inf, math.nan
JUNK = (NAN, INF, -INF, 1e300)

# ---- The cases: logits and labels ----

LISTS = {
    "pair": ([1, 0], [1, 0]),
    "zero labels": ([1, 0], [0, 0]),
    "zero label at -inf": ([1, 0, -INF], [1, 0, 0]),
    "all at -inf": ([-INF, -INF], [1, 0]),
    "one item, at -inf": ([-INF], [1]),
    "label at -inf": ([0, -INF], [0, 1]),
    "negative label": ([1, 0], [-1, 1]),
    "one item": ([2], [1]),
    "extreme": ([0, -2.1e26, 3.4e37, 42], [0, 1, 1, 0]),  # in f32
}

# ---- Numbers that occur more than once ----

E, LN2 = math.e, math.log(2)
P = 1 / (1 + math.exp(-1))  # softmax of [1, 0]
Q = 1 - P
A, B = math.log1p(math.exp(-1)), math.log1p(E)  # -log P, -log Q
H = 1 / math.log2(3)  # discounts of ranks 2, 3 and 4; that of rank 1 is 1
D3, D4 = 1 / 2, 1 / math.log2(5)
BIG, SMALL = 3.4e37, 2.1e26
R2 = math.sqrt(2)


def sigmoid(x):
    return 1 / (1 + math.exp(-x)) if x >= 0 else 1 - 1 / (1 + math.exp(x))


def softplus(x):
    return max(x, 0) + math.log1p(math.exp(-abs(x)))


NOTHING = (0, 0, 0, 0)
NO_NUMBER = (NAN, NAN, NAN, NAN)

# The exact NDCG of "extreme": the relevant items have ranks 4 and 1. dL/dg = -(d - V d*) / I with
# I = 1 + H and, of equal gains, d* = I / 2, so V d* = (1 + D4) / 2.
X = (1 - D4) / 2 / (1 + H)
EXACT_NDCG = (-(1 + D4) / (1 + H), 0, [0, 2 * LN2 * X, -2 * LN2 * X, 0], [0, X, -X, 0])


def of_ndcg(first, slope, second):
    """Losses -d / I of a pair whose relevant item has the discount d: `first` in front, with the
    slope -`slope` in its score, or `second` behind, with the same slope by symmetry of the two.
    With one gain, d* is 1 and V is d, so that gains have no slope."""
    return {"pair": (-first, [-slope, slope], 0, 0),
            "zero labels": NOTHING,
            "zero label at -inf": (-first, [-slope, slope, 0], 0, 0),
            "one item": (-1, 0, 0, 0),
            "extreme": EXACT_NDCG}


# Soft ranks 1 + Q and 1 + P. From L = -1 / log2(1 + pi): dL/dpi = d^2 / ((1 + pi) log 2), and
# dpi/ds of the item itself is -P Q.
def soft_discount(pi):
    return 1 / math.log2(1 + pi)


def soft_slope(pi):
    return P * Q * soft_discount(pi) ** 2 / ((1 + pi) * LN2)


def of_soft_ndcg():
    behind = soft_slope(1 + P)
    return {**of_ndcg(soft_discount(1 + Q), soft_slope(1 + Q), None),
            "all at -inf": NOTHING,  # unranked
            "one item, at -inf": NOTHING,
            "label at -inf": NOTHING,
            "negative label": (-soft_discount(1 + P), [behind, -behind], 0, 0)}


# The reciprocal of a soft rank: L = -w / pi, dL/ds = -P Q / pi^2.
def of_reciprocal(extreme):
    front, behind = P * Q / (1 + Q) ** 2, P * Q / (1 + P) ** 2
    return {"pair": (-1 / (1 + Q), [-front, front], 0, [-1 / (1 + Q), 0]),
            "zero labels": NOTHING,
            "zero label at -inf": (-1 / (1 + Q), [-front, front, 0], 0, [-1 / (1 + Q), 0, 0]),
            "all at -inf": NOTHING,
            "one item, at -inf": NOTHING,
            "label at -inf": NOTHING,
            "negative label": (-1 / (1 + P), [behind, -behind], 0, [0, -1 / (1 + P)]),
            "one item": (-1, 0, 0, -1),
            "extreme": extreme}


# Softmax cross entropy: -log p = [A, B] of a pair.
SOFTMAX = {
    "pair": (A, [-Q, Q], [A, B], [A, 0]),
    "zero labels": (0, 0, [A, B], 0),
    "zero label at -inf": (A, [-Q, Q, 0], [A, B, INF], [A, 0, 0]),
    "all at -inf": (NAN, NAN, NAN, [NAN, 0]),
    "one item, at -inf": NO_NUMBER,
    "label at -inf": (INF, [1, -1], [0, INF], [0, INF]),
    "negative label": (B - A, [1, -1], [A, B], [-A, B]),
    "one item": NOTHING,
    "extreme": (BIG, [0, -1, 1, 0], [BIG, BIG, 0, BIG], [0, BIG, 0, 0]),
}


def calibrated_softmax():
    log_s = math.log(2 + E)  # the anchor's 1, e and 1
    p, q = E / (2 + E), 1 / (2 + E)
    two = math.log1p(E ** 2)
    return {
        "pair": (2 * log_s - 1, [2 * p - 1, 2 * q], [log_s - 1, log_s], [log_s - 1, 0]),
        "zero labels": (log_s, [p, q], [log_s - 1, log_s], 0),
        "zero label at -inf": (2 * log_s - 1, [2 * p - 1, 2 * q, 0], [log_s - 1, log_s, INF],
                               [log_s - 1, 0, 0]),
        "all at -inf": (INF, [-1, 0], INF, [INF, 0]),  # the anchor has all probability
        "one item, at -inf": (INF, -1, INF, INF),
        "label at -inf": (INF, [1, -1], [LN2, INF], [0, INF]),
        "negative label": (1 + log_s, [p + 1, q - 1], [log_s - 1, log_s], [1 - log_s, log_s]),
        "one item": (2 * two - 2, 2 * sigmoid(2) - 1, two - 2, two - 2),
        "extreme": (2 * BIG, [0, -1, 2, 0], [BIG, BIG, 0, BIG], [0, BIG, 0, 0]),
    }


# Softmax plus 1 - u, u = sum z p / sum z.
POLY1 = {
    "pair": (A + Q, [-Q - P * Q, Q + P * Q], [A, B - Q + P], [A, 0]),
    "zero labels": (1 / 2, 0, [A, B], 0),
    "zero label at -inf": (A + Q, [-Q - P * Q, Q + P * Q, 0], [A, B - Q + P, INF], [A, 0, 0]),
    "all at -inf": (NAN, NAN, NAN, [NAN, 0]),
    "one item, at -inf": NO_NUMBER,
    "label at -inf": (INF, [1, -1], [-1, INF], [0, INF]),
    "negative label": (B - A + 1 / 2, [1, -1], [A, B], [-A, B]),  # z sums to 0: q = 1 / n
    "one item": NOTHING,
    "extreme": (BIG, [0, -1, 1, 0], [BIG, BIG, -1 / 4, BIG], [0, BIG, -1 / 4, 0]),
}

# The relevant item against those below it.
UNIQUE = {
    "pair": (A, [-Q, Q], [2 * LN2 * A, 0], [A, 0]),
    "zero labels": NOTHING,
    "zero label at -inf": (A, [-Q, Q, 0], [2 * LN2 * A, 0, 0], [A, 0, 0]),
    "all at -inf": (NAN, NAN, [NAN, 0], [NAN, 0]),
    "one item, at -inf": NOTHING,  # nothing is below it
    "label at -inf": (INF, [1, -1], [0, INF], [0, INF]),
    "negative label": (B, [P, -P], [0, 2 * LN2 * B], [0, B]),
    "one item": NOTHING,
    "extreme": (SMALL, [math.exp(-42), -1, 0, 1], [0, 2 * LN2 * SMALL, 0, 0], [0, SMALL, 0, 0]),
}

# The likelihood of the order; equal labels in the order of the rows. The last draw is certain.
LISTMLE = {
    "pair": (A, [-Q, Q], 0, [A, 0]),
    "zero labels": (A, [-Q, Q], 0, [A, 0]),
    "zero label at -inf": (A, [-Q, Q, 0], 0, [A, 0, 0]),
    "all at -inf": (NAN, NAN, 0, [NAN, 0]),
    "one item, at -inf": NOTHING,  # its draw is certain
    "label at -inf": (INF, [1, -1], 0, [0, INF]),
    "negative label": (B, [P, -P], 0, [0, B]),
    "one item": NOTHING,
    "extreme": (BIG, [-1, -1, 1, 1], 0, [42, BIG, 0, 0]),
}
P_LISTMLE = {  # coefficients (1, 0) of two ranks, (3, 1, 0) / 4 of three, (7, 3, 1, 0) / 11 of four
    **LISTMLE,
    "zero label at -inf": (0.75 * A, [-0.75 * Q, 0.75 * Q, 0], 0, [0.75 * A, 0, 0]),
    "extreme": (7 / 11 * BIG, [-1 / 11, -7 / 11, 7 / 11, 1 / 11], 0, [42 / 11, 7 / 11 * BIG, 0, 0]),
}

COSINE = {  # r = 1 of a pair; -1 / sqrt 2 of [1, 0] and [-1, 1]; 1 / sqrt 2 of "extreme"
    "pair": NOTHING,
    "zero labels": (1 / 2, 0, 0, 0),
    "zero label at -inf": NO_NUMBER,
    "all at -inf": NO_NUMBER,
    "one item, at -inf": NO_NUMBER,
    "label at -inf": NO_NUMBER,
    "negative label": ((1 + 1 / R2) / 2, [0, -1 / (2 * R2)], -1 / (4 * R2),
                       [1 / (8 * R2), -1 / (8 * R2)]),
    "one item": NOTHING,
    "extreme": ((1 - 1 / R2) / 2, 0, [0, 1 / (4 * R2), -1 / (4 * R2), 0],
                [0, 1 / (8 * R2), -1 / (8 * R2), 0]),
}

SIGMOID = {
    "pair": (A + LN2, [-Q, 0.5], [-1, 0], [A, LN2]),
    "zero labels": (B + LN2, [P, 0.5], [-1, 0], [B, LN2]),
    "zero label at -inf": (A + LN2, [-Q, 0.5, 0], [-1, 0, INF], [A, LN2, 0]),
    "all at -inf": (INF, [-1, 0], INF, [INF, 0]),
    "one item, at -inf": (INF, -1, INF, INF),
    "label at -inf": (INF, [0.5, -1], [0, INF], [LN2, INF]),
    "negative label": (B + LN2, [P, -0.5], 0, [B, LN2]),  # clipped to 0
    "one item": (softplus(-2), sigmoid(2) - 1, -2, softplus(-2)),
    "extreme": (SMALL, [0.5, -1, 0, 1], [0, SMALL, -BIG, -42], [LN2, SMALL, 0, 42]),
}
MSE = {
    "pair": NOTHING,
    "zero labels": (1, [2, 0], [-2, 0], [1, 0]),
    "zero label at -inf": (INF, [0, 0, -INF], [0, 0, INF], [0, 0, INF]),
    "all at -inf": (INF, -INF, INF, INF),
    "one item, at -inf": (INF, -INF, INF, INF),
    "label at -inf": (INF, [0, -INF], [0, INF], [0, INF]),
    "negative label": (5, [4, -2], [-4, 2], [4, 1]),
    "one item": (1, 2, -2, 1),
    "extreme": (INF, [0, -2 * SMALL, 2 * BIG, 84], [0, 2 * SMALL, -2 * BIG, -84],
                [0, INF, INF, 42 ** 2]),  # the squares overflow f32
}
RMSE = {
    "pair": NOTHING,  # at L = 0
    "zero labels": (math.sqrt(0.5), [math.sqrt(0.5), 0], [-math.sqrt(0.5), 0],
                    [math.sqrt(0.5) / 2, 0]),
    "zero label at -inf": (INF, [0, 0, NAN], [0, 0, NAN], [0, 0, NAN]),
    "all at -inf": (INF, NAN, NAN, NAN),
    "one item, at -inf": (INF, NAN, NAN, NAN),
    "label at -inf": (INF, [0, NAN], [0, NAN], [0, NAN]),
    "negative label": (math.sqrt(2.5), [1 / math.sqrt(2.5), -0.5 / math.sqrt(2.5)],
                       [-1 / math.sqrt(2.5), 0.5 / math.sqrt(2.5)],
                       [1 / math.sqrt(2.5), 0.25 / math.sqrt(2.5)]),
    "one item": (1, 1, -1, 0.5),
    "extreme": (BIG / 2, [0, -SMALL / (2 * BIG), 0.5, 0], [0, SMALL / (2 * BIG), -0.5, 0],
                [0, SMALL ** 2 / (4 * BIG), BIG / 4, 0]),
}
HUBER = {
    "pair": NOTHING,
    "zero labels": (0.5, [1, 0], [-1, 0], [0.5, 0]),
    "zero label at -inf": (INF, [0, 0, -1], [0, 0, 1], [0, 0, INF]),
    "all at -inf": (INF, -1, 1, INF),
    "one item, at -inf": (INF, -1, 1, INF),
    "label at -inf": (INF, [0, -1], [0, 1], [0, INF]),
    "negative label": (2, [1, -1], [-1, 1], [1.5, 0.5]),
    "one item": (0.5, 1, -1, 0.5),
    "extreme": (BIG, [0, -1, 1, 1], [0, 1, -1, -1], [0, SMALL, BIG, 41.5]),
}
POISSON = {
    "pair": (E, [E - 1, 1], [-1, 0], [E - 1, 1]),
    "zero labels": (E + 1, [E, 1], [-1, 0], [E, 1]),
    "zero label at -inf": (E, [E - 1, 1, 0], [-1, 0, INF], [E - 1, 1, 0]),
    "all at -inf": (INF, [-1, 0], INF, [INF, 0]),
    "one item, at -inf": (INF, -1, INF, INF),
    "label at -inf": (INF, [1, -1], [0, INF], [1, INF]),
    "negative label": (E + 2, [E + 1, 0], [-1, 0], [E + 1, 1]),
    "one item": (E ** 2 - 2, E ** 2 - 1, -2, E ** 2 - 2),
    "extreme": (INF, [1, -1, INF, math.exp(42)], [0, SMALL, -BIG, -42],
                [1, SMALL, INF, math.exp(42)]),
}
LEVELS = "expected a whole number from 0 to"  # the error of a label that is none of the levels
ORDINAL = {**{case: (row[0], row[1], 0, row[3]) for case, row in SIGMOID.items()},
           "negative label": LEVELS}  # of two levels; of three, in MORE

PRECISION = {  # no cutoff: the lists are short; an item at -inf is unranked
    "pair": (-0.5, 0, 0, [-0.5, 0]),
    "zero labels": NOTHING,
    "zero label at -inf": (-0.5, 0, 0, [-0.5, 0, 0]),
    "all at -inf": NOTHING,
    "one item, at -inf": NOTHING,
    "label at -inf": NOTHING,
    "negative label": (-0.5, 0, 0, [0, -0.5]),
    "one item": (-1, 0, 0, -1),
    "extreme": (-0.5, 0, 0, [0, -0.25, -0.25, 0]),
}
RECALL = {
    "pair": (-1, 0, 0, 0),
    "zero labels": NOTHING,
    "zero label at -inf": (-1, 0, 0, 0),
    "all at -inf": NOTHING,
    "one item, at -inf": NOTHING,
    "label at -inf": NOTHING,
    "negative label": (-1, 0, 0, 0),
    "one item": (-1, 0, 0, 0),
    "extreme": (-1, 0, 0, 0),
}

NEURAL = {  # P = [[P, Q], [Q, P]]
    **of_ndcg(P + H * Q, P * Q * (1 - H), None),
    "all at -inf": NOTHING,  # unranked
    "one item, at -inf": NOTHING,
    "label at -inf": NOTHING,
    "negative label": (-(Q + H * P), [P * Q * (1 - H), -P * Q * (1 - H)], 0, 0),
}


def softrank_ndcg():
    win = math.erfc(-0.5) / 2  # Phi(1 / sqrt 2)
    slope = (1 - H) * math.exp(-0.25) / (2 * math.sqrt(math.pi))
    tie = (1 - H) / (2 * math.sqrt(math.pi))
    return {**of_ndcg(win + (1 - win) * H, slope, None),
            "all at -inf": (-(1 + H) / 2, [-tie, tie], 0, 0),  # equal scores
            "one item, at -inf": (-1, 0, 0, 0),
            "label at -inf": (-H, 0, 0, 0),
            "negative label": (-(1 - win + win * H), [slope, -slope], 0, 0)}


HINGE = {  # the pair is at the kink, whose slope is 0
    "pair": NOTHING,
    "zero labels": NOTHING,
    "zero label at -inf": NOTHING,
    "all at -inf": (NAN, NAN, 0, [NAN, 0]),
    "one item, at -inf": NOTHING,
    "label at -inf": (INF, [1, -1], 0, [0, INF]),
    "negative label": (2, [1, -1], 0, [0, 2]),
    "one item": NOTHING,
    "extreme": (2 * SMALL, [1, -2, 0, 1], 0, [0, 2 * SMALL, 0, 0]),
}
LOGISTIC = {
    "pair": (A, [-Q, Q], 0, [A, 0]),
    "zero labels": NOTHING,
    "zero label at -inf": (A, [-Q, Q, 0], 0, [A, 0, 0]),
    "all at -inf": (NAN, NAN, 0, [NAN, 0]),
    "one item, at -inf": NOTHING,
    "label at -inf": (INF, [1, -1], 0, [0, INF]),
    "negative label": (B, [P, -P], 0, [0, B]),
    "one item": NOTHING,
    "extreme": (2 * SMALL, [1, -2, 0, 1], 0, [0, 2 * SMALL, 0, 0]),
}
SOFT_ZERO_ONE = {
    "pair": (Q, [-P * Q, P * Q], 0, [Q, 0]),
    "zero labels": NOTHING,
    "zero label at -inf": (Q, [-P * Q, P * Q, 0], 0, [Q, 0, 0]),
    "all at -inf": (NAN, NAN, 0, [NAN, 0]),
    "one item, at -inf": NOTHING,
    "label at -inf": (1, 0, 0, [0, 1]),
    "negative label": (P, [P * Q, -P * Q], 0, [0, P]),
    "one item": NOTHING,
    "extreme": (2, 0, 0, [0, 2, 0, 0]),
}
PAIR_MSE = {  # both orders of a pair; an item with itself is 0
    "pair": NOTHING,
    "zero labels": (2, [4, -4], 0, 1),
    "zero label at -inf": (INF, [INF, INF, -INF], 0, INF),
    "all at -inf": (NAN, NAN, 0, NAN),
    "one item, at -inf": NOTHING,
    "label at -inf": (INF, [INF, -INF], 0, INF),
    "negative label": (18, [12, -12], 0, 9),
    "one item": NOTHING,
    "extreme": (INF, [-4 * BIG, -4 * BIG, INF, -4 * BIG], 0, INF),  # 12 BIG overflows f32
}
QR = {  # |r| / 2
    "pair": NOTHING,
    "zero labels": NOTHING,
    "zero label at -inf": (INF, [0.5, 0, -0.5], 0, [INF, 0, 0]),  # too far apart
    "all at -inf": (NAN, NAN, 0, [NAN, 0]),
    "one item, at -inf": NOTHING,
    "label at -inf": (INF, [0.5, -0.5], 0, [0, INF]),
    "negative label": (1.5, [0.5, -0.5], 0, [0, 1.5]),
    "one item": NOTHING,
    "extreme": (BIG + SMALL, [0, -1, 1, 0], 0, [0, SMALL, BIG, 0]),
}
C8, C82 = sigmoid(-8), math.exp(-8) / (1 + 2 * math.exp(-8))
CIRCLE = {  # scores are clipped to [0, 1]; p is -4 at 1 and 60 at 0, q is -4 at 0 and 60 at 1
    "pair": (softplus(-8), [-16 * C8, 16 * C8], 0, [C8, 0]),
    "zero labels": NOTHING,
    "zero label at -inf": (math.log1p(2 * math.exp(-8)), [-32 * C82, 16 * C82, 0], 0,
                           [2 * C82, 0, 0]),
    "all at -inf": (softplus(56), 0, 0, [1, 0]),
    "one item, at -inf": NOTHING,
    "label at -inf": (softplus(56), [16, 0], 0, [0, 1]),
    "negative label": (120, [80, -80], 0, [0, 1]),
    "one item": NOTHING,
    "extreme": (120, 0, 0, [0, 1, 0, 0]),
}


def lambdarank():
    """Truncation reaches beyond these lists, so that LightGBM and XGBoost agree."""
    def one_pair(value, slope):
        weight = (1 - H) / 1.01  # |dNDCG| / (0.01 + |d|)
        s = 2 * weight * slope
        c = math.log2(1 + s) / s
        return c * weight * value, c * weight * slope
    front, front_slope = one_pair(A, Q)
    behind, behind_slope = one_pair(B, P)
    far = ((D3 - D4) + (H - D4)) / (1 + H) / LN2  # softplus(d) / (0.01 + d) is 1, c is 1 / log 2
    return {
        "pair": (front, [-front_slope, front_slope], 0, [front, 0]),
        "zero labels": NOTHING,
        "zero label at -inf": (front, [-front_slope, front_slope, 0], 0, [front, 0, 0]),
        "all at -inf": (NAN, NAN, 0, [NAN, 0]),
        "one item, at -inf": NOTHING,
        "label at -inf": (1 - H, 0, 0, [0, 1 - H]),  # the same limit, and no slope for c
        "negative label": (behind, [behind_slope, -behind_slope], 0, [0, behind]),
        "one item": NOTHING,
        "extreme": (far, 0, 0, [0, far, 0, 0]),
    }


# ---- Losses with random numbers: the formula, with the numbers ----

def uniform(k, sample):
    """rg_uniform of item k of list 0: Philox 4x32-10 (Salmon et al. 2011), seed 0, stream 8."""
    key = 8 * 0x9E3779B97F4A7C15 % 2 ** 64
    c, key = [k, 0, 0, sample << 16], [key & 0xffffffff, key >> 32]
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(q >> 32) ^ c[1] ^ key[0], q & 0xffffffff, (p >> 32) ^ c[3] ^ key[1], p & 0xffffffff]
        key = [(key[0] + 0x9E3779B9) & 0xffffffff, (key[1] + 0xBB67AE85) & 0xffffffff]
    return ((c[1] << 32 | c[0]) >> 11) * 2.0 ** -53


def softmax(s):
    e = [math.exp(x - max(s)) for x in s]
    return [x / sum(e) for x in e]


def xendcg():
    u = [uniform(k, 0) for k in range(4)]

    def finite(s, y):
        z = [2 ** label - x for label, x in zip(y, u)]
        t, total, p = [x / sum(z) for x in z], sum(z), softmax(s)
        value = -sum(a * math.log(b) for a, b in zip(t, p))
        slope = [(-math.log(x) - value) / total for x in p]
        return (value, [a - b for a, b in zip(p, t)],
                [LN2 * 2 ** label * x for label, x in zip(y, slope)],
                [(2 ** label - x) * v for label, x, v in zip(y, u, slope)])
    z = [2 - u[0], 1 - u[1], 1 - u[2]]  # of labels 1, 0, 0: all above 0
    t = [x / sum(z) for x in z]
    back = (2 - u[1]) / (3 - u[0] - u[1])  # the share of the item at -inf of "label at -inf"
    w = [1 - u[0], 2 - u[1], 2 - u[2], 1 - u[3]]
    share = [x / sum(w) for x in w]
    value = BIG * (1 - share[2])
    slope = [BIG - value, BIG - value, -value, BIG - value]
    return {
        "pair": finite([1, 0], [1, 0]),
        "zero labels": finite([1, 0], [0, 0]),
        "zero label at -inf": (INF, [P - t[0], Q - t[1], -t[2]], [-INF, -INF, NAN],
                               [-INF, -INF, NAN]),
        "all at -inf": NO_NUMBER,
        "one item, at -inf": NO_NUMBER,
        "label at -inf": (INF, [back, -back], [-INF, NAN], [-INF, NAN]),
        "negative label": finite([1, 0], [-1, 1]),
        "one item": NOTHING,
        "extreme": (value, [-share[0], -share[1], 1 - share[2], -share[3]],
                    [LN2 * 2 ** y * v / sum(w) for y, v in zip([0, 1, 1, 0], slope)],
                    [a * v / sum(w) for a, v in zip(w, slope)]),
    }


def noisy(s, sample):
    return [x - math.log(-math.log1p(-uniform(k, sample))) for k, x in enumerate(s)]


def mean(rows):
    """The mean of rows (value, ds, dy, dw) over 8 samples."""
    return tuple(sum(column) / 8 if isinstance(column[0], float)
                 else [sum(x) / 8 for x in zip(*column)] for column in zip(*rows))


def gumbel_softmax():
    def finite(s, y):
        rows = []
        for sample in range(8):
            p = softmax(noisy(s, sample))
            l = [-math.log(x) for x in p]
            rows.append((sum(a * b for a, b in zip(y, l)),
                         [sum(y) * a - b for a, b in zip(p, y)], l, [a * b for a, b in zip(y, l)]))
        return mean(rows)
    pair = finite([1, 0], [1, 0])
    return {**SOFTMAX,
            "pair": pair,
            "zero labels": finite([1, 0], [0.0, 0.0]),
            "zero label at -inf": (pair[0], pair[1] + [0], pair[2] + [INF], pair[3] + [0]),
            "negative label": finite([1, 0], [-1, 1])}


def gumbel_approx_ndcg():
    def finite(s, relevant):
        rows = []
        for sample in range(8):
            x = noisy(s, sample)
            d = x[relevant] - x[1 - relevant]
            pi, pq = 1 + sigmoid(-d), sigmoid(d) * sigmoid(-d)
            slope = pq * soft_discount(pi) ** 2 / ((1 + pi) * LN2)
            rows.append((-soft_discount(pi), [slope, slope]))
        value, slope = mean(rows)
        return (value, [-slope[0], slope[0]] if relevant == 0 else [slope[0], -slope[0]], 0, 0)
    pair = finite([1, 0], 0)
    return {**of_soft_ndcg(), "pair": pair,
            "zero label at -inf": (pair[0], pair[1] + [0], 0, 0),
            "negative label": finite([1, 0], 1)}


EXPECTED = {
    "ranking_softmax": SOFTMAX,
    "pairwise_hinge": HINGE,
    "pairwise_logistic": LOGISTIC,
    "pairwise_debiasing": LOGISTIC,  # without positions
    "pairwise_soft_zero_one": SOFT_ZERO_ONE,
    "pairwise_mse": PAIR_MSE,
    "pairwise_qr": QR,
    "pairwise_circle": CIRCLE,
    "lambdarank_lightgbm": lambdarank(),
    "lambdarank_xgboost": lambdarank(),
    "calibrated_softmax": calibrated_softmax(),
    "poly1_softmax": POLY1,
    "unique_softmax": UNIQUE,
    "listmle": LISTMLE,
    "p_listmle": P_LISTMLE,
    "rank_cosine": COSINE,
    "pointwise_sigmoid": SIGMOID,
    "pointwise_mse": MSE,
    "pointwise_rmse": RMSE,
    "pointwise_huber": HUBER,
    "pointwise_poisson": POISSON,
    "ordinal": ORDINAL,
    "approx_ndcg": of_soft_ndcg(),
    "approx_mrr": of_reciprocal((-1, 0, 0, [0, 0, -1, 0])),
    "approx_precision": PRECISION,
    "approx_recall": RECALL,
    "approx_map": of_reciprocal((-0.75, 0, 0, [0, 0, -0.75, 0])),
    "xendcg": xendcg(),
    "gumbel_softmax": gumbel_softmax(),
    "gumbel_approx_ndcg": gumbel_approx_ndcg(),
    "neural_ndcg": NEURAL,
    "softrank_ndcg": softrank_ndcg(),
}

# Losses that a negative label can make -inf, so that a list of +inf and one of -inf have no mean.
UNBOUNDED = {"ranking_softmax", "calibrated_softmax", "poly1_softmax", "gumbel_softmax",
             "pointwise_poisson"}
TEXT = {"ordinal": "ordinal(levels=2)"}  # a loss whose defaults do not fit the lists

# Further rows: a loss, logits, labels, and what is expected.
MORE = [
    ("ordinal(levels=3)", [[1, 0], [0, 1]], [1, 0],
     (A + LN2 + LN2 + B, [[-Q, 0.5], [0.5, P]], 0, [A + LN2, LN2 + B])),
    ("ordinal(levels=3)", [[-INF, -INF]], [0], (0, [[0, 0]], 0, 0)),
    ("ordinal(levels=3)", [[-INF, -INF]], [1], (INF, [[-1, 0]], 0, INF)),
    ("ordinal(levels=3)", [[0, -INF]], [2], (INF, [[-0.5, -1]], 0, INF)),
    ("ordinal(levels=3)", [[0, INF]], [2], (NAN, [[NAN, NAN]], NAN, NAN)),
    ("ordinal(levels=3)", [[0, 0]], [3], LEVELS),
    ("ordinal(levels=3)", [[0, 0]], [0.5], LEVELS),
    ("listmle(ties=group)", [1, 0, -INF], [2, 1, 0], (A, [-Q, Q, 0], 0, [A, 0, 0])),
    ("listmle(ties=group)", [1, -INF, -INF], [1, 0, 0], (NAN, [0, NAN, NAN], 0, [0, NAN, NAN])),
    ("listmle", [1, -INF, -INF], [2, 1, 0], (NAN, [0, NAN, NAN], 0, [0, NAN, 0])),
    ("neural_ndcg", [1, -INF, 0], [1, 0, 0], (-(P + H * Q), [-P * Q * (1 - H), 0, P * Q * (1 - H)],
                                              0, 0)),
]

# Equal scores and equal labels, where the order of the items is a convention: [0, 0] has the soft
# ranks 1.5 and the softmax [1/2, 1/2]; of equal items, each gets an equal part of a slope.
RANKED = 1 - H  # |dNDCG| of a tie: it counts as ranked wrongly
TIED_C = math.log2(1 + RANKED) / RANKED
TIES = [
    # listmle takes equal labels by row, or with the whole group
    ("listmle", [1, 0], [2, 2], (A, [-Q, Q], 0, [A, 0])),
    ("listmle(ties=group)", [1, 0], [2, 2], (A + B, [2 * P - 1, 2 * Q - 1], 0, [A, B])),
    ("p_listmle", [1, 0], [2, 2], (A, [-Q, Q], 0, [A, 0])),
    ("p_listmle(ties=group)", [1, 0], [2, 2], ((A + B) / 2, [P - 0.5, Q - 0.5], 0, [A / 2, B / 2])),
    # equal labels do not compete
    ("unique_softmax", [1, 0], [2, 2], (0, 0, 0, 0)),
    ("pairwise_logistic", [1, 0], [2, 2], NOTHING),
    ("pairwise_circle", [1, 0], [2, 2], NOTHING),
    # the first of several: an equal part for each
    ("approx_mrr", [0, 0], [1, 1], (-1 / 1.5, 0, 0, [-1 / 3, -1 / 3])),
    ("approx_map", [0, 0], [1, 1], (-4 / 3, 0, 0, [-2 / 3, -2 / 3])),
    ("approx_recall(topn=1)", [0, 0], [1, 0], (-0.5, [-1 / 16, 1 / 16], 0, [0, 0])),
    ("approx_ndcg", [0, 0], [1, 1], (-2 * soft_discount(1.5) / (1 + H), 0, 0, 0)),
    # |s_j - s_k| has the slope 0
    ("neural_ndcg", [0, 0], [1, 0], (-(1 + H) / 2, [-(1 - H) / 4, (1 - H) / 4], 0, 0)),
    ("softrank_ndcg", [0, 0], [1, 0],
     (-(1 + H) / 2, [-(1 - H) / (2 * math.sqrt(math.pi)), (1 - H) / (2 * math.sqrt(math.pi))], 0, 0)),
    # equal scores stand by label, the lowest first; all of them equal: no distance
    ("lambdarank", [0, 0], [1, 0], (2 * RANKED * LN2, [-RANKED, RANKED], 0, [2 * RANKED * LN2, 0])),
    ("lambdarank_lightgbm", [0, 0], [1, 0],
     (TIED_C * RANKED * LN2, [-TIED_C * RANKED / 2, TIED_C * RANKED / 2], 0,
      [TIED_C * RANKED * LN2, 0])),
    # at the kink the slope is 0
    ("pairwise_hinge", [1, 0], [1, 0], NOTHING),
    ("pairwise_qr", [1, 0], [1, 0], NOTHING),
    ("pointwise_huber", [1, 0], [0, 0], (0.5, [1, 0], [-1, 0], [0.5, 0])),
]


# ---- Running them ----

def plain(x):
    if isinstance(x, (list, tuple)):
        return [plain(item) for item in x]
    x = float(x)
    return x if math.isfinite(x) else {INF: "Infinity", -INF: "-Infinity"}.get(x, "NaN")


def answers(lines):
    text = "".join(json.dumps(line) + "\n" for line in lines)
    run = subprocess.run([PROGRAM, "loss"], input=text.encode(), capture_output=True)
    found = [json.loads(line) for line in run.stdout.splitlines()]
    assert len(found) == len(lines), run.stderr
    return found


def flat(x):
    return [item for part in x for item in flat(part)] if isinstance(x, list) else [float(x)]


def same(got, want, rtol):
    if math.isnan(want) or math.isinf(want):
        return got == want or (math.isnan(want) and math.isnan(got))
    return abs(got - want) <= 1e-11 + rtol * abs(want)


KEYS = ("value", "grad_logits", "grad_labels", "grad_weights")


def difference(answer, expected, rtol=1e-12):
    """What differs; "" if nothing does."""
    if isinstance(expected, str):
        return "" if expected in answer.get("error", "") else f"{answer}, expected an error"
    if "error" in answer:
        return answer["error"]
    for key, want in zip(KEYS, expected):
        got, want = flat(answer[key]), flat(want)
        want = want * len(got) if len(want) == 1 else want
        if len(got) != len(want) or not all(map(lambda g, w: same(g, w, rtol), got, want)):
            return f"{key} is {got}, expected {want}"
    return ""


def line_of(loss, logits, labels, **more):
    return {"loss": TEXT.get(loss, loss), "dtype": "f64", "logits": plain(logits),
            "labels": plain([float(y) for y in labels]), "weights": [1.0] * len(labels),
            "reduction": "sum", **more}


def check_lists(loss):
    """The cases of EXPECTED."""
    rows = EXPECTED[loss]
    assert set(rows) == set(LISTS), f"{loss}: cases {set(rows) ^ set(LISTS)}"
    lines = [line_of(loss, *LISTS[case], dtype="f32" if case == "extreme" else "f64")
             for case in LISTS]
    return [f"{loss}, {case}: {what}" for case, answer in zip(LISTS, answers(lines))
            if (what := difference(answer, rows[case], 2e-6 if case == "extreme" else 1e-11))]


def check_masks(loss):
    """A masked item may hold anything and gets no gradient; no item, no list."""
    found, rows = [], EXPECTED[loss]["pair"]
    expected = tuple(x if i == 0 else [*(x if isinstance(x, list) else [x, x]), 0]
                     for i, x in enumerate(rows))
    lines, wanted = [], []
    for what, junk in [(what, junk) for what in range(3) for junk in JUNK]:
        values = [[1, 0, 0.5], [1, 0, 1], [1, 1, 1]]
        values[what][2] = junk
        line = {**line_of(loss, *values[:2]), "weights": plain(values[2])}
        lines.append({**line, "where": [True, True, False]})
        wanted.append(expected)
        lines.append({**line, "where": [False] * 3})
        wanted.append((0, 0, 0, 0))
    for shape in ([], [[]], [[], []]):
        lines.append({**line_of(loss, [], []), "logits": shape, "labels": shape, "weights": 1.0})
        wanted.append(NOTHING)
    for reduction in ("mean", "sum"):
        lines.append({**line_of(loss, [], []), "weights": 1.0, "offsets": [0],
                      "reduction": reduction})
        wanted.append(NOTHING)
    for line, answer, want in zip(lines, answers(lines), wanted):
        what = difference(answer, want, 1e-11)
        if what:
            found.append(f"{loss}, {json.dumps(line)}: {what}")
    return found


def check_nan(loss):
    """A NaN in a valid item, or a score of +inf, makes its list NaN and no other, even where all
    labels are 0."""
    lines, found = [], []
    pair = answers([line_of(loss, [1, 0], [1, 0])])[0]
    for y in ([1, 0], [0, 0]):
        for what, bad in ((0, NAN), (1, NAN), (2, NAN), (0, INF)):
            values = [[1, 0], list(y), [1, 1]]
            values[what][1] = bad
            s, labels, w = ([a, b] for a, b in zip(([1, 0], [1, 0], [1, 1]), values))
            lines.append({**line_of(loss, s, []), "labels": plain(labels), "weights": plain(w),
                          "reduction": "none"})
    for line, answer in zip(lines, answers(lines)):
        if "error" in answer:
            found.append(f"{loss}, {json.dumps(line)}: {answer}")
            continue
        value, grad = answer["value"], answer["grad_logits"]
        if value != [pair["value"], "NaN"] or grad != [pair["grad_logits"], ["NaN", "NaN"]]:
            found.append(f"{loss}, {json.dumps(line)}: {answer}")
    return found


def check_opposites(loss):
    """A list of +inf and one of -inf: their mean is NaN, whatever hides the infinities."""
    if loss == "ordinal":
        return []
    line = {**line_of(loss, [[0, -INF], [0, -INF]], []), "labels": [[0.0, 1.0], [0.0, -1.0]],
            "weights": 1.0}
    none, total, mean_ = answers([{**line, "reduction": r} for r in ("none", "sum", "mean")])
    values = flat(none["value"])
    opposite = values == [INF, -INF]
    if opposite != (loss in UNBOUNDED):
        return [f"{loss}: {values} of opposite labels"]
    if opposite and (total["value"], mean_["value"]) != ("NaN", "NaN"):
        return [f"{loss}: {values} have the mean {mean_['value']}"]
    return []


def main():
    text = (SOURCE / "src" / "loss" / "losses.def").read_text()
    losses = re.findall(r"^RG_LOSS\((\w+)", text, re.M)
    found = [f"{loss}: no rows in EXPECTED" for loss in losses if loss not in EXPECTED]
    found += [f"{loss}: no such loss" for loss in EXPECTED if loss not in losses]
    for loss in (loss for loss in losses if loss in EXPECTED):
        for check in (check_lists, check_masks, check_nan, check_opposites):
            found += check(loss)
    rows = MORE + TIES
    for (loss, s, y, expected), answer in zip(rows, answers([line_of(*row[:3]) for row in rows])):
        what = difference(answer, expected, 1e-11)
        found += [f"{loss}, {s}, {y}: {what}"] if what else []
    print("\n".join(found) or f"{len(losses)} losses in {len(LISTS)} cases, {len(rows)} more")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

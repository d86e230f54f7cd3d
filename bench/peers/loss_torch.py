#!/usr/bin/env python3
"""Forward and backward of the losses in PyTorch, in f32 on one thread, for bench/loss.c.

Padded: functions of scores s and labels y (lists, n) and the mask m that return the sum over the
lists. listnet, listmle, approx_ndcg, neural_ndcg, pairwise_logistic and its lambda weights follow
allRank's formulas, softrank_ndcg and rank_cosine PTRanking's, the others their papers. Flat: the
losses that can be written without padding, on scores and labels (N), with index_add and
scatter_reduce."""
import functools
import math
import sys

import loss as common
import peer

peer.limit_threads(1)
import torch
import torch.nn.functional as F

INF = float("inf")
PAIR_BATCH = 50  # lists in a batch whose tensors have n^2 numbers per list


# ---- Padded, one number per item -----------------------------------------------------------------

def log_softmax(s, m):
    return F.log_softmax(s.masked_fill(~m, -INF), -1).masked_fill(~m, 0)


def softmax(s, y, m):
    return -(y * log_softmax(s, m)).sum()


def listnet(s, y, m):
    return -(torch.softmax(y.masked_fill(~m, -INF), -1) * log_softmax(s, m)).sum()


def calibrated(s, y, m):
    log_sum = F.softplus(torch.logsumexp(s.masked_fill(~m, -INF), -1, keepdim=True))
    return (y * (log_sum - s)).sum() + log_sum.sum()


def poly1(s, y, m):
    log_p = log_softmax(s, m)
    p = torch.exp(log_p) * m
    total = y.sum(-1, keepdim=True)
    q = torch.where(total > 0, y / total.clamp_min(1e-9), m / m.sum(-1, keepdim=True))
    return -(y * log_p).sum() + (1 - (q * p).sum(-1)).sum()


def by_label(s, y, m):
    order = torch.sort(y.masked_fill(~m, -1), dim=-1, descending=True, stable=True).indices
    return torch.gather(s.masked_fill(~m, -INF), -1, order), torch.gather(m, -1, order)


def surprise(s, m):
    """log sum_{j >= i} exp s_j - s_i in this order, as allRank's listMLE."""
    s = s - s.max(-1, keepdim=True).values.detach()
    sums = torch.exp(s).flip(-1).cumsum(-1).flip(-1)
    return (torch.log(sums + 1e-10) - s).masked_fill(~m, 0)


def listmle(s, y, m):
    return surprise(*by_label(s, y, m)).sum()


def p_listmle(s, y, m):
    n = m.sum(-1, keepdim=True).double()
    rank = torch.arange(1, s.shape[-1] + 1).double()
    a = (torch.exp2(-rank) - torch.exp2(-n)) / (1 - (n + 1) * torch.exp2(-n)).clamp_min(1e-30)
    return (a.float() * surprise(*by_label(s, y, m))).sum()


def rank_cosine(s, y, m):
    r = (y * s).sum(-1) / torch.sqrt(((y * y).sum(-1) * (s * s * m).sum(-1)).clamp_min(1e-9))
    return ((1 - r) / 2).sum()


def xendcg(s, y, m):
    t = (torch.exp2(y) - torch.rand_like(y)) * m
    return -(t / t.sum(-1, keepdim=True) * log_softmax(s, m)).sum()


def gumbel(loss, s, y, m):
    noise = -torch.log(torch.empty(8, *s.shape).exponential_())
    x = (s + noise).flatten(0, 1)
    return loss(x, y.repeat(8, 1), m.repeat(8, 1)) / 8


def circle(s, y, m):
    gamma, margin = 64, 0.25
    s = s.clamp(0, 1)
    up = gamma * (1 + margin - s).clamp_min(0).detach() * (1 - margin - s)
    down = gamma * (s + margin).clamp_min(0).detach() * (s - margin)
    pairs = (up[..., None] + down[..., None, :]).masked_fill(~ordered(y, m), -INF)
    return torch.logaddexp(torch.logsumexp(pairs.flatten(-2), -1), torch.zeros(())).sum()


# ---- Padded, soft ranks --------------------------------------------------------------------------

def pairs_of(x):
    return x[..., :, None] - x[..., None, :]


def both(m):
    return m[..., :, None] & m[..., None, :]


def soft_ranks(s, m):
    """1 + sum_{j != i} sigmoid(s_j - s_i)."""
    return 0.5 + (torch.sigmoid(-pairs_of(s)) * m[..., None, :]).sum(-1)


def ideal(gain):
    return (torch.sort(gain, -1, descending=True).values * discounts(gain.shape[-1])).sum(-1)


def discounts(n):
    return 1 / torch.log2(torch.arange(2, n + 2))


def ndcg_of(discount, y, m):
    gain = (torch.exp2(y) - 1) * m
    best = ideal(gain)
    return -((gain * discount).sum(-1) / best.clamp_min(1e-9)).sum()


def approx_ndcg(s, y, m):
    return ndcg_of(1 / torch.log2(1 + soft_ranks(s, m)), y, m)


def kept(rank, m, topn):
    """The soft cutoff of rax: a sigmoid of the distance to the middle of ranks topn and topn + 1."""
    if rank.shape[-1] <= topn:
        return m.float()
    v = -rank.masked_fill(~m, INF)
    first = torch.topk(v, topn + 1, -1).values
    b = (first[..., -1:] + first[..., -2:-1]) / 2
    return torch.where(m.sum(-1, keepdim=True) > topn, torch.sigmoid(-rank - b), 1.0) * m


def approx_mrr(s, y, m):
    return -((y >= 1) * m / soft_ranks(s, m)).amax(-1).sum()


def approx_precision(s, y, m):
    c = kept(soft_ranks(s, m), m, 10)
    return -((c * (y >= 1)).sum(-1) / c.sum(-1)).sum()


def approx_recall(s, y, m):
    c = kept(soft_ranks(s, m), m, 10)
    return -((c * (y >= 1)).sum(-1) / (y >= 1).sum(-1).clamp_min(1)).sum()


def approx_map(s, y, m):
    rank, r = soft_ranks(s, m), ((y >= 1) & m).float()
    above = ((rank[..., None, :] <= rank[..., :, None]) * r[..., None, :]).sum(-1)
    return -((r * above / rank).sum(-1) / r.sum(-1).clamp_min(1)).sum()


def neural_ndcg(s, y, m):
    """With allRank's deterministic_neural_sort."""
    n = m.sum(-1)[:, None, None]
    distance = (pairs_of(s).abs() * both(m)).sum(-1)
    scale = n + 1 - 2 * torch.arange(1, s.shape[-1] + 1)[:, None]
    x = scale * s[:, None, :] - distance[:, None, :]
    p = torch.softmax(x.masked_fill(~m[:, None, :], -INF), -1) * m[:, :, None]
    return ndcg_of((discounts(s.shape[-1])[:, None] * p).sum(-2), y, m)


def softrank_ndcg(s, y, m):
    if s.shape[-1] > 1000:
        raise MemoryError("n^3 numbers")
    beaten = 0.5 * torch.erfc(pairs_of(s) / 2) * m[..., None, :]  # of item i by item j
    beaten = beaten * ~torch.eye(s.shape[-1], dtype=bool)
    p = torch.zeros(*s.shape, s.shape[-1])
    p[..., 0] = 1
    for j in range(s.shape[-1]):
        win = beaten[..., j, None]
        p = F.pad(p, (1, 0))[..., :-1] * win + p * (1 - win)
    return ndcg_of((p * discounts(s.shape[-1])).sum(-1), y, m)


# ---- Padded, pairs -------------------------------------------------------------------------------

def ordered(y, m):
    return both(m) & (pairs_of(y) > 0)


def unique_softmax(s, y, m):
    below = both(m) & (pairs_of(y) > 0)
    own = below | torch.eye(s.shape[-1], dtype=bool)
    log_sum = torch.logsumexp(s[..., None, :].masked_fill(~own, -INF), -1)
    return ((torch.exp2(y) - 1) * (log_sum - s) * m).sum()


def pairwise(loss, s, y, m, weight=None, all_pairs=False):
    value = loss(pairs_of(s), pairs_of(y))
    if weight is not None:
        value = value * weight(s.detach(), y, m)
    return value.masked_fill(~(both(m) if all_pairs else ordered(y, m)), 0).sum()


def hinge(d, _):
    return F.relu(1 - d)


def logistic(d, _):
    return F.softplus(-d)


def soft_zero_one(d, _):
    return torch.sigmoid(-d)


def square(d, labels):
    return (d - labels) ** 2


def quantile(d, labels):
    return (labels - d).abs() / 2


def ranks_of(s, m):
    order = torch.argsort(s.masked_fill(~m, -INF), -1, descending=True)
    rank = torch.empty_like(order)
    rank.scatter_(-1, order, torch.arange(1, s.shape[-1] + 1).expand(order.shape))
    return rank


def count(m):
    return m.sum(-1)[:, None, None]


def normal_gain(y, m, top=None):
    gain = (torch.exp2(y) - 1) * m
    sorted_gain = torch.sort(gain, -1, descending=True).values[..., :top]
    return gain / (sorted_gain * discounts(sorted_gain.shape[-1])).sum(-1, keepdim=True).clamp_min(
        1e-9)


def discount_change(rank):
    return pairs_of(1 / torch.log2(1 + rank)).abs()


def distance_change(rank):
    d = pairs_of(rank.float()).abs().clamp_min(1)
    return 1 / torch.log2(1 + d) - 1 / torch.log2(2 + d)


def weight_ndcg(s, y, m):
    return count(m) * pairs_of(normal_gain(y, m)).abs() * discount_change(ranks_of(s, m))


def weight_loss1(s, y, m):
    return count(m) * (normal_gain(y, m) / torch.log2(1 + ranks_of(s, m)))[..., None]


def weight_loss2(s, y, m):
    return count(m) * pairs_of(normal_gain(y, m)).abs() * distance_change(ranks_of(s, m))


def weight_loss2pp(s, y, m):
    rank = ranks_of(s, m)
    return count(m) * pairs_of(normal_gain(y, m)).abs() * (10 * distance_change(rank) +
                                                           discount_change(rank))


def weight_yeti(s, y, m):
    near = pairs_of(ranks_of(s, m)).abs() == 1
    return count(m) * pairs_of(normal_gain(y, m)).abs() * near * (1 - 1 / math.log2(3))


def weight_label(s, y, m):
    return pairs_of(y).abs()


def weight_precision(s, y, m):
    relevant = (y >= 1) & m
    inside = (ranks_of(s, m) <= relevant.sum(-1, keepdim=True)).float()
    return pairs_of(inside).abs() * (relevant[..., :, None] != relevant[..., None, :])


def weight_map(s, y, m):
    relevant, rank = (y >= 1) & m, ranks_of(s, m)
    order = torch.argsort(rank, -1)
    r = torch.gather(relevant, -1, order).float()
    reciprocal = 1 / torch.arange(1, s.shape[-1] + 1)
    before, q_sum = r.cumsum(-1) - r, (r * reciprocal).cumsum(-1) - r * reciprocal
    phi = torch.gather(before * reciprocal - q_sum, -1, rank - 1)
    psi = phi + 1 / rank
    first = rank[..., :, None] < rank[..., None, :]
    change = torch.where(first, pairs_of(phi), pairs_of(psi)).abs()
    different = relevant[..., :, None] != relevant[..., None, :]
    return count(m) * change * different / relevant.sum(-1).clamp_min(1)[:, None, None]


def weight_mrr(s, y, m):
    relevant, rank = (y >= 1) & m, ranks_of(s, m)
    q = (relevant / rank)
    top = torch.topk(q, min(2, s.shape[-1]), -1).values
    one, two = top[..., 0, None, None], top[..., -1, None, None] if s.shape[-1] > 1 else 0
    q_other = (1 / rank)[..., None, :]
    is_first = (q == one[..., 0])[..., :, None]
    falls = is_first * (one - torch.maximum(two.expand_as(one), q_other))
    change = torch.where(rank[..., :, None] < rank[..., None, :], falls, F.relu(q_other - one))
    different = relevant[..., :, None] != relevant[..., None, :]
    return count(m) * change * different


def lambdarank(top, s, y, m):
    """LightGBM's and XGBoost's reading: truncation, distance and the norm of a list."""
    d, rank = pairs_of(s), ranks_of(s, m)
    inside = (rank <= top)[..., :, None] | (rank <= top)[..., None, :]
    weight = pairs_of(normal_gain(y, m, top)).abs() * discount_change(rank) * inside
    weight = weight / (0.01 + d.detach().abs()) * ordered(y, m)
    total = 2 * (torch.sigmoid(-d.detach()) * weight).sum((-2, -1))
    norm = torch.where(total > 0, torch.log2(1 + total) / total.clamp_min(1e-30), 1.0)
    return (F.softplus(-d) * weight * norm[:, None, None]).sum()


# ---- Pointwise, on items of any shape; m is None without padding ---------------------------------

def items(loss):
    return lambda s, y, m: loss(s, y) if m is None else loss(s[m], y[m])


def sigmoid_points(s, y):
    return F.binary_cross_entropy_with_logits(s, y.clamp(0, 1), reduction="sum")


def rmse(s, y, m):
    n = m.sum(-1)
    return torch.sqrt((((s - y) ** 2) * m).sum(-1) / n).sum()


POINTWISE = {
    "pointwise_sigmoid": sigmoid_points,
    "pointwise_mse": lambda s, y: F.mse_loss(s, y, reduction="sum"),
    "pointwise_huber": lambda s, y: F.huber_loss(s, y, reduction="sum"),
    "pointwise_poisson": lambda s, y: F.poisson_nll_loss(s, y, reduction="sum"),
}

LISTWISE = {
    "ranking_softmax": softmax, "ranking_softmax(label_mode=softmax)": listnet,
    "calibrated_softmax": calibrated, "poly1_softmax": poly1, "listmle": listmle,
    "p_listmle": p_listmle, "rank_cosine": rank_cosine, "xendcg": xendcg,
    "gumbel_softmax": functools.partial(gumbel, softmax), "pointwise_rmse": rmse,
    **{name: items(loss) for name, loss in POINTWISE.items()},
}

WEIGHTS = {"label_difference": weight_label, "ndcg": weight_ndcg, "ndcg_loss2": weight_loss2,
           "ndcg_loss2pp": weight_loss2pp, "yeti": weight_yeti, "precision": weight_precision,
           "map": weight_map, "mrr": weight_mrr}

QUADRATIC = {
    "unique_softmax": unique_softmax, "approx_ndcg": approx_ndcg, "approx_mrr": approx_mrr,
    "approx_precision": approx_precision, "approx_recall": approx_recall,
    "approx_map": approx_map, "gumbel_approx_ndcg": functools.partial(gumbel, approx_ndcg),
    "neural_ndcg": neural_ndcg, "softrank_ndcg": softrank_ndcg, "pairwise_circle": circle,
    "pairwise_hinge": functools.partial(pairwise, hinge),
    "pairwise_logistic": functools.partial(pairwise, logistic),
    "pairwise_soft_zero_one": functools.partial(pairwise, soft_zero_one),
    "pairwise_mse": functools.partial(pairwise, square, all_pairs=True),
    "pairwise_qr": functools.partial(pairwise, quantile),
    "lambdarank_lightgbm": functools.partial(lambdarank, 30),
    "lambdarank_xgboost": functools.partial(lambdarank, 32),
    "pairwise_logistic(lambda=ndcg_loss1)": functools.partial(
        pairwise, logistic, weight=weight_loss1, all_pairs=True),
    **{f"pairwise_logistic(lambda={name})": functools.partial(pairwise, logistic, weight=weight)
       for name, weight in WEIGHTS.items()},
}


# ---- Flat, with scatter --------------------------------------------------------------------------

class Flat:
    """Sums and maxima over lists of lengths (lists)."""

    def __init__(self, lengths):
        self.n = len(lengths)
        self.lengths = torch.as_tensor(lengths)
        self.q = torch.repeat_interleave(torch.arange(self.n), self.lengths)

    def sum(self, x):
        return torch.zeros(self.n).index_add(0, self.q, x)

    def max(self, x):
        return torch.full((self.n,), -INF).scatter_reduce(0, self.q, x, "amax")

    def log_softmax(self, s):
        s = s - self.max(s.detach())[self.q]
        return s - torch.log(self.sum(torch.exp(s)))[self.q]


def flat_softmax(lists, s, y):
    return -(y * lists.log_softmax(s)).sum()


def flat_listnet(lists, s, y):
    return -(torch.exp(lists.log_softmax(y)) * lists.log_softmax(s)).sum()


def flat_calibrated(lists, s, y):
    top = lists.max(s.detach()).clamp_min(0)
    log_sum = torch.log(torch.exp(-top) + lists.sum(torch.exp(s - top[lists.q]))) + top
    return (y * (log_sum[lists.q] - s)).sum() + log_sum.sum()


def flat_poly1(lists, s, y):
    log_p, total = lists.log_softmax(s), lists.sum(y)
    q = torch.where(total[lists.q] > 0, y / total.clamp_min(1e-9)[lists.q],
                    1 / lists.lengths[lists.q])
    return -(y * log_p).sum() + lists.n - (q * torch.exp(log_p)).sum()


def flat_cosine(lists, s, y):
    r = lists.sum(y * s) / torch.sqrt((lists.sum(y * y) * lists.sum(s * s)).clamp_min(1e-9))
    return ((1 - r) / 2).sum()


def flat_xendcg(lists, s, y):
    t = torch.exp2(y) - torch.rand_like(y)
    return -(t / lists.sum(t)[lists.q] * lists.log_softmax(s)).sum()


def flat_gumbel(lists, s, y):
    total = 0
    for _ in range(8):
        total = total + flat_softmax(lists, s - torch.log(torch.empty_like(s).exponential_()), y)
    return total / 8


def flat_listmle(lists, s, y, coefficient=None):
    order = torch.argsort(y, descending=True, stable=True)
    order = order[torch.argsort(lists.q[order], stable=True)]
    s = s[order]
    s = s - lists.max(s.detach())[lists.q]
    sums = torch.exp(s).double().flip(0).cumsum(0).flip(0)  # over this list and all that follow
    after = F.pad(sums, (0, 1))[lists.lengths.cumsum(0)][lists.q]
    l = (torch.log(sums - after + 1e-10) - s)
    return l.sum() if coefficient is None else (coefficient * l).sum()


def flat_p_listmle(lists, s, y):
    n = lists.lengths.double()[lists.q]
    begin = (lists.lengths.cumsum(0) - lists.lengths)[lists.q]
    rank = (torch.arange(1, len(s) + 1) - begin).double()
    a = (torch.exp2(-rank) - torch.exp2(-n)) / (1 - (n + 1) * torch.exp2(-n)).clamp_min(1e-30)
    return flat_listmle(lists, s, y, a)


def flat_rmse(lists, s, y):
    return torch.sqrt(lists.sum((s - y) ** 2) / lists.lengths).sum()


FLAT = {
    "ranking_softmax": flat_softmax, "ranking_softmax(label_mode=softmax)": flat_listnet,
    "calibrated_softmax": flat_calibrated, "poly1_softmax": flat_poly1, "listmle": flat_listmle,
    "p_listmle": flat_p_listmle, "rank_cosine": flat_cosine, "xendcg": flat_xendcg,
    "gumbel_softmax": flat_gumbel, "pointwise_rmse": flat_rmse,
    **{name: lambda lists, s, y, loss=loss: loss(s, y) for name, loss in POINTWISE.items()},
}


# ---- Requests ------------------------------------------------------------------------------------

@functools.lru_cache(1)
def batches_of(shape, lists):
    return [[torch.from_numpy(x) for x in batch]
            for batch in common.padded(shape, lists, False)]


@functools.lru_cache(1)
def flat_of(shape):
    scores, labels, lengths = common.flat(shape)
    return torch.from_numpy(scores), torch.from_numpy(labels), Flat(lengths)


def run(loss, batches):
    """loss(s, ...) of each batch (s, ...), forward and backward."""
    value, gradients = 0, []
    for scores, *others in batches:
        s = scores.detach().requires_grad_()
        result = loss(s, *others)
        result.backward()
        value += result.item()
        gradients.append(s.grad.numpy())
    return value, gradients


def make(shape, way, text):
    if way == "flat":
        if text not in FLAT:
            return None
        scores, labels, lists = flat_of(shape)
        return (lambda: run(lambda s, y: FLAT[text](lists, s, y), [(scores, labels)]),
                len(scores))
    if text not in LISTWISE and text not in QUADRATIC:
        return None
    lists = 1 if text == "softrank_ndcg" else PAIR_BATCH if text in QUADRATIC else 5000
    batches = batches_of(shape, lists)
    n = sum(int(m.sum()) for _, _, m in batches)
    return lambda: run(LISTWISE.get(text) or QUADRATIC[text], batches), n


if __name__ == "__main__":
    torch.set_num_threads(1)
    peer.limit_memory(float(sys.argv[1]))
    common.serve(make)

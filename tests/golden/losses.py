"""Writes losses.jsonl: values and gradients of losses for which no other file has them.

Each loss is written here once more, as the paper or system has it, in JAX in float64; gradients are
JAX's. Where rax has the loss, its value must agree. Corners that automatic differentiation cannot do
(infinities) are written out by hand in CORNERS. Needs jax and rax:

    python tests/golden/losses.py > tests/golden/losses.jsonl
"""
import functools
import json
import math
import types

import jax
import jax.numpy as jnp
import numpy as np
import rax

jax.config.update("jax_enable_x64", True)
if not hasattr(jax, "util"):  # rax 0.4.0 uses it; newer versions of jax have none
    jax.util = types.SimpleNamespace(wraps=lambda f, **_: functools.wraps(f))
INF, NAN = math.inf, math.nan
VERSIONS = f"jax {jax.__version__}, rax {rax.__version__}"


# ---- The losses of one list: scores, labels, weights, parameters. LABELS are the labels as numbers
# that JAX does not trace, for comparisons.

LABELS = None


def log_softmax(s):
    return s - jax.scipy.special.logsumexp(s)


def ranking_softmax(s, y, w, label_mode="raw", temperature=1.0):
    t = {"raw": y * w, "exp2": (2 ** y - 1) * w}[label_mode]
    return -jnp.sum(t * log_softmax(s / temperature))


def calibrated_softmax(s, y, w, anchor=1.0):
    log_p = log_softmax(jnp.append(s, 0.0))
    return -jnp.sum(jnp.append(y * w, anchor) * log_p)


def poly1_softmax(s, y, w, epsilon=1.0):
    z = y * w
    if (LABELS == 0).all():
        q = jnp.ones_like(z) / len(z)
    else:
        q = z / jnp.sum(z)
    return -jnp.sum(z * log_softmax(s)) + epsilon * (1 - jnp.sum(q * jnp.exp(log_softmax(s))))


def unique_softmax(s, y, w):
    loss = 0.0
    for i in range(len(s)):
        below = [s[j] for j in range(len(s)) if LABELS[j] < LABELS[i]]
        loss += w[i] * (2 ** y[i] - 1) * (jax.scipy.special.logsumexp(jnp.stack([s[i]] + below)) - s[i])
    return loss


def plackett_luce(s, y, w, ties, coefficients):
    order = np.argsort(-LABELS, kind="stable")
    labels, n, loss, i = LABELS[order], len(s), 0.0, 0
    while i < n:
        end = i + 1
        while ties == "group" and end < n and labels[end] == labels[i]:
            end += 1
        rest = jax.scipy.special.logsumexp(s[order[i:]])
        a = np.mean([coefficients(k + 1, n) for k in range(i, end)])
        for k in order[i:end]:
            loss += w[k] * a * (rest - s[k])
        i = end
    return loss


def listmle(s, y, w, ties="row"):
    return plackett_luce(s, y, w, ties, lambda i, n: 1.0)


def p_listmle(s, y, w, ties="row", discount="exp"):
    return plackett_luce(s, y, w, ties, {
        "exp": lambda i, n: (2 ** (n - i) - 1) / (2 ** n - n - 1) if n > 1 else 0.0,
        "paper": lambda i, n: 2.0 ** (n - i) - 1,
        "log2": lambda i, n: 1 / math.log2(1 + i)}[discount])


def rank_cosine(s, y, w):
    b, c = jnp.sum(w * y * y), jnp.sum(w * s * s)
    if (LABELS == 0).all():
        return 0.5 + 0 * jnp.sum(s)
    return (1 - jnp.sum(w * y * s) / jnp.sqrt(b * c)) / 2


def pointwise_sigmoid(s, y, w):
    t = jnp.where((y >= 0) & (y <= 1), y, jnp.clip(jax.lax.stop_gradient(y), 0, 1))
    return jnp.sum(w * (jax.nn.softplus(s) - t * s))


def pointwise_mse(s, y, w):
    return jnp.sum(w * (s - y) ** 2)


def pointwise_rmse(s, y, w, levels=1.0):
    return jnp.sqrt(jnp.sum(w * (levels * s - y) ** 2) / len(s))


def pointwise_huber(s, y, w, delta=1.0):
    d = s - y
    return jnp.sum(w * jnp.where(abs(d) <= delta, d * d / 2, delta * (abs(d) - delta / 2)))


def pointwise_poisson(s, y, w):
    return jnp.sum(w * (jnp.exp(s) - y * s))


def soft_ranks(s, temperature):
    return 0.5 + jnp.sum(jax.nn.sigmoid((s[None, :] - s[:, None]) / temperature), axis=1)


def approx_parts(s, y, w, temperature, threshold, topn):
    """Soft ranks, soft cutoffs and relevance."""
    rank, relevance = soft_ranks(s, temperature), w * (LABELS >= threshold)
    if topn == 0 or topn >= len(s):
        return rank, jnp.ones_like(rank), relevance
    v = jnp.sort(-rank)[::-1]
    return rank, jax.nn.sigmoid((-rank - (v[topn - 1] + v[topn]) / 2) / temperature), relevance


def nothing_relevant(threshold):
    return not (LABELS >= threshold).any()


def approx_mrr(s, y, w, temperature=1.0, threshold=1.0, topn=0):
    rank, kept, relevance = approx_parts(s, y, w, temperature, threshold, topn)
    return -jnp.max(relevance * kept / rank)


def approx_precision(s, y, w, temperature=1.0, threshold=1.0, topn=10):
    rank, kept, relevance = approx_parts(s, y, w, temperature, threshold, topn)
    return -jnp.sum(kept * relevance) / jnp.sum(kept)


def approx_recall(s, y, w, temperature=1.0, threshold=1.0, topn=10):
    rank, kept, relevance = approx_parts(s, y, w, temperature, threshold, topn)
    if nothing_relevant(threshold):
        return 0 * jnp.sum(s)
    return -jnp.sum(kept * relevance) / jnp.sum(relevance)


def approx_map(s, y, w, temperature=1.0, threshold=1.0, topn=0):
    rank, kept, relevance = approx_parts(s, y, w, temperature, threshold, topn)
    if nothing_relevant(threshold):
        return 0 * jnp.sum(s)
    above = jnp.sum((rank[None, :] <= rank[:, None]) * relevance[None, :], axis=1)
    return -jnp.sum(relevance * kept * above / rank) / jnp.sum(relevance)


def ndcg_of_discounts(y, w, discount):
    """The negative NDCG, each item with its discount."""
    gain = w * jnp.where(y > 0, 2 ** y - 1, 0.0)
    ideal = jnp.sum(jnp.sort(gain)[::-1] / jnp.log2(2 + jnp.arange(len(gain))))
    if (LABELS <= 0).all():
        return 0 * jnp.sum(discount)
    return -jnp.sum(gain * discount) / ideal


def approx_ndcg(s, y, w, temperature=1.0):
    return ndcg_of_discounts(y, w, 1 / jnp.log2(1 + soft_ranks(s, temperature)))


def neural_ndcg(s, y, w, temperature=1.0):
    """As allRank's deterministic_neural_sort."""
    n = len(s)
    far = jnp.sum(abs(s[:, None] - s[None, :]), axis=1)
    scaling = n + 1 - 2 * (jnp.arange(n) + 1)
    p = jax.nn.softmax((scaling[:, None] * s[None, :] - far[None, :]) / temperature, axis=1)
    return ndcg_of_discounts(y, w, jnp.sum(p / jnp.log2(2 + jnp.arange(n))[:, None], axis=0))


def softrank_ndcg(s, y, w, sigma=1.0):
    n, discounts = len(s), []
    for j in range(n):
        p = jnp.zeros(n).at[0].set(1.0)
        for i in range(n):
            if i != j:
                beaten = jax.scipy.stats.norm.cdf((s[i] - s[j]) / (sigma * math.sqrt(2)))
                p = jnp.concatenate([jnp.zeros(1), p[:-1]]) * beaten + p * (1 - beaten)
        discounts.append(jnp.sum(p / jnp.log2(2 + jnp.arange(n))))
    return ndcg_of_discounts(y, w, jnp.stack(discounts))


def philox(seed, stream, a, b):
    """Philox 4x32-10 (Salmon et al. 2011), as rg_uniform."""
    key = (seed + stream * 0x9E3779B97F4A7C15) % 2 ** 64
    c, k = [a & 0xffffffff, a >> 32, b & 0xffffffff, b >> 32], [key & 0xffffffff, key >> 32]
    for _ in range(10):
        p, q = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(q >> 32) ^ c[1] ^ k[0], q & 0xffffffff, (p >> 32) ^ c[3] ^ k[1], p & 0xffffffff]
        k = [(k[0] + 0x9E3779B9) & 0xffffffff, (k[1] + 0xBB67AE85) & 0xffffffff]
    return ((c[1] << 32 | c[0]) >> 11) * 2.0 ** -53


STREAM_LOSS = 8


def uniforms(n, seed, sample):
    """Of the items of list 0 without ids of their own."""
    return np.array([philox(seed, STREAM_LOSS, k, sample << 48) for k in range(n)])


def xendcg(s, y, w, seed=0):
    z = w * (2 ** y - uniforms(len(s), seed, 0))
    return -jnp.sum(z / jnp.sum(z) * log_softmax(s))


def gumbel(loss, s, y, w, beta, samples, seed):
    return sum(loss(s - beta * np.log(-np.log1p(-uniforms(len(s), seed, sample))), y, w)
               for sample in range(samples)) / samples


def gumbel_softmax(s, y, w, temperature=1.0, beta=1.0, samples=8, seed=0):
    return gumbel(lambda *x: ranking_softmax(*x, temperature=temperature), s, y, w, beta, samples, seed)


def gumbel_approx_ndcg(s, y, w, temperature=1.0, beta=1.0, samples=8, seed=0):
    return gumbel(lambda *x: approx_ndcg(*x, temperature=temperature), s, y, w, beta, samples, seed)


# Name, parameters that are tried, what the mean divides by, whether labels have a gradient, and
# rax's function, which has no weights where the last is False.
def approx(metric, **more):
    return lambda params: lambda s, y, **o: rax.approx_t12n(metric, temperature=params.get(
        "temperature", 1.0))(s, y, **more, **({"topn": params["topn"]} if params.get("topn") else {}), **o)


LOSSES = [
    (ranking_softmax, [{"temperature": 0.5}, {"label_mode": "exp2"},
                       {"label_mode": "exp2", "temperature": 3}], "lists", True, None, True),
    (calibrated_softmax, [{}, {"anchor": 0.25}, {"anchor": 0}], "lists", True, None, True),
    (poly1_softmax, [{"epsilon": 2}, {"epsilon": -0.5}], "lists", True,
     lambda p: lambda s, y, **o: rax.poly1_softmax_loss(s, y, epsilon=p["epsilon"], **o), True),
    (unique_softmax, [{}], "lists", True, lambda p: rax.unique_softmax_loss, True),
    (listmle, [{}, {"ties": "group"}], "lists", False,
     lambda p: None if p else rax.listmle_loss, False),
    (p_listmle, [{}, {"ties": "group"}, {"discount": "paper"}, {"discount": "log2"}], "lists",
     False, None, True),
    (rank_cosine, [{}], "lists", True, None, True),
    (pointwise_sigmoid, [{}], "items", True, lambda p: rax.pointwise_sigmoid_loss, True),
    (pointwise_mse, [{}], "items", True, lambda p: rax.pointwise_mse_loss, True),
    (pointwise_rmse, [{}, {"levels": 4}], "lists", True, None, True),
    (pointwise_huber, [{}, {"delta": 0.25}, {"delta": 3}], "items", True, None, True),
    (pointwise_poisson, [{}], "items", True, None, True),
    (approx_ndcg, [{"temperature": 0.1}, {"temperature": 2}], "lists", True,
     approx(rax.ndcg_metric), True),
    (neural_ndcg, [{}, {"temperature": 0.3}], "lists", True, None, True),
    (softrank_ndcg, [{}, {"sigma": 0.4}], "lists", True, None, True),
    (approx_mrr, [{}, {"temperature": 0.2}, {"topn": 2}, {"threshold": 3}], "lists", False,
     approx(rax.mrr_metric), False),
    (approx_precision, [{"topn": 2}, {"topn": 3, "temperature": 0.5}], "lists", False,
     approx(rax.precision_metric), False),
    (approx_recall, [{"topn": 2}, {"topn": 3, "temperature": 0.5}], "lists", False,
     approx(rax.recall_metric), False),
    (approx_map, [{}, {"temperature": 0.2}, {"topn": 3}], "lists", False,
     approx(rax.ap_metric), False),
    (xendcg, [{}, {"seed": 7}], "lists", True, None, True),
    (gumbel_softmax, [{}, {"beta": 0}, {"temperature": 0.5, "samples": 2, "seed": 3}], "lists", True,
     None, True),
    (gumbel_approx_ndcg, [{}, {"temperature": 0.5, "samples": 3, "beta": 0.5}], "lists", True,
     None, True),
]
RANDOM = (xendcg, gumbel_softmax, gumbel_approx_ndcg)

# ---- Corners: scores, labels, and by loss the value and the gradient of the scores ----

# Labels of 0; a negative label; one item; equal scores and labels: by the formulas above.
BY_FORMULA = {"zero-labels": ([1, -0.5], [0, 0]), "negative-label": ([0.25, 1], [-1, 2]),
              "one-item": ([2], [1]), "equal-labels": ([1, 0, -2], [2, 2, 2])}

ZERO_AT_MINUS_INF = ([0, 1, -INF], [1, 2, 0])
ALL_MINUS_INF = ([-INF, -INF], [1, 0])
RELEVANT_AT_MINUS_INF = ([0, -INF], [0, 1])
EXTREME = ([0, -2.1e26, 3.4e37, 42], [0, 1, 1, 0])
E42 = math.exp(-42)
NDCG_OF_EXTREME = -(1 + 1 / math.log2(5)) / (1 + 1 / math.log2(3))
SIGMOID_1 = 1 / (1 + math.exp(-1))

# The first corner is None where the list without its last item gives the value.
CORNERS = {
    calibrated_softmax: [None, (INF, [-1, 0]), (INF, [1, -1]), (6.8e37, [0, -1, 2, 0])],
    poly1_softmax: [None, (NAN, [NAN, NAN]), (INF, [1, -1]), (3.4e37, [0, -1, 1, 0])],
    unique_softmax: [None, (NAN, [NAN, NAN]), (INF, [1, -1]), (2.1e26, [E42, -1, 0, 1])],
    listmle: [None, (NAN, None), (INF, [1, -1]), (3.4e37, [-1, -1, 1, 1])],
    p_listmle: [None, (NAN, [NAN, NAN]), (INF, [1, -1]),
                (3.4e37 * 7 / 11, [-1 / 11, -7 / 11, 7 / 11, 1 / 11])],
    rank_cosine: [(NAN, [NAN] * 3), (NAN, [NAN] * 2), (NAN, [NAN] * 2),
                  ((1 - math.sqrt(0.5)) / 2, [0] * 4)],
    pointwise_sigmoid: [(math.log(2) + math.log1p(math.exp(1)) - 1, [-0.5, SIGMOID_1 - 1, 0]),
                        (INF, [-1, 0]), (INF, [0.5, -1]), (2.1e26, [0.5, -1, 0, 1])],
    pointwise_mse: [(INF, [-2, -2, -INF]), (INF, [-INF, -INF]), (INF, [0, -INF]),
                    (1.156e75, [0, -4.2e26, 6.8e37, 84])],
    pointwise_rmse: [(INF, None), (INF, None), (INF, None), (1.7e37, [0, 0, 0.5, 0])],
    pointwise_huber: [(INF, [-1, -1, -1]), (INF, [-1, -1]), (INF, [0, -1]),
                      (3.4e37, [0, -1, 1, 1])],
    pointwise_poisson: [(math.e + 1 - 2, [0, math.e - 2, 0]), (INF, [-1, 0]), (INF, [1, -1]),
                        (INF, [1, -1, INF, math.exp(42)])],
    approx_ndcg: [None, (0, [0, 0]), (0, [0, 0]),
                  (NDCG_OF_EXTREME, [0] * 4)],
    approx_mrr: [None, (0, [0, 0]), (0, [0, 0]), (-1, [0] * 4)],
    approx_precision: [(-1, [0] * 3), (0, [0, 0]), (0, [0, 0]), (-0.5, [0] * 4)],
    approx_recall: [(-1, [0] * 3), (0, [0, 0]), (0, [0, 0]), (-1, [0] * 4)],
    approx_map: [None, (0, [0, 0]), (0, [0, 0]), (-0.75, [0] * 4)],
    neural_ndcg: [None, (0, [0, 0]), (0, [0, 0]), (NDCG_OF_EXTREME, [0] * 4)],
    softrank_ndcg: [None, (-(1 + 1 / math.log2(3)) / 2, None), (-1 / math.log2(3), [0, 0]),
                    (NDCG_OF_EXTREME, [0] * 4)],
    xendcg: [(INF, None), (NAN, [NAN] * 2), (INF, None), None],
    gumbel_softmax: [None, (NAN, [NAN] * 2), (INF, None), None],
    gumbel_approx_ndcg: [None, (0, [0, 0]), (0, [0, 0]), None],
}


# ---- Cases ----

def plain(x):
    """Numbers and lists for JSON."""
    if isinstance(x, (list, tuple)):
        return [plain(item) for item in x]
    if isinstance(x, bool):
        return x
    x = float(x)
    return x if math.isfinite(x) else {INF: "Infinity", -INF: "-Infinity"}.get(x, "NaN")


def emit(name, what, params, s, y, expect, source=VERSIONS, w=None, where=None, reduction="sum"):
    given = {"loss": name, "dtype": "f64", **params, "logits": plain(s), "labels": plain(y),
             "reduction": reduction}
    if w is not None:
        given["weights"] = plain(w)
    if where is not None:
        given["where"] = where
    print(json.dumps({"id": f"{name}-{what}", "source": source, "input": given,
                      "expect": {key: plain(value) for key, value in expect.items()},
                      "rtol": 1e-9, "atol": 1e-11}))


def batch_loss(loss, params, labels, where, reduction, unit):
    """The reduced loss of lists as a function of scores, labels and weights (lists, items)."""
    def total(s, y, w):
        global LABELS
        value, count = 0.0, 0
        for q in range(len(where)):
            valid = np.flatnonzero(where[q])
            if len(valid) == 0:
                continue
            LABELS = np.asarray(labels[q], float)[valid]
            value += loss(s[q][valid], y[q][valid], w[q][valid], **params)
            count += len(valid) if unit == "items" else 1
        return value / count if reduction == "mean" else value
    return total


def emit_formula(row, what, params, s, y, w, where=None, reduction="sum"):
    loss, _, unit, label_gradients, _, _ = row
    shape = np.atleast_2d(s)
    mask = np.ones(shape.shape, bool) if where is None else np.array(where, bool)
    weights = np.ones(shape.shape) if w is None else np.atleast_2d(w)
    f = batch_loss(loss, params, np.atleast_2d(y), mask, reduction, unit)
    at = [jnp.array(x, float) for x in (shape, np.atleast_2d(y), weights)]
    value, grads = f(*at), [np.zeros(shape.shape)] * 3
    for i in range(3):
        grads[i] = np.asarray(jax.grad(f, i)(*at))
    flat = (lambda x: x[0].tolist()) if np.ndim(s) == 1 else (lambda x: x.tolist())
    expect = {"value": value, "grad_logits": flat(grads[0])}
    if label_gradients and what != "equal-labels":  # a kink of the ideal ranking
        expect["grad_labels"] = flat(grads[1])
    if w is not None:
        expect["grad_weights"] = flat(grads[2])
    emit(loss.__name__, what, params, s, y, expect, w=w, where=where, reduction=reduction)
    return float(value)


def check_rax(row, params, value, s, y, w, where, reduction):
    loss, _, _, _, make, weighted = row
    function = make(params) if make and "threshold" not in params else None
    if function is None or (w is not None and not weighted):
        return
    more = {} if w is None else {"weights": jnp.array(w)}
    if where is not None:
        more["where"] = jnp.array(where, bool)
    reference = function(jnp.array(s, float), jnp.array(y, float),
                         reduce_fn=getattr(jnp, reduction), **more)
    np.testing.assert_allclose(value, float(reference), rtol=2e-6, err_msg=loss.__name__)


def random_cases(row, rng):
    """A list, weighted and not, and lists with a mask; labels are fractions where they have a
    gradient, so that none lies on a kink."""
    loss, choices, _, label_gradients, _, _ = row
    for number, params in enumerate(choices):
        for kind in ("plain", "weights", "where-mean"):
            n, lists = (6, None) if kind != "where-mean" else (5, 3)
            if loss in RANDOM and lists:
                continue  # ids of the second list differ
            shape = n if lists is None else (lists, n)
            s = np.round(rng.normal(0, 2, shape), 4)
            y = np.round(rng.uniform(0.01, 3, shape), 3) if label_gradients else \
                rng.integers(0, 5, shape).astype(float)
            if not label_gradients and kind == "plain":
                y = rng.permutation(n).astype(float)
            w = np.round(rng.uniform(0.2, 2, shape), 3) if kind != "plain" else None
            where = [[True, False, True, True, True], [False] * n, [True] * n] if lists else None
            reduction = "mean" if lists else "sum"
            value = emit_formula(row, f"{kind}-{number}", params, s.tolist(), y.tolist(),
                                 None if w is None else w.tolist(), where, reduction)
            check_rax(row, params, value, s, y, w, where, reduction)


def corner_cases(row):
    loss, name = row[0], row[0].__name__
    for what, (s, y) in BY_FORMULA.items():
        emit_formula(row, what, {}, [float(x) for x in s], [float(x) for x in y], None)
    if loss is approx_mrr:  # of several that are first, each gets an equal part
        emit_formula(row, "equal-scores", {}, [0.5, 0.5, 1.0, 0.5], [1.0, 2.0, 0.0, 0.0], None)
    by_hand = "by hand"
    for at, bad in (("nan", NAN), ("plus-inf", INF)):
        emit(name, at, {}, [0.5, bad, 1], [1.0, 0.0, 0.0],
             {"value": NAN, "grad_logits": [NAN] * 3}, by_hand)
    emit(name, "nan-label", {}, [0.5, 0, 1], [1.0, NAN, 0.0],
         {"value": NAN, "grad_logits": [NAN] * 3}, by_hand)
    emit(name, "none-valid", {}, [NAN, 1], [1.0, INF],
         {"value": 0, "grad_logits": [0, 0], "grad_labels": [0, 0]}, by_hand, where=[False, False])
    emit(name, "no-item", {}, [], [], {"value": 0, "grad_logits": []}, by_hand)
    table = (("zero-at-minus-inf", ZERO_AT_MINUS_INF), ("all-minus-inf", ALL_MINUS_INF),
             ("relevant-at-minus-inf", RELEVANT_AT_MINUS_INF), ("extreme", EXTREME))
    for (what, (s, y)), expected in zip(table, CORNERS[loss]):
        if expected is None and what == "extreme":
            continue
        if expected is None:
            f = batch_loss(loss, {}, [y[:-1]], [[True, True]], "sum", "lists")
            at = [jnp.array([x[:-1]], float) for x in (s, y, [1.0] * 3)]
            if loss is p_listmle:  # the third rank has coefficient 0, but is a rank
                f = lambda s, y, w: p_listmle_of_three(s[0])
            if loss.__name__.startswith("approx") or loss in (gumbel_approx_ndcg, softrank_ndcg):
                expected = (float(f(*at)), None)
            else:
                expected = (float(f(*at)), jax.grad(f)(*at)[0].tolist() + [0])
        value, grad = expected
        emit(name, what, {}, s, y, {"value": value, **({} if grad is None else {"grad_logits": grad})},
             by_hand)


def p_listmle_of_three(s):
    """Scores of the labels 1 and 2, with a third item of label 0 at -inf: coefficients 3/4 and 1/4."""
    return 0.75 * (jax.scipy.special.logsumexp(s) - s[1])


def main():
    rng = np.random.default_rng(11)
    for row in LOSSES:
        random_cases(row, rng)
        if row[0] in CORNERS:
            corner_cases(row)


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""Regenerates lambda_weights.jsonl: pairwise losses with lambda weights, in the format of the golden
cases (value and grad_logits in float64).

    python3 lambda_weights.py > lambda_weights.jsonl

needs NumPy, JAX and rax 0.4.0. Every number is computed in NumPy from matrices of all n^2 pairs and,
for metrics, by swapping two items and measuring again: TF-Ranking's formulas for yeti and precision,
allRank's for ndcg_loss1 and ndcg_loss2pp, the metrics' definitions for map and mrr. Where rax has the
weight (label_difference, ndcg, ndcg_loss2), value and gradient must agree with rax to 1e-11, else the
script stops. Under ties the weights are averaged over the orders in which the lower label stands
first and items of equal score and label stand in any order; differences of ranks are those of the
mean ranks.
"""
import functools
import itertools
import json

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp  # noqa: E402
import rax  # noqa: E402


def discount(rank):
    return 1 / np.log2(1 + rank)


def gain(y, kind):
    return np.where(y > 0, 2.0 ** y - 1 if kind == "exp" else y, 0)


def ap(relevant, cut):
    """AP@cut of relevances in ranked order."""
    hits = np.cumsum(relevant) / np.arange(1, len(relevant) + 1)
    total = min(cut, relevant.sum())
    return (hits * relevant)[:cut].sum() / total if total else 0.0


def rr(relevant, cut):
    found = np.flatnonzero(relevant[:cut])
    return 1 / (1 + found[0]) if len(found) else 0.0


def swapped(metric, relevant, cut, order):
    """|change of a metric| when items i and j swap; order[r] is the item of rank r."""
    n = len(order)
    change = np.zeros((n, n))
    for r, q in itertools.combinations(range(n), 2):
        ranked = relevant[order].astype(float)
        before = metric(ranked, cut)
        ranked[[r, q]] = ranked[[q, r]]
        i, j = order[r], order[q]
        change[i, j] = change[j, i] = abs(metric(ranked, cut) - before)
    return change


def weights_of_order(y, order, mean_rank, p):
    """The matrix lambda_ij for one order of the items."""
    n = len(y)
    kind, cut = p["lambda"], p.get("topn", 0) or n
    rank = np.empty(n)
    rank[order] = np.arange(1, n + 1)
    g = gain(y, p.get("gain", "exp")) * n
    if p.get("normalized", True):
        ideal = (np.sort(g / n)[::-1] * discount(np.arange(1, n + 1)))[:cut].sum()
        g = g / ideal if ideal > 0 else 0 * g
    gains = abs(g[:, None] - g[None, :])
    truncated = np.where(rank <= cut, discount(rank), 0)
    changes = abs(truncated[:, None] - truncated[None, :])
    neighbours = abs(rank[:, None] - rank[None, :]) == 1
    d = abs(mean_rank[:, None] - mean_rank[None, :])
    largest = np.maximum(mean_rank[:, None], mean_rank[None, :])
    far = np.where(d > 0, d, 1)
    delta = np.where(d > 0, discount(far) - discount(far + 1), 0)
    beyond = np.where(largest > cut, 1 / (1 - discount(np.maximum(largest, 1.5))), 1)
    relevant = y >= p.get("lambda_threshold", 1)
    if kind == "precision":
        cut = p.get("topn", 0) or int(relevant.sum())
        crosses = (rank[:, None] <= cut) != (rank[None, :] <= cut)
        return (crosses & (relevant[:, None] != relevant[None, :])).astype(float)
    return {
        "none": lambda: np.ones((n, n)),
        "label_difference": lambda: abs(y[:, None] - y[None, :]),
        "ndcg": lambda: gains * changes,
        "ndcg_loss1": lambda: (g * truncated)[:, None] * np.ones((n, n)),
        "ndcg_loss2": lambda: gains * delta * beyond,
        "ndcg_loss2pp": lambda: gains * (p.get("mu", 10) * delta * beyond + changes),
        "yeti": lambda: gains * (discount(1) - discount(2)) * beyond * neighbours,
        "map": lambda: n * swapped(ap, relevant, cut, order),
        "mrr": lambda: n * swapped(rr, relevant, cut, order),
    }[kind]()


def lambda_weights(s, y, p):
    order = sorted(range(len(s)), key=lambda i: (-s[i], y[i]))
    groups = [list(same) for _, same in itertools.groupby(order, key=lambda i: (s[i], y[i]))]
    orders = [sum(map(list, one), []) for one in
              itertools.product(*[itertools.permutations(same) for same in groups])]
    mean_rank = np.mean([np.argsort(one) for one in orders], axis=0) + 1
    return np.mean([weights_of_order(y, np.array(one), mean_rank, p) for one in orders], axis=0)


def pair_losses(loss, d, dy, p):
    """Value and slope in d of every pair."""
    sigma = p.get("sigma", 1)
    if loss == "pairwise_logistic":
        return np.logaddexp(0, -sigma * d), -sigma / (1 + np.exp(sigma * d))
    if loss == "pairwise_soft_zero_one":
        return 1 / (1 + np.exp(d)), -1 / (1 + np.exp(d)) / (1 + np.exp(-d))
    if loss == "pairwise_hinge":
        gap = p.get("margin", 1) - d
        return np.maximum(gap, 0), -(gap > 0).astype(float)
    if loss == "pairwise_mse":
        return (d - dy) ** 2, 2 * (d - dy)
    r, tau = dy - d, p.get("tau", 0.5)
    side = np.where(r > 0, tau, 1 - tau)
    if p.get("squared"):
        return side * r * r, -2 * side * r
    return side * abs(r), side * -np.sign(r)


def one_list(loss, s, y, w, p):
    """Sum over the pairs, number of pairs, gradients of logits and weights."""
    d, dy = s[:, None] - s[None, :], y[:, None] - y[None, :]
    value, slope = pair_losses(loss, d, dy, p)
    every = loss == "pairwise_mse" or p["lambda"] == "ndcg_loss1"
    factor = lambda_weights(s, y, p) * (1 if every else dy > 0)
    slope = factor * w[:, None] * slope
    by_weight = (factor * value).sum(1)
    pairs = dy.size if every else int((dy > 0).sum())
    return (w * by_weight).sum(), pairs, slope.sum(1) - slope.sum(0), by_weight


RAX = {"label_difference": rax.labeldiff_lambdaweight, "ndcg": rax.dcg_lambdaweight,
       "ndcg_loss2": rax.dcg2_lambdaweight}


def check_with_rax(loss, s, y, p, value, grad):
    options = {}
    if p["lambda"] != "label_difference":
        options = {"normalize": p.get("normalized", True)}
        if p.get("topn"):
            options["topn"] = p["topn"]
        if p.get("gain") == "linear":
            options["gain_fn"] = lambda label: label
    weight = functools.partial(RAX[p["lambda"]], **options)
    options = {k: p[k] for k in ("tau", "squared") if k in p}
    scale = p.get("sigma", 1) / p.get("margin", 1)

    def total(scores):
        return rax.pairwise_loss_of(loss)(scores * scale, jnp.array(y), lambdaweight_fn=weight,
                                          reduce_fn=jnp.sum, **options) * p.get("margin", 1)
    theirs, their_grad = jax.value_and_grad(total)(jnp.array(s))
    np.testing.assert_allclose(theirs, value, rtol=1e-11)
    np.testing.assert_allclose(their_grad, grad, rtol=1e-10, atol=1e-11)


rax.pairwise_loss_of = lambda loss: getattr(rax, loss + "_loss")


def case(name, loss, lists, p, reduction="sum", weights=None):
    """One JSON line: lists are pairs of scores and labels, flat with offsets if there are several."""
    ones = [np.ones(len(s)) for s, _ in lists] if weights is None else weights
    results = [one_list(loss, s, y, w, p) for (s, y), w in zip(lists, ones)]
    tied = any(len(set(s)) < len(s) for s, _ in lists)
    by_rax = weights is None and not tied and p["lambda"] in RAX
    for (s, y), (value, _, grad, _) in zip(lists, results):
        if by_rax:
            check_with_rax(loss, s, y, p, value, grad)
    scale = 1 / max(1, sum(pairs for _, pairs, _, _ in results)) if reduction == "mean" else 1
    given = {"loss": loss, "dtype": "f64", **p, "logits": sum((s.tolist() for s, _ in lists), []),
             "labels": sum((y.tolist() for _, y in lists), []), "reduction": reduction}
    expect = {"value": scale * sum(value for value, _, _, _ in results),
              "grad_logits": (scale * np.concatenate([g for _, _, g, _ in results])).tolist()}
    if len(lists) > 1:
        given["offsets"] = [0, *np.cumsum([len(s) for s, _ in lists]).tolist()]
    if weights is not None:
        given["weights"] = sum((w.tolist() for w in weights), [])
        expect["grad_weights"] = (scale * np.concatenate([v for _, _, _, v in results])).tolist()
    print(json.dumps({"id": name, "source": "numpy float64, all pairs"
                      + (", agrees with rax 0.4.0 to 1e-11" if by_rax else ""),
                      "input": given, "expect": expect, "rtol": 1e-10, "atol": 1e-11}))


def draw(rng, n, grades=3, tied=False):
    s = np.round(rng.normal(size=n), 0 if tied else 4)
    return s, rng.integers(0, grades, n).astype(float)


VARIANTS = {
    "label_difference": [{}],
    "ndcg": [{}, {"topn": 3}, {"normalized": False, "gain": "linear"}],
    "ndcg_loss1": [{}, {"topn": 3, "normalized": False}],
    "ndcg_loss2": [{}, {"topn": 3}, {"normalized": False, "gain": "linear"}],
    "ndcg_loss2pp": [{}, {"mu": 0.5, "topn": 2}],
    "yeti": [{}, {"topn": 2}],
    "precision": [{}, {"topn": 3}, {"topn": 2, "lambda_threshold": 2}],
    "map": [{}, {"topn": 3}, {"lambda_threshold": 2}],
    "mrr": [{}, {"topn": 3}, {"lambda_threshold": 2}],
}


def main():
    rng = np.random.default_rng(11)
    for kind, variants in VARIANTS.items():
        for number, variant in enumerate(variants):
            p = {"lambda": kind, **variant}
            name = f"logistic-{kind}-{number}"
            case(name, "pairwise_logistic", [draw(rng, 9)], p)
            case(name + "-lists", "pairwise_logistic", [draw(rng, n) for n in (1, 5, 7)], p, "mean")
            case(name + "-weights", "pairwise_logistic", [draw(rng, 6)], p,
                 weights=[np.round(rng.uniform(0, 3, 6), 2)])
            case(name + "-ties", "pairwise_logistic", [draw(rng, 7, 2, True)], p)
            case(name + "-all-tied", "pairwise_logistic",
                 [(np.zeros(6), np.array([0, 1, 0, 2, 1, 0.0]))], p)
    for loss in ("pairwise_hinge", "pairwise_soft_zero_one", "pairwise_mse", "pairwise_qr"):
        for kind in VARIANTS:
            case(f"{loss}-{kind}", loss, [draw(rng, 8)], {"lambda": kind})
    for number, (loss, p) in enumerate([
            ("pairwise_logistic", {"sigma": 2.5}), ("pairwise_hinge", {"margin": 0.25}),
            ("pairwise_hinge", {"margin": 3}), ("pairwise_qr", {"tau": 0.9}),
            ("pairwise_qr", {"tau": 0.2, "squared": True}), ("pairwise_mse", {})]):
        for kind in ("none", "ndcg"):
            case(f"parameters-{number}-{kind}", loss, [draw(rng, 8), draw(rng, 13, 5)],
                 {"lambda": kind, **p}, weights=[np.round(rng.uniform(0, 3, n), 2) for n in (8, 13)])
            case(f"parameters-{number}-{kind}-ties", loss, [draw(rng, 12, 2, True)],
                 {"lambda": "none", **p})


if __name__ == "__main__":
    main()

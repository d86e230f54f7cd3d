#!/usr/bin/env python3
"""Regenerates position_bias.jsonl: position bias after a pass over the data, in the format of the golden
cases, with the keys positions and position_factors.

    python3 position_bias.py > position_bias.jsonl

needs lightgbm 4.7.0. LightGBM logs the factors of positions after each iteration of lambdarank, with 6
digits. A few trees are grown; the scores before an iteration are the initial scores and the trees so
far, the factors before it those that were logged. Its learning rate is also that of the factors. So
each iteration is a case: scores and factors in, factors out (rtol 2e-4: the sigmoid comes from a table).

Pairwise debiasing has no library to compare with; its cases are the formulas of Hu et al. 2019, (12)
and (13), in float64, pair by pair.
"""
import json
import re

import lightgbm as lgb
import numpy as np


class Log:
    """LightGBM's messages."""

    def __init__(self):
        self.lines = []

    def info(self, message):
        self.lines += message.splitlines()

    warning = info


def logged_factors(lines, n):
    """The tables of position and factor in the log, by iteration."""
    tables, table = [], None
    for line in lines:
        words = re.sub(r"\[LightGBM\] \[Debug\] ", "", line).split()
        if words == ["position", "bias_factor"]:
            table = {}
            tables.append(table)
        elif table is not None and len(words) == 2 and re.fullmatch(r"\d+", words[0]):
            table[int(words[0])] = float(words[1])
        elif words:
            table = None
    return [[t[k] for k in range(1, n + 1)] for t in tables]


def write(name, source, loss, p, case, bias_before, bias_after, rtol, atol, more=None):
    given = {"loss": loss, "dtype": "f64", **p, "reduction": "sum", **case}
    if bias_before is not None:
        given["position_factors"] = bias_before
    print(json.dumps({"id": name, "source": source, "input": given,
                      "expect": {"position_factors": bias_after, **(more or {})}, "rtol": rtol, "atol": atol}))


def draw(rng, sizes, n_positions, grades):
    """Lists with positions, in a random order of the rows; scores are distinct."""
    n = sum(sizes)
    labels = np.concatenate([np.minimum(rng.integers(0, grades, size), grades - 1) for size in sizes])
    for begin in np.cumsum([0, *sizes[:-1]]):
        labels[begin] = grades - 1
    positions = np.concatenate([rng.permutation(max(size, n_positions))[:size] % n_positions + 1 for size in sizes])
    positions[:n_positions] = np.arange(n_positions) + 1
    return np.round(rng.normal(size=n) * 256) / 256 + np.arange(n) / 4096, labels.astype(float), positions


def lightgbm_cases(rng):
    settings = [{}, {"lambdarank_position_bias_regularization": 0.5}, {"lambdarank_norm": False},
                {"position_bias_learning_rate": 1.0, "lambdarank_position_bias_regularization": 0.1},
                {"sigmoid": 2.0}, {"lambdarank_truncation_level": 3}]
    for number, p in enumerate(settings):
        sizes, n_positions = [8, 5, 12, 9, 6], 8
        scores, labels, positions = draw(rng, sizes, n_positions, 2 if number % 2 else 4)
        features = rng.normal(size=(len(scores), 3))
        params = {"objective": "lambdarank", "verbosity": 2, "num_leaves": 3, "min_data_in_leaf": 1,
                  "min_sum_hessian_in_leaf": 0, "num_threads": 1, "boost_from_average": False,
                  "learning_rate": p.get("position_bias_learning_rate", 0.1),
                  **{k: v for k, v in p.items() if k != "position_bias_learning_rate"}}
        log, steps = Log(), 3
        lgb.register_logger(log)
        data = lgb.Dataset(features, labels, group=sizes, init_score=scores, position=positions, params=params,
                           free_raw_data=False)
        model = lgb.train(params, data, num_boost_round=steps)
        factors = logged_factors(log.lines, n_positions)
        assert len(factors) == steps, (len(factors), log.lines[:40])
        for step in range(steps):
            trees = model.predict(features, raw_score=True, num_iteration=step) if step else 0
            before = [[b] for b in factors[step - 1]] if step else None
            write(f"lightgbm-position-{number}-{step}", "lightgbm 4.7.0", "lambdarank_lightgbm(position_bias=true)", p,
                  {"logits": (scores + trees).tolist(), "labels": labels.tolist(),
                   "positions": positions.tolist(), "offsets": [0, *np.cumsum(sizes).tolist()]},
                  before, [[b] for b in factors[step]], 2e-4, 2e-6)


def debias(lists, t, sigma, power, least, list_weights):
    """One pass of pairwise debiasing: its loss, gradients, and the ratios after it."""
    loss, grads, sums = 0.0, [], np.zeros_like(t)
    for (s, y, w, pos), weight in zip(lists, list_weights):
        grad = np.zeros(len(s))
        for i in range(len(s)):
            for j in range(len(s)):
                if y[i] <= y[j]:
                    continue
                a, b, d = pos[i] - 1, pos[j] - 1, sigma * (s[i] - s[j])
                value, scale = weight * w[i] * np.log1p(np.exp(-d)), 1 / (t[a, 0] * t[b, 1])
                slope = -sigma * weight * w[i] / (1 + np.exp(d)) * scale
                loss += value * scale
                grad[i] += slope
                grad[j] -= slope
                sums[a, 0] += value / t[b, 1]
                sums[b, 1] += value / t[a, 0]
        grads.append(grad)
    after = t.copy()
    for k in range(2):
        used = sums[:, k] > 0
        if used.any():
            first = sums[np.argmax(used), k]
            after[used, k] = np.maximum((sums[used, k] / first) ** power, least)
    return loss, np.concatenate(grads), after


def debiasing_cases(rng):
    for number, (p, sizes, grades, n_positions) in enumerate([
            ({}, [6], 2, 6), ({"sigma": 2.0}, [5, 7, 4], 2, 5), ({"regularization": 0.0}, [8, 3], 3, 4),
            ({"regularization": 3.0}, [10], 2, 10), ({"least_ratio": 0.8}, [9, 9], 2, 9),
            ({}, [1, 12, 2], 4, 3), ({"sigma": 0.5, "regularization": 1.0}, [6, 6, 6], 2, 6), ({}, [20], 2, 1)]):
        scores, labels, positions = draw(rng, sizes, n_positions, grades)
        weights, ends = np.round(rng.random(len(scores)) * 8) / 8, np.cumsum([0, *sizes])
        list_weights = np.round(rng.random(len(sizes)) * 8 + 1) / 4
        lists = [tuple(x[a:b] for x in (scores, labels, weights, positions)) for a, b in zip(ends, ends[1:])]
        if number == 3:  # position 1 has no pair
            labels[positions == 1] = np.nan
            keep = ~np.isnan(labels)
            lists = [tuple(x[keep] for x in lists[0])]
            scores, labels, weights, positions = lists[0]
            ends = [0, len(scores)]
        t = np.ones((n_positions, 2))
        for step in range(3):
            loss, grad, after = debias(lists, t, p.get("sigma", 1.0), 1 / (1 + p.get("regularization", 0.5)),
                                       p.get("least_ratio", 0.01), list_weights)
            write(f"debiasing-{number}-{step}", "Hu et al. 2019 in NumPy", "pairwise_debiasing", p,
                  {"logits": scores.tolist(), "labels": labels.tolist(), "weights": weights.tolist(),
                   "list_weights": list_weights.tolist(), "positions": positions.tolist(),
                   "offsets": [int(e) for e in ends]},
                  t.tolist(), after.tolist(), 1e-10, 1e-12, {"value": loss, "grad_logits": grad.tolist()})
            t, scores = after, scores + rng.normal(size=len(scores)) / 4
            lists = [(scores[a:b], *one[1:]) for one, a, b in zip(lists, ends, ends[1:])]


def main():
    rng = np.random.default_rng(20)
    lightgbm_cases(rng)
    debiasing_cases(rng)


if __name__ == "__main__":
    main()

"""Writes ordinal.jsonl: values and gradients of `ordinal`, computed from its formula in NumPy in
float64, as allRank's ordinal (a mean over items of summed binary cross entropies; its n is
levels - 1, and its predictions are the sigmoids of our logits):

    python3 tests/golden/ordinal.py > tests/golden/ordinal.jsonl
"""
import json
import math

import numpy as np

INF, NAN = math.inf, math.nan


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def ordinal(s, y, w):
    """Value, and gradients of logits and weights, of one list (n, levels - 1)."""
    t = (y[:, None] >= np.arange(1, s.shape[1] + 1)).astype(float)  # allRank's with_ordinals
    bce = -(t * np.log(sigmoid(s)) + (1 - t) * np.log(1 - sigmoid(s))).sum(axis=1)
    return (w * bce).sum(), w[:, None] * (sigmoid(s) - t), bce


def plain(x):
    x = np.asarray(x, float)
    if x.ndim:
        return [plain(item) for item in x]
    x = float(x)
    return x if math.isfinite(x) else {INF: "Infinity", -INF: "-Infinity"}.get(x, "NaN")


def emit(name, given, expect, source):
    print(json.dumps({"id": f"ordinal-{name}", "source": source, "input": {"dtype": "f64", **given},
                      "expect": {key: plain(value) for key, value in expect.items()},
                      "rtol": 1e-9, "atol": 1e-11}))


def random_cases():
    rng = np.random.default_rng(5)
    for levels in (2, 3, 5, 12):
        for kind in ("flat", "masked", "none"):
            lists, n, columns = 3, 4, levels - 1
            s = np.round(rng.normal(0, 2, (lists, n, columns)), 4)
            y = rng.integers(0, levels, (lists, n)).astype(float)
            w = np.round(rng.uniform(0.2, 2, (lists, n)), 3)
            where = rng.random((lists, n)) < (0.6 if kind == "masked" else 2)
            where[1] = kind != "masked"
            value, ds, dw = np.zeros(lists), np.zeros(s.shape), np.zeros(w.shape)
            for q in range(lists):
                m = where[q]
                value[q], ds[q][m], dw[q][m] = ordinal(s[q][m], y[q][m], w[q][m])
            reduction = {"flat": "mean", "masked": "sum", "none": "none"}[kind]
            if reduction == "mean":  # over items
                value, ds, dw = value.sum() / (lists * n), ds / (lists * n), dw / (lists * n)
            elif reduction == "sum":
                value = value.sum()
            given = {"loss": f"ordinal(levels={levels})", "labels": y, "weights": w, "logits": s,
                     "reduction": reduction}
            if columns == 1:
                given["logits"], ds = s[..., 0], ds[..., 0]
            if kind == "flat":
                given = {**given, "offsets": [0, n, 2 * n, 3 * n]}
                for key in ("labels", "weights", "logits"):
                    given[key] = given[key].reshape((lists * n,) + given[key].shape[2:])
                ds, dw = ds.reshape(given["logits"].shape), dw.reshape(-1)
            if kind == "masked":
                given["where"] = where.tolist()
            given = {k: plain(v) if isinstance(v, np.ndarray) else v for k, v in given.items()}
            emit(f"{levels}-levels-{kind}", given,
                 {"value": value, "grad_logits": ds, "grad_weights": dw},
                 "allRank's formula in NumPy")


def main():
    random_cases()


if __name__ == "__main__":
    main()

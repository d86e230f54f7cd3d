#!/usr/bin/env python3
"""Regenerates circle.jsonl: the circle loss by TF-Ranking's formula (losses_impl.CircleLoss) in NumPy
float64 over all pairs, with the weights a and b as constants for the gradient, or not (detach false:
central differences in extended precision).

    python3 circle.py > circle.jsonl
"""
import json

import numpy as np


def pairs(s, y, w, p, held):
    """log(1 + sum over pairs); `held` are the scores that a and b are computed from."""
    gamma, m = p.get("gamma", 64), p.get("margin", 0.25)
    if p.get("bounded", True):
        s, held = np.clip(s, 0, 1), np.clip(held, 0, 1)
    a, b = np.maximum(0, 1 + m - held), np.maximum(0, held + m)
    inner = gamma * ((a * (1 - m - s))[:, None] + (b * (s - m))[None, :])
    chosen = y[:, None] > y[None, :]
    return np.log1p((np.exp(np.where(chosen, inner, 0)) * w[:, None])[chosen].sum())


def gradient(s, y, w, p):
    """Central differences in extended precision, extrapolated."""
    s = s.astype(np.longdouble)
    grad = np.zeros(len(s))
    for k in range(len(s)):
        estimates = []
        for h in (np.longdouble(2) ** -16, np.longdouble(2) ** -17):
            ends = []
            for sign in (1, -1):
                moved = s.copy()
                moved[k] += sign * h
                ends.append(pairs(moved, y, w, p, s if p.get("detach", True) else moved))
            estimates.append((ends[0] - ends[1]) / (2 * h))
        grad[k] = (4 * estimates[1] - estimates[0]) / 3
    return grad


def main():
    rng = np.random.default_rng(13)
    variants = [{}, {"gamma": 2}, {"gamma": 8, "margin": 0.1}, {"bounded": False, "gamma": 4},
                {"detach": False, "gamma": 8}, {"detach": False, "bounded": False, "gamma": 1}]
    for number, p in enumerate(variants):
        for what in ("inside", "outside", "weights", "binary", "equal-labels"):
            n = 7
            s = np.round(rng.uniform(0.01, 0.99, n) if what != "outside" else rng.normal(size=n), 3)
            y = rng.integers(0, 2 if what == "binary" else 4, n).astype(float)
            if what == "equal-labels":
                y[:] = 1
            w = np.round(rng.uniform(0.1, 2, n), 2) if what == "weights" else np.ones(n)
            given = {"loss": "pairwise_circle", "dtype": "f64", **p, "logits": s.tolist(),
                     "labels": y.tolist(), "reduction": "sum"}
            if what == "weights":
                given["weights"] = w.tolist()
            print(json.dumps({"id": f"circle-{number}-{what}", "source": "numpy float64, all pairs",
                              "input": given,
                              "expect": {"value": float(pairs(s, y, w, p, s)),
                                         "grad_logits": gradient(s, y, w, p).tolist()},
                              "rtol": 1e-8, "atol": 1e-9}))


if __name__ == "__main__":
    main()

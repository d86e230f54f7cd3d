"""Writes sinkhorn.jsonl: neural_ndcg with Sinkhorn scaling, a cutoff and linear gains, as allRank's
neuralNDCG (deterministic) computes it, in JAX in float64; gradients are JAX's. Needs jax:

    python tests/golden/sinkhorn.py > tests/golden/sinkhorn.jsonl
"""
import json

import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)


def neural_sort(s, tau):
    """The rows of the sorting matrix: softmax of (n + 1 - 2 i) s_j - sum_k |s_j - s_k|."""
    n = len(s)
    far = jnp.sum(abs(s[:, None] - s[None, :]), axis=1)
    steps = n + 1 - 2 * (jnp.arange(n) + 1)
    return jax.nn.softmax((steps[:, None] * s[None, :] - far[None, :]) / tau, axis=1)


def scaled(mat, iterations):
    """allRank's sinkhorn_scaling: columns, then rows."""
    for _ in range(iterations):
        mat = mat / jnp.maximum(mat.sum(axis=0, keepdims=True), 1e-10)
        mat = mat / jnp.maximum(mat.sum(axis=1, keepdims=True), 1e-10)
    return mat


def iterations_of(mat, most):
    """How many there are: until both sums are 1 up to 1e-6. A constant for the gradient."""
    for done in range(1, most + 1):
        mat = scaled(mat, 1)
        if max(float(abs(mat.sum(axis=axis) - 1).max()) for axis in (0, 1)) < 1e-6:
            return done
    return most


def loss(s, y, w, p, iterations):
    n = len(s)
    k = p.get("topn", 0) or n
    gain = w * (2 ** y - 1 if p.get("gain", "exp") == "exp" else y)
    discounts = jnp.where(jnp.arange(n) < k, 1 / jnp.log2(2 + jnp.arange(n)), 0)
    mat = scaled(neural_sort(s, p.get("temperature", 1.0)), iterations)
    ideal = jnp.sum(jnp.sort(gain)[::-1] * discounts)
    return -jnp.sum((mat @ gain) * discounts) / ideal


PARAMS = [{"sinkhorn": 1}, {"sinkhorn": 3}, {"sinkhorn": 50}, {"sinkhorn": 50, "temperature": 0.2},
          {"sinkhorn": 90, "temperature": 4}, {"sinkhorn": 50, "topn": 3}, {"topn": 2},
          {"gain": "linear"}, {"sinkhorn": 50, "gain": "linear", "topn": 4},
          {"sinkhorn": 50, "temperature": 0.01}]


def main():
    rng = np.random.default_rng(3)
    for number, p in enumerate(PARAMS):
        for n in (2, 5, 9):
            s = np.round(rng.normal(0, 1.5, n), 4)
            y = np.round(rng.uniform(0.1, 3, n), 3)
            w = np.round(rng.uniform(0.2, 2, n), 3)
            at = [jnp.array(x) for x in (s, y, w)]
            iterations = iterations_of(neural_sort(at[0], p.get("temperature", 1.0)),
                                       p.get("sinkhorn", 0))
            value = loss(*at, p, iterations)
            grads = [np.asarray(jax.grad(loss, i)(*at, p, iterations)) for i in range(3)]
            print(json.dumps({
                "id": f"sinkhorn-{number}-{n}", "source": f"jax {jax.__version__}",
                "input": {"loss": "neural_ndcg", "dtype": "f64", **p, "logits": s.tolist(),
                          "labels": y.tolist(), "weights": w.tolist(), "reduction": "sum"},
                "expect": {"value": float(value), "grad_logits": grads[0].tolist(),
                           "grad_labels": grads[1].tolist(), "grad_weights": grads[2].tolist()},
                "rtol": 1e-8, "atol": 1e-10}))


if __name__ == "__main__":
    main()

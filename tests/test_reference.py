"""The value of every operator on every sample, against NumPy.

A sample names its value as a Python expression of its inputs (unary.def, binary.def and the files
in src/autograd/ops). tests/dump_samples.c prints inputs and values; here the expression is
evaluated in float64 and compared in both precisions."""

import json
import math
import os
import pathlib
import subprocess
import sys

try:
    import numpy as np
except ImportError as missing:
    print(f"skipped: {missing} (apt-get install python3-numpy)")
    sys.exit(77)

BUILD = pathlib.Path(os.environ["RANKGRAD_BUILD"])
TOLERANCE = {"f32": (3e-6, 1e-6), "f64": (1e-13, 1e-14)}

def logsumexp(x, axis=None, keepdims=False):
    return np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims))


def softmax(x, axis):
    return np.exp(x) / np.sum(np.exp(x), axis=axis, keepdims=True)


def log_softmax(x, axis):
    return np.log(softmax(x, axis))


def layer_norm(x, epsilon):
    return (x - np.mean(x, -1, keepdims=True)) / np.sqrt(np.var(x, -1, keepdims=True) + epsilon)


def batch_norm(x, epsilon):
    rows = tuple(range(x.ndim - 1))
    return (x - np.mean(x, rows)) / np.sqrt(np.var(x, rows) + epsilon)


def list_attention(q, k, v, offsets, n_heads):
    y = np.zeros_like(v)
    for begin, end in zip(offsets, offsets[1:]):
        for h in range(n_heads):
            qh, kh, vh = (np.split(m[begin:end], n_heads, axis=1)[h] for m in (q, k, v))
            p = softmax(qh @ kh.T / np.sqrt(max(qh.shape[1], 1)), -1)
            columns = slice(h * vh.shape[1], (h + 1) * vh.shape[1])
            y[begin:end, columns] = p @ vh
    return y


def var(x, axis=None, keepdims=False, c=0):
    return np.var(x, axis=axis, keepdims=keepdims, ddof=c)


def std(x, axis=None, keepdims=False, c=0):
    return np.std(x, axis=axis, keepdims=keepdims, ddof=c)


def norm(x, axis=None, keepdims=False, c=2):
    return np.sum(np.abs(x) ** c, axis=axis, keepdims=keepdims) ** (1 / c)


NAMES = {"logsumexp": logsumexp, "softmax": softmax, "log_softmax": log_softmax, "layer_norm": layer_norm, "batch_norm": batch_norm,
         "list_attention": list_attention, "var": var, "std": std, "norm": norm, "np": np, "erf": np.vectorize(math.erf, otypes=[float])}


def array(tensor):
    return np.array(tensor["data"], dtype=float).reshape(tensor["shape"])


def expected(row):
    """The row's expression, of its inputs as a (also x), b, c and d."""
    values = dict(zip("abcd", map(array, row["inputs"])))
    values["x"] = values["a"]
    with np.errstate(all="ignore"):
        return np.asarray(eval(row["numpy"], {**NAMES, **values}))


def finding(row):
    """What is wrong with a row; None: nothing."""
    value, want = array(row["value"]), expected(row)
    if value.shape != want.shape:
        return f"shape {value.shape}, expected {want.shape}"
    rtol, atol = TOLERANCE[row["dtype"]]
    good = np.isclose(value, want, rtol=rtol, atol=atol, equal_nan=True)
    return None if good.all() else f"{value[~good][0]!r}, expected {want[~good][0]!r}"


def self_test():
    """A wrong value, a wrong shape and a NaN are found."""
    row = {"numpy": "np.exp(x)", "dtype": "f64", "inputs": [{"shape": [1], "data": [1.0]}],
           "value": {"shape": [1], "data": [math.e]}}
    assert finding(row) is None
    for shape, data in (([1], [2.7]), ([], [math.e]), ([1], [math.nan])):
        assert finding({**row, "value": {"shape": shape, "data": data}}), (shape, data)


def main():
    self_test()
    text = subprocess.run([BUILD / "tests" / "dump_samples"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout
    *rows, last = map(json.loads, text.splitlines())
    found = [f"{row['op']}, {row['sample']}, {row['dtype']}: {said}"
             for row in rows if (said := finding(row))]
    n_seen = len({row["op"] for row in rows})
    if n_seen < last["operators"]:
        found.append(f"{last['operators'] - n_seen} operators have no sample that names its value")
    print("\n".join(found) or f"{len(rows)} values of {n_seen} operators agree with NumPy")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

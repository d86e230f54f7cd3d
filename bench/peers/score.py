#!/usr/bin/env python3
"""Scoring by the peers: score.py PEER FILE MODEL REPETITIONS, one thread, called from Python.

Prints what bench/score.c prints: seconds of each call on 100 rows, the same ones and each time
others, and of a call on many rows with the bytes of their features. A peer gets features that need
no normalisation.
"""
import sys

import peer

peer.limit_threads(1)
import numpy as np

LIST, CALLS, WARM_UP, MOST_ROWS = 100, 2000, 100, 100000


def layers_of(model, n_features):
    rng = np.random.default_rng(1)
    if model == "mlp":
        return peer.weights(rng, n_features)
    return [rng.standard_normal((n_features, 1)).astype("float32")]


def onnxruntime(model, x, y):
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper
    layers, nodes, constants, at = layers_of(model, x.shape[1]), [], [], "x"
    for i, w in enumerate(layers):
        constants += [numpy_helper.from_array(w, f"w{i}"),
                      numpy_helper.from_array(np.zeros(w.shape[1], "float32"), f"b{i}")]
        nodes.append(helper.make_node("Gemm", [at, f"w{i}", f"b{i}"], [f"h{i}"]))
        nodes.append(helper.make_node("Relu", [f"h{i}"], [f"r{i}"]))
        at = f"r{i}"
    nodes.pop()
    graph = helper.make_graph(
        nodes, model, [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, x.shape[1]])],
        [helper.make_tensor_value_info(f"h{len(layers) - 1}", TensorProto.FLOAT, [None, 1])],
        constants)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                          ir_version=8).SerializeToString(),
        options, providers=["CPUExecutionProvider"])
    del onnx
    return lambda rows: session.run(None, {"x": rows})


def torch(model, x, y):
    """Under inference_mode, the matrices in a plain loop: the least a module can cost."""
    import torch
    torch.set_num_threads(1)
    layers = [torch.from_numpy(w) for w in layers_of(model, x.shape[1])]

    @torch.inference_mode()
    def score(rows):
        h = torch.from_numpy(rows)
        for w in layers[:-1]:
            h = torch.relu_(h @ w)
        return h @ layers[-1]
    return score


def lightgbm(model, x, y):
    """100 trees of 31 leaves, whatever the model's name."""
    import lightgbm
    n = 20000
    booster = lightgbm.train({"objective": "regression", "num_threads": 1, "verbosity": -1},
                             lightgbm.Dataset(x[:n], y[:n]), num_boost_round=100)
    return lambda rows: booster.predict(rows, num_threads=1)


def main():
    name, path, model, repetitions = sys.argv[1:]
    x, y, _ = peer.load(path)
    x = x[:MOST_ROWS]
    score = {f.__name__: f for f in (onnxruntime, torch, lightgbm)}[name](model, x, y)
    lists = [x[i * LIST:(i + 1) * LIST] for i in range(len(x) // LIST)]
    for series, step in (("hot", 0), ("cold", 7919)):
        times = [peer.timed(score, lists[i * step % len(lists)]) for i in range(CALLS + WARM_UP)]
        peer.report(series, times[WARM_UP:])
    peer.report("split", [peer.timed(score, x) for _ in range(int(repetitions) + 1)][1:])
    peer.report("bytes", [x.nbytes])


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""NDCG@10 by the peers: metric.py PEER FOLDER REPETITIONS.

FOLDER holds scores, labels (f64) and offsets (i64) as bench/run.py writes them: distinct scores
that f32 can tell apart, at least two items in a list and one of them relevant, so that all conventions
agree. Prints the value and the seconds of each evaluation, of arrays or tables in the form that the
tool takes: making that form is not timed.
"""
import sys

import peer

import numpy as np

K = 10


def sklearn(scores, labels, offsets):
    """A call for each list; it takes rectangles only."""
    from sklearn.metrics import ndcg_score
    gains = np.exp2(labels) - 1
    lists = [(gains[None, a:b], scores[None, a:b]) for a, b in zip(offsets, offsets[1:])]
    return lambda: float(np.mean([ndcg_score(y, s, k=K) for y, s in lists]))


def lightgbm(scores, labels, offsets):
    import lightgbm as tool
    x = np.zeros((len(scores), 1), "float32")
    data = tool.Dataset(x, labels, group=np.diff(offsets), init_score=scores,
                        params={"verbose": -1}).construct()
    booster = tool.Booster({"objective": "none", "metric": "ndcg", "eval_at": [K], "verbose": -1},
                           data)
    return lambda: booster.eval_train()[0][2]


def xgboost(scores, labels, offsets):
    import xgboost as tool
    data = tool.DMatrix(np.zeros((len(scores), 1), "float32"), labels,
                        base_margin=scores.astype("float32"))
    data.set_group(np.diff(offsets))
    booster = tool.train({"objective": "rank:pairwise", "eval_metric": f"ndcg@{K}",
                          "disable_default_eval_metric": 1}, data, 0)
    return lambda: float(booster.eval(data).rsplit(":", 1)[1])


def rax(scores, labels, offsets):
    """Padded to the longest list, as rax's data are."""
    import jax
    import jax.numpy as jnp
    import rax as tool
    lengths = np.diff(offsets)
    width = int(lengths.max())
    where = np.arange(width)[None] < lengths[:, None]
    padded = []
    for values in (scores, labels):
        rows = np.zeros(where.shape, "float32")
        rows[where] = values
        padded.append(jnp.array(rows))
    mask = jnp.array(where)
    ndcg = jax.jit(lambda s, y, w: tool.ndcg_metric(s, y, where=w, topn=K))
    return lambda: float(ndcg(*padded, mask))


def tables(scores, labels, offsets):
    """Dictionaries of lists, as trec_eval's Python interface and ranx take them."""
    gains = (np.exp2(labels) - 1).astype(int).tolist()
    names, run, qrels = [f"d{i}" for i in range(int(np.diff(offsets).max()))], {}, {}
    values = scores.tolist()
    for q, (a, b) in enumerate(zip(offsets.tolist(), offsets[1:].tolist())):
        run[f"q{q}"] = dict(zip(names, values[a:b]))
        qrels[f"q{q}"] = dict(zip(names, gains[a:b]))
    return qrels, run


def pytrec_eval(scores, labels, offsets):
    import pytrec_eval as tool
    qrels, run = tables(scores, labels, offsets)
    evaluator = tool.RelevanceEvaluator(qrels, {f"ndcg_cut.{K}"})
    return lambda: float(np.mean([found[f"ndcg_cut_{K}"] for found in
                                  evaluator.evaluate(run).values()]))


def ir_measures(scores, labels, offsets):
    import ir_measures as tool
    qrels, run = tables(scores, labels, offsets)
    evaluator = tool.evaluator([tool.nDCG @ K], qrels)
    return lambda: evaluator.calc_aggregate(run)[tool.nDCG @ K]


def ranx(scores, labels, offsets):
    import ranx as tool
    qrels, run = tables(scores, labels, offsets)
    qrels, run = tool.Qrels(qrels), tool.Run(run)
    return lambda: float(tool.evaluate(qrels, run, f"ndcg@{K}"))


def catboost(scores, labels, offsets):
    from catboost.utils import eval_metric
    group = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    return lambda: eval_metric(labels, scores, f"NDCG:top={K};type=Exp", group_id=group)[0]


def main():
    name, folder, repetitions = sys.argv[1:]
    scores, labels = (np.fromfile(f"{folder}/{what}", "f8") for what in ("scores", "labels"))
    evaluate = globals()[name](scores, labels, np.fromfile(f"{folder}/offsets", "i8"))
    peer.report("value", [evaluate()])  # compiles, too
    peer.report("time", [peer.timed(evaluate) for _ in range(int(repetitions))])


if __name__ == "__main__":
    main()

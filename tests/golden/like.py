#!/usr/bin/env python3
"""Regenerates like.jsonl: metrics as other tools compute them, for `rankgrad metric` with the key
"like". Every number was printed by the tool itself; the tool is asked for all lists together, which
gives "value", and for each list alone, which gives "per_list".

    python3 like.py lightgbm xgboost sklearn catboost trec_eval rax > part1
    python3 like.py tf-ranking > part2            # needs tensorflow and tensorflow-ranking
    python3 like.py letor Eval-Score-4.0.pl > part3     # LETOR 4.0's own script, and perl
    python3 like.py ranklib CLASSES > part4       # the folder of RankLib's classes, and java
    cat part1 part2 part3 part4 > like.jsonl

Each tool is imported when it is asked for, so that they need not live in one environment. Versions
that wrote the stored file: lightgbm 4.7.0, xgboost 3.2.0, scikit-learn 1.9.1, catboost 1.2.10,
pytrec_eval-terrier 0.5.11 (trec_eval 9), rax 0.4.0 on jax 0.10.2 in float64, tensorflow-ranking
0.5.3 (metrics_impl, imported without the package's __init__, which wants tf.estimator, on tensorflow
2.21.0 in float32), RankLib 2.10.2 (the classes of ciir.umass.edu.metric, called by the Java program
below), and Eval-Score-4.0.pl of LETOR 4.0 (2009-04-24), in which only the output format %.4f is
replaced by %.17g. Where a tool refuses the labels, the case expects an error.
"""
import contextlib
import importlib.util
import io
import json
import math
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import types
import warnings

# Lists of (scores, labels).
SETS = {
    "graded": [([3.5, 2.25, 7, 0.5, -1, 4, 1.5], [0, 2, 1, 0, 3, 1, 0]),
               ([1, 3, 2], [1, 0, 2]),
               ([0.25, 0.5], [1, 0]),
               ([5, 4, 3, 2], [0, 0, 0, 0]),
               ([0.5, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0.25, 11], [4, 0, 1, 0, 2, 0, 3, 0, 0, 1, 2, 0]),
               ([2, 1, 4, 3], [2, 2, 2, 2])],
    "ties": [([1, 1, 2, 2, 2, 0], [0, 2, 1, 0, 3, 1]),
             ([4, 4, 4, 4], [0, 1, 0, 2]),
             ([3, 2, 2, 2, 1, 1, 0], [0, 0, 3, 1, 0, 2, 1]),
             ([1, 1], [0, 0]),
             ([0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2], [1, 0, 0, 2, 1, 0, 0, 1, 0, 0, 2])],
    "binary": [([0.9, 0.2, 0.8, 0.4, 0.6], [0, 1, 1, 0, 1]),
               ([0.1, 0.3, 0.2], [1, 1, 1]),
               ([0.75, 0.25, 0.5, 0.375], [0, 0, 1, 0]),
               ([0.7, 0.6, 0.1], [0, 0, 0]),
               ([0.4, 0.3, 0.2, 0.1], [0, 1, 0, 0]),
               ([5, 4, 3, 2, 1, 0.5, -1, -2, -3, -4, -5, -6], [0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 0])],
    "three levels": [([0.9, 0.2, 0.8, 0.4, 0.6, 0.6], [0, 1, 2, 0, 1, 2]),
                     ([0.1, 0.3, 0.2], [1, 2, 0]),
                     ([2, 2, 1, 1, 1, 3, 0], [0, 1, 2, 0, 2, 1, 0]),
                     ([0.5, 0.25], [0, 0]),
                     ([5, 4, 3, 2, 1, 0.5, -1, -2, -3, -4, -5, -6],
                      [0, 0, 1, 0, 2, 1, 0, 0, 0, 1, 0, 2])],
    "one item": [([1], [2]), ([2], [0]), ([1, 2, 3], [1, 0, 2])],
    "none relevant": [([1, 2, 3], [0, 0, 0]), ([2, 1], [0, 0])],
    "negative": [([4, 3, 2, 1, 0], [1, -1, 2, 0, -1]), ([1, 2, 3], [-1, 0, 1])],
    # equal in float32 only
    "close scores": [([1, 1 + 1e-9, 1 - 1e-9, 2], [1, 0, 2, 0]), ([0.5, 0.5 + 1e-10], [1, 0])],
}
CUTS = (0, 1, 3, 10)


class Refused(Exception):
    """The tool does not take these labels."""


REFUSED_LENGTH = "scikit-learn wants two items"


def one_by_one(function):
    """A tool's function of one list, of all lists: the plain mean."""
    def all_lists(metric, k, lists):
        per_list = [function(metric, k, *one) for one in lists]
        if REFUSED_LENGTH in per_list:
            return None, None
        kept = [v for v in per_list if v is not None]
        return (sum(kept) / len(kept) if kept else math.nan), per_list
    return all_lists


def whole_and_parts(function):
    """A tool's function of several lists, for all of them and for each alone."""
    def all_lists(metric, k, lists):
        return function(metric, k, lists), [function(metric, k, [one]) for one in lists]
    return all_lists


def flat(lists):
    return ([s for scores, _ in lists for s in scores], [y for _, labels in lists for y in labels],
            [len(scores) for scores, _ in lists])


# ---- The tools: metrics with the sets they are asked for, and a function ------------------------


def lightgbm():
    import lightgbm as tool
    import numpy as np

    def evaluate(metric, k, lists):
        scores, labels, group = flat(lists)
        data = tool.Dataset(np.zeros((len(scores), 1)), labels, group=group, init_score=scores,
                            params={"verbose": -1, "min_data_in_leaf": 1})
        valid = data.create_valid(np.zeros((len(scores), 1)), labels, group=group, init_score=scores)
        found = {}
        if min(labels) < 0:  # its own message: Label should be ..., met [-1] in ...
            raise Refused
        tool.train({"objective": "lambdarank", "metric": metric, "eval_at": [k or 100000],
                    "verbose": -1, "min_data_in_leaf": 1, "num_threads": 1}, data, 1, [valid],
                   callbacks=[tool.record_evaluation(found)])
        return found["valid_0"][f"{metric}@{k or 100000}"][0]
    return {"ndcg": CUTS, "map": CUTS}, whole_and_parts(evaluate)


def xgboost():
    import numpy as np
    import xgboost as tool
    names = {"ndcg": "ndcg", "map": "map", "precision": "pre"}

    def evaluate(metric, k, lists):
        scores, labels, group = flat(lists)
        if metric != "ndcg" and max(labels) > 1:
            return None  # it refuses graded labels
        data = tool.DMatrix(np.zeros((len(scores), 1)), labels, base_margin=scores)
        data.set_group(group)
        name = names[metric] + (f"@{k}" if k else "")
        try:
            booster = tool.train({"objective": "rank:pairwise", "eval_metric": name,
                                  "disable_default_eval_metric": 1, "nthread": 1}, data, 0)
            text = booster.eval(data)
        except tool.core.XGBoostError as error:
            raise Refused from error
        return float(text.rsplit(":", 1)[1])
    return {"ndcg": CUTS, "map": CUTS, "precision": CUTS}, whole_and_parts(evaluate)


def sklearn():
    import numpy as np
    from sklearn import metrics as tool

    def evaluate(metric, k, scores, labels):
        if metric in ("ndcg", "dcg") and len(scores) == 1:
            return REFUSED_LENGTH
        scores, labels = np.array([scores], float), np.array([labels], float)
        binary = (labels[0] >= 1).astype(int)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if metric == "ndcg":
                    return float(tool.ndcg_score(labels, scores, k=k or None))
                if metric == "dcg":
                    return float(tool.dcg_score(labels, scores, k=k or None))
                if metric == "map":
                    return float(tool.average_precision_score(binary, scores[0]))
                value = float(tool.roc_auc_score(binary, scores[0]))
                return None if math.isnan(value) else value
        except ValueError as error:
            raise Refused from error
    return {"ndcg": CUTS, "dcg": CUTS, "map": (0,), "auc": (0,)}, one_by_one(evaluate)


def catboost():
    from catboost import CatBoostError
    from catboost.utils import eval_metric
    names = {"ndcg": "NDCG", "dcg": "DCG", "map": "MAP", "mrr": "MRR", "precision": "PrecisionAt",
             "recall": "RecallAt", "err": "ERR"}

    def evaluate(metric, k, lists):
        scores, labels, group = flat(lists)
        ids = [q for q, n in enumerate(group) for _ in range(n)]
        if metric == "err" and max(labels) > 1:
            return None  # ERR there is of probabilities
        name = names[metric] + (f":top={k}" if k else "")
        try:
            return eval_metric(labels, scores, name, group_id=ids)[0]
        except CatBoostError as error:
            raise Refused from error
    return {name: CUTS for name in names}, whole_and_parts(evaluate)


def trec_eval():
    import pytrec_eval as tool
    cut = {"ndcg": "ndcg_cut", "map": "map_cut", "precision": "P", "recall": "recall",
           "hit": "success"}
    whole = {"ndcg": "ndcg", "map": "map", "mrr": "recip_rank", "r_precision": "Rprec",
             "bpref": "bpref"}

    def evaluate(metric, k, scores, labels):
        n = len(scores)
        name = f"{cut[metric]}.{k}" if k else whole[metric]
        qrels = {"q": {f"d{i:03}": int(y) for i, y in enumerate(labels)}}
        run = {"q": {f"d{i:03}": float(s) for i, s in enumerate(scores)}}
        found = tool.RelevanceEvaluator(qrels, {name}).evaluate(run)["q"]
        assert n and len(found) == 1
        return next(iter(found.values()))
    some = tuple(k for k in CUTS if k)
    return {"ndcg": CUTS, "map": CUTS, "mrr": (0,), "precision": some, "recall": some, "hit": some,
            "r_precision": (0,), "bpref": (0,)}, one_by_one(evaluate)


def rax():
    import jax
    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import rax as tool
    names = {"ndcg": tool.ndcg_metric, "dcg": tool.dcg_metric, "map": tool.ap_metric,
             "mrr": tool.mrr_metric, "precision": tool.precision_metric,
             "recall": tool.recall_metric, "opa": tool.opa_metric}

    def evaluate(metric, k, lists):
        width = max(len(scores) for scores, _ in lists)
        pad = [[list(row) + [0] * (width - len(row)) for row in one] for one in lists]
        where = jnp.array([[i < len(s) for i in range(width)] for s, _ in lists])
        more = {} if metric == "opa" else {"topn": k or None}
        return float(names[metric](jnp.array([one[0] for one in pad], jnp.float64),
                                   jnp.array([one[1] for one in pad], jnp.float64),
                                   where=where, **more))
    return {name: (0,) if name == "opa" else CUTS for name in names}, whole_and_parts(evaluate)


def tf_ranking():
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf
    root = pathlib.Path(importlib.util.find_spec("tensorflow_ranking").submodule_search_locations[0])
    for name in ("tensorflow_ranking", "tensorflow_ranking.python"):
        module = types.ModuleType(name)
        module.__path__ = [str(root.joinpath(*name.split(".")[1:]))]
        sys.modules[name] = module
    from tensorflow_ranking.python import metrics_impl as tool
    names = {"ndcg": tool.NDCGMetric, "dcg": tool.DCGMetric, "mrr": tool.MRRMetric,
             "map": tool.MeanAveragePrecisionMetric, "precision": tool.PrecisionMetric,
             "recall": tool.RecallMetric, "hit": tool.HitsMetric}

    def evaluate(metric, k, lists):
        width = max(len(scores) for scores, _ in lists)
        scores = [list(s) + [0] * (width - len(s)) for s, _ in lists]
        labels = [list(y) + [-1] * (width - len(y)) for _, y in lists]
        values, weights = names[metric]("m", topn=k or None).compute(
            tf.constant(labels, tf.float32), tf.constant(scores, tf.float32), None)
        values, weights = values.numpy().ravel(), weights.numpy().ravel()
        return float((values * weights).sum() / weights.sum()) if weights.sum() else 0.0
    some = tuple(k for k in CUTS if k)
    return {name: some if name == "hit" else CUTS for name in names}, whole_and_parts(evaluate)


def letor(script):
    text = pathlib.Path(script).read_text().replace("%.4f", "%.17g")

    def evaluate(metric, k, lists):
        if any(y < 0 or y > 2 for _, labels in lists for y in labels):
            return None if min(min(labels) for _, labels in lists) >= 0 else refuse()
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "eval.pl").write_text(text)
            rows = [(q, s, y) for q, one in enumerate(lists, 1) for s, y in zip(*one)]
            (folder / "data").write_text("".join(
                f"{y} qid:{q} 1:0 #docid = d{i} inc = 1 prob = 1\n"
                for i, (q, _, y) in enumerate(rows)))
            (folder / "scores").write_text("".join(f"{s!r}\n" for _, s, _ in rows))
            subprocess.run(["perl", "eval.pl", "data", "scores", "out", "0"], cwd=folder, check=True,
                           stderr=subprocess.DEVNULL)
            means = [line.split("\t")[1:] for line in (folder / "out").read_text().splitlines()
                     if line.startswith("Average")]
        if metric == "map":
            return float(means[0][10])
        return float(means[metric == "ndcg"][k - 1])
    some = tuple(k for k in CUTS if k)
    return {"ndcg": some, "precision": some, "map": (0,)}, whole_and_parts(evaluate)


def refuse():
    raise Refused


JAVA = """
import ciir.umass.edu.learning.*;
import ciir.umass.edu.metric.*;
import java.util.*;

public class Like {
    static class Item extends DataPoint {
        double score;
        Item(float label, double score) { this.label = label; this.id = "q"; this.score = score; }
        public float getFeatureValue(int i) { return 0; }
        public void setFeatureValue(int i, float v) {}
        public void setFeatureVector(float[] v) {}
        public float[] getFeatureVector() { return null; }
    }
    public static void main(String[] a) {
        MetricScorer m = new MetricScorerFactory().createScorer(a[0]);
        Scanner in = new Scanner(System.in);
        List<DataPoint> items = new ArrayList<>();
        double[] scores = new double[Integer.parseInt(a[1])];
        for (int i = 0; i < scores.length; i++) {
            scores[i] = Double.parseDouble(in.next());
            items.add(new Item(Float.parseFloat(in.next()), scores[i]));
        }
        int[] order = ciir.umass.edu.utilities.MergeSorter.sort(scores, false);
        System.out.println(m.score(new RankList(new RankList(items), order)));
    }
}
"""


def ranklib(classes):
    names = {"ndcg": "NDCG", "dcg": "DCG", "map": "MAP", "mrr": "RR", "precision": "P", "err": "ERR"}
    folder = tempfile.mkdtemp()
    pathlib.Path(folder, "Like.java").write_text(JAVA)
    subprocess.run(["javac", "-nowarn", "-cp", classes, "-d", folder, f"{folder}/Like.java"], check=True)

    def evaluate(metric, k, scores, labels):
        if metric in ("ndcg", "dcg", "err") and min(labels) < 0:
            raise Refused  # it reads a table at -1, or shifts by -1
        if metric == "mrr" and k == 0:
            k = len(scores)
        name = names[metric] + ("" if metric == "map" else f"@{k}")
        text = "".join(f"{s!r} {y}\n" for s, y in zip(scores, labels))
        run = subprocess.run(["java", "-cp", f"{classes}:{folder}", "Like", name, str(len(scores))],
                             input=text, capture_output=True, text=True)
        if run.returncode:
            raise Refused(run.stderr)
        return float(run.stdout)
    return {"ndcg": CUTS, "dcg": CUTS, "map": (0,), "mrr": CUTS, "precision": CUTS,
            "err": CUTS}, one_by_one(evaluate)


TOOLS = {"lightgbm": lightgbm, "xgboost": xgboost, "sklearn": sklearn, "catboost": catboost,
         "trec_eval": trec_eval, "rax": rax, "tf-ranking": tf_ranking, "letor": letor,
         "ranklib": ranklib}
SINGLE = {"xgboost", "tf-ranking", "ranklib"}  # print, compute or divide in float32


def json_number(value):
    return "NaN" if value is not None and math.isnan(value) else value


def cases(tool, found):
    metrics, evaluate = found
    for metric, cuts in metrics.items():
        for name, lists in SETS.items():
            if tool == "tf-ranking" and name in ("ties", "three levels", "close scores"):
                continue  # its order of equal scores is random
            for k in cuts:
                scores, labels, group = flat(lists)
                text = f"{metric}@{k}" if k else metric
                offsets = [sum(group[:q]) for q in range(len(group) + 1)]
                case = {"id": f"{tool} {text} {name}", "input": {
                    "like": tool, "metric": text, "scores": scores, "labels": labels,
                    "offsets": offsets}}
                try:
                    value, per_list = evaluate(metric, k, lists)
                    if value is None:
                        continue
                    case["expect"] = {"value": json_number(value),
                                      "per_list": [json_number(v) for v in per_list]}
                except Refused:
                    case["expect"] = {"error": "label"}
                case["rtol"], case["atol"] = (3e-6, 1e-6) if tool in SINGLE else (1e-12, 1e-12)
                yield case


def main():
    words = sys.argv[1:]
    while words:
        tool = words.pop(0)
        arguments = [words.pop(0)] if tool in ("letor", "ranklib") else []
        noise = io.StringIO()
        with contextlib.redirect_stdout(noise):
            found = list(cases(tool, TOOLS[tool](*arguments)))
        for case in found:
            print(json.dumps(case, separators=(",", ":")))


if __name__ == "__main__":
    main()

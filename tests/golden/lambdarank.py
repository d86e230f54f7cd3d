#!/usr/bin/env python3
"""Regenerates lambdarank.jsonl: gradients that LightGBM and XGBoost computed, in the format of the
golden cases (grad_logits alone; the libraries have no loss value).

    python3 lambdarank.py > lambdarank.jsonl

needs lightgbm 4.7.0 and xgboost 3.2.0. Neither shows its gradients, but the value of a leaf with a
single item is -G / (H + lambda), G and H the first and second derivative at that item: item k gets a
feature that is 1 for it alone, one tree of two leaves is grown on that feature from the given initial
scores, once with lambda 0.5 and once with lambda 4, and the two values give G. Where no tree is grown
because G is 0, G is 0. LightGBM estimates the number of items in a leaf from H, and refuses one
where H is small: two lists with known derivatives are added, one for each leaf. Its sigmoid comes
from a table: rtol 2e-4. XGBoost's leaves are floats: rtol 2e-4, atol 2e-6, and no leaf if its gain is below 1e-6; such lists are drawn again. `mean` is
random: the mean over places of the list in the data, which get other draws, with an atol of 5
standard errors.
"""
import json

import lightgbm as lgb
import numpy as np
import xgboost as xgb

LAMBDAS = (0.5, 4.0)


def solve(v):
    """G from the leaf values at the two lambdas."""
    a, b = LAMBDAS
    if v[0] == v[1]:
        return 0.0
    h = (v[1] * b - v[0] * a) / (v[0] - v[1])
    return -v[0] * (h + a)


def lightgbm_gradient(lists, options):
    n = sum(len(s) for s, _ in lists)
    lists = [*lists, *[(np.zeros(2), np.array([1.0, 0.0]))] * 2]  # of these, G is 0 together
    s, y = (np.concatenate([one[i] for one in lists]) for i in (0, 1))
    sizes = [len(one[0]) for one in lists]
    params = {"objective": "lambdarank", "verbosity": -1, "num_leaves": 2, "min_data_in_leaf": 0,
              "min_sum_hessian_in_leaf": 0, "min_data_in_bin": 1, "feature_pre_filter": False,
              "learning_rate": 1.0, "num_threads": 1, "boost_from_average": False, **options}
    grad = []
    for k in range(n):
        x, values = np.zeros((n + 4, 1)), []
        x[[k, n, n + 1]] = 1
        for strength in LAMBDAS:
            own = {**params, "lambda_l2": strength}
            data = lgb.Dataset(x, y, group=sizes, init_score=s, params=own, free_raw_data=False)
            model = lgb.train(own, data, num_boost_round=1)
            values.append(float(model.predict(x[k:k + 1], raw_score=True)[0]))
        grad.append(solve(values))
    return grad


def xgboost_gradient(lists, options):
    """The gradient; None: a leaf was not grown."""
    s, y = (np.concatenate([one[i] for one in lists]) for i in (0, 1))
    n, sizes = len(s), [len(one[0]) for one in lists]
    grad = []
    for k in range(n):
        x, values = np.zeros((n, 1)), []
        x[k] = 1
        for strength in LAMBDAS:
            data = xgb.DMatrix(x, label=y, base_margin=s)
            data.set_group(sizes)
            own = {"tree_method": "exact", "max_depth": 1, "min_child_weight": 0, "eta": 1,
                   "reg_lambda": strength, "nthread": 1, **options}
            model = xgb.train(own, data, num_boost_round=1)
            one = xgb.DMatrix(x[k:k + 1], base_margin=[0.0])
            values.append(float(model.predict(one, output_margin=True)[0]))
        alone = any(k == end - 1 and size == 1 for end, size in zip(np.cumsum(sizes), sizes))
        if not alone and min(map(abs, values)) < 2e-6:
            return None
        grad.append(solve(values))
    return grad


def write(name, source, loss, p, lists, grad, rtol, atol):
    given = {"loss": loss, "dtype": "f64", **p, "logits": np.concatenate([s for s, _ in lists]).tolist(),
             "labels": np.concatenate([y for _, y in lists]).tolist(), "reduction": "sum"}
    if len(lists) > 1:
        given["offsets"] = [0, *np.cumsum([len(s) for s, _ in lists]).tolist()]
    print(json.dumps({"id": name, "source": source, "input": given,
                      "expect": {"grad_logits": list(grad)}, "rtol": rtol, "atol": atol}))


def draw(rng, n, grades=4, scale=1.0):
    """Distinct scores that a float holds exactly."""
    s = np.round(rng.normal(size=n) * scale * 256) / 256 + np.arange(n) / 4096
    return s, rng.integers(0, grades, n).astype(float)


def lightgbm_cases(rng):
    for number, p in enumerate([
            {}, {"lambdarank_norm": False}, {"sigmoid": 2.0}, {"lambdarank_truncation_level": 3},
            {"lambdarank_truncation_level": 2, "lambdarank_norm": False}, {"lambdarank_truncation_level": 1},
            {"sigmoid": 0.5, "lambdarank_truncation_level": 5}]):
        options = {"lambdarank_norm": p.get("lambdarank_norm", True), "sigmoid": p.get("sigmoid", 1.0),
                   "lambdarank_truncation_level": p.get("lambdarank_truncation_level", 30)}
        for what, lists in (("list", [draw(rng, 9)]), ("lists", [draw(rng, n) for n in (4, 1, 6)]),
                            ("far", [draw(rng, 7, 2, 8)])):
            write(f"lightgbm-{number}-{what}", "lightgbm 4.7.0", "lambdarank_lightgbm", p, lists,
                  lightgbm_gradient(lists, options), 2e-4, 1e-6)


def xgboost_cases(rng):
    for number, p in enumerate([
            {}, {"lambdarank_normalization": False}, {"lambdarank_score_normalization": False},
            {"lambdarank_num_pair_per_sample": 2},
            {"lambdarank_num_pair_per_sample": 3, "lambdarank_normalization": False},
            {"ndcg_exp_gain": False}, {"target": "pairwise"},
            {"target": "pairwise", "lambdarank_num_pair_per_sample": 2}, {"target": "map"},
            {"target": "map", "lambdarank_num_pair_per_sample": 3, "lambdarank_score_normalization": False}]):
        objective = p.get("target", "ndcg")
        options = {"objective": "rank:" + objective, "lambdarank_pair_method": "topk",
                   "lambdarank_normalization": p.get("lambdarank_normalization", True),
                   "lambdarank_score_normalization": p.get("lambdarank_score_normalization", True),
                   "ndcg_exp_gain": p.get("ndcg_exp_gain", True)}
        if "lambdarank_num_pair_per_sample" in p:
            options["lambdarank_num_pair_per_sample"] = p["lambdarank_num_pair_per_sample"]
        grades = 2 if objective == "map" else 4
        for what, sizes in (("list", (9,)), ("lists", (4, 1, 6))):
            grad = None
            while grad is None:
                lists = [draw(rng, n, grades) for n in sizes]
                grad = xgboost_gradient(lists, options)
            write(f"xgboost-{number}-{what}", "xgboost 3.2.0", "lambdarank_xgboost", p, lists,
                  grad, 2e-4, 2e-6)


def xgboost_mean_cases(rng):
    for number, p in enumerate([{}, {"lambdarank_normalization": False}, {"target": "pairwise"}]):
        p = {"lambdarank_pair_method": "mean", "lambdarank_num_pair_per_sample": 3000, **p}
        options = {"objective": "rank:" + p.get("target", "ndcg"), "lambdarank_pair_method": "mean",
                   "lambdarank_num_pair_per_sample": p["lambdarank_num_pair_per_sample"],
                   "lambdarank_normalization": p.get("lambdarank_normalization", True)}
        one, alone = draw(rng, 6), (np.zeros(1), np.zeros(1))
        runs = [xgboost_gradient([*[alone] * place, one], options)[place:] for place in range(12)]
        error = np.std(runs, 0, ddof=1).max() / np.sqrt(len(runs))
        write(f"xgboost-mean-{number}", f"xgboost 3.2.0, mean over {len(runs)} places",
              "lambdarank_xgboost", p, [one], np.mean(runs, 0), 2e-4, 5 * error)


def main():
    rng = np.random.default_rng(12)
    lightgbm_cases(rng)
    xgboost_cases(rng)
    xgboost_mean_cases(rng)


if __name__ == "__main__":
    main()

"""`evaluate --like TOOL`: the same numbers as `rankgrad metric` gives with that tool for the scores
that `predict` writes, the conventions in the report, options that override them, and errors.

That `metric` gives the tools' own numbers is tested by golden/like.jsonl (test_golden.py)."""
import json
import os
import random
import subprocess
import sys
import tempfile

PROGRAM = os.environ["RANKGRAD"]
TOOLS = {"trec_eval": "ndcg@3,map,precision@5,recall@3,bpref,r_precision,hit@2,mrr",
         "lightgbm": "ndcg@1,3,map@3", "xgboost": "ndcg@3,map@3,precision@5", "rankgrad": "ndcg,map",
         "sklearn": "ndcg@3,dcg,map,auc", "catboost": "ndcg@3,map@3,mrr,precision@5,recall@3,dcg,err",
         "ranklib": "ndcg@3,map,mrr@2,precision@9,err", "letor": "ndcg@5,precision@5,map",
         "rax": "ndcg@3,map@3,mrr,precision@9,recall@2,opa", "tf-ranking": "ndcg@3,map@3,hit@2"}


def run(*arguments, text=None):
    return subprocess.run([PROGRAM, *arguments], input=text, capture_output=True, text=True)


def write_data(path):
    """Lists of 1 to 12 rows, many with equal features, some without a relevant one."""
    draw = random.Random(4)
    lists = [[(draw.choice((0, 0, 1, 2)) * (q % 5 > 0), draw.randrange(4)) for _ in range(1 + q % 12)]
             for q in range(40)]
    with open(path, "w", encoding="utf-8") as file:
        for q, rows in enumerate(lists):
            file.writelines(f"{y} qid:{q} 1:{x}\n" for y, x in rows)
    return lists


def compare(lists, scores, tool, metrics, report):
    """The differences between evaluate's report and the answers of `metric`."""
    found = json.loads(report)["metrics"]
    lengths = [len(rows) for rows in lists]
    line = {"like": tool, "metric": list(found), "scores": scores,
            "labels": [y for rows in lists for y, _ in rows],
            "offsets": [sum(lengths[:q]) for q in range(len(lengths) + 1)]}
    answer = json.loads(run("metric", text=json.dumps(line)).stdout)
    if len(found) < metrics.count(",") + 1 or len(answer["metrics"]) != len(found):
        return [f"{tool}: {list(found)} of {metrics}"]
    return [f"{tool}, {name}: evaluate {there['value']}, metric {one['metric']} {one['value']}"
            for (name, there), one in zip(found.items(), answer["metrics"])
            if there["value"] != one["value"] or name.split("(")[0].split("@")[0] not in one["metric"]]


def main():
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        data, model = os.path.join(folder, "data.txt"), os.path.join(folder, "model.h5")
        lists = write_data(data)
        trained = run("train", data, "-o", model, "--quiet", "--epochs", "3")
        if trained.returncode:
            sys.exit(trained.stderr)
        scores = [float(line) for line in run("predict", model, data).stdout.split()]
        for tool, metrics in TOOLS.items():
            report = run("evaluate", model, data, "--like", tool, "--metric", metrics, "--format", "json")
            failed += compare(lists, scores, tool, metrics, report.stdout) if not report.returncode \
                else [f"{tool}: {report.stderr}"]

        def says(words, status, *arguments):
            result = run("evaluate", model, data, *arguments)
            if words not in result.stdout + result.stderr or result.returncode != status:
                failed.append(f"{arguments}: {result.stdout + result.stderr}")

        says("as lightgbm: gain exp, discount 1/log2(1 + rank), ties input, a list without a relevant "
             "item counts 1", 0, "--like", "lightgbm", "--metric", "ndcg@3")
        says("as lightgbm: gain linear, discount 1/log2(1 + rank), ties input, a list without a "
             "relevant item is left out", 0, "--like", "lightgbm", "--metric", "ndcg@3", "--gain",
             "linear", "--no-relevant", "skip")
        for tool, words in (("lightgbm", "relevant above label 0.5"), ("ranklib", "above label 0,"),
                            ("rax", "relevant from label 1,"), ("sklearn", "from label 1,")):
            says(words, 0, "--like", tool, "--metric", "ndcg")
        for threshold in ("2", "0.1", "-1", "0", "1e-05", "0.12345678"):
            says(f"relevant from label {threshold}", 0, "--relevance-threshold", threshold)
        says("as catboost, see below, every list counts alike", 0, "--like", "catboost", "--metric",
             "ndcg@3,map")
        says("ndcg(discount=letor, short_zero=true)@5: gain exp, ties input", 0, "--like", "letor",
             "--metric", "ndcg@5,map")
        says("letor has map of whole lists alone; leave out @5", 2, "--like", "letor", "--metric",
             "map@5")
        says("there is no nerr of rax", 2, "--like", "rax", "--metric", "nerr")
        says("expected one of rankgrad, trec_eval", 2, "--like", "terrier")
        says("--like 'lightgmb' (did you mean lightgbm?): expected one of", 2, "--like", "lightgmb")
        says("--ties 'averge' (did you mean average?)", 2, "--ties", "averge")
        says("unknown metric \"ndgc\" (did you mean ndcg?)", 2, "--metric", "ndgc@5")
        says("expected one of zero, keep, drop, error", 2, "--negative-labels", "mask")
        says("expected one of f64, f32", 2, "--score-type", "double")
    print("\n".join(failed) or "evaluate and metric agree for every tool")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

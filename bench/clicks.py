#!/usr/bin/env python3
"""The example of docs/clicks.md: models trained on simulated clicks, compared on true labels.

    RANKGRAD=build/release/src/cli/rankgrad bench/clicks.py [--seeds 5] [--sessions 20] [--lists 2000]

A data set with known labels; a ranker trained on very few lists of it, which shows the lists of the
training split in many sessions; simulated clicks, once for each seed; and models trained on these
clicks. Each seed has test lists of its own: those of a larger data set made by the same generator, so
that no list is in two test splits or in the training split. Prints the table: the mean NDCG@10 over the
seeds, the mean difference to the naive model of the same loss, which takes clicks for labels, and half
of the 95 % interval of this difference (Student's t of the differences of the seeds, so that it has the
noise of the clicks and of the test lists). Exits with 1 if a method does not beat the naive model by
more than that."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile

PROGRAM = os.environ.get("RANKGRAD", "rankgrad")

# Name, the loss, and the file of propensities; the naive model is the first of its loss.
METHODS = [
    ("naive", "ranking_softmax", None),
    ("IPW, true propensities", "ranking_softmax", "true.tsv"),
    ("IPW, propensities by EM", "ranking_softmax", "em.tsv"),
    ("IPW, propensities by regression EM", "ranking_softmax", "regression.tsv"),
    ("naive, pairwise_logistic", "pairwise_logistic", None),
    ("pairwise_debiasing", "pairwise_debiasing", None),
    ("pairwise_debiasing, regularization=0", "pairwise_debiasing(regularization=0)", None),
    ("naive, lambdarank_lightgbm", "lambdarank_lightgbm", None),
    ("lambdarank_lightgbm, position_bias=true", "lambdarank_lightgbm(position_bias=true)", None),
]


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, arguments))}: {done.stderr}")
    return done.stdout


def ndcg(model):
    """NDCG@10 of the test split, by its true labels."""
    report = run("evaluate", model, "test.h5", "--metric", "ndcg@10", "--format", "tsv")
    names, values = (line.split("\t") for line in report.splitlines()[:2])
    return float(values[names.index("value")])


def generate(path, lists):
    run("generate", "-o", path, "--lists", lists, "--features", 20, "--force")


def experiment(seed, lists, sessions):
    """NDCG@10 by method."""
    generate("test.h5", int(lists * 1.3 ** (seed - 1)))  # its last fifth is the test split
    run("clicks", "data.h5", "--ranker", "ranker.h5", "--temperature", 0.5, "--sessions", sessions, "--seed", seed,
        "--propensities", "true.tsv", "-o", "clicks.h5", "--force")
    run("propensity", "clicks.h5", "--method", "em", "-o", "em.tsv", "--force")
    run("propensity", "clicks.h5", "--method", "regression-em", "-o", "regression.tsv", "--force")
    results = {"the ranker that made the pages": ndcg("ranker.h5")}
    for name, loss, propensities in METHODS:
        more = ["--propensities", propensities] if propensities else []
        run("train", "clicks.h5", "-o", "model.h5", "-q", "--force", "--loss", loss, *more)
        results[name] = ndcg("model.h5")
    run("train", "data.h5", "-o", "model.h5", "-q", "--force")
    results["trained on the true labels"] = ndcg("model.h5")
    return results


# 97.5 % quantiles of Student's t with 1, 2, .. degrees of freedom
T = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262]


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in (("seeds", 5), ("sessions", 20), ("lists", 2000)):
        arguments.add_argument("--" + name, type=int, default=value)
    a = arguments.parse_args()
    failed = False
    with tempfile.TemporaryDirectory(prefix="rankgrad-clicks-") as folder:
        os.chdir(folder)
        generate("data.h5", a.lists)
        generate("few.h5", 4)
        run("train", "few.h5", "-o", "ranker.h5", "-q")
        runs = [experiment(seed, a.lists, a.sessions) for seed in range(1, a.seeds + 1)]
        os.chdir("/")
    naive = None
    print("| | NDCG@10 | above naive | noise (95 %) |\n|---|---|---|---|")
    for name in runs[0]:
        mean = statistics.fmean(one[name] for one in runs)
        naive = name if name.startswith("naive") else naive
        if naive in (None, name) or name.startswith("trained"):
            print(f"| {name} | {mean:.4f} | | |")
            continue
        gains = [one[name] - one[naive] for one in runs]
        gain = statistics.fmean(gains)
        noise = T[a.seeds - 2] * statistics.stdev(gains) / a.seeds**0.5
        failed |= gain <= noise
        print(f"| {name} | {mean:.4f} | {gain:+.4f} | {noise:.4f} |")
    sys.exit(failed)


if __name__ == "__main__":
    main()

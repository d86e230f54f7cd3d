#!/usr/bin/env python3
"""Trains a linear model with every loss on three public data sets, with train's defaults.

    bench/choosing_a_loss.py [--rankgrad PROGRAM] [--data FOLDER] [--seeds N] [--write]
    bench/choosing_a_loss.py --quick

Prints a Markdown table: NDCG@10 and MAP on the test lists, means over folds and seeds, and the
seconds of one training. MQ2008 and OHSUMED have five folds; of the 201 training queries of
LightGBM's ranking example, each seed sets 40 aside for validation. --write puts the table into
docs/choosing-a-loss.md, between its two marker lines. The exit status is 1 if a loss does not
improve NDCG@10 on the validation lists of a data set over the untrained model, all of whose scores
are equal, or if lambdarank misses its goals. --quick trains one fold with one seed, and does not check
the goals of lambdarank. Nothing but the standard library is needed.
"""
import argparse
import pathlib
import sys
import tempfile
import time

from five_folds import ROOT, evaluate, fold_files, run

PAGE = ROOT / "docs/choosing-a-loss.md"
MARK = "<!-- bench/choosing_a_loss.py -->"

# Name: options of train. The folds of LightGBM's example are its one training file.
SETS = {
    "MQ2008": ("mq2008", 5, []),
    "OHSUMED": ("ohsumed-letor2", 5, []),
    "LightGBM's example": ("lightgbm-lambdarank", 1, ["--vali-fraction", "0.2"]),
}

# Beside the losses with their defaults: choices of their parameters that are names of their own in
# the literature.
CHOICES = [
    "ranking_softmax(label_mode=normalized)", "ranking_softmax(label_mode=exp2)",
    "pairwise_logistic(lambda=ndcg_loss1)", "pairwise_logistic(lambda=ndcg_loss2)",
    "pairwise_logistic(lambda=ndcg_loss2pp)", "pairwise_logistic(lambda=yeti)",
    "pairwise_logistic(lambda=precision)", "pairwise_logistic(lambda=map)",
    "pairwise_logistic(lambda=mrr)", "pairwise_hinge(lambda=ndcg)",
]

# They need positions, which these data sets do not have; docs/clicks.md compares them.
WITHOUT = {"pairwise_debiasing", "unbiased_lambdarank"}

# NDCG@10 of lambdarank on LightGBM's example, and by how much it may be below ranking_softmax.
LAMBDARANK, BELOW = 0.745, 0.01


def losses(program):
    """The names in `rankgrad loss --help`: losses and aliases."""
    lines = run(program, "loss", "--help").split("\nLosses:\n")[1].split("\n\n")[0].splitlines()
    names = [line.split(":")[0].strip() for line in lines if line[:2] == "  " and line[2] != " "]
    return [name for name in names if name not in WITHOUT]


def convert(program, folder, work, name, fold):
    data = work / f"{name}-{fold}.h5"
    if name == "lightgbm-lambdarank":
        files = {f"--{s}": [folder / name / f"rank.{s}"] for s in ("train", "test")}
    else:
        files = fold_files(folder, name, fold)
    run(program, "convert", *[x for o in files for f in files[o] for x in (o, f)], "-o", data)
    return data


def train(program, data, work, loss, options):
    """Trains once: test NDCG@10 and MAP, validation NDCG@10 of the kept and of the untrained model,
    and seconds."""
    model, history = work / "model.h5", work / "history.tsv"
    began = time.monotonic()
    run(program, "train", data, "-o", model, "--history", history, "--force", "--quiet", "--loss",
        loss, *options)
    seconds = time.monotonic() - began
    header, *rows = (line.split("\t") for line in history.read_text().splitlines())
    measured = [float(row[header.index("vali_metric")]) for row in rows]
    return [*evaluate(program, model, data, "test"), max(measured), measured[0], seconds]


def measure(program, work, files, loss, n_seeds):
    """Per data set, the means over folds and seeds of what train() returns."""
    means = {}
    for name, (data, options) in files.items():
        runs = [train(program, path, work, loss, [*options, "--seed", seed])
                for path in data for seed in range(1, n_seeds + 1)]
        means[name] = [sum(column) / len(runs) for column in zip(*runs)]
    return means


def missed(results, quick):
    """What does not hold, one sentence each; the goals of lambdarank are for all folds."""
    for loss, means in results.items():
        for name, (_, _, kept, untrained, _) in means.items():
            if not kept > untrained:
                yield (f"{loss} on {name}: validation NDCG@10 {kept:.4f}, untrained "
                       f"{untrained:.4f}")
    if quick:
        return
    for name, (softmax, *_) in results["ranking_softmax"].items():
        if results["lambdarank"][name][0] < softmax - BELOW:
            yield f"lambdarank on {name} is more than {BELOW} below ranking_softmax"
    reached = results["lambdarank"]["LightGBM's example"][0]
    if reached < LAMBDARANK:
        yield f"lambdarank on LightGBM's example: NDCG@10 {reached:.4f}; expected {LAMBDARANK}"


def table(results):
    lines = ["| loss | " + " | ".join(f"{s} NDCG@10 | MAP | s" for s in SETS) + " |",
             "|---" * (1 + 3 * len(SETS)) + "|"]
    for loss, means in results.items():
        cells = [f"{m[0]:.4f} | {m[1]:.4f} | {m[4]:.2f}" for m in means.values()]
        lines.append(f"| `{loss}` | " + " | ".join(cells) + " |")
    untrained = [f"{m[3]:.4f} (validation) | | " for m in results["ranking_softmax"].values()]
    return "\n".join([*lines, "| none: all scores equal | " + " | ".join(untrained) + "|"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rankgrad", type=pathlib.Path,
                        default=ROOT / "build/release/src/cli/rankgrad", metavar="PROGRAM")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data",
                        metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=3, metavar="N",
                        help="give the mean over the seeds 1 to N [default 3]")
    parser.add_argument("--quick", action="store_true", help="one fold, one seed")
    parser.add_argument("--write", action="store_true", help=f"put the table into {PAGE.name}")
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        sys.exit(f"{arguments.data}: no such folder; --data FOLDER names the one with mq2008/, "
                 "ohsumed-letor2/ and lightgbm-lambdarank/")
    program, n_seeds = arguments.rankgrad, 1 if arguments.quick else arguments.seeds
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        files = {s: ([convert(program, arguments.data, work, name, fold)
                      for fold in range(1 if arguments.quick else n_folds)], options)
                 for s, (name, n_folds, options) in SETS.items()}
        for loss in losses(program) + CHOICES:
            results[loss] = measure(program, work, files, loss, n_seeds)
            print(loss, *(f"{m[0]:.4f}" for m in results[loss].values()), file=sys.stderr)
    print(table(results))
    if arguments.write:
        before, _, after = PAGE.read_text().split(MARK)
        PAGE.write_text(f"{before}{MARK}\n{table(results)}\n{MARK}{after}")
    failures = list(missed(results, arguments.quick))
    for failure in failures:
        print(failure)
    return len(failures) > 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Five-fold cross-validation on MQ2008 and OHSUMED, through the program alone.

    bench/five_folds.py [--rankgrad PROGRAM] [--data FOLDER] [--seeds N] [--settings NAME ...]

Converts the text files, trains, and evaluates each fold's test split; prints a Markdown table of
the means over the folds, and the time of the whole job, conversion included. FOLDER holds mq2008/
(S1.txt to S5.txt: fold 1 trains on S1 S2 S3, validates on S4, tests on S5, and so on by rotation)
and ohsumed-letor2/ (five folds as files). Nothing but the standard library is needed.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

# What --choose tries, on the validation splits.
GRID = [["--lr", lr, "--epochs", epochs, "--l2", l2]
        for lr in ("0.1", "0.3", "1", "3")
        for epochs in ("50", "100", "200", "400")
        for l2 in ("0", "0.001", "0.01")]

# name: (data set, options of train, NDCG@10 to reach, MAP to reach). Where learning rate, epochs and
# weight decay are given, they are the first line of --choose: the best MAP on the validation splits.
# (NDCG@10 picks the epoch there, and so flatters settings with more epochs; MAP does not.)
SETTINGS = {
    "MQ2008": ("mq2008", [], 0.502, 0.473),
    "OHSUMED": ("ohsumed-letor2", [], 0.440, None),
    "OHSUMED, list-minmax": (
        "ohsumed-letor2",
        ["--normalize", "list-minmax", "--lr", "3", "--epochs", "100", "--l2", "0.01"],
        0.447, 0.441),
}
WITHOUT = ("--lr", "--epochs", "--l2")


def fold_files(folder, name, fold):
    """The text files of one fold: {option of convert: [path, ...]}."""
    if name == "mq2008":
        part = [folder / name / f"S{(fold + i) % 5 + 1}.txt" for i in range(5)]
        return {"--train": part[:3], "--vali": part[3:4], "--test": part[4:]}
    kinds = {"--train": "trainingset", "--vali": "validationset", "--test": "testset"}
    return {o: [folder / name / f"Fold{fold + 1}.{k}.txt"] for o, k in kinds.items()}


def run(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(str(c) for c in command)}\n{done.stderr}")
    return done.stdout


def evaluate(program, model, data, split):
    report = json.loads(run(program, "evaluate", model, data, "--split", split, "--metric",
                            "ndcg@10,map", "--format", "json"))
    return [report["metrics"][m]["value"] for m in ("ndcg@10", "map")]


def five_folds(program, folder, work, name, options, split="test"):
    """The means of NDCG@10 and MAP over the folds."""
    total = [0.0, 0.0]
    for fold in range(5):
        data, model = work / f"{name}-{fold}.h5", work / "model.h5"
        if not data.exists():
            files = fold_files(folder, name, fold)
            run(program, "convert", *[x for o in files for f in files[o] for x in (o, f)],
                "-o", data)
        run(program, "train", data, "-o", model, "--quiet", *options)
        for i, value in enumerate(evaluate(program, model, data, split)):
            total[i] += value / 5
    return total


def choose(program, folder, setting):
    """The grid's options by their MAP over the validation splits, the best first."""
    name, options, _, _ = SETTINGS[setting]
    pairs = zip(options[::2], options[1::2])
    options = [x for option, value in pairs if option not in WITHOUT for x in (option, value)]
    scored = []
    with tempfile.TemporaryDirectory() as work:
        for extra in GRID:
            ndcg, mean_ap = five_folds(program, folder, pathlib.Path(work), name,
                                       [*options, *extra], split="vali")
            scored.append((mean_ap, ndcg, " ".join(extra)))
    return sorted(scored, reverse=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rankgrad", type=pathlib.Path,
                        default=ROOT / "build/release/src/cli/rankgrad", metavar="PROGRAM")
    parser.add_argument("--data", type=pathlib.Path, default=ROOT.parent / "shared/data",
                        metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=1, metavar="N",
                        help="give the mean over the seeds 1 to N")
    parser.add_argument("--choose", action="store_true",
                        help="instead: print the grid of settings by their validation means")
    parser.add_argument("--settings", nargs="*", choices=SETTINGS, default=list(SETTINGS))
    arguments = parser.parse_args()
    if not arguments.data.is_dir():
        sys.exit(f"{arguments.data}: no such folder; --data FOLDER names the one with mq2008/ and "
                 "ohsumed-letor2/")
    for setting in arguments.settings if arguments.choose else []:
        print(f"{setting}: MAP and NDCG@10 on the validation splits")
        for mean_ap, ndcg, options in choose(arguments.rankgrad, arguments.data, setting):
            print(f"{mean_ap:.4f} {ndcg:.4f} {options}")
    if arguments.choose:
        return 0
    print("| five folds, test splits | NDCG@10 | to reach | MAP | to reach | seconds | options |")
    print("|---|---|---|---|---|---|---|")
    failed = 0
    for setting in arguments.settings:
        name, options, *goals = SETTINGS[setting]
        runs = []
        for seed in range(1, arguments.seeds + 1):
            with tempfile.TemporaryDirectory() as work:
                began = time.monotonic()
                means = five_folds(arguments.rankgrad, arguments.data, pathlib.Path(work), name,
                                   [*options, "--seed", seed])
                runs.append((*means, time.monotonic() - began))
        ndcg, mean_ap, seconds = (sum(column) / len(runs) for column in zip(*runs))
        failed += ndcg < goals[0] or (goals[1] or 0) > mean_ap
        print(f"| {setting} | {ndcg:.4f} | {goals[0]:.3f} | {mean_ap:.4f} | {goals[1] or '-'} | "
              f"{seconds:.1f} | {' '.join(options) or 'none'} |", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())

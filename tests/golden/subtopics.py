#!/usr/bin/env python3
"""Regenerates subtopics.jsonl: alpha-nDCG and ERR-IA as ndeval computes them (pyndeval 0.0.8).

    python3 subtopics.py > subtopics.jsonl

Documents are called by their row. ndeval's ideal takes the greater id of equal gains; its order of equal
scores is that of the run here. It has cut-offs up to 20, and does not divide ERR-IA@1 by the number of
subtopics, as it divides all others: these cases are left out."""
import json
import random

import pyndeval

NAMES = {"alpha_ndcg": "alpha-nDCG", "err_ia": "ERR-IA"}


def draw(random_, n_lists, longest, n_subtopics, density, tied):
    """Lists of (scores, grades)."""
    lists = []
    for _ in range(n_lists):
        n = random_.randint(1, longest)
        scores = [random_.randrange(4) for _ in range(n)] if tied else random_.sample(range(99), n)
        grades = [[random_.choice((1, 1, 2)) * (random_.random() < density) for _ in range(n_subtopics)]
                  for _ in range(n)]
        lists.append((scores, grades))
    return lists


def ndeval(lists, measure, alpha):
    qrels = [(f"q{q}", str(s), f"d{i:03}", int(g)) for q, (_, grades) in enumerate(lists)
             for i, row in enumerate(grades) for s, g in enumerate(row)]
    run = [(f"q{q}", f"d{i:03}", float(s)) for q, (scores, _) in enumerate(lists)
           for i, s in enumerate(scores)]
    found = pyndeval.ndeval(qrels, run, measures=[measure], alpha=alpha)
    return [found[f"q{q}"][measure] for q in range(len(lists))]


def main():
    random_ = random.Random(11)
    for number in range(40):
        lists = draw(random_, 4, (6, 12, 25)[number % 3], 1 + number % 5, (0.2, 0.5, 0.8)[number % 3],
                     number % 4 == 3)
        alpha = (0.5, 0.5, 0.2, 0.9, 1, 0)[number % 6]
        lengths = [len(scores) for scores, _ in lists]
        for ours, theirs in NAMES.items():
            for k in (1, 3, 5, 20)[ours == "err_ia":]:
                per_list = ndeval(lists, f"{theirs}@{k}", alpha)
                print(json.dumps({"id": f"ndeval {ours}@{k} {number}", "input": {
                    "metric": f"{ours}(alpha={alpha})@{k}", "ties": "input",
                    "scores": [s for scores, _ in lists for s in scores],
                    "labels": [0] * sum(lengths),
                    "subtopics": [row for _, grades in lists for row in grades],
                    "offsets": [sum(lengths[:q]) for q in range(len(lengths) + 1)]},
                    "expect": {"value": sum(per_list) / len(per_list), "per_list": per_list},
                    "rtol": 1e-12, "atol": 1e-12}, separators=(",", ":")))


if __name__ == "__main__":
    main()

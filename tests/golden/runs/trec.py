#!/usr/bin/env python3
"""Regenerates trec.jsonl: runs and qrels as text, and what trec_eval computes from them.

    python3 trec.py > trec.jsonl

needs pytrec_eval-terrier 0.5, which contains trec_eval's C code. A line has the texts of run and
qrels as `input`, the values of each query that both have, and `n_queries` of the qrels, by which trec_eval -c
divides the sums."""
import json

import numpy as np
import pytrec_eval

MEASURES = {"map", "map_cut.5", "ndcg", "recip_rank", "Rprec", "bpref", "P.5,10,20", "recall.5,10,100",
            "ndcg_cut.1,5,10,1000", "success.1,5,10"}


def texts(run, qrels, rng):
    """The lines of both, in random order."""
    lines = [f"{q} Q0 {d} {rng.integers(1, 99)} {s} tag" for q, docs in run.items() for d, s in docs.items()]
    judged = [f"{q} 0 {d} {r}" for q, docs in qrels.items() for d, r in docs.items()]
    return ["".join(line + "\n" for line in rng.permutation(some)) for some in (lines, judged)]


def case(name, run, qrels, rng):
    numbers = {q: {d: float(s) for d, s in docs.items()} for q, docs in run.items()}
    found = pytrec_eval.RelevanceEvaluator(qrels, MEASURES).evaluate(numbers)
    text = texts(run, qrels, rng)
    print(json.dumps({"name": name, "input": {"run": text[0], "qrels": text[1]},
                      "n_queries": len(qrels), "values": found}, sort_keys=True))


def random_case(name, rng, n_queries, n_docs, score, relevance, judged=0.6, retrieved=0.7):
    """Documents are judged and retrieved with these probabilities."""
    run, qrels = {}, {}
    for q in range(n_queries):
        docs = [f"d{i}" for i in range(n_docs)]
        qrels[f"q{q}"] = {d: int(relevance()) for d in docs if rng.random() < judged} or {"d0": 1}
        run[f"q{q}"] = {d: str(score()) for d in docs if rng.random() < retrieved} or {"d1": "1"}
    case(name, run, qrels, rng)
    return run, qrels


def main():
    rng = np.random.default_rng(11)
    normal = lambda: round(float(rng.normal()), 6)
    grade = lambda: rng.choice([0, 0, 0, 1, 1, 2, 3])
    random_case("random", rng, 12, 40, normal, grade)
    random_case("few scores, many ties", rng, 8, 30, lambda: int(rng.integers(0, 3)), grade)
    random_case("all equal", rng, 4, 25, lambda: 0.5, grade)
    random_case("negative and large grades", rng, 8, 30, normal, lambda: rng.choice([-2, -1, 0, 1, 4, 7]))
    random_case("nothing relevant", rng, 3, 10, normal, lambda: 0)
    random_case("all relevant", rng, 3, 15, normal, lambda: 1)
    random_case("few judged", rng, 8, 60, normal, lambda: rng.choice([0, 1]), judged=0.1)
    random_case("few retrieved", rng, 8, 40, normal, grade, retrieved=0.1)
    random_case("exponents", rng, 4, 20, lambda: f"{rng.normal():.3e}", grade)
    random_case("long", rng, 1, 1200, normal, grade)
    random_case("scores that differ in double alone", rng, 6, 20,
                lambda: 16777216 + int(rng.integers(0, 4)), grade)
    random_case("scores around 1e-9 of each other", rng, 6, 20,
                lambda: f"{1 + rng.integers(0, 9) * 1e-9:.10f}", grade)
    random_case("scores beyond f32", rng, 4, 12, lambda: rng.choice(["1e39", "1e300", "-1e39", "2", "-3"]),
                grade)
    run, qrels = random_case("some queries", rng, 6, 20, normal, grade)
    del run["q1"], run["q4"], qrels["q2"]
    case("queries of one file alone", run, qrels, rng)
    case("ids as text", {"10": {"9": "1", "10": "1", "a": "1", "B": "1", "é": "1"}, "9": {"x": "2"}},
         {"9": {"x": 1, "y": 2}, "10": {"9": 0, "10": 1, "a": 0, "B": 2, "é": 1, "z": 1}}, rng)
    case("one document", {"1": {"a": "1"}}, {"1": {"a": 1}}, rng)
    case("nothing relevant retrieved", {"1": {"a": "1", "b": "2"}}, {"1": {"a": 0, "c": 2, "d": 1}}, rng)


if __name__ == "__main__":
    main()

"""`rankgrad loss` and `rankgrad metric`: the protocol, and the golden numbers.

The protocol is tested on the lines below. The numbers were computed by reference implementations:
golden/losses.jsonl and golden/metrics.jsonl of the shared folder beside the source root (its
README.md says what they hold); where that folder is absent, that part is skipped, and said.
tests/golden/*.jsonl hold cases of the same format, written by the scripts beside them. Every case
of a loss that the program has is run.
"""
import json
import math
import os
import subprocess
import sys

PROGRAM = os.environ["RANKGRAD"]
GOLDEN = os.path.join(os.environ["RANKGRAD_SOURCE"], os.pardir, "shared", "golden")
OWN = os.path.join(os.environ["RANKGRAD_SOURCE"], "tests", "golden")
LEAST = {"ranking_softmax": 166}  # cases of a loss in the shared file; of any other that it has, 7
METRICS = ("ndcg", "dcg", "map", "mrr", "precision", "recall", "hit", "err", "arp", "opa")

# Where a case contradicts ranking-conventions.md, the conventions stand.
OVERRIDES = {
    # "under `skip` with nothing left the mean is NaN and the report says so"; the case says 0
    "no-relevant-skip-all": {"value": "NaN"},
}


# Command, line, and the whole answer or words of the error.
SOFTMAX = {"loss": "ranking_softmax", "logits": [0, 0], "labels": [1.0, 0.0]}
DEBIASING = {"loss": "pairwise_debiasing", "logits": [0, 0], "labels": [1, 0]}
HALVES = {"grad_logits": [-0.5, 0.5], "grad_labels": [math.log(2)] * 2}
MRR = {"metric": "mrr", "scores": [0, 3, 1, 2], "labels": [0, 0, 1, 1]}
NONE = {"metric": "ndcg", "scores": [2, 1], "labels": [0, 0]}
SHORT = {"metric": "ndcg@5", "scores": [3, 2, 1], "labels": [1, 2, 1]}
NEGATIVE = {"metric": "mrr", "scores": [2, 1], "labels": [-1, 1]}
CLOSE = {"metric": "mrr", "scores": [1, 1 + 1e-9], "labels": [0, 1]}
PROTOCOL = [
    ("loss", SOFTMAX, {"value": math.log(2), **HALVES}),
    ("loss", {**SOFTMAX, "labels": [1, 0]},
     {"value": math.log(2), "grad_logits": [-0.5, 0.5]}),
    ("loss", {**SOFTMAX, "labels": [True, False]},
     {"value": math.log(2), "grad_logits": [-0.5, 0.5]}),
    ("loss", {**SOFTMAX, "weights": 1},
     {"value": math.log(2), **HALVES, "grad_weights": math.log(2)}),
    ("loss", {**SOFTMAX, "logits": [[0, 0]], "reduction": "none"},
     {"value": [math.log(2)], "grad_logits": [[-0.5, 0.5]], "grad_labels": [math.log(2)] * 2}),
    ("loss", {**SOFTMAX, "loss": "listnet", "labels": [1, 0]},
     {"value": math.log(2), "grad_logits": [0.5 - math.e / (1 + math.e), math.e / (1 + math.e) - 0.5]}),
    ("loss", {"loss": "ranknet(sigma=2)", "logits": [0, 0], "labels": [1, 0]},
     {"value": math.log(2), "grad_logits": [-1, 1]}),
    ("loss", {"loss": "lambdarank(normalized=false)", "logits": [0, 0], "labels": [1, 0]},
     {"value": 2 * (1 - 1 / math.log2(3)) * math.log(2),
      "grad_logits": [1 / math.log2(3) - 1, 1 - 1 / math.log2(3)]}),
    ("loss", {**SOFTMAX, "logits": [0, "NaN"]},
     {"value": "NaN", "grad_logits": ["NaN"] * 2, "grad_labels": ["NaN"] * 2}),
    ("loss", {**SOFTMAX, "logits": [0, "-Infinity"], "labels": [0.0, 1.0]},
     {"value": "Infinity", "grad_logits": [1, -1], "grad_labels": [0, "Infinity"]}),
    ("loss", {**SOFTMAX, "loss": "softmax"}, 'loss "softmax" is unknown (did you mean ranking_softmax?)'),
    ("loss", {**SOFTMAX, "loss": "pairwise_logistik"}, "(did you mean pairwise_logistic?); expected one of"),
    ("loss", {**SOFTMAX, "loss": "LambdaRnk"}, "(did you mean lambdarank?)"),
    ("loss", {**SOFTMAX, "loss": "aprox-ndcg"}, "(did you mean approx_ndcg?)"),
    ("loss", {**SOFTMAX, "loss": "list_mle"}, "(did you mean listmle?)"),
    ("loss", {**SOFTMAX, "loss": "neural"}, "(did you mean neural_ndcg?)"),
    ("loss", {**SOFTMAX, "loss": "zzz"}, 'loss "zzz" is unknown; expected one of ranking_softmax'),
    ("loss", {**SOFTMAX, "loss": "0.5*ranking_softmax + listne"}, "(did you mean listnet?)"),
    ("loss", {**SOFTMAX, "loss": "pairwise_logistic(sgima=2)"},
     "has no parameter sgima (did you mean sigma?); expected one of sigma, lambda"),
    ("loss", {**SOFTMAX, "loss": "lambdarank(lambda=map, tpon=3)"}, "(did you mean topn?)"),
    ("loss", {**SOFTMAX, "loss": "pairwise_hinge(lambda=nddcg)"},
     "lambda is nddcg (did you mean ndcg?); expected one of none"),
    ("loss", {**SOFTMAX, "loss": "approx_ndcg(temperature=0)"}, "temperature is 0; expected a number > 0"),
    ("loss", {**SOFTMAX, "weights": [1, -0.5]}, "weights: number 2 (from 1) is -0.5; expected >= 0"),
    ("loss", {**SOFTMAX, "weights": -1}, "weights: number 1 (from 1) is -1; expected >= 0"),
    ("loss", {**SOFTMAX, "weights": ["-Infinity", 1]}, "weights: number 1 (from 1) is -inf"),
    ("loss", {**SOFTMAX, "weights": [1, -1], "where": [0, 1]}, "weights: number 2 (from 1) is -1"),
    ("loss", {**SOFTMAX, "weights": [-1, 1], "where": [0, 1]},
     {"value": 0, "grad_logits": [0, 0], "grad_labels": [0, 0], "grad_weights": [0, 0]}),
    ("loss", {**SOFTMAX, "list_weights": -3}, "list_weights: number 1 (from 1) is -3; expected >= 0"),
    ("loss", {**SOFTMAX, "loss": "ordinal(levels=2)", "labels": [0, 2]},
     "the label of row 2 (from 1) is 2; expected a whole number from 0 to 1"),
    ("loss", {**SOFTMAX, "loss": "ordinal(levels=3)"}, "logits (2); expected (.., n, 2)"),
    ("loss", {**SOFTMAX, "dtype": "f16"}, "expected one of f32, f64"),
    ("loss", {**SOFTMAX, "reduction": "max"}, "expected one of mean, sum, none"),
    ("loss", {**SOFTMAX, "label_mode": 1}, "label_mode is 1; expected one of raw, normalized, softmax, exp2"),
    ("loss", {**SOFTMAX, "labels": [1, 2, 3]}, "(3)"),
    ("loss", {**SOFTMAX, "offsets": [0, 3]}, "offsets"),
    ("loss", {**SOFTMAX, "offsets": []}, "offsets"),
    ("loss", {"loss": "ranking_softmax", "labels": [1]}, "logits is missing"),
    ("loss", {"loss": "ranking_softmax", "logits": [1]}, "labels is missing"),
    ("loss", {"logits": [1], "labels": [1]}, "loss is missing"),
    ("loss", {**SOFTMAX, "scores": [1]}, 'unknown key "scores"'),
    ("loss", {**DEBIASING, "positions": [2, 1]},
     {"value": math.log(2), "grad_logits": [-0.5, 0.5], "position_factors": [[1, 1], [1, 1]]}),
    ("loss", {**DEBIASING, "positions": [2, 1], "position_factors": [[0.3, 0.5], [0.25, 0.7]]},
     {"value": math.log(2) / 0.125, "grad_logits": [-4, 4], "position_factors": [[0.3, 1], [1, 0.7]]}),
    ("loss", DEBIASING, {"value": math.log(2), "grad_logits": [-0.5, 0.5]}),
    ("loss", {**DEBIASING, "positions": [2]}, "positions (1); expected a whole number for each of logits (2)"),
    ("loss", {**DEBIASING, "positions": [2, 1.5]}, "positions (2); expected a whole number"),
    ("loss", {**DEBIASING, "positions": [2, 0]}, "positions[1] is 0; expected 1 to 2"),
    ("loss", {**DEBIASING, "positions": [-3, 1]}, "positions[0] is -3; expected 1 to 1"),
    ("loss", {**DEBIASING, "positions": [1, 1 << 40]}, "positions[1] is 1099511627776; expected 1 to 1"),
    ("loss", {**DEBIASING, "positions": [1, 3], "position_factors": [[1, 1], [1, 1]]},
     "positions[1] is 3; expected 1 to 2"),
    ("loss", {**DEBIASING, "positions": [1, 2], "position_factors": [1, 1]},
     "position_factors (2); expected (positions,2)"),
    ("loss", {**SOFTMAX, "positions": [1, 2]}, "expected one loss that corrects for position bias"),
    ("loss", {**DEBIASING, "loss": "pairwise_debiasing + lambdarank", "positions": [1, 2]}, "expected one loss"),
    ("metric", MRR, {"value": 0.5, "per_list": [0.5]}),
    ("metric", {**MRR, "labels": [False, False, True, True]}, {"value": 0.5, "per_list": [0.5]}),
    ("metric", {**MRR, "where": [1, 0, 1, 1]}, {"value": 1, "per_list": [1]}),
    ("metric", {**MRR, "threshold": 1.5, "no_relevant": "skip"},
     {"value": "NaN", "per_list": [None]}),
    ("metric", {**MRR, "offsets": [0, 2, 2, 4]}, {"value": 0.5, "per_list": [0, 0, 1]}),
    ("metric", {**MRR, "scores": [], "labels": []}, {"value": "NaN", "per_list": [0]}),
    ("metric", {**MRR, "scores": [[], []], "labels": [[], []]},
     {"value": "NaN", "per_list": [0, 0]}),
    ("metric", {**MRR, "scores": [0, "NaN", 1, 2]},
     {"value": 1, "per_list": [1], "n_unscored": 1}),
    ("metric", {**MRR, "scores": ["NaN", 3, "NaN", "-Infinity"], "where": [0, 1, 1, 1]},
     {"value": 0.5, "per_list": [0.5], "n_unscored": 1}),
    ("metric", {**MRR, "scores": ["NaN"] * 4}, "all 4 scores are NaN"),
    ("metric", {**MRR, "scores": ["NaN"] * 3 + [1], "where": [1, 1, 1, 0]}, "all 3 scores"),
    ("metric", {**MRR, "metric": "area"}, "known: ndcg"),
    ("metric", {**MRR, "ties": "random"}, "expected one of average"),
    ("metric", {**MRR, "scores": [[1, 2], [3]]}, "scores[1] has 1 element, lists before it 2"),
    ("metric", {**MRR, "scores": [[1, 2], 3]}, "scores[1] is a number beside a list"),
    ("metric", {**MRR, "scores": [1, [2]]}, "scores[1] is a list beside a number"),
    ("metric", {**MRR, "scores": [1, "nan"]}, 'scores[1] is "nan"'),
    ("metric", {**MRR, "scores": [True, 1, 2, 3]}, "true or false"),
    ("metric", {**MRR, "scores": [[[[[[[[[1]]]]]]]]]}, "deeper than 8"),
    ("metric", {**MRR, "labels": [0, 1]}, "labels has shape (2), scores (4)"),
    ("metric", {**MRR, "labels": [0, 0, "NaN", 1]}, "row 3 "),
    ("metric", {**MRR, "offsets": [0, 3]}, "end with 4"),
    ("metric", {**MRR, "offsets": [0, 3, 2, 4]}, "decrease"),
    ("metric", {**MRR, "weights": [1, 2]}, "weights has shape (2)"),
    ("metric", {**MRR, "weights": [-1]}, "weight of list 1 is -1"),
    ("metric", {"metric": "ndcg", "scores": [1], "labels": [1024]}, "`gain` linear"),
    ("metric", {"metric": "dcg", "gain": "linear", "scores": [2, 1], "labels": [1.7e308, 1.7e308]},
     {"value": "Infinity", "per_list": ["Infinity"]}),
    ("metric", [1], "expected an object"),
    ("metric", {**NONE, "like": "lightgbm"}, {"value": 1, "per_list": [1]}),
    ("metric", {**NONE, "like": "rankgrad"}, {"value": 0, "per_list": [0]}),
    ("metric", {**NONE, "like": "lightgbm", "no_relevant": "zero"}, {"value": 0, "per_list": [0]}),
    ("metric", {**NONE, "like": "sklearn", "metric": "auc"}, {"value": "NaN", "per_list": [None]}),
    ("metric", {**SHORT, "like": "letor"}, {"value": 0, "per_list": [0]}),
    ("metric", {**SHORT, "like": "letor", "metric": "ndcg(short_zero=false)@5"},
     {"value": 1, "per_list": [1]}),  # its discounts are 1, 1, 1 / log2(3)
    ("metric", {**SHORT, "like": "letor", "metric": "ndcg(discount=rank)@3"},
     {"value": 17 / 23, "per_list": [17 / 23]}),
    ("metric", {**SHORT, "metric": "precision(divisor=length)@5"}, {"value": 1, "per_list": [1]}),
    ("metric", {**SHORT, "metric": "precision@5"}, {"value": 0.6, "per_list": [0.6]}),
    ("metric", {**SHORT, "like": "xgboost", "metric": "err"},
     "no err of xgboost to reproduce; expected one of its metrics: ndcg, map, precision"),
    ("metric", {**SHORT, "like": "letor", "metric": "map@5"}, "letor has map of whole lists alone"),
    ("metric", {**SHORT, "like": "trec_evil"}, "expected one of rankgrad, trec_eval, lightgbm"),
    ("metric", {**NEGATIVE, "like": "tf-ranking"}, {"value": 1, "per_list": [1]}),
    ("metric", {**NEGATIVE, "negative_labels": "zero"}, {"value": 0.5, "per_list": [0.5]}),
    ("metric", {**NEGATIVE, "negative_labels": "error"}, "row 1 (list 1, both from 1) is -1"),
    ("metric", {**NEGATIVE, "like": "catboost", "metric": "dcg@1"},
     {"value": -1, "per_list": [-1]}),
    ("metric", {**NEGATIVE, "negative_labels": "none"}, "expected one of zero, keep, drop, error"),
    ("metric", {**CLOSE, "score_type": "f64"}, {"value": 1, "per_list": [1]}),
    ("metric", {**CLOSE, "score_type": "f32"}, {"value": 0.75, "per_list": [0.75]}),
    ("metric", {**SHORT, "metric": ["precision@2", "mrr"]},
     {"metrics": [{"metric": "precision@2", "value": 1, "per_list": [1], "n_unscored": 0},
                  {"metric": "mrr", "value": 1, "per_list": [1], "n_unscored": 0}]}),
    ("metric", {**SHORT, "metric": []}, "metric is []"),
    ("metric", {**SHORT, "metric": ["map", 1]}, "metric[1] is not a string"),
    ("metric", {**SHORT, "metric": ["map", "area"]}, "known: ndcg"),
    ("metric", {"metric": "map(tied=last)", "scores": [2, 1, 1, 1], "labels": [0, 1, 1, 0]},
     {"value": 0.5, "per_list": [0.5]}),
    ("metric", {"metric": "map(tied=last)@3", "scores": [2, 1, 1, 1], "labels": [1, 1, 1, 0]},
     {"value": 1 / 3, "per_list": [1 / 3]}),
    ("metric", {"metric": "map(divisor=relevant)@1", "scores": [2, 1], "labels": [1, 1]},
     {"value": 0.5, "per_list": [0.5]}),
    ("metric", {"metric": "opa(tied=0)", "scores": [1, 1, 0], "labels": [1, 0, 0]},
     {"value": 0.5, "per_list": [0.5]}),
    ("metric", {"metric": "opa(tied=2)", "scores": [1], "labels": [1]}, "tied is 2; expected a number"),
    ("metric", {"metric": "err(stop=label)", "scores": [2, 1], "labels": [0.5, 1]},
     {"value": 0.75, "per_list": [0.75]}),
]


def cases(path, wanted=lambda _: True):
    with open(path, encoding="utf-8") as lines:
        return [case for case in map(json.loads, lines) if wanted(case["input"])]


def rankgrad(command, text, *files):
    return subprocess.run([PROGRAM, command, *files], input=text, capture_output=True)


def answers(command, inputs):
    """The program's answer to each input, all in one run, and its exit status."""
    text = "".join(json.dumps(line) + "\n" for line in inputs)
    run = rankgrad(command, text.encode())
    found = [json.loads(line) for line in run.stdout.splitlines()]
    if len(found) != len(inputs):
        print(f"{command}: {len(found)} answers to {len(inputs)} lines\n{run.stderr.decode()}")
    return found + [{"error": "no answer"}] * (len(inputs) - len(found)), run.returncode


def same_number(got, want, rtol, atol):
    """float() reads "NaN" and "Infinity" too; None is a skipped list."""
    if got is None or want is None:
        return got is want
    got, want = float(got), float(want)
    if math.isnan(want):
        return math.isnan(got)
    if math.isinf(want):
        return got == want
    return abs(got - want) <= atol + rtol * abs(want)


def differences(got, want, rtol, atol, place):
    """Every number that differs, and every list of another length."""
    if isinstance(want, list):
        if not isinstance(got, list) or len(got) != len(want):
            return [f"{place}: {got}, expected {want}"]
        return [found for i, pair in enumerate(zip(got, want))
                for found in differences(*pair, rtol, atol, f"{place}[{i}]")]
    if isinstance(got, (list, dict, bool)) or not same_number(got, want, rtol, atol):
        return [f"{place}: {got}, expected {want}"]
    return []


def compare(case, answer):
    expect = {**case["expect"], **OVERRIDES.get(case["id"], {})}
    if "error" in expect:
        return [] if expect["error"] in answer.get("error", "") else [f"{answer}, expected an error"]
    if set(expect) - set(answer):
        return [f"answer {answer}, expected the keys {sorted(expect)}"]
    return [found for key in expect
            for found in differences(answer[key], expect[key], case["rtol"], case["atol"], key)]


def check_golden(command, chosen):
    """The number of cases with a difference; the status says whether a line was an error."""
    failed = 0
    if not chosen:
        return 0
    found, status = answers(command, [case["input"] for case in chosen])
    for case, answer in zip(chosen, found):
        wrong = compare(case, answer)
        failed += bool(wrong)
        for line in wrong[:5]:
            print(f"{case['id']}: {line}")
    overridden = [case["id"] for case in chosen if case["id"] in OVERRIDES]
    print(f"{command}: {len(chosen)} golden cases compared, {failed} differ"
          + "".join(f"; {case} by the conventions, which it contradicts" for case in overridden))
    return failed + (status != (3 if any("error" in case["expect"] for case in chosen) else 0))


def fits(answer, expected, line):
    """Whether a line's answer is the one expected, or an error that names its line."""
    if isinstance(expected, str):
        error = answer.get("error", "")
        return set(answer) == {"error"} and expected in error and f"input:{line}: " in error
    if "metrics" in expected:
        return answer == expected
    if "per_list" in expected:
        expected = {"n_unscored": 0, **expected}
    return set(answer) == set(expected) and not any(
        differences(answer[key], expected[key], 1e-15, 0, key) for key in expected)


def check_protocol():
    failed = 0
    for command in ("loss", "metric"):
        chosen = [case[1:] for case in PROTOCOL if case[0] == command]
        found, status = answers(command, [line for line, _ in chosen])
        for number, ((line, expected), answer) in enumerate(zip(chosen, found), start=1):
            if not fits(answer, expected, number):
                print(f"{command}: {line} gave {answer}, expected {expected}")
                failed += 1
        good = [line for line, expected in chosen if isinstance(expected, dict)]
        if (status, answers(command, good)[1]) != (3, 0):
            print(f"{command}: a bad line must make exit status 3, and good lines 0")
            failed += 1
    print(f"{len(PROTOCOL)} lines of the protocol, {failed} differ")
    return failed


def check_streams():
    """Blank lines, broken JSON, a missing final newline, long lines, files, statuses."""
    text = b'\n  \r\n{"metric":\n{"metric":"\xff"}\n{"metric":"a\0"}\n' + json.dumps(MRR).encode()
    run = rankgrad("metric", text)
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    n = 300000
    long = json.dumps({"metric": "p@1", "scores": list(range(n)), "labels": [0] * (n - 1) + [1]})
    missing = rankgrad("metric", b"", "/nonexistent/file.jsonl")
    claims = {
        "status 3": run.returncode == 3,
        "four answers": len(lines) == 4,
        "errors name the line": all(f"input:{i + 3}: not JSON" in line.get("error", "")
                                    for i, line in enumerate(lines[:3])),
        "the last line needs no newline": lines[-1:] == [
            {"value": 0.5, "per_list": [0.5], "n_unscored": 0}],
        "a long line": rankgrad("metric", long.encode()).stdout.startswith(b'{"value": 1.0,'),
        "a missing file": missing.returncode == 5 and b"/nonexistent/file.jsonl" in missing.stderr,
        "no input": rankgrad("loss", b"").returncode == 0,
        "help": b"no_relevant" in rankgrad("metric", b"", "--help").stdout
                and b"ranking_softmax" in rankgrad("loss", b"", "--help").stdout,
    }
    failed = [claim for claim, holds in claims.items() if not holds]
    for claim in failed:
        print(f"streams: not so: {claim}")
    return len(failed)


def name_of(case):
    return case["input"]["loss"].split("(")[0]


def of_known_losses(found):
    """The cases whose loss the program has."""
    names = sorted({name_of(case) for case in found})
    probes, _ = answers("loss", [{"loss": name, "logits": [0], "labels": [0]} for name in names])
    known = {name for name, probe in zip(names, probes) if "unknown" not in probe.get("error", "")}
    if known != set(names):
        print("no such loss: " + ", ".join(sorted(set(names) - known)))
    return [case for case in found if name_of(case) in known]


def check_own():
    """The cases of tests/golden."""
    failed = 0
    for name in sorted(os.listdir(OWN) if os.path.isdir(OWN) else []):
        if not name.endswith(".jsonl"):
            continue
        found = cases(os.path.join(OWN, name))
        failed += check_golden("loss", of_known_losses([c for c in found if "loss" in c["input"]]))
        failed += check_golden("metric", [c for c in found if "metric" in c["input"]])
    return failed


def check_shared_losses():
    chosen = of_known_losses(cases(os.path.join(GOLDEN, "losses.jsonl")))
    failed = check_golden("loss", chosen)
    names = [name_of(case) for case in chosen]
    for name in sorted(set(names) | set(LEAST)):
        if names.count(name) < LEAST.get(name, 7):
            print(f"{name}: {names.count(name)} cases in the file, expected {LEAST.get(name, 7)}")
            failed += 1
    return failed


def main():
    failed = check_protocol() + check_streams() + check_own()
    if not os.path.isdir(GOLDEN):
        print(f"golden cases skipped: no folder {GOLDEN}")
        return 1 if failed else 77
    failed += check_shared_losses()
    chosen = cases(os.path.join(GOLDEN, "metrics.jsonl"),
                   lambda i: i["metric"].split("@")[0] in METRICS)
    if not chosen:
        print("metrics.jsonl: no case of " + ", ".join(METRICS))
        failed += 1
    failed += check_golden("metric", chosen)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

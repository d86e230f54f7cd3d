#!/usr/bin/env python3
"""`evaluate --run`: TREC runs and qrels, the numbers of trec_eval (golden/runs/trec.jsonl) and its format.
"""
import gzip
import json
import pathlib
import re
import subprocess
import unittest

import h5py

from test_found import RANKGRAD, Case

GOLDEN = pathlib.Path(__file__).parent / "golden" / "runs" / "trec.jsonl"
METRICS = "map,map@5,ndcg,mrr,r_precision,bpref,precision@5,10,20,recall@5,10,100,ndcg@1,5,10,1000,hit@1,5,10"
NAMES = ["map", "map@5", "ndcg", "mrr", "r_precision", "bpref", "precision@5", "precision@10",
         "precision@20", "recall@5", "recall@10", "recall@100", "ndcg@1", "ndcg@5", "ndcg@10", "ndcg@1000",
         "hit@1", "hit@5", "hit@10"]
THEIRS = {"map": "map", "ndcg": "ndcg", "mrr": "recip_rank", "r_precision": "Rprec", "bpref": "bpref",
          "map@": "map_cut_", "precision@": "P_", "recall@": "recall_", "ndcg@": "ndcg_cut_", "hit@": "success_"}
RUN = "q1 Q0 a 1 3 t\nq1 Q0 b 2 2 t\nq2 Q0 a 1 5 t\nq2 Q0 c 2 4 t\n"
QRELS = "q1 0 b 1\nq1 0 a 0\nq2 0 a 2\nq2 0 d 1\n"


def theirs(metric):
    name, at, k = re.sub(r"\(.*?\)", "", metric).partition("@")
    return THEIRS[name + at] + k


class Runs(Case):
    def write(self, name, text):
        (self.folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return name

    def files(self, run=RUN, qrels=QRELS):
        return "--run", self.write("run", run), "--qrels", self.write("qrels", qrels)

    def report(self, *arguments):
        return json.loads(self.run_program("evaluate", *arguments, "--format", "json")[0])

    def values(self, *arguments, metric="mrr"):
        lists = self.report(*arguments, "--metric", metric, "--per-list", "-")["per_list"]
        return {one["query"]: one[metric] for one in lists}

    def fails(self, words, *arguments, status=3):
        out, err = self.run_program("evaluate", *arguments, status=status)
        self.assertIn(words, err)
        self.assertEqual((out, err.count("\n")), ("", 1), err)


class TrecEval(Runs):
    def cases(self):
        for line in GOLDEN.read_text().splitlines():
            case = json.loads(line)
            with self.subTest(case["name"]):
                yield case, self.files(**case["input"])

    def test_values(self):
        """Of each query, the mean over those of both files, and that over all of the qrels (-c)."""
        for case, files in self.cases():
            for complete in (False, True):
                report = self.report(*files, "--metric", METRICS, "--per-list", "-",
                                     *["--complete"] * complete)
                lists = {one["query"]: one for one in report["per_list"]}
                self.assertEqual(list(report["metrics"]), NAMES)
                self.assertEqual(list(lists), sorted(lists, key=lambda q: q.encode()))
                self.assertEqual(len(lists), case["n_queries"])
                for metric in report["metrics"]:
                    sum_of = 0
                    for query, values in case["values"].items():
                        self.assertAlmostEqual(lists[query][metric], values[theirs(metric)],
                                               places=12, msg=f"{query} {metric}")
                        sum_of += values[theirs(metric)]
                    n = case["n_queries"] if complete else len(case["values"])
                    self.assertAlmostEqual(report["metrics"][metric]["value"], sum_of / n, places=12)
                    others = set(lists) - set(case["values"])
                    self.assertEqual({lists[q][metric] for q in others},
                                     {0 if complete else None} if others else set())

    def test_format(self):
        """trec_eval's lines, without and with those of queries (-q)."""
        for case, files in self.cases():
            out, _ = self.run_program("evaluate", *files, "--metric", METRICS, "--format", "trec",
                                      "--per-list", "-")
            means, _ = self.run_program("evaluate", *files, "--metric", METRICS, "--format", "trec")
            names = [theirs(metric) for metric in self.report(*files, "--metric", METRICS)["metrics"]]
            queries = sorted(case["values"], key=lambda q: q.encode())
            lines = out.splitlines(keepends=True)
            n = len(names) * len(queries)
            self.assertEqual(lines[:n], [f"{name:<22}\t{q}\t{case['values'][q][name]:6.4f}\n"
                                         for q in queries for name in names])
            self.assertEqual("".join(lines[n:]), means)
            for name, line in zip(names, lines[n:], strict=True):
                mean = sum(case["values"][q][name] for q in queries) / len(queries)
                self.assertEqual(line.split("\t")[:2], [f"{name:<22}", "all"])
                self.assertAlmostEqual(float(line.split("\t")[2]), mean, delta=0.500001e-4)

    def test_names(self):
        """Metrics that trec_eval lacks, or computes in another way, keep our names."""
        out, _ = self.run_program("evaluate", *self.files(), "--format", "trec", "--metric",
                                  "arp,mrr@5,map(divisor=min)@2,err@3,rbp(p=0.5),f1@2,ndcg")
        self.assertEqual([line.split()[0] for line in out.splitlines()],
                         ["arp", "mrr@5", "map(divisor=min,", "err@3", "rbp(p=0.5)", "f1@2", "ndcg"])


class Reading(Runs):
    def test_forms(self):
        """The same files in every form that is read."""
        expected = self.report(*self.files(), "--metric", METRICS)["metrics"]
        forms = {"tabs": (RUN.replace(" ", "\t"), QRELS.replace(" ", "\t")),
                 "blanks": (RUN.replace(" ", "  \t"), QRELS.replace("\n", " \n")),
                 "CRLF": (RUN.replace("\n", "\r\n"), QRELS.replace("\n", "\r\n")),
                 "blank lines": ("\n" + RUN + "\n \n", "\n\n" + QRELS), "mark": ("\ufeff" + RUN, "\ufeff" + QRELS),
                 "no end": (RUN[:-1], QRELS[:-1]),
                 "other order": ("".join(reversed(RUN.splitlines(True))), "".join(reversed(QRELS.splitlines(True)))),
                 "other words": (RUN.replace("Q0", "x").replace(" t", " y"), QRELS.replace(" 0 ", " it ", 1)),
                 "numbers": (RUN.replace(" 3 t", " 3.0e0 t"), QRELS.replace(" 2\n", " +2\n"))}
        for name, (run, qrels) in forms.items():
            with self.subTest(name):
                self.assertEqual(self.report(*self.files(run, qrels), "--metric", METRICS)["metrics"],
                                 expected)
                self.write("run.gz", gzip.compress(run.encode()))
                self.write("qrels.gz", gzip.compress(qrels.encode()))
                self.assertEqual(self.report("--run", "run.gz", "--qrels", "qrels.gz", "--metric",
                                             METRICS)["metrics"], expected)
        self.files()
        done = subprocess.run([RANKGRAD, "evaluate", "--run", "-", "--qrels", "qrels", "--format", "json",
                               "--metric", METRICS], input=RUN, cwd=self.folder, text=True, check=True,
                              stdout=subprocess.PIPE)
        self.assertEqual(json.loads(done.stdout)["metrics"], expected)

    def test_bad_lines(self):
        for line, words in (
                ("q1 Q0 c 1 2", "run:3: found 5 words, expected 6: \"query Q0 document rank score tag\""),
                ("q1", "run:3: found 1 word, expected 6"), ("q1 0 a 1", "run:3: found 4 words"),
                ("q1 Q0 c 1 2 t more", 'run:3:15: found "more", expected the end of the line'),
                ("q1 Q0 c 1 x t", 'run:3:11: found "x", expected a score, a number'),
                ("q1 Q0 c 1 2x t", 'found "2x"'), ("q1 Q0 c 1 nan t", 'found "nan", expected a score'),
                ("q1 Q0 c 1 NaN t", 'found "NaN"'), ("q1 Q0 c 1 0x1 t", 'found "0x1"'),
                ("q1 Q0 c 1 1,5 t", 'found "1,5"'), ("q1 Q0 c 1 - t", 'found "-"'),
                ("q1 Q0 a 3 1 t", 'run:3: document "a" of query "q1" was in line 1 already'),
                ("q1\0 Q0 c 3 1 t", "run:3: found a NUL byte")):
            with self.subTest(line=line):
                lines = RUN.splitlines()
                self.fails(words, *self.files("\n".join([*lines[:2], line, *lines[2:]]) + "\n"))
        for line, words in (
                ("q1 0 c", "qrels:3: found 3 words, expected 4: \"query iteration document relevance\""),
                ("q1 0 c 1 2", 'qrels:3:10: found "2", expected the end of the line'),
                ("q1 0 c x", 'qrels:3:8: found "x", expected a relevance, a whole number'),
                ("q1 0 c 0.5", 'found "0.5", expected a relevance'), ("q1 0 c nan", 'found "nan"'),
                ("q1 0 c inf", 'found "inf"'), ("q1 0 c 1e300", 'found "1e300"'),
                ("q1 0 b 1", 'qrels:3: document "b" of query "q1" was in line 1 already'),
                ("q1 1 b 0", 'qrels:3: document "b" of query "q1" was in line 1 already')):
            with self.subTest(line=line):
                lines = QRELS.splitlines()
                self.fails(words, *self.files(qrels="\n".join([*lines[:2], line, *lines[2:]]) + "\n"))
        self.fails("run:2: the id \"?\" is not valid UTF-8", *self.files(b"q1 Q0 a 1 3 t\nq1 Q0 \xff 2 2 t\n"))
        twice = RUN + "q2 Q0 c 9 9 t\n" + RUN  # the first in the file
        self.fails('run:5: document "c" of query "q2" was in line 4', *self.files(twice))

    def test_bad_files(self):
        for text in ("", "\n", " \n\r\n"):
            self.fails("run: no lines; expected lines \"query Q0", *self.files(run=text))
            self.fails("qrels: no lines; expected lines \"query iter", *self.files(qrels=text))
        self.files()
        self.fails("expected the end of the line after the relevance", "--run", "run", "--qrels", "run")
        self.fails("found 4 words, expected 6", "--run", "qrels", "--qrels", "qrels")
        self.fails("none: cannot open", "--run", "none", "--qrels", "qrels", status=5)
        self.fails("none: cannot open", "--run", "run", "--qrels", "none", status=5)
        self.write("cut.gz", gzip.compress(RUN.encode())[:-6])
        self.fails("cut.gz", "--run", "cut.gz", "--qrels", "qrels", status=4)
        self.hdf5("d.h5", x=[1.0])
        self.fails("d.h5: is HDF5; expected text", "--run", "d.h5", "--qrels", "qrels")

    def test_queries_of_one_file(self):
        run = RUN + "q9 Q0 a 1 1 t\n"
        qrels = QRELS + "q5 0 a 1\nq6 0 a 0\n"
        out, err = self.run_program("evaluate", *self.files(run, qrels), "--metric", "mrr")
        self.assertIn("2 of 4 queries of qrels are missing, and left out", err)
        self.assertIn("1 query not in qrels, and ignored", err)
        self.assertRegex(out, r"mrr +0.750000 +4 +0 +2 +0\n")
        out, err = self.run_program("evaluate", *self.files(run, qrels), "--metric", "mrr", "--complete")
        self.assertIn("count as lists without a retrieved document", err)
        self.assertRegex(out, r"mrr +0.375000 +4 +1 +0 +0\n")
        self.fails('run: no query of qrels: the queries are "q1" ... and "x" ...', *self.files(qrels="x 0 a 1\n"))
        self.assertEqual(self.values(*self.files(qrels="x 0 a 1\n"), "--complete"), {"x": 0})

    def test_unjudged_documents(self):
        """They count as not relevant; bpref ignores them, and documents of negative relevance."""
        run = "q Q0 u 1 9 t\nq Q0 n 2 8 t\nq Q0 a 3 7 t\nq Q0 b 4 6 t\n"
        files = self.files(run, "q 0 a 1\nq 0 b 0\nq 0 n -1\n")
        self.assertEqual(self.values(*files, metric="mrr"), {"q": 1 / 3})
        self.assertEqual(self.values(*files, metric="bpref"), {"q": 1})

    def test_conventions(self):
        """trec_eval's, unless options say otherwise; --ties input follows the lines of the run."""
        files = self.files("q Q0 a 1 1 t\nq Q0 b 2 1 t\nq Q0 c 3 1 t\n", "q 0 a 2\nq 0 b 0\nq 0 c 1\n")
        report = self.report(*files)
        self.assertEqual(report["conventions"], {"like": "trec_eval"})
        c = report["metrics"]["ndcg@10"]["conventions"]
        self.assertEqual((c["gain"], c["ties"], c["score_type"]), ("linear", "docid", "f32"))
        self.assertEqual((report["run"], report["data"]), ("run", "qrels"))
        for ties, value in (("docid", 1), ("input", 1), ("average", (1 + 1 + 1 / 2) / 3)):
            self.assertAlmostEqual(self.values(*files, "--ties", ties, metric="mrr")["q"], value)
        files = self.files("q Q0 b 1 1 t\nq Q0 a 2 1 t\nq Q0 c 3 1 t\n", "q 0 a 2\nq 0 b 0\nq 0 c 0\n")
        for ties, value in (("docid", 1 / 3), ("input", 1 / 2), ("pessimistic", 1 / 3)):
            self.assertAlmostEqual(self.values(*files, "--ties", ties, metric="mrr")["q"], value)
        linear, exp = (self.values(*self.files(), *more, metric="ndcg")["q2"]
                       for more in ((), ("--gain", "exp")))
        self.assertNotEqual(linear, exp)
        files = self.files("q Q0 a 1 1 t\nq Q0 b 2 1.000000001 t\n", "q 0 a 1\nq 0 b 0\n")
        self.assertEqual(self.values(*files, "--score-type", "f64"), {"q": 1 / 2})
        files = self.files("q Q0 b 1 1 t\nq Q0 a 2 1.000000001 t\n", "q 0 a 1\nq 0 b 0\n")
        for score_type, value in (("f32", 1 / 2), ("f64", 1)):
            self.assertEqual(self.values(*files, "--score-type", score_type), {"q": value})
        self.assertEqual(self.values(*self.files(), "--relevance-threshold", "2")["q2"], 1)

    def test_compare(self):
        """Runs with other documents and queries: lists are paired by query."""
        files = self.files(RUN + "q4 Q0 a 1 1 t\n", QRELS + "q3 0 a 1\nq4 0 a 1\n")
        self.write("other", "q3 Q0 a 1 1 t\nq2 Q0 d 1 2 t\nq2 Q0 x 1 1 t\nq1 Q0 b 1 1 t\n")
        found = self.report(*files, "--compare", "other", "--metric", "mrr")["metrics"]["mrr"]
        self.assertAlmostEqual(found["value"], (0.5 + 1 + 1) / 3)
        c = found["comparison"]
        self.assertEqual((c["n_lists"], c["won"], c["tied"], c["lost"]), (2, 0, 1, 1))
        self.assertEqual(c["other"], 1)
        c = self.report(*files, "--compare", "other", "--metric", "mrr", "--complete")["metrics"]["mrr"]["comparison"]
        self.assertEqual((c["n_lists"], c["won"], c["tied"], c["lost"]), (4, 1, 1, 2))
        self.run_program("evaluate", *files, "--compare", "other", "--per-list", "lists.tsv",
                         "--metric", "mrr")
        self.assertEqual((self.folder / "lists.tsv").read_text(),
                         "query\tmrr\tother mrr\nq1\t0.5\t1\nq2\t1\t1\nq3\tnan\t1\nq4\t1\tnan\n")
        self.fails("bad:1: found 1 word, expected 6", *self.files(), "--compare",
                   self.write("bad", "x\n"))

    def test_arguments(self):
        run, qrels = self.files()[:2], self.files()[2:]
        for words, arguments in (
                ("expected --qrels FILE", run), ("--qrels is of use with --run alone", qrels),
                ("--complete is of use with --run alone", ("m", "d", "--complete")),
                ("'d' is one argument too many; expected no arguments with --run", (*run, *qrels, "d")),
                ("no use for --scores", (*run, *qrels, "--scores", "s")),
                ("no use for --split", (*run, *qrels, "--split", "test")),
                ("no use for --weighted", (*run, *qrels, "--weighted")),
                ("no use for --group", (*run, *qrels, "--group", "g")),
                ("no use for --features", (*run, *qrels, "--features", "3")),
                ("no place for --compare", (*run, *qrels, "--compare", "run", "--format", "trec"))):
            self.fails(words, *arguments, status=2)

    def test_what_predict_writes(self):
        """The same numbers as for the model, where both use the same conventions."""
        self.run_program("generate", "-o", "d.h5", "--lists", 60, "--features", 4)
        self.run_program("train", "d.h5", "-o", "m.h5", "-q", "--epochs", 2)
        for name, form in (("run", "trec"), ("s.tsv", "tsv")):
            self.run_program("predict", "m.h5", "d.h5", "-o", name, "--format", form)
        with h5py.File(self.folder / "d.h5") as f:
            labels = f["test/labels"][...]
        rows = [line.split("\t") for line in (self.folder / "s.tsv").read_text().splitlines()[1:]]
        self.write("qrels", "".join(f"{q} 0 {d} {int(y)}\n" for (q, d, _), y in zip(rows, labels, strict=True)))
        metrics = ("--metric", "ndcg@10,map,bpref,mrr")
        model = self.report("m.h5", "d.h5", *metrics, "--like", "trec_eval")["metrics"]
        run = self.report("--run", "run", "--qrels", "qrels", *metrics)["metrics"]
        for metric, values in model.items():
            self.assertAlmostEqual(run[metric]["value"], values["value"], places=12)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""`evaluate`: values per list, bootstrap intervals, comparisons, and scores of other tools."""
import gzip
import itertools
import json
import math
import os
import pathlib
import re
import stat
import subprocess
import unittest

import numpy

from test_found import RANKGRAD, Case


class Scored(Case):
    """Files of scores for data with one row per label."""

    def data(self, labels, name="data.h5", **more):
        """Lists of labels, as HDF5 with one feature."""
        flat = [y for one in labels for y in one]
        offsets = numpy.cumsum([0, *map(len, labels)])
        self.hdf5(name, features=numpy.zeros((len(flat), 1), "f4"), labels=numpy.array(flat, "f8"),
                  offsets=offsets, **more)
        return name

    def scores(self, lists, name="scores.txt"):
        flat = [s for one in lists for s in (one if isinstance(one, list) else [one])]
        (self.folder / name).write_text("".join(f"{s}\n" for s in flat))
        return name

    def report(self, *arguments):
        out, _ = self.run_program("evaluate", *arguments, "--format", "json")
        return json.loads(out)

    def table(self, name):
        """The columns of a TSV file."""
        rows = [line.split("\t") for line in (self.folder / name).read_text().splitlines()]
        return {column[0]: list(column[1:]) for column in zip(*rows)}

    def random(self, n=30, seed=3):
        """Data and two files of scores."""
        rng = numpy.random.default_rng(seed)
        labels = [rng.integers(0, 3, rng.integers(1, 9)) for _ in range(n)]
        for name in ("a.txt", "b.txt"):
            self.scores([list(y + rng.normal(0, 1.5, len(y))) for y in labels], name)
        return self.data(labels), labels


LABELS = [[1, 0, 0], [0, 0], [2, 1, 0, 0], [0, 1]]
SCORES = [[1, 2, 3], [1, 2], [4, 3, 2, 1], [1, 2]]


class PerList(Scored):
    def test_values(self):
        """Of lists in the mean and outside of it, with ids and without."""
        ids = [b"q1", b"b c", b"q3", b"q4", b"q5"]
        labels, mask = [*LABELS, [1, 1]], numpy.array([1] * 11 + [0, 0], "u1")
        scores = self.scores([*SCORES, [1, 1]])
        for more, names in (({}, list("12345")), ({"query_ids": ids}, [i.decode() for i in ids])):
            data = self.data(labels, "data.h5" if more else "plain.h5", mask=mask, **more)
            for skip in (False, True):
                with self.subTest(more=more, skip=skip):
                    options = ["--metric", "mrr,ndcg@10", *["--no-relevant", "skip"] * skip]
                    out, _ = self.run_program("evaluate", "--scores", scores, data, "--per-list",
                                              "lists.tsv", "--force", *options)
                    table = self.table("lists.tsv")
                    self.assertEqual(list(table), ["query", "mrr", "ndcg@10"])
                    self.assertEqual(table["query"], names)
                    # the last list has only masked rows
                    self.assertEqual(table["mrr"], [f"{1 / 3:.17g}", "nan" if skip else "0", "1",
                                                    "1", "nan"])
                    report = self.report("--scores", scores, data, *options)["metrics"]
                    for metric in ("mrr", "ndcg@10"):
                        mean = numpy.nanmean([float(v) for v in table[metric]])
                        self.assertAlmostEqual(report[metric]["value"], mean, places=14)
                    self.assertIn("mrr", out)

    def test_standard_output(self):
        """The report makes way, except in JSON, which has the values in it."""
        data, _ = self.random()
        common = ("--scores", "a.txt", data)
        self.run_program("evaluate", *common, "--per-list", "lists.tsv")
        lists = (self.folder / "lists.tsv").read_text()
        for path in ("-", "/dev/stdout"):
            for form in ("text", "tsv"):
                out, err = self.run_program("evaluate", *common, "--per-list", path, "--format", form)
                self.assertEqual(out, lists)
                self.assertIn("metric", err)
            report = self.report(*common, "--per-list", path)
            self.assertEqual([one["query"] for one in report["per_list"]],
                             self.table("lists.tsv")["query"])
            self.assertEqual([one["map"] for one in report["per_list"]],
                             [float(v) for v in self.table("lists.tsv")["map"]])
        self.assertNotIn("per_list", self.report(*common, "--per-list", "lists.tsv"))
        self.assertNotIn("per_list", self.report(*common))

    def test_json_of_lists_outside_of_the_mean(self):
        self.scores(SCORES)
        one = self.report("--scores", "scores.txt", self.data(LABELS), "--per-list", "-",
                          "--metric", "mrr", "--no-relevant", "skip")["per_list"][1]
        self.assertEqual(one, {"query": "2", "n_unscored": 0, "mrr": None})

    def test_with_a_second_ranking(self):
        data, _ = self.random()
        self.run_program("evaluate", "--scores", "b.txt", data, "--per-list", "b.tsv")
        self.run_program("evaluate", "--scores", "a.txt", data, "--compare", "b.txt", "--per-list",
                         "both.tsv")
        both, b = self.table("both.tsv"), self.table("b.tsv")
        self.assertEqual(list(both), ["query", "ndcg@10", "map", "other ndcg@10", "other map"])
        self.assertEqual(both["other map"], b["map"])
        self.assertNotEqual(both["map"], b["map"])
        report = self.report("--scores", "a.txt", data, "--compare", "b.txt", "--per-list", "-")
        self.assertEqual([one["other"]["map"] for one in report["per_list"]],
                         [float(v) for v in b["map"]])

    def test_what_is_replaced(self):
        """As docs/outputs.md says; a failing command leaves the file as it was."""
        data, _ = self.random()
        common = ("evaluate", "--scores", "a.txt", data, "--per-list")
        file = self.folder / "lists.tsv"
        self.run_program(*common, "lists.tsv")
        first = file.read_text()
        self.run_program(*common, "lists.tsv")  # the same names
        for options, old in (((), "some text\n"), ((), first[:5]), (("--metric", "map"), first),
                             (("--metric", "ndcg@10"), first), (("--compare", "b.txt"), first),
                             ((), first.replace("map", "map\tother", 1))):
            file.write_text(old)
            _, err = self.run_program(*common, "lists.tsv", *options, status=2)
            self.assertIn("only replaced with --force", err)
            self.assertEqual(file.read_text(), old)
            self.run_program(*common, "lists.tsv", *options, "--force")
            self.assertNotEqual(file.read_text(), old)
        file.write_text("")
        self.run_program(*common, "lists.tsv")
        for path, status in (("a.txt", 2), (data, 2), ("no/file", 5), (".", 5)):
            before = (self.folder / "a.txt").read_text()
            self.run_program(*common, path, "--force", status=status)
            self.assertEqual((self.folder / "a.txt").read_text(), before)
        file.write_text(first)
        self.scores([1, 2, 3], "short.txt")
        self.run_program("evaluate", "--scores", "short.txt", data, "--per-list", "lists.tsv",
                         status=3)
        self.assertEqual(file.read_text(), first)
        self.assertEqual([p.name for p in self.folder.iterdir() if ".tmp-" in p.name], [])

    def test_mode_is_kept(self):
        data, _ = self.random()
        file = self.folder / "lists.tsv"
        self.run_program("evaluate", "--scores", "a.txt", data, "--per-list", "lists.tsv")
        file.chmod(0o640)
        (self.folder / "link").symlink_to("lists.tsv")
        self.run_program("evaluate", "--scores", "a.txt", data, "--per-list", "link")
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o640)
        self.assertTrue((self.folder / "link").is_symlink())


class Intervals(Scored):
    def interval(self, *arguments, metric="map"):
        return self.report(*arguments, "--metric", metric, "--bootstrap", "2000")["metrics"][metric]

    def test_they_hold_the_mean(self):
        data, _ = self.random()
        widths = []
        for level in ("0.5", "0.9", "0.95", "0.999"):
            found = self.interval("--scores", "a.txt", data, "--confidence", level)
            low, high = found["interval"]
            self.assertTrue(low < found["value"] < high)
            widths.append(high - low)
        self.assertEqual(widths, sorted(widths))
        self.assertNotIn("interval", self.report("--scores", "a.txt", data)["metrics"]["map"])

    def test_bits(self):
        """They follow the seed, and neither threads nor the other metrics."""
        data, _ = self.random()
        common = ("--scores", "a.txt", data)
        one = self.interval(*common)
        for more in (("--threads", "1"), ("--threads", "3"), ("--threads", "4"), ("--seed", "1"),
                     ("--metric", "mrr,arp")):
            self.assertEqual(self.interval(*common, *more), one, more)
        self.assertNotEqual(self.interval(*common, "--seed", "2"), one)

    def test_against_numpy(self):
        """With weights and without: the quantiles of another bootstrap, up to its noise."""
        rng = numpy.random.default_rng(1)
        data, labels = self.random()
        weights = rng.integers(0, 4, len(labels)).astype("f8")
        self.data(labels, "weighted.h5", list_weights=weights)
        self.run_program("evaluate", "--scores", "a.txt", data, "--per-list", "lists.tsv")
        values = numpy.array([float(v) for v in self.table("lists.tsv")["map"]])
        for name, w, more in ((data, numpy.ones(len(labels)), ()),
                              ("weighted.h5", weights, ("--weighted",))):
            v, w = values[w > 0], w[w > 0]
            drawn = rng.integers(0, len(v), (20000, len(v)))
            means = (w[drawn] * v[drawn]).sum(axis=1) / w[drawn].sum(axis=1)
            found = self.interval("--scores", "a.txt", name, *more)
            self.assertAlmostEqual(found["value"], (w * v).sum() / w.sum(), places=12)
            for end, q in zip(found["interval"], (0.025, 0.975)):
                self.assertAlmostEqual(end, numpy.quantile(means, q), delta=0.012)

    def test_lists_that_are_left_out(self):
        """Skipped lists, lists without rows and lists of weight 0 change nothing."""
        rng = numpy.random.default_rng(5)
        labels = [[int(y) for y in rng.integers(0, 3, 5)] + [1] for _ in range(12)]
        scores = [list(rng.normal(0, 1, 6)) for _ in range(12)]
        expected = self.interval("--scores", self.scores(scores), self.data(labels))
        self.scores([[1, 2], *scores, [3]], "more.txt")
        skip = self.interval("--scores", "more.txt", self.data([[0, 0], *labels, [0]]),
                             "--no-relevant", "skip")
        mask = numpy.array([0, 0] + [1] * 72 + [0], "u1")
        empty = self.interval("--scores", "more.txt",
                              self.data([[0, 1], *labels, [0]], "masked.h5", mask=mask))
        w = numpy.array([0] + [2.5] * 12 + [0])
        weighted = self.interval("--scores", "more.txt", "--weighted",
                                 self.data([[0, 1], *labels, [0]], "w.h5", list_weights=w))
        for found in (skip, empty, weighted):
            self.assertEqual(found["interval"], expected["interval"])
            self.assertAlmostEqual(found["value"], expected["value"], places=15)

    def test_few_lists(self):
        for labels in ([[1, 0]], [[0, 0], [1, 0]]):
            n = sum(map(len, labels))
            found = self.interval("--scores", self.scores(list(range(n))), self.data(labels, str(n)),
                                  "--no-relevant", "skip")
            self.assertEqual(found["interval"], ["NaN", "NaN"])
        out, _ = self.run_program("evaluate", "--scores", self.scores([1, 2]),
                                  self.data([[1, 0]], "x.h5"), "--bootstrap", 10)
        self.assertIn("[-, -]", out)

    def test_wrong_options(self):
        data, _ = self.random()
        for options, words in ((("--bootstrap", "-1"), "--bootstrap"), (("--bootstrap", "x"), "--bootstrap"),
                               (("--bootstrap", "1e9"), "--bootstrap"),
                               (("--bootstrap", "10000001"), "--bootstrap"),
                               (("--confidence", "95"), "--confidence"),
                               (("--confidence", "0"), "--confidence"),
                               (("--confidence", "1"), "--confidence"),
                               (("--permutations", "0"), "--permutations"),
                               (("--seed", "-1"), "--seed")):
            out, err = self.run_program("evaluate", "--scores", "a.txt", data, *options, status=2)
            self.assertIn(words, err)
            self.assertEqual(out, "")


class Compare(Scored):
    def compare(self, data, *options, metric="map", a="a.txt", b="b.txt"):
        report = self.report("--scores", a, data, "--compare", b, "--metric", metric, *options)
        return report["metrics"][metric]["comparison"]

    def test_against_numpy(self):
        data, _ = self.random()
        self.run_program("evaluate", "--scores", "a.txt", data, "--compare", "b.txt", "--metric",
                         "map,arp,mrr", "--per-list", "lists.tsv", "--no-relevant", "skip")
        table = self.table("lists.tsv")
        for metric, sign in (("map", 1), ("arp", -1), ("mrr", 1)):
            c = self.compare(data, "--no-relevant", "skip", metric=metric)
            a, b = ([float(v) for v in table[column]] for column in (metric, "other " + metric))
            d = numpy.array([x - y for x, y in zip(a, b) if not math.isnan(x)])
            self.assertLess(len(d), len(a))  # some lists are skipped
            d[abs(d) < 1e-12] = 0
            n = len(d)
            self.assertEqual(c["n_lists"], n)
            self.assertEqual((c["won"], c["tied"], c["lost"]),
                             tuple(int((sign * d > 0).sum()) if s > 0 else int((sign * d < 0).sum())
                                   if s < 0 else int((d == 0).sum()) for s in (1, 0, -1)))
            self.assertAlmostEqual(c["other"], numpy.nanmean(b), places=12)
            self.assertAlmostEqual(c["difference"], d.mean(), places=10)
            self.assertAlmostEqual(c["effect_size"], d.mean() / d.std(ddof=1), places=9)
            self.assertAlmostEqual(c["t_test"]["statistic"],
                                   d.mean() / d.std(ddof=1) * n ** 0.5, places=8)
            low, high = c["interval"]
            self.assertTrue(low < d.mean() < high)
            for test in ("t_test", "wilcoxon", "randomization"):
                self.assertTrue(0 < c[test]["p"] <= 1, test)

    def test_exact_tests_by_enumeration(self):
        """Six lists with a relevant item at different ranks."""
        ranks_a, ranks_b = [1, 1, 2, 3, 1, 2], [2, 1, 4, 2, 3, 5]
        data = self.data([[1] + [0] * 5] * 6)
        for name, ranks in (("a.txt", ranks_a), ("b.txt", ranks_b)):
            self.scores([[6.5 - r, 6, 5, 4, 3, 2] for r in ranks], name)
        d = numpy.array([1 / a - 1 / b for a, b in zip(ranks_a, ranks_b)])
        found = self.compare(data, metric="mrr")
        used = d[d != 0]
        order = numpy.argsort(numpy.argsort(abs(used))) + 1.0
        for value in set(numpy.round(abs(used), 12)):
            same = numpy.isclose(abs(used), value)
            order[same] = order[same].mean()
        signs = numpy.array(list(itertools.product((1, -1), repeat=len(used))))
        w = numpy.where(signs > 0, order, 0).sum(axis=1)
        observed = min(order[used > 0].sum(), order[used < 0].sum())
        self.assertEqual(found["wilcoxon"]["statistic"], observed)
        self.assertAlmostEqual(found["wilcoxon"]["p"], min(1, 2 * (w <= observed).mean()), places=14)
        sums = abs((signs * used).sum(axis=1))
        self.assertAlmostEqual(found["randomization"]["p"],
                               (sums >= abs(used.sum()) - 1e-12).mean(), places=14)
        self.assertTrue(found["wilcoxon"]["exact"] and found["randomization"]["exact"])
        self.assertEqual((found["won"], found["tied"], found["lost"]), (4, 1, 1))

    def test_swapped_and_the_same(self):
        data, _ = self.random()
        ab, ba = self.compare(data), self.compare(data, a="b.txt", b="a.txt")
        self.assertEqual(ab["difference"], -ba["difference"])
        self.assertEqual((ab["won"], ab["lost"]), (ba["lost"], ba["won"]))
        for test in ("t_test", "wilcoxon", "randomization"):
            self.assertEqual(ab[test]["p"], ba[test]["p"])
        same = self.compare(data, b="a.txt")
        self.assertEqual((same["won"], same["tied"], same["lost"]), (0, same["n_lists"], 0))
        self.assertEqual([same[t]["p"] for t in ("t_test", "wilcoxon", "randomization")], [1, 1, 1])
        self.assertEqual((same["effect_size"], same["interval"]), (0, [0, 0]))

    def test_rounding_is_no_difference(self):
        """Equal values of a metric may differ in the last bits when they are summed in another order."""
        data = self.data([[1, 2, 1, 2, 1, 0, 2, 1]] * 9)
        a, b = [], []
        for _ in range(9):
            a.append([8, 7, 6, 5, 4, 3, 2, 1])
            b.append([8, 7, 6, 5, 4, 3, 2, 1])
            b[-1][0], b[-1][2] = a[-1][2], a[-1][0]  # items of one label change places
        self.scores(a, "a.txt")
        self.scores(b, "b.txt")
        found = self.compare(data, metric="ndcg")
        self.assertEqual((found["tied"], found["t_test"]["p"]), (9, 1))

    def test_one_and_two_lists(self):
        for labels, p in (([[1, 0]], "NaN"), ([[1, 0], [1, 0]], 0)):
            n = 2 * len(labels)
            data = self.data(labels, f"{n}.h5")
            self.scores([2, 1] * len(labels), "a.txt")
            self.scores([1, 2] * len(labels), "b.txt")
            found = self.compare(data, metric="mrr")
            self.assertEqual(found["t_test"]["p"], p)
            self.assertEqual(found["won"], len(labels))
            self.assertEqual(found["randomization"]["p"], 2 ** (1 - len(labels)))

    def test_no_list_left(self):
        data = self.data([[0, 0], [0]])
        self.scores([2, 1, 1], "a.txt")
        self.scores([1, 2, 1], "b.txt")
        found = self.compare(data, "--no-relevant", "skip")
        self.assertEqual((found["n_lists"], found["difference"]), (0, "NaN"))
        out, _ = self.run_program("evaluate", "--scores", "a.txt", data, "--compare", "b.txt",
                                  "--no-relevant", "skip")
        self.assertIn("no list has a relevant item", out)

    def test_weights(self):
        """Lists of weight 0 are left out, and the scale of weights does not matter."""
        _, labels = self.random()
        rng = numpy.random.default_rng(9)
        w = rng.integers(1, 4, len(labels)).astype("f8")
        w[3] = w[7] = 0
        self.data(labels, "w.h5", list_weights=w)
        self.data(labels, "w8.h5", list_weights=8 * w)
        self.data(labels, "one.h5", list_weights=numpy.ones(len(labels)))
        weighted = self.compare("w.h5", "--weighted")
        self.assertEqual(weighted, self.compare("w8.h5", "--weighted"))
        self.assertEqual(weighted["n_lists"], len(labels) - 2)
        self.assertEqual(self.compare("one.h5", "--weighted"), self.compare("one.h5"))
        self.assertNotEqual(weighted["t_test"], self.compare("w.h5")["t_test"])

    def test_formats_agree(self):
        data, _ = self.random(80)
        c = self.compare(data)
        common = ("evaluate", "--scores", "a.txt", data, "--compare", "b.txt", "--metric", "map")
        tsv, _ = self.run_program(*common, "--format", "tsv")
        row = dict(zip(*(line.split("\t") for line in tsv.splitlines())))
        for key, value in (("other", c["other"]), ("difference", c["difference"]),
                           ("difference_low", c["interval"][0]), ("difference_high", c["interval"][1]),
                           ("effect_size", c["effect_size"]), ("won", c["won"]), ("tied", c["tied"]),
                           ("lost", c["lost"]), ("t_test_p", c["t_test"]["p"]),
                           ("wilcoxon_p", c["wilcoxon"]["p"]),
                           ("randomization_p", c["randomization"]["p"])):
            self.assertEqual(float(row[key]), value, key)
        text, _ = self.run_program(*common)
        for words in (f"{c['difference']:.6f}", f"{c['t_test']['p']:.4g}", "10000 samples, seed 1",
                      f"{c['wilcoxon']['p']:.4g} exact", f"{c['randomization']['p']:.4g} sampled"):
            self.assertIn(words, text)

    def test_models(self):
        """A model's scores are those that predict writes; the second may be a model, too."""
        self.run_program("generate", "-o", "d.h5", "--lists", 40, "--features", 4)
        for name, epochs in (("m.h5", 5), ("n.h5", 1)):
            self.run_program("train", "d.h5", "-o", name, "-q", "--epochs", epochs, "--lr", 0.01)
        for name, form in (("n.txt", "scores"), ("n.tsv", "tsv")):
            self.run_program("predict", "n.h5", "d.h5", "-o", name, "--format", form)
        with gzip.open(self.folder / "n.gz", "wt") as stream:
            stream.write((self.folder / "n.tsv").read_text())
        reports = [self.report("m.h5", "d.h5", "--compare", other)
                   for other in ("n.h5", "n.txt", "n.tsv", "n.gz")]
        for report in reports:
            self.assertEqual(report["metrics"], reports[0]["metrics"])
        self.run_program("convert", "n.h5", "-o", "n.bin")
        self.assertEqual(self.report("m.h5", "d.h5", "--compare", "n.bin")["metrics"],
                         reports[0]["metrics"])
        self.assertEqual(self.report("n.h5", "d.h5")["metrics"]["map"]["value"],
                         reports[0]["metrics"]["map"]["comparison"]["other"])
        for other, status, words in (("none", 5, "none: cannot open"), ("d.h5", 3, "nor is it a model")):
            _, err = self.run_program("evaluate", "m.h5", "d.h5", "--compare", other, status=status)
            self.assertIn(words, err)


class Scores(Scored):
    def test_forms(self):
        """The same scores in every form that is read."""
        ids = {"query_ids": [b"a b", b"q2"], "doc_ids": [b"x", b"y z", b"w"]}
        data, named = self.data([[1, 0], [2]]), self.data([[1, 0], [2]], "named.h5", **ids)
        expected = self.report("--scores", self.scores([0.5, 1, 2]), data)["metrics"]
        forms = {
            "plain": "0.5\n1\n2\n", "no end": "0.5\n1\n2", "blank lines": "\n0.5\n\n 1 \n2\n\n",
            "CRLF": "0.5\r\n1\r\n2\r\n", "mark": "\ufeff0.5\n1\n2\n", "exponent": "5e-1\n+1E0\n2.0\n",
            "names": "score\n0.5\n1\n2\n", "catboost": "SampleId\tRawFormulaVal\n0\t0.5\n1\t1\n2\t2\n",
            "catboost alone": "RawFormulaVal\n0.5\n1\n2\n", "case": "a\tSCORE\nx\t0.5\nx\t1\nx\t2\n",
            "TSV with CRLF": "score\tx\r\n0.5\t\r\n1\t\r\n2\t\r\n", "prediction": "prediction\n0.5\n1\n2\n",
            "numbers": "query\tdocument\tscore\n1\t1\t0.5\n1\t2\t1\n2\t3\t2\n"}
        for name, text in forms.items():
            with self.subTest(form=name):
                (self.folder / "form").write_bytes(text.encode())
                (self.folder / "form.gz").write_bytes(gzip.compress(text.encode()))
                for file in ("form", "form.gz"):
                    self.assertEqual(self.report("--scores", file, data)["metrics"], expected)
        (self.folder / "ids").write_text("query\tdocument\tscore\na b\tx\t0.5\na b\ty z\t1\nq2\tw\t2\n")
        self.assertEqual(self.report("--scores", "ids", named)["metrics"], expected)

    def test_bad_scores(self):
        data = self.data([[1, 0], [2]])
        ids = {"query_ids": [b"q1", b"q2"], "doc_ids": [b"x", b"y", b"w"]}
        self.data([[1, 0], [2]], "named.h5", **ids)
        tsv = "query\tdocument\tscore\n"
        for text, words in (
                ("", "0 scores, but data.h5 has 3 rows"), ("1\n2\n", "2 scores, but data.h5 has 3 rows"),
                ("1\n", "1 score, but data.h5 has 3 rows"),
                ("1\n2\n3\n4\n", "4 scores, but data.h5 has 3 rows"),
                ("1\n2x\n3\n", 'file:2:1: found "2x", expected one score per line'),
                ("1\n\n 2,5\n3\n", 'file:3:2: found "2,5", expected one score'),
                ("1\n2 3\n4\n", 'file:2:3: found "3", expected one score per line'),
                ("1\n0x10\n3\n", 'file:2:1: found "0x10"'), ("1\n--2\n3\n", "file:2:1"),
                ("1\nx\n3\n", "file:2:1"), ("x\n1\n2\n3\n", "file:1:1"),
                ("a\tb\n1\t2\n", "one called score"), ("1\n2\0\n3\n", "file:2: found a NUL byte"),
                (tsv + "1\t1\t0.5\n1\t2\n2\t3\t1\n", "file:3:4: found the end of the line"),
                (tsv + "1\t1\t0.5\n1\t2\t\n2\t3\t1\n", "file:3:5"),
                (tsv + "1\t1\t0.5\n1\t2\tx\n2\t3\t1\n", 'file:3:5: found "x", expected a score'),
                (tsv + "1\t1\t1\n2\t2\t2\n2\t3\t1\n", 'file:3: found query "2", but row 2 of data.h5'),
                (tsv + "1\t1\t1\n1\t3\t2\n2\t2\t1\n", 'file:3: found document "3", but row 2'),
                (tsv + "1\t1\t1\n1\t2\t2\n2\t3\t1\n2\t4\t1\n", "4 scores, but data.h5 has 3 rows"),
                ("nan\nnan\nNaN\n", "no row has a score: all 3 scores are NaN")):
            with self.subTest(text=text):
                (self.folder / "file").write_text(text)
                out, err = self.run_program("evaluate", "--scores", "file", data, status=3)
                self.assertIn(words, err)
                self.assertEqual((out, err.count("\n")), ("", 1))
        (self.folder / "file").write_text(tsv + "q1\tx\t1\nq1\tw\t2\nq2\ty\t1\n")
        _, err = self.run_program("evaluate", "--scores", "file", "named.h5", status=3)
        self.assertIn('found document "w", but row 2 of named.h5 (from 1) has "y"', err)
        (self.folder / "file").write_bytes(gzip.compress(b"1\n2\n3\n")[:-6])
        self.run_program("evaluate", "--scores", "file", data, status=4)
        _, err = self.run_program("evaluate", "--scores", data, data, status=3)
        self.assertIn("data.h5: is HDF5; expected text", err)

    def test_missing_and_infinite_scores(self):
        """nan ranks last, as for a model; -inf is not ranked."""
        data = self.data([[1, 0, 0], [1, 0]])
        self.scores(["nan", 1, 2, 2, 1])
        out, err = self.run_program("evaluate", "--scores", "scores.txt", data, "--metric", "mrr",
                                    "--format", "json")
        found = json.loads(out)["metrics"]["mrr"]
        self.assertIn("1 of 5 rows has no score", err)
        self.assertEqual((found["value"], found["n_unscored"]), ((1 / 3 + 1) / 2, 1))
        self.scores(["-inf", 1, 2, "inf", 1])
        self.assertEqual(self.report("--scores", "scores.txt", data, "--metric", "mrr")["metrics"]["mrr"]
                         ["value"], 0.5)

    def test_arguments(self):
        data = self.data([[1, 0]])
        self.scores([1, 2])
        for arguments, status, words in (
                (("--scores", "scores.txt"), 2, "0 of 1 argument given; expected DATA with --scores"),
                (("--scores", "scores.txt", "m", data), 2, "'" + data + "' is one argument too many"),
                ((data,), 2, "1 of 2 arguments given; expected MODEL DATA"),
                ((), 2, "0 of 2 arguments given; expected MODEL DATA"),
                (("--scores", "none", data), 5, "none: cannot open"),
                (("--scores", "scores.txt", data, "--regroup"), 2, "--regroup changes the order"),
                (("--scores", "scores.txt", data, "--split", "x"), 2, "no split 'x'"),
                (("--scores", "scores.txt", data, "--weighted"), 3, "no list_weights")):
            _, err = self.run_program("evaluate", *arguments, status=status)
            self.assertIn(words, err)

    def test_text_data(self):
        """Text that no model has seen: any number of features, as LightGBM's files are."""
        (self.folder / "test.txt").write_text("1 1:2 300:1\n0 2:1\n2 1:1\n")
        (self.folder / "test.txt.query").write_text("2\n1\n")
        self.scores([2, 1, 3])
        found = self.report("--scores", "scores.txt", "test.txt", "--metric", "mrr")["metrics"]["mrr"]
        self.assertEqual((found["value"], found["n_lists"]), (1, 2))


PAGE = pathlib.Path(os.environ["RANKGRAD_SOURCE"]) / "docs" / "evaluation.md"


class Page(Case):
    def test_commands(self):
        """Each block of commands prints the block of text that follows it."""
        blocks = re.findall(r"^```(sh|text)\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
        path = os.path.dirname(RANKGRAD) + os.pathsep + os.environ["PATH"]
        n_shown = 0
        for (language, commands), (following, text) in zip(blocks, [*blocks[1:], ("", "")]):
            if language != "sh":
                continue
            done = subprocess.run(["sh", "-ec", commands], cwd=self.folder, text=True, timeout=60,
                                  env={**os.environ, "PATH": path}, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT)
            self.assertEqual(done.returncode, 0, done.stdout)
            self.assertEqual(done.stdout, text if following == "text" else "", commands)
            n_shown += following == "text"
        self.assertEqual(n_shown, 4)


if __name__ == "__main__":
    unittest.main()

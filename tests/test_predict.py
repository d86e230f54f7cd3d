#!/usr/bin/env python3
"""Scores that read back as the same numbers, ids in every format, and data without labels."""
import json
import os
import pathlib
import struct
import unittest

import h5py
import numpy

from test_found import Case

SHARED = pathlib.Path(os.environ["RANKGRAD_SOURCE"]).parent / "shared" / "cases"


class Models(Case):
    def model(self, *options, output="m.h5"):
        """A model of two features."""
        rows = [f"{x} qid:{i // 4} 1:{x} 2:{i % 3}\n" for i, x in
                enumerate(numpy.random.default_rng(3).integers(0, 5, 40))]
        (self.folder / "train.txt").write_text("".join(rows))
        self.run_program("train", "train.txt", "-o", output, "-q", "--force", *options)
        return output

    def data(self, **content):
        with h5py.File(self.folder / "data.h5", "w") as f:
            for key, value in content.items():
                f[key] = value
        return "data.h5"


class Scores(Models):
    def test_they_read_back(self):
        """Neighbouring features: as many scores as there are numbers of the model's type."""
        steps = numpy.arange(200)
        for dtype in ("f32", "f64"):
            model = self.model("--dtype", dtype, "--normalize", "none")
            eps = numpy.finfo(dtype.replace("f32", "f4").replace("f64", "f8")).eps
            x = numpy.column_stack([1 + steps * eps, numpy.zeros(200)])
            data = self.data(features=x.astype("f8"), qid=steps // 100,
                             doc_ids=[f"d{i}" for i in steps])
            texts = {"scores": [line for line in self.run_program("predict", model, data)[0].split()]}
            tsv, _ = self.run_program("predict", model, data, "--format", "tsv")
            texts["tsv"] = [line.split("\t")[2] for line in tsv.splitlines()[1:]]
            trec, _ = self.run_program("predict", model, data, "--format", "trec")
            by_id = {line.split()[2]: line.split()[4] for line in trec.splitlines()}
            texts["trec"] = [by_id[f"d{i}"] for i in steps]
            with h5py.File(self.folder / model) as f:
                weights = f["parameters/weights"][...]
            for name, column in texts.items():
                with self.subTest(dtype=dtype, format=name):
                    self.assertEqual(column, texts["scores"])
                    # Half of the products may round to the same number, not more.
                    self.assertGreater(len(set(column)), 95)
                    if dtype == "f64":
                        self.assertEqual([float(text) for text in column],
                                         list(x[:, 0] * weights[0]))

    def test_equal_scores_are_noted(self):
        """Whenever no list has two scores; the remedy where a model in f64 has one."""
        x = numpy.column_stack([1 + numpy.arange(6) * 2.0 ** -40, numpy.zeros(6)])
        one, half = numpy.ones((6, 2)), numpy.repeat(x[[0, 5]], 3, axis=0)
        equal, remedy = "have the same score, in every list", "--dtype f64"
        cases = [  # model, features, lists, mask; what is noted
            ("f32", x, [0, 3, 6], None, True, True),
            ("f32", x.astype("f4"), [0, 3, 6], None, True, False),
            ("f64", x, [0, 3, 6], None, False, False),
            ("f64", one, [0, 3, 6], None, True, False),
            ("f64", half, [0, 3, 6], None, True, False),
            ("f64", half, [0, 6], None, False, False),
            ("f64", half, [0, 4, 6], None, False, False),
            ("f64", x, [0, 2, 4, 6], [1, 0, 0, 1, 1, 0], False, False),  # one row a list
            ("f64", half, [0, 4, 6], [1, 1, 1, 0, 1, 1], True, False),
            ("f64", x, [0, 1, 2, 3, 4, 5, 6], None, False, False),
            ("f32", x, None, None, True, True),
            ("f64", half, None, None, False, False),
        ]
        models = {d: self.model("--dtype", d, "--normalize", "none", output=d) for d in ("f32", "f64")}
        for dtype, features, offsets, mask, noted, remedied in cases:
            lists = {} if offsets is None else {"offsets": offsets}
            masks = {} if mask is None else {"mask": numpy.array(mask, "u1")}
            data = self.data(features=features, labels=numpy.arange(6.0), **lists, **masks)
            for command in ("predict", "evaluate") if offsets else ("predict",):
                with self.subTest(dtype=dtype, offsets=offsets, mask=mask, command=command):
                    _, said = self.run_program(command, models[dtype], data)
                    self.assertEqual(equal in said, noted, said)
                    self.assertEqual(remedy in said, remedied, said)

    @unittest.skipUnless(SHARED.is_dir(), "no ../shared/cases beside the source tree")
    def test_shared_case(self):
        self.run_program("train", SHARED / "b04_train.h5", "--dtype", "f64", "-o", "m.h5", "-q")
        out, _ = self.run_program("predict", "m.h5", SHARED / "b04_test.h5")
        with h5py.File(SHARED / "b04_test.h5") as f:
            rows = numpy.unique(f["features"][...], axis=0)
        self.assertEqual(len(set(out.split())), len(rows))


ZERO = numpy.zeros((4, 2), "f4")
SAME, OTHERS = [b"a", b"b", b"a", b"c"], [b"a", b"b", b"c", b"d"]
REPEATED, BLANK, BAD = "occurs more than once", "has a blank", "is not valid UTF-8"
CONTROL = "has a control character or line separator"


class Ids(Models):
    # Query ids, document ids, and what is wrong: in any format, in trec, in tsv.
    CASES = [
        (OTHERS[:2], OTHERS, None, None, None),
        (OTHERS[:2], [b"a", b"b", b"b", b"a"], None, None, None),  # in two lists
        (OTHERS[:2], [b"a", b"a", b"c", b"d"], None, "'a' " + REPEATED + " in a list (numbers 1 and 2", "1 document id occurs again"),
        (OTHERS[:2], [b"a", b"a", b"c", b"c"], None, REPEATED, "2 document ids occur again"),
        ([b"q", b"q"], OTHERS, None, "query id 'q' " + REPEATED, "1 query id occurs again"),
        ([b"2", b""], OTHERS, None, "query id '2' " + REPEATED, "1 query id occurs again"),
        (OTHERS[:2], [b"2", b"", b"c", b"d"], None, "'2' " + REPEATED, "1 document id occurs again"),
        (OTHERS[:2], [b"", b"", b"", b""], None, None, None),
        (OTHERS[:2], [b"a b", b"b", b"c", b"d"], None, BLANK, None),
        ([b"q 1", b"q"], OTHERS, None, BLANK, None),
        (OTHERS[:2], ["a\u00a0b".encode(), b"b", b"c", b"d"], None, BLANK, None),
        (OTHERS[:2], [b"a", "\u3000".encode(), b"c", b"d"], None, BLANK, None),
        (OTHERS[:2], ["\u00e9\u4e2d\U0001f600".encode(), b"b", b"c", b"d"], None, None, None),
        (OTHERS[:2], [b"a\tb", b"b", b"c", b"d"], "row 1 (from 1): the id \"a?b\" " + CONTROL, None, None),
        (OTHERS[:2], [b"a", b"b", b"c\n", b"d"], "row 3 (from 1)", None, None),
        ([b"q", b"\x1b[2J"], OTHERS, "list 2 (from 1)", None, None),
        (OTHERS[:2], [b"a", b"b\x7f", b"c", b"d"], CONTROL, None, None),
        (OTHERS[:2], [b"a", b"b", b"c", "\u0085".encode()], CONTROL, None, None),
        (OTHERS[:2], [b"a", b"b", b"c", "\u2028".encode()], CONTROL, None, None),
        (OTHERS[:2], [b"a", b"b\xe9", b"c", b"d"], BAD, None, None),
        (OTHERS[:2], [b"a", b"\xc0\xaf", b"c", b"d"], BAD, None, None),
        (OTHERS[:2], [b"a", b"\xed\xa0\x80", b"c", b"d"], BAD, None, None),
        (OTHERS[:2], [b"a", b"\xf5\x80\x80\x80", b"c", b"d"], BAD, None, None),
        ([b"\xe2\x82", b"q"], OTHERS, BAD, None, None),
    ]

    def test_hdf5(self):
        model = self.model()
        for queries, documents, any_format, trec, tsv in self.CASES:
            data = self.data(features=ZERO, offsets=[0, 2, 4], query_ids=numpy.array(queries, "S20"),
                             doc_ids=numpy.array(documents, "S20"))
            for name, words in (("scores", None), ("tsv", tsv), ("trec", trec)):
                with self.subTest(queries=queries, documents=documents, format=name):
                    error = any_format or (name == "trec" and trec)
                    out, said = self.run_program("predict", model, data, "--format", name,
                                                 status=3 if error else 0)
                    self.assertIn(error or words or "", said)
                    self.assertEqual("again" in said, bool(words and name == "tsv"), said)
                    if name == "trec" and not error:
                        self.assertEqual({len(line.split()) for line in out.splitlines()}, {6})

    def test_text(self):
        """The same ids in a comment or as qid; blanks end them there."""
        model = self.model()
        for queries, documents, any_format, trec, _ in self.CASES:
            ids = b"".join(queries + documents)
            if any(c in ids for c in b" \t\n") or b"" in queries or queries[0] == queries[1]:
                continue
            with open(self.folder / "t.txt", "wb") as file:
                for i, document in enumerate(documents):
                    file.write(b"0 qid:%s 1:1 2:0 # %s\n" % (queries[i // 2], document))
            with self.subTest(queries=queries, documents=documents):
                _, said = self.run_program("predict", model, "t.txt", "--format", "trec",
                                           status=3 if any_format or trec else 0)
                if any_format:
                    self.assertRegex(said, r"t\.txt:[1-4]:\d+: found .*, expected an id")
                self.assertIn(trec or "", said)

    def test_masked_rows(self):
        data = self.data(features=ZERO, offsets=[0, 2, 4], mask=[1, 0, 1, 1],
                         doc_ids=numpy.array(["a", "a", "b", "c"], "S1"))
        self.run_program("predict", self.model(), data, "--format", "trec")


class WithoutLabels(Models):
    # The form of the rows; (query, x1, x2) of each.
    ROWS = [(1, 0.5, 2), (1, 3, 0), (2, 1, 1), (2, 0, 4)]
    FORMS = ["qid:{0} 1:{1} 2:{2}", "qid:{0} 2:{2} 1:{1}", "  qid:{0}\t1:{1} 2:{2} # d", "1:{1} 2:{2}",
             "qid:{0} 1:{1}  2:{2} ", "qid:{0} 1:{1} 2:{2}#", "# c\nqid:{0} 1:{1} 2:{2}\n",
             "qid:{0} 1:{1} 2:{2}\r", "01:{1} 2:{2}"]

    def test_text(self):
        model = self.model()
        for form in self.FORMS:
            with self.subTest(form=form):
                for name, label in (("with", "1 "), ("without", "")):
                    before = "# c\n" if form.startswith("#") else ""
                    row = form[len(before):]
                    (self.folder / f"{name}.txt").write_text(
                        "".join(before + label + row.format(*values) + "\n" for values in self.ROWS))
                expected, _ = self.run_program("predict", model, "with.txt")
                scores, _ = self.run_program("predict", model, "without.txt")
                self.assertEqual(scores, expected)
                self.assertEqual(len(scores.split()), 4)
                if "qid" not in form:
                    continue
                self.run_program("convert", "without.txt", "-o", "w.h5")
                with h5py.File(self.folder / "w.h5") as f:
                    self.assertNotIn("labels", f)
                self.assertEqual(self.run_program("predict", model, "w.h5")[0], expected)
                self.assertIn("labels: none", self.run_program("inspect", "w.h5")[0])
                for data in ("without.txt", "w.h5"):
                    for command in (("evaluate", model, data), ("train", data, "-o", "n.h5"),
                                    ("train", "train.txt", "--vali", data, "-o", "n.h5")):
                        _, said = self.run_program(*command, status=3)
                        self.assertIn("no labels", said)

    def test_sparse_and_spooled(self):
        text = "".join(f"qid:{i // 9} {1 + i % 5}:{i}.5 {900000 + i}:1\n" for i in range(2000))
        (self.folder / "s.txt").write_text(text)
        for options in ((), ("--memory", "16K")):
            self.run_program("convert", "s.txt", "-o", "s.h5", *options)
            with h5py.File(self.folder / "s.h5") as f:
                self.assertNotIn("labels", f)
                self.assertEqual(f["features/indices"].shape, (4000,))

    @unittest.skipUnless(SHARED.is_dir(), "no ../shared/cases beside the source tree")
    def test_shared_case(self):
        with open(SHARED / "b13_nolabel.txt") as file:
            rows = [line for line in file if line.strip()]
        out, _ = self.run_program("predict", self.model(), SHARED / "b13_nolabel.txt")
        self.assertEqual(len(out.split()), len(rows))


class Precision(Models):
    """What f32 would lose of text: kept in f64 and told, or told as lost."""
    DAYS = "".join(f"{day % 3} qid:{day // 6} 1:{20180120 + day} 2:1\n" for day in range(12))

    def test_convert(self):
        (self.folder / "days.txt").write_text(self.DAYS)
        days = 20180120 + numpy.arange(12)
        for options, dtype, words in (((), "f8", "days.txt:2: feature 1 is 20180121, which f32 holds "
                                       "as 20180120; features are kept in f64"),
                                      (("--dtype", "auto", "--sparse"), "f8", "kept in f64"),
                                      (("--dtype", "auto", "--memory", "1K"), "f8", "kept in f64"),
                                      (("--dtype", "f64"), "f8", None),
                                      (("--dtype", "f32"), "f4", "this is lost")):
            with self.subTest(options=options):
                _, said = self.run_program("convert", "days.txt", "-o", "d.h5", *options)
                self.assertEqual(said.count("f32 holds"), 1 if words else 0, said)
                self.assertIn(words or "", said)
                with h5py.File(self.folder / "d.h5") as f:
                    x = f["features/data"][::2] if "--sparse" in options else f["features"][:, 0]
                    self.assertEqual(x.dtype, dtype)
                    self.assertEqual(list(x), list(days.astype(dtype)))

    def test_misuse(self):
        data = self.data(features=ZERO, labels=[0, 1, 0, 1], offsets=[0, 2, 4])
        self.assertIn("HDF5", self.run_program("convert", data, "-o", "o.h5", "--dtype", "f32",
                                               status=2)[1])
        (self.folder / "t.txt").write_text("1 qid:1 1:1\n0 qid:1 1:1e39\n")
        self.assertIn("t.txt:2:11: feature 1: found \"1e39\"", self.run_program(
            "convert", "t.txt", "-o", "o.h5", "--dtype", "f32", status=3)[1])
        self.run_program("convert", "t.txt", "-o", "o.h5", "--dtype", "f16", status=2)

    @unittest.skipUnless(SHARED.is_dir(), "no ../shared/cases beside the source tree")
    def test_shared_case(self):
        days = SHARED / "b05_dates.txt"
        said = self.run_program("convert", days, "-o", "d.h5")[1]
        self.assertIn("b05_dates.txt:", said)
        with h5py.File(self.folder / "d.h5") as f:
            column = f["features"][:, 0]
        with open(days) as file:
            self.assertEqual(list(column), [float(line.split(" 1:")[1].split()[0]) for line in file])


def read_binary(path):
    """(strings, arrays) of a binary model, from docs/file-format.md alone."""
    data = path.read_bytes()
    magic, version, n, size = struct.unpack_from("<8sIIQ", data)
    assert (magic, version, size) == (b"\x89RGM\r\n\x1a\n", 1, len(data))
    header = json.loads(data[24:24 + n])
    arrays = {}
    for name, entry in header["arrays"].items():
        kind = {"f32": "<f4", "f64": "<f8", "i32": "<i4"}[entry["dtype"]]
        arrays[name] = numpy.frombuffer(data, kind, numpy.prod(entry["shape"], dtype=int),
                                        24 + n + entry["offset"]).reshape(entry["shape"])
    return header["strings"], arrays


class BinaryModels(Models):
    def test_they_are_the_same_models(self):
        """As HDF5 and back; every number and text; scores to the bit."""
        rows = "".join(f"{i % 3} qid:{i // 5} 1:{i} {7 + i % 4}:{i * i % 7 + 1}\n"
                       for i in range(40))
        (self.folder / "rows.txt").write_text(rows)
        self.run_program("convert", "rows.txt", "-o", "rows.h5", "--sparse")
        for data, *options in (
                ["rows.txt"], ["rows.txt", "--model", "mlp", "--hidden", "3,2"],
                ["rows.txt", "--bias"], ["rows.txt", "--dtype", "f64"],
                ["rows.txt", "--normalize", "minmax"], ["rows.txt", "--normalize", "none"],
                ["rows.txt", "--normalize", "list-minmax"], ["rows.h5"]):
            with self.subTest(data=data, options=options):
                self.run_program("train", data, "-o", "m.h5", "-q", "--force", *options)
                self.run_program("convert", "m.h5", "-o", "m.bin", "--force")
                self.run_program("convert", "m.bin", "-o", "again.h5", "--force")
                self.run_program("train", data, "-o", "t.bin", "-q", "--force", *options)
                one, two, three, four = [(self.folder / name).read_bytes()
                                         for name in ("m.h5", "again.h5", "m.bin", "t.bin")]
                self.assertEqual((one, three), (two, four))
                self.assertEqual(self.run_program("predict", "m.h5", data),
                                 self.run_program("predict", "m.bin", data))
                strings, arrays = read_binary(self.folder / "m.bin")
                with h5py.File(self.folder / "m.h5") as f:
                    self.assertEqual(strings["/config"], f["config"][()].decode())
                    self.assertEqual(strings["/history"], f["history"][()].decode())
                    for name, numbers in arrays.items():
                        self.assertEqual(numbers.tobytes(), f[name][...].tobytes(), name)
                    self.assertEqual("columns" in f, "/columns" in arrays)
                shown = [self.run_program("inspect", name)[0].split(":", 1)[1]
                         for name in ("m.h5", "m.bin")]
                self.assertEqual(*shown)

    def test_what_is_refused(self):
        model, data = self.model(), "train.txt"
        self.run_program("convert", model, "-o", "m.bin")
        whole = (self.folder / "m.bin").read_bytes()
        changed = bytearray(whole)
        changed[100] ^= 1
        for name, content in (("cut.bin", whole[:-1]), ("changed.bin", changed), ("cut.x", whole[:5]),
                              ("long.bin", whole + b"x"), ("empty.bin", b"")):
            (self.folder / name).write_bytes(content)
            for command in (("predict", name, data), ("inspect", name), ("evaluate", name, data)):
                _, said = self.run_program(*command, status=4)
                self.assertTrue(said.startswith(f"rankgrad: {name}: "), said)
            self.run_program("convert", name, "-o", "x.h5", status=4)
        for status, said, *words in (
                (2, "the output is also the input", "convert", "m.bin", "-o", "m.bin", "--force"),
                (2, "for data", "convert", "m.bin", "-o", "x.h5", "--compress"),
                (2, "for data", "convert", "m.bin", "-o", "x.h5", "--dtype", "f64"),
                (2, "was not written by Rankgrad", "convert", "m.bin", "-o", data),
                (3, "an output that ends in .bin is a model", "convert", data, "-o", "x.bin"),
                (3, "arguments are swapped", "predict", data, "m.bin"),
                (2, "a model has no splits", "inspect", "m.bin", "--split", "test"),
                (5, "No such file", "convert", "none.bin", "-o", "x.bin"),
                (3, "NUL byte", "convert", "--train", "m.bin", "-o", "x.h5")):
            _, text = self.run_program(*words, status=status)
            self.assertIn(said, text)
            self.assertFalse((self.folder / "x.bin").exists() or (self.folder / "x.h5").exists())


if __name__ == "__main__":
    unittest.main()

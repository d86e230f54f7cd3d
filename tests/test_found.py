#!/usr/bin/env python3
"""What the program does with what it finds in and beside its inputs."""
import os
import pathlib
import subprocess
import tempfile
import unittest

import h5py
import numpy

RANKGRAD = os.environ["RANKGRAD"]


class Case(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = pathlib.Path(holder.name)

    def run_program(self, *arguments, status=0):
        """Standard output and standard error of a run with that exit status."""
        done = subprocess.run([RANKGRAD, *map(str, arguments)], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, cwd=self.folder)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout, done.stderr

    def hdf5(self, name, **content):
        with h5py.File(self.folder / name, "w") as f:
            for key, value in content.items():
                f[key] = value


def made(n=60, columns=4):
    """Features whose sum decides the label, labels, and the lists of five rows."""
    random = numpy.random.default_rng(7)
    x = random.integers(0, 8, (n, columns)).astype("f4")
    y = numpy.minimum(4, x[:, 0] // 2)
    return x, y, numpy.arange(n) // 5


class Columns(Case):
    def test_names_decide(self):
        x, y, qid = made()
        order = [2, 0, 3, 1]
        names = numpy.array(["a", "b", "c", "d"], "S1")
        wide = numpy.column_stack([x[:, order], numpy.full(len(x), 9.0)])
        self.hdf5("m.h5", features=x, labels=y, qid=qid, feature_names=names)
        self.hdf5("moved.h5", features=x[:, order], labels=y, qid=qid, feature_names=names[order])
        self.hdf5("wide.h5", features=wide, labels=y, qid=qid,
                  feature_names=[*names[order], b"more"])
        self.hdf5("narrow.h5", features=x[:, :3], labels=y, qid=qid, feature_names=names[:3])
        self.hdf5("others.h5", features=x, labels=y, qid=qid,
                  feature_names=numpy.array(["w", "x", "y", "z"], "S1"))
        self.hdf5("plain.h5", features=x, labels=y, qid=qid)
        self.run_program("train", "m.h5", "-o", "m.rg", "-q")
        expected, _ = self.run_program("predict", "m.rg", "m.h5")
        cases = [("m.h5", 0, None), ("moved.h5", 0, "another order"), ("wide.h5", 0, "'more'"),
                 ("plain.h5", 0, None), ("narrow.h5", 3, "lacks 1 of the 4"),
                 ("others.h5", 3, "'a', 'b', 'c', 'd'")]
        for name, status, words in cases:
            for command in ("predict", "evaluate"):
                with self.subTest(name=name, command=command):
                    out, said = self.run_program(command, "m.rg", name, status=status)
                    if status == 0 and command == "predict":
                        self.assertEqual(out, expected)
                    self.assertIn(words or "", said)
                    self.assertEqual(said == "", words is None, said)
            with self.subTest(name=name, command="train"):
                _, said = self.run_program("train", "m.h5", "--vali", name, "-o", "v.rg", "-q",
                                           status=status)
                self.assertIn(words or "", said)
            with self.subTest(name=name, command="convert"):
                _, said = self.run_program("convert", "--train", "m.h5", "--test", name, "-o",
                                           "both.h5", status=status)
                self.assertIn(words or "", said)
                if status == 0:
                    out, said = self.run_program("predict", "m.rg", "both.h5", "--split", "test")
                    self.assertEqual((out, said), (expected, ""))


ROWS = ["1 qid:a 1:1 2:5", "0 qid:a 1:2", "2 qid:b 1:3 2:1", "0 qid:b 2:4", "1 qid:c 1:7"]
BARE = [" ".join(word for word in row.split() if "qid" not in word) for row in ROWS]


def lines(values):
    return "".join(f"{value}\n" for value in values)


class SideFiles(Case):
    def write(self, **files):
        """Files by name, _ being the dot before an ending."""
        for path in self.folder.iterdir():
            path.unlink()
        for name, content in files.items():
            (self.folder / name.replace("_", ".", 1)).write_text(lines(content))

    def convert(self, *arguments, status=0):
        _, said = self.run_program("convert", *(arguments or ["x"]), "-o", "x.h5", status=status)
        if status:
            return None, said
        with h5py.File(self.folder / "x.h5") as f:
            root = f["train"] if "train" in f else f
            return {key: root[key][()].tolist() for key in root if key != "features"}, said

    def test_read(self):
        five = [0.5, 1, 2, 3.25, 1e-3]
        cases = {
            "a row": (dict(x=ROWS, x_weight=five), dict(weights=five)),
            "a list": (dict(x=ROWS, x_weight=[1, 2, 3]), dict(list_weights=[1, 2, 3])),
            "a list of sizes": (dict(x=BARE, x_query=[2, 3], x_weight=[1, 9]),
                                dict(list_weights=[1, 9], offsets=[0, 2, 5])),
            "a row of sizes": (dict(x=BARE, x_group=[4, 1], x_weight=five),
                               dict(weights=five, offsets=[0, 4, 5])),
            "as many lists as rows": (dict(x=BARE, x_query=[1] * 5, x_weight=five),
                                      dict(weights=five, offsets=[0, 1, 2, 3, 4, 5])),
            "blank lines": (dict(x=ROWS, x_weight=["", 1, " 2 ", "", 3, ""]),
                            dict(list_weights=[1, 2, 3])),
            "positions from 1": (dict(x=ROWS, x_position=[1, 2, 1, 2, 1]),
                                 dict(positions=[1, 2, 1, 2, 1])),
            "positions from 0": (dict(x=ROWS, x_position=[0, 1, 0, 1, 0]),
                                 dict(positions=[1, 2, 1, 2, 1])),
            "both": (dict(x=ROWS, x_weight=five, x_position=[3, 2, 1, 2, 1]),
                     dict(weights=five, positions=[3, 2, 1, 2, 1])),
            "neither": (dict(x=ROWS), dict()),
        }
        for name, (files, expected) in cases.items():
            with self.subTest(name):
                self.write(**files)
                found, said = self.convert()
                self.assertEqual(said.count("\n"), len(files) > 1)
                for file in files:
                    if file != "x":
                        self.assertIn(file.replace("_", ".") + " (", said)
                for key in ("weights", "list_weights", "positions"):
                    self.assertEqual(found.get(key), expected.get(key), key)
                self.assertEqual(found["offsets"], expected.get("offsets", [0, 2, 4, 5]))
                shown, _ = self.run_program("inspect", "x")
                for key in ("weights", "list_weights", "positions"):
                    self.assertEqual(f" {key}" in shown, key in expected)

    def test_several_files_and_scattered_lists(self):
        self.write(x=ROWS, x_weight=[1, 2, 3, 4, 5], x_position=[1] * 5,
                   y=["3 qid:a 1:1 2:2", "0 qid:d 1:1"], y_weight=[6, 7], y_position=[8, 9])
        expected = dict(weights=[1, 2, 6, 3, 4, 5, 7], positions=[1, 1, 8, 1, 1, 1, 9])
        for options in ((), ("--memory", "1"), ("--sparse",)):
            with self.subTest(options):
                found, _ = self.convert("--train", "x", "--train", "y", "--regroup", *options)
                for key, value in expected.items():
                    self.assertEqual(found[key], value)
                self.assertEqual(found["labels"], [1, 0, 3, 2, 0, 1, 0])
        self.write(x=ROWS, x_weight=[1, 2, 3], y=["3 qid:d 1:1 2:2"] * 2, y_weight=[4])
        found, _ = self.convert("--train", "x", "--train", "y")
        self.assertEqual(found["list_weights"], [1, 2, 3, 4])

    def test_refused(self):
        cases = {
            "too few": (dict(x=ROWS, x_weight=[1, 2]),
                        ["x.weight: found 2 weights, but x has 5 rows in 3 lists"]),
            "too many": (dict(x=ROWS, x_weight=[1] * 6), ["found 6", "5 rows in 3 lists"]),
            "none": (dict(x=ROWS, x_weight=[]), ["found 0 weights"]),
            "a word": (dict(x=ROWS, x_weight=[1, 2, "high"]), ["x.weight:3", "high", "a weight"]),
            "two in a line": (dict(x=ROWS, x_weight=[1, "2 3", 4]), ["x.weight:2"]),
            "nan": (dict(x=ROWS, x_weight=[1, "nan", 4]), ["x.weight:2", "finite"]),
            "infinite": (dict(x=ROWS, x_weight=["1e999", 1, 4]), ["x.weight:1", "finite"]),
            "positions of lists": (dict(x=ROWS, x_position=[1, 2, 3]),
                                   ["found 3 positions", "5 rows"]),
            "a position below 0": (dict(x=ROWS, x_position=[1, -1, 1, 1, 1]), ["x.position:2"]),
            "a part of a position": (dict(x=ROWS, x_position=[1, 1.5, 1, 1, 1]), ["x.position:2"]),
            "a position of 2^53": (dict(x=ROWS, x_position=[1, 2**53, 1, 1, 1]), ["x.position:2"]),
        }
        for name, (files, words) in cases.items():
            with self.subTest(name):
                self.write(**files)
                _, said = self.convert(status=3)
                for word in words:
                    self.assertIn(word, said)
                self.assertEqual(said.count("\n"), 1)
        mixed = {
            "one file without": dict(x_weight=[1] * 5),
            "the other without": dict(y_weight=[1] * 3),
            "rows and lists": dict(x_weight=[1] * 5, y_weight=[1]),
            "positions in one": dict(y_position=[1] * 3),
        }
        for name, files in mixed.items():
            with self.subTest(name):
                self.write(x=ROWS, y=["1 qid:z 1:1 2:1"] * 3, **files)
                _, said = self.convert("--train", "x", "--train", "y", status=3)
                self.assertIn("expected them for all files of a split or for none", said)
                self.convert("--train", "x", "--vali", "y")

    def test_unused(self):
        cases = {
            "sizes beside qid": (dict(x=ROWS, x_query=[5]), [], "x.query (its rows have qid)"),
            "both sizes beside qid": (dict(x=ROWS, x_query=[5], x_group=[5]), [], "x.group"),
            "two files of sizes": (dict(x=BARE, x_query=[2, 3], x_group=[5]), [], ": x.group"),
            "sizes given": (dict(x=BARE, x_query=[2, 3], sizes=[5]), ["--group", "sizes"],
                            ": x.query"),
            "a comment line": (dict(x=["# made by me", *ROWS]), [], "1 comment line of x"),
            "comment lines": (dict(x=["#", *ROWS, "  # end"]), [], "2 comment lines of x"),
            "a comment's rest": (dict(x=[row + " # a b" for row in ROWS]), [],
                                 "words after the document id in 5 rows of x"),
            "LETOR's rest": (dict(x=[ROWS[0] + " #docid = GX0 inc = 1", *ROWS[1:]]), [],
                             "in 1 row of x"),
            "document ids": (dict(x=[ROWS[0] + " # a", ROWS[1] + " #docid = b ",
                                     ROWS[2] + " #docid", *ROWS[3:]]), [], None),
            "a mark in an id": (dict(x=["1 qid:a#b 1:1 2:2"] + ["0 qid:a#b 1:2"] * 3), [], None),
            "start scores": (dict(x=ROWS, x_init=[0] * 5), [], "x.init (start scores)"),
            "XGBoost's start scores": (dict(x=ROWS, x_base_margin=[0] * 5), [], "x.base_margin"),
            "the same file given": (dict(x=BARE, x_query=[2, 3]), ["--group", "./x.query"], None),
            "all used": (dict(x=BARE, x_query=[2, 3], x_weight=[1, 1]), [], None),
            "of another file": (dict(x=ROWS, y_query=[5], xx_init=[1]), [], None),
        }
        for name, (files, options, words) in cases.items():
            with self.subTest(name):
                self.write(**files)
                for command in (["inspect", "x"], ["convert", "x", "-o", "x.h5"],
                                ["train", "x", "-q", "-o", "x.rg"]):
                    _, said = self.run_program(*command, *options)
                    self.assertEqual(said.count("found but not used"), words is not None)
                    self.assertIn(words or "", said)

    def test_never_overwritten(self):
        for ending in ("query", "group", "weight", "position"):
            self.write(**{"x": ROWS, f"x_{ending}": [1, 1, 1, 1, 1]})
            before = (self.folder / f"x.{ending}").read_bytes()
            _, said = self.run_program("convert", "x", "-o", f"x.{ending}", "--force", status=2)
            self.assertIn("the output is also the input", said)
            self.assertEqual((self.folder / f"x.{ending}").read_bytes(), before)


class Hdf5(Case):
    def test_unused(self):
        x, y, qid = made()
        def in_split(f, key, value):
            f[key] = value
        def attribute(f, key, name):
            f[key].attrs[name] = "x"
        def many(f):
            for i in range(13):
                f[f"more{i:02}"] = i
        def links(f):
            f["soft"] = h5py.SoftLink("/nowhere")
            f["outside"] = h5py.ExternalLink("other.h5", "/x")
        def soft(f):
            f.move("labels", "grades")
            f["labels"] = h5py.SoftLink("/grades")
        def type_and_group(f):
            f["kind"] = numpy.dtype("i4")
            f.create_group("obs")["deep"] = 1
        def scales(f):
            f["axis"] = numpy.arange(4)
            f["axis"].make_scale("feature")
            f["features"].dims[1].attach_scale(f["axis"])
        cases = {
            "a misspelt name": (lambda f: in_split(f, "weight", y), ["/weight"]),
            "a group": (lambda f: in_split(f, "obs/names", y), ["/obs"]),
            "two": (lambda f: (in_split(f, "a", 1), in_split(f, "b", 1)), ["/a, /b"]),
            "more than ten": (many, ["/more00", "/more09 and 3 more"]),
            "an attribute of the file": (lambda f: attribute(f, "/", "author"),
                                         ["attribute author of /"]),
            "an attribute of a data set": (lambda f: attribute(f, "labels", "unit"),
                                           ["attribute unit of /labels"]),
            "links": (links, ["/outside, /soft"]),
            "another name of what is read": (lambda f: in_split(f, "grades", f["labels"]), None),
            "a soft link to what is read": (soft, None),
            "a type and a group": (type_and_group, ["/kind, /obs\n"]),
            "a dimension scale": (scales, ["used: /axis\n"]),
            "a name beside that of another split": (lambda f: in_split(f, "test2", 1), ["/test2"]),
            "everything is used": (lambda f: in_split(f, "weights", y), None),
            "AnnData's attributes": (lambda f: attribute(f, "/", "encoding-version"), None),
        }
        for name, (add, words) in cases.items():
            self.hdf5("d.h5", features=x, labels=y, qid=qid)
            with h5py.File(self.folder / "d.h5", "a") as f:
                add(f)
            for command in (["inspect", "d.h5"], ["convert", "d.h5", "-o", "c.h5"],
                            ["train", "d.h5", "-q", "-o", "m"], ["predict", "m", "d.h5"]):
                with self.subTest(name, command=command[0]):
                    _, said = self.run_program(*command)
                    self.assertEqual(said.count("d.h5: found but not used"), words is not None)
                    for word in words or []:
                        self.assertIn(word, said)
            _, said = self.run_program("inspect", "c.h5")
            self.assertEqual(said, "")

    def test_splits_and_sparse_features(self):
        x, y, qid = made()
        self.hdf5("d.h5", features=x, labels=y, qid=qid)
        for sparse in (["--sparse"], []):
            self.run_program("convert", "--train", "d.h5", "--test", "d.h5", "-o", "c.h5", *sparse)
            self.assertEqual(self.run_program("inspect", "c.h5")[1], "")
            with h5py.File(self.folder / "c.h5", "a") as f:
                f["train/note"] = 1
                f["test/features"].attrs["why"] = 1
                f["other/features"] = x
                if sparse:
                    f["test/features/extra"] = 1
            _, said = self.run_program("inspect", "c.h5")
            extra = ["/test/features/extra"] * bool(sparse)
            self.assertIn("used: " + ", ".join(["/other", "/train/note", *extra,
                                                "attribute why of /test/features\n"]), said)


def text(n, first=1, qid="a"):
    """Rows that use the features first to n."""
    return [f"{i % 3} qid:{qid}{i // 5} " + " ".join(f"{j}:{(i * j) % 7 + 1}"
                                                     for j in range(first, n + 1))
            for i in range(20)]


class AbsentFeatures(Case):
    def test_scored_and_validated(self):
        cases = [(10, 10, 0, None), (10, 9, 0, "feature 10 never occurs"),
                 (10, 7, 0, "features 8 to 10 never occur"), (10, 5, 0, "features 6 to 10 never"),
                 (10, 4, 3, "features 5 to 10 never occur, which is most of the 10"),
                 (10, 1, 3, "features 2 to 10"), (2, 1, 0, "feature 2 never occurs"),
                 (46, 8, 3, "features 9 to 46"), (3, 1, 3, "features 2 to 3")]
        for wide, narrow, status, words in cases:
            (self.folder / "wide").write_text(lines(text(wide)))
            (self.folder / "narrow").write_text(lines(text(narrow, qid="b")))
            self.run_program("train", "wide", "-q", "-o", "m")
            self.run_program("convert", "wide", "-o", "wide.h5")
            commands = {"predict": ["predict", "m", "narrow"],
                        "evaluate": ["evaluate", "m", "narrow"],
                        "vali": ["train", "wide", "--vali", "narrow", "-q", "-o", "v"],
                        "vali of HDF5": ["train", "wide.h5", "--vali", "narrow", "-q", "-o", "v"],
                        "training": ["train", "narrow", "--vali", "wide", "-q", "-o", "v"],
                        "convert": ["convert", "--train", "wide", "--test", "narrow", "-o", "c"]}
            for name, command in commands.items():
                with self.subTest(name, wide=wide, narrow=narrow):
                    _, said = self.run_program(*command, status=status)
                    self.assertIn(words or "", said)
                    self.assertEqual("never occur" in said, words is not None)
                    if status:
                        self.assertIn(f"--features {wide}", said)
                        _, said = self.run_program(*command, "--features", wide)
                        self.assertIn("never occur", said)

    def test_indices_are_those_of_the_text(self):
        (self.folder / "wide").write_text(lines(text(9, first=0)))
        (self.folder / "narrow").write_text(lines(text(7, first=0)))
        self.run_program("train", "wide", "--zero-based", "-q", "-o", "m")
        _, said = self.run_program("predict", "m", "narrow", "--zero-based")
        self.assertIn("features 8 to 9 never occur", said)

    def test_sparse_text_that_reaches_far(self):
        """A few rows that use the last features are enough."""
        (self.folder / "wide").write_text(lines(text(1000)))
        (self.folder / "narrow").write_text("1 qid:1 1:1 990:1\n0 qid:1 3:1\n")
        self.run_program("train", "wide", "-q", "-o", "m", "--epochs", "1")
        _, said = self.run_program("predict", "m", "narrow")
        self.assertIn("features 991 to 1000 never occur", said)


if __name__ == "__main__":
    unittest.main(verbosity=1)

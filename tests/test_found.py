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


if __name__ == "__main__":
    unittest.main(verbosity=1)

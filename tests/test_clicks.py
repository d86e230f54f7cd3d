#!/usr/bin/env python3
"""Clicks through the program: the example of docs/clicks.md with the figures that it states, weights
from a table of propensities, and what is said of bad input.

$RANKGRAD is the program, $RANKGRAD_SOURCE the sources. Only the standard library is used.
"""
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import unittest

RANKGRAD = os.environ["RANKGRAD"]
SOURCE = pathlib.Path(os.environ["RANKGRAD_SOURCE"])
DOC = (SOURCE / "docs" / "clicks.md").read_text(encoding="utf-8")


def run(*arguments):
    return subprocess.run([RANKGRAD, *map(str, arguments)], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          timeout=600)


def write(path, text):
    pathlib.Path(path).write_text(text, encoding="utf-8")


class Folder(unittest.TestCase):
    """Runs in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="rankgrad-test-")
        self.addCleanup(folder.cleanup)
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(folder.name)

    def succeed(self, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr}")
        return done

    def fail_with(self, status, words, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stderr}")
        self.assertIn(words, done.stderr, arguments)
        errors = [line for line in done.stderr.splitlines() if not line.startswith("rankgrad: note: ")]
        self.assertEqual(len(errors), 1, done.stderr)


class Document(Folder):
    def test_example(self):
        """The commands give what the document says they print."""
        commands, printed = re.findall(r"```sh\n(.*?)```\n+```text\n(.*?)```", DOC, re.S)[0]
        lines = []
        for command in commands.replace("\\\n", " ").splitlines():
            words = command.split()
            self.assertEqual(words[0], "rankgrad", command)
            done = self.succeed(*words[1:])
            if words[1] in ("evaluate", "propensity"):
                lines += done.stdout.splitlines()
        lines = [" ".join(line.split()) for line in lines]
        for line in printed.splitlines():
            words = " ".join(line.split())
            if line != "...":
                self.assertTrue(any(f"{other} ".startswith(words + " ") for other in lines), f"{line}\n{lines}")
        values = [float(line.split()[1]) for line in printed.splitlines() if line.startswith("ndcg@10")]
        self.assertGreater(values[1], values[0] + 0.05)

    def test_comparison(self):
        """On less data, too, every method beats the naive model by more than noise."""
        done = subprocess.run([sys.executable, SOURCE / "bench" / "clicks.py", "--seeds", "3", "--lists", "1000",
                               "--sessions", "6"],
                              text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class Weights(Folder):
    """Text with positions; every item has a feature that its relevance depends on."""

    def setUp(self):
        super().setUp()
        rng = random.Random(4)
        self.rows = []
        for q in range(60):
            for position in rng.sample(range(1, 9), 8):
                x = [rng.gauss(0, 1) for _ in range(3)]
                click = rng.random() < (x[0] > 0.3) / position
                self.rows.append((q, position, int(click), x))
        write("c.txt", "".join(f"{c} qid:{q} " + " ".join(f"{j + 1}:{v:.4f}" for j, v in enumerate(x)) + "\n"
                               for q, _, c, x in self.rows))
        write("c.txt.position", "".join(f"{p}\n" for _, p, _, _ in self.rows))
        self.theta = {k: 1 / k for k in range(1, 9)}
        write("p.tsv", "position\tpropensity\n" + "".join(f"{k}\t{v!r}\n" for k, v in self.theta.items()))

    def model(self, name, *arguments):
        done = self.succeed("train", "c.txt", "-o", name, "-q", "--epochs", 3, *arguments)
        return pathlib.Path(name).read_bytes(), done

    def write_weights(self, most, own=None):
        own = own or [1] * len(self.rows)
        write("c.txt.weight", "".join(f"{w * (min(1 / self.theta[p], most) if c else 1)!r}\n"
                                      for w, (_, p, c, _) in zip(own, self.rows)))

    def test_weights_are_those_of_a_file(self):
        for loss in ("ranking_softmax", "lambdarank", "pairwise_hinge"):
            for most in (100, 3):
                weighted, done = self.model("a.h5", "--propensities", "p.tsv", "--most-weight", most, "--loss", loss,
                                            "--force")
                n = sum(c and p > 3 for _, p, c, _ in self.rows)
                self.assertEqual(f"{n} clicked items: 1 / propensity is above --most-weight 3" in done.stderr,
                                 most == 3, done.stderr)
                plain, _ = self.model("a.h5", "--loss", loss, "--force")
                self.write_weights(most)
                expected, _ = self.model("a.h5", "--loss", loss, "--force")
                os.remove("c.txt.weight")
                self.assertEqual(weighted, expected)
                self.assertNotEqual(weighted, plain)

    def test_weights_multiply_others(self):
        own = [1 + i % 3 for i in range(len(self.rows))]
        write("c.txt.weight", "".join(f"{w}\n" for w in own))
        weighted, _ = self.model("a.h5", "--propensities", "p.tsv")
        self.write_weights(100, own)
        expected, _ = self.model("a.h5", "--force")
        self.assertEqual(weighted, expected)

    def test_positions_of_text_and_of_hdf5(self):
        """A side file counted from 1 or from 0, and HDF5, give the same propensities."""
        self.succeed("convert", "c.txt", "-o", "c.h5")
        first = self.succeed("propensity", "c.h5", "--method", "regression-em").stdout
        self.assertIn("\n       8 ", first)
        for base in (1, 0):
            write("c.txt.position", "".join(f"{p - 1 + base}\n" for _, p, _, _ in self.rows))
            self.assertEqual(self.succeed("propensity", "c.txt", "--method", "regression-em").stdout, first)

    def test_bad_input(self):
        write("no.txt", pathlib.Path("c.txt").read_text())
        write("graded.txt", pathlib.Path("c.txt").read_text().replace("1 qid", "3 qid"))
        write("graded.txt.position", pathlib.Path("c.txt.position").read_text())
        write("short.tsv", "1\t1\n")
        write("zero.tsv", "".join(f"{k}\t{k == 1:d}\n" for k in range(1, 9)))
        write("twice.tsv", "1\t1\n2\t0.5\n2\t0.4\n")
        write("negative.tsv", "1\t1\n2\t-0.5\n")
        write("words.tsv", "position\tpropensity\none\t1\n")
        write("mine.txt", "my own text\n")
        unclicked = pathlib.Path("c.txt").read_text().replace("1 qid", "0 qid")
        write("unclicked.txt", unclicked)
        write("unclicked.txt.position", pathlib.Path("c.txt.position").read_text())
        train = ("train", "c.txt", "-o", "m.h5", "--propensities")
        for status, words, *arguments in [
                (3, "no.txt: the split has no positions; expected for each row", "propensity", "no.txt"),
                (3, "expected clicks: 0 or 1", "propensity", "graded.txt"),
                (3, "there is no click", "propensity", "unclicked.txt"),
                (3, "doc_ids: row 1 (from 1) has none; --method em", "propensity", "c.txt"),
                (2, "expected one of em, regression-em", "propensity", "c.txt", "--method", "gbdt"),
                (2, "--iterations '0'", "propensity", "c.txt", "--iterations", "0"),
                (2, "c.txt: the output is also the input", "propensity", "c.txt", "-o", "c.txt"),
                (2, "mine.txt", "propensity", "c.txt", "-o", "mine.txt", "--method", "regression-em"),
                (3, "no.txt, with the propensities p.tsv: the split has no positions", "train", "no.txt", "-o",
                 "m.h5", "--propensities", "p.tsv"),
                (3, "which has no propensity", *train, "short.tsv"),
                (3, "whose propensity is 0", *train, "zero.tsv"),
                (3, "twice.tsv:3: position 2 occurs a second time", *train, "twice.tsv"),
                (3, "negative.tsv:2:3: found", *train, "negative.tsv"),
                (3, "words.tsv:2:1: found", *train, "words.tsv"),
                (5, "absent.tsv", *train, "absent.tsv"),
                (2, "--most-weight '0.5'", *train, "p.tsv", "--most-weight", "0.5"),
                (3, "the training split has no positions", "train", "no.txt", "-o", "m.h5", "--loss",
                 "pairwise_debiasing"),
                (3, "the training split has no positions", "train", "no.txt", "-o", "m.h5", "--loss",
                 "lambdarank_lightgbm", "--position-bias"),
                (2, "--depth '0'", "clicks", "c.txt", "-o", "m.h5", "--depth", "0"),
                (2, "that is the file of the clicks", "clicks", "c.txt", "-o", "m.h5", "--propensities", "m.h5"),
                (2, "there is no split 'vali'", "clicks", "c.txt", "-o", "m.h5", "--split", "vali")]:
            with self.subTest(words):
                self.fail_with(status, words, *arguments)
        self.assertFalse(os.path.exists("m.h5"))
        self.assertEqual(pathlib.Path("mine.txt").read_text(), "my own text\n")


if __name__ == "__main__":
    unittest.main()

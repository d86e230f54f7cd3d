#!/usr/bin/env python3
"""Sparse rows cost what they store in every command: rows in 2^20 and in 2^31 - 2 columns take
little memory, and predict gives the same for any number of columns."""
import os
import random
import subprocess
import sys
import tempfile
import unittest

RANKGRAD = os.environ["RANKGRAD"]
MOST = 300 << 20  # bytes; a number for each of 2^31 columns would take 8 GB, and of 2^20 rows more
ROWS, NUMBERS, LIST = 1000, 30, 10


def write_rows(path, n_columns):
    """The same rows for any number of columns: NUMBERS of the 10,000 columns that occur, spread
    over all of them."""
    draw = random.Random(1)
    step = n_columns // 10000
    with open(path, "w") as f:
        for i in range(ROWS):
            chosen = sorted(draw.sample(range(10000), NUMBERS))
            row = " ".join(f"{c * step + 1}:{1 + c % 7}" for c in chosen)
            f.write(f"{i % 3} qid:{i // LIST} {row}\n")


def run(*arguments):
    """Standard output, and the most memory of the program."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = subprocess.Popen([RANKGRAD, *arguments], stdout=out, stderr=err)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text, message = out.read().decode(), err.read().decode()
    if child.returncode != 0:
        raise AssertionError(f"{arguments}: {child.returncode}\n{message}")
    return text, used.ru_maxrss << 10


class Sparse(unittest.TestCase):
    COMMANDS = [
        ("train", "{data}", "-o", "{model}", "-q", "--epochs", "2", "--normalize", method, *more)
        for method in ("none", "zscore", "log1p-zscore", "list-minmax")
        for more in ([], ["--vali-fraction", "0.2"])
    ] + [("train", "{data}", "-o", "{model}", "-q", "--epochs", "1", "--model", "mlp", "--hidden",
          "4")]
    AFTER = [("predict", "{model}", "{data}"), ("evaluate", "{model}", "{data}"),
             ("inspect", "{model}"), ("inspect", "{data}"), ("convert", "{data}", "-o", "{h5}"),
             ("inspect", "{h5}"), ("predict", "{model}", "{h5}")]

    def go(self, folder, n_columns, commands):
        names = {k: f"{folder}/{n_columns}.{k}" for k in ("data", "model", "h5")}
        if not os.path.exists(names["data"]):
            write_rows(names["data"], n_columns)
        result = []
        for command in commands:
            force = ["--force"] if command[0] in ("train", "convert") else []
            text, memory = run(*(part.format(**names) for part in command), *force)
            self.assertLess(memory, MOST, command)
            result.append((command[0], text))
        return result

    def test_memory_and_scores(self):
        with tempfile.TemporaryDirectory() as folder:
            for command in self.COMMANDS:
                few, *more = (self.go(folder, n, [command, self.AFTER[0]])
                              for n in (2**20, 2**25 + 1, 2**31 - 2))
                for many in more:
                    self.assertEqual(few[1], many[1], command)

    def test_other_commands(self):
        with tempfile.TemporaryDirectory() as folder:
            for n in (2**20, 2**31 - 2):
                results = self.go(folder, n, [self.COMMANDS[2], *self.AFTER])
                self.assertEqual(results[1], results[-1])  # predict of text and of HDF5
                model, data = results[3][1], results[4][1]
                self.assertIn(" features that occurred in the training rows", model)
                n_inputs = int(model.split("inputs: the ")[1].split()[0])
                self.assertGreater(n_inputs, 9000)
                table = model[model.index("\nfeature "):].splitlines()[2:]
                self.assertEqual(len(table), n_inputs)
                step = n // 10000
                for line in table:
                    self.assertEqual((int(line.split()[0]) - 1) % step, 0)
                last = int(data.split(" of ")[-1].split(")")[0])
                self.assertIn(f"{last - n_inputs} of {last}", data.splitlines()[-1])


if __name__ == "__main__":
    sys.exit(unittest.main(verbosity=0))

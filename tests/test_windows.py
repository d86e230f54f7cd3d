#!/usr/bin/env python3
"""Training on more than memory holds: the same model as in memory with the same windows, in less."""
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

RANKGRAD = os.environ["RANKGRAD"]
BUILD = os.environ["RANKGRAD_BUILD"]


def peak_of(arguments):
    """Peak resident bytes of a run, measured by a Python that waits for it alone."""
    watch = ("import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
             "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)")
    done = subprocess.run([sys.executable, "-c", watch, RANKGRAD, *map(str, arguments)],
                          stdout=subprocess.PIPE, text=True, check=True)
    return int(done.stdout.split()[-1])


class Windows(unittest.TestCase):
    def test_streaming_is_the_same_in_less_memory(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            data = folder / "d.h5"
            subprocess.run([RANKGRAD, "generate", "-o", data, "--lists", "8000"], check=True,
                           stdout=subprocess.DEVNULL)
            size = data.stat().st_size
            self.assertGreater(size, 60e6)
            for options in ((), ("--normalize", "none", "--lr", "1e-6")):
                train = ("train", data, "--quiet", "--epochs", "2", "--window", "4M", *options)
                whole = peak_of((*train, "-o", folder / "whole.h5"))
                limit = size // 4
                streamed = peak_of((*train, "-o", folder / "s.h5", "--memory", limit))
                self.assertEqual((folder / "whole.h5").read_bytes(),
                                 (folder / "s.h5").read_bytes())
                if "asan" not in BUILD and "tsan" not in BUILD:
                    self.assertLess(streamed, 0.6 * whole, options)


if __name__ == "__main__":
    unittest.main(verbosity=1)

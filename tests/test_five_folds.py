#!/usr/bin/env python3
"""The five-fold job of bench/five_folds.py reaches its figures on MQ2008 and OHSUMED."""
import os
import pathlib
import subprocess
import sys

source = pathlib.Path(os.environ["RANKGRAD_SOURCE"])
data = source.parent / "shared/data"
if not data.is_dir():
    print(f"skipped: {data} is not there")
    sys.exit(77)
done = subprocess.run([sys.executable, source / "bench/five_folds.py", "--rankgrad",
                       os.environ["RANKGRAD"], "--data", data], capture_output=True, text=True)
print(done.stdout, done.stderr, sep="")
if "| OHSUMED, list-minmax |" not in done.stdout:
    sys.exit("the table is not there")
sys.exit(done.returncode)

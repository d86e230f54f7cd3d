"""Universal Ctags, called in the root, finds the functions that macros name.

.ctags.d/rankgrad.ctags has its options; docs/finding-a-symbol.md explains them. Skipped without
ctags."""

import collections
import os
import shutil
import subprocess
import sys

SOURCE = os.environ["RANKGRAD_SOURCE"]

# Each symbol and the file that it must be found in.
EXPECTED = {
    "rg_exp": "elementwise/unary.def",
    "rg__exp_forward": "elementwise/unary.def",
    "rg__sigmoid_backward": "elementwise/unary.def",
    "rg_scale": "elementwise/unary.def",
    "rg__mul_backward": "elementwise/binary.def",
    "rg__less_forward": "elementwise/compare.def",
    "rg_logical_and": "elementwise/compare.def",
    "rg__product_forward": "autograd/product.c",
    "rg_sum": "reductions/reduce.def",
    "rg__sum_backward": "reductions/reduce.def",
    "rg_segment_sum": "segments/segments.def",
    "rg_matmul": "ops.def",
    "lane_sum": "tensor/lanes.h",
    "exp_vec": "tensor/vector.c",
}


def main():
    if not shutil.which("ctags") or "Universal" not in subprocess.run(
            ["ctags", "--version"], text=True, stdout=subprocess.PIPE).stdout:
        print("skipped: no Universal Ctags (apt-get install universal-ctags)")
        sys.exit(77)
    lines = subprocess.run(["ctags", "-R", "-f", "-", "src", "include"], cwd=SOURCE, text=True,
                           check=True, stdout=subprocess.PIPE).stdout.splitlines()
    files = collections.defaultdict(set)
    for line in lines:
        name, file = line.split("\t")[:2]
        files[name].add(file)
    found = [f"{name}: in {sorted(files[name])}, expected in {file}"
             for name, file in EXPECTED.items()
             if not any(path.endswith(file) for path in files[name])]
    found += [f"{name}: listed {len(files[name])} times, expected only its #define"
              for name in ("F", "V") if len(files[name]) != 1]
    print("\n".join(found) or f"{len(EXPECTED)} symbols were found")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

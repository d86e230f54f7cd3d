"""A .def file is the list of its folder: a source file there that no line names, and a line without
a source file, stop the configuration. Tried on a copy of the sources."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["RANKGRAD_SOURCE"])

# The .def file, the folder of its sources, a line for it.
TABLES = [
    ("src/autograd/ops.def", "src/autograd/ops", "RG_OP(stray, TWICE)"),
    ("src/loss/losses.def", "src/loss/losses", "RG_LOSS(stray, TWICE)"),
    ("src/metric/metrics.def", "src/metric/metrics", "RG_METRIC(stray, ONCE)"),
    ("src/optim/optimizers.def", "src/optim/optimizers", "RG_OPTIMIZER(stray, TWICE)"),
    ("src/normalize/normalizations.def", "src/normalize/methods", "RG_NORMALIZATION(stray, ONCE)"),
    ("src/optim/schedules.def", "src/optim/schedules", "RG_SCHEDULE(stray, ONCE)"),
    ("src/cli/commands.def", "src/cli/commands", "RG_COMMAND(stray, ONCE)"),
]


def configure(root):
    """What CMake says; None: it was content."""
    done = subprocess.run(
        ["cmake", "-G", "Ninja", "-S", root, "-B", root / "build", "-DRANKGRAD_TESTS=OFF",
         "-DRANKGRAD_EXAMPLES=OFF",
         "-DCMAKE_C_COMPILER=" + os.environ.get("CC", "gcc")],
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.stdout if done.returncode else None


def findings(root):
    said = configure(root)
    if said:
        yield f"the copy does not configure: {said}"
        return
    for table, folder, line in TABLES:
        stray = root / folder / "stray.c"
        stray.write_text("/* stray.c: forgotten. */\n")
        said = configure(root)
        if not said or "No line of " + pathlib.Path(table).name not in said or "stray.c" not in said:
            yield f"{stray.relative_to(root)}, which no line names: {said or 'nothing was said'}"
        before = (root / table).read_text()
        (root / table).write_text(before + line + "\n")
        said = configure(root)
        if said:
            yield f"{table} with a line for {folder}/stray.c: {said}"
        stray.unlink()
        said = configure(root)
        if not said or "stray.c" not in said:
            yield f"{table} with a line for no file: {said or 'nothing was said'}"
        (root / table).write_text(before)


def main():
    with tempfile.TemporaryDirectory(prefix="rankgrad-test-") as folder:
        root = pathlib.Path(folder)
        for name in ("src", "include", "cmake"):
            shutil.copytree(SOURCE / name, root / name)
        shutil.copy(SOURCE / "CMakeLists.txt", root)
        found = list(findings(root))
    print("\n".join(found) or f"{len(TABLES)} tables agree with their folders")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

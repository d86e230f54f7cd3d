"""A build with -DRANKGRAD_HDF5=OFF links no libhdf5, trains on text and scores with binary models:
the same bits as this build. What needs HDF5 is refused before any work, with a message that says so.
Its own tests, those that need no HDF5, pass."""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["RANKGRAD_SOURCE"])
BUILD = pathlib.Path(os.environ["RANKGRAD_BUILD"])
FULL = os.environ["RANKGRAD"]
TESTS = ("test_autograd", "test_metric", "test_model_binary", "test_optim", "test_own_loop",
         "test_tensor", "test_train")
MODELS = ([], ["--bias"], ["--dtype", "f64"], ["--model", "mlp", "--hidden", "5,3"],
          ["--normalize", "minmax"], ["--normalize", "list-minmax"], ["--normalize", "none"],
          ["--normalize", "log1p-zscore", "--model", "mlp"], ["--optimizer", "adam"])
WITHOUT = "this build of Rankgrad has no HDF5 (RANKGRAD_HDF5=OFF)"


def run(*command, status=0, **more):
    """(standard output, standard error) of a command that ends with this status."""
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600, **more)
    assert done.returncode == status, \
        f"{shlex.join(map(str, command))}: {done.returncode}: {done.stdout[-3000:]}{done.stderr}"
    return done.stdout, done.stderr


def cached(name):
    found = re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M)
    return found[1] if found else ""


def build(folder):
    """Program, libraries and some tests, with the flags of this build, so that bits are equal."""
    same = [f"-D{name}={cached(name)}" for name in ("CMAKE_C_COMPILER", "CMAKE_C_FLAGS",
                                                    "CMAKE_BUILD_TYPE")]
    run("cmake", "-G", "Ninja", "-S", SOURCE, "-B", folder, "-DRANKGRAD_HDF5=OFF",
        "-DRANKGRAD_EXAMPLES=OFF", "-DRANKGRAD_TESTS=ON", "-DRANKGRAD_WERROR=ON", *same)
    run("cmake", "--build", folder, "--target", "rankgrad", "rankgrad_shared", *TESTS)
    for name in TESTS:
        run(folder / "tests" / name, cwd=folder / "tests")
    return folder / "src" / "cli" / "rankgrad"


def check_linkage(folder, program):
    """Neither a library that is linked nor what a consumer is told to link is HDF5."""
    for file in (program, next(folder.glob("librankgrad.so*"))):
        needed, _ = run("ldd", file)
        assert "libopenblas" in needed and "hdf5" not in needed, f"{file}:\n{needed}"
    assert "hdf5" not in (folder / "rankgrad.pc").read_text()
    assert "hdf5" not in (folder / "rankgrad-config.cmake").read_text()


def check_bits(program, folder):
    """Trained here or there, scored here or there: the same bytes."""
    (folder / "rows.txt").write_text("".join(
        f"{i % 3} qid:{i // 5} 1:{i} 2:{i % 4} 3:{i * i % 7}\n" for i in range(40)))
    for options in MODELS:
        train = ("train", "rows.txt", "-q", "--force", "--epochs", 4, *options, "-o")
        run(FULL, *train, "full.h5", cwd=folder)
        run(FULL, "convert", "full.h5", "-o", "full.bin", "--force", cwd=folder)
        run(program, *train, "lean.bin", cwd=folder)
        assert (folder / "full.bin").read_bytes() == (folder / "lean.bin").read_bytes(), options
        scores, _ = run(FULL, "predict", "full.h5", "rows.txt", cwd=folder)
        assert len(scores.split()) == 40
        assert run(program, "predict", "full.bin", "rows.txt", cwd=folder)[0] == scores, options
    for command in (("evaluate", "full.bin", "rows.txt"), ("inspect", "full.bin"),
                    ("inspect", "rows.txt")):
        assert run(program, *command, cwd=folder) == run(FULL, *command, cwd=folder), command


def check_messages(program, folder):
    run(FULL, "convert", "rows.txt", "-o", "data.h5", cwd=folder)
    for status, said, *command in (
            (3, "full.h5: the content is HDF5", "predict", "full.h5", "rows.txt"),
            (3, "full.h5: the content is HDF5", "inspect", "full.h5"),
            (3, "data.h5: the content is HDF5", "evaluate", "full.bin", "data.h5"),
            (3, "data.h5: the content is HDF5", "train", "data.h5", "-o", "x.bin"),
            (3, "data.h5: the content is HDF5", "inspect", "--verify", "data.h5"),
            (3, "rows.txt: the content is no binary model", "predict", "rows.txt", "rows.txt"),
            (2, "x.h5: is to be HDF5", "train", "rows.txt", "-o", "x.h5", "--epochs", 100000000),
            (2, "x.h5: is to be HDF5", "convert", "rows.txt", "-o", "x.h5"),
            (2, "x.h5: is to be HDF5", "convert", "full.bin", "-o", "x.h5"),
            (2, "x.h5: is to be HDF5", "generate", "-o", "x.h5")):
        _, text = run(program, *command, status=status, cwd=folder)
        assert text.startswith(f"rankgrad: {said}") and WITHOUT in text, (command, text)
    assert not list(folder.glob("x.*")), list(folder.glob("x.*"))
    _, text = run(program, "predict", "none.bin", "rows.txt", status=5, cwd=folder)
    assert "No such file" in text, text


def main():
    with tempfile.TemporaryDirectory(prefix="rankgrad-test-") as name:
        folder = pathlib.Path(name)
        (folder / "work").mkdir()
        program = build(folder / "build")
        check_linkage(folder / "build", program)
        check_bits(program, folder / "work")
        check_messages(program, folder / "work")
    print(f"without libhdf5: {len(MODELS)} models, the same bits")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as error:
        print(error)
        sys.exit(1)

"""Adding a part takes the places that docs/adding.md shows, and no other.

The page's pieces are put into a copy of the sources, which is built with warnings as errors. Then
each part is used by its name and parameters: trained with, measured with, checked, found in --help
and in the history of the model."""

import gzip
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["RANKGRAD_SOURCE"])
PIECE = re.compile(r"^```c (\+?)(\S+)\n(.*?)^```$", re.M | re.S)

# Functions, not counting the line in the table, are shown in under so many lines.
LONGEST = 65


def add_pieces(root):
    """Puts the pieces into a copy of the sources; returns how many there are."""
    pieces = PIECE.findall((SOURCE / "docs" / "adding.md").read_text())
    for appended, name, text in pieces:
        file = root / name
        assert len(text.splitlines()) <= LONGEST, f"{name}: {len(text.splitlines())} lines"
        if not appended:
            assert not file.exists(), f"{name} is there already"
            file.write_text(text)
        elif name.endswith(".h"):
            head, tail = file.read_text().rsplit("#ifdef __cplusplus", 1)
            file.write_text(head + text + "#ifdef __cplusplus" + tail)
        else:
            file.write_text(file.read_text() + text)
    return len(pieces)


def run(*command, **more):
    """Standard output of a command that must succeed."""
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600, **more)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout


def build(root):
    """The program, with what was added."""
    run("cmake", "-G", "Ninja", "-S", root, "-B", root / "build", "-DRANKGRAD_TESTS=OFF",
        "-DRANKGRAD_EXAMPLES=OFF", "-DRANKGRAD_WERROR=ON", "-DCMAKE_BUILD_TYPE=Debug",
        "-DCMAKE_C_FLAGS=-O1", "-DCMAKE_C_COMPILER=" + os.environ.get("CC", "gcc"))
    run("cmake", "--build", root / "build", "--target", "rankgrad")
    return root / "build" / "src" / "cli" / "rankgrad"


def use(program, folder):
    """Trains and measures with every part that was added."""
    data, model = folder / "data.h5", folder / "model.h5"
    run(program, "generate", "-o", data, "--lists", 60, "--features", 5)
    chosen = {"--loss": "squared", "--scale": "0.5", "--optimizer": "signed_sgd",
              "--threshold": "1e-4", "--schedule": "drop(at=0.25)", "--factor": "0.2",
              "--model": "pairs", "--rank": "3", "--normalize": "power", "--p": "0.25",
              "--metric": "geometric(p=0.7)@5,ndcg@10"}
    words = [word for pair in chosen.items() for word in pair]
    run(program, "train", data, "-o", model, "--lr", "0.01", "--epochs", 8, "--quiet", *words)
    shown = run(program, "inspect", model)
    history = json.loads(next(x for x in shown.splitlines() if x.startswith("history: "))[9:])
    for key, want in (("loss", "squared(scale=0.5)"), ("model", "pairs(rank=3)"),
                      ("optimizer", "signed_sgd(threshold=0.0001)"),
                      ("schedule", "drop(at=0.25, factor=0.2)")):
        assert history[key] == want, (key, history[key])
    assert "normalisation power(p=0.25)" in shown, shown
    report = json.loads(run(program, "evaluate", model, data, "--metric",
                            "geometric(p=0.7)@5,ndcg@10", "--format", "json"))["metrics"]
    assert 0 < report["geometric(p=0.7)@5"]["value"] < 1, report
    assert len(run(program, "predict", model, data).split()) > 100
    line = {"loss": "squared(scale=3)", "logits": [1, 2], "labels": [0, 2]}
    answer = json.loads(run(program, "loss", input=json.dumps(line) + "\n"))
    assert answer["value"] == 1.5 and answer["grad_logits"] == [3, 0], answer  # over two items
    checked = run(program, "gradcheck", "cube", "rms", "squared")
    assert checked.count("ok ") == 16 and "FAILED" not in checked, checked
    text = " ".join(run(program, "train", "--help").split())
    for word in ("--threshold", "; for signed_sgd: gradients up to this", "--p=",
                 "For power: exponent", "--rank", "geometric", "squared"):
        assert word in text, f"{word} is not in train --help"


def use_command(program, folder):
    """The command is listed, dispatched, documented and guessed from the table alone."""
    text = folder / "data.txt"
    text.write_text("1 qid:1 1:2\n0 qid:1 1:3\n1 qid:2 1:4\n0 qid:2 1:1\n1 qid:3 1:0\n")
    assert "  count      count the lists of each split\n" in run(program, "help")
    shown = " ".join(run(program, "help", "count").split())
    for word in ("Usage: rankgrad count [OPTION...] DATA", "--at-least=N", "[>= 0; default 0]",
                 "--regroup", "--threads"):
        assert word in shown, f"{word} is not in help count: {shown}"
    assert run(program, "count", text) == " 3 lists\n"
    assert run(program, "count", text, "--at-least", 4) == ""
    for words, said in ((("cuont", text), "did you mean count?"),
                        (("wc", text), "did you mean count?"),
                        (("xyzzy",), "metric, gradcheck, count; see"),
                        (("count",), "0 of 1 argument given; expected DATA"),
                        (("count", text, "--at-lest", "1"), "did you mean --at-least?"),
                        (("count", text, "--at-least", "-1"), "expected a whole number >= 0"),
                        (("count", text, "--at-least", "1", "--at-least", "2"), "given twice"),
                        (("count", text, "-o", "x"), "there is no option -o")):
        done = subprocess.run([str(program), *map(str, words)], text=True, stderr=subprocess.PIPE,
                              timeout=60)
        assert done.returncode == 2 and said in done.stderr, (words, done.stderr)


def use_format(program, folder):
    """The text format is recognised by its content alone; the same rows give the same model."""
    draw = random.Random(1)
    rows = [(draw.choice([0, 1, 2]), 1 + i // 20, [draw.gauss(0, 1) for _ in range(4)])
            for i in range(40000)]
    csv, plain, zipped = folder / "data.csv", folder / "data.svm", folder / "data.txt.gz"
    csv.write_text("label,qid,a,b,c,d\n" + "".join(
        f"{y},{q},{','.join(map(repr, x))}\n" for y, q, x in rows))
    plain.write_text("".join(
        f"{y} qid:{q} {' '.join(f'{i}:{v!r}' for i, v in enumerate(x, 1))}\n" for y, q, x in rows))
    zipped.write_bytes(gzip.compress(csv.read_bytes()))
    said = []
    for file, name in ((csv, "CSV"), (zipped, "CSV"), (plain, "SVMlight")):
        said.append(run(program, "train", file, "-o", folder / "m.h5", "--force", "--epochs", 2,
                        "--quiet").replace(str(file), ""))
        shown = run(program, "inspect", file)
        assert f"{file}: data set, {name}\n" in shown, shown
    assert said[0] == said[1] == said[2], said
    run(program, "convert", "--train", csv, "--vali", plain, "-o", folder / "both.h5", "--memory", "64K")
    head = "label,qid,a,b\n1,1,2,3\n"
    for text, words, status, message in (
            ("0,1,2,x\n", (), 3, 'bad.csv:3:7: found "x", expected a number'),
            ("0,1,2,\n", (), 0, ""),
            ("0,1,2,inf\n", (), 3, "bad.csv:3: the row has the feature 2 beyond"),
            ("nan,1,2,3\n", (), 3, "bad.csv:3: the row has a label that is not finite"),
            ("0,2,2,3\n0,1,4,5\n", (), 3, "bad.csv:4: qid 1 comes back"),
            ("0,1,2,3,4\n", ("--features", 2), 3, "bad.csv:3: the row has more features"),
            ("0,1,2,3\n", ("--zero-based",), 2, "bad.csv: is CSV, which has no use for --zero-based"),
            ("0,\1,2,3\n", (), 3, "bad.csv:3:3: found"),
            ("0,1,2,3\n", (), 0, "")):
        bad = folder / "bad.csv"
        bad.write_text(head + text)
        done = subprocess.run([str(program), "inspect", str(bad), *map(str, words)], text=True,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=60)
        assert done.returncode == status and message in done.stderr, (text, done.stderr)


def refuse(program, folder):
    """Parameters out of range are refused by the tables alone."""
    for words, said in ((("--optimizer", "signed_sgd", "--threshold", "-1"), "expected a number >= 0"),
                        (("--threshold", "1"), "--threshold is a parameter of signed_sgd"),
                        (("--loss", "squared(scale=0)"), "scale is 0; expected a number > 0"),
                        (("--model", "pairs(rank=65)"), "rank is 65"),
                        (("--normalize", "power(p=0)"), "p is 0; expected a number > 0 and <= 10"),
                        (("--normalize", "powers"), "minmax, list-minmax, power"),
                        (("--metric", "geometric(p=1)"), "p is 1; expected a number >= 0 and < 1"),
                        (("--schedule", "drop(at=2)"), "at is 2")):
        done = subprocess.run([str(program), "train", str(folder / "data.h5"), "-o",
                               str(folder / "x.h5"), *words], text=True, stderr=subprocess.PIPE,
                              timeout=60)
        assert done.returncode == 2 and said in done.stderr, (words, done.stderr)


def main():
    with tempfile.TemporaryDirectory(prefix="rankgrad-test-") as name:
        folder = pathlib.Path(name)
        root = folder / "source"
        root.mkdir()
        for part in ("src", "include", "cmake"):
            shutil.copytree(SOURCE / part, root / part)
        shutil.copy(SOURCE / "CMakeLists.txt", root)
        n = add_pieces(root)
        program = build(root)
        use(program, folder)
        use_command(program, folder)
        use_format(program, folder)
        refuse(program, folder)
    print(f"{n} pieces of docs/adding.md are all it takes")


if __name__ == "__main__":
    try:
        main()
    except AssertionError as error:
        print(error)
        sys.exit(1)

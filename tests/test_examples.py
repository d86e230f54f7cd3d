"""The examples and the documentation say what the programs do.

examples/NAME.txt is what examples/NAME.c prints. In docs/*.md the blocks marked ```c of a page are,
one after another, one file: it must compile without a warning, and where it has a main, end with
status 0 and print the page's blocks marked ```text. Links of a page to files must lead somewhere.
A page that wants C only to be looked at marks it ``` without the c."""

import difflib
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["RANKGRAD_SOURCE"])
BUILD = pathlib.Path(os.environ["RANKGRAD_BUILD"])
CC = os.environ.get("CC", "gcc")
LONGEST_EXAMPLE = 100
STRICT = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Wshadow", "-Wvla",
          "-Wstrict-prototypes", "-Wdouble-promotion", "-ffp-contract=off", "-Werror"]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)
LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")


def run(folder, *command):
    """(exit status, all it said) of a command run in a folder."""
    done = subprocess.run([str(word) for word in command], cwd=folder, text=True, timeout=300,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def differences(expected, printed, name):
    """The lines that differ, one a finding."""
    return [f"{name}: {line}" for line in
            difflib.unified_diff(expected.splitlines(), printed.splitlines(),
                                 "expected", "printed", lineterm="", n=0)]


def example_findings(source, folder):
    """What is wrong with one example."""
    name = source.stem
    if len(source.read_text().splitlines()) >= LONGEST_EXAMPLE:
        yield f"{name}: not under {LONGEST_EXAMPLE} lines"
    expected = source.with_suffix(".txt")
    if not expected.is_file():
        yield f"{name}: {expected.name} is missing"
        return
    for time in ("first", "second"):  # it must stand its own files being there already
        status, printed = run(folder, BUILD / "examples" / name)
        if status != 0:
            yield f"{name}: exit status {status} the {time} time"
        yield from differences(expected.read_text(), printed, name)


def failure_findings(folder):
    """An example that cannot write says so in one line on stderr and ends with the status's
    number, 5 for input and output."""
    (folder / "ranker_data.h5").mkdir()
    done = subprocess.run([str(BUILD / "examples" / "04_train_a_ranker")], cwd=folder, text=True,
                          capture_output=True)
    if done.returncode != 5 or done.stdout or not re.fullmatch(r"ranker_data\.h5: .+\n",
                                                               done.stderr):
        yield f"04 where it cannot write: exit status {done.returncode}: {done.stderr}"


def predict_findings(folder):
    """The program scores with the model that an example's own loop has saved."""
    (folder / "rows.txt").write_text("1 qid:1 1:1 6:2\n0 qid:1 2:1\n")
    status, said = run(folder, os.environ["RANKGRAD"], "predict", "own_loop.h5", "rows.txt")
    if status != 0 or not re.fullmatch(r"(-?\d\S*\n){2}", said):
        yield f"predict with 06's model: exit status {status}: {said}"


def cached(name):
    found = re.search(rf"^{name}:\w+=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M)
    return shlex.split(found[1]) if found else []


def libraries():
    """What the static library is linked with, as pkg-config would say."""
    return re.search(r"^Libs\.private:(.*)$", (BUILD / "rankgrad.pc").read_text(), re.M)[1].split()


def blocks(text, language):
    return [body for found, body in FENCE.findall(text) if found == language]


def program_findings(page, text, folder):
    """What is wrong with the program that a page's C blocks make."""
    code = "\n".join(blocks(text, "c"))
    if not code:
        return
    file, program = folder / f"{page}.c", folder / f"{page}.out"
    file.write_text(code)
    has_main = re.search(r"^int main\(", code, re.M)
    target = ["-o", program] if has_main else ["-c", "-o", os.devnull]
    link = [BUILD / "librankgrad.a", *libraries()] if has_main else []
    status, said = run(folder, CC, *cached("CMAKE_C_FLAGS"), *STRICT, f"-I{SOURCE / 'include'}",
                       file, *target, *link)
    if status != 0:
        yield f"{page}: its C blocks do not compile\n{said}"
    elif has_main:
        status, printed = run(folder, program)
        if status != 0:
            yield f"{page}: its program ends with status {status}"
        yield from differences("".join(blocks(text, "text")), printed, page)


def page_findings(page, text, folder):
    """What is wrong with one page: of docs/, or the README."""
    yield from program_findings(page, text, folder)
    base = SOURCE if page == "README" else SOURCE / "docs"
    for target in LINK.findall(FENCE.sub("", text)):
        if "://" not in target and not (base / target).exists():
            yield f"{page}: links to {target}, which is not there"


GOOD_PAGE = """[the header](../include/rankgrad/base.h) and [a site](https://example.org/)
```c
#include <stdio.h>
static int one(void)
{
    return 1;
}
```
and then
```c
int main(void)
{
    printf("%d\\n", one());
    return 0;
}
```
prints
```text
1
```
"""


def self_test(folder):
    """The good page passes; each way to spoil it is found."""
    assert not list(page_findings("good", GOOD_PAGE, folder)), list(
        page_findings("good", GOOD_PAGE, folder))
    for text, instead, word in (
            ("return 1", "return 2", "-1"),
            ("return 0", "return 3", "status 3"),
            ("(void)\n{\n    return", "(void)\n{\n    int x; return", "compile"),
            ("base.h)", "absent.h)", "absent.h"),
            ("int main", "static int start", "compile")):
        assert text in GOOD_PAGE, text
        found = "\n".join(page_findings("bad", GOOD_PAGE.replace(text, instead), folder))
        assert word in found, (text, found)
    assert differences("a\nb\n", "a\n", "x") and not differences("a\n", "a\n", "x")


def main():
    if not (BUILD / "examples" / "01_gradient").is_file():
        print("skipped: this build has no examples (RANKGRAD_EXAMPLES=OFF)")
        sys.exit(77)
    examples = sorted((SOURCE / "examples").glob("[0-9]*.c"))
    pages = [SOURCE / "README.md", *sorted((SOURCE / "docs").glob("*.md"))]
    assert len(examples) >= 4 and len(pages) >= 4, (examples, pages)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        self_test(folder)
        for source in examples:
            found += example_findings(source, folder)
        found += predict_findings(folder)
        (folder / "blocked").mkdir()
        found += failure_findings(folder / "blocked")
        for page in pages:
            found += page_findings(page.stem, page.read_text(), folder)
    print("\n".join(found) or f"{len(examples)} examples and {len(pages)} pages say what is so")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

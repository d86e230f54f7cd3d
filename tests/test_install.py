"""Installs this build into a folder, moves the folder, and builds tests/consumers from it: in C and
in C++11, with the static and the shared library, found by CMake and by pkg-config. All of them must
print one and the same score, and it must be the one worked out here from the documentation. An
operator in C and in C++17 passes the gradient check, and the installed examples print what the
installed texts say."""

import math
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["RANKGRAD_SOURCE"])
BUILD = pathlib.Path(os.environ["RANKGRAD_BUILD"])
CONSUMERS = SOURCE / "tests" / "consumers"
CC = os.environ.get("CC", "gcc")
CXX = re.sub(r"gcc(?=[^/]*$)", "g++", re.sub(r"clang(?=[^/]*$)", "clang++", CC))
CXX = re.sub(r"/cc$", "/c++", CXX)
DOCS = "share/doc/rankgrad"
STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]


def run(*command, **environment):
    """The standard output of a command; its failure ends the test with all it said."""
    done = subprocess.run([str(word) for word in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, env={**os.environ, **environment})
    if done.returncode != 0:
        sys.exit(f"{shlex.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


def is_sanitized():
    cache = (BUILD / "CMakeCache.txt").read_text()
    return re.search(r"^CMAKE_C_FLAGS:.*-fsanitize", cache, re.M) is not None


def numbers(name):
    """An array of tests/consumers/lists.h."""
    text = re.sub(r"/\*.*?\*/", "", (CONSUMERS / "lists.h").read_text(), flags=re.S)
    return [float(word) for word in
            re.search(name + r"\[[^]]*\] = \{(.*?)\}", text, re.S)[1].replace("f", "").split(",")
            if word.strip()]


def zscored(rows):
    """The columns with mean 0 and deviation 1, as rows again."""
    columns = []
    for column in zip(*rows):
        mean = sum(column) / len(column)
        deviation = math.sqrt(sum((x - mean) ** 2 for x in column) / len(column))
        columns.append([(x - mean) / deviation for x in column])
    return list(zip(*columns))


def expected_score(epochs=50, lr=0.1):
    """The first item's score after train.h's defaults: z-scores, weights from 0, one step an epoch
    (fewer than 32 lists), the mean of L = -sum y log softmax(s) over the lists with y in units of
    the mean label mass, gradient norm at most 1, cosine decay."""
    flat, labels = numbers("rows"), numbers("labels")
    offsets = [int(x) for x in numbers("offsets")]
    rows = zscored([flat[2 * i:2 * i + 2] for i in range(len(labels))])
    lists = [range(a, b) for a, b in zip(offsets, offsets[1:])]
    mass = sum(labels) / len(lists)
    w = [0.0, 0.0]
    for epoch in range(epochs):
        gradient = [0.0, 0.0]
        for items in lists:
            e = [math.exp(sum(a * b for a, b in zip(rows[i], w))) for i in items]
            total = sum(labels[i] for i in items)
            for i, e_i in zip(items, e):
                ds = (total * e_i / sum(e) - labels[i]) / len(lists) / mass
                gradient = [g + ds * x for g, x in zip(gradient, rows[i])]
        factor = lr * (1 + math.cos(math.pi * epoch / epochs)) / 2
        factor /= max(1.0, math.hypot(*gradient))
        w = [a - factor * g for a, g in zip(w, gradient)]
    return sum(a * b for a, b in zip(rows[0], w))


def build_with_cmake(prefix, work):
    """The consumers of tests/consumers/CMakeLists.txt."""
    run("cmake", "-G", "Ninja", "-S", CONSUMERS, "-B", work, f"-DCMAKE_PREFIX_PATH={prefix}",
        f"-DCMAKE_C_COMPILER={CC}", f"-DCMAKE_CXX_COMPILER={CXX}")
    run("cmake", "--build", work)
    return [work / f"{language}_{kind}" for language in ("c", "cc")
            for kind in ("static", "shared", "rankgrad")]


def pkg_config(prefix, *options):
    path = next(prefix.rglob("rankgrad.pc")).parent
    return run("pkg-config", *options, "rankgrad", PKG_CONFIG_PATH=str(path)).split()


def build_with_pkg_config(prefix, work):
    programs = []
    static = ["-l:librankgrad.a" if word == "-lrankgrad" else word
              for word in pkg_config(prefix, "--static", "--libs")]
    for kind, libs in (("static", static), ("shared", pkg_config(prefix, "--libs"))):
        for compiler, standard, file in ((CC, "c11", "consumer.c"), (CXX, "c++11", "consumer.cc")):
            programs.append(work / f"pkg_{kind}_{standard}")
            run(compiler, f"-std={standard}", *STRICT, *pkg_config(prefix, "--cflags"),
                CONSUMERS / file, "-o", programs[-1], *libs)
    return programs


def check_readme_line(prefix, library, work):
    """The README's line for cc builds its own program and every example."""
    readme = (SOURCE / "README.md").read_text()
    line, = re.findall(r"^cc (my_program\.c .*pkg-config.*)$", readme, re.M)
    (work / "readme.c").write_text(re.search(r"```c\n(#include.*?)```", readme, re.S)[1])
    examples = sorted((prefix / DOCS / "examples").glob("*.c"))
    assert len(examples) > 5, examples
    path = next(prefix.rglob("rankgrad.pc")).parent
    for file in (work / "readme.c", *examples):
        program = work / file.stem
        words = line.replace("my_program.c", shlex.quote(str(file)))
        run("sh", "-c", f"{CC} {words} -o {shlex.quote(str(program))}", PKG_CONFIG_PATH=str(path))
    printed = run(work / "readme", LD_LIBRARY_PATH=str(library))
    assert printed == re.search(r"```text\n(loss.*?)```", readme, re.S)[1], printed


def check_examples(prefix, work):
    """The installed examples are a CMake project, whose programs print the installed texts."""
    shutil.copytree(prefix / DOCS / "examples", work / "source")
    run("cmake", "-G", "Ninja", "-S", work / "source", "-B", work / "build",
        f"-DCMAKE_PREFIX_PATH={prefix}", f"-DCMAKE_C_COMPILER={CC}")
    run("cmake", "--build", work / "build")
    for text in sorted((work / "source").glob("*.txt")):
        if text.name != "CMakeLists.txt":
            assert run("env", "-C", work, work / "build" / text.stem) == text.read_text(), text


def check_documents(prefix):
    """Pages that the installed index and README lead to are installed, but for the sources."""
    for page in (prefix / DOCS / "README.md", prefix / DOCS / "docs" / "index.md"):
        links = re.findall(r"\]\(([^)#\s:]+)[^)]*\)", page.read_text())
        assert len(links) > 3, page
        for link in links:
            target = (page.parent / link).resolve()
            inside = target.relative_to((prefix / DOCS).resolve())
            assert inside.parts[0] in ("include", "src", "tests", "bench", "scripts", "cmake") \
                or target.exists(), f"{page} leads to {link}, which is not installed"


def check_operators(programs):
    """A C and a C++ program each passed the gradient check of an operator, in f64 and f32."""
    for program in programs:
        said = run(program)
        assert re.match(r"passed: .*, f32 too$", said), said


def check_headers(prefix):
    """Each header compiles by itself, in both languages."""
    for header in sorted((prefix / "include" / "rankgrad").glob("*.h")):
        for compiler, language, standard in ((CC, "c", "c11"), (CXX, "c++", "c++11")):
            run(compiler, "-x", language, f"-std={standard}", *STRICT, "-fsyntax-only", "-DRG_REAL=64",
                f"-I{prefix / 'include'}", "-include", f"rankgrad/{header.name}", os.devnull)


def check_paths(prefix):
    """Nothing to be read by a build names a folder of this machine."""
    texts = [file for suffix in ("*.cmake", "*.pc") for file in prefix.rglob(suffix)]
    assert len(texts) >= 4, texts
    for file in texts:
        for folder in (str(SOURCE), str(BUILD), "/usr/lib"): # as the start of a path, not within one
            named = re.search(rf"(?<![\w.}}-]){re.escape(folder)}(?![\w-])", file.read_text())
            assert not named, f"{file} names {folder}"


def check_linkage(program, shared):
    needed = run("readelf", "-d", program)
    assert ("librankgrad.so.0" in needed) == shared, f"{program}:\n{needed}"


def main():
    if is_sanitized():
        print("skipped: a consumer without the sanitizers cannot link a build that has them")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        run("cmake", "--install", BUILD, "--prefix", folder / "first")
        prefix = (folder / "first").rename(folder / "moved")
        for path in ("bin/rankgrad", "share/doc/rankgrad/LICENSE", "share/doc/rankgrad/NOTICE"):
            assert (prefix / path).is_file(), f"{path} is not installed"
        run(prefix / "bin" / "rankgrad", "--help")
        check_paths(prefix)
        check_headers(prefix)

        (folder / "pkg").mkdir()
        programs = build_with_cmake(prefix, folder / "cmake")
        check_operators([folder / "cmake" / "c_operator", folder / "cmake" / "cc_operator"])
        check_documents(prefix)
        (folder / "examples").mkdir()
        check_examples(prefix, folder / "examples")
        programs += build_with_pkg_config(prefix, folder / "pkg")
        library = next(prefix.rglob("librankgrad.so.0")).parent
        check_readme_line(prefix, library, folder / "pkg")
        printed = {program: run(program, LD_LIBRARY_PATH=str(library)) for program in programs}
        for program in programs:
            check_linkage(program, "static" not in program.name)
        assert len(set(printed.values())) == 1, printed
        version, score = printed[programs[0]].split()
        assert pkg_config(prefix, "--modversion") == [version], version
        assert math.isclose(float(score), expected_score(), rel_tol=1e-6), \
            f"{score}, expected {expected_score():.9g}"
        print(f"{len(programs)} programs, each: version {version}, score {score}")


if __name__ == "__main__":
    main()

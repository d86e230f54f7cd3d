"""The part of the house style that a script can see.

A source file opens with a comment. No function is longer than 60 lines, no line of src/ and
include/ wider than 100 columns. No message of the library names a flag of the program, and what it
names in backquotes is a member of a public struct or a parameter. Every public prototype has a
comment above it or shares one with its group. The lines of ops.def, their files and their prototypes
agree."""

import os
import pathlib
import re
import sys

LONGEST_FUNCTION = 60
WIDEST_LINE = 100

# Each FILE.def with the macro of its lines, the header with a prototype for each line, its name, and
# the functions there that have no line.
TABLES = [
    ({"src/autograd/ops.def": "RG_OP", "src/autograd/elementwise/unary.def": r"RG_UNARY(?:_[12]|_FLAT)?",
      "src/autograd/segments/segments.def": "RG_SEGMENT",
      "src/autograd/elementwise/binary.def": "RG_BINARY",
      "src/autograd/elementwise/compare.def": "RG_(?:COMPARE|LOGICAL)",
      "src/autograd/reductions/reduce.def": "RG_REDUCTION(?:_1)?"}, "ops.h", r"rg_(\w+)",
     {"embedding", "expand", "flip", "matmul_with", "mse", "squeeze", "stack", "transpose"}), # calls of other operators
]


def blanked(text):
    """The text with comments, strings and character constants as spaces, line by line as before."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''
    return re.sub(pattern, lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)


def functions(text):
    """(name, first line, number of lines) of each function: from the line after the last ; or }
    or directive to the closing brace. What tells its brace from one of an enum, a struct or an
    initialiser is the parenthesis that ends right before it."""
    text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*", lambda m: re.sub(r"[^\n]", " ", m[0]), blanked(text),
                  flags=re.M)
    depth, start, opened = 0, 0, None
    for at, c in enumerate(text):
        if c == "{":
            head = text[start:at]
            if depth == 0 and head.strip() == "extern":
                start = at + 1  # extern "C" { is no level
                continue
            if depth == 0 and head.rstrip().endswith(")"):
                opened = head
            depth += 1
        elif c == "}":
            depth = max(depth - 1, 0)
            if depth == 0 and opened:
                first = start + len(opened) - len(opened.lstrip())
                name = re.search(r"(\w+(?:\(\w+\))?)\s*\(", opened)
                yield (name[1] if name else "?", text.count("\n", 0, first) + 1,
                       text.count("\n", first, at) + 1)
                opened = None
            if depth == 0:
                start = at + 1
        elif c == ";" and depth == 0:
            start = at + 1


def uncommented(text):
    """The RG_API prototypes of a header that neither follow a comment nor a prototype that does,
    by line number. A blank line ends a group. Default options need none: their struct stands
    above and tells the defaults."""
    commented = inside = False  # is there a comment; does it go on
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.strip()
        if inside:
            inside = "*/" not in bare
        elif bare.startswith("/*"):
            commented, inside = True, "*/" not in bare
        elif not bare:
            commented = False
        elif bare.startswith("RG_API") and not commented and "/*" not in bare:
            if "_options_default(void);" not in bare:
                yield number


def file_findings(path, text):
    """What is wrong with one C file; path is relative to the root."""
    if not text.lstrip().startswith("/*"):
        yield f"{path}:1: opens without a comment that says what the file does"
    for name, first, lines in functions(text):
        if lines > LONGEST_FUNCTION:
            yield f"{path}:{first}: {name} has {lines} lines, at most {LONGEST_FUNCTION}"
    if path.parts[0] in ("src", "include"):
        for number, line in enumerate(text.splitlines(), 1):
            if len(line) > WIDEST_LINE:
                yield f"{path}:{number}: {len(line)} columns, at most {WIDEST_LINE}"
    if path.parts[0] == "include":
        for number in uncommented(text):
            yield f"{path}:{number}: a prototype without a comment above it"


def member_names(root):
    """The members of public structs and the parameters of components: what messages may name."""
    headers = "".join(blanked(file.read_text()) for file in root.glob("include/**/*.h"))
    tables = "".join(file.read_text() for file in root.glob("src/**/*.c"))
    return set(re.findall(r"\b([a-z]\w*)(?:\[[^\]]*\])*[;,]", headers)) | set(
        re.findall(r"\bRG__(?:REAL|INTEGERS?|FLAG|NAME)\([^,()]*, (\w+)", tables))


def message_findings(path, text, members):
    """The flags and the unknown names in the strings of the library."""
    text = re.sub(r"/\*.*?\*/", lambda m: re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)
    for string in re.finditer(r'"((?:\\.|[^"\\\n])*)"', text):
        number = text.count("\n", 0, string.start()) + 1
        for flag in re.findall(r"(?<![\w-])--[a-z][\w-]*", string[1]):
            yield f"{path}:{number}: a message names {flag}; expected the option's field, `field`"
        for name in re.findall(r"`(\w+)`", string[1]):
            if name not in members:
                yield f"{path}:{number}: `{name}` is no member of a public struct"


def table_findings(root, tables, header, prototype, calls):
    """Lines of .def files without a prototype, and prototypes without a line. (A file without a
    line, and a line without its file, stop CMake.)"""
    lines = set()
    for table, macro in tables.items():
        lines |= set(re.findall(rf"^{macro}\((\w+)", (root / table).read_text(), re.M))
    table = ", ".join(tables)
    text = blanked((root / "include" / "rankgrad" / header).read_text())
    declared = set(re.findall(rf"\bRG_API rg_node \*{prototype}\(", text))
    for name in sorted(lines - declared):
        yield f"{table}: {name} has no prototype in {header}"
    for name in sorted(declared - lines - calls):
        yield f"{header}: {name} has no line in {table}"


def sources(root):
    """The C files of the house, sorted."""
    for pattern in ("src/**/*.[ch]", "src/**/*.def", "include/**/*.h", "tests/*.[ch]",
                    "tests/consumers/*.[ch]", "examples/*.[ch]", "bench/*.[ch]", "fuzz/*.[ch]"):
        yield from sorted(root.glob(pattern))


HEADER = """/* f.h: says what it does. */

/* Shared by the two. */
RG_API int rg_a(int b);
RG_API int rg_b(int c,
                int d);

extern "C" {
static int f(void)
{
%s}
}
""" % (57 * "    a();\n")

FUNCTIONS = """static int x[] = {1, 2};
enum e { A };
#define M(x) \\
    do { x; } while (0)
int F(g)(char c)
{
    if (c == '{') {
        h("}");
    }
}
int k(void) { return 0; }
"""


def self_test():
    """The good header passes; each way to spoil it is found."""
    path = pathlib.Path("include/f.h")
    assert list(functions(FUNCTIONS)) == [("F(g)", 5, 6), ("k", 11, 1)], list(functions(FUNCTIONS))
    assert list(functions(HEADER)) == [("f", 9, 60)], list(functions(HEADER))
    assert not list(file_findings(path, HEADER)), list(file_findings(path, HEADER))
    for text, instead, word in (("{\n    a();", "{\n\n    a();", "f has 61 lines"),
                                ("does. */", "does." + 100 * " " + "*/", "columns"),
                                ("/* Shared by the two. */", "", "a prototype without"),
                                ("RG_API int rg_b", "\nRG_API int rg_b", "a prototype without")):
        found = list(file_findings(path, HEADER.replace(text, instead)))
        assert any(word in line for line in found), (word, found)
    assert list(file_findings(path, "int x;\n")), "a file without a comment passed"
    for text, wrong in (('"use `lr`, a -- b, \\"`l2`\\""', 0), ('/* "--lr" */', 0), ('"%s `%s`"', 0),
                        ('"--lr"', 1), ('"a smaller --lr or\\n" "--clip-norm 1"', 2), ('"`lb`"', 1),
                        ('"(--lr)"', 1), ('"x--" "--y"', 1)):
        found = list(message_findings(path, text, {"lr", "l2"}))
        assert len(found) == wrong, (text, found)


def main():
    self_test()
    root = pathlib.Path(os.environ["RANKGRAD_SOURCE"])
    found, n_files, members = [], 0, member_names(root)
    for file in sources(root):
        n_files += 1
        path, text = file.relative_to(root), file.read_text()
        found += file_findings(path, text)
        if path.parts[0] == "src" and path.parts[1] != "cli":
            found += message_findings(path, text, members)
    assert n_files > 50, f"no sources below {root}"
    for row in TABLES:
        found += table_findings(root, *row)
    print("\n".join(found) or f"{n_files} files keep the style")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

"""docs/features.md: every loss, label mode, lambda weight, metric, tie rule and tool has a row whose
cell for Rankgrad links to a test that names it.

A row is about the last word of the first code in its first cell: `lambda=ndcg` is about ndcg, and
`neural_ndcg(sinkhorn)` about sinkhorn. The file that is linked must contain this word, or a constant
that ends with it, as RG_TIES_INPUT does with input."""

import os
import pathlib
import re
import sys

PAGE = pathlib.Path("docs/features.md")

# What must have rows: the file with the names, where they begin (a list ends at the first "};"; ""
# stands for the file), the pattern of a name, and what comes before the name in the row.
TABLES = [
    ("src/loss/losses.def", "", r"^RG_LOSS(?:_ALIAS)?\((\w+)", ""),
    ("src/loss/losses/ranking_softmax.c", "*rg_label_mode_name(", r'"([\w-]+)"', "label_mode="),
    ("src/loss/lambda.c", "*rg__lambda_name(", r'"([\w-]+)"', "lambda="),
    ("src/metric/metrics.def", "", r"^RG_METRIC\((\w+)", ""),
    ("src/metric/metrics.c", "*rg_ties_name(", r'"([\w-]+)"', ""),
    ("src/metric/like.c", "tools[] =", r'"([\w-]+)"', "--like "),
]


def names(root):
    """(file, row) of all that must have a row."""
    for file, start, pattern, before in TABLES:
        text = (root / file).read_text()
        if start:
            text = text[text.index(start):].split("};")[0]
        found = re.findall(pattern, text, re.M)
        assert len(found) > 3, f"{file}: {len(found)} names"
        for name in found:
            yield file, before + name


def rows(page):
    """(line number, cells) of the rows of tables with a column Rankgrad, which is the second."""
    columns = 0
    for number, line in enumerate(page.splitlines(), 1):
        if not line.startswith("|"):
            columns = 0
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) > 1 and cells[1] == "Rankgrad":
            columns = len(cells)
        elif columns and not set(line) <= set("|-"):
            yield number, columns, cells


def row_findings(root, columns, cells):
    """What is wrong with one row."""
    code = re.search("`([^`]+)`", cells[0])
    link = re.fullmatch(r"\[yes\]\(\.\./(tests/[^)#]+)\)", cells[1]) if len(cells) > 1 else None
    if len(cells) != columns:
        yield f"{len(cells)} cells, expected {columns}"
    elif not code or not link:
        yield "expected a name in backquotes, then [yes](../tests/FILE)"
    elif not (root / link[1]).is_file():
        yield f"no file {link[1]}"
    else:
        about = re.findall(r"\w[\w-]*", code[1])[-1]
        word = rf"(?<!\w)(?<!\w-)(?:{about}|RG_\w+_{about.upper()})(?![\w-])"
        if not re.search(word, (root / link[1]).read_text()):
            yield f"{link[1]} does not mention {about}"
    for cell in cells[2:]:
        if not re.fullmatch(r"-( \(\d\))?|yes|yes, \S.*|partly, \S.* \(\d\)", cell):
            yield f'"{cell}"; expected -, yes, "yes, NAME" or "partly, NAME (NOTE)"'


def findings(root, page, wanted):
    present = set()
    for number, columns, cells in rows(page):
        present |= set(re.findall("`([^`]+)`", cells[0])[:1])
        for finding in row_findings(root, columns, cells):
            yield f"{PAGE}:{number}: {cells[0]}: {finding}"
    for file, row in wanted:
        if row not in present:
            yield f"{PAGE}: no row `{row}`, which {file} has"


def self_test(root):
    """Each line of a page has the fault after the #, if any."""
    link = "[yes](../tests/test_features.py)"
    page = f"""
| `outside` | a table without the column |

| | Rankgrad | rax |
|---|---|---|
| `self_test` | {link} | yes, rows |
| `x=rows`, of a table | {link} | - |
| `rows(findings)` | {link} | partly, f (1) |
| `{'no' + 'where'}` | {link} | - | # does not mention
| `rows` | [yes](../tests/missing.c) | - | # no file
| `rows` | yes | - | # expected a name
| rows | {link} | - | # expected a name
| `rows` | {link} | # 2 cells
| `rows` | {link} | no | # expected -
| `rows` | {link} | partly, f | # expected -
"""
    expected = re.findall(r"\| # (.*)", page)
    found = list(findings(root, re.sub(" # .*", "", page), [("a.c", "x=rows"), ("b.def", "outside")]))
    assert len(found) == len(expected) + 1, found
    for finding, words in zip(found, [*expected, "no row `outside`, which b.def has"]):
        assert words in finding, (finding, words)


def main():
    root = pathlib.Path(os.environ["RANKGRAD_SOURCE"])
    self_test(root)
    found = list(findings(root, (root / PAGE).read_text(), names(root)))
    print("\n".join(found) or f"{PAGE}: every name has its row")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

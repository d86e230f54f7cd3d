"""Dependencies go one way: reads the #include lines of src/ and include/ and fails on an arrow the
wrong way, or on a library's header outside of the part that wraps it."""

import os
import pathlib
import re
import sys
import tempfile

# A part: those that it may include, besides itself.
ALLOWED = {
    "base": set(),
    "statistics": {"base"},
    "tensor": {"base"},
    "hdf5": {"base", "tensor"},
    "ranking": {"base", "tensor"},
    "metric": {"base", "tensor", "ranking"},
    "data": {"base", "tensor", "hdf5"},
    "autograd": {"base", "tensor"},
    "loss": {"base", "tensor", "ranking", "autograd"},
    "optim": {"base", "tensor", "autograd"},
    "normalize": {"base", "tensor", "data"},  # data do not know what a model makes of their numbers
    "model": {"base", "tensor", "autograd", "hdf5", "data", "normalize", "optim"},  # of optim: rg_parameters
    "train": {"base", "tensor", "hdf5", "ranking", "metric", "data", "normalize", "autograd", "loss",
              "optim", "model"},
    "clicks": {"base", "tensor", "data", "normalize", "optim", "model", "train"},
}

# A library's header: the part that may include it; and whether only one file may.
WRAPPED = {
    "hdf5.h": ("hdf5", False),
    "cblas.h": ("tensor", True),
    "pthread.h": ("base", False),
    "Random123/philox.h": ("base", True),
    "mpi.h": ("train", False),
}


def public_part(header):
    """The part that implements <rankgrad/NAME.h>; all of it is the program's view."""
    return {"component": "base", "output": "base", "random": "base", "ops": "autograd",
            "batch": "train", "real": "tensor", "rankgrad": "cli"}.get(header, header)


def part_finding(part, name):
    """What is wrong with `part` including `name`; None: nothing."""
    public = re.fullmatch(r"rankgrad/(\w+)\.h", name)
    other = public_part(public[1]) if public else name.split("/")[0]
    if other == "..":
        return f"{name}: includes are relative to src/, not to the file"
    if part == "cli":
        return None if public or other not in ALLOWED else "the program sees <rankgrad/...> only"
    if other not in ALLOWED and other != "cli":
        return None
    return None if other == part or other in ALLOWED[part] else f"{part} must not use {name}"


def includes(file):
    """(line number, name) of each #include of a file."""
    pattern = re.compile(r'\s*#\s*include\s*[<"]([^>"]+)[>"]')
    for number, line in enumerate(file.read_text().splitlines(), 1):
        found = pattern.match(line)
        if found:
            yield number, found[1]


def files_of(root):
    """(part, file) of all sources; a public header belongs to the part that implements it."""
    for file in sorted((root / "src").rglob("*")):
        if file.suffix in (".c", ".h", ".def"):
            yield file.relative_to(root / "src").parts[0], file
    for file in sorted((root / "include" / "rankgrad").glob("*.h")):
        yield public_part(file.stem), file


def findings(root):
    """Every wrong include below root, a sentence each."""
    found, wrapping = [], {}
    for part, file in files_of(root):
        where = file.relative_to(root)
        if part not in ALLOWED and part != "cli":
            found.append(f"{where}: test_layers.py knows no part {part}")
            continue
        for number, name in includes(file):
            wrong = part_finding(part, name)
            owner, alone = WRAPPED.get(name, (part, False))
            if owner != part:
                wrong = f"only {owner} includes <{name}>"
            if alone and owner == part:
                if wrapping.setdefault(name, file) != file:
                    wrong = f"one file includes <{name}>, {wrapping[name].relative_to(root)}"
            if wrong:
                found.append(f"{where}:{number}: {wrong}")
    return found


def self_test():
    """A small tree with each kind of bad include, every one of which must be seen."""
    good = {
        "src/base/a.c": '#include "base/b.h"\n#include <pthread.h>\n#include <rankgrad/base.h>\n',
        "src/tensor/blas.c": '#include "base/b.h"\n#include <cblas.h>\n',
        "src/loss/l.c": '#include "autograd/op.h"\n#include "lists.h"\n',
        "src/cli/main.c": '#include "cli.h"\n#include <rankgrad/rankgrad.h>\n',
        "include/rankgrad/ops.h": "#include <rankgrad/autograd.h>\n",
    }
    bad = {
        "src/base/c.c": '#include "tensor/t.h"\n',
        "src/tensor/t.h": "#  include <rankgrad/loss.h>\n",
        "src/data/d.c": "#include <hdf5.h>\n",
        "src/data/rows.c": '#include "normalize/normalize.h"\n',
        "src/normalize/n.c": '#include "model/model.h"\n',
        "include/rankgrad/data.h": "#include <rankgrad/normalize.h>\n",
        "src/tensor/other.c": "#include <cblas.h>\n",
        "src/metric/m.c": "#include <pthread.h>\n",
        "src/optim/ops/o.c": '#include "loss/lists.h"\n',
        "src/cli/cmd.c": '#include "base/b.h"\n',
        "src/new/n.c": "",
        "src/model/m.c": '#include "../hdf5/h5.h"\n',
        "src/train/t.c": "#include <rankgrad/rankgrad.h>\n",
        "include/rankgrad/tensor.h": "#include <rankgrad/train.h>\n",
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in {**good, **bad}.items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        found = findings(root)
        assert sorted(line.split(":")[0] for line in found) == sorted(bad), "\n".join(found)


def main():
    self_test()
    root = pathlib.Path(os.environ["RANKGRAD_SOURCE"])
    assert len(list(files_of(root))) > 50, f"no sources below {root}"
    found = findings(root)
    print("\n".join(found) or "every include goes the right way")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
"""What goes wrong is told in one line, with the right exit status, and leaves no file.

One table: name, exit status, words that the line must hold, command. In a command, {data}, {model},
{train.txt} and so on are files of a common folder (see make_common), {in/NAME} is a file of the
case's own folder made from its `files`, and everything else below {in} must be untouched afterwards.

$RANKGRAD is the program. Cases that need HDF5 files which the program does not write are made with
h5py and skipped, with a message, where that is absent.
"""
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

RANKGRAD = os.environ["RANKGRAD"]

try:
    import h5py
    import numpy
except ImportError:
    h5py = None

GOOD = "1 qid:1 1:0.5 2:1 3:2\n0 qid:1 1:1.5 3:-1\n2 qid:2 1:2 2:3\n0 qid:2 2:1 3:4\n"
SCATTERED = "1 qid:1 1:1 3:1\n0 qid:2 1:2\n1 qid:1 1:3\n"
WIDE = "1 qid:1 1:1 9:1\n0 qid:1 2:1\n"
NO_QID = "1 1:1 3:1\n0 1:2\n0 2:2\n"


class Case:
    def __init__(self, name, status, words, *command, files=None, limit=None, stdout=None,
                 prepare=None, not_root=False):
        self.name, self.status, self.command = name, status, command
        self.words = [words] if isinstance(words, str) else words
        self.files = files or {}   # name: text or bytes, or function(path)
        self.limit = limit         # bytes that a file may have (a full disk)
        self.stdout = stdout       # a path to write standard output to
        self.not_root = not_root   # permissions do not bind root


def usage(name, words, *command, **more):
    return Case(name, 2, words, *command, **more)


def data(name, words, *command, **more):
    return Case(name, 3, words, *command, **more)


def damaged(name, words, *command, **more):
    return Case(name, 4, words, *command, **more)


def io(name, words, *command, **more):
    return Case(name, 5, words, *command, **more)


def train(*options, of="{data}"):
    epochs = () if "--epochs" in options else ("--epochs", "2")
    return ("train", of, "-o", "{in/m.h5}", *epochs, *options)


def bad_text(name, words, text, *options, status=3, name_of="bad.txt"):
    """A text file that convert must refuse."""
    return Case(name, status, words, "convert", "{in/%s}" % name_of, "-o", "{in/out.h5}", *options,
                files={name_of: text})


# ---- Options and arguments -----------------------------------------------------------------------

OPTIONS = [
    usage("no command", ["no command", "train", "gradcheck"]),
    usage("unknown command", ["'trane'", "did you mean train? See rankgrad --help"], "trane"),
    usage("a command like no other", ["'frobnicate'", "train", "predict"], "frobnicate"),
    usage("no data", ["DATA", "0 of 1"], "train", "-o", "{in/m.h5}"),
    usage("no output", ["--output", "FILE"], "train", "{data}"),
    usage("a group file for HDF5", ["is HDF5", "--group"], "evaluate", "{model}", "{data}",
          "--group", "sizes"),
    usage("zero-based HDF5", ["is HDF5", "--zero-based"], *train("--zero-based")),
    usage("more made-up features than there may be", ["--features", "1048576"], "generate", "-o",
          "{in/g.h5}", "--features", "1048577"),
    usage("one argument too many", ["'c'", "MODEL DATA"], "evaluate", "a", "b", "c"),
    usage("one argument too few", ["MODEL DATA"], "predict", "{model}"),
    usage("an empty argument", ["empty"], "inspect", ""),
    usage("an argument where none is taken", ["'x'"], "generate", "x", "-o", "{in/d.h5}"),
    usage("unknown option", ["--frob"], *train("--frob")),
    usage("option without its value", ["--lr"], "train", "{data}", "--lr"),
    usage("learning rate 0", ["--lr '0'", "> 0"], *train("--lr", "0")),
    usage("learning rate negative", ["--lr '-1'", "> 0"], *train("--lr", "-1")),
    usage("learning rate NaN", ["--lr 'nan'", "a number"], *train("--lr", "nan")),
    usage("learning rate infinite", ["--lr 'inf'", "a number"], *train("--lr", "inf")),
    usage("learning rate beyond double", ["--lr '1e999'"], *train("--lr", "1e999")),
    usage("learning rate a word", ["--lr 'fast'", "a number"], *train("--lr", "fast")),
    usage("learning rate with a tail", ["--lr '0.1x'"], *train("--lr", "0.1x")),
    usage("learning rate empty", ["--lr ''"], *train("--lr", "")),
    usage("momentum 1", ["--momentum '1'", ">= 0 and < 1"], *train("--momentum", "1")),
    usage("l2 negative", ["--l2 '-1'", ">= 0"], *train("--l2", "-1")),
    usage("clip-norm negative", ["--clip-norm '-1'", ">= 0"], *train("--clip-norm", "-1")),
    usage("epochs 0", ["--epochs '0'", "whole number >= 1"], *train("--epochs", "0")),
    usage("epochs a fraction", ["--epochs '1.5'", "whole number"], *train("--epochs", "1.5")),
    usage("epochs beyond 64 bits", ["--epochs '9999999999999999999'"],
          *train("--epochs", "9999999999999999999")),
    usage("batch-lists 0", ["--batch-lists '0'", ">= 1"], *train("--batch-lists", "0")),
    usage("seed negative", ["--seed '-1'", "2^64"], *train("--seed", "-1")),
    usage("seed beyond 64 bits", ["--seed", "2^64"], *train("--seed", "18446744073709551616")),
    usage("vali-fraction 1", ["--vali-fraction '1'", "< 1"], *train("--vali-fraction", "1")),
    usage("unknown loss", ['--loss: loss "mse" is unknown', "ranking_softmax"], *train("--loss", "mse")),
    usage("unknown label mode", ["raw, normalized, softmax"], *train("--label-mode", "x")),
    usage("unknown optimizer", ["--optimizer: optimizer \"sdg\" is unknown", "sgd, adam"], *train("--optimizer", "sdg")),
    usage("unknown schedule", ["constant, cosine"], *train("--schedule", "x")),
    usage("unknown normalisation", ["list-minmax"], *train("--normalize", "x")),
    usage("a type that does not compute", ["f32, f64"], *train("--dtype", "f16")),
    usage("unknown rule for labels", ["error, zero, keep"], *train("--negative-labels", "x")),
    usage("unknown metric", ["ndgc", "ndcg", "map"], *train("--metric", "ndcg@3,ndgc@10")),
    usage("a metric's k a word", ["ndcg@x"], *train("--metric", "ndcg@x")),
    usage("no metric", ["--metric"], *train("--metric", "")),
    usage("an empty metric", ["--metric"], *train("--metric", "map,,mrr")),
    usage("two sources of validation", ["--vali-fraction", "--vali"],
          *train("--vali", "{vali.txt}", "--vali-fraction", "0.5", of="{train.txt}")),
    usage("vali-fraction beside a split vali", ["--vali-fraction", "split vali"],
          *train("--vali-fraction", "0.5")),
    usage("unknown gain", ["exp, linear"], "evaluate", "{model}", "{data}", "--gain", "x"),
    usage("unknown tie rule", ["average, input, docid, pessimistic"], "evaluate", "{model}",
          "{data}", "--ties", "x"),
    usage("unknown rule for lists", ["zero, one, skip"], "evaluate", "{model}", "{data}",
          "--no-relevant", "x"),
    usage("unknown report", ["text, json, tsv"], "evaluate", "{model}", "{data}", "--format", "x"),
    usage("threshold a word", ["--relevance-threshold 'x'"], "evaluate", "{model}", "{data}",
          "--relevance-threshold", "x"),
    usage("unknown split", ["'dev'", "train, vali, test"], "evaluate", "{model}", "{data}",
          "--split", "dev"),
    usage("a split of a file without names", ["'test'", "--split"], "predict", "{model}",
          "{train.txt}", "--split", "test"),
    usage("no test split to choose", ["train, vali", "--split"], "evaluate", "{model}", "{two}"),
    usage("unknown format", ["scores, tsv, trec"], "predict", "{model}", "{data}", "--format", "x"),
    usage("regroup against the order of rows", ["--regroup", "tsv"], "predict", "{model}",
          "{train.txt}", "--regroup"),
    usage("too few lists", ["--lists '2'", ">= 3"], "generate", "-o", "{in/d.h5}", "--lists", "2"),
    usage("too few features", ["--features '1'", ">= 2"], "generate", "-o", "{in/d.h5}",
          "--features", "1"),
    usage("unknown operator", ["frob"], "gradcheck", "frob"),
    usage("nothing to convert", ["no input"], "convert", "-o", "{in/d.h5}"),
    usage("a file of no split", ["no split", "--train"], "convert", "{vali.txt}", "--train",
          "{train.txt}", "-o", "{in/d.h5}"),
    usage("features negative", ["--features '-1'"], "convert", "{train.txt}", "-o", "{in/d.h5}",
          "--features", "-1"),
    usage("sizes for two files", ["--group", ".query"], "convert", "--train", "{train.txt}",
          "--vali", "{vali.txt}", "--group", "{train.txt}", "-o", "{in/d.h5}"),
    usage("HDF5 and text in a split", ["is HDF5", "vali.txt", "for it too"], "convert", "--train",
          "{data}", "--train", "{vali.txt}", "-o", "{in/d.h5}"),
    usage("two HDF5 files in a split", ["one file makes a split"], "convert", "--train", "{data}",
          "--train", "{two}", "-o", "{in/d.h5}"),
    usage("a split of a model", ["--split", "model"], "inspect", "{model}", "--split", "train"),
]

# ---- Files that cannot be read or written --------------------------------------------------------

SYSTEM = [
    io("missing data", ["nothere.h5", "No such file"], *train(of="{in/nothere.h5}")),
    io("missing model", ["nothere.h5", "No such file"], "evaluate", "{in/nothere.h5}", "{data}"),
    io("missing data of a model", ["nothere.h5", "No such file"], "predict", "{model}",
       "{in/nothere.h5}"),
    io("missing text", ["nothere.txt", "No such file"], "convert", "--train", "{in/nothere.txt}",
       "-o", "{in/d.h5}"),
    io("missing validation", ["nothere.txt", "No such file"],
       *train("--vali", "{in/nothere.txt}")),
    io("missing file to inspect", ["nothere", "No such file"], "inspect", "{in/nothere}"),
    io("missing list sizes", ["nothere.query", "No such file"], "convert", "{in/a.txt}", "--group",
       "{in/nothere.query}", "-o", "{in/d.h5}", files={"a.txt": NO_QID}),
    io("a folder as data", ["Is a directory"], *train(of="{common}")),
    io("a folder as model", ["Is a directory"], "evaluate", "{common}", "{data}"),
    io("a folder to inspect", ["Is a directory"], "inspect", "{common}"),
    io("no permission to read", ["Permission denied"], *train(of="{unreadable}"), not_root=True),
    io("output folder missing", ["nothere"], "train", "{data}", "-o", "{in/nothere/m.h5}"),
    io("output folder missing, data set", ["nothere"], "generate", "-o", "{in/nothere/d.h5}"),
    io("output folder missing, scores", ["nothere"], "predict", "{model}", "{data}", "-o",
       "{in/nothere/s.txt}"),
    io("output a folder", ["directory"], "train", "{data}", "-o", "{common}"),
    io("output a folder, scores", ["directory"], "predict", "{model}", "{data}", "-o", "{common}"),
    io("output folder not writable", ["Permission denied"], "train", "{data}", "-o",
       "{unwritable}/m.h5", not_root=True),
    io("history's folder missing", ["nothere"], *train("--history", "{in/nothere/h.tsv}")),
    io("full disk, data set", ["too large"], "generate", "-o", "{in/d.h5}", "--lists", "200",
       limit=65536),
    io("full disk, compressed", ["too large"], "convert", "{train.txt}", "-o", "{in/d.h5}",
       "--compress", limit=1024),
    io("full disk, model", ["too large"], *train(), limit=1024),
    io("full disk, scores", ["too large"], "predict", "{model}", "{data}", "-o", "{in/s.txt}",
       limit=16),
    io("full disk, history", ["too large"], "train", "{data}", "-o", "{in/m.h5}", "--epochs",
       "2000", "--history", "{in/h.tsv}", "--quiet", limit=65536),
    io("full device", ["No space left"], "predict", "{model}", "{data}", "-o", "/dev/full"),
    io("full standard output, scores", ["standard output", "No space left"], "predict", "{model}",
       "{data}", stdout="/dev/full"),
    io("full standard output, report", ["standard output", "No space left"], "evaluate", "{model}",
       "{data}", stdout="/dev/full"),
    io("full standard output, JSON", ["standard output", "No space left"], "evaluate", "{model}",
       "{data}", "--format", "json", stdout="/dev/full"),
    usage("output is the data", ["input"], "train", "{data}", "-o", "{data}", "--force"),
    usage("output is the data by another name", ["input"], "train", "{data}", "-o", "{hardlink}",
          "--force"),
    usage("output is the validation data", ["input"], "train", "{data}", "--vali", "{two}", "-o",
          "{two}"),
    usage("output is the text", ["input"], "convert", "{train.txt}", "-o", "{train.txt}",
          "--force"),
    usage("output is the model", ["input"], "predict", "{model}", "{data}", "-o", "{model}",
          "--force"),
    usage("output is somebody's file", ["--force"], "train", "{data}", "-o", "{foreign}"),
    usage("output is somebody's file, data set", ["--force"], "generate", "-o", "{foreign}",
          "--lists", "5"),
    usage("output is somebody's file, scores", ["--force"], "predict", "{model}", "{data}", "-o",
          "{foreign}"),
    usage("history is somebody's file", ["--force"], *train("--history", "{foreign}")),
    usage("history is the model", ["--history"], *train("--history", "{in/m.h5}")),
]

# ---- Text ----------------------------------------------------------------------------------------

TEXT = [
    bad_text("empty file", ["bad.txt", "no rows"], ""),
    bad_text("comments alone", ["bad.txt", "no rows"], "# nothing\n\n# here\n"),
    bad_text("label a word", ["bad.txt:2", "label"], "1 qid:1 1:1\ngood qid:1 1:1\n"),
    bad_text("label NaN", ["bad.txt:1", "nan"], "nan qid:1 1:1\n"),
    bad_text("label infinite", ["bad.txt:1"], "inf qid:1 1:1\n"),
    bad_text("value a word", ["bad.txt:1", 'feature 1: found "x"'], "1 qid:1 1:x\n"),
    bad_text("value hexadecimal", ["bad.txt:1"], "1 qid:1 1:0x10\n"),
    bad_text("value with two points", ["bad.txt:1", "1.2.3"], "1 qid:1 1:1.2.3\n"),
    bad_text("value infinite", ["bad.txt:1"], "1 qid:1 1:inf\n"),
    bad_text("value beyond f64", ["bad.txt:1:11"], "1 qid:1 1:1e309\n"),
    bad_text("index 0", ["bad.txt:1", "--zero-based"], "1 qid:1 0:1\n"),
    bad_text("index negative", ["bad.txt:1"], "1 qid:1 -1:1\n"),
    bad_text("index beyond 31 bits", ["bad.txt:1"], "1 qid:1 4294967296:1\n"),
    bad_text("index twice", ["bad.txt:1", "2"], "1 qid:1 2:1 2:3\n"),
    bad_text("no value", ["bad.txt:1"], "1 qid:1 1:\n"),
    bad_text("no colon", ["bad.txt:1"], "1 qid:1 1\n"),
    bad_text("scattered lists", ["bad.txt:3", "bad.txt:1", "--regroup"], SCATTERED),
    bad_text("no qid at all", ["qid", "--group", ".query"], NO_QID),
    bad_text("qid in some rows", ["bad.txt:2", "qid"], "1 qid:1 1:1\n0 1:2\n"),
    bad_text("an index beyond --features", ["9:1", "at most 3 (--features)"], WIDE, "--features",
             "3"),
    bad_text("NUL bytes", ["bad.txt:1"], b"1 qid:1 1:1\0\n"),
    bad_text("not text", ["bad.txt"], bytes(range(256)) * 8),
    bad_text("gzip cut off", ["bad.txt"], b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x33", status=4),
    data("list sizes of other rows", ["3", "5"], "convert", "{in/a.txt}", "-o", "{in/d.h5}",
         files={"a.txt": NO_QID, "a.txt.query": "2\n3\n"}),
    data("list sizes that are words", ["a.txt.query"], "convert", "{in/a.txt}", "-o", "{in/d.h5}",
         files={"a.txt": NO_QID, "a.txt.query": "two\n"}),
    data("a list in two files", ["a.txt:1", "b.txt:1", "--regroup"], "convert", "--train",
         "{in/a.txt}", "--train", "{in/b.txt}", "-o", "{in/d.h5}",
         files={"a.txt": "1 qid:1 1:1\n", "b.txt": "0 qid:1 1:2\n"}),
    data("training on scattered lists", ["--regroup"], *train(of="{in/a.txt}"),
         files={"a.txt": SCATTERED}),
    data("training on an empty file", ["no rows"], *train(of="{in/a.txt}"), files={"a.txt": ""}),
]

# ---- Data and models that do not fit -------------------------------------------------------------

NEGATIVE = GOOD.replace("0 qid", "-1 qid")
FIT = [
    data("model and data swapped", ["swapped"], "evaluate", "{data}", "{model}"),
    data("model and data swapped, scores", ["swapped"], "predict", "{data}", "{model}"),
    data("checksums of text", ["train.txt", "is text"], "inspect", "{train.txt}", "--verify"),
    data("text as model", ["train.txt"], "evaluate", "{train.txt}", "{data}"),
    data("data as model", ["two.h5"], "predict", "{two}", "{data}"),
    data("a model as data", ["model"], *train(of="{model}")),
    data("a model to measure a model on", ["model"], "evaluate", "{model}", "{model}"),
    data("fewer features than the model", ["2 features", "3"], "evaluate", "{model}",
         "{narrow}"),
    data("more features than the model", ["9:1", "--features", "3 features"], "predict", "{model}", "{in/a.txt}",
         files={"a.txt": WIDE}),
    data("more features than the model, HDF5", ["9 features", "3"], "predict",
         "{model}", "{wide}"),
    data("validation with other features", ["2 features", "3"], *train("--vali", "{narrow}")),
    data("validation text wider than --features", ["9:1", "at most 3 (--features)"],
         *train("--vali", "{in/a.txt}", "--features", "3", of="{train.txt}"), files={"a.txt": WIDE}),
    data("validation text wider than the data", ["9:1", "at most 3", "3 features, as", "data.h5"],
         *train("--vali", "{in/a.txt}"), files={"a.txt": WIDE}),
    data("splits with other features", ["2 features", "3"], "convert", "--train", "{data}",
         "--vali", "{narrow}", "-o", "{in/d.h5}"),
    data("NaN in a feature", ["row 1", "feature 2"], *train(of="{in/a.txt}"),
         files={"a.txt": GOOD.replace("2:1 3:2", "2:nan 3:2")}),
    data("negative labels", ["negative", "--negative-labels"], *train(of="{in/a.txt}"),
         files={"a.txt": NEGATIVE}),
    data("a label beyond f32", ["a.txt", "row 2", "1e+39", "--dtype f64"],
         *train(of="{in/a.txt}"), files={"a.txt": "1 qid:1 1:1 2:1\n1e39 qid:1 1:2\n"}),
    data("lists of one row", ["a.txt", "nothing to learn", "single row: 2"],
         *train(of="{in/a.txt}"), files={"a.txt": "1 qid:1 1:1 2:1\n0 qid:2 1:2\n"}),
    data("a single list to set aside", ["list"], *train("--vali-fraction", "0.5", of="{in/a.txt}"),
         files={"a.txt": "1 qid:1 1:1 2:1\n0 qid:1 1:2\n"}),
    data("minmax of sparse features", ["minmax"], *train("--normalize", "minmax", of="{sparse}")),
    data("weighted without weights", ["list_weights"], "evaluate", "{model}", "{data}",
         "--weighted"),
    data("a label beyond the exponential gain", ["1024", "--gain linear"], "evaluate", "{model}",
         "{in/a.txt}", files={"a.txt": GOOD.replace("2 qid", "1024 qid")}),
    Case("training diverges", 7, ["diverged"], "train", "{data}", "-o", "{in/m.h5}", "--lr", "1e38",
         "--clip-norm", "0", "--l2", "1e38", "--history", "{in/h.tsv}", "--quiet"),
]

# ---- Damaged HDF5 --------------------------------------------------------------------------------


def cut(source, size):
    """The first bytes of a common file; negative: all but the last."""
    return lambda path, common: path.write_bytes(common(source)[:size])


def changed(source, at, what):
    def make(path, common):
        content = bytearray(common(source))
        content[at:at + len(what)] = what
        path.write_bytes(content)
    return make


def flipped(source, around):
    """One bit changed in the middle of the bytes `around`, which the file holds once."""
    def make(path, common):
        content = bytearray(common(source))
        assert content.count(around) == 1
        content[content.index(around) + len(around) // 2] ^= 1
        path.write_bytes(content)
    return make


def features_of(text, n_columns, dtype="f"):
    """The features of LETOR text as the file holds them, f32."""
    import struct
    rows = [dict(pair.split(":") for pair in line.split()[2:]) for line in text.splitlines()]
    return b"".join(struct.pack("<" + dtype, float(row.get(str(j + 1), 0)))
                    for row in rows for j in range(n_columns))


def damaged_file(name, words, make, *command, status=4):
    return Case(name, status, words, *command, files={"bad.h5": make})


DAMAGED = [
    damaged_file("data cut in half", ["bad.h5"], cut("data.h5", 3000), *train(of="{in/bad.h5}")),
    damaged_file("data without the last byte", ["bad.h5"], cut("data.h5", -1),
                 *train(of="{in/bad.h5}")),
    damaged_file("data of 9 bytes", ["bad.h5"], cut("data.h5", 9), "inspect", "{in/bad.h5}"),
    damaged_file("a signature alone", ["bad.h5", "8 bytes", "superblock"], cut("data.h5", 8), "convert", "{in/bad.h5}",
                 "-o", "{in/out.h5}"),
    damaged_file("data to score cut off", ["bad.h5"], cut("data.h5", 2000), "predict", "{model}",
                 "{in/bad.h5}"),
    damaged_file("model cut in half", ["bad.h5"], cut("model.h5", 1500), "evaluate",
                 "{in/bad.h5}", "{data}"),
    damaged_file("model without the last byte", ["bad.h5"], cut("model.h5", -1), "predict",
                 "{in/bad.h5}", "{data}"),
    damaged_file("model to inspect cut off", ["bad.h5"], cut("model.h5", 500), "inspect",
                 "{in/bad.h5}"),
    damaged_file("unknown superblock", ["bad.h5"], changed("data.h5", 8, b"\x77"),
                 *train(of="{in/bad.h5}")),
    damaged_file("rubbish behind the superblock", ["bad.h5"],
                 changed("data.h5", 48, b"\xff" * 400), *train(of="{in/bad.h5}")),
    damaged_file("rubbish behind the model's superblock", ["bad.h5"],
                 changed("model.h5", 48, b"\xff" * 400), "evaluate", "{in/bad.h5}", "{data}"),
    damaged_file("a bit of the features", ["bad.h5", "features"],
                 flipped("data.h5", features_of(GOOD, 3)), "inspect", "--verify", "{in/bad.h5}"),
    damaged_file("empty file as model", ["bad.h5"], b"", "evaluate", "{in/bad.h5}", "{data}",
                 status=3),
]

# ---- HDF5 that others wrote ----------------------------------------------------------------------


def hdf5(**parts):
    """A file with these data sets; good ones where none are given; None: left out."""
    def make(path, _):
        content = {"features": numpy.arange(12.0).reshape(6, 2), "labels": [0, 1, 0, 2, 1, 0],
                   "qid": [1, 1, 1, 2, 2, 2], **parts}
        with h5py.File(path, "w") as file:
            for name, value in content.items():
                if callable(value):
                    value(file, name)
                elif value is not None:
                    file[name] = value
    return make


def foreign(name, words, make, *options, status=3):
    return Case(name, status, words, *train(*options, of="{in/bad.h5}"), files={"bad.h5": make})


def attribute(name, value):
    def make(path, _):
        hdf5()(path, _)
        with h5py.File(path, "a") as file:
            file.attrs["format"] = "rankgrad-dataset"
            file.attrs[name] = value
    return make


def external_link(file, name):
    file[name] = h5py.ExternalLink("elsewhere.h5", "/x")


def external_storage(file, name):
    file.create_dataset(name, (6, 2), "f4", external=[("raw.bin", 0, 48)])


def lzf(file, name):
    file.create_dataset(name, data=numpy.ones((6, 2)), chunks=(2, 2), compression="lzf")


def csr(**parts):
    def make(file, name):
        content = {"data": [1.0, 2, 3], "indices": [0, 1, 0], "indptr": [0, 1, 1, 2, 3, 3, 3],
                   **parts}
        group = file.create_group(name)
        group.attrs["encoding-type"], group.attrs["encoding-version"] = "csr_matrix", "0.1.0"
        group.attrs["shape"] = [6, 2]
        for key, value in content.items():
            group[key] = value
    return make


def foreign_cases():
    ones = numpy.ones
    nan = float("nan")
    return [
        foreign("features of rank 1", ["features", "1"], hdf5(features=ones(6))),
        foreign("features of rank 3", ["features", "3"], hdf5(features=ones((6, 2, 1)))),
        foreign("features that are words", ["features"], hdf5(features=[[b"a"]] * 6)),
        foreign("no features", ["features"], hdf5(features=None)),
        foreign("labels of another length", ["labels", "5", "6"], hdf5(labels=ones(5))),
        foreign("labels of rank 2", ["labels", "(6,2)"], hdf5(labels=ones((6, 2)))),
        foreign("a NaN label", ["labels: row 3 (from 1)"], hdf5(labels=[0, 1, nan, 0, 1, 0])),
        foreign("no labels", ["labels"], hdf5(labels=None)),
        foreign("qid of another length", ["qid", "4", "6"], hdf5(qid=[1, 1, 2, 2])),
        foreign("qid that comes back", ["row 5 (from 1)", "row 2", "--regroup"], hdf5(qid=[1, 1, 2, 2, 1, 1])),
        foreign("qid with a fraction", ["qid"], hdf5(qid=[1, 1, 1.5, 2, 2, 2])),
        foreign("no lists", ["qid", "offsets"], hdf5(qid=None)),
        foreign("offsets that do not start at 0", ["offsets"], hdf5(qid=None, offsets=[1, 3, 6])),
        foreign("offsets that decrease", ["offsets"], hdf5(qid=None, offsets=[0, 4, 3, 6])),
        foreign("offsets that end elsewhere", ["offsets", "7", "6"],
                hdf5(qid=None, offsets=[0, 3, 7])),
        foreign("offsets against qid", ["offsets", "qid"], hdf5(offsets=[0, 2, 6])),
        foreign("group sizes of other rows", ["group", "5", "6"], hdf5(qid=None, group=[2, 3])),
        foreign("weights of another length", ["weights", "2", "6"], hdf5(weights=ones(2))),
        foreign("list_weights of another length", ["list_weights", "3", "2"],
                hdf5(list_weights=ones(3))),
        foreign("names of another length", ["feature_names", "3", "2"],
                hdf5(feature_names=["a", "b", "c"])),
        foreign("an empty data set", ["rows"],
                hdf5(features=ones((0, 2)), labels=ones(0), qid=numpy.zeros(0, int))),
        foreign("a NaN feature", ["row 2", "feature 2"],
                hdf5(features=[[1, 2], [3, nan], [1, 2], [3, 4], [5, 6], [7, 8.0]])),
        foreign("an infinite feature", ["row 2", "feature 2"],
                hdf5(features=[[1, 2], [3, float("inf")], [1, 2], [3, 4], [5, 6], [7, 8.0]])),
        foreign("a major version to come", ["version", "9.0"], attribute("format_version", "9.0")),
        foreign("another format", ["format"], attribute("format", "something-else")),
        foreign("an external link", ["external"], hdf5(features=external_link)),
        foreign("external storage", ["another file"], hdf5(features=external_storage)),
        foreign("a filter of others", ["filter"], hdf5(features=lzf)),
        foreign("CSR: indptr decreases", ["indptr"],
                hdf5(features=csr(indptr=[0, 2, 1, 2, 3, 3, 3])), status=(3, 4)),
        foreign("CSR: an index beyond the columns", ["indices"],
                hdf5(features=csr(indices=[0, 2, 0])), status=(3, 4)),
        foreign("CSR: data of another length", ["data"], hdf5(features=csr(data=[1.0, 2])),
                status=(3, 4)),
        data("a blank in an id", ["blank", "'a b'", "tsv"], "predict", "{model}", "{in/bad.h5}",
             "--format", "trec",
             files={"bad.h5": hdf5(features=ones((6, 3)), doc_ids=["a b"] * 6)}),
    ]


# ---- Running the table ---------------------------------------------------------------------------

COMMON = {}


def make_common(folder):
    """Good files that the cases name; data: 3 features, splits train, vali, test."""
    def path(name):
        return os.path.join(folder, name)

    def made(*arguments):
        subprocess.run([RANKGRAD, *arguments], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
    for name in ("train.txt", "vali.txt", "test.txt", "foreign"):
        with open(path(name), "w", encoding="utf-8") as stream:
            stream.write(GOOD)
    with open(path("narrow.txt"), "w", encoding="utf-8") as stream:
        stream.write("1 qid:1 1:1 2:2\n0 qid:1 1:2\n")
    with open(path("wide.txt"), "w", encoding="utf-8") as stream:
        stream.write(WIDE)
    made("convert", path("wide.txt"), "-o", path("wide.h5"))
    splits = ["--train", path("train.txt"), "--vali", path("vali.txt")]
    # The features of vali and test differ, so that those of train stand in the file once.
    for name, value in (("vali.txt", "7"), ("test.txt", "9")):
        with open(path(name), "w", encoding="utf-8") as stream:
            stream.write(GOOD.replace("3:2", "3:" + value))
    made("convert", *splits, "--test", path("test.txt"), "-o", path("data.h5"))
    made("convert", *splits, "-o", path("two.h5"))
    made("convert", path("narrow.txt"), "-o", path("narrow.h5"))
    made("convert", *splits, "--sparse", "-o", path("sparse.h5"))
    made("train", path("data.h5"), "-o", path("model.h5"), "--epochs", "2")
    os.link(path("data.h5"), path("hardlink.h5"))
    os.mkdir(path("unwritable"), 0o500)
    shutil.copy(path("data.h5"), path("unreadable.h5"))
    os.chmod(path("unreadable.h5"), 0)
    for name in os.listdir(folder):
        COMMON[name] = path(name)
        COMMON[name.replace(".h5", "")] = path(name)
    COMMON["common"] = folder


def state(folder):
    """Every file below a folder with its content."""
    found = {}
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            found[path] = path.read_bytes() if os.access(path, os.R_OK) else b""
    return found


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="rankgrad-test-")
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        common = os.path.join(cls.folder, "common")
        os.mkdir(common)
        make_common(common)

    def fill(self, word, own):
        if word.startswith("{in/"):
            return os.path.join(own, word[4:-1])
        return re.sub(r"^\{(.*?)\}", lambda name: COMMON[name[1]], word)

    def check(self, case):
        own = tempfile.mkdtemp(dir=self.folder)
        for name, content in case.files.items():
            path = Path(own, name)
            if callable(content):
                content(path, lambda source: Path(COMMON[source]).read_bytes())
            else:
                path.write_bytes(content if isinstance(content, bytes) else content.encode())
        before = state(own), state(COMMON["common"])

        def limit():
            if case.limit:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (case.limit, case.limit))
        command = [RANKGRAD] + [self.fill(word, own) for word in case.command]
        with open(case.stdout or os.devnull, "wb") as stdout:
            done = subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, cwd=own,
                                  stdin=subprocess.DEVNULL, preexec_fn=limit, timeout=120)
        errors = done.stderr.decode(errors="replace")
        expected = case.status if isinstance(case.status, tuple) else (case.status,)
        self.assertIn(done.returncode, expected, errors)
        lines = [line for line in errors.splitlines()
                 if not line.startswith(("rankgrad: note: ", "rankgrad: warning: "))
                 and not line.startswith("  ")]  # the epoch table
        self.assertEqual(len(lines), 1, errors)
        self.assertRegex(lines[0], r"^rankgrad(: | [a-z]+: )")
        for word in case.words:
            self.assertIn(word, lines[0])
        self.assertEqual((state(own), state(COMMON["common"])), before, "a file was left or changed")

    def table(self, cases):
        for case in cases:
            if case.not_root and os.geteuid() == 0:
                print(f"skipped, root may do everything: {case.name}", file=sys.stderr)
                continue
            with self.subTest(case.name):
                self.check(case)

    def test_options(self):
        self.table(OPTIONS)

    def test_system(self):
        self.table(SYSTEM)

    def test_text(self):
        self.table(TEXT)

    def test_fit(self):
        self.table(FIT)

    def test_damaged(self):
        self.table(DAMAGED)

    def test_foreign_hdf5(self):
        if not h5py:
            self.skipTest("h5py is not there: HDF5 files of others are not tested")
        self.table(foreign_cases())

    def test_enough(self):
        self.assertGreaterEqual(len(OPTIONS + SYSTEM + TEXT + FIT + DAMAGED), 60)


if __name__ == "__main__":
    unittest.main()

#!/usr/bin/env python3
"""The program from the outside: help, the way from data to scores, sameness, formats, signals.

$RANKGRAD is the program. Only the standard library is used.
"""
import gzip
import itertools
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

try:
    import h5py
except ImportError:
    h5py = None

RANKGRAD = os.environ["RANKGRAD"]

# Every option of every command, with the default that --help must tell (None: none to tell).
READING = {"features": "0", "zero-based": None, "group": None, "regroup": None, "no-map": None}
OPTIONS = {
    "generate": {"output": None, "lists": "2000", "features": "46", "seed": "1", "force": None},
    "convert": {"output": None, "train": None, "vali": None, "test": None, "compress": None, "dtype": "auto",
                "sparse": None, "memory": None, "force": None, **READING},
    "clicks": {"output": None, "split": None, "ranker": None, "temperature": "0", "sessions": "10",
               "depth": "10", "eta": "1", "noise": "0.1", "propensities": None, "seed": "1", "force": None,
               **READING},
    "propensity": {"output": None, "split": None, "method": "em", "iterations": "1000",
                   "tolerance": "1e-05", "force": None, **READING},
    "inspect": {"split": None, "verify": None, **READING},
    "train": {"output": None, "vali": None, "vali-fraction": "0", "history": None, "force": None,
              "propensities": None, "most-weight": "100",
              "quiet": None, "loss": "ranking_softmax", "label-mode": "raw",
              "margin": "1", "sigma": "1", "tau": "0.5", "squared": "false",
              "lambda": "none", "topn": "0", "normalized": "true", "gain": "exp", "mu": "10",
              "lambda-threshold": "1", "gamma": "64", "bounded": "true",
              "detach": "true", "sigmoid": "1", "lambdarank-truncation-level": "30",
              "lambdarank-norm": "true", "position-bias": "false", "regularization": "0.5", "least-ratio": "0.01",
              "lambdarank-position-bias-regularization": "0", "position-bias-learning-rate": "0.1", "target": "ndcg", "lambdarank-pair-method": "topk",
              "lambdarank-num-pair-per-sample": "0", "lambdarank-normalization": "true",
              "lambdarank-score-normalization": "true", "ndcg-exp-gain": "true",
              "temperature": "1", "anchor": "1", "levels": "1", "delta": "1", "ties": "row",
              "discount": "exp", "threshold": "1", "beta": "1", "sinkhorn": "0", "samples": "8",
              "negative-labels": "error", "l2": "0", "normalize": "zscore", "dtype": "f32",
              "bias": "false", "outputs": "1", "model": "linear", "hidden": "[64, 32]", "optimizer": "sgd", "lr": "0.1",
              "momentum": "0", "beta1": "0.9", "beta2": "0.999", "epsilon": "1e-08",
              "memory": None, "window": None, "schedule": "cosine", "clip-norm": "1", "epochs": "50", "batch-lists": "32",
              "seed": "1", "metric": "ndcg@10", **READING},
    "evaluate": {"metric": "ndcg@10,map", "split": None, "format": "text", "per-list": None,
                 "force": None, "scores": None, "run": None, "qrels": None,
                 "complete": None, "bootstrap": "0", "compare": None, "confidence": "0.95",
                 "permutations": "100000", "seed": "1",
                 "gain": "exp", "ties": "average", "no-relevant": "zero",
                 "relevance-threshold": "1", "negative-labels": "zero", "score-type": "f64",
                 "like": "rankgrad", "weighted": None, **READING},
    "predict": {"output": None, "split": None, "format": "scores", "force": None, **READING},
    "gradcheck": {}, "loss": {}, "metric": {},
}


def run(*arguments, text_in=None, cwd=None, patience=300):
    return subprocess.run([RANKGRAD, *map(str, arguments)], input=text_in, cwd=cwd, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=patience)


def read(path):
    with open(path, "rb") as stream:
        return stream.read()


def write(path, text):
    with open(path, "w", encoding="utf-8") as stream:
        stream.write(text)
    return path


def letor(seed, n_lists, n_features=4):
    """Text whose labels follow the first feature, with lists of 1 to 12 rows."""
    rng = random.Random(seed)
    lines = []
    for query in range(n_lists):
        for item in range(rng.randint(1, 12)):
            x = [rng.gauss(0, 1) for _ in range(n_features)]
            label = min(2, max(0, round(x[0] + 0.3 * rng.gauss(0, 1))))
            features = " ".join(f"{j + 1}:{value:.6f}" for j, value in enumerate(x))
            lines.append(f"{label} qid:{seed}q{query} {features} # docid = d{query}-{item}\n")
    return "".join(lines)


def plain(text):
    return re.sub(r"\s+", " ", text)


class Case(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="rankgrad-test-")
        self.addCleanup(shutil.rmtree, self.folder)

    def at(self, name):
        return os.path.join(self.folder, name)

    def good(self, *arguments, **more):
        done = run(*arguments, **more)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stderr}")
        return done

    def text_files(self):
        for seed, name in enumerate(("train", "vali", "test")):
            write(self.at(name + ".txt"), letor(seed, 40))
        return [self.at(name + ".txt") for name in ("train", "vali", "test")]

    def trained(self):
        """A data set with three splits and a model of it."""
        train, vali, test = self.text_files()
        data, model = self.at("data.h5"), self.at("model.h5")
        self.good("convert", "--train", train, "--vali", vali, "--test", test, "-o", data)
        self.good("train", data, "-o", model, "--epochs", 5, "--quiet")
        return data, model


class Help(Case):
    def test_overview(self):
        done = self.good("--help")
        for command in OPTIONS:
            self.assertRegex(done.stdout, rf"(?m)^  {command} ")
        self.assertEqual(done.stderr, "")

    def test_version(self):
        """Of the program, of the libraries that are loaded, of their kernels."""
        version = r"\d+\.\d+(\.\d+)?"
        patterns = [rf"rankgrad {version}", rf"OpenBLAS {version} .*", rf"HDF5 {version}",
                    rf"jansson {version}", rf"xxHash {version}", rf"zlib {version}.*",
                    r"CPU level x86-64-v[134]"]
        lines = self.good("--version").stdout.splitlines()
        self.assertEqual(len(lines), len(patterns), lines)
        for line, pattern in zip(lines, patterns):
            self.assertRegex(line, rf"^{pattern}$")
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            flags = set(next((line for line in file if line.startswith("flags")), "").split())
        avx512 = {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags
        level = 1 if not {"avx2", "f16c"} <= flags else 4 if avx512 else 3
        self.assertEqual(lines[-1], f"CPU level x86-64-v{level}")
        if "DYNAMIC_ARCH" in lines[1] and flags:  # the core is the one in use, not the builder's
            for core in ("Nehalem", "Sandybridge"):
                done = subprocess.run([RANKGRAD, "-V"], env={**os.environ, "OPENBLAS_CORETYPE": core},
                                      stdout=subprocess.PIPE, text=True, check=True)
                self.assertIn(f" {core} ", done.stdout.splitlines()[1])
        self.assertEqual(self.good("train", "--version").stdout.splitlines(), lines)

    def test_every_option_and_default(self):
        for command, options in OPTIONS.items():
            text = self.good(command, "--help").stdout
            entries = dict(re.findall(r"(?ms)^ +(?:-\w(?:, | \w+, ))?(?:-\w, )?--([\w-]+)(.*?)(?=^ +(?:-\w|--)|^\S|\Z)",
                                      text))
            own = set(entries) - {"help", "usage", "version"}
            self.assertEqual(own, {*options, "threads"}, command)
            for name, default in {**options, "threads": "0"}.items():
                entry = plain(entries[name])
                if default is None:
                    self.assertNotIn("default", entry, f"{command} --{name}")
                else:
                    self.assertRegex(entry, rf"default {re.escape(default)}[\];]",
                                     f"{command} --{name}")

    def test_reasons_and_formulas(self):
        text = plain(self.good("train", "--help").stdout)
        for words in ("cannot learn one", "log softmax(s / temperature)_k", "ndcg", "mean label sum"):
            self.assertIn(words, text)
        self.assertIn("2^y - 1", plain(self.good("evaluate", "--help").stdout))


class Habits(Case):
    """What users of other programs type first."""

    def usage(self, words, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, 2, (arguments, done.stderr))
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertEqual(done.stdout, "")
        for word in [words] if isinstance(words, str) else words:
            self.assertIn(word, done.stderr, arguments)

    def test_help(self):
        for command in OPTIONS:
            text = self.good(command, "--help").stdout
            self.assertIn(f"Usage: rankgrad {command} ", text)
            for ask in ((command, "-h"), ("help", command), (command, "x", "y.h5", "--help"),
                        (command, "--threads", "3", "-h"), ("help", command, "more")):
                self.assertEqual(self.good(*ask).stdout, text, ask)
            self.assertEqual(self.good(command, "-V").stdout, self.good("-V").stdout)
            self.assertIn("--threads=N", self.good(command, "--usage").stdout)
        for ask in (("-h",), ("help",)):
            self.assertEqual(self.good(*ask).stdout, self.good("--help").stdout)
        self.usage("'frob'", "help", "frob")
        with open("/dev/full", "w", encoding="utf-8") as full:
            self.assertEqual(subprocess.run([RANKGRAD, "train", "-h"], stdout=full, check=False,
                                            stderr=subprocess.DEVNULL).returncode, 5)

    def test_commands_by_other_names(self):
        for word, ours in (
                ("fit", "train"), ("trian", "train"), ("Train", "train"), ("learn", "train"),
                ("eval", "evaluate"), ("evalute", "evaluate"), ("test", "evaluate"),
                ("score", "predict"), ("rank", "predict"), ("pred", "predict"),
                ("infer", "predict"), ("import", "convert"), ("conver", "convert"),
                ("info", "inspect"), ("show", "inspect"), ("make", "generate"),
                ("grad-check", "gradcheck"), ("grad_check", "gradcheck"), ("metrics", "metric"),
                ("los", "loss")):
            self.usage(f"no command is called '{word}'; did you mean {ours}? See", word)
        for word in ("frobnicate", "x", "", "\u00e4\u00f6", "a" * 3000):
            self.usage("expected one of generate, convert, inspect, train", word)
        self.usage("--threads: options follow the command", "--threads", "2", "train")

    def test_options_by_other_names(self):
        for command, word, ours in (
                ("train", "--batch-size", "--batch-lists, which counts lists, not rows"),
                ("train", "--batch_size=3", "--batch-lists, which counts lists, not rows"), ("train", "--learning-rate", "--lr"),
                ("train", "--learning_rate", "--lr"), ("train", "--eta", "--lr"),
                ("train", "--num-epochs", "--epochs"), ("train", "--n_epochs", "--epochs"),
                ("train", "--iterations", "--epochs"), ("train", "--num-threads", "--threads"),
                ("train", "--n_jobs", "--threads"), ("train", "-j", "--threads"),
                ("train", "--random-state", "--seed"), ("train", "--weight-decay", "--l2"),
                ("train", "--lambda-l2", "--l2"), ("train", "--metric2t", "--metric"),
                ("train", "-metric2T", "--metric"), ("train", "--eval-metric", "--metric"),
                ("train", "--objective", "--loss"), ("train", "--valid", "--vali"),
                ("train", "--validation-split", "--vali-fraction"),
                ("train", "--clipnorm", "--clip-norm"), ("train", "--hidden-units", "--hidden"),
                ("train", "--save-model", "--output"), ("train", "--Epochs", "--epochs"),
                ("train", "--epohcs", "--epochs"), ("train", "--vali-file", "--vali"),
                ("train", "--overwrite", "--force"), ("train", "-output", "--output"),
                ("train", "-lr", "--lr"), ("train", "--optim", None),
                ("predict", "--out", None), ("predict", "--output-file", "--output"),
                ("predict", "--out_file", "--output"), ("predict", "--trec", "--format trec"),
                ("evaluate", "--per-query", "--per-list"), ("evaluate", "--per-lists", "--per-list"),
                ("evaluate", "--per_topic", "--per-list"), ("evaluate", "--json", "--format json"),
                ("evaluate", "-l", "--relevance-threshold"), ("evaluate", "-q", "--per-list"),
                ("evaluate", "-m", "--metric"), ("evaluate", "--baseline", "--compare"),
                ("evaluate", "--preds", "--scores"), ("evaluate", "--judgments", "--qrels"),
                ("evaluate", "-c", "--complete"), ("evaluate", "--n-bootstrap", "--bootstrap"), ("convert", "--gzip", "--compress"),
                ("convert", "--train-data", "--train"), ("inspect", "--check", "--verify"),
                ("generate", "--queries", "--lists"), ("loss", "--num_threads", "--threads"),
                ("metric", "--thread", None), ("gradcheck", "--jobs", "--threads")):
            if ours is None:  # the beginning of a name stands for it
                self.assertNotIn("there is no option", run(command, word).stderr)
                continue
            self.usage([f"{command}: there is no option {word.split('=')[0]}; did you mean {ours}?"
                        f" See rankgrad {command} --help"], command, word, "3")
        for command, word, words in (
                ("train", "--early-stopping", "training always keeps the epoch that is best"),
                ("train", "--early_stopping_rounds", "--vali-fraction"),
                ("train", "--patience", "--vali-fraction"), ("train", "--test", "rankgrad evaluate"),
                ("train", "--gpu", "--threads"), ("train", "--train", "DATA is an argument"),
                ("train", "--verbose", "progress is shown"), ("train", "-v", "--quiet"),
                ("predict", "--model", "MODEL is an argument"), ("evaluate", "--load", "MODEL is"),
                ("evaluate", "--data", "DATA is an argument"), ("loss", "--input", "FILE is an"),
                ("train", "--frobnicate", "there is no option --frobnicate; see rankgrad train"),
                ("train", "-z", "there is no option -z; see"), ("train", "--=3", "no option --;"),
                ("predict", "--learning-rate", "there is no option --learning-rate; see"),
                ("train", "--" + "x" * 3000, "there is no option --xxx"),
                ("train", "--val", "may be one of --vali, --vali-fraction"),
                ("train", "--be", "may be one of --beta, --beta1, --beta2"),
                ("train", "--lr", "--lr needs a value; expected --lr RATE"),
                ("train", "-o", "--output needs a value"),
                ("train", "--force=yes", "'--force=yes' has a value, but --force takes none")):
            self.usage(words, command, word)

    def test_messages_of_the_library_name_flags(self):
        """The library calls an option by its C field; the program prints that field's flag."""
        data, model = self.trained()
        labels = {"negative": (-1, 0), "large": (1e31, 0), "exponential": (1024, 0)}
        for name, pair in labels.items():
            write(self.at(name), "".join(f"{y} qid:1 1:{i}\n" for i, y in enumerate(pair)))
        write(self.at("outlier"), "".join(f"{i % 2} qid:{i // 2} 1:{1e6 if i == 9 else i % 7}\n"
                                          for i in range(6000)))
        write(self.at("listless"), "1 1:1\n0 1:2\n")
        write(self.at("scattered"), "1 qid:1 2:1\n0 qid:2 1:2\n0 qid:1 1:2\n")
        write(self.at("zero"), "1 qid:1 0:1\n0 qid:1 1:2\n")
        self.good("train", self.at("exponential"), "-o", self.at("e.h5"), "-q")
        train = ("train", "-q", "-o", self.at("x.h5"), "--epochs", 2)
        for words, arguments in (
                ("--lr is 1e+39", (*train, data, "--lr", "1e39")),
                ("--l2 is 1e+39", (*train, data, "--l2", "1e39")),
                ("a smaller --lr or --l2, or --clip-norm 1 may help",
                 (*train, data, "--lr", "1e38", "--clip-norm", "0", "--l2", "1e38")),
                ("--negative-labels zero", (*train, self.at("negative"))),
                ("(--dtype f64)", (*train, self.at("large"))),
                ("--vali-fraction: 1 list", (*train, self.at("exponential"), "--vali-fraction", "0.5")),
                ("--normalize log1p-zscore", (*train, self.at("outlier"))),
                ("--vali-fraction 0.2 sets", (*train, self.at("exponential"))),
                ("use --gain linear", ("evaluate", self.at("e.h5"), self.at("exponential"))),
                ("--group x: holds the lists of one text file", (*train, data, "--vali", data,
                                                                 "--group", "x")),
                ("which has no use for --zero-based", ("inspect", data, "--zero-based")),
                ("no use for --group", (*train, data, "--group", "x")),
                ("by --group", ("convert", self.at("listless"), "-o", self.at("y.h5"))),
                ("--regroup brings", ("convert", self.at("scattered"), "-o", self.at("y.h5"))),
                ("at most 1 (--features)", ("inspect", self.at("scattered"), "--features", 1)),
                ("or --zero-based", (*train, self.at("zero"))),
                ("only replaced with --force", ("train", data, "-o", self.at("large"))),
                ("only replaced with --force", ("generate", "-o", self.at("large"))),
                ("only replaced with --force", ("predict", model, data, "-o", self.at("large")))):
            self.assertIn(words, run(*arguments).stderr, arguments)
        write(self.at("json"), '{"metric": "ndcg", "scores": [1, 2], "labels": [1024, 0]}\n')
        self.assertIn("use `gain` linear", run("metric", self.at("json")).stdout)  # a key, no flag

    def test_options_given_twice(self):
        data, model = self.at("data.h5"), self.at("model.h5")
        for command, arguments, name in (
                ("train", ("--lr", "1", "--lr", "2"), "lr"),
                ("train", ("--lr=1", "--epochs", "2", "--lr", "1"), "lr"),
                ("train", ("-o", "a", "--output", "b"), "output"),
                ("train", ("--seed", "1", "--see", "2"), "seed"),
                ("train", ("--force", "--force"), "force"), ("train", ("-qq",), "quiet"),
                ("train", ("--vali", "a", "--vali", "b"), "vali"),
                ("train", ("--beta1", "0.5", "--beta1", "0.6"), "beta1"),
                ("train", ("--optimizer", "sgd", "--optimizer", "adam"), "optimizer"),
                ("train", ("--memory", "1G", "--memory", "2G"), "memory"),
                ("train", ("--threads", "1", "--threads", "2"), "threads"),
                ("evaluate", ("--ties", "input", "--ties", "docid"), "ties"),
                ("evaluate", ("--split", "a", "--split", "b"), "split"),
                ("predict", ("--format", "tsv", "--format", "tsv"), "format"),
                ("convert", ("--features", "3", "--features", "4"), "features"),
                ("generate", ("--lists", "3", "--lists", "4"), "lists"),
                ("inspect", ("--verify", "--verify"), "verify")):
            self.usage(f"{command}: --{name} is given twice; expected once", command, data, model,
                       *arguments)

    def test_metric_lists(self):
        data, model = self.trained()

        def names(*options):
            done = self.good("evaluate", model, data, "--format", "tsv", *options)
            return [line.split("\t")[0] for line in done.stdout.splitlines()[1:]]

        for options, metrics in (
                ((), "ndcg@10 map"), (("map",), "map"), (("map", "mrr"), "map mrr"),
                (("ndcg@1,3,5,10",), "ndcg@1 ndcg@3 ndcg@5 ndcg@10"),
                (("ndcg@1,3,map,p@5,10",), "ndcg@1 ndcg@3 map precision@5 precision@10"),
                (("ndcg@1,3", "mrr", "DCG@2,0"), "ndcg@1 ndcg@3 mrr dcg@2 dcg"),
                (("ndcg,ndcg@3",), "ndcg ndcg@3"), (("rr@0,7",), "mrr mrr@7"),
                (("ap@4", "ap@5", "ap@6"), "map@4 map@5 map@6")):
            given = [word for text in options for word in ("--metric", text)]
            self.assertEqual(names(*given), metrics.split(), options)
        for text, word in (("3", '"3"'), ("ndcg,3", '"3"'), ("ndcg@1,,3", '""'), ("ndcg@1,", '""'),
                           ("ndcg@1,-3", '"-3"'), ("ndcg@1,3x", '"3x"'), (",ndcg", '""'),
                           ("ndcg@1,99999999999999999999", "whole number"),
                           ("ndcg@x,3", "whole number")):
            self.usage([f"--metric {text}: ", word], "evaluate", model, data, "--metric", text)
        self.usage('"3"', "evaluate", model, data, "--metric", "ndcg@1", "--metric", "3")
        done = self.good("train", data, "-o", self.at("m.h5"), "--epochs", 2, "--metric", "mrr",
                         "--metric", "ndcg@3,5", "--quiet")
        self.assertRegex(done.stdout, r"lists: mrr 0\.\d+ ndcg@3 0\.\d+ ndcg@5 0\.\d+")
        self.assertIn("the best mrr on the validation lists", done.stdout)

    def test_singular_and_plural(self):
        """No "1 lists" and no "2 list" in what any command prints, nor columns out of place."""
        nouns = ("list|row|feature|item|element|sample|file|argument|parameter|checksum|score|value|"
                 "column|thread|metric|split|unit")
        wrong = re.compile(rf"(?<![\d.@])(?:1 (?:training |validation |test )?(?:{nouns})s\b|"
                           rf"(?:0|[2-9]|\d\d+) (?:training |validation |test )?(?:{nouns})\b)")
        self.assertTrue(wrong.search("has 1 lists") and wrong.search("2 validation list;"))
        self.assertFalse(wrong.search("1 list, 12 lists, list 3, row 4, 0.1 rows"))
        one = write(self.at("one.txt"), "1 qid:1 1:1\n")
        pair = write(self.at("pair.txt"), "1 qid:1 1:1\n0 qid:1 1:2\n")
        two = write(self.at("two.txt"), "1 qid:1 1:1 2:1\n0 qid:1 1:2\n1 qid:2 1:1\n0 qid:2 1:3\n")
        nan = write(self.at("nan.txt"), "1 qid:1 1:nan\n0 qid:1 1:2\n")
        few = write(self.at("few.json"), '{"metric":"map","scores":[["NaN"]],"labels":[[1]]}\n'
                                         '{"metric":"map","scores":[[1,2],[3]],"labels":[[1]]}\n')
        model, wide = self.at("model.h5"), self.at("wide.h5")
        for arguments in (
                ("convert", pair, "-o", self.at("pair.h5")), ("convert", two, "-o", self.at("t.h5")),
                ("convert", "--train", one, "--test", two, "-o", self.at("splits.h5")),
                ("train", pair, "-o", model, "--epochs", 1, "--metric", "map,mrr"),
                ("train", two, "-o", wide, "--epochs", 2, "--metric", "map,mrr", "--vali", pair),
                ("train", one, "-o", self.at("x.h5"), "--vali-fraction", 0.5),
                ("train", two, "-o", self.at("x.h5"), "--vali-fraction", 0.5, "--epochs", 1),
                ("inspect", one), ("inspect", pair), ("inspect", two), ("inspect", nan),
                ("inspect", model), ("inspect", wide), ("inspect", self.at("pair.h5"), "--verify"),
                ("evaluate", model, pair), ("evaluate", model, pair, "--per-list", "-"),
                ("evaluate", model, pair, "--bootstrap", 9), ("evaluate", wide, two, "--compare", model),
                ("evaluate", model, nan), ("evaluate", model, two), ("evaluate", wide, one),
                ("evaluate", wide, self.at("pair.h5")), ("predict", model, nan),
                ("predict", model, nan, "--format", "trec"), ("predict", model), ("predict",),
                ("predict", wide, self.at("pair.h5")), ("gradcheck", "matmul"), ("metric", few),
                ("generate", "-o", self.at("g.h5"), "--lists", 3, "--features", 2),
                ("generate", "-o", self.at("h.h5"), "--lists", 2)):
            done = run(*arguments)
            printed = (done.stdout + done.stderr).replace(self.folder, "")
            self.assertTrue(printed, arguments)
            found = wrong.search(printed)
            self.assertFalse(found, f"{arguments}: {found and found[0]!r} in {printed}")

    def test_the_epoch_table_keeps_its_columns(self):
        train, _, test = self.text_files()
        huge = write(self.at("huge.txt"), re.sub(r"(?m)^(\d)", r"\g<1>e200", read(train).decode()))
        for options in (("--lr", "1e30"), ("--lr", "1e30", "--clip-norm", "0"), ("--lr", "1e-300"),
                        ("--lr", "1e5", "--vali", test), ("--lr", "1e20", "--schedule", "constant"),
                        ("--lr", "1e30", "--normalize", "none"), ("--metric", "dcg"),
                        ("--lr", "1e30", "--optimizer", "adam"), ("--lr", "1e15", "--l2", "1e15"),
                        ("--model", "mlp", "--lr", "1e10")):
            data = huge if "dcg" in options else train
            done = run("train", data, "-o", self.at("m.h5"), "--force", "--epochs", 4, "--dtype",
                       "f64", *options)
            rows = [line for line in done.stderr.splitlines() if line.startswith(" ")]
            self.assertGreater(len(rows), 1, done.stderr)
            ends = [[match.end() for match in re.finditer(r"\S+", row.rstrip(" *"))]
                    for row in rows[1:]]
            for row in ends:
                self.assertEqual(row, ends[0], (options, done.stderr))
                self.assertEqual(len(row), 7, done.stderr)

    def test_threads(self):
        """The same bytes from every command, and as many threads as were asked for."""
        data, model = self.trained()
        for command, arguments in (
                ("train", (data, "-o", self.at("{}.h5"), "--epochs", 2, "--quiet")),
                ("predict", (model, data, "-o", self.at("{}.txt"))),
                ("convert", (data, "-o", self.at("{}d.h5"))),
                ("generate", ("-o", self.at("{}g.h5"), "--lists", 30)),
                ("evaluate", (model, data)), ("inspect", (data,)), ("gradcheck", ("matmul",)),
                ("metric", (write(self.at("m.json"), '{"metric":"map","scores":[1,2],'
                                                     '"labels":[1,0]}\n'),)),
                ("loss", (write(self.at("l.json"), '{"loss":"ranking_softmax","logits":[1,2],'
                                                   '"labels":[1,0]}\n'),))):
            outputs = []
            for n in ("1", "3"):
                filled = [str(word).format(n) for word in arguments]
                printed = self.good(command, *filled, "--threads", n).stdout
                paths = [path for path in filled if path.startswith(self.at(n))]
                outputs.append([printed.replace(self.at(n), ""), *map(read, paths)])
            self.assertEqual(outputs[0], outputs[1], command)
        self.assertEqual(self.most_threads(data, 3) - self.most_threads(data, 1), 2)
        for bad in ("-1", "257", "two", "1.5", "", "0x2", "99999999999999999999", "nan"):
            self.usage("--threads", "predict", model, data, "--threads", bad)

    def most_threads(self, data, n):
        """How many threads a training that lasts is seen to have."""
        process = subprocess.Popen([RANKGRAD, "train", data, "-o", self.at("long.h5"), "--quiet",
                                    "--epochs", "1000000", "--threads", str(n)],
                                   stderr=subprocess.DEVNULL)
        try:
            most, end = 0, time.monotonic() + 1
            while time.monotonic() < end:
                most = max(most, len(os.listdir(f"/proc/{process.pid}/task")))
                time.sleep(0.02)
            return most
        finally:
            process.kill()
            process.wait()


class Flow(Case):
    def test_generate_train_evaluate_predict(self):
        data, model, scores = self.at("d.h5"), self.at("m.h5"), self.at("s.txt")
        made = self.good("generate", "-o", data, "--lists", 200, "--features", 10).stdout
        frame = [float(x) for x in re.findall(r"(?m)^  (?:random|best|truth).*?(0\.\d{4})", made)]
        self.assertEqual(len(frame), 3, made)
        trained = self.good("train", data, "-o", model)
        self.assertRegex(trained.stdout.splitlines()[-1],
                         r"^kept epoch \d+ of 50, the best ndcg@10 on the validation lists: "
                         r"0\.\d+; wrote .*m\.h5$")
        self.assertEqual(len(re.findall(r"(?m)^ +\d+ ", trained.stderr)), 51, trained.stderr)
        report = json.loads(self.good("evaluate", model, data, "--format", "json").stdout)
        value = report["metrics"]["ndcg@10"]["value"]
        self.assertLess(frame[0], frame[1])
        self.assertLess(frame[1], value, "the model beats the best feature")
        self.assertLess(value, frame[2] + 0.05, "and not the truth")
        self.good("predict", model, data, "-o", scores)
        self.assertEqual(len(read(scores).splitlines()), report["n_rows"])

    def test_mlp_and_adam(self):
        """Labels that only two features together explain."""
        rng = random.Random(5)
        for name in ("train", "vali"):
            lines = []
            for query in range(150):
                for _ in range(8):
                    a, b, c = (rng.gauss(0, 1) for _ in range(3))
                    lines.append(f"{int(a * b > 0.3)} qid:{query} 1:{a:.5f} 2:{b:.5f} 3:{c:.5f}\n")
            write(self.at(name + ".txt"), "".join(lines))
        train, vali = self.at("train.txt"), self.at("vali.txt")
        mlp = ("--model", "mlp", "--hidden", "24,8", "--optimizer", "adam", "--lr", "0.01",
               "--epochs", 20, "--quiet")

        def trained(name, *options):
            self.good("train", train, "--vali", vali, "-o", self.at(name), *options)
            result = self.good("evaluate", self.at(name), vali, "--format", "json").stdout
            return json.loads(result)["metrics"]["ndcg@10"]["value"]
        self.assertGreater(trained("mlp.h5", *mlp), trained("linear.h5", "--quiet") + 0.15)
        lines = self.good("inspect", self.at("mlp.h5"), "--verify").stdout.splitlines()
        self.assertIn("model mlp(hidden=[24, 8], bias=false, outputs=1), f32, 3 features, normalisation zscore",
                      "".join(lines[:2]))
        self.assertIn("304 parameters", lines)
        history = json.loads(next(x for x in lines if x.startswith("history: "))[9:])
        self.assertEqual((history["optimizer"], history["schedule"]),
                         ("adam(beta1=0.9, beta2=0.999, epsilon=1e-08)", "cosine"))
        self.assertEqual((history["model"], history["model_seed"]),
                         ("mlp(hidden=[24, 8], bias=false, outputs=1)", 1))
        scores = self.good("predict", self.at("mlp.h5"), vali).stdout.split()
        self.assertEqual(len(scores), 8 * 150)
        trained("again.h5", *mlp)
        self.assertEqual(read(self.at("mlp.h5")), read(self.at("again.h5")))
        trained("other.h5", *mlp, "--seed", 2)
        self.assertNotEqual(read(self.at("mlp.h5")), read(self.at("other.h5")))

    def test_options_of_mlp_and_adam(self):
        data = write(self.at("a.txt"), "1 qid:1 1:1\n0 qid:1 1:2\n")
        usual = "expected whole numbers >= 1 and <= 2048, 1 to 16 of them"
        for options, words in (
                (("--hidden", "64"), "--hidden is a parameter of mlp, but --model is linear"),
                (("--model", "mlp", "--hidden", "64,,3"), usual),
                (("--model", "mlp", "--hidden", "64,"), usual),
                (("--model", "mlp", "--hidden", "0"), usual),
                (("--model", "mlp", "--hidden", "-3"), usual),
                (("--model", "mlp", "--hidden", "2049"), usual),
                (("--model", "mlp", "--hidden", "99999999999999999999"), usual),
                (("--model", "mlp", "--hidden", ",".join(["1"] * 17)), usual),
                (("--model", "tree"), "expected one of linear, mlp"),
                (("--beta1", "0.5"), "--beta1 is a parameter of adam, but --optimizer is sgd"),
                (("--epsilon", "1e-3"), "expected --optimizer adam"),
                (("--optimizer", "adam", "--momentum", "0.5"), "expected --optimizer sgd"),
                (("--optimizer", "adam(beta1=2)"), "--optimizer: adam: beta1 is 2; expected"),
                (("--optimizer", "adam(beta3=2)"), "no parameter beta3 (did you mean beta1?); expected one of beta1, "),
                (("--optimizer", "adam", "--beta2", "1"), "--beta2 '1': expected a number >= 0"),
                (("--optimizer", "adam", "--epsilon", "0"), "--epsilon '0'")):
            done = run("train", data, "-o", self.at("m.h5"), *options)
            self.assertEqual(done.returncode, 2, (options, done.stderr))
            self.assertIn(words, done.stderr)
            self.assertFalse(os.path.exists(self.at("m.h5")))

    def test_components_share_an_option(self):
        """--epsilon is a parameter of poly1_softmax and of adam: it sets the loss's if that is
        poly1_softmax, else adam's; --seed is train's and not the loss's."""
        data = write(self.at("a.txt"), "1 qid:1 1:1\n0 qid:1 1:2\n0 qid:1 1:3\n")
        for options, words in (
                (("--loss", "poly1_softmax", "--epsilon", "2"), ("poly1_softmax(epsilon=2)",)),
                (("--optimizer", "adam", "--epsilon", "0.5"), ("epsilon=0.5)", "ranking_softmax(")),
                (("--loss", "poly1_softmax", "--optimizer", "adam", "--epsilon", "2"),
                 ("poly1_softmax(epsilon=2)", "epsilon=1e-08)")),
                (("--loss", "poly1_softmax(epsilon=3)", "--optimizer", "adam(epsilon=0.25)"),
                 ("poly1_softmax(epsilon=3)", "epsilon=0.25)")),
                (("--loss", "xendcg(seed=5)", "--seed", "7"), ("xendcg(seed=5)", '"seed": 7')),
                (("--loss", "xendcg", "--seed", "7"), ("xendcg(seed=0)", '"seed": 7')),
                (("--loss", "ranking_softmax + poly1_softmax", "--epsilon", "2"),
                 ("poly1_softmax(epsilon=2)",)),
                (("--loss", "gumbel_softmax", "--temperature", "2", "--beta", "0.5"),
                 ("temperature=2", "beta=0.5")),
                (("--optimizer", "adam", "--beta1", "0.5", "--epsilon", "1"),
                 ("beta1=0.5", "epsilon=1)"))):
            self.good("train", data, "-o", self.at("m.h5"), "--force", "--epochs", 1, "--lr",
                      "0.01", *options)
            history = self.good("inspect", self.at("m.h5")).stdout
            for word in words:
                self.assertIn(word, history, options)

    def test_text_training_equals_converting_first(self):
        train, vali, _ = self.text_files()
        data = self.at("both.h5")
        self.good("convert", "--train", train, "--vali", vali, "-o", data)
        self.good("train", train, "--vali", vali, "-o", self.at("a.h5"), "--epochs", 7)
        self.good("train", data, "-o", self.at("b.h5"), "--epochs", 7)
        self.assertEqual(read(self.at("a.h5")), read(self.at("b.h5")))
        # A column that only vali has.
        write(vali, letor(1, 40, 5))
        self.good("convert", "--train", train, "--vali", vali, "-o", data)
        self.good("train", train, "--vali", vali, "-o", self.at("a.h5"), "--epochs", 7)
        self.good("train", data, "-o", self.at("b.h5"), "--epochs", 7)
        self.assertEqual(read(self.at("a.h5")), read(self.at("b.h5")))
        # One split of each, and a vali with fewer columns.
        write(vali, re.sub(r" 4:\S+", "", letor(1, 40)))
        self.good("convert", vali, "-o", self.at("vali.h5"), "--features", 4)
        self.good("convert", train, "-o", self.at("train.h5"))
        self.good("train", train, "--vali", vali, "-o", self.at("c.h5"), "--epochs", 7)
        self.good("train", self.at("train.h5"), "--vali", self.at("vali.h5"), "-o",
                  self.at("d.h5"), "--epochs", 7)
        self.good("train", self.at("train.h5"), "--vali", vali, "-o", self.at("e.h5"), "--epochs",
                  7)
        self.assertEqual(read(self.at("c.h5")), read(self.at("d.h5")))
        self.assertEqual(read(self.at("c.h5")), read(self.at("e.h5")))

    def test_hdf5_beside_text(self):
        """Each split may come from either: the same file, byte for byte, and the same model."""
        names = ("train", "vali", "test")
        text = dict(zip(names, self.text_files()))
        hdf5 = {name: self.at(name + ".h5") for name in names}
        for name in names:
            self.good("convert", text[name], "-o", hdf5[name], "--features", 4)
        made, model = [], []
        for kinds in itertools.product((text, hdf5), repeat=3):
            split = {name: kind[name] for name, kind in zip(names, kinds)}
            out = self.at("all.h5")
            self.good("convert", *(word for name in names for word in ("--" + name, split[name])),
                      "-o", out, "--force")
            made.append(read(out))
            self.good("train", split["train"], "--vali", split["vali"], "-o", self.at("m.h5"),
                      "--force", "--epochs", 3)
            model.append(read(self.at("m.h5")))
        self.assertEqual(made, made[:1] * 8)
        self.assertEqual(model, model[:1] * 8)
        narrow = write(self.at("narrow.txt"), "1 qid:1 1:1\n0 qid:1 1:2 2:1\n")
        wide = write(self.at("wide.txt"), "1 qid:1 1:1\n0 qid:1 1:2 9:1\n")
        for words, status, said in (
                (("--train", hdf5["train"], "--vali", narrow), 0,
                 "features 3 to 4 never occur and are read as 0"),
                (("--train", hdf5["train"], "--vali", wide), 3,
                 "wide.txt:2:13: found \"9:1\", expected an index of at most 4 (4 features, as"),
                (("--train", hdf5["train"], "--train", text["train"]), 2, "train.txt is given for it too"),
                (("--train", hdf5["train"], "--train", hdf5["vali"]), 2, "one file makes a split"),
                (("--train", text["train"], "--vali", hdf5["vali"], "--zero-based"), 2,
                 "vali.h5: is HDF5, which has no use for --zero-based"),
                (("--train", text["train"], "--vali", hdf5["vali"], "--group", "x"), 2, "--group"),
                (("--train", text["train"], "--vali", self.at("none")), 5, "none: cannot open"),
                (("--train", self.folder, "--vali", hdf5["vali"]), 5, "Is a directory")):
            done = run("convert", *words, "-o", self.at("x.h5"), "--force")
            self.assertEqual(done.returncode, status, (words, done.stderr))
            self.assertIn(said, done.stderr)

    def test_several_training_files(self):
        train, vali, test = self.text_files()
        lines = read(train).decode().splitlines(keepends=True)
        starts = [i for i, line in enumerate(lines)
                  if i == 0 or line.split()[1] != lines[i - 1].split()[1]]
        whole = self.at("whole.h5")
        self.good("convert", "--train", train, "--vali", vali, "-o", whole)
        narrow = write(self.at("narrow.txt"), "1 qid:n 1:0.5\n0 qid:n 2:1\n")
        for name, cuts, options in (
                ("two", [20], ()), ("three", [1, 39], ()), ("many", list(range(3, 40, 3)), ()),
                ("uneven", [38, 39], ("--vali", vali)), ("vali HDF5", [5, 9], ("--vali", whole)),
                ("part set aside", [7], ("--vali-fraction", 0.25)), ("gzip", [12], ("gz",)),
                ("normalisation", [9], ("--normalize", "minmax")),
                ("narrow file last", [9], ("narrow",)),
                ("options between", [4], ("between",))):
            edges = [0, *(starts[c] for c in cuts), len(lines)]
            parts = [write(self.at(f"{name}{i}.txt"), "".join(lines[a:b]))
                     for i, (a, b) in enumerate(zip(edges, edges[1:]))]
            joined = write(self.at("joined.txt"), "".join(lines))
            options = list(options)
            if options == ["narrow"]:  # fewer columns than the others
                write(joined, read(joined).decode() + read(narrow).decode())
                parts.append(narrow)
            if options == ["gz"]:
                with gzip.open(parts[0] + ".gz", "wb") as stream:
                    stream.write(read(parts[0]))
                parts[0] += ".gz"
            words = [parts[0], "--seed", 3, *parts[1:]] if options == ["between"] else parts
            more = [] if options and not str(options[0]).startswith("-") else options
            seed = [] if options == ["between"] else ["--seed", 3]
            done = [self.good("train", *files, "-o", self.at(f"{name}-{k}.h5"), "--epochs", 3,
                              "--quiet", *more, *extra)
                    for k, files, extra in ((0, words, seed), (1, [joined], ["--seed", 3]))]
            with self.subTest(name):
                scores = [self.good("predict", self.at(f"{name}-{k}.h5"), test).stdout
                          for k in (0, 1)]
                self.assertEqual(scores[0], scores[1])
                said = [text.stdout.splitlines()[0] for text in done]
                self.assertEqual(said[0], said[1])
        for arguments, status, words in (
                ((whole, train), 2, "is HDF5, of which one file makes a split"),
                ((train, train, whole), 2, "expected text files, which are joined, or one file"),
                ((train, self.at("none.txt")), 5, "none.txt: cannot"),
                ((train, narrow, "--group", "sizes"), 2, "--group sizes: holds the lists of one text file"),
                ((train, narrow, "-o", narrow), 2, "narrow.txt"),
                ((train, ""), 2, "expected DATA..., found an empty word"),
                ((train, write(self.at("bad.txt"), "1 qid:1 1:x\n")), 3, "bad.txt:1"),
                ((train, write(self.at("wide.txt"), "1 qid:1 5:1\n"), "--features", 4), 3,
                 "wide.txt:1")):
            output = [] if "-o" in arguments else ["-o", self.at("m.h5")]
            done = run("train", *arguments, *output)
            self.assertEqual(done.returncode, status, (arguments, done.stderr))
            self.assertIn(words, done.stderr)
            self.assertFalse(os.path.exists(self.at("m.h5")))

    def test_same_seed_same_bytes(self):
        data, model = self.trained()
        self.good("train", data, "-o", self.at("again.h5"), "--epochs", 5)
        self.good("train", data, "-o", self.at("other.h5"), "--epochs", 5, "--seed", 2)
        self.assertEqual(read(model), read(self.at("again.h5")))
        self.assertNotEqual(read(model), read(self.at("other.h5")))
        self.good("generate", "-o", self.at("g1.h5"), "--lists", 20)
        self.good("generate", "-o", self.at("g2.h5"), "--lists", 20)
        self.assertEqual(read(self.at("g1.h5")), read(self.at("g2.h5")))

    def test_validation_fraction_and_last_epoch(self):
        train, _, _ = self.text_files()
        done = self.good("train", train, "-o", self.at("a.h5"), "--epochs", 3)
        self.assertIn("--vali-fraction", done.stderr)
        self.assertIn("kept epoch 3 of 3, the last", done.stdout)
        done = self.good("train", train, "-o", self.at("b.h5"), "--epochs", 3, "--vali-fraction",
                         0.25)
        self.assertIn("the best ndcg@10 on the validation lists", done.stdout)
        self.assertNotIn("--vali-fraction", done.stderr)

    def test_test_split_is_never_read(self):
        train, vali, test = self.text_files()
        self.good("convert", "--train", train, "--vali", vali, "--test", test, "-o",
                  self.at("a.h5"))
        write(test, letor(9, 3))
        self.good("convert", "--train", train, "--vali", vali, "--test", test, "-o",
                  self.at("b.h5"))
        for name in "ab":
            self.good("train", self.at(name + ".h5"), "-o", self.at(name + "m.h5"), "--epochs", 3)
        self.assertEqual(read(self.at("am.h5")), read(self.at("bm.h5")))

    def test_history_and_several_metrics(self):
        data, _ = self.trained()
        history = self.at("h.tsv")
        for _ in range(2):  # its own history may be replaced
            done = self.good("train", data, "-o", self.at("m2.h5"), "--epochs", 4, "--history",
                             history, "--metric", "map,mrr,ndcg@3", "--quiet")
        rows = [line.split("\t") for line in read(history).decode().splitlines()]
        self.assertEqual(len(rows), 6)
        self.assertEqual(rows[0][:4], ["epoch", "loss", "train_metric", "vali_metric"])
        self.assertEqual([row[0] for row in rows[1:]], list("01234"))
        self.assertTrue(all(len(row) == len(rows[0]) for row in rows))
        self.assertRegex(done.stdout, r"map 0\.\d+ mrr 0\.\d+ ndcg@3 0\.\d+")
        kept = re.search(r"kept epoch (\d+) .*best map .*: (\S+);", done.stdout)
        self.assertAlmostEqual(float(rows[1 + int(kept[1])][3]), float(kept[2]), places=5)
        self.assertEqual(done.stderr, "")

    def test_splits_that_disagree_blame_an_input(self):
        """The message begins with the file whose split does not fit, and names the other one."""
        for n in (3, 4, 5):
            self.good("generate", "--lists", 5, "--features", n, "-o", self.at(f"names{n}.h5"))
            write(self.at("text"), f"0 qid:1 1:1\n1 qid:1 {n}:1\n")
            self.good("convert", self.at("text"), "-o", self.at(f"plain{n}.h5"))
        for wrong, right, words in (
                (("test", "names3"), ("train", "names4"), "the split test lacks 2 of the 4"),
                (("test", "names4"), ("train", "names3"), "the split test lacks 1 of the 3"),
                (("vali", "names4"), ("train", "names5"), "the split vali lacks"),
                (("test", "names3"), ("vali", "names5"), "the split test lacks"),
                (("test", "plain3"), ("train", "plain4"), "the split test has 3 features"),
                (("vali", "plain5"), ("train", "plain4"), "the split vali has 5 features"),
                (("train", "plain3"), ("vali", "names4"), "the split train has 3 features"),
                (("train", "plain3"), ("test", "names5"), "the split train has 3 features"),
                (("test", "plain3"), ("train", "names5"), "the split test has 3 features"),
                (("vali", "plain4"), ("train", "names3"), "the split vali has 4 features")):
            done = run("convert", "-o", self.at("x.h5"), f"--{wrong[0]}", self.at(wrong[1] + ".h5"),
                       f"--{right[0]}", self.at(right[1] + ".h5"))
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn(f"rankgrad: {self.at(wrong[1] + '.h5')}: {words}", done.stderr)
            self.assertIn(f"the split {right[0]} of {self.at(right[1] + '.h5')}", done.stderr)
            self.assertNotIn("x.h5", done.stderr)
            self.assertFalse(os.path.exists(self.at("x.h5")))
        self.assertIn(f", validation {self.at('plain3.h5')}: the validation split has 3 features",
                      run("train", self.at("names4.h5"), "--vali", self.at("plain3.h5"), "-o",
                          self.at("x.h5")).stderr)

    def test_convert_layouts_train_alike(self):
        data, model = self.trained()
        for option in ("--compress", "--sparse"):
            again = self.at("again" + option + ".h5")
            self.good("convert", data, "-o", again, option)
            self.good("evaluate", model, again)
        self.good("train", self.at("again--compress.h5"), "-o", self.at("m3.h5"), "--epochs", 5)
        self.assertEqual(read(model), read(self.at("m3.h5")))

    def test_stdin(self):
        train, vali, test = self.text_files()
        text = read(train).decode()
        self.good("convert", "-", "-o", self.at("stdin.h5"), text_in=text)
        self.good("convert", train, "-o", self.at("file.h5"))
        self.assertEqual(read(self.at("stdin.h5")), read(self.at("file.h5")))

    def test_pipe(self):
        """A named pipe is opened once: looking at it first would end its writer."""
        train = self.text_files()[0]
        data, model, pipe = self.at("file.h5"), self.at("m.h5"), self.at("pipe")
        self.good("convert", train, "-o", data)
        os.mkfifo(pipe)
        for command in (("convert", pipe, "-o", self.at("pipe.h5")),
                        ("convert", pipe, "-o", self.at("pipe.h5")),
                        ("train", pipe, "-o", model, "--epochs", 2, "--quiet"),
                        ("train", data, "--vali", pipe, "-o", model, "--epochs", 2, "--quiet"),
                        ("inspect", pipe), ("evaluate", model, pipe), ("predict", model, pipe)):
            with subprocess.Popen(["timeout", "20", "cp", train, pipe]) as writer:
                done = run(*command, patience=20)
                self.assertEqual((done.returncode, writer.wait()), (0, 0), f"{command}: {done.stderr}")
        self.assertEqual(read(self.at("pipe.h5")), read(data))


class Reports(Case):
    def test_text(self):
        data, model = self.trained()
        lines = self.good("evaluate", model, data, "--metric", "ndcg@10,map,p@2").stdout.splitlines()
        self.assertRegex(lines[0], r"split test: 40 lists, \d+ rows; gain exp.*ties average.*"
                                   r"counts 0.*from label 1")
        self.assertRegex(lines[2], r"^ndcg@10 +0\.\d{6} +40 +\d+ +0 +0$")
        self.assertRegex(lines[4], r"^precision@2 ")

    def test_json_and_tsv(self):
        data, model = self.trained()
        report = json.loads(self.good("evaluate", model, data, "--format", "json", "--per-list",
                                      "-", "--split", "vali", "--ties", "docid").stdout)
        self.assertEqual(report["split"], "vali")
        self.assertEqual(report["conventions"]["ties"], "docid")
        ndcg = report["metrics"]["ndcg@10"]
        self.assertEqual(ndcg["n_lists"], 40)
        self.assertEqual(len(report["per_list"]), 40)
        mean = sum(one["ndcg@10"] for one in report["per_list"]) / 40
        self.assertAlmostEqual(mean, ndcg["value"], places=12)
        rows = [line.split("\t") for line in
                self.good("evaluate", model, data, "--format", "tsv", "--split", "vali", "--ties",
                          "docid").stdout.splitlines()]
        self.assertEqual(rows[0][:3], ["metric", "value", "n_lists"])
        self.assertEqual(len(rows), 3)
        self.assertEqual(float(rows[1][1]), ndcg["value"])

    def test_json_of_other_letters(self):
        _, model = self.trained()
        with open(self.at("latin.txt"), "wb") as stream:
            stream.write(b"1 qid:caf\xc3\xa9 1:1 4:1\n0 qid:\xc3\xa9 1:2\n")
        report = json.loads(self.good("evaluate", model, self.at("latin.txt"), "--format", "json",
                                      "--per-list", "-", "--metric", "map,ndcg").stdout)
        self.assertEqual([one["query"] for one in report["per_list"]], ["caf\xe9", "\xe9"])
        self.assertEqual(report["per_list"][0],
                         {"query": "caf\xe9", "map": 1, "ndcg": 1, "n_unscored": 0})

    def test_conventions_matter(self):
        data, model = self.trained()

        def value(*options):
            done = self.good("evaluate", model, data, "--metric", "ndcg@10,map", "--format",
                             "json", *options)
            return {name: one["value"] for name, one in json.loads(done.stdout)["metrics"].items()}
        usual = value()
        self.assertNotEqual(usual["ndcg@10"], value("--gain", "linear")["ndcg@10"])
        self.assertLess(usual["ndcg@10"], value("--no-relevant", "one")["ndcg@10"])
        self.assertLess(usual["map"], value("--no-relevant", "skip")["map"])
        self.assertNotEqual(usual["map"], value("--relevance-threshold", "2")["map"])

    def test_nothing_is_relevant(self):
        data, model = self.trained()
        lists = write(self.at("none.txt"), "0.5 qid:1 1:1 4:1\n0 qid:1 1:2\n0.25 qid:2 1:3\n")
        done = self.good("evaluate", model, lists)
        self.assertIn("map: no list has a relevant item; the largest label is 0.5", done.stdout)
        self.assertNotIn("ndcg@10: no list", done.stdout)

    def test_inspect(self):
        data, model = self.trained()
        text = self.good("inspect", data, "--verify").stdout
        self.assertRegex(text, r"split train: \d+ rows, 4 features, 40 lists")
        self.assertRegex(text, r"list lengths: min 1, median [\d.]+, mean [\d.]+, max 12")
        self.assertRegex(text, r"lists without a relevant item \(label >= 1\): \d+ of 40")
        self.assertRegex(text, r"labels:  0: \d+  1: \d+  2: \d+")
        self.assertIn("also: doc_ids, query_ids", text)
        self.assertEqual(text.count("split "), 3)
        self.assertEqual(self.good("inspect", data, "--split", "vali").stdout.count("split "), 1)
        odd = write(self.at("odd.txt"), "1 qid:1 1:nan 2:5 3:1\n0 qid:1 1:1 2:5 3:2\n")
        text = self.good("inspect", odd).stdout
        self.assertIn("missing features: 1 (1 row) (1 of 3)", text)
        self.assertIn("constant features: 1, 2 (2 of 3)", text)

    def test_inspect_model(self):
        _, model = self.trained()
        lines = self.good("inspect", model).stdout.splitlines()
        self.assertIn("model linear(bias=false, outputs=1), f32, 4 features, normalisation zscore", lines[0])
        self.assertIn("ranking_softmax", lines[1])
        rows = [line.split() for line in lines[3:]]
        self.assertEqual(sorted(row[0] for row in rows), ["1", "2", "3", "4"])
        self.assertEqual(rows[0][0], "1", "the feature that the labels follow comes first")
        effects = [abs(float(row[2])) for row in rows]
        self.assertEqual(effects, sorted(effects, reverse=True))
        self.good("inspect", model, "--verify")

    def test_gradcheck(self):
        text = self.good("gradcheck", "ranking_softmax", "add").stdout
        self.assertRegex(text, r"(?m)^ok +ranking_softmax")
        self.assertRegex(text, r"(?m)^ok +add")
        self.assertNotIn("FAILED", text)


class Predictions(Case):
    def test_order_and_formats(self):
        data, model = self.trained()
        rows = [line.split() for line in read(self.at("test.txt")).decode().splitlines()]
        scores = [float(x) for x in self.good("predict", model, data).stdout.split()]
        self.assertEqual(len(scores), len(rows))
        tsv = [line.split("\t") for line in
               self.good("predict", model, data, "--format", "tsv").stdout.splitlines()]
        self.assertEqual(tsv[0], ["query", "document", "score"])
        self.assertEqual([(q, d) for q, d, _ in tsv[1:]],
                         [(row[1][4:], row[-1]) for row in rows])
        self.assertEqual([float(row[2]) for row in tsv[1:]], scores)
        # The text itself, whose labels are not needed to be right, gives the same scores.
        text = self.good("predict", model, self.at("test.txt")).stdout.split()
        self.assertEqual([float(x) for x in text], scores)
        # A linear model: the score is the same function of the features in every row.
        weights = {row.split()[0]: float(row.split()[1]) for row in
                   self.good("inspect", model).stdout.splitlines()[3:]}
        raw = [sum(weights[f.split(":")[0]] * float(f.split(":")[1]) for f in row[2:6])
               for row in rows]
        shift = scores[0] - raw[0]
        for mine, other in zip(raw, scores):
            self.assertAlmostEqual(mine + shift, other, places=4)

    def test_trec(self):
        data, model = self.trained()
        lines = self.good("predict", model, data, "--format", "trec").stdout.splitlines()
        self.assertEqual(len(lines), len(read(self.at("test.txt")).splitlines()))
        before = ("", 0, 0.0)
        for line in lines:
            query, q0, document, rank, score, tag = line.split(" ")
            self.assertEqual((q0, tag), ("Q0", "rankgrad"))
            if query == before[0]:
                self.assertEqual(int(rank), before[1] + 1)
                self.assertLessEqual(float(score), before[2])
            else:
                self.assertEqual(rank, "1")
            before = (query, int(rank), float(score))
        # Equal scores: the greater document id first, as strings; strings, not numbers.
        ties = write(self.at("ties.txt"), "".join(
            f"0 qid:7 1:1 4:1 # docid = {name}\n" for name in ("b", "a", "c9", "c10")))
        lines = self.good("predict", model, ties, "--format", "trec").stdout.splitlines()
        self.assertEqual([line.split()[2] for line in lines], ["c9", "c10", "b", "a"])

    def test_missing_ids_and_lists(self):
        _, model = self.trained()
        bare = write(self.at("bare.txt"), "0 1:1 4:1\n0 1:2\n0 1:3\n")
        self.assertEqual(len(self.good("predict", model, bare).stdout.split()), 3)
        done = self.good("predict", model, bare, "--format", "tsv")
        self.assertEqual([line.split("\t")[:2] for line in done.stdout.splitlines()[1:]],
                         [["1", "1"], ["1", "2"], ["1", "3"]])
        self.assertEqual(done.stderr.count("\n"), 1)
        self.assertIn("list and row numbers", done.stderr)

    def test_list_minmax_needs_lists(self):
        train, vali, test = self.text_files()
        model = self.at("lm.h5")
        self.good("train", train, "--vali", vali, "-o", model, "--normalize", "list-minmax",
                  "--epochs", 2)
        self.good("predict", model, test)
        bare = write(self.at("bare.txt"), "0 1:1 4:1\n0 1:2\n")
        done = run("predict", model, bare)
        self.assertEqual(done.returncode, 3, done.stderr)

    # Rows of three lists: label and whether feature 1 is missing; and what must come out.
    UNSCORED = [
        ("none", "00 10 | 20 00 | 10", 0),
        ("the first row", "01 10 | 20 00 | 10", 1),
        ("the last row", "00 10 | 20 00 | 11", 1),
        ("a whole list", "01 11 | 20 00 | 10", 2),
        ("a relevant row", "00 10 | 21 00 | 10", 1),
        ("one in each list", "01 10 | 21 00 | 11", 3),
        ("all but one", "01 11 | 21 01 | 10", 4),
        ("all but one, first", "00 11 | 21 01 | 11", 4),
        ("all", "01 11 | 21 01 | 11", 5),
        ("all of a single row", "11", 1),
        ("all, one list", "11 01 21", 3),
        ("no relevant row", "01 00 | 00 00", 1),
    ]

    def test_unscored_rows(self):
        _, model = self.trained()
        for name, text, expected in self.UNSCORED:
            lists = [[row for row in part.split()] for part in text.split("|")]
            rows = sum(map(len, lists))
            plural, verb = "s" if rows > 1 else "", "has" if expected == 1 else "have"
            odd = write(self.at("odd.txt"), "".join(
                f"{row[0]} qid:{q} 1:{'nan' if row[1] == '1' else 0.5} 4:{k}\n"
                for q, part in enumerate(lists) for k, row in enumerate(part)))
            done = [run("evaluate", model, odd, *more) for more in
                    ((), ("--format", "json", "--per-list", "-"), ("--format", "tsv"))]
            trec = run("predict", model, odd, "--format", "trec")
            scores = run("predict", model, odd)
            with self.subTest(name):
                self.assertEqual(scores.stdout.split().count("nan"), expected)
                self.assertEqual(f"{expected} of {rows} row{plural} {verb} no score" in scores.stderr,
                                 expected > 0)
                self.assertEqual(trec.returncode, 3 if expected == rows else 0)
                self.assertNotIn("nan", trec.stdout)
                self.assertEqual(len(trec.stdout.splitlines()), rows - expected)
                for one in done:
                    self.assertEqual(one.returncode, 3 if expected == rows else 0, one.stderr)
                    said = "no row has a score" if expected == rows else \
                           f"warning: {expected} of {rows} rows {verb} no score"
                    self.assertEqual(one.stderr.count(said), expected > 0, one.stderr)
                if expected == rows:
                    self.assertEqual([one.stdout for one in done], [""] * 3)
                    continue
                report = json.loads(done[1].stdout)
                self.assertEqual(report["metrics"]["map"]["n_unscored"], expected)
                self.assertEqual([one["n_unscored"] for one in report["per_list"]],
                                 [sum(row[1] == "1" for row in part) for part in lists])
                self.assertRegex(done[0].stdout.splitlines()[2], rf" {expected}$")
                self.assertEqual(done[2].stdout.splitlines()[1].split("\t")[-1], str(expected))

    def test_nan_scores_and_devices(self):
        _, model = self.trained()
        odd = write(self.at("odd.txt"), "0 qid:1 1:nan 4:1\n0 qid:1 1:2\n")
        lines = self.good("predict", model, odd).stdout.splitlines()
        self.assertEqual(lines[0], "nan")
        self.assertNotEqual(lines[1], "nan")
        lines = self.good("predict", model, odd, "--format", "trec").stdout.splitlines()
        self.assertEqual([line.split()[2] for line in lines], ["2"])
        self.good("predict", model, odd, "-o", "/dev/null")
        self.assertFalse(os.path.isfile("/dev/null"), "a device stays a device")


@unittest.skipUnless(h5py, "h5py is not there: files without labels are not tested")
class Foreign(Case):
    def file(self, **parts):
        with h5py.File(self.at("f.h5"), "w") as file:
            for name, value in parts.items():
                file[name] = value
        return self.at("f.h5")

    def test_no_labels_no_lists(self):
        _, model = self.trained()
        bare = self.file(features=[[1.0, 2, 3, 4], [2, 3, 4, 5], [0, 0, 0, 0]])
        self.assertEqual(len(self.good("predict", model, bare).stdout.split()), 3)
        self.assertEqual(len(self.good("predict", model, bare, "--format", "trec").stdout
                             .splitlines()), 3)
        self.assertEqual(run("evaluate", model, bare).returncode, 3)
        self.assertIn("labels: none", self.good("inspect", bare).stdout)

    def test_masked_rows(self):
        _, model = self.trained()
        masked = self.file(features=[[1.0, 2, 3, 4], [2, 3, 4, 5]], mask=[False, True],
                           labels=[3, 0], qid=[1, 1])
        self.assertEqual(self.good("predict", model, masked).stdout.split()[0], "nan")
        ranked = self.good("predict", model, masked, "--format", "trec").stdout.splitlines()
        self.assertEqual([line.split()[2] for line in ranked], ["2"])
        self.good("convert", masked, "--sparse", "-o", self.at("sparse.h5"))
        for path in (masked, self.at("sparse.h5")):
            text = self.good("inspect", path).stdout
            self.assertIn("labels:  0: 1\n", text)
            self.assertIn("lists without a relevant item (label >= 1): 1 of 1\n", text)
            self.assertIn("constant features: 1, 2, 3, 4 (4 of 4)\n", text)

    def test_ranges(self):
        rows = [[i / 100, 1e30 if i % 10 == 0 else 0.5, -999 if i % 5 == 0 else i % 7, 1]
                for i in range(100)]
        text = self.good("inspect", self.file(features=rows, labels=[i % 3 for i in range(100)],
                                              qid=[i // 10 for i in range(100)])).stdout
        self.assertIn("  ranges:\n    1: 0 to 0.99\n    2: 0.5 to 1e+30\n    3: -999 to 6\n"
                      "    4: 1 to 1\n", text)
        self.assertIn("missing values: 2 (1e+30 in 10 rows), 3 (-999 in 20 rows)\n", text)
        plain = self.good("inspect", self.file(features=[[1.0], [2], [4]], labels=[0, 1, 2],
                                               qid=[1, 1, 1])).stdout
        self.assertIn("missing values: none\n", plain)

    def test_list_weights(self):
        _, model = self.trained()
        # The first list is perfect for any model, the second has nothing to find.
        lists = self.file(features=[[1.0, 2, 3, 4]] * 2, labels=[1, 0], qid=[1, 2],
                          list_weights=[3.0, 1.0])
        done = self.good("evaluate", model, lists, "--metric", "map")
        self.assertRegex(done.stdout, r"map +0\.500000")
        self.assertIn("--weighted uses them", done.stdout)
        done = self.good("evaluate", model, lists, "--metric", "map", "--weighted")
        self.assertRegex(done.stdout, r"map +0\.750000")
        self.assertNotIn("--weighted uses them", done.stdout)


class Signals(Case):
    def stopped(self, number):
        data = self.at("d.h5")
        self.good("generate", "-o", data, "--lists", 100, "--features", 10)
        for name in ("m.h5", "h.tsv"):
            if os.path.exists(self.at(name)):
                os.unlink(self.at(name))
        before = set(os.listdir(self.folder))
        process = subprocess.Popen(
            [RANKGRAD, "train", data, "-o", self.at("m.h5"), "--epochs", "100000000", "--history",
             self.at("h.tsv")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while not process.stderr.readline().strip().startswith("3 "):  # it is under way
            self.assertIsNone(process.poll())
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(set(os.listdir(self.folder)), before | {"m.h5", "h.tsv"})
        self.assertRegex(errors.splitlines()[-1],
                         r"rankgrad: interrupted after epoch \d+ of 100000000; wrote epoch \d+ to ")
        return process.returncode

    def test_interrupted(self):
        self.assertEqual(self.stopped(signal.SIGINT), 130)
        self.assertEqual(self.stopped(signal.SIGTERM), 143)

    def test_waiting_for_input(self):
        process = subprocess.Popen([RANKGRAD, "convert", "-", "-o", self.at("x.h5")],
                                   stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        time.sleep(0.3)
        for _ in range(2):  # the second one is the system's
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
        process.communicate(timeout=60)
        self.assertIn(process.returncode, (130, -signal.SIGINT))
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    unittest.main()

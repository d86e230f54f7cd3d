#!/usr/bin/env python3
"""The bench: builds Rankgrad, runs it and its peers in turn, and says which goals are met.

    bench/run.py [--python PATH] [--work FOLDER] [--rounds N] [--only SECTION ...]
    bench/run.py --quick

A goal is a ratio of two programs that ran in turn, at least three times, on this machine, so that
it says the same on another one; what is printed is the median. The limits (one read of the same
features, the bare matrix products) are measured between two epochs, in the same process
(bench/limits.c). The peers (PyTorch, JAX with rax and optax, LightGBM, XGBoost, ONNX Runtime,
scikit-learn) are run where the Python of --python has them. Writes bench/results.md.

--quick is for CI: without peers, and what has no bound; under 90 s with the build done; on the same
data, since less of them would lie in caches and make too few steps; writes nothing, and its exit
status is 1 when a ratio to the machine's own read or product speed is past twice its goal. Where a
goal is missed by about that much (bench/results.md), the bound is wider, to tell a regression from
what is known: 3.4 reads for linear epochs, f16 5, CSR 14. (An f16 epoch alternates between 10 and
30 ms on some machines, from process to process and within one, with the same binary.)
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
CPUS = len(os.sched_getaffinity(0))

# (rows, features, lists) of the data: 321 MB of f32, beyond any cache; the text is smaller.
SIZES = {"features": (590371, 136, 5000), "text": (50000, 136, 425)}
METRIC_ITEMS = 5_000_000
SLACK = 2  # --quick fails past this multiple of a goal

PACKAGES = ["torch", "jax", "rax", "optax", "lightgbm", "xgboost", "onnxruntime", "onnx",
            "scikit-learn", "h5py", "numpy", "catboost", "pytrec-eval-terrier", "ir-measures",
            "ranx"]
# What a peer needs, besides NumPy and h5py.
NEEDS = {"torch": ["torch"], "jax": ["jax", "rax", "optax"], "lightgbm": ["lightgbm"],
         "xgboost": ["xgboost"], "onnxruntime": ["onnxruntime", "onnx"],
         "sklearn": ["scikit-learn"], "rax": ["jax", "rax"], "catboost": ["catboost"],
         "pytrec_eval": ["pytrec-eval-terrier"], "ir_measures": ["ir-measures"], "ranx": ["ranx"]}
NEEDS_LOSS = {"torch": ["torch", "numpy"], "rax": ["jax", "rax", "numpy"]}  # bench/peers/loss_*.py
# Else glibc gives each large array back to the system, and the peer pays for fresh pages each step.
PEER_ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**34),
                    "PYTHONDONTWRITEBYTECODE": "1"}
# Somebody else's tuning of OpenBLAS; the bench measures what users get.
UNSET = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def output_of(command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(str(c) for c in command)}\n{done.stdout}{done.stderr}")
    return done.stdout


def series_of(text):
    """{name: values} of the lines that a program of the bench prints."""
    rows = (line.split("\t") for line in text.splitlines() if "\t" in line)
    return {name: [float(v) for v in values] for name, *values in rows}


def middle(runs, name):
    return statistics.median(v for run in runs for v in run[name])


def ratio(runs, name, other):
    """The median over all pairs of values."""
    return statistics.median(a / b for run in runs for a, b in zip(run[name], run[other]))


def ratio_across(runs, name, others, other):
    """The same for programs that ran in turn: a pair is a round."""
    return statistics.median(middle([a], name) / middle([b], other) for a, b in zip(runs, others))


def fastest(runs):
    """Of the ways that a peer prints, the one that is fastest."""
    return min(runs[0], key=lambda name: middle(runs, name))


def percentile(runs, name, p):
    values = sorted(v for run in runs for v in run[name])
    return values[min(len(values) - 1, int(p / 100 * len(values)))]


class Bench:
    def __init__(self, arguments, work):
        self.quick, self.rounds, self.build = arguments.quick, arguments.rounds, arguments.build
        self.python, self.work = arguments.python, work
        self.threads = [1, 2] if CPUS > 1 else [1]
        self.tables = []  # [title, note, header, rows, why its goals are missed, if they are]
        self.failed = []  # bounds broken
        self.broken = []  # peers that are installed and do not run
        self.versions = self.find_versions()

    # ---- What is run ----

    def find_versions(self):
        """{package: its version, None: absent}, as --python has them; {}: not looked for."""
        if self.quick:
            return {}
        code = ("import json, sys\nfrom importlib import metadata\nfound = {}\n"
                "for name in sys.argv[1:]:\n"
                "    try: found[name] = metadata.version(name)\n"
                "    except metadata.PackageNotFoundError: found[name] = None\n"
                "print(json.dumps(found))")
        return json.loads(output_of([self.python, "-c", code, *PACKAGES]))

    def make(self):
        output_of(["cmake", "--preset", "release", "-B", self.build, "-DRANKGRAD_BENCH=ON",
                   "-DRANKGRAD_TESTS=OFF", "-DRANKGRAD_EXAMPLES=OFF"], cwd=ROOT)
        output_of(["cmake", "--build", self.build], cwd=ROOT)

    def program(self, name, *arguments):
        return series_of(output_of([self.build / "bench" / f"bench_{name}", *arguments]))

    def has(self, peer):
        return all(self.versions.get(p) for p in [*NEEDS[peer], "h5py", "numpy"])

    def peer(self, peer, script, *arguments):
        """A job; None where the peer is absent."""
        def run():
            if peer in self.broken:
                return None
            try:
                return series_of(output_of([self.python, BENCH / "peers" / script, *arguments],
                                           env={**os.environ, **PEER_ENVIRONMENT}))
            except RuntimeError as error:
                print(error, file=sys.stderr)
                self.broken.append(peer)
        return run if self.has(peer) else None

    def data(self, kind):
        rows = SIZES["text" if kind == "text" else "features"]
        path = self.work / f"{kind}-{rows[0]}.{'txt' if kind == 'text' else 'h5'}"
        if not path.exists():
            part = path.with_suffix(".part")
            output_of([self.build / "bench/bench_data", kind, part, *rows])
            part.rename(path)
        return path

    def in_turn(self, jobs):
        """{name: its results, one a round}; each round runs all. Absent and broken peers are left
        out."""
        results = {name: [] for name, job in jobs.items() if job}
        for _ in range(self.rounds):
            for name in results:
                results[name].append(jobs[name]())
        return {name: runs for name, runs in results.items() if None not in runs}

    # ---- What is said ----

    def table(self, title, note="", header=("figure", "goal", "measured", "met", "times"), why=""):
        self.tables.append([title, note, header, [], why])
        print(f"\n{title}", flush=True)

    def line(self, *cells):
        self.tables[-1][3].append(cells)
        print("  " + " | ".join(cells), flush=True)

    def figure(self, what, value, goal=None, unit="x", more=False, own=False, bound=None,
               times=""):
        """A measured value; `goal` is the most (`more`: the least) it should be; `own`: it is a
        ratio to this machine's own speed, and --quick fails past SLACK times the goal, or past
        `bound`, where a goal is missed by so much that this would fail on what is known."""
        bound = bound or (goal * SLACK if goal else None)
        met = goal is None or (value >= goal if more else value <= goal)
        if own and self.quick and bound and value > bound:
            self.failed.append(f"{what}: {value:.2f}{unit}, more than {bound}{unit}")
        self.line(what, f"{'>=' if more else '<='} {goal}{unit}" if goal else "-",
                  f"{value:.4g}{unit}", "-" if goal is None else "yes" if met else "**no**", times)


def ms(*seconds):
    return " / ".join(f"{1e3 * s:.3g}" for s in seconds) + " ms"


# ---- The sections --------------------------------------------------------------------------------

def epoch_job(bench, kind, model, normalize, batch, threads):
    epochs = 4 if model == "mlp" else 6
    return lambda: bench.program("epoch", bench.data(kind), model, normalize, batch, threads,
                                 epochs)


def evaluation(bench):
    bench.table("Evaluation: linear, 64 lists a step, none, NDCG@10 of the training lists",
                "Training without a validation split, 10 epochs: the mean over all epochs, of which "
                "every fifth measures the metric, against the median of those that only compute "
                "gradients. Then the metric alone, of a million rows as lists of 100 and as one "
                "list, on all threads.")
    jobs = {t: lambda t=t: bench.program("epoch", bench.data("f32"), "linear", "none", 64, t, 10,
                                         "alone") for t in bench.threads}
    results = bench.in_turn({**jobs, "metric": lambda: bench.program("metric", CPUS, 5)})
    for threads in bench.threads:
        runs = results[threads]
        mean = ratio_across(runs, "mean", runs, "epoch")
        bench.figure(f"{threads} thread(s): mean epoch / gradients alone", mean, 1.4, own=True,
                     times=ms(middle(runs, "mean"), middle(runs, "epoch")))
        bench.figure("the same: an epoch that measures / gradients alone",
                     ratio_across(runs, "measured", runs, "epoch"),
                     times=ms(middle(runs, "measured"), middle(runs, "epoch")))
    for what, name in (("lists of 100, NDCG@10", "lists@10"), ("lists of 100, NDCG", "lists"),
                       ("one list, NDCG@10", "one@10"), ("one list, NDCG", "one")):
        bench.figure(what, 1e3 * middle(results["metric"], name), unit=" ms")


# Tools that have NDCG@10, by whether they take one list of 5 million items: LightGBM's limit is
# 10,000, and dictionaries of so many documents want too much memory.
METRIC_PEERS = {"sklearn": True, "lightgbm": False, "xgboost": True, "rax": True, "catboost": True,
                "pytrec_eval": False, "ir_measures": False, "ranx": False}


def write_lists(python, folder, n, mean):
    """n items in lists of `mean` items on average (0: one list): scores are a permutation."""
    folder.mkdir(exist_ok=True)
    output_of([python, "-c", f"""
import numpy as np
rng = np.random.default_rng(1)
n, mean = {n}, {mean}
cuts = 2 * np.unique(rng.integers(1, n // 2, n // mean - 1)) if mean else []
offsets = np.concatenate([[0], cuts, [n]]).astype("i8")
labels = rng.integers(0, 5, n).astype("f8")
labels[offsets[:-1]] = np.maximum(labels[offsets[:-1]], 1)
for name, array in (("scores", rng.permutation(n).astype("f8")), ("labels", labels),
                    ("offsets", offsets)):
    array.tofile("{folder}/" + name)
"""])


def metrics(bench):
    bench.table("NDCG@10 of 5 million scores, all threads",
                "Ragged lists of 118 items on average, and one list, in the form that each tool "
                "takes; making that form is not timed. Times: the tool / Rankgrad.")
    for what, mean in (("lists of about 118", 118), ("one list", 0)):
        folder = bench.work / f"lists-{mean}"
        if not (folder / "offsets").exists():
            write_lists(bench.python, folder, METRIC_ITEMS, mean)
        jobs = {name: bench.peer(name, "metric.py", name, folder, 3)
                for name, takes_one_list in METRIC_PEERS.items() if mean or takes_one_list}
        results = bench.in_turn({"ours": lambda: bench.program("metric", CPUS, 5, folder), **jobs})
        ours = results.pop("ours")
        for name, runs in results.items():
            error = abs(runs[0]["value"][0] / ours[0]["value"][0] - 1)
            if error > 1e-5:
                raise RuntimeError(f"{name}: NDCG@10 of {what} is {runs[0]['value'][0]}, ours "
                                   f"{ours[0]['value'][0]}")
            bench.figure(f"{what}: {name} / Rankgrad", ratio_across(runs, "time", ours, "time"), 3,
                         more=True, times=ms(middle(runs, "time"), middle(ours, "time")))


def train_peers(bench, model, batch, threads):
    """Jobs by name; a peer's epochs are the first, not measured, and two more."""
    return {peer: bench.peer(peer, f"train_{peer}.py", bench.data("f32"), model, batch, threads, 3)
            for peer in ("torch", "jax")}


def compare(bench, what, ours, results, goals):
    """Lines of ours against the peers in `results`: goals[peer] is (bound, is it a lower one)."""
    for peer, runs in results.items():
        way = fastest(runs)
        bound, more = goals.get(peer, (None, True))
        value = ratio_across(runs, way, ours, "epoch")
        name = f"{what}: {peer} ({way}) / epoch"
        if not more:
            value, name = 1 / value, f"{what}: epoch / {peer} ({way})"
        bench.figure(name, value, bound, more=more,
                     times=ms(*(middle(*pair) for pair in ((ours, "epoch"), (runs, way)))))


def linear(bench):
    bench.table("Linear, ranking_softmax, SGD: an epoch of training",
                "Against one read of the same features by as many threads, from begin to end, and "
                "against one in pieces of 64 KiB in a scattered order, as shuffled lists lie. "
                "Times: epoch / read, or epoch / peer.",
                why="shuffled lists are a scattered read, which alone takes most of what the goals "
                "allow; what happens in cache is hidden on two threads in part, on one not at all. "
                "On two threads this machine has two speeds of reading, which alternate.")
    for batch in (64, 1024):
        jobs = {(n, t): epoch_job(bench, "f32", "linear", n, batch, t)
                for n in ("none", "zscore") for t in bench.threads}
        results = bench.in_turn({**jobs, **train_peers(bench, "linear", batch, max(bench.threads))})
        for (normalize, threads), runs in ((k, results.pop(k)) for k in jobs):
            bench.figure(f"{batch} lists a step, {normalize}, {threads} thread(s): epoch / read",
                         ratio(runs, "epoch", "read"), {1: 1.7, 2: 1.25}[threads], own=True,
                         bound=3.4, times=ms(middle(runs, "epoch"), middle(runs, "read")))
            bench.figure("the same: epoch / scattered read", ratio(runs, "epoch", "scattered"),
                         times=ms(middle(runs, "epoch"), middle(runs, "scattered")))
            if (normalize, threads) == ("none", max(bench.threads)):
                ours = runs
        compare(bench, f"{batch} lists a step, none, {max(bench.threads)} thread(s)", ours, results,
                {"torch": (8, True), "jax": (4, True)})


def storage(bench):
    bench.table("Linear, other kinds of features: 64 lists a step, none",
                "f16 against one read of the same numbers as f32; CSR (10 % of the features) "
                "against one read of its own bytes. Times: epoch / read.",
                why="f16 halves the bytes, not what happens for each row; a sparse list is two "
                "arrays of some 6 KiB, which are read at half the speed, and a non-zero costs 1.1 "
                "ns in cache, of which half is adding to a gradient where an index says.")
    threads = max(bench.threads)
    results = bench.in_turn({k: epoch_job(bench, k, "linear", "none", 64, threads)
                             for k in ("f16", "csr", "f32")})
    half, sparse, plain = (results[k] for k in ("f16", "csr", "f32"))
    bench.figure(f"f16, {threads} thread(s): epoch / f32 read",
                 ratio_across(half, "epoch", plain, "read"), 1, own=True, bound=5,
                 times=ms(middle(half, "epoch"), middle(plain, "read")))
    bench.figure(f"CSR, {threads} thread(s): epoch / read", ratio(sparse, "epoch", "read"), 2,
                 own=True, bound=14, times=ms(middle(sparse, "epoch"), middle(sparse, "read")))


def network(bench):
    bench.table("Network 136-64-32-1, ranking_softmax, Adam: an epoch, 64 lists a step, none",
                "Against the same matrix products alone, OpenBLAS with one thread on each of as "
                "many threads. Times: epoch / products, epoch / peer, or the two epochs.")
    jobs = {t: epoch_job(bench, "f32", "mlp", "none", 64, t) for t in bench.threads}
    results = bench.in_turn({**jobs, **train_peers(bench, "mlp", 64, max(bench.threads))})
    runs = [results.pop(t) for t in bench.threads]
    for threads, run in zip(bench.threads, runs):
        bench.figure(f"{threads} thread(s): epoch / products", ratio(run, "epoch", "products"),
                     1.25 if threads == 2 else None, own=True,
                     times=ms(middle(run, "epoch"), middle(run, "products")))
    if len(runs) == 2:
        bench.figure("1 thread / 2 threads", ratio_across(runs[0], "epoch", runs[1], "epoch"), 1.8,
                     more=True, times=ms(*(middle(run, "epoch") for run in runs)))
    compare(bench, f"{max(bench.threads)} thread(s)", runs[-1], results, {"torch": (0.65, False)})


def small(bench):
    bench.table("Small things, one thread",
                "The loss on lists of 120 items, forward and backward, through a graph made anew "
                "each time; 10,000 operators in a chain on 4 elements, forward and backward.",
                why="150 ns go to the graph itself, 0.3 ns an item where it has 480.")
    results = bench.in_turn({"chain": lambda: bench.program("chain", 9),
                             "torch": bench.peer("torch", "chain_torch.py", 5)})
    own = Responder(bench.build / "bench/bench_loss")
    for items in ("480", "4800"):
        own.ask(f"0.05 {items} ranking_softmax")
        bench.figure(f"ranking_softmax, {items} items a graph, an item",
                     own.ask(f"0.05 {items} ranking_softmax")["time"], 2, unit=" ns")
    own.stop()
    bench.figure("an operator", middle(results["chain"], "chain"), 60, unit=" ns")
    if "torch" in results:
        bench.figure("an operator of PyTorch", middle(results["torch"], "chain"), unit=" ns")


class Responder:
    """A program that answers requests about losses: bench/loss.c or a peer of it."""

    def __init__(self, *command, environment=None):
        self.process = subprocess.Popen([str(c) for c in command], text=True, env=environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, request):
        """{value, norm, time: ns per item, the least}; text where the loss was not run; None where
        the program failed."""
        try:
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return None
        words = self.process.stdout.readline().rstrip("\n").split("\t")
        if len(words) < 3:
            return words[0] or None
        value, norm, *times = (float(w) for w in words)
        return {"value": value, "norm": norm, "time": min(times)}

    def stop(self):
        self.process.communicate()


# Losses with a number per item, with numbers per pair, and softrank_ndcg with n^3 per list, which
# run on all ragged lists, the first 1,000 and the first 100.
LISTWISE = ["ranking_softmax", "ranking_softmax(label_mode=softmax)", "calibrated_softmax",
            "poly1_softmax", "listmle", "p_listmle", "rank_cosine", "xendcg", "gumbel_softmax",
            "pointwise_sigmoid", "pointwise_mse", "pointwise_rmse", "pointwise_huber",
            "pointwise_poisson"]
QUADRATIC = ["unique_softmax", "approx_ndcg", "approx_mrr", "approx_precision", "approx_recall",
             "approx_map", "gumbel_approx_ndcg", "neural_ndcg", "pairwise_hinge",
             "pairwise_logistic", "pairwise_soft_zero_one", "pairwise_mse", "pairwise_qr",
             "pairwise_circle",
             *(f"pairwise_logistic(lambda={name})" for name in
               ("label_difference", "ndcg", "ndcg_loss1", "ndcg_loss2", "ndcg_loss2pp", "yeti",
                "precision", "map", "mrr")),
             "lambdarank_lightgbm", "lambdarank_xgboost"]
PAIR_ROWS = [(loss, shape) for shape in ("ragged_1000", "ten_thousand") for loss in QUADRATIC]
ROWS = [*((loss, shape) for shape in ("ragged", "ten_thousand") for loss in LISTWISE), *PAIR_ROWS,
        ("softrank_ndcg", "ragged_100"), ("softrank_ndcg", "ten_thousand"),
        ("pairwise_logistic", "thousand")]
LOSS_PEERS = {"PyTorch, padded": ("torch", "padded"), "PyTorch, scatter": ("torch", "flat"),
              "rax": ("rax", "padded")}
SHAPE_NAMES = {"ragged": "ragged", "ragged_1000": "ragged", "ragged_100": "ragged",
               "thousand": "20 of 1,000", "ten_thousand": "one of 10,000"}
# Random numbers differ, and their means too in one list; rax's cutoff of these two is another one
# (src/loss/soft_rank.h).
RANDOM = ("xendcg", "gumbel_softmax", "gumbel_approx_ndcg")
ANOTHER = {("rax", "approx_precision"), ("rax", "approx_recall")}
PEER_MEMORY = 10  # GiB


def same_loss(ours, theirs, loss, who, shape):
    tolerance = 0.03 if loss in RANDOM else 1e-4
    return (who, loss) in ANOTHER or (loss in RANDOM and shape == "ten_thousand") or all(
        abs(ours[key] - theirs[key]) <= tolerance * abs(ours[key]) for key in ("value", "norm"))


def measure_row(bench, programs, loss, shape):
    """{program: its answers}: in turn, as often as there are rounds, once where it takes long."""
    answers = {name: [] for name in programs}
    for _ in range(bench.rounds):
        for name, (program, way) in programs.items():
            if answers[name] and (isinstance(answers[name][-1], str) or answers[name][-1] is None or
                                  answers[name][-1]["long"]):
                continue
            began = time.perf_counter()
            answer = program.ask(f"0.03 {shape} {way}{loss}")
            if isinstance(answer, dict):
                answer["long"] = time.perf_counter() - began > 1
            answers[name].append(answer)
    return answers


def losses(bench):
    bench.table("Losses, forward and backward, one thread",
                "ns per item of Rankgrad, and the times of the peers in f32 divided by it. Ragged: "
                "5,000 lists of 0 to 236 items, 118 in the mean; of losses over pairs the first "
                "1,000 of these, of softrank_ndcg 100. The peers run pairs in batches of 50 lists "
                "(softrank_ndcg: 1), with at most "
                f"{PEER_MEMORY} GiB. PyTorch, padded: as allRank (or PTRanking) writes it; scatter: "
                "no padding, but index_add and scatter_reduce. The value and the norm of the "
                "gradient were compared with ours: 'differs' where they are not the same. '*': "
                "another cutoff than ours.",
                header=("loss", "lists", "Rankgrad", *LOSS_PEERS, "ahead"),
                why="the peers compute pointwise losses on flat arrays of f32, without lists; ours "
                "converts each list to double, in forward and in backward, looks for NaN and "
                "rounds the gradients, which takes 2 ns per item. So do rank_cosine and "
                "poly1_softmax, where a peer's padding costs less than that.")
    programs = {"Rankgrad": (Responder(bench.build / "bench/bench_loss"), "")}
    responders = {who: Responder(bench.python, BENCH / "peers" / f"loss_{who}.py", PEER_MEMORY,
                                 environment={**os.environ, **PEER_ENVIRONMENT})
                  for who in ("torch", "rax")
                  if all(bench.versions.get(p) for p in NEEDS_LOSS[who])}
    for name, (who, way) in LOSS_PEERS.items():
        if who in responders:
            programs[name] = (responders[who], way + " ")
    for loss, shape in ROWS:
        answers = measure_row(bench, programs, loss, shape)
        loss_line(bench, loss, shape, answers)
    own = programs["Rankgrad"][0]
    ratios = []
    for _ in range(3 * bench.rounds):
        bare = own.ask("0.03 ragged exp")["time"]
        ratios.append(own.ask("0.03 ragged ranking_softmax")["time"] / bare)
    bench.line("ranking_softmax / a loop of expf", "ragged", f"{statistics.median(ratios):.2f}x",
               *("-" for _ in LOSS_PEERS), "yes" if statistics.median(ratios) <= 1.5 else "**no**")
    for responder in (own, *responders.values()):
        responder.stop()


def loss_line(bench, loss, shape, answers):
    ours = answers["Rankgrad"]
    cells, ahead = [], True
    for name, (who, _) in LOSS_PEERS.items():
        theirs = answers.get(name, ["-"])
        if not isinstance(theirs[0], dict):
            if theirs[0] is None and who not in bench.broken:
                bench.broken.append(who)
            cells.append(theirs[0] or "failed")
            continue
        value = statistics.median(b["time"] / a["time"] for a, b in zip(ours, theirs))
        ahead = ahead and value >= 1
        cells.append(f"{value:.3g}x" + ("*" if (who, loss) in ANOTHER else "") +
                     ("" if same_loss(ours[0], theirs[0], loss, who, shape) else ", **differs**"))
    time = statistics.median(a["time"] for a in ours)
    bench.line(loss, SHAPE_NAMES[shape], f"{time:.3g} ns", *cells, "yes" if ahead else "**no**")


def files(bench):
    bench.table("Files", header=("what", "threads", "speed", "time"),
                note="Text: rg_dataset_open on SVMlight text with all 136 features in each line, "
                "MB of text. Contiguous HDF5 is mapped, which reads nothing: its first epoch, from "
                "the page cache, does. HDF5: MB of features.")
    text, packed, plain = (bench.data(k) for k in ("text", "compressed", "f32"))
    rows, features, _ = SIZES["features"]
    everyone = sorted({1, CPUS})
    jobs = {(what, t): lambda path=path, t=t: bench.program("load", path, t, 3)
            for what, path in (("text", text), ("HDF5, compressed", packed),
                               ("HDF5, contiguous", plain)) for t in everyone}
    for t in everyone:
        jobs[("HDF5, contiguous: the first epoch", t)] = lambda t=t: bench.program(
            "epoch", plain, "linear", "none", 64, t, 1)
    jobs[("text, scikit-learn", 1)] = bench.peer("sklearn", "load_text.py", "sklearn", text, 1)
    jobs[("text, XGBoost", CPUS)] = bench.peer("xgboost", "load_text.py", "xgboost", text, 3)
    for (what, threads), runs in bench.in_turn(jobs).items():
        series = "first" if "first" in runs[0] else "open"
        seconds = middle(runs, series)
        size = (text.stat().st_size if "text" in what else middle(runs, "bytes")
                if "bytes" in runs[0] else rows * features * 4)
        maps = "contiguous" in what and series == "open"
        speed = "-" if maps else f"{size / seconds / 1e6:,.0f} MB/s"
        bench.line(what, str(threads), speed, ms(seconds))


def scoring(bench):
    bench.table("Scoring", header=("who", "in cache: p50", "p99", "from memory: p50", "p99",
                                   "many rows", "to one read"),
                note="One thread; a list of 100 x 136, and many rows. Rankgrad from C, on raw "
                "features that its model normalises or (none) takes as they are; the peers called "
                "from Python on features that need no normalisation; LightGBM: 100 trees of 31 "
                "leaves. Goals without normalisation: linear 1.5 us, mlp 25 us, many rows at 1.11 "
                "times one read. The last column is the time of many rows through the time of one "
                "read of their features.")
    jobs = {}
    for model in ("linear", "mlp"):
        for normalize in ("none", "zscore"):
            jobs[f"Rankgrad, {model}, {normalize}"] = lambda m=model, n=normalize: bench.program(
                "score", bench.data("f32"), m, n, 1, 5)
        for peer in ("onnxruntime", "torch"):
            jobs[f"{peer}, {model}"] = bench.peer(peer, "score.py", peer, bench.data("f32"), model,
                                                  5)
    jobs["lightgbm, 100 trees"] = bench.peer("lightgbm", "score.py", "lightgbm", bench.data("f32"),
                                             "trees", 3)
    rows, features, _ = SIZES["features"]
    for who, runs in bench.in_turn(jobs).items():
        size = middle(runs, "bytes") if "bytes" in runs[0] else rows * features * 4
        bench.line(who, *(f"{1e6 * percentile(runs, series, p):.2f} us"
                          for series in ("hot", "cold") for p in (50, 99)),
                   f"{size / middle(runs, 'split') / 1e9:.2f} GB/s",
                   f"{ratio(runs, 'split', 'read'):.2f}x" if "read" in runs[0] else "-")


def sparse(bench):
    bench.table("Sparse rows in many columns, one thread",
                "5,000 rows of 30 numbers in 2^20 columns, of which about 140,000 occur: scoring "
                "the rows as they are read against the forward pass of training, which has them "
                "numbered by the model's columns and normalised. Times: predict / forward.",
                why="a number costs a line of the last cache, for its weight is in a table over all "
                "columns (0.6 to 0.7 ns), where the forward pass has weights in a core's cache.")
    results = bench.in_turn({n: lambda n=n: bench.program("sparse", n, 1, 200)
                             for n in ("none", "zscore")})
    for normalize, runs in results.items():
        bench.figure(f"linear, {normalize}: predict / forward",
                     ratio(runs, "predict", "forward"), 2, own=True,
                     times=ms(middle(runs, "predict"), middle(runs, "forward")))


def run_time(*command):
    """Seconds of a program, from its start to its end, and the most memory that it held."""
    silent = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    began = time.perf_counter()
    pid = os.posix_spawn(command[0], [str(c) for c in command], os.environ, file_actions=silent)
    _, status, used = os.wait4(pid, 0)
    seconds = time.perf_counter() - began
    if status != 0:
        raise RuntimeError(f"{' '.join(str(c) for c in command)}: exit status {status}")
    return {"run": [seconds], "bytes": [used.ru_maxrss * 1024]}


def streaming(bench):
    rows, features, _ = SIZES["features"]
    limit = rows * features * 4 // 4 >> 20
    bench.table("Larger than memory", header=("features", "memory", "time", "most memory", "model"),
                note="rankgrad train, 3 epochs in windows of 16 MiB, all threads; "
                f"--memory {limit}M is a quarter of the features. Time and memory of the whole "
                "program, with the file in the page cache.")
    program, data = bench.build / "src/cli/rankgrad", bench.data("f32")
    for normalize in ("none", "zscore"):
        jobs = {}
        for memory in ([], ["--memory", f"{limit}M"]):
            jobs[" ".join(memory) or "no limit"] = lambda memory=memory: run_time(
                program, "train", data, "-o", bench.work / f"windows-{len(memory)}.h5", "--epochs",
                "3", "--normalize", normalize, "--window", "16M", "--quiet", *memory)
        results = bench.in_turn(jobs)
        same = len({(bench.work / f"windows-{n}.h5").read_bytes() for n in (0, 2)}) == 1
        for memory, runs in results.items():
            bench.line(normalize, memory, ms(middle(runs, "run")),
                       f"{middle(runs, 'bytes') / 2**20:.0f} MiB",
                       "the same bytes" if same else "**differs**")


def start(bench):
    bench.table("Start and size",
                "A small file (about 9,000 training rows of 46 features), 5 epochs, against a "
                "program that is linked with the same libraries and does nothing.")
    program, data = bench.build / "src/cli/rankgrad", bench.work / "small.h5"
    if not data.exists():
        output_of([program, "generate", "-o", data, "--lists", 150])
    runs = {"train": [], "bare": []}
    for _ in range(7 * bench.rounds):
        runs["train"].append(run_time(program, "train", data, "-o", bench.work / "model.h5",
                                      "--epochs", "5", "--quiet"))
        runs["bare"].append(run_time(bench.build / "bench/bench_start"))
    bench.figure("rankgrad train / bare start",
                 ratio_across(runs["train"], "run", runs["bare"], "run"),
                 times=ms(middle(runs["train"], "run"), middle(runs["bare"], "run")))
    sizes = []
    for file in (program, bench.build / "librankgrad.so"):
        output_of(["strip", "-o", bench.work / "stripped", file])
        sizes.append((bench.work / "stripped").stat().st_size)
    bench.figure("program + shared library, stripped", sum(sizes) / 1024, unit=" KiB",
                 times=" + ".join(f"{s / 1024:.0f}" for s in sizes) + " KiB")


SECTIONS = {"linear": linear, "evaluation": evaluation, "metrics": metrics, "storage": storage,
            "network": network,
            "small": small, "losses": losses, "files": files, "streaming": streaming,
            "scoring": scoring, "sparse": sparse, "start": start}
QUICK_SECTIONS = ("linear", "evaluation", "storage", "network", "small",
                  "sparse")


# ---- The machine, and results.md -----------------------------------------------------------------

def first_line(path, key=""):
    """What follows the colon of the first line of a file that begins with `key`; "" without one."""
    try:
        lines = pathlib.Path(path).read_text().splitlines()
    except OSError:
        return ""
    return next((x.split(":")[-1].strip() for x in lines if x.startswith(key)), "")


def said_by(*command):
    """The first line of a command's output; "?" where it does not run."""
    try:
        return output_of(command, cwd=ROOT).splitlines()[0]
    except (OSError, RuntimeError, IndexError):
        return "?"


def machine():
    cpu = first_line("/proc/cpuinfo", "model name") or platform.processor() or platform.machine()
    caches = []
    for index in sorted(pathlib.Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (first_line(index / f) for f in ("level", "type", "size"))
        if kind != "Instruction":
            caches.append(f"L{level} {size}")
    memory = first_line("/proc/meminfo", "MemTotal").split()
    return {"machine": cpu, "CPUs": str(CPUS), "caches of CPU 0": ", ".join(caches) or "?",
            "memory": f"{int(memory[0]) / 2**20:.1f} GiB" if memory else "?",
            "system": f"{platform.system()} {platform.release()}"}


def facts(bench, unset):
    changed = said_by("git", "status", "--porcelain", "-uno") != "?"
    commit = said_by("git", "rev-parse", "--short", "HEAD")
    absent = [p for p, version in bench.versions.items() if not version]
    peers = {
        "peers": ", ".join(f"{p} {v}" for p, v in bench.versions.items() if v) or "none",
        "absent": ", ".join(absent) or "none",
        "installed, but failed": ", ".join(bench.broken) or "none",
    }
    return {
        **machine(),
        "load before": f"{bench.load:.2f}" + (", **too much: others were at work, and the peers' "
                                              "waiting threads suffer most**"
                                              if bench.load > CPUS / 4 else ""),
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "Rankgrad": commit + (" and changes not committed" if changed else ""),
        "compiler": said_by("cc", "--version"),
        "libraries": ", ".join(f"{name} {said_by('pkg-config', '--modversion', name)}"
                               for name in ("openblas", "hdf5", "jansson")),
        **({} if bench.quick else peers),
        "unset in the environment": ", ".join(unset) or "nothing",
        "rounds": str(bench.rounds),
    }


def markdown(bench, known):
    rows, features, lists = SIZES["features"]
    yield "# Results of the bench\n"
    yield ("Written by `bench/run.py`, which says how the numbers are taken. Data: "
           f"{rows:,} documents x {features} f32 in {lists:,} ragged lists. Medians; a ratio is of "
           "two programs that ran in turn.\n")
    yield "| | |\n|---|---|"
    yield from (f"| {name} | {value} |" for name, value in known.items())
    for title, note, header, lines, why in bench.tables:
        yield f"\n## {title}\n"
        if note:
            yield note + "\n"
        yield "| " + " | ".join(header) + " |"
        yield "|" + "---|" * len(header)
        yield from ("| " + " | ".join(cells) + " |" for cells in lines)
        if why and any("**no**" in cells for cells in lines):
            yield f"\nMissed: {why} What was tried is in docs/performance.md."


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true",
                        help="no peers, nothing written; 1 when a bound is broken")
    parser.add_argument("--python", default="python3", metavar="PATH",
                        help="the Python that has the peers (default %(default)s)")
    parser.add_argument("--work", type=pathlib.Path, metavar="FOLDER",
                        help="where the data (1 GB) are made and kept; default: a temporary folder")
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release",
                        metavar="FOLDER", help="the build folder (default build/release)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="at least 3")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, metavar="SECTION",
                        help="one or more of " + ", ".join(SECTIONS) + "; nothing is written")
    arguments = parser.parse_args()
    if arguments.rounds < 3:
        parser.error(f"--rounds is {arguments.rounds}; medians need at least 3")
    arguments.build = arguments.build.resolve()
    return arguments


def main():
    arguments = parse()
    unset = [name for name in UNSET if os.environ.pop(name, None) is not None]
    with tempfile.TemporaryDirectory(prefix="rankgrad-bench-") as temporary:
        work = arguments.work or pathlib.Path(temporary)
        work.mkdir(parents=True, exist_ok=True)
        load = os.getloadavg()[0]
        bench = Bench(arguments, work.resolve())
        bench.load = load
        bench.make()
        for name in arguments.only or (QUICK_SECTIONS if arguments.quick else SECTIONS):
            SECTIONS[name](bench)
    known = facts(bench, unset)
    print("\n" + "\n".join(f"{name}: {value}" for name, value in known.items()))
    if not arguments.quick and not arguments.only:
        (BENCH / "results.md").write_text("\n".join(markdown(bench, known)) + "\n")
    print("\n".join(bench.failed))
    return bool(bench.failed)


if __name__ == "__main__":
    sys.exit(main())

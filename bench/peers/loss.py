"""What the peers of bench/loss.c share: the same data, padded, and the answers to requests."""
import sys
import time

import numpy as np

# Lists, and their length; 0: the first of 5,000 lists of ragged lengths.
SHAPES = {"ragged": (5000, 0), "ragged_1000": (1000, 0), "ragged_100": (100, 0),
          "thousand": (20, 1000), "ten_thousand": (1, 10000)}
RAGGED, RAGGED_LISTS = 590371, 5000
LONG = 4  # seconds
SEED_SCORES, SEED_LABELS, SEED_LENGTHS = 1, 2, 3


def draw(seed, n):
    """As draw() of bench/common.c for i = 0 to n - 1."""
    with np.errstate(over="ignore"):
        x = np.uint64(seed) * np.uint64(0xd1342543de82ef95)
        x = x + np.arange(n, dtype=np.uint64) * np.uint64(0x9e3779b97f4a7c15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xbf58476d1ce4e5b9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94d049bb133111eb)
    return ((x ^ (x >> np.uint64(31))) >> np.uint64(11)) * 2.0 ** -53


def flat(shape):
    """scores and labels (N), and the lengths of the lists that have items."""
    n_lists, length = SHAPES[shape]
    ends = (np.arange(n_lists) + 1) * length
    if length == 0:
        sums = np.cumsum(draw(SEED_LENGTHS, RAGGED_LISTS))
        ends = (sums / sums[-1] * RAGGED).astype(int)[:n_lists]
    scores = (4 * draw(SEED_SCORES, ends[-1]) - 2).astype("float32")
    labels = np.floor(5 * draw(SEED_LABELS, ends[-1]) ** 3).astype("float32")
    lengths = np.diff(ends, prepend=0)
    return scores, labels, lengths[lengths > 0]


def padded(shape, lists, same_width):
    """Batches of so many lists: (scores, labels, mask), each (lists, n), n the longest of the batch
    or, with same_width, of all; missing lists have no items, missing items are 0."""
    scores, labels, lengths = flat(shape)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    batches = []
    for begin in range(0, len(lengths), lists):
        part = lengths[begin:begin + lists]
        rows = min(lists, len(lengths)) if same_width else len(part)
        mask = np.zeros((rows, max(lengths if same_width else part)), bool)
        for i, length in enumerate(part):
            mask[i, :length] = True
        batch = [np.zeros(mask.shape, "float32"), np.zeros(mask.shape, "float32"), mask]
        for to, values in zip(batch, (scores, labels)):
            to[mask] = values[offsets[begin]:offsets[begin + len(part)]]
        batches.append(batch)
    return batches


def serve(make):
    """Answers requests as bench_loss does: make(shape, way, loss) returns a function that runs
    forward and backward and returns the value and the gradients, and the number of items; None
    where the peer does not have the loss. "-" and "out of memory" are answers too."""
    for line in sys.stdin:
        seconds, shape, way, text = line.rstrip("\n").split(" ", 3)
        try:
            print(*answer(make(shape, way, text), float(seconds)), sep="\t", flush=True)
        except (MemoryError, RuntimeError) as error:
            if not any(word in str(error).lower() for word in ("memory", "exhausted", "alloc")):
                raise
            print("out of memory", flush=True)


def answer(made, seconds):
    if made is None:
        return ["-"]
    run, n_items = made
    times, began = [], time.perf_counter()
    while len(times) < 2 or time.perf_counter() - began < seconds:
        start = time.perf_counter()
        value, gradients = run()
        times.append((time.perf_counter() - start) / n_items * 1e9)
        if len(times) == 1:  # it compiles and gets memory, and is measured only where it is long
            began = time.perf_counter()
            if began - start > LONG:
                break
    norm = sum(np.square(g, dtype=float).sum() for g in gradients) ** 0.5
    return [f"{v:.9g}" for v in (value, norm, *(times[1:] or times))]

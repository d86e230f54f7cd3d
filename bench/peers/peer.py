"""What the peers share: the data, the clock, and lines of series as the programs of the bench print
them: a name, then the values, with tabs between."""
import os
import resource
import time

HIDDEN = (64, 32)  # of the network


def limit_threads(n):
    """Before anything that starts threads is imported: this process gets n CPUs, and is told so."""
    cpus = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, cpus[:n])
    os.environ["OMP_NUM_THREADS"] = str(n)


def load(path):
    """features (N,F) f32, labels (N) f32, offsets (Q+1) of the split train."""
    import h5py
    with h5py.File(path) as file:
        split = file["train"]
        return (split["features"][()], split["labels"][()].astype("float32"),
                split["offsets"][()])


def weights(rng, n_features):
    """The layers of a network F-64-32-1, each (in,out)."""
    sizes = (n_features, *HIDDEN, 1)
    return [(rng.standard_normal((a, b)) / a ** 0.5).astype("float32")
            for a, b in zip(sizes, sizes[1:])]


def timed(function, *arguments):
    began = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - began


def report(name, values):
    print(name, *(f"{v:.9g}" for v in values), sep="\t", flush=True)


def limit_memory(gib):
    """Larger allocations fail, instead of using the memory of other programs."""
    resource.setrlimit(resource.RLIMIT_DATA, (int(gib * 2**30),) * 2)

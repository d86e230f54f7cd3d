#!/usr/bin/env python3
"""Regenerates statistics.inc: what SciPy computes from paired differences, as a table in C.

    python3 statistics.py > statistics.inc

needs SciPy 1.17. Differences are multiples of 1/64, so ties are exact. The exact p of Wilcoxon's test
is that of SciPy's enumeration of all sign vectors for up to 16 differences that are not 0, and of its
exact distribution for more, without ties. More than 50 differences get the normal approximation without continuity
correction. Bootstrap intervals have 200,000 samples; the last column is their tolerance, six standard
errors of a quantile, from ten repetitions."""
import numpy as np
from scipy import stats


def wilcoxon(d):
    used = d[d != 0]
    if len(used) == 0:
        return 0.0, 1.0, 1
    ties = len(np.unique(np.abs(used))) < len(used)
    if len(used) > 50:
        found = stats.wilcoxon(used, correction=False, method="approx")
    elif len(used) <= 16:
        found = stats.wilcoxon(used, method=stats.PermutationMethod(n_resamples=np.inf))
    elif not ties:
        found = stats.wilcoxon(used, method="exact")
    else:
        raise ValueError("no reference")
    return float(found.statistic), float(found.pvalue), int(len(used) <= 50)


def randomization(d):
    """From the distribution of the sum with random signs, on the grid of the differences; SciPy's
    enumeration must agree."""
    steps = np.round(d[d != 0] * 64).astype(int)
    total = np.abs(steps).sum()
    share = np.zeros(2 * total + 1)  # of the sums -total to total
    share[total] = 1
    for step in steps:
        share = (np.roll(share, step) + np.roll(share, -step)) / 2
    p = share[np.abs(np.arange(-total, total + 1)) >= abs(steps.sum())].sum()
    if 2 <= len(steps) <= 20:
        scipy = stats.permutation_test((steps,), np.sum, permutation_type="samples",
                                       n_resamples=np.inf).pvalue
        assert np.isclose(p, scipy, rtol=1e-12), (p, scipy)
    return float(p)


def interval(d, confidence):
    ends = []
    for seed in range(10):
        found = stats.bootstrap((d,), np.mean, n_resamples=20000, method="percentile", vectorized=True,
                                confidence_level=confidence, rng=np.random.default_rng(seed))
        ends.append([found.confidence_interval.low, found.confidence_interval.high])
    ends = np.array(ends)
    return *ends.mean(axis=0), 6 * ends.std(axis=0).max() * 2 ** 0.5 + 1 / 64 / len(d)


def cases():
    rng = np.random.default_rng(7)
    for n in (2, 3, 5, 8, 12, 16):
        yield rng.integers(-60, 80, n) / 64
        yield rng.integers(-4, 6, n) / 64  # with zeros and ties
    yield rng.permutation(np.concatenate([np.arange(1, 13), -np.arange(13, 20)])) / 64
    yield rng.choice(np.arange(1, 400), 50, replace=False) / 64 * rng.choice([-1, 1], 50, p=[0.4, 0.6])
    for n in (70, 100, 400):
        yield rng.integers(-60, 70, n) / 64
        yield rng.integers(-2, 4, n) / 64
    yield np.array([3, -3]) / 64
    yield np.array([0, -2, 0, 5, 0]) / 64


def number(x):
    return "NAN" if np.isnan(x) else repr(float(x))


def main():
    print("/* Made by statistics.py with SciPy: n, the differences times 64, t and its p, W and its p, whether\n"
          " * that is exact, the exact p of the randomisation test, Cohen's d, the confidence of an\n"
          " * interval, its ends and their tolerance. */")
    for i, d in enumerate(cases()):
        t = stats.ttest_rel(d, np.zeros_like(d))
        w = wilcoxon(d)
        confidence = (0.95, 0.9, 0.99)[i % 3]
        low, high, tolerance = interval(d, confidence)
        effect = d.mean() / d.std(ddof=1)
        values = [t.statistic, t.pvalue, w[0], w[1], w[2], randomization(d), effect, confidence, low,
                  high, tolerance]
        print(f"{{{len(d)}, (const int[]){{{', '.join(str(round(x * 64)) for x in d)}}},\n "
              f"{', '.join(map(number, values))}}},")


if __name__ == "__main__":
    main()

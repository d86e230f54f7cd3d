/* limits.h: what a machine can do at best, to measure an epoch against.
 *
 * The one idea: training a linear model can not be faster than reading its features once, nor a
 * network faster than its matrix products. Both are timed here without anything around them, in the
 * process that trains, on the same memory, between two epochs.
 */
#ifndef BENCH_LIMITS_H
#define BENCH_LIMITS_H

#include <stddef.h>
#include <stdint.h>

/* Some memory that belongs to a split's features. */
struct region {
    const void *bytes;
    size_t size;
};

/* Seconds that n_threads need to read the regions once: a sum in the widest vectors of the machine,
 * each thread over its own part. */
double read_once(const struct region *regions, int n_regions, int n_threads);

/* The same bytes in pieces of 64 KiB in a scattered order, as the lists of a shuffled batch lie:
 * what no epoch in shuffled order can be faster than. */
double read_scattered(const struct region *regions, int n_regions, int n_threads);

/* Seconds that n_threads need for the products of one epoch of a network F-64-32-1 over the rows
 * x (N,F) of n_lists lists: shards of whole lists up to 256 KiB of features, for each 3 products
 * forward and 5 backward, by OpenBLAS with one thread of its own. */
double products_once(const float *x, int64_t n_features, const int64_t *offsets, int64_t n_lists,
                     int n_threads);

#endif

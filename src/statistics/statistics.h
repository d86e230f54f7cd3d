/* statistics.h (internal): samples of values, and what the tests share. */
#ifndef RG_STATISTICS_STATISTICS_H
#define RG_STATISTICS_STATISTICS_H

#include "base/base.h"

#include <rankgrad/statistics.h>

/* RG_USAGE for an option out of range. */
rg_status rg__check_statistics_options(rg_context *ctx, const rg_statistics_options *options);

/* Pairs of values that are compared, or single values, in which case b is NULL. Values are divided
 * by the power of two 2^exponent, which makes them at most 1, and weights likewise by another: this
 * changes no digit and keeps sums finite. Freed by rg__values_free. */
struct rg__values {
    int64_t n;
    double *a, *b, *w;
    int exponent;
};

/* Collects the values that count. `b` and `weights` may be NULL. */
rg_status rg__values_collect(rg_context *ctx, const double *a, const double *b,
                             const double *weights, int64_t n, struct rg__values *values);
void rg__values_free(rg_context *ctx, struct rg__values *values);

/* sum w x / sum w. */
double rg__weighted_mean(const double *x, const double *w, int64_t n);

/* The bootstrap interval of the weighted mean of n finite values; NaN for n < 2. */
rg_status rg__bootstrap(rg_context *ctx, const double *x, const double *w, int64_t n,
                        const rg_statistics_options *options, rg_interval *interval);

/* Mean and standard deviation (n - 1); exactly 0 if all values are equal, NaN for n < 2. */
double rg__mean(const double *x, int64_t n);
double rg__deviation(const double *x, int64_t n, double mean);

#endif

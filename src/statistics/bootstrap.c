/* bootstrap.c: percentile bootstrap intervals of a mean (Efron 1979).
 *
 * Draw i of sample s is a function of (seed, s, i), so samples are computed on all threads, and
 * their means do not depend on the number of threads. */
#include "statistics/statistics.h"

#include "base/pool.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>

enum { SAMPLES_PER_TASK = 64 };
static const int64_t MOST_SAMPLES = 10000000, MOST_PERMUTATIONS = 1000000000;

rg_statistics_options rg_statistics_options_default(void)
{
    return (rg_statistics_options){
        .n_samples = 10000, .confidence = 0.95, .permutations = 100000, .seed = 1};
}

rg_status rg__check_statistics_options(rg_context *ctx, const rg_statistics_options *options)
{
    const rg_statistics_options *o = options;
    const struct rg__range ranges[] = {
        {"n_samples", (double)o->n_samples, o->n_samples >= 0 && o->n_samples <= MOST_SAMPLES,
         "0 to 10000000"},
        {"confidence", o->confidence, o->confidence > 0 && o->confidence < 1, "0 < confidence < 1"},
        {"permutations", (double)o->permutations,
         o->permutations >= 1 && o->permutations <= MOST_PERMUTATIONS, "1 to 1000000000"}};
    return rg__check_ranges(ctx, "statistics", ranges, RG__COUNT(ranges));
}

struct bootstrap {
    const double *x, *w;
    int64_t n;
    uint64_t seed;
    double *means; /* (n_samples) */
    int64_t n_samples;
};

static double sample_mean(const struct bootstrap *b, int64_t sample)
{
    double sum = 0, weights = 0;
    for (int64_t i = 0; i < b->n; i++) {
        uint64_t bits = rg_random(b->seed, RG__STREAM_BOOTSTRAP, (uint64_t)sample, (uint64_t)i);
        int64_t j = rg__below(bits, b->n);
        sum += b->w[j] * b->x[j];
        weights += b->w[j];
    }
    return sum / weights;
}

static rg_status run_samples(rg_context *ctx, void *user, int worker, int64_t task)
{
    (void)worker;
    const struct bootstrap *b = user;
    int64_t end = (task + 1) * SAMPLES_PER_TASK;
    for (int64_t s = task * SAMPLES_PER_TASK; s < end && s < b->n_samples; s++)
        b->means[s] = sample_mean(b, s);
    return rg__cancelled(ctx);
}

static int compare_numbers(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* The quantile of sorted numbers, linearly interpolated between the two nearest. */
static double quantile(const double *sorted, int64_t n, double q)
{
    double at = q * (double)(n - 1);
    int64_t i = (int64_t)at;
    if (i + 1 >= n)
        return sorted[n - 1];
    return sorted[i] + (at - (double)i) * (sorted[i + 1] - sorted[i]);
}

rg_status rg__bootstrap(rg_context *ctx, const double *x, const double *w, int64_t n,
                        const rg_statistics_options *options, rg_interval *interval)
{
    struct bootstrap b = {
        .x = x, .w = w, .n = n, .seed = options->seed, .n_samples = options->n_samples};
    *interval = (rg_interval){(double)NAN, (double)NAN};
    if (n < 2 || b.n_samples == 0)
        return RG_OK;
    struct rg__pool *pool = rg__pool(ctx);
    if (pool)
        b.means = rg__alloc_uninitialized(ctx, b.n_samples, sizeof *b.means, "bootstrap samples");
    if (!b.means)
        return RG_LIMIT;
    rg_status status =
        rg__pool_run(pool, (b.n_samples - 1) / SAMPLES_PER_TASK + 1, run_samples, &b);
    if (status == RG_OK) {
        qsort(b.means, (size_t)b.n_samples, sizeof *b.means, compare_numbers);
        interval->low = quantile(b.means, b.n_samples, (1 - options->confidence) / 2);
        interval->high = quantile(b.means, b.n_samples, (1 + options->confidence) / 2);
    }
    rg__free(ctx, b.means);
    return status;
}

rg_status rg_bootstrap_mean(rg_context *ctx, const double *values, const double *weights, int64_t n,
                            const rg_statistics_options *options, rg_interval *interval)
{
    const rg_statistics_options defaults = rg_statistics_options_default();
    const rg_statistics_options *o = options ? options : &defaults;
    struct rg__values v = {0};
    rg_status status =
        rg__require(ctx, "rg_bootstrap_mean", "values", values, "interval", interval, NULL);
    if (status == RG_OK)
        status = rg__check_statistics_options(ctx, o);
    if (status == RG_OK)
        status = rg__values_collect(ctx, values, NULL, weights, n, &v);
    if (status == RG_OK)
        status = rg__bootstrap(ctx, v.a, v.w, v.n, o, interval);
    if (status == RG_OK) {
        interval->low = ldexp(interval->low, v.exponent);
        interval->high = ldexp(interval->high, v.exponent);
    }
    rg__values_free(ctx, &v);
    return status;
}

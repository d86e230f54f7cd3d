/* statistics.h: how certain the mean of a metric is, and whether two rankings of the same lists
 * differ by more than chance.
 *
 * The input is one value per list, as from the per_list of rg_metric_evaluate. A list whose value
 * is NaN, or whose weight is 0, is left out: set the value to NaN for lists that are not in the
 * mean. All functions are deterministic: random numbers depend only on `seed`, and the results have
 * the same bits for any number of threads.
 */
#ifndef RANKGRAD_STATISTICS_H
#define RANKGRAD_STATISTICS_H

#include <rankgrad/base.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg_statistics_options {
    int64_t n_samples;    /* bootstrap samples, up to 10^7; 0: no intervals (NaN); default 10,000 */
    double confidence;    /* of intervals, between 0 and 1; default 0.95 */
    int64_t permutations; /* random sign vectors of a randomisation test, to 10^9; 100,000 */
    uint64_t seed;        /* default 1 */
} rg_statistics_options;

/* The defaults above. */
RG_API rg_statistics_options rg_statistics_options_default(void);

typedef struct rg_interval {
    double low, high;
} rg_interval;

/* A percentile bootstrap interval of the mean sum w v / sum w. Each sample draws as many lists as
 * there are, with replacement; a list keeps its weight, but is not drawn more often because of it.
 * The ends are the (1 - confidence) / 2 and (1 + confidence) / 2 quantiles of the means of the
 * samples, interpolated linearly. NaN for fewer than two lists. `weights` may be NULL (all 1).
 * RG_BAD_DATA for an infinite value and for a weight that is negative or not finite; RG_USAGE for
 * options out of range. */
RG_API rg_status rg_bootstrap_mean(rg_context *ctx, const double *values, const double *weights,
                                   int64_t n, const rg_statistics_options *options,
                                   rg_interval *interval);

/* The probability that |T| >= |t| for Student's t distribution with `df` > 0 degrees of freedom;
 * NaN for other arguments. The relative error is below 1e-10 for df up to 10^6. */
RG_API double rg_student_t_p(double t, double df);

/* The result of a two-sided test. */
typedef struct rg_test {
    double statistic;
    double p;   /* NaN if the test is not defined, as for no differences at all */
    bool exact; /* p comes from the whole null distribution */
} rg_test;

/* The tests below are of n finite differences. RG_BAD_DATA for one that is not finite.
 *
 * Student's paired t-test: t = mean / (sd / sqrt(n)) with n - 1 degrees of freedom, where sd
 * divides by n - 1. NaN for n < 2. If all differences are equal, t is 0 and p is 1 when they are 0,
 * else t is infinite and p is 0. `exact` is false. */
RG_API rg_status rg_paired_t_test(rg_context *ctx, const double *differences, int64_t n,
                                  rg_test *test);

/* Wilcoxon's signed rank test: W, the smaller of the rank sums of positive and of negative
 * differences. Zeros are left out (Wilcoxon 1945), equal absolute differences get their mean rank.
 * For up to 50 differences that are not 0, p is exact, also with ties; beyond, it is that of the
 * normal approximation with variance m (m + 1) (2 m + 1) / 24 - sum (t^3 - t) / 48 over groups of t
 * ties, without continuity correction. p is 1 if all differences are 0. */
RG_API rg_status rg_wilcoxon_test(rg_context *ctx, const double *differences, int64_t n,
                                  rg_test *test);

/* Fisher's randomisation test of the mean difference, its statistic: how often it is at least as
 * large in magnitude when each difference gets a random sign. For up to 20 differences that are not
 * 0, all sign vectors are enumerated; beyond, p = (1 + count) / (1 + permutations) of random ones.
 * Sums that differ by less than 1e-12 of the sum of the absolute differences count as equal. */
RG_API rg_status rg_randomization_test(rg_context *ctx, const double *differences, int64_t n,
                                       const rg_statistics_options *options, rg_test *test);

/* Two rankings a and b of the same lists. */
typedef struct rg_comparison {
    int64_t n;            /* lists compared: neither value is NaN, the weight is above 0 */
    double a, b;          /* the weighted means over these lists */
    double difference;    /* a - b */
    rg_interval interval; /* of the difference */
    rg_test t, wilcoxon, randomization;
    double effect_size;           /* Cohen's d of paired differences: mean / sd */
    int64_t greater, equal, less; /* lists in which a is greater than, equal to, less than b */
} rg_comparison;

/* Compares two rankings by their values per list. A difference is rounded to 2^-40 of the largest
 * value (rounded up to a power of two), so that values that are equal up to rounding errors are
 * equal and tied. With weights, the tests are of w d n / sum w, whose mean is the weighted mean of
 * the differences d. RG_BAD_DATA as in rg_bootstrap_mean. */
RG_API rg_status rg_compare(rg_context *ctx, const double *a, const double *b,
                            const double *weights, int64_t n, const rg_statistics_options *options,
                            rg_comparison *comparison);

#ifdef __cplusplus
}
#endif
#endif

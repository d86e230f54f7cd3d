/* tests.c: two-sided tests of paired differences: Student's t, Wilcoxon's signed ranks, Fisher's
 * randomisation. */
#include "statistics/statistics.h"

#include "base/pool.h"
#include "base/random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MOST_RANKS = 50,      /* of an exact Wilcoxon test */
    MOST_SIGNS = 20,      /* of an exact randomisation test: 2^20 sign vectors */
    DRAWS_PER_TASK = 256, /* of random sign vectors */
};

static rg_status check(rg_context *ctx, const char *who, const double *differences, int64_t n,
                       rg_test *test)
{
    rg_status status = rg__require(ctx, who, "differences", differences, "test", test, NULL);
    if (status != RG_OK)
        return status;
    if (n < 0)
        return rg__fail(ctx, RG_USAGE, "%s: n is %lld; it must be at least 0", who, (long long)n);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(differences[i]))
            return rg__fail(ctx, RG_BAD_DATA,
                            "%s: difference %lld (from 1) is %g; it must be finite", who,
                            (long long)i + 1, differences[i]);
    *test = (rg_test){(double)NAN, (double)NAN, false};
    return RG_OK;
}

/* ---- Student's t ----------------------------------------------------------------------------- */

double rg__mean(const double *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += x[i];
    return sum / (double)n;
}

double rg__deviation(const double *x, int64_t n, double mean)
{
    double sum = 0;
    bool equal = true;
    for (int64_t i = 0; i < n; i++) {
        equal &= x[i] == x[0];
        sum += (x[i] - mean) * (x[i] - mean);
    }
    return n < 2 ? (double)NAN : equal ? 0 : sqrt(sum / (double)(n - 1));
}

rg_status rg_paired_t_test(rg_context *ctx, const double *differences, int64_t n, rg_test *test)
{
    rg_status status = check(ctx, "rg_paired_t_test", differences, n, test);
    if (status != RG_OK || n < 2)
        return status;
    double mean = rg__mean(differences, n), sd = rg__deviation(differences, n, mean);
    test->statistic = sd == 0 && mean == 0 ? 0 : mean / (sd / sqrt((double)n));
    test->p = rg_student_t_p(test->statistic, (double)(n - 1));
    return RG_OK;
}

/* ---- Wilcoxon -------------------------------------------------------------------------------- */

/* A difference that is not 0. `twice_rank` is twice its rank, which is a whole number also when it
 * is the mean of tied ranks. */
struct signed_rank {
    double magnitude;
    bool positive;
    int64_t twice_rank;
};

static int compare_magnitudes(const void *left, const void *right)
{
    const struct signed_rank *a = left, *b = right;
    return (a->magnitude > b->magnitude) - (a->magnitude < b->magnitude);
}

/* Sorts and ranks; returns sum (t^3 - t) over the groups of t ties. */
static double rank_magnitudes(struct signed_rank *items, int64_t n)
{
    double ties = 0;
    qsort(items, (size_t)n, sizeof *items, compare_magnitudes);
    for (int64_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && items[end].magnitude == items[begin].magnitude;)
            end++;
        for (int64_t i = begin; i < end; i++)
            items[i].twice_rank = begin + 1 + end;
        double t = (double)(end - begin);
        ties += t * t * t - t;
    }
    return ties;
}

/* P(W <= w) when each of n <= MOST_RANKS ranks is in the sum W with probability 1/2. The
 * probabilities are multiples of 2^-50 and therefore exact. */
static double lower_tail(const struct signed_rank *items, int64_t n, int64_t twice_w)
{
    double p[MOST_RANKS * (MOST_RANKS + 1) + 1] = {1}, sum = 0;
    int64_t most = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t rank = items[i].twice_rank;
        most += rank;
        for (int64_t s = most; s >= 0; s--)
            p[s] = (p[s] + (s >= rank ? p[s - rank] : 0)) / 2;
    }
    for (int64_t s = 0; s <= twice_w; s++)
        sum += p[s];
    return sum;
}

/* The test of n ranked differences, none of which is 0. */
static void test_ranks(const struct signed_rank *items, int64_t n, double ties, rg_test *test)
{
    int64_t twice_sums[2] = {0, 0};
    for (int64_t i = 0; i < n; i++)
        twice_sums[items[i].positive] += items[i].twice_rank;
    int64_t least = twice_sums[0] < twice_sums[1] ? twice_sums[0] : twice_sums[1];
    double m = (double)n, mean = m * (m + 1) / 4;
    test->statistic = (double)least / 2;
    test->exact = n <= MOST_RANKS;
    if (test->exact) {
        test->p = fmin(1, 2 * lower_tail(items, n, least));
        return;
    }
    double variance = m * (m + 1) * (2 * m + 1) / 24 - ties / 48;
    test->p = erfc((mean - test->statistic) / sqrt(2 * variance));
}

rg_status rg_wilcoxon_test(rg_context *ctx, const double *differences, int64_t n, rg_test *test)
{
    rg_status status = check(ctx, "rg_wilcoxon_test", differences, n, test);
    if (status != RG_OK || n == 0)
        return status;
    struct signed_rank *items = rg__alloc(ctx, n, sizeof *items, "signed ranks");
    if (!items)
        return RG_LIMIT;
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        if (differences[i] != 0)
            items[count++] = (struct signed_rank){fabs(differences[i]), differences[i] > 0, 0};
    double ties = rank_magnitudes(items, count);
    test_ranks(items, count, ties, test);
    rg__free(ctx, items);
    return RG_OK;
}

/* ---- Fisher's randomisation ------------------------------------------------------------------ */

struct signs {
    double *d; /* (n) none is 0 */
    int64_t n;
    double threshold; /* |sum| of a sign vector that counts */
    uint64_t seed;
    int64_t n_draws;
    int64_t *counts; /* per task */
};

/* The sum of up to 64 numbers, those whose bit is set negated. */
static double signed_sum(const double *d, int64_t n, uint64_t bits)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++, bits >>= 1)
        sum += bits & 1 ? -d[i] : d[i];
    return sum;
}

/* The share of all 2^n sign vectors that count, from the sums of two halves of the numbers. */
static double enumerate(const struct signs *s)
{
    double left[1 << MOST_SIGNS / 2];
    int64_t half = s->n / 2, rest = s->n - half, count = 0;
    for (uint64_t i = 0; i < 1u << half; i++)
        left[i] = signed_sum(s->d, half, i);
    for (uint64_t j = 0; j < 1u << rest; j++) {
        double right = signed_sum(s->d + half, rest, j);
        for (uint64_t i = 0; i < 1u << half; i++)
            count += fabs(left[i] + right) >= s->threshold;
    }
    return ldexp((double)count, -(int)s->n);
}

static rg_status draw_signs(rg_context *ctx, void *user, int worker, int64_t task)
{
    (void)worker;
    const struct signs *s = user;
    int64_t end = (task + 1) * DRAWS_PER_TASK;
    for (int64_t draw = task * DRAWS_PER_TASK; draw < end && draw < s->n_draws; draw++) {
        double sum = 0;
        for (int64_t i = 0; i < s->n; i += 64) {
            uint64_t bits = rg_random(s->seed, RG__STREAM_SIGNS, (uint64_t)draw, (uint64_t)i / 64);
            sum += signed_sum(s->d + i, s->n - i < 64 ? s->n - i : 64, bits);
        }
        s->counts[task] += fabs(sum) >= s->threshold;
    }
    return rg__cancelled(ctx);
}

/* p from random sign vectors; the observed one is counted too, so that p is never 0. */
static rg_status sample_signs(rg_context *ctx, struct signs *s, double *p)
{
    int64_t n_tasks = (s->n_draws - 1) / DRAWS_PER_TASK + 1, count = 1;
    struct rg__pool *pool = rg__pool(ctx);
    if (pool)
        s->counts = rg__alloc(ctx, n_tasks, sizeof *s->counts, "counts of sign vectors");
    if (!s->counts)
        return RG_LIMIT;
    rg_status status = rg__pool_run(pool, n_tasks, draw_signs, s);
    for (int64_t task = 0; task < n_tasks; task++)
        count += s->counts[task];
    *p = (double)count / (1 + (double)s->n_draws);
    rg__free(ctx, s->counts);
    return status;
}

rg_status rg_randomization_test(rg_context *ctx, const double *differences, int64_t n,
                                const rg_statistics_options *options, rg_test *test)
{
    const rg_statistics_options defaults = rg_statistics_options_default();
    const rg_statistics_options *o = options ? options : &defaults;
    rg_status status = check(ctx, "rg_randomization_test", differences, n, test);
    if (status == RG_OK)
        status = rg__check_statistics_options(ctx, o);
    if (status != RG_OK || n == 0)
        return status;
    struct signs s = {.seed = o->seed, .n_draws = o->permutations};
    double magnitude = 0;
    s.d = rg__alloc(ctx, n, sizeof *s.d, "differences");
    if (!s.d)
        return RG_LIMIT;
    for (int64_t i = 0; i < n; i++) {
        magnitude += fabs(differences[i]);
        if (differences[i] != 0)
            s.d[s.n++] = differences[i];
    }
    test->statistic = rg__mean(differences, n);
    s.threshold = fabs(rg__mean(s.d, s.n) * (double)s.n) - 1e-12 * magnitude;
    test->exact = s.n <= MOST_SIGNS;
    if (s.n == 0)
        test->p = 1;
    else if (test->exact)
        test->p = enumerate(&s);
    else
        status = sample_signs(ctx, &s, &test->p);
    rg__free(ctx, s.d);
    return status;
}

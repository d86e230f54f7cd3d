/* compare.c: compares two rankings by their values per list. */
#include "statistics/statistics.h"

#include <math.h>

/* ---- Values that count ----------------------------------------------------------------------- */

static rg_status check_list(rg_context *ctx, double a, double b, double weight, int64_t i)
{
    if (isinf(a) || isinf(b))
        return rg__fail(ctx, RG_BAD_DATA,
                        "statistics: the value of list %lld (from 1) is %g; it must be finite, or "
                        "NaN to leave the list out",
                        (long long)i + 1, isinf(a) ? a : b);
    if (!(weight >= 0) || isinf(weight))
        return rg__fail(
            ctx, RG_BAD_DATA,
            "statistics: the weight of list %lld (from 1) is %g; it must be finite and at least 0",
            (long long)i + 1, weight);
    return RG_OK;
}

/* Divides the numbers by the power of two that makes the largest magnitude of them and of `others`
 * (NULL: none) less than 1; returns its exponent. */
static int scale(double *x, double *others, int64_t n)
{
    double largest = 0;
    int exponent;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fmax(fabs(x[i]), others ? fabs(others[i]) : 0));
    frexp(largest, &exponent);
    for (int64_t i = 0; i < n; i++) {
        x[i] = ldexp(x[i], -exponent);
        if (others)
            others[i] = ldexp(others[i], -exponent);
    }
    return exponent;
}

rg_status rg__values_collect(rg_context *ctx, const double *a, const double *b,
                             const double *weights, int64_t n, struct rg__values *v)
{
    rg_status status = RG_OK;
    if (n < 0)
        return rg__fail(ctx, RG_USAGE, "statistics: n is %lld; it must be at least 0",
                        (long long)n);
    v->a = rg__alloc(ctx, n, sizeof *v->a, "the values of lists");
    v->w = rg__alloc(ctx, n, sizeof *v->w, "the values of lists");
    v->b = b ? rg__alloc(ctx, n, sizeof *v->b, "the values of lists") : NULL;
    if (!v->a || !v->w || (b && !v->b))
        return RG_LIMIT;
    for (int64_t i = 0; i < n && status == RG_OK; i++) {
        double weight = weights ? weights[i] : 1, other = b ? b[i] : a[i];
        status = check_list(ctx, a[i], other, weight, i);
        if (isnan(a[i]) || isnan(other) || weight == 0)
            continue;
        v->a[v->n] = a[i];
        v->w[v->n] = weight;
        if (b)
            v->b[v->n] = other;
        v->n++;
    }
    v->exponent = scale(v->a, v->b, v->n);
    scale(v->w, NULL, v->n);
    return status;
}

void rg__values_free(rg_context *ctx, struct rg__values *v)
{
    rg__free(ctx, v->a);
    rg__free(ctx, v->b);
    rg__free(ctx, v->w);
}

double rg__weighted_mean(const double *x, const double *w, int64_t n)
{
    double sum = 0, weights = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += w[i] * x[i];
        weights += w[i];
    }
    return sum / weights;
}

/* ---- Comparison ------------------------------------------------------------------------------ */

/* Computes the differences d (n), rounded to a multiple of 2^-40; values are below 1. */
static void subtract(const struct rg__values *v, double *d, rg_comparison *c)
{
    for (int64_t i = 0; i < v->n; i++) {
        d[i] = ldexp(nearbyint(ldexp(v->a[i] - v->b[i], 40)), -40);
        c->greater += d[i] > 0;
        c->less += d[i] < 0;
        c->equal += d[i] == 0;
    }
}

static rg_status test_differences(rg_context *ctx, const double *d, int64_t n,
                                  const rg_statistics_options *o, rg_comparison *c)
{
    double mean = rg__mean(d, n), sd = rg__deviation(d, n, mean);
    c->effect_size = sd == 0 && mean == 0 ? 0 : mean / sd;
    rg_status status = rg_paired_t_test(ctx, d, n, &c->t);
    if (status == RG_OK)
        status = rg_wilcoxon_test(ctx, d, n, &c->wilcoxon);
    if (status == RG_OK)
        status = rg_randomization_test(ctx, d, n, o, &c->randomization);
    return status;
}

static rg_status compare(rg_context *ctx, const struct rg__values *v, double *d,
                         const rg_statistics_options *o, rg_comparison *c)
{
    subtract(v, d, c);
    rg_status status = rg__bootstrap(ctx, d, v->w, v->n, o, &c->interval);
    double mean_weight = rg__mean(v->w, v->n);
    for (int64_t i = 0; i < v->n; i++)
        d[i] *= v->w[i] / mean_weight;
    if (status == RG_OK)
        status = test_differences(ctx, d, v->n, o, c);
    double a = rg__weighted_mean(v->a, v->w, v->n), b = rg__weighted_mean(v->b, v->w, v->n);
    c->n = v->n;
    c->a = ldexp(a, v->exponent);
    c->b = ldexp(b, v->exponent);
    c->difference = ldexp(a - b, v->exponent);
    c->interval.low = ldexp(c->interval.low, v->exponent);
    c->interval.high = ldexp(c->interval.high, v->exponent);
    c->randomization.statistic = ldexp(c->randomization.statistic, v->exponent);
    return status;
}

rg_status rg_compare(rg_context *ctx, const double *a, const double *b, const double *weights,
                     int64_t n, const rg_statistics_options *options, rg_comparison *comparison)
{
    const rg_statistics_options defaults = rg_statistics_options_default();
    const rg_statistics_options *o = options ? options : &defaults;
    struct rg__values v = {0};
    double *d = NULL;
    rg_status status =
        rg__require(ctx, "rg_compare", "a", a, "b", b, "comparison", comparison, NULL);
    if (status == RG_OK)
        status = rg__check_statistics_options(ctx, o);
    if (status == RG_OK)
        status = rg__values_collect(ctx, a, b, weights, n, &v);
    if (status == RG_OK && !(d = rg__alloc(ctx, v.n, sizeof *d, "differences")))
        status = RG_LIMIT;
    if (status == RG_OK) {
        *comparison = (rg_comparison){0};
        status = compare(ctx, &v, d, o, comparison);
    }
    rg__free(ctx, d);
    rg__values_free(ctx, &v);
    return status;
}

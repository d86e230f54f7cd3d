/* propensities.c: what both methods of estimating propensities share: checks, counts of positions,
 * and the iterations of expectation maximisation.
 *
 * With theta_k and gamma_i the probabilities that position k is examined and that item i is
 * relevant, the expectation of the two hidden variables is 1 for both after a click and otherwise
 *
 *     P(E) = theta (1 - gamma) / (1 - theta gamma),   P(R) = gamma (1 - theta) / (1 - theta gamma)
 *
 * Maximisation sets theta_k to the mean P(E) of the items shown at k; the methods differ in how
 * they choose gamma for P(R). theta of a position without a click is 0, which is its best value. */
#include "clicks/clicks.h"
#include "data/split.h"

#include <float.h>
#include <math.h>

#define START 0.5 /* theta and gamma */

const char *rg_propensity_method_name(rg_propensity_method method)
{
    static const char *const names[] = {"em", "regression-em"};
    return (unsigned)method < RG__COUNT(names) ? names[method] : NULL;
}

rg_propensity_options rg_propensity_options_default(void)
{
    return (rg_propensity_options){.iterations = 1000, .tolerance = 1e-5};
}

/* ---- Checks ---------------------------------------------------------------------------------- */

static rg_status check_labels(rg_context *ctx, const rg_split *split)
{
    if (!split->labels || !split->offsets)
        return rg__fail(ctx, RG_BAD_DATA, "the split has no %s; expected %s",
                        split->labels ? "lists" : "labels",
                        split->labels ? "offsets, qid or group"
                                      : "1 for each click and 0 otherwise");
    for (int64_t row = 0; row < split->n_rows; row++)
        if (rg__row_is_there(split, row) && split->labels[row] != 0 && split->labels[row] != 1)
            return rg__fail(ctx, RG_BAD_DATA,
                            "labels: row %lld (from 1) is %g; expected clicks: 0 or 1",
                            (long long)row + 1, split->labels[row]);
    for (int64_t q = 0; split->list_weights && q < split->n_lists; q++)
        if (!isfinite(split->list_weights[q]) || split->list_weights[q] < 0)
            return rg__fail(ctx, RG_BAD_DATA,
                            "list_weights: list %lld (from 1) is %g; expected >= 0",
                            (long long)q + 1, split->list_weights[q]);
    return RG_OK;
}

rg_status rg__check_clicks(rg_context *ctx, const rg_split *split, int64_t *most)
{
    rg_status status = rg__check_split(ctx, split, "the split of clicks");
    if (status == RG_OK)
        status = check_labels(ctx, split);
    return status == RG_OK ? rg__check_positions(ctx, split, "the split", most) : status;
}

/* ---- Expectation maximisation ---------------------------------------------------------------- */

struct rg__expected rg__expect(const struct rg__shown *items, double theta, double gamma)
{
    double missed = items->shown - items->clicks, click = theta * gamma;
    double no_click = fmax(1 - click, DBL_MIN);
    struct rg__expected e = {.examined = items->clicks + missed * theta * (1 - gamma) / no_click,
                             .relevant = items->clicks + missed * gamma * (1 - theta) / no_click};
    if (items->clicks > 0)
        e.log_likelihood += items->clicks * log(click);
    if (missed > 0)
        e.log_likelihood += missed * log(no_click);
    return e;
}

/* Sets the results to theta relative to the reference; returns the largest change. */
static double relate(const double *theta, rg_propensities *out)
{
    double reference = theta[out->reference - 1], change = 0;
    for (int64_t k = 0; k < out->n; k++) {
        if (!(out->shown[k] > 0))
            continue;
        double value = theta[k] / reference, by = fabs(value - out->value[k]);
        change = by > change ? by : change;
        out->value[k] = value;
    }
    return change;
}

/* The iterations; `theta` and `m->examined` have room. */
static rg_status iterate(rg_context *ctx, const rg_propensity_options *options, rg__em_step *step,
                         void *user, struct rg__maximisation *m, rg_propensities *out)
{
    double n_shown = 0;
    for (int64_t k = 0; k < out->n; k++) {
        n_shown += out->shown[k];
        m->theta[k] = out->clicks[k] > 0 ? START : 0;
        if (out->shown[k] > 0)
            out->value[k] = m->theta[k] / START;
    }
    while (!out->converged && out->iterations < options->iterations) {
        m->log_likelihood = 0;
        for (int64_t k = 0; k < out->n; k++)
            m->examined[k] = 0;
        rg_status status = step(user, m);
        if (status == RG_OK)
            status = rg__cancelled(ctx);
        if (status != RG_OK)
            return status;
        for (int64_t k = 0; k < out->n; k++)
            if (out->clicks[k] > 0)
                m->theta[k] = fmin(m->examined[k] / out->shown[k], 1);
        out->iterations++;
        out->change = relate(m->theta, out);
        out->converged = out->change <= options->tolerance;
        out->log_likelihood = m->log_likelihood / n_shown;
    }
    if (!out->converged)
        rg__log(ctx, RG_LOG_WARNING,
                "the propensities have not converged: in iteration %lld one changed by %g, more "
                "than `tolerance` %g; more `iterations` may help",
                (long long)out->iterations, out->change, options->tolerance);
    return RG_OK;
}

rg_status rg__em(rg_context *ctx, const rg_propensity_options *options, rg__em_step *step,
                 void *user, rg_propensities *out)
{
    struct rg__maximisation m = {.theta = rg__alloc(ctx, out->n, sizeof(double), "propensities"),
                                 .examined =
                                     rg__alloc(ctx, out->n, sizeof(double), "propensities")};
    rg_status status =
        m.theta && m.examined ? iterate(ctx, options, step, user, &m, out) : RG_LIMIT;
    rg__free(ctx, m.theta);
    rg__free(ctx, m.examined);
    return status;
}

/* ---- Estimation ------------------------------------------------------------------------------ */

/* Counts the items and clicks of each position, and finds the reference. */
static rg_status count(rg_context *ctx, const rg_split *split, rg_propensities *out)
{
    for (int64_t q = 0; q < split->n_lists; q++)
        for (int64_t row = split->offsets[q]; row < split->offsets[q + 1]; row++) {
            int64_t k = split->positions[row] - 1;
            if (!rg__row_is_there(split, row))
                continue;
            out->shown[k] += rg__list_weight(split, q);
            out->clicks[k] += rg__list_weight(split, q) * split->labels[row];
        }
    for (int64_t k = 0; k < out->n && out->reference == 0; k++)
        out->reference = out->clicks[k] > 0 ? k + 1 : 0;
    if (out->reference == 0)
        return rg__fail(ctx, RG_BAD_DATA,
                        "there is no click: the labels of all %lld rows are 0 or in lists of "
                        "weight 0; propensities are estimated from clicks, labels of 1",
                        (long long)split->n_rows);
    if (out->reference > 1)
        rg__log(ctx, RG_LOG_WARNING,
                "no item was clicked at position 1: propensities are relative to position %lld, "
                "the first with a click",
                (long long)out->reference);
    return RG_OK;
}

static rg_status check_options(rg_context *ctx, const rg_propensity_options *o)
{
    const struct rg__range ranges[] = {
        {"method", o->method, rg_propensity_method_name(o->method) != NULL, "a known method"},
        {"iterations", (double)o->iterations, o->iterations >= 1, "at least 1"},
        {"tolerance", o->tolerance, o->tolerance >= 0 && isfinite(o->tolerance),
         "a finite number >= 0"},
    };
    return rg__check_ranges(ctx, "rg_propensities_estimate", ranges, RG__COUNT(ranges));
}

rg_status rg_propensities_estimate(rg_context *ctx, const rg_split *split,
                                   const rg_propensity_options *options, rg_propensities *out)
{
    const rg_propensity_options o = options ? *options : rg_propensity_options_default();
    int64_t most;
    rg_status status =
        rg__require(ctx, "rg_propensities_estimate", "split", split, "out", out, NULL);
    if (status != RG_OK)
        return status;
    *out = (rg_propensities){0};
    status = check_options(ctx, &o);
    if (status == RG_OK)
        status = rg__check_clicks(ctx, split, &most);
    if (status == RG_OK)
        status = rg__propensities_new(ctx, most, out);
    if (status == RG_OK)
        status = count(ctx, split, out);
    if (status == RG_OK)
        status = (o.method == RG_PROPENSITY_EM ? rg__estimate_by_pairs
                                               : rg__estimate_by_features)(ctx, split, &o, out);
    if (status != RG_OK)
        rg_propensities_free(ctx, out);
    return status;
}

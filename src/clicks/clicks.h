/* clicks.h (internal): the clicks of a split, checked, and the parts of their estimation. */
#ifndef RG_CLICKS_CLICKS_H
#define RG_CLICKS_CLICKS_H

#include "base/base.h"

#include <rankgrad/clicks.h>

/* Checks that a split has clicks: lists, labels 0 or 1, positions in range. *most gets the largest
 * position. */
rg_status rg__check_clicks(rg_context *ctx, const rg_split *split, int64_t *most);

/* Allocates propensities of n positions: NaN, with nothing shown. */
rg_status rg__propensities_new(rg_context *ctx, int64_t n, rg_propensities *out);

/* The weight of a list in sums over clicks. */
static inline double rg__list_weight(const rg_split *split, int64_t list)
{
    return split->list_weights ? split->list_weights[list] : 1;
}

/* Items of one relevance shown at one position. */
struct rg__shown {
    int64_t position;     /* from 1 */
    double shown, clicks; /* how many, by list weight */
};

/* One expectation: theta and gamma of the position-based model, and what is expected of items that
 * were shown. */
struct rg__expected {
    double examined, relevant; /* of all items: sums of P(examined), P(relevant) given the clicks */
    double log_likelihood;
};

/* P(E, R | no click): examined and not relevant theta (1 - gamma), not examined and relevant
 * gamma (1 - theta), each over 1 - theta gamma. A click tells both. */
struct rg__expected rg__expect(const struct rg__shown *items, double theta, double gamma);

/* The state of the propensities during the iterations: the sums of P(examined). */
struct rg__maximisation {
    double *theta;    /* (n) */
    double *examined; /* (n) sums of this iteration */
    double log_likelihood;
};

/* One step of an estimation: expectation, and maximisation of the relevance. Adds P(examined) to
 * m->examined[position - 1] and to the log likelihood. */
typedef rg_status rg__em_step(void *user, struct rg__maximisation *m);

/* Iterates until the propensities converge; `out` has counts and gets the rest. */
rg_status rg__em(rg_context *ctx, const rg_propensity_options *options, rg__em_step *step,
                 void *user, rg_propensities *out);

/* The methods of rg_propensity_method. `out` has the counts of positions. */
rg_status rg__estimate_by_pairs(rg_context *ctx, const rg_split *split,
                                const rg_propensity_options *options, rg_propensities *out);
rg_status rg__estimate_by_features(rg_context *ctx, const rg_split *split,
                                   const rg_propensity_options *options, rg_propensities *out);

#endif

/* opa.c: ordered pair accuracy, the part of the pairs with different labels whose item with the
 * higher label stands first. A tied pair counts 1/2, its expected value, or as `tied` says: 0 in
 * rax.
 */
#include "base/component.h"
#include "metric/pairs.h"

struct opa {
    double tied;
};

static double value(struct rg__ranked_list *list)
{
    struct rg__pairs pairs = rg__count_pairs(list);
    return (pairs.concordant + ((const struct opa *)list->params)->tied * pairs.tied) /
           pairs.unequal;
}

static const rg_param params[] = {
    RG__REAL(struct opa, tied, 0.5, 0, 1, .help = "What a pair with equal scores counts"),
};

const struct rg__metric_kind rg__metric_opa = {
    {.name = "opa",
     .formula = "pairs with y_i > y_j and i before j / pairs with y_i > y_j",
     RG__PARAMS(struct opa, params)},
    .whole_list = true,
    .reorders = true,
    .has_relevant = rg__has_pair,
    .value = value};

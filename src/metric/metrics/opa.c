/* opa.c: ordered pair accuracy, the part of the pairs with different labels whose item with the
 * higher label stands first. A tied pair counts 1/2, its expected value.
 */
#include "metric/pairs.h"

static double value(struct rg__ranked_list *list)
{
    struct rg__pairs pairs = rg__count_pairs(list);
    return (pairs.concordant + pairs.tied / 2) / pairs.unequal;
}

const struct rg__metric_kind rg__metric_opa = {
    {.name = "opa", .formula = "pairs with y_i > y_j and i before j / pairs with y_i > y_j"},
    .whole_list = true,
    .reorders = true,
    .has_relevant = rg__has_pair,
    .value = value};

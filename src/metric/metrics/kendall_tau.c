/* kendall_tau.c: Kendall's rank correlation of scores and labels.
 *
 *   tau = (C - D) / sqrt(n (n - 1) / 2  U)
 *
 * C pairs are ordered by score as by label, D the other way, of U pairs with different labels. It
 * is the expected value over all orders of tied scores, in which a tied pair counts 0. SciPy's
 * tau-b differs where scores tie: it divides by the pairs with different scores instead of by all
 * of them, and is NaN where all are equal.
 */
#include "metric/pairs.h"

#include <math.h>

static double value(struct rg__ranked_list *list)
{
    struct rg__pairs pairs = rg__count_pairs(list);
    double discordant = pairs.unequal - pairs.concordant - pairs.tied;
    double all = 0.5 * (double)list->n * (double)(list->n - 1);
    return (pairs.concordant - discordant) / (sqrt(all) * sqrt(pairs.unequal));
}

const struct rg__metric_kind rg__metric_kendall_tau = {
    {.name = "kendall_tau",
     .formula = "(concordant - discordant) / sqrt(pairs * pairs with y_i != y_j)"},
    .alias = "kendall",
    .whole_list = true,
    .reorders = true,
    .has_relevant = rg__has_pair,
    .value = value};

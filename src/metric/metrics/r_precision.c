/* r_precision.c: precision at rank R, where R counts the list's relevant items, the unranked ones
 * too. Ties as in precision.c.
 */
#include "metric/metric.h"

static double value(struct rg__ranked_list *list)
{
    int64_t n_relevant = rg__count_relevant(list, 0, list->n);
    int64_t cut = n_relevant < list->n_ranked ? n_relevant : list->n_ranked;
    return rg__relevant_above(list, cut) / (double)n_relevant;
}

const struct rg__metric_kind rg__metric_r_precision = {
    {.name = "r_precision", .formula = "precision at the rank R, of R relevant items"},
    .alias = "rprec",
    .whole_list = true,
    .has_relevant = rg__has_threshold,
    .value = value};

/* recall.c: recall@k.
 *
 *   recall@k = (number of relevant items among the first k ranks) / R
 *
 * R counts the list's relevant items, the unranked ones too. Ties as in precision.c.
 */
#include "metric/metric.h"

static double value(struct rg__ranked_list *list)
{
    double relevant = rg__relevant_above(list, rg__cut(list, list->n_ranked));
    return relevant / (double)rg__count_relevant(list, 0, list->n);
}

const struct rg__metric_kind rg__metric_recall = {
    {.name = "recall", .formula = "relevant items among the first k / relevant items"},
    .has_relevant = rg__has_threshold,
    .value = value};

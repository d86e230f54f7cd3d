/* ndcg.c: DCG divided by the ideal DCG of the list (Järvelin & Kekäläinen 2002).
 *
 *   NDCG@k = DCG@k / DCG@k of the items sorted by label
 *
 * The ideal is over all items, including unranked ones.
 */
#include "metric/dcg.h"

#include "ranking/gain.h"

#include <math.h>

static double value(struct rg__ranked_list *list)
{
    rg_gain gain = list->metric->gain;
    int exponent = rg__gain_exponent(gain, list->largest_label);
    double dcg = rg__scaled_dcg(list, exponent);
    if (isnan(*list->ideal))
        *list->ideal =
            rg__scaled_ideal_dcg(gain, rg__by_label(list), rg__cut(list, list->n), exponent);
    return dcg / *list->ideal;
}

const struct rg__metric_kind rg__metric_ndcg = {
    {.name = "ndcg", .formula = "dcg@k / dcg@k of the best order, which is by label"},
    .uses_gain = true,
    .has_ideal = true,
    .has_relevant = rg__has_gain,
    .value = value};

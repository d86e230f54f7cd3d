/* ndcg.c: DCG divided by the ideal DCG of the list (Järvelin & Kekäläinen 2002).
 *
 *   NDCG@k = DCG@k / DCG@k of the items sorted by label
 *
 * The ideal is over all items, including unranked ones.
 */
#include "metric/dcg.h"

#include <math.h>

/* The DCG of the first k items in descending order of label, divided by 2^exponent. Ties between
 * labels do not matter, since equal labels have equal gains. */
static double scaled_ideal(struct rg__ranked_list *list, int exponent)
{
    const struct rg__dcg *params = list->params;
    const struct rg__item *items = rg__by_label(list);
    bool keep = list->metric->negative_labels == RG_NEGATIVES_KEEP;
    int64_t cut = rg__cut(list, list->n);
    double dcg = 0;
    for (int64_t i = 0; i < cut && (keep || items[i].label > 0); i++)
        dcg += rg__dcg_gain(list, items[i].label, exponent) *
               rg__discounts_of((enum rg__discount)params->discount, i, i + 1);
    return dcg;
}

static double value(struct rg__ranked_list *list)
{
    int exponent = rg__dcg_exponent(list);
    if (((const struct rg__dcg *)list->params)->short_zero && list->n < list->metric->k)
        return 0;
    double dcg = rg__scaled_dcg(list, exponent);
    if (isnan(*list->ideal))
        *list->ideal = scaled_ideal(list, exponent);
    return *list->ideal > 0 ? dcg / *list->ideal : 0;
}

static const rg_param params[] = {
    RG__DCG_DISCOUNT,
    RG__FLAG(struct rg__dcg, short_zero, false,
             .help = "A list with fewer than k items counts 0, as in LETOR 4.0"),
};

const struct rg__metric_kind rg__metric_ndcg = {
    {.name = "ndcg",
     .formula = "dcg@k / dcg@k of the best order, which is by label",
     RG__PARAMS(struct rg__dcg, params)},
    .uses_gain = true,
    .has_ideal = true,
    .has_relevant = rg__has_gain,
    .value = value};

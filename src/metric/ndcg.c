/* ndcg.c: DCG as a part of the best that the list allows.
 *
 *   NDCG@k = DCG@k / DCG@k of the items sorted by label
 *
 * The ideal is over all items, the unranked ones too, and has no ties to speak of: equal labels
 * have equal gains.
 */
#include "metric/dcg.h"

#include <math.h>

static double scaled_ideal(struct rg__ranked_list *list, int exponent)
{
    double dcg = 0;
    int64_t cut = rg__cut(list, list->n);
    rg__select_items(list, list->n, cut, rg__by_label);
    rg__sort_items(list, cut, rg__by_label);
    for (int64_t i = 0; i < cut && list->items[i].label > 0; i++)
        dcg += rg__scaled_gain(list, list->items[i].label, exponent) * rg__discounts(i, i + 1);
    return dcg;
}

double rg__ndcg(struct rg__ranked_list *list)
{
    int exponent = rg__gain_exponent(list);
    double dcg = rg__scaled_dcg(list, exponent);
    if (isnan(*list->ideal))
        *list->ideal = scaled_ideal(list, exponent);
    return dcg / *list->ideal;
}

/* auc.c: area under the ROC curve within the list: the probability that a relevant item stands
 * before one that is not (Mann and Whitney's U). A tied pair counts 1/2.
 */
#include "metric/pairs.h"

static bool has_both(const struct rg__ranked_list *list)
{
    int64_t n_relevant = rg__count_relevant(list, 0, list->n);
    return n_relevant > 0 && n_relevant < list->n;
}

static double value(struct rg__ranked_list *list)
{
    for (int64_t i = 0; i < list->n; i++)
        list->items[i].label = list->items[i].label >= list->metric->threshold;
    struct rg__pairs pairs = rg__count_pairs(list);
    return (pairs.concordant + pairs.tied / 2) / pairs.unequal;
}

const struct rg__metric_kind rg__metric_auc = {
    {.name = "auc", .formula = "pairs with a relevant i before another j / such pairs"},
    .whole_list = true,
    .reorders = true,
    .has_relevant = has_both,
    .value = value};

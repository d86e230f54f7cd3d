/* hit.c: whether one of the first k ranks holds a relevant item (trec_eval's success).
 *
 * Ties: only the group that the cut-off falls into matters. If c of its t items come before the
 * cut-off and r are relevant, none of the c is with probability
 *
 *   prod_{i<c} (t - r - i) / (t - i)
 *
 * (the i-th is drawn from t - i items, t - r - i of them not relevant).
 */
#include "metric/metric.h"

static double value(struct rg__ranked_list *list)
{
    int64_t cut = rg__cut(list, list->n_ranked);
    for (int64_t begin = 0, end; begin < cut; begin = end) {
        end = rg__tie_end(list, begin);
        int64_t size = end - begin, relevant = rg__count_relevant(list, begin, end);
        double none = 1;
        for (int64_t i = 0; i < cut - begin && i < size && none > 0; i++)
            none *= (double)(size - relevant - i) / (double)(size - i);
        if (relevant > 0)
            return 1 - none;
    }
    return 0;
}

const struct rg__metric_kind rg__metric_hit = {
    {.name = "hit", .formula = "1 if one of the first k is relevant, else 0"},
    .alias = "success",
    .has_relevant = rg__has_threshold,
    .value = value};

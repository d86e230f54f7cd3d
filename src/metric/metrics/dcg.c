/* dcg.c: DCG (Järvelin & Kekäläinen 2002; gain 2^y - 1 from Burges et al. 2005).
 *
 *   DCG@k = sum_{i=1..k} g_i / log2(1 + i),   g = 2^y - 1 or y, 0 for y <= 0
 *
 * Ties: each item of a tie group has each of the group's ranks with the same probability, so the
 * expected contribution of the group is (mean gain) (sum of its discounts up to k).
 */
#include "metric/dcg.h"

#include "ranking/gain.h"

#include <math.h>

double rg__scaled_dcg(const struct rg__ranked_list *list, int exponent)
{
    double dcg = 0;
    rg_gain kind = list->metric->gain;
    int64_t cut = rg__cut(list, list->n_ranked);
    for (int64_t begin = 0, end; begin < cut; begin = end) {
        end = rg__tie_end(list, begin);
        double gains = 0;
        for (int64_t i = begin; i < end; i++)
            gains += rg__scaled_gain(kind, list->items[i].label, exponent);
        dcg += gains / (double)(end - begin) * rg__discounts(begin, end < cut ? end : cut);
    }
    return dcg;
}

static double value(struct rg__ranked_list *list)
{
    int exponent = rg__gain_exponent(list->metric->gain, list->largest_label);
    return ldexp(rg__scaled_dcg(list, exponent), exponent);
}

const struct rg__metric_kind rg__metric_dcg = {
    {.name = "dcg", .formula = "sum_{i<=k} gain / log2(1 + i), gain = 2^y - 1 or y, 0 if y <= 0"},
    .uses_gain = true,
    .has_relevant = rg__has_gain,
    .value = value};

/* dcg.c: DCG (Järvelin & Kekäläinen 2002; gain 2^y - 1 from Burges et al. 2005).
 *
 *   DCG@k = sum_{i=1..k} g_i / log2(1 + i),   g = 2^y - 1 or y, 0 for y <= 0
 *
 * or with another discount (gain.h) and, under RG_NEGATIVES_KEEP, with negative gains.
 *
 * Ties: each item of a tie group has each of the group's ranks with the same probability, so the
 * expected contribution of the group is (mean gain) (sum of its discounts up to k).
 */
#include "metric/dcg.h"

#include <math.h>

int rg__dcg_exponent(const struct rg__ranked_list *list)
{
    double largest = list->largest_label;
    if (list->metric->negative_labels == RG_NEGATIVES_KEEP && list->metric->gain == RG_GAIN_LINEAR)
        largest = fmax(largest, -list->smallest_label);
    return rg__gain_exponent(list->metric->gain, largest);
}

double rg__dcg_gain(const struct rg__ranked_list *list, double label, int exponent)
{
    if (label < 0 && list->metric->negative_labels == RG_NEGATIVES_KEEP)
        return ldexp(rg__signed_gain(list->metric->gain, label), -exponent);
    return rg__scaled_gain(list->metric->gain, label, exponent);
}

double rg__scaled_dcg(const struct rg__ranked_list *list, int exponent)
{
    double dcg = 0;
    enum rg__discount discount =
        (enum rg__discount)((const struct rg__dcg *)list->params)->discount;
    int64_t cut = rg__cut(list, list->n_ranked);
    for (int64_t begin = 0, end; begin < cut; begin = end) {
        end = rg__tie_end(list, begin);
        double gains = 0;
        for (int64_t i = begin; i < end; i++)
            gains += rg__dcg_gain(list, list->items[i].label, exponent);
        dcg += gains / (double)(end - begin) *
               rg__discounts_of(discount, begin, end < cut ? end : cut);
    }
    return dcg;
}

static double value(struct rg__ranked_list *list)
{
    int exponent = rg__dcg_exponent(list);
    return ldexp(rg__scaled_dcg(list, exponent), exponent);
}

static const rg_param params[] = {RG__DCG_DISCOUNT};

const struct rg__metric_kind rg__metric_dcg = {
    {.name = "dcg",
     .formula = "sum_{i<=k} gain / log2(1 + i), gain = 2^y - 1 or y, 0 if y <= 0",
     RG__PARAMS(struct rg__dcg, params)},
    .uses_gain = true,
    .has_relevant = rg__has_gain,
    .value = value};

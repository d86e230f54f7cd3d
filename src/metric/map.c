/* map.c: average precision; its mean over the lists is MAP.
 *
 *   AP@k = 1 / min(k, R) sum_{i<=k} z_i / i sum_{j<=i} z_j
 *
 * where z_i = 1 if the item at rank i is relevant and R counts the list's relevant items, the
 * unranked ones too.
 *
 * Ties: let rank i be the p-th of a tie group that stands behind b items, B of them relevant, and
 * holds t items, r of them relevant. All orders being equally likely,
 *
 *   E[z_i] = r / t,    E[z_i z_j] = r / t (r - 1) / (t - 1)    for another rank j of the group,
 *
 * the second by drawing without replacement. B is the same in every order, z_i z_i = z_i, and p - 1
 * ranks of the group stand before i. So the expected term of rank i is
 *
 *   E[z_i / i sum_{j<=i} z_j] = 1 / i  r / t (B + 1 + (p - 1) (r - 1) / (t - 1)),
 *
 * and with t = 1 (p = 1, no rank before it in its group) plainly z_i (B + 1) / i. A cut-off within
 * the group only ends the sum: the term of rank i knows nothing of the ranks below it.
 */
#include "metric/metric.h"

static double value(struct rg__ranked_list *list)
{
    double sum = 0;
    int64_t cut = rg__cut(list, list->n_ranked), above = 0;
    for (int64_t begin = 0, end; begin < cut; begin = end) {
        end = rg__tie_end(list, begin);
        int64_t size = end - begin, relevant = rg__count_relevant(list, begin, end);
        double share = (double)relevant / (double)size;
        double others = size > 1 ? (double)(relevant - 1) / (double)(size - 1) : 0;
        for (int64_t i = begin; relevant && i < end && i < cut; i++)
            sum += share * ((double)(above + 1) + (double)(i - begin) * others) / (double)(i + 1);
        above += relevant;
    }
    return sum / (double)rg__cut(list, rg__count_relevant(list, 0, list->n));
}

const struct rg__metric_kind rg__metric_map = {
    {.name = "map", .formula = "sum_{i<=k} [i relevant] precision@i / min(k, relevant items)"},
    .alias = "ap",
    .has_relevant = rg__has_threshold,
    .value = value};

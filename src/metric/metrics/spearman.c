/* spearman.c: Spearman's rank correlation of scores and labels: Pearson's of their ranks.
 *
 *   rho = sum_i (r_i - m) (l_i - m) / sqrt(sum_i (i - m)^2  sum_i (l_i - m)^2),   m = (n + 1) / 2
 *
 * l is the mean rank of a label among equal ones, r the rank by score: under ties its expected
 * value, the middle of the group, while the ranks 1 .. n are spread as without ties. So this is the
 * expected value over all orders of tied scores. SciPy's differs there: it divides by the spread of
 * the means, and is NaN where all scores are equal.
 */
#include "metric/metric.h"

#include <math.h>

static double value(struct rg__ranked_list *list)
{
    static const struct rg__order by_label = {.key = RG__BY_LABEL};
    double n = (double)list->n, middle = (n + 1) / 2, product = 0, spread = 0;
    for (int64_t begin = 0, end; begin < list->n; begin = end) { /* the score becomes the rank */
        end = begin < list->n_ranked ? rg__tie_end(list, begin) : list->n;
        for (int64_t i = begin; i < end; i++)
            list->items[i].score = 0.5 * (double)(begin + end + 1);
    }
    rg__sort_items(list->items, list->n, list->spare, &by_label);
    for (int64_t begin = 0, end; begin < list->n; begin = end) {
        double rank, sum = 0;
        for (end = begin; end < list->n && list->items[end].label == list->items[begin].label;
             end++)
            sum += list->items[end].score - middle;
        rank = 0.5 * (double)(begin + end + 1) - middle;
        product += rank * sum;
        spread += (double)(end - begin) * rank * rank;
    }
    return product / (sqrt(n * (n * n - 1) / 12) * sqrt(spread));
}

const struct rg__metric_kind rg__metric_spearman = {
    {.name = "spearman", .formula = "correlation of the ranks by score and by label"},
    .whole_list = true,
    .reorders = true,
    .has_relevant = rg__has_pair,
    .value = value};

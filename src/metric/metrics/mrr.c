/* mrr.c: reciprocal rank of the first relevant item.
 *
 *   RR@k = 1 / (rank of the first relevant item), 0 if that rank is beyond k
 *
 * Ties: only the first tie group with a relevant item matters. Let it follow b items and have t
 * items, r of them relevant. Its first relevant item is its j-th with probability
 *
 *   p_j = (prod_{i<j} (t - i + 1 - r) / (t - i + 1)) r / (t - j + 1),    j = 1 .. t - r + 1
 *
 * (none of the first j - 1, then one of r among the t - j + 1 left), and E RR = sum_j p_j / (b + j)
 * up to b + j = k. The product is updated from term to term: all factors are between 0 and 1, so it
 * cannot overflow, and a term that underflows is negligible.
 */
#include "metric/metric.h"

static double value(struct rg__ranked_list *list)
{
    int64_t cut = rg__cut(list, list->n_ranked);
    int64_t begin = 0, end = 0, relevant = 0;
    while (!relevant && end < cut) {
        begin = end;
        end = rg__tie_end(list, begin);
        relevant = rg__count_relevant(list, begin, end);
    }
    if (!relevant)
        return 0;
    double expected = 0;
    double none_before = 1; /* probability that the ranks so far hold no relevant item */
    for (int64_t rank = begin + 1; rank <= cut && none_before > 0; rank++) {
        double left = (double)(end - rank + 1);
        expected += none_before * ((double)relevant / left) / (double)rank;
        none_before *= (left - (double)relevant) / left;
    }
    return expected;
}

const struct rg__metric_kind rg__metric_mrr = {
    {.name = "mrr", .formula = "1 / rank of the first relevant item; 0 if that is beyond k"},
    .alias = "rr",
    .has_relevant = rg__has_threshold,
    .value = value};

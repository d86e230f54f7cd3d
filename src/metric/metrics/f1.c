/* f1.c: the harmonic mean of precision@k and recall@k (van Rijsbergen 1979).
 *
 *   F1@k = 2 P R / (P + R) = 2 h / (k + n)
 *
 * for h relevant items among the first k ranks and n in the list; k = 0 stands for the number of
 * ranked items. It is linear in h, so the expected value under ties takes that of h.
 */
#include "metric/metric.h"

static double value(struct rg__ranked_list *list)
{
    double relevant = rg__relevant_above(list, rg__cut(list, list->n_ranked));
    int64_t k = list->metric->k ? list->metric->k : list->n_ranked;
    return 2 * relevant / ((double)k + (double)rg__count_relevant(list, 0, list->n));
}

const struct rg__metric_kind rg__metric_f1 = {
    {.name = "f1", .formula = "2 precision@k recall@k / (precision@k + recall@k)"},
    .has_relevant = rg__has_threshold,
    .value = value};

/* err_ia.c: intent-aware expected reciprocal rank, as ndeval computes it (Chapelle et al. 2011).
 *
 *   ERR-IA@k = sum_{i<=k} 1/i sum_{s covered by i} (1 - alpha)^(items before i that cover s)
 *              / (S sum_{i<=k} (1 - alpha)^(i-1) / i)
 *
 * S counts the subtopics that the list's items cover. An item that covers a subtopic stops a user
 * interested in it with probability alpha. The divisor is the sum of a list whose items all cover
 * all S subtopics, so that the value is at most 1; it has k terms even if the list is shorter, and
 * with k = 0 as many as the list has items. For ties, see novelty.c.
 */
#include "metric/novelty.h"

static double value(struct rg__ranked_list *list)
{
    double q = 1 - ((const struct rg__novelty *)list->params)->alpha, most = 0, weight = 1;
    int64_t n = list->metric->k ? list->metric->k : list->n;
    for (int64_t i = 1; i <= n && weight > 0; i++, weight *= q)
        most += weight / (double)i;
    return rg__novelty(list, RG__DISCOUNT_RANK) / ((double)rg__count_subtopics(list) * most);
}

const struct rg__metric_kind rg__metric_err_ia = {
    {.name = "err_ia",
     .formula = "sum_{i<=k} sum_{s covered by i} (1-alpha)^(before that cover s) / i / its maximum",
     RG__PARAMS(struct rg__novelty, rg__novelty_params)},
    .needs_subtopics = true,
    .has_relevant = rg__has_subtopic,
    .value = value};

/* precision.c: precision@k.
 *
 *   P@k = (number of relevant items among the first k ranks) / k
 *
 * The divisor is k even if the list is shorter, as in trec_eval (rax: min(k, n)). With k = 0 it is
 * the number of ranked items; if there are none, the value is 0.
 *
 * Ties: each rank of a tie group of t items, r of them relevant, is relevant with probability r/t,
 * so a group with c ranks within the cut-off adds c r / t.
 */
#include "metric/metric.h"

static double value(struct rg__ranked_list *list)
{
    int64_t divisor = list->metric->k ? list->metric->k : list->n_ranked;
    int64_t cut = rg__cut(list, list->n_ranked);
    return divisor ? rg__relevant_above(list, cut) / (double)divisor : 0;
}

const struct rg__metric_kind rg__metric_precision = {
    {.name = "precision", .formula = "relevant items among the first k / k"},
    .alias = "p",
    .has_relevant = rg__has_threshold,
    .value = value};

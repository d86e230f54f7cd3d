/* precision.c: precision@k.
 *
 *   P@k = (number of relevant items among the first k ranks) / k
 *
 * The divisor is k even if the list is shorter, as in trec_eval, or (divisor=length, as in rax)
 * min(k, number of ranked items). With k = 0 it is the number of ranked items; if there are none,
 * the value is 0.
 *
 * Ties: each rank of a tie group of t items, r of them relevant, is relevant with probability r/t,
 * so a group with c ranks within the cut-off adds c r / t.
 */
#include "base/component.h"
#include "metric/metric.h"

struct precision {
    int divisor;
};

static const char *divisor_name(int i)
{
    return i == 0 ? "k" : i == 1 ? "length" : NULL;
}

static double value(struct rg__ranked_list *list)
{
    bool of_length = ((const struct precision *)list->params)->divisor == 1;
    int64_t cut = rg__cut(list, list->n_ranked);
    int64_t divisor = list->metric->k && !of_length ? list->metric->k : cut;
    return divisor ? rg__relevant_above(list, cut) / (double)divisor : 0;
}

static const rg_param params[] = {
    RG__NAME(struct precision, divisor, 0, divisor_name,
             .help = "What divides, if a list has fewer than k items: k, or the list's length"),
};

const struct rg__metric_kind rg__metric_precision = {
    {.name = "precision",
     .formula = "relevant items among the first k / k",
     RG__PARAMS(struct precision, params)},
    .alias = "p",
    .has_relevant = rg__has_threshold,
    .value = value};

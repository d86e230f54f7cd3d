/* rbp.c: rank-biased precision (Moffat and Zobel 2008).
 *
 *   RBP@k = (1 - p) sum_{i<=k} p^(i-1) [item i relevant]
 *
 * A user goes on from one rank to the next with probability p. Ties: each rank of a group of t
 * items, r of them relevant, is relevant with probability r / t.
 */
#include "base/component.h"
#include "metric/metric.h"

struct rbp {
    double p;
};

static double value(struct rg__ranked_list *list)
{
    double p = ((const struct rbp *)list->params)->p, sum = 0, weight = 1 - p;
    int64_t cut = rg__cut(list, list->n_ranked);
    for (int64_t begin = 0, end; begin < cut && weight > 0; begin = end) {
        end = rg__tie_end(list, begin);
        double share = (double)rg__count_relevant(list, begin, end) / (double)(end - begin);
        for (int64_t i = begin; i < end && i < cut; i++, weight *= p)
            sum += share * weight;
    }
    return sum;
}

static const rg_param params[] = {
    RG__REAL(struct rbp, p, 0.8, 0, 1, .below = true,
             .help = "Probability of going on to the next rank"),
};

const struct rg__metric_kind rg__metric_rbp = {
    {.name = "rbp",
     .formula = "(1 - p) sum_{i<=k} p^(i-1) [i relevant]",
     RG__PARAMS(struct rbp, params)},
    .has_relevant = rg__has_threshold,
    .value = value};

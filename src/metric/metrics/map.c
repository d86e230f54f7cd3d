/* map.c: average precision; its mean over the lists is MAP.
 *
 *   AP@k = 1 / min(k, R) sum_{i<=k} z_i / i sum_{j<=i} z_j
 *
 * where z_i = 1 if the item at rank i is relevant and R is the number of relevant items in the
 * list, including unranked ones. divisor=relevant divides by R for any k, as trec_eval does.
 *
 * Ties: let rank i be the p-th of a tie group of t items, r of them relevant, which follows items
 * of which B are relevant. If all orders are equally likely,
 *
 *   E[z_i] = r / t,    E[z_i z_j] = r / t (r - 1) / (t - 1)    for another rank j of the group,
 *
 * the second by drawing without replacement. B is the same in every order, z_i z_i = z_i, and p - 1
 * ranks of the group precede i. So the expected term of rank i is
 *
 *   E[z_i / i sum_{j<=i} z_j] = 1 / i  r / t (B + 1 + (p - 1) (r - 1) / (t - 1)),
 *
 * which for t = 1 is z_i (B + 1) / i. A cut-off within the group just ends the sum, since the term
 * of rank i does not depend on later ranks.
 *
 * tied=last takes the precision of each relevant item at the end of its tie group, as
 * scikit-learn's average_precision_score does, whose thresholds cannot separate equal scores; a
 * group that the cut-off divides then lies beyond it.
 */
#include "base/component.h"
#include "metric/metric.h"

struct map {
    int divisor, tied;
};

static const char *divisor_name(int i)
{
    return i == 0 ? "min" : i == 1 ? "relevant" : NULL;
}

static const char *tied_name(int i)
{
    return i == 0 ? "ranked" : i == 1 ? "last" : NULL;
}

static double value(struct rg__ranked_list *list)
{
    double sum = 0;
    const struct map *p = list->params;
    int64_t n_relevant = rg__count_relevant(list, 0, list->n);
    int64_t cut = rg__cut(list, list->n_ranked), above = 0;
    for (int64_t begin = 0, end; begin < cut; begin = end) {
        end = rg__tie_end(list, begin);
        int64_t size = end - begin, relevant = rg__count_relevant(list, begin, end);
        double share = (double)relevant / (double)size;
        double others = size > 1 ? (double)(relevant - 1) / (double)(size - 1) : 0;
        if (p->tied == 1 && end <= cut)
            sum += (double)relevant * (double)(above + relevant) / (double)end;
        for (int64_t i = begin; relevant && p->tied == 0 && i < end && i < cut; i++)
            sum += share * ((double)(above + 1) + (double)(i - begin) * others) / (double)(i + 1);
        above += relevant;
    }
    return sum / (double)(p->divisor == 1 ? n_relevant : rg__cut(list, n_relevant));
}

static const rg_param params[] = {
    RG__NAME(struct map, divisor, 0, divisor_name,
             .help = "What divides: min(k, relevant items), or all relevant items"),
    RG__NAME(struct map, tied, 0, tied_name,
             .help = "Rank of items with equal scores: as the ties rule says, or that of the last "
                     "of them"),
};

const struct rg__metric_kind rg__metric_map = {
    {.name = "map",
     .formula = "sum_{i<=k} [i relevant] precision@i / min(k, relevant items)",
     RG__PARAMS(struct map, params)},
    .alias = "ap",
    .has_relevant = rg__has_threshold,
    .value = value};

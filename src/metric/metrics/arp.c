/* arp.c: average relevance position: the mean rank of the items, weighted by label.
 *
 *   ARP = sum_i y_i rank_i / sum_i y_i
 *
 * Labels below 0 count as 0. Ties: an item's expected rank is the middle of its group. Unranked
 * items stand behind all others, tied with each other. Lower is better.
 */
#include "metric/metric.h"

static double value(struct rg__ranked_list *list)
{
    static const struct rg__order by_label = {.key = RG__BY_LABEL};
    double labels = 0, ranks = 0;
    int64_t n_unranked = list->n - list->n_ranked; /* sorted: rows in any order give one sum */
    rg__sort_items(list->items + list->n_ranked, n_unranked, list->spare, &by_label);
    for (int64_t begin = 0, end; begin < list->n; begin = end) {
        end = begin < list->n_ranked ? rg__tie_end(list, begin) : list->n;
        double rank = 0.5 * (double)(begin + end + 1);
        for (int64_t i = begin; i < end; i++) {
            double label = list->items[i].label > 0 ? list->items[i].label : 0;
            labels += label;
            ranks += label * rank;
        }
    }
    return ranks / labels;
}

const struct rg__metric_kind rg__metric_arp = {
    {.name = "arp", .formula = "sum_i y_i rank_i / sum_i y_i; lower is better"},
    .whole_list = true,
    .reorders = true,
    .lower_is_better = true,
    .has_relevant = rg__has_gain,
    .value = value};

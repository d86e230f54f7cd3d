/* metric.h (internal): what a metric's file sees of one list.
 *
 * The one idea: a list arrives ranked and cut into tie groups, runs of items whose order is not
 * known; a group of one item is an item whose rank is. So each metric is one formula, the expected
 * value over the orders within groups, and rg_ties only decides what is a group.
 */
#ifndef RG_METRIC_METRIC_H
#define RG_METRIC_METRIC_H

#include "base/base.h"

#include <rankgrad/metric.h>

struct rg__item {
    double score; /* NaN ranks last */
    double label; /* never NaN */
    int64_t row;  /* in the ranking's arrays */
};

/* The valid items of one list. The first n_ranked are sorted by rank; those behind are unranked
 * (score -inf): they take no rank, and still count among the relevant items and in the ideal. */
struct rg__ranked_list {
    const rg_metric *metric;
    const rg_ranking *ranking;
    struct rg__item *items; /* (n) */
    struct rg__item *spare; /* (n / 2) the sort's own */
    int64_t n;
    int64_t n_ranked;
    double largest_label; /* over all n; NaN when n is 0 */
};

/* < 0: a stands before b; 0: the order they came in; > 0: after. */
typedef int rg__order(const rg_ranking *ranking, const struct rg__item *a,
                      const struct rg__item *b);

/* Stable merge sort of the first `count` items: n log n whatever the input, n for what is sorted
 * or equal already. */
void rg__sort_items(struct rg__ranked_list *list, int64_t count, rg__order *order);

/* Orders the ranked items as the metric's rg_ties says. */
void rg__rank(struct rg__ranked_list *list);

/* Order for rg__sort_items: the greatest label first. */
int rg__by_label(const rg_ranking *ranking, const struct rg__item *a, const struct rg__item *b);

/* The end of the tie group that begins at `begin`, at most n_ranked. */
int64_t rg__tie_end(const struct rg__ranked_list *list, int64_t begin);

/* How many ranks of `count` the cut-off k leaves: min(k, count), or count when k is 0. */
int64_t rg__cut(const struct rg__ranked_list *list, int64_t count);

/* The number of items in [begin, end) whose label reaches the threshold. */
int64_t rg__count_relevant(const struct rg__ranked_list *list, int64_t begin, int64_t end);

/* What "relevant" means, the fourth column of metrics.def: whether the list has such an item. */
bool rg__has_gain(const struct rg__ranked_list *list); /* a label above 0, whose gain is not 0 */
bool rg__has_threshold(const struct rg__ranked_list *list); /* a label that reaches the threshold */

/* A metric's value of a list that has a relevant item. May reorder the items. */
#define RG_METRIC(name, passes, alias, relevance, formula)                                         \
    double rg__##name(struct rg__ranked_list *list);
#include "metric/metrics.def"
#undef RG_METRIC

#endif

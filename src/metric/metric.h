/* metric.h (internal): what a metric's file sees of one list.
 *
 * The one idea: a list arrives ranked and cut into tie groups, runs of items whose order is not
 * known; a group of one item is an item whose rank is. So each metric is one formula, the expected
 * value over the orders within groups, and rg_ties only decides what is a group.
 */
#ifndef RG_METRIC_METRIC_H
#define RG_METRIC_METRIC_H

#include "ranking/order.h"

#include <rankgrad/metric.h>

/* The valid items of one list. The first n_ranked are ranked: those of the first k ranks, and what
 * is tied with them, come first and are sorted by rank, the others follow in any order. Those
 * behind n_ranked are unranked (score -inf): they take no rank, and still count among the relevant
 * items and in the ideal. */
struct rg__ranked_list {
    const rg_metric *metric;
    const rg_ranking *ranking;
    struct rg__item *items; /* (n) */
    struct rg__item *spare; /* (n / 2) the sort's own */
    int64_t n;
    int64_t n_ranked;
    double largest_label; /* over all n; NaN when n is 0 */
    double *ideal;        /* what the value is divided by, NaN: not computed yet; depends on the
                             labels alone, so it may be kept while only scores change */
};

/* Orders the ranked items as the metric's rg_ties says, as far as its cut-off k needs them. */
void rg__rank(struct rg__ranked_list *list);

/* The end of the tie group that begins at `begin`, at most n_ranked. */
int64_t rg__tie_end(const struct rg__ranked_list *list, int64_t begin);

/* How many ranks of `count` the cut-off k leaves: min(k, count), or count when k is 0. */
int64_t rg__cut(const struct rg__ranked_list *list, int64_t count);

/* The number of items in [begin, end) whose label reaches the threshold. */
int64_t rg__count_relevant(const struct rg__ranked_list *list, int64_t begin, int64_t end);

/* A line of metrics.def. */
struct rg__metric_kind {
    const char *name;
    const char *alias; /* "": none */
    const char *formula;
    bool (*has_relevant)(const struct rg__ranked_list *list);
    double (*value)(struct rg__ranked_list *list);
};

/* The kind of a metric; NULL for an unknown name, which is recorded. */
const struct rg__metric_kind *rg__find_metric(rg_context *ctx, const char *name, size_t length);

/* rg_metric_evaluate with `ideals` (n_lists), NaN at first, in which the lists' ideals are kept for
 * the next call with the same metric, labels, offsets and mask; NULL: they are not kept. */
rg_status rg__metric_evaluate(rg_context *ctx, const rg_metric *metric, const rg_ranking *ranking,
                              double *ideals, rg_metric_result *result, double *per_list);

/* What "relevant" means, the fourth column of metrics.def: whether the list has such an item. */
bool rg__has_gain(const struct rg__ranked_list *list); /* a label above 0, whose gain is not 0 */
bool rg__has_threshold(const struct rg__ranked_list *list); /* a label that reaches the threshold */

/* A metric's value of a list that has a relevant item. May reorder the items. */
#define RG_METRIC(name, passes, alias, relevance, formula)                                         \
    double rg__##name(struct rg__ranked_list *list);
#include "metric/metrics.def"
#undef RG_METRIC

#endif

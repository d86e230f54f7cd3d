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
    const void *params; /* the metric's own struct of parameters */
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

/* What a metric's file defines, as rg__metric_NAME. */
struct rg__metric_kind {
    rg_component component; /* first, so that a pointer to it is a pointer to this */
    const char *alias;      /* NULL: none */
    /* Whether the list has a relevant item: rg__has_gain or rg__has_threshold. */
    bool (*has_relevant)(const struct rg__ranked_list *list);
    /* The value of a list that has one. May reorder the items. */
    double (*value)(struct rg__ranked_list *list);
};

/* The kind of a metric, and its parameters; NULL for an unknown name, which is recorded. */
const struct rg__metric_kind *rg__metric_kind_of(rg_context *ctx, const rg_metric *metric,
                                                 rg_choice *own);

/* rg__metric_kind_of; RG_USAGE also for a metric with a field out of range. */
rg_status rg__check_metric(rg_context *ctx, const rg_metric *metric,
                           const struct rg__metric_kind **kind, rg_choice *own);

/* rg_metric_evaluate with `ideals` (n_lists), NaN at first, in which the lists' ideals are kept for
 * the next call with the same metric, labels, offsets and mask; NULL: they are not kept. */
rg_status rg__metric_evaluate(rg_context *ctx, const rg_metric *metric, const rg_ranking *ranking,
                              double *ideals, rg_metric_result *result, double *per_list);

/* Whether a list has a relevant item: a label above 0, whose gain is not 0; a label that reaches
 * the threshold. */
bool rg__has_gain(const struct rg__ranked_list *list);
bool rg__has_threshold(const struct rg__ranked_list *list);

#define RG_METRIC(id, passes) extern const struct rg__metric_kind rg__metric_##id;
#include "metric/metrics.def"
#undef RG_METRIC

#endif

/* metric.h (internal): how a metric is implemented.
 *
 * The one idea: a metric gets a ranked list that consists of tie groups, runs of items whose order
 * is unknown. Its formula is the expected value over all orders within the groups. rg_ties decides
 * what is a group: with any value other than RG_TIES_AVERAGE, each group has one item.
 */
#ifndef RG_METRIC_METRIC_H
#define RG_METRIC_METRIC_H

#include "ranking/order.h"

#include <rankgrad/metric.h>

/* The valid items of one list. The first n_ranked are ranked: those of the first k ranks and the
 * items tied with them come first, sorted by rank; the others follow in any order. Items from
 * n_ranked on are unranked (score -inf): they have no rank, but count as relevant items and in the
 * ideal. */
struct rg__ranked_list {
    const rg_metric *metric;
    const void *params; /* the metric's struct of parameters */
    const rg_ranking *ranking;
    struct rg__item *items;    /* (n) */
    struct rg__item *spare;    /* (n / 2 + 1), for sorting */
    struct rg__item *by_label; /* (n) for rg__by_label; NULL or `items`: these are reordered */
    int64_t n_by_label;        /* how many of by_label are sorted */
    int64_t label_cut;         /* how many metrics of this list need, 0: all */
    int64_t n;
    int64_t n_ranked;
    double largest_label; /* over all n; NaN when n is 0 */
    double smallest_label;
    double *ideal; /* the ideal DCG, NaN: not computed yet; it depends only on the labels, so
                             it is kept while only scores change */
};

/* Sorts the ranked items, as far as a cut-off k needs them, 0: all; ties as rg_ties says. */
void rg__rank(struct rg__ranked_list *list, int64_t k);

/* The items, sorted by label as far as the metric's cut-off needs them: the best order. */
struct rg__item *rg__by_label(struct rg__ranked_list *list);

/* The end of the tie group that begins at `begin`, at most n_ranked. */
int64_t rg__tie_end(const struct rg__ranked_list *list, int64_t begin);

/* min(k, count), or count if the cut-off k is 0. */
int64_t rg__cut(const struct rg__ranked_list *list, int64_t count);

/* The number of items in [begin, end) whose label reaches the threshold. */
int64_t rg__count_relevant(const struct rg__ranked_list *list, int64_t begin, int64_t end);

/* The expected number of relevant items among the first `cut` ranks, at most n_ranked. */
double rg__relevant_above(const struct rg__ranked_list *list, int64_t cut);

/* A metric; its file defines it as rg__metric_NAME. */
struct rg__metric_kind {
    rg_component component; /* first, so that a pointer to it is a pointer to this */
    const char *alias;      /* NULL: none */
    bool uses_gain;         /* of rg_gain, which bounds the labels */
    bool whole_list;        /* it is defined without a cut-off alone */
    bool lower_is_better;
    bool needs_subtopics; /* of rg_ranking */
    bool has_ideal;       /* it uses `ideal` and rg__by_label */
    bool reorders;        /* its value() changes the items' order or contents, otherwise */
    /* Whether the list has a relevant item: rg__has_gain or another function below. */
    bool (*has_relevant)(const struct rg__ranked_list *list);
    /* The value of a list with a relevant item. */
    double (*value)(struct rg__ranked_list *list);
};

/* The kind of a metric, and its parameters; NULL, with the error set, for an unknown name. */
const struct rg__metric_kind *rg__metric_kind_of(rg_context *ctx, const rg_metric *metric,
                                                 rg_choice *own);

/* Checks a metric and finds its kind and parameters; RG_USAGE for an unknown name or a field out of
 * range. */
rg_status rg__check_metric(rg_context *ctx, const rg_metric *metric,
                           const struct rg__metric_kind **kind, rg_choice *own);

/* rg_metrics_evaluate with `ideals` (n_metrics, n_lists), initially NaN, in which the ideals of the
 * lists are kept for the next call with the same metrics, labels, offsets and mask; NULL: they are
 * not kept. */
rg_status rg__metrics_evaluate(rg_context *ctx, const rg_metric *metrics, int n_metrics,
                               const rg_ranking *ranking, double *ideals, rg_metric_result *results,
                               double *per_list);

/* Gives a metric the conventions and parameters of a tool; *whole_list: it has no cut-off there.
 * RG_USAGE for a tool that does not exist or does not have the metric. */
rg_status rg__metric_set_like(rg_context *ctx, const char *tool, const struct rg__metric_kind *kind,
                              rg_metric *metric, bool *whole_list);

/* Whether a list has a relevant item: one with a label above 0, whose gain is not 0; one with a
 * label of at least the threshold; two whose labels differ. */
bool rg__has_gain(const struct rg__ranked_list *list);
bool rg__has_threshold(const struct rg__ranked_list *list);
bool rg__has_pair(const struct rg__ranked_list *list);

#define RG_METRIC(id, passes) extern const struct rg__metric_kind rg__metric_##id;
#include "metric/metrics.def"
#undef RG_METRIC

#endif

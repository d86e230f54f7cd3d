/* metric.h: ranking metrics: NDCG, MAP and others.
 *
 * A metric gives each list a number; the result is the (weighted) mean over the lists. It depends
 * on scores only through the order of the items. With tied scores it is, by default, the expected
 * value over all orders of the tied items, so the order of rows in a file does not matter.
 */
#ifndef RANKGRAD_METRIC_H
#define RANKGRAD_METRIC_H

#include <rankgrad/component.h>
#include <rankgrad/ranking.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How items with equal scores are ranked. */
typedef enum rg_ties {
    RG_TIES_AVERAGE, /* expected value over all orders of equal scores (McSherry & Najork 2008) */
    RG_TIES_INPUT,   /* row order */
    RG_TIES_DOCID,   /* greater doc id first, as in trec_eval; without doc ids the later row */
    RG_TIES_PESSIMISTIC /* lower label first, as in CatBoost */
} rg_ties;

/* The value of a list without a relevant item. */
typedef enum rg_no_relevant {
    RG_NO_RELEVANT_ZERO, /* 0 */
    RG_NO_RELEVANT_ONE,  /* 1, as in LightGBM and XGBoost */
    RG_NO_RELEVANT_SKIP  /* none: the list is left out of the mean */
} rg_no_relevant;

/* What an item with a negative label is. It is never relevant. */
typedef enum rg_negatives {
    RG_NEGATIVES_ZERO, /* one of gain 0 */
    RG_NEGATIVES_KEEP, /* one of negative gain, as in rax and CatBoost */
    RG_NEGATIVES_DROP, /* none: as if it were masked, as in TF-Ranking */
    RG_NEGATIVES_ERROR /* an error in the data, as in LightGBM and XGBoost */
} rg_negatives;

/* Names for options and messages: "average", ..., "zero", ...; NULL past the last value. */
RG_API const char *rg_ties_name(rg_ties ties);
RG_API const char *rg_no_relevant_name(rg_no_relevant policy);
RG_API const char *rg_negatives_name(rg_negatives negatives);

/* The metrics, with their formulas and parameters. Static. */
RG_API const rg_registry *rg_metrics(void);

/* A metric and its options. */
typedef struct rg_metric {
    const char *name;             /* one of rg_metrics(), such as "ndcg"; not copied */
    int64_t k;                    /* cut-off; 0: the whole list */
    rg_gain gain;                 /* for metrics with gains, such as ndcg; default exp */
    rg_ties ties;                 /* default average */
    rg_no_relevant no_relevant;   /* value of a list without a relevant item; default zero */
    double threshold;             /* for metrics of binary relevance: label >= this; default 1 */
    rg_choice own;                /* its parameters; component NULL: the defaults */
    rg_negatives negative_labels; /* default zero */
    bool f32_scores;              /* compare scores rounded to f32, as tools do that keep them so */
} rg_metric;

/* Parses text such as "ndcg@10" (case is ignored; rr, ap and p are aliases; without @, k = 0), with
 * parameters, if any, before the @; the other members get their defaults. RG_USAGE otherwise; the
 * message lists the known names. */
RG_API rg_status rg_metric_parse(rg_context *ctx, const char *text, rg_metric *metric);

/* Parses the same, with the conventions of another tool: one of rg_metric_tool_at; NULL: ours. The
 * tool decides all fields of *metric besides name and k, and the metric's parameters that the text
 * does not give; fields set after the call override it. The values are then those that the tool
 * reports (docs/metrics.md). RG_USAGE, too, for a metric that the tool does not have; the message
 * lists those that it has. */
RG_API rg_status rg_metric_like(rg_context *ctx, const char *tool, const char *text,
                                rg_metric *metric);

/* The i-th tool: "trec_eval", "lightgbm", ...; NULL past the last. */
RG_API const char *rg_metric_tool_at(int i);

/* Whether a lower value is a better one, as of arp. */
RG_API bool rg_metric_lower_is_better(const rg_metric *metric);

/* The most subtopics that a ranking may have. */
#define RG_MAX_SUBTOPICS 1024

/* Scored lists (Q of N items); not owned. List q is the items offsets[q] up to offsets[q+1] - 1. */
typedef struct rg_ranking {
    int64_t n_lists;
    const int64_t *offsets;     /* (n_lists + 1) */
    const double *scores;       /* (N) NaN ranks last; an item of -inf is not ranked */
    const double *labels;       /* (N) */
    const uint8_t *where;       /* (N) mask: 0 means that the item does not exist; NULL: all do */
    const double *list_weights; /* (n_lists); NULL: 1 */
    const char *const *doc_ids; /* (N), used by RG_TIES_DOCID; may be NULL */
    const uint8_t *subtopics; /* (N,n_subtopics) an item's grade for each subtopic of its list, for
                                   alpha_ndcg and err_ia: from the threshold on it covers the
                                   subtopic; may be NULL */
    int64_t n_subtopics;      /* at most RG_MAX_SUBTOPICS */
} rg_ranking;

typedef struct rg_metric_result {
    double value;          /* sum w v / sum w over the lists in the mean; NaN if there are none */
    int64_t n_lists;       /* of the ranking */
    int64_t n_empty;       /* lists without a valid item: left out of the mean */
    int64_t n_no_relevant; /* other lists without a relevant item: see rg_no_relevant */
    double largest_label;  /* over valid items; NaN if there are none */
    int64_t n_items;       /* valid items of all lists */
    int64_t n_unscored;    /* valid items with a NaN score */
} rg_metric_result;

/* Evaluates a metric. per_list (n_lists doubles of the caller, may be NULL) gets the value of each
 * list: 0 for an empty list, NaN for a skipped one. The time for a list of n items is n + m log m,
 * where m items are within the cut-off k or tied with rank k; n log n without a cut-off. Lists are
 * distributed over the context's threads; the bits do not depend on their number. RG_BAD_DATA for
 * a NaN label, or one above 1023 with the exponential gain (the message gives the row); one warning
 * for labels above 31. NaN scores are counted, with a warning; RG_BAD_DATA if all are NaN. */
RG_API rg_status rg_metric_evaluate(rg_context *ctx, const rg_metric *metric,
                                    const rg_ranking *ranking, rg_metric_result *result,
                                    double *per_list);

/* Evaluates several metrics of the same lists; each list is sorted once for all that break ties in
 * the same way. results (n_metrics); per_list (n_metrics, n_lists), metric after metric, may be
 * NULL. The bits are those of rg_metric_evaluate for each of them. */
RG_API rg_status rg_metrics_evaluate(rg_context *ctx, const rg_metric *metrics, int n_metrics,
                                     const rg_ranking *ranking, rg_metric_result *results,
                                     double *per_list);

#ifdef __cplusplus
}
#endif
#endif

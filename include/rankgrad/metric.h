/* metric.h: how good an order is.
 *
 * The one idea: a metric gives each list a number, and the mean over the lists is the report. It
 * depends on scores only through the order they make, and equal scores make no order: by default a
 * metric is the expected value over all orders of the tied items, so that the order of rows in a
 * file cannot matter.
 */
#ifndef RANKGRAD_METRIC_H
#define RANKGRAD_METRIC_H

#include <rankgrad/component.h>
#include <rankgrad/ranking.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rg_ties {
    RG_TIES_AVERAGE, /* expected value over all orders of equal scores (McSherry & Najork 2008) */
    RG_TIES_INPUT,   /* row order */
    RG_TIES_DOCID,   /* greater doc id first, as trec_eval; without doc ids the later row */
    RG_TIES_PESSIMISTIC /* lower label first, as CatBoost */
} rg_ties;

typedef enum rg_no_relevant {
    RG_NO_RELEVANT_ZERO,
    RG_NO_RELEVANT_ONE,
    RG_NO_RELEVANT_SKIP
} rg_no_relevant;

/* Names for options and messages: "exp", "average", "zero", ...; NULL past the last value. */
RG_API const char *rg_ties_name(rg_ties ties);
RG_API const char *rg_no_relevant_name(rg_no_relevant policy);

/* The metrics, with their formulas and parameters. Static. */
RG_API const rg_registry *rg_metrics(void);

/* A metric and its conventions. */
typedef struct rg_metric {
    const char *name;           /* of one of rg_metrics(): "ndcg"; static or the caller's */
    int64_t k;                  /* cut-off; 0: the whole list */
    rg_gain gain;               /* of ndcg and dcg; default exp */
    rg_ties ties;               /* default average */
    rg_no_relevant no_relevant; /* a list without a relevant item: counts 0 (default), 1, or not */
    double threshold;           /* a label >= this is relevant to map, mrr, precision; default 1 */
    rg_choice own;              /* its own parameters; component NULL: their defaults */
} rg_metric;

/* Reads "ndcg@10" (case ignored; aliases rr, ap, p; no @: k = 0), perhaps with parameters before
 * the @, and fills in the defaults of the conventions. RG_USAGE with the known names otherwise. */
RG_API rg_status rg_metric_parse(rg_context *ctx, const char *text, rg_metric *metric);

/* Scored lists. Nothing is owned. Item k of list q is at offsets[q] + k. */
typedef struct rg_ranking {
    int64_t n_lists;
    const int64_t *offsets;     /* (n_lists + 1) */
    const double *scores;       /* (N) NaN ranks last; -inf is unranked: never counted */
    const double *labels;       /* (N) */
    const uint8_t *where;       /* (N) 0: as if the item were not there; NULL: all there */
    const double *list_weights; /* (n_lists); NULL: every list counts 1 */
    const char *const *doc_ids; /* (N), read by RG_TIES_DOCID; may be NULL */
} rg_ranking;

typedef struct rg_metric_result {
    double value;          /* sum w v / sum w over counted lists; NaN when none is counted */
    int64_t n_lists;       /* all */
    int64_t n_empty;       /* without a valid item: left out of the mean */
    int64_t n_no_relevant; /* non-empty, without a relevant item: treated as no_relevant says */
    double largest_label;  /* over valid items; NaN when there is none */
    int64_t n_items;       /* valid items of all lists */
    int64_t n_unscored;    /* of those: the score is NaN */
} rg_metric_result;

/* Evaluates one metric. per_list (n_lists doubles, the caller's, may be NULL) gets each list's
 * value: 0 for an empty list, NaN for a skipped one. Time per list of n items: n + m log m, where m
 * items are within the cut-off k or tied with rank k; n log n without a cut-off. Lists are shared
 * out among the context's threads; the bits do not depend on their number. RG_BAD_DATA for a NaN
 * label or one above 1023 under the exponential gain (row told); one warning above 31. Items
 * whose score is NaN are counted, with a warning; RG_BAD_DATA when that is every item. */
RG_API rg_status rg_metric_evaluate(rg_context *ctx, const rg_metric *metric,
                                    const rg_ranking *ranking, rg_metric_result *result,
                                    double *per_list);

#ifdef __cplusplus
}
#endif
#endif

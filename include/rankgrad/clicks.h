/* clicks.h: learning from clicks: simulated clicks, propensities of positions, and inverse
 * propensity weights.
 *
 * The position-based model: a user examines position k with a probability that depends on k alone,
 * and clicks an examined item with a probability that depends on the item alone, its relevance:
 *
 *   P(click) = theta_k gamma
 *
 * Only the product can be observed, so propensities are given relative to a reference position,
 * which has 1: position 1, or the first one that was clicked. In a split of clicks each list is one
 * result page as it was shown, `positions` is where its items stood, and the label is 1 for a
 * click, else 0. docs/clicks.md has a worked example. */
#ifndef RANKGRAD_CLICKS_H
#define RANKGRAD_CLICKS_H

#include <rankgrad/data.h>
#include <rankgrad/output.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Propensities ---------------------------------------------------------------------------- */

/* Propensities of positions 1 to n. */
typedef struct rg_propensities {
    int64_t n;
    double *value;  /* (n) theta_k relative to the reference position: 0 for a position that was
                       shown and never clicked, NaN for one that was never shown */
    double *shown;  /* (n) items shown at the position, by list weight; may be NULL */
    double *clicks; /* (n) those of them that were clicked; may be NULL */
    /* The results of the estimation. */
    int64_t reference; /* the position whose propensity is 1 */
    int64_t iterations;
    double change;         /* the largest change of a propensity in the last iteration */
    double log_likelihood; /* of the clicks, mean per item shown */
    bool converged;        /* change <= tolerance */
} rg_propensities;

/* Frees the arrays. Propensities of zeros are allowed. */
RG_API void rg_propensities_free(rg_context *ctx, rg_propensities *propensities);

typedef enum rg_propensity_method {
    RG_PROPENSITY_EM,           /* a relevance for each query and document */
    RG_PROPENSITY_REGRESSION_EM /* relevance is a logistic function of the features */
} rg_propensity_method;

/* "em", "regression-em"; NULL past the last value. */
RG_API const char *rg_propensity_method_name(rg_propensity_method method);

typedef struct rg_propensity_options {
    rg_propensity_method method; /* em */
    int64_t iterations;          /* at most this many; 1000 */
    double tolerance;            /* stop when no propensity changes by more; 1e-5 */
} rg_propensity_options;

/* The defaults given above. */
RG_API rg_propensity_options rg_propensity_options_default(void);

/* Estimates the propensities of the positions of a split of clicks by maximum likelihood of the
 * position-based model, with expectation maximisation (Wang et al. 2018, "Position bias estimation
 * for unbiased learning to rank in personal search"). Both methods start from theta_k = 1/2 and the
 * same relevance for all, and no iteration lowers the likelihood. A list of weight 3 counts like
 * three copies of it; item weights are ignored. The result has the same bits for any number of
 * threads. If there is no convergence, that is a warning in the log.
 *
 *   em             gamma is a parameter of each query and document, by query_ids and doc_ids; so
 *                  documents must be shown at several positions. theta of two positions can be
 *                  compared if a chain of documents that were clicked at least once and shown at
 *                  two positions connects them.
 *   regression-em  gamma = 1 / (1 + exp(-(w x + b))), x the features by zscore; no document need be
 *                  shown twice. Wang et al. use gradient boosted trees instead of a linear
 *                  function. If the features tell the position, positions and relevance cannot be
 *                  separated.
 *
 * RG_BAD_DATA, with the row and the remedy: no labels, lists or positions; a label other than 0 and
 * 1; a position outside of 1 to RG_MAX_POSITION; no click at all; and for em a row without query or
 * document id, or a clicked position that no chain connects to the reference. RG_USAGE for an
 * option out of range. Free *out with rg_propensities_free. */
RG_API rg_status rg_propensities_estimate(rg_context *ctx, const rg_split *split,
                                          const rg_propensity_options *options,
                                          rg_propensities *out);

/* Writes propensities as text (TSV): a header, then position, propensity, and the items shown and
 * clicked, one line for each position that was shown. */
RG_API rg_status rg_propensities_write(rg_context *ctx, const rg_propensities *propensities,
                                       rg_output *out);

/* The header of that text, for rg_output_options. Static. */
RG_API const char *rg_propensities_header(void);

/* Reads such a text; columns after the first two are ignored. RG_BAD_DATA names the line of a
 * position that is out of range or occurs twice, and of a propensity that is negative or not
 * finite. Free *out with rg_propensities_free. */
RG_API rg_status rg_propensities_read(rg_context *ctx, const char *path, rg_propensities *out);

/* Computes the item weights of inverse propensity weighting: weights[i], for the n_rows rows of a
 * split, is the split's own weight (or 1), and for an item with a label above 0 that times
 * min(1 / theta_k, most_weight), k its position. With them a loss that is a sum over the items with
 * a label above 0, each times its weight, such as ranking_softmax, is in expectation that of clicks
 * without position bias (Joachims et al. 2017). Pairwise losses nearly are, pointwise ones are not.
 * *n_clipped (may be NULL) gets the number of weights that `most_weight` has limited. RG_USAGE if
 * `most_weight` < 1; RG_BAD_DATA, with the row, if the split has no labels or positions, or if a
 * position has no propensity, or 0 at a click. */
RG_API rg_status rg_propensity_weights(rg_context *ctx, const rg_split *split,
                                       const rg_propensities *propensities, double most_weight,
                                       double *weights, int64_t *n_clipped);

/* ---- Simulated clicks ------------------------------------------------------------------------ */

typedef struct rg_click_options {
    int64_t sessions;   /* result pages for each list; 10 */
    int64_t depth;      /* items on a page; 10 */
    double eta;         /* theta_k = k^-eta; 1 */
    double noise;       /* P(click) of an examined item without relevance; 0.1 */
    double temperature; /* of the order, see below; 0 */
    uint64_t seed;      /* 1 */
} rg_click_options;

/* The defaults given above. */
RG_API rg_click_options rg_click_options_default(void);

/* Simulates clicks on the lists of a split with labels y. Each session is a list of the result: its
 * items are the first `depth` in the order of scores + temperature * Gumbel noise, that is, the
 * order is drawn from a Plackett-Luce model, and with temperature 0 it is that of the scores; equal
 * ones, and all if `scores` is NULL, are in random order. Item k is clicked with probability
 *
 *   k^-eta (noise + (1 - noise) (2^y - 1) / (2^y_max - 1)),   y_max: the largest label of the split
 *
 * (labels below 0 count as 0). Masked rows are left out. The result has one split, named "train",
 * with the features, query and document ids of the split (numbers from 1 if it has none),
 * positions, and clicks as labels. The source split must outlive *out, which the caller owns. The
 * same arguments give the same bits. `truth` (may be NULL) gets the propensities, to be freed with
 * rg_propensities_free. RG_USAGE for an option out of range, RG_BAD_DATA for a split without labels
 * or lists, or a label or score that is not finite. */
RG_API rg_status rg_clicks_simulate(rg_context *ctx, const rg_split *split, const double *scores,
                                    const rg_click_options *options, rg_dataset **out,
                                    rg_propensities *truth);

#ifdef __cplusplus
}
#endif
#endif

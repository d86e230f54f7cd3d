/* prepare.h (internal): what is looked at and decided before the first step. */
#ifndef RG_TRAIN_PREPARE_H
#define RG_TRAIN_PREPARE_H

#include "data/rows.h"

#include <rankgrad/train.h>

/* RG_USAGE names the first option out of range, with the range. */
rg_status rg__check_train_options(rg_context *ctx, const rg_train_options *options);

/* RG_LIMIT, before any of it is taken, when dense copies of the rows (vali may be NULL),
 * parameters, gradients and normalisation are more than the limit; names the sizes. */
rg_status rg__check_train_memory(rg_context *ctx, const rg_train_options *options,
                                 const rg_split *train, const rg_split *vali);

/* RG_BAD_DATA where a split cannot be trained or validated on: no rows, no labels, no lists, labels
 * or weights that are not finite, negative labels under the policy `error`. */
rg_status rg__check_train_split(rg_context *ctx, const rg_split *split, const char *what,
                                rg_negative_labels policy);

/* 1 / (mean label mass of the lists that have any); 1 when none has. *n_without gets the number of
 * lists with items but no label mass. */
double rg__label_scale(const struct rg__rows *rows, int64_t *n_without);

/* Masks (N, allocated from ctx) that set whole lists aside: `vali` gets about `fraction` of the
 * non-empty lists, drawn by the seed, `train` the others; each at least one. RG_BAD_DATA when there
 * are fewer than two. */
rg_status rg__hold_out_lists(rg_context *ctx, const rg_split *split, double fraction, uint64_t seed,
                             uint8_t **train, uint8_t **vali);

/* Why a score is not finite. RG_BAD_DATA names the row and the feature that is not; RG_DIVERGED
 * where all of them are. Looked for only then, so that no training pays for a read of its own. */
rg_status rg__explain_scores(rg_context *ctx, const rg_split *split, const char *what);

/* The exponential gain of a selection metric ends at label 1023: beyond it, in a training or (not
 * NULL) validation split, the metric gets the linear gain, and a note says so. */
void rg__choose_gain(rg_context *ctx, const rg_split *train, const rg_split *vali,
                     rg_metric *metric);

/* One note to the log that names the features with a normalised value beyond 50 deviations. */
rg_status rg__note_outliers(rg_context *ctx, const struct rg__rows *rows, const rg_split *split);

/* A fingerprint of what is trained on: xxh3 of labels, lists and (where it was fitted, so of the
 * features too) the normalisation. */
uint64_t rg__fingerprint(const rg_split *split, const rg_normalization *normalization);

/* The options and outcome as JSON, the same bytes for the same training; allocated from ctx. */
char *rg__train_history(rg_context *ctx, const rg_train_options *options,
                        const rg_train_result *result, uint64_t fingerprint);

#endif

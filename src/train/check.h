/* check.h (internal): what is refused, and the error message. */
#ifndef RG_TRAIN_CHECK_H
#define RG_TRAIN_CHECK_H

#include "normalize/rows.h"
#include "train/labels.h"

#include <rankgrad/train.h>

/* RG_USAGE names the first option out of range, with the range. */
rg_status rg__check_train_options(rg_context *ctx, const rg_train_options *options);

/* Decides whether features stream, so that they (vali may be NULL), parameters, gradients and
 * normalisation, which is not fitted yet, stay within the limit, of which a copy of rows has taken
 * n_copied bytes. RG_LIMIT, before anything else is allocated, where even a window does not fit;
 * names the sizes. */
rg_status rg__plan_train_memory(rg_context *ctx, const rg_train_options *options,
                                const rg_normalization *normalization, const rg_split *train,
                                const rg_split *vali, const struct rg__inputs *inputs,
                                int64_t n_copied, struct rg__windowing *windowing);

/* RG_BAD_DATA where a split cannot be trained on, or (`rules` NULL) validated on: no rows, no
 * labels, no lists, or labels or weights that rg__check_labels refuses. */
rg_status rg__check_train_split(rg_context *ctx, const rg_split *split, const char *what,
                                const struct rg__label_rules *rules);

/* Why a score is not finite. RG_BAD_DATA names the row and the feature that is not; RG_DIVERGED if
 * all features are finite. They are read only then, so that no training pays for it. */
rg_status rg__explain_scores(rg_context *ctx, const rg_split *split, const char *what);

#endif

/* prepare.h (internal): what is decided before the first step. */
#ifndef RG_TRAIN_PREPARE_H
#define RG_TRAIN_PREPARE_H

#include "normalize/rows.h"

#include <rankgrad/train.h>

/* 1 / (mean label mass, by list weight, of the lists that have any); 1 when none has. *n_without
 * gets the number of lists that count in which no label, times its weight, is above 0. */
double rg__label_scale(const struct rg__rows *rows, int64_t *n_without);

/* Masks (N, allocated from ctx) that set whole lists aside: `vali` gets about `fraction` of the
 * non-empty lists, drawn by the seed, `train` the others; each at least one. RG_BAD_DATA when there
 * are fewer than two. */
rg_status rg__hold_out_lists(rg_context *ctx, const rg_split *split, double fraction, uint64_t seed,
                             uint8_t **train, uint8_t **vali);

/* The exponential gain of a selection metric ends at label 1023: beyond it, in a training or (not
 * NULL) validation split, the metric gets the linear gain, and a note says so. */
void rg__choose_gain(rg_context *ctx, const rg_split *train, const rg_split *vali,
                     rg_metric *metric);

/* One warning to the log that names the features with a normalised value beyond 50 deviations; of
 * rows that are a copy. */
rg_status rg__note_outliers(rg_context *ctx, struct rg__rows *rows, const rg_split *split);

/* A warning to the log that names the columns with a sentinel (rg_extremes_sentinel). Of many rows
 * about 50,000 are looked at, spread over all. */
rg_status rg__warn_of_sentinels(rg_context *ctx, const rg_split *split,
                                const struct rg__inputs *inputs);

/* One warning where f32 would lose something of features in f64 (precision.h): for a model in
 * f32 without a normalisation. */
rg_status rg__note_rounding(rg_context *ctx, const rg_split *split);

#endif

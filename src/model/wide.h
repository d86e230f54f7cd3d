/* wide.h (internal): the weights of a linear model, with the scales of its normalisation, for every
 * column of the data.
 *
 * A model keeps weights only for the columns that occurred in training, so that each number of a
 * sparse row has to be looked up. A table over all columns does without, but takes memory for each
 * of them. It is made where that is bounded, and once as many numbers were looked up as it would
 * have columns: making it takes less time than that. */
#ifndef RG_MODEL_WIDE_H
#define RG_MODEL_WIDE_H

#include "model/model.h"

/* A model's table, not made yet; NULL: out of memory. */
struct rg__wide *rg__wide_create(rg_context *ctx);
void rg__wide_destroy(rg_context *ctx, struct rg__wide *wide);

/* Frees the table, because the weights or the normalisation change. */
void rg__wide_clear(rg_context *ctx, struct rg__wide *wide);

/* *table gets the table with which the rows of a sparse split can be scored as they are stored: an
 * array of weights or, where the normalisation has scales, of struct rg__scaled_weight. NULL: there
 * is none. Call it from one thread at a time. */
rg_status rg__wide_table(const rg_model *model, const rg_split *split, const void **table);

#endif

/* sparse.h (internal): sparse rows as a model wants them: numbered by the model's columns and
 * normalised, and still sparse.
 *
 * A stored number stays one, in its place, so that rows can be copied side by side:
 *   - in a column of the model, it is normalised;
 *   - in another column, whose weight is 0, it becomes x * 0 at position 0: a NaN stays a NaN.
 * Behind them come the columns that the row does not store but whose normalised value is not 0,
 * which are those with a shift. Of a normalisation that was fitted on sparse rows, these are
 * columns that every training row stores. Positions therefore need not ascend. */
#ifndef RG_NORMALIZE_SPARSE_H
#define RG_NORMALIZE_SPARSE_H

#include "normalize/inputs.h"

#include <rankgrad/normalize.h>

struct rg__sparse {
    rg_context *ctx;
    const rg_split *split;
    const struct rg__inputs *inputs;
    const rg_normalization *normalization;
    int64_t n_shifted;
    int32_t *shifted; /* the positions with a shift, ascending */
};

/* The rows [begin, end) where they are. */
rg_csr rg__csr_rows(const rg_csr *csr, int64_t begin, int64_t end);

/* Whether the normalised rows of a split are sparse: not where most inputs have a shift, and by
 * list, not where there is a negative number, where the zeros would not stay zeros. */
bool rg__stays_sparse(const rg_split *split, const rg_normalization *normalization);

/* Prepares for the rows of a sparse split, all of which must outlive it. End with
 * rg__sparse_close, also after failure. */
rg_status rg__sparse_open(rg_context *ctx, const rg_split *split, const struct rg__inputs *inputs,
                          const rg_normalization *normalization, struct rg__sparse *sparse);
void rg__sparse_close(struct rg__sparse *sparse);

/* How many numbers a row has when it is loaded. */
int64_t rg__sparse_count(const struct rg__sparse *sparse, int64_t row);

/* Bytes of scratch that loading needs for rows of up to `n_values` stored numbers together. */
size_t rg__sparse_scratch(const struct rg__sparse *sparse, int64_t n_values);

/* Loads the valid ones of the rows [begin, end), normalised as one list, to `indices` and `data`
 * (of `dtype`), one after the other; returns how many numbers they have. */
int64_t rg__sparse_load(const struct rg__sparse *sparse, int64_t begin, int64_t end, void *scratch,
                        rg_dtype dtype, int32_t *indices, void *data);

#endif

/* rows.h (internal): rows of a split as a model wants them: valid, dense, normalised.
 *
 * The one idea: masked rows are dropped here, when rows enter memory, and nowhere else: a masked
 * row may hold NaN, and 0 * NaN would poison the weights. */
#ifndef RG_DATA_ROWS_H
#define RG_DATA_ROWS_H

#include "base/base.h"

#include <rankgrad/data.h>

/* Bytes of scratch that rg__load_rows needs for up to n_rows rows of this split; 0: none. */
size_t rg__load_scratch(const rg_split *split, int64_t n_rows);

/* Loads the valid ones of the rows [begin, end) into out->data, (end - begin, F) of out->dtype,
 * normalised as one list; returns how many they are. */
int64_t rg__load_rows(const rg_split *split, const rg_normalization *normalization, int64_t begin,
                      int64_t end, void *scratch, rg_tensor *out);

/* A whole split in memory. Labels and weights (item weight times list weight) are of the model's
 * type; lists without a valid item stay, empty. */
struct rg__rows {
    rg_context *ctx;
    rg_dtype dtype;
    int64_t n_rows, n_features, n_lists;
    int64_t *offsets; /* (n_lists + 1) over valid rows */
    const void
        *features; /* (n_rows, n_features); the split's own where they can stay as they are */
    void *labels;  /* (n_rows) */
    void *weights; /* (n_rows); NULL: all 1 */
    void *copy;    /* features, when they had to be copied */
};

/* Whether a split's features can be computed with as they are, so that loading copies nothing. */
bool rg__rows_stay(const rg_split *split, rg_normalize method, rg_dtype dtype);

/* Loads a split, which must outlive the rows. End with rg__rows_close, also after failure. */
rg_status rg__rows_open(rg_context *ctx, const rg_split *split,
                        const rg_normalization *normalization, rg_dtype dtype,
                        struct rg__rows *rows);
void rg__rows_close(struct rg__rows *rows);

#endif

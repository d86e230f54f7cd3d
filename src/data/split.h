/* split.h (internal): whether a split is sound, and what everybody who walks over one asks.
 *
 * An rg_split is an open struct that any program may have filled. Whoever takes one
 * from outside validates it once, at the API boundary; after that offsets, indptr and columns are
 * trusted. */
#ifndef RG_DATA_SPLIT_H
#define RG_DATA_SPLIT_H

#include "base/base.h"

#include <rankgrad/data.h>

/* A masked row stands in the arrays, but nothing may look at its numbers. */
static inline bool rg__row_is_there(const rg_split *split, int64_t row)
{
    return !split->mask || split->mask[row];
}

static inline bool rg__has_sparse_rows(const rg_split *split)
{
    return split->csr.indptr != NULL;
}

static inline rg_dtype rg__features_type(const rg_split *split)
{
    return rg__has_sparse_rows(split) ? split->csr.dtype : split->features.dtype;
}

/* Bytes of one dense row as it is stored, which may have more columns than the split has features.
 */
static inline size_t rg__stored_row_size(const rg_split *split)
{
    return (size_t)split->features.dims[1] * rg_dtype_size(split->features.dtype);
}

/* Where feature j is in a stored dense row. */
static inline int64_t rg__column_of(const rg_split *split, int64_t j)
{
    return split->columns ? split->columns[j] : j;
}

/* The most rows that a list has, 0 where there is no list; offsets (n_lists + 1). */
static inline int64_t rg__longest_list(const int64_t *offsets, int64_t n_lists)
{
    int64_t longest = 0;
    for (int64_t q = 0; q < n_lists; q++)
        if (longest < offsets[q + 1] - offsets[q])
            longest = offsets[q + 1] - offsets[q];
    return longest;
}

/* Whether the shapes, the types, the offsets and the sparse rows are sound; RG_BAD_DATA,
 * "WHAT: ...". No number of dense features is looked at; of sparse ones every column is. */
rg_status rg__check_split(rg_context *ctx, const rg_split *split, const char *what);

/* Checks that the rows that are not masked have positions from 1 to RG_MAX_POSITION; *most gets the
 * largest. RG_BAD_DATA: "WHAT has no positions", or the row. */
rg_status rg__check_positions(rg_context *ctx, const rg_split *split, const char *what,
                              int64_t *most);

/* Copies one row of the split, dense and in its own type (of sparse rows csr.dtype), to n_features
 * numbers. */
void rg__copy_row(const rg_split *split, int64_t row, void *to);

/* Whether two sound splits with as many features and with labels have the same lists, labels and
 * features, in the same order; of masked rows only that they are. Stops at the first difference. */
rg_status rg__same_rows(rg_context *ctx, const rg_split *a, const rg_split *b, bool *same);

/* For reading all rows in order: releases the pages of the rows before r of a mapped file, from
 * time to time, because it may be larger than memory. */
void rg__leave_rows(const rg_split *split, int64_t r);

/* Whether offsets (n + 1) begin with 0, never decrease and end with `last`, the number of `units`;
 * RG_BAD_DATA, "WHERE: NAME: ...". */
rg_status rg__check_offsets(rg_context *ctx, const char *where, const char *name,
                            const int64_t *offsets, int64_t n, int64_t last, const char *units);

/* Whether the columns of every row are there and ascend; RG_BAD_DATA, "WHERE: NAME: row ...". Rows
 * are told as order[row] + 1; NULL: as row + 1. The indptr must be sound. */
rg_status rg__check_columns(rg_context *ctx, const char *where, const char *name, const rg_csr *csr,
                            const int64_t *order);

#endif

/* split.c: whether a split is sound, its rows, and whether two splits are equal; see split.h. */
#include "data/split.h"

#include "base/file.h"
#include "tensor/tensor.h"

#include <string.h>

rg_status rg__check_offsets(rg_context *ctx, const char *where, const char *name,
                            const int64_t *offsets, int64_t n, int64_t last, const char *units)
{
    for (int64_t i = 0; i < n; i++)
        if (offsets[i + 1] < offsets[i])
            return rg__fail(ctx, RG_BAD_DATA,
                            "%s: %s: element %lld (from 1) is %lld after %lld; they never decrease",
                            where, name, (long long)i + 2, (long long)offsets[i + 1],
                            (long long)offsets[i]);
    if (offsets[0] == 0 && offsets[n] == last)
        return RG_OK;
    return rg__fail(ctx, RG_BAD_DATA,
                    "%s: %s goes from %lld to %lld; from 0 to the number of %s, %lld, is expected",
                    where, name, (long long)offsets[0], (long long)offsets[n], units,
                    (long long)last);
}

/* Whether a row's columns ascend within range, without a branch for each. */
static bool has_sound_columns(const rg_csr *csr, int64_t row)
{
    const int32_t *column = csr->indices + csr->indptr[row];
    int64_t n = csr->indptr[row + 1] - csr->indptr[row];
    int32_t wrong = n > 0 && (column[0] < 0 || column[n - 1] >= csr->n_cols);
    for (int64_t k = 1; k < n; k++)
        wrong |= column[k] <= column[k - 1];
    return !wrong;
}

rg_status rg__check_columns(rg_context *ctx, const char *where, const char *name, const rg_csr *csr,
                            const int64_t *order)
{
    for (int64_t row = 0; row < csr->n_rows; row++) {
        int64_t before = -1;
        if (has_sound_columns(csr, row))
            continue;
        for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1]; k++) {
            int32_t column = csr->indices[k];
            long long number = (long long)(order ? order[row] : row) + 1;
            if (column < 0 || column >= csr->n_cols)
                return rg__fail(ctx, RG_BAD_DATA,
                                "%s: %s: row %lld (from 1) has column %d; 0 to %lld is expected",
                                where, name, number, column, (long long)csr->n_cols - 1);
            if (column <= before)
                return rg__fail(ctx, RG_BAD_DATA,
                                "%s: %s: row %lld (from 1) has column %d %s; ascending ones, each "
                                "once, are expected",
                                where, name, number, column,
                                column == before ? "twice" : "after a greater one");
            before = column;
        }
    }
    return RG_OK;
}

static rg_status check_sparse(rg_context *ctx, const rg_split *split, const char *what)
{
    const rg_csr *csr = &split->csr;
    if (csr->n_rows != split->n_rows || csr->n_cols != split->n_features ||
        csr->n_cols > INT32_MAX || !rg_dtype_computes(csr->dtype))
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: csr is (%lld,%lld) of %s for a split of %lld rows and %lld features; "
                        "f32 or f64 is expected",
                        what, (long long)csr->n_rows, (long long)csr->n_cols,
                        rg__dtype_text(csr->dtype), (long long)split->n_rows,
                        (long long)split->n_features);
    int64_t n_values = csr->indptr[csr->n_rows];
    rg_status status =
        rg__check_offsets(ctx, what, "csr.indptr", csr->indptr, csr->n_rows, n_values, "values");
    if (status == RG_OK && n_values > 0 && (!csr->indices || !csr->data))
        status = rg__fail(ctx, RG_BAD_DATA, "%s: csr has %lld values, but no indices or no data",
                          what, (long long)n_values);
    return status == RG_OK ? rg__check_columns(ctx, what, "csr.indices", csr, NULL) : status;
}

/* Whether every feature has a stored column. */
static rg_status check_map(rg_context *ctx, const rg_split *split, const char *what)
{
    int64_t n_stored = split->features.dims[1];
    for (int64_t j = 0; split->columns && j < split->n_features; j++)
        if (split->columns[j] < 0 || split->columns[j] >= n_stored)
            return rg__fail(ctx, RG_BAD_DATA, "%s: columns[%lld] is %lld; 0 to %lld is expected",
                            what, (long long)j, (long long)split->columns[j],
                            (long long)n_stored - 1);
    return RG_OK;
}

static rg_status check_dense(rg_context *ctx, const rg_split *split, const char *what)
{
    const rg_tensor *x = &split->features;
    char shape[RG__SHAPE_TEXT];
    bool typed = rg_dtype_computes(x->dtype) || x->dtype == RG_F16;
    bool shaped = x->ndim == 2 && x->dims[0] == split->n_rows &&
                  (split->columns || x->dims[1] == split->n_features);
    if (typed && shaped && rg_tensor_count(x) >= 0 && (x->data || rg_tensor_count(x) == 0))
        return check_map(ctx, split, what);
    if (!x->data && !shaped)
        return rg__fail(ctx, RG_BAD_DATA, "%s: neither features.data nor csr.indptr is there",
                        what);
    return rg__fail(ctx, RG_BAD_DATA,
                    "%s: features are %s of %s%s for a split of %lld rows and %lld features; f16, "
                    "f32 or f64 is expected",
                    what, rg__shape_text(x, shape), rg__dtype_text(x->dtype),
                    x->data ? "" : " without data", (long long)split->n_rows,
                    (long long)split->n_features);
}

rg_status rg__check_split(rg_context *ctx, const rg_split *split, const char *what)
{
    rg_status status = rg__require(ctx, what, "the split", split, NULL);
    if (status != RG_OK)
        return status;
    if (split->n_rows < 0 || split->n_features < 1 || split->n_lists < 0)
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: %lld rows, %lld features, %lld lists; at least one feature is "
                        "expected, and nothing negative",
                        what, (long long)split->n_rows, (long long)split->n_features,
                        (long long)split->n_lists);
    if (split->n_subtopics < 0 || (split->n_subtopics > 0 && !split->subtopics))
        return rg__fail(ctx, RG_BAD_DATA, "%s: %lld subtopics%s", what,
                        (long long)split->n_subtopics,
                        split->n_subtopics < 0 ? "; at least 0 are expected" : " without grades");
    if (!split->offsets && split->n_lists > 0)
        return rg__fail(ctx, RG_BAD_DATA, "%s: %lld lists without offsets", what,
                        (long long)split->n_lists);
    status = (split->csr.indptr ? check_sparse : check_dense)(ctx, split, what);
    if (status == RG_OK && split->offsets)
        status = rg__check_offsets(ctx, what, "offsets", split->offsets, split->n_lists,
                                   split->n_rows, "rows");
    return status;
}

rg_status rg__check_positions(rg_context *ctx, const rg_split *split, const char *what,
                              int64_t *most)
{
    *most = 0;
    if (!split->positions)
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s has no positions; expected for each row the position at which its item "
                        "was shown, from 1: a data set `positions` (HDF5), or a file X.position "
                        "beside the text file X",
                        what);
    for (int64_t row = 0; row < split->n_rows; row++) {
        int64_t position = split->positions[row];
        if (!rg__row_is_there(split, row))
            continue;
        if (position < 1 || position > RG_MAX_POSITION)
            return rg__fail(ctx, RG_BAD_DATA,
                            "positions: row %lld (from 1) is %lld; expected 1 to %d",
                            (long long)row + 1, (long long)position, RG_MAX_POSITION);
        *most = position > *most ? position : *most;
    }
    return RG_OK;
}

/* ---- Rows ---- */

/* Picks the features of a split with a column map from a stored row. */
static void pick_columns(const rg_split *split, const void *stored, void *to)
{
    const int64_t *columns = split->columns;
    int64_t n = split->n_features;
    if (split->features.dtype == RG_F32)
        for (int64_t j = 0; j < n; j++)
            ((float *)to)[j] = ((const float *)stored)[columns[j]];
    else if (split->features.dtype == RG_F64)
        for (int64_t j = 0; j < n; j++)
            ((double *)to)[j] = ((const double *)stored)[columns[j]];
    else
        for (int64_t j = 0; j < n; j++)
            ((uint16_t *)to)[j] = ((const uint16_t *)stored)[columns[j]];
}

void rg__copy_row(const rg_split *split, int64_t row, void *to)
{
    size_t size = rg_dtype_size(rg__features_type(split));
    const rg_csr *csr = &split->csr;
    if (!rg__has_sparse_rows(split)) {
        const char *stored = split->features.data;
        stored += (size_t)row * rg__stored_row_size(split);
        if (split->columns)
            pick_columns(split, stored, to);
        else
            memcpy(to, stored, (size_t)split->n_features * size);
        return;
    }
    memset(to, 0, (size_t)split->n_features * size);
    for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1]; k++)
        memcpy((char *)to + (size_t)csr->indices[k] * size,
               (const char *)csr->data + (size_t)k * size, size);
}

void rg__leave_rows(const rg_split *split, int64_t r)
{
    enum { EVERY = 4096 };
    size_t size = rg__stored_row_size(split);
    if (split->mapped && r % EVERY == 0 && r > 0)
        rg__advise_dontneed((const char *)split->features.data + (size_t)(r - EVERY) * size,
                            EVERY * size);
}

/* ---- Equal splits ---- */

/* Whether a row is stored alike in two sparse splits of one type. */
static bool same_sparse_row(const rg_csr *a, const rg_csr *b, int64_t row)
{
    int64_t at = a->indptr[row], of = b->indptr[row], n = a->indptr[row + 1] - at;
    size_t size = rg_dtype_size(a->dtype);
    if (b->indptr[row + 1] - of != n)
        return false;
    return n == 0 || (memcmp(a->indices + at, b->indices + of, (size_t)n * sizeof(int32_t)) == 0 &&
                      memcmp((const char *)a->data + (size_t)at * size,
                             (const char *)b->data + (size_t)of * size, (size_t)n * size) == 0);
}

/* The row's features in double; `own` has room for them in the split's type. */
static const double *load_double(const rg_split *split, int64_t row, void *own, double *x)
{
    rg__copy_row(split, row, own);
    rg__cast(rg__features_type(split), own, RG_F64, x, split->n_features);
    return x;
}

rg_status rg__same_rows(rg_context *ctx, const rg_split *a, const rg_split *b, bool *same)
{
    int64_t f = a->n_features;
    *same = a->n_rows == b->n_rows && a->n_lists == b->n_lists &&
            memcmp(a->labels, b->labels, (size_t)a->n_rows * sizeof *a->labels) == 0 &&
            memcmp(a->offsets, b->offsets, (size_t)(a->n_lists + 1) * sizeof *a->offsets) == 0;
    if (!*same)
        return RG_OK;
    bool sparse = rg__has_sparse_rows(a) && rg__has_sparse_rows(b) && a->csr.dtype == b->csr.dtype;
    double *x = rg__alloc(ctx, 3 * f, sizeof *x, "rows to compare");
    rg_status status = x ? RG_OK : RG_LIMIT;
    for (int64_t row = 0; x && *same && row < a->n_rows; row++) {
        bool there = rg__row_is_there(a, row);
        *same = there == rg__row_is_there(b, row);
        if (there && sparse)
            *same &= same_sparse_row(&a->csr, &b->csr, row);
        else if (there)
            *same &= memcmp(load_double(a, row, x + 2 * f, x),
                            load_double(b, row, x + 2 * f, x + f), (size_t)f * sizeof *x) == 0;
    }
    rg__free(ctx, x);
    return status;
}

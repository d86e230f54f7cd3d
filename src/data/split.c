/* split.c: whether a split can be believed; see split.h. */
#include "data/split.h"

#include "tensor/tensor.h"

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
                        rg_dtype_name(csr->dtype) ? rg_dtype_name(csr->dtype) : "no type",
                        (long long)split->n_rows, (long long)split->n_features);
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
                    what, rg__shape_text(x, shape),
                    rg_dtype_name(x->dtype) ? rg_dtype_name(x->dtype) : "no type",
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
    if (!split->offsets && split->n_lists > 0)
        return rg__fail(ctx, RG_BAD_DATA, "%s: %lld lists without offsets", what,
                        (long long)split->n_lists);
    status = (split->csr.indptr ? check_sparse : check_dense)(ctx, split, what);
    if (status == RG_OK && split->offsets)
        status = rg__check_offsets(ctx, what, "offsets", split->offsets, split->n_lists,
                                   split->n_rows, "rows");
    return status;
}

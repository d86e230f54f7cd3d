/* rows.c: from a split to rows that a model can compute with; see rows.h. */
#include "data/rows.h"

#include "data/split.h"
#include "tensor/selection.h"
#include "tensor/tensor.h"

#include <string.h>

static bool is_sparse(const rg_split *split)
{
    return split->csr.indptr != NULL;
}

static rg_dtype features_type(const rg_split *split)
{
    return is_sparse(split) ? split->csr.dtype : split->features.dtype;
}

/* Bytes of one dense row as the split stores its numbers. */
static size_t row_size(const rg_split *split)
{
    return (size_t)split->n_features * rg_dtype_size(features_type(split));
}

size_t rg__load_scratch(const rg_split *split, int64_t n_rows)
{
    return is_sparse(split) || split->mask ? (size_t)n_rows * row_size(split) : 0;
}

/* One row of the split, dense, in its own type. */
static void copy_row(const rg_split *split, int64_t row, char *to)
{
    size_t size = rg_dtype_size(features_type(split));
    if (!is_sparse(split)) {
        memcpy(to, (const char *)split->features.data + (size_t)row * row_size(split),
               row_size(split));
        return;
    }
    const rg_csr *csr = &split->csr;
    memset(to, 0, row_size(split));
    for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1]; k++)
        memcpy(to + (size_t)csr->indices[k] * size, (const char *)csr->data + (size_t)k * size,
               size);
}

int64_t rg__load_rows(const rg_split *split, const rg_normalization *normalization, int64_t begin,
                      int64_t end, void *scratch, rg_tensor *out)
{
    rg_tensor rows = {features_type(split), 2, {end - begin, split->n_features}, scratch};
    if (!is_sparse(split))
        rows.data = (char *)split->features.data + (size_t)begin * row_size(split);
    if (is_sparse(split) || split->mask) {
        int64_t n = 0;
        for (int64_t row = begin; row < end; row++)
            if (rg__row_is_there(split, row))
                copy_row(split, row, (char *)scratch + (size_t)n++ * row_size(split));
        rows.data = scratch;
        rows.dims[0] = n;
    }
    out->ndim = 2;
    out->dims[0] = rows.dims[0];
    out->dims[1] = split->n_features;
    if (rows.dims[0] > 0)
        rg_normalization_apply(normalization, &rows, out);
    return rows.dims[0];
}

/* Offsets over the valid rows; returns their number. */
static int64_t count_valid(const rg_split *split, int64_t *offsets)
{
    int64_t n = 0;
    for (int64_t q = 0; q < split->n_lists; q++) {
        offsets[q] = n;
        for (int64_t row = split->offsets[q]; row < split->offsets[q + 1]; row++)
            n += rg__row_is_there(split, row);
    }
    return offsets[split->n_lists] = n;
}

/* Labels and weights of the valid rows, in the model's type. */
static rg_status load_labels(const rg_split *split, struct rg__rows *rows)
{
    size_t size = rg_dtype_size(rows->dtype);
    bool weighted = split->weights || split->list_weights;
    rows->labels = rg__alloc(rows->ctx, rows->n_rows, size, "the labels");
    if (weighted)
        rows->weights = rg__alloc(rows->ctx, rows->n_rows, size, "the weights");
    if (!rows->labels || (weighted && !rows->weights))
        return RG_LIMIT;
    int64_t n = 0;
    for (int64_t q = 0; q < split->n_lists; q++)
        for (int64_t row = split->offsets[q]; row < split->offsets[q + 1]; row++) {
            if (!rg__row_is_there(split, row))
                continue;
            double weight = (split->weights ? split->weights[row] : 1) *
                            (split->list_weights ? split->list_weights[q] : 1);
            rg__cast(RG_F64, &split->labels[row], rows->dtype,
                     (char *)rows->labels + (size_t)n * size, 1);
            if (weighted)
                rg__cast(RG_F64, &weight, rows->dtype, (char *)rows->weights + (size_t)n * size, 1);
            n++;
        }
    return RG_OK;
}

/* The normalised copy, list by list. */
static rg_status load_features(const rg_split *split, const rg_normalization *normalization,
                               struct rg__rows *rows)
{
    rg_context *ctx = rows->ctx;
    int64_t longest = rg__longest_list(split->offsets, split->n_lists);
    size_t scratch_size = rg__load_scratch(split, longest);
    void *scratch = rg__alloc(ctx, (int64_t)scratch_size, 1, "a list of rows");
    rows->copy =
        rg__alloc(ctx, rows->n_rows * rows->n_features, rg_dtype_size(rows->dtype), "the features");
    rg_status status = scratch && rows->copy ? RG_OK : RG_LIMIT;
    size_t size = (size_t)rows->n_features * rg_dtype_size(rows->dtype);
    for (int64_t q = 0; q < split->n_lists && status == RG_OK; q++) {
        rg_tensor out = {.dtype = rows->dtype};
        out.data = (char *)rows->copy + (size_t)rows->offsets[q] * size;
        rg__load_rows(split, normalization, split->offsets[q], split->offsets[q + 1], scratch,
                      &out);
        status = rg__cancelled(ctx);
    }
    rg__free(ctx, scratch);
    rows->matrix.dense = (rg_tensor){rows->dtype, 2, {rows->n_rows, rows->n_features}, rows->copy};
    return status;
}

bool rg__rows_stay(const rg_split *split, rg_normalize method, rg_dtype dtype)
{
    rg_dtype stored = split->features.dtype;
    return method == RG_NORMALIZE_NONE && (is_sparse(split) || stored == dtype || stored == RG_F16);
}

static int64_t add_run(rg_run *runs, int64_t n, int64_t first, int64_t n_rows)
{
    if (n > 0 && runs[n - 1].first + runs[n - 1].n_rows == first) {
        runs[n - 1].n_rows += n_rows;
        return n;
    }
    runs[n] = (rg_run){first, n_rows};
    return n + (n_rows > 0);
}

int64_t rg__list_runs(const struct rg__rows *rows, int64_t list, rg_run *runs, int64_t n)
{
    const rg_split *split = rows->stay;
    const int64_t *offsets = split ? split->offsets : rows->offsets;
    int64_t begin = offsets[list], end = offsets[list + 1];
    if (!split || !split->mask)
        return add_run(runs, n, begin, end - begin);
    for (int64_t row = begin; row < end; row++)
        if (rg__row_is_there(split, row))
            n = add_run(runs, n, row, 1);
    return n;
}

int64_t rg__most_runs(const struct rg__rows *rows, int64_t list)
{
    bool masked = rows->stay && rows->stay->mask;
    return masked ? rows->offsets[list + 1] - rows->offsets[list] + 1 : 1;
}

int64_t rg__list_bytes(const struct rg__rows *rows, int64_t list)
{
    int64_t size = (int64_t)rg_dtype_size(rows->dtype);
    if (!rg__is_sparse_matrix(&rows->matrix))
        return (rows->offsets[list + 1] - rows->offsets[list]) * rows->n_features * size;
    const int64_t *offsets = rows->stay->offsets, *indptr = rows->stay->csr.indptr;
    return (indptr[offsets[list + 1]] - indptr[offsets[list]]) * (size + (int64_t)sizeof(int32_t));
}

rg_status rg__rows_open(rg_context *ctx, const rg_split *split,
                        const rg_normalization *normalization, rg_dtype dtype,
                        struct rg__rows *rows)
{
    *rows = (struct rg__rows){.ctx = ctx, .dtype = dtype, .n_features = split->n_features};
    rows->n_lists = split->n_lists;
    rows->offsets = rg__alloc(ctx, split->n_lists + 1, sizeof *rows->offsets, "the offsets");
    if (!rows->offsets)
        return RG_LIMIT;
    rows->n_rows = count_valid(split, rows->offsets);
    rg_status status = load_labels(split, rows);
    if (status != RG_OK)
        return status;
    if (rg__rows_stay(split, normalization->method, dtype)) {
        rows->stay = split;
        rows->matrix = (rg_selection){.dense = split->features, .sparse = split->csr};
        return RG_OK;
    }
    return load_features(split, normalization, rows);
}

void rg__rows_close(struct rg__rows *rows)
{
    if (!rows->ctx)
        return;
    rg__free(rows->ctx, rows->offsets);
    rg__free(rows->ctx, rows->labels);
    rg__free(rows->ctx, rows->weights);
    rg__free(rows->ctx, rows->copy);
    *rows = (struct rg__rows){0};
}

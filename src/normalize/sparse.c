/* sparse.c: sparse rows as a model wants them; see sparse.h. */
#include "normalize/sparse.h"

#include "data/split.h"
#include "normalize/normalize.h"
#include "tensor/tensor.h"

#include <stdlib.h>

static double number(rg_dtype dtype, const void *x, int64_t k)
{
    return dtype == RG_F32 ? (double)((const float *)x)[k] : ((const double *)x)[k];
}

static void put(rg_dtype dtype, void *x, int64_t k, double z)
{
    if (dtype == RG_F32)
        ((float *)x)[k] = (float)z;
    else
        ((double *)x)[k] = z;
}

rg_csr rg__csr_rows(const rg_csr *csr, int64_t begin, int64_t end)
{
    rg_csr rows = *csr;
    rows.n_rows = end - begin;
    rows.indptr += begin;
    rows.indices += rows.indptr[0];
    rows.data = (const char *)csr->data + (size_t)rows.indptr[0] * rg_dtype_size(csr->dtype);
    return rows;
}

static int64_t count_shifted(const rg_normalization *normalization)
{
    int64_t n = 0;
    for (int64_t j = 0; normalization->shift && j < normalization->n_features; j++)
        n += normalization->shift[j] != 0;
    return n;
}

static bool any_negative(const rg_split *split)
{
    const rg_csr *csr = &split->csr;
    for (int64_t row = 0; row < csr->n_rows; row++)
        for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1]; k++)
            if (number(csr->dtype, csr->data, k) < 0 && rg__row_is_there(split, row))
                return true;
    return false;
}

bool rg__stays_sparse(const rg_split *split, const rg_normalization *normalization)
{
    if (!split->csr.indptr)
        return false;
    if (rg__normalization_kind(normalization)->by_list)
        return rg__normalization_kind(normalization)->zeros == RG__ZEROS_STAY ||
               !any_negative(split);
    return 2 * count_shifted(normalization) <= normalization->n_features;
}

rg_status rg__sparse_open(rg_context *ctx, const rg_split *split, const struct rg__inputs *inputs,
                          const rg_normalization *normalization, struct rg__sparse *sparse)
{
    *sparse = (struct rg__sparse){ctx, split, inputs, normalization, 0, NULL};
    int64_t n = count_shifted(normalization);
    sparse->shifted = rg__alloc(ctx, n, sizeof *sparse->shifted, "the columns with a shift");
    if (!sparse->shifted)
        return RG_LIMIT;
    for (int64_t j = 0; sparse->n_shifted < n; j++)
        if (normalization->shift[j] != 0)
            sparse->shifted[sparse->n_shifted++] = (int32_t)j;
    return RG_OK;
}

void rg__sparse_close(struct rg__sparse *sparse)
{
    if (sparse->ctx)
        rg__free(sparse->ctx, sparse->shifted);
    *sparse = (struct rg__sparse){0};
}

/* Whether a row stores a column, which it does in ascending order. */
static bool stores(const rg_csr *csr, int64_t row, int64_t column)
{
    int64_t low = csr->indptr[row], high = csr->indptr[row + 1];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (csr->indices[middle] < column)
            low = middle + 1;
        else
            high = middle;
    }
    return low < csr->indptr[row + 1] && csr->indices[low] == column;
}

int64_t rg__sparse_count(const struct rg__sparse *s, int64_t row)
{
    const rg_csr *csr = &s->split->csr;
    int64_t n = csr->indptr[row + 1] - csr->indptr[row];
    for (int64_t i = 0; i < s->n_shifted; i++)
        n += !stores(csr, row, rg__input_column(s->inputs, s->shifted[i]));
    return n;
}

/* ---- Methods with a shift and a scale, and none ---------------------------------------------- */

/* The stored numbers of a row. */
static int64_t load_stored(const struct rg__sparse *s, int64_t row, rg_dtype dtype, int64_t n,
                           int32_t *indices, void *data)
{
    const rg_csr *csr = &s->split->csr;
    const rg_normalization *z = s->normalization;
    int64_t begin = csr->indptr[row], count = csr->indptr[row + 1] - begin;
    bool keeps = rg__keeps_numbers(z);
    for (int64_t k = 0; k < count; k++)
        indices[n + k] = rg__input_position(s->inputs, csr->indices[begin + k]);
    for (int64_t k = 0; k < count; k++) {
        int32_t j = indices[n + k];
        double x = number(csr->dtype, csr->data, begin + k);
        if (j < 0)
            x *= 0;
        else if (s->n_shifted > 0)
            x = (rg__transform_one(z, x) - z->shift[j]) * z->scale[j];
        else if (!keeps)
            x = rg__transform_one(z, x) * (z->scale ? z->scale[j] : 1);
        indices[n + k] = j < 0 ? 0 : j;
        put(dtype, data, n + k, x);
    }
    return n + count;
}

static int64_t load_row(const struct rg__sparse *s, int64_t row, rg_dtype dtype, int64_t n,
                        int32_t *indices, void *data)
{
    const rg_normalization *z = s->normalization;
    n = load_stored(s, row, dtype, n, indices, data);
    for (int64_t i = 0; i < s->n_shifted; i++) {
        int32_t j = s->shifted[i];
        if (stores(&s->split->csr, row, rg__input_column(s->inputs, j)))
            continue;
        indices[n] = j;
        put(dtype, data, n++, (0 - z->shift[j]) * z->scale[j]);
    }
    return n;
}

/* ---- Methods by list ------------------------------------------------------------------------- */

/* A stored number of a list. */
struct entry {
    int32_t position;
    int64_t at; /* in the list */
    double x;
};

size_t rg__sparse_scratch(const struct rg__sparse *s, int64_t n_values)
{
    bool by_list = rg__normalization_kind(s->normalization)->by_list;
    return by_list ? (size_t)n_values * sizeof(struct entry) : 0;
}

static int by_position(const void *left, const void *right)
{
    const struct entry *a = left, *b = right;
    if (a->position != b->position)
        return a->position < b->position ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

/* The numbers of one column in a list of n_rows rows; a NaN is no minimum. */
static void scale_column(const struct rg__sparse *s, const struct entry *entries, int64_t n,
                         int64_t n_rows, rg_dtype dtype, void *data)
{
    double low = n < n_rows ? 0 : HUGE_VAL, high = n < n_rows ? 0 : -HUGE_VAL;
    for (int64_t i = 0; i < n; i++) {
        low = entries[i].x < low ? entries[i].x : low;
        high = entries[i].x > high ? entries[i].x : high;
    }
    double shift, spread;
    rg__fit_list(s->normalization, &low, &high, 1, &shift, &spread);
    for (int64_t i = 0; i < n; i++)
        put(dtype, data, entries[i].at, (entries[i].x - shift) / spread);
}

static int64_t load_list(const struct rg__sparse *s, int64_t begin, int64_t end,
                         struct entry *entries, rg_dtype dtype, int32_t *indices, void *data)
{
    const rg_csr *csr = &s->split->csr;
    int64_t n = 0, n_known = 0, n_rows = 0;
    for (int64_t row = begin; row < end; row++) {
        if (!rg__row_is_there(s->split, row))
            continue;
        n_rows++;
        for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1]; k++, n++) {
            int32_t j = rg__input_position(s->inputs, csr->indices[k]);
            double x = number(csr->dtype, csr->data, k);
            indices[n] = j < 0 ? 0 : j;
            if (j < 0)
                put(dtype, data, n, x * 0);
            else
                entries[n_known++] = (struct entry){j, n, rg__transform_one(s->normalization, x)};
        }
    }
    qsort(entries, (size_t)n_known, sizeof *entries, by_position);
    for (int64_t i = 0, same = 0; i < n_known; i += same) {
        for (same = 1; i + same < n_known && entries[i + same].position == entries[i].position;)
            same++;
        scale_column(s, entries + i, same, n_rows, dtype, data);
    }
    return n;
}

int64_t rg__sparse_load(const struct rg__sparse *s, int64_t begin, int64_t end, void *scratch,
                        rg_dtype dtype, int32_t *indices, void *data)
{
    if (rg__normalization_kind(s->normalization)->by_list)
        return load_list(s, begin, end, scratch, dtype, indices, data);
    int64_t n = 0;
    for (int64_t row = begin; row < end; row++)
        if (rg__row_is_there(s->split, row))
            n = load_row(s, row, dtype, n, indices, data);
    return n;
}

/* sparse.c: sparse rows as a model wants them; see sparse.h. */
#include "normalize/sparse.h"

#include "data/split.h"
#include "normalize/normalize.h"
#include "tensor/tensor.h"

#include <stdlib.h>

enum { CHUNK = 64 }; /* numbers, or columns of a list, at a time */

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
    int64_t begin = csr->indptr[row], end = csr->indptr[row + 1];
    for (int64_t k = begin; k < end; k++)
        indices[n + k - begin] = rg__input_position(s->inputs, csr->indices[k]);
    for (int64_t from = begin, count; from < end; from += count) {
        double t[CHUNK];
        count = end - from < CHUNK ? end - from : CHUNK;
        for (int64_t i = 0; i < count; i++)
            t[i] = number(csr->dtype, csr->data, from + i);
        rg__transform(z, t, count);
        for (int64_t i = 0; i < count; i++, n++) {
            int32_t j = indices[n];
            double x = t[i];
            if (j < 0)
                x = number(csr->dtype, csr->data, from + i) * 0;
            else if (s->n_shifted > 0)
                x = (x - z->shift[j]) * z->scale[j];
            else if (z->scale)
                x *= z->scale[j];
            indices[n] = j < 0 ? 0 : j;
            put(dtype, data, n, x);
        }
    }
    return n;
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

/* The numbers of the columns of a list of n_rows rows, n of them, column by column; a NaN is no
 * minimum. CHUNK columns are fitted at a time. */
static void scale_columns(const struct rg__sparse *s, const struct entry *entries, int64_t n,
                          int64_t n_rows, rg_dtype dtype, void *data)
{
    double low[CHUNK], high[CHUNK], shift[CHUNK], spread[CHUNK];
    int64_t ends[CHUNK];
    for (int64_t begin = 0, end = 0; begin < n;) {
        int n_columns = 0;
        for (; n_columns < CHUNK && end < n; n_columns++) {
            int64_t first = end;
            double least = HUGE_VAL, greatest = -HUGE_VAL;
            for (; end < n && entries[end].position == entries[first].position; end++) {
                least = entries[end].x < least ? entries[end].x : least;
                greatest = entries[end].x > greatest ? entries[end].x : greatest;
            }
            bool zeros = end - first < n_rows;
            low[n_columns] = zeros && !(least < 0) ? 0 : least;
            high[n_columns] = zeros && !(greatest > 0) ? 0 : greatest;
            ends[n_columns] = end;
        }
        rg__fit_list(s->normalization, low, high, n_columns, shift, spread);
        for (int c = 0; c < n_columns; c++)
            for (; begin < ends[c]; begin++)
                put(dtype, data, entries[begin].at, (entries[begin].x - shift[c]) / spread[c]);
    }
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
    scale_columns(s, entries, n_known, n_rows, dtype, data);
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

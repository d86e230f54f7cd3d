/* rows.c: from a split to rows that a model can compute with; see rows.h. */
#include "data/rows.h"

#include "base/file.h"
#include "base/pool.h"
#include "data/split.h"
#include "tensor/selection.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

static bool is_sparse(const rg_split *split)
{
    return split->csr.indptr != NULL;
}

static rg_dtype features_type(const rg_split *split)
{
    return is_sparse(split) ? split->csr.dtype : split->features.dtype;
}

/* Bytes of one dense row of the split's features, in its own type. */
static size_t row_size(const rg_split *split)
{
    return (size_t)split->n_features * rg_dtype_size(features_type(split));
}

size_t rg__load_scratch(const rg_split *split, int64_t n_rows)
{
    bool copies = is_sparse(split) || split->mask || split->columns;
    return copies ? (size_t)n_rows * row_size(split) : 0;
}

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
    if (!is_sparse(split)) {
        size_t size = rg__stored_row_size(split);
        const char *stored = (const char *)split->features.data + (size_t)row * size;
        if (split->columns)
            pick_columns(split, stored, to);
        else
            memcpy(to, stored, size);
        return;
    }
    const rg_csr *csr = &split->csr;
    size_t size = rg_dtype_size(csr->dtype);
    memset(to, 0, row_size(split));
    for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1]; k++)
        memcpy((char *)to + (size_t)csr->indices[k] * size,
               (const char *)csr->data + (size_t)k * size, size);
}

int64_t rg__load_rows(const rg_context *ctx, const rg_split *split,
                      const rg_normalization *normalization, int64_t begin, int64_t end,
                      void *scratch, rg_tensor *out)
{
    rg_tensor rows = {features_type(split), 2, {end - begin, split->n_features}, scratch};
    if (!is_sparse(split))
        rows.data = (char *)split->features.data + (size_t)begin * rg__stored_row_size(split);
    if (rg__load_scratch(split, 1) > 0) {
        int64_t n = 0;
        for (int64_t row = begin; row < end; row++)
            if (rg__row_is_there(split, row))
                rg__copy_row(split, row, (char *)scratch + (size_t)n++ * row_size(split));
        rows.data = scratch;
        rows.dims[0] = n;
    }
    out->ndim = 2;
    out->dims[0] = rows.dims[0];
    out->dims[1] = split->n_features;
    if (rows.dims[0] > 0)
        rg_normalization_apply(ctx, normalization, &rows, out);
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

/* The list weights divided by their mean over the lists that have a row and a weight above 0, so
 * that their scale does not matter and a sum over n such lists divides by n. */
static rg_status load_list_weights(const rg_split *split, struct rg__rows *rows)
{
    if (!split->list_weights)
        return RG_OK;
    rows->list_weights =
        rg__alloc(rows->ctx, rows->n_lists, sizeof(double), "the weights of the lists");
    if (!rows->list_weights)
        return RG_LIMIT;
    double greatest = 0, sum = 0, n = 0;
    for (int64_t q = 0; q < rows->n_lists; q++)
        greatest = fmax(greatest, split->list_weights[q]);
    for (int64_t q = 0; q < rows->n_lists && greatest > 0; q++) {
        rows->list_weights[q] = split->list_weights[q] / greatest;
        if (rg__list_counts(rows, q)) {
            sum += rows->list_weights[q];
            n++;
        }
    }
    for (int64_t q = 0; q < rows->n_lists && n > 0; q++)
        rows->list_weights[q] /= sum / n;
    return RG_OK;
}

/* Labels and weights of the valid rows, in the model's type. */
static rg_status load_labels(const rg_split *split, struct rg__rows *rows)
{
    size_t size = rg_dtype_size(rows->dtype);
    rows->labels = rg__alloc(rows->ctx, rows->n_rows, size, "the labels");
    if (split->weights)
        rows->weights = rg__alloc(rows->ctx, rows->n_rows, size, "the weights");
    if (!rows->labels || (split->weights && !rows->weights))
        return RG_LIMIT;
    int64_t n = 0;
    for (int64_t q = 0; q < split->n_lists; q++)
        for (int64_t row = split->offsets[q]; row < split->offsets[q + 1]; row++) {
            if (!rg__row_is_there(split, row))
                continue;
            rg__cast(RG_F64, &split->labels[row], rows->dtype,
                     (char *)rows->labels + (size_t)n * size, 1);
            if (split->weights)
                rg__cast(RG_F64, &split->weights[row], rows->dtype,
                         (char *)rows->weights + (size_t)n * size, 1);
            n++;
        }
    return RG_OK;
}

bool rg__rows_stay(const rg_split *split, rg_normalize method, rg_dtype dtype)
{
    rg_dtype stored = split->features.dtype;
    return method == RG_NORMALIZE_NONE &&
           (is_sparse(split) || (!split->columns && (stored == dtype || stored == RG_F16)));
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
    const rg_split *split = rows->split;
    const int64_t *offsets = rows->stay ? split->offsets : rows->offsets;
    int64_t begin = offsets[list], end = offsets[list + 1];
    if (!rows->stay)
        return add_run(runs, n, begin - rows->first_row, end - begin);
    if (!split->mask)
        return add_run(runs, n, begin, end - begin);
    for (int64_t row = begin; row < end; row++)
        if (rg__row_is_there(split, row))
            n = add_run(runs, n, row, 1);
    return n;
}

int64_t rg__most_runs(const struct rg__rows *rows, int64_t list)
{
    bool masked = rows->stay && rows->split->mask;
    return masked ? rows->offsets[list + 1] - rows->offsets[list] + 1 : 1;
}

int64_t rg__list_bytes(const struct rg__rows *rows, int64_t list)
{
    int64_t size = (int64_t)rg_dtype_size(rows->dtype);
    if (!rg__is_sparse_matrix(&rows->matrix))
        return (rows->offsets[list + 1] - rows->offsets[list]) * rows->n_features * size;
    const int64_t *offsets = rows->split->offsets, *indptr = rows->split->csr.indptr;
    return (indptr[offsets[list + 1]] - indptr[offsets[list]]) * (size + (int64_t)sizeof(int32_t));
}

/* ---- Windows --------------------------------------------------------------------------------- */

/* Cuts the lists into windows. */
static rg_status cut_windows(struct rg__rows *rows, int64_t most_bytes)
{
    int64_t bytes = 0, n = 0;
    rows->windows = rg__alloc(rows->ctx, rows->n_lists + 2, sizeof *rows->windows, "the windows");
    if (!rows->windows)
        return RG_LIMIT;
    for (int64_t q = 0; q < rows->n_lists; q++) {
        int64_t more = rg__list_bytes(rows, q);
        if (q == 0 || (most_bytes > 0 && bytes + more > most_bytes)) {
            rows->windows[n++] = q;
            bytes = 0;
        }
        bytes += more;
    }
    rows->n_windows = n > 0 ? n : 1;
    rows->windows[rows->n_windows] = rows->n_lists;
    return RG_OK;
}

int64_t rg__window_of(const struct rg__rows *rows, int64_t list)
{
    int64_t window = 0;
    while (list >= rows->windows[window + 1])
        window++;
    return window;
}

/* Advises on the mapped features of a window. */
static void advise(const struct rg__rows *rows, int64_t window,
                   void (*advice)(const void *data, size_t size))
{
    const rg_split *split = rows->split;
    if (window < 0 || !split->mapped || is_sparse(split))
        return;
    int64_t begin = split->offsets[rows->windows[window]];
    int64_t end = split->offsets[rows->windows[window + 1]];
    advice((const char *)split->features.data + (size_t)begin * rg__stored_row_size(split),
           (size_t)(end - begin) * rg__stored_row_size(split));
}

enum { LISTS_A_TASK = 16 };

/* Lists being loaded to the copy. */
struct loading {
    const struct rg__rows *rows;
    int64_t begin, end;  /* lists */
    size_t scratch_size; /* a worker */
    char *scratch;
};

/* Task i: the next so many lists, normalised. */
static rg_status load_lists(rg_context *ctx, void *user, int worker, int64_t i)
{
    const struct loading *l = user;
    const struct rg__rows *rows = l->rows;
    const int64_t *offsets = rows->split->offsets;
    size_t size = (size_t)rows->n_features * rg_dtype_size(rows->dtype);
    int64_t q = l->begin + i * LISTS_A_TASK;
    int64_t end = l->end - q < LISTS_A_TASK ? l->end : q + LISTS_A_TASK;
    for (; q < end; q++) {
        rg_tensor out = {.dtype = rows->dtype};
        out.data = (char *)rows->copy + (size_t)(rows->offsets[q] - rows->first_row) * size;
        rg__load_rows(ctx, rows->split, rows->normalization, offsets[q], offsets[q + 1],
                      l->scratch + (size_t)worker * l->scratch_size, &out);
    }
    return rg__cancelled(ctx);
}

/* Loads the lists [begin, end) to the copy. */
static rg_status load(struct rg__rows *rows, int64_t begin, int64_t end)
{
    rg_context *ctx = rows->ctx;
    struct rg__pool *pool = rg__pool(ctx);
    if (!pool)
        return RG_LIMIT;
    struct loading l = {.rows = rows, .begin = begin, .end = end};
    int64_t longest = rg__longest_list(rows->split->offsets, rows->n_lists);
    l.scratch_size = rg__load_scratch(rows->split, longest);
    l.scratch = rg__alloc(ctx, rg__pool_size(pool), l.scratch_size, "lists of rows");
    if (!l.scratch)
        return RG_LIMIT;
    rows->first_row = rows->offsets[begin];
    int64_t n_tasks = (end - begin + LISTS_A_TASK - 1) / LISTS_A_TASK;
    rg_status status = rg__pool_run(pool, n_tasks, load_lists, &l);
    rg__free(ctx, l.scratch);
    return status;
}

rg_status rg__rows_turn(struct rg__rows *rows, int64_t window, int64_t next)
{
    if (!rows->streams || rows->window == window)
        return RG_OK;
    if (rows->stay)
        advise(rows, rows->window, rg__pages_later);
    advise(rows, next, rg__pages_soon);
    if (rows->stay) {
        rows->window = window;
        return RG_OK;
    }
    rows->window = -1; /* until it is there */
    rg_status status = load(rows, rows->windows[window], rows->windows[window + 1]);
    advise(rows, window, rg__pages_later);
    if (status == RG_OK)
        rows->window = window;
    return status;
}

/* The most valid rows a window has. */
static int64_t largest_window(const struct rg__rows *rows)
{
    int64_t most = 0;
    for (int64_t w = 0; w < rows->n_windows; w++) {
        int64_t n = rows->offsets[rows->windows[w + 1]] - rows->offsets[rows->windows[w]];
        most = n > most ? n : most;
    }
    return most;
}

/* Room for the copy, and all of it unless it streams. */
static rg_status load_copy(struct rg__rows *rows)
{
    int64_t n = rows->streams ? largest_window(rows) : rows->n_rows;
    rows->copy =
        rg__alloc_bare(rows->ctx, n * rows->n_features, rg_dtype_size(rows->dtype), "the features");
    if (!rows->copy)
        return RG_LIMIT;
    rows->matrix.dense = (rg_tensor){rows->dtype, 2, {n, rows->n_features}, rows->copy};
    return rows->streams ? RG_OK : load(rows, 0, rows->n_lists);
}

rg_status rg__rows_open(rg_context *ctx, const rg_split *split,
                        const rg_normalization *normalization, rg_dtype dtype,
                        const struct rg__windowing *windowing, struct rg__rows *rows)
{
    *rows = (struct rg__rows){.ctx = ctx, .dtype = dtype, .n_features = split->n_features};
    rows->split = split;
    rows->normalization = normalization;
    rows->n_lists = split->n_lists;
    rows->streams = windowing && windowing->stream;
    rows->window = -1;
    rows->offsets = rg__alloc(ctx, split->n_lists + 1, sizeof *rows->offsets, "the offsets");
    if (!rows->offsets)
        return RG_LIMIT;
    rows->n_rows = count_valid(split, rows->offsets);
    rows->stay = rg__rows_stay(split, normalization->method, dtype);
    if (rows->stay)
        rows->matrix = (rg_selection){.dense = split->features, .sparse = split->csr};
    rg_status status = load_labels(split, rows);
    if (status == RG_OK)
        status = load_list_weights(split, rows);
    if (status == RG_OK)
        status = cut_windows(rows, windowing ? windowing->bytes : 0);
    return status == RG_OK && !rows->stay ? load_copy(rows) : status;
}

void rg__rows_close(struct rg__rows *rows)
{
    if (!rows->ctx)
        return;
    rg__free(rows->ctx, rows->offsets);
    rg__free(rows->ctx, rows->labels);
    rg__free(rows->ctx, rows->weights);
    rg__free(rows->ctx, rows->list_weights);
    rg__free(rows->ctx, rows->windows);
    rg__free(rows->ctx, rows->copy);
    *rows = (struct rg__rows){0};
}

/* rows.c: from a split to rows that a model can compute with; see rows.h. */
#include "normalize/rows.h"

#include "base/file.h"
#include "base/pool.h"
#include "data/split.h"
#include "normalize/normalize.h"
#include "tensor/selection.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

/* Bytes of n features of a dense row in the split's own type. */
static size_t row_size(const rg_split *split, int64_t n)
{
    return (size_t)n * rg_dtype_size(rg__features_type(split));
}

/* Whether rows are copied before they are normalised. */
static bool needs_copy(const rg_split *split, const struct rg__inputs *inputs)
{
    return rg__has_sparse_rows(split) || split->mask || split->columns || inputs->index;
}

size_t rg__load_scratch(const rg_split *split, const struct rg__inputs *inputs, int64_t n_rows)
{
    return needs_copy(split, inputs) ? (size_t)n_rows * row_size(split, inputs->n) : 0;
}

/* Picks the inputs from a stored row. Returns 0, or NaN where another feature, whose weight is 0,
 * is not finite. */
static double pick_inputs(const rg_split *split, const struct rg__inputs *inputs, int64_t row,
                          char *to)
{
    const char *stored =
        (const char *)split->features.data + (size_t)row * rg__stored_row_size(split);
    rg_dtype dtype = split->features.dtype;
    size_t size = rg_dtype_size(dtype);
    double others = 0;
    int64_t j = 0;
    for (int64_t i = 0; i < inputs->n; i++, j++) {
        for (; j < inputs->index[i]; j++)
            others += rg__element(dtype, stored, rg__column_of(split, j)) * 0;
        memcpy(to + (size_t)i * size, stored + (size_t)rg__column_of(split, j) * size, size);
    }
    for (; j < split->n_features; j++)
        others += rg__element(dtype, stored, rg__column_of(split, j)) * 0;
    return others;
}

/* The same of a sparse row. */
static double spread_inputs(const rg_csr *csr, const struct rg__inputs *inputs, int64_t row,
                            char *to)
{
    size_t size = rg_dtype_size(csr->dtype);
    double others = 0;
    memset(to, 0, (size_t)inputs->n * size);
    for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1]; k++) {
        int32_t j = rg__input_position(inputs, csr->indices[k]);
        if (j >= 0)
            memcpy(to + (size_t)j * size, (const char *)csr->data + (size_t)k * size, size);
        else
            others += rg__element(csr->dtype, csr->data, k) * 0;
    }
    return others;
}

/* The inputs of one row, dense, in the split's own type. */
static void copy_inputs(const rg_split *split, const struct rg__inputs *inputs, int64_t row,
                        char *to)
{
    double others = 0;
    if (!inputs->index)
        rg__copy_row(split, row, to);
    else if (rg__has_sparse_rows(split))
        others = spread_inputs(&split->csr, inputs, row, to);
    else
        others = pick_inputs(split, inputs, row, to);
    if (isnan(others))
        rg__cast(RG_F64, &others, rg__features_type(split), to, 1);
}

int64_t rg__load_rows(const rg_context *ctx, const rg_split *split, const struct rg__inputs *inputs,
                      const rg_normalization *normalization, int64_t begin, int64_t end,
                      void *scratch, rg_tensor *out)
{
    rg_tensor rows = {rg__features_type(split), 2, {end - begin, inputs->n}, scratch};
    size_t size = row_size(split, inputs->n);
    if (needs_copy(split, inputs)) {
        int64_t n = 0;
        for (int64_t row = begin; row < end; row++)
            if (rg__row_is_there(split, row))
                copy_inputs(split, inputs, row, (char *)scratch + (size_t)n++ * size);
        rows.dims[0] = n;
    } else {
        rows.data = (char *)split->features.data + (size_t)begin * size;
    }
    out->ndim = 2;
    out->dims[0] = rows.dims[0];
    out->dims[1] = inputs->n;
    if (rows.dims[0] > 0)
        rg__normalize_rows(ctx, normalization, &rows, out);
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

bool rg__rows_stay(const rg_split *split, const struct rg__inputs *inputs,
                   const rg_normalization *normalization, rg_dtype dtype)
{
    rg_dtype stored = split->features.dtype;
    return rg__keeps_numbers(normalization) && !inputs->index &&
           (rg__has_sparse_rows(split) ||
            (!split->columns && (stored == dtype || stored == RG_F16)));
}

int64_t rg__sparse_list_bytes(const rg_split *split, int64_t list, rg_dtype dtype)
{
    const int64_t *offsets = split->offsets, *indptr = split->csr.indptr;
    int64_t size = (int64_t)(rg_dtype_size(dtype) + sizeof(int32_t));
    return (indptr[offsets[list + 1]] - indptr[offsets[list]]) * size;
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
    if (!rows->sparse)
        return (rows->offsets[list + 1] - rows->offsets[list]) * rows->n_columns * size;
    return rg__sparse_list_bytes(rows->split, list, rows->dtype);
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
    if (window < 0 || !split->mapped || rg__has_sparse_rows(split))
        return;
    int64_t begin = split->offsets[rows->windows[window]];
    int64_t end = split->offsets[rows->windows[window + 1]];
    size_t size = rg__stored_row_size(split);
    advice((const char *)split->features.data + (size_t)begin * size, (size_t)(end - begin) * size);
}

enum { LISTS_A_TASK = 16 };

/* Lists being loaded to the copy. */
struct loading {
    const struct rg__rows *rows;
    int64_t begin, end;  /* lists */
    size_t scratch_size; /* a worker */
    char *scratch;
};

/* One list, normalised. */
static void load_list(rg_context *ctx, const struct rg__rows *rows, int64_t q, void *scratch)
{
    const int64_t *offsets = rows->split->offsets;
    int64_t first = rows->offsets[q] - rows->first_row;
    size_t size = rg_dtype_size(rows->dtype);
    if (rows->sparse) {
        int64_t at = rows->copy_indptr[first];
        rg__sparse_load(&rows->loader, offsets[q], offsets[q + 1], scratch, rows->dtype,
                        rows->copy_indices + at, (char *)rows->copy + (size_t)at * size);
        return;
    }
    rg_tensor out = {.dtype = rows->dtype};
    out.data = (char *)rows->copy + (size_t)(first * rows->n_columns) * size;
    rg__load_rows(ctx, rows->split, rows->inputs, rows->normalization, offsets[q], offsets[q + 1],
                  scratch, &out);
}

/* Task i: the next so many lists. */
static rg_status load_lists(rg_context *ctx, void *user, int worker, int64_t i)
{
    const struct loading *l = user;
    int64_t q = l->begin + i * LISTS_A_TASK;
    int64_t end = l->end - q < LISTS_A_TASK ? l->end : q + LISTS_A_TASK;
    for (; q < end; q++)
        load_list(ctx, l->rows, q, l->scratch + (size_t)worker * l->scratch_size);
    return rg__cancelled(ctx);
}

/* Bytes of scratch for any one list. */
static size_t list_scratch(const struct rg__rows *rows)
{
    const int64_t *offsets = rows->split->offsets, *indptr = rows->split->csr.indptr;
    int64_t most = 0;
    if (!rows->sparse)
        return rg__load_scratch(rows->split, rows->inputs,
                                rg__longest_list(offsets, rows->n_lists));
    for (int64_t q = 0; q < rows->n_lists; q++) {
        int64_t n = indptr[offsets[q + 1]] - indptr[offsets[q]];
        most = n > most ? n : most;
    }
    return rg__sparse_scratch(&rows->loader, most);
}

/* Where the numbers of each sparse row of the lists [begin, end) go (`indptr` may be NULL); returns
 * how many they are. */
static int64_t count_numbers(const struct rg__rows *rows, int64_t begin, int64_t end,
                             int64_t *indptr)
{
    const rg_split *split = rows->split;
    int64_t n = 0, at = 0;
    for (int64_t row = split->offsets[begin]; row < split->offsets[end]; row++) {
        if (!rg__row_is_there(split, row))
            continue;
        if (indptr)
            indptr[at++] = n;
        n += rg__sparse_count(&rows->loader, row);
    }
    if (indptr)
        indptr[at] = n;
    return n;
}

/* Loads the lists [begin, end) to the copy. */
static rg_status load(struct rg__rows *rows, int64_t begin, int64_t end)
{
    rg_context *ctx = rows->ctx;
    struct rg__pool *pool = rg__pool(ctx);
    if (!pool)
        return RG_LIMIT;
    struct loading l = {.rows = rows, .begin = begin, .end = end};
    l.scratch_size = list_scratch(rows);
    l.scratch = rg__alloc(ctx, rg__pool_size(pool), l.scratch_size, "lists of rows");
    if (!l.scratch)
        return RG_LIMIT;
    rows->first_row = rows->offsets[begin];
    if (rows->sparse)
        count_numbers(rows, begin, end, rows->copy_indptr);
    int64_t n_tasks = (end - begin + LISTS_A_TASK - 1) / LISTS_A_TASK;
    rg_status status = rg__pool_run(pool, n_tasks, load_lists, &l);
    rg__free(ctx, l.scratch);
    return status;
}

rg_status rg__rows_load_window(struct rg__rows *rows, int64_t window, int64_t next)
{
    if (!rows->streams || rows->window == window)
        return RG_OK;
    if (rows->stay)
        advise(rows, rows->window, rg__advise_dontneed);
    advise(rows, next, rg__advise_willneed);
    if (rows->stay) {
        rows->window = window;
        return RG_OK;
    }
    rows->window = -1; /* until it is there */
    rg_status status = load(rows, rows->windows[window], rows->windows[window + 1]);
    advise(rows, window, rg__advise_dontneed);
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

/* The most numbers of sparse rows that are in memory at a time. */
static int64_t most_numbers(const struct rg__rows *rows)
{
    int64_t most = 0;
    if (!rows->streams)
        return count_numbers(rows, 0, rows->n_lists, NULL);
    for (int64_t w = 0; w < rows->n_windows; w++) {
        int64_t n = count_numbers(rows, rows->windows[w], rows->windows[w + 1], NULL);
        most = n > most ? n : most;
    }
    return most;
}

/* Room for a copy of n sparse rows. */
static rg_status allocate_sparse(struct rg__rows *rows, int64_t n)
{
    rg_context *ctx = rows->ctx;
    rg_status status =
        rg__sparse_open(ctx, rows->split, rows->inputs, rows->normalization, &rows->loader);
    if (status != RG_OK)
        return status;
    int64_t most = most_numbers(rows);
    rows->copy = rg__alloc_uninitialized(ctx, most, rg_dtype_size(rows->dtype), "the features");
    rows->copy_indices =
        rg__alloc_uninitialized(ctx, most, sizeof *rows->copy_indices, "the features");
    rows->copy_indptr = rg__alloc(ctx, n + 1, sizeof *rows->copy_indptr, "the features");
    rows->matrix.sparse = (rg_csr){.n_rows = n,
                                   .n_cols = rows->n_columns,
                                   .indptr = rows->copy_indptr,
                                   .indices = rows->copy_indices,
                                   .dtype = rows->dtype,
                                   .data = rows->copy};
    return rows->copy && rows->copy_indices && rows->copy_indptr ? RG_OK : RG_LIMIT;
}

/* Room for a copy of n dense rows. */
static rg_status allocate_dense(struct rg__rows *rows, int64_t n)
{
    rows->copy = rg__alloc_uninitialized(rows->ctx, n * rows->n_columns, rg_dtype_size(rows->dtype),
                                         "the features");
    rows->matrix.dense = (rg_tensor){rows->dtype, 2, {n, rows->n_columns}, rows->copy};
    return rows->copy ? RG_OK : RG_LIMIT;
}

/* Room for the copy, and all of it unless it streams. */
static rg_status load_copy(struct rg__rows *rows)
{
    int64_t n = rows->streams ? largest_window(rows) : rows->n_rows;
    rg_status status = (rows->sparse ? allocate_sparse : allocate_dense)(rows, n);
    return status != RG_OK || rows->streams ? status : load(rows, 0, rows->n_lists);
}

/* The positions of the valid rows. */
static rg_status load_positions(const rg_split *split, struct rg__rows *rows)
{
    if (!split->positions)
        return RG_OK;
    rows->positions = rg__alloc(rows->ctx, rows->n_rows, sizeof *rows->positions, "the positions");
    int64_t n = 0;
    for (int64_t row = 0; rows->positions && row < split->n_rows; row++)
        if (rg__row_is_there(split, row))
            rows->positions[n++] = split->positions[row];
    return rows->positions ? RG_OK : RG_LIMIT;
}

rg_status rg__rows_open(rg_context *ctx, const rg_split *split, const struct rg__inputs *inputs,
                        const rg_normalization *normalization, rg_dtype dtype,
                        const struct rg__windowing *windowing, struct rg__rows *rows)
{
    *rows = (struct rg__rows){.ctx = ctx, .dtype = dtype, .n_columns = inputs->n};
    rows->split = split;
    rows->inputs = inputs;
    rows->normalization = normalization;
    rows->n_lists = split->n_lists;
    rows->streams = windowing && windowing->stream;
    rows->window = -1;
    rows->offsets = rg__alloc(ctx, split->n_lists + 1, sizeof *rows->offsets, "the offsets");
    if (!rows->offsets)
        return RG_LIMIT;
    rows->n_rows = count_valid(split, rows->offsets);
    rows->sparse = rg__stays_sparse(split, normalization);
    rows->stay = rg__rows_stay(split, inputs, normalization, dtype);
    if (rows->stay)
        rows->matrix = (rg_selection){.dense = split->features, .sparse = split->csr};
    rg_status status = load_labels(split, rows);
    if (status == RG_OK)
        status = load_list_weights(split, rows);
    if (status == RG_OK)
        status = load_positions(split, rows);
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
    rg__free(rows->ctx, rows->positions);
    rg__free(rows->ctx, rows->windows);
    rg__free(rows->ctx, rows->copy);
    rg__free(rows->ctx, rows->copy_indices);
    rg__free(rows->ctx, rows->copy_indptr);
    rg__sparse_close(&rows->loader);
    *rows = (struct rg__rows){0};
}

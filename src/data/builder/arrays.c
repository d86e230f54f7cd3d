/* arrays.c: collected rows become the arrays of a split; see builder.h.
 *
 * The rows are cut into parts, and each part of an array is made where it is to stay,
 * or, where memory is limited, in a buffer and written to its place in a file, which is mapped when
 * it is whole. Parts know their places beforehand, so that they are made beside each other. */
#include "base/pool.h"
#include "data/builder/builder.h"
#include "tensor/tensor.h"

#include <string.h>

/* Rows are dense when the dense array is at most this, or this part of it is not zero. */
#define SMALL_BYTES  (64.0 * 1024 * 1024)
#define DENSE_ENOUGH 0.25

enum { PART = 1 << 20 /* bytes of features, about */, MOST_ARRAYS = 5 * RG__MAX_SPLITS };

/* Where the arrays of the data set go. */
struct target {
    rg_dataset *dataset;
    struct rg__spool file; /* not open: memory */
    int n_arrays;          /* in the file, which pointers wait for */
    struct {
        void *pointer; /* its address */
        int64_t offset;
    } arrays[MOST_ARRAYS];
};

/* An array under way. */
struct array {
    char *memory; /* NULL: in the file */
    int64_t offset;
    size_t size; /* of an element */
};

/* A split under way. */
struct work {
    const struct rg__builder *builder;
    struct target *target;
    int64_t n_features, rows_per_part, n_parts;
    bool dense;
    int64_t *order;  /* (n_rows) which row comes k-th; NULL: row k */
    int64_t *starts; /* (n_parts + 1) of sparse parts, in values */
    struct array features, indptr, columns, values, labels;
};

/* ---- Arrays ---------------------------------------------------------------------------------- */

/* A place for an array, to which the pointer at `pointer` then leads. */
static bool place(struct target *t, int64_t count, size_t size, void *pointer, struct array *array)
{
    *array = (struct array){.size = size};
    if (t->file.ctx) {
        array->offset = rg__spool_reserve(&t->file, (size_t)count * size);
        t->arrays[t->n_arrays].pointer = pointer;
        t->arrays[t->n_arrays++].offset = array->offset;
        return true;
    }
    array->memory =
        rg__own(t->dataset, rg__alloc_uninitialized(t->dataset->ctx, count, size, "rows of text"));
    memcpy(pointer, &array->memory, sizeof array->memory);
    return array->memory != NULL;
}

/* Elements of an array from `first` on, to be filled; NULL: error recorded. */
static void *open_part(rg_context *ctx, const struct array *array, int64_t first, int64_t count)
{
    if (array->memory)
        return array->memory + (size_t)first * array->size;
    return rg__alloc(ctx, count, array->size, "a part of an array");
}

/* Puts them in their place, NULL being no part. */
static rg_status close_part(rg_context *ctx, const struct target *t, const struct array *array,
                            int64_t first, int64_t count, void *part)
{
    if (!part || array->memory)
        return part ? RG_OK : RG_LIMIT;
    rg_status status = rg__spool_write(ctx, &t->file, part, (size_t)count * array->size,
                                       array->offset + first * (int64_t)array->size);
    rg__free(ctx, part);
    return status;
}

/* ---- Parts ----------------------------------------------------------------------------------- */

/* Row k of the split: its store, and its number there. */
static const struct rg__row_store *find_row(const struct work *w, int64_t k, int64_t *row)
{
    int64_t old = w->order ? w->order[k] : k;
    const struct rg__segment *segment = rg__builder_find_row(w->builder, old);
    *row = old - segment->first_row;
    return &segment->rows;
}

/* Puts the values of a row to their columns, in the type of the split. */
static void scatter(const struct rg__row_store *rows, int64_t row, rg_dtype dtype, void *to)
{
    const int32_t *columns = rows->columns;
    int64_t begin = rows->indptr[row], end = rows->indptr[row + 1];
    if (rows->dtype == RG_F32)
        for (int64_t i = begin; i < end; i++)
            ((float *)to)[columns[i]] = ((const float *)rows->values)[i];
    else if (dtype == RG_F32)
        for (int64_t i = begin; i < end; i++)
            ((float *)to)[columns[i]] = (float)((const double *)rows->values)[i];
    else
        for (int64_t i = begin; i < end; i++)
            ((double *)to)[columns[i]] = ((const double *)rows->values)[i];
}

static rg_status make_dense(rg_context *ctx, const struct work *w, int64_t begin, int64_t end)
{
    int64_t first = begin * w->n_features, count = (end - begin) * w->n_features, row;
    size_t row_size = (size_t)w->n_features * w->features.size;
    char *x = open_part(ctx, &w->features, first, count);
    if (x)
        memset(x, 0, (size_t)count * w->features.size);
    for (int64_t k = begin; k < end && x; k++) {
        const struct rg__row_store *rows = find_row(w, k, &row);
        scatter(rows, row, w->builder->dtype, x + (size_t)(k - begin) * row_size);
    }
    return close_part(ctx, w->target, &w->features, first, count, x);
}

static rg_status make_sparse(rg_context *ctx, const struct work *w, int64_t part, int64_t begin,
                             int64_t end)
{
    int64_t first = w->starts[part], count = w->starts[part + 1] - first, n = 0, row;
    int64_t n_indptr = end - begin + (end == w->builder->n_rows);
    int64_t *indptr = open_part(ctx, &w->indptr, begin, n_indptr);
    int32_t *columns = open_part(ctx, &w->columns, first, count);
    char *values = open_part(ctx, &w->values, first, count);
    for (int64_t k = begin; k < end && indptr && columns && values; k++) {
        const struct rg__row_store *rows = find_row(w, k, &row);
        int64_t from = rows->indptr[row], n_row = rows->indptr[row + 1] - from;
        indptr[k - begin] = first + n;
        memcpy(columns + n, rows->columns + from, (size_t)n_row * sizeof *columns);
        rg__cast(rows->dtype,
                 (const char *)rows->values + (size_t)from * rg_dtype_size(rows->dtype),
                 w->builder->dtype, values + (size_t)n * w->values.size, n_row);
        n += n_row;
    }
    if (indptr && end == w->builder->n_rows)
        indptr[end - begin] = first + count;
    rg_status status[] = {
        close_part(ctx, w->target, &w->indptr, begin, n_indptr, indptr),
        close_part(ctx, w->target, &w->columns, first, count, columns),
        close_part(ctx, w->target, &w->values, first, count, values),
    };
    return status[0] != RG_OK ? status[0] : status[1] != RG_OK ? status[1] : status[2];
}

static rg_status make_labels(rg_context *ctx, const struct work *w, int64_t begin, int64_t end)
{
    int64_t row;
    if (!w->builder->has_labels)
        return RG_OK;
    double *labels = open_part(ctx, &w->labels, begin, end - begin);
    for (int64_t k = begin; k < end && labels; k++) {
        const struct rg__row_store *rows = find_row(w, k, &row);
        labels[k - begin] = rows->labels[row];
    }
    return close_part(ctx, w->target, &w->labels, begin, end - begin, labels);
}

static rg_status make_part(rg_context *ctx, void *user, int worker, int64_t i)
{
    (void)worker;
    const struct work *w = user;
    int64_t begin = i * w->rows_per_part, end = begin + w->rows_per_part;
    if (end > w->builder->n_rows)
        end = w->builder->n_rows;
    rg_status status = make_labels(ctx, w, begin, end);
    if (status == RG_OK)
        status = w->dense ? make_dense(ctx, w, begin, end) : make_sparse(ctx, w, i, begin, end);
    return status == RG_OK ? rg__cancelled(ctx) : status;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* The order that brings scattered lists together: order[new row] = old row, lists by first
 * appearance, rows of a list as they came. */
static int64_t *regrouped_order(const struct rg__builder *g)
{
    int64_t *order = rg__alloc(g->ctx, g->n_rows, sizeof *order, "the order of rows");
    int64_t *next = rg__alloc(g->ctx, g->n_lists, sizeof *next, "the order of rows");
    if (!order || !next) {
        rg__free(g->ctx, order);
        order = NULL;
        goto done;
    }
    for (int64_t q = 1; q < g->n_lists; q++)
        next[q] = next[q - 1] + g->lists[q - 1].n_rows;
    for (int64_t i = 0; i < g->n_parts; i++) {
        int64_t end = i + 1 < g->n_parts ? g->parts[i + 1].first_row : g->n_rows;
        for (int64_t row = g->parts[i].first_row; row < end; row++)
            order[next[g->parts[i].list]++] = row;
    }
done:
    rg__free(g->ctx, next);
    return order;
}

static bool is_dense(const struct rg__builder *g, int64_t n_features, bool sparse)
{
    double cells = (double)g->n_rows * (double)n_features; /* may exceed 2^63 */
    return !sparse && (cells * (double)rg_dtype_size(g->dtype) <= SMALL_BYTES ||
                       (double)g->n_values >= DENSE_ENOUGH * cells);
}

static rg_status place_dense(struct work *w, rg_split *split)
{
    int64_t cells;
    if (__builtin_mul_overflow(w->builder->n_rows, w->n_features, &cells))
        return rg__fail_memory(w->builder->ctx, SIZE_MAX, "features");
    rg_dtype dtype = w->builder->dtype;
    split->features = (rg_tensor){dtype, 2, {w->builder->n_rows, w->n_features}, NULL};
    return place(w->target, cells, rg_dtype_size(dtype), &split->features.data, &w->features)
               ? RG_OK
               : RG_LIMIT;
}

static rg_status place_sparse(struct work *w, rg_split *split)
{
    const struct rg__builder *g = w->builder;
    rg_csr *csr = &split->csr;
    *csr = (rg_csr){.n_rows = g->n_rows, .n_cols = w->n_features, .dtype = g->dtype};
    w->starts = rg__alloc(g->ctx, w->n_parts + 1, sizeof *w->starts, "the parts of an array");
    if (!w->starts ||
        !place(w->target, g->n_rows + 1, sizeof *csr->indptr, &csr->indptr, &w->indptr) ||
        !place(w->target, g->n_values, sizeof *csr->indices, &csr->indices, &w->columns) ||
        !place(w->target, g->n_values, rg_dtype_size(g->dtype), &csr->data, &w->values))
        return RG_LIMIT;
    for (int64_t k = 0, n = 0, row; k < g->n_rows; k++) {
        const struct rg__row_store *rows = find_row(w, k, &row);
        n += rows->indptr[row + 1] - rows->indptr[row];
        w->starts[k / w->rows_per_part + 1] = n;
    }
    return RG_OK;
}

static rg_status make_rows(struct work *w, rg_split *split)
{
    const struct rg__builder *g = w->builder;
    struct rg__pool *pool = rg__pool(g->ctx);
    double values_per_row =
        w->dense ? (double)w->n_features : (double)g->n_values / (double)g->n_rows;
    w->rows_per_part =
        1 + (int64_t)((double)(PART / rg_dtype_size(w->builder->dtype)) / (1 + values_per_row));
    w->n_parts = (g->n_rows + w->rows_per_part - 1) / w->rows_per_part;
    rg_status status = pool ? (w->dense ? place_dense : place_sparse)(w, split) : RG_LIMIT;
    if (status == RG_OK && g->has_labels &&
        !place(w->target, g->n_rows, sizeof *split->labels, &split->labels, &w->labels))
        status = RG_LIMIT;
    return status == RG_OK ? rg__pool_run(pool, w->n_parts, make_part, w) : status;
}

/* Hands an array of the builder over to the data set, which owns it then; NULL on failure. */
static void *hand_over(rg_dataset *dataset, void *array_in_builder)
{
    void *array;
    memcpy(&array, array_in_builder, sizeof array);
    memset(array_in_builder, 0, sizeof array);
    return rg__own(dataset, array);
}

/* Sparse rows in memory that are in order and of the right type are what the split wants. */
static rg_status hand_over_rows(struct rg__builder *g, rg_dataset *dataset, rg_split *split)
{
    split->csr = (rg_csr){.n_rows = g->n_rows,
                          .n_cols = split->n_features,
                          .dtype = g->dtype,
                          .indptr = hand_over(dataset, &g->rows.indptr),
                          .indices = hand_over(dataset, &g->rows.columns),
                          .data = hand_over(dataset, &g->rows.values)};
    bool labelled = !g->has_labels || (split->labels = hand_over(dataset, &g->rows.labels));
    return split->csr.indptr && split->csr.indices && split->csr.data && labelled ? RG_OK
                                                                                  : RG_LIMIT;
}

/* ---- Lists and ids --------------------------------------------------------------------------- */

static rg_status build_lists(const struct rg__builder *g, rg_dataset *dataset, rg_split *split)
{
    int64_t n = g->n_lists;
    int64_t *offsets = rg__own_new(dataset, n + 1, sizeof *offsets, "list offsets");
    if (!offsets)
        return RG_LIMIT;
    for (int64_t q = 0; q < n; q++)
        offsets[q + 1] = offsets[q] + g->lists[q].n_rows;
    split->n_lists = n;
    split->offsets = offsets;
    if (g->lists[0].id < 0)
        return RG_OK;
    const char **ids = rg__own_new(dataset, n, sizeof *ids, "query ids");
    if (!ids)
        return RG_LIMIT;
    for (int64_t q = 0; q < n; q++)
        ids[q] = g->text + g->lists[q].id;
    split->query_ids = ids;
    return RG_OK;
}

static rg_status build_doc_ids(const struct work *w, rg_dataset *dataset, rg_split *split)
{
    int64_t row;
    const char **ids = rg__own_new(dataset, w->builder->n_rows, sizeof *ids, "doc ids");
    if (!ids)
        return RG_LIMIT;
    for (int64_t k = 0; k < w->builder->n_rows; k++) {
        const struct rg__row_store *rows = find_row(w, k, &row);
        ids[k] = rows->doc_ids[row] < 0 ? "" : w->builder->text + rows->doc_ids[row];
    }
    split->doc_ids = ids;
    return RG_OK;
}

/* Copies n numbers of 8 bytes, if there are any, in the order of the rows. */
static rg_status copy_numbers(rg_dataset *dataset, const void *numbers, int64_t n,
                              const int64_t *order, const void **out)
{
    if (!numbers)
        return RG_OK;
    int64_t *to = rg__own_new(dataset, n, sizeof *to, "weights and positions");
    for (int64_t k = 0; to && k < n; k++)
        memcpy(to + k, (const int64_t *)numbers + (order ? order[k] : k), sizeof *to);
    *out = to;
    return to ? RG_OK : RG_LIMIT;
}

/* What stood in files beside the text. */
static rg_status build_side_arrays(const struct work *w, rg_dataset *dataset, rg_split *split)
{
    const struct rg__builder *g = w->builder;
    const void *weights = NULL, *list_weights = NULL, *positions = NULL;
    rg_status status = copy_numbers(dataset, g->weights.values, g->n_rows, w->order, &weights);
    if (status == RG_OK)
        status = copy_numbers(dataset, g->list_weights.values, g->n_lists, NULL, &list_weights);
    if (status == RG_OK)
        status = copy_numbers(dataset, g->positions.values, g->n_rows, w->order, &positions);
    split->weights = weights;
    split->list_weights = list_weights;
    split->positions = positions;
    return status;
}

/* ---- Splits ---------------------------------------------------------------------------------- */

static rg_status build_split(struct rg__builder *g, bool sparse, struct target *target,
                             rg_split *split)
{
    rg_dataset *dataset = target->dataset;
    struct work w = {.builder = g, .target = target, .n_features = split->n_features};
    w.dense = is_dense(g, split->n_features, sparse);
    bool scattered = g->n_parts > g->n_lists;
    if (scattered)
        w.order = regrouped_order(g);
    rg_status status = scattered && !w.order ? RG_LIMIT : rg__builder_finish_rows(g);
    if (status == RG_OK && g->n_lists > 0)
        status = build_lists(g, dataset, split);
    if (status == RG_OK && g->has_doc_ids)
        status = build_doc_ids(&w, dataset, split);
    if (status == RG_OK)
        status = build_side_arrays(&w, dataset, split);
    bool give = !w.dense && !scattered && !target->file.ctx && g->rows.dtype == g->dtype;
    if (status == RG_OK)
        status = give ? hand_over_rows(g, dataset, split) : make_rows(&w, split);
    rg__free(g->ctx, w.order);
    rg__free(g->ctx, w.starts);
    return status;
}

/* Bytes of the arrays to come. */
static double bytes_of(const struct rg__builder *g, int64_t n_features, bool sparse)
{
    double n = (double)g->n_rows, size = (double)rg_dtype_size(g->dtype);
    return n * sizeof(double) +
           (is_dense(g, n_features, sparse)
                ? n * (double)n_features * size
                : n * sizeof(int64_t) + (double)g->n_values * (sizeof(int32_t) + size));
}

/* Opens the file where the arrays would pass the limit. */
static rg_status open_target(struct rg__builder *builders, int n, int64_t n_features, bool sparse,
                             struct target *target)
{
    const struct rg__row_limit *limit = builders[0].limit;
    double bytes = (double)limit->held;
    for (int i = 0; i < n; i++)
        bytes += bytes_of(&builders[i], n_features, sparse);
    if (limit->bytes == 0 || (!limit->spool.ctx && bytes <= (double)limit->bytes))
        return RG_OK;
    return rg__spool_open(target->dataset->ctx, limit->path, &target->file);
}

/* Maps the file and leads the pointers into it. */
static rg_status map_target(struct target *t)
{
    rg_dataset *dataset = t->dataset;
    rg_status status = rg__spool_map(&t->file, &dataset->map);
    dataset->map_size = (size_t)t->file.size;
    for (int i = 0; i < t->n_arrays && status == RG_OK; i++) {
        void *array = (char *)dataset->map + t->arrays[i].offset;
        memcpy(t->arrays[i].pointer, &array, sizeof array);
    }
    return status;
}

rg_status rg__build_splits(struct rg__builder *builders, int n, int64_t n_features, bool sparse,
                           rg_dataset *dataset)
{
    struct target target = {.dataset = dataset};
    rg_status status = open_target(builders, n, n_features, sparse, &target);
    for (int i = 0; i < n && status == RG_OK; i++) {
        struct rg__builder *g = &builders[i];
        rg_split *split = &dataset->splits[dataset->n_splits + i];
        split->n_rows = g->n_rows;
        split->n_features = n_features;
        status = build_split(g, sparse, &target, split);
        if (status == RG_OK && g->n_text > 0 && !hand_over(dataset, &g->text))
            status = RG_LIMIT;
        rg__builder_free(g);
    }
    if (status == RG_OK && target.file.ctx)
        status = map_target(&target);
    rg__spool_close(&target.file);
    if (status == RG_OK)
        dataset->n_splits += n;
    return status;
}

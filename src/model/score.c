/* score.c: from raw features to scores, in a model's own kernels or else in a graph.
 *
 * The one idea: a score depends on its row (or list) alone, so rows may be cut into blocks of any
 * size and scored by any thread. A block's normalised rows lie on the stack; rows that need no
 * change are read where they are. */
#include "autograd/op.h"
#include "base/pool.h"
#include "data/columns.h"
#include "data/split.h"
#include "model/model.h"
#include "model/wide.h"
#include "normalize/normalize.h"
#include "normalize/rows.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

enum {
    ALIGNMENT = 64,
    STACK_BYTES = RG__MOST_BLOCK + 3 * ALIGNMENT, /* of a block */
    TASK_ROWS = 1024, /* that a worker takes at a time; or, where lists are normalised, */
    TASK_LISTS = 64
};

/* ---- With a graph ---- */

/* The scores of a leaf of rows, one list, into the model's type. The graph is reset first. */
static rg_status score_leaf(const rg_model *model, rg_graph *graph, rg_node *rows, void *scores)
{
    rg_model reading = *model;              /* forward takes a model whose gradients may change */
    reading.ctx = rg__graph_context(graph); /* a worker's, where workers score */
    rg_node *y = rg_model_forward(graph, &reading, rows, NULL, 1);
    if (!y)
        return rg_graph_status(graph);
    rg__scores_of(rg_node_value(y), model->parameters.dtype, scores);
    return RG_OK;
}

/* Scores n normalised rows (n,inputs), one list where the model sees lists; `graph` may be NULL for
 * a model that scores without. */
static rg_status score_dense(const rg_model *model, rg_graph *graph, const void *rows, int64_t n,
                             void *scores)
{
    const struct rg_scoring *scoring = rg__architecture(model)->scoring;
    rg_dtype dtype = model->parameters.dtype;
    if (scoring) {
        scoring->rows[dtype](model, rows, n, scores);
        return RG_OK;
    }
    union {
        const void *given;
        void *data; /* a leaf's data pointer, never written through */
    } features = {rows};
    const rg_tensor value = {dtype, 2, {n, model->inputs.n}, features.data};
    rg_graph_reset(graph);
    return score_leaf(model, graph, rg_leaf(graph, &value), scores);
}

static rg_status score_csr(const rg_model *model, rg_graph *graph, const rg_csr *rows,
                           void *products, void *scores)
{
    const struct rg_scoring *scoring = rg__architecture(model)->scoring;
    rg_dtype dtype = model->parameters.dtype;
    if (scoring) {
        scoring->sparse[dtype](model, rows, products, scores);
        return RG_OK;
    }
    const rg_run run = {0, rows->n_rows};
    rg_selection selection = {.sparse = *rows, .n_runs = 1, .runs = &run};
    int64_t before = rows->indptr[0]; /* of a part of a split: its numbers begin behind others */
    selection.sparse.indices -= before;
    selection.sparse.data = (const char *)rows->data - (size_t)before * rg_dtype_size(dtype);
    rg_graph_reset(graph);
    return score_leaf(model, graph, rg_leaf_rows(graph, &selection, dtype), scores);
}

/* A graph for a model that needs one to score; NULL otherwise, and (*status) without memory. */
static rg_graph *graph_for(rg_context *ctx, const rg_model *model, rg_status *status)
{
    rg_graph *graph = rg__architecture(model)->scoring ? NULL : rg_graph_create(ctx);
    *status = graph || rg__architecture(model)->scoring ? RG_OK : RG_LIMIT;
    return graph;
}

/* Whether a split's rows are what the model takes: dense, all there, of its type, unchanged. */
static bool reads_in_place(const rg_model *model, const rg_split *split)
{
    return rg__keeps_numbers(&model->normalization) && !split->mask && !split->csr.indptr &&
           !model->inputs.index && !split->columns &&
           split->features.dtype == model->parameters.dtype;
}

/* ---- Blocks ---- */

struct block {
    const rg_model *model;
    const rg_split *split;
    bool stays;      /* the rows can be read where they are */
    int64_t most;    /* rows that it has room for */
    void *heap;      /* NULL: the block is on the stack */
    rg_graph *graph; /* of a model that needs one */
    char *scores, *rows, *scratch;
};

static size_t rounded(size_t size)
{
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

/* A block for up to n rows at a time; for n exactly where they are one list. `stack` has
 * STACK_BYTES. End with block_close, also after failure. */
static rg_status block_open(rg_context *ctx, const rg_model *model, const rg_split *split,
                            int64_t n, char *stack, struct block *b)
{
    rg_dtype dtype = model->parameters.dtype;
    *b = (struct block){.model = model, .split = split};
    b->stays = reads_in_place(model, split);
    size_t score = rg_dtype_size(dtype), scratch = rg__load_scratch(split, &model->inputs, 1);
    size_t row = b->stays ? 0 : (size_t)model->inputs.n * score;
    const struct rg_scoring *scoring = rg__architecture(model)->scoring;
    int64_t room = scoring ? scoring->block : RG__MOST_BLOCK;
    int64_t fit = room / (int64_t)(score + row + scratch);
    b->most = rg_model_needs_lists(model) || n < fit ? n : fit > 0 ? fit : 1;
    if (b->most > fit)
        b->heap = rg__alloc(ctx, b->most, score + row + scratch + 3 * ALIGNMENT, "rows to score");
    if (b->most > fit && !b->heap)
        return RG_LIMIT;
    b->scores = b->heap ? b->heap : stack;
    b->rows = b->scores + rounded((size_t)b->most * score);
    b->scratch = b->rows + rounded((size_t)b->most * row);
    rg_status status;
    b->graph = graph_for(ctx, model, &status);
    return status;
}

static void block_close(rg_context *ctx, struct block *b)
{
    rg_graph_destroy(b->graph);
    rg__free(ctx, b->heap);
}

/* Scores the valid ones of the rows [begin, end), at most b->most, into b->scores; *n gets how many
 * they are. */
static rg_status score_block(const struct block *b, int64_t begin, int64_t end, int64_t *n_valid)
{
    const rg_split *split = b->split;
    rg_tensor rows = {.dtype = b->model->parameters.dtype, .data = b->rows};
    int64_t n = end - begin;
    if (b->stays)
        rows.data = (char *)split->features.data +
                    (size_t)(begin * split->n_features) * rg_dtype_size(rows.dtype);
    else
        n = rg__load_rows(b->model->ctx, split, &b->model->inputs, &b->model->normalization, begin,
                          end, b->scratch, &rows);
    *n_valid = n;
    return score_dense(b->model, b->graph, rows.data, n, b->scores);
}

/* ---- One list ---- */

rg_status rg_model_score(const rg_model *model, const float *rows, int64_t n, float *scores)
{
    rg_status status = RG_OK;
    if (!model)
        return RG_LIMIT;
    if (n < 0 || n > INT64_MAX / (int64_t)sizeof(double) / model->inputs.n_features)
        return rg__fail(model->ctx, RG_USAGE, "rg_model_score: n is %lld; expected 0 or more rows",
                        (long long)n);
    if (n > 0 && (!rows || !scores))
        return rg__require(model->ctx, "rg_model_score", "rows", rows, "scores", scores, NULL);
    rg_dtype dtype = model->parameters.dtype;
    union {
        const float *given;
        void *data; /* a leaf's data pointer, never written through */
    } features = {rows};
    const rg_split split = {.n_rows = n,
                            .n_features = model->inputs.n_features,
                            .features = {RG_F32, 2, {n, model->inputs.n_features}, features.data}};
    if (reads_in_place(model, &split) && rg__architecture(model)->scoring)
        return score_dense(model, NULL, rows, n, scores);
    _Alignas(ALIGNMENT) char stack[STACK_BYTES];
    struct block b;
    status = block_open(model->ctx, model, &split, n, stack, &b);
    for (int64_t begin = 0; begin < n && status == RG_OK; begin += b.most) {
        int64_t end = n - begin < b.most ? n : begin + b.most, n_scored;
        status = score_block(&b, begin, end, &n_scored);
        if (status == RG_OK)
            rg__cast(dtype, b.scores, RG_F32, scores + begin, n_scored);
    }
    block_close(model->ctx, &b);
    return status;
}

/* ---- A split ---- */

/* The scores of the rows [begin, end) as doubles, from the n scores of the valid ones, of the
 * model's type; NaN where a row is masked. */
static void widen_scores(const rg_model *model, const rg_split *split, int64_t begin, int64_t end,
                         const void *from, int64_t n, double *scores)
{
    if (model->parameters.dtype == RG_F32) /* rg__cast looks at each number's type anew */
        for (int64_t i = 0; i < n; i++)
            scores[begin + i] = (double)((const float *)from)[i];
    else
        memcpy(scores + begin, from, (size_t)n * sizeof *scores);
    if (!split->mask)
        return;
    for (int64_t row = end - 1; row >= begin; row--) /* from behind: each to its place */
        scores[row] = rg__row_is_there(split, row) ? scores[begin + --n] : (double)NAN;
}

static rg_status score_into(const struct block *b, int64_t begin, int64_t end, double *scores)
{
    int64_t n;
    rg_status status = score_block(b, begin, end, &n);
    if (status == RG_OK)
        widen_scores(b->model, b->split, begin, end, b->scores, n, scores);
    return status;
}

struct bulk {
    const rg_model *model;
    const rg_split *split;
    double *scores;
    const void *table;        /* of wide.h; NULL: none */
    struct rg__sparse sparse; /* of rows that are scored sparse, without a table */
};

/* The i-th TASK_LISTS lists. */
static rg_status score_lists(rg_context *ctx, void *user, int worker, int64_t i)
{
    (void)worker;
    const struct bulk *bulk = user;
    const rg_split *split = bulk->split;
    int64_t first = i * TASK_LISTS, n = split->n_lists - first;
    n = n < TASK_LISTS ? n : TASK_LISTS;
    _Alignas(ALIGNMENT) char stack[STACK_BYTES];
    struct block b;
    rg_status status =
        block_open(ctx, bulk->model, split, rg__longest_list(split->offsets + first, n), stack, &b);
    for (int64_t q = first; q < first + n && status == RG_OK; q++)
        status = score_into(&b, split->offsets[q], split->offsets[q + 1], bulk->scores);
    block_close(ctx, &b);
    return status == RG_OK ? rg__cancelled(ctx) : status;
}

/* The i-th TASK_ROWS rows. */
static rg_status score_rows(rg_context *ctx, void *user, int worker, int64_t i)
{
    (void)worker;
    const struct bulk *bulk = user;
    int64_t begin = i * TASK_ROWS, n_rows = bulk->split->n_rows;
    int64_t end = n_rows - begin < TASK_ROWS ? n_rows : begin + TASK_ROWS;
    _Alignas(ALIGNMENT) char stack[STACK_BYTES];
    struct block b;
    rg_status status = block_open(ctx, bulk->model, bulk->split, end - begin, stack, &b);
    for (; begin < end && status == RG_OK; begin += b.most)
        status = score_into(&b, begin, end - begin < b.most ? end : begin + b.most, bulk->scores);
    block_close(ctx, &b);
    return status == RG_OK ? rg__cancelled(ctx) : status;
}

/* ---- A sparse split ---- */

enum { BLOCK_VALUES = 16 << 10 }; /* numbers of a block, or one row or (normalised so) list */

/* Arrays for the numbers and the rows of a block. */
struct sparse_block {
    rg_graph *graph; /* of a model that needs one */
    char *memory;
    int32_t *indices;
    int64_t *indptr;
    void *data, *products, *scratch, *scores;
};

/* The end of the block that begins with row `begin`: a list, or rows of at most BLOCK_VALUES
 * numbers, at least one; *n_values gets an upper limit of the numbers when they are loaded. */
static int64_t end_of_block(const struct bulk *bulk, int64_t begin, int64_t end, int64_t *n_values)
{
    const int64_t *indptr = bulk->split->csr.indptr;
    int64_t shifted = bulk->sparse.n_shifted, row = begin;
    *n_values = 0;
    for (; row < end; row++) {
        int64_t n = indptr[row + 1] - indptr[row] + shifted;
        if (row > begin && *n_values + n > BLOCK_VALUES && !rg_model_needs_lists(bulk->model))
            break;
        *n_values += n;
    }
    return row;
}

static size_t place(size_t *used, size_t size)
{
    size_t at = *used;
    *used += rounded(size);
    return at;
}

/* Room for blocks of so many rows and numbers. */
static rg_status sparse_block_open(rg_context *ctx, const struct bulk *bulk, int64_t n_rows,
                                   int64_t n_values, struct sparse_block *b)
{
    size_t size = rg_dtype_size(bulk->model->parameters.dtype), used = 0, values = (size_t)n_values;
    size_t indptr = place(&used, (size_t)(n_rows + 1) * sizeof *b->indptr);
    size_t copied = bulk->table ? 0 : values;
    size_t indices = place(&used, copied * sizeof *b->indices);
    size_t data = place(&used, copied * size);
    size_t products = place(&used, (values + RG__SPARSE_SLACK) * size);
    size_t scores = place(&used, (size_t)n_rows * size);
    size_t scratch = place(&used, bulk->table ? 0 : rg__sparse_scratch(&bulk->sparse, n_values));
    char *m = b->memory = rg__alloc_uninitialized(ctx, (int64_t)used, 1, "sparse rows to score");
    if (!m)
        return RG_LIMIT;
    memset(m + products, 0, (values + RG__SPARSE_SLACK) * size);
    b->indptr = (int64_t *)(void *)(m + indptr);
    b->indices = (int32_t *)(void *)(m + indices);
    b->data = m + data;
    b->products = m + products;
    b->scores = m + scores;
    b->scratch = m + scratch;
    return RG_OK;
}

/* The valid ones of the rows [begin, end), normalised, in the block's arrays. */
static void load_sparse_block(const struct bulk *bulk, struct sparse_block *b, int64_t begin,
                              int64_t end, rg_csr *rows)
{
    int64_t n = 0;
    for (int64_t row = begin; row < end; row++)
        if (rg__row_is_there(bulk->split, row)) {
            b->indptr[rows->n_rows++] = n;
            n += rg__sparse_count(&bulk->sparse, row);
        }
    b->indptr[rows->n_rows] = n;
    rg__sparse_load(&bulk->sparse, begin, end, b->scratch, rows->dtype, b->indices, b->data);
}

static rg_status score_sparse_block(const struct bulk *bulk, struct sparse_block *b, int64_t begin,
                                    int64_t end)
{
    const rg_model *model = bulk->model;
    const rg_split *split = bulk->split;
    rg_dtype dtype = model->parameters.dtype;
    rg_csr rows = {0, model->inputs.n, b->indptr, b->indices, dtype, b->data};
    if (bulk->table) {
        rows = rg__csr_rows(&split->csr, begin, end);
        rg__architecture(model)->scoring->wide[dtype](model, bulk->table, &rows, b->products,
                                                      b->scores);
        widen_scores(model, split, begin, end, b->scores, rows.n_rows, bulk->scores);
        return RG_OK;
    }
    if (!split->mask && split->csr.dtype == dtype &&
        rg__rows_stay(split, &model->inputs, &model->normalization, dtype))
        rows = rg__csr_rows(&split->csr, begin, end);
    else
        load_sparse_block(bulk, b, begin, end, &rows);
    rg_status status = score_csr(model, b->graph, &rows, b->products, b->scores);
    if (status == RG_OK)
        widen_scores(model, split, begin, end, b->scores, rows.n_rows, bulk->scores);
    return status;
}

/* The rows [begin, end), in blocks. */
static rg_status score_sparse(rg_context *ctx, const struct bulk *bulk, int64_t begin, int64_t end)
{
    int64_t most_rows = 0, most_values = 0, n_values;
    for (int64_t row = begin; row < end;) {
        int64_t next = end_of_block(bulk, row, end, &n_values);
        most_rows = next - row > most_rows ? next - row : most_rows;
        most_values = n_values > most_values ? n_values : most_values;
        row = next;
    }
    struct sparse_block b = {.graph = NULL};
    rg_status status = sparse_block_open(ctx, bulk, most_rows, most_values, &b);
    if (status == RG_OK)
        b.graph = graph_for(ctx, bulk->model, &status);
    for (int64_t row = begin; row < end && status == RG_OK;) {
        int64_t next = end_of_block(bulk, row, end, &n_values);
        status = score_sparse_block(bulk, &b, row, next);
        row = next;
    }
    rg_graph_destroy(b.graph);
    rg__free(ctx, b.memory);
    return status;
}

/* The i-th TASK_LISTS lists, or TASK_ROWS rows. */
static rg_status score_sparse_task(rg_context *ctx, void *user, int worker, int64_t i)
{
    (void)worker;
    const struct bulk *bulk = user;
    const rg_split *split = bulk->split;
    rg_status status = RG_OK;
    if (rg_model_needs_lists(bulk->model)) {
        int64_t last =
            (i + 1) * TASK_LISTS < split->n_lists ? (i + 1) * TASK_LISTS : split->n_lists;
        for (int64_t q = i * TASK_LISTS; q < last && status == RG_OK; q++)
            status = score_sparse(ctx, bulk, split->offsets[q], split->offsets[q + 1]);
    } else {
        int64_t end = (i + 1) * TASK_ROWS < split->n_rows ? (i + 1) * TASK_ROWS : split->n_rows;
        status = score_sparse(ctx, bulk, i * TASK_ROWS, end);
    }
    return status == RG_OK ? rg__cancelled(ctx) : status;
}

/* ---- Any split ---- */

/* Scores a sound split that has the model's columns. */
static rg_status score_matched(const rg_model *model, const rg_split *split, double *scores)
{
    rg_context *ctx = model->ctx;
    bool by_list = rg_model_needs_lists(model);
    rg_status status = RG_OK;
    if (by_list && split->n_rows > 0 && !split->offsets) {
        bool sees_lists = rg__architecture(model)->sees_lists;
        return rg__fail(
            ctx, RG_BAD_DATA, "the model %s (%s); expected data with lists (offsets, qid or group)",
            sees_lists ? "scores the rows of a list together" : "normalises within lists",
            sees_lists ? rg_model_name(model) : model->normalization.choice.component->name);
    }
    struct bulk bulk = {.model = model, .split = split, .scores = scores};
    rg__task *task = by_list ? score_lists : score_rows;
    status = rg__wide_table(model, split, &bulk.table);
    if (status != RG_OK)
        return status;
    if (bulk.table) {
        task = score_sparse_task;
    } else if (rg__stays_sparse(split, &model->normalization)) {
        task = score_sparse_task;
        status = rg__sparse_open(ctx, split, &model->inputs, &model->normalization, &bulk.sparse);
        if (status != RG_OK)
            return status;
    }
    int64_t n_tasks = by_list ? (split->n_lists + TASK_LISTS - 1) / TASK_LISTS
                              : (split->n_rows + TASK_ROWS - 1) / TASK_ROWS;
    if (n_tasks < 2) { /* not worth the workers' start */
        status = n_tasks ? task(ctx, &bulk, 0, 0) : RG_OK;
    } else {
        struct rg__pool *pool = rg__pool(ctx);
        status = pool ? rg__pool_run(pool, n_tasks, task, &bulk) : RG_LIMIT;
    }
    rg__sparse_close(&bulk.sparse);
    return status;
}

rg_status rg_model_score_split(const rg_model *model, const rg_split *split, double *scores)
{
    static const char what[] = "the split to score";
    const struct rg__columns wanted = {"the model", rg_model_n_features(model),
                                       rg_model_feature_names(model)};
    struct rg__matched matched = {0};
    rg_context *ctx = rg__model_context(model);
    rg_status status =
        rg__require(ctx, "rg_model_score_split", "split", split, "scores", scores, NULL);
    if (status == RG_OK)
        status = rg__check_split(ctx, split, what);
    if (status == RG_OK)
        status = rg__match_columns(ctx, what, split, &wanted, &matched);
    if (status == RG_OK)
        status = score_matched(model, &matched.split, scores);
    rg__matched_free(&matched);
    return status;
}

/* shard.c: pieces of work of whole lists; see shard.h. */
#include "train/shard.h"

#include "tensor/tensor.h"

#include <string.h>

static int64_t length(const struct rg__rows *rows, int64_t list)
{
    return rows->offsets[list + 1] - rows->offsets[list];
}

int64_t rg__cut_shards(const struct rg__rows *rows, const int64_t *lists, int64_t n,
                       struct rg__shard *shards)
{
    int64_t n_shards = 0, bytes = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t more = rg__list_bytes(rows, lists[i]);
        if (n_shards == 0 || bytes + more > RG__SHARD_BYTES) {
            shards[n_shards++] = (struct rg__shard){lists + i, 0, 0};
            bytes = 0;
        }
        bytes += more;
        shards[n_shards - 1].n_lists++;
        shards[n_shards - 1].n_rows += length(rows, lists[i]);
    }
    return n_shards;
}

rg_node *rg__shard_features(rg_graph *graph, const struct rg__rows *rows,
                            const struct rg__shard *shard)
{
    int64_t most = 0, n = 0;
    for (int64_t i = 0; i < shard->n_lists; i++)
        most += rg__most_runs(rows, shard->lists[i]);
    rg_run *runs = rg_graph_alloc(graph, (size_t)most * sizeof *runs);
    if (!runs)
        return NULL;
    for (int64_t i = 0; i < shard->n_lists; i++)
        n = rg__list_runs(rows, shard->lists[i], runs, n);
    rg_selection selection = rows->matrix;
    selection.n_runs = n;
    selection.runs = runs;
    return rg_leaf_rows(graph, &selection, rows->dtype);
}

/* A leaf over a copy of the shard's part of a per-row array (n_rows) of the model's type. */
static rg_node *column(rg_graph *graph, const struct rg__rows *rows, const struct rg__shard *shard,
                       const void *array)
{
    size_t size = rg_dtype_size(rows->dtype);
    char *to = rg_graph_alloc(graph, (size_t)shard->n_rows * size);
    if (!to)
        return NULL;
    rg_tensor value = {rows->dtype, 1, {shard->n_rows}, to};
    for (int64_t i = 0; i < shard->n_lists; i++) {
        size_t bytes = (size_t)length(rows, shard->lists[i]) * size;
        memcpy(to, (const char *)array + (size_t)rows->offsets[shard->lists[i]] * size, bytes);
        to += bytes;
    }
    return rg_leaf(graph, &value);
}

/* A leaf over the weights of the shard's lists (n_lists), in the model's type. */
static rg_node *list_weights(rg_graph *graph, const struct rg__rows *rows,
                             const struct rg__shard *shard)
{
    size_t size = rg_dtype_size(rows->dtype);
    char *to = rg_graph_alloc(graph, (size_t)shard->n_lists * size);
    if (!to)
        return NULL;
    rg_tensor value = {rows->dtype, 1, {shard->n_lists}, to};
    for (int64_t i = 0; i < shard->n_lists; i++)
        rg__cast(RG_F64, &rows->list_weights[shard->lists[i]], rows->dtype, to + (size_t)i * size,
                 1);
    return rg_leaf(graph, &value);
}

const int64_t *rg__shard_offsets(rg_graph *graph, const struct rg__rows *rows,
                                 const struct rg__shard *shard)
{
    int64_t *offsets = rg_graph_alloc(graph, (size_t)(shard->n_lists + 1) * sizeof *offsets);
    if (!offsets)
        return NULL;
    offsets[0] = 0;
    for (int64_t i = 0; i < shard->n_lists; i++)
        offsets[i + 1] = offsets[i] + length(rows, shard->lists[i]);
    return offsets;
}

/* The row of each item in the split, counting valid rows: the same in every epoch; or, if `of` is
 * given, its number for that row. */
static const int64_t *row_numbers(rg_graph *graph, const struct rg__rows *rows,
                                  const struct rg__shard *shard, const int64_t *of)
{
    int64_t *numbers = rg_graph_alloc(graph, (size_t)shard->n_rows * sizeof *numbers), n = 0;
    for (int64_t i = 0; numbers && i < shard->n_lists; i++)
        for (int64_t row = rows->offsets[shard->lists[i]]; row < rows->offsets[shard->lists[i] + 1];
             row++)
            numbers[n++] = of ? of[row] : row;
    return numbers;
}

rg_status rg__shard_labels(rg_graph *graph, const struct rg__rows *rows,
                           const struct rg__shard *shard, rg_node **labels,
                           rg_loss_options *options)
{
    *labels = column(graph, rows, shard, rows->labels);
    *options = rg_loss_options_default();
    options->weights = rows->weights ? column(graph, rows, shard, rows->weights) : NULL;
    options->list_weights = rows->list_weights ? list_weights(graph, rows, shard) : NULL;
    options->offsets = rg__shard_offsets(graph, rows, shard);
    options->n_lists = shard->n_lists;
    options->item_ids = row_numbers(graph, rows, shard, NULL);
    if (rows->positions)
        options->positions = row_numbers(graph, rows, shard, rows->positions);
    return rg_graph_status(graph);
}

rg_status rg__workers_open(rg_context *ctx, struct rg__workers *workers)
{
    *workers = (struct rg__workers){.ctx = ctx, .pool = rg__pool(ctx)};
    int n = workers->pool ? rg__pool_size(workers->pool) : 0;
    workers->graph = n ? rg__alloc(ctx, n, sizeof(rg_graph *), "the graphs of the workers") : NULL;
    for (int i = 0; workers->graph && i < n; i++)
        if (!(workers->graph[i] = rg_graph_create(rg__pool_context(workers->pool, i))))
            return rg__fail(ctx, RG_LIMIT, "%s", rg_last_error(rg__pool_context(workers->pool, i)));
    return workers->graph ? RG_OK : RG_LIMIT;
}

void rg__workers_close(struct rg__workers *workers)
{
    for (int i = 0; workers->graph && i < rg__pool_size(workers->pool); i++)
        rg_graph_destroy(workers->graph[i]);
    rg__free(workers->ctx, workers->graph);
}

/* step.c: one step's gradient, shard by shard.
 *
 * The one idea: bits must not depend on how many workers there are. So the lists of a step are cut
 * into shards of whole lists, by size alone; the shards fall into at most 64 buckets, consecutive
 * ones into each; a bucket adds its shards in order, and the buckets are added in a fixed tree:
 *
 *     lists    | 7 2 | 9 | 4 1 8 | 3 | 6 5 |      in the shuffled order of the epoch
 *     shards     s0    s1  s2      s3  s4         <= 256 KiB of features: read from memory once,
 *     buckets   [s0    s1][s2]    [s3  s4]        in cache for backward
 *     tree       (b0 + b1) + b2
 *
 * A shard is one small graph: gathered rows -> model -> loss, reduction none -> backward with the
 * cotangent scale / units, where units (the step's lists with an item) are counted first. So one
 * shard a list and one shard for all are the same sum, to rounding. */
#include "train/step.h"

#include "model/model.h"
#include "tensor/tensor.h"
#include "train/check.h"

#include <math.h>
#include <string.h>

rg_status rg__stepper_open(struct rg__stepper *s)
{
    const rg_parameters *p = &s->model->parameters;
    s->graph = rg_graph_create(s->ctx);
    int64_t n = s->most_lists < RG__MOST_BUCKETS ? s->most_lists : RG__MOST_BUCKETS;
    s->buckets = rg__alloc(s->ctx, (n - 1) * p->count, rg_dtype_size(p->dtype),
                           "the gradients of the shards");
    return s->graph && s->buckets ? RG_OK : RG_LIMIT;
}

void rg__stepper_close(struct rg__stepper *s)
{
    rg_graph_destroy(s->graph);
    rg__free(s->ctx, s->buckets);
}

/* A shard: lists [0, n) of a step's, n_rows rows of them. */
struct shard {
    const int64_t *lists;
    int64_t n_lists, n_rows;
};

static int64_t length(const struct rg__rows *rows, int64_t list)
{
    return rows->offsets[list + 1] - rows->offsets[list];
}

/* As many of the n lists as fit a shard; one at least. */
static struct shard cut(const struct rg__rows *rows, const int64_t *lists, int64_t n)
{
    int64_t row_bytes = rows->n_features * (int64_t)rg_dtype_size(rows->dtype);
    struct shard shard = {lists, 0, 0};
    while (shard.n_lists < n) {
        int64_t n_rows = shard.n_rows + length(rows, lists[shard.n_lists]);
        if (shard.n_lists > 0 && n_rows > RG__SHARD_BYTES / row_bytes)
            break;
        shard.n_rows = n_rows;
        shard.n_lists++;
    }
    return shard;
}

/* Copies the shard's part of a per-row array with `size` bytes a row; NULL on lack of memory. */
static void *gather(rg_graph *graph, const struct rg__rows *rows, const struct shard *shard,
                    const void *array, size_t size)
{
    char *to = rg_graph_alloc(graph, (size_t)shard->n_rows * size), *at = to;
    for (int64_t i = 0; to && i < shard->n_lists; i++) {
        size_t bytes = (size_t)length(rows, shard->lists[i]) * size;
        if (bytes > 0)
            memcpy(at, (const char *)array + (size_t)rows->offsets[shard->lists[i]] * size, bytes);
        at += bytes;
    }
    return to;
}

/* The shard's rows of an array (n_rows,width), or (n_rows) where width is 0. */
static rg_node *gathered_leaf(struct rg__stepper *s, const struct shard *shard, const void *array,
                              int64_t width)
{
    const struct rg__rows *rows = s->rows;
    size_t size = (size_t)(width ? width : 1) * rg_dtype_size(rows->dtype);
    rg_tensor value = {rows->dtype, width ? 2 : 1, {shard->n_rows, width}, NULL};
    value.data = gather(s->graph, rows, shard, array, size);
    return value.data ? rg_leaf(s->graph, &value) : NULL;
}

/* The offsets of a shard's lists, in the graph's memory. */
static const int64_t *shard_offsets(struct rg__stepper *s, const struct shard *shard)
{
    int64_t *offsets = rg_graph_alloc(s->graph, (size_t)(shard->n_lists + 1) * sizeof *offsets);
    if (!offsets)
        return NULL;
    offsets[0] = 0;
    for (int64_t i = 0; i < shard->n_lists; i++)
        offsets[i + 1] = offsets[i] + length(s->rows, shard->lists[i]);
    return offsets;
}

static double element(const rg_tensor *t, int64_t i)
{
    return rg__element(t->dtype, t->data, i);
}

static bool all_finite(const rg_tensor *t)
{
    int64_t n = rg_tensor_count(t);
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(element(t, i)))
            return false;
    return true;
}

/* Forward and backward of one shard; `cotangent` is that of each list's loss. */
static rg_status run_shard(struct rg__stepper *s, rg_model *model, const struct shard *shard,
                           double cotangent, double *loss_sum)
{
    rg_graph *g = s->graph;
    const struct rg__rows *rows = s->rows;
    rg_graph_reset(g);
    rg_node *x = gathered_leaf(s, shard, rows->features, rows->n_features);
    rg_node *labels = gathered_leaf(s, shard, rows->labels, 0);
    rg_loss_options o = rg_loss_options_default();
    o.weights = rows->weights ? gathered_leaf(s, shard, rows->weights, 0) : NULL;
    o.offsets = shard_offsets(s, shard);
    o.n_lists = shard->n_lists;
    o.reduction = RG_REDUCE_NONE;
    o.label_mode = s->label_mode;
    rg_node *scores = rg_model_forward(g, model, x);
    if (scores && !all_finite(rg_node_value(scores)))
        return rg__explain_scores(s->ctx, s->split, "training");
    rg_node *losses = scores && o.offsets ? s->loss(g, scores, labels, &o) : NULL;
    rg_tensor seed = {rows->dtype, 1, {shard->n_lists}, NULL};
    seed.data = rg_graph_alloc(g, (size_t)shard->n_lists * rg_dtype_size(rows->dtype));
    if (!losses || !seed.data)
        return rg_graph_status(g);
    for (int64_t i = 0; i < shard->n_lists; i++) {
        rg__cast(RG_F64, &cotangent, seed.dtype,
                 (char *)seed.data + (size_t)i * rg_dtype_size(seed.dtype), 1);
        *loss_sum += element(rg_node_value(losses), i);
    }
    return rg_backward(g, losses, &seed);
}

/* All buckets into the first, in a tree that depends on their number alone. */
static void add_buckets(const rg_parameters *p, char *const *bucket, int64_t n)
{
    for (int64_t width = 1; width < n; width *= 2)
        for (int64_t i = 0; i + width < n; i += 2 * width)
            rg__add(p->dtype, bucket[i], p->dtype, bucket[i + width], p->count);
}

static int64_t count_units(const struct rg__rows *rows, const int64_t *lists, int64_t n)
{
    int64_t units = 0;
    for (int64_t i = 0; i < n; i++)
        units += length(rows, lists[i]) > 0;
    return units;
}

rg_status rg__step(struct rg__stepper *s, const int64_t *lists, int64_t n_lists, double *loss_sum,
                   int64_t *units)
{
    const rg_parameters *p = &s->model->parameters;
    size_t block = (size_t)p->count * rg_dtype_size(p->dtype);
    int64_t n_shards = 0;
    *loss_sum = 0;
    *units = count_units(s->rows, lists, n_lists);
    if (*units == 0)
        return RG_OK;
    for (int64_t at = 0; at < n_lists; n_shards++)
        at += cut(s->rows, lists + at, n_lists - at).n_lists;
    int64_t n_buckets = n_shards < RG__MOST_BUCKETS ? n_shards : RG__MOST_BUCKETS;
    char *bucket[RG__MOST_BUCKETS] = {p->grad};
    for (int64_t i = 1; i < n_buckets; i++)
        bucket[i] = memset(s->buckets + (size_t)(i - 1) * block, 0, block);
    double cotangent = s->scale / (double)*units;
    int64_t at = 0, done = 0;
    for (int64_t i = 0; i < n_buckets; i++) {
        rg_model worker = *s->model; /* the same parameters, with gradients of its own */
        worker.parameters.grad = bucket[i];
        for (; done < (i + 1) * n_shards / n_buckets; done++) {
            struct shard shard = cut(s->rows, lists + at, n_lists - at);
            rg_status status = run_shard(s, &worker, &shard, cotangent, loss_sum);
            if (status != RG_OK)
                return status;
            at += shard.n_lists;
        }
    }
    add_buckets(p, bucket, n_buckets);
    return RG_OK;
}

/* batch.c: batches of whole lists for the caller's own training loop; see rankgrad/batch.h. */
#include "autograd/op.h"
#include "base/random.h"
#include "normalize/normalize.h"
#include "train/check.h"
#include "train/shard.h"

#include <rankgrad/batch.h>

struct rg_batches {
    rg_context *ctx;
    struct rg__inputs inputs;
    rg_normalization normalization; /* its arrays are the caller's */
    struct rg__rows rows;
    int64_t *lists; /* (n_lists) in the order of the epoch */
    int64_t n_lists, batch_lists;
};

static const rg_normalization no_normalization;

/* The lists that training uses, in the order of the split. */
static int64_t list_used(const struct rg__rows *rows, int64_t *lists)
{
    int64_t n = 0;
    for (int64_t q = 0; q < rows->n_lists; q++)
        if (rg__list_counts(rows, q))
            lists[n++] = q;
    return n;
}

rg_status rg_batches_create(rg_context *ctx, const rg_split *split,
                            const rg_normalization *normalization, rg_dtype dtype, rg_batches **out)
{
    static const char who[] = "rg_batches_create";
    rg_status status = rg__require(ctx, who, "split", split, "out", out, NULL);
    if (status != RG_OK)
        return status;
    *out = NULL;
    const rg_normalization *z = normalization ? normalization : &no_normalization;
    if (!rg_dtype_computes(dtype))
        return rg__fail(ctx, RG_USAGE, "%s: dtype is %d; expected RG_F32 or RG_F64", who,
                        (int)dtype);
    status = rg__check_train_split(ctx, split, "training", NULL);
    if (status == RG_OK)
        status = rg__check_normalization(ctx, who, z, split->n_features);
    if (status != RG_OK)
        return status;
    rg_batches *b = rg__alloc(ctx, 1, sizeof *b, "the batches");
    if (!b)
        return RG_LIMIT;
    b->ctx = ctx;
    b->inputs = rg__all_inputs(split->n_features);
    b->normalization = *z;
    status = rg__rows_open(ctx, split, &b->inputs, &b->normalization, dtype, NULL, &b->rows);
    if (status == RG_OK)
        b->lists = rg__alloc(ctx, split->n_lists, sizeof *b->lists, "the order of the lists");
    if (!b->lists) {
        rg_batches_destroy(b);
        return status == RG_OK ? RG_LIMIT : status;
    }
    b->n_lists = list_used(&b->rows, b->lists);
    b->batch_lists = b->n_lists > 0 ? b->n_lists : 1;
    *out = b;
    return RG_OK;
}

void rg_batches_destroy(rg_batches *batches)
{
    if (!batches)
        return;
    rg_context *ctx = batches->ctx;
    rg__rows_close(&batches->rows);
    rg__free(ctx, batches->lists);
    rg__free(ctx, batches);
}

int64_t rg_batches_n_lists(const rg_batches *batches)
{
    return batches ? batches->n_lists : 0;
}

static int64_t count_batches(const rg_batches *b)
{
    return b->n_lists / b->batch_lists + (b->n_lists % b->batch_lists > 0);
}

int64_t rg_batches_shuffle(rg_batches *batches, int64_t batch_lists, uint64_t seed, int64_t epoch)
{
    if (!batches || batch_lists < 1)
        return 0;
    list_used(&batches->rows, batches->lists);
    rg_shuffle(batches->lists, batches->n_lists, seed, RG__STREAM_SHUFFLE, (uint64_t)epoch);
    batches->batch_lists = batch_lists;
    return count_batches(batches);
}

rg_status rg_batches_get(rg_graph *graph, const rg_batches *batches, int64_t i, rg_batch *batch)
{
    rg_status status = rg_graph_status(graph);
    if (status != RG_OK)
        return status;
    if (!batches || !batch || i < 0 || i >= count_batches(batches)) {
        rg__graph_fail(graph, RG_USAGE, "rg_batches_get: %s",
                       !batches ? "batches is NULL"
                       : !batch ? "batch is NULL"
                                : "there is no batch of that number");
        return RG_USAGE;
    }
    const struct rg__rows *rows = &batches->rows;
    int64_t first = i * batches->batch_lists, left = batches->n_lists - first;
    struct rg__shard shard = {batches->lists + first,
                              left < batches->batch_lists ? left : batches->batch_lists, 0};
    for (int64_t k = 0; k < shard.n_lists; k++)
        shard.n_rows += rows->offsets[shard.lists[k] + 1] - rows->offsets[shard.lists[k]];
    *batch = (rg_batch){.rows = rg__shard_features(graph, rows, &shard), .lists = shard.lists};
    return rg__shard_labels(graph, rows, &shard, &batch->labels, &batch->loss);
}

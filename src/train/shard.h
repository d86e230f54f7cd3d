/* shard.h (internal): pieces of work of whole lists, and the workers that do them. */
#ifndef RG_TRAIN_SHARD_H
#define RG_TRAIN_SHARD_H

#include "base/pool.h"
#include "normalize/rows.h"

#include <rankgrad/loss.h>

enum { RG__SHARD_BYTES = 256 << 10 /* of features; a constant, since bits depend on it */ };

/* Consecutive lists of an order: at most RG__SHARD_BYTES of features, or a single list. */
struct rg__shard {
    const int64_t *lists; /* (n_lists) */
    int64_t n_lists, n_rows;
};

/* Cuts n lists into shards, at most n; returns their number. */
int64_t rg__cut_shards(const struct rg__rows *rows, const int64_t *lists, int64_t n,
                       struct rg__shard *shards);

/* A leaf over the features of a shard, where they lie (n_rows,F). */
rg_node *rg__shard_features(rg_graph *graph, const struct rg__rows *rows,
                            const struct rg__shard *shard);

/* The offsets of a shard's lists (n_lists + 1), in the graph's memory. */
const int64_t *rg__shard_offsets(rg_graph *graph, const struct rg__rows *rows,
                                 const struct rg__shard *shard);

/* What a loss takes besides scores: a leaf of the labels, and options with weights, list weights
 * and offsets. */
rg_status rg__shard_labels(rg_graph *graph, const struct rg__rows *rows,
                           const struct rg__shard *shard, rg_node **labels,
                           rg_loss_options *options);

/* The workers of a context, each with a graph of its own. */
struct rg__workers {
    rg_context *ctx;
    struct rg__pool *pool;
    rg_graph **graph; /* (workers) */
};

/* End with close, also after failure. */
rg_status rg__workers_open(rg_context *ctx, struct rg__workers *workers);
void rg__workers_close(struct rg__workers *workers);

#endif

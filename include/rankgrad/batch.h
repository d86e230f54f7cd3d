/* batch.h: minibatches of whole lists, for custom training loops.
 *
 * rg_train uses the same nodes. A loop over the epochs and batches of a split:
 *
 *   rg_batches_create(ctx, split, &normalization, RG_F32, &batches);
 *   for (int64_t epoch = 1; epoch <= n_epochs; epoch++) {
 *       int64_t n = rg_batches_shuffle(batches, 32, seed, epoch);
 *       for (int64_t i = 0; i < n; i++) {
 *           rg_batch batch;
 *           rg_graph_reset(graph);
 *           rg_batches_get(graph, batches, i, &batch);
 *           scores = rg_model_forward(graph, model, batch.rows, batch.loss.offsets,
 *                                     batch.loss.n_lists);
 *           loss = rg_ranking_softmax_loss(graph, scores, batch.labels, &batch.loss);
 *           rg_backward(graph, loss, NULL);
 *           rg_optimizer_step(optimizer, 1);
 *       }
 *   }
 *
 * examples/06_own_loop.c is a complete program, with validation and saving.
 */
#ifndef RANKGRAD_BATCH_H
#define RANKGRAD_BATCH_H

#include <rankgrad/loss.h>
#include <rankgrad/normalize.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg_batches rg_batches;

/* Loads the rows of a split that are not masked into memory, normalised, as `dtype` (RG_F32 or
 * RG_F64). `normalization` NULL: without normalisation. Lists without such a row or with a weight
 * of
 * 0 are left out; the others form one batch until rg_batches_shuffle. The split and the
 * normalisation must outlive *out, which the caller owns. RG_BAD_DATA for a split without rows,
 * labels or lists, a label or weight that is not finite, or a negative weight. */
RG_API rg_status rg_batches_create(rg_context *ctx, const rg_split *split,
                                   const rg_normalization *normalization, rg_dtype dtype,
                                   rg_batches **out);
/* Destroys batches. NULL is allowed. */
RG_API void rg_batches_destroy(rg_batches *batches);

/* The number of lists in all batches. */
RG_API int64_t rg_batches_n_lists(const rg_batches *batches);

/* Shuffles the lists for an epoch and cuts them into batches of `batch_lists` lists; the last may
 * have fewer. The order depends only on seed and epoch. Returns the number of batches; 0, with
 * nothing changed, if batch_lists < 1. */
RG_API int64_t rg_batches_shuffle(rg_batches *batches, int64_t batch_lists, uint64_t seed,
                                  int64_t epoch);

/* One batch as leaves of a graph. */
typedef struct rg_batch {
    rg_node *rows;        /* (N,F) */
    rg_node *labels;      /* (N) */
    rg_loss_options loss; /* offsets, n_lists, weights and list_weights are those of the batch; the
                             rest is as in rg_loss_options_default */
    const int64_t *lists; /* (loss.n_lists) their indices in the split */
} rg_batch;

/* Creates the leaves of batch i in the current order. They are valid until the graph is reset, and
 * the batches must outlive them. List weights are scaled to mean 1 over all lists in the batches.
 * On failure the error is also set in the graph. */
RG_API rg_status rg_batches_get(rg_graph *graph, const rg_batches *batches, int64_t i,
                                rg_batch *batch);

#ifdef __cplusplus
}
#endif
#endif

/* 06_own_loop.c: a custom training loop, with a built-in network and loss.
 *
 * Features are normalised, and whole lists are shuffled into minibatches. After each epoch the
 * model is evaluated on validation lists and saved if it is the best so far. */
#include <rankgrad/rankgrad.h>

#include <stdio.h>
#include <stdlib.h>

enum { EPOCHS = 5, BATCH_LISTS = 16, SEED = 1 };

/* Makes a call unless a previous one failed. */
#define TRY(call) (status = status == RG_OK ? (call) : status)

struct training {
    rg_context *ctx;
    rg_graph *graph;
    rg_model *model;
    rg_batches *batches;
    rg_optimizer *optimizer;
};

/* One pass over the training lists. */
static rg_status run_epoch(const struct training *t, int64_t epoch)
{
    int64_t n = rg_batches_shuffle(t->batches, BATCH_LISTS, SEED, epoch);
    rg_status status = RG_OK;
    for (int64_t i = 0; i < n && status == RG_OK; i++) {
        rg_batch b;
        rg_graph_reset(t->graph);
        if (TRY(rg_batches_get(t->graph, t->batches, i, &b)) != RG_OK)
            break;
        rg_node *scores =
            rg_model_forward(t->graph, t->model, b.rows, b.loss.offsets, b.loss.n_lists);
        rg_node *loss = rg_ranking_softmax_loss(t->graph, scores, b.labels, &b.loss);
        TRY(rg_backward(t->graph, loss, NULL));
        TRY(rg_optimizer_step(t->optimizer, 1)); /* also sets the gradients to 0 */
    }
    return status;
}

/* Trains and saves the model whenever it is the best so far; `scores` has room for all rows. */
static rg_status run(const struct training *t, const rg_split *vali, double *scores)
{
    const rg_ranking ranking = {.n_lists = vali->n_lists,
                                .offsets = vali->offsets,
                                .scores = scores,
                                .labels = vali->labels};
    double best = -1;
    rg_metric ndcg;
    rg_status status = rg_metric_parse(t->ctx, "ndcg@10", &ndcg);
    for (int epoch = 1; epoch <= EPOCHS && status == RG_OK; epoch++) {
        rg_metric_result result = {0};
        TRY(run_epoch(t, epoch));
        TRY(rg_model_score_split(t->model, vali, scores));
        TRY(rg_metric_evaluate(t->ctx, &ndcg, &ranking, &result, NULL));
        bool better = status == RG_OK && result.value > best;
        best = better ? result.value : best;
        TRY(better ? rg_model_save(t->model, "own_loop.h5", true) : RG_OK);
        if (status == RG_OK)
            printf("epoch %d  NDCG@10 %.3f%s\n", epoch, result.value, better ? "  saved" : "");
    }
    return status;
}

static rg_status train(struct training *t, const rg_split *rows, const rg_split *vali)
{
    const rg_model_options network = {.name = "mlp(hidden=[8])", .seed = SEED};
    const rg_optimizer_options adam = {.name = "adam", .lr = 0.05};
    rg_normalization z = {.shift = NULL};
    rg_status status = rg_normalization_fit(t->ctx, "zscore", rows, &z);
    TRY(rg_model_create(t->ctx, rows->n_features, &network, &t->model));
    TRY(rg_model_set_normalization(t->model, &z)); /* so that the model scores raw features */
    TRY(rg_batches_create(t->ctx, rows, &z, RG_F32, &t->batches));
    TRY(rg_optimizer_create(t->ctx, rg_model_parameters(t->model), &adam, &t->optimizer));
    double *scores = malloc((size_t)vali->n_rows * sizeof *scores);
    TRY(scores ? run(t, vali, scores) : RG_LIMIT);
    free(scores);
    rg_optimizer_destroy(t->optimizer);
    rg_batches_destroy(t->batches);
    rg_model_destroy(t->model);
    rg_normalization_free(t->ctx, &z);
    return status;
}

int main(void)
{
    rg_context *ctx = rg_context_create(NULL);
    struct training t = {.ctx = ctx, .graph = rg_graph_create(ctx)};
    rg_dataset *data = NULL;
    rg_status status = rg_dataset_generate(ctx, &(rg_generate_options){200, 6, 3}, NULL, &data);
    TRY(train(&t, rg_dataset_find(data, "train"), rg_dataset_find(data, "vali")));
    if (status != RG_OK)
        fprintf(stderr, "%s\n", rg_last_error(ctx));
    rg_dataset_close(data);
    rg_graph_destroy(t.graph);
    rg_context_destroy(ctx);
    return (int)status;
}

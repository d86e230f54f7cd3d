/* 04_train_a_ranker.c: generates a data set, trains a model, saves it, loads it and scores rows.
 *
 * A model file includes the normalisation, so a loaded model scores raw features.
 *
 * Writes ranker_data.h5 and ranker_model.h5 to the current directory; `rankgrad inspect` shows
 * their contents. */
#include <rankgrad/rankgrad.h>

#include <stdio.h>
#include <stdlib.h>

static const char data_path[] = "ranker_data.h5", model_path[] = "ranker_model.h5";

/* Writes a small synthetic data set of 10 features with the splits train, vali and test. */
static rg_status make_data(rg_context *ctx)
{
    rg_generate_options o = rg_generate_options_default();
    o.n_lists = 250;
    o.n_features = 10;
    rg_dataset *made = NULL;
    rg_status status = rg_dataset_generate(ctx, &o, NULL, &made);
    if (status != RG_OK)
        return status;
    const rg_split *splits[] = {rg_dataset_split_at(made, 0), rg_dataset_split_at(made, 1),
                                rg_dataset_split_at(made, 2)};
    status = rg_dataset_write(ctx, data_path, splits, 3, NULL);
    rg_dataset_close(made);
    return status;
}

/* Prints a model's NDCG@10 on a split. */
static rg_status print_ndcg(rg_context *ctx, const char *what, const rg_model *model,
                            const rg_split *split)
{
    rg_metric metric;
    rg_metric_result result;
    double *scores = malloc((size_t)split->n_rows * sizeof *scores);
    rg_status status = scores ? rg_metric_parse(ctx, "ndcg@10", &metric) : RG_LIMIT;
    if (status == RG_OK)
        status = rg_model_score_split(model, split, scores);
    const rg_ranking ranking = {.n_lists = split->n_lists,
                                .offsets = split->offsets,
                                .scores = scores,
                                .labels = split->labels};
    if (status == RG_OK)
        status = rg_metric_evaluate(ctx, &metric, &ranking, &result, NULL);
    if (status == RG_OK)
        printf("%-10s NDCG@10 %.3f\n", what, result.value);
    free(scores);
    return status;
}

/* Trains a model, compares it with an untrained one on the test split, and saves it. */
static rg_status train_and_save(rg_context *ctx, const rg_dataset *data)
{
    const rg_split *test = rg_dataset_find(data, "test");
    rg_model *untrained = NULL, *trained = NULL;
    rg_status status = rg_model_create(ctx, test->n_features, NULL, &untrained);
    if (status == RG_OK) /* all scores are 0, so this is the mean over all orders */
        status = print_ndcg(ctx, "untrained", untrained, test);
    if (status == RG_OK)
        status = rg_train(ctx, rg_dataset_find(data, "train"), rg_dataset_find(data, "vali"), NULL,
                          &trained, NULL);
    if (status == RG_OK)
        status = print_ndcg(ctx, "trained", trained, test);
    if (status == RG_OK)
        status = rg_model_save(trained, model_path, false);
    rg_model_destroy(untrained);
    rg_model_destroy(trained);
    return status;
}

int main(void)
{
    rg_dataset *data = NULL;
    rg_model *model = NULL;
    float scores[3];
    rg_context *ctx = rg_context_create(NULL);
    rg_status status = ctx ? make_data(ctx) : RG_LIMIT;
    if (status == RG_OK)
        status = rg_dataset_open(ctx, data_path, NULL, &data);
    if (status == RG_OK)
        status = train_and_save(ctx, data);
    if (status == RG_OK)
        status = rg_model_load(ctx, model_path, &model);
    if (status == RG_OK) /* three rows of raw features */
        status = rg_model_score(model, rg_dataset_find(data, "test")->features.data, 3, scores);
    if (status == RG_OK)
        printf("scores %.2f %.2f %.2f\n", (double)scores[0], (double)scores[1], (double)scores[2]);
    else
        fprintf(stderr, "%s\n", ctx ? rg_last_error(ctx) : "out of memory");
    rg_model_destroy(model);
    rg_dataset_close(data);
    rg_context_destroy(ctx);
    return (int)status;
}

/* score.c: scoring, one list at a time and a whole split.
 *
 *     bench_score FILE MODEL NORMALIZE THREADS REPETITIONS
 *
 * The one idea: who serves waits for one list, who evaluates for all; both give raw features, and
 * the model normalises them. Prints the series hot and cold (seconds of rg_model_score on 100 rows,
 * a call each: rows that were just made and lie in a cache; rows that come from memory), split
 * (seconds of rg_model_score_split) and read (of one read of the same features by as many threads,
 * in turn with it). */
#include "common.h"
#include "limits.h"

#include <stdlib.h>

enum { LIST = 100, CALLS = 4000, WARM_UP = 200 };

static rg_model *make_model(rg_context *ctx, const char *name, const char *normalize,
                            const rg_split *split)
{
    rg_model_options options = model_options(name);
    rg_normalization normalization;
    rg_model *model;
    must(ctx, rg_model_create(ctx, split->n_features, &options, &model));
    must(ctx, rg_normalization_fit(ctx, normalize, split, &normalization));
    must(ctx, rg_model_set_normalization(model, &normalization));
    rg_normalization_free(ctx, &normalization);
    const rg_parameters *p = rg_model_parameters(model);
    for (int64_t i = 0; i < p->count; i++)
        ((float *)p->value)[i] = (float)draw(4, (uint64_t)i) - 0.5f;
    return model;
}

/* Each call the list that lies `step` lists further on. */
static void score_lists(rg_context *ctx, const rg_model *model, const rg_split *split, int64_t step,
                        struct series *series)
{
    float scores[LIST];
    int64_t n_lists = split->n_rows / LIST;
    for (int64_t i = -WARM_UP; i < CALLS; i++) {
        int64_t list = (i + WARM_UP) * step % n_lists;
        const float *rows = (const float *)split->features.data + list * LIST * split->n_features;
        double began = now();
        must(ctx, rg_model_score(model, rows, LIST, scores));
        if (i >= 0)
            add_value(series, now() - began);
    }
}

int main(int n, char **arguments)
{
    static struct series hot = {.name = "hot"}, cold = {.name = "cold"};
    static struct series bulk = {.name = "split"}, read = {.name = "read"};
    if (n != 6)
        fail("usage: bench_score FILE MODEL NORMALIZE THREADS REPETITIONS");
    int n_threads = (int)number(arguments[4]);
    int64_t repetitions = number(arguments[5]);
    rg_context *ctx = new_context(n_threads);
    rg_dataset *data;
    must(ctx, rg_dataset_open(ctx, arguments[1], NULL, &data));
    const rg_split *split = rg_dataset_find(data, "train");
    rg_model *model = make_model(ctx, arguments[2], arguments[3], split);
    score_lists(ctx, model, split, 0, &hot);
    score_lists(ctx, model, split, 7919, &cold);
    double *scores = new_array(split->n_rows, sizeof *scores);
    size_t size = (size_t)(split->n_rows * split->n_features) * sizeof(float);
    const struct region region = {split->features.data, size};
    for (int64_t i = 0; i <= repetitions; i++) {
        double began = now();
        must(ctx, rg_model_score_split(model, split, scores));
        add_value(&bulk, now() - began);
        add_value(&read, read_once(&region, 1, n_threads));
    }
    print_series(&hot, 0);
    print_series(&cold, 0);
    print_series(&bulk, 1);
    print_series(&read, 1);
    free(scores);
    rg_model_destroy(model);
    rg_dataset_close(data);
    rg_context_destroy(ctx);
    return 0;
}

/* consumer.c: somebody else's C program, built from what is installed: trains a linear ranker on
 * lists that lie in arrays, and prints the score of the first item. */
#include "lists.h"

#include <rankgrad/rankgrad.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    float features[N_ROWS * N_FEATURES];
    memcpy(features, rows, sizeof rows);
    const rg_split train = {.name = "train",
                            .n_rows = N_ROWS,
                            .n_features = N_FEATURES,
                            .n_lists = N_LISTS,
                            .features = {RG_F32, 2, {N_ROWS, N_FEATURES}, features},
                            .labels = labels,
                            .offsets = offsets};
    rg_train_options options = rg_train_options_default();
    options.model.dtype = RG_F64;
    rg_train_result result;
    rg_model *model = NULL;
    float scores[N_ROWS];

    rg_context *ctx = rg_context_create(NULL);
    if (!ctx)
        return RG_LIMIT;
    rg_status status = rg_train(ctx, &train, rg_no_split(), &options, &model, &result);
    if (status == RG_OK)
        status = rg_model_score(model, rows, N_ROWS, scores);
    if (status == RG_OK)
        printf("%s %.9g\n", RG_VERSION, (double)scores[0]);
    else
        fprintf(stderr, "%s\n", rg_last_error(ctx));
    rg_model_destroy(model);
    rg_context_destroy(ctx);
    return (int)status;
}

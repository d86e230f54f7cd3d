/* 05_own_model_and_loss.c: a custom network and a custom loss: training, saving, loading, scoring.
 *
 * The network is a table of parameters and one function that builds scores; the loss is two
 * functions of one list. The library does the rest, such as threads, masks, validation and files. */
#include <rankgrad/rankgrad.h>

#include <stdio.h>

/* tanh(X W) v. W is random at first, since units with equal weights would stay equal. */
static bool parameter(const void *params, int64_t n_inputs, int i, rg_parameter *out)
{
    (void)params;
    *out = i == 0 ? (rg_parameter){"mix", 2, {n_inputs, 8}, 0.3}
                  : (rg_parameter){"weights", 1, {8}, 0};
    return i < 2;
}

static rg_node *build(rg_graph *graph, const rg_forward *in)
{
    rg_node *units = rg_tanh(graph, rg_matmul(graph, in->rows, in->parameters[0]));
    return rg_matmul(graph, units, in->parameters[1]);
}

static const rg_architecture network = {
    .component = {.name = "tanh8"}, .parameter = parameter, .forward = build};

/* L = sum over pairs with y_i > y_j of max(0, 1 - (s_i - s_j)); adds upstream dL/ds. */
static double hinge(const rg_list *list, double upstream)
{
    double loss = 0;
    for (int64_t i = 0; i < list->n; i++)
        for (int64_t j = 0; j < list->n; j++) {
            double miss = 1 - (list->logits[i] - list->logits[j]);
            if (list->labels[i] <= list->labels[j] || miss <= 0)
                continue;
            loss += miss;
            if (list->grad_logits) {
                list->grad_logits[i] -= upstream;
                list->grad_logits[j] += upstream;
            }
        }
    return loss;
}

static double forward(rg_list *list)
{
    return hinge(list, 0);
}

static void backward(rg_list *list, double upstream)
{
    hinge(list, upstream);
}

static const rg_loss own_hinge = {
    .component = {.name = "own_hinge"}, .forward = forward, .backward = backward};

static rg_status train(rg_context *ctx, const rg_dataset *data, const char *path)
{
    const rg_choice model = {.component = &network.component};
    const rg_choice loss = {.component = &own_hinge.component};
    rg_train_options o = rg_train_options_default();
    rg_model *trained = NULL;
    o.model.own = &model;
    o.own_loss = &loss;
    o.optimizer.name = "adam";
    rg_status status = rg_train(ctx, rg_dataset_find(data, "train"), rg_dataset_find(data, "vali"),
                                &o, &trained, NULL);
    if (status == RG_OK)
        status = rg_model_save(trained, path, true);
    rg_model_destroy(trained);
    return status;
}

int main(void)
{
    const rg_architecture *known[] = {&network};
    const rg_generate_options made = {200, 6, 3};
    float rows[2][6] = {{0}, {1, 1, 1, 1, 1, 1}}, scores[2];
    rg_dataset *data = NULL;
    rg_model *model = NULL;
    rg_context *ctx = rg_context_create(NULL);
    rg_status status = rg_dataset_generate(ctx, &made, NULL, &data);
    if (status == RG_OK)
        status = train(ctx, data, "own_model.h5");
    if (status == RG_OK)
        status = rg_model_load_own(ctx, "own_model.h5", known, 1, &model);
    if (status == RG_OK)
        status = rg_model_score(model, rows[0], 2, scores);
    if (status == RG_OK)
        printf("%s, trained, saved and loaded, puts row %d first\n", rg_model_name(model),
               scores[0] > scores[1] ? 1 : 2);
    else
        fprintf(stderr, "%s\n", rg_last_error(ctx));
    rg_model_destroy(model);
    rg_dataset_close(data);
    rg_context_destroy(ctx);
    return (int)status;
}

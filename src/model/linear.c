/* linear: scores = X w (+ b), the model of F weights; with several outputs X W + b (outputs.h).
 *
 * A score is one dot product in fixed lanes, in the graph (matmul with one column) and without it,
 * so that training, evaluation and serving give a row the same bits. All starts at zero: the losses
 * it is meant for are convex, so nothing is gained elsewhere. */
#include "base/component.h"
#include "model/model.h"
#include "model/outputs.h"
#include "tensor/vector.h"

#include <rankgrad/ops.h>

struct linear {
    bool bias;
    int64_t outputs;
};

static struct F(outputs) F(outputs_of)(const rg_model *model)
{
    return (struct F(outputs)){model->parameters.value, model->inputs.n, model->n_outputs};
}

static bool F(has_bias)(const rg_model *model)
{
    return ((const struct linear *)(const void *)&model->choice.params)->bias;
}

static void F(add_bias)(const rg_model *model, const real *w, int64_t n, real *scores)
{
    for (int64_t i = 0; F(has_bias)(model) && i < n; i++)
        scores[i] += w[model->inputs.n];
}

void F(rg__linear_score)(const rg_model *model, const void *rows, int64_t n, void *scores);
void F(rg__linear_score_sparse)(const rg_model *model, const rg_csr *rows, void *scratch,
                                void *scores);
void F(rg__linear_score_wide)(const rg_model *model, const void *table, const rg_csr *rows,
                              void *scratch, void *scores);

void F(rg__linear_score)(const rg_model *model, const void *rows, int64_t n, void *scores)
{
    const real *w = model->parameters.value;
    const struct F(outputs) several = F(outputs_of)(model);
    if (several.outputs > 1) {
        F(rg__score_outputs)(&several, rows, n, scores);
        return;
    }
    F(rg__vector)(model->ctx)->dot_rows(rows, false, n, model->inputs.n, w, scores);
    F(add_bias)(model, w, n, scores);
}

/* The sums of the products of each row, and the bias. */
static void F(sum_products)(const rg_model *model, const rg_csr *rows, const real *products,
                            real *out)
{
    const real *w = model->parameters.value;
    F(rg__vector)(model->ctx)->sum_rows(products, rows->indptr, rows->n_rows, out);
    F(add_bias)(model, w, rows->n_rows, out);
}

/* As csr_matmul does, so that training and evaluation agree to the bit. */
void F(rg__linear_score_sparse)(const rg_model *model, const rg_csr *rows, void *scratch,
                                void *scores)
{
    int64_t n = rows->indptr[rows->n_rows] - rows->indptr[0];
    const struct F(outputs) several = F(outputs_of)(model);
    if (several.outputs > 1) {
        F(rg__score_sparse_outputs)(&several, rows, scores);
        return;
    }
    F(rg__vector)
    (model->ctx)->multiply_gathered(rows->data, rows->indices, n, model->parameters.value, scratch);
    F(sum_products)(model, rows, scratch, scores);
}

void F(rg__linear_score_wide)(const rg_model *model, const void *table, const rg_csr *rows,
                              void *scratch, void *scores)
{
    const struct F(rg__vector) *vector = F(rg__vector)(model->ctx);
    int64_t n = rows->indptr[rows->n_rows] - rows->indptr[0];
    if (model->normalization.scale)
        vector->multiply_scaled(rows->data, rows->indices, n, table, scratch);
    else
        vector->multiply_prefetched(rows->data, rows->indices, n, table, scratch);
    F(sum_products)(model, rows, scratch, scores);
}

#ifdef RG__ONCE
void rg__linear_score_f32(const rg_model *model, const void *rows, int64_t n, void *scores);
void rg__linear_score_sparse_f32(const rg_model *model, const rg_csr *rows, void *scratch,
                                 void *scores);
void rg__linear_score_wide_f32(const rg_model *model, const void *table, const rg_csr *rows,
                               void *scratch, void *scores);

static bool parameter(const void *params, int64_t n_inputs, int i, rg_parameter *out)
{
    int64_t outputs = ((const struct linear *)params)->outputs;
    bool bias = ((const struct linear *)params)->bias || outputs > 1;
    *out = i > 0         ? (rg_parameter){"bias", 1, {outputs}, 0}
           : outputs > 1 ? (rg_parameter){"weights", 2, {n_inputs, outputs}, 0}
                         : (rg_parameter){"weights", 1, {n_inputs}, 0};
    return i <= bias;
}

static rg_node *forward(rg_graph *graph, const rg_forward *in)
{
    rg_node *scores = rg_matmul(graph, in->rows, in->parameters[0]);
    const struct linear *linear = in->params;
    bool bias = linear->bias || linear->outputs > 1;
    return bias ? rg_add(graph, scores, in->parameters[1]) : scores;
}

static const struct rg_scoring scoring = {
    .block = 8 << 10, /* stays in the first cache between normalising and one product */
    .rows = {rg__linear_score_f32, rg__linear_score_f64},
    .sparse = {rg__linear_score_sparse_f32, rg__linear_score_sparse_f64},
    .wide = {rg__linear_score_wide_f32, rg__linear_score_wide_f64}};

static const rg_param params[] = {
    RG__FLAG(struct linear, bias, false,
             .help = "Add a constant to all scores. Off, because a loss that does not change when "
                     "all scores of a list do cannot learn one"),
    RG__OUTPUTS(struct linear),
};

const rg_architecture rg__architecture_linear = {
    .component = {.name = "linear",
                  .formula = "weights . features; its best weights are found from anywhere and can "
                             "be read",
                  RG__PARAMS(struct linear, params)},
    .parameter = parameter,
    .forward = forward,
    .is_linear = true,
    .scoring = &scoring};
#endif

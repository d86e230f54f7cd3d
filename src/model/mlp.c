/* mlp: scores = h_L w_L (+ b_L), h_0 = X, h_{l+1} = relu(h_l W_l + b_l); with several outputs w_L
 * is a matrix (outputs.h).
 *
 * Weights start uniform with variance 2 / fan-in (He et al. 2015), those of the last layer, which
 * no relu halves, with 1 / fan-in; biases at zero.
 *
 * In the graph a layer is a matrix product, which BLAS makes fast for many rows and whose bits
 * depend on the rows around a row. Without it a layer is a loop of our own (layer.c), so that a
 * score depends on its row alone. The two agree to rounding. */
#include "base/component.h"
#include "model/layer.h"
#include "model/model.h"
#include "model/outputs.h"
#include "tensor/tensor.h"
#include "tensor/vector.h"

#include <math.h>
#include <rankgrad/ops.h>
#include <stdio.h>

enum { ACTIVATIONS = 32 << 10 }; /* bytes of a layer's outputs at a time */

struct mlp {
    rg_integers hidden; /* units of the hidden layers, first to last */
    bool bias;          /* of the scores; hidden layers have theirs anyway */
    int64_t outputs;
};

static const struct mlp *F(settings)(const rg_model *model)
{
    return (const void *)&model->choice.params;
}

static int64_t F(widest)(const rg_model *model)
{
    int64_t most = 1;
    const rg_integers *hidden = &F(settings)(model)->hidden;
    for (int64_t l = 0; l < hidden->n; l++)
        most = hidden->at[l] > most ? hidden->at[l] : most;
    return most;
}

/* The scores of n rows from h[0], the first layer's outputs; w are the parameters behind it. */
static void F(score_hidden)(const rg_model *model, int64_t n, const real *w,
                            real h[2][ACTIVATIONS / sizeof(real)], real *scores)
{
    const struct mlp *mlp = F(settings)(model);
    int64_t inputs = mlp->hidden.at[0];
    for (int64_t l = 1; l < mlp->hidden.n; l++) {
        int64_t units = mlp->hidden.at[l];
        F(rg__layer)(model->ctx, h[(l - 1) % 2], n, inputs, w, units, h[l % 2]);
        w += (inputs + 1) * units;
        inputs = units;
    }
    const real *x = h[(mlp->hidden.n - 1) % 2];
    const struct F(outputs) several = {w, inputs, mlp->outputs};
    if (several.outputs > 1) {
        F(rg__score_outputs)(&several, x, n, scores);
        return;
    }
    F(rg__vector)(model->ctx)->dot_rows(x, false, n, inputs, w, scores);
    for (int64_t i = 0; mlp->bias && i < n; i++)
        scores[i] += w[inputs];
}

/* Rows whose outputs of any layer fit ACTIVATIONS. */
static int64_t F(block_rows)(const rg_model *model)
{
    return ACTIVATIONS / (int64_t)sizeof(real) / F(widest)(model);
}

void F(rg__mlp_score)(const rg_model *model, const void *rows, int64_t n, void *scores);
void F(rg__mlp_score_sparse)(const rg_model *model, const rg_csr *rows, void *scratch,
                             void *scores);

void F(rg__mlp_score)(const rg_model *model, const void *rows, int64_t n, void *scores)
{
    real h[2][ACTIVATIONS / sizeof(real)], *out = scores;
    int64_t block = F(block_rows)(model), inputs = model->inputs.n,
            units = F(settings)(model)->hidden.at[0];
    const real *w = model->parameters.value;
    for (int64_t m = 0; m < n; m += block) {
        int64_t n_rows = n - m < block ? n - m : block;
        F(rg__layer)(model->ctx, (const real *)rows + m * inputs, n_rows, inputs, w, units, h[0]);
        F(score_hidden)(model, n_rows, w + (inputs + 1) * units, h, out + m);
    }
}

/* The first layer's outputs for one sparse row: y (units) = relu(x W + b). */
static void F(sparse_layer)(const rg_csr *rows, int64_t row, const real *w, const real *b,
                            int64_t units, real *y)
{
    int64_t begin = rows->indptr[row] - rows->indptr[0];
    int64_t end = rows->indptr[row + 1] - rows->indptr[0];
    const real *x = rows->data;
    for (int64_t j = 0; j < units; j++)
        y[j] = 0;
    for (int64_t k = begin; k < end; k++) {
        const real *weights = w + rows->indices[k] * units;
        for (int64_t j = 0; j < units; j++)
            y[j] += x[k] * weights[j];
    }
    for (int64_t j = 0; j < units; j++) {
        y[j] += b[j];
        y[j] = y[j] <= 0 ? 0 : y[j];
    }
}

void F(rg__mlp_score_sparse)(const rg_model *model, const rg_csr *rows, void *scratch, void *scores)
{
    (void)scratch;
    real h[2][ACTIVATIONS / sizeof(real)], *out = scores;
    int64_t block = F(block_rows)(model), units = F(settings)(model)->hidden.at[0];
    const real *w = model->parameters.value, *b = w + model->inputs.n * units;
    for (int64_t m = 0; m < rows->n_rows; m += block) {
        int64_t n_rows = rows->n_rows - m < block ? rows->n_rows - m : block;
        for (int64_t i = 0; i < n_rows; i++)
            F(sparse_layer)(rows, m + i, w, b, units, h[0] + i * units);
        F(score_hidden)(model, n_rows, b + units, h, out + m);
    }
}

#ifdef RG__ONCE
void rg__mlp_score_f32(const rg_model *model, const void *rows, int64_t n, void *scores);
void rg__mlp_score_sparse_f32(const rg_model *model, const rg_csr *rows, void *scratch,
                              void *scores);

/* Weights and bias of layer 0, of layer 1, ... A uniform number in [-a,a) has the variance
 * a^2 / 3. */
static bool parameter(const void *params, int64_t n_inputs, int i, rg_parameter *out)
{
    const struct mlp *mlp = params;
    int64_t layer = i / 2, inputs = layer > 0 ? mlp->hidden.at[layer - 1] : n_inputs;
    bool bias = i % 2, last = layer == mlp->hidden.n;
    if (layer > mlp->hidden.n || (last && bias && !mlp->bias && mlp->outputs == 1))
        return false;
    int64_t units = last ? mlp->outputs : mlp->hidden.at[layer];
    double bound = sqrt((last ? 3.0 : 6.0) / (double)inputs);
    *out = bias                 ? (rg_parameter){"", 1, {units}, 0}
           : last && units == 1 ? (rg_parameter){"", 1, {inputs}, bound}
                                : (rg_parameter){"", 2, {inputs, units}, bound};
    snprintf(out->name, sizeof out->name, "%s_%d", bias ? "bias" : "weights", (int)layer);
    return true;
}

static rg_node *forward(rg_graph *graph, const rg_forward *in)
{
    const struct mlp *mlp = in->params;
    rg_node *const *p = in->parameters;
    rg_node *x = in->rows;
    for (int64_t l = 0; l < mlp->hidden.n; l++, p += 2)
        x = rg_relu(graph, rg_add(graph, rg_matmul(graph, x, p[0]), p[1]));
    x = rg_matmul(graph, x, p[0]);
    return mlp->bias || mlp->outputs > 1 ? rg_add(graph, x, p[1]) : x;
}

static const struct rg_scoring scoring = {
    .block = RG__MOST_BLOCK, /* so many rows read each layer's weights once */
    .rows = {rg__mlp_score_f32, rg__mlp_score_f64},
    .sparse = {rg__mlp_score_sparse_f32, rg__mlp_score_sparse_f64}};

static const rg_param params[] = {
    RG__INTEGERS(struct mlp, hidden, 1, 2048, .list = "64,32", .least = 1,
                 .help = "Units of the hidden layers, from the features to the score"),
    RG__FLAG(struct mlp, bias, false, .help = "Add a constant to all scores, as in linear"),
    RG__OUTPUTS(struct mlp),
};

const rg_architecture rg__architecture_mlp = {
    .component = {.name = "mlp",
                  .formula = "hidden layers relu(h W + b), which see how features act together, "
                             "then weights . h",
                  RG__PARAMS(struct mlp, params)},
    .parameter = parameter,
    .forward = forward,
    .scoring = &scoring};
#endif

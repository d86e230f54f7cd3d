/* mlp: scores = h_L w_L (+ b_L), h_0 = X, h_{l+1} = relu(h_l W_l + b_l).
 *
 * The one idea: in the graph a layer is a matrix product, which BLAS makes fast for many rows and
 * whose bits depend on the rows around a row. Without it a layer is a loop of our own (layer.c), so
 * that a score depends on its row alone. The two agree to rounding. */
#include "base/random.h"
#include "model/layer.h"
#include "model/model.h"
#include "tensor/tensor.h"
#include "tensor/vector.h"

#include <math.h>
#include <rankgrad/ops.h>
#include <stdio.h>

enum { ACTIVATIONS = 32 << 10 }; /* bytes of a layer's outputs at a time */

static int64_t F(widest)(const rg_model *model)
{
    int64_t most = 1;
    for (int l = 0; l < model->n_hidden; l++)
        most = model->hidden[l] > most ? model->hidden[l] : most;
    return most;
}

/* The scores of n rows from h[0], the first layer's outputs; w are the parameters behind it. */
static void F(score_hidden)(const rg_model *model, int64_t n, const real *w,
                            real h[2][ACTIVATIONS / sizeof(real)], real *scores)
{
    int64_t inputs = model->hidden[0];
    for (int l = 1; l < model->n_hidden; l++) {
        int64_t units = model->hidden[l];
        F(rg__layer)(model->ctx, h[(l - 1) % 2], n, inputs, w, units, h[l % 2]);
        w += (inputs + 1) * units;
        inputs = units;
    }
    const real *x = h[(model->n_hidden - 1) % 2];
    F(rg__vector)(model->ctx)->dot_rows(x, false, n, inputs, w, scores);
    for (int64_t i = 0; model->bias && i < n; i++)
        scores[i] += w[inputs];
}

/* Rows whose outputs of any layer fit ACTIVATIONS. */
static int64_t F(block_rows)(const rg_model *model)
{
    return ACTIVATIONS / (int64_t)sizeof(real) / F(widest)(model);
}

void F(rg__mlp_score)(const rg_model *model, const void *rows, int64_t n, void *scores)
{
    real h[2][ACTIVATIONS / sizeof(real)], *out = scores;
    int64_t block = F(block_rows)(model), inputs = model->inputs.n, units = model->hidden[0];
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
    int64_t block = F(block_rows)(model), units = model->hidden[0];
    const real *w = model->parameters.value, *b = w + model->inputs.n * units;
    for (int64_t m = 0; m < rows->n_rows; m += block) {
        int64_t n_rows = rows->n_rows - m < block ? rows->n_rows - m : block;
        for (int64_t i = 0; i < n_rows; i++)
            F(sparse_layer)(rows, m + i, w, b, units, h[0] + i * units);
        F(score_hidden)(model, n_rows, b + units, h, out + m);
    }
}

#ifdef RG__ONCE
bool rg__mlp_part(const rg_model *model, int i, struct rg__part *part)
{
    int layer = i / 2;
    bool bias = i % 2, last = layer == model->n_hidden;
    int64_t first = 0, inputs = model->inputs.n;
    if (layer > model->n_hidden || (last && bias && !model->bias))
        return false;
    for (int l = 0; l < layer; l++) {
        first += (inputs + 1) * model->hidden[l];
        inputs = model->hidden[l];
    }
    int64_t units = last ? 1 : model->hidden[layer];
    *part = bias   ? (struct rg__part){"", first + inputs * units, 1, {units}}
            : last ? (struct rg__part){"", first, 1, {inputs}}
                   : (struct rg__part){"", first, 2, {inputs, units}};
    snprintf(part->name, sizeof part->name, "%s_%d", bias ? "bias" : "weights", layer);
    return true;
}

/* Uniform in [-a,a), which has the variance a^2 / 3. */
void rg__mlp_start(rg_model *model, uint64_t seed)
{
    const rg_parameters *p = &model->parameters;
    struct rg__part part;
    for (int l = 0; l <= model->n_hidden; l++) {
        rg__mlp_part(model, 2 * l, &part);
        double a = sqrt((l < model->n_hidden ? 6.0 : 3.0) / (double)part.dims[0]);
        for (int64_t i = 0; i < rg__part_count(&part); i++) {
            double x = a * (2 * rg__uniform(seed, RG__STREAM_START, (uint64_t)l, (uint64_t)i) - 1);
            rg__cast(RG_F64, &x, p->dtype,
                     (char *)p->value + (size_t)(part.first + i) * rg_dtype_size(p->dtype), 1);
        }
    }
}

rg_node *rg__mlp_forward(rg_graph *graph, rg_model *model, rg_node *rows)
{
    int i = 0;
    rg_node *x = rows;
    for (; i < 2 * model->n_hidden; i += 2) {
        rg_node *product = rg_matmul(graph, x, rg__parameter(graph, model, i));
        x = rg_relu(graph, rg_add(graph, product, rg__parameter(graph, model, i + 1)));
    }
    x = rg_matmul(graph, x, rg__parameter(graph, model, i));
    return model->bias ? rg_add(graph, x, rg__parameter(graph, model, i + 1)) : x;
}
#endif

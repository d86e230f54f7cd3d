/* linear: scores = X w (+ b), the model of F weights.
 *
 * The one idea: a score is one dot product in fixed lanes, in the graph (matmul with one column)
 * and without it, so that training, evaluation and serving give a row the same bits. */
#include "model/model.h"
#include "tensor/lanes.h"

#include <rankgrad/ops.h>

void F(rg__linear_score)(const rg_model *model, const void *rows, int64_t n, void *scores)
{
    int64_t n_features = model->n_features;
    const real *x = rows, *w = model->parameters.value;
    real *out = scores;
    for (int64_t i = 0; i < n; i++) {
        out[i] = F(lane_dot)(x + i * n_features, w, n_features);
        if (model->bias)
            out[i] += w[n_features];
    }
}

#ifdef RG__ONCE
bool rg__linear_part(const rg_model *model, int i, struct rg__part *part)
{
    *part = i == 0 ? (struct rg__part){"weights", 0, 1, {model->n_features}}
                   : (struct rg__part){"bias", model->n_features, 1, {1}};
    return i <= model->bias;
}

int64_t rg__linear_n_parameters(int64_t n_features, const rg_model_options *options)
{
    return n_features + options->bias;
}

/* The parameters [first, first + count) as a variable of that shape. */
static rg_node *parameter(rg_graph *graph, const rg_parameters *p, int64_t first, int ndim,
                          int64_t count)
{
    size_t at = (size_t)first * rg_dtype_size(p->dtype);
    rg_tensor value = {p->dtype, ndim, {count}, (char *)p->value + at};
    return rg_variable(graph, &value, (char *)p->grad + at);
}

rg_node *rg__linear_forward(rg_graph *graph, rg_model *model, rg_node *rows)
{
    const rg_parameters *p = &model->parameters;
    rg_node *scores = rg_matmul(graph, rows, parameter(graph, p, 0, 1, model->n_features));
    if (!model->bias)
        return scores;
    return rg_add(graph, scores, parameter(graph, p, model->n_features, 0, 1));
}
#endif

/* linear: scores = X w (+ b), the model of F weights.
 *
 * The one idea: a score is one dot product in fixed lanes, in the graph (matmul with one column)
 * and without it, so that training, evaluation and serving give a row the same bits. */
#include "model/model.h"
#include "tensor/vector.h"

#include <rankgrad/ops.h>

void F(rg__linear_score)(const rg_model *model, const void *rows, int64_t n, void *scores)
{
    int64_t n_features = model->n_features;
    const real *w = model->parameters.value;
    real *out = scores;
    F(rg__vector)(model->ctx)->dot_rows(rows, false, n, n_features, w, out);
    for (int64_t i = 0; model->bias && i < n; i++)
        out[i] += w[n_features];
}

#ifdef RG__ONCE
bool rg__linear_part(const rg_model *model, int i, struct rg__part *part)
{
    *part = i == 0 ? (struct rg__part){"weights", 0, 1, {model->n_features}}
                   : (struct rg__part){"bias", model->n_features, 1, {1}};
    return i <= model->bias;
}

rg_node *rg__linear_forward(rg_graph *graph, rg_model *model, rg_node *rows)
{
    rg_node *scores = rg_matmul(graph, rows, rg__parameter(graph, model, 0));
    return model->bias ? rg_add(graph, scores, rg__parameter(graph, model, 1)) : scores;
}
#endif

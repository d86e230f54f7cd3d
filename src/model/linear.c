/* linear: scores = X w (+ b), the model of F weights.
 *
 * The one idea: a score is one dot product in fixed lanes, in the graph (matmul with one column)
 * and without it, so that training, evaluation and serving give a row the same bits. */
#include "model/model.h"
#include "tensor/vector.h"

#include <rankgrad/ops.h>

void F(rg__linear_score)(const rg_model *model, const void *rows, int64_t n, void *scores)
{
    int64_t n_features = model->inputs.n;
    const real *w = model->parameters.value;
    real *out = scores;
    F(rg__vector)(model->ctx)->dot_rows(rows, false, n, n_features, w, out);
    for (int64_t i = 0; model->bias && i < n; i++)
        out[i] += w[n_features];
}

/* The sums of the products of each row, and the bias. */
static void F(sum_products)(const rg_model *model, const rg_csr *rows, const real *products,
                            real *out)
{
    const real *w = model->parameters.value;
    F(rg__vector)(model->ctx)->sum_rows(products, rows->indptr, rows->n_rows, out);
    for (int64_t i = 0; model->bias && i < rows->n_rows; i++)
        out[i] += w[model->inputs.n];
}

/* As csr_matmul does, so that training and evaluation agree to the bit. */
void F(rg__linear_score_sparse)(const rg_model *model, const rg_csr *rows, void *scratch,
                                void *scores)
{
    int64_t n = rows->indptr[rows->n_rows] - rows->indptr[0];
    F(rg__vector)
    (model->ctx)->multiply_picked(rows->data, rows->indices, n, model->parameters.value, scratch);
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
        vector->multiply_far(rows->data, rows->indices, n, table, scratch);
    F(sum_products)(model, rows, scratch, scores);
}

#ifdef RG__ONCE
bool rg__linear_part(const rg_model *model, int i, struct rg__part *part)
{
    *part = i == 0 ? (struct rg__part){"weights", 0, 1, {model->inputs.n}}
                   : (struct rg__part){"bias", model->inputs.n, 1, {1}};
    return i <= model->bias;
}

rg_node *rg__linear_forward(rg_graph *graph, rg_model *model, rg_node *rows)
{
    rg_node *scores = rg_matmul(graph, rows, rg__parameter(graph, model, 0));
    return model->bias ? rg_add(graph, scores, rg__parameter(graph, model, 1)) : scores;
}
#endif

/* softmax_cross_entropy: for each row along the last axis, with targets t and p = softmax(x),
 *
 *     y = -sum_k t_k log p_k = sum_k t_k (log S - (x_k - m)),    m = max x, S = sum_j exp(x_j - m)
 *
 * Targets may be any numbers; the ranking losses have masks, weights and ragged lists besides.
 *
 *     dL/dx_k = g ((sum_j t_j) p_k - t_k),    dL/dt_k = -g log p_k
 *
 * Corners. A target of 0 at a logit of -inf adds 0, another one +inf or -inf. Where a logit is NaN
 * or +inf, or all are -inf, there is no distribution: NaN, even if all targets are 0. A row without
 * elements gives 0. */
#include "autograd/op.h"
#include "tensor/real.h"
#include "tensor/vector.h"

RG__KERNELS(softmax_cross_entropy);

/* What backward needs of a row: the largest logit, log S, and the sum of the targets. */
struct F(row) {
    double largest, log_sum, total;
};

static const struct F(rg__vector) * F(vectors)(const rg_node *y)
{
    return F(rg__vector)(rg__graph_context(rg_node_graph(y)));
}

void F(rg__softmax_cross_entropy_forward)(rg_node *y)
{
    const struct F(rg__vector) *v = F(vectors)(y);
    const rg_tensor *tx = rg_operand(y, 0);
    const real *x = tx->data, *t = rg_operand(y, 1)->data;
    int64_t n = tx->dims[tx->ndim - 1], rows = rg__count(rg_node_value(y));
    real *out = rg_output_data(y);
    struct F(row) *row = rg_graph_alloc(rg_node_graph(y), (size_t)rows * sizeof *row);
    real *p = rg_graph_alloc(rg_node_graph(y), (size_t)n * sizeof *p);
    for (int64_t r = 0; row && p && r < rows; r++, x += n, t += n) {
        real largest = v->max(x, n);
        row[r].largest = ACC(largest);
        v->exp(x, n, largest, p);
        row[r].log_sum = log(v->sum(p, n, 1));
        double sum = v->cross_entropy(t, x, n, row[r].largest, row[r].log_sum, &row[r].total);
        out[r] = (real)(n > 0 && isnan(row[r].log_sum) ? row[r].log_sum : n > 0 ? sum : 0);
    }
    rg_set_saved(y, row);
}

void F(rg__softmax_cross_entropy_backward)(rg_node *y)
{
    const struct F(rg__vector) *v = F(vectors)(y);
    const rg_tensor *tx = rg_operand(y, 0);
    const real *x = tx->data, *t = rg_operand(y, 1)->data, *g = rg_output_grad(y);
    int64_t n = tx->dims[tx->ndim - 1], rows = rg__count(rg_node_value(y));
    real *gx = rg_operand_grad(y, 0), *gt = rg_operand_grad(y, 1);
    const struct F(row) *row = rg_saved(y);
    real *p = rg_graph_alloc(rg_node_graph(y), (size_t)n * sizeof *p);
    for (int64_t r = 0; p && r < rows; r++) {
        const real *row_x = x + r * n, *row_t = t + r * n;
        if (gx) {
            v->exp(row_x, n, (real)row[r].largest, p);
            v->add_difference(p, row_t, n, row[r].total * exp(-row[r].log_sum), ACC(g[r]),
                              gx + r * n);
        }
        for (int64_t k = 0; gt && k < n; k++)
            gt[r * n + k] +=
                (real)(ACC(g[r]) * (row[r].log_sum - (ACC(row_x[k]) - row[r].largest)));
    }
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0), *t = rg_operand(y, 1);
    char text[2][RG__SHAPE_TEXT];
    if (x->ndim == 0 || !rg__same_shape(x, t))
        return rg_reject(y,
                         "logits have shape %s, labels %s; expected one shape, of at least one "
                         "dimension",
                         rg__shape_text(x, text[0]), rg__shape_text(t, text[1]));
    rg_set_shape(y, x->dtype, x->ndim - 1, x->dims);
    return true;
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_softmax_cross_entropy(graph, x[0], x[1]);
}

static const struct rg__sample samples[] = {
    {"logits (3,4), labels (3,4)",
     2,
     {{2, {3, 4}, -2, 2, 0}, {2, {3, 4}, -1, 2, 0}},
     .build = build,
     .numpy = "-np.sum(b * log_softmax(a, -1), -1)"},
    {"logits (5), labels (5)",
     2,
     {{1, {5}, -2, 2, 0}, {1, {5}, 0, 1, 0}},
     .build = build,
     .numpy = "-np.sum(b * log_softmax(a, -1))"},
    {"logits (2,0), labels (2,0)",
     2,
     {{2, {2, 0}, -2, 2, 0}, {2, {2, 0}, 0, 1, 0}},
     .build = build,
     .numpy = "np.zeros(2)"},
};

RG__OPERATOR(softmax_cross_entropy, "y = -sum_k t_k log softmax(x)_k, per row", shape, samples);

rg_node *rg_softmax_cross_entropy(rg_graph *graph, rg_node *logits, rg_node *labels)
{
    return RG__APPLY(softmax_cross_entropy, graph, NULL, 0, logits, labels);
}
#endif

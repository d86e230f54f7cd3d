/* softmax: y_i = exp x_i / sum_k exp x_k along an axis, with the largest x subtracted first.
 *
 * dy_i/dx_k = y_i ([i = k] - y_k), so that dL/dx_i = y_i (g_i - sum_k g_k y_k).
 *
 * Corners. Elements of -inf get 0. Where all are -inf, or one is +inf or NaN, there is no
 * distribution: NaN in that run. */
#include "autograd/along.h"
#include "tensor/vector.h"

RG__KERNELS(softmax);

void F(rg__softmax_run)(const rg_node *node, const real *x, int64_t n, real *y)
{
    const struct F(rg__vector) *v = F(rg__vector)(rg__graph_context(rg_node_graph(node)));
    v->exp(x, n, v->max(x, n), y);
    double scale = 1 / v->sum(y, n, 1);
    for (int64_t k = 0; k < n; k++)
        y[k] = (real)(ACC(y[k]) * scale);
}

void F(rg__softmax_run_backward)(const rg_node *node, const real *x, const real *y, const real *g,
                                 int64_t n, real *gx)
{
    double mean = 0;
    (void)node, (void)x;
    for (int64_t k = 0; k < n; k++)
        mean += ACC(y[k]) * ACC(g[k]);
    for (int64_t k = 0; k < n; k++)
        gx[k] = (real)(ACC(y[k]) * (ACC(g[k]) - mean));
}

void F(rg__softmax_forward)(rg_node *y)
{
    F(rg__along_forward)(y, F(rg__softmax_run));
}

void F(rg__softmax_backward)(rg_node *y)
{
    F(rg__along_backward)(y, F(rg__softmax_run_backward));
}

#ifdef RG__ONCE
RG__ALONG_SAMPLES(softmax, "softmax", "y is 1 for any x");

RG__OPERATOR(softmax, "y_i = exp x_i / sum_k exp x_k along an axis", rg__along_rule, samples);

rg_node *rg_softmax(rg_graph *graph, rg_node *x, int axis)
{
    return rg__apply_along(graph, &rg__builtin_softmax, x, axis);
}
#endif

/* log_softmax: y_i = x_i - log sum_k exp x_k along an axis, with the largest x subtracted first.
 *
 * dy_i/dx_k = [i = k] - exp y_k, so that dL/dx_i = g_i - exp(y_i) sum_k g_k.
 *
 * Corners. Elements of -inf get -inf. Where all are -inf, or one is +inf or NaN, there is no
 * distribution: NaN in that run. */
#include "autograd/along.h"
#include "tensor/vector.h"

RG__KERNELS(log_softmax);

static void F(forward)(const rg_node *node, const real *x, int64_t n, real *y)
{
    const struct F(rg__vector) *v = F(rg__vector)(rg__graph_context(rg_node_graph(node)));
    real largest = v->max(x, n);
    v->exp(x, n, largest, y);
    double log_sum = log(v->sum(y, n, 1));
    for (int64_t k = 0; k < n; k++)
        y[k] = (real)((ACC(x[k]) - ACC(largest)) - log_sum);
}

static void F(backward)(const rg_node *node, const real *x, const real *y, const real *g, int64_t n,
                        real *gx)
{
    double sum = 0;
    (void)x;
    for (int64_t k = 0; k < n; k++)
        sum += ACC(g[k]);
    F(rg__vector)(rg__graph_context(rg_node_graph(node)))->exp(y, n, 0, gx);
    for (int64_t k = 0; k < n; k++)
        gx[k] = (real)(ACC(g[k]) - ACC(gx[k]) * sum);
}

void F(rg__log_softmax_forward)(rg_node *y)
{
    F(rg__along_forward)(y, F(forward));
}

void F(rg__log_softmax_backward)(rg_node *y)
{
    F(rg__along_backward)(y, F(backward));
}

#ifdef RG__ONCE
RG__ALONG_SAMPLES(log_softmax, "log_softmax", "y is 0 for any x");

RG__OPERATOR(log_softmax, "y_i = x_i - log sum_k exp x_k along an axis", rg__along_rule, samples);

rg_node *rg_log_softmax(rg_graph *graph, rg_node *x, int axis)
{
    return rg__apply_along(graph, &rg__builtin_log_softmax, x, axis);
}
#endif

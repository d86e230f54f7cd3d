/* cumsum: y_i = x_0 + ... + x_i along an axis, in double.
 *
 * x_i is part of all later sums: dL/dx_i = g_i + g_(i+1) + ... + g_(n-1). */
#include "autograd/along.h"

RG__KERNELS(cumsum);

static void F(forward)(const rg_node *node, const real *x, int64_t n, real *y)
{
    double sum = 0;
    (void)node;
    for (int64_t k = 0; k < n; k++)
        y[k] = (real)(sum += ACC(x[k]));
}

static void F(backward)(const rg_node *node, const real *x, const real *y, const real *g, int64_t n,
                        real *gx)
{
    double sum = 0;
    (void)node, (void)x, (void)y;
    for (int64_t k = n - 1; k >= 0; k--)
        gx[k] = (real)(sum += ACC(g[k]));
}

void F(rg__cumsum_forward)(rg_node *y)
{
    F(rg__along_forward)(y, F(forward));
}

void F(rg__cumsum_backward)(rg_node *y)
{
    F(rg__along_backward)(y, F(backward));
}

#ifdef RG__ONCE
RG__ALONG_SAMPLES(cumsum, "np.cumsum", NULL);

RG__OPERATOR(cumsum, "y_i = sum_{k <= i} x_k along an axis", rg__along_rule, samples);

rg_node *rg_cumsum(rg_graph *graph, rg_node *x, int axis)
{
    return rg__apply_along(graph, &rg__builtin_cumsum, x, axis);
}
#endif

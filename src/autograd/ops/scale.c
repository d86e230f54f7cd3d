/* scale: y = c x, c a constant rounded to x's type.
 *
 * dL/dx = c dL/dy. */
#include "autograd/op.h"
#include "tensor/real.h"

RG__KERNELS(scale);

void F(rg__scale_forward)(rg_node *y)
{
    real c = (real) * (const double *)rg_attributes(y);
    const real *x = rg_operand(y, 0)->data;
    real *out = rg_output_data(y);
    int64_t n = rg__count(rg_node_value(y));
    for (int64_t i = 0; i < n; i++)
        out[i] = c * x[i];
}

void F(rg__scale_backward)(rg_node *y)
{
    real c = (real) * (const double *)rg_attributes(y);
    const real *g = rg_output_grad(y);
    real *gx = rg_operand_grad(y, 0);
    int64_t n = gx ? rg__count(rg_node_value(y)) : 0;
    for (int64_t i = 0; i < n; i++)
        gx[i] += c * g[i];
}

#ifdef RG__ONCE
static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_scale(graph, x[0], -2.5);
}

static const struct rg__sample samples[] = {
    {"-2.5 x, x (2,3)", 1, {{2, {2, 3}, -2, 2, 0}}, build, NULL},
};

RG__OPERATOR(scale, NULL, samples);

rg_node *rg_scale(rg_graph *graph, rg_node *x, double factor)
{
    return RG__APPLY(scale, graph, &factor, sizeof factor, x);
}
#endif

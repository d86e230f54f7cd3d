/* softplus.h: the kernels of an operator, y = log(1 + exp x); operator.c includes this twice. */
#include <rankgrad/real.h>

static void RG_F(forward)(rg_node *y)
{
    const rg_real *x = rg_operand(y, 0)->data;
    rg_real *out = rg_output_data(y);
    for (int64_t i = 0; i < rg_tensor_count(rg_node_value(y)); i++)
        out[i] = RG_M(fmax)(x[i], 0) + RG_M(log1p)(RG_M(exp)(-RG_M(fabs)(x[i])));
}

static void RG_F(backward)(rg_node *y)
{
    const rg_real *x = rg_operand(y, 0)->data, *g = rg_output_grad(y);
    rg_real *grad = rg_operand_grad(y, 0);
    for (int64_t i = 0; grad && i < rg_tensor_count(rg_node_value(y)); i++)
        grad[i] += g[i] / (1 + RG_M(exp)(-x[i]));
}

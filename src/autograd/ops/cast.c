/* cast: converts any type that a node may have to f32 or f64.
 *
 * dL/dx = dL/dy, converted to the type of x if that is f32 or f64; integers have no gradient.
 * Operand and result differ in type, so this file is compiled once, not per type. */
#include "autograd/op.h"

extern const struct rg__builtin rg__builtin_cast;

static bool shape(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    rg_dtype dtype = *(const rg_dtype *)rg_attributes(y);
    if (!rg_dtype_computes(dtype))
        return rg_reject(y, "to %s; expected f32 or f64", rg__dtype_text(dtype));
    rg_set_shape(y, dtype, x->ndim, x->dims);
    return true;
}

static void forward(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0), *out = rg_node_value(y);
    rg__cast(x->dtype, x->data, out->dtype, rg_output_data(y), rg__count(x));
}

static void backward(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0), *out = rg_node_value(y);
    void *gx = rg_operand_grad(y, 0);
    if (gx)
        rg__add(x->dtype, gx, out->dtype, rg_output_grad(y), rg__count(x));
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_cast(graph, x[0], RG_F64);
}

static const struct rg__sample samples[] = {
    {"x (2,3) to f64", 1, {{2, {2, 3}, -2, 2, 0}}, .build = build, .numpy = "x"},
};

const struct rg__builtin rg__builtin_cast = {{.name = "cast",
                                              .shape = shape,
                                              .forward = {[RG_F32] = forward, [RG_F64] = forward},
                                              .backward = {backward, backward},
                                              .operands = {RG_OPERAND_ANY_TYPE}},
                                             "y = x as f32 or f64",
                                             samples,
                                             RG__COUNT(samples)};

rg_node *rg_cast(rg_graph *graph, rg_node *x, rg_dtype dtype)
{
    return RG__APPLY(cast, graph, &dtype, sizeof dtype, x);
}

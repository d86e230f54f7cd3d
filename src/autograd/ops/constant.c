/* constant: a node with a copy of the caller's tensor, of any type but f16.
 *
 * It has no operand, so there is no backward. Compiled once for all types. */
#include "autograd/op.h"

#include <string.h>

extern const struct rg__builtin rg__builtin_constant;

static bool shape(rg_node *y)
{
    const rg_tensor *value = rg_attributes(y);
    rg_set_shape(y, value->dtype, value->ndim, value->dims);
    return true;
}

static void forward(rg_node *y)
{
    const rg_tensor *value = rg_attributes(y);
    size_t bytes = rg__tensor_bytes(value);
    if (bytes > 0)
        memcpy(rg_output_data(y), value->data, bytes);
}

/* x times a constant of the same type: the gradient check needs something to differentiate. */
static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    static const double doubles[] = {0.5, -1, 2};
    static const float floats[] = {0.5f, -1, 2};
    rg_tensor value = *rg_node_value(x[0]);
    const void *source = value.dtype == RG_F32 ? (const void *)floats : doubles;
    double copy[3];
    memcpy(copy, source, 3 * rg_dtype_size(value.dtype));
    value.data = copy;
    return rg_mul(graph, x[0], rg_constant(graph, &value));
}

static const struct rg__sample samples[] = {
    {"x (3) times a constant (3)",
     1,
     {{1, {3}, -2, 2, 0}},
     .build = build,
     .numpy = "x * np.array([0.5, -1, 2])"},
};

const struct rg__builtin rg__builtin_constant = {{.name = "constant",
                                                  .shape = shape,
                                                  .forward = {[RG_F32] = forward,
                                                              [RG_F64] = forward,
                                                              [RG_BOOL] = forward,
                                                              [RG_U8] = forward,
                                                              [RG_I32] = forward,
                                                              [RG_I64] = forward},
                                                  .no_backward = "a constant has no operand"},
                                                 "y = a copy of the value",
                                                 samples,
                                                 RG__COUNT(samples)};

rg_node *rg_constant(rg_graph *graph, const rg_tensor *value)
{
    if (!rg__check_value(graph, "rg_constant", value))
        return NULL;
    return rg_apply(graph, &rg__builtin_constant.op, NULL, 0, value, sizeof *value);
}

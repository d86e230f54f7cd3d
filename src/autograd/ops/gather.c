/* gather: one element of x for each index, along an axis, as NumPy's take_along_axis.
 *
 *     y[..., k, ...] = x[..., index[..., k, ...], ...]
 *
 * dL/dx += dL/dy at the places taken, in double where one is taken several times. */
#include "autograd/indexing.h"
#include "tensor/real.h"

RG__KERNELS(gather);

static int F(axis_of)(const rg_node *y)
{
    int axis = *(const int *)rg_attributes(y);
    return axis < 0 ? axis + rg_operand(y, 0)->ndim : axis;
}

void F(rg__gather_forward)(rg_node *y)
{
    struct rg__indexing at = rg__indexing_of(y, F(axis_of)(y), true);
    if (rg__check_indices(y, at.index, at.extent))
        F(rg__take)(&at, rg_operand(y, 0)->data, rg_output_data(y));
}

void F(rg__gather_backward)(rg_node *y)
{
    struct rg__indexing at = rg__indexing_of(y, F(axis_of)(y), true);
    F(rg__give_grad)(y, &at);
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0), *index = rg_operand(y, 1);
    int axis = *(const int *)rg_attributes(y);
    if (!rg__check_index_shape(y, &axis))
        return false;
    rg_set_shape(y, x->dtype, index->ndim, index->dims);
    return true;
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    const rg_tensor index = {RG_I64, 2, {2, 4}, (int64_t[]){0, 2, 2, 1, 1, 1, 0, 1}};
    (void)user;
    return rg_gather(graph, x[0], -1, rg_constant(graph, &index));
}

static rg_node *first_axis(rg_graph *graph, rg_node *const *x, void *user)
{
    const rg_tensor index = {RG_U8, 2, {1, 3}, (uint8_t[]){1, 0, 1}};
    (void)user;
    return rg_gather(graph, x[0], 0, rg_constant(graph, &index));
}

static const struct rg__sample samples[] = {
    {"x (2,3), index (2,4)",
     1,
     {{2, {2, 3}, -2, 2, 0}},
     .build = build,
     .numpy = "np.take_along_axis(x, np.array([[0, 2, 2, 1], [1, 1, 0, 1]]), -1)"},
    {"x (2,3), index (1,3)",
     1,
     {{2, {2, 3}, -2, 2, 0}},
     .build = first_axis,
     .numpy = "np.take_along_axis(x, np.array([[1, 0, 1]]), 0)"},
};

RG__OPERATOR_WITH(gather, "y[.., k, ..] = x[.., index[.., k, ..], ..]", shape, samples,
                  .operands = {0, RG_OPERAND_ANY_TYPE});

rg_node *rg_gather(rg_graph *graph, rg_node *x, int axis, rg_node *index)
{
    return RG__APPLY(gather, graph, &axis, sizeof axis, x, index);
}
#endif

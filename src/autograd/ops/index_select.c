/* index_select: slices of x at indices along an axis, as NumPy's take; of the rows of a table, an
 * embedding.
 *
 *     y[..., k, ...] = x[..., index[k], ...], where k stands for all axes of the index
 *
 * dL/dx += dL/dy at the slices taken, in double where one is taken several times. */
#include "autograd/indexing.h"
#include "tensor/real.h"

RG__KERNELS(index_select);

static struct rg__indexing F(indexing)(const rg_node *y)
{
    int axis = *(const int *)rg_attributes(y);
    return rg__indexing_of(y, axis < 0 ? axis + rg_operand(y, 0)->ndim : axis, false);
}

void F(rg__index_select_forward)(rg_node *y)
{
    struct rg__indexing at = F(indexing)(y);
    if (rg__check_indices(y, at.index, at.extent))
        F(rg__take)(&at, rg_operand(y, 0)->data, rg_output_data(y));
}

void F(rg__index_select_backward)(rg_node *y)
{
    struct rg__indexing at = F(indexing)(y);
    F(rg__give_grad)(y, &at);
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0), *index = rg_operand(y, 1);
    int axis = *(const int *)rg_attributes(y), ndim = 0;
    int64_t dims[2 * RG_MAX_DIMS];
    if (axis < -x->ndim || axis >= x->ndim)
        return rg_reject(y, "axis %d of %d dimensions; expected -%d to %d", axis, x->ndim, x->ndim,
                         x->ndim - 1);
    axis += axis < 0 ? x->ndim : 0;
    for (int a = 0; a < axis; a++)
        dims[ndim++] = x->dims[a];
    for (int a = 0; a < index->ndim; a++)
        dims[ndim++] = index->dims[a];
    for (int a = axis + 1; a < x->ndim; a++)
        dims[ndim++] = x->dims[a];
    if (ndim > RG_MAX_DIMS)
        return rg_reject(y, "the result has %d dimensions; expected at most %d", ndim, RG_MAX_DIMS);
    rg_set_shape(y, x->dtype, ndim, dims);
    return rg__check_index_type(y, index);
}

static rg_node *rows(rg_graph *graph, rg_node *const *x, void *user)
{
    const rg_tensor index = {RG_I64, 2, {2, 2}, (int64_t[]){2, 0, 2, 2}};
    (void)user;
    return rg_index_select(graph, x[0], 0, rg_constant(graph, &index));
}

static rg_node *columns(rg_graph *graph, rg_node *const *x, void *user)
{
    const rg_tensor index = {RG_I32, 1, {3}, (int32_t[]){1, 1, 0}};
    (void)user;
    return rg_index_select(graph, x[0], -1, rg_constant(graph, &index));
}

static rg_node *none(rg_graph *graph, rg_node *const *x, void *user)
{
    const rg_tensor index = {RG_I32, 1, {0}, NULL};
    (void)user;
    return rg_index_select(graph, x[0], -1, rg_constant(graph, &index));
}

static const struct rg__sample samples[] = {
    {"x (3,2), rows at (2,2) indices",
     1,
     {{2, {3, 2}, -2, 2, 0}},
     .build = rows,
     .numpy = "np.take(x, [[2, 0], [2, 2]], axis=0)"},
    {"x (2,3,2), last axis at 3 indices",
     1,
     {{3, {2, 3, 2}, -2, 2, 0}},
     .build = columns,
     .numpy = "np.take(x, [1, 1, 0], axis=-1)"},
    {"x (2,2), no index",
     1,
     {{2, {2, 2}, -2, 2, 0}},
     .build = none,
     .numpy = "np.take(x, np.zeros(0, int), axis=-1)",
     .zero_because = "y has no element"},
};

RG__OPERATOR_WITH(index_select, "y[.., k, ..] = x[.., index[k], ..]", shape, samples,
                  .operands = {0, RG_OPERAND_ANY_TYPE});

rg_node *rg_index_select(rg_graph *graph, rg_node *x, int axis, rg_node *index)
{
    return RG__APPLY(index_select, graph, &axis, sizeof axis, x, index);
}

rg_node *rg_embedding(rg_graph *graph, rg_node *table, rg_node *ids)
{
    return rg_index_select(graph, table, 0, ids);
}
#endif

/* scatter_add: x with elements of a source added at indices along an axis, as in PyTorch.
 *
 *     y = x;   y[..., index[..., k, ...], ...] += source[..., k, ...]   for all k
 *
 * with sums in double, in the order of k, and
 *
 *     dL/dx = dL/dy,    dL/dsource[..., k, ...] = dL/dy[..., index[..., k, ...], ...] */
#include "autograd/indexing.h"
#include "tensor/real.h"

RG__KERNELS(scatter_add);

static struct rg__indexing F(indexing)(const rg_node *y)
{
    int axis = *(const int *)rg_attributes(y);
    return rg__indexing_of(y, axis < 0 ? axis + rg_operand(y, 0)->ndim : axis, true);
}

void F(rg__scatter_add_forward)(rg_node *y)
{
    struct rg__indexing at = F(indexing)(y);
    const real *x = rg_operand(y, 0)->data;
    real *out = rg_output_data(y);
    int64_t n = rg__count(rg_node_value(y));
    if (!rg__check_indices(y, at.index, at.extent))
        return;
    double *sum = rg_graph_alloc(rg_node_graph(y), (size_t)n * sizeof *sum);
    if (!sum)
        return;
    for (int64_t i = 0; i < n; i++)
        sum[i] = ACC(x[i]);
    F(rg__give)(&at, rg_operand(y, 2)->data, sum);
    for (int64_t i = 0; i < n; i++)
        out[i] = (real)sum[i];
}

void F(rg__scatter_add_backward)(rg_node *y)
{
    struct rg__indexing at = F(indexing)(y);
    const real *g = rg_output_grad(y);
    real *gx = rg_operand_grad(y, 0), *gs = rg_operand_grad(y, 2), *taken = NULL;
    int64_t n = rg__count(rg_node_value(y)), n_source = rg__count(at.index);
    for (int64_t i = 0; gx && i < n; i++)
        gx[i] += g[i];
    if (gs)
        taken = rg_graph_alloc(rg_node_graph(y), (size_t)n_source * sizeof *taken);
    if (!taken)
        return;
    F(rg__take)(&at, g, taken);
    for (int64_t i = 0; i < n_source; i++)
        gs[i] += taken[i];
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0), *index = rg_operand(y, 1), *source = rg_operand(y, 2);
    char text[2][RG__SHAPE_TEXT];
    int axis = *(const int *)rg_attributes(y);
    if (!rg__check_index_shape(y, &axis))
        return false;
    if (!rg__same_shape(index, source))
        return rg_reject(y, "the index has shape %s, the source %s; expected one shape",
                         rg__shape_text(index, text[0]), rg__shape_text(source, text[1]));
    rg_set_shape(y, x->dtype, x->ndim, x->dims);
    return true;
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    const rg_tensor index = {RG_I64, 2, {2, 4}, (int64_t[]){0, 2, 2, 1, 1, 1, 0, 1}};
    (void)user;
    return rg_scatter_add(graph, x[0], 1, rg_constant(graph, &index), x[1]);
}

/* x + I(index)^T source, row by row, as NumPy has no such function that returns its result. */
static const struct rg__sample samples[] = {
    {"x (2,3), source (2,4)",
     2,
     {{2, {2, 3}, -2, 2, 0}, {2, {2, 4}, -2, 2, 0}},
     .build = build,
     .numpy = "a + np.einsum('rk,rkj->rj', b, "
              "np.eye(3)[np.array([[0, 2, 2, 1], [1, 1, 0, 1]])])"},
};

RG__OPERATOR_WITH(scatter_add, "y = x, y[.., index[.., k, ..], ..] += source[.., k, ..]", shape,
                  samples, .operands = {0, RG_OPERAND_ANY_TYPE, 0, 0});

rg_node *rg_scatter_add(rg_graph *graph, rg_node *x, int axis, rg_node *index, rg_node *source)
{
    return RG__APPLY(scatter_add, graph, &axis, sizeof axis, x, index, source);
}
#endif

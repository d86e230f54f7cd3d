/* reshape: the same elements in the same order under another shape; squeeze and expand remove and
 * add an axis of extent 1.
 *
 * dL/dx = dL/dy, reshaped back. */
#include "autograd/op.h"
#include "tensor/real.h"

#include <string.h>

RG__KERNELS(reshape);

void F(rg__reshape_forward)(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    if (rg_tensor_count(x) > 0)
        memcpy(rg_output_data(y), x->data, rg__tensor_bytes(x));
}

void F(rg__reshape_backward)(rg_node *y)
{
    const real *g = rg_output_grad(y);
    real *gx = rg_operand_grad(y, 0);
    int64_t n = gx ? rg_tensor_count(rg_node_value(y)) : 0;
    for (int64_t i = 0; i < n; i++)
        gx[i] += g[i];
}

#ifdef RG__ONCE
/* The attributes are a tensor without data that has the requested shape. An extent of -1 is
 * replaced by the one that gives the right number of elements. */
static bool shape(rg_node *y)
{
    char from[RG__SHAPE_TEXT], to[RG__SHAPE_TEXT];
    const rg_tensor *x = rg_operand(y, 0);
    rg_tensor wanted = *(const rg_tensor *)rg_attributes(y);
    rg_tensor known = wanted; /* with 1 instead of -1 */
    int inferred = -1;        /* the axis of the -1 */
    if (wanted.ndim < 0)
        return rg_reject(y, "ndim is negative or dims is NULL; expected a shape");
    for (int i = 0; i < wanted.ndim && i < RG_MAX_DIMS; i++)
        if (wanted.dims[i] == -1 && inferred < 0) {
            inferred = i;
            known.dims[i] = 1;
        }
    int64_t count = rg_tensor_count(x), rest = rg_tensor_count(&known);
    if (inferred >= 0 && rest > 0)
        known.dims[inferred] = count / rest;
    if (rest < 0 || (inferred >= 0 && rest == 0) || rg_tensor_count(&known) != count)
        return rg_reject(y,
                         "cannot reshape %s to %s; expected %lld elements, at most %d dimensions, "
                         "and at most one -1, whose extent the others determine",
                         rg__shape_text(x, from), rg__shape_text(&wanted, to), (long long)count,
                         RG_MAX_DIMS);
    rg_set_shape(y, x->dtype, known.ndim, known.dims);
    return true;
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_reshape(graph, x[0], 2, (const int64_t[]){3, -1});
}

static rg_node *expanded(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_expand(graph, x[0], 1);
}

static rg_node *squeezed(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_squeeze(graph, x[0], -2);
}

static const struct rg__sample samples[] = {
    {"x (2,6) as (3,-1)", 1, {{2, {2, 6}, -2, 2, 0}}, .build = build, .numpy = "x.reshape(3, -1)"},
    {"x (2,3), a new axis 1",
     1,
     {{2, {2, 3}, -2, 2, 0}},
     .build = expanded,
     .numpy = "np.expand_dims(x, 1)"},
    {"x (2,1,3) without axis -2",
     1,
     {{3, {2, 1, 3}, -2, 2, 0}},
     .build = squeezed,
     .numpy = "np.squeeze(x, -2)"},
};

RG__OPERATOR(reshape, "y = x in another shape", shape, samples);

rg_node *rg_reshape(rg_graph *graph, rg_node *x, int ndim, const int64_t *dims)
{
    rg_tensor wanted = {.dtype = RG_F32, .ndim = dims || ndim == 0 ? ndim : -1};
    for (int i = 0; i < wanted.ndim && wanted.ndim <= RG_MAX_DIMS; i++)
        wanted.dims[i] = dims[i];
    return RG__APPLY(reshape, graph, &wanted, sizeof wanted, x);
}

/* The value of x; NULL, and an error of the graph, if it has no such axis with `more` axes. */
static const rg_tensor *checked_axis(rg_graph *graph, const char *who, const rg_node *x, int more,
                                     int axis)
{
    const rg_tensor *value = rg_node_value(x);
    int n = value ? value->ndim + more : 0;
    if (!graph || rg_graph_status(graph) != RG_OK)
        return NULL;
    if (value && axis >= -n && axis < n && n <= RG_MAX_DIMS)
        return value;
    if (!value)
        rg__graph_fail(graph, RG_USAGE, "%s: x is NULL", who);
    rg__graph_fail(graph, RG_BAD_DATA,
                   "%s: axis %d of %d dimensions; expected -%d to %d, at most %d dimensions", who,
                   axis, n, n, n - 1, RG_MAX_DIMS);
    return NULL;
}

rg_node *rg_expand(rg_graph *graph, rg_node *x, int axis)
{
    const rg_tensor *value = checked_axis(graph, "rg_expand", x, 1, axis);
    int64_t dims[RG_MAX_DIMS];
    if (!value)
        return NULL;
    axis += axis < 0 ? value->ndim + 1 : 0;
    for (int a = 0; a <= value->ndim; a++)
        dims[a] = a == axis ? 1 : value->dims[a - (a > axis)];
    return rg_reshape(graph, x, value->ndim + 1, dims);
}

rg_node *rg_squeeze(rg_graph *graph, rg_node *x, int axis)
{
    const rg_tensor *value = checked_axis(graph, "rg_squeeze", x, 0, axis);
    int64_t dims[RG_MAX_DIMS];
    if (!value)
        return NULL;
    axis += axis < 0 ? value->ndim : 0;
    if (value->dims[axis] != 1) {
        rg__graph_fail(graph, RG_BAD_DATA, "rg_squeeze: axis %d has extent %lld; expected 1", axis,
                       (long long)value->dims[axis]);
        return NULL;
    }
    for (int a = 0; a < value->ndim - 1; a++)
        dims[a] = value->dims[a + (a >= axis)];
    return rg_reshape(graph, x, value->ndim - 1, dims);
}
#endif

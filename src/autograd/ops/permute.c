/* permute: the axes of x in another order; axis a of y is axis order[a] of x.
 *
 * dL/dx = dL/dy with the axes back in their order. */
#include "autograd/view.h"

/* The attributes: the order, as its number of axes and the axes. */
struct order {
    int n;
    int axis[RG_MAX_DIMS];
};

static bool shape(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    const struct order *order = rg_attributes(y);
    struct rg__view view = {.ndim = x->ndim};
    int64_t stride[RG_MAX_DIMS];
    bool seen[RG_MAX_DIMS] = {false};
    char text[RG__SHAPE_TEXT];
    rg__strides(x, stride);
    if (order->n == -1)
        return rg_reject(y, "axes is NULL; expected each axis of x once");
    if (order->n != x->ndim)
        return rg_reject(y, "%d axes for x of shape %s; expected each axis once", order->n,
                         rg__shape_text(x, text));
    for (int a = 0; a < x->ndim; a++) {
        int from = rg__find_axis(y, x->ndim, order->axis[a]);
        if (from < 0)
            return false;
        if (seen[from])
            return rg_reject(y, "axis %d is given twice; expected each axis once", from);
        seen[from] = true;
        view.dims[a] = x->dims[from];
        view.stride[a] = stride[from];
    }
    return rg__set_view(y, &view);
}

static rg_node *rotated(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_permute(graph, x[0], 3, (const int[]){2, 0, 1});
}

static rg_node *swapped(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_transpose(graph, x[0], 0, -1);
}

static const struct rg__sample samples[] = {
    {"x (2,3,4), axes 2 0 1",
     1,
     {{3, {2, 3, 4}, -2, 2, 0}},
     .build = rotated,
     .numpy = "np.transpose(x, (2, 0, 1))"},
    {"x (2,5), transposed", 1, {{2, {2, 5}, -2, 2, 0}}, .build = swapped, .numpy = "x.T"},
    {"x (3), its only axis", 1, {{1, {3}, -2, 2, 0}}, .build = swapped, .numpy = "x"},
    {"x (2,0,3), axes 2 0 1",
     1,
     {{3, {2, 0, 3}, -2, 2, 0}},
     .build = rotated,
     .numpy = "np.transpose(x, (2, 0, 1))"},
};

RG__VIEW(permute, "y = x with its axes in another order", shape, samples);

rg_node *rg_permute(rg_graph *graph, rg_node *x, int n_axes, const int *axes)
{
    struct order order = {.n = axes || n_axes == 0 ? n_axes : -1};
    for (int a = 0; axes && n_axes <= RG_MAX_DIMS && a < n_axes; a++)
        order.axis[a] = axes[a];
    return RG__APPLY(permute, graph, &order, sizeof order, x);
}

rg_node *rg_transpose(rg_graph *graph, rg_node *x, int a, int b)
{
    const rg_tensor *value = rg_node_value(x);
    struct order order = {.n = value ? value->ndim : 0};
    int n = order.n;
    for (int i = 0; i < n; i++)
        order.axis[i] = i;
    if (a >= -n && a < n && b >= -n && b < n) {
        order.axis[a < 0 ? a + n : a] = b;
        order.axis[b < 0 ? b + n : b] = a;
    } else {
        order.axis[0] = a >= -n && a < n ? b : a; /* so that the shape rule names the axis */
    }
    return RG__APPLY(permute, graph, &order, sizeof order, x);
}

/* broadcast_to: x repeated along axes of extent 1 and along new first axes, as in NumPy.
 *
 * dL/dx = the sum of dL/dy over these axes, in double. */
#include "autograd/view.h"

/* The attributes are a tensor without data that has the requested shape, where -1 is x's extent. */
static bool shape(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0), *wanted = rg_attributes(y);
    struct rg__view view = {.ndim = wanted->ndim};
    int64_t stride[RG_MAX_DIMS];
    char from[RG__SHAPE_TEXT], to[RG__SHAPE_TEXT];
    int added = wanted->ndim - x->ndim; /* axes in front */
    bool fits = wanted->ndim <= RG_MAX_DIMS && added >= 0;
    if (wanted->ndim < 0)
        return rg_reject(y, "ndim is negative or dims is NULL; expected a shape");
    rg__strides(x, stride);
    for (int a = 0; fits && a < view.ndim; a++) {
        int64_t extent = wanted->dims[a], own = a < added ? 1 : x->dims[a - added];
        view.dims[a] = extent == -1 && a >= added ? own : extent;
        view.stride[a] = own == 1 ? 0 : stride[a - added];
        fits = view.dims[a] == own || (own == 1 && extent >= 0);
    }
    if (!fits)
        return rg_reject(y,
                         "x of shape %s does not broadcast to %s; expected extents that are equal "
                         "or, in x, 1 or missing, and -1 for an extent of x",
                         rg__shape_text(x, from), rg__shape_text(wanted, to));
    return rg__set_view(y, &view);
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_broadcast_to(graph, x[0], 3, (const int64_t[]){2, 4, -1});
}

static rg_node *empty(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_broadcast_to(graph, x[0], 2, (const int64_t[]){0, 3});
}

static const struct rg__sample samples[] = {
    {"x (4,3) to (2,4,3)",
     1,
     {{2, {4, 3}, -2, 2, 0}},
     .build = build,
     .numpy = "np.broadcast_to(x, (2, 4, 3))"},
    {"x (2,1,3) to (2,4,3)",
     1,
     {{3, {2, 1, 3}, -2, 2, 0}},
     .build = build,
     .numpy = "np.broadcast_to(x, (2, 4, 3))"},
    {"x (1) to (2,4,1)",
     1,
     {{1, {1}, -2, 2, 0}},
     .build = build,
     .numpy = "np.broadcast_to(x, (2, 4, 1))"},
    {"x (3) to (0,3)",
     1,
     {{1, {3}, -2, 2, 0}},
     .build = empty,
     .numpy = "np.broadcast_to(x, (0, 3))",
     .zero_because = "y has no element"},
};

RG__VIEW(broadcast_to, "y = x repeated along axes of extent 1 and new first axes", shape, samples);

rg_node *rg_broadcast_to(rg_graph *graph, rg_node *x, int ndim, const int64_t *dims)
{
    rg_tensor wanted = {.dtype = RG_F32, .ndim = dims || ndim == 0 ? ndim : -1};
    for (int i = 0; wanted.ndim <= RG_MAX_DIMS && i < wanted.ndim; i++)
        wanted.dims[i] = dims[i];
    return RG__APPLY(broadcast_to, graph, &wanted, sizeof wanted, x);
}

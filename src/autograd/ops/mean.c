/* mean: the mean of x along an axis, or of all of it; 0/0 where the axis is empty.
 *
 * dL/dx = dL/dy / n, n the length of the axis. */
#include "autograd/reduce.h"

RG__KERNELS(mean);

void F(rg__mean_forward)(rg_node *y)
{
    F(reduce_forward)(y, true);
}

void F(rg__mean_backward)(rg_node *y)
{
    F(reduce_backward)(y, true);
}

#ifdef RG__ONCE
static rg_node *build_all(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_mean(graph, x[0], RG_ALL_AXES);
}

static rg_node *build_last(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_mean(graph, x[0], -1);
}

static rg_node *build_middle(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_mean(graph, x[0], 1);
}

static const struct rg__sample samples[] = {
    {"x (3,5), all axes", 1, {{2, {3, 5}, -2, 2, 0}}, .build = build_all, .numpy = "np.mean(x)"},
    {"x (2,19), last axis",
     1,
     {{2, {2, 19}, -2, 2, 0}},
     .build = build_last,
     .numpy = "np.mean(x, axis=-1)"},
    {"x (2,3,2), middle axis",
     1,
     {{3, {2, 3, 2}, -2, 2, 0}},
     .build = build_middle,
     .numpy = "np.mean(x, axis=1)"},
};

RG__OPERATOR(mean, "y = mean of x along an axis", rg__reduce_shape, samples);

rg_node *rg_mean(rg_graph *graph, rg_node *x, int axis)
{
    return RG__APPLY(mean, graph, &axis, sizeof axis, x);
}
#endif

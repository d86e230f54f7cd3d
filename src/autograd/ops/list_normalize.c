/* list_normalize: the items of each list shifted to mean 0 and scaled to standard deviation 1, each
 * column on its own:
 *
 *     y_k = (x_k - mean) / sqrt(variance + epsilon)
 *
 * with the population's variance. Backward, as mean and variance depend on every x of the list:
 *
 *     dL/dx_k = (g_k - mean(g) - y_k mean(g y)) / sqrt(variance + epsilon)
 *
 * Corners. Items of a list in which all are equal, or of a list of one, get 0, or NaN if epsilon
 * is 0. */
#include "autograd/along.h"
#include "autograd/moments.h"

RG__KERNELS(list_normalize);

static double F(epsilon)(const rg_node *node)
{
    return ((const struct rg__along_call *)rg_attributes(node))->c;
}

static void F(forward)(const rg_node *node, const real *x, int64_t n, real *y)
{
    struct rg__moments m = F(moments)(x, n, F(epsilon)(node));
    for (int64_t k = 0; k < n; k++)
        y[k] = (real)((ACC(x[k]) - m.mean) * m.scale);
}

static void F(backward)(const rg_node *node, const real *x, const real *y, const real *g, int64_t n,
                        real *gx)
{
    struct rg__moments m = F(moments)(x, n, F(epsilon)(node));
    double mean = 0, dot = 0;
    for (int64_t k = 0; k < n; k++) {
        mean += ACC(g[k]) / (double)n;
        dot += ACC(g[k]) * ACC(y[k]) / (double)n;
    }
    for (int64_t k = 0; k < n; k++)
        gx[k] = (real)((ACC(g[k]) - mean - ACC(y[k]) * dot) * m.scale);
}

void F(rg__list_normalize_forward)(rg_node *y)
{
    F(rg__along_forward)(y, F(forward));
}

void F(rg__list_normalize_backward)(rg_node *y)
{
    F(rg__along_backward)(y, F(backward));
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    double epsilon = F(epsilon)(y);
    if (!(epsilon >= 0))
        return rg_reject(y, "epsilon is %g; expected a number >= 0", epsilon);
    return rg__along_lists_rule(y);
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    static const int64_t offsets[] = {0, 3, 3, 4, 9};
    return rg_list_normalize(graph, x[0], offsets, 4, *(const double *)user);
}

static rg_node *singles(rg_graph *graph, rg_node *const *x, void *user)
{
    return rg_list_normalize(graph, x[0], (const int64_t[]){0, 1, 2}, 2, *(const double *)user);
}

static const double small = 1e-5, half = 0.5;

static const struct rg__sample samples[] = {
    {"x (9), lists of 3, 0, 1, 5, epsilon 1e-5",
     1,
     {{1, {9}, -2, 2, 0}},
     .build = build,
     .numpy = "np.concatenate([layer_norm(l, 1e-5) for l in (x[0:3], x[3:4], x[4:9])])",
     .user = &small},
    {"x (9,2), lists of 3, 0, 1, 5, epsilon 0.5",
     1,
     {{2, {9, 2}, -2, 2, 0}},
     .build = build,
     .numpy = "np.concatenate([layer_norm(l.T, 0.5).T for l in (x[0:3], x[3:4], x[4:9])])",
     .user = &half},
    {"x (2), lists of one, epsilon 0.5",
     1,
     {{1, {2}, -2, 2, 0}},
     .build = singles,
     .numpy = "0 * x",
     .zero_because = "x - mean is 0 in a list of one item",
     .user = &half},
    {"x (9,0), lists of 3, 0, 1, 5", 1, {{2, {9, 0}, -2, 2, 0}}, .build = build, .user = &half},
};

RG__OPERATOR(list_normalize, "y = (x - mean) / sqrt(variance + epsilon), per list", shape, samples);

rg_node *rg_list_normalize(rg_graph *graph, rg_node *x, const int64_t *offsets, int64_t n_lists,
                           double epsilon)
{
    return rg__apply_to_lists(graph, &rg__builtin_list_normalize, x, offsets, n_lists, epsilon);
}
#endif

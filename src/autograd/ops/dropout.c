/* dropout: each element is 0 with probability p, and x / (1 - p) otherwise (Srivastava et al.
 * 2014), so that its mean is x.
 *
 *     y_i = x_i keep_i / (1 - p),    keep_i = u_i >= p,    u_i = Philox(seed, call, i)
 *
 *     dL/dx_i = dL/dy_i keep_i / (1 - p)
 *
 * Whether an element is kept depends on seed, call and its index alone, not on the order of
 * operators, on threads or on the batch before. Nothing is stored for backward. An element that is
 * dropped is 0 whatever x is, and its gradient exactly 0. */
#include "autograd/op.h"
#include "base/random.h"
#include "tensor/real.h"

RG__KERNELS(dropout);

struct rg__dropout {
    double p;
    uint64_t seed, call;
};

static bool F(keeps)(const struct rg__dropout *d, int64_t i)
{
    return rg_uniform(d->seed, RG__STREAM_DROPOUT, d->call, (uint64_t)i) >= d->p;
}

void F(rg__dropout_forward)(rg_node *y)
{
    const struct rg__dropout *d = rg_attributes(y);
    const real *x = rg_operand(y, 0)->data;
    real *out = rg_output_data(y), scale = (real)(1 / (1 - d->p));
    int64_t n = rg__count(rg_node_value(y));
    for (int64_t i = 0; i < n; i++)
        out[i] = F(keeps)(d, i) ? x[i] * scale : 0;
}

void F(rg__dropout_backward)(rg_node *y)
{
    const struct rg__dropout *d = rg_attributes(y);
    const real *g = rg_output_grad(y);
    real *gx = rg_operand_grad(y, 0), scale = (real)(1 / (1 - d->p));
    int64_t n = gx ? rg__count(rg_node_value(y)) : 0;
    for (int64_t i = 0; i < n; i++)
        if (F(keeps)(d, i))
            gx[i] += g[i] * scale;
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    double p = ((const struct rg__dropout *)rg_attributes(y))->p;
    return (p >= 0 && p < 1) || rg_reject(y, "p is %g; expected a number >= 0 and < 1", p);
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_dropout(graph, x[0], 0.25, 7, 3);
}

static rg_node *none(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_dropout(graph, x[0], 0, 7, 3);
}

static const struct rg__sample samples[] = {
    {"x (3,4), p 0.25", 1, {{2, {3, 4}, -2, 2, 0}}, .build = build},
    {"x (3), p 0", 1, {{1, {3}, -2, 2, 0}}, .build = none, .numpy = "x"},
    {"x (2,0), p 0.25", 1, {{2, {2, 0}, -2, 2, 0}}, .build = build, .numpy = "x"},
};

RG__OPERATOR(dropout, "y = 0 with probability p, else x / (1 - p)", shape, samples);

rg_node *rg_dropout(rg_graph *graph, rg_node *x, double p, uint64_t seed, uint64_t call)
{
    struct rg__dropout dropout = {p, seed, call};
    return RG__APPLY(dropout, graph, &dropout, sizeof dropout, x);
}
#endif

/* elementwise.h (internal; for operators compiled twice): the loops of element-wise operators.
 *
 * The one idea: an operator is a function of one element, its derivative another; the loops below
 * are inlined around them. Where an operand was broadcast, its gradient is summed in double. */
#ifndef RG_AUTOGRAD_ELEMENTWISE_H
#define RG_AUTOGRAD_ELEMENTWISE_H

#include "autograd/op.h"
#include "tensor/broadcast.h"
#include "tensor/real.h"

#include <string.h>

/* y[i] = value(x[i]) */
INLINED void F(unary_forward)(rg_node *y, real (*value)(real x))
{
    const real *x = rg_operand(y, 0)->data;
    real *out = rg_output_data(y);
    int64_t n = rg__count(rg_node_value(y));
    for (int64_t i = 0; i < n; i++)
        out[i] = value(x[i]);
}

/* gx[i] += g[i] slope(x[i], y[i]) */
INLINED void F(unary_backward)(rg_node *y, real (*slope)(real x, real y))
{
    const real *x = rg_operand(y, 0)->data, *out = rg_output_data(y), *g = rg_output_grad(y);
    real *gx = rg_operand_grad(y, 0);
    int64_t n = gx ? rg__count(rg_node_value(y)) : 0;
    for (int64_t i = 0; i < n; i++)
        gx[i] += g[i] * slope(x[i], out[i]);
}

/* For a run whose steps are both 1, and for any other: with constant steps the loop inlined here is
 * a loop over vectors. */
#define RG__BY_STEP(run, loop, ...)                                                                \
    do {                                                                                           \
        if ((run).step_a == 1 && (run).step_b == 1)                                                \
            loop(1, 1, __VA_ARGS__);                                                               \
        else                                                                                       \
            loop((run).step_a, (run).step_b, __VA_ARGS__);                                         \
    } while (0)

typedef real F(binary)(real a, real b);

INLINED void F(run_forward)(int64_t step_a, int64_t step_b, F(binary) *value, int64_t n,
                            const real *a, const real *b, real *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = value(a[i * step_a], b[i * step_b]);
}

/* y = value(a, b), broadcast. */
INLINED void F(binary_forward)(rg_node *y, F(binary) *value)
{
    const rg_tensor *ta = rg_operand(y, 0), *tb = rg_operand(y, 1);
    real *out = rg_output_data(y);
    struct rg__runs run;
    rg__runs(ta, tb, rg_node_value(y), &run);
    while (rg__next_run(&run)) {
        const real *a = (const real *)ta->data + run.a, *b = (const real *)tb->data + run.b;
        RG__BY_STEP(run, F(run_forward), value, run.length, a, b, out + run.y);
    }
}

/* grad (or, where it is not NULL, sum) += g slope(a, b); `which` of the two steps is its own. */
INLINED void F(run_backward)(int64_t step_a, int64_t step_b, F(binary) *slope, int which,
                             int64_t n, const real *a, const real *b, const real *g, real *grad,
                             double *sum)
{
    int64_t step = which ? step_b : step_a;
    for (int64_t i = 0; !sum && i < n; i++)
        grad[i * step] += g[i] * slope(a[i * step_a], b[i * step_b]);
    for (int64_t i = 0; sum && i < n; i++)
        sum[i * step] += ACC(g[i] * slope(a[i * step_a], b[i * step_b]));
}

/* The gradient of one operand of a binary operator: g slope(a, b), summed over the axes along
 * which the operand was broadcast. */
INLINED void F(operand_backward)(rg_node *y, int which, F(binary) *slope)
{
    const rg_tensor *ta = rg_operand(y, 0), *tb = rg_operand(y, 1), *own = which ? tb : ta;
    const real *g = rg_output_grad(y);
    real *grad = rg_operand_grad(y, which);
    if (!grad)
        return;
    int64_t count = rg__count(own);
    double *sum = NULL;
    if (count < rg__count(rg_node_value(y))) {
        sum = rg_graph_alloc(rg_node_graph(y), (size_t)count * sizeof *sum);
        if (!sum)
            return;
        memset(sum, 0, (size_t)count * sizeof *sum);
    }
    struct rg__runs run;
    rg__runs(ta, tb, rg_node_value(y), &run);
    while (rg__next_run(&run)) {
        const real *a = (const real *)ta->data + run.a, *b = (const real *)tb->data + run.b;
        int64_t at = which ? run.b : run.a;
        RG__BY_STEP(run, F(run_backward), slope, which, run.length, a, b, g + run.y, grad + at,
                    sum ? sum + at : NULL);
    }
    for (int64_t i = 0; sum && i < count; i++)
        grad[i] += (real)sum[i];
}

/* clang-format off */
/* The kernels of an operator, from F(value) and F(slope), or F(slope_a) and F(slope_b). */
#define RG__UNARY_KERNELS(id)                                                                      \
    RG__KERNELS(id);                                                                               \
    void F(rg__##id##_forward)(rg_node *y) { F(unary_forward)(y, F(value)); }                      \
    void F(rg__##id##_backward)(rg_node *y) { F(unary_backward)(y, F(slope)); }

#define RG__BINARY_KERNELS(id)                                                                     \
    RG__KERNELS(id);                                                                               \
    void F(rg__##id##_forward)(rg_node *y) { F(binary_forward)(y, F(value)); }                     \
    void F(rg__##id##_backward)(rg_node *y)                                                        \
    {                                                                                              \
        F(operand_backward)(y, 0, F(slope_a));                                                     \
        F(operand_backward)(y, 1, F(slope_b));                                                     \
    }

#ifdef RG__ONCE
/* The shape rule of binary operators. */
static inline bool rg__binary_shape(rg_node *y)
{
    char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
    const rg_tensor *a = rg_operand(y, 0), *b = rg_operand(y, 1);
    rg_tensor shape;
    if (rg__same_shape(a, b)) /* the default */
        return true;
    if (!rg__broadcast_shape(a, b, &shape))
        return rg_reject(y,
                         "shapes %s and %s do not broadcast; extents must be equal or 1, "
                         "counted from the last axis",
                         rg__shape_text(a, sa), rg__shape_text(b, sb));
    rg_set_shape(y, a->dtype, shape.ndim, shape.dims);
    return true;
}

/* The public function, and `build` for the samples. */
#define RG__UNARY_FUNCTION(id)                                                                     \
    rg_node *rg_##id(rg_graph *graph, rg_node *x) { return RG__APPLY(id, graph, NULL, 0, x); }     \
    static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)                          \
    {                                                                                              \
        (void)user;                                                                                \
        return rg_##id(graph, x[0]);                                                               \
    }

#define RG__BINARY_FUNCTION(id)                                                                    \
    rg_node *rg_##id(rg_graph *graph, rg_node *a, rg_node *b)                                      \
    {                                                                                              \
        return RG__APPLY(id, graph, NULL, 0, a, b);                                                \
    }                                                                                              \
    static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)                          \
    {                                                                                              \
        (void)user;                                                                                \
        return rg_##id(graph, x[0], x[1]);                                                         \
    }
#endif
/* clang-format on */

#endif

/* binary.c (compiled twice): the element-wise operators of two operands, made from binary.def.
 *
 *     y_i = value(a_i, b_i)      dL/da_i += dL/dy_i slope_a(a_i, b_i), and the same for b
 *
 * Operands broadcast as in NumPy. The gradient of a broadcast operand is summed, in double, over
 * the axes along which it was broadcast. */
#include "autograd/elementwise/functions.h"
#include "autograd/op.h"
#include "tensor/broadcast.h"
#include "tensor/real.h"

#include <string.h>

/* a b, and 0 where a is 0 and b not NaN. */
static inline real F(product)(real a, real b)
{
    return a == 0 && !isnan(b) ? 0 : a * b;
}

/* The slope of the maximum of a and b in a: 1/2 each where they are equal, NaN where one is. */
static inline real F(share)(real a, real b)
{
    return a > b ? 1 : a < b ? 0 : a == b ? (real)0.5 : a + b;
}

typedef real F(binary)(real a, real b);

/* Calls a loop for steps of 1 and for other steps. It is inlined for both, so that the first is
 * vectorised. */
#define BY_STEP(it, loop, ...)                                                                     \
    do {                                                                                           \
        if ((it).step_a == 1 && (it).step_b == 1)                                                  \
            loop(1, 1, __VA_ARGS__);                                                               \
        else                                                                                       \
            loop((it).step_a, (it).step_b, __VA_ARGS__);                                           \
    } while (0)

INLINED void F(forward_loop)(int64_t step_a, int64_t step_b, F(binary) * value, int64_t n,
                             const real *a, const real *b, real *out)
{
    for (int64_t i = 0; i < n; i++)
        out[i] = value(a[i * step_a], b[i * step_b]);
}

INLINED void F(binary_forward)(rg_node *y, F(binary) * value)
{
    const rg_tensor *ta = rg_operand(y, 0), *tb = rg_operand(y, 1);
    real *out = rg_output_data(y);
    struct rg__broadcast_iter it;
    rg__broadcast_begin(ta, tb, rg_node_value(y), &it);
    while (rg__broadcast_next(&it)) {
        const real *a = (const real *)ta->data + it.a, *b = (const real *)tb->data + it.b;
        BY_STEP(it, F(forward_loop), value, it.length, a, b, out + it.y);
    }
}

/* Adds g slope(a, b) to grad or, if `sum` is not NULL, to sum; operand `which` gives the step. */
INLINED void F(backward_loop)(int64_t step_a, int64_t step_b, F(binary) * slope, int which,
                              int64_t n, const real *a, const real *b, const real *g, real *grad,
                              double *sum)
{
    int64_t step = which ? step_b : step_a;
    for (int64_t i = 0; !sum && i < n; i++)
        grad[i * step] += g[i] * slope(a[i * step_a], b[i * step_b]);
    for (int64_t i = 0; sum && i < n; i++)
        sum[i * step] += ACC(g[i] * slope(a[i * step_a], b[i * step_b]));
}

/* Adds to the gradient of operand `which` (0: a, 1: b). */
INLINED void F(operand_backward)(rg_node *y, int which, F(binary) * slope)
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
    struct rg__broadcast_iter it;
    rg__broadcast_begin(ta, tb, rg_node_value(y), &it);
    while (rg__broadcast_next(&it)) {
        const real *a = (const real *)ta->data + it.a, *b = (const real *)tb->data + it.b;
        int64_t at = which ? it.b : it.a;
        BY_STEP(it, F(backward_loop), slope, which, it.length, a, b, g + it.y, grad + at,
                sum ? sum + at : NULL);
    }
    for (int64_t i = 0; sum && i < count; i++)
        grad[i] += (real)sum[i];
}

/* clang-format off */
#define RG_BINARY(id, formula, numpy, value, slope_a, slope_b, low, high, gap)                     \
    static inline real F(value_of_##id)(real a, real b) { (void)a, (void)b; return value; }        \
    static inline real F(slope_a_of_##id)(real a, real b) { (void)a, (void)b; return slope_a; }    \
    static inline real F(slope_b_of_##id)(real a, real b) { (void)a, (void)b; return slope_b; }    \
    RG__KERNELS(id);                                                                               \
    void F(rg__##id##_forward)(rg_node *y) { F(binary_forward)(y, F(value_of_##id)); }             \
    void F(rg__##id##_backward)(rg_node *y)                                                        \
    {                                                                                              \
        F(operand_backward)(y, 0, F(slope_a_of_##id));                                             \
        F(operand_backward)(y, 1, F(slope_b_of_##id));                                             \
    }
#include "autograd/elementwise/binary.def"
#undef RG_BINARY

#ifdef RG__ONCE
/* ---- Public functions and samples ---- */

#define RG_BINARY(id, formula, numpy_, value, slope_a, slope_b, low, high, gap)                    \
    rg_node *rg_##id(rg_graph *graph, rg_node *a, rg_node *b)                                      \
    {                                                                                              \
        return RG__APPLY(id, graph, NULL, 0, a, b);                                                \
    }                                                                                              \
    static rg_node *id##_sample(rg_graph *graph, rg_node *const *x, void *user)                    \
    {                                                                                              \
        (void)user;                                                                                \
        return rg_##id(graph, x[0], x[1]);                                                         \
    }                                                                                              \
    static rg_node *id##_twice(rg_graph *graph, rg_node *const *x, void *user)                     \
    {                                                                                              \
        (void)user;                                                                                \
        return rg_##id(graph, x[0], rg_mul(graph, x[0], x[0]));                                    \
    }                                                                                              \
    static const struct rg__sample id##_samples[] = {                                              \
        {"a (2,3), b (2,3)", 2, {{2, {2, 3}, low, high, gap}, {2, {2, 3}, low, high, gap}},        \
         .build = id##_sample, .numpy = numpy_},                                                   \
        {"a (2,3), b (3)", 2, {{2, {2, 3}, low, high, gap}, {1, {3}, low, high, gap}},             \
         .build = id##_sample, .numpy = numpy_},                                                   \
        {"a (2,1,3), b (4,1)", 2, {{3, {2, 1, 3}, low, high, gap}, {2, {4, 1}, low, high, gap}},   \
         .build = id##_sample, .numpy = numpy_},                                                   \
        {"a scalar, b (5)", 2,                                                                     \
         {{0, {0}, (low) / 2.0, (high) / 2.0, gap}, {1, {5}, low, high, gap}},                     \
         .build = id##_sample, .numpy = numpy_},                                                   \
        {"a (0,3), b (1,3)", 2, {{2, {0, 3}, low, high, gap}, {2, {1, 3}, low, high, gap}},        \
         .build = id##_sample, .numpy = numpy_, .zero_because = "y has no element"},     \
        {"a (3), b = a a", 1, {{1, {3}, low, high, gap}}, .build = id##_twice,                     \
         .numpy = "(lambda b: " numpy_ ")(a * a)"},                                                \
    };                                                                                             \
    RG__OPERATOR(id, formula, rg__broadcast_rule, id##_samples);
#include "autograd/elementwise/binary.def"

rg_node *rg_mse(rg_graph *graph, rg_node *a, rg_node *b)
{
    return rg_mean(graph, rg_square(graph, rg_sub(graph, a, b)), rg_all_axes());
}
#endif

/* ops.h: the differentiable operators.
 *
 * The one idea: each is one line in src/autograd/ops.def and one file in src/autograd/ops/.
 * All return a node of the graph, or NULL on failure (see autograd.h). Operands of one call have
 * the same floating type, f32 or f64; shapes broadcast as in NumPy where "element-wise" is said,
 * and gradients sum back over broadcast axes. IEEE arithmetic throughout: NaN and infinities
 * propagate, nothing is clamped.
 */
#ifndef RANKGRAD_OPS_H
#define RANKGRAD_OPS_H

#include <rankgrad/autograd.h>

#ifdef __cplusplus
extern "C" {
#endif

/* y = a + b, element-wise. */
RG_API rg_node *rg_add(rg_graph *graph, rg_node *a, rg_node *b);

/* y = a - b, element-wise. */
RG_API rg_node *rg_sub(rg_graph *graph, rg_node *a, rg_node *b);

/* y = a b, element-wise. */
RG_API rg_node *rg_mul(rg_graph *graph, rg_node *a, rg_node *b);

/* y = a / b, element-wise. */
RG_API rg_node *rg_div(rg_graph *graph, rg_node *a, rg_node *b);

/* y = -x. */
RG_API rg_node *rg_neg(rg_graph *graph, rg_node *x);

/* y = factor x; the factor is a constant, rounded to x's type. */
RG_API rg_node *rg_scale(rg_graph *graph, rg_node *x, double factor);

/* y = max(x, 0); the gradient at 0 is 0, NaN stays NaN. */
RG_API rg_node *rg_relu(rg_graph *graph, rg_node *x);

/* y = 1 / (1 + exp(-x)), without overflow at either end. */
RG_API rg_node *rg_sigmoid(rg_graph *graph, rg_node *x);

/* y = tanh x. */
RG_API rg_node *rg_tanh(rg_graph *graph, rg_node *x);

/* y = exp x. */
RG_API rg_node *rg_exp(rg_graph *graph, rg_node *x);

/* y = ln x: -inf at 0, NaN below. */
RG_API rg_node *rg_log(rg_graph *graph, rg_node *x);

/* Comparisons, element-wise; the result is bool (rg_cast makes numbers of it) and has no gradient.
 * A comparison with NaN is false, but for rg_not_equal. */
RG_API rg_node *rg_equal(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_not_equal(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_less(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_less_equal(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_greater(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_greater_equal(rg_graph *graph, rg_node *a, rg_node *b);

/* Logical operators on bool nodes, element-wise; no gradient. */
RG_API rg_node *rg_logical_and(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_logical_or(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_logical_xor(rg_graph *graph, rg_node *a, rg_node *b);

/* Matrix product: a (M,K) with b (K,N) gives (M,N); a (M,K) with b (K) gives (M). A product with
 * one column reads row after row in 16 fixed lanes, so that y[m] depends on row m alone, not on
 * its neighbours or its address; the others go through BLAS. */
RG_API rg_node *rg_matmul(rg_graph *graph, rg_node *a, rg_node *b);

/* The product with sparse rows: a is a leaf of sparse rows (rg_leaf_rows), without a gradient; b
 * (K,N) or (K). Time and memory go with the non-zeros. rg_matmul calls it where a is such a leaf.
 * y[m] depends on row m alone. */
RG_API rg_node *rg_csr_matmul(rg_graph *graph, rg_node *a, rg_node *b);

/* Axes that a reduction runs over; negative ones count from the end. They disappear from the shape,
 * or stay with an extent of 1 where `keep` is set. */
typedef struct rg_axes {
    int n;
    int axis[RG_MAX_DIMS]; /* (n), each once */
    bool all;              /* all axes, whatever `axis` holds */
    bool keep;
} rg_axes;

/* One axis; all axes, which gives a scalar. */
static inline rg_axes rg_axis(int axis)
{
    rg_axes axes = {1, {axis}, false, false};
    return axes;
}
static inline rg_axes rg_all_axes(void)
{
    rg_axes axes = {0, {0}, true, false};
    return axes;
}

/* The sum of x over the axes; 0 where they hold no element. Accumulated in double. */
RG_API rg_node *rg_sum(rg_graph *graph, rg_node *x, rg_axes axes);

/* The mean of x over the axes; NaN (0/0) where they hold no element. */
RG_API rg_node *rg_mean(rg_graph *graph, rg_node *x, rg_axes axes);

/* The largest x over the axes; NaN where one of them is, -inf where they hold no element. Elements
 * that are equally large share the gradient. */
RG_API rg_node *rg_max(rg_graph *graph, rg_node *x, rg_axes axes);

/* log sum exp x over the axes, without overflow; -inf where they hold no element. */
RG_API rg_node *rg_logsumexp(rg_graph *graph, rg_node *x, rg_axes axes);

/* The same elements under another shape with the same count; one dimension may be -1 and is then
 * inferred. dims (ndim) are copied. */
RG_API rg_node *rg_reshape(rg_graph *graph, rg_node *x, int ndim, const int64_t *dims);

/* A node holding a copy of `value` (any dtype but f16), so that the caller's memory may go. No
 * gradient flows into it. */
RG_API rg_node *rg_constant(rg_graph *graph, const rg_tensor *value);

/* The same numbers as f32 or f64, from any dtype; the gradient is cast back where x is floating.
 * A number beyond f32's range becomes infinite. */
RG_API rg_node *rg_cast(rg_graph *graph, rg_node *x, rg_dtype dtype);

#ifdef __cplusplus
}
#endif
#endif

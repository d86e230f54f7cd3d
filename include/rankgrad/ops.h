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

/* Matrix product: a (M,K) with b (K,N) gives (M,N); a (M,K) with b (K) gives (M). A product with
 * one column reads row after row in 16 fixed lanes, so that y[m] depends on row m alone, not on
 * its neighbours or its address; the others go through BLAS. */
RG_API rg_node *rg_matmul(rg_graph *graph, rg_node *a, rg_node *b);

/* The product with sparse rows: a is a leaf of sparse rows (rg_leaf_rows), without a gradient; b
 * (K,N) or (K). Time and memory go with the non-zeros. rg_matmul calls it where a is such a leaf.
 * y[m] depends on row m alone. */
RG_API rg_node *rg_csr_matmul(rg_graph *graph, rg_node *a, rg_node *b);

/* The sum of x along an axis, which disappears from the shape: (d0..dk..) -> without dk.
 * axis counts from the end when negative; RG_ALL_AXES gives a scalar. Accumulated in double. */
RG_API rg_node *rg_sum(rg_graph *graph, rg_node *x, int axis);

/* The mean along an axis, as rg_sum; NaN where there is nothing to average (0/0). */
RG_API rg_node *rg_mean(rg_graph *graph, rg_node *x, int axis);

#define RG_ALL_AXES 64

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

/* ops.h: the built-in operators.
 *
 * All return a node of the graph, or NULL on failure (see autograd.h). Operands of one call have
 * the same floating type, f32 or f64, unless the comment says otherwise. Element-wise operators
 * with two operands broadcast as in NumPy, and gradients are summed over broadcast axes. Arithmetic
 * is IEEE: NaN and infinities propagate, nothing is clamped. Element-wise operators are listed in
 * src/autograd/elementwise/, reductions in src/autograd/reductions/, the others in
 * src/autograd/ops.def.
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

/* y = factor x, where factor is a constant, rounded to x's type. */
RG_API rg_node *rg_scale(rg_graph *graph, rg_node *x, double factor);

/* y = max(x, 0). The gradient at 0 is 0; NaN stays NaN. */
RG_API rg_node *rg_relu(rg_graph *graph, rg_node *x);

/* y = 1 / (1 + exp(-x)), without overflow at either end. */
RG_API rg_node *rg_sigmoid(rg_graph *graph, rg_node *x);

/* y = tanh x. */
RG_API rg_node *rg_tanh(rg_graph *graph, rg_node *x);

/* y = exp x. */
RG_API rg_node *rg_exp(rg_graph *graph, rg_node *x);

/* y = ln x: -inf at 0, NaN below. */
RG_API rg_node *rg_log(rg_graph *graph, rg_node *x);

/* Comparisons, element-wise. The result is bool (rg_cast converts it to numbers) and has no
 * gradient. A comparison with NaN is false, except for rg_not_equal. */
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
 * one column sums each row in 16 fixed lanes, so the bits of y[m] depend on row m alone, not on
 * other rows or on its address. Other products use BLAS. */
RG_API rg_node *rg_matmul(rg_graph *graph, rg_node *a, rg_node *b);

/* Matrix product of sparse rows: a (M,K) is an rg_leaf_rows of sparse rows, which gets no gradient,
 * and b is (K,N) or (K). Time is proportional to the number of stored values. The bits of y[m]
 * depend on row m alone. rg_matmul calls this when a is such a leaf. */
RG_API rg_node *rg_csr_matmul(rg_graph *graph, rg_node *a, rg_node *b);

/* The axes of a reduction; negative ones count from the end. They are removed from the shape, or
 * kept with an extent of 1 if `keep` is set. */
typedef struct rg_axes {
    int n;
    int axis[RG_MAX_DIMS]; /* (n), each once */
    bool all;              /* all axes; `axis` is ignored */
    bool keep;             /* keepdims in NumPy */
} rg_axes;

/* One axis, removed from the shape. */
static inline rg_axes rg_axis(int axis)
{
    rg_axes axes = {1, {axis}, false, false};
    return axes;
}

/* All axes: the result is a scalar. */
static inline rg_axes rg_all_axes(void)
{
    rg_axes axes = {0, {0}, true, false};
    return axes;
}

/* The sum of x over the axes, accumulated in double; 0 over no element. */
RG_API rg_node *rg_sum(rg_graph *graph, rg_node *x, rg_axes axes);

/* The mean of x over the axes; NaN (0/0) over no element. */
RG_API rg_node *rg_mean(rg_graph *graph, rg_node *x, rg_axes axes);

/* The maximum of x over the axes; NaN if one element is NaN, -inf over no element. The gradient is
 * divided equally among the elements equal to the maximum. */
RG_API rg_node *rg_max(rg_graph *graph, rg_node *x, rg_axes axes);

/* log sum exp x over the axes, without overflow; -inf over no element. */
RG_API rg_node *rg_logsumexp(rg_graph *graph, rg_node *x, rg_axes axes);

/* The elements of x with another shape of the same count; one dimension may be -1 and is then
 * inferred. dims (ndim) are copied. */
RG_API rg_node *rg_reshape(rg_graph *graph, rg_node *x, int ndim, const int64_t *dims);

/* A leaf with a copy of `value` (any dtype but f16), whose memory may be freed afterwards. It
 * requires no gradient. */
RG_API rg_node *rg_constant(rg_graph *graph, const rg_tensor *value);

/* x, of any dtype, converted to f32 or f64; the gradient is converted back if x is floating. A
 * number beyond f32's range becomes infinite. */
RG_API rg_node *rg_cast(rg_graph *graph, rg_node *x, rg_dtype dtype);

#ifdef __cplusplus
}
#endif
#endif

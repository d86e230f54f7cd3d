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

/* Element-wise arithmetic: a + b, a - b, a b, a / b. */
RG_API rg_node *rg_add(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_sub(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_mul(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_div(rg_graph *graph, rg_node *a, rg_node *b);

/* a^b. The gradient for b is y ln a, and 0 where a is 0 and b is positive. NaN where a is negative
 * and b is not a whole number; the gradient for b is NaN wherever a is negative. */
RG_API rg_node *rg_pow(rg_graph *graph, rg_node *a, rg_node *b);

/* The smaller and the larger of a and b, NaN if one of them is. Equal ones share the gradient
 * equally, as in PyTorch and JAX. */
RG_API rg_node *rg_minimum(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_maximum(rg_graph *graph, rg_node *a, rg_node *b);

/* c x, x + c and x^c with a constant c, which is rounded to x's type. rg_pow_scalar is NaN for
 * negative x unless c is a whole number. */
RG_API rg_node *rg_scale(rg_graph *graph, rg_node *x, double c);
RG_API rg_node *rg_add_scalar(rg_graph *graph, rg_node *x, double c);
RG_API rg_node *rg_pow_scalar(rg_graph *graph, rg_node *x, double c);

/* -x, |x| (gradient 0 at 0), x^2, sqrt x (gradient inf at 0), 1 / sqrt x, 1 / x. */
RG_API rg_node *rg_neg(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_abs(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_square(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_sqrt(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_rsqrt(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_reciprocal(rg_graph *graph, rg_node *x);

/* exp x, exp x - 1 (exact near 0), ln x, ln(1 + x) (exact near 0), log2 x. A logarithm is -inf at
 * its pole and NaN beyond. */
RG_API rg_node *rg_exp(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_expm1(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_log(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_log1p(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_log2(rg_graph *graph, rg_node *x);

/* sin x, cos x, atan x, tanh x, and the error function. */
RG_API rg_node *rg_sin(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_cos(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_atan(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_tanh(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_erf(rg_graph *graph, rg_node *x);

/* 1 / (1 + exp(-x)), its logarithm, and ln(1 + exp x), without overflow at either end. */
RG_API rg_node *rg_sigmoid(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_log_sigmoid(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_softplus(rg_graph *graph, rg_node *x);

/* max(x, 0). The gradient at 0 is 0; NaN stays NaN. */
RG_API rg_node *rg_relu(rg_graph *graph, rg_node *x);

/* x above 0, else c x (PyTorch's c is 0.01) or c (exp x - 1) (PyTorch's c is 1). */
RG_API rg_node *rg_leaky_relu(rg_graph *graph, rg_node *x, double c);
RG_API rg_node *rg_elu(rg_graph *graph, rg_node *x, double c);

/* Self-normalising ELU (Klambauer et al. 2017): 1.0507 (x above 0, else 1.67326 (exp x - 1)). */
RG_API rg_node *rg_selu(rg_graph *graph, rg_node *x);

/* Gaussian error linear unit (Hendrycks and Gimpel 2016), x Phi(x): exact, and the approximation by
 * tanh. These, rg_silu and rg_mish are 0 at -inf, the limit, where others give NaN. */
RG_API rg_node *rg_gelu(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_gelu_tanh(rg_graph *graph, rg_node *x);

/* x sigmoid(x), also called swish; and x tanh(softplus x) (Misra 2019). */
RG_API rg_node *rg_silu(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_mish(rg_graph *graph, rg_node *x);

/* x limited to [-1, 1]; the gradient is 0 outside of (-1, 1). */
RG_API rg_node *rg_hard_tanh(rg_graph *graph, rg_node *x);

/* x limited to [low, high]; the gradient is 1 at both bounds, as PyTorch's clamp, and 0 outside.
 * high wherever low > high, as in NumPy. */
RG_API rg_node *rg_clip(rg_graph *graph, rg_node *x, double low, double high);

/* The sign of x (-1, 0, 1 or NaN), and the largest whole number up to x. Their derivative is 0
 * wherever it exists, so they have no gradient: rg_backward through them is an error, which
 * rg_detach(x) avoids. */
RG_API rg_node *rg_sign(rg_graph *graph, rg_node *x);
RG_API rg_node *rg_floor(rg_graph *graph, rg_node *x);

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

/* Matrix product, as NumPy's @: a (...,M,K) with b (...,K,N) gives (...,M,N), where the leading
 * axes broadcast. a may be (K), and then M is missing from the result; b may be (K), and then N is.
 * rg_matmul_with transposes the last two axes of a or of b, without a copy. A product with one
 * column, and a not transposed, sums each row in 16 fixed lanes, so the bits of y[m] depend on row
 * m alone, not on other rows or on its address. Other products use BLAS. Gradients of broadcast
 * axes are summed in double. */
RG_API rg_node *rg_matmul(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_matmul_with(rg_graph *graph, rg_node *a, bool transpose_a, rg_node *b,
                               bool transpose_b);

/* Matrix product of sparse rows: a (M,K) is an rg_leaf_rows of sparse rows, which gets no gradient,
 * and b is (K,N) or (K). Time is proportional to the number of stored values. The bits of y[m]
 * depend on row m alone. rg_matmul calls this when a is such a leaf and b has these shapes. */
RG_API rg_node *rg_csr_matmul(rg_graph *graph, rg_node *a, rg_node *b);

/* A fully connected layer as one node: x (...,K) times w (K,N), plus b (N) unless that is NULL,
 * gives (...,N). The bits are those of rg_matmul and rg_add, which it calls when x is a leaf of
 * sparse rows. The gradient of b is summed in double. */
RG_API rg_node *rg_linear(rg_graph *graph, rg_node *x, rg_node *w, rg_node *b);

/* Of a (...,K) and b (...,K), the sum of a_k b_k, of shape (...); of a (...,M) and b (...,N), all
 * products a_i b_j, of shape (...,M,N). The leading axes broadcast; gradients are summed in double
 * over them. */
RG_API rg_node *rg_dot(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_outer(rg_graph *graph, rg_node *a, rg_node *b);

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

/* The minimum of x over the axes; NaN if one element is NaN, inf over no element. The gradient is
 * divided equally among the elements equal to the minimum. */
RG_API rg_node *rg_min(rg_graph *graph, rg_node *x, rg_axes axes);

/* The product of x over the axes; 1 over no element. The gradient is right where elements are 0. */
RG_API rg_node *rg_prod(rg_graph *graph, rg_node *x, rg_axes axes);

/* The variance of the n elements over the axes, sum of (x - mean)^2 / (n - c), and its square root.
 * c is 0 for the population, 1 for the unbiased estimate (ddof in NumPy, correction in PyTorch).
 * The gradient of rg_std is 0 where it is 0. NaN or infinite if n <= c. */
RG_API rg_node *rg_var(rg_graph *graph, rg_node *x, rg_axes axes, double c);
RG_API rg_node *rg_std(rg_graph *graph, rg_node *x, rg_axes axes, double c);

/* The norm (sum of |x|^c)^(1/c) over the axes, for c >= 1, without overflow. The gradient is 0
 * where it is 0. */
RG_API rg_node *rg_norm(rg_graph *graph, rg_node *x, rg_axes axes, double c);

/* log sum exp x over the axes, without overflow; -inf over no element. */
RG_API rg_node *rg_logsumexp(rg_graph *graph, rg_node *x, rg_axes axes);

/* The elements of x with another shape of the same count; one dimension may be -1 and is then
 * inferred. dims (ndim) are copied. */
RG_API rg_node *rg_reshape(rg_graph *graph, rg_node *x, int ndim, const int64_t *dims);

/* x with a new axis of extent 1, which becomes axis `axis`, and x without an axis of extent 1. */
RG_API rg_node *rg_expand(rg_graph *graph, rg_node *x, int axis);
RG_API rg_node *rg_squeeze(rg_graph *graph, rg_node *x, int axis);

/* x with its axes in another order: axis i of the result is axis axes[i] of x. rg_transpose swaps
 * two axes. Negative axes count from the end, here and below. */
RG_API rg_node *rg_permute(rg_graph *graph, rg_node *x, int n_axes, const int *axes);
RG_API rg_node *rg_transpose(rg_graph *graph, rg_node *x, int a, int b);

/* x repeated along its axes of extent 1 and along new first axes to the shape dims (ndim), in which
 * -1 stands for the extent of x. Gradients are summed in double. */
RG_API rg_node *rg_broadcast_to(rg_graph *graph, rg_node *x, int ndim, const int64_t *dims);

/* x[begin:end:step] along an axis, as in Python: negative bounds count from the end, bounds beyond
 * it are moved to it, and the step may be negative. rg_flip reverses the axis. */
RG_API rg_node *rg_slice(rg_graph *graph, rg_node *x, int axis, int64_t begin, int64_t end,
                         int64_t step);
RG_API rg_node *rg_flip(rg_graph *graph, rg_node *x, int axis);

/* Cuts x along an axis into n_parts parts of the given sizes, which must add up to its extent, and
 * stores them in `parts` (n_parts); false, with NULL in `parts`, on failure. */
RG_API bool rg_split_axis(rg_graph *graph, rg_node *x, int axis, int n_parts, const int64_t *sizes,
                          rg_node **parts);

/* The n nodes x one after the other along an axis; their other extents are equal. rg_stack puts
 * nodes of one shape one after the other along a new axis. */
RG_API rg_node *rg_concat(rg_graph *graph, int n, rg_node *const *x, int axis);
RG_API rg_node *rg_stack(rg_graph *graph, int n, rg_node *const *x, int axis);

/* x with `before` and `after` further elements, all of this value, along an axis. */
RG_API rg_node *rg_pad(rg_graph *graph, rg_node *x, int axis, int64_t before, int64_t after,
                       double value);

/* a where the bool `condition` is true, b where it is false; all three broadcast. The gradient of
 * what is not chosen is exactly 0. */
RG_API rg_node *rg_where(rg_graph *graph, rg_node *condition, rg_node *a, rg_node *b);

/* Elements of x at indices, which are i32, i64 or u8 nodes; an index out of range is an error that
 * names it. rg_index_select takes whole slices along an axis: the axis is replaced by the shape of
 * `index`. rg_embedding looks up rows of a table (V,D): it is rg_index_select along axis 0, so that
 * ids (...) give (...,D), and rows that are not looked up get a gradient of 0. rg_gather takes
 * single elements: index has x's shape but for the axis, as in NumPy's take_along_axis. Gradients
 * of elements that are taken several times are summed in double. */
RG_API rg_node *rg_index_select(rg_graph *graph, rg_node *x, int axis, rg_node *index);
RG_API rg_node *rg_embedding(rg_graph *graph, rg_node *table, rg_node *ids);
RG_API rg_node *rg_gather(rg_graph *graph, rg_node *x, int axis, rg_node *index);

/* x with each element of `source` added, in order, to the element at its index along the axis, as
 * PyTorch's scatter_add; source and index have one shape, x's but for the axis. */
RG_API rg_node *rg_scatter_add(rg_graph *graph, rg_node *x, int axis, rg_node *index,
                               rg_node *source);

/* Of indices (...) from 0 to depth - 1: (..., depth), 1 at the index and 0 elsewhere, as f32 or
 * f64. Indices have no gradient. */
RG_API rg_node *rg_one_hot(rg_graph *graph, rg_node *index, int64_t depth, rg_dtype dtype);

/* The softmax along an axis, exp x_i / sum_k exp x_k, and its logarithm, without overflow. An
 * element of -inf gets 0 or -inf; NaN where all elements are -inf or one is inf or NaN. */
RG_API rg_node *rg_softmax(rg_graph *graph, rg_node *x, int axis);
RG_API rg_node *rg_log_softmax(rg_graph *graph, rg_node *x, int axis);

/* x_0 + ... + x_i along an axis, in double, and log(exp x_0 + ... + exp x_i), without overflow. */
RG_API rg_node *rg_cumsum(rg_graph *graph, rg_node *x, int axis);
RG_API rg_node *rg_logcumsumexp(rg_graph *graph, rg_node *x, int axis);

/* Indices, as i64, which have no gradient: that of the first largest element along an axis, which
 * is removed from the shape, or of the first NaN; and those that sort the elements, where equal
 * ones keep their order and NaN comes last. */
RG_API rg_node *rg_argmax(rg_graph *graph, rg_node *x, int axis);
RG_API rg_node *rg_argsort(rg_graph *graph, rg_node *x, int axis, bool descending);

/* Rows along the last axis of x (...,n) shifted to mean 0 and scaled to variance 1, then times
 * gamma (n) plus beta (n), which may be NULL. rg_rms_norm only divides by the root mean square.
 * epsilon >= 0 is added to the variance or the mean square. */
RG_API rg_node *rg_layer_norm(rg_graph *graph, rg_node *x, rg_node *gamma, rg_node *beta,
                              double epsilon);
RG_API rg_node *rg_rms_norm(rg_graph *graph, rg_node *x, rg_node *gamma, double epsilon);

/* Columns of x (...,F) shifted to mean 0 and scaled to variance 1 over all rows, then times gamma
 * (F) plus beta (F), which may be NULL. epsilon >= 0 is added to the variance.
 *
 * running_mean and running_var (F) are buffers of the caller of x's type; start them at 0 and 1.
 * With `training`, mean and variance (divided by N) of the N rows are used, and the call sets
 * running = (1 - momentum) running + momentum batch, with the variance divided by N - 1, as
 * PyTorch; that needs N >= 2. Both buffers may then be NULL. Otherwise the running ones are used
 * and not changed. The buffers are updated by the call itself, once for each call, and not locked:
 * threads that share a layer need buffers of their own. */
RG_API rg_node *rg_batch_norm(rg_graph *graph, rg_node *x, rg_node *gamma, rg_node *beta,
                              void *running_mean, void *running_var, double momentum,
                              double epsilon, bool training);

/* Each element of x is 0 with probability p in [0,1), else x / (1 - p). Which ones are kept is a
 * function of seed, call (a number of the step and layer) and index, computed by Philox. */
RG_API rg_node *rg_dropout(rg_graph *graph, rg_node *x, double p, uint64_t seed, uint64_t call);

/* function(inputs), whose inner values are not kept: backward computes them again. The function
 * gets another graph with leaves or variables for the n inputs, and must use nodes of that graph
 * alone, so all that it needs is among the inputs or in `user`, which must live until the graph is
 * reset. It must give the same result each time. */
RG_API rg_node *rg_recompute(rg_graph *graph, rg_function *function, void *user,
                             rg_node *const *inputs, int n);

/* ---- Operators over ragged lists ----
 *
 * x is (N) or (N,F), and list q has its rows from offsets[q] to offsets[q + 1] - 1, each column on
 * its own. offsets (n_lists + 1) begin with 0, never decrease and end with N; they are copied.
 * Lists may be empty. Special numbers affect only their list and column. */

/* One row per list, (Q) or (Q,F): as rg_sum (0 for an empty list), rg_mean (NaN), rg_max (-inf) and
 * rg_logsumexp (-inf). */
RG_API rg_node *rg_segment_sum(rg_graph *graph, rg_node *x, const int64_t *offsets,
                               int64_t n_lists);
RG_API rg_node *rg_segment_mean(rg_graph *graph, rg_node *x, const int64_t *offsets,
                                int64_t n_lists);
RG_API rg_node *rg_segment_max(rg_graph *graph, rg_node *x, const int64_t *offsets,
                               int64_t n_lists);
RG_API rg_node *rg_segment_logsumexp(rg_graph *graph, rg_node *x, const int64_t *offsets,
                                     int64_t n_lists);

/* The shape of x: each list as rg_softmax and rg_log_softmax. */
RG_API rg_node *rg_segment_softmax(rg_graph *graph, rg_node *x, const int64_t *offsets,
                                   int64_t n_lists);
RG_API rg_node *rg_segment_log_softmax(rg_graph *graph, rg_node *x, const int64_t *offsets,
                                       int64_t n_lists);

/* The items of each list shifted to mean 0 and scaled to standard deviation 1, each column on its
 * own. epsilon >= 0 is added to the variance; with epsilon > 0 equal items, and an item alone, get
 * 0. */
RG_API rg_node *rg_list_normalize(rg_graph *graph, rg_node *x, const int64_t *offsets,
                                  int64_t n_lists, double epsilon);

/* Attention within lists: y (N,H E) of q (N,H D), k (N,H D) and v (N,H E), where H is n_heads. For
 * each head y_i = sum_j p_ij v_j over the items j of the list of i, with p_i = the softmax over j
 * of q_i . k_j / sqrt(D). Memory is proportional to N, apart from the probabilities, H numbers per
 * pair of items of a list, which are kept for backward; with `recompute` backward computes them
 * again, with the same bits. The bits of a list's results depend on its own rows alone, not on
 * other lists, and, as in rg_matmul, on the number of threads of BLAS, which is 1 in training. If
 * the items of a list are permuted, so are their results, up to rounding. */
RG_API rg_node *rg_list_attention(rg_graph *graph, rg_node *q, rg_node *k, rg_node *v,
                                  const int64_t *offsets, int64_t n_lists, int64_t n_heads,
                                  bool recompute);

/* ---- Losses, beside the ranking losses of loss.h ---- */

/* -sum labels log softmax(logits) along the last axis, which is removed; labels have the shape of
 * the logits and may be any numbers, such as one-hot rows. 0 log 0 is 0. */
RG_API rg_node *rg_softmax_cross_entropy(rg_graph *graph, rg_node *logits, rg_node *labels);

/* Element-wise: the cross entropy of labels b in [0,1] with sigmoid(a), and b (ln b - a), whose sum
 * is the Kullback-Leibler divergence of probabilities b from exp a. 0 times infinity is 0. */
RG_API rg_node *rg_sigmoid_binary_cross_entropy(rg_graph *graph, rg_node *a, rg_node *b);
RG_API rg_node *rg_kl_divergence(rg_graph *graph, rg_node *a, rg_node *b);

/* Element-wise, of a difference x: x^2 / 2 up to |x| = c, c (|x| - c / 2) beyond (Huber 1964). */
RG_API rg_node *rg_huber(rg_graph *graph, rg_node *x, double c);

/* The mean of (a - b)^2 over all elements, broadcast as in NumPy. */
RG_API rg_node *rg_mse(rg_graph *graph, rg_node *a, rg_node *b);

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

/* product.h (internal): operators that multiply matrices: matmul, linear, dot, outer.
 *
 *     Y_i = op(A_i) op(B_i)
 *
 * for all elements i of the shape that the batches of A and B broadcast to. op(A) is (m,k), op(B)
 * is (k,n), and op transposes where trans_a or trans_b is set: the matrix is then stored the other
 * way round and BLAS reads it so; nothing is copied. With G = dL/dY,
 *
 *     dL/dA_i = G_i op(B_i)^T, or op(B_i) G_i^T with trans_a
 *     dL/dB_i = op(A_i)^T G_i, or G_i^T op(A_i) with trans_b
 *
 * For one element, Y_rc = sum_k A_rk B_kc, so dL/dA_rk = sum_c G_rc B_kc and dL/dB_kc =
 * sum_r A_rk G_rc. A matrix that is broadcast occurs in several products, whose gradients are added
 * in double.
 *
 * Where B is a single matrix and A is not transposed, the matrices A_i lie one below the other and
 * are multiplied as one with more rows.
 *
 * The shape rule of such an operator checks the call and ends with rg__set_product; the kernels are
 * shared. */
#ifndef RG_AUTOGRAD_PRODUCT_H
#define RG_AUTOGRAD_PRODUCT_H

#include "autograd/op.h"

struct rg__product {
    bool trans_a, trans_b;
    int64_t m, k, n;
    rg_tensor batch_a, batch_b, batch; /* shapes; `batch` is set by rg__set_product */
};

/* The shape of a tensor without its last n axes, of which it may have fewer. */
rg_tensor rg__leading_axes(const rg_tensor *x, int n);

/* Sets the shape of y to the batch, m if `rows` is set and n if `columns` is set, and keeps the
 * product for the kernels. The value of a shape rule. */
bool rg__set_product(rg_node *y, const struct rg__product *product, bool rows, bool columns);

void rg__product_forward_f32(rg_node *y);
void rg__product_forward_f64(rg_node *y);
void rg__product_backward_f32(rg_node *y);
void rg__product_backward_f64(rg_node *y);

/* An input of a sample, of this shape. */
#define RG__PRODUCT_INPUT(...)                                                                     \
    {                                                                                              \
        RG__COUNT(((int64_t[]){__VA_ARGS__})), {__VA_ARGS__}, -1, 1, 0                             \
    }

/* Defines an operator that has no other kernels; the last argument is as in RG__OPERATOR_WITH. */
#define RG__PRODUCT(id, formula, shape_rule, sample_array, ...)                                    \
    extern const struct rg__builtin rg__builtin_##id;                                              \
    const struct rg__builtin rg__builtin_##id = {                                                  \
        {.name = #id,                                                                              \
         .shape = shape_rule,                                                                      \
         .forward = {rg__product_forward_f32, rg__product_forward_f64},                            \
         .backward = {rg__product_backward_f32, rg__product_backward_f64},                         \
         __VA_ARGS__},                                                                             \
        formula,                                                                                   \
        sample_array,                                                                              \
        RG__COUNT(sample_array)}

#endif

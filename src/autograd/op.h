/* op.h (internal): what a file in ops/ needs to define a built-in operator.
 *
 * Such a file has a comment that says what the operator computes, the forward and backward kernels,
 * and (once, under RG__ONCE) its shape rule, samples, public function and the line
 *     RG__OPERATOR(name, formula, shape, samples);
 * The line RG_OP(name, TWICE) in ops.def adds it to the table. */
#ifndef RG_AUTOGRAD_OP_H
#define RG_AUTOGRAD_OP_H

#include "autograd/builtin.h"
#include "tensor/tensor.h"

#include <rankgrad/ops.h>

/* Records the graph's first error. */
void rg__graph_fail(rg_graph *graph, rg_status status, const char *format, ...) RG__PRINTF(3, 4);

/* Whether a tensor can be the value of a node; if not, records the graph's error. `who` is the
 * function, for the message. */
bool rg__check_value(rg_graph *graph, const char *who, const rg_tensor *value);

/* The selected rows that operand 0 is made of; NULL if it is an ordinary tensor. For operators with
 * `reads_rows`. */
const rg_selection *rg__operand_rows(const rg_node *out);

/* Whether a node is a leaf of sparse rows. */
bool rg__is_sparse(const rg_node *node);

/* The context of a graph. */
rg_context *rg__graph_context(const rg_graph *graph);

/* Whether a backward pass can reach the node, so that it has to keep what its backward needs. */
bool rg__needs_backward(const rg_node *y);

/* Gathers the rows of operand 0 into an ordinary tensor, if not yet done; false when out of
 * memory. */
bool rg__gather_operand(rg_node *out);

/* The shape rule of operators whose two operands broadcast as in NumPy. */
bool rg__broadcast_rule(rg_node *y);

/* The shape rule of operators over rows: x (...,n), and further operands of shape (n) where they
 * are given; y has the shape of x. */
bool rg__row_operands_rule(rg_node *y);

/* The shape rule of reductions, whose attributes are an rg_axes; the axes of their samples. */
bool rg__reduce_rule(rg_node *y);
extern const rg_axes rg__sample_axes[];

/* Whether 0 <= axis < ndim is one of the axes, which must be valid. */
bool rg__is_reduced(const rg_axes *axes, int ndim, int axis);

/* Declares the kernels of both precisions, which RG__OPERATOR refers to. */
#define RG__KERNELS(id)                                                                            \
    extern const struct rg__builtin rg__builtin_##id;                                              \
    void rg__##id##_forward_f32(rg_node *y);                                                       \
    void rg__##id##_forward_f64(rg_node *y);                                                       \
    void rg__##id##_backward_f32(rg_node *y);                                                      \
    void rg__##id##_backward_f64(rg_node *y)

/* Defines an operator and its samples; the last arguments set one more member of rg_operator. */
#define RG__OPERATOR_WITH(id, formula, shape_rule, sample_array, ...)                              \
    const struct rg__builtin rg__builtin_##id = {                                                  \
        {.name = #id,                                                                              \
         .shape = shape_rule,                                                                      \
         .forward = {rg__##id##_forward_f32, rg__##id##_forward_f64},                              \
         .backward = {rg__##id##_backward_f32, rg__##id##_backward_f64},                           \
         __VA_ARGS__},                                                                             \
        formula,                                                                                   \
        sample_array,                                                                              \
        RG__COUNT(sample_array)}

#define RG__OPERATOR(id, formula, shape_rule, sample_array)                                        \
    RG__OPERATOR_WITH(id, formula, shape_rule, sample_array, .no_backward = NULL)

/* Whether the backward pass will ask for the gradient of operand i. */
bool rg__operand_requires_grad(const rg_node *out, int i);

/* Applies a built-in operator to the operands, which are the last arguments. */
#define RG__APPLY(id, graph, attributes, size, ...)                                                \
    rg_apply(graph, &rg__builtin_##id.op, (rg_node *const[]){__VA_ARGS__},                         \
             (int)(sizeof((rg_node *const[]){__VA_ARGS__}) / sizeof(rg_node *)), attributes, size)

#endif

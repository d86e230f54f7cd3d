/* op.h (internal): how a built-in operator is written.
 *
 * The one idea: a file in ops/ holds, in this order, what the operator computes, its shape rule,
 * forward, backward, and (once, under RG__ONCE) its samples, its public function and the line
 *     RG__OPERATOR(name, formula, shape, samples);
 * The line RG_OP(name, TWICE) in ops.def puts it into the table. */
#ifndef RG_AUTOGRAD_OP_H
#define RG_AUTOGRAD_OP_H

#include "autograd/builtin.h"
#include "tensor/tensor.h"

#include <rankgrad/ops.h>

/* Records the graph's first error. */
void rg__graph_fail(rg_graph *graph, rg_status status, const char *format, ...) RG__PRINTF(3, 4);

/* False, and the graph's error, where a tensor cannot be the value of a node. */
bool rg__check_value(rg_graph *graph, const char *who, const rg_tensor *value);

/* Where operand 0's rows lie; NULL: it is an ordinary tensor. For operators with `reads_rows`. */
const rg_selection *rg__operand_rows(const rg_node *out);

/* Whether a node is a leaf of sparse rows. */
bool rg__is_sparse(const rg_node *node);

/* The context a graph was made with. */
rg_context *rg__graph_context(const rg_graph *graph);

/* Gathers the rows of operand 0 unless that was done; false: out of memory. */
bool rg__gather_operand(rg_node *out);

/* The shape rule of operators whose two operands broadcast as in NumPy. */
bool rg__broadcast_rule(rg_node *y);

/* The shape rule of reductions, whose attributes are rg_axes; sets of axes for their samples. */
bool rg__reduce_rule(rg_node *y);
extern const rg_axes rg__sample_axes[];

/* Whether axis 0 <= `axis` < ndim is one of the axes; they are valid. */
bool rg__is_reduced(const rg_axes *axes, int ndim, int axis);

/* Declares the kernels of both precisions, which RG__OPERATOR refers to. */
#define RG__KERNELS(id)                                                                            \
    extern const struct rg__builtin rg__builtin_##id;                                              \
    void rg__##id##_forward_f32(rg_node *y);                                                       \
    void rg__##id##_forward_f64(rg_node *y);                                                       \
    void rg__##id##_backward_f32(rg_node *y);                                                      \
    void rg__##id##_backward_f64(rg_node *y)

/* The operator of that name, and its samples; EXTRA: one more field of rg_operator. */
#define RG__OPERATOR_WITH(id, formula, shape_rule, sample_array, extra)                            \
    const struct rg__builtin rg__builtin_##id = {                                                  \
        {.name = #id,                                                                              \
         .shape = shape_rule,                                                                      \
         .forward = {rg__##id##_forward_f32, rg__##id##_forward_f64},                              \
         .backward = {rg__##id##_backward_f32, rg__##id##_backward_f64},                           \
         extra},                                                                                   \
        formula,                                                                                   \
        sample_array,                                                                              \
        RG__COUNT(sample_array)}

#define RG__OPERATOR(id, formula, shape_rule, sample_array)                                        \
    RG__OPERATOR_WITH(id, formula, shape_rule, sample_array, .no_backward = NULL)

/* Applies the built-in operator of that name to the operands listed last. */
#define RG__APPLY(id, graph, attributes, size, ...)                                                \
    rg_apply(graph, &rg__builtin_##id.op, (rg_node *const[]){__VA_ARGS__},                         \
             (int)(sizeof((rg_node *const[]){__VA_ARGS__}) / sizeof(rg_node *)), attributes, size)

#endif

/* view.h (internal): operators whose result consists of elements of x, at places that a first index
 * and one stride per axis of the result describe: permute, broadcast_to, slice.
 *
 *     y[i_0, ..., i_d] = x.data[first + sum_a i_a stride_a]      dL/dx += dL/dy at the same places
 *
 * The shape rule of such an operator checks the call and ends with rg__set_view; the kernels are
 * shared. A stride of 0 repeats elements, whose gradients are then added in double. */
#ifndef RG_AUTOGRAD_VIEW_H
#define RG_AUTOGRAD_VIEW_H

#include "autograd/op.h"

struct rg__view {
    int ndim;
    int64_t dims[RG_MAX_DIMS]; /* of y */
    int64_t first;
    int64_t stride[RG_MAX_DIMS];
};

/* The strides of a tensor's own axes, in elements. */
void rg__strides(const rg_tensor *x, int64_t stride[RG_MAX_DIMS]);

/* Sets the shape of y and keeps the view for the kernels; the value of a shape rule. */
bool rg__set_view(rg_node *y, const struct rg__view *view);

/* The axis counted from the front; an error, and -1, if it is not in [-ndim, ndim). */
int rg__find_axis(rg_node *y, int ndim, int64_t axis);

void rg__view_forward_f32(rg_node *y);
void rg__view_forward_f64(rg_node *y);
void rg__view_backward_f32(rg_node *y);
void rg__view_backward_f64(rg_node *y);

#define RG__VIEW(id, formula, shape_rule, sample_array)                                            \
    extern const struct rg__builtin rg__builtin_##id;                                              \
    const struct rg__builtin rg__builtin_##id = {                                                  \
        {.name = #id,                                                                              \
         .shape = shape_rule,                                                                      \
         .forward = {rg__view_forward_f32, rg__view_forward_f64},                                  \
         .backward = {rg__view_backward_f32, rg__view_backward_f64}},                              \
        formula,                                                                                   \
        sample_array,                                                                              \
        RG__COUNT(sample_array)}

#endif

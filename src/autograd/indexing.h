/* indexing.h (internal): operators that take elements of x at indices along one axis.
 *
 * x is (outer, extent, inner), the indices are i of (outer, n, inner); an element of the indices
 * goes with one of y or of a source at the same place. Where an index holds for whole slices
 * (index_select), its strides along outer and inner are 0. */
#ifndef RG_AUTOGRAD_INDEXING_H
#define RG_AUTOGRAD_INDEXING_H

#include "autograd/op.h"

struct rg__indexing {
    int64_t outer, extent, n, inner;
    const rg_tensor *index;
    int64_t stride_outer, stride_n, stride_inner; /* of the index */
};

/* Whether a tensor holds indices: i32, i64 or u8; otherwise an error. */
bool rg__check_index_type(rg_node *y, const rg_tensor *index);

/* Checks that all indices are in [0, extent); an error of the node names the first that is not. */
bool rg__check_indices(rg_node *y, const rg_tensor *index, int64_t extent);

/* The shape rule of gather and scatter_add: x (operand 0) and index (operand 1) agree but for the
 * axis. Sets *axis, counted from the front. */
bool rg__check_index_shape(rg_node *y, int *axis);

/* The indexing of operand 1 into operand 0 along an axis; single: one index per element. */
struct rg__indexing rg__indexing_of(const rg_node *y, int axis, bool single);

/* taken[k] = x[index of k], and sum[index of k] += given[k]; arrays are of the kernel's type. */
void rg__take_f32(const struct rg__indexing *at, const void *x, void *taken);
void rg__take_f64(const struct rg__indexing *at, const void *x, void *taken);
void rg__give_f32(const struct rg__indexing *at, const void *given, double *sum);
void rg__give_f64(const struct rg__indexing *at, const void *given, double *sum);

/* Adds to the gradient of operand 0 what is taken from it with these indices; for backward. */
void rg__give_grad_f32(rg_node *y, const struct rg__indexing *at);
void rg__give_grad_f64(rg_node *y, const struct rg__indexing *at);

#endif

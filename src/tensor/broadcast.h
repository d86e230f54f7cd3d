/* broadcast.h (internal): NumPy's broadcasting of two shapes, and iteration over the result.
 *
 * The iterator yields runs of consecutive elements of the result. An operand has stride 0 along the
 * axes along which it is broadcast. Adjacent axes are merged if both operands allow it, so that
 * there are few and long runs, in most cases only one. */
#ifndef RG_TENSOR_BROADCAST_H
#define RG_TENSOR_BROADCAST_H

#include <rankgrad/tensor.h>

/* Sets ndim and dims of `out` (neither a nor b) to the shape that a and b broadcast to; false if
 * they do not. */
bool rg__broadcast_shape(const rg_tensor *a, const rg_tensor *b, rg_tensor *out);

/* The current run: `length` elements of the result from index y on, of the operands from indices a
 * and b on in steps of 0 or 1. */
struct rg__broadcast_iter {
    int64_t y, a, b, length;
    int64_t step_a, step_b;
    /* private to the iterator */
    int ndim; /* outer axes, all but the one that a run goes along */
    int64_t dims[RG_MAX_DIMS], stride_a[RG_MAX_DIMS], stride_b[RG_MAX_DIMS], index[RG_MAX_DIMS];
    bool started, empty;
};

/* Begins an iteration, and goes to the first or next run; false after the last. `out` is the shape
 * that a and b broadcast to, perhaps with a third operand. */
void rg__broadcast_begin(const rg_tensor *a, const rg_tensor *b, const rg_tensor *out,
                         struct rg__broadcast_iter *it);
bool rg__broadcast_next(struct rg__broadcast_iter *it);

#endif

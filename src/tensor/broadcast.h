/* broadcast.h (internal): NumPy's broadcasting of two shapes, and a walk over the result.
 *
 * The one idea: an operand's stride along an axis that it lacks is 0. Neighbouring axes along which
 * both operands behave alike are merged, so that most walks are one long run. */
#ifndef RG_TENSOR_BROADCAST_H
#define RG_TENSOR_BROADCAST_H

#include <rankgrad/tensor.h>

/* The shape of a and b together; false when they do not fit. Sets ndim and dims of out. */
bool rg__broadcast_shape(const rg_tensor *a, const rg_tensor *b, rg_tensor *out);

/* A run: `length` consecutive results from `y`, operands from a and b in steps of 0 or 1. */
struct rg__runs {
    int64_t y, a, b, length;
    int64_t step_a, step_b;
    /* the rest is the walk's own */
    int ndim; /* of the outer axes */
    int64_t dims[RG_MAX_DIMS], stride_a[RG_MAX_DIMS], stride_b[RG_MAX_DIMS], index[RG_MAX_DIMS];
    bool started, empty;
};

/* Begins a walk. */
void rg__runs(const rg_tensor *a, const rg_tensor *b, const rg_tensor *out, struct rg__runs *runs);
bool rg__next_run(struct rg__runs *runs);

#endif

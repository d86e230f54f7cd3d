/* reduce.h (internal; for operators compiled twice): sums along an axis, which sum and mean share.
 *
 * The one idea: a shape and an axis are three numbers: x is (outer, n, inner), y is (outer, inner).
 * All sums are in double; a contiguous axis is summed in lanes (tensor/lanes.h), another one over
 * LANES neighbouring columns at a time. */
#ifndef RG_AUTOGRAD_REDUCE_H
#define RG_AUTOGRAD_REDUCE_H

#include "autograd/op.h"
#include "tensor/lanes.h"
#include "tensor/real.h"

struct F(axis) {
    int64_t outer, n, inner;
};

static inline struct F(axis) F(axis_of)(const rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    int axis = *(const int *)rg_attributes(y);
    if (axis == RG_ALL_AXES)
        return (struct F(axis)){1, rg__count(x), 1};
    struct F(axis) a = {1, 1, 1};
    int at = axis < 0 ? axis + x->ndim : axis;
    for (int i = 0; i < x->ndim; i++)
        *(i < at ? &a.outer : i == at ? &a.n : &a.inner) *= x->dims[i];
    return a;
}

/* y = the sum along the axis, divided by its length where `mean` is set. */
INLINED void F(reduce_forward)(rg_node *y, bool mean)
{
    if (rg__count(rg_operand(y, 0)) == 0) { /* sums of nothing; the other extents may be vast */
        for (int64_t i = 0; i < rg__count(rg_node_value(y)); i++)
            ((real *)rg_output_data(y))[i] = mean ? (real)NAN : 0;
        return;
    }
    struct F(axis) a = F(axis_of)(y);
    const real *x = rg_operand(y, 0)->data;
    real *out = rg_output_data(y);
    double divisor = mean ? (double)a.n : 1;
    for (int64_t o = 0; o < a.outer; o++, x += a.n * a.inner, out += a.inner) {
        if (a.inner == 1) {
            out[0] = (real)(F(lane_sum)(x, a.n) / divisor);
            continue;
        }
        for (int64_t i = 0; i < a.inner; i += LANES) {
            int64_t width = a.inner - i < LANES ? a.inner - i : LANES;
            double acc[LANES] = {0};
            for (int64_t k = 0; k < a.n; k++)
                for (int64_t lane = 0; lane < width; lane++)
                    acc[lane] += ACC(x[k * a.inner + i + lane]);
            for (int64_t lane = 0; lane < width; lane++)
                out[i + lane] = (real)(acc[lane] / divisor);
        }
    }
}

/* Every element of the axis gets the gradient of its sum. */
INLINED void F(reduce_backward)(rg_node *y, bool mean)
{
    const real *g = rg_output_grad(y);
    real *gx = rg_operand_grad(y, 0);
    if (!gx || rg__count(rg_operand(y, 0)) == 0)
        return;
    struct F(axis) a = F(axis_of)(y);
    real divisor = mean ? (real)a.n : 1;
    for (int64_t o = 0; o < a.outer; o++, g += a.inner)
        for (int64_t k = 0; k < a.n; k++, gx += a.inner)
            for (int64_t i = 0; i < a.inner; i++)
                gx[i] += g[i] / divisor;
}

#ifdef RG__ONCE
/* x's shape without the axis; without all of them for RG_ALL_AXES. */
static inline bool rg__reduce_shape(rg_node *y)
{
    char shape[RG__SHAPE_TEXT];
    const rg_tensor *x = rg_operand(y, 0);
    int axis = *(const int *)rg_attributes(y), ndim = 0;
    int64_t dims[RG_MAX_DIMS];
    if (axis != RG_ALL_AXES && (axis < -x->ndim || axis >= x->ndim))
        return rg_reject(y, "axis %d of shape %s; expected %d to %d, or RG_ALL_AXES", axis,
                         rg__shape_text(x, shape), -x->ndim, x->ndim - 1);
    for (int i = 0; axis != RG_ALL_AXES && i < x->ndim; i++)
        if (i != (axis < 0 ? axis + x->ndim : axis))
            dims[ndim++] = x->dims[i];
    rg_set_shape(y, x->dtype, ndim, dims);
    return true;
}
#endif

#endif

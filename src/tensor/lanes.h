/* lanes.h (internal; for files compiled twice): sums whose bits do not depend on the machine.
 *
 * A sum has a fixed number of accumulators (lanes): 16 for f32, 8 for f64, whatever the width of
 * the machine's vectors. Element i is added to lane i mod LANES, and the lanes are then added in a
 * fixed tree. Compilers vectorise such loops, and the result has the same bits in all cases. */
#ifndef RG_TENSOR_LANES_H
#define RG_TENSOR_LANES_H

#include "tensor/real.h"

#include <stdint.h>

static inline double F(fold_double)(double acc[LANES])
{
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            acc[i] += acc[i + width];
    return acc[0];
}

/* The sum of x[0..n), in double. */
static inline double F(lane_sum)(const real *x, int64_t n)
{
    double acc[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            acc[lane] += ACC(x[i + lane]);
    for (int lane = 0; i < n; i++, lane++)
        acc[lane] += ACC(x[i]);
    return F(fold_double)(acc);
}

#endif

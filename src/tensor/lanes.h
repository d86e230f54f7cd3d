/* lanes.h (internal; for files compiled twice): sums whose bits do not depend on the machine.
 *
 * The one idea: a sum runs in a fixed number of lanes (16 in f32, 8 in f64), whatever the width of
 * the machine's vectors, the tail goes to the first lanes, and the lanes are folded in a fixed
 * tree. Compilers turn such loops into vector code, and every one of them gives the same bits. */
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

static inline real F(fold_real)(real acc[LANES])
{
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            acc[i] += acc[i + width];
    return acc[0];
}

/* sum x[0..n), in double. */
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

/* sum x[k] w[k], in the numbers' own type over blocks of 4096, the blocks in double. */
enum { PRODUCT_BLOCK = 4096 };

static inline real F(lane_dot)(const real *x, const real *w, int64_t n)
{
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += PRODUCT_BLOCK) {
        int64_t end = n - begin < PRODUCT_BLOCK ? n : begin + PRODUCT_BLOCK, i = begin;
        real acc[LANES] = {0};
        for (; i + LANES <= end; i += LANES)
            for (int lane = 0; lane < LANES; lane++)
                acc[lane] += x[i + lane] * w[i + lane];
        for (int lane = 0; i < end; i++, lane++)
            acc[lane] += x[i] * w[i];
        total += ACC(F(fold_real)(acc));
    }
    return (real)total;
}

#endif

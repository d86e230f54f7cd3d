/* moments.h (internal; for files compiled twice): mean and standard deviation of a row or of the
 * items of a list. */
#ifndef RG_AUTOGRAD_MOMENTS_H
#define RG_AUTOGRAD_MOMENTS_H

#include "tensor/real.h"

#include <math.h>
#include <stdint.h>

struct rg__moments {
    double mean, scale; /* scale = 1 / sqrt(variance + epsilon), with the population's variance */
};

/* In two passes, so that numbers far from 0 do not cancel. */
static inline struct rg__moments F(moments)(const real *x, int64_t n, double epsilon)
{
    double mean = 0, variance = 0;
    for (int64_t k = 0; k < n; k++)
        mean += ACC(x[k]);
    mean /= (double)n;
    for (int64_t k = 0; k < n; k++)
        variance += (ACC(x[k]) - mean) * (ACC(x[k]) - mean);
    return (struct rg__moments){mean, 1 / sqrt(variance / (double)n + epsilon)};
}

#endif

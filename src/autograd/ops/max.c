/* max: the largest x over some of its axes; NaN if one of them is NaN, -inf for no elements.
 *
 * dL/dx = dL/dy / k for each of the k elements equal to the maximum (as PyTorch's amax and JAX), 0
 * for the others. The first pass finds the maximum, the second counts k. */
#include "autograd/reduce.h"

static inline double F(is_largest)(double x, double first)
{
    return x == first;
}

static inline double F(finish)(struct rg__reduced r)
{
    return r.first;
}

static inline real F(slope)(real g, real x, real y, struct rg__reduced r)
{
    return x == y ? g / (real)r.acc : isnan(y) ? y : 0;
}

static const struct F(reduction)
    F(maximum) = {NULL, -HUGE_VAL, F(combine_max), F(term_x), F(finish_acc), NULL};
static const struct F(reduction)
    F(reduction) = {&F(maximum), 0, F(combine_sum), F(is_largest), F(finish), F(slope)};

RG__REDUCTION(max, F(reduction))

#ifdef RG__ONCE
RG__REDUCTION_ENTRY(max, "y = largest x over the axes", "np.max", -2, 2)
#endif

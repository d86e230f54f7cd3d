/* mean: the mean of x over some of its axes; NaN for no elements.
 *
 * dL/dx = dL/dy / n, where n is the number of elements per y. */
#include "autograd/reduce.h"

static inline double F(finish)(struct rg__reduced r)
{
    return r.acc / r.n;
}

static inline real F(slope)(real g, real x, real y, struct rg__reduced r)
{
    (void)x, (void)y;
    return g / (real)r.n;
}

static const struct F(reduction)
    F(reduction) = {NULL, 0, F(combine_sum), F(term_x), F(finish), F(slope)};

RG__REDUCTION(mean, F(reduction))

#ifdef RG__ONCE
RG__REDUCTION_ENTRY(mean, "y = mean of x over the axes", "np.mean", -2, 2)
#endif

/* mean: the mean of x over some of its axes; 0 / 0 where they hold no element.
 *
 * dL/dx = dL/dy / n, n the number of elements that went into y. */
#include "autograd/reduce.h"

static inline double F(finish)(struct rg__folded folded)
{
    return folded.acc / folded.n;
}

static inline real F(slope)(real g, real x, real y, struct rg__folded folded)
{
    (void)x, (void)y;
    return g / (real)folded.n;
}

static const struct F(reduction)
    F(reduction) = {NULL, 0, F(fold_sum), F(term_x), F(finish), F(slope)};

RG__REDUCTION(mean, F(reduction))

#ifdef RG__ONCE
RG__REDUCTION_ENTRY(mean, "y = mean of x over the axes", "np.mean", -2, 2)
#endif

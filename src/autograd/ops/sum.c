/* sum: the sum of x over some of its axes; 0 for no elements.
 *
 * dL/dx = dL/dy for every element of the sum. */
#include "autograd/reduce.h"

static inline real F(slope)(real g, real x, real y, struct rg__reduced r)
{
    (void)x, (void)y, (void)r;
    return g;
}

static const struct F(reduction)
    F(reduction) = {NULL, 0, F(combine_sum), F(term_x), F(finish_acc), F(slope)};

RG__REDUCTION(sum, F(reduction))

#ifdef RG__ONCE
RG__REDUCTION_ENTRY(sum, "y = sum of x over the axes", "np.sum", -2, 2)
#endif

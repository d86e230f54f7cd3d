/* neg: y = -x.
 *
 * dL/dx = -dL/dy. */
#include "autograd/elementwise.h"

static inline real F(value)(real x)
{
    return -x;
}

static inline real F(slope)(real x, real y)
{
    (void)x, (void)y;
    return -1;
}

RG__UNARY_KERNELS(neg)

#ifdef RG__ONCE
RG__UNARY_FUNCTION(neg)

static const struct rg__sample samples[] = {
    {"x (2,3)", 1, {{2, {2, 3}, -2, 2, 0}}, build, NULL},
};

RG__OPERATOR(neg, NULL, samples);
#endif

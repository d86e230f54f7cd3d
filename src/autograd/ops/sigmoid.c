/* sigmoid: y = 1 / (1 + exp(-x)): exp is taken of -|x|, so that it never overflows.
 *
 * dL/dx = y (1 - y) dL/dy, and with e = exp(-|x|) that is e / (1 + e)^2. */
#include "autograd/elementwise.h"

static inline real F(value)(real x)
{
    real e = M(exp)(-M(fabs)(x));
    return (x < 0 ? e : 1) / (1 + e);
}

static inline real F(slope)(real x, real y)
{
    (void)y; /* y (1 - y) is 0 where y rounds to 1 */
    real e = M(exp)(-M(fabs)(x));
    return e / ((1 + e) * (1 + e));
}

RG__UNARY_KERNELS(sigmoid)

#ifdef RG__ONCE
RG__UNARY_FUNCTION(sigmoid)

static const struct rg__sample samples[] = {
    {"x (2,3)", 1, {{2, {2, 3}, -4, 4, 0}}, build, NULL},
};

RG__OPERATOR(sigmoid, NULL, samples);
#endif

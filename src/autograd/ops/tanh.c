/* tanh: y = tanh x.
 *
 * dL/dx = (1 - y^2) dL/dy = dL/dy / cosh^2 x, which does not cancel near 1. */
#include "autograd/elementwise.h"

static inline real F(value)(real x)
{
    return M(tanh)(x);
}

static inline real F(slope)(real x, real y)
{
    (void)y; /* 1 - y^2 is 0 where y rounds to 1 */
    real c = M(cosh)(x);
    return 1 / c / c;
}

RG__UNARY_KERNELS(tanh)

#ifdef RG__ONCE
RG__UNARY_FUNCTION(tanh)

static const struct rg__sample samples[] = {
    {"x (2,3)", 1, {{2, {2, 3}, -2, 2, 0}}, build, NULL},
};

RG__OPERATOR(tanh, NULL, samples);
#endif

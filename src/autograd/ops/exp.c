/* exp: y = exp x.
 *
 * dL/dx = y dL/dy. */
#include "autograd/elementwise.h"

static inline real F(value)(real x)
{
    return M(exp)(x);
}

static inline real F(slope)(real x, real y)
{
    (void)x;
    return y;
}

RG__UNARY_KERNELS(exp)

#ifdef RG__ONCE
RG__UNARY_FUNCTION(exp)

static const struct rg__sample samples[] = {
    {"x (2,3)", 1, {{2, {2, 3}, -2, 2, 0}}, build, NULL},
};

RG__OPERATOR(exp, NULL, samples);
#endif

/* log: y = ln x; -inf at 0, NaN below.
 *
 * dL/dx = dL/dy / x. */
#include "autograd/elementwise.h"

static inline real F(value)(real x)
{
    return M(log)(x);
}

static inline real F(slope)(real x, real y)
{
    (void)y;
    return 1 / x;
}

RG__UNARY_KERNELS(log)

#ifdef RG__ONCE
RG__UNARY_FUNCTION(log)

static const struct rg__sample samples[] = {
    {"x (2,3)", 1, {{2, {2, 3}, 0.5, 3, 0}}, build, NULL},
};

RG__OPERATOR(log, NULL, samples);
#endif

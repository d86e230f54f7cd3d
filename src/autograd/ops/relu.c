/* relu: y = max(x, 0), NaN staying NaN.
 *
 * dL/dx = dL/dy where x > 0 or NaN, else 0; at the kink the derivative is taken as 0. */
#include "autograd/elementwise.h"

static inline real F(value)(real x)
{
    return !(x <= 0) ? x : 0; /* in this form a select, not a branch */
}

static inline real F(slope)(real x, real y)
{
    (void)y;
    return !(x <= 0);
}

RG__UNARY_KERNELS(relu)

#ifdef RG__ONCE
RG__UNARY_FUNCTION(relu)

static const struct rg__sample samples[] = {
    {"x (4,3), away from the kink", 1, {{2, {4, 3}, -2, 2, 0.1}}, build, NULL},
};

RG__OPERATOR(relu, NULL, samples);
#endif

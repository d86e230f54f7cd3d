/* div: y = a / b, element-wise.
 *
 * dL/da = dL/dy / b and dL/db = -a / b^2 dL/dy, as -(a / b) / b, which overflows later. */
#include "autograd/elementwise.h"

static inline real F(value)(real a, real b)
{
    return a / b;
}

static inline real F(slope_a)(real a, real b)
{
    (void)a;
    return 1 / b;
}

static inline real F(slope_b)(real a, real b)
{
    return -(a / b) / b;
}

RG__BINARY_KERNELS(div)

#ifdef RG__ONCE
RG__BINARY_FUNCTION(div)

static const struct rg__sample samples[] = {
    {"a (2,3), b (2,3)", 2, {{2, {2, 3}, -2, 2, 0.5}, {2, {2, 3}, -2, 2, 0.5}}, build, NULL},
    {"a (2,3), b (3)", 2, {{2, {2, 3}, -2, 2, 0.5}, {1, {3}, -2, 2, 0.5}}, build, NULL},
    {"a (2,1,3), b (4,1)", 2, {{3, {2, 1, 3}, -2, 2, 0.5}, {2, {4, 1}, -2, 2, 0.5}}, build, NULL},
    {"a scalar, b (3)", 2, {{0, {0}, -2, 2, 0.5}, {1, {3}, -2, 2, 0.5}}, build, NULL},
};

RG__OPERATOR(div, rg__binary_shape, samples);
#endif

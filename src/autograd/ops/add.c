/* add: y = a + b, element-wise.
 *
 * dL/da = dL/dy and dL/db = dL/dy, each summed over the axes along which it was broadcast. */
#include "autograd/elementwise.h"

static inline real F(value)(real a, real b)
{
    return a + b;
}

static inline real F(slope_a)(real a, real b)
{
    (void)a, (void)b;
    return 1;
}

static inline real F(slope_b)(real a, real b)
{
    (void)a, (void)b;
    return 1;
}

RG__BINARY_KERNELS(add)

#ifdef RG__ONCE
RG__BINARY_FUNCTION(add)

static const struct rg__sample samples[] = {
    {"a (2,3), b (2,3)", 2, {{2, {2, 3}, -2, 2, 0}, {2, {2, 3}, -2, 2, 0}}, build, NULL},
    {"a (2,3), b (3)", 2, {{2, {2, 3}, -2, 2, 0}, {1, {3}, -2, 2, 0}}, build, NULL},
    {"a (2,1,3), b (4,1)", 2, {{3, {2, 1, 3}, -2, 2, 0}, {2, {4, 1}, -2, 2, 0}}, build, NULL},
    {"a scalar, b (3)", 2, {{0, {0}, -2, 2, 0}, {1, {3}, -2, 2, 0}}, build, NULL},
};

RG__OPERATOR(add, rg__binary_shape, samples);
#endif

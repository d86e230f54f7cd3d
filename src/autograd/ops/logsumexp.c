/* logsumexp: log sum exp x over some of its axes; -inf for no elements.
 *
 *     y = m + log sum exp(x - m),  m = max x          dL/dx = dL/dy exp(x - y)
 *
 * The first pass finds m, so that exp does not overflow and the sum is at least 1. If m is
 * infinite, so is y; if m = -inf, every x is -inf and the gradient is NaN, as for a softmax of
 * these numbers. */
#include "autograd/reduce.h"

/* The first pass gives 0 instead of an infinite maximum, because inf - inf is NaN. */
static inline double F(finite_or_0)(struct rg__reduced r)
{
    return isinf(r.acc) ? 0 : r.acc;
}

static inline double F(exp_term)(double x, double first)
{
    return exp(x - first);
}

static inline double F(finish)(struct rg__reduced r)
{
    return r.first + log(r.acc);
}

static inline real F(slope)(real g, real x, real y, struct rg__reduced r)
{
    (void)r;
    return g * M(exp)(x - y);
}

static const struct F(reduction)
    F(maximum) = {NULL, -HUGE_VAL, F(combine_max), F(term_x), F(finite_or_0), NULL};
static const struct F(reduction)
    F(reduction) = {&F(maximum), 0, F(combine_sum), F(exp_term), F(finish), F(slope)};

RG__REDUCTION(logsumexp, F(reduction))

#ifdef RG__ONCE
RG__REDUCTION_ENTRY(logsumexp, "y = log sum exp x over the axes", "logsumexp", -2, 2)
#endif

/* logsumexp: log sum exp x over some of its axes; -inf where they hold no element.
 *
 *     y = m + log sum exp(x - m),  m = max x          dL/dx = dL/dy exp(x - y)
 *
 * The first pass finds m, so that exp neither overflows nor vanishes. Where m is infinite, so is y
 * (m = -inf: every x is, and the gradient is NaN: there is no distribution). */
#include "autograd/reduce.h"

/* An infinite maximum is left out of the exponents: inf - inf is NaN. */
static inline double F(finite)(struct rg__folded folded)
{
    return isinf(folded.acc) ? 0 : folded.acc;
}

static inline double F(exp_term)(double x, double pivot)
{
    return exp(x - pivot);
}

static inline double F(finish)(struct rg__folded folded)
{
    return folded.pivot + log(folded.acc);
}

static inline real F(slope)(real g, real x, real y, struct rg__folded folded)
{
    (void)folded;
    return g * M(exp)(x - y);
}

static const struct F(reduction)
    F(maximum) = {NULL, -HUGE_VAL, F(fold_max), F(term_x), F(finite), NULL};
static const struct F(reduction)
    F(reduction) = {&F(maximum), 0, F(fold_sum), F(exp_term), F(finish), F(slope)};

RG__REDUCTION(logsumexp, F(reduction))

#ifdef RG__ONCE
RG__REDUCTION_ENTRY(logsumexp, "y = log sum exp x over the axes", "logsumexp", -2, 2)
#endif

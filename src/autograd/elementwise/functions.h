/* functions.h (internal; for files compiled twice): functions that rows of unary.def and binary.def
 * share. */
#ifndef RG_AUTOGRAD_ELEMENTWISE_FUNCTIONS_H
#define RG_AUTOGRAD_ELEMENTWISE_FUNCTIONS_H

#include "tensor/real.h"

/* The logistic function. Uses exp(-|x|), which cannot overflow. */
static inline real F(sigmoid)(real x)
{
    real e = M(exp)(-M(fabs)(x));
    return (x < 0 ? e : 1) / (1 + e);
}

/* ln(1 + exp x), from exp(-|x|). */
static inline real F(softplus)(real x)
{
    return (x > 0 ? x : 0) + M(log1p)(M(exp)(-M(fabs)(x)));
}

#endif

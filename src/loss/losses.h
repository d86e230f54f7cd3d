/* losses.h (internal): everything that is differentiable, operators first, losses behind them. */
#ifndef RG_LOSS_LOSSES_H
#define RG_LOSS_LOSSES_H

#include "autograd/builtin.h"

/* The i-th of all built-in operators and losses; NULL past the last. */
const struct rg__builtin *rg__builtin_at(int i);

#endif

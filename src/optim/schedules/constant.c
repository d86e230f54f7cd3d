/* constant: the learning rate does not change. */
#include "optim/schedule.h"

extern const struct rg__schedule_kind rg__schedule_constant;

static double factor(const void *params, int64_t step, int64_t n_steps)
{
    (void)params, (void)step, (void)n_steps;
    return 1;
}

const struct rg__schedule_kind rg__schedule_constant = {{.name = "constant", .formula = "lr"},
                                                        factor};

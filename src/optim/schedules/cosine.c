/* cosine: half a period of a cosine, from lr at the first step to 0 after the last one (Loshchilov
 * and Hutter 2017, without restarts). */
#include "optim/schedule.h"

#include <math.h>

extern const struct rg__schedule_kind rg__schedule_cosine;

static double factor(const void *params, int64_t step, int64_t n_steps)
{
    (void)params;
    return 0.5 * (1 + cos(3.141592653589793 * (double)step / (double)n_steps));
}

const struct rg__schedule_kind rg__schedule_cosine = {
    {.name = "cosine", .formula = "lr (1 + cos(pi t / T)) / 2 at step t of T"}, factor};

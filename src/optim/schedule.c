/* schedule.c: how the learning rate changes over the steps of a training. */
#include "base/base.h"

#include <math.h>
#include <rankgrad/optim.h>

const char *rg_schedule_name(rg_schedule schedule)
{
    static const char *const names[] = {"constant", "cosine"};
    return (unsigned)schedule < RG__COUNT(names) ? names[schedule] : NULL;
}

double rg_schedule_factor(rg_schedule schedule, int64_t step, int64_t n_steps)
{
    if (schedule == RG_SCHEDULE_CONSTANT || n_steps < 1)
        return 1;
    return 0.5 * (1 + cos(3.141592653589793 * (double)step / (double)n_steps));
}

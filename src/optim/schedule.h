/* schedule.h (internal): how a learning rate schedule is implemented.
 *
 * A file in schedules/ has a struct of the schedule's parameters, if any, and a function that
 * returns the factor of the learning rate at a step. */
#ifndef RG_OPTIM_SCHEDULE_H
#define RG_OPTIM_SCHEDULE_H

#include "base/base.h"
#include "base/component.h"

#include <rankgrad/optim.h>

struct rg__schedule_kind {
    rg_component component; /* first, so that a pointer to it is a pointer to this */
    /* The factor at `step`, 0 <= step < n_steps. */
    double (*factor)(const void *params, int64_t step, int64_t n_steps);
};

#endif

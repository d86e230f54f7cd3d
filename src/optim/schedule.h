/* schedule.h (internal): how a learning rate schedule is written.
 *
 * A file in schedules/ holds a struct of the schedule's parameters, if any, and a function that
 * gives the factor of the learning rate at a step. */
#ifndef RG_OPTIM_SCHEDULE_H
#define RG_OPTIM_SCHEDULE_H

#include "base/base.h"
#include "base/component.h"

#include <rankgrad/optim.h>

struct rg__schedule_kind {
    rg_component component; /* first, so that a pointer to it is a pointer to this */
    /* The factor at step t of T, 0 <= t < T, 1 <= T. */
    double (*factor)(const void *params, int64_t step, int64_t n_steps);
};

#endif

/* schedule.c: the registry of learning rate schedules; see schedule.h. */
#include "optim/schedule.h"

#include <math.h>

#define RG_SCHEDULE(id, passes) extern const struct rg__schedule_kind rg__schedule_##id;
#include "optim/schedules.def"
#undef RG_SCHEDULE

static const rg_component *schedule_at(int i)
{
    static const struct rg__schedule_kind *const table[] = {
#define RG_SCHEDULE(id, passes) &rg__schedule_##id,
#include "optim/schedules.def"
#undef RG_SCHEDULE
    };
    return i < RG__COUNT(table) ? &table[i]->component : NULL;
}

const rg_registry *rg_schedules(void)
{
    static const rg_registry registry = {.what = "schedule", .at = schedule_at};
    return &registry;
}

double rg_schedule_factor(const rg_choice *schedule, int64_t step, int64_t n_steps)
{
    const rg_component *component = schedule ? schedule->component : NULL;
    const rg_component *known =
        component ? rg_registry_find(rg_schedules(), component->name) : NULL;
    if (!known || known != component || step < 0)
        return (double)NAN;
    const struct rg__schedule_kind *kind = (const void *)component;
    return n_steps < 1 ? 1 : kind->factor(&schedule->params, step, n_steps);
}

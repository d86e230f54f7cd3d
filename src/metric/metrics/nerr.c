/* nerr.c: ERR@k as a part of that of the best order, which is by label. */
#include "metric/err.h"

#include <math.h>

static double ideal_err(struct rg__ranked_list *list)
{
    const struct rg__item *items = rg__by_label(list);
    double sum = 0, reached = 1;
    int64_t cut = rg__cut(list, list->n);
    for (int64_t i = 0; i < cut; i++) {
        double stop = rg__err_stop(list, items[i].label);
        sum += reached * stop / (double)(i + 1);
        reached *= 1 - stop;
    }
    return sum;
}

static double value(struct rg__ranked_list *list)
{
    double err = rg__err(list);
    if (isnan(*list->ideal))
        *list->ideal = ideal_err(list);
    return err / *list->ideal;
}

const struct rg__metric_kind rg__metric_nerr = {
    {.name = "nerr",
     .formula = "err@k / err@k of the best order, which is by label",
     RG__PARAMS(struct rg__err, rg__err_params)},
    .has_ideal = true,
    .has_relevant = rg__has_gain,
    .value = value};

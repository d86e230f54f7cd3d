/* err.h (internal to src/metric): what err.c and nerr.c share. */
#ifndef RG_METRIC_ERR_H
#define RG_METRIC_ERR_H

#include "base/component.h"
#include "metric/metric.h"

struct rg__err {
    double max_label;
    int stop; /* 0: exp, 1: label */
};

/* Of both metrics. */
extern const rg_param rg__err_params[2];

/* R of a label: the probability that a user stops at the item. */
double rg__err_stop(const struct rg__ranked_list *list, double label);

/* The expected ERR@k over the orders of tied items. Uses `spare`. */
double rg__err(const struct rg__ranked_list *list);

#endif

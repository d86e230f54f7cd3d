/* dcg.h (internal to src/metric): DCG, shared by dcg.c and ndcg.c. */
#ifndef RG_METRIC_DCG_H
#define RG_METRIC_DCG_H

#include "metric/metric.h"

/* DCG@k of the ranked items, divided by 2^exponent (ranking/gain.h). */
double rg__scaled_dcg(const struct rg__ranked_list *list, int exponent);

#endif

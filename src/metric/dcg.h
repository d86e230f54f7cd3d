/* dcg.h (internal to src/metric): DCG, shared by dcg.c and ndcg.c. */
#ifndef RG_METRIC_DCG_H
#define RG_METRIC_DCG_H

#include "base/component.h"
#include "metric/metric.h"
#include "ranking/gain.h"

/* The parameters of both; dcg has only the first. */
struct rg__dcg {
    int discount;    /* enum rg__discount */
    bool short_zero; /* a list with fewer than k items counts 0 */
};

/* Of both metrics: discount. */
#define RG__DCG_DISCOUNT                                                                           \
    RG__NAME(struct rg__dcg, discount, RG__DISCOUNT_LOG2, rg__discount_name,                       \
             .help = "Discount of rank i: 1/log2(1+i); letor: 1, 1, then 1/log2(i); rank: 1/i")

/* The exponent for the gains of a list, so that no sum of them overflows. */
int rg__dcg_exponent(const struct rg__ranked_list *list);

/* The gain of a label divided by 2^exponent, negative labels as the metric takes them. */
double rg__dcg_gain(const struct rg__ranked_list *list, double label, int exponent);

/* DCG@k of the ranked items, divided by 2^exponent. */
double rg__scaled_dcg(const struct rg__ranked_list *list, int exponent);

#endif

/* dcg.h (internal to src/metric): what dcg.c and ndcg.c share: gains and discounts.
 *
 * Gains are held divided by 2^exponent, just above the list's largest gain. A power of two changes
 * no bit, cancels in NDCG, and lets labels up to 1023 pass without overflow. */
#ifndef RG_METRIC_DCG_H
#define RG_METRIC_DCG_H

#include "metric/metric.h"

/* The exponent of the list's largest gain. */
int rg__gain_exponent(const struct rg__ranked_list *list);

/* The gain of a label, divided by 2^exponent. */
double rg__scaled_gain(const struct rg__ranked_list *list, double label, int exponent);

/* The sum of 1 / log2(1 + rank) over the ranks begin + 1 .. end. */
double rg__discounts(int64_t begin, int64_t end);

/* DCG@k of the ranked items, divided by 2^exponent. */
double rg__scaled_dcg(const struct rg__ranked_list *list, int exponent);

#endif

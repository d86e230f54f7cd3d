/* gain.h (internal): gains, discounts and the ideal DCG.
 *
 *     DCG@k = sum_{i=1..k} gain(y_i) discount(i),   discount(i) = 1 / log2(1 + i)
 *
 * Metrics and losses use the same gains and discounts. */
#ifndef RG_RANKING_GAIN_H
#define RG_RANKING_GAIN_H

#include "ranking/order.h"

#include <rankgrad/ranking.h>

/* The gain of a label: 2^y - 1 or y; 0 for labels that are not above 0. */
double rg__gain(rg_gain kind, double label);

/* The gain divided by 2^exponent. With rg__gain_exponent(kind, largest label), all gains are below
 * 1, so their sum cannot overflow. Dividing by a power of two is exact, and it cancels in NDCG. */
int rg__gain_exponent(rg_gain kind, double largest_label);
double rg__scaled_gain(rg_gain kind, double label, int exponent);

/* The sum of the discounts of the ranks begin + 1 .. end. */
double rg__discounts(int64_t begin, int64_t end);

/* The ideal DCG, that of the first k items in descending order of label, divided by 2^exponent. */
double rg__scaled_ideal_dcg(rg_gain kind, const struct rg__item *items, int64_t k, int exponent);

#endif

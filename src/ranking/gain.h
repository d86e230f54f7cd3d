/* gain.h (internal): gains and discounts.
 *
 *     DCG@k = sum_{i=1..k} gain(y_i) discount(i),   discount(i) = 1 / log2(1 + i)
 *
 * Metrics and losses use the same gains and discounts. */
#ifndef RG_RANKING_GAIN_H
#define RG_RANKING_GAIN_H

#include "ranking/order.h"

#include <rankgrad/ranking.h>

/* The largest label whose gain is finite. */
static inline double rg__most_label_of(rg_gain kind)
{
    return kind == RG_GAIN_EXP ? 1023 : 0; /* 0: there is none */
}

/* The gain of a label: 2^y - 1 or y; 0 for labels that are not above 0. */
double rg__gain(rg_gain kind, double label);

/* The gain of any label, negative for a negative one. */
double rg__signed_gain(rg_gain kind, double label);

/* The gain divided by 2^exponent. With rg__gain_exponent(kind, largest label), all gains are below
 * 1, so their sum cannot overflow. Dividing by a power of two is exact, and it cancels in NDCG. */
int rg__gain_exponent(rg_gain kind, double largest_label);
double rg__scaled_gain(rg_gain kind, double label, int exponent);

/* Other discounts in use. */
enum rg__discount {
    RG__DISCOUNT_LOG2,  /* 1 / log2(1 + i) */
    RG__DISCOUNT_LETOR, /* 1 for i <= 2, then 1 / log2(i) (Järvelin and Kekäläinen's, base 2) */
    RG__DISCOUNT_RANK   /* 1 / i */
};

/* Their names: "log2", ...; NULL past the last. */
const char *rg__discount_name(int discount);

/* The sum of the discounts of the ranks begin + 1 .. end; without a kind, of 1 / log2(1 + i). */
double rg__discounts_of(enum rg__discount kind, int64_t begin, int64_t end);
double rg__discounts(int64_t begin, int64_t end);

#endif

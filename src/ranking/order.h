/* order.h (internal): the items of a list in an order: sorting, selecting the first k, tie groups.
 *
 * Losses and metrics share these, so that both agree on what a rank and a tie is. Items that are
 * equal under an order keep the order of their rows, so that selecting gives exactly what sorting
 * all would give. */
#ifndef RG_RANKING_ORDER_H
#define RG_RANKING_ORDER_H

#include "base/base.h"

struct rg__item {
    double score; /* NaN ranks last */
    double label; /* never NaN */
    int64_t row;  /* in the caller's arrays */
};

/* An order of items: by a key, the greatest first, and where keys are equal by `tie`. */
struct rg__order {
    enum { RG__BY_SCORE, RG__BY_LABEL } key;
    /* < 0: a stands before b, > 0: after, 0: by row; NULL: by row. */
    int (*tie)(const void *user, const struct rg__item *a, const struct rg__item *b);
    const void *user; /* handed to tie */
};

/* The order of two keys: < 0 where a is greater; NaN behind all numbers, one NaN like another. */
static inline int rg__descending(double a, double b)
{
    int nan = (a != a) - (b != b);
    return nan ? nan : (a < b) - (a > b);
}

/* Sorts n items by merging: n log n whatever the input, n for what is sorted already. `spare` holds
 * n / 2 items. */
void rg__sort_items(struct rg__item *items, int64_t n, struct rg__item *spare,
                    const struct rg__order *order);

/* Moves the first k of n items in the order to the front, unsorted: time n, or n log n on input
 * made to defeat it. */
void rg__select_items(struct rg__item *items, int64_t n, int64_t k, struct rg__item *spare,
                      const struct rg__order *order);

/* The pairs of items whose labels differ; a NaN is in none. Sorts the items by label; `spare` holds
 * n / 2 items. */
double rg__unequal_pairs(struct rg__item *items, int64_t n, struct rg__item *spare);

/* The end of the run of items with the score of item `begin`, at most n; they are sorted. */
int64_t rg__equal_scores_end(const struct rg__item *items, int64_t begin, int64_t n);

#endif

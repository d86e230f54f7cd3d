/* order.h (internal): sorting the items of a list, selecting the first k, tie groups.
 *
 * Losses and metrics share these, so they agree on ranks and ties. Items that are equal under an
 * order are ordered by row, so selecting the first k gives the same items as sorting all of
 * them. */
#ifndef RG_RANKING_ORDER_H
#define RG_RANKING_ORDER_H

#include "base/base.h"

struct rg__item {
    double score; /* NaN ranks last */
    double label; /* never NaN */
    int64_t row;  /* index in the caller's arrays */
};

/* An order of items: descending by a key; equal keys are ordered by `tie`. */
struct rg__order {
    enum { RG__BY_SCORE, RG__BY_LABEL } key;
    /* < 0: a before b; > 0: b before a; 0: by row. NULL: by row. */
    int (*tie)(const void *user, const struct rg__item *a, const struct rg__item *b);
    const void *user; /* passed to tie */
};

/* Compares two keys in descending order: < 0 if a is greater. NaN follows all numbers and equals
 * NaN. */
static inline int rg__descending(double a, double b)
{
    int nan = (a != a) - (b != b);
    return nan ? nan : (a < b) - (a > b);
}

static inline void rg__swap_items(struct rg__item *a, struct rg__item *b)
{
    struct rg__item item = *a;
    *a = *b;
    *b = item;
}

/* Whole labels from 0 to RG__GRADES - 1 are sorted by counting. */
enum { RG__GRADES = 64 };

/* Fills items from scores and labels (n), with rows 0 to n - 1, sorted. `spare` has room for n / 2
 * items. */
void rg__make_sorted(struct rg__item *items, const double *scores, const double *labels, int64_t n,
                     struct rg__item *spare, const struct rg__order *order);

/* Sorts n items by merging: time n log n, or n if they are sorted already. `spare` has room for
 * n / 2 items. */
void rg__sort_items(struct rg__item *items, int64_t n, struct rg__item *spare,
                    const struct rg__order *order);

/* Moves the first k of n items in the order to the front, unsorted. Expected time n, worst case
 * n log n. `spare` has room for n / 2 items. */
void rg__select_items(struct rg__item *items, int64_t n, int64_t k, struct rg__item *spare,
                      const struct rg__order *order);

/* The number of pairs of items with different labels; a NaN is in no pair. Reorders the items;
 * `spare` has room for n / 2 items. */
double rg__unequal_pairs(struct rg__item *items, int64_t n, struct rg__item *spare);

/* The end of the tie group that begins at item `begin`, at most n. The items are sorted by
 * score. */
int64_t rg__equal_scores_end(const struct rg__item *items, int64_t begin, int64_t n);

#endif

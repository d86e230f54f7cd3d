/* pairs.c: counts pairs of items that the scores order as the labels do; see pairs.h.
 *
 * Down the ranking, with tied items by rising label, a pair is concordant where a higher label
 * comes before a lower one: an inversion, which merge sort counts. */
#include "metric/pairs.h"

#include <string.h>

/* Sorts n items by rising label; returns how many pairs were the other way round. */
static double sort_counting(struct rg__item *items, int64_t n, struct rg__item *spare)
{
    if (n < 2)
        return 0;
    int64_t half = n / 2;
    double inversions =
        sort_counting(items, half, spare) + sort_counting(items + half, n - half, spare);
    memcpy(spare, items, (size_t)half * sizeof *items);
    for (int64_t left = 0, right = half, to = 0; left < half; to++)
        if (right < n && items[right].label < spare[left].label) {
            inversions += (double)(half - left);
            items[to] = items[right++];
        } else {
            items[to] = spare[left++];
        }
    return inversions;
}

/* Pairs of different labels among items that are sorted by rising label. */
static double unequal_pairs(const struct rg__item *items, int64_t n)
{
    double pairs = 0;
    for (int64_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && items[end].label == items[begin].label;)
            end++;
        pairs += (double)begin * (double)(end - begin);
    }
    return pairs;
}

struct rg__pairs rg__count_pairs(struct rg__ranked_list *list)
{
    struct rg__pairs pairs = {0};
    int64_t n_unranked = list->n - list->n_ranked;
    sort_counting(list->items + list->n_ranked, n_unranked, list->spare);
    for (int64_t begin = 0, end; begin < list->n; begin = end) {
        end = begin < list->n_ranked ? rg__tie_end(list, begin) : list->n;
        pairs.tied += unequal_pairs(list->items + begin, end - begin);
    }
    pairs.concordant = sort_counting(list->items, list->n, list->spare);
    pairs.unequal = unequal_pairs(list->items, list->n);
    return pairs;
}

/* order.c: sorting and selecting the items of a list; see order.h. */
#include "ranking/order.h"

#include <math.h>
#include <string.h>

static inline bool before(const struct rg__order *by, const struct rg__item *a,
                          const struct rg__item *b)
{
    bool labels = by->key == RG__BY_LABEL;
    double key_a = labels ? a->label : a->score, key_b = labels ? b->label : b->score;
    if (key_a != key_b && key_a == key_a && key_b == key_b) /* the common case, without a call */
        return key_a > key_b;
    int order = rg__descending(key_a, key_b);
    if (order == 0 && by->tie)
        order = by->tie(by->user, a, b);
    return order ? order < 0 : a->row < b->row;
}

enum { SHORT_RUN = 12 }; /* up to this length, insertion is faster than merging */

static void insertion_sort(struct rg__item *items, int64_t n, const struct rg__order *by)
{
    for (int64_t i = 1; i < n; i++) {
        struct rg__item item = items[i];
        int64_t hole = i;
        for (; hole > 0 && before(by, &item, &items[hole - 1]); hole--)
            items[hole] = items[hole - 1];
        items[hole] = item;
    }
}

/* `spare` has room for n / 2 items. The recursion depth is log2 n. */
static void merge_sort(struct rg__item *items, int64_t n, struct rg__item *spare,
                       const struct rg__order *by)
{
    if (n <= SHORT_RUN) {
        insertion_sort(items, n, by);
        return;
    }
    int64_t half = n / 2;
    merge_sort(items, half, spare, by);
    merge_sort(items + half, n - half, spare, by);
    if (before(by, &items[half - 1], &items[half]))
        return;
    memcpy(spare, items, (size_t)half * sizeof *items);
    for (int64_t left = 0, right = half, to = 0; left < half; to++)
        items[to] =
            right < n && before(by, &items[right], &spare[left]) ? items[right++] : spare[left++];
}

void rg__sort_items(struct rg__item *items, int64_t n, struct rg__item *spare,
                    const struct rg__order *order)
{
    merge_sort(items, n, spare, order);
}

/* Counts the labels, each `stride` after the one before; false: not all are grades. */
static bool count_grades(const double *label, int64_t stride, int64_t n, int64_t count[RG__GRADES])
{
    memset(count, 0, RG__GRADES * sizeof *count);
    for (int64_t i = 0; i < n; i++) {
        double y = label[i * stride];
        int grade = y >= 0 && y < RG__GRADES ? (int)y : 0;
        if (y != grade)
            return false;
        count[grade]++;
    }
    return true;
}

void rg__make_sorted(struct rg__item *items, const double *scores, const double *labels, int64_t n,
                     struct rg__item *spare, const struct rg__order *order)
{
    int64_t next[RG__GRADES], begin = 0;
    if (order->key == RG__BY_LABEL && !order->tie && count_grades(labels, 1, n, next)) {
        for (int grade = RG__GRADES - 1; grade >= 0; grade--) {
            begin += next[grade];
            next[grade] = begin - next[grade];
        }
        for (int64_t i = 0; i < n; i++)
            items[next[(int)labels[i]]++] = (struct rg__item){scores[i], labels[i], i};
        return;
    }
    for (int64_t i = 0; i < n; i++)
        items[i] = (struct rg__item){scores[i], labels[i], i};
    rg__sort_items(items, n, spare, order);
}

/* Hoare's partition of at least three items around the median of the first, middle and last one.
 * Items below *right are not after the pivot, items from *left on are not before it; an item
 * between the two is the pivot. */
static void partition(struct rg__item *items, int64_t n, const struct rg__order *by, int64_t *left,
                      int64_t *right)
{
    struct rg__item ends[3] = {items[0], items[n / 2], items[n - 1]};
    insertion_sort(ends, 3, by);
    const struct rg__item pivot = ends[1];
    int64_t i = 0, j = n - 1;
    for (;; i++, j--) {
        while (before(by, &items[i], &pivot))
            i++;
        while (before(by, &pivot, &items[j]))
            j--;
        if (i >= j)
            break;
        rg__swap_items(&items[i], &items[j]);
    }
    *right = i;
    *left = j + 1;
}

void rg__select_items(struct rg__item *items, int64_t n, int64_t k, struct rg__item *spare,
                      const struct rg__order *order)
{
    int64_t begin = 0, end = n, rounds = 0;
    for (int64_t rest = n; rest > 0; rest /= 2)
        rounds += 2;
    while (begin < k && k < end) {
        if (end - begin <= SHORT_RUN || rounds-- == 0) {
            merge_sort(items + begin, end - begin, spare, order);
            return;
        }
        int64_t left, right;
        partition(items + begin, end - begin, order, &left, &right);
        if (k <= begin + right)
            end = begin + right;
        else
            begin += left;
    }
}

int64_t rg__equal_scores_end(const struct rg__item *items, int64_t begin, int64_t n)
{
    int64_t end = begin + 1;
    while (end < n && !rg__descending(items[begin].score, items[end].score))
        end++;
    return end;
}

double rg__unequal_pairs(struct rg__item *items, int64_t n, struct rg__item *spare)
{
    static const struct rg__order by_label = {.key = RG__BY_LABEL};
    double pairs = 0, before = 0;
    int64_t count[RG__GRADES];
    if (n > 0 && count_grades(&items->label, sizeof *items / sizeof(double), n, count)) {
        for (int grade = 0; grade < RG__GRADES; grade++) {
            pairs += before * (double)count[grade];
            before += (double)count[grade];
        }
        return pairs;
    }
    rg__sort_items(items, n, spare, &by_label);
    for (int64_t begin = 0, end; begin < n && !isnan(items[begin].label); begin = end) {
        for (end = begin + 1; end < n && items[end].label == items[begin].label;)
            end++;
        pairs += (double)begin * (double)(end - begin);
    }
    return pairs;
}

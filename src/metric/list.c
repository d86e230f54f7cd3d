/* list.c: ranks the items of one list.
 *
 * rg_ties is an order among equal scores. Where the value is an average over all orders of them,
 * equal scores are sorted by label all the same, so that rows in any order give the same sums, bit
 * for bit.
 *
 * A metric with a cut-off k reads the first k ranks and the rest of the tie group that rank k is
 * in. Only these are selected and sorted: n + m log m for m such items, instead of n log n. What is
 * equal under the rule is ordered by row, so selecting gives exactly what sorting all would give.
 */
#include "metric/metric.h"

#include <string.h>

/* The greater first; NaN behind all numbers, one NaN like another. */
static int descending(double a, double b)
{
    int nan = (a != a) - (b != b);
    return nan ? nan : (a < b) - (a > b);
}

static int by_score(const rg_ranking *ranking, const struct rg__item *a, const struct rg__item *b)
{
    (void)ranking;
    return descending(a->score, b->score);
}

static int by_score_lower_label(const rg_ranking *ranking, const struct rg__item *a,
                                const struct rg__item *b)
{
    int order = by_score(ranking, a, b);
    return order ? order : descending(b->label, a->label);
}

static int by_score_doc_id(const rg_ranking *ranking, const struct rg__item *a,
                           const struct rg__item *b)
{
    int order = by_score(ranking, a, b);
    if (!order && ranking->doc_ids)
        order = strcmp(ranking->doc_ids[b->row], ranking->doc_ids[a->row]);
    return order ? order : (a->row < b->row) - (a->row > b->row);
}

int rg__by_label(const rg_ranking *ranking, const struct rg__item *a, const struct rg__item *b)
{
    (void)ranking;
    return descending(a->label, b->label);
}

/* ---- Sorting and selecting ------------------------------------------------------------------ */

/* A total order of the items. */
struct ordering {
    rg__order *order;
    const rg_ranking *ranking;
    bool labels; /* `order` compares labels first, not scores */
};

static struct ordering ordering_of(const struct rg__ranked_list *list, rg__order *order)
{
    return (struct ordering){order, list->ranking, order == rg__by_label};
}

static inline bool before(const struct ordering *by, const struct rg__item *a,
                          const struct rg__item *b)
{
    double key_a = by->labels ? a->label : a->score, key_b = by->labels ? b->label : b->score;
    if (key_a != key_b && key_a == key_a && key_b == key_b) /* no call for most pairs */
        return key_a > key_b;
    int order = by->order(by->ranking, a, b);
    return order ? order < 0 : a->row < b->row;
}

enum { SHORT_RUN = 12 }; /* below this, insertion is faster than merging */

static void insertion_sort(struct rg__item *items, int64_t n, const struct ordering *by)
{
    for (int64_t i = 1; i < n; i++) {
        struct rg__item item = items[i];
        int64_t hole = i;
        for (; hole > 0 && before(by, &item, &items[hole - 1]); hole--)
            items[hole] = items[hole - 1];
        items[hole] = item;
    }
}

/* `spare` holds n / 2 items. The depth is log2 n. */
static void merge_sort(struct rg__item *items, int64_t n, struct rg__item *spare,
                       const struct ordering *by)
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

void rg__sort_items(struct rg__ranked_list *list, int64_t count, rg__order *order)
{
    const struct ordering by = ordering_of(list, order);
    merge_sort(list->items, count, list->spare, &by);
}

static void swap(struct rg__item *a, struct rg__item *b)
{
    struct rg__item item = *a;
    *a = *b;
    *b = item;
}

/* Hoare's partition of at least three items around the median of the first, middle and last one.
 * Items before *right are not behind the pivot, items from *left on are not before it; where the
 * two leave an item between them, that is the pivot. */
static void partition(struct rg__item *items, int64_t n, const struct ordering *by, int64_t *left,
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
        swap(&items[i], &items[j]);
    }
    *right = i;
    *left = j + 1;
}

void rg__select_items(struct rg__ranked_list *list, int64_t count, int64_t k, rg__order *order)
{
    const struct ordering by = ordering_of(list, order);
    int64_t begin = 0, end = count, rounds = 0;
    for (int64_t n = count; n > 0; n /= 2)
        rounds += 2;
    while (begin < k && k < end) {
        struct rg__item *items = list->items + begin;
        if (end - begin <= SHORT_RUN || rounds-- == 0) {
            merge_sort(items, end - begin, list->spare, &by);
            return;
        }
        int64_t left, right;
        partition(items, end - begin, &by, &left, &right);
        if (k <= begin + right)
            end = begin + right;
        else
            begin += left;
    }
}

/* ---- Ranks ---------------------------------------------------------------------------------- */

/* Moves the items tied with one of the first k ones, the last of them, behind these; returns how
 * many items that makes. */
static int64_t add_tied(struct rg__ranked_list *list, int64_t k)
{
    double last = list->items[0].score;
    for (int64_t i = 1; i < k; i++)
        last = descending(list->items[i].score, last) > 0 ? list->items[i].score : last;
    int64_t end = k;
    for (int64_t i = k; i < list->n_ranked; i++)
        if (descending(list->items[i].score, last) == 0)
            swap(&list->items[i], &list->items[end++]);
    return end;
}

void rg__rank(struct rg__ranked_list *list)
{
    static rg__order *const orders[] = {
        [RG_TIES_AVERAGE] = by_score_lower_label,
        [RG_TIES_INPUT] = by_score,
        [RG_TIES_DOCID] = by_score_doc_id,
        [RG_TIES_PESSIMISTIC] = by_score_lower_label,
    };
    rg__order *order = orders[list->metric->ties];
    int64_t count = rg__cut(list, list->n_ranked);
    if (count < list->n_ranked) {
        rg__select_items(list, list->n_ranked, count, order);
        if (list->metric->ties == RG_TIES_AVERAGE)
            count = add_tied(list, count);
    }
    rg__sort_items(list, count, order);
}

int64_t rg__tie_end(const struct rg__ranked_list *list, int64_t begin)
{
    int64_t end = begin + 1;
    if (list->metric->ties != RG_TIES_AVERAGE)
        return end;
    while (end < list->n_ranked && !descending(list->items[begin].score, list->items[end].score))
        end++;
    return end;
}

int64_t rg__cut(const struct rg__ranked_list *list, int64_t count)
{
    int64_t k = list->metric->k;
    return k && k < count ? k : count;
}

int64_t rg__count_relevant(const struct rg__ranked_list *list, int64_t begin, int64_t end)
{
    int64_t count = 0;
    for (int64_t i = begin; i < end; i++)
        count += list->items[i].label >= list->metric->threshold;
    return count;
}

bool rg__has_gain(const struct rg__ranked_list *list)
{
    return list->largest_label > 0;
}

bool rg__has_threshold(const struct rg__ranked_list *list)
{
    return list->largest_label >= list->metric->threshold;
}

/* list.c: one list, ranked.
 *
 * The one idea: rg_ties is an order among equal scores. Where the value is an average over all
 * orders of them, equal scores are sorted by label all the same: rows in any order then give the
 * same sums, bit for bit.
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

enum { SHORT_RUN = 12 }; /* below this, insertion is faster than merging */

static void insertion_sort(struct rg__item *items, int64_t n, rg__order *order,
                           const rg_ranking *ranking)
{
    for (int64_t i = 1; i < n; i++) {
        struct rg__item item = items[i];
        int64_t hole = i;
        for (; hole > 0 && order(ranking, &item, &items[hole - 1]) < 0; hole--)
            items[hole] = items[hole - 1];
        items[hole] = item;
    }
}

/* `spare` holds n / 2 items. The depth is log2 n. */
static void merge_sort(struct rg__item *items, int64_t n, struct rg__item *spare, rg__order *order,
                       const rg_ranking *ranking)
{
    if (n <= SHORT_RUN) {
        insertion_sort(items, n, order, ranking);
        return;
    }
    int64_t half = n / 2;
    merge_sort(items, half, spare, order, ranking);
    merge_sort(items + half, n - half, spare, order, ranking);
    if (order(ranking, &items[half], &items[half - 1]) >= 0)
        return;
    memcpy(spare, items, (size_t)half * sizeof *items);
    for (int64_t left = 0, right = half, to = 0; left < half; to++)
        items[to] = right < n && order(ranking, &items[right], &spare[left]) < 0 ? items[right++]
                                                                                 : spare[left++];
}

void rg__sort_items(struct rg__ranked_list *list, int64_t count, rg__order *order)
{
    merge_sort(list->items, count, list->spare, order, list->ranking);
}

void rg__rank(struct rg__ranked_list *list)
{
    static rg__order *const orders[] = {
        [RG_TIES_AVERAGE] = by_score_lower_label,
        [RG_TIES_INPUT] = by_score,
        [RG_TIES_DOCID] = by_score_doc_id,
        [RG_TIES_PESSIMISTIC] = by_score_lower_label,
    };
    rg__sort_items(list, list->n_ranked, orders[list->metric->ties]);
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

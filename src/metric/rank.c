/* rank.c: ranks the items of one list; here ties are decided.
 *
 * rg_ties defines the order of equal scores. For RG_TIES_AVERAGE this order does not change the
 * value, but equal scores are sorted by label so that rows in any order give the same bits.
 *
 * A metric with a cut-off k needs the first k ranks and the rest of the tie group of rank k. Only
 * these m items are selected and sorted: time n + m log m instead of n log n. Items that are equal
 * under rg_ties are ordered by row, so the result is the same as that of sorting all.
 */
#include "metric/metric.h"

#include <string.h>

static int lower_label(const void *user, const struct rg__item *a, const struct rg__item *b)
{
    (void)user;
    return rg__descending(b->label, a->label);
}

/* The greater doc id first; without doc ids, and where they are equal, the later row. */
static int greater_doc_id(const void *user, const struct rg__item *a, const struct rg__item *b)
{
    const char *const *doc_ids = ((const rg_ranking *)user)->doc_ids;
    int order = doc_ids ? strcmp(doc_ids[b->row], doc_ids[a->row]) : 0;
    return order ? order : (a->row < b->row) - (a->row > b->row);
}

/* Moves the items tied with the last of the first k items behind these; returns their number, k
 * included. */
static int64_t add_tied(struct rg__ranked_list *list, int64_t k)
{
    double last = list->items[0].score;
    for (int64_t i = 1; i < k; i++)
        last = rg__descending(list->items[i].score, last) > 0 ? list->items[i].score : last;
    int64_t end = k;
    for (int64_t i = k; i < list->n_ranked; i++)
        if (rg__descending(list->items[i].score, last) == 0)
            rg__swap_items(&list->items[i], &list->items[end++]);
    return end;
}

void rg__rank(struct rg__ranked_list *list, int64_t k)
{
    static int (*const ties[])(const void *, const struct rg__item *, const struct rg__item *) = {
        [RG_TIES_AVERAGE] = lower_label,
        [RG_TIES_INPUT] = NULL,
        [RG_TIES_DOCID] = greater_doc_id,
        [RG_TIES_PESSIMISTIC] = lower_label,
    };
    const struct rg__order order = {RG__BY_SCORE, ties[list->metric->ties], list->ranking};
    int64_t count = k && k < list->n_ranked ? k : list->n_ranked;
    if (count < list->n_ranked) {
        rg__select_items(list->items, list->n_ranked, count, list->spare, &order);
        if (list->metric->ties == RG_TIES_AVERAGE)
            count = add_tied(list, count);
    }
    rg__sort_items(list->items, count, list->spare, &order);
}

struct rg__item *rg__by_label(struct rg__ranked_list *list)
{
    static const struct rg__order order = {.key = RG__BY_LABEL};
    int64_t cut = rg__cut(list, list->n);
    struct rg__item *items = list->by_label ? list->by_label : list->items;
    if (list->n_by_label >= cut)
        return items;
    if (list->label_cut == 0 || list->label_cut > list->n)
        cut = list->n;
    else if (cut < list->label_cut)
        cut = list->label_cut;
    if (items != list->items)
        memcpy(items, list->items, (size_t)list->n * sizeof *items);
    rg__select_items(items, list->n, cut, list->spare, &order);
    rg__sort_items(items, cut, list->spare, &order);
    list->n_by_label = cut;
    return items;
}

int64_t rg__tie_end(const struct rg__ranked_list *list, int64_t begin)
{
    if (list->metric->ties != RG_TIES_AVERAGE)
        return begin + 1;
    return rg__equal_scores_end(list->items, begin, list->n_ranked);
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

bool rg__has_pair(const struct rg__ranked_list *list)
{
    for (int64_t i = 1; i < list->n; i++)
        if (list->items[i].label != list->items[0].label)
            return true;
    return false;
}

double rg__relevant_above(const struct rg__ranked_list *list, int64_t cut)
{
    double relevant = 0;
    for (int64_t begin = 0, end; begin < cut; begin = end) {
        end = rg__tie_end(list, begin);
        int64_t above = (end < cut ? end : cut) - begin;
        relevant +=
            (double)above * (double)rg__count_relevant(list, begin, end) / (double)(end - begin);
    }
    return relevant;
}

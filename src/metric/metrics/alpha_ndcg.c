/* alpha_ndcg.c: alpha-nDCG (Clarke et al. 2008), as ndeval computes it.
 *
 *   alpha-DCG@k = sum_{i<=k} 1/log2(1 + i) sum_{s covered by i} (1 - alpha)^(before that cover s)
 *
 * divided by that of the ideal order. To find the best order is NP-hard; the ideal here is the
 * greedy one, as in the paper: each rank takes the item with the greatest gain there. Of equal
 * gains it takes the greater doc id or, without ids, the later row, as ndeval does. For ties of
 * scores, see novelty.c.
 *
 * As gains only shrink while the order grows, an item whose gain is still the greatest after it was
 * computed anew is the next one: the others need not be computed (a heap of stale gains).
 */
#include "metric/novelty.h"

#include <math.h>
#include <string.h>

/* The gain of an item, by the weights that the subtopics have left. */
static double gain_of(const struct rg__ranked_list *list, const struct rg__item *item,
                      const double *weights)
{
    double gain = 0;
    for (int64_t s = 0; s < list->ranking->n_subtopics; s++)
        gain += rg__covers(list, item, s) ? weights[s] : 0;
    return gain;
}

/* Whether the greedy order prefers a; scores are gains. */
static bool is_better(const struct rg__ranked_list *list, const struct rg__item *a,
                      const struct rg__item *b)
{
    const char *const *ids = list->ranking->doc_ids;
    if (a->score != b->score)
        return a->score > b->score;
    int order = ids && ids[a->row] && ids[b->row] ? strcmp(ids[a->row], ids[b->row]) : 0;
    return order ? order > 0 : a->row > b->row;
}

/* Moves item i of the heap down until both items below it are worse. */
static void sift(const struct rg__ranked_list *list, struct rg__item *heap, int64_t n, int64_t i)
{
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        child += child + 1 < n && is_better(list, &heap[child + 1], &heap[child]);
        if (!is_better(list, &heap[child], &heap[i]))
            return;
        rg__swap_items(&heap[child], &heap[i]);
    }
}

/* Makes the item with the greatest gain the first of the heap. */
static void settle_first(const struct rg__ranked_list *list, struct rg__item *heap, int64_t n,
                         const double *weights)
{
    for (;;) {
        double gain = gain_of(list, &heap[0], weights);
        if (gain == heap[0].score)
            return;
        heap[0].score = gain;
        sift(list, heap, n, 0);
    }
}

/* The alpha-DCG@k of the greedy order. The items become the heap. */
static double greedy_dcg(struct rg__ranked_list *list, double q)
{
    double weights[RG_MAX_SUBTOPICS], dcg = 0;
    struct rg__item *heap = list->items;
    int64_t n = list->n, cut = rg__cut(list, list->n);
    for (int64_t s = 0; s < list->ranking->n_subtopics; s++)
        weights[s] = 1;
    for (int64_t i = 0; i < n; i++)
        heap[i].score = gain_of(list, &heap[i], weights);
    for (int64_t i = n / 2; i >= 0; i--)
        sift(list, heap, n, i);
    for (int64_t i = 0; i < cut; i++) {
        settle_first(list, heap, n, weights);
        if (!(heap[0].score > 0))
            break;
        dcg += heap[0].score * rg__discounts(i, i + 1);
        for (int64_t s = 0; s < list->ranking->n_subtopics; s++)
            weights[s] *= rg__covers(list, &heap[0], s) ? q : 1;
        heap[0] = heap[--n];
        sift(list, heap, n, 0);
    }
    return dcg;
}

static double value(struct rg__ranked_list *list)
{
    double dcg = rg__novelty(list, RG__DISCOUNT_LOG2);
    if (isnan(*list->ideal))
        *list->ideal = greedy_dcg(list, 1 - ((const struct rg__novelty *)list->params)->alpha);
    return dcg / *list->ideal;
}

const struct rg__metric_kind rg__metric_alpha_ndcg = {
    {.name = "alpha_ndcg",
     .formula =
         "alpha-dcg@k / that of the greedy order, (1-alpha)^(before that cover s) / log2(1+i)",
     RG__PARAMS(struct rg__novelty, rg__novelty_params)},
    .reorders = true,
    .needs_subtopics = true,
    .has_relevant = rg__has_subtopic,
    .value = value};

/* ndcg.c: DCG and NDCG (Järvelin & Kekäläinen 2002; gain 2^y - 1 from Burges et al. 2005).
 *
 *   DCG@k = sum_{i=1..k} g_i / log2(1 + i),   g = 2^y - 1 or y, 0 for y <= 0
 *   NDCG@k = DCG@k / DCG@k of the items sorted by label
 *
 * Ties: an item of a tie group stands at each of the group's ranks equally often, so the group's
 * expected share is (mean gain) (sum of its discounts up to k). The ideal has no ties to speak of:
 * equal labels have equal gains.
 *
 * Gains are held divided by 2^e, 2^e just above the list's largest gain. A power of two changes no
 * bit, cancels in NDCG, and lets labels up to 1023 pass without overflow.
 */
#include "metric/metric.h"

#include <math.h>

static const double LN_2 = 0.69314718055994530942;

static double gain(const struct rg__list *list, double label)
{
    if (!(label > 0))
        return 0;
    if (list->metric->gain == RG_GAIN_LINEAR)
        return label;
    return label < 1 ? expm1(label * LN_2) : exp2(label) - 1; /* no cancellation at small labels */
}

static int exponent_of(const struct rg__list *list)
{
    int exponent;
    frexp(gain(list, list->largest_label), &exponent);
    return exponent;
}

/* The sum of 1 / log2(1 + rank) over the ranks begin + 1 .. end. */
static double discounts(int64_t begin, int64_t end)
{
    double sum = 0;
    for (int64_t i = begin; i < end; i++)
        sum += 1 / log2(2 + (double)i);
    return sum;
}

static double scaled_dcg(const struct rg__list *list, int exponent)
{
    double dcg = 0;
    int64_t cut = rg__cut(list, list->n_ranked);
    for (int64_t begin = 0, end; begin < cut; begin = end) {
        end = rg__tie_end(list, begin);
        double gains = 0;
        for (int64_t i = begin; i < end; i++)
            gains += ldexp(gain(list, list->items[i].label), -exponent);
        dcg += gains / (double)(end - begin) * discounts(begin, end < cut ? end : cut);
    }
    return dcg;
}

static double scaled_ideal(struct rg__list *list, int exponent)
{
    double dcg = 0;
    int64_t cut = rg__cut(list, list->n);
    rg__sort_items(list, list->n, rg__by_label);
    for (int64_t i = 0; i < cut && list->items[i].label > 0; i++)
        dcg += ldexp(gain(list, list->items[i].label), -exponent) * discounts(i, i + 1);
    return dcg;
}

double rg__dcg(struct rg__list *list)
{
    int exponent = exponent_of(list);
    return ldexp(scaled_dcg(list, exponent), exponent);
}

double rg__ndcg(struct rg__list *list)
{
    int exponent = exponent_of(list);
    double dcg = scaled_dcg(list, exponent);
    return dcg / scaled_ideal(list, exponent);
}

/* dcg.c: DCG (Järvelin & Kekäläinen 2002; gain 2^y - 1 from Burges et al. 2005).
 *
 *   DCG@k = sum_{i=1..k} g_i / log2(1 + i),   g = 2^y - 1 or y, 0 for y <= 0
 *
 * Ties: an item of a tie group stands at each of the group's ranks equally often, so the group's
 * expected share is (mean gain) (sum of its discounts up to k).
 */
#include "metric/dcg.h"

#include <math.h>

static const double LN_2 = 0.69314718055994530942;

static double gain(const struct rg__ranked_list *list, double label)
{
    if (!(label > 0))
        return 0;
    if (list->metric->gain == RG_GAIN_LINEAR)
        return label;
    return label < 1 ? expm1(label * LN_2) : exp2(label) - 1; /* no cancellation at small labels */
}

int rg__gain_exponent(const struct rg__ranked_list *list)
{
    int exponent;
    frexp(gain(list, list->largest_label), &exponent);
    return exponent;
}

double rg__scaled_gain(const struct rg__ranked_list *list, double label, int exponent)
{
    return ldexp(gain(list, label), -exponent);
}

double rg__discounts(int64_t begin, int64_t end)
{
    double sum = 0;
    for (int64_t i = begin; i < end; i++)
        sum += 1 / log2(2 + (double)i);
    return sum;
}

double rg__scaled_dcg(const struct rg__ranked_list *list, int exponent)
{
    double dcg = 0;
    int64_t cut = rg__cut(list, list->n_ranked);
    for (int64_t begin = 0, end; begin < cut; begin = end) {
        end = rg__tie_end(list, begin);
        double gains = 0;
        for (int64_t i = begin; i < end; i++)
            gains += rg__scaled_gain(list, list->items[i].label, exponent);
        dcg += gains / (double)(end - begin) * rg__discounts(begin, end < cut ? end : cut);
    }
    return dcg;
}

double rg__dcg(struct rg__ranked_list *list)
{
    int exponent = rg__gain_exponent(list);
    return ldexp(rg__scaled_dcg(list, exponent), exponent);
}

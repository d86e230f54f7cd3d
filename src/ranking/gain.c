/* gain.c: gains, discounts and the ideal DCG; see gain.h. Gain 2^y - 1 from Burges et al. 2005,
 * discount from Järvelin and Kekäläinen 2002. */
#include "ranking/gain.h"

#include <math.h>

static const double LN_2 = 0.69314718055994530942;

const char *rg_gain_name(rg_gain gain)
{
    static const char *const names[] = {[RG_GAIN_EXP] = "exp", [RG_GAIN_LINEAR] = "linear"};
    return (unsigned)gain < RG__COUNT(names) ? names[gain] : NULL;
}

double rg__gain(rg_gain kind, double label)
{
    if (!(label > 0))
        return 0;
    if (kind == RG_GAIN_LINEAR)
        return label;
    return label < 1 ? expm1(label * LN_2) : exp2(label) - 1; /* no cancellation at small labels */
}

int rg__gain_exponent(rg_gain kind, double largest_label)
{
    int exponent;
    frexp(rg__gain(kind, largest_label), &exponent);
    return exponent;
}

double rg__scaled_gain(rg_gain kind, double label, int exponent)
{
    return ldexp(rg__gain(kind, label), -exponent);
}

double rg__discounts(int64_t begin, int64_t end)
{
    double sum = 0;
    for (int64_t i = begin; i < end; i++)
        sum += 1 / log2(2 + (double)i);
    return sum;
}

double rg__scaled_ideal_dcg(rg_gain kind, const struct rg__item *items, int64_t k, int exponent)
{
    double dcg = 0;
    for (int64_t i = 0; i < k && items[i].label > 0; i++)
        dcg += rg__scaled_gain(kind, items[i].label, exponent) * rg__discounts(i, i + 1);
    return dcg;
}

/* gain.c: gains and discounts; see gain.h. Gain 2^y - 1 from Burges et al. 2005,
 * discount from Järvelin and Kekäläinen 2002. */
#include "ranking/gain.h"

#include <math.h>

static const double LN_2 = 0.69314718055994530942;

const char *rg_gain_name(rg_gain gain)
{
    static const char *const names[] = {[RG_GAIN_EXP] = "exp", [RG_GAIN_LINEAR] = "linear"};
    return (unsigned)gain < RG__COUNT(names) ? names[gain] : NULL;
}

double rg__signed_gain(rg_gain kind, double label)
{
    if (kind == RG_GAIN_LINEAR)
        return label;
    return label < 1 ? expm1(label * LN_2) : exp2(label) - 1; /* no cancellation at small labels */
}

double rg__gain(rg_gain kind, double label)
{
    return label > 0 ? rg__signed_gain(kind, label) : 0;
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

const char *rg__discount_name(int discount)
{
    static const char *const names[] = {
        [RG__DISCOUNT_LOG2] = "log2", [RG__DISCOUNT_LETOR] = "letor", [RG__DISCOUNT_RANK] = "rank"};
    return (unsigned)discount < RG__COUNT(names) ? names[discount] : NULL;
}

double rg__discounts(int64_t begin, int64_t end)
{
    double sum = 0;
    for (int64_t i = begin; i < end; i++)
        sum += 1 / log2(2 + (double)i);
    return sum;
}

double rg__discounts_of(enum rg__discount kind, int64_t begin, int64_t end)
{
    double sum = 0;
    if (kind == RG__DISCOUNT_LOG2)
        return rg__discounts(begin, end);
    for (int64_t i = begin; i < end; i++)
        sum += kind == RG__DISCOUNT_RANK ? 1 / (double)(i + 1)
               : i < 2                   ? 1
                                         : 1 / log2((double)(i + 1));
    return sum;
}

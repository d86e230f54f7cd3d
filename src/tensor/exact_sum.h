/* exact_sum.h (internal): sums in double whose bits do not depend on the order of the terms.
 *
 * Adding a large number C rounds a term x to a multiple k g of the last place g of C, and puts k
 * into the low bits of the sum: k = bits(x + C) - bits(C), both taken as integers. Sums of such
 * integers are exact, so that their order does not matter. C depends only on the number of terms
 * and on a bound of their magnitudes, that is, not on the order either. This is the technique of
 * Demmel and Nguyen (2013), with integers, which have more bits, as the sums.
 *
 * With n < 2^l terms below 2^e, g = 2^(e-50) for l <= 12: |k| <= 2^50, and a sum of 2^12 of them
 * fits into 63 bits; beyond, g grows with n. What the rounding takes from each term, at most g / 2,
 * goes in the same way to a second sum with a smaller C, so that together they are more accurate
 * than a plain sum.
 *
 *     high += bits(scale x + C);    rest = scale x - ((scale x + C) - C);    low += bits(rest + c)
 *
 * The scale, a power of 2, is 1 except near the largest double. */
#ifndef RG_TENSOR_EXACT_SUM_H
#define RG_TENSOR_EXACT_SUM_H

#include <stdint.h>
#include <string.h>

struct rg__exact_sum {
    double high_c, low_c; /* C and c */
    double scale, unscale, high_unit, low_unit;
    int64_t n;
};

static inline double rg__power_of_2(int exponent)
{
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint64_t rg__bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* The constants for n terms of magnitudes up to `most`. */
static inline struct rg__exact_sum rg__exact_sum(double most, int64_t n)
{
    int l = 64 - __builtin_clzll((uint64_t)n | 4095), e = (int)(rg__bits(most) >> 52) - 1022;
    int down = e > 900 ? 128 : 0, high = e - down + 2 + (l - 12), low = high - 51 + (l - 12);
    low = low > -1022 ? low : -1022;
    double high_power = rg__power_of_2(high), low_power = rg__power_of_2(low);
    return (struct rg__exact_sum){.high_c = 1.5 * high_power,
                                  .low_c = 1.5 * low_power,
                                  .scale = rg__power_of_2(-down),
                                  .unscale = rg__power_of_2(down),
                                  .high_unit = high_power * 0x1p-52,
                                  .low_unit = low_power * 0x1p-52,
                                  .n = n};
}

/* The sum, from the integers of n terms. */
static inline double rg__exact_total(const struct rg__exact_sum *by, uint64_t high, uint64_t low)
{
    int64_t k = (int64_t)(high - (uint64_t)by->n * rg__bits(by->high_c));
    int64_t rest = (int64_t)(low - (uint64_t)by->n * rg__bits(by->low_c));
    return ((double)k * by->high_unit + (double)rest * by->low_unit) * by->unscale;
}

/* The first sum alone, of terms that need no scale. */
static inline double rg__exact_first(const struct rg__exact_sum *by, uint64_t high)
{
    return (double)(int64_t)(high - (uint64_t)by->n * rg__bits(by->high_c)) * by->high_unit;
}

#endif

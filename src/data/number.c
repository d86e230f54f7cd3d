/* number.c: decimal text to double, correctly rounded; see number.h.
 *
 * The one idea (Clinger 1990): up to 19 digits are an exact integer; if it is below 2^53 and the
 * power of ten is one of 10^0 .. 10^22, both are exact doubles, so that one multiplication or
 * division, which rounds once, is the correctly rounded answer. That is nearly every number in
 * nearly every file. The others go to the C library with a "C" locale handed over, which touches
 * neither the process's locale nor the thread's.
 */
#define _GNU_SOURCE /* strtod_l: glibc, musl and the BSDs have it, POSIX 2008 does not */

#include "data/number.h"

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

enum {
    MOST_DIGITS = 19,      /* 10^19 - 1 < 2^64 */
    MOST_EXPONENT = 100000 /* further digits of an exponent change nothing: 0 or infinite */
};

static bool is_digit(char c)
{
    return (unsigned)(c - '0') < 10u;
}

/* mantissa = mantissa 10^n + the n digits at `at` (modulo 2^64); returns their end. */
static const char *read_digits(const char *at, uint64_t *mantissa)
{
    uint64_t m = *mantissa;
    for (; is_digit(*at); at++)
        m = 10 * m + (uint64_t)(*at - '0');
    *mantissa = m;
    return at;
}

/* The digits of an exponent, after its 'e'; NULL when there are none. */
static const char *read_exponent(const char *at, int *exponent)
{
    bool negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    if (!is_digit(*at))
        return NULL;
    int e = 0;
    for (; is_digit(*at); at++)
        if (e < MOST_EXPONENT)
            e = 10 * e + (*at - '0');
    *exponent += negative ? -e : e;
    return at;
}

/* nan, inf and infinity, behind the sign. */
static const char *read_word(const char *at, double *value)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"infinity", HUGE_VAL}, {"inf", HUGE_VAL}, {"nan", (double)NAN}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        int n = 0;
        while (words[i].word[n] && (at[n] | 0x20) == words[i].word[n]) /* ASCII's lower case */
            n++;
        if (words[i].word[n])
            continue;
        *value = words[i].value;
        return at + n;
    }
    return NULL;
}

/* For what does not fit exactly. The "C" locale is a constant of the C library: this allocates
 * nothing. */
static bool convert_exactly(const char *text, double *value)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        return false;
    *value = strtod_l(text, NULL, c_locale);
    freelocale(c_locale);
    return true;
}

const char *rg__read_number(const char *text, double *value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    bool negative = *text == '-';
    const char *first = text + (*text == '-' || *text == '+');
    uint64_t mantissa = 0;
    const char *end = read_digits(first, &mantissa);
    ptrdiff_t n_digits = end - first;
    int exponent = 0;
    if (*end == '.') {
        const char *fraction = end + 1;
        end = read_digits(fraction, &mantissa);
        n_digits += end - fraction;
        exponent = end - fraction > MOST_DIGITS ? -MOST_EXPONENT : -(int)(end - fraction);
    }
    if (n_digits == 0) {
        end = read_word(first, value);
        *value = end && negative ? -*value : *value;
        return end;
    }
    if (*end == 'e' || *end == 'E')
        end = read_exponent(end + 1, &exponent);
    if (!end)
        return NULL;
    bool exact = n_digits <= MOST_DIGITS && mantissa <= (uint64_t)1 << 53;
    if (!exact || exponent < -22 || exponent > 22)
        return convert_exactly(text, value) ? end : NULL;
    double magnitude = (double)mantissa;
    magnitude = exponent < 0 ? magnitude / powers[-exponent] : magnitude * powers[exponent];
    *value = negative ? -magnitude : magnitude;
    return end;
}

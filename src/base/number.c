/* number.c: decimal text to double, correctly rounded; see number.h.
 *
 * Up to 19 digits are an exact integer m, and the number is m 10^e. If m <= 2^53 and |e| <= 22,
 * both m and 10^|e| are exact doubles, and one multiplication or division gives the correctly
 * rounded result (Clinger 1990). If |e| <= 27, 5^|e| is an exact 64-bit integer, and the product or
 * quotient is computed in 128 bits, with a sticky bit for the remainder. Nearly all numbers in data
 * files are of these two kinds. All others are converted by strtod_l with the "C" locale, which
 * changes neither the process's locale nor the thread's.
 */
#define _GNU_SOURCE /* strtod_l: glibc, musl and the BSDs have it, POSIX 2008 does not */

#include "base/number.h"

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_DIGITS = 19, /* 10^19 - 1 < 2^64 */
    MAX_POWER = 27   /* 5^27 < 2^64 */
};

/* Digits of the exponent are ignored from here on: no text has enough digits to compensate. */
#define MAX_EXPONENT ((int64_t)1 << 50)

__extension__ typedef unsigned __int128 wide;

static bool is_digit(char c)
{
    return (unsigned)(c - '0') < 10u;
}

/* Loads eight bytes in little-endian order. */
static uint64_t load(const char *at)
{
    uint64_t bytes;
    memcpy(&bytes, at, sizeof bytes);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    bytes = __builtin_bswap64(bytes);
#endif
    return bytes;
}

/* Appends the n digits at `at`: mantissa = mantissa 10^n + digits (modulo 2^64); returns their end.
 * A digit at a time: before the point there are few, and the branch predictor learns how many. */
static const char *read_whole(const char *at, uint64_t *mantissa)
{
    uint64_t m = *mantissa;
    for (; is_digit(*at); at++)
        m = 10 * m + (uint64_t)(*at - '0');
    *mantissa = m;
    return at;
}

/* The same for the digits after the point: eight bytes at a time, without a branch on how many of
 * them are digits. */
static const char *read_fraction(const char *at, uint64_t *mantissa)
{
    static const uint32_t powers[] = {1,      10,      100,      1000,     10000,
                                      100000, 1000000, 10000000, 100000000};
    int n;
    do {
        /* A digit becomes 0 to 9, any other byte becomes larger. Adding 0x76 sets the highest bit
         * of the larger ones; carries can only affect bytes after the first of these. */
        uint64_t w = load(at) ^ 0x3030303030303030u;
        uint64_t others = ((w + 0x7676767676767676u) | w) & 0x8080808080808080u;
        n = others ? __builtin_ctzll(others) / 8 : 8;
        if (n == 0)
            break;
        w <<= 64 - 8 * n; /* pads with zeros on the left */
        w = 10 * w + (w >> 8);
        w = ((w & 0xff000000ffu) * (100 + (1000000ull << 32)) +
             (w >> 16 & 0xff000000ffu) * (1 + (10000ull << 32))) >>
            32;
        *mantissa = *mantissa * powers[n] + w;
        at += n;
    } while (n == 8);
    return at;
}

/* Adds the exponent after an 'e' to *exponent; NULL if it has no digits. */
static const char *read_exponent(const char *at, int64_t *exponent)
{
    bool negative = *at == '-';
    if (*at == '-' || *at == '+')
        at++;
    if (!is_digit(*at))
        return NULL;
    int64_t e = 0;
    for (; is_digit(*at); at++)
        if (e < MAX_EXPONENT)
            e = 10 * e + (*at - '0');
    *exponent += negative ? -e : e;
    return at;
}

/* Reads nan, inf or infinity after the sign; NULL if it is none of them. */
static const char *read_word(const char *at, double *value)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"infinity", HUGE_VAL}, {"inf", HUGE_VAL}, {"nan", (double)NAN}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        int n = 0;
        while (words[i].word[n] && (at[n] | 0x20) == words[i].word[n]) /* to lower case */
            n++;
        if (words[i].word[n])
            continue;
        *value = words[i].value;
        return at + n;
    }
    return NULL;
}

/* For all other numbers. The "C" locale is a constant of the C library, so newlocale allocates
 * nothing. */
static bool convert_by_strtod(const char *text, double *value)
{
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        return false;
    *value = strtod_l(text, NULL, c_locale);
    freelocale(c_locale);
    return true;
}

/* 2^exponent, for exponents of normal doubles. */
static double power_of_two(int exponent)
{
    uint64_t bits = (uint64_t)(1023 + exponent) << 52;
    double power;
    memcpy(&power, &bits, sizeof power);
    return power;
}

/* m 10^exponent as m 5^exponent 2^exponent, for |exponent| <= MAX_POWER. */
static double scale(uint64_t m, int exponent)
{
    /* clang-format off */
    static const uint64_t fives[MAX_POWER + 1] = {
        1u, 5u, 25u, 125u, 625u, 3125u, 15625u, 78125u, 390625u, 1953125u, 9765625u, 48828125u,
        244140625u, 1220703125u, 6103515625u, 30517578125u, 152587890625u, 762939453125u,
        3814697265625u, 19073486328125u, 95367431640625u, 476837158203125u, 2384185791015625u,
        11920928955078125u, 59604644775390625u, 298023223876953125u, 1490116119384765625u,
        7450580596923828125u};
    /* clang-format on */
    uint64_t five = fives[exponent < 0 ? -exponent : exponent], bits;
    int shift = 0;
    wide rest;
    if (exponent < 0) { /* a quotient of 63 or 64 bits */
        int m_zeros = __builtin_clzll(m), zeros = __builtin_clzll(five);
        wide dividend = (wide)(m << m_zeros) << 63;
        bits = (uint64_t)(dividend / (five << zeros));
        rest = dividend - (wide)bits * (five << zeros);
        shift = zeros - m_zeros - 63;
    } else { /* the upper 64 bits of the product */
        wide product = (wide)m * five;
        uint64_t high = (uint64_t)(product >> 64);
        shift = high ? 64 - __builtin_clzll(high) : 0;
        bits = (uint64_t)(product >> shift);
        rest = product - ((wide)bits << shift);
    }
    /* The lowest bit is below all bits that the conversion keeps, so it can be the sticky bit. */
    return (double)(bits | (rest != 0)) * power_of_two(shift + exponent);
}

/* The number of digits from the first that is not 0, counted up to MAX_DIGITS + 1. */
static int significant(const char *first, const char *end)
{
    int n = 0;
    for (const char *at = first; at < end; at++)
        n += is_digit(*at) && (n > 0 || *at != '0') && n <= MAX_DIGITS;
    return n;
}

const char *rg__read_number(const char *text, double *value)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    bool negative = *text == '-';
    const char *first = text + (*text == '-' || *text == '+');
    uint64_t mantissa = 0;
    const char *end = read_whole(first, &mantissa);
    ptrdiff_t n_digits = end - first;
    int64_t exponent = 0;
    if (*end == '.') {
        const char *fraction = end + 1;
        end = read_fraction(fraction, &mantissa);
        n_digits += end - fraction;
        exponent = fraction - end;
    }
    if (n_digits == 0) {
        end = read_word(first, value);
        *value = end && negative ? -*value : *value;
        return end;
    }
    bool exact = n_digits <= MAX_DIGITS || significant(first, end) <= MAX_DIGITS;
    if (*end == 'e' || *end == 'E')
        end = read_exponent(end + 1, &exponent);
    if (!end)
        return NULL;
    double magnitude = (double)mantissa;
    if (!exact || exponent < -MAX_POWER || exponent > MAX_POWER)
        return convert_by_strtod(text, value) ? end : NULL;
    if (mantissa > (uint64_t)1 << 53 || exponent < -22 || exponent > 22)
        magnitude = mantissa ? scale(mantissa, (int)exponent) : 0;
    else
        magnitude = exponent < 0 ? magnitude / powers[-exponent] : magnitude * powers[exponent];
    *value = negative ? -magnitude : magnitude;
    return end;
}

bool rg__underflows(const char *text, const char *end)
{
    for (; text < end && *text != 'e' && *text != 'E'; text++)
        if (*text > '0' && *text <= '9')
            return true;
    return false;
}

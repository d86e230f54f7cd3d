/* number.h (internal): decimal text to double, correctly rounded, whatever the locale. */
#ifndef RG_BASE_NUMBER_H
#define RG_BASE_NUMBER_H

#include <stdbool.h>

/* Bytes behind a number's end that must be readable, whatever they are. */
enum { RG__NUMBER_PAD = 8 };

/* Reads the number at `text`: [+-] digits [. digits] [e [+-] digits], or nan, inf, infinity in any
 * case; no blanks before it, no hexadecimal. The double is the one strtod gives in the C locale:
 * nearest, ties to even, beyond the range infinite or 0. Returns where the number ends, NULL when
 * there is none. `text` must be ended by a byte that belongs to no number, such as '\n' or NUL. */
const char *rg__read_number(const char *text, double *value);

/* Whether a number that was read as 0 is not 0 but smaller than any double: whether it has a digit
 * other than 0. `end` is where the number ends. */
bool rg__underflows(const char *text, const char *end);

#endif

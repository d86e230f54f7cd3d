/* number.h (internal): decimal text to double, correctly rounded, in any locale. */
#ifndef RG_BASE_NUMBER_H
#define RG_BASE_NUMBER_H

#include <stdbool.h>

/* Bytes after the end of a number that must be readable; their values do not matter. */
enum { RG__NUMBER_PAD = 8 };

/* Reads the number at `text`: [+-] digits [. digits] [e [+-] digits], or nan, inf or infinity in
 * upper or lower case; no leading white space, no hexadecimal. Gives the same double as strtod in
 * the C locale: rounded to nearest, ties to even; infinity on overflow, 0 on underflow. Returns the
 * end of the number, or NULL if there is none. The text must end with a byte that cannot be part of
 * a number, such as '\n' or NUL. */
const char *rg__read_number(const char *text, double *value);

/* Whether a number that was read as 0 has underflowed, that is, has a digit other than 0. `end` is
 * the end of the number. */
bool rg__underflows(const char *text, const char *end);

#endif

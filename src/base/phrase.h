/* phrase.h (internal): text put together in a buffer of fixed size. */
#ifndef RG_BASE_PHRASE_H
#define RG_BASE_PHRASE_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* A text of `length` characters, of which the first size - 1 are in the buffer, ended by NUL. */
struct rg__phrase {
    char *text;
    size_t size, length;
};

__attribute__((format(printf, 2, 3))) static inline void rg__put(struct rg__phrase *phrase,
                                                                 const char *format, ...)
{
    size_t used = phrase->length < phrase->size ? phrase->length : phrase->size;
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(phrase->text + used, phrase->size - used, format, arguments);
    va_end(arguments);
    phrase->length += n > 0 ? (size_t)n : 0;
}

/* "a, b, c" of names that end with NULL. */
static inline void rg__put_names(struct rg__phrase *phrase, const char *(*name_at)(int i))
{
    for (int i = 0; name_at(i); i++)
        rg__put(phrase, "%s%s", i ? ", " : "", name_at(i));
}

#endif

/* text_buffer.h (internal): appends formatted text to a buffer of fixed size. */
#ifndef RG_BASE_TEXT_BUFFER_H
#define RG_BASE_TEXT_BUFFER_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

/* A text of `length` characters; the first size - 1 of them are in the buffer, ended by NUL. */
struct rg__text_buffer {
    char *text;
    size_t size, length;
};

__attribute__((format(printf, 2, 3))) static inline void rg__append(struct rg__text_buffer *buffer,
                                                                    const char *format, ...)
{
    size_t used = buffer->length < buffer->size ? buffer->length : buffer->size;
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(buffer->text + used, buffer->size - used, format, arguments);
    va_end(arguments);
    buffer->length += n > 0 ? (size_t)n : 0;
}

/* Appends "a, b, c"; `name_at` returns NULL after the last name. */
static inline void rg__append_names(struct rg__text_buffer *buffer, const char *(*name_at)(int i))
{
    for (int i = 0; name_at(i); i++)
        rg__append(buffer, "%s%s", i ? ", " : "", name_at(i));
}

#endif

/* listing.c: a list of names for a message; see listing.h. */
#include "data/listing.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void rg__listing_add(struct rg__listing *list, const char *format, ...)
{
    enum { MOST = 10, TAIL = 32 /* for " and N more" */ };
    char name[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(name, sizeof name, format, arguments);
    va_end(arguments);
    size_t used = strlen(list->text);
    bool fits = used + strlen(name) + sizeof ", " + TAIL < sizeof list->text;
    bool listed = list->n_listed == list->n++ && list->n_listed < MOST && fits;
    if (!listed)
        return;
    list->n_listed++;
    snprintf(list->text + used, sizeof list->text - used, "%s%s", used ? ", " : "", name);
}

const char *rg__listing_end(struct rg__listing *list)
{
    size_t used = strlen(list->text);
    if (list->n > list->n_listed)
        snprintf(list->text + used, sizeof list->text - used, " and %lld more",
                 (long long)(list->n - list->n_listed));
    return list->text;
}

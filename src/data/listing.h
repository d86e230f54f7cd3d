/* listing.h (internal): a list of names for a message, "a, b, c and 4 more". */
#ifndef RG_DATA_LISTING_H
#define RG_DATA_LISTING_H

#include "base/base.h"

/* Zeroed at first. The first ten names are listed, where they fit; the others are counted. */
struct rg__listing {
    char text[640];
    int64_t n, n_listed;
};

void rg__listing_add(struct rg__listing *list, const char *format, ...) RG__PRINTF(2, 3);

/* The text, with the number of names left out; nothing is added after that. */
const char *rg__listing_end(struct rg__listing *list);

#endif

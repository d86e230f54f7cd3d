/* ids.h (internal): document and query ids of splits, whatever they are read from. */
#ifndef RG_DATA_IDS_H
#define RG_DATA_IDS_H

#include "base/base.h"

/* What keeps the n bytes at `id` from being an id, as "is not valid UTF-8"; NULL: nothing. The rule
 * is that of rg_id_is_valid. */
const char *rg__id_error(const char *id, size_t n, bool blanks);

/* Checks n ids with rg__id_error; NULL is an empty id. RG_BAD_DATA: "WHERE: NAME: UNIT 3 (from 1):
 * ...". UNIT is "row" or "list". */
rg_status rg__check_ids(rg_context *ctx, const char *where, const char *name, const char *unit,
                        const char *const *ids, int64_t n);

/* An id for a message: quoted, shortened, bytes that are not printable ASCII as '?'. */
struct rg__quoted_id {
    char text[48];
};
struct rg__quoted_id rg__quote_id(const char *id, size_t n);

#endif

/* columns.h (internal): gives a split the columns of a model or of another split.
 *
 * When both sides have feature names, columns are matched by name; otherwise only their number is
 * compared. Dense rows are not copied: the matched split has a column map (rg_split.columns), which
 * is applied when rows are loaded. Sparse rows are copied with new indices, because everything that
 * reads them relies on ascending columns. */
#ifndef RG_DATA_COLUMNS_H
#define RG_DATA_COLUMNS_H

#include "base/base.h"

#include <rankgrad/data.h>

/* The columns that are wanted. */
struct rg__columns {
    const char *owner; /* for messages: "the model", "the training split" */
    int64_t n;
    const char *const *names; /* (n) or NULL */
};

/* A split with the wanted columns; it points into the original, which must outlive it. */
struct rg__matched {
    rg_context *ctx;
    rg_split split;
    void *blocks[4]; /* memory of the match */
    int64_t bytes;   /* of the copy of sparse rows; 0: there is none */
};

/* Matches a sound split (rg__check_split), called `what` in messages. Notes to the log: a different
 * order, and columns that are not wanted. RG_BAD_DATA: names are missing (the first ten are
 * listed), a name occurs twice so that it cannot be matched, or, without names on one side, the
 * numbers of columns differ. End with rg__matched_free, also after a failure. */
rg_status rg__match_columns(rg_context *ctx, const char *what, const rg_split *split,
                            const struct rg__columns *wanted, struct rg__matched *matched);
void rg__matched_free(struct rg__matched *matched);

/* Whether there are names: an array, and not all of them empty. */
bool rg__has_names(const char *const *names, int64_t n);

#endif

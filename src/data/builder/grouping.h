/* grouping.h (internal): lists from the ids of rows.
 *
 * Rows with the same id are one list, and stand together. Where they do not, either
 * that is an error that names both places, or an order of the rows that brings them together. */
#ifndef RG_DATA_BUILDER_GROUPING_H
#define RG_DATA_BUILDER_GROUPING_H

#include "data/dataset.h"

/* An id for each of n rows: integers, or texts where they are not NULL. Borrowed. */
struct rg__ids {
    int64_t n;
    const int64_t *numbers;
    const char *const *texts;
    bool is_unsigned; /* numbers hold the bits of uint64_t */
};

/* The id of a row as text: its own, or written into `buffer`. */
enum { RG__ID_TEXT = 24 };
const char *rg__id_text(const struct rg__ids *ids, int64_t row, char buffer[RG__ID_TEXT]);

/* Texts of the ids of `rows` (n; NULL: rows 0, 1, ...; -1 among them: ""), in one block that
 * rg__free ends; NULL: error recorded. */
char **rg__id_texts(rg_context *ctx, const struct rg__ids *ids, const int64_t *rows, int64_t n);

/* Lists of rows: offsets (n_lists + 1), and the row that comes k-th where that is not row k. */
struct rg__lists {
    int64_t n_lists;
    int64_t *offsets;
    int64_t *order; /* (n); NULL: rows stay where they are */
};

/* Finds the lists; blocks are the caller's, freed by rg__free. Scattered rows are RG_BAD_DATA, told
 * by `path` and the name of the ids, or brought together (lists by first appearance, rows stable)
 * with `regroup`. */
rg_status rg__find_lists(rg_context *ctx, const char *path, const char *name,
                         const struct rg__ids *ids, bool regroup, struct rg__lists *lists);

/* Whether offsets (n_lists + 1, valid over the rows) cut the rows where the ids change; else the
 * first row where they differ, RG_BAD_DATA. */
rg_status rg__check_agreement(rg_context *ctx, const char *path, const char *name,
                              const struct rg__ids *ids, const int64_t *offsets, int64_t n_lists);

#endif

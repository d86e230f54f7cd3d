/* builder.h (internal): a split built from pieces of text.
 *
 * Rows are kept sparse while they come, since neither their number nor that of the
 * columns is known; at the end they become dense where that is small or they are not sparse. Lists
 * are parts of rows; a list with several parts is scattered, and is brought together at the end.
 * Where memory is limited, the rows so far go to a spool as often as they fill it, and
 * the arrays made of them at the end are a second one, mapped. */
#ifndef RG_DATA_BUILDER_BUILDER_H
#define RG_DATA_BUILDER_BUILDER_H

#include "data/builder/spool.h"
#include "data/dataset.h"
#include "data/text/parse.h"

/* One list, that is one qid or one line of a group file. */
struct rg__built_list {
    int64_t id; /* its qid, at text[id]; -1: none */
    int64_t n_rows;
    struct rg__place place; /* of its first row */
};

/* Rows of one list that stood together. */
struct rg__list_part {
    int64_t first_row;
    int64_t list;
};

/* The arrays of a row store. */
enum { RG__N_ROW_ARRAYS = 5 };

/* Rows that went to the spool together; at the end also those that did not, in memory. */
struct rg__segment {
    int64_t first_row;
    int64_t offsets[RG__N_ROW_ARRAYS]; /* in the spool */
    struct rg__row_store rows; /* borrowed; of spooled ones set by rg__builder_finish_rows */
};

/* What bounds the memory of all splits of a data set, which share a spool of rows. */
struct rg__row_limit {
    int64_t bytes;    /* 0: no limit */
    const char *path; /* beside which the spool stands */
    int64_t held;     /* bytes of rows in memory */
    struct rg__spool spool;
    void *map; /* of the spool; NULL: not yet */
};

/* A weight a row or a list, and a position a row, which come from files beside the text. */
struct rg__weights {
    double *values;
    int64_t values_room;
};

struct rg__positions {
    int64_t *values;
    int64_t values_room;
};

/* Zeroed by the caller but for ctx, limit and rows.dtype; freed by rg__builder_free. */
struct rg__builder {
    rg_context *ctx;
    struct rg__row_limit *limit;
    int64_t n_rows, n_values;     /* in all */
    struct rg__row_store rows;    /* those not in a spool */
    struct rg__segment *segments; /* those before them */
    int64_t n_segments, segments_room;
    int64_t n_columns; /* the largest column + 1 */
    int64_t n_text, n_lists, n_parts;
    char *text; /* ids, each ended by NUL */
    struct rg__built_list *lists;
    struct rg__list_part *parts;
    int64_t text_room, lists_room, parts_room;
    int64_t *slots; /* hash table of qids: list + 1, 0 for a free slot; n_slots a power of two */
    int64_t n_slots;
    int64_t open; /* the list under way + 1; 0: none */
    bool has_doc_ids, has_labels;
    rg_dtype dtype;                  /* of the split's features; not wider than that of the rows */
    struct rg__weights weights;      /* (n_rows); values NULL: none */
    struct rg__weights list_weights; /* (n_lists) */
    struct rg__positions positions;  /* (n_rows) */
};

/* Makes room for the rows of some pieces, by spooling those that are there if need be. */
rg_status rg__builder_make_room(struct rg__builder *g, const struct rg__parsed *pieces, int n);

/* A place for the piece's rows after those before; the rows themselves come by rg__builder_copy,
 * which may run for several pieces at once. */
rg_status rg__builder_reserve(struct rg__builder *g, struct rg__parsed *piece);
void rg__builder_copy(const struct rg__builder *g, const struct rg__parsed *piece);

/* Rows of the list of this qid, first_row counting from the split's first; `place` is that of the
 * first. A qid that comes back after another list, or after rg__builder_end_list, is RG_BAD_DATA
 * unless `regroup`. */
rg_status rg__builder_add_query(struct rg__builder *g, const struct rg__query_rows *run,
                                int64_t first_row, struct rg__place place, bool regroup);

/* Ends the current list: the next row begins another, or comes back to an earlier one. */
void rg__builder_end_list(struct rg__builder *g);

/* A list without qid: n_rows rows from first_row on. */
rg_status rg__builder_add_list(struct rg__builder *g, int64_t first_row, int64_t n_rows);

/* No more rows come: all of them become segments, those of the spool mapped. */
rg_status rg__builder_finish_rows(struct rg__builder *g);

/* The segment of a row. */
const struct rg__segment *rg__builder_find_row(const struct rg__builder *g, int64_t row);

/* Makes the rows splits of `dataset`, after those that it has, already named; it
 * then owns the arrays. Without lists a split's offsets stay NULL. `sparse`: none becomes dense.
 * The builders share a limit. (arrays.c) */
rg_status rg__build_splits(struct rg__builder *builders, int n, int64_t n_features, bool sparse,
                           rg_dataset *dataset);

/* Forgets all rows and lists, to builder them again with values of that type. */
void rg__builder_restart(struct rg__builder *g, rg_dtype dtype);

/* Frees a builder; and what the limit needed, when the data set has its arrays. */
void rg__builder_free(struct rg__builder *g);
void rg__row_limit_free(rg_context *ctx, struct rg__row_limit *limit);

#endif

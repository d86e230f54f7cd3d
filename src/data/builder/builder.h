/* builder.h (internal): a split built from chunks of text.
 *
 * The one idea: rows are kept sparse while they come, since neither their number nor that of the
 * columns is known; at the end they become dense where that is small or they are not sparse. Lists
 * are runs of rows; a list with several runs is scattered, and is brought together at the end.
 * Where memory is limited, the rows gathered so far go to a spool as often as they fill it, and
 * the arrays made of them at the end are a second one, mapped. */
#ifndef RG_DATA_BUILDER_BUILDER_H
#define RG_DATA_BUILDER_BUILDER_H

#include "data/builder/spool.h"
#include "data/dataset.h"
#include "data/text/chunk.h"

/* One list, that is one qid or one line of a group file. */
struct rg__text_list {
    int64_t id; /* its qid, at text[id]; -1: none */
    int64_t n_rows;
    struct rg__place place; /* of its first row */
};

/* Rows of one list that stood together. */
struct rg__text_run {
    int64_t first_row;
    int64_t list;
};

/* The arrays of a row store. */
enum { RG__N_ROW_ARRAYS = 5 };

/* Rows that went to the spool together; at the end also those that did not, in memory. */
struct rg__segment {
    int64_t first_row;
    int64_t offsets[RG__N_ROW_ARRAYS]; /* in the spool */
    struct rg__row_store rows;         /* borrowed; of spooled ones set by rg__gather_segments */
};

/* What bounds the memory of all splits of a data set, which share a spool of rows. */
struct rg__bound {
    int64_t limit;    /* bytes; 0: none */
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

/* Zeroed but for ctx, bound and rows.dtype by the caller, ended by rg__gather_free in any state. */
struct rg__gather {
    rg_context *ctx;
    struct rg__bound *bound;
    int64_t n_rows, n_values;     /* in all */
    struct rg__row_store rows;    /* those not in a spool */
    struct rg__segment *segments; /* those before them */
    int64_t n_segments, segments_room;
    int64_t n_columns; /* the largest column + 1 */
    int64_t n_text, n_lists, n_runs;
    char *text; /* ids, each ended by NUL */
    struct rg__text_list *lists;
    struct rg__text_run *runs;
    int64_t text_room, lists_room, runs_room;
    int64_t *slots; /* hash table of qids: list + 1, 0 for a free slot; n_slots a power of two */
    int64_t n_slots;
    int64_t open; /* the list under way + 1; 0: none */
    bool has_doc_ids, has_labels;
    rg_dtype dtype;                  /* of the split's features; not wider than that of the rows */
    struct rg__weights weights;      /* (n_rows); values NULL: none */
    struct rg__weights list_weights; /* (n_lists) */
    struct rg__positions positions;  /* (n_rows) */
};

/* Makes room for the rows of some chunks, by spooling those that are there if need be. */
rg_status rg__gather_room(struct rg__gather *g, const struct rg__chunk *chunks, int n);

/* A place for the chunk's rows behind those before; the rows themselves come by rg__gather_copy,
 * which may run for several chunks at once. */
rg_status rg__gather_place(struct rg__gather *g, struct rg__chunk *chunk);
void rg__gather_copy(const struct rg__gather *g, const struct rg__chunk *chunk);

/* Rows of the list of this qid, first_row counting from the split's first; `place` is that of the
 * first. A qid that comes back after another list, or after rg__gather_end_list, is RG_BAD_DATA
 * unless `regroup`. */
rg_status rg__gather_run(struct rg__gather *g, const struct rg__run *run, int64_t first_row,
                         struct rg__place place, bool regroup);

/* Ends the list under way: the next row begins another, or comes back to an earlier one. */
void rg__gather_end_list(struct rg__gather *g);

/* A list without qid: n_rows rows from first_row on. */
rg_status rg__gather_list(struct rg__gather *g, int64_t first_row, int64_t n_rows);

/* No more rows come: all of them become segments, those of the spool mapped. */
rg_status rg__gather_segments(struct rg__gather *g);

/* The segment of a row. */
const struct rg__segment *rg__gather_find(const struct rg__gather *g, int64_t row);

/* Makes the gathered rows splits of `dataset`, which has as many as there are gatherers, named; it
 * then owns the arrays. Without lists a split's offsets stay NULL. `sparse`: none becomes dense.
 * The gatherers share a bound. (arrays.c) */
rg_status rg__settle(struct rg__gather *gathers, int n, int64_t n_features, bool sparse,
                     rg_dataset *dataset);

/* Forgets all rows and lists, to gather them again with values of that type. */
void rg__gather_restart(struct rg__gather *g, rg_dtype dtype);

/* Ends the gatherer, and the bound, which is no longer needed when the data set has its arrays. */
void rg__gather_free(struct rg__gather *g);
void rg__bound_free(rg_context *ctx, struct rg__bound *bound);

#endif

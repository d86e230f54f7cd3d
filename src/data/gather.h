/* gather.h (internal): a split gathered row by row, from text.
 *
 * The one idea: rows are kept sparse while they come, since neither their number nor that of the
 * columns is known; at the end they become dense where that is small or they are not sparse. Lists
 * are runs of rows; a list with several runs is scattered, and is brought together at the end. */
#ifndef RG_DATA_GATHER_H
#define RG_DATA_GATHER_H

#include "data/dataset.h"

/* One feature of a row; the column counts from 0. */
struct rg__entry {
    int32_t column;
    float value;
};

/* Where something stood: for messages. */
struct rg__place {
    const char *file;
    int64_t line; /* from 1; 0: nowhere */
};

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

/* The rows themselves. Arrays grow; *_room are their capacities. */
struct rg__row_store {
    int64_t n_rows, n_values;
    double *labels;   /* (n_rows) */
    int64_t *doc_ids; /* (n_rows) at text[...]; -1: none */
    int64_t *indptr;  /* (n_rows + 1) */
    int32_t *columns; /* (n_values), ascending within a row; zeros are left out */
    float *values;    /* (n_values) */
    int64_t labels_room, doc_ids_room, indptr_room, columns_room, values_room;
};

/* Zeroed but for ctx by the caller, ended by rg__gather_free in any state. */
struct rg__gather {
    rg_context *ctx;
    struct rg__row_store rows;
    int64_t n_columns; /* the largest column + 1 */
    int64_t n_text, n_lists, n_runs;
    char *text; /* ids, each ended by NUL */
    struct rg__text_list *lists;
    struct rg__text_run *runs;
    int64_t text_room, lists_room, runs_room;
    int64_t *slots; /* hash table of qids: list + 1, 0 for a free slot; n_slots a power of two */
    int64_t n_slots;
    int64_t open; /* the list under way + 1; 0: none */
    bool has_doc_ids;
};

/* A row of the list of this qid (n bytes at `qid`), at `place`. A qid that comes back after another
 * list, or after rg__gather_end_list, is RG_BAD_DATA unless `regroup`. */
rg_status rg__gather_qid(struct rg__gather *g, const char *qid, size_t n, struct rg__place place,
                         bool regroup);

/* Ends the list under way: the next row begins another, or comes back to an earlier one. */
void rg__gather_end_list(struct rg__gather *g);

/* A list without qid: n_rows rows from first_row on. */
rg_status rg__gather_list(struct rg__gather *g, int64_t first_row, int64_t n_rows);

/* The row itself: entries (n) by ascending column; doc_id (n_doc_id bytes) may be NULL. Zeros are
 * dropped. */
rg_status rg__gather_row(struct rg__gather *g, double label, const struct rg__entry *entries,
                         int64_t n, const char *doc_id, size_t n_doc_id);

/* Makes all of it a split of `dataset`, which then owns the arrays. Without lists the offsets stay
 * NULL. */
rg_status rg__gather_finish(struct rg__gather *g, int64_t n_features, rg_dataset *dataset,
                            rg_split *split);

void rg__gather_free(struct rg__gather *g);

#endif

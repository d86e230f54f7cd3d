/* chunk.h (internal): a piece of SVMlight / LETOR text parsed to rows.
 *
 * The one idea: a chunk knows nothing of what stands before it, so that chunks are parsed beside
 * each other. What needs to know (which list a row belongs to, the number of a line) is left to
 * whoever joins them in order; a chunk that fails is parsed again there, for its sentence. */
#ifndef RG_DATA_TEXT_CHUNK_H
#define RG_DATA_TEXT_CHUNK_H

#include "data/builder/precision.h"
#include "data/text/lines.h"

/* Rows. Arrays grow; *_room are their capacities. */
struct rg__row_store {
    int64_t n_rows, n_values;
    double *labels;   /* (n_rows); 0 where there is none */
    int64_t *doc_ids; /* (n_rows) where in a text; -1: none */
    int64_t *indptr;  /* (n_rows + 1) */
    int32_t *columns; /* (n_values), ascending within a row; zeros are left out */
    void *values;     /* (n_values) of the type `dtype`, f32 or f64 */
    rg_dtype dtype;
    int64_t labels_room, doc_ids_room, indptr_room, columns_room, values_room;
};

/* Room for `count` elements in an array of `owner`; array_room is its capacity. */
#define RG__ROOM(ctx, owner, array, count)                                                         \
    rg__make_room((ctx), &(owner)->array, &(owner)->array##_room, (count), sizeof *(owner)->array)

/* `array` is the address of a pointer of any type. */
bool rg__make_room(rg_context *ctx, void *array, int64_t *room, int64_t count, size_t size);

/* Arrays for so many rows and values; room for one value at least, so that none is NULL. */
bool rg__store_room(rg_context *ctx, struct rg__row_store *rows, int64_t n_rows, int64_t n_values);
void rg__store_free(rg_context *ctx, struct rg__row_store *rows);

/* Rows of one qid, or without any, that stand together, all with a label or all without. */
struct rg__run {
    const char *qid; /* in the text; NULL: none */
    size_t n_qid;
    int64_t first_row, n_rows;
    int64_t line;    /* of the first row, from 1 */
    bool has_labels; /* all its rows have one, or none has */
};

/* How indices are to be read. */
struct rg__text_form {
    int64_t first_index, last_index; /* that a feature may have */
    bool told;                       /* the last one, by --features */
    bool f32;                        /* values that f32 holds only as infinite are errors */
};

/* Zeroed at first; may be parsed into again and again. Ended by rg__chunk_free. */
struct rg__chunk {
    struct rg__piece piece;
    struct rg__row_store rows; /* in f64 */
    int64_t n_lines, n_text, n_runs;
    int64_t n_columns; /* the largest column + 1 */
    char *text;        /* doc ids, each ended by NUL */
    struct rg__run *runs;
    int64_t text_room, runs_room;
    bool has_doc_ids;
    rg_status status;
    int64_t number;                    /* set by the caller, for RG__CHUNK_PLACE */
    int64_t row_at, value_at, text_at; /* where it is joined to the rows before it */
};

/* The place of a line, counted from the chunk's first line (1), as struct rg__precision counts
 * places: in the order of the text when chunks are numbered in that order. */
#define RG__CHUNK_PLACE(number, line) ((number) << RG__CHUNK_LINE_BITS | (line))
enum { RG__CHUNK_LINE_BITS = 20 }; /* more lines than a piece has */

/* Parses the chunk's piece. `before` is the file and the line before it, `first_row` whether a row
 * would be the file's first: both for the sentence of RG_BAD_DATA. `precision` (NULL: nothing) gets
 * the values. On failure the runs are those up
 * to and with the line that is wrong. */
rg_status rg__chunk_parse(rg_context *ctx, const struct rg__text_form *form,
                          struct rg__place before, bool first_row, struct rg__precision *precision,
                          struct rg__chunk *chunk);

void rg__chunk_free(rg_context *ctx, struct rg__chunk *chunk);

/* ---- Words ----------------------------------------------------------------------------------- */

/* The first byte at or behind `at` that is no blank; '\n' is none. */
const char *rg__skip_blanks(const char *at);

/* "FILE:LINE:COLUMN: found WORD, expected EXPECTED", RG_BAD_DATA; the column counts bytes from 1.
 * `line` is where the line begins that `word` is in. */
rg_status rg__fail_word(rg_context *ctx, struct rg__place place, const char *line, const char *word,
                        const char *expected);

#endif

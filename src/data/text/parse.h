/* parse.h (internal): a piece of text parsed to rows; what the parser of a format sees and fills.
 *
 * Pieces are parsed side by side, so a parser knows nothing of the text before its piece. Which
 * list a row belongs to and the number of a line are found when parsed pieces are joined in order;
 * a piece that fails is parsed again there, for an error message with its place. */
#ifndef RG_DATA_TEXT_PARSE_H
#define RG_DATA_TEXT_PARSE_H

#include "data/builder/precision.h"
#include "data/formats.h"
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

/* Consecutive rows of one qid, or without any, all with a label or all without. */
struct rg__query_rows {
    const char *qid; /* in the text; NULL: none */
    size_t n_qid;
    int64_t first_row, n_rows;
    int64_t line;    /* of the first row, from 1 */
    bool has_labels; /* all its rows have one, or none has */
};

/* The format of a text and how it is to be read. */
struct rg__text_form {
    const struct rg__format *format;
    int64_t first_index, last_index; /* that a feature may have */
    bool is_limited;                 /* the last one, by the option n_features or ... */
    const char *width_of;            /* ... by the number of features of that file; NULL */
    bool f32;                        /* values that f32 holds only as infinite are errors */
    char *header;                    /* the file's first line, where the format has one */
};

/* Zeroed at first; may be parsed into again and again. Freed by rg__parsed_free. */
struct rg__parsed {
    struct rg__piece piece;
    struct rg__row_store rows; /* in f64 */
    int64_t n_lines, n_text, n_queries;
    int64_t n_columns; /* the largest column + 1 */
    char *text;        /* doc ids, each ended by NUL */
    struct rg__query_rows *queries;
    int64_t text_room, queries_room;
    bool has_doc_ids;
    int64_t n_comment_lines; /* comments alone; set by the format, like ... */
    int64_t n_comment_rows;  /* ... rows whose comment has more words than the document id */
    rg_status status;
    int64_t number;                    /* set by the caller, for RG__PLACE_IN */
    int64_t row_at, value_at, text_at; /* where it is joined to the rows before it */
};

/* The place of a line, counted from the piece's first line (1), as struct rg__precision counts
 * places: in the order of the text when pieces are numbered in that order. */
#define RG__PLACE_IN(number, line) ((number) << RG__LINE_BITS | (line))
enum { RG__LINE_BITS = 20 }; /* more lines than a piece has */

/* Parses parsed->piece. `before` is the file and the line before it, `first_row` whether a row
 * would be the file's first: both for the error message of RG_BAD_DATA. `precision` (NULL: nothing)
 * gets the values. On failure the queries are those up to and with the line that is wrong. */
rg_status rg__parse(rg_context *ctx, const struct rg__text_form *form, struct rg__place before,
                    bool first_row, struct rg__precision *precision, struct rg__parsed *parsed);

void rg__parsed_free(rg_context *ctx, struct rg__parsed *parsed);

/* ---- For the parser of a format -------------------------------------------------------------- */

/* What a format's read_line is given. Every line ends in '\n', which belongs to no word, so that a
 * parser need not ask how much is left. */
struct rg__line_parser {
    rg_context *ctx;
    const struct rg__text_form *form;
    struct rg__parsed *parsed;
    struct rg__precision *precision; /* NULL: none */
    struct rg__place place;          /* of the line being parsed */
    const char *line;                /* where it begins */
    bool first_row;
    /* The row being built: */
    int64_t first_value, last_column, doc_id;
    double label;
};

/* A row is built by these calls, in this order. False: an error is recorded.
 *
 * Begins a row with its label (NULL: it has none) and the qid of n_qid bytes at `qid` (NULL: it has
 * none), which stay where they are while the piece is parsed. */
bool rg__begin_row(struct rg__line_parser *p, const double *label, const char *qid, size_t n_qid);

/* A feature: NaN where it is missing. Columns ascend, from 0. Zeros may be left out. */
bool rg__add_feature(struct rg__line_parser *p, int64_t column, double value);

/* Document id, n bytes. */
bool rg__set_document(struct rg__line_parser *p, const char *id, size_t n);

bool rg__end_row(struct rg__line_parser *p);

/* A word, quoted for a message: printable ASCII, shortened. */
enum { RG__QUOTED = 48 };
const char *rg__quote_word(const char *word, char text[RG__QUOTED]);

/* "FILE:LINE:COLUMN: found WORD, expected EXPECTED", RG_BAD_DATA; the column counts bytes from 1.
 * `line` is where the line begins that `word` is in. rg__fail_at is the same for the line being
 * parsed, and returns NULL. */
rg_status rg__fail_word(rg_context *ctx, struct rg__place place, const char *line, const char *word,
                        const char *expected);
const char *rg__fail_at(const struct rg__line_parser *p, const char *word, const char *expected);

#endif

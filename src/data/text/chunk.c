/* chunk.c: lines  [label] [qid:ID] index:value ... [# comment]  to rows; see chunk.h.
 *
 * The one idea: a line is parsed where it lies, by a pointer that only moves forward; every line
 * ends in '\n', which belongs to no token, so that nothing asks how much is left. What a line is
 * wrong about is found out only when it is wrong. */
#include "data/text/chunk.h"

#include "base/number.h"
#include "data/ids.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What is at hand while a chunk is parsed. */
struct parser {
    rg_context *ctx;
    const struct rg__text_form *form;
    struct rg__chunk *chunk;
    struct rg__precision *precision; /* NULL: none */
    struct rg__place place;          /* of the line being parsed */
    const char *line;                /* where it begins */
    bool first_row;
};

/* ---- Arrays ---------------------------------------------------------------------------------- */

bool rg__make_room(rg_context *ctx, void *array, int64_t *room, int64_t count, size_t size)
{
    void *block;
    memcpy(&block, array, sizeof block);
    bool done = rg__grow(ctx, &block, room, count, size, "rows of text");
    memcpy(array, &block, sizeof block);
    return done;
}

bool rg__store_room(rg_context *ctx, struct rg__row_store *rows, int64_t n_rows, int64_t n_values)
{
    return RG__ROOM(ctx, rows, labels, n_rows) && RG__ROOM(ctx, rows, doc_ids, n_rows) &&
           RG__ROOM(ctx, rows, indptr, n_rows + 1) && RG__ROOM(ctx, rows, columns, n_values + 1) &&
           rg__make_room(ctx, &rows->values, &rows->values_room, n_values + 1,
                         rg_dtype_size(rows->dtype));
}

void rg__store_free(rg_context *ctx, struct rg__row_store *rows)
{
    rg__free(ctx, rows->labels);
    rg__free(ctx, rows->doc_ids);
    rg__free(ctx, rows->indptr);
    rg__free(ctx, rows->columns);
    rg__free(ctx, rows->values);
}

/* ---- Words ----------------------------------------------------------------------------------- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

static bool is_digit(char c)
{
    return (unsigned)(c - '0') < 10u;
}

static const char *skip_blanks(const char *at)
{
    while (is_blank(*at))
        at++;
    return at;
}

const char *rg__skip_blanks(const char *at)
{
    return skip_blanks(at);
}

/* The end of the word at `at`: the next blank or the line's end. */
static const char *word_end(const char *at)
{
    while (*at != '\n' && !is_blank(*at))
        at++;
    return at;
}

/* Whether a number may end here: at a blank, a comment, the line's end. */
static bool is_end(char c)
{
    return c == ' ' || c == '\n' || c == '#' || is_blank(c);
}

/* A word, quoted for a message: printable ASCII, shortened. */
enum { QUOTED = 48 };

static const char *quote(const char *word, char text[QUOTED])
{
    const char *end = word_end(word);
    if (end == word)
        return *word == '\n' ? "the end of the line" : "a blank";
    bool whole = end - word <= QUOTED - 6;
    int n = whole ? (int)(end - word) : QUOTED - 6, k = 0;
    text[k++] = '"';
    for (int i = 0; i < n; i++)
        text[k++] = word[i] >= ' ' && word[i] <= '~' ? word[i] : '?';
    snprintf(text + k, (size_t)(QUOTED - k), "%s", whole ? "\"" : "...\"");
    return text;
}

rg_status rg__fail_word(rg_context *ctx, struct rg__place place, const char *line, const char *word,
                        const char *expected)
{
    char text[QUOTED];
    return rg__fail(ctx, RG_BAD_DATA, "%s:%lld:%lld: found %s, expected %s", place.file,
                    (long long)place.line, (long long)(word - line) + 1, quote(word, text),
                    expected);
}

/* The same for the line being parsed. Always NULL. */
static const char *fail_word(const struct parser *p, const char *word, const char *expected)
{
    rg__fail_word(p->ctx, p->place, p->line, word, expected);
    return NULL;
}

/* A document or query id that rg__id_error refuses. Always NULL. */
static const char *fail_id(const struct parser *p, const char *word, const char *error)
{
    char expected[160];
    snprintf(expected, sizeof expected,
             "an id of UTF-8 text without control characters; this one %s", error);
    return fail_word(p, word, expected);
}

/* ---- Features -------------------------------------------------------------------------------- */

/* What is wrong with the index of the feature at `word`. Always NULL. */
static const char *fail_index(const struct parser *p, const char *word)
{
    char most[64];
    const char *digits = word, *expected = most;
    while (is_digit(*digits))
        digits++;
    snprintf(most, sizeof most, "an index of at most %lld%s", (long long)p->form->last_index,
             p->form->told ? " (--features)" : "");
    bool has_index = digits > word && *digits == ':';
    long long index = has_index ? strtoll(word, NULL, 10) : 0; /* digits mean the same anywhere */
    if (strncmp(word, "qid:", 4) == 0)
        expected = "index:value; qid:ID stands once, right behind the label";
    else if (!has_index)
        expected = "index:value, an index being a whole number";
    else if (index < p->form->first_index)
        expected = "an index of at least 1; --zero-based if the first column has index 0";
    return fail_word(p, word, expected);
}

/* What is wrong with the value of feature `index` at `word`; `value` is what was read, NULL for
 * nothing. Always NULL. */
static const char *fail_value(const struct parser *p, int64_t index, const char *word,
                              const double *value)
{
    char text[QUOTED];
    rg__fail(
        p->ctx, RG_BAD_DATA, "%s:%lld:%lld: feature %lld: found %s, expected %s", p->place.file,
        (long long)p->place.line, (long long)(word - p->line) + 1, (long long)index,
        quote(word, text),
        !value        ? "a decimal number"
        : *value == 0 ? "0 or a number that 64-bit floats hold, from 4.9e-324 in magnitude"
        : isinf(*value)
            ? "a finite number, or nan where it is missing"
            : "a number that 32-bit floats hold, below 3.4e38 in magnitude; 64-bit floats hold it");
    return NULL;
}

/* The features of a line, from `at` on, to columns and values from n_values on, which have room for
 * them; zeros are left out, unless they are to be kept. *last becomes the largest column and
 * *ascending false where they do not ascend. Returns the end, at a comment or the line's end; NULL:
 * error recorded. */
static const char *read_features(const struct parser *p, const char *at, bool keep_zeros,
                                 int64_t *last, bool *ascending)
{
    struct rg__row_store *rows = &p->chunk->rows;
    double *values = rows->values;
    const int64_t first = p->form->first_index, most = p->form->last_index;
    int64_t k = rows->n_values, before = -1;
    *ascending = true;
    while (*(at = skip_blanks(at)) != '\n' && *at != '#') {
        const char *word = at;
        int64_t index = 0;
        for (; is_digit(*at) && index <= most; at++)
            index = 10 * index + (*at - '0');
        if (at == word || *at != ':' || index < first || index > most)
            return fail_index(p, word);
        double value;
        word = at + 1;
        at = rg__read_number(word, &value);
        if (!at || !is_end(*at))
            return fail_value(p, index, word, NULL);
        if (isinf(value) || (p->form->f32 && isinf((float)value)) ||
            (value == 0 && rg__underflows(word, at)))
            return fail_value(p, index, word, &value);
        int64_t column = index - first;
        *ascending &= column > before;
        before = column > before ? column : before;
        rows->columns[k] = (int32_t)column;
        values[k] = value;
        k += value != 0 || keep_zeros;
    }
    rows->n_values = k;
    *last = before;
    return at;
}

/* The second word with this index among the features at `at`. */
static const char *find_second(const char *at, int64_t index)
{
    for (int n = 0;; at = word_end(at)) {
        at = skip_blanks(at);
        n += is_digit(*at) && strtoll(at, NULL, 10) == index;
        if (n == 2 || *at == '\n' || *at == '#')
            return at;
    }
}

/* One feature of a row. */
struct entry {
    int32_t column;
    double value;
};

static int by_column(const void *a, const void *b)
{
    int32_t x = ((const struct entry *)a)->column, y = ((const struct entry *)b)->column;
    return (x > y) - (x < y);
}

/* Reads the features of a line again, as they are not in order, and sorts them. */
static rg_status sort_features(const struct parser *p, const char *at)
{
    struct rg__row_store *rows = &p->chunk->rows;
    int64_t last, first = rows->n_values, twice = -1;
    bool ascending;
    rg_status status = RG_OK;
    read_features(p, at, true, &last, &ascending);
    double *values = rows->values;
    int64_t n = rows->n_values - first;
    struct entry *entries = rg__alloc(p->ctx, n, sizeof *entries, "a row of text");
    if (!entries)
        return RG_LIMIT;
    for (int64_t i = 0; i < n; i++)
        entries[i] = (struct entry){rows->columns[first + i], values[first + i]};
    qsort(entries, (size_t)n, sizeof *entries, by_column);
    rows->n_values = first;
    for (int64_t i = 0; i < n && twice < 0; i++) {
        rows->columns[rows->n_values] = entries[i].column;
        values[rows->n_values] = entries[i].value;
        rows->n_values += entries[i].value != 0;
        if (i > 0 && entries[i].column == entries[i - 1].column)
            twice = entries[i].column + p->form->first_index;
    }
    if (twice >= 0)
        status = rg__fail(p->ctx, RG_BAD_DATA,
                          "%s:%lld:%lld: feature index %lld is there twice, expected each once a "
                          "row",
                          p->place.file, (long long)p->place.line,
                          (long long)(find_second(at, twice) - p->line) + 1, (long long)twice);
    rg__free(p->ctx, entries);
    return status;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* The label at `at`; its end, or NULL: error recorded. */
static const char *read_label(const struct parser *p, const char *at, double *label)
{
    const char *end = rg__read_number(at, label);
    bool is_number = end && is_end(*end);
    if (is_number && isfinite(*label) && (*label != 0 || !rg__underflows(at, end)))
        return end;
    return fail_word(
        p, at,
        is_number && *label == 0
            ? "a label that is 0 or that 64-bit floats hold, from 4.9e-324 in magnitude"
        : is_number    ? "a finite label"
        : p->first_row ? "a label; this is neither an HDF5 data set nor lines " RG__LINE_FORMAT
                       : "a label, a decimal number");
}

/* Whether a row begins with its qid or its features instead of a label. */
static bool lacks_label(const char *at)
{
    if (strncmp(at, "qid:", 4) == 0)
        return true;
    const char *end = at;
    while (is_digit(*end))
        end++;
    return end > at && *end == ':';
}

/* The qid token at `at`, if there is one: the row's run. Its end; NULL: error recorded. */
static const char *read_qid(const struct parser *p, const char *at, bool has_label)
{
    struct rg__chunk *chunk = p->chunk;
    bool has_qid = strncmp(at, "qid:", 4) == 0;
    const char *id = has_qid ? at + 4 : NULL, *end = has_qid ? word_end(id) : at;
    size_t n = has_qid ? (size_t)(end - id) : 0;
    struct rg__run *run = chunk->n_runs > 0 ? &chunk->runs[chunk->n_runs - 1] : NULL;
    if (!run || run->n_qid != n || !run->qid != !id || run->has_labels != has_label ||
        (id && memcmp(run->qid, id, n) != 0)) {
        const char *error = n > 0 ? rg__id_error(id, n, true) : NULL;
        if (error)
            return fail_id(p, id, error);
        if (!RG__ROOM(p->ctx, chunk, runs, chunk->n_runs + 1))
            return NULL;
        run = &chunk->runs[chunk->n_runs++];
        *run = (struct rg__run){id, n, chunk->rows.n_rows, 0, p->place.line, has_label};
    }
    run->n_rows++;
    if (!has_qid || n > 0)
        return end;
    return fail_word(p, at, "qid:ID, the ID being any word");
}

/* The doc id in a comment, which starts behind its '#': the word behind "docid =", else the first
 * word; NULL when there is none. *n gets its length. */
static const char *find_doc_id(const char *comment, size_t *n)
{
    const char *word = skip_blanks(comment);
    for (const char *at = word; *at != '\n'; at++) {
        if (*at != 'd' || strncmp(at, "docid", 5) != 0)
            continue;
        const char *equals = skip_blanks(at + 5);
        if (*equals != '=')
            continue;
        word = skip_blanks(equals + 1);
        break;
    }
    *n = (size_t)(word_end(word) - word);
    return *n > 0 ? word : NULL;
}

/* Where the doc id of the comment at `at` is kept, in *doc_id; -1: there is none. */
static bool keep_doc_id(const struct parser *p, const char *at, int64_t *doc_id)
{
    struct rg__chunk *chunk = p->chunk;
    size_t n = 0;
    const char *word = *at == '#' ? find_doc_id(at + 1, &n) : NULL;
    *doc_id = word ? chunk->n_text : -1;
    if (!word)
        return true;
    const char *error = rg__id_error(word, n, true);
    if (error)
        return fail_id(p, word, error);
    if (!RG__ROOM(p->ctx, chunk, text, chunk->n_text + (int64_t)n + 1))
        return false;
    memcpy(chunk->text + chunk->n_text, word, n);
    chunk->text[chunk->n_text + (int64_t)n] = '\0';
    chunk->n_text += (int64_t)n + 1;
    return chunk->has_doc_ids = true;
}

/* Has the precision of the last row's values looked at, which begin at `first`. */
static bool watch(const struct parser *p, int64_t first)
{
    const struct rg__row_store *rows = &p->chunk->rows;
    return !p->precision ||
           rg__precision_add(p->ctx, p->precision, rows->columns + first,
                             (const double *)rows->values + first, rows->n_values - first,
                             RG__CHUNK_PLACE(p->chunk->number, p->chunk->n_lines + 1));
}

/* One line, at whose first word `at` is; blank ones and comments are no rows. Its end; NULL: error
 * recorded. */
static const char *read_line(struct parser *p, const char *at)
{
    struct rg__row_store *rows = &p->chunk->rows;
    double label = 0;
    int64_t last, doc_id, first = rows->n_values;
    bool ascending;
    if (*at == '\n')
        return at;
    if (*at == '#')
        return strchr(at, '\n');
    bool has_label = !lacks_label(at);
    if (has_label)
        at = read_label(p, at, &label);
    if (at)
        at = read_qid(p, skip_blanks(at), has_label);
    const char *features = at;
    if (at)
        at = read_features(p, at, false, &last, &ascending);
    if (!at)
        return NULL;
    if (!ascending) {
        rows->n_values = first;
        if (sort_features(p, features) != RG_OK)
            return NULL;
    }
    if (!keep_doc_id(p, at, &doc_id) ||
        !rg__store_room(p->ctx, rows, rows->n_rows + 1, rows->n_values) || !watch(p, first))
        return NULL;
    rows->labels[rows->n_rows] = label;
    rows->doc_ids[rows->n_rows] = doc_id;
    rows->indptr[++rows->n_rows] = rows->n_values;
    if (last >= p->chunk->n_columns)
        p->chunk->n_columns = last + 1;
    p->first_row = false;
    return *at == '\n' ? at : strchr(at, '\n');
}

static rg_status parse(struct parser *p)
{
    static const char mark[] = "\xEF\xBB\xBF"; /* the byte order mark of UTF-8 */
    struct rg__chunk *chunk = p->chunk;
    const struct rg__piece *piece = &chunk->piece;
    const char *at = piece->begin;
    /* "1:1 " is the shortest feature: none is asked for its room any more. */
    if (!rg__store_room(p->ctx, &chunk->rows, 1, (piece->end - piece->begin) / 4))
        return RG_LIMIT;
    rg_status status = rg__cancelled(p->ctx);
    if (status == RG_OK)
        status = rg__lines_check(p->ctx, piece, p->place);
    if (status != RG_OK)
        return status;
    chunk->rows.indptr[0] = 0;
    if (piece->first && strncmp(at, mark, 3) == 0)
        at += 3;
    while (at < piece->end) {
        p->place.line++;
        p->line = at;
        at = read_line(p, skip_blanks(at));
        if (!at)
            return rg_last_status(p->ctx);
        at++;
        chunk->n_lines++;
    }
    return RG_OK;
}

rg_status rg__chunk_parse(rg_context *ctx, const struct rg__text_form *form,
                          struct rg__place before, bool first_row, struct rg__precision *precision,
                          struct rg__chunk *chunk)
{
    struct parser p = {ctx, form, chunk, precision, before, NULL, first_row};
    chunk->n_lines = chunk->n_text = chunk->n_runs = chunk->n_columns = 0;
    chunk->rows.n_rows = chunk->rows.n_values = 0;
    chunk->rows.dtype = RG_F64;
    chunk->has_doc_ids = false;
    return chunk->status = parse(&p);
}

void rg__chunk_free(rg_context *ctx, struct rg__chunk *chunk)
{
    rg__store_free(ctx, &chunk->rows);
    rg__free(ctx, chunk->text);
    rg__free(ctx, chunk->runs);
    *chunk = (struct rg__chunk){0};
}

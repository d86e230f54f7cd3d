/* parse.c: pieces of text parsed line by line by the parser of their format; see parse.h. */
#include "data/text/parse.h"

#include "data/ids.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

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

const char *rg__quote_word(const char *word, char text[RG__QUOTED])
{
    const char *end = rg__word_end(word);
    if (end == word)
        return *word == '\n' ? "the end of the line" : "a blank";
    bool whole = end - word <= RG__QUOTED - 6;
    int n = whole ? (int)(end - word) : RG__QUOTED - 6, k = 0;
    text[k++] = '"';
    for (int i = 0; i < n; i++)
        text[k++] = word[i] >= ' ' && word[i] <= '~' ? word[i] : '?';
    snprintf(text + k, (size_t)(RG__QUOTED - k), "%s", whole ? "\"" : "...\"");
    return text;
}

rg_status rg__fail_word(rg_context *ctx, struct rg__place place, const char *line, const char *word,
                        const char *expected)
{
    char text[RG__QUOTED];
    return rg__fail(ctx, RG_BAD_DATA, "%s:%lld:%lld: found %s, expected %s", place.file,
                    (long long)place.line, (long long)(word - line) + 1, rg__quote_word(word, text),
                    expected);
}

const char *rg__fail_at(const struct rg__line_parser *p, const char *word, const char *expected)
{
    rg__fail_word(p->ctx, p->place, p->line, word, expected);
    return NULL;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Whether n bytes may be a document or query id. */
static bool check_id(const struct rg__line_parser *p, const char *id, size_t n)
{
    char expected[160];
    const char *error = rg__id_error(id, n, true);
    if (!error)
        return true;
    snprintf(expected, sizeof expected,
             "an id of UTF-8 text without control characters; this one %s", error);
    return rg__fail_at(p, id, expected);
}

/* "FILE:LINE: the row FORMAT". Always false. */
static bool RG__PRINTF(2, 3) fail_row(const struct rg__line_parser *p, const char *format, ...)
{
    char text[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    rg__fail(p->ctx, RG_BAD_DATA, "%s:%lld: the row %s", p->place.file, (long long)p->place.line,
             text);
    return false;
}

bool rg__begin_row(struct rg__line_parser *p, const double *label, const char *qid, size_t n_qid)
{
    struct rg__parsed *parsed = p->parsed;
    int64_t n = parsed->n_queries;
    struct rg__query_rows *query = n > 0 ? &parsed->queries[n - 1] : NULL;
    p->first_value = parsed->rows.n_values;
    p->last_column = p->doc_id = -1;
    p->label = label ? *label : 0;
    if (!isfinite(p->label))
        return fail_row(p, "has a label that is not finite");
    if (!query || query->n_qid != n_qid || !query->qid != !qid || query->has_labels != !!label ||
        (qid && memcmp(query->qid, qid, n_qid) != 0)) {
        if ((qid && !check_id(p, qid, n_qid)) || !RG__ROOM(p->ctx, parsed, queries, n + 1))
            return false;
        query = &parsed->queries[parsed->n_queries++];
        *query = (struct rg__query_rows){qid, n_qid, parsed->rows.n_rows, 0, p->place.line, label};
    }
    query->n_rows++;
    return true;
}

bool rg__add_feature(struct rg__line_parser *p, int64_t column, double value)
{
    struct rg__row_store *rows = &p->parsed->rows;
    int64_t n_columns = p->form->last_index + 1 - p->form->first_index;
    if (column >= n_columns)
        return fail_row(p, "has more features than the expected %lld", (long long)n_columns);
    if (column <= p->last_column)
        return fail_row(p, "has its features in no ascending order");
    if (isinf(value) || (p->form->f32 && isinf((float)value)))
        return fail_row(p, "has the feature %lld beyond the range of the type",
                        (long long)column + p->form->first_index);
    p->last_column = column;
    if (value == 0)
        return true;
    if (!RG__ROOM(p->ctx, rows, columns, rows->n_values + 1) ||
        !rg__make_room(p->ctx, &rows->values, &rows->values_room, rows->n_values + 1,
                       sizeof(double)))
        return false;
    rows->columns[rows->n_values] = (int32_t)column;
    ((double *)rows->values)[rows->n_values++] = value;
    return true;
}

bool rg__set_document(struct rg__line_parser *p, const char *id, size_t n)
{
    struct rg__parsed *parsed = p->parsed;
    int64_t at = parsed->n_text;
    if (!check_id(p, id, n) || !RG__ROOM(p->ctx, parsed, text, at + (int64_t)n + 1))
        return false;
    memcpy(parsed->text + at, id, n);
    parsed->text[at + (int64_t)n] = '\0';
    parsed->n_text += (int64_t)n + 1;
    p->doc_id = at;
    return parsed->has_doc_ids = true;
}

bool rg__end_row(struct rg__line_parser *p)
{
    struct rg__parsed *parsed = p->parsed;
    struct rg__row_store *rows = &parsed->rows;
    if (!rg__store_room(p->ctx, rows, rows->n_rows + 1, rows->n_values))
        return false;
    if (p->precision && !rg__precision_add(p->ctx, p->precision, rows->columns + p->first_value,
                                           (const double *)rows->values + p->first_value,
                                           rows->n_values - p->first_value,
                                           RG__PLACE_IN(parsed->number, parsed->n_lines + 1)))
        return false;
    rows->labels[rows->n_rows] = p->label;
    rows->doc_ids[rows->n_rows] = p->doc_id;
    rows->indptr[++rows->n_rows] = rows->n_values;
    if (p->last_column >= parsed->n_columns)
        parsed->n_columns = p->last_column + 1;
    p->first_row = false;
    return true;
}

static rg_status parse_lines(struct rg__line_parser *p)
{
    struct rg__parsed *parsed = p->parsed;
    const struct rg__piece *piece = &parsed->piece;
    const char *at = rg__skip_mark(piece);
    rg_status status = rg__cancelled(p->ctx);
    if (status == RG_OK)
        status = rg__lines_check(p->ctx, piece, p->place, p->form->format->component.formula);
    /* Room for features of four bytes, which are the shortest of SVMlight's. */
    if (status == RG_OK &&
        !rg__store_room(p->ctx, &parsed->rows, 1, (piece->end - piece->begin) / 4))
        status = RG_LIMIT;
    if (status != RG_OK)
        return status;
    parsed->rows.indptr[0] = 0;
    for (; at < piece->end; at++, parsed->n_lines++) {
        bool is_header = p->form->header && piece->first && parsed->n_lines == 0;
        p->place.line++;
        p->line = at;
        at = rg__skip_blanks(at);
        if (*at != '\n' && !is_header)
            at = p->form->format->read_line(p, at);
        if (!at)
            return rg_last_status(p->ctx);
        at = strchr(at, '\n');
    }
    return RG_OK;
}

rg_status rg__parse(rg_context *ctx, const struct rg__text_form *form, struct rg__place before,
                    bool first_row, struct rg__precision *precision, struct rg__parsed *parsed)
{
    struct rg__line_parser p = {.ctx = ctx,
                                .form = form,
                                .parsed = parsed,
                                .precision = precision,
                                .place = before,
                                .first_row = first_row};
    parsed->n_lines = parsed->n_text = parsed->n_queries = parsed->n_columns = 0;
    parsed->rows.n_rows = parsed->rows.n_values = 0;
    parsed->rows.dtype = RG_F64;
    parsed->n_comment_lines = parsed->n_comment_rows = 0;
    parsed->has_doc_ids = false;
    return parsed->status = parse_lines(&p);
}

void rg__parsed_free(rg_context *ctx, struct rg__parsed *parsed)
{
    rg__store_free(ctx, &parsed->rows);
    rg__free(ctx, parsed->text);
    rg__free(ctx, parsed->queries);
    *parsed = (struct rg__parsed){0};
}

/* svmlight.c: SVMlight / LETOR text, lines  [label] [qid:ID] index:value ... [# comment]
 *
 * The document id is the word after "docid =" in the comment, or else its first word. A line is
 * parsed where it lies, by a pointer that only moves forward; what exactly is wrong with it is
 * found out only when something is. */
#include "data/formats.h"

#include "base/number.h"
#include "data/text/parse.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE "label [qid:ID] index:value ... [# comment]"

static bool is_digit(char c)
{
    return (unsigned)(c - '0') < 10u;
}

/* Whether a number may end here: at a blank, a comment, the line's end. */
static bool is_end(char c)
{
    return c == ' ' || c == '\n' || c == '#' || rg__is_blank(c);
}

/* ---- Features -------------------------------------------------------------------------------- */

/* What is wrong with the index of the feature at `word`. Always NULL. */
static const char *fail_index(const struct rg__line_parser *p, const char *word)
{
    char most[512];
    const char *digits = word, *expected = most, *other = p->form->width_of;
    while (is_digit(*digits))
        digits++;
    int n = snprintf(most, sizeof most, "an index of at most %lld", (long long)p->form->last_index);
    if (other)
        snprintf(most + n, sizeof most - (size_t)n, " (%lld features, as %s has)",
                 (long long)(p->form->last_index + 1 - p->form->first_index), other);
    else if (p->form->is_limited)
        snprintf(most + n, sizeof most - (size_t)n, " (`n_features`)");
    bool has_index = digits > word && *digits == ':';
    long long index = has_index ? strtoll(word, NULL, 10) : 0; /* digits mean the same anywhere */
    if (strncmp(word, "qid:", 4) == 0)
        expected = "index:value; qid:ID stands once, right after the label";
    else if (!has_index)
        expected = "index:value, an index being a whole number";
    else if (index < p->form->first_index)
        expected = "an index of at least 1, or `zero_based` if the first column has index 0";
    return rg__fail_at(p, word, expected);
}

/* What is wrong with the value of feature `index` at `word`; `value` is what was read, NULL for
 * nothing. Always NULL. */
static const char *fail_value(const struct rg__line_parser *p, int64_t index, const char *word,
                              const double *value)
{
    char text[RG__QUOTED];
    rg__fail(
        p->ctx, RG_BAD_DATA, "%s:%lld:%lld: feature %lld: found %s, expected %s", p->place.file,
        (long long)p->place.line, (long long)(word - p->line) + 1, (long long)index,
        rg__quote_word(word, text),
        !value        ? "a decimal number"
        : *value == 0 ? "0 or a number that 64-bit floats hold, from 4.9e-324 in magnitude"
        : isinf(*value)
            ? "a finite number, or nan where it is missing"
            : "a number that 32-bit floats hold, below 3.4e38 in magnitude; 64-bit floats hold it");
    return NULL;
}

/* The features of a line, from `at` on, to columns and values from n_values on, which have room for
 * them; zeros are left out, unless they are to be kept. *ascending becomes false where columns do
 * not ascend. Returns the end, at a comment or the line's end; NULL: error recorded. */
static const char *read_features(struct rg__line_parser *p, const char *at, bool keep_zeros,
                                 bool *ascending)
{
    struct rg__row_store *rows = &p->parsed->rows;
    double *values = rows->values;
    const int64_t first = p->form->first_index, most = p->form->last_index;
    int64_t k = rows->n_values, before = -1;
    *ascending = true;
    while (*(at = rg__skip_blanks(at)) != '\n' && *at != '#') {
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
    p->last_column = before;
    return at;
}

/* The second word with this index among the features at `at`. */
static const char *find_second(const char *at, int64_t index)
{
    for (int n = 0;; at = rg__word_end(at)) {
        at = rg__skip_blanks(at);
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
static rg_status sort_features(struct rg__line_parser *p, const char *at)
{
    struct rg__row_store *rows = &p->parsed->rows;
    int64_t first = rows->n_values = p->first_value, twice = -1;
    bool ascending;
    rg_status status = RG_OK;
    read_features(p, at, true, &ascending);
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
static const char *read_label(const struct rg__line_parser *p, const char *at, double *label)
{
    const char *end = rg__read_number(at, label);
    bool is_number = end && is_end(*end);
    if (is_number && isfinite(*label) && (*label != 0 || !rg__underflows(at, end)))
        return end;
    return rg__fail_at(
        p, at,
        is_number && *label == 0
            ? "a label that is 0 or that 64-bit floats hold, from 4.9e-324 in magnitude"
        : is_number    ? "a finite label"
        : p->first_row ? "a label; this is neither an HDF5 data set nor lines \"" LINE "\""
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

/* The qid word at `at`, if there is one, which begins the row. Its end; NULL: error recorded. */
static const char *begin_row(struct rg__line_parser *p, const char *at, const double *label)
{
    bool has_qid = strncmp(at, "qid:", 4) == 0;
    const char *id = has_qid ? at + 4 : NULL, *end = has_qid ? rg__word_end(id) : at;
    if (!rg__begin_row(p, label, id, has_qid ? (size_t)(end - id) : 0))
        return NULL;
    return has_qid && end == id ? rg__fail_at(p, at, "qid:ID, the ID being any word") : end;
}

/* The doc id in a comment, which starts after its \'#\': the word after "docid =", else the first
 * word; NULL when there is none. *n gets its length. */
static const char *find_doc_id(const char *comment, size_t *n)
{
    const char *word = rg__skip_blanks(comment);
    for (const char *at = word; *at != '\n'; at++) {
        if (*at != 'd' || strncmp(at, "docid", 5) != 0)
            continue;
        const char *equals = rg__skip_blanks(at + 5);
        if (*equals != '=')
            continue;
        word = rg__skip_blanks(equals + 1);
        break;
    }
    *n = (size_t)(rg__word_end(word) - word);
    return *n > 0 ? word : NULL;
}

/* One line, at whose first word `at` is; comments are no rows. Its end or the start of its comment;
 * NULL: error recorded. */
static const char *read_line(struct rg__line_parser *p, const char *at)
{
    double label = 0;
    bool ascending, has_label = !lacks_label(at);
    size_t n;
    if (*at == '#') {
        p->parsed->n_comment_lines++;
        return at;
    }
    if (has_label)
        at = read_label(p, at, &label);
    if (at)
        at = begin_row(p, rg__skip_blanks(at), has_label ? &label : NULL);
    const char *features = at;
    if (at)
        at = read_features(p, at, false, &ascending);
    if (!at || (!ascending && sort_features(p, features) != RG_OK))
        return NULL;
    const char *id = *at == '#' ? find_doc_id(at + 1, &n) : NULL;
    p->parsed->n_comment_rows += id && *rg__skip_blanks(id + n) != '\n';
    return (!id || rg__set_document(p, id, n)) && rg__end_row(p) ? at : NULL;
}

const struct rg__format rg__format_svmlight = {.component = {.name = "SVMlight", .formula = LINE},
                                               .takes = RG__TAKES_GROUP_PATH |
                                                        RG__TAKES_ZERO_BASED | RG__TAKES_DTYPE,
                                               .read_line = read_line};

/* scores.c: scores of rows, one per line, in the order of the rows, as LightGBM and XGBoost write
 * them; or TSV with a line of column names, as `predict --format tsv` and CatBoost write it.
 */
#include "base/number.h"
#include "data/ids.h"
#include "data/split.h"
#include "data/text/parse.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Names of the column with the scores. */
static const char *const score_names[] = {"score", "scores", "prediction", "predictions",
                                          "RawFormulaVal"};
enum { COLUMN_SCORE, COLUMN_QUERY, COLUMN_DOCUMENT, N_COLUMNS };

struct reading {
    rg_context *ctx;
    const rg_split *split;
    const char *data; /* what messages call the split */
    double *scores;   /* (split->n_rows) */
    int64_t n, list;  /* lines with a score; the list of row n */
    bool begun, is_tsv;
    int columns[N_COLUMNS]; /* -1: there is none */
};

/* The end of the cell at `at`, without trailing blanks; *next is the next cell, NULL after the last
 * one. */
static const char *cell_end(const char *at, const char **next)
{
    size_t n = strcspn(at, "\t\n");
    *next = at[n] == '\t' ? at + n + 1 : NULL;
    while (n > 0 && rg__is_blank(at[n - 1]))
        n--;
    return at + n;
}

/* Whether a cell is one of the names. */
static bool is_named(const char *cell, const char *end, const char *const *names, int n_names)
{
    size_t n = (size_t)(end - cell);
    for (int i = 0; i < n_names; i++)
        if (strlen(names[i]) == n && strncasecmp(names[i], cell, n) == 0)
            return true;
    return false;
}

/* Reads the line of names. */
static rg_status read_names(struct reading *r, struct rg__place place, const char *line)
{
    static const char *const queries[] = {"query"}, *const documents[] = {"document"};
    const char *cell = line, *next;
    for (int i = 0; i < N_COLUMNS; i++)
        r->columns[i] = -1;
    for (int column = 0; cell; cell = next, column++) {
        const char *end = cell_end(cell, &next);
        if (is_named(cell, end, score_names, RG__COUNT(score_names)))
            r->columns[COLUMN_SCORE] = column;
        else if (is_named(cell, end, queries, 1))
            r->columns[COLUMN_QUERY] = column;
        else if (is_named(cell, end, documents, 1))
            r->columns[COLUMN_DOCUMENT] = column;
    }
    r->is_tsv = true;
    if (r->columns[COLUMN_SCORE] >= 0)
        return RG_OK;
    return rg__fail_word(r->ctx, place, line, rg__skip_blanks(line),
                         "a score, or the names of columns, tab-separated, with one called score "
                         "or RawFormulaVal");
}

static rg_status check_id(const struct reading *r, struct rg__place place, const char *what,
                          const char *cell, const char *end, const char *id, int64_t number)
{
    char own[24];
    size_t n = (size_t)(end - cell);
    if (!id || !id[0]) {
        snprintf(own, sizeof own, "%lld", (long long)number);
        id = own;
    }
    if (strlen(id) == n && memcmp(id, cell, n) == 0)
        return RG_OK;
    return rg__fail(r->ctx, RG_BAD_DATA,
                    "%s:%lld: found %s %s, but row %lld of %s (from 1) has %s; expected the scores "
                    "in the order of the rows",
                    place.file, (long long)place.line, what, rg__quote_id(cell, n).text,
                    (long long)r->n + 1, r->data, rg__quote_id(id, strlen(id)).text);
}

static rg_status add_score(struct reading *r, struct rg__place place, const char *line,
                           const char *cell, const char *end)
{
    double score;
    if (rg__read_number(cell, &score) != end)
        return rg__fail_word(r->ctx, place, line, cell,
                             r->is_tsv ? "a score, a number" : "one score per line, a number");
    if (r->n < r->split->n_rows)
        r->scores[r->n] = score;
    return RG_OK;
}

/* Reads a line of TSV. Beyond the rows of the split, scores are only counted. */
static rg_status read_cells(struct reading *r, struct rg__place place, const char *line)
{
    const rg_split *split = r->split;
    const char *cell = line, *next;
    bool found = false, inside = r->n < split->n_rows;
    rg_status status = RG_OK;
    while (inside && split->offsets && r->n >= split->offsets[r->list + 1])
        r->list++;
    for (int column = 0; cell && status == RG_OK; cell = next, column++) {
        const char *end = cell_end(cell, &next);
        if (column == r->columns[COLUMN_SCORE]) {
            found = true;
            status = add_score(r, place, line, cell, end);
        } else if (inside && column == r->columns[COLUMN_QUERY] && split->offsets) {
            status = check_id(r, place, "query", cell, end,
                              split->query_ids ? split->query_ids[r->list] : NULL, r->list + 1);
        } else if (inside && column == r->columns[COLUMN_DOCUMENT]) {
            status = check_id(r, place, "document", cell, end,
                              split->doc_ids ? split->doc_ids[r->n] : NULL, r->n + 1);
        }
    }
    if (status == RG_OK && !found)
        return rg__fail_word(r->ctx, place, line, line + strcspn(line, "\n"), "a score, a number");
    return status;
}

static rg_status read_line(void *user, struct rg__place place, const char *line, const char *at)
{
    struct reading *r = user;
    double score;
    rg_status status;
    if (!r->begun && !rg__read_number(at, &score)) {
        r->begun = true;
        return read_names(r, place, line);
    }
    r->begun = true;
    if (r->is_tsv) {
        status = read_cells(r, place, line);
    } else {
        const char *end = rg__word_end(at), *rest = rg__skip_blanks(end);
        status = add_score(r, place, line, at, end);
        if (status == RG_OK && *rest != '\n')
            return rg__fail_word(r->ctx, place, line, rest, "one score per line");
    }
    r->n++;
    return status;
}

rg_status rg_scores_read(rg_context *ctx, const char *path, const rg_split *split, double *scores)
{
    rg_status status =
        rg__require(ctx, "rg_scores_read", "path", path, "split", split, "scores", scores, NULL);
    if (status == RG_OK)
        status = rg__check_split(ctx, split, "rg_scores_read");
    if (status != RG_OK)
        return status;
    const char *data = split->path ? split->path : "the split";
    struct reading r = {.ctx = ctx, .split = split, .data = data, .scores = scores};
    status = rg__read_lines(ctx, path, "score", read_line, &r);
    if (status == RG_OK && r.n != split->n_rows)
        return rg__fail(ctx, RG_BAD_DATA, "%s: %s, but %s has %s; expected one score per row",
                        rg__stream_name(path), rg__counted(r.n, "score").text, data,
                        rg__counted(split->n_rows, "row").text);
    return status;
}

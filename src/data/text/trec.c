/* trec.c: TREC runs and relevance judgements (qrels), joined to lists as trec_eval does it.
 *
 *   run    query Q0 document rank score tag
 *   qrels  query iteration document relevance
 *
 * Both are sorted by query and document and merged. The lists are the queries of the qrels, in the
 * order of their names. A list has the query's documents of the run, in the order of the file, and
 * then the judged ones that the run does not have, which are unranked: their score is -inf. As in
 * trec_eval, Q0, iteration, rank and tag are not used.
 */
#include "base/arena.h"
#include "base/number.h"
#include "data/dataset.h"
#include "data/ids.h"
#include "data/text/parse.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_WORDS = 6, QUERY = 0, DOCUMENT = 2 };

/* What the lines of a file are. */
struct kind {
    const char *words[MOST_WORDS];
    int n_words, value;  /* how many; which is the number */
    const char *pattern; /* for messages */
    bool whole;          /* the number must be whole */
};

static const struct kind run_kind = {
    {"a query", "Q0", "a document", "a rank", "a score, a number", "a tag"},
    6,
    4,
    "query Q0 document rank score tag",
    false};
static const struct kind qrels_kind = {
    {"a query", "an iteration", "a document", "a relevance, a whole number"},
    4,
    3,
    "query iteration document relevance",
    true};

struct record {
    const char *query, *document;
    double value;
    int64_t line;
    const struct record *judgement; /* of the same document; NULL: none */
    bool retrieved;                 /* a judgement of a document of the run */
};

struct table {
    rg_context *ctx;
    const char *name; /* of the file */
    const struct kind *kind;
    struct rg__arena text;
    struct record *records; /* (n) */
    int64_t n, records_room;
    int64_t n_queries;
};

/* ---- Reading --------------------------------------------------------------------------------- */

static const char *copy_word(struct table *t, const char *word, const char *end)
{
    size_t n = (size_t)(end - word);
    char *copy = rg__arena_alloc(&t->text, n + 1);
    if (!copy)
        return NULL;
    memcpy(copy, word, n);
    copy[n] = '\0';
    return copy;
}

static rg_status add_record(struct table *t, struct rg__place place, const char *const *words,
                            const char *const *ends, double value)
{
    static const int ids[] = {QUERY, DOCUMENT};
    for (int i = 0; i < RG__COUNT(ids); i++) {
        size_t n = (size_t)(ends[ids[i]] - words[ids[i]]);
        const char *error = rg__id_error(words[ids[i]], n, false);
        if (error)
            return rg__fail(t->ctx, RG_BAD_DATA, "%s:%lld: the id %s %s; expected UTF-8 text",
                            place.file, (long long)place.line, rg__quote_id(words[ids[i]], n).text,
                            error);
    }
    if (!RG__ROOM(t->ctx, t, records, t->n + 1))
        return RG_LIMIT;
    struct record *record = &t->records[t->n];
    *record = (struct record){.value = value, .line = place.line};
    size_t n = (size_t)(ends[QUERY] - words[QUERY]);
    const char *last = t->n > 0 ? record[-1].query : NULL;
    bool same = last && strlen(last) == n && memcmp(last, words[QUERY], n) == 0;
    record->query = same ? last : copy_word(t, words[QUERY], ends[QUERY]);
    record->document = copy_word(t, words[DOCUMENT], ends[DOCUMENT]);
    t->n++;
    return record->query && record->document ? RG_OK : RG_LIMIT;
}

static rg_status read_line(void *user, struct rg__place place, const char *line, const char *at)
{
    struct table *t = user;
    const struct kind *kind = t->kind;
    const char *words[MOST_WORDS], *ends[MOST_WORDS];
    double value;
    for (int i = 0; i < kind->n_words; i++) {
        words[i] = at;
        ends[i] = rg__word_end(at);
        if (*at == '\n')
            return rg__fail(t->ctx, RG_BAD_DATA, "%s:%lld: found %s, expected %d: \"%s\"",
                            place.file, (long long)place.line, rg__counted(i, "word").text,
                            kind->n_words, kind->pattern);
        at = rg__skip_blanks(ends[i]);
    }
    if (*at != '\n')
        return rg__fail_word(t->ctx, place, line, at,
                             t->kind == &run_kind
                                 ? "the end of the line after the tag, the sixth word"
                                 : "the end of the line after the relevance, the fourth word");
    const char *number = words[kind->value];
    bool valid = rg__read_number(number, &value) == ends[kind->value] && !isnan(value) &&
                 (!kind->whole || (fabs(value) < 0x1p53 && value == floor(value)));
    if (!valid)
        return rg__fail_word(t->ctx, place, line, number, kind->words[kind->value]);
    return add_record(t, place, words, ends, value);
}

static int compare_text(const char *a, const char *b)
{
    return a == b ? 0 : strcmp(a, b);
}

static int by_line(const struct record *a, const struct record *b)
{
    return (a->line > b->line) - (a->line < b->line);
}

static int by_document(const void *left, const void *right)
{
    const struct record *a = left, *b = right;
    int order = compare_text(a->query, b->query);
    order = order ? order : compare_text(a->document, b->document);
    return order ? order : by_line(a, b);
}

static int by_query(const void *left, const void *right)
{
    const struct record *a = left, *b = right;
    int order = compare_text(a->query, b->query);
    return order ? order : by_line(a, b);
}

static bool is_next_query(const struct record *records, int64_t i)
{
    return i == 0 || compare_text(records[i - 1].query, records[i].query) != 0;
}

/* Sorts the records by query and document and counts the queries; RG_BAD_DATA for a document that
 * a query has twice, the first in the file. */
static rg_status sort_records(struct table *t)
{
    const struct record *twice = NULL;
    qsort(t->records, (size_t)t->n, sizeof *t->records, by_document);
    for (int64_t i = 0; i < t->n; i++) {
        const struct record *r = &t->records[i];
        bool next = is_next_query(t->records, i);
        t->n_queries += next;
        if (!next && strcmp(r[-1].document, r->document) == 0 && (!twice || r->line < twice->line))
            twice = r;
    }
    if (!twice)
        return RG_OK;
    return rg__fail(t->ctx, RG_BAD_DATA,
                    "%s:%lld: document %s of query %s was in line %lld already; expected each "
                    "document of a query once",
                    t->name, (long long)twice->line,
                    rg__quote_id(twice->document, strlen(twice->document)).text,
                    rg__quote_id(twice->query, strlen(twice->query)).text,
                    (long long)twice[-1].line);
}

static rg_status read_table(rg_context *ctx, const char *path, const struct kind *kind,
                            struct table *t)
{
    *t = (struct table){.ctx = ctx, .name = rg__stream_name(path), .kind = kind, .text.ctx = ctx};
    rg_status status = rg__read_lines(ctx, path, kind->pattern, read_line, t);
    if (status == RG_OK && t->n == 0)
        return rg__fail(ctx, RG_BAD_DATA, "%s: no lines; expected lines \"%s\"", t->name,
                        kind->pattern);
    return status == RG_OK ? sort_records(t) : status;
}

static void free_table(rg_context *ctx, struct table *t)
{
    rg__free(ctx, t->records);
    t->text.ctx = ctx;
    rg__arena_free(&t->text);
}

/* ---- Joining --------------------------------------------------------------------------------- */

/* The numbers of the join. */
struct counts {
    int64_t n_rows, n_missing; /* queries without a line of the run */
    int64_t n_unknown;         /* queries of the run without a judgement */
    size_t n_text;             /* bytes of all ids, with their ends */
};

/* Finds the judgement of each document of the run; both tables are sorted by document. */
static void match(const struct table *run, const struct table *qrels)
{
    for (int64_t i = 0, j = 0; i < run->n && j < qrels->n;) {
        struct record *document = &run->records[i], *judgement = &qrels->records[j];
        int order = compare_text(document->query, judgement->query);
        order = order ? order : strcmp(document->document, judgement->document);
        if (order == 0) {
            document->judgement = judgement;
            judgement->retrieved = true;
        }
        i += order <= 0;
        j += order >= 0;
    }
}

/* The end of the records of the query that begins at `begin`. */
static int64_t query_end(const struct table *t, int64_t begin)
{
    int64_t end = begin + 1;
    while (end < t->n && !is_next_query(t->records, end))
        end++;
    return end;
}

/* The ends of a query's lines in both tables. */
struct query {
    const char *name;
    int64_t run_begin, run_end; /* equal: the run does not have it */
    int64_t qrels_begin, qrels_end;
};

/* Steps to the next query of the qrels; false: there is none. Counts the queries of the run that
 * were passed. */
static bool next_query(const struct table *run, const struct table *qrels, struct query *q,
                       int64_t *n_unknown)
{
    q->qrels_begin = q->qrels_end;
    q->run_begin = q->run_end;
    bool found = q->qrels_begin < qrels->n;
    q->name = found ? qrels->records[q->qrels_begin].query : NULL;
    int order = -1;
    while (q->run_begin < run->n) {
        order = found ? strcmp(run->records[q->run_begin].query, q->name) : -1;
        if (order >= 0)
            break;
        q->run_begin = query_end(run, q->run_begin);
        ++*n_unknown;
    }
    q->run_end = q->run_begin;
    if (!found)
        return false;
    q->qrels_end = query_end(qrels, q->qrels_begin);
    if (q->run_begin < run->n && order == 0)
        q->run_end = query_end(run, q->run_begin);
    return true;
}

static struct counts count(const struct table *run, const struct table *qrels)
{
    struct counts c = {0};
    struct query q = {0};
    while (next_query(run, qrels, &q, &c.n_unknown)) {
        c.n_missing += q.run_begin == q.run_end;
        c.n_text += strlen(q.name) + 1;
        for (int64_t i = q.run_begin; i < q.run_end; i++) {
            c.n_rows++;
            c.n_text += strlen(run->records[i].document) + 1;
        }
        for (int64_t i = q.qrels_begin; i < q.qrels_end; i++)
            if (!qrels->records[i].retrieved) {
                c.n_rows++;
                c.n_text += strlen(qrels->records[i].document) + 1;
            }
    }
    return c;
}

/* The arrays of the split being made. */
struct lists {
    int64_t n_rows, n_lists;
    double *scores, *labels;
    uint8_t *mask;
    int64_t *offsets;
    const char **doc_ids, **query_ids;
    char *text; /* where the next id goes */
};

static const char *put_id(struct lists *l, const char *id)
{
    size_t n = strlen(id) + 1;
    char *copy = memcpy(l->text, id, n);
    l->text += n;
    return copy;
}

static void add_row(struct lists *l, const char *document, double score,
                    const struct record *judgement, bool there)
{
    int64_t row = l->n_rows++;
    l->doc_ids[row] = put_id(l, document);
    l->scores[row] = score;
    l->labels[row] = judgement ? judgement->value : -1;
    l->mask[row] = there;
}

/* Fills the arrays. The records of the run are sorted by query and line. */
static void fill(const struct table *run, const struct table *qrels, bool complete, struct lists *l)
{
    struct query q = {0};
    int64_t n_unknown = 0;
    while (next_query(run, qrels, &q, &n_unknown)) {
        bool there = complete || q.run_begin < q.run_end;
        l->query_ids[l->n_lists++] = put_id(l, q.name);
        for (int64_t i = q.run_begin; i < q.run_end; i++)
            add_row(l, run->records[i].document, fmax(run->records[i].value, -DBL_MAX),
                    run->records[i].judgement, there); /* -inf would mean unranked */
        for (int64_t i = q.qrels_begin; i < q.qrels_end; i++)
            if (!qrels->records[i].retrieved)
                add_row(l, qrels->records[i].document, (double)-INFINITY, &qrels->records[i],
                        there);
        l->offsets[l->n_lists] = l->n_rows;
    }
}

static rg_status allocate(rg_dataset *dataset, const struct counts *c, int64_t n_lists,
                          struct lists *l)
{
    static const char what[] = "the lists of a run";
    l->scores = rg__own_new(dataset, c->n_rows, sizeof *l->scores, what);
    l->labels = rg__own_new(dataset, c->n_rows, sizeof *l->labels, what);
    l->mask = rg__own_new(dataset, c->n_rows, 1, what);
    l->offsets = rg__own_new(dataset, n_lists + 1, sizeof *l->offsets, what);
    l->doc_ids = rg__own_new(dataset, c->n_rows, sizeof *l->doc_ids, what);
    l->query_ids = rg__own_new(dataset, n_lists, sizeof *l->query_ids, what);
    l->text = rg__own_new(dataset, (int64_t)c->n_text, 1, what);
    bool all =
        l->scores && l->labels && l->mask && l->offsets && l->doc_ids && l->query_ids && l->text;
    return all ? RG_OK : RG_LIMIT;
}

/* Reports the queries that only one of the files has. */
static rg_status report_queries(const struct table *run, const struct table *qrels,
                                const struct counts *c, bool complete)
{
    rg_context *ctx = run->ctx;
    const char *first = run->records[0].query, *other = qrels->records[0].query;
    if (c->n_missing == qrels->n_queries && !complete)
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s: no query of %s: the queries are %s ... and %s ...; expected the same "
                        "names",
                        run->name, qrels->name, rg__quote_id(first, strlen(first)).text,
                        rg__quote_id(other, strlen(other)).text);
    if (c->n_missing > 0)
        rg__log(ctx, RG_LOG_INFO, "%s: %lld of %lld queries of %s are missing, and %s", run->name,
                (long long)c->n_missing, (long long)qrels->n_queries, qrels->name,
                complete ? "count as lists without a retrieved document" : "left out");
    if (c->n_unknown > 0)
        rg__log(ctx, RG_LOG_INFO, "%s: %s not in %s, and ignored", run->name,
                rg__counted(c->n_unknown, "query").text, qrels->name);
    return RG_OK;
}

static rg_status join(const struct table *run, const struct table *qrels, bool complete,
                      rg_dataset *dataset)
{
    struct lists l = {0};
    match(run, qrels);
    struct counts c = count(run, qrels);
    rg_status status = report_queries(run, qrels, &c, complete);
    if (status == RG_OK)
        status = allocate(dataset, &c, qrels->n_queries, &l);
    if (status != RG_OK)
        return status;
    qsort(run->records, (size_t)run->n, sizeof *run->records, by_query);
    fill(run, qrels, complete, &l);
    dataset->n_splits = 1;
    dataset->splits[0] = (rg_split){.name = "",
                                    .path = dataset->path,
                                    .n_rows = l.n_rows,
                                    .n_lists = l.n_lists,
                                    .labels = l.labels,
                                    .offsets = l.offsets,
                                    .mask = l.mask,
                                    .doc_ids = l.doc_ids,
                                    .query_ids = l.query_ids,
                                    .scores = l.scores};
    return RG_OK;
}

rg_status rg_trec_open(rg_context *ctx, const char *run, const char *qrels, bool complete,
                       rg_dataset **out)
{
    struct table tables[2] = {{0}};
    rg_dataset *dataset = NULL;
    rg_status status =
        rg__require(ctx, "rg_trec_open", "run", run, "qrels", qrels, "out", out, NULL);
    if (status != RG_OK)
        return status;
    status = read_table(ctx, qrels, &qrels_kind, &tables[1]);
    if (status == RG_OK)
        status = read_table(ctx, run, &run_kind, &tables[0]);
    if (status == RG_OK && !(dataset = rg__dataset_new(ctx, run)))
        status = RG_LIMIT;
    if (status == RG_OK)
        status = join(&tables[0], &tables[1], complete, dataset);
    if (status != RG_OK) {
        rg_dataset_close(dataset);
        dataset = NULL;
    }
    *out = dataset;
    free_table(ctx, &tables[0]);
    free_table(ctx, &tables[1]);
    return status;
}

/* predict.c: scores rows. That needs features and a model, but no labels, and no lists unless
 * features are normalised by list. Rows and lists without an id get their number, from 1.
 */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct predict {
    struct cli_list files; /* MODEL DATA */
    const char *split, *output;
    int format; /* index into formats */
    bool force;
    rg_dataset_options reading;
};

/* What to write. */
struct result {
    const char *path; /* of the data, for messages */
    const rg_split *split;
    const int64_t *offsets; /* (n_lists + 1): the split's lists, or one of all rows */
    int64_t n_lists;
    const double *scores;
    int digits; /* enough to read a score back as the same number of the model's type */
    FILE *to;
};

/* The text of a score. */
static struct cli_word score_text(const struct result *r, int64_t row)
{
    struct cli_word word;
    snprintf(word.text, sizeof word.text, "%.*g", r->digits, cli_plain(r->scores[row]));
    return word;
}

typedef rg_status write_function(const struct result *r);
static write_function write_scores, write_tsv, write_trec;

static const struct format {
    const char *name;
    bool ids, blanks; /* whether it has ids, and whether these may hold white space */
    write_function *write;
} formats[] = {{"scores", false, false, write_scores},
               {"tsv", true, true, write_tsv},
               {"trec", true, false, write_trec},
               {NULL, false, false, NULL}};

static const char *format_at(int i)
{
    return formats[i].name;
}

#define OPTION(kind, name, argument, member, ...)                                                  \
    CLI_OPTION(kind, name, argument, struct predict, member, __VA_ARGS__)

static const struct cli_option options[] = {
    CLI_OUTPUT_OPTIONS(struct predict, output, force, false, "; without it standard output",
                       "an empty one"),
    CLI_SPLIT_OPTION(struct predict, split, "score"),
    OPTION(CLI_NAME, "format", "FORMAT", format,
           "scores: one per line, in the order of the rows; tsv: query, document and score, in the "
           "same order; trec: 'query Q0 document rank score rankgrad', best first, equal scores by "
           "document, greatest first, as trec_eval orders them. Scores have 9 digits, or 17 if the "
           "model is f64, so that they are read back as the same numbers",
           .name_at = format_at),
    {0}};

/* ---- Writing -------------------------------------------------------------------------------- */

static rg_status write_scores(const struct result *r)
{
    for (int64_t row = 0; row < r->split->n_rows; row++)
        fprintf(r->to, "%s\n", score_text(r, row).text);
    return RG_OK;
}

static rg_status write_tsv(const struct result *r)
{
    struct cli_word query, document;
    fprintf(r->to, "query\tdocument\tscore\n");
    for (int64_t list = 0; list < r->n_lists; list++)
        for (int64_t row = r->offsets[list]; row < r->offsets[list + 1]; row++)
            fprintf(r->to, "%s\t%s\t%s\n", cli_name_of(r->split->query_ids, list, &query),
                    cli_name_of(r->split->doc_ids, row, &document), score_text(r, row).text);
    return RG_OK;
}

struct ranked {
    double score;
    int64_t row;
    const char *document; /* NULL: the row's number is its id */
};

/* The id as trec_eval compares it: as a string. */
static const char *document_of(const struct ranked *item, struct cli_word *number)
{
    return item->document ? item->document : cli_name_of(NULL, item->row, number);
}

/* By score, descending; then by document, descending. */
static int compare(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    struct cli_word number_a, number_b;
    if (a->score != b->score)
        return a->score < b->score ? 1 : -1;
    return strcmp(document_of(b, &number_b), document_of(a, &number_a));
}

static rg_status write_trec(const struct result *r)
{
    struct cli_word query, document;
    struct ranked *items = cli_alloc(r->split->n_rows, sizeof *items);
    if (!items)
        return RG_LIMIT;
    for (int64_t list = 0; list < r->n_lists; list++) {
        const char *id = cli_name_of(r->split->query_ids, list, &query);
        size_t n = 0;
        for (int64_t row = r->offsets[list]; row < r->offsets[list + 1]; row++)
            if (cli_row_is_there(r->split, row) && !isnan(r->scores[row])) {
                const char *name = cli_name_of(r->split->doc_ids, row, &document);
                items[n++] =
                    (struct ranked){r->scores[row], row, name == document.text ? NULL : name};
            }
        qsort(items, n, sizeof *items, compare);
        for (size_t i = 0; i < n; i++)
            fprintf(r->to, "%s Q0 %s %zu %s rankgrad\n", id, document_of(&items[i], &document),
                    i + 1, score_text(r, items[i].row).text);
    }
    free(items);
    return RG_OK;
}

/* Reports how many rows have no score. If none has one, a TREC run would look like one without
 * hits. */
static rg_status check_scores(const struct result *r, const struct format *format)
{
    int64_t n = cli_count_unscored(r->split, r->scores, -1), n_there = 0;
    bool trec = format->write == write_trec;
    for (int64_t row = 0; row < r->split->n_rows; row++)
        n_there += cli_row_is_there(r->split, row);
    if (n == 0)
        return RG_OK;
    if (trec && n == n_there)
        return cli_fail(RG_BAD_DATA,
                        "%s: no row has a score: all %lld are NaN; a missing (NaN) feature gives "
                        "such a score",
                        r->path, (long long)n);
    cli_note("%s: %lld of %s %s no score (NaN)%s", r->path, (long long)n,
             cli_count(n_there, "row").text, n == 1 ? "has" : "have",
             !trec    ? ""
             : n == 1 ? " and is left out"
                      : " and are left out");
    return RG_OK;
}

/* ---- Ids ------------------------------------------------------------------------------------ */

/* Ids were checked when they were read; in a TREC run they must not have blanks either. */
static rg_status check_ids(const struct result *r, const char *const *ids, int64_t n,
                           const char *what, const struct format *format)
{
    for (int64_t i = 0; ids && i < n; i++)
        if (ids[i] && !rg_id_is_valid(ids[i], format->blanks))
            return cli_fail(RG_BAD_DATA,
                            "%s: the %s id '%s' (number %lld) has a blank, which --format %s "
                            "cannot write; --format tsv and scores can",
                            r->path, what, ids[i], (long long)i + 1, format->name);
    return RG_OK;
}

static int compare_names(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    struct cli_word number_a, number_b;
    int order = strcmp(document_of(a, &number_a), document_of(b, &number_b));
    return order ? order : (a->row > b->row) - (a->row < b->row);
}

/* Names that occur more than once. */
struct repeated {
    int64_t n;
    struct ranked first[2]; /* the first two of the same name */
};

/* Adds those among ids [begin, end), in which missing ids are replaced by numbers; ids of masked
 * rows do not count (mask NULL: none is masked). `items` has room for all. */
static void find_repeated(const char *const *ids, const uint8_t *mask, int64_t begin, int64_t end,
                          struct ranked *items, struct repeated *repeated)
{
    int64_t n = 0;
    for (int64_t i = begin; i < end; i++)
        if (!mask || mask[i])
            items[n++] = (struct ranked){0, i, ids && ids[i] && ids[i][0] ? ids[i] : NULL};
    qsort(items, (size_t)n, sizeof *items, compare_names);
    for (int64_t i = 1; i < n; i++) {
        struct cli_word before, after;
        if (strcmp(document_of(&items[i - 1], &before), document_of(&items[i], &after)) != 0)
            continue;
        if (repeated->n++ == 0)
            memcpy(repeated->first, &items[i - 1], sizeof repeated->first);
    }
}

/* Reports repeated ids of a kind: an error in a TREC run, whose readers refuse or merge them. */
static rg_status report_repeated(const struct result *r, const struct format *format,
                                 const struct repeated *repeated, const char *what,
                                 const char *where)
{
    struct cli_word number;
    const struct ranked *first = repeated->first;
    if (repeated->n == 0)
        return RG_OK;
    const char *name = document_of(first, &number);
    if (!format->blanks)
        return cli_fail(RG_BAD_DATA,
                        "%s: the %s id '%s' occurs more than once%s (numbers %lld and %lld, from "
                        "1); in --format trec it must not; --format tsv and scores allow it",
                        r->path, what, name, where, (long long)first[0].row + 1,
                        (long long)first[1].row + 1);
    cli_note("%s: %lld %s id%s occur%s again%s; the first is '%s' (numbers %lld and %lld, from 1)",
             r->path, (long long)repeated->n, what, repeated->n == 1 ? "" : "s",
             repeated->n == 1 ? "s" : "", where, name, (long long)first[0].row + 1,
             (long long)first[1].row + 1);
    return RG_OK;
}

/* Checks that each list has a document once, and each query one list. */
static rg_status check_unique(const struct result *r, const struct format *format)
{
    struct repeated queries = {0}, documents = {0};
    int64_t n = r->split->n_rows > r->n_lists ? r->split->n_rows : r->n_lists;
    struct ranked *items = cli_alloc(n, sizeof *items);
    if (!items)
        return RG_LIMIT;
    find_repeated(r->split->query_ids, NULL, 0, r->n_lists, items, &queries);
    for (int64_t list = 0; list < r->n_lists; list++)
        find_repeated(r->split->doc_ids, r->split->mask, r->offsets[list], r->offsets[list + 1],
                      items, &documents);
    free(items);
    rg_status status = report_repeated(r, format, &queries, "query", "");
    return status == RG_OK ? report_repeated(r, format, &documents, "document", " in a list")
                           : status;
}

static bool any_missing(const char *const *ids, int64_t n)
{
    int64_t i = 0;
    while (ids && i < n && ids[i] && ids[i][0])
        i++;
    return i < n;
}

static rg_status report_ids(const struct result *r, const struct format *format)
{
    if (!format->ids)
        return RG_OK;
    const rg_split *split = r->split;
    rg_status status = check_ids(r, split->query_ids, r->n_lists, "query", format);
    if (status == RG_OK)
        status = check_ids(r, split->doc_ids, split->n_rows, "document", format);
    if (status == RG_OK)
        status = check_unique(r, format);
    if (status != RG_OK)
        return status;
    bool queries = any_missing(split->query_ids, r->n_lists);
    bool documents = any_missing(split->doc_ids, split->n_rows);
    if (queries || documents)
        cli_note("%s has no %s ids for some or all: %s from 1 take their place", r->path,
                 queries && documents ? "query and document"
                 : queries            ? "query"
                                      : "document",
                 queries && documents ? "list and row numbers"
                 : queries            ? "list numbers"
                                      : "row numbers");
    return RG_OK;
}

/* ---- The command ---------------------------------------------------------------------------- */

static rg_status write_result(rg_context *ctx, const struct predict *p, const struct format *format,
                              struct result *r)
{
    struct cli_output out = {0};
    rg_status status = check_scores(r, format);
    if (status == RG_OK)
        status = report_ids(r, format);
    if (status == RG_OK)
        status = cli_output_begin(ctx, p->output, &out);
    r->to = out.stream;
    if (status == RG_OK)
        status = format->write(r);
    if (status == RG_OK)
        status = cli_interrupted();
    if (status == RG_OK)
        status = cli_output_commit(&out, NULL);
    cli_output_abandon(&out);
    return status;
}

static rg_status write_scored(rg_context *ctx, const struct predict *p, struct cli_scored *s)
{
    const rg_split *split = s->split;
    const int64_t all[2] = {0, split->n_rows};
    struct result r = {.path = p->files.items[1],
                       .split = split,
                       .offsets = split->offsets ? split->offsets : all,
                       .n_lists = split->offsets ? split->n_lists : 1,
                       .digits = rg_model_parameters(s->model)->dtype == RG_F64 ? 17 : 9};
    rg_status status = cli_score(ctx, s->model, r.path, split, &s->scores);
    r.scores = s->scores;
    if (status == RG_OK)
        status = cli_interrupted();
    return status == RG_OK ? write_result(ctx, p, &formats[p->format], &r) : status;
}

static rg_status run(rg_context *ctx, void *values)
{
    struct predict *p = values;
    struct cli_scored scored = {0};
    if (p->reading.regroup && !formats[p->format].ids)
        return cli_fail(RG_USAGE, "--regroup changes the order of the rows, which --format scores "
                                  "promises to keep; --format tsv names each row");
    const char *inputs[] = {p->files.items[0], p->files.items[1], p->reading.group_path};
    const rg_output_options replacing = {.force = p->force, .inputs = inputs, .n_inputs = 3};
    rg_status status = cli_output_check(ctx, p->output ? p->output : "-", &replacing);
    if (status == RG_OK)
        status = cli_open_scored(ctx, p->files.items, &p->reading, p->split, &scored);
    if (status == RG_OK)
        status = write_scored(ctx, p, &scored);
    cli_free_scored(&scored);
    return status;
}

static void set_defaults(void *values)
{
    struct predict *p = values;
    p->reading.needs_lists = false;
}

const struct cli_command cli_command_predict = {
    .name = "predict",
    .summary = "score the rows of a data set",
    .aliases = "score rank infer inference apply transform run predictions scores",
    .arguments = "MODEL DATA",
    .least = 2,
    .most = 2,
    .size = sizeof(struct predict),
    .options = options,
    .reading = offsetof(struct predict, reading),
    .doc =
        "Score the rows of a data set (HDF5 or text) with a model. " CLI_MATCHING
        " Labels are not needed (rows of text then begin with qid:ID or with their features), and "
        "lists only if the model's normalisation is list-minmax. The score of a masked row, or of "
        "one with "
        "a missing (NaN) feature, is nan in scores and tsv; trec leaves both out. A note gives the "
        "number "
        "of rows without a score; if no row has one, trec is an error (status 3). Rows and lists "
        "without "
        "an id get their number, from 1, in tsv and trec. In trec, ids with white "
        "space, a document that occurs twice in a list and a query that occurs twice are errors; "
        "in tsv, a note counts repeated ids.",
    .set_defaults = set_defaults,
    .run = run};

/* evaluate.c: measures the order in which a model ranks lists. A metric means nothing without its
 * conventions, so the report begins with the split and the conventions, and the line of a metric
 * says how many lists have no relevant item.
 */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct evaluate {
    struct cli_list files; /* MODEL DATA */
    struct cli_list metrics;
    const char *split;
    int format; /* index into formats */
    struct cli_conventions conventions;
    bool weighted, per_list;
    rg_dataset_options reading;
};

/* What to show. per_list: (n_metrics, n_lists), metric after metric; NULL: not wanted. */
struct report {
    const struct evaluate *e;
    const rg_split *split;
    int n_metrics;
    rg_metric *metrics;
    rg_metric_result *results;
    double *per_list;
    const double *scores;
};

typedef rg_status show_function(const struct report *report);
static show_function show_text, show_json, show_tsv;

static const struct format {
    const char *name;
    show_function *show;
} formats[] = {{"text", show_text}, {"json", show_json}, {"tsv", show_tsv}, {NULL, NULL}};

static const char *format_at(int i)
{
    return formats[i].name;
}

#define OPTION(kind, name, argument, member, ...)                                                  \
    CLI_OPTION(kind, name, argument, struct evaluate, member, __VA_ARGS__)

static const struct cli_option options[] = {
    CLI_METRIC_OPTION(struct evaluate, metrics, ""),
    CLI_SPLIT_OPTION(struct evaluate, split, "measure on"),
    OPTION(CLI_NAME, "format", "FORMAT", format, "Format of the report", .name_at = format_at),
    OPTION(CLI_FLAG, "per-list", NULL, per_list, "Show the values of every list, too"),
    CLI_HEADING("Conventions (those that are not given are the tool's, see below):"),
    OPTION(CLI_NAME, "like", "TOOL", conventions.tool,
           "Give the numbers that TOOL gives, for the metrics that it has", .name_at = cli_tool_at),
    OPTION(
        CLI_NAME, "gain", "GAIN", conventions.gain,
        "Gain of label y, for metrics with graded relevance: exp is 2^y - 1, linear is y; labels "
        "<= 0 have gain 0",
        .name_at = cli_gain_at),
    OPTION(CLI_NAME, "ties", "RULE", conventions.ties,
           "How items of equal score are ranked: average takes the expected value over all their "
           "orders, so that the order of rows cannot matter; input keeps that order; docid is "
           "trec_eval's rule; pessimistic, CatBoost's, puts the lower label first",
           .name_at = cli_ties_at),
    OPTION(CLI_NAME, "no-relevant", "RULE", conventions.no_relevant,
           "What a list without a relevant item counts: 0, 1 (as in LightGBM and XGBoost), or "
           "nothing, as it is left out of the mean",
           .name_at = cli_no_relevant_at),
    OPTION(CLI_REAL, "relevance-threshold", "LABEL", conventions.threshold,
           "Items with at least this label are relevant, for metrics with binary relevance "
           "[default 1]"),
    OPTION(CLI_NAME, "negative-labels", "RULE", conventions.negative_labels,
           "What an item with a negative label is: one with gain zero; one with a negative gain "
           "(keep); none, it is ignored (drop); or an error",
           .name_at = cli_negatives_at),
    OPTION(CLI_NAME, "score-type", "TYPE", conventions.score_type,
           "f32 compares scores rounded to f32, as tools do that store them so",
           .name_at = cli_score_type_at),
    OPTION(CLI_FLAG, "weighted", NULL, weighted,
           "Weight each list by the file's list_weights; without it all lists count the same"),
    {0}};

static void explain(FILE *to)
{
    cli_metric_help(to);
    fprintf(to, "\n");
    cli_tool_help(to);
}

/* ---- The report ----------------------------------------------------------------------------- */

/* Remarks without which the numbers could mislead, one line each; on standard error if the report
 * is for programs. */
static void show_remarks(const struct report *r)
{
    bool text = formats[r->e->format].show == show_text;
    char line[512] = "";
    if (r->split->list_weights && !r->e->weighted)
        snprintf(line, sizeof line,
                 "the file has list weights, which are not used; --weighted uses "
                 "them");
    for (int i = 0; i <= r->n_metrics; i++) {
        if (line[0] && text)
            printf("%s\n", line);
        else if (line[0])
            cli_note("%s", line);
        line[0] = 0;
        const rg_metric_result *result = &r->results[i];
        if (i == r->n_metrics || result->n_no_relevant < result->n_lists - result->n_empty)
            continue;
        snprintf(line, sizeof line,
                 "%s: no list has a relevant item; the largest label is %g, the "
                 "relevance threshold %g",
                 cli_metric_text(&r->metrics[i]).text, result->largest_label,
                 r->metrics[i].threshold);
    }
}

/* Whether all metrics have the same conventions; they may differ for a tool. */
static bool same_conventions(const struct report *r)
{
    bool same = true;
    for (int i = 1; i < r->n_metrics; i++)
        same &= strcmp(cli_conventions_text(&r->metrics[i]).text,
                       cli_conventions_text(&r->metrics[0]).text) == 0;
    return same;
}

static rg_status show_text(const struct report *r)
{
    const rg_split *split = r->split;
    struct cli_word number;
    bool same = same_conventions(r);
    const int tool = r->e->conventions.tool;
    printf("%s%s%s: %s, %s; %s%s%s%s, %s\n", r->e->files.items[1], split->name[0] ? ", split " : "",
           split->name, cli_count(split->n_lists, "list").text,
           cli_count(split->n_rows, "row").text, tool ? "as " : "", tool ? cli_tool_at(tool) : "",
           tool ? (same ? ": " : ", see below") : "",
           same ? cli_conventions_text(&r->metrics[0]).text : "",
           r->e->weighted ? "lists weighted" : "every list counts alike");
    printf("%-14s %10s %10s %20s %8s %20s\n", "metric", "value", "lists", "no relevant item",
           "empty", "rows without a score");
    for (int i = 0; i < r->n_metrics; i++)
        printf("%-14s %10s %10lld %20lld %8lld %20lld\n", cli_metric_text(&r->metrics[i]).text,
               cli_number(r->results[i].value, 6, 10).text, (long long)r->results[i].n_lists,
               (long long)r->results[i].n_no_relevant, (long long)r->results[i].n_empty,
               (long long)r->results[i].n_unscored);
    for (int i = 0; !same && i < r->n_metrics; i++)
        printf("%s: %s\n", cli_metric_text(&r->metrics[i]).text,
               cli_conventions_text(&r->metrics[i]).text);
    if (!r->per_list)
        return RG_OK;
    printf("\n%-20s", "query");
    for (int i = 0; i < r->n_metrics; i++)
        printf(" %12s", cli_metric_text(&r->metrics[i]).text);
    printf(" %12s", "unscored");
    for (int64_t list = 0; list < split->n_lists; list++) {
        printf("\n%-20s", cli_name_of(split->query_ids, list, &number));
        for (int i = 0; i < r->n_metrics; i++)
            printf(" %12s", cli_number(r->per_list[i * split->n_lists + list], 6, 12).text);
        printf(" %12lld", (long long)cli_count_unscored(split, r->scores, list));
    }
    printf("\n");
    return RG_OK;
}

static rg_status show_tsv(const struct report *r)
{
    struct cli_word number;
    if (!r->per_list) {
        printf("metric\tvalue\tn_lists\tn_no_relevant\tn_empty\tn_unscored\n");
        for (int i = 0; i < r->n_metrics; i++)
            printf("%s\t%.17g\t%lld\t%lld\t%lld\t%lld\n", cli_metric_text(&r->metrics[i]).text,
                   cli_plain(r->results[i].value), (long long)r->results[i].n_lists,
                   (long long)r->results[i].n_no_relevant, (long long)r->results[i].n_empty,
                   (long long)r->results[i].n_unscored);
        return RG_OK;
    }
    printf("query");
    for (int i = 0; i < r->n_metrics; i++)
        printf("\t%s", cli_metric_text(&r->metrics[i]).text);
    printf("\tn_unscored");
    for (int64_t list = 0; list <= r->split->n_lists; list++) {
        bool all = list == r->split->n_lists; /* the last line: the means */
        printf("\n%s", all ? "all" : cli_name_of(r->split->query_ids, list, &number));
        for (int i = 0; i < r->n_metrics; i++)
            printf("\t%.17g", cli_plain(all ? r->results[i].value
                                            : r->per_list[i * r->split->n_lists + list]));
        printf("\t%lld", (long long)cli_count_unscored(r->split, r->scores, all ? -1 : list));
    }
    printf("\n");
    return RG_OK;
}

static json_t *json_conventions(const rg_metric *c, bool weighted)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:f, s:s, s:s, s:b}", "gain", rg_gain_name(c->gain),
                     "discount", "1/log2(1 + rank)", "ties", rg_ties_name(c->ties), "no_relevant",
                     rg_no_relevant_name(c->no_relevant), "relevance_threshold", c->threshold,
                     "negative_labels", rg_negatives_name(c->negative_labels), "score_type",
                     cli_score_type_at(c->f32_scores), "weighted", (int)weighted);
}

static json_t *json_metrics(const struct report *r)
{
    json_t *metrics = json_object();
    for (int i = 0; i < r->n_metrics; i++) {
        const rg_metric_result *result = &r->results[i];
        json_t *one = json_pack(
            "{s:o, s:I, s:I, s:I, s:I, s:o}", "value", cli_json_of_number(result->value), "n_lists",
            (json_int_t)result->n_lists, "n_no_relevant", (json_int_t)result->n_no_relevant,
            "n_empty", (json_int_t)result->n_empty, "n_unscored", (json_int_t)result->n_unscored,
            "largest_label", cli_json_of_number(result->largest_label));
        if (one && r->e->conventions.tool)
            json_object_set_new(one, "conventions",
                                json_conventions(&r->metrics[i], r->e->weighted));
        json_object_set_new(metrics, cli_metric_text(&r->metrics[i]).text, one);
    }
    return metrics;
}

static json_t *json_lists(const struct report *r)
{
    struct cli_word number;
    json_t *lists = json_array();
    for (int64_t list = 0; list < r->split->n_lists; list++) {
        json_t *one =
            json_pack("{s:o, s:I}", "query",
                      cli_json_of_text(cli_name_of(r->split->query_ids, list, &number)),
                      "n_unscored", (json_int_t)cli_count_unscored(r->split, r->scores, list));
        for (int i = 0; i < r->n_metrics; i++)
            json_object_set_new(one, cli_metric_text(&r->metrics[i]).text,
                                cli_json_of_number(r->per_list[i * r->split->n_lists + list]));
        json_array_append_new(lists, one);
    }
    return lists;
}

static rg_status show_json(const struct report *r)
{
    json_t *all = json_pack(
        "{s:o, s:o, s:o, s:I, s:I, s:o, s:o}", "model", cli_json_of_text(r->e->files.items[0]),
        "data", cli_json_of_text(r->e->files.items[1]), "split", cli_json_of_text(r->split->name),
        "n_lists", (json_int_t)r->split->n_lists, "n_rows", (json_int_t)r->split->n_rows,
        "conventions",
        r->e->conventions.tool ? json_pack("{s:s}", "like", cli_tool_at(r->e->conventions.tool))
                               : json_conventions(&r->metrics[0], r->e->weighted),
        "metrics", json_metrics(r));
    if (all && r->per_list)
        json_object_set_new(all, "per_list", json_lists(r));
    bool failed = !all || json_dumpf(all, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) != 0;
    if (all)
        printf("\n");
    json_decref(all);
    return failed && !ferror(stdout) ? cli_fail(RG_LIMIT, "out of memory") : RG_OK;
}

/* ---- The command ---------------------------------------------------------------------------- */

static rg_status measure(rg_context *ctx, const double *scores, struct report *r)
{
    int64_t n_lists = r->split->n_lists;
    rg_ranking ranking = cli_ranking(r->split, scores, r->e->weighted);
    r->scores = scores;
    r->results = cli_alloc(r->n_metrics, sizeof *r->results);
    if (r->e->per_list)
        r->per_list = cli_alloc(n_lists * r->n_metrics, sizeof *r->per_list);
    if (!r->results || (r->e->per_list && !r->per_list))
        return RG_LIMIT;
    if (rg_metrics_evaluate(ctx, r->metrics, r->n_metrics, &ranking, r->results, r->per_list) !=
        RG_OK)
        return cli_fail(rg_last_status(ctx), "%s: %s", r->e->files.items[1], rg_last_error(ctx));
    return RG_OK;
}

static rg_status check_split(const struct evaluate *e, const rg_split *split)
{
    const char *path = e->files.items[1];
    if (!split->labels)
        return cli_fail(RG_BAD_DATA, "%s: no labels, which evaluate needs; predict does not", path);
    if (!split->offsets)
        return cli_fail(RG_BAD_DATA, "%s: no lists: expected qid, offsets or group", path);
    if (split->n_rows == 0)
        return cli_fail(RG_BAD_DATA, "%s: the data set is empty, there is nothing to measure",
                        path);
    if (e->weighted && !split->list_weights)
        return cli_fail(RG_BAD_DATA, "%s: no list_weights, which --weighted needs", path);
    return RG_OK;
}

static rg_status evaluate(rg_context *ctx, struct evaluate *e, struct cli_scored *s,
                          struct report *r)
{
    rg_status status =
        cli_parse_metrics(ctx, &e->metrics, &e->conventions, &r->metrics, &r->n_metrics);
    if (status == RG_OK)
        status = cli_open_scored(ctx, e->files.items, &e->reading, e->split, s);
    r->split = s->split;
    if (status == RG_OK)
        status = check_split(e, r->split);
    if (status == RG_OK)
        status = cli_score(ctx, s->model, e->files.items[1], r->split, &s->scores);
    if (status == RG_OK)
        status = measure(ctx, s->scores, r);
    if (status == RG_OK)
        status = cli_interrupted();
    if (status != RG_OK)
        return status;
    status = formats[e->format].show(r);
    show_remarks(r);
    return status;
}

static rg_status run(rg_context *ctx, void *values)
{
    struct evaluate *e = values;
    struct report r = {.e = e};
    struct cli_scored scored = {0};
    rg_status status = evaluate(ctx, e, &scored, &r);
    free(r.metrics);
    free(r.results);
    free(r.per_list);
    cli_free_scored(&scored);
    return status;
}

static void set_defaults(void *values)
{
    struct evaluate *e = values;
    e->metrics.fallback = "ndcg@10,map";
    e->conventions = cli_no_conventions();
}

const struct cli_command cli_command_evaluate = {
    .name = "evaluate",
    .summary = "measure a model on a data set",
    .aliases = "eval test measure validate bench benchmark",
    .arguments = "MODEL DATA",
    .least = 2,
    .most = 2,
    .size = sizeof(struct evaluate),
    .options = options,
    .reading = offsetof(struct evaluate, reading),
    .doc = "Score the lists of a data set (HDF5 or text) with a model and measure their "
           "order. " CLI_MATCHING " A row with a missing (NaN) feature has no score and ranks "
           "last; the report counts such rows: if there are any, a warning is printed, and if no "
           "row has a "
           "score, that is an error (status 3).",
    .more = explain,
    .set_defaults = set_defaults,
    .run = run};

/* evaluate.c: measures rankings: that of a model on a data set, and how it differs from another.
 * report.c prints what was measured.
 */
#include "evaluation.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct evaluate {
    struct cli_list files; /* MODEL DATA; with scores DATA; with a run nothing */
    struct cli_list metrics;
    const char *split, *scores, *run, *qrels, *compare, *per_list;
    int format; /* index into formats */
    struct cli_conventions conventions;
    bool weighted, force, complete;
    rg_statistics_options statistics;
    rg_dataset_options reading;
};

static const struct format {
    const char *name;
    cli_report_function *show;
    bool with_lists; /* it can have the values of lists */
} formats[] = {{"text", cli_report_text, false},
               {"json", cli_report_json, true},
               {"tsv", cli_report_tsv, false},
               {"trec", cli_report_trec, true},
               {NULL, NULL, false}};

static const char *format_at(int i)
{
    return formats[i].name;
}

#define OPTION(kind, name, argument, member, ...)                                                  \
    CLI_OPTION(kind, name, argument, struct evaluate, member, __VA_ARGS__)

enum { SAMPLES_OF_COMPARISON = 10000 };

static const struct cli_option options[] = {
    CLI_METRIC_OPTION(struct evaluate, metrics, ""),
    CLI_SPLIT_OPTION(struct evaluate, split, "measure on"),
    OPTION(
        CLI_TEXT, "scores", "FILE", scores,
        "Measure the scores in a text file (plain or gzip) in place of a model's; DATA is then the "
        "only argument. One number per "
        "line in the order of the rows, as predict, LightGBM and XGBoost write them, or TSV with "
        "a line of names, one of them score or RawFormulaVal (CatBoost). Its columns query and "
        "document must be the ids of the rows. nan: the row has no score; -inf: it is not "
        "ranked"),
    OPTION(CLI_TEXT, "run", "FILE", run,
           "Measure a TREC run (query Q0 document rank score tag; plain or gzip) against --qrels, "
           "without arguments, by trec_eval's conventions (--like trec_eval). Relevant documents "
           "that the run lacks count as not found; documents without a judgement are not relevant "
           "(label -1), and bpref ignores them"),
    OPTION(CLI_TEXT, "qrels", "FILE", qrels,
           "Relevance judgements for --run (query iteration document relevance)"),
    OPTION(CLI_FLAG, "complete", NULL, complete,
           "Count a query of the qrels that the run lacks as one in which nothing is retrieved, as "
           "trec_eval -c does; without it such queries are left out of the mean (empty lists)"),
    OPTION(CLI_NAME, "format", "FORMAT", format,
           "Format of the report; trec is that of trec_eval, with trec_eval's names of metrics "
           "where it has them and, with --per-list -, the lines of each query",
           .name_at = format_at),
    OPTION(CLI_TEXT, "per-list", "FILE", per_list,
           "Write a TSV file with the value of each list: a line of names (query and the metrics), "
           "then one line per list; nan for a list that is not in the mean. -: standard output; "
           "the report then goes to standard error, except that json and trec have the values in "
           "it"),
    OPTION(CLI_FLAG, "force", NULL, force,
           "Replace any file, not only one with the same line of names (docs/outputs.md)"),
    CLI_HEADING("Statistics:"),
    OPTION(CLI_INTEGER, "bootstrap", "N", statistics.n_samples,
           "Show an interval for each mean: percentile bootstrap over lists, from N samples with "
           "replacement. 0: none, but 10000 samples for the differences of --compare",
           .high = 1e7),
    OPTION(CLI_TEXT, "compare", "FILE", compare,
           "Compare with another model, or a file as for --scores, on the same lists, or, with "
           "--run, with another run: for each "
           "metric its mean, the "
           "difference (first minus second) with its interval, the effect size (Cohen's d of the "
           "differences), the lists won, tied and lost, and p values of three two-sided tests: "
           "paired t; Wilcoxon's signed ranks, without lists of equal value, exact for up to 50 "
           "others, then by the normal approximation with tie correction; Fisher's randomisation "
           "test, exact for up to 20 lists of different value, then from random sign vectors"),
    OPTION(CLI_REAL, "confidence", "LEVEL", statistics.confidence, "Confidence of intervals",
           .low = 0, .high = 1, .above = true, .below = true),
    OPTION(CLI_INTEGER, "permutations", "N", statistics.permutations,
           "Random sign vectors of the randomisation test", .low = 1, .high = 1e9),
    OPTION(CLI_SEED, "seed", "N", statistics.seed, "Seed of samples and sign vectors"),
    CLI_HEADING("Conventions (those that are not given are the tool's, see below):"),
    OPTION(CLI_NAME, "like", "TOOL", conventions.tool,
           "Give the numbers that TOOL gives, for the metrics that it has. With --run without it "
           "those of trec_eval, and for other metrics our own with trec_eval's conventions",
           .name_at = cli_tool_at),
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
           "Weight each list by the file's list_weights; without it all lists count the same. "
           "Bootstrap samples draw lists with equal probability and compute weighted means; tests "
           "are of w d n / sum w, where d are the differences. Lists of weight 0 are left out"),
    {0}};

static void explain(FILE *to)
{
    cli_metric_help(to);
    fprintf(to, "\n");
    cli_tool_help(to);
}

/* What is being measured, and everything that is released at the end. */
struct work {
    rg_context *ctx;
    const struct evaluate *options;
    struct cli_evaluation e;
    rg_metric *metrics;
    struct cli_word *names;
    rg_interval *intervals;
    rg_comparison *comparisons;
    struct cli_scored scored;
    rg_model *other_model;
    rg_dataset *other_run;
    double *other_scores;
    struct cli_output per_list;
};

/* ---- Measuring ------------------------------------------------------------------------------- */

static bool is_empty(const rg_split *split, int64_t list)
{
    for (int64_t row = split->offsets[list]; row < split->offsets[list + 1]; row++)
        if (cli_row_is_there(split, row))
            return false;
    return true;
}

/* Evaluates all metrics. */
static rg_status measure(const struct work *w, struct cli_measured *m)
{
    const rg_split *split = m->split;
    rg_ranking ranking = cli_ranking(split, m->scores, w->e.weighted);
    m->results = cli_alloc(w->e.n_metrics, sizeof *m->results);
    m->per_list = cli_alloc(split->n_lists * w->e.n_metrics, sizeof *m->per_list);
    if (!m->results || !m->per_list)
        return RG_LIMIT;
    if (rg_metrics_evaluate(w->ctx, w->metrics, w->e.n_metrics, &ranking, m->results,
                            m->per_list) != RG_OK)
        return cli_fail(rg_last_status(w->ctx), "%s: %s", w->e.data, rg_last_error(w->ctx));
    for (int64_t list = 0; list < split->n_lists; list++)
        for (int i = 0; i < w->e.n_metrics && is_empty(split, list); i++)
            m->per_list[i * split->n_lists + list] = (double)NAN;
    return RG_OK;
}

/* Computes intervals and comparisons from the values of the lists. */
static rg_status infer(struct work *w)
{
    const struct cli_evaluation *e = &w->e;
    int64_t n_lists = e->split->n_lists;
    const double *weights = e->weighted ? e->split->list_weights : NULL;
    rg_status status = RG_OK;
    for (int i = 0; i < e->n_metrics && status == RG_OK; i++) {
        const double *values = e->it.per_list + i * n_lists;
        if (e->intervals)
            status = rg_bootstrap_mean(w->ctx, values, weights, n_lists, &e->statistics,
                                       &w->intervals[i]);
        if (e->comparisons && status == RG_OK)
            status = rg_compare(w->ctx, values, e->other.per_list + i * n_lists, weights, n_lists,
                                &e->statistics, &w->comparisons[i]);
        if (status != RG_OK)
            return cli_fail(status, "%s: %s", e->data, rg_last_error(w->ctx));
    }
    return RG_OK;
}

/* ---- Inputs ---------------------------------------------------------------------------------- */

static rg_status check_split(const struct work *w)
{
    const char *path = w->e.data;
    const rg_split *split = w->e.split;
    if (!split->labels)
        return cli_fail(RG_BAD_DATA, "%s: no labels, which evaluate needs; predict does not", path);
    if (!split->offsets)
        return cli_fail(RG_BAD_DATA, "%s: no lists: expected qid, offsets or group", path);
    if (split->n_rows == 0)
        return cli_fail(RG_BAD_DATA, "%s: the data set is empty, there is nothing to measure",
                        path);
    if (w->e.weighted && !split->list_weights)
        return cli_fail(RG_BAD_DATA, "%s: no list_weights, which --weighted needs", path);
    return RG_OK;
}

/* Whether a path is read once from front to back, as scores can be and models cannot. */
static bool is_stream(const char *path)
{
    struct stat st;
    return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && !S_ISREG(st.st_mode));
}

/* Reads a file of scores. If that fails and no_model is not "", the message adds it. */
static rg_status read_scores(struct work *w, const char *path, const char *no_model,
                             double **scores)
{
    if (w->options->reading.regroup)
        return cli_fail(RG_USAGE, "--regroup changes the order of the rows, in which scores are "
                                  "read; expected data whose lists are contiguous");
    rg_status status = cli_read_scores(w->ctx, path, w->e.split, scores);
    if (status == RG_OK || !*scores)
        return status;
    return cli_fail(status, "%s%s%s", rg_last_error(w->ctx),
                    no_model[0] ? "; nor is it a model: " : "", no_model);
}

/* Scores the lists by what --compare names: a model or, if it is none, a file of scores. */
static rg_status score_other(struct work *w)
{
    const char *path = w->options->compare;
    double **scores = &w->other_scores;
    rg_status status;
    w->e.other.split = w->e.split;
    if (is_stream(path)) {
        status = read_scores(w, path, "", scores);
    } else if ((status = rg_model_load(w->ctx, path, &w->other_model)) == RG_OK) {
        status = cli_score(w->ctx, w->other_model, w->e.data, w->e.split, scores);
    } else if (status != RG_BAD_DATA) {
        cli_report(w->ctx);
    } else {
        char *no_model = strdup(rg_last_error(w->ctx));
        status = read_scores(w, path, no_model ? no_model : "", scores);
        free(no_model);
    }
    w->e.other.scores = *scores;
    return status;
}

/* Reads the runs, whose splits have the same lists: the queries of the qrels. */
static rg_status open_runs(struct work *w)
{
    const struct evaluate *o = w->options;
    if (rg_trec_open(w->ctx, o->run, o->qrels, o->complete, &w->scored.data) != RG_OK ||
        (o->compare &&
         rg_trec_open(w->ctx, o->compare, o->qrels, o->complete, &w->other_run) != RG_OK))
        return cli_report(w->ctx);
    w->e.split = w->e.it.split = rg_dataset_split_at(w->scored.data, 0);
    w->e.it.scores = w->e.split->scores;
    w->e.other.split = rg_dataset_split_at(w->other_run, 0);
    w->e.other.scores = w->e.other.split ? w->e.other.split->scores : NULL;
    return check_split(w);
}

/* Opens the data and scores them. */
static rg_status score(struct work *w)
{
    const struct evaluate *o = w->options;
    rg_dataset_options reading = o->reading;
    if (o->run)
        return open_runs(w);
    rg_status status =
        o->scores ? cli_open_split(w->ctx, w->e.data, &reading, o->split, &w->scored)
                  : cli_open_scored(w->ctx, o->files.items, &reading, o->split, &w->scored);
    w->e.split = w->e.it.split = w->scored.split;
    if (status == RG_OK)
        status = check_split(w);
    if (status == RG_OK)
        status = o->scores
                     ? read_scores(w, o->scores, "", &w->scored.scores)
                     : cli_score(w->ctx, w->scored.model, w->e.data, w->e.split, &w->scored.scores);
    w->e.it.scores = w->scored.scores;
    return status == RG_OK && o->compare ? score_other(w) : status;
}

/* ---- The command ----------------------------------------------------------------------------- */

/* Checks what a run needs and what it has no use for. */
static rg_status check_run(const struct evaluate *o)
{
    const rg_dataset_options *r = &o->reading;
    const char *useless = o->scores       ? "scores"
                          : o->split      ? "split"
                          : o->weighted   ? "weighted"
                          : r->group_path ? "group"
                          : r->regroup    ? "regroup"
                          : r->zero_based ? "zero-based"
                          : r->no_map     ? "no-map"
                          : r->n_features ? "features"
                                          : NULL;
    if (!o->run && (o->qrels || o->complete))
        return cli_fail(RG_USAGE, "evaluate: --%s is of use with --run alone",
                        o->qrels ? "qrels" : "complete");
    if (o->run && !o->qrels)
        return cli_fail(RG_USAGE, "evaluate: --run needs the judgements; expected --qrels FILE");
    if (o->run && useless)
        return cli_fail(RG_USAGE, "evaluate: --run has no use for --%s", useless);
    if (o->compare && formats[o->format].show == cli_report_trec)
        return cli_fail(RG_USAGE, "evaluate: --format trec has no place for --compare; expected "
                                  "text, json or tsv");
    return RG_OK;
}

static rg_status check_arguments(const struct evaluate *o)
{
    const char *expected = o->run      ? "no arguments with --run"
                           : o->scores ? "DATA with --scores"
                                       : "MODEL DATA";
    int count = o->files.count, most = o->run ? 0 : o->scores ? 1 : 2;
    rg_status status = check_run(o);
    if (status != RG_OK)
        return status;
    if (count > most)
        return cli_fail(RG_USAGE, "evaluate: '%s' is one argument too many; expected %s",
                        o->files.items[most], expected);
    if (count < most)
        return cli_fail(RG_USAGE,
                        "evaluate: %d of %s given; expected %s; see rankgrad evaluate --help",
                        count, cli_count(most, "argument").text, expected);
    return RG_OK;
}

/* Checks, before the work, that the values of the lists can be written. */
static rg_status check_per_list(const struct work *w)
{
    const struct evaluate *o = w->options;
    const char *inputs[] = {w->e.data, w->e.it.name, o->compare, o->reading.group_path};
    if (!o->per_list)
        return RG_OK;
    char *header = cli_per_list_header(w->names, w->e.n_metrics, o->compare != NULL);
    if (!header)
        return RG_LIMIT;
    const rg_output_options replacing = {.header = header,
                                         .force = o->force,
                                         .inputs = inputs,
                                         .n_inputs = sizeof inputs / sizeof *inputs};
    rg_status status = cli_output_check(w->ctx, o->per_list, &replacing);
    free(header);
    return status;
}

/* Writes the values of the lists, then the report. */
static rg_status show(struct work *w)
{
    const char *path = w->options->per_list;
    const struct format *format = &formats[w->options->format];
    bool to_stdout = path && rg_output_is_stdout(w->ctx, path);
    w->e.with_lists = to_stdout && format->with_lists;
    rg_status status = RG_OK;
    if (path && !w->e.with_lists) {
        status = cli_output_begin(w->ctx, path, &w->per_list);
        if (status == RG_OK)
            status = cli_write_per_list(w->per_list.stream, &w->e);
        if (status == RG_OK)
            status = cli_output_commit(&w->per_list, NULL);
    }
    if (status != RG_OK)
        return status;
    return format->show(to_stdout && !w->e.with_lists ? stderr : stdout, &w->e);
}

/* The number of trec_eval among the tools. */
static int trec_eval(void)
{
    int i = 1;
    while (cli_tool_at(i) && strcmp(cli_tool_at(i), "trec_eval") != 0)
        i++;
    return i;
}

/* Parses the metrics and names them. Parameters that the tool gives a metric are no part of the
 * name. */
static rg_status parse_metrics(struct work *w)
{
    const struct evaluate *o = w->options;
    struct cli_conventions *c = &w->e.conventions;
    if (o->run && c->tool == 0) {
        c->tool = trec_eval();
        c->lenient = true;
    }
    rg_status status = cli_parse_metrics(w->ctx, &o->metrics, c, &w->metrics, &w->e.n_metrics);
    if (status == RG_OK && !(w->names = cli_alloc(w->e.n_metrics, sizeof *w->names)))
        status = RG_LIMIT;
    for (int i = 0; i < w->e.n_metrics && status == RG_OK; i++) {
        const char *tool = c->tool ? cli_tool_at(c->tool) : NULL;
        rg_metric plain;
        w->names[i] = cli_metric_text(&w->metrics[i]);
        if (!tool || rg_metric_like(w->ctx, tool, w->metrics[i].name, &plain) != RG_OK)
            continue;
        plain.k = w->metrics[i].k;
        bool same = strcmp(cli_metric_text(&plain).text, w->names[i].text) == 0;
        plain.own.component = NULL;
        if (same)
            w->names[i] = cli_metric_text(&plain);
    }
    w->e.metrics = w->metrics;
    w->e.names = w->names;
    return status;
}

static rg_status prepare(struct work *w)
{
    const struct evaluate *o = w->options;
    rg_status status = check_arguments(o);
    if (status != RG_OK)
        return status;
    w->e = (struct cli_evaluation){.data = o->run ? o->qrels : o->files.items[o->files.count - 1],
                                   .conventions = o->conventions,
                                   .weighted = o->weighted,
                                   .statistics = o->statistics,
                                   .it.kind = o->run      ? "run"
                                              : o->scores ? "scores"
                                                          : "model",
                                   .it.name = o->run      ? o->run
                                              : o->scores ? o->scores
                                                          : o->files.items[0],
                                   .other.name = o->compare};
    status = parse_metrics(w);
    if (status != RG_OK)
        return status;
    w->intervals = cli_alloc(w->e.n_metrics, sizeof *w->intervals);
    w->comparisons = cli_alloc(w->e.n_metrics, sizeof *w->comparisons);
    if (!w->intervals || !w->comparisons)
        return RG_LIMIT;
    w->e.intervals = o->statistics.n_samples > 0 ? w->intervals : NULL;
    w->e.comparisons = o->compare ? w->comparisons : NULL;
    if (o->statistics.n_samples == 0)
        w->e.statistics.n_samples = SAMPLES_OF_COMPARISON;
    return check_per_list(w);
}

static rg_status evaluate(struct work *w)
{
    rg_status status = prepare(w);
    if (status == RG_OK)
        status = score(w);
    if (status == RG_OK)
        status = measure(w, &w->e.it);
    if (status == RG_OK && w->e.comparisons)
        status = measure(w, &w->e.other);
    if (status == RG_OK)
        status = infer(w);
    if (status == RG_OK)
        status = cli_interrupted();
    return status == RG_OK ? show(w) : status;
}

static rg_status run(rg_context *ctx, void *values)
{
    struct work w = {.ctx = ctx, .options = values};
    rg_status status = evaluate(&w);
    cli_output_abandon(&w.per_list);
    free(w.metrics);
    free(w.names);
    free(w.intervals);
    free(w.comparisons);
    free(w.e.it.results);
    free(w.e.it.per_list);
    free(w.e.other.results);
    free(w.e.other.per_list);
    free(w.other_scores);
    rg_model_destroy(w.other_model);
    rg_dataset_close(w.other_run);
    cli_free_scored(&w.scored);
    return status;
}

static void set_defaults(void *values)
{
    struct evaluate *e = values;
    e->metrics.fallback = "ndcg@10,map";
    e->conventions = cli_no_conventions();
    e->statistics = rg_statistics_options_default();
    e->statistics.n_samples = 0;
}

const struct cli_command cli_command_evaluate = {
    .name = "evaluate",
    .summary = "measure a model, scores or a TREC run",
    .aliases = "eval test measure validate bench benchmark compare",
    .arguments = "MODEL DATA",
    .least = 0,
    .most = 2,
    .size = sizeof(struct evaluate),
    .options = options,
    .reading = offsetof(struct evaluate, reading),
    .doc = "Score the lists of a data set (HDF5 or text) with a model, or read their scores "
           "(--scores) or a TREC run (--run), and measure their order; docs/evaluation.md has "
           "examples. " CLI_MATCHING " A row with a missing (NaN) feature has no score and ranks "
           "last; the report counts such rows: if there are any, a warning is printed, and if no "
           "row has a score, that is an error (status 3). Intervals and tests leave out the lists "
           "that are not in the mean: those without rows and, with --no-relevant skip, those "
           "without a relevant item.",
    .more = explain,
    .set_defaults = set_defaults,
    .run = run};

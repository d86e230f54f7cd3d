/* report.c: the reports of `evaluate`: text for people, TSV and JSON for programs. A metric means
 * nothing without its conventions, so text begins with the split and the conventions, and the line
 * of a metric says how many lists have no relevant item.
 */
#include "evaluation.h"
#include "json.h"

#include <stdlib.h>
#include <string.h>

struct cli_word cli_percent(double confidence)
{
    struct cli_word word;
    snprintf(word.text, sizeof word.text, "%.10g %%", 100 * confidence);
    return word;
}

/* ---- Text ------------------------------------------------------------------------------------ */

static struct cli_word interval_text(const rg_interval *interval)
{
    struct cli_word word;
    snprintf(word.text, sizeof word.text, "[%.40s, %.40s]", cli_number(interval->low, 6, 10).text,
             cli_number(interval->high, 6, 10).text);
    return word;
}

/* p, and how it was computed. */
static struct cli_word p_text(const rg_test *test, const char *otherwise)
{
    struct cli_word word = {"-"};
    if (!isnan(test->p))
        snprintf(word.text, sizeof word.text, "%.4g%s%s", test->p,
                 test->exact || otherwise[0] ? " " : "", test->exact ? "exact" : otherwise);
    return word;
}

/* Lists in which `it` is better than `other`, and in which it is worse. */
static int64_t won(const struct cli_evaluation *e, int i)
{
    const rg_comparison *c = &e->comparisons[i];
    return rg_metric_lower_is_better(&e->metrics[i]) ? c->less : c->greater;
}

static int64_t lost(const struct cli_evaluation *e, int i)
{
    const rg_comparison *c = &e->comparisons[i];
    return c->n - c->equal - won(e, i);
}

/* The width of the column of metrics. */
static int name_width(const struct cli_evaluation *e)
{
    size_t width = 14;
    for (int i = 0; i < e->n_metrics; i++) {
        size_t n = strlen(e->names[i].text);
        width = n > width ? n : width;
    }
    return (int)width;
}

static void show_comparisons(FILE *to, const struct cli_evaluation *e)
{
    int width = name_width(e);
    struct cli_word percent = cli_percent(e->statistics.confidence);
    fprintf(to, "\ncompared with %s, as %s - %s; lists won, tied and lost by %s\n", e->other.name,
            e->it.name, e->other.name, e->it.name);
    fprintf(to, "%-*s %10s %10s %19s interval %11s %6s %6s %6s\n", width, "metric", "other",
            "difference", percent.text, "effect size", "won", "tied", "lost");
    for (int i = 0; i < e->n_metrics; i++) {
        const rg_comparison *c = &e->comparisons[i];
        fprintf(to, "%-*s %10s %10s %28s %11s %6lld %6lld %6lld\n", width, e->names[i].text,
                cli_number(c->b, 6, 10).text, cli_number(c->difference, 6, 10).text,
                interval_text(&c->interval).text, cli_number(c->effect_size, 4, 11).text,
                (long long)won(e, i), (long long)c->equal, (long long)lost(e, i));
    }
    fprintf(to, "\ntwo-sided p values of the difference\n%-*s %20s %20s %20s\n", width, "metric",
            "paired t", "Wilcoxon", "randomisation");
    for (int i = 0; i < e->n_metrics; i++) {
        const rg_comparison *c = &e->comparisons[i];
        fprintf(to, "%-*s %20s %20s %20s\n", width, e->names[i].text, p_text(&c->t, "").text,
                p_text(&c->wilcoxon, "normal").text, p_text(&c->randomization, "sampled").text);
    }
}

/* How intervals and p values were computed. */
static void show_statistics(FILE *to, const struct cli_evaluation *e)
{
    const rg_statistics_options *o = &e->statistics;
    if (e->intervals || e->comparisons)
        fprintf(to, "\nintervals: percentile bootstrap over lists, %lld samples, seed %llu",
                (long long)o->n_samples, (unsigned long long)o->seed);
    if (e->comparisons)
        fprintf(to,
                "; sampled p values: %lld random sign vectors; Wilcoxon: zeros left out, normal: "
                "approximation with tie correction",
                (long long)o->permutations);
    if (e->intervals || e->comparisons)
        fprintf(to, "\n");
}

/* Remarks without which the numbers could mislead, one line each: in the report if `to` is not
 * NULL, else on standard error. */
static void show_remarks(FILE *to, const struct cli_evaluation *e)
{
    char line[512] = "";
    if (e->split->list_weights && !e->weighted)
        snprintf(line, sizeof line,
                 "the file has list weights, which are not used; --weighted uses "
                 "them");
    for (int i = 0; i <= e->n_metrics; i++) {
        if (line[0] && to)
            fprintf(to, "%s\n", line);
        else if (line[0])
            cli_note("%s", line);
        line[0] = 0;
        const rg_metric_result *result = &e->it.results[i];
        if (i == e->n_metrics || result->n_no_relevant < result->n_lists - result->n_empty)
            continue;
        snprintf(line, sizeof line,
                 "%s: no list has a relevant item; the largest label is %g, the "
                 "relevance threshold %g",
                 e->names[i].text, result->largest_label, e->metrics[i].threshold);
    }
}

/* Whether all metrics have the same conventions; they may differ for a tool. */
static bool same_conventions(const struct cli_evaluation *e)
{
    bool same = true;
    for (int i = 1; i < e->n_metrics; i++)
        same &= strcmp(cli_conventions_text(&e->metrics[i]).text,
                       cli_conventions_text(&e->metrics[0]).text) == 0;
    return same;
}

/* The data and, if they are the same for all metrics, the conventions. */
static void show_data(FILE *to, const struct cli_evaluation *e, bool same)
{
    const rg_split *split = e->split;
    const int tool = e->conventions.tool;
    fprintf(to, "%s%s%s: %s, %s; %s%s%s%s, %s\n", e->data, split->name[0] ? ", split " : "",
            split->name, cli_count(split->n_lists, "list").text,
            cli_count(split->n_rows, "row").text, tool ? "as " : "", tool ? cli_tool_at(tool) : "",
            tool ? (same ? ": " : ", see below") : "",
            same ? cli_conventions_text(&e->metrics[0]).text : "",
            e->weighted ? "lists weighted" : "every list counts alike");
}

rg_status cli_report_text(FILE *to, const struct cli_evaluation *e)
{
    bool same = same_conventions(e);
    int width = name_width(e);
    show_data(to, e, same);
    fprintf(to, "%-*s %10s", width, "metric", "value");
    if (e->intervals)
        fprintf(to, " %15s interval", cli_percent(e->statistics.confidence).text);
    fprintf(to, " %10s %20s %8s %20s\n", "lists", "no relevant item", "empty",
            "rows without a score");
    for (int i = 0; i < e->n_metrics; i++) {
        const rg_metric_result *result = &e->it.results[i];
        fprintf(to, "%-*s %10s", width, e->names[i].text, cli_number(result->value, 6, 10).text);
        if (e->intervals)
            fprintf(to, " %24s", interval_text(&e->intervals[i]).text);
        fprintf(to, " %10lld %20lld %8lld %20lld\n", (long long)result->n_lists,
                (long long)result->n_no_relevant, (long long)result->n_empty,
                (long long)result->n_unscored);
    }
    for (int i = 0; !same && i < e->n_metrics; i++)
        fprintf(to, "%s: %s\n", cli_metric_text(&e->metrics[i]).text,
                cli_conventions_text(&e->metrics[i]).text);
    if (e->comparisons)
        show_comparisons(to, e);
    show_statistics(to, e);
    show_remarks(to, e);
    return RG_OK;
}

/* ---- TSV ------------------------------------------------------------------------------------- */

static void write_number(FILE *to, double value)
{
    fprintf(to, "\t%.17g", cli_plain(value));
}

static void write_comparison(FILE *to, const struct cli_evaluation *e, int i)
{
    const rg_comparison *c = &e->comparisons[i];
    write_number(to, c->b);
    write_number(to, c->difference);
    write_number(to, c->interval.low);
    write_number(to, c->interval.high);
    write_number(to, c->effect_size);
    fprintf(to, "\t%lld\t%lld\t%lld", (long long)won(e, i), (long long)c->equal,
            (long long)lost(e, i));
    write_number(to, c->t.p);
    write_number(to, c->wilcoxon.p);
    write_number(to, c->randomization.p);
}

rg_status cli_report_tsv(FILE *to, const struct cli_evaluation *e)
{
    fprintf(to, "metric\tvalue\tn_lists\tn_no_relevant\tn_empty\tn_unscored%s%s\n",
            e->intervals ? "\tlow\thigh" : "",
            e->comparisons ? "\tother\tdifference\tdifference_low\tdifference_high\teffect_size\t"
                             "won\ttied\tlost\tt_test_p\twilcoxon_p\trandomization_p"
                           : "");
    for (int i = 0; i < e->n_metrics; i++) {
        const rg_metric_result *result = &e->it.results[i];
        fprintf(to, "%s", e->names[i].text);
        write_number(to, result->value);
        fprintf(to, "\t%lld\t%lld\t%lld\t%lld", (long long)result->n_lists,
                (long long)result->n_no_relevant, (long long)result->n_empty,
                (long long)result->n_unscored);
        if (e->intervals) {
            write_number(to, e->intervals[i].low);
            write_number(to, e->intervals[i].high);
        }
        if (e->comparisons)
            write_comparison(to, e, i);
        fprintf(to, "\n");
    }
    show_remarks(NULL, e);
    return RG_OK;
}

char *cli_per_list_header(const struct cli_word *names, int n_metrics, bool compared)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (stream) {
        fprintf(stream, "query");
        for (int other = 0; other <= compared; other++)
            for (int i = 0; i < n_metrics; i++)
                fprintf(stream, "\t%s%s", other ? "other " : "", names[i].text);
        fprintf(stream, "\n");
    }
    if (!stream || fclose(stream) != 0)
        cli_fail(RG_LIMIT, "out of memory");
    return text;
}

rg_status cli_write_per_list(FILE *to, const struct cli_evaluation *e)
{
    struct cli_word number;
    char *header = cli_per_list_header(e->names, e->n_metrics, e->comparisons != NULL);
    if (!header)
        return RG_LIMIT;
    fputs(header, to);
    free(header);
    int64_t n_lists = e->split->n_lists;
    for (int64_t list = 0; list < n_lists; list++) {
        fprintf(to, "%s", cli_name_of(e->split->query_ids, list, &number));
        for (int other = 0; other <= (e->comparisons != NULL); other++)
            for (int i = 0; i < e->n_metrics; i++)
                write_number(to, (other ? &e->other : &e->it)->per_list[i * n_lists + list]);
        fprintf(to, "\n");
    }
    return RG_OK;
}

/* ---- trec_eval's format ---------------------------------------------------------------------- */

/* trec_eval's names of metrics, of whole lists and of the first k items; NULL: it has none, or it
 * computes something else. `param`: if our metric has this parameter, for those of k items. */
static const struct {
    const char *ours, *whole, *cut, *param;
} trec_names[] = {{"ndcg", "ndcg", "ndcg_cut", ""}, {"map", "map", "map_cut", "divisor=relevant"},
                  {"mrr", "recip_rank", NULL, ""},  {"precision", NULL, "P", ""},
                  {"recall", NULL, "recall", ""},   {"hit", NULL, "success", ""},
                  {"bpref", "bpref", NULL, ""},     {"r_precision", "Rprec", NULL, ""}};

static struct cli_word trec_name(const rg_metric *metric)
{
    const struct cli_word ours = cli_metric_text(metric);
    struct cli_word word = ours;
    for (size_t i = 0; i < sizeof trec_names / sizeof *trec_names; i++) {
        const char *cut = trec_names[i].cut;
        if (strcmp(metric->name, trec_names[i].ours) != 0)
            continue;
        if (metric->k == 0 && trec_names[i].whole)
            snprintf(word.text, sizeof word.text, "%s", trec_names[i].whole);
        else if (metric->k > 0 && cut && strstr(ours.text, trec_names[i].param))
            snprintf(word.text, sizeof word.text, "%s_%lld", cut, (long long)metric->k);
    }
    return word;
}

static void write_trec_line(FILE *to, const rg_metric *metric, const char *query, double value)
{
    fprintf(to, "%-22s\t%s\t%6.4f\n", trec_name(metric).text, query, cli_plain(value));
}

rg_status cli_report_trec(FILE *to, const struct cli_evaluation *e)
{
    struct cli_word number;
    int64_t n_lists = e->split->n_lists;
    for (int64_t list = 0; e->with_lists && list < n_lists; list++)
        for (int i = 0; i < e->n_metrics; i++)
            if (!isnan(e->it.per_list[i * n_lists + list]))
                write_trec_line(to, &e->metrics[i], cli_name_of(e->split->query_ids, list, &number),
                                e->it.per_list[i * n_lists + list]);
    for (int i = 0; i < e->n_metrics; i++)
        write_trec_line(to, &e->metrics[i], "all", e->it.results[i].value);
    show_remarks(NULL, e);
    return RG_OK;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static json_t *json_interval(const rg_interval *interval)
{
    return json_pack("[o, o]", cli_json_of_number(interval->low),
                     cli_json_of_number(interval->high));
}

static json_t *json_test(const rg_test *test)
{
    return json_pack("{s:o, s:o, s:b}", "statistic", cli_json_of_number(test->statistic), "p",
                     cli_json_of_number(test->p), "exact", (int)test->exact);
}

static json_t *json_comparison(const struct cli_evaluation *e, int i)
{
    const rg_comparison *c = &e->comparisons[i];
    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o}", "other",
                     cli_json_of_number(c->b), "difference", cli_json_of_number(c->difference),
                     "interval", json_interval(&c->interval), "effect_size",
                     cli_json_of_number(c->effect_size), "n_lists", (json_int_t)c->n, "won",
                     (json_int_t)won(e, i), "tied", (json_int_t)c->equal, "lost",
                     (json_int_t)lost(e, i), "t_test", json_test(&c->t), "wilcoxon",
                     json_test(&c->wilcoxon), "randomization", json_test(&c->randomization));
}

static json_t *json_conventions(const rg_metric *c, bool weighted)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:f, s:s, s:s, s:b}", "gain", rg_gain_name(c->gain),
                     "discount", "1/log2(1 + rank)", "ties", rg_ties_name(c->ties), "no_relevant",
                     rg_no_relevant_name(c->no_relevant), "relevance_threshold", c->threshold,
                     "negative_labels", rg_negatives_name(c->negative_labels), "score_type",
                     cli_score_type_at(c->f32_scores), "weighted", (int)weighted);
}

static json_t *json_metrics(const struct cli_evaluation *e)
{
    json_t *metrics = json_object();
    for (int i = 0; i < e->n_metrics; i++) {
        const rg_metric_result *result = &e->it.results[i];
        json_t *one = json_pack(
            "{s:o, s:I, s:I, s:I, s:I, s:o}", "value", cli_json_of_number(result->value), "n_lists",
            (json_int_t)result->n_lists, "n_no_relevant", (json_int_t)result->n_no_relevant,
            "n_empty", (json_int_t)result->n_empty, "n_unscored", (json_int_t)result->n_unscored,
            "largest_label", cli_json_of_number(result->largest_label));
        if (one && e->conventions.tool)
            json_object_set_new(one, "conventions", json_conventions(&e->metrics[i], e->weighted));
        if (one && e->intervals)
            json_object_set_new(one, "interval", json_interval(&e->intervals[i]));
        if (one && e->comparisons)
            json_object_set_new(one, "comparison", json_comparison(e, i));
        json_object_set_new(metrics, e->names[i].text, one);
    }
    return metrics;
}

/* Adds the values of a list to an object, and returns it. */
static json_t *add_list_values(json_t *values, const struct cli_evaluation *e,
                               const struct cli_measured *m, int64_t list)
{
    for (int i = 0; i < e->n_metrics; i++) {
        double value = m->per_list[i * e->split->n_lists + list];
        json_object_set_new(values, e->names[i].text,
                            isnan(value) ? json_null() : cli_json_of_number(value));
    }
    return values;
}

static json_t *json_lists(const struct cli_evaluation *e)
{
    struct cli_word number;
    json_t *lists = json_array();
    for (int64_t list = 0; list < e->split->n_lists; list++) {
        json_t *one =
            json_pack("{s:o, s:I}", "query",
                      cli_json_of_text(cli_name_of(e->split->query_ids, list, &number)),
                      "n_unscored", (json_int_t)cli_count_unscored(e->split, e->it.scores, list));
        add_list_values(one, e, &e->it, list);
        if (e->comparisons)
            json_object_set_new(one, "other", add_list_values(json_object(), e, &e->other, list));
        json_array_append_new(lists, one);
    }
    return lists;
}

static json_t *json_statistics(const rg_statistics_options *o)
{
    char seed[24]; /* as text, because it may be greater than a JSON integer */
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->seed);
    return json_pack("{s:I, s:f, s:I, s:s}", "bootstrap", (json_int_t)o->n_samples, "confidence",
                     o->confidence, "permutations", (json_int_t)o->permutations, "seed", seed);
}

rg_status cli_report_json(FILE *to, const struct cli_evaluation *e)
{
    const int tool = e->conventions.tool;
    json_t *all = json_pack(
        "{s:o, s:o, s:o, s:I, s:I, s:o, s:o}", e->it.kind, cli_json_of_text(e->it.name), "data",
        cli_json_of_text(e->data), "split", cli_json_of_text(e->split->name), "n_lists",
        (json_int_t)e->split->n_lists, "n_rows", (json_int_t)e->split->n_rows, "conventions",
        tool ? json_pack("{s:s}", "like", cli_tool_at(tool))
             : json_conventions(&e->metrics[0], e->weighted),
        "metrics", json_metrics(e));
    if (all && (e->intervals || e->comparisons))
        json_object_set_new(all, "statistics", json_statistics(&e->statistics));
    if (all && e->comparisons)
        json_object_set_new(all, "compared_with", cli_json_of_text(e->other.name));
    if (all && e->with_lists)
        json_object_set_new(all, "per_list", json_lists(e));
    bool failed = !all || json_dumpf(all, to, JSON_INDENT(2) | JSON_REAL_PRECISION(17)) != 0;
    if (all)
        fprintf(to, "\n");
    json_decref(all);
    show_remarks(NULL, e);
    return failed && !ferror(to) ? cli_fail(RG_LIMIT, "out of memory") : RG_OK;
}

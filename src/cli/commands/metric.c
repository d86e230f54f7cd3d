/* metric.c: `rankgrad metric`: metrics of scores and labels given as JSON lines, for other
 * programs to compare their own with.
 */
#include "json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const keys[] = {"metric",    "scores",     "labels", "where",
                                   "offsets",   "weights",    "gain",   "no_relevant",
                                   "threshold", "ties",       "like",   "negative_labels",
                                   "subtopics", "score_type", NULL};

static void explain(FILE *to)
{
    fprintf(to, "Keys of a line:\n"
                "  metric       NAME or NAME@K, listed below, or a list of them, which share\n"
                "               the sorting; then the answer is {\"metrics\": [..]}\n"
                "  scores       [..]: one list; [[..],[..]]: one list per row\n"
                "  labels       in the shape of scores\n"
                "  where        in the shape of scores: false where there is no item\n"
                "  subtopics    for alpha_ndcg and err_ia, one axis more than scores: the grade\n"
                "               of each item for each subtopic, 0 to 255\n"
                "  offsets      [0,..,N]: scores is flat, list q is [offsets[q], offsets[q+1])\n"
                "  weights      one number per list: value = sum w v / sum w\n"
                "  gain         exp (2^y - 1, default), linear (y)\n"
                "  ties         average (expected value over all orders of equal scores,\n"
                "               default), input (row order), docid (the later row first),\n"
                "               pessimistic (lower label first)\n"
                "  no_relevant  what a list without a relevant item counts: zero (default),\n"
                "               one, skip\n"
                "  negative_labels  an item with a negative label has gain zero (default), a\n"
                "               negative gain (keep), does not exist (drop), is an error\n"
                "  score_type   f64 (default); f32 compares scores rounded to f32\n"
                "  threshold    items with at least this label are relevant, for metrics\n"
                "               with binary relevance; default 1\n"
                "  like         the tool whose numbers to give: its conventions are those\n"
                "               that the other keys do not give; listed below\n"
                "Scores: NaN ranks last, -Infinity is never ranked. NaN and infinities are\n"
                "the strings \"NaN\", \"Infinity\", \"-Infinity\".\n\n"
                "The answer: value, the mean over the lists that have an item, and per_list,\n"
                "null where a list was skipped; n_unscored, how many scores are NaN: some\n"
                "give a warning, all an error. A line that cannot be answered gives\n"
                "{\"error\": ..} and, at the end, exit status 3.\n\n");
    cli_metric_help(to);
    fprintf(to, "\n");
    cli_tool_help(to);
    fprintf(to, "\nExample:\n"
                "  echo '{\"metric\":\"mrr\",\"scores\":[0,3,1,2],\"labels\":[0,0,1,1]}' |\n"
                "    rankgrad metric\n"
                "  {\"value\": 0.5, \"per_list\": [0.5], \"n_unscored\": 0}\n");
}

/* One line, read. */
struct request {
    rg_metric *metrics; /* (n_metrics) */
    int n_metrics;
    bool several;             /* the metrics are a list */
    rg_tensor scores, labels; /* f64 */
    rg_tensor where;          /* as written; no data: none */
    rg_tensor offsets;        /* i64 (Q+1), from the shape of scores if not given */
    rg_tensor subtopics;      /* f64, the shape of scores and one more axis; no data: none */
    uint8_t *grades;          /* the same as bytes */
    rg_tensor weights;        /* f64 (Q); no data: none */
};

static void release(struct request *r)
{
    free(r->metrics);
    free(r->scores.data);
    free(r->labels.data);
    free(r->where.data);
    free(r->offsets.data);
    free(r->subtopics.data);
    free(r->grades);
    free(r->weights.data);
}

/* Reads a name that need not be there. */
static bool read_name(const json_t *input, const char *key, const char *(*name_at)(int i),
                      int *value, struct cli_json_error *error)
{
    return !json_object_get(input, key) || cli_json_name(input, key, name_at, value, error);
}

static bool read_conventions(const json_t *input, struct cli_conventions *c,
                             struct cli_json_error *error)
{
    *c = cli_no_conventions();
    return read_name(input, "like", cli_tool_at, &c->tool, error) &&
           read_name(input, "gain", cli_gain_at, &c->gain, error) &&
           read_name(input, "ties", cli_ties_at, &c->ties, error) &&
           read_name(input, "no_relevant", cli_no_relevant_at, &c->no_relevant, error) &&
           read_name(input, "negative_labels", cli_negatives_at, &c->negative_labels, error) &&
           read_name(input, "score_type", cli_score_type_at, &c->score_type, error) &&
           cli_json_number(input, "threshold", &c->threshold, error);
}

/* Reads one metric, or a list of them. */
static bool read_metrics(rg_context *ctx, const json_t *input, struct request *r,
                         struct cli_json_error *error)
{
    struct cli_conventions conventions;
    const json_t *given = json_object_get(input, "metric");
    r->several = json_is_array(given);
    r->n_metrics = r->several ? (int)json_array_size(given) : 1;
    if (!read_conventions(input, &conventions, error))
        return false;
    if (r->n_metrics == 0)
        return cli_json_fail(error, RG_BAD_DATA, "metric is []; expected at least one");
    r->metrics = cli_alloc(r->n_metrics, sizeof *r->metrics);
    if (!r->metrics)
        return cli_json_fail(error, RG_LIMIT, "out of memory for the metrics");
    for (int i = 0; i < r->n_metrics; i++) {
        const char *text = r->several ? json_string_value(json_array_get(given, (size_t)i)) : NULL;
        if (r->several && !text)
            return cli_json_fail(error, RG_BAD_DATA, "metric[%d] is not a string", i);
        if (!r->several && !cli_json_text(input, "metric", &text, error))
            return false;
        if (cli_parse_metric(ctx, &conventions, text, &r->metrics[i]) != RG_OK)
            return cli_json_fail_last(error, ctx);
    }
    return true;
}

/* The offsets of the lists when the last axis of scores is a list. */
static bool offsets_of_shape(struct request *r, struct cli_json_error *error)
{
    const rg_tensor *s = &r->scores;
    if (s->ndim == 0)
        return cli_json_fail(error, RG_BAD_DATA, "scores is a number; expected a list");
    int64_t n_lists = 1, n = s->dims[s->ndim - 1];
    for (int i = 0; i < s->ndim - 1; i++)
        n_lists *= s->dims[i];
    r->offsets = (rg_tensor){RG_I64, 1, {n_lists + 1}, cli_alloc(n_lists + 1, sizeof(int64_t))};
    if (!r->offsets.data)
        return cli_json_fail(error, RG_LIMIT, "out of memory for offsets");
    for (int64_t q = 0; q <= n_lists; q++)
        ((int64_t *)r->offsets.data)[q] = q * n;
    return true;
}

/* Checks what the library cannot: that given offsets span all scores. (It checks that they do not
 * decrease.) */
static bool check_offsets(const struct request *r, struct cli_json_error *error)
{
    const int64_t *offsets = r->offsets.data;
    int64_t n = r->scores.dims[0], n_offsets = r->offsets.dims[0];
    if (r->scores.ndim != 1)
        return cli_json_fail(error, RG_BAD_DATA,
                             "scores has shape %s; with offsets it must be one flat list",
                             cli_json_shape(&r->scores).text);
    if (offsets[0] != 0 || offsets[n_offsets - 1] != n)
        return cli_json_fail(error, RG_BAD_DATA,
                             "offsets must begin with 0 and end with %lld, the number of scores",
                             (long long)n);
    return true;
}

static bool same_shape(const rg_tensor *tensor, const char *key, const rg_tensor *scores,
                       struct cli_json_error *error)
{
    if (!tensor->data || (tensor->ndim == scores->ndim &&
                          memcmp(tensor->dims, scores->dims, sizeof scores->dims) == 0))
        return true;
    return cli_json_fail(error, RG_BAD_DATA, "%s has shape %s, scores %s; they must be equal", key,
                         cli_json_shape(tensor).text, cli_json_shape(scores).text);
}

/* Grades of the shape of scores, for each of the subtopics of the last axis. */
static bool read_subtopics(const json_t *input, struct request *r, struct cli_json_error *error)
{
    rg_tensor *t = &r->subtopics;
    const rg_tensor *s = &r->scores;
    if (!cli_json_tensor(input, "subtopics", CLI_JSON_REAL, RG_F64, t, error))
        return false;
    if (!t->data)
        return true;
    if (t->ndim != s->ndim + 1 || memcmp(t->dims, s->dims, (size_t)s->ndim * sizeof *s->dims) != 0)
        return cli_json_fail(error, RG_BAD_DATA,
                             "subtopics has shape %s, scores %s; expected one axis more, the "
                             "subtopics",
                             cli_json_shape(t).text, cli_json_shape(s).text);
    int64_t n = rg_tensor_count(t);
    const double *values = t->data;
    r->grades = cli_alloc(n, 1);
    if (!r->grades)
        return cli_json_fail(error, RG_LIMIT, "out of memory for the subtopics");
    for (int64_t i = 0; i < n; i++) {
        if (!(values[i] >= 0 && values[i] <= 255) || values[i] != floor(values[i]))
            return cli_json_fail(error, RG_BAD_DATA,
                                 "subtopics: a grade is %g; expected a whole number from 0 to 255",
                                 values[i]);
        r->grades[i] = (uint8_t)values[i];
    }
    return true;
}

static bool check_shapes(const struct request *r, struct cli_json_error *error)
{
    int64_t n_lists = r->offsets.dims[0] - 1;
    if (!same_shape(&r->labels, "labels", &r->scores, error) ||
        !same_shape(&r->where, "where", &r->scores, error))
        return false;
    if (r->weights.data && (r->weights.ndim != 1 || r->weights.dims[0] != n_lists))
        return cli_json_fail(error, RG_BAD_DATA,
                             "weights has shape %s; expected (%lld), one per list",
                             cli_json_shape(&r->weights).text, (long long)n_lists);
    return true;
}

static bool read_lists(const json_t *input, struct request *r, struct cli_json_error *error)
{
    if (!cli_json_tensor(input, "scores", CLI_JSON_REAL, RG_F64, &r->scores, error) ||
        !cli_json_tensor(input, "labels", CLI_JSON_AS_WRITTEN, RG_F64, &r->labels, error) ||
        !cli_json_tensor(input, "where", CLI_JSON_AS_WRITTEN, RG_F64, &r->where, error) ||
        !cli_json_tensor(input, "weights", CLI_JSON_REAL, RG_F64, &r->weights, error) ||
        !cli_json_offsets(input, &r->offsets, error))
        return false;
    if (!r->scores.data || !r->labels.data)
        return cli_json_fail(error, RG_BAD_DATA, "%s is missing",
                             r->scores.data ? "labels" : "scores");
    return (r->offsets.data ? check_offsets(r, error) : offsets_of_shape(r, error)) &&
           check_shapes(r, error) && read_subtopics(input, r, error);
}

/* Replaces a tensor by the same numbers in another type. */
static bool cast(rg_context *ctx, rg_tensor *tensor, rg_dtype dtype, struct cli_json_error *error)
{
    if (!tensor->data || tensor->dtype == dtype)
        return true;
    rg_tensor to = *tensor;
    to.dtype = dtype;
    to.data = cli_alloc(rg_tensor_count(tensor), rg_dtype_size(dtype));
    if (!to.data)
        return cli_json_fail(error, RG_LIMIT, "out of memory");
    if (rg_tensor_cast(ctx, tensor, &to) != RG_OK) {
        free(to.data);
        return cli_json_fail_last(error, ctx);
    }
    free(tensor->data);
    *tensor = to;
    return true;
}

/* The value and the lists' own, null for a skipped one; NULL: out of memory. */
static json_t *json_of_result(const rg_metric_result *result, const double *per_list)
{
    json_t *values = json_array();
    for (int64_t q = 0; q < result->n_lists; q++)
        if (json_array_append_new(
                values, isnan(per_list[q]) ? json_null() : cli_json_of_number(per_list[q])) != 0) {
            json_decref(values);
            return NULL;
        }
    return json_pack("{s:o, s:o, s:I}", "value", cli_json_of_number(result->value), "per_list",
                     values, "n_unscored", (json_int_t)result->n_unscored);
}

/* One metric's answer, or {"metrics": [{"metric": name, ...}, ...]}; NULL: out of memory. */
static json_t *json_of_results(const struct request *r, const rg_metric_result *results,
                               const double *per_list)
{
    if (!r->several)
        return json_of_result(results, per_list);
    json_t *list = json_array();
    for (int i = 0; i < r->n_metrics; i++) {
        json_t *one = json_of_result(&results[i], per_list + i * results[i].n_lists);
        struct cli_word name = cli_metric_text(&r->metrics[i]);
        if (!one || json_object_set_new(one, "metric", cli_json_of_text(name.text)) != 0 ||
            json_array_append_new(list, one) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:o}", "metrics", list);
}

static json_t *evaluate(rg_context *ctx, const struct request *r, struct cli_json_error *error)
{
    json_t *json = NULL;
    rg_ranking ranking = {.n_lists = r->offsets.dims[0] - 1,
                          .offsets = r->offsets.data,
                          .scores = r->scores.data,
                          .labels = r->labels.data,
                          .where = r->where.data,
                          .list_weights = r->weights.data,
                          .subtopics = r->grades,
                          .n_subtopics = r->grades ? r->subtopics.dims[r->subtopics.ndim - 1] : 0};
    rg_metric_result *results = cli_alloc(r->n_metrics, sizeof *results);
    double *per_list = results ? cli_alloc(r->n_metrics * ranking.n_lists, sizeof *per_list) : NULL;
    if (!per_list)
        cli_json_fail(error, RG_LIMIT, "out of memory for the values");
    else if (rg_metrics_evaluate(ctx, r->metrics, r->n_metrics, &ranking, results, per_list) ==
             RG_OK)
        json = json_of_results(r, results, per_list);
    else
        cli_json_fail_last(error, ctx);
    free(results);
    free(per_list);
    return json;
}

static json_t *answer(rg_context *ctx, const json_t *input, struct cli_json_error *error)
{
    struct request r = {0};
    json_t *json = NULL;
    if (read_metrics(ctx, input, &r, error) && read_lists(input, &r, error) &&
        cast(ctx, &r.labels, RG_F64, error) && cast(ctx, &r.where, RG_BOOL, error))
        json = evaluate(ctx, &r, error);
    release(&r);
    return json;
}

static rg_status run(rg_context *ctx, void *values)
{
    static const struct cli_json_protocol protocol = {.keys = keys, .answer = answer};
    return cli_json_run(ctx, values, &protocol);
}

const struct cli_command cli_command_metric = {
    .name = "metric",
    .summary = "metrics of JSON lines",
    .aliases = "metrics ndcg",
    .arguments = "[FILE...]",
    .most = CLI_MANY,
    .size = sizeof(struct cli_list),
    .doc = "Read JSON objects, one per line, from FILEs or standard input, and answer each with "
           "the metric of its lists.",
    .more = explain,
    .run = run};

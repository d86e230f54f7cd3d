/* metrics.c: metrics as the program's options name them. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* Cuts the text at its first comma outside of parentheses; NULL when nothing is left. */
static char *next_word(char **text)
{
    char *word = *text, *at = word;
    int depth = 0;
    for (; at && *at && (*at != ',' || depth > 0); at++)
        depth += (*at == '(') - (*at == ')');
    *text = at && *at ? at + 1 : NULL;
    if (at && *at)
        *at = '\0';
    return word;
}

struct cli_conventions cli_no_conventions(void)
{
    return (struct cli_conventions){.gain = -1,
                                    .ties = -1,
                                    .no_relevant = -1,
                                    .negative_labels = -1,
                                    .score_type = -1,
                                    .threshold = (double)NAN};
}

/* Parses one of our metrics, with the conventions that the tool has for ndcg. */
static rg_status parse_leniently(rg_context *ctx, const char *tool, const char *text,
                                 rg_metric *metric)
{
    rg_metric ours;
    rg_status status = rg_metric_parse(ctx, text, &ours);
    if (status == RG_OK)
        status = rg_metric_like(ctx, tool, "ndcg", metric);
    metric->name = ours.name;
    metric->k = ours.k;
    metric->own = ours.own;
    return status;
}

rg_status cli_parse_metric(rg_context *ctx, const struct cli_conventions *conventions,
                           const char *text, rg_metric *metric)
{
    const struct cli_conventions *c = conventions;
    const char *tool = c->tool > 0 ? cli_tool_at(c->tool) : NULL;
    rg_status status = rg_metric_like(ctx, tool, text, metric);
    if (status != RG_OK && c->lenient)
        status = parse_leniently(ctx, tool, text, metric);
    if (status != RG_OK)
        return status;
    if (c->gain >= 0)
        metric->gain = (rg_gain)c->gain;
    if (c->ties >= 0)
        metric->ties = (rg_ties)c->ties;
    if (c->no_relevant >= 0)
        metric->no_relevant = (rg_no_relevant)c->no_relevant;
    if (c->negative_labels >= 0)
        metric->negative_labels = (rg_negatives)c->negative_labels;
    if (c->score_type >= 0)
        metric->f32_scores = c->score_type == 1;
    if (!isnan(c->threshold))
        metric->threshold = c->threshold;
    return RG_OK;
}

/* "from label 1", or "above label 0.5" for the next greater double. */
static const char *threshold_text(double threshold, char text[48])
{
    char next[48];
    double below = nextafter(threshold, -(double)INFINITY);
    snprintf(text, 48, "from label %g", threshold);
    snprintf(next, sizeof next, "above label %g", below);
    bool is_exact = strtod(strrchr(text, ' '), NULL) == threshold;
    if (strtod(strrchr(next, ' '), NULL) == below && (!is_exact || strlen(next) < strlen(text)))
        return strcpy(text, next);
    if (!is_exact)
        snprintf(text, 48, "from label %.17g", threshold);
    return text;
}

struct cli_word cli_conventions_text(const rg_metric *metric)
{
    static const char *const counts[] = {"counts 0", "counts 1", "is left out"};
    static const char *const negative[] = {"", ", negative gains kept", ", negative labels ignored",
                                           ", negative labels are errors"};
    char threshold[48];
    struct cli_word text;
    snprintf(text.text, sizeof text.text,
             "gain %s, %sties %s, a list without a relevant item %s, "
             "relevant %s%s%s",
             rg_gain_name(metric->gain), metric->own.component ? "" : "discount 1/log2(1 + rank), ",
             rg_ties_name(metric->ties), counts[metric->no_relevant],
             threshold_text(metric->threshold, threshold), negative[metric->negative_labels],
             metric->f32_scores ? ", scores as f32" : "");
    return text;
}

/* Adds the metrics of one text, whose commas are overwritten. */
static rg_status parse_text(rg_context *ctx, char *text, const struct cli_conventions *conventions,
                            rg_metric *metrics, int *count)
{
    char *word, with_name[128];
    const rg_metric *last = NULL; /* the one before in this text, where it has a cut-off */
    while ((word = next_word(&text)) != NULL) {
        bool number = word[0] && word[strspn(word, "0123456789")] == 0;
        if (last && number)
            snprintf(with_name, sizeof with_name, "%s@%s", last->name, word);
        rg_status status =
            cli_parse_metric(ctx, conventions, last && number ? with_name : word, &metrics[*count]);
        if (status != RG_OK)
            return status;
        if (last && number)
            metrics[*count].own = last->own;
        last = number || strchr(word, '@') ? &metrics[*count] : NULL;
        ++*count;
    }
    return RG_OK;
}

rg_status cli_parse_metrics(rg_context *ctx, const struct cli_list *texts,
                            const struct cli_conventions *conventions, rg_metric **metrics,
                            int *count)
{
    const struct cli_conventions ours = cli_no_conventions();
    int n = texts->count ? texts->count : 1, room = n;
    const char *const *items = texts->count ? texts->items : &texts->fallback;
    for (int i = 0; i < n; i++)
        for (const char *c = items[i]; *c; c++)
            room += *c == ',';
    *count = 0;
    *metrics = cli_alloc(room, sizeof **metrics);
    if (!*metrics)
        return RG_LIMIT;
    for (int i = 0; i < n; i++) {
        char *copy = strdup(items[i]);
        if (!copy)
            return cli_fail(RG_LIMIT, "out of memory");
        rg_status status =
            parse_text(ctx, copy, conventions ? conventions : &ours, *metrics, count);
        free(copy);
        if (status != RG_OK)
            return cli_fail(status, "--metric %s: %s", items[i], rg_last_error(ctx));
    }
    return RG_OK;
}

struct cli_word cli_metric_text(const rg_metric *metric)
{
    struct cli_word name;
    char full[sizeof name.text - 22];
    snprintf(full, sizeof full, "%s", metric->name);
    if (metric->own.component)
        rg_choice_print(&metric->own, full, sizeof full);
    if (metric->k > 0)
        snprintf(name.text, sizeof name.text, "%s@%lld", full, (long long)metric->k);
    else
        snprintf(name.text, sizeof name.text, "%s", full);
    return name;
}

rg_ranking cli_ranking(const rg_split *split, const double *scores, bool weighted)
{
    return (rg_ranking){.n_lists = split->n_lists,
                        .offsets = split->offsets,
                        .scores = scores,
                        .labels = split->labels,
                        .where = split->mask,
                        .list_weights = weighted ? split->list_weights : NULL,
                        .doc_ids = split->doc_ids,
                        .subtopics = split->subtopics,
                        .n_subtopics = split->n_subtopics};
}

int64_t cli_count_unscored(const rg_split *split, const double *scores, int64_t list)
{
    int64_t n = 0, row = list < 0 ? 0 : split->offsets[list];
    int64_t end = list < 0 ? split->n_rows : split->offsets[list + 1];
    for (; row < end; row++)
        n += cli_row_is_there(split, row) && isnan(scores[row]);
    return n;
}

void cli_tool_help(FILE *to)
{
    const rg_component *component;
    const char *tool;
    rg_metric metric;
    fprintf(to, "Tools, and the metrics whose numbers they give (docs/metrics.md):\n");
    for (int i = 1; (tool = cli_tool_at(i)) != NULL; i++) {
        int column = fprintf(to, "  %-11s", tool);
        rg_context *ctx = rg_context_create(NULL);
        for (int m = 0; (component = rg_registry_at(rg_metrics(), m)) != NULL; m++) {
            if (rg_metric_like(ctx, tool, component->name, &metric) != RG_OK)
                continue;
            const char *text = cli_metric_text(&metric).text;
            column = column + (int)strlen(text) > 76 ? fprintf(to, "\n%13s", "") - 1 : column;
            column += fprintf(to, " %s", text);
        }
        rg_context_destroy(ctx);
        fprintf(to, "\n");
    }
}

void cli_metric_help(FILE *to)
{
    fprintf(to, "Metrics (NAME or NAME@K, of the first K items):\n");
    const rg_component *metric;
    for (int i = 0; (metric = rg_registry_at(rg_metrics(), i)) != NULL; i++)
        cli_show_component(to, metric);
}

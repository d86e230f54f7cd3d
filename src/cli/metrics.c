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

/* Adds the metrics of one text, whose commas are overwritten. */
static rg_status parse_text(rg_context *ctx, char *text, rg_metric *metrics, int *count)
{
    char *word, with_name[128];
    const rg_metric *last = NULL; /* the one before in this text, where it has a cut-off */
    while ((word = next_word(&text)) != NULL) {
        bool number = word[0] && word[strspn(word, "0123456789")] == 0;
        if (last && number)
            snprintf(with_name, sizeof with_name, "%s@%s", last->name, word);
        rg_status status =
            rg_metric_parse(ctx, last && number ? with_name : word, &metrics[*count]);
        if (status != RG_OK)
            return status;
        if (last && number)
            metrics[*count].own = last->own;
        last = number || strchr(word, '@') ? &metrics[*count] : NULL;
        ++*count;
    }
    return RG_OK;
}

rg_status cli_parse_metrics(rg_context *ctx, const struct cli_list *texts, rg_metric **metrics,
                            int *count)
{
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
        rg_status status = parse_text(ctx, copy, *metrics, count);
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
                        .doc_ids = split->doc_ids};
}

int64_t cli_count_unscored(const rg_split *split, const double *scores, int64_t list)
{
    int64_t n = 0, row = list < 0 ? 0 : split->offsets[list];
    int64_t end = list < 0 ? split->n_rows : split->offsets[list + 1];
    for (; row < end; row++)
        n += cli_row_is_there(split, row) && isnan(scores[row]);
    return n;
}

void cli_metric_help(FILE *to)
{
    fprintf(to, "Metrics (NAME or NAME@K, of the first K items):\n");
    const rg_component *metric;
    for (int i = 0; (metric = rg_registry_at(rg_metrics(), i)) != NULL; i++)
        fprintf(to, "  %-11s %s\n", metric->name, metric->formula);
}

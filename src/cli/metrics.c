/* metrics.c: metrics as the program's options name them. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

rg_status cli_parse_metrics(rg_context *ctx, const char *text, rg_metric **metrics, int *count)
{
    int room = 1;
    for (const char *c = text; *c; c++)
        room += *c == ',';
    *count = 0;
    *metrics = cli_alloc(room, sizeof **metrics);
    char *copy = *metrics ? strdup(text) : NULL;
    if (!copy)
        return *metrics ? cli_fail(RG_LIMIT, "out of memory") : RG_LIMIT;
    rg_status status = RG_OK;
    char *rest = copy, *word;
    while (status == RG_OK && (word = strsep(&rest, ",")))
        status = rg_metric_parse(ctx, word, &(*metrics)[(*count)++]);
    free(copy);
    return status == RG_OK ? RG_OK : cli_fail(status, "--metric: %s", rg_last_error(ctx));
}

struct cli_word cli_metric_text(const rg_metric *metric)
{
    struct cli_word name;
    if (metric->k > 0)
        snprintf(name.text, sizeof name.text, "%s@%lld", metric->name, (long long)metric->k);
    else
        snprintf(name.text, sizeof name.text, "%s", metric->name);
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

char *cli_metric_help(void)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream)
        return NULL;
    fprintf(stream, "Metrics (NAME or NAME@K, of the first K items):\n");
    for (int i = 0; rg_metric_name_at(i); i++)
        fprintf(stream, "  %-10s %s\n", rg_metric_name_at(i), rg_metric_formula_at(i));
    fclose(stream);
    return text;
}

/* splits.c: opens data and models, and chooses the split that a command reads. A choice that the
 * user did not make is either the only one possible or an error that lists the possible ones.
 */
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const rg_split *cli_choose_split(const rg_dataset *data, const char *wanted, const char *preferred)
{
    const char *path = rg_dataset_path(data);
    const rg_split *only = rg_dataset_split_at(data, 0);
    bool single = only && !rg_dataset_split_at(data, 1);
    const rg_split *split = rg_dataset_find(data, wanted ? wanted : preferred);
    if (split)
        return split;
    if (single && !wanted)
        return only;
    char list[128] = "";
    for (int i = 0; (only = rg_dataset_split_at(data, i)); i++)
        cli_add_word(list, sizeof list, ", ", only->name);
    if (single && !list[0])
        cli_fail(RG_USAGE,
                 "%s: there is no split '%s', the file is one split without a name; "
                 "leave --split out",
                 path, wanted);
    else if (wanted)
        cli_fail(RG_USAGE, "%s: there is no split '%s'; the file has %s", path, wanted, list);
    else
        cli_fail(RG_USAGE,
                 "%s: there is no split '%s' and more than one other (%s); choose with "
                 "--split",
                 path, preferred, list);
    return NULL;
}

void cli_show_splits(FILE *to, const char *path, const rg_split *const *splits, int n_splits)
{
    fprintf(to, "wrote %s\n", path);
    for (int i = 0; i < n_splits; i++) {
        const rg_split *split = splits[i];
        fprintf(to, "  %s%s%s, %s, %s%s\n", split->name, split->name[0] ? ": " : "",
                cli_count(split->n_lists, "list").text, cli_count(split->n_rows, "row").text,
                cli_count(split->n_features, "feature").text, split->csr.indptr ? ", sparse" : "");
    }
}

/* Reports that paths[0] is no model; if paths[1] is one, that they are swapped. */
static rg_status report_swapped(rg_context *ctx, const char *const *paths)
{
    rg_model *model = NULL;
    char *message = strdup(rg_last_error(ctx));
    rg_status status = rg_last_status(ctx);
    if (!message)
        return cli_fail(RG_LIMIT, "out of memory");
    if (rg_model_load(ctx, paths[1], &model) == RG_OK) {
        rg_model_destroy(model);
        cli_fail(status,
                 "%s is no model but %s is one: the arguments are swapped; the model comes "
                 "first",
                 paths[0], paths[1]);
    } else {
        cli_fail(status, "%s", message);
    }
    free(message);
    return status;
}

/* Opens the data that the model is to score. Text gets columns of zeros up to the model's number of
 * features, unless `reading` sets one. */
static rg_status open_fitting(rg_context *ctx, const char *const *paths,
                              const rg_dataset_options *reading, struct cli_scored *scored)
{
    rg_dataset_options options = *reading;
    if (options.n_features == 0)
        options.n_features = rg_model_n_features(scored->model);
    rg_status status = rg_dataset_open(ctx, paths[1], &options, &scored->data);
    if (status == RG_OK)
        return RG_OK;
    if (reading->n_features == 0 && strstr(rg_last_error(ctx), "`n_features`"))
        return cli_fail(status, "%s; read with %s, as the model %s has", rg_last_error(ctx),
                        cli_count(options.n_features, "feature").text, paths[0]);
    return cli_report(ctx);
}

rg_status cli_open_scored(rg_context *ctx, const char *const *paths, rg_dataset_options *reading,
                          const char *wanted, struct cli_scored *scored)
{
    rg_status status = rg_model_load(ctx, paths[0], &scored->model);
    if (status == RG_BAD_DATA)
        return report_swapped(ctx, paths);
    if (status != RG_OK)
        return cli_report(ctx);
    if (rg_model_needs_lists(scored->model))
        reading->needs_lists = true;
    status = open_fitting(ctx, paths, reading, scored);
    if (status != RG_OK)
        return status;
    scored->split = cli_choose_split(scored->data, wanted, "test");
    return scored->split ? RG_OK : RG_USAGE;
}

rg_status cli_open_split(rg_context *ctx, const char *path, const rg_dataset_options *reading,
                         const char *wanted, struct cli_scored *scored)
{
    if (rg_dataset_open(ctx, path, reading, &scored->data) != RG_OK)
        return cli_report(ctx);
    scored->split = cli_choose_split(scored->data, wanted, "test");
    return scored->split ? RG_OK : RG_USAGE;
}

void cli_free_scored(struct cli_scored *scored)
{
    free(scored->scores);
    rg_model_destroy(scored->model);
    rg_dataset_close(scored->data);
}

/* Whether all rows of [begin, end) that are not masked have the same score; *n: how many there
 * are. */
static bool all_equal(const rg_split *split, const double *scores, int64_t begin, int64_t end,
                      int64_t *n)
{
    double first = (double)NAN;
    bool equal = true;
    *n = 0;
    for (int64_t row = begin; row < end; row++) {
        if (!cli_row_is_there(split, row))
            continue;
        first = (*n)++ == 0 ? scores[row] : first;
        equal &= scores[row] == first;
    }
    return equal;
}

/* Prints a note, with a remedy, if no list has two different scores, so that they define no
 * order. */
static void note_equal_scores(const char *path, const rg_split *split, const double *scores,
                              const char *remedy)
{
    const int64_t all[2] = {0, split->n_rows}, *offsets = split->offsets ? split->offsets : all;
    int64_t n_lists = split->offsets ? split->n_lists : 1, n_several = 0, n;
    for (int64_t list = 0; list < n_lists; list++) {
        if (!all_equal(split, scores, offsets[list], offsets[list + 1], &n))
            return;
        n_several += n > 1;
    }
    if (n_several > 0)
        cli_note("%s: all rows of a list have the same score, in every list, so that they are in "
                 "no order%s",
                 path, remedy);
}

rg_status cli_score(rg_context *ctx, const rg_model *model, const char *path, const rg_split *split,
                    double **scores)
{
    *scores = cli_alloc(split->n_rows, sizeof **scores);
    if (!*scores)
        return RG_LIMIT;
    rg_status status = rg_model_score_split(model, split, *scores);
    if (status == RG_BAD_DATA)
        return cli_fail(status, "%s: %s", path, rg_last_error(ctx));
    if (status != RG_OK)
        return cli_report(ctx);
    rg_dtype dtype = split->csr.indptr ? split->csr.dtype : split->features.dtype;
    bool narrow = dtype == RG_F64 && rg_model_parameters(model)->dtype == RG_F32;
    note_equal_scores(path, split, *scores,
                      narrow ? "; the model is f32 and the data f64: one trained with --dtype f64 "
                               "tells apart what f32 cannot"
                             : "");
    return RG_OK;
}

rg_status cli_read_scores(rg_context *ctx, const char *path, const rg_split *split, double **scores)
{
    *scores = cli_alloc(split->n_rows, sizeof **scores);
    if (!*scores)
        return RG_LIMIT;
    rg_status status = rg_scores_read(ctx, path, split, *scores);
    if (status == RG_OK)
        note_equal_scores(strcmp(path, "-") == 0 ? "standard input" : path, split, *scores, "");
    return status;
}

const char *cli_name_of(const char *const *names, int64_t i, struct cli_word *number)
{
    if (names && names[i] && names[i][0])
        return names[i];
    snprintf(number->text, sizeof number->text, "%lld", (long long)i + 1);
    return number->text;
}

struct cli_word cli_count(int64_t n, const char *noun)
{
    struct cli_word word;
    snprintf(word.text, sizeof word.text, "%lld %s%s", (long long)n, noun, n == 1 ? "" : "s");
    return word;
}

struct cli_word cli_number(double value, int decimals, int width)
{
    struct cli_word word = {"-"};
    if (isnan(value))
        return word;
    int length = snprintf(word.text, sizeof word.text, "%.*f", decimals, value);
    for (int digits = decimals; length > width && digits >= 0; digits--)
        length = snprintf(word.text, sizeof word.text, "%.*e", digits, value);
    return word;
}

double cli_plain(double value)
{
    return isnan(value) ? (double)NAN : value;
}

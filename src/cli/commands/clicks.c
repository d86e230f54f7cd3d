/* clicks.c: simulates clicks of a position-based model on lists whose labels are known, so that
 * methods for biased clicks can be compared on the true labels. */
#include "cli.h"

#include <stdlib.h>

struct clicks {
    struct cli_list files; /* DATA */
    const char *output, *ranker, *split, *propensities;
    bool force;
    rg_dataset_options reading;
    rg_click_options made;
};

#define OPTION(kind, name, argument, member, ...)                                                  \
    CLI_OPTION(kind, name, argument, struct clicks, member, __VA_ARGS__)

static const struct cli_option options[] = {
    CLI_OUTPUT_OPTIONS(struct clicks, output, force, true, " the clicks (HDF5); required",
                       "an empty one, a data set of Rankgrad's or, for --propensities, a table of "
                       "propensities"),
    OPTION(CLI_TEXT, "split", "NAME", split,
           "The split with the lists; without it train, or the only one"),
    OPTION(CLI_TEXT, "ranker", "MODEL", ranker,
           "The model that orders the items of a page; without it the order is random"),
    OPTION(CLI_REAL, "temperature", "T", made.temperature,
           "Orders are drawn by scores plus T times Gumbel noise, so that they differ from page to "
           "page; 0: always by the scores",
           .low = 0, .high = CLI_NO_LIMIT),
    OPTION(CLI_INTEGER, "sessions", "N", made.sessions, "Result pages for each list", .low = 1,
           .high = 2147483647),
    OPTION(CLI_INTEGER, "depth", "N", made.depth, "Items on a page", .low = 1,
           .high = RG_MAX_POSITION),
    OPTION(CLI_REAL, "eta", "X", made.eta, "Position k is examined with probability k^-X", .low = 0,
           .high = 100),
    OPTION(CLI_REAL, "noise", "P", made.noise,
           "Probability of a click on an examined item without relevance", .low = 0, .high = 1),
    OPTION(CLI_TEXT, "propensities", "FILE", propensities,
           "Write the true propensities of the positions (TSV), as the command propensity does"),
    OPTION(CLI_SEED, "seed", "N", made.seed, "Seed of all random numbers"),
    {0}};

/* What the command reads and makes. */
struct work {
    rg_model *model;
    rg_dataset *data, *clicks;
    double *scores;
    rg_propensities truth;
    struct cli_output table;
};

static rg_status check(rg_context *ctx, const struct clicks *c)
{
    const char *inputs[] = {c->files.items[0], c->ranker, c->reading.group_path};
    rg_output_options replacing = {
        .format = "rankgrad-dataset", .force = c->force, .inputs = inputs, .n_inputs = 3};
    bool same = false;
    rg_status status = cli_output_check(ctx, c->output, &replacing);
    if (status != RG_OK || !c->propensities)
        return status;
    if (rg_output_same(ctx, c->propensities, c->output, &same) != RG_OK)
        return cli_report(ctx);
    if (same)
        return cli_fail(RG_USAGE, "--propensities %s: that is the file of the clicks",
                        c->propensities);
    replacing.format = NULL;
    replacing.header = rg_propensities_header();
    return cli_output_check(ctx, c->propensities, &replacing);
}

/* Opens the data, with the ranker's number of features, and scores the split. */
static rg_status open(rg_context *ctx, struct clicks *c, struct work *w, const rg_split **split)
{
    if (c->ranker && rg_model_load(ctx, c->ranker, &w->model) != RG_OK)
        return cli_report(ctx);
    if (w->model && c->reading.n_features == 0)
        c->reading.n_features = rg_model_n_features(w->model);
    if (rg_dataset_open(ctx, c->files.items[0], &c->reading, &w->data) != RG_OK)
        return cli_report(ctx);
    *split = cli_choose_split(w->data, c->split, "train");
    if (!*split)
        return RG_USAGE;
    return w->model ? cli_score(ctx, w->model, c->files.items[0], *split, &w->scores) : RG_OK;
}

static rg_status save(rg_context *ctx, const struct clicks *c, struct work *w)
{
    const rg_split *made = rg_dataset_split_at(w->clicks, 0);
    rg_write_options writing = rg_write_options_default();
    double n_clicks = 0;
    rg_status status = RG_OK;
    writing.force = c->force;
    if (c->propensities)
        status = cli_output_begin(ctx, c->propensities, &w->table);
    if (status == RG_OK && w->table.out &&
        rg_propensities_write(ctx, &w->truth, w->table.out) != RG_OK)
        status = cli_report(ctx);
    if (status == RG_OK && rg_dataset_write(ctx, c->output, &made, 1, &writing) != RG_OK)
        status = cli_report(ctx);
    if (status == RG_OK && w->table.out)
        status = cli_output_commit(&w->table, NULL);
    if (status != RG_OK)
        return status;
    for (int64_t i = 0; i < made->n_rows; i++)
        n_clicks += made->labels[i];
    FILE *report = cli_report_stream(ctx, c->output);
    cli_show_splits(report, c->output, &made, 1);
    fprintf(report, "  %.0f clicks at positions 1 to %lld\n", n_clicks, (long long)w->truth.n);
    return RG_OK;
}

static rg_status simulate(rg_context *ctx, struct clicks *c, struct work *w)
{
    const rg_split *split = NULL;
    rg_status status = check(ctx, c);
    if (status == RG_OK)
        status = open(ctx, c, w, &split);
    if (status != RG_OK)
        return status;
    status = rg_clicks_simulate(ctx, split, w->scores, &c->made, &w->clicks, &w->truth);
    if (status == RG_BAD_DATA)
        return cli_fail(status, "%s: %s", c->files.items[0], rg_last_error(ctx));
    return status == RG_OK ? save(ctx, c, w) : cli_report(ctx);
}

static rg_status run(rg_context *ctx, void *values)
{
    struct work w = {0};
    rg_status status = simulate(ctx, values, &w);
    cli_output_abandon(&w.table);
    rg_propensities_free(ctx, &w.truth);
    rg_dataset_close(w.clicks);
    free(w.scores);
    rg_dataset_close(w.data);
    rg_model_destroy(w.model);
    return status;
}

static void set_defaults(void *values)
{
    struct clicks *c = values;
    c->made = rg_click_options_default();
}

const struct cli_command cli_command_clicks = {
    .name = "clicks",
    .summary = "simulate biased clicks on lists with known labels",
    .aliases = "click simulate-clicks",
    .makes_file = true,
    .arguments = "DATA",
    .least = 1,
    .most = 1,
    .size = sizeof(struct clicks),
    .reading = offsetof(struct clicks, reading),
    .options = options,
    .doc = "Simulate clicks on the lists of the split train of a data set, or its only one. Each "
           "list is shown in several sessions: a page of --depth items, ordered by a model, and "
           "each session is a list of the output, with positions, and clicks as labels. The item "
           "at position k is clicked with probability k^-eta (noise + (1 - noise) (2^y - 1) / "
           "(2^max - 1)), y its label and max the largest label. docs/clicks.md has an example.",
    .set_defaults = set_defaults,
    .run = run};

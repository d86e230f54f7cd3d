/* propensity.c: estimates how likely each position is examined, from clicks. */
#include "cli.h"

struct propensity {
    struct cli_list files; /* DATA */
    const char *output, *split;
    bool force;
    rg_dataset_options reading;
    rg_propensity_options how;
};

static const char *method_at(int i)
{
    return rg_propensity_method_name((rg_propensity_method)i);
}

#define OPTION(kind, name, argument, member, ...)                                                  \
    CLI_OPTION(kind, name, argument, struct propensity, member, __VA_ARGS__)

static const struct cli_option options[] = {
    CLI_OUTPUT_OPTIONS(struct propensity, output, force, false,
                       " the propensities (TSV), from which train computes weights",
                       "an empty one or a table of propensities"),
    OPTION(CLI_TEXT, "split", "NAME", split,
           "The split with the clicks; without it train, or the only one"),
    OPTION(CLI_NAME, "method", "NAME", how.method,
           "em: relevance is a number for each query and document, by their ids, so that documents "
           "must have been shown at several positions; regression-em: relevance is a logistic "
           "function of the features",
           .name_at = method_at),
    OPTION(CLI_INTEGER, "iterations", "N", how.iterations, "Largest number of iterations", .low = 1,
           .high = CLI_NO_LIMIT),
    OPTION(CLI_REAL, "tolerance", "X", how.tolerance,
           "Stop when no propensity changes by more than X in an iteration", .low = 0,
           .high = CLI_NO_LIMIT),
    {0}};

static void show(FILE *to, const rg_propensities *p)
{
    fprintf(to, "%8s %10s %12s %12s %12s\n", "position", "propensity", "shown", "clicked",
            "click rate");
    for (int64_t k = 0; k < p->n; k++)
        if (p->shown[k] > 0)
            fprintf(to, "%8lld %10.4f %12.9g %12.9g %12.5f\n", (long long)k + 1, p->value[k],
                    p->shown[k], p->clicks[k], p->clicks[k] / p->shown[k]);
    fprintf(to,
            "propensities are relative to position %lld; %s after %s, the last of which changed "
            "them by at most %.3g; log likelihood %.6f per item\n",
            (long long)p->reference, p->converged ? "converged" : "not converged",
            cli_count(p->iterations, "iteration").text, p->change, p->log_likelihood);
}

static rg_status save(rg_context *ctx, const struct propensity *c, const rg_propensities *p)
{
    struct cli_output out;
    rg_status status = cli_output_begin(ctx, c->output, &out);
    if (status == RG_OK && rg_propensities_write(ctx, p, out.out) != RG_OK)
        status = cli_report(ctx);
    if (status == RG_OK)
        status = cli_output_commit(&out, NULL);
    cli_output_abandon(&out);
    return status;
}

static rg_status estimate(rg_context *ctx, const struct propensity *c, rg_dataset *data)
{
    rg_propensities p = {0};
    const rg_split *split = cli_choose_split(data, c->split, "train");
    if (!split)
        return RG_USAGE;
    rg_status status = rg_propensities_estimate(ctx, split, &c->how, &p);
    if (status == RG_BAD_DATA)
        return cli_fail(status, "%s: %s", c->files.items[0], rg_last_error(ctx));
    if (status != RG_OK)
        return cli_report(ctx);
    if (c->output)
        status = save(ctx, c, &p);
    if (status == RG_OK)
        show(c->output ? cli_report_stream(ctx, c->output) : stdout, &p);
    rg_propensities_free(ctx, &p);
    return status;
}

static rg_status run(rg_context *ctx, void *values)
{
    struct propensity *c = values;
    rg_dataset *data = NULL;
    const char *inputs[] = {c->files.items[0], c->reading.group_path};
    const rg_output_options replacing = {
        .header = rg_propensities_header(), .force = c->force, .inputs = inputs, .n_inputs = 2};
    rg_status status = c->output ? cli_output_check(ctx, c->output, &replacing) : RG_OK;
    if (status == RG_OK && rg_dataset_open(ctx, c->files.items[0], &c->reading, &data) != RG_OK)
        status = cli_report(ctx);
    if (status == RG_OK)
        status = estimate(ctx, c, data);
    rg_dataset_close(data);
    return status;
}

static void set_defaults(void *values)
{
    struct propensity *c = values;
    c->how = rg_propensity_options_default();
}

const struct cli_command cli_command_propensity = {
    .name = "propensity",
    .summary = "estimate the position bias of clicks",
    .aliases = "propensities position-bias bias",
    .arguments = "DATA",
    .least = 1,
    .most = 1,
    .size = sizeof(struct propensity),
    .reading = offsetof(struct propensity, reading),
    .options = options,
    .doc =
        "Estimate the propensities of positions from clicks: a data set with positions, from 1, "
        "and labels 1 for a click and 0 otherwise; each list is one page as it was shown. In the "
        "position-based model the item at position k is clicked with probability theta_k gamma, "
        "gamma its relevance; theta, relative to that of position 1 (the first position with a "
        "click), is found by expectation maximisation. Lists are counted by their weights. "
        "Positions that cannot be compared, because documents were always shown at the same "
        "ones, are an error (exit status 3).",
    .set_defaults = set_defaults,
    .run = run};

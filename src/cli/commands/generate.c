/* generate.c: generates a data set whose true model is known, and measures three orders of its test
 * lists that bound what training can achieve: a random one, that of the best single feature, and
 * that of the true model. Equal scores count as the mean over all their orders, so that a constant
 * score gives the exact value of a random order.
 */
#include "cli.h"

#include <math.h>
#include <stdlib.h>

struct generate {
    struct cli_list arguments; /* none */
    const char *output;
    bool force;
    rg_generate_options made;
};

#define OPTION(kind, name, argument, member, ...)                                                  \
    CLI_OPTION(kind, name, argument, struct generate, member, __VA_ARGS__)

static const struct cli_option options[] = {
    CLI_OUTPUT_OPTIONS(struct generate, output, force, true, " the data set (HDF5); required",
                       "an empty one or a data set of Rankgrad's"),
    OPTION(CLI_INTEGER, "lists", "N", made.n_lists,
           "Number of lists: 60 % train, 20 % vali, 20 % test", .low = 3, .high = 1 << 28),
    OPTION(CLI_INTEGER, "features", "N", made.n_features,
           "Number of features, one of them constant", .low = 2, .high = 1 << 20),
    OPTION(CLI_SEED, "seed", "N", made.seed, "Seed of all random numbers"),
    {0}};

/* The scores sign * x of one feature (-1: none, all 0), or those of the true model if `truth` is
 * given. */
static void score(const rg_split *split, int64_t feature, double sign, const double *truth,
                  double *scores)
{
    const float *x = split->features.data;
    for (int64_t i = 0; i < split->n_rows; i++, x += split->n_features) {
        double sum = 0;
        for (int64_t j = 0; truth && j < split->n_features; j++)
            sum += truth[j] * (double)x[j];
        scores[i] = truth ? sum : feature < 0 ? 0 : sign * (double)x[feature];
    }
}

/* NDCG@10 of the first n_lists lists; NaN and an error recorded on failure. */
static double ndcg(rg_context *ctx, const rg_split *split, int64_t n_lists, const double *scores)
{
    rg_metric metric;
    rg_metric_result result;
    rg_ranking ranking = cli_ranking(split, scores, false);
    ranking.n_lists = n_lists;
    if (rg_metric_parse(ctx, "ndcg@10", &metric) != RG_OK ||
        rg_metric_evaluate(ctx, &metric, &ranking, &result, NULL) != RG_OK)
        return (double)NAN;
    return result.value;
}

/* How many train lists to choose the feature by: as many as take a few seconds. */
static int64_t n_choosing(const rg_split *train)
{
    const int64_t most = INT64_C(20000000) / (2 * train->n_features);
    int64_t n = 1;
    while (n < train->n_lists && train->offsets[n + 1] <= most)
        n++;
    return n;
}

/* NDCG@10 on the test lists. */
struct bounds {
    double random, single, truth;
    int64_t feature; /* the best single one ... */
    double sign;     /* ... +1: the greatest value first */
    int64_t n_lists; /* ... chosen on this many train lists */
};

static void choose_feature(rg_context *ctx, const rg_split *train, double *scores,
                           struct bounds *bounds)
{
    double best = -1;
    rg_split first = *train;
    first.n_rows = train->offsets[bounds->n_lists];
    for (int64_t feature = 0; feature < train->n_features; feature++)
        for (int sign = 1; sign >= -1; sign -= 2) {
            score(&first, feature, sign, NULL, scores);
            double value = ndcg(ctx, train, bounds->n_lists, scores);
            if (!(value > best))
                continue;
            best = value;
            bounds->feature = feature;
            bounds->sign = sign;
        }
}

static rg_status measure(rg_context *ctx, const rg_dataset *data, const double *truth,
                         struct bounds *bounds)
{
    const rg_split *train = rg_dataset_find(data, "train"), *test = rg_dataset_find(data, "test");
    int64_t rows = train->n_rows > test->n_rows ? train->n_rows : test->n_rows;
    double *scores = cli_alloc(rows, sizeof *scores);
    if (!scores)
        return RG_LIMIT;
    bounds->n_lists = n_choosing(train);
    choose_feature(ctx, train, scores, bounds);
    score(test, -1, 1, NULL, scores);
    bounds->random = ndcg(ctx, test, test->n_lists, scores);
    score(test, bounds->feature, bounds->sign, NULL, scores);
    bounds->single = ndcg(ctx, test, test->n_lists, scores);
    score(test, -1, 1, truth, scores);
    bounds->truth = ndcg(ctx, test, test->n_lists, scores);
    free(scores);
    return rg_last_status(ctx) == RG_OK ? cli_interrupted() : cli_report(ctx);
}

static void show(FILE *to, const rg_dataset *data, const struct bounds *bounds)
{
    const rg_split *train = rg_dataset_find(data, "train"), *test = rg_dataset_find(data, "test");
    struct cli_word number;
    fprintf(to, "NDCG@10 on %s of the test split:\n", cli_count(test->n_lists, "list").text);
    fprintf(to, "  random order         %.4f\n", bounds->random);
    fprintf(to, "  best single feature  %.4f  (%s, %s first, chosen on %s%s of the train split)\n",
            bounds->single, cli_name_of(test->feature_names, bounds->feature, &number),
            bounds->sign > 0 ? "greatest" : "least",
            bounds->n_lists < train->n_lists ? "the first " : "",
            cli_count(bounds->n_lists, "list").text);
    fprintf(to, "  truth                %.4f\n", bounds->truth);
}

static rg_status generate(rg_context *ctx, const struct generate *g, rg_dataset **data,
                          double *truth)
{
    struct bounds bounds = {0};
    const rg_output_options replacing = {.format = "rankgrad-dataset", .force = g->force};
    rg_status status = cli_output_check(ctx, g->output, &replacing);
    if (status != RG_OK)
        return status;
    if (rg_dataset_generate(ctx, &g->made, truth, data) != RG_OK)
        return cli_report(ctx);
    status = measure(ctx, *data, truth, &bounds);
    if (status != RG_OK)
        return status;
    const rg_split *splits[3] = {0};
    int n_splits = 0;
    while (n_splits < 3 && (splits[n_splits] = rg_dataset_split_at(*data, n_splits)))
        n_splits++;
    rg_write_options writing = rg_write_options_default();
    writing.force = g->force;
    if (rg_dataset_write(ctx, g->output, splits, n_splits, &writing) != RG_OK)
        return cli_report(ctx);
    FILE *report = cli_report_stream(ctx, g->output);
    cli_show_splits(report, g->output, splits, n_splits);
    show(report, *data, &bounds);
    return RG_OK;
}

static rg_status run(rg_context *ctx, void *values)
{
    const struct generate *g = values;
    rg_dataset *data = NULL;
    double *truth = cli_alloc(g->made.n_features, sizeof *truth);
    rg_status status = truth ? generate(ctx, g, &data, truth) : RG_LIMIT;
    rg_dataset_close(data);
    free(truth);
    return status;
}

static void set_defaults(void *values)
{
    struct generate *g = values;
    g->made = rg_generate_options_default();
}

const struct cli_command cli_command_generate = {
    .name = "generate",
    .summary = "make a data set whose true model is known",
    .aliases = "synth synthesize make simulate gen create sample",
    .makes_file = true,
    .size = sizeof(struct generate),
    .options = options,
    .doc = "Generate a ranking data set: lists of 1 to 200 items, labels 0 to 4 from a linear true "
           "model plus "
           "noise, feature scales from 1e-3 to 1e6, one constant feature, some lists without a "
           "relevant item. Prints the NDCG@10, on the test lists, of a random order, of the best "
           "single feature (chosen on train) and of the true model: what a trained model must "
           "beat, and what "
           "it can hardly beat.",
    .set_defaults = set_defaults,
    .run = run};

/* convert.c: converts text or HDF5 to one HDF5 data set. Text files are read together, so that all
 * splits get the same number of columns; HDF5 files hold whole splits, which are only copied.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct convert {
    struct cli_list files; /* of the split without a name */
    struct cli_list train, vali, test;
    const char *output;
    rg_dataset_options reading;
    rg_write_options writing;
};

/* The remedy when rows do not fit in memory. */
#define MEMORY_REMEDY "--memory SIZE keeps the rows of text beyond SIZE on disk"

#define OPTION(kind, name, argument, member, ...)                                                  \
    CLI_OPTION(kind, name, argument, struct convert, member, __VA_ARGS__)

static const struct cli_option options[] = {
    CLI_OUTPUT_OPTIONS(struct convert, output, writing.force, true,
                       " the data set (HDF5); required",
                       "an empty one or a data set of Rankgrad's"),
    OPTION(CLI_LIST, "train", "FILE", train,
           "A file of the split train; if repeated, the files are read in that order"),
    OPTION(CLI_LIST, "vali", "FILE", vali,
           "Likewise of the split vali, which chooses the epoch to keep"),
    OPTION(CLI_LIST, "test", "FILE", test,
           "Likewise of the split test, which training never reads"),
    OPTION(CLI_FLAG, "compress", NULL, writing.compress,
           "Write chunks of about 1 MiB with shuffle and gzip; without it data are contiguous and "
           "can be memory-mapped"),
    OPTION(CLI_FLAG, "sparse", NULL, writing.sparse,
           "Write features as CSR (AnnData's layout), even if they are dense in the input"),
    OPTION(CLI_NAME, "dtype", "TYPE", reading.dtype,
           "Type of features from text: auto is f32, or f64 for a split in which f32 would lose "
           "something (integers beyond 2^24, values that differ too little for their size, or that "
           "become 0 or infinite), with a note; f32 gives a warning that says what is lost",
           .name_at = cli_text_dtype_at),
    OPTION(CLI_SIZE, "memory", "SIZE", reading.memory_limit,
           "Memory for the rows of text, such as 512M or 8G (powers of 1024); rows beyond it are "
           "kept on disk beside the output. If not given, all are kept in memory. Doc ids and "
           "lists always are"),
    {0}};

/* The inputs, split after split, and what was opened for them. */
struct work {
    rg_data_source *sources;
    int n_sources;
    const char **inputs;
    rg_dataset *data;
};

static rg_status collect(struct convert *c, struct work *w)
{
    const struct cli_list *lists[] = {&c->train, &c->vali, &c->test, &c->files};
    static const char *const names[] = {"train", "vali", "test", ""};
    int n = c->train.count + c->vali.count + c->test.count;
    if (n == 0 && c->files.count == 0)
        return cli_fail(RG_USAGE, "convert: no input; expected FILE or --train FILE");
    if (n > 0 && c->files.count > 0)
        return cli_fail(RG_USAGE,
                        "convert: '%s' belongs to no split; name one with --train, --vali "
                        "or --test, or name none at all",
                        c->files.items[0]);
    n += c->files.count;
    w->sources = cli_alloc(n, sizeof *w->sources);
    w->inputs = cli_alloc(n + 1, sizeof *w->inputs);
    if (!w->sources || !w->inputs)
        return RG_LIMIT;
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < lists[i]->count; k++) {
            w->inputs[w->n_sources] = lists[i]->items[k];
            w->sources[w->n_sources++] = (rg_data_source){lists[i]->items[k], names[i]};
        }
    w->inputs[n] = c->reading.group_path;
    return RG_OK;
}

/* Whether a model is converted, not data. */
static rg_status find_model(rg_context *ctx, const struct convert *c, bool *found)
{
    *found = c->files.count == 1 && rg_model_path_is_binary(c->output);
    if (*found || c->files.count != 1)
        return RG_OK;
    return rg_model_file_is_binary(ctx, c->files.items[0], found) == RG_OK ? RG_OK
                                                                           : cli_report(ctx);
}

static rg_status convert_model(rg_context *ctx, const struct convert *c)
{
    const char *const *input = c->files.items;
    const rg_output_options replacing = {
        .format = "rankgrad-model", .force = c->writing.force, .inputs = input, .n_inputs = 1};
    rg_model *model = NULL;
    if (c->writing.compress || c->writing.sparse || c->reading.memory_limit || c->reading.dtype)
        return cli_fail(RG_USAGE,
                        "convert: --compress, --sparse, --memory and --dtype are for "
                        "data, but '%s' or '%s' is a model",
                        *input, c->output);
    rg_status status = cli_output_check(ctx, c->output, &replacing);
    if (status != RG_OK)
        return status;
    status = rg_model_load(ctx, *input, &model);
    if (status == RG_BAD_DATA)
        return cli_fail(status, "%s; an output that ends in .bin is a model", rg_last_error(ctx));
    if (status == RG_OK)
        status = rg_model_save(model, c->output, c->writing.force);
    if (status == RG_OK)
        fprintf(cli_report_stream(ctx, c->output), "wrote %s\n  model %s, %s\n", c->output,
                rg_model_name(model), cli_count(rg_model_n_features(model), "feature").text);
    rg_model_destroy(model);
    return status == RG_OK ? RG_OK : cli_report(ctx);
}

static rg_status convert(rg_context *ctx, struct convert *c, struct work *w)
{
    bool model;
    c->reading.spool_path = c->output;
    rg_status status = find_model(ctx, c, &model);
    if (status == RG_OK && model)
        return convert_model(ctx, c);
    if (status == RG_OK)
        status = collect(c, w);
    if (status != RG_OK)
        return status;
    c->reading.sparse = c->writing.sparse;
    const rg_output_options replacing = {.format = "rankgrad-dataset",
                                         .force = c->writing.force,
                                         .inputs = w->inputs,
                                         .n_inputs = w->n_sources + 1};
    status = cli_output_check(ctx, c->output, &replacing);
    if (status == RG_OK &&
        rg_dataset_import(ctx, w->sources, w->n_sources, &c->reading, &w->data) != RG_OK)
        status = cli_report_limit(ctx, MEMORY_REMEDY);
    if (status == RG_OK)
        status = cli_interrupted();
    if (status != RG_OK)
        return status;
    const rg_split *splits[3];
    int n = 0;
    for (const rg_split *split; (split = rg_dataset_split_at(w->data, n)); n++)
        splits[n] = split;
    if (rg_dataset_write(ctx, c->output, splits, n, &c->writing) != RG_OK)
        return cli_report(ctx);
    cli_show_splits(cli_report_stream(ctx, c->output), c->output, splits, n);
    return RG_OK;
}

static rg_status run(rg_context *ctx, void *values)
{
    struct work w = {0};
    rg_status status = convert(ctx, values, &w);
    rg_dataset_close(w.data);
    free(w.sources);
    free(w.inputs);
    return status;
}

static void set_defaults(void *values)
{
    struct convert *c = values;
    c->writing = rg_write_options_default();
}

const struct cli_command cli_command_convert = {
    .name = "convert",
    .summary = "turn SVMlight / LETOR text into one HDF5 file",
    .aliases = "import load export to-hdf5 pack",
    .makes_file = true,
    .arguments = "[FILE...]",
    .most = CLI_MANY,
    .size = sizeof(struct convert),
    .options = options,
    .reading = offsetof(struct convert, reading),
    .doc =
        "Convert ranking data to one HDF5 file: SVMlight / LETOR text, plain or gzip (FILE - is "
        "standard input), or HDF5 that is to be written in another layout; the content of a file "
        "decides. "
        "Plain arguments make a file with one split without a name; --train, --vali and --test "
        "make a file with these splits, each from text files or from one HDF5 file. If splits have "
        "feature names, all get the columns of the first "
        "such split, matched by name. A model: convert model.h5 -o model.bin writes the binary "
        "format, which needs no HDF5, and convert model.bin -o model.h5 writes HDF5 again; an "
        "output that ends in .bin is a model.",
    .set_defaults = set_defaults,
    .run = run};

/* inspect.c: shows what is in a data set or a model, above all what decides whether training can
 * work: lists without a relevant item, features that are missing or constant, and the weights of a
 * linear model.
 */
#include "cli.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct inspect {
    struct cli_list files; /* FILE */
    const char *split;
    bool verify;
    rg_dataset_options reading;
};

#define OPTION(kind, name, argument, member, ...)                                                  \
    CLI_OPTION(kind, name, argument, struct inspect, member, __VA_ARGS__)

static const struct cli_option options[] = {
    OPTION(CLI_TEXT, "split", "NAME", split, "Show only this split; without it all of them"),
    OPTION(CLI_FLAG, "verify", NULL, verify,
           "Compare the checksums stored in an HDF5 file with its bytes"),
    {0}};

static int compare_double(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* ---- Labels and lists ------------------------------------------------------------------------ */

enum { MOST_LABELS = 20 }; /* more distinct labels than this are summarised */

static void show_distinct(const double *sorted, int64_t n)
{
    int64_t distinct = n > 0;
    for (int64_t i = 1; i < n; i++)
        distinct += sorted[i] > sorted[i - 1];
    if (distinct > MOST_LABELS) {
        printf("  labels: %lld distinct, min %g, median %g, max %g\n", (long long)distinct,
               sorted[0], sorted[n / 2], sorted[n - 1]);
        return;
    }
    printf("  labels:");
    for (int64_t i = 0, start = 0; i < n; i++)
        if (i + 1 == n || sorted[i + 1] > sorted[i]) {
            printf("  %g: %lld", sorted[i], (long long)(i + 1 - start));
            start = i + 1;
        }
    printf("%s\n", n == 0 ? " none" : "");
}

static rg_status show_labels(const rg_split *split)
{
    int64_t n = 0;
    if (!split->labels) {
        printf("  labels: none\n");
        return RG_OK;
    }
    double *sorted = cli_alloc(split->n_rows, sizeof *sorted);
    if (!sorted)
        return RG_LIMIT;
    for (int64_t row = 0; row < split->n_rows; row++)
        if (cli_row_is_there(split, row))
            sorted[n++] = split->labels[row];
    qsort(sorted, (size_t)n, sizeof *sorted, compare_double);
    show_distinct(sorted, n);
    free(sorted);
    return RG_OK;
}

static int64_t count_without_relevant(const rg_split *split)
{
    int64_t without = 0;
    for (int64_t list = 0; list < split->n_lists; list++) {
        bool found = false;
        for (int64_t row = split->offsets[list]; row < split->offsets[list + 1] && !found; row++)
            found = cli_row_is_there(split, row) && split->labels[row] >= 1;
        without += !found;
    }
    return without;
}

static rg_status show_lists(const rg_split *split)
{
    int64_t n = split->n_lists;
    if (!split->offsets || n == 0) {
        printf("  lists: none\n");
        return RG_OK;
    }
    double *lengths = cli_alloc(n, sizeof *lengths);
    if (!lengths)
        return RG_LIMIT;
    for (int64_t list = 0; list < n; list++)
        lengths[list] = (double)(split->offsets[list + 1] - split->offsets[list]);
    qsort(lengths, (size_t)n, sizeof *lengths, compare_double);
    printf("  list lengths: min %.0f, median %g, mean %.4g, max %.0f\n", lengths[0],
           (lengths[(n - 1) / 2] + lengths[n / 2]) / 2, (double)split->n_rows / (double)n,
           lengths[n - 1]);
    if (split->labels)
        printf("  lists without a relevant item (label >= 1): %lld of %lld\n",
               (long long)count_without_relevant(split), (long long)n);
    free(lengths);
    return RG_OK;
}

/* ---- Features -------------------------------------------------------------------------------- */

/* What one pass over the rows finds about a feature. */
struct column {
    int64_t feature;      /* from 0 */
    int64_t n_missing;    /* NaN */
    rg_extremes extremes; /* of the numbers */
};

static void add_value(struct column *column, double x)
{
    column->n_missing += isnan(x);
    rg_extremes_add(&column->extremes, x, 1);
}

/* Dense rows, a block at a time in double. */
static rg_status scan_dense(rg_context *ctx, const rg_split *split, struct column *columns)
{
    int64_t f = split->n_features, most = 1 + 65536 / (f + 1);
    double *block = cli_alloc(most * f, sizeof *block);
    if (!block)
        return RG_LIMIT;
    size_t row_size = (size_t)f * rg_dtype_size(split->features.dtype);
    rg_status status = RG_OK;
    for (int64_t row = 0; row < split->n_rows && status == RG_OK; row += most) {
        int64_t n = split->n_rows - row < most ? split->n_rows - row : most;
        rg_tensor from = {split->features.dtype,
                          2,
                          {n, f},
                          (char *)split->features.data + (size_t)row * row_size};
        rg_tensor to = {RG_F64, 2, {n, f}, block};
        if (rg_tensor_cast(ctx, &from, &to) != RG_OK)
            status = cli_report(ctx);
        else
            status = cli_interrupted();
        for (int64_t i = 0; i < n && status == RG_OK; i++)
            for (int64_t j = 0; j < f && cli_row_is_there(split, row + i); j++)
                add_value(&columns[j], block[i * f + j]);
    }
    free(block);
    return status;
}

/* Every feature of dense rows. */
static rg_status find_dense(rg_context *ctx, const rg_split *split, struct column **columns,
                            int64_t *n)
{
    *n = split->n_features;
    *columns = cli_alloc(*n, sizeof **columns);
    for (int64_t j = 0; *columns && j < *n; j++)
        (*columns)[j].feature = j;
    return *columns ? scan_dense(ctx, split, *columns) : RG_LIMIT;
}

static int by_feature(const void *left, const void *right)
{
    int64_t a = ((const struct column *)left)->feature, b = ((const struct column *)right)->feature;
    return (a > b) - (a < b);
}

/* Sparse rows: what is not stored is 0. */
static void scan_sparse(const rg_split *split, struct column *columns, int64_t n)
{
    const rg_csr *csr = &split->csr;
    const float *f32 = csr->data;
    const double *f64 = csr->data;
    int64_t n_rows = 0;
    for (int64_t row = 0; row < csr->n_rows; row++) {
        if (!cli_row_is_there(split, row))
            continue;
        n_rows++;
        for (int64_t i = csr->indptr[row]; i < csr->indptr[row + 1]; i++) {
            const struct column key = {.feature = csr->indices[i]};
            add_value(bsearch(&key, columns, (size_t)n, sizeof key, by_feature),
                      csr->dtype == RG_F32 ? (double)f32[i] : f64[i]);
        }
    }
    for (int64_t j = 0; j < n; j++)
        rg_extremes_add(&columns[j].extremes, 0,
                        n_rows - columns[j].extremes.n - columns[j].n_missing);
}

static int by_number(const void *left, const void *right)
{
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

/* The features that sparse rows store: there may be 2^31 others. */
static rg_status find_sparse(const rg_split *split, struct column **columns, int64_t *n)
{
    const rg_csr *csr = &split->csr;
    int64_t n_values = csr->indptr[csr->n_rows];
    int32_t *features = cli_alloc(n_values, sizeof *features);
    *n = 0;
    if (!features)
        return RG_LIMIT;
    if (n_values > 0)
        memcpy(features, csr->indices, (size_t)n_values * sizeof *features);
    qsort(features, (size_t)n_values, sizeof *features, by_number);
    for (int64_t i = 0; i < n_values; i++)
        if (i == 0 || features[i] != features[i - 1])
            features[(*n)++] = features[i];
    *columns = cli_alloc(*n, sizeof **columns);
    for (int64_t j = 0; *columns && j < *n; j++)
        (*columns)[j].feature = features[j];
    free(features);
    if (!*columns)
        return RG_LIMIT;
    scan_sparse(split, *columns, *n);
    return RG_OK;
}

enum { MOST_NAMES = 20 };

/* "  constant features: 2 (7, 12)"; features that are in no row are 0 everywhere. */
static void show_features(const rg_split *split, const struct column *columns, int64_t n,
                          bool missing)
{
    int64_t count = 0, next = 0;
    struct cli_word number;
    const char *const *names = split->feature_names;
    printf("  %s features:", missing ? "missing" : "constant");
    for (int64_t i = 0; i <= n; i++) {
        const struct column *c = i < n ? &columns[i] : NULL;
        int64_t feature = c ? c->feature : split->n_features;
        for (; !missing && next < feature && count < MOST_NAMES; next++)
            printf("%s %s", count++ > 0 ? "," : "", cli_name_of(names, next, &number));
        count += missing ? 0 : feature - next;
        next = feature + 1;
        if (!c ||
            (missing ? c->n_missing == 0
                     : c->extremes.n > 0 && c->extremes.least.value < c->extremes.greatest.value))
            continue;
        if (count++ < MOST_NAMES)
            printf("%s %s", count > 1 ? "," : "", cli_name_of(names, feature, &number));
        if (count <= MOST_NAMES && missing)
            printf(" (%s)", cli_count(c->n_missing, "row").text);
    }
    printf("%s%s (%lld of %lld)\n", count > MOST_NAMES ? ", ..." : "", count == 0 ? " none" : "",
           (long long)count, (long long)split->n_features);
}

enum { MOST_RANGES = 1000 };

/* The range of each feature that occurs; then the features with far outliers. */
static void show_ranges(const rg_split *split, const struct column *columns, int64_t n)
{
    struct cli_word number;
    int64_t count = 0;
    rg_dtype stored = split->csr.indptr ? split->csr.dtype : split->features.dtype;
    int digits = stored == RG_F64 ? 9 : 7;
    printf("  ranges:%s\n", n > MOST_RANGES ? " (of the first 1000)" : "");
    for (int64_t i = 0; i < n && i < MOST_RANGES; i++) {
        const rg_extremes *e = &columns[i].extremes;
        printf("    %s:", cli_name_of(split->feature_names, columns[i].feature, &number));
        if (e->n > 0)
            printf(" %.*g to %.*g\n", digits, e->least.value, digits, e->greatest.value);
        else
            printf(" no number\n");
    }
    printf("  far outliers, which may stand for missing values:");
    for (int64_t i = 0; i < n; i++) {
        const struct rg_extreme *far = rg_extremes_sentinel(&columns[i].extremes);
        if (far && count++ < MOST_NAMES)
            printf("%s %s (%.*g in %s)", count > 1 ? "," : "",
                   cli_name_of(split->feature_names, columns[i].feature, &number), digits,
                   far->value, cli_count(far->n, "row").text);
    }
    printf("%s%s\n", count > MOST_NAMES ? ", ..." : "", count == 0 ? " none" : "");
}

static rg_status show_columns(rg_context *ctx, const rg_split *split)
{
    struct column *columns = NULL;
    int64_t n = 0;
    rg_status status =
        split->csr.indptr ? find_sparse(split, &columns, &n) : find_dense(ctx, split, &columns, &n);
    if (status == RG_OK) {
        show_ranges(split, columns, n);
        show_features(split, columns, n, true);
        show_features(split, columns, n, false);
    }
    free(columns);
    return status;
}

/* ---- A data set ------------------------------------------------------------------------------ */

static void show_shape(const rg_split *split)
{
    const rg_csr *csr = &split->csr;
    if (split->name[0])
        printf("split %s: ", split->name);
    printf("%s, %s, %s\n", cli_count(split->n_rows, "row").text,
           cli_count(split->n_features, "feature").text, cli_count(split->n_lists, "list").text);
    double cells = (double)split->n_rows * (double)split->n_features;
    if (csr->indptr)
        printf("  features: sparse %s (CSR), %lld stored, %.3g %%\n", rg_dtype_name(csr->dtype),
               (long long)csr->indptr[csr->n_rows],
               cells > 0 ? 100 * (double)csr->indptr[csr->n_rows] / cells : 0);
    else
        printf("  features: dense %s, %.4g MB\n", rg_dtype_name(split->features.dtype),
               cells * (double)rg_dtype_size(split->features.dtype) / 1e6);
    const struct {
        const char *name;
        bool present;
    } parts[] = {{"weights", split->weights},
                 {"list_weights", split->list_weights},
                 {"positions", split->positions},
                 {"subtopics", split->subtopics},
                 {"mask", split->mask},
                 {"doc_ids", split->doc_ids},
                 {"query_ids", split->query_ids},
                 {"feature_names", split->feature_names}};
    printf("  also:");
    bool any = false;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (parts[i].present) {
            printf("%s %s", any ? "," : "", parts[i].name);
            any = true;
        }
    printf("%s\n", any ? "" : " nothing");
}

static rg_status show_split(rg_context *ctx, const rg_split *split)
{
    show_shape(split);
    rg_status status = show_labels(split);
    if (status == RG_OK)
        status = show_lists(split);
    return status == RG_OK ? show_columns(ctx, split) : status;
}

static rg_status show_data(rg_context *ctx, const struct inspect *in, const rg_dataset *data)
{
    const rg_split *split;
    rg_status status = RG_OK;
    printf("%s: data set, %s\n", in->files.items[0], rg_dataset_format(data));
    if (in->split) {
        split = cli_choose_split(data, in->split, in->split);
        return split ? show_split(ctx, split) : RG_USAGE;
    }
    for (int i = 0; status == RG_OK && (split = rg_dataset_split_at(data, i)); i++)
        status = show_split(ctx, split);
    return status;
}

/* ---- A model --------------------------------------------------------------------------------- */

/* One weight of a linear model. */
struct weight {
    int64_t feature, input; /* its number, and its place among the inputs */
    double own;             /* of the normalised feature */
    double effect;          /* |own|, by which weights are sorted */
};

static int compare_weight(const void *left, const void *right)
{
    const struct weight *a = left, *b = right;
    if (a->effect < b->effect || a->effect > b->effect)
        return a->effect < b->effect ? 1 : -1;
    return a->feature < b->feature ? -1 : 1;
}

static void show_weights(rg_model *model, const struct weight *weights, int64_t n)
{
    const rg_normalization *normalization = rg_model_normalization(model);
    const char *unit = rg_normalization_unit(normalization);
    const char *const *names = rg_model_feature_names(model);
    struct cli_word number, heading = {""};
    if (unit)
        snprintf(heading.text, sizeof heading.text, "weight x %s", unit);
    printf("%-24s %16s  %s\n", "feature", "weight", heading.text);
    for (int64_t i = 0; i < n; i++) {
        double scale = normalization->scale ? normalization->scale[weights[i].input] : 1;
        printf("%-24s %16.9g", cli_name_of(names, weights[i].feature, &number),
               weights[i].own * scale);
        if (unit)
            printf("  %16.9g", weights[i].own);
        printf("\n");
    }
}

static rg_status show_linear(rg_model *model)
{
    const rg_parameters *p = rg_model_parameters(model);
    int64_t n;
    const int32_t *columns = rg_model_columns(model, &n);
    const float *f32 = p->value;
    const double *f64 = p->value;
    struct weight *weights = cli_alloc(n, sizeof *weights);
    if (!weights)
        return RG_LIMIT;
    for (int64_t j = 0; j < n; j++) {
        double own = p->dtype == RG_F32 ? (double)f32[j] : f64[j];
        weights[j] = (struct weight){columns ? columns[j] : j, j, own, fabs(own)};
    }
    qsort(weights, (size_t)n, sizeof *weights, compare_weight);
    show_weights(model, weights, n);
    if (p->count > n)
        printf("%-24s %16.9g  (bias, of normalised features)\n", "",
               p->dtype == RG_F32 ? (double)f32[n] : f64[n]);
    free(weights);
    return RG_OK;
}

/* The history, JSON over many lines, on one. */
static void show_history(const char *text)
{
    json_t *history = json_loads(text, 0, NULL);
    char *line = history ? json_dumps(history, JSON_REAL_PRECISION(9)) : NULL;
    printf("history: %s\n", line ? line : text[0] ? text : "unknown");
    free(line);
    json_decref(history);
}

static rg_status show_model(const char *path, rg_model *model)
{
    char choice[512], normalization[512];
    rg_choice_print(rg_model_choice(model), choice, sizeof choice);
    rg_choice_print(&rg_model_normalization(model)->choice, normalization, sizeof normalization);
    printf("%s: model %s, %s, %s, normalisation %s\n", path, choice,
           rg_dtype_name(rg_model_parameters(model)->dtype),
           cli_count(rg_model_n_features(model), "feature").text, normalization);
    int64_t n_inputs;
    if (rg_model_columns(model, &n_inputs))
        printf("inputs: the %lld features that occurred in the training rows; all others have "
               "weight 0\n",
               (long long)n_inputs);
    show_history(rg_model_history(model));
    if (((const rg_architecture *)(const void *)rg_model_choice(model)->component)->is_linear &&
        rg_model_n_outputs(model) == 1)
        return show_linear(model);
    printf("%s\n", cli_count(rg_model_parameters(model)->count, "parameter").text);
    return RG_OK;
}

/* ---- The command ----------------------------------------------------------------------------- */

/* What is no data set may be a model; in the binary format it is one. */
static rg_status inspect_model(rg_context *ctx, const struct inspect *in, bool binary)
{
    const char *path = in->files.items[0];
    rg_model *model = NULL;
    char *message = strdup(rg_last_error(ctx));
    if (!message)
        return cli_fail(RG_LIMIT, "out of memory");
    rg_status status = rg_model_load(ctx, path, &model);
    if (status == RG_OK && in->verify && binary) /* compared whenever it is loaded */
        printf("%s: 1 checksum verified\n", path);
    if (status == RG_BAD_DATA && !binary)
        cli_fail(status, "%s", message);
    else if (status != RG_OK)
        cli_report(ctx);
    else if (in->split)
        status = cli_fail(RG_USAGE, "%s: --split, but a model has no splits", path);
    else
        status = show_model(path, model);
    rg_model_destroy(model);
    free(message);
    return status;
}

static rg_status run(rg_context *ctx, void *values)
{
    const struct inspect *in = values;
    const char *path = in->files.items[0];
    rg_dataset *data = NULL;
    int n_checked = 0;
    bool binary;
    if (rg_model_file_is_binary(ctx, path, &binary) != RG_OK)
        return cli_report(ctx);
    if (binary)
        return inspect_model(ctx, in, true);
    if (in->verify && rg_dataset_verify(ctx, path, &n_checked) != RG_OK)
        return cli_report(ctx);
    if (in->verify)
        printf("%s: %s verified\n", path, cli_count(n_checked, "checksum").text);
    rg_status status = rg_dataset_open(ctx, path, &in->reading, &data);
    if (status == RG_BAD_DATA)
        return inspect_model(ctx, in, false);
    status = status == RG_OK ? show_data(ctx, in, data) : cli_report(ctx);
    rg_dataset_close(data);
    return status;
}

static void set_defaults(void *values)
{
    struct inspect *in = values;
    in->reading.needs_lists = false;
}

const struct cli_command cli_command_inspect = {
    .name = "inspect",
    .summary = "show what is in a data set or a model",
    .aliases = "info show describe dump cat ls view stats",
    .arguments = "FILE",
    .least = 1,
    .most = 1,
    .size = sizeof(struct inspect),
    .options = options,
    .reading = offsetof(struct inspect, reading),
    .doc =
        "Show what is in a data set (HDF5 or text): shape, labels, list lengths, missing and "
        "constant "
        "features, the range of each feature and values that may stand for missing ones; or in a "
        "model: how it was trained and, of a linear one, the weights, greatest effect first.",
    .set_defaults = set_defaults,
    .run = run};

/* generate.c: a made-up data set whose truth is known.
 *
 * Every number is a draw at its own address (list, item, feature), so that the same
 * seed gives the same list whatever else is generated.
 *
 * The model. Feature j of an item is x_j = mean_j + scale_j z_j with z_j normal(0,1); its relevance
 * is sum_j w_j z_j, in raw features sum_j (w_j / scale_j) x_j plus a constant. The weights have
 * length 1 and sizes spread over a factor of 20, so that features are worth differently much and
 * none is worth much alone. Noise is added, and fixed quantiles of the sum cut it into labels 0 to
 * 4. A few lists are barren: all labels 0. In the others the best item is at least 1.
 */
#include "data/dataset.h"

#include "base/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    LONGEST_LIST = 200,
    MOST_FEATURES = 1 << 20,
    MOST_LISTS = 1 << 28,
    ID_SIZE = 48,    /* room for two numbers */
    COLUMN_DRAWS = 4 /* addresses per feature, see fill_columns */
};

#define NOISE  0.6  /* deviation; that of the relevance is 1 */
#define BARREN 0.05 /* of the lists */

/* The quantiles .70 .85 .94 .985 of the normal distribution: an item's label is how many of them
 * its noisy relevance exceeds. */
static const double thresholds[] = {0.5244005127, 1.0364333895, 1.5547735946, 2.1700903776};

/* What is drawn once is addressed by list number UINT64_MAX, which is no list. */
#define COLUMNS UINT64_MAX

struct generator {
    rg_context *ctx;
    uint64_t seed;
    int64_t n_features;
    int64_t constant;             /* the column that does not vary */
    double *mean, *scale, *truth; /* (F); truth: the weight of the raw feature */
    double base;                  /* sum truth_j mean_j */
    char *feature_names;          /* (F) of ID_SIZE bytes */
};

static double uniform(const struct generator *g, uint64_t a, int64_t b)
{
    return rg_uniform(g->seed, RG__STREAM_GENERATE, a, (uint64_t)b);
}

static double normal(const struct generator *g, uint64_t a, int64_t b)
{
    return rg_normal(g->seed, RG__STREAM_GENERATE, a, (uint64_t)b);
}

rg_generate_options rg_generate_options_default(void)
{
    return (rg_generate_options){.n_lists = 2000, .n_features = 46, .seed = 1};
}

/* Scales run log-spaced from 1e-3 to 1e6 over the columns; means lie within two deviations. */
static void fill_columns(struct generator *g)
{
    double length = 0;
    g->constant = (int64_t)(uniform(g, COLUMNS, 0) * (double)g->n_features);
    for (int64_t j = 0; j < g->n_features; j++) {
        int64_t draw = COLUMN_DRAWS * (j + 1);
        double size = pow(0.05, uniform(g, COLUMNS, draw));
        g->scale[j] = pow(10, -3 + 9 * (double)j / (double)(g->n_features - 1));
        g->mean[j] = g->scale[j] * (4 * uniform(g, COLUMNS, draw + 1) - 2);
        g->truth[j] = j == g->constant ? 0 : uniform(g, COLUMNS, draw + 2) < 0.5 ? -size : size;
        length += g->truth[j] * g->truth[j];
    }
    g->base = 0;
    for (int64_t j = 0; j < g->n_features; j++) {
        g->truth[j] /= sqrt(length) * g->scale[j];
        g->base += g->truth[j] * g->mean[j];
        snprintf(g->feature_names + j * ID_SIZE, ID_SIZE, j == g->constant ? "constant" : "f%lld",
                 (long long)j + 1);
    }
}

/* Log-uniform from 1 to LONGEST_LIST: many short lists, few long ones. */
static int64_t list_length(const struct generator *g, int64_t list)
{
    double n = pow(LONGEST_LIST + 1, uniform(g, (uint64_t)list, 0));
    return n < LONGEST_LIST ? (int64_t)n : LONGEST_LIST;
}

/* Features x (F) of an item; returns its noisy relevance in units of its own deviation. The
 * relevance is taken from the features as stored, so that the truth orders by exactly it. */
static double fill_item(const struct generator *g, int64_t list, int64_t item, float *x)
{
    int64_t first = 2 + item * (g->n_features + 1);
    double relevance = 0;
    for (int64_t j = 0; j < g->n_features; j++) {
        double z = j == g->constant ? 0 : normal(g, (uint64_t)list, first + j);
        x[j] = (float)(g->mean[j] + g->scale[j] * z);
        relevance += g->truth[j] * (double)x[j];
    }
    double noise = NOISE * normal(g, (uint64_t)list, first + g->n_features);
    return (relevance - g->base + noise) / sqrt(1 + NOISE * NOISE);
}

static double label_of(double relevance)
{
    int label = 0;
    while (label < RG__COUNT(thresholds) && relevance > thresholds[label])
        label++;
    return label;
}

/* Features x (n,F) and labels (n) of one list. */
static void fill_list(const struct generator *g, int64_t list, int64_t n, float *x, double *labels)
{
    bool barren = uniform(g, (uint64_t)list, 1) < BARREN;
    double highest = -HUGE_VAL;
    int64_t best = 0;
    for (int64_t i = 0; i < n; i++) {
        double relevance = fill_item(g, list, i, x + i * g->n_features);
        labels[i] = barren ? 0 : label_of(relevance);
        if (relevance > highest) {
            highest = relevance;
            best = i;
        }
    }
    if (!barren && labels[best] == 0)
        labels[best] = 1;
}

/* The arrays of a split with n_lists lists and n_rows rows. */
struct arrays {
    int64_t *offsets;
    float *features;
    double *labels;
    char *query_text, *doc_text; /* ID_SIZE bytes each */
    const char **query_ids, **doc_ids, **feature_names;
};

static bool make_arrays(rg_dataset *dataset, const rg_split *split, struct arrays *a)
{
    int64_t n_rows = split->n_rows, n_lists = split->n_lists, cells;
    if (__builtin_mul_overflow(n_rows, split->n_features, &cells)) {
        rg__fail_memory(dataset->ctx, SIZE_MAX, "features");
        return false;
    }
    a->features = rg__own_new(dataset, cells, sizeof *a->features, "features");
    a->labels = rg__own_new(dataset, n_rows, sizeof *a->labels, "labels");
    a->query_text = rg__own_new(dataset, n_lists, ID_SIZE, "query ids");
    a->query_ids = rg__own_new(dataset, n_lists, sizeof *a->query_ids, "query ids");
    a->doc_text = rg__own_new(dataset, n_rows, ID_SIZE, "doc ids");
    a->doc_ids = rg__own_new(dataset, n_rows, sizeof *a->doc_ids, "doc ids");
    a->feature_names =
        rg__own_new(dataset, split->n_features, sizeof *a->feature_names, "feature names");
    return a->features && a->labels && a->query_text && a->query_ids && a->doc_text && a->doc_ids &&
           a->feature_names;
}

/* Query q is "q<list>", its items "d<list>-<item>", all from 1. */
static void fill_ids(struct arrays *a, int64_t q, int64_t list)
{
    char *id = a->query_text + q * ID_SIZE;
    snprintf(id, ID_SIZE, "q%lld", (long long)list + 1);
    a->query_ids[q] = id;
    for (int64_t row = a->offsets[q]; row < a->offsets[q + 1]; row++) {
        id = a->doc_text + row * ID_SIZE;
        snprintf(id, ID_SIZE, "d%lld-%lld", (long long)list + 1,
                 (long long)(row - a->offsets[q]) + 1);
        a->doc_ids[row] = id;
    }
}

/* Lists [first, first + n_lists) as a split. */
static rg_status fill_split(const struct generator *g, rg_dataset *dataset, int64_t first,
                            int64_t n_lists, rg_split *split)
{
    struct arrays a = {0};
    a.offsets = rg__own_new(dataset, n_lists + 1, sizeof *a.offsets, "list offsets");
    if (!a.offsets)
        return RG_LIMIT;
    for (int64_t q = 0; q < n_lists; q++)
        a.offsets[q + 1] = a.offsets[q] + list_length(g, first + q);
    split->n_lists = n_lists;
    split->n_rows = a.offsets[n_lists];
    split->n_features = g->n_features;
    if (!make_arrays(dataset, split, &a))
        return RG_LIMIT;
    for (int64_t q = 0; q < n_lists; q++) {
        if (rg__cancelled(g->ctx) != RG_OK)
            return RG_CANCELLED;
        int64_t row = a.offsets[q];
        fill_list(g, first + q, a.offsets[q + 1] - row, a.features + row * g->n_features,
                  a.labels + row);
        fill_ids(&a, q, first + q);
    }
    for (int64_t j = 0; j < g->n_features; j++)
        a.feature_names[j] = g->feature_names + j * ID_SIZE;
    split->features = (rg_tensor){RG_F32, 2, {split->n_rows, g->n_features}, a.features};
    split->labels = a.labels;
    split->offsets = a.offsets;
    split->doc_ids = a.doc_ids;
    split->query_ids = a.query_ids;
    split->feature_names = a.feature_names;
    return RG_OK;
}

/* Validation and test get a fifth each, at least one list; training the rest. */
static rg_status fill_dataset(const struct generator *g, int64_t n_lists, rg_dataset *dataset)
{
    int64_t fifth = (n_lists + 2) / 5; /* rounded; 1 at least, as there are 3 lists */
    const int64_t bounds[] = {0, n_lists - 2 * fifth, n_lists - fifth, n_lists};
    for (int i = 0; i < RG__MAX_SPLITS; i++) {
        rg_split *split = &dataset->splits[i];
        *split = (rg_split){.name = rg__split_names[i]};
        rg_status status = fill_split(g, dataset, bounds[i], bounds[i + 1] - bounds[i], split);
        if (status != RG_OK)
            return status;
        dataset->n_splits = i + 1;
    }
    return RG_OK;
}

static rg_status generate(struct generator *g, int64_t n_lists, double *truth, rg_dataset *dataset)
{
    g->mean = rg__own_new(dataset, g->n_features, 3 * sizeof *g->mean, "feature scales");
    g->feature_names = rg__own_new(dataset, g->n_features, ID_SIZE, "feature names");
    if (!g->mean || !g->feature_names)
        return RG_LIMIT;
    g->scale = g->mean + g->n_features;
    g->truth = g->scale + g->n_features;
    fill_columns(g);
    if (truth)
        memcpy(truth, g->truth, (size_t)g->n_features * sizeof *truth);
    return fill_dataset(g, n_lists, dataset);
}

rg_status rg_dataset_generate(rg_context *ctx, const rg_generate_options *options, double *truth,
                              rg_dataset **out)
{
    rg_generate_options o = options ? *options : rg_generate_options_default();
    rg_status status = rg__require(ctx, "rg_dataset_generate", "out", out, NULL);
    if (status != RG_OK)
        return status;
    *out = NULL;
    if (o.n_lists < 3 || o.n_lists > MOST_LISTS)
        return rg__fail(ctx, RG_USAGE, "generate: %lld lists, expected 3 to %d (one a split)",
                        (long long)o.n_lists, MOST_LISTS);
    if (o.n_features < 2 || o.n_features > MOST_FEATURES)
        return rg__fail(ctx, RG_USAGE,
                        "generate: %lld features, expected 2 to %d (one of them is constant)",
                        (long long)o.n_features, MOST_FEATURES);
    rg_dataset *dataset = rg__dataset_new(ctx, "generated");
    if (!dataset)
        return RG_LIMIT;
    struct generator g = {.ctx = ctx, .seed = o.seed, .n_features = o.n_features};
    status = generate(&g, o.n_lists, truth, dataset);
    if (status != RG_OK) {
        rg_dataset_close(dataset);
        return status;
    }
    *out = dataset;
    return RG_OK;
}

/* data.c: makes the data that the bench runs on.
 *
 *     bench_data KIND FILE ROWS FEATURES LISTS
 *
 * The one idea: every number is a hash of its place, so each kind of file holds the same data on
 * every machine. The features are multiples of 1/1024 in [0,1), which f16 holds as they are; labels
 * 0 to 4 follow a linear truth; list lengths are uniform around their mean. /vali has few lists, so
 * that an epoch's time is that of training. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALI_LISTS = 5, SEED_FEATURES = 1, SEED_TRUTH, SEED_LENGTHS, SEED_HOLES };

static int64_t *make_offsets(int64_t n_rows, int64_t n_lists)
{
    double total = 0, sum = 0;
    int64_t *offsets = new_array(n_lists + 1, sizeof *offsets);
    for (int64_t q = 0; q < n_lists; q++)
        total += draw(SEED_LENGTHS, (uint64_t)q);
    for (int64_t q = 0; q < n_lists; q++) {
        sum += draw(SEED_LENGTHS, (uint64_t)q);
        offsets[q + 1] = (int64_t)(sum / total * (double)n_rows);
    }
    offsets[n_lists] = n_rows;
    return offsets;
}

/* Rows `first` to `first` + n_rows of the endless table, in n_lists lists. */
static rg_split make_split(const char *name, int64_t first, int64_t n_rows, int64_t f,
                           int64_t n_lists)
{
    float *x = new_array(n_rows * f, sizeof *x);
    double *labels = new_array(n_rows, sizeof *labels), *truth = new_array(f, sizeof *truth);
    for (int64_t k = 0; k < f; k++)
        truth[k] = draw(SEED_TRUTH, (uint64_t)k) - 0.5;
    for (int64_t i = 0; i < n_rows; i++) {
        double score = 0;
        for (int64_t k = 0; k < f; k++) {
            int level = (int)(1024 * draw(SEED_FEATURES, (uint64_t)((first + i) * f + k)));
            x[i * f + k] = (float)level / 1024;
            score += (level / 1024.0 - 0.5) * truth[k];
        }
        int grade = (int)(score * 1.5 + 1);
        labels[i] = grade < 0 ? 0 : grade > 4 ? 4 : grade;
    }
    free(truth);
    rg_split split = {.name = name, .n_rows = n_rows, .n_features = f, .n_lists = n_lists};
    split.features = (rg_tensor){RG_F32, 2, {n_rows, f}, x};
    split.labels = labels;
    split.offsets = make_offsets(n_rows, n_lists);
    return split;
}

static void store_half(rg_context *ctx, rg_split *split)
{
    rg_tensor half = split->features;
    half.dtype = RG_F16;
    half.data = new_array(rg_tensor_count(&half), sizeof(uint16_t));
    must(ctx, rg_tensor_cast(ctx, &split->features, &half));
    free(split->features.data);
    split->features = half;
}

/* Nine of ten features become 0. */
static void store_sparse(rg_context *ctx, rg_split *split)
{
    (void)ctx;
    float *x = split->features.data;
    for (int64_t i = 0; i < split->n_rows * split->n_features; i++)
        if (draw(SEED_HOLES, (uint64_t)i) > 0.1)
            x[i] = 0;
}

static void keep(rg_context *ctx, rg_split *split)
{
    (void)ctx;
    (void)split;
}

static void write_text(const char *path, const rg_split *split)
{
    FILE *file = fopen(path, "w");
    if (!file)
        fail("cannot write the text file");
    const float *x = split->features.data;
    for (int64_t q = 0, i = 0; q < split->n_lists; q++)
        for (; i < split->offsets[q + 1]; i++) {
            fprintf(file, "%d qid:%lld", (int)split->labels[i], (long long)q + 1);
            for (int64_t k = 0; k < split->n_features; k++)
                fprintf(file, " %lld:%.6g", (long long)k + 1, (double)*x++);
            fprintf(file, "\n");
        }
    if (fclose(file) != 0)
        fail("cannot write the text file");
}

static const struct kind {
    const char *name;
    void (*store)(rg_context *ctx, rg_split *split);
    bool sparse, compress, text;
} kinds[] = {
    {.name = "f32", .store = keep},
    {.name = "f16", .store = store_half},
    {.name = "csr", .store = store_sparse, .sparse = true},
    {.name = "compressed", .store = keep, .compress = true},
    {.name = "text", .store = keep, .text = true},
};

int main(int n, char **arguments)
{
    const struct kind *kind = NULL;
    for (size_t i = 0; n == 6 && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcmp(kinds[i].name, arguments[1]) == 0)
            kind = &kinds[i];
    if (!kind)
        fail("usage: bench_data f32|f16|csr|compressed|text FILE ROWS FEATURES LISTS");
    const char *path = arguments[2];
    int64_t rows = number(arguments[3]), f = number(arguments[4]), lists = number(arguments[5]);
    int64_t vali_rows = VALI_LISTS * (rows / lists);
    rg_split train = make_split("train", 0, rows, f, lists);
    if (kind->text) {
        write_text(path, &train);
        return 0;
    }
    rg_context *ctx = new_context(0);
    rg_split vali = make_split("vali", rows, vali_rows, f, VALI_LISTS);
    kind->store(ctx, &train);
    kind->store(ctx, &vali);
    rg_write_options options = rg_write_options_default();
    options.sparse = kind->sparse;
    options.compress = kind->compress;
    const rg_split *splits[] = {&train, &vali};
    must(ctx, rg_dataset_write(ctx, path, splits, 2, &options));
    rg_context_destroy(ctx);
    return 0;
}

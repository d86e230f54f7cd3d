/* wide.c: the weights of a linear model for every column of the data; see wide.h. */
#include "model/wide.h"

#include "base/file.h"
#include "normalize/normalize.h"

#include <string.h>

enum {
    MOST_BYTES = 64 << 20,
    MOST_COLUMNS = 16,   /* for each input */
    FEWEST_NUMBERS = 16, /* one number to look up for so many inputs: fewer take less time than
                            comparing the weights with those of the table */
    LARGE_PAGE = 2 << 20
};

/* The caller may change the parameters at any time, so the weights are compared at each use. */
struct rg__wide {
    char *block;         /* the weights when the table was made, then the table; NULL: not made */
    const void *table;   /* (n_features) weights, or scales and weights */
    int64_t n_looked_up; /* numbers since there is no table */
};

struct rg__wide *rg__wide_create(rg_context *ctx)
{
    return rg__alloc(ctx, 1, sizeof(struct rg__wide), "a model");
}

void rg__wide_clear(rg_context *ctx, struct rg__wide *wide)
{
    rg__free(ctx, wide->block);
    *wide = (struct rg__wide){0};
}

void rg__wide_destroy(rg_context *ctx, struct rg__wide *wide)
{
    if (wide)
        rg__wide_clear(ctx, wide);
    rg__free(ctx, wide);
}

static size_t weights_size(const rg_model *model)
{
    return (size_t)model->inputs.n * rg_dtype_size(model->parameters.dtype);
}

/* The size of a weight, or of struct rg__scaled_weight, which is the same in f32 and f64. */
static size_t column_size(const rg_model *model)
{
    return model->normalization.scale ? 2 * sizeof(double) : rg_dtype_size(model->parameters.dtype);
}

/* Whether a table of the model is small enough, and scores it: normalising is at most a scale. */
static bool is_possible(const rg_model *model)
{
    const rg_normalization *z = &model->normalization;
    int64_t n_features = model->inputs.n_features;
    const struct rg_scoring *scoring = rg__architecture(model)->scoring;
    if (!scoring || !scoring->wide[model->parameters.dtype] || rg__normalization_kind(z)->by_list ||
        rg__normalization_kind(z)->transform || n_features / MOST_COLUMNS > model->inputs.n ||
        n_features > MOST_BYTES / (int64_t)column_size(model))
        return false;
    for (int64_t j = 0; z->shift && j < z->n_features; j++)
        if (z->shift[j] != 0)
            return false;
    return true;
}

/* Room for the weights and a table of `size` bytes, all 0. A large one is in large pages: with
 * pages of 4 KiB, addresses are translated anew for most numbers (15 % of the time, measured). */
static char *allocate(const rg_model *model, size_t size)
{
    struct rg__wide *wide = model->wide;
    size_t page = size < LARGE_PAGE ? 64 : LARGE_PAGE, rounded = (size + page - 1) / page * page;
    wide->block = rg__alloc_uninitialized(model->ctx, 1, weights_size(model) + page - 1 + rounded,
                                          "the columns");
    if (!wide->block)
        return NULL;
    char *after = wide->block + weights_size(model);
    char *table = after + (page - (uintptr_t)after % page) % page;
    rg__advise_huge_pages(table, rounded);
    return memset(table, 0, size);
}

/* Columns without a weight have weight and scale 0. */
static rg_status make_table(const rg_model *model)
{
    size_t size = column_size(model), weight = rg_dtype_size(model->parameters.dtype);
    const double *scale = model->normalization.scale;
    char *table = allocate(model, (size_t)model->inputs.n_features * size);
    if (!table)
        return RG_LIMIT;
    memcpy(model->wide->block, model->parameters.value, weights_size(model));
    for (int64_t i = 0; i < model->inputs.n; i++) {
        char *column = table + (size_t)model->inputs.index[i] * size;
        if (scale)
            memcpy(column, &scale[i], sizeof *scale);
        memcpy(column + (scale ? sizeof *scale : 0), model->wide->block + (size_t)i * weight,
               weight);
    }
    model->wide->table = table;
    return RG_OK;
}

rg_status rg__wide_table(const rg_model *model, const rg_split *split, const void **table)
{
    struct rg__wide *wide = model->wide;
    const rg_csr *csr = &split->csr;
    int64_t n_numbers = csr->indptr ? csr->indptr[csr->n_rows] : 0;
    *table = NULL;
    if (model->n_outputs > 1 || !model->inputs.index || split->mask ||
        csr->dtype != model->parameters.dtype || n_numbers == 0 ||
        n_numbers < model->inputs.n / FEWEST_NUMBERS)
        return RG_OK;
    if (wide->block && memcmp(wide->block, model->parameters.value, weights_size(model)) != 0)
        rg__wide_clear(model->ctx, wide);
    if (!wide->block) {
        wide->n_looked_up += n_numbers;
        if (wide->n_looked_up < model->inputs.n_features || !is_possible(model))
            return RG_OK;
        if (make_table(model) != RG_OK)
            return RG_LIMIT;
    }
    *table = wide->table;
    return RG_OK;
}

/* model.c: the common part of all models: options, memory, normalisation, scoring. */
#include "model/model.h"

#include "data/rows.h"
#include "data/split.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

enum { SCORE_BLOCK = 256 }; /* rows normalised and scored at a time; bits do not depend on it */

static const struct rg__architecture architectures[] = {
    {"linear",
     rg__linear_part,
     rg__linear_n_parameters,
     rg__linear_forward,
     {rg__linear_score_f32, rg__linear_score_f64}},
};

const struct rg__architecture *rg__architecture_find(const char *name)
{
    for (int i = 0; i < RG__COUNT(architectures); i++)
        if (strcmp(architectures[i].name, name) == 0)
            return &architectures[i];
    return NULL;
}

rg_model_options rg_model_options_default(void)
{
    return (rg_model_options){.name = "linear", .dtype = RG_F32};
}

static rg_status check_options(rg_context *ctx, int64_t n_features, const rg_model_options *o)
{
    if (!o->name || !rg__architecture_find(o->name))
        return rg__fail(ctx, RG_USAGE, "model \"%s\" is unknown; expected %s",
                        o->name ? o->name : "(null)", architectures[0].name);
    if (!rg_dtype_computes(o->dtype))
        return rg__fail(ctx, RG_USAGE, "model: the type is %s; expected f32 or f64",
                        rg_dtype_name(o->dtype) ? rg_dtype_name(o->dtype) : "none");
    if (n_features < 1 || n_features > INT32_MAX)
        return rg__fail(ctx, RG_USAGE, "model: %lld features; expected 1 to 2147483647",
                        (long long)n_features);
    return RG_OK;
}

rg_status rg_model_create(rg_context *ctx, int64_t n_features, const rg_model_options *options,
                          rg_model **out)
{
    *out = NULL;
    rg_model_options o = options ? *options : rg_model_options_default();
    rg_status status = check_options(ctx, n_features, &o);
    if (status != RG_OK)
        return status;
    rg_model *model = rg__alloc(ctx, 1, sizeof *model, "a model");
    if (!model)
        return RG_LIMIT;
    *model = (rg_model){.ctx = ctx, .n_features = n_features, .bias = o.bias};
    model->architecture = rg__architecture_find(o.name);
    int64_t count = model->architecture->n_parameters(n_features, &o);
    size_t size = rg_dtype_size(o.dtype);
    char *block = rg__alloc(ctx, 2 * count, size, "the parameters");
    model->parameters = (rg_parameters){o.dtype, count, block, NULL};
    model->history = rg__strdup(ctx, "");
    if (block)
        model->parameters.grad = block + (size_t)count * size;
    if (!block || !model->history) {
        rg_model_destroy(model);
        return RG_LIMIT;
    }
    *out = model;
    return RG_OK;
}

static void free_names(rg_context *ctx, char **names, int64_t n)
{
    for (int64_t i = 0; names && i < n; i++)
        rg__free(ctx, names[i]);
    rg__free(ctx, names);
}

void rg_model_destroy(rg_model *model)
{
    if (!model)
        return;
    rg_context *ctx = model->ctx;
    rg_normalization_free(ctx, &model->normalization);
    free_names(ctx, model->feature_names, model->n_features);
    rg__free(ctx, model->history);
    rg__free(ctx, model->parameters.value);
    rg__free(ctx, model);
}

const char *rg_model_name(const rg_model *model)
{
    return model->architecture->name;
}

int64_t rg_model_n_features(const rg_model *model)
{
    return model->n_features;
}

const rg_parameters *rg_model_parameters(const rg_model *model)
{
    return &model->parameters;
}

const char *const *rg_model_feature_names(const rg_model *model)
{
    return (const char *const *)model->feature_names;
}

rg_status rg_model_set_feature_names(rg_model *model, const char *const *names)
{
    rg_context *ctx = model->ctx;
    char **copy = NULL;
    if (names) {
        copy = rg__alloc(ctx, model->n_features, sizeof *copy, "the feature names");
        for (int64_t i = 0; copy && i < model->n_features; i++)
            if (!(copy[i] = rg__strdup(ctx, names[i]))) {
                free_names(ctx, copy, model->n_features);
                copy = NULL;
            }
        if (!copy)
            return RG_LIMIT;
    }
    free_names(ctx, model->feature_names, model->n_features);
    model->feature_names = copy;
    return RG_OK;
}

const rg_normalization *rg_model_normalization(const rg_model *model)
{
    return &model->normalization;
}

/* A copy of n numbers; NULL stays NULL. */
static bool copy_numbers(rg_context *ctx, const double *from, int64_t n, double **to)
{
    *to = NULL;
    if (!from)
        return true;
    *to = rg__alloc(ctx, n, sizeof **to, "the normalisation");
    if (*to)
        memcpy(*to, from, (size_t)n * sizeof **to);
    return *to != NULL;
}

rg_status rg_model_set_normalization(rg_model *model, const rg_normalization *normalization)
{
    rg_context *ctx = model->ctx;
    rg_normalization copy = *normalization;
    copy.shift = copy.scale = NULL;
    if (normalization->method != RG_NORMALIZE_NONE &&
        normalization->n_features != model->n_features)
        return rg__fail(ctx, RG_USAGE, "model: a normalisation of %lld features; expected %lld",
                        (long long)normalization->n_features, (long long)model->n_features);
    bool fitted = normalization->method != RG_NORMALIZE_NONE &&
                  normalization->method != RG_NORMALIZE_LIST_MINMAX;
    if (fitted && (!normalization->shift || !normalization->scale))
        return rg__fail(ctx, RG_USAGE, "model: %s needs shift and scale",
                        rg_normalize_name(normalization->method));
    if (!copy_numbers(ctx, normalization->shift, model->n_features, &copy.shift) ||
        !copy_numbers(ctx, normalization->scale, model->n_features, &copy.scale)) {
        rg_normalization_free(ctx, &copy);
        return RG_LIMIT;
    }
    rg_normalization_free(ctx, &model->normalization);
    model->normalization = copy;
    return RG_OK;
}

const char *rg_model_history(const rg_model *model)
{
    return model->history;
}

rg_status rg_model_set_history(rg_model *model, const char *json)
{
    char *copy = rg__strdup(model->ctx, json);
    if (!copy)
        return RG_LIMIT;
    rg__free(model->ctx, model->history);
    model->history = copy;
    return RG_OK;
}

rg_node *rg_model_forward(rg_graph *graph, rg_model *model, rg_node *rows)
{
    return rows ? model->architecture->forward(graph, model, rows) : NULL;
}

/* ---- Scoring ---- */

void rg__model_score_rows(const rg_model *model, const void *rows, int64_t n, void *scores)
{
    model->architecture->score[model->parameters.dtype](model, rows, n, scores);
}

/* Buffers for `block` rows at a time. */
struct scorer {
    const rg_model *model;
    void *scratch, *rows, *scores;
};

static rg_status scorer_open(const rg_model *model, const rg_split *split, int64_t block,
                             struct scorer *s)
{
    rg_context *ctx = model->ctx;
    size_t size = rg_dtype_size(model->parameters.dtype);
    int64_t count;
    *s = (struct scorer){.model = model};
    if (__builtin_mul_overflow(block, model->n_features, &count))
        return rg__fail_memory(ctx, SIZE_MAX, "rows to score");
    s->scratch = rg__alloc(ctx, (int64_t)rg__load_scratch(split, block), 1, "rows to score");
    s->rows = rg__alloc(ctx, count, size, "rows to score");
    s->scores = rg__alloc(ctx, block, size, "scores");
    return s->scratch && s->rows && s->scores ? RG_OK : RG_LIMIT;
}

static void scorer_close(struct scorer *s)
{
    rg__free(s->model->ctx, s->scratch);
    rg__free(s->model->ctx, s->rows);
    rg__free(s->model->ctx, s->scores);
}

/* Scores the valid ones of the rows [begin, end) into s->scores; returns how many they are. */
static int64_t score_block(struct scorer *s, const rg_split *split, int64_t begin, int64_t end)
{
    rg_dtype dtype = s->model->parameters.dtype;
    rg_tensor rows = {.dtype = dtype, .data = s->rows};
    int64_t n = rg__load_rows(split, &s->model->normalization, begin, end, s->scratch, &rows);
    rg__model_score_rows(s->model, s->rows, n, s->scores);
    return n;
}

rg_status rg_model_score(const rg_model *model, const float *rows, int64_t n, float *scores)
{
    if (n < 0)
        return rg__fail(model->ctx, RG_USAGE, "score: %lld rows", (long long)n);
    bool by_list = model->normalization.method == RG_NORMALIZE_LIST_MINMAX;
    int64_t block = by_list || n < SCORE_BLOCK ? n : SCORE_BLOCK;
    rg_split split = {.n_rows = n, .n_features = model->n_features};
    union {
        const float *given;
        void *data; /* a leaf's data pointer, never written through */
    } features = {rows};
    split.features = (rg_tensor){RG_F32, 2, {n, model->n_features}, features.data};
    struct scorer s;
    rg_status status = scorer_open(model, &split, block, &s);
    for (int64_t begin = 0; begin < n && status == RG_OK; begin += block) {
        int64_t end = n - begin < block ? n : begin + block;
        int64_t scored = score_block(&s, &split, begin, end);
        rg__cast(model->parameters.dtype, s.scores, RG_F32, scores + begin, scored);
    }
    scorer_close(&s);
    return status;
}

/* Scores of the rows [begin, end), NaN where a row is masked. */
static void score_into(struct scorer *s, const rg_split *split, int64_t begin, int64_t end,
                       double *scores)
{
    size_t size = rg_dtype_size(s->model->parameters.dtype);
    int64_t at = 0;
    score_block(s, split, begin, end);
    for (int64_t row = begin; row < end; row++) {
        scores[row] = (double)NAN;
        if (rg__row_is_there(split, row))
            rg__cast(s->model->parameters.dtype, (const char *)s->scores + (size_t)at++ * size,
                     RG_F64, &scores[row], 1);
    }
}

rg_status rg_model_score_split(const rg_model *model, const rg_split *split, double *scores)
{
    rg_context *ctx = model->ctx;
    bool by_list = model->normalization.method == RG_NORMALIZE_LIST_MINMAX;
    rg_status status = rg__check_split(ctx, split, "the split to score");
    if (status != RG_OK)
        return status;
    if (split->n_features != model->n_features)
        return rg__fail(ctx, RG_BAD_DATA,
                        "the data have %lld features, the model %lld; for text with absent last "
                        "features --features %lld gives as many",
                        (long long)split->n_features, (long long)model->n_features,
                        (long long)model->n_features);
    if (by_list && split->n_rows > 0 && !split->offsets)
        return rg__fail(ctx, RG_BAD_DATA,
                        "the model normalises within lists (list-minmax); "
                        "expected data with lists (offsets, qid or group)");
    int64_t longest = by_list ? rg__longest_list(split->offsets, split->n_lists) : 0;
    int64_t block = longest > SCORE_BLOCK ? longest : SCORE_BLOCK;
    struct scorer s;
    status = scorer_open(model, split, block, &s);
    int64_t n_blocks = by_list ? split->n_lists : (split->n_rows + block - 1) / block;
    for (int64_t i = 0; i < n_blocks && status == RG_OK; i++) {
        int64_t begin = by_list ? split->offsets[i] : i * block;
        int64_t end = by_list                         ? split->offsets[i + 1]
                      : split->n_rows - begin < block ? split->n_rows
                                                      : begin + block;
        score_into(&s, split, begin, end, scores);
        status = rg__cancelled(ctx);
    }
    scorer_close(&s);
    return status;
}

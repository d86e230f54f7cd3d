/* model.c: the common part of all models: the table of them, options, memory, normalisation. */
#include "model/model.h"

#include "model/wide.h"

#include "autograd/op.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static const struct rg__architecture architectures[] = {
    {.name = "linear",
     .part = rg__linear_part,
     .forward = rg__linear_forward,
     .block = 8 << 10, /* stays in the first cache between normalising and one product */
     .score = {rg__linear_score_f32, rg__linear_score_f64},
     .score_sparse = {rg__linear_score_sparse_f32, rg__linear_score_sparse_f64},
     .score_wide = {rg__linear_score_wide_f32, rg__linear_score_wide_f64}},
    {.name = "mlp",
     .most_hidden = RG_MAX_HIDDEN,
     .part = rg__mlp_part,
     .start = rg__mlp_start,
     .forward = rg__mlp_forward,
     .block = RG__MOST_BLOCK, /* so many rows read each layer's weights once */
     .score = {rg__mlp_score_f32, rg__mlp_score_f64},
     .score_sparse = {rg__mlp_score_sparse_f32, rg__mlp_score_sparse_f64}},
};

const char *rg_model_name_at(int i)
{
    return i >= 0 && i < RG__COUNT(architectures) ? architectures[i].name : NULL;
}

const struct rg__architecture *rg__architecture_find(const char *name)
{
    for (int i = 0; i < RG__COUNT(architectures); i++)
        if (strcmp(architectures[i].name, name) == 0)
            return &architectures[i];
    return NULL;
}

rg_model_options rg_model_options_default(void)
{
    return (rg_model_options){.name = "linear", .dtype = RG_F32, .seed = 1};
}

/* ---- Making ---- */

static rg_status check_hidden(rg_context *ctx, const struct rg__architecture *a,
                              const rg_model_options *o)
{
    if (!a->most_hidden && o->n_hidden)
        return rg__fail(ctx, RG_USAGE, "model %s: %d hidden layers; it has none, an mlp has some",
                        a->name, o->n_hidden);
    if (a->most_hidden && (o->n_hidden < 1 || o->n_hidden > a->most_hidden || !o->hidden))
        return rg__fail(ctx, RG_USAGE, "model %s: %d hidden layers; expected the units of 1 to %d",
                        a->name, o->hidden ? o->n_hidden : 0, a->most_hidden);
    for (int l = 0; l < o->n_hidden; l++)
        if (o->hidden[l] < 1 || o->hidden[l] > RG_MAX_UNITS)
            return rg__fail(ctx, RG_USAGE,
                            "model %s: hidden layer %d has %lld units; expected 1 "
                            "to %d",
                            a->name, l + 1, (long long)o->hidden[l], RG_MAX_UNITS);
    return RG_OK;
}

/* Columns ascend and are in range. */
static rg_status check_columns(rg_context *ctx, int64_t n_features, const rg_model_options *o)
{
    if (!o->columns)
        return RG_OK;
    if (o->n_columns < 1 || o->n_columns > n_features)
        return rg__fail(ctx, RG_USAGE, "model: %lld columns; expected 1 to %lld",
                        (long long)o->n_columns, (long long)n_features);
    for (int64_t i = 0; i < o->n_columns; i++)
        if (o->columns[i] < 0 || o->columns[i] >= n_features ||
            (i > 0 && o->columns[i] <= o->columns[i - 1]))
            return rg__fail(ctx, RG_USAGE,
                            "model: element %lld (from 1) of the columns is %d; expected ascending "
                            "numbers from 0 to %lld",
                            (long long)i + 1, o->columns[i], (long long)n_features - 1);
    return RG_OK;
}

rg_status rg__model_outline(rg_context *ctx, int64_t n_features, const rg_model_options *o,
                            rg_model *model)
{
    const struct rg__architecture *architecture = o->name ? rg__architecture_find(o->name) : NULL;
    if (!architecture)
        return rg__fail(ctx, RG_USAGE, "model \"%s\" is unknown; expected %s or %s",
                        o->name ? o->name : "(null)", architectures[0].name, architectures[1].name);
    if (!rg_dtype_computes(o->dtype))
        return rg__fail(ctx, RG_USAGE, "model: the type is %s; expected f32 or f64",
                        rg_dtype_name(o->dtype) ? rg_dtype_name(o->dtype) : "none");
    if (n_features < 1 || n_features > INT32_MAX)
        return rg__fail(ctx, RG_USAGE, "model: %lld features; expected 1 to 2147483647",
                        (long long)n_features);
    rg_status status = check_hidden(ctx, architecture, o);
    if (status == RG_OK)
        status = check_columns(ctx, n_features, o);
    if (status != RG_OK)
        return status;
    *model = (rg_model){.ctx = ctx,
                        .architecture = architecture,
                        .inputs = rg__all_inputs(n_features),
                        .bias = o->bias,
                        .n_hidden = o->n_hidden};
    if (o->columns)
        model->inputs.n = o->n_columns;
    for (int l = 0; l < o->n_hidden; l++)
        model->hidden[l] = o->hidden[l];
    return RG_OK;
}

int64_t rg__part_count(const struct rg__part *part)
{
    return part->ndim == 2 ? part->dims[0] * part->dims[1] : part->dims[0];
}

int64_t rg__model_parameter_count(const rg_model *outline)
{
    struct rg__part part;
    int64_t count = 0; /* at most 2^31 * 2048 and 16 * 2048^2: no overflow */
    for (int i = 0; outline->architecture->part(outline, i, &part); i++)
        count += rg__part_count(&part);
    return count;
}

rg_status rg__model_allocate(const rg_model *outline, const int32_t *index, rg_dtype dtype,
                             rg_model **out)
{
    rg_context *ctx = outline->ctx;
    int64_t count = rg__model_parameter_count(outline);
    *out = NULL;
    rg_model *model = rg__alloc(ctx, 1, sizeof *model, "a model");
    if (!model)
        return RG_LIMIT;
    *model = *outline;
    size_t size = rg_dtype_size(dtype);
    char *block = rg__alloc(ctx, 2 * count, size, "the parameters");
    model->parameters = (rg_parameters){dtype, count, block, NULL};
    model->history = rg__strdup(ctx, "");
    const struct rg__inputs *inputs = &outline->inputs;
    bool short_of = !block || !model->history || !(model->wide = rg__wide_create(ctx));
    if (!short_of && index)
        short_of =
            rg__inputs_copy(ctx, inputs->n_features, index, inputs->n, &model->inputs) != RG_OK;
    if (short_of) {
        rg_model_destroy(model);
        return RG_LIMIT;
    }
    model->parameters.grad = block + (size_t)count * size;
    *out = model;
    return RG_OK;
}

rg_status rg_model_create(rg_context *ctx, int64_t n_features, const rg_model_options *options,
                          rg_model **out)
{
    rg_model_options o = options ? *options : rg_model_options_default();
    rg_model outline;
    rg_status status = rg__require(ctx, "rg_model_create", "out", out, NULL);
    if (status != RG_OK)
        return status;
    *out = NULL;
    status = rg__model_outline(ctx, n_features, &o, &outline);
    if (status == RG_OK)
        status = rg__model_allocate(&outline, o.columns, o.dtype, out);
    if (status == RG_OK && outline.architecture->start)
        outline.architecture->start(*out, o.seed);
    return status;
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
    free_names(ctx, model->feature_names, model->inputs.n_features);
    rg__inputs_free(ctx, &model->inputs);
    rg__free(ctx, model->history);
    rg__wide_destroy(ctx, model->wide);
    rg__free(ctx, model->parameters.value);
    rg__free(ctx, model);
}

const char *rg_model_name(const rg_model *model)
{
    return model ? model->architecture->name : NULL;
}

int64_t rg_model_n_features(const rg_model *model)
{
    return model ? model->inputs.n_features : 0;
}

const int32_t *rg_model_columns(const rg_model *model, int64_t *n)
{
    if (n)
        *n = model ? model->inputs.n : 0;
    return model ? model->inputs.index : NULL;
}

const int64_t *rg_model_hidden(const rg_model *model, int *n_hidden)
{
    if (n_hidden)
        *n_hidden = model ? model->n_hidden : 0;
    return model ? model->hidden : NULL;
}

const rg_parameters *rg_model_parameters(const rg_model *model)
{
    return model ? &model->parameters : NULL;
}

const char *const *rg_model_feature_names(const rg_model *model)
{
    return model ? (const char *const *)model->feature_names : NULL;
}

rg_status rg_model_set_feature_names(rg_model *model, const char *const *names)
{
    rg_context *ctx = rg__model_context(model);
    char **copy = NULL;
    if (!ctx)
        return RG_LIMIT;
    for (int64_t i = 0; names && i < model->inputs.n_features; i++)
        if (!names[i])
            return rg__fail(ctx, RG_USAGE, "rg_model_set_feature_names: names[%lld] is NULL",
                            (long long)i);
    if (names) {
        copy = rg__alloc(ctx, model->inputs.n_features, sizeof *copy, "the feature names");
        for (int64_t i = 0; copy && i < model->inputs.n_features; i++)
            if (!(copy[i] = rg__strdup(ctx, names[i]))) {
                free_names(ctx, copy, model->inputs.n_features);
                copy = NULL;
            }
        if (!copy)
            return RG_LIMIT;
    }
    free_names(ctx, model->feature_names, model->inputs.n_features);
    model->feature_names = copy;
    return RG_OK;
}

const rg_normalization *rg_model_normalization(const rg_model *model)
{
    return model ? &model->normalization : NULL;
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
    rg_context *ctx = rg__model_context(model);
    rg_status status =
        rg__require(ctx, "rg_model_set_normalization", "normalization", normalization, NULL);
    if (status != RG_OK)
        return status;
    if (!rg_normalize_name(normalization->method))
        return rg__fail(ctx, RG_USAGE, "model: %d is no normalisation; see rg_normalize",
                        (int)normalization->method);
    rg_normalization copy = *normalization;
    copy.shift = copy.scale = NULL;
    if (normalization->method != RG_NORMALIZE_NONE && normalization->n_features != model->inputs.n)
        return rg__fail(ctx, RG_USAGE, "model: a normalisation of %lld features; expected %lld",
                        (long long)normalization->n_features, (long long)model->inputs.n);
    bool fitted = normalization->method != RG_NORMALIZE_NONE &&
                  normalization->method != RG_NORMALIZE_LIST_MINMAX;
    if (fitted && (!normalization->shift || !normalization->scale))
        return rg__fail(ctx, RG_USAGE, "model: %s needs shift and scale",
                        rg_normalize_name(normalization->method));
    for (int64_t j = 0; fitted && j < model->inputs.n; j++)
        if (!isfinite(normalization->shift[j]) || !isfinite(normalization->scale[j]))
            return rg__fail(ctx, RG_USAGE,
                            "model: feature %lld (from 1) has shift %g and scale %g; expected "
                            "finite numbers",
                            (long long)j + 1, normalization->shift[j], normalization->scale[j]);
    if (!copy_numbers(ctx, normalization->shift, model->inputs.n, &copy.shift) ||
        !copy_numbers(ctx, normalization->scale, model->inputs.n, &copy.scale)) {
        rg_normalization_free(ctx, &copy);
        return RG_LIMIT;
    }
    rg_normalization_free(ctx, &model->normalization);
    rg__wide_clear(ctx, model->wide);
    model->normalization = copy;
    return RG_OK;
}

const char *rg_model_history(const rg_model *model)
{
    return model ? model->history : NULL;
}

rg_status rg_model_set_history(rg_model *model, const char *json)
{
    json_error_t error;
    rg_context *ctx = rg__model_context(model);
    rg_status status = rg__require(ctx, "rg_model_set_history", "json", json, NULL);
    if (status != RG_OK)
        return status;
    json_t *parsed = *json ? json_loads(json, 0, &error) : NULL;
    json_decref(parsed);
    if (*json && !parsed)
        return json_error_code(&error) == json_error_out_of_memory
                   ? rg__fail_memory(ctx, strlen(json), "parsing the history")
                   : rg__fail(ctx, RG_USAGE,
                              "rg_model_set_history: line %d, column %d: %s; expected a JSON "
                              "object or array, or \"\"",
                              error.line, error.column, error.text);
    char *copy = rg__strdup(ctx, json);
    if (!copy)
        return RG_LIMIT;
    rg__free(model->ctx, model->history);
    model->history = copy;
    return RG_OK;
}

rg_node *rg__parameter(rg_graph *graph, rg_model *model, int i)
{
    const rg_parameters *p = &model->parameters;
    struct rg__part part;
    model->architecture->part(model, i, &part);
    size_t at = (size_t)part.first * rg_dtype_size(p->dtype);
    rg_tensor value = {p->dtype, part.ndim, {part.dims[0], part.dims[1]}, (char *)p->value + at};
    return rg_variable(graph, &value, (char *)p->grad + at);
}

rg_node *rg_model_forward(rg_graph *graph, rg_model *model, rg_node *rows)
{
    if (rg_graph_status(graph) != RG_OK)
        return NULL;
    if (model && rows)
        return model->architecture->forward(graph, model, rows);
    rg__graph_fail(graph, RG_USAGE, "rg_model_forward: %s is NULL", model ? "rows" : "model");
    return NULL;
}

/* model.c: what all models share: their table, parameters, normalisation, names, history. */
#include "model/model.h"

#include "model/wide.h"

#include "autograd/op.h"
#include "base/component.h"
#include "normalize/normalize.h"
#include "tensor/tensor.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static const rg_component *model_at(int i)
{
    static const rg_architecture *const table[] = {
#define RG_MODEL(id, passes) &rg__architecture_##id,
#include "model/models.def"
#undef RG_MODEL
    };
    return i < RG__COUNT(table) ? &table[i]->component : NULL;
}

const rg_registry *rg_models(void)
{
    static const rg_registry registry = {.what = "model", .at = model_at};
    return &registry;
}

rg_model_options rg_model_options_default(void)
{
    return (rg_model_options){.name = "linear", .dtype = RG_F32, .seed = 1};
}

/* ---- Parameters ---- */

bool rg__model_parameter(const rg_model *model, int i, rg_parameter *out, int64_t *first)
{
    const rg_architecture *a = rg__architecture(model);
    *first = 0;
    for (int k = 0; k <= i; k++) {
        *out = (rg_parameter){.name = ""};
        if (k == RG_MAX_PARAMETERS || !a->parameter(&model->choice.params, model->inputs.n, k, out))
            return false;
        if (k < i)
            *first += rg__parameter_count(out);
    }
    return true;
}

int64_t rg__model_parameter_count(const rg_model *outline)
{
    rg_parameter parameter;
    int64_t count = 0, first;
    for (int i = 0; rg__model_parameter(outline, i, &parameter, &first); i++)
        count = first + rg__parameter_count(&parameter);
    return count;
}

/* Every parameter has a name and a shape, and all of them fit into memory. */
static rg_status check_parameters(rg_context *ctx, const rg_model *outline)
{
    char who[64];
    rg_parameter parameter;
    int64_t first, total = 0;
    int i = 0;
    snprintf(who, sizeof who, "model %s", outline->choice.component->name);
    for (; rg__model_parameter(outline, i, &parameter, &first); i++) {
        rg_status status = rg__check_parameter(ctx, who, i, &parameter, &total);
        if (status != RG_OK)
            return status;
    }
    if (i == 0 || i == RG_MAX_PARAMETERS)
        return rg__fail(ctx, RG_USAGE, "%s: it has %s parameters; expected 1 to %d", who,
                        i ? "too many" : "no", RG_MAX_PARAMETERS - 1);
    return RG_OK;
}

/* Draws the parameters that do not start at 0. */
static void init_parameters(const rg_model *model, uint64_t seed)
{
    rg_parameter parameter;
    int64_t first;
    uint64_t n_drawn = 0;
    for (int i = 0; rg__model_parameter(model, i, &parameter, &first); i++)
        rg__init_parameter(&model->parameters, &parameter, first, seed, &n_drawn);
}

/* ---- Making ---- */

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

static rg_status choose(rg_context *ctx, const rg_model_options *o, rg_choice *choice)
{
    if (!o->own)
        return rg_choice_parse(ctx, rg_models(), o->name, choice);
    const rg_architecture *own = (const void *)o->own->component;
    if (!own || !own->component.name || !own->parameter || !own->forward)
        return rg__fail(ctx, RG_USAGE,
                        "model: own has no architecture, or that has no name, parameter or "
                        "forward");
    return rg_choice_make(ctx, &own->component, &o->own->params, choice);
}

/* Sets the parameter `outputs` to what the options say, if they do, and reads it. */
static rg_status choose_outputs(rg_context *ctx, int64_t wanted, rg_choice *choice,
                                int64_t *n_outputs)
{
    const rg_component *c = choice->component;
    const rg_param *param = NULL;
    for (int i = 0; i < c->n_params; i++)
        if (c->params[i].type == RG_PARAM_INTEGER && strcmp(c->params[i].name, "outputs") == 0)
            param = &c->params[i];
    *n_outputs = 1;
    if (wanted < 0 || wanted > 65536)
        return rg__fail(ctx, RG_USAGE, "model: %lld outputs; expected 0 to 65536",
                        (long long)wanted);
    if (!param && wanted > 1)
        return rg__fail(ctx, RG_USAGE,
                        "model %s gives one score per row, and %lld are needed; expected a model "
                        "with a parameter `outputs`, such as linear or mlp",
                        c->name, (long long)wanted);
    if (param && wanted > 0)
        memcpy(choice->params.bytes + param->offset, &wanted, sizeof wanted);
    if (param)
        memcpy(n_outputs, choice->params.bytes + param->offset, sizeof *n_outputs);
    return RG_OK;
}

rg_status rg__model_outline(rg_context *ctx, int64_t n_features, const rg_model_options *o,
                            rg_model *model)
{
    rg_choice choice;
    int64_t n_outputs;
    rg_status status = choose(ctx, o, &choice);
    if (status == RG_OK)
        status = choose_outputs(ctx, o->outputs, &choice, &n_outputs);
    if (status != RG_OK)
        return status;
    if (!rg_dtype_computes(o->dtype))
        return rg__fail(ctx, RG_USAGE, "model: the type is %s; expected f32 or f64",
                        rg_dtype_name(o->dtype) ? rg_dtype_name(o->dtype) : "none");
    if (n_features < 1 || n_features > INT32_MAX)
        return rg__fail(ctx, RG_USAGE, "model: %lld features; expected 1 to 2147483647",
                        (long long)n_features);
    status = check_columns(ctx, n_features, o);
    if (status != RG_OK)
        return status;
    *model = (rg_model){
        .ctx = ctx, .choice = choice, .n_outputs = n_outputs, .inputs = rg__all_inputs(n_features)};
    model->normalization.choice.component = &rg__normalization_none.component;
    if (o->columns)
        model->inputs.n = o->n_columns;
    return check_parameters(ctx, model);
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
    bool short_of = rg__parameters_allocate(ctx, dtype, count, &model->parameters) != RG_OK;
    model->history = rg__strdup(ctx, "");
    const struct rg__inputs *inputs = &outline->inputs;
    short_of = short_of || !model->history || !(model->wide = rg__wide_create(ctx));
    if (!short_of && index)
        short_of =
            rg__inputs_copy(ctx, inputs->n_features, index, inputs->n, &model->inputs) != RG_OK;
    if (short_of) {
        rg_model_destroy(model);
        return RG_LIMIT;
    }
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
    if (status == RG_OK)
        init_parameters(*out, o.seed);
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

const rg_choice *rg_model_choice(const rg_model *model)
{
    return model ? &model->choice : NULL;
}

const char *rg_model_name(const rg_model *model)
{
    return model ? model->choice.component->name : NULL;
}

int64_t rg_model_n_features(const rg_model *model)
{
    return model ? model->inputs.n_features : 0;
}

int64_t rg_model_n_outputs(const rg_model *model)
{
    return model ? model->n_outputs : 0;
}

const int32_t *rg_model_columns(const rg_model *model, int64_t *n)
{
    if (n)
        *n = model ? model->inputs.n : 0;
    return model ? model->inputs.index : NULL;
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

static bool copy_numbers(rg_context *ctx, const double *from, int64_t n, double **to)
{
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
    status = rg__check_normalization(ctx, "model", normalization, model->inputs.n);
    if (status != RG_OK)
        return status;
    rg_normalization copy = *normalization;
    copy.shift = copy.scale = NULL;
    if (!copy.choice.component)
        copy.choice.component = &rg__normalization_none.component;
    bool fitted = rg__is_fitted(&copy);
    if (fitted && (!copy_numbers(ctx, normalization->shift, model->inputs.n, &copy.shift) ||
                   !copy_numbers(ctx, normalization->scale, model->inputs.n, &copy.scale))) {
        rg_normalization_free(ctx, &copy);
        return RG_LIMIT;
    }
    rg_normalization_free(ctx, &model->normalization);
    rg__wide_clear(ctx, model->wide);
    model->normalization = copy;
    return RG_OK;
}

bool rg_model_needs_lists(const rg_model *model)
{
    return model && (rg__normalization_kind(&model->normalization)->by_list ||
                     rg__architecture(model)->sees_lists);
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

/* ---- Forward ---- */

rg_node *rg_model_forward(rg_graph *graph, rg_model *model, rg_node *rows, const int64_t *offsets,
                          int64_t n_lists)
{
    rg_node *nodes[RG_MAX_PARAMETERS];
    rg_parameter parameter;
    int64_t first;
    if (rg_graph_status(graph) != RG_OK)
        return NULL;
    if (!model || !rows || (offsets && n_lists < 0)) {
        rg__graph_fail(graph, RG_USAGE, "rg_model_forward: %s",
                       !model  ? "model is NULL"
                       : !rows ? "rows is NULL"
                               : "n_lists is negative");
        return NULL;
    }
    const rg_parameters *p = &model->parameters;
    const int64_t one_list[] = {0, rg_node_value(rows)->dims[0]};
    for (int i = 0; rg__model_parameter(model, i, &parameter, &first); i++)
        nodes[i] = rg__parameter_variable(graph, p, &parameter, first);
    const rg_forward in = {.params = &model->choice.params,
                           .n_inputs = model->inputs.n,
                           .rows = rows,
                           .offsets = offsets ? offsets : one_list,
                           .n_lists = offsets ? n_lists : 1,
                           .parameters = nodes};
    rg_node *scores = rg__architecture(model)->forward(graph, &in);
    const rg_tensor *value = rg_node_value(scores);
    bool several = model->n_outputs > 1;
    bool fits = value && value->ndim == 1 + several && value->dtype == p->dtype &&
                value->dims[0] == rg_node_value(rows)->dims[0] &&
                (!several || value->dims[1] == model->n_outputs);
    if (fits || rg_graph_status(graph) != RG_OK)
        return fits ? scores : NULL;
    rg__graph_fail(graph, RG_USAGE,
                   "model %s: forward does not give %lld score%s of the model's type for each row",
                   rg_model_name(model), (long long)model->n_outputs, several ? "s" : "");
    return NULL;
}

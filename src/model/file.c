/* file.c: models as files, "rankgrad-model" 1.0 or 1.1, in HDF5 or in the binary format: named
 * arrays.
 *
 *     /config      JSON: model (its name and parameters' values), n_features, dtype, normalize;
 *                  earlier files have bias and, of an mlp, hidden as keys of their own
 *     /parameters  an array for each parameter ("weights", "bias"; of an mlp "weights_0",
 *                  "bias_0", ...)
 *     /normalization/shift, /scale   (inputs) f64, where the method has them
 *     /columns     (inputs) the columns of the data that are inputs; absent: all (version 1.0)
 *     /feature_names (F), /history (JSON), where known
 *
 * The same model gives the same bytes, and a file that does not hold together, to the last
 * checksum, gives no model. */
#include "model/model.h"

#include "base/component.h"
#include "base/output.h"
#include "data/magic.h"
#include "model/format.h"
#include "normalize/normalize.h"
#include "tensor/tensor.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Writing ---- */

/* A file that would be refused when it is read is not written. */
static rg_status check_finite(const rg_model *model, const char *path)
{
    const rg_parameters *p = &model->parameters;
    rg_parameter own;
    int64_t first;
    for (int k = 0; rg__model_parameter(model, k, &own, &first); k++)
        for (int64_t i = 0; i < rg__parameter_count(&own); i++)
            if (!isfinite(rg__element(p->dtype, p->value, first + i)))
                return rg__fail(model->ctx, RG_BAD_DATA,
                                "%s: not written: %s[%lld] is %g; expected a finite number", path,
                                own.name, (long long)i, rg__element(p->dtype, p->value, first + i));
    return RG_OK;
}

/* A model file that is being written. */
struct writer {
    const struct rg__model_format *format;
    void *file;
};

static void write_parameters(const struct writer *w, const rg_model *model)
{
    const rg_parameters *p = &model->parameters;
    rg_parameter own;
    int64_t first;
    char name[96];
    for (int i = 0; rg__model_parameter(model, i, &own, &first); i++) {
        snprintf(name, sizeof name, "/parameters/%s", own.name);
        w->format->write(w->file, name, p->dtype, own.ndim, own.dims,
                         (const char *)p->value + (size_t)first * rg_dtype_size(p->dtype));
    }
}

static char *config_of(const rg_model *model)
{
    char choice[1024], normalization[1024];
    rg_choice_print(&model->choice, choice, sizeof choice);
    rg_choice_print(&model->normalization.choice, normalization, sizeof normalization);
    json_t *json = json_pack("{s:s, s:I, s:s, s:s}", "model", choice, "n_features",
                             (json_int_t)model->inputs.n_features, "dtype",
                             rg_dtype_name(model->parameters.dtype), "normalize", normalization);
    char *text = json ? json_dumps(json, JSON_INDENT(1)) : NULL;
    json_decref(json);
    return text;
}

/* Everything but the version, in the order of the file. */
static void write_model(const struct writer *w, const rg_model *model, const char *config)
{
    const rg_normalization *norm = &model->normalization;
    const int64_t *n = &model->inputs.n;
    w->format->write_strings(w->file, "/config", -1, &config);
    if (model->inputs.index) /* in the type of indices in data sets */
        w->format->write(w->file, "/columns", RG_I32, 1, n, model->inputs.index);
    write_parameters(w, model);
    if (norm->shift) {
        w->format->write(w->file, "/normalization/shift", RG_F64, 1, n, norm->shift);
        w->format->write(w->file, "/normalization/scale", RG_F64, 1, n, norm->scale);
    }
    if (model->feature_names)
        w->format->write_strings(w->file, "/feature_names", model->inputs.n_features,
                                 (const char *const *)model->feature_names);
    if (model->history[0])
        w->format->write_strings(w->file, "/history", -1, (const char *const[]){model->history});
}

bool rg_model_path_is_binary(const char *path)
{
    return path && rg__is_binary_path(path);
}

rg_status rg_model_write(const rg_model *model, rg_output *out)
{
    rg_context *ctx = rg__model_context(model);
    rg_status status = rg__require(ctx, "rg_model_write", "out", out, NULL);
    if (status == RG_OK)
        status = check_finite(model, out->path);
    if (status != RG_OK)
        return status;
    struct writer w = {.format = rg_model_path_is_binary(out->path) ? &rg__model_binary
                                                                    : &rg__model_hdf5};
    char *config = config_of(model);
    if (!config)
        return rg__fail_memory(ctx, 256, "the model's configuration");
    status = w.format->begin(out, model->inputs.index ? "1.1" : "1.0", &w.file);
    if (status == RG_OK) {
        write_model(&w, model, config);
        status = w.format->commit(w.file);
    }
    free(config);
    return status;
}

rg_status rg_model_save(const rg_model *model, const char *path, bool force)
{
    rg_output *out;
    rg_context *ctx = rg__model_context(model);
    rg_status status = rg_output_check(
        ctx, path, &(rg_output_options){.format = RG__MODEL_FORMAT, .force = force});
    if (status == RG_OK)
        status = rg_output_begin(ctx, path, &out);
    if (status != RG_OK)
        return status;
    status = rg_model_write(model, out);
    if (status == RG_OK)
        status = rg_output_commit(&out, 1);
    rg_output_destroy(out);
    return status;
}

/* ---- Reading ---- */

struct reader {
    rg_context *ctx;
    const char *path;
    const struct rg__model_format *format;
    void *file;
    int32_t *columns; /* (n_columns) of the inputs; NULL: all */
    int64_t n_columns;
    rg_model *model;
    const rg_architecture *const *own; /* (n_own) that the caller knows */
    int n_own;
};

/* RG_BAD_DATA unless the file says that it is a model of version 1. */
static rg_status check_format(const struct reader *r, const char *format, const char *version)
{
    if (!format || strcmp(format, RG__MODEL_FORMAT) != 0)
        return rg__fail(r->ctx, RG_BAD_DATA,
                        "%s: the format is %s, expected %s; are model and data swapped?", r->path,
                        format ? format : "missing", RG__MODEL_FORMAT);
    if (!version || strncmp(version, "1.", 2) != 0)
        return rg__fail(r->ctx, RG_BAD_DATA,
                        "%s: %s version %s, expected 1.x; a newer Rankgrad may read it", r->path,
                        RG__MODEL_FORMAT, version ? version : "(none)");
    return RG_OK;
}

/* One string, or "" where there is none and `optional`. */
static rg_status read_text(struct reader *r, const char *name, bool optional, char ***out)
{
    struct rg__entry entry;
    *out = NULL;
    rg_status status = r->format->describe(r->file, name, &entry);
    if (status != RG_OK || (entry.class == RG__ENTRY_ABSENT && optional))
        return status;
    if (entry.class == RG__ENTRY_ABSENT)
        return rg__fail(r->ctx, RG_BAD_DATA, "%s: %s is missing", r->path, name);
    if (entry.class != RG__ENTRY_STRINGS || entry.count != 1)
        return rg__fail(r->ctx, RG_BAD_DATA, "%s: %s holds %s; expected one string", r->path, name,
                        rg__counted(entry.count, "element").text);
    return r->format->read_strings(r->file, name, 1, out);
}

/* RG_BAD_DATA unless the array is there and holds `count` floating numbers. */
static rg_status check_numbers(struct reader *r, const char *name, int64_t count)
{
    struct rg__entry entry;
    rg_status status = r->format->describe(r->file, name, &entry);
    if (status == RG_OK && entry.class == RG__ENTRY_ABSENT)
        return rg__fail(r->ctx, RG_BAD_DATA, "%s: %s is missing", r->path, name);
    if (status == RG_OK && (entry.class != RG__ENTRY_FLOATS || entry.count != count))
        return rg__fail(r->ctx, RG_BAD_DATA, "%s: %s holds %s; expected %s", r->path, name,
                        rg__counted(entry.count, "element").text,
                        rg__counted(count, "number").text);
    return status;
}

/* Reads them, finite, into memory that is there already. */
static rg_status read_numbers(struct reader *r, const char *name, rg_dtype dtype, int64_t count,
                              void *to)
{
    rg_status status = check_numbers(r, name, count);
    if (status == RG_OK)
        status = r->format->read(r->file, name, dtype, count, to);
    for (int64_t i = 0; status == RG_OK && i < count; i++)
        if (!isfinite(rg__element(dtype, to, i)))
            status = rg__fail(r->ctx, RG_BAD_DATA, "%s: %s[%lld] is %g; expected a finite number",
                              r->path, name, (long long)i, rg__element(dtype, to, i));
    return status;
}

/* The i-th parameter's name in the file, its size and place in the block; -1 past the last one. */
static int64_t parameter_of(const rg_model *model, int i, char name[96], int64_t *first)
{
    rg_parameter own;
    if (!rg__model_parameter(model, i, &own, first))
        return -1;
    snprintf(name, 96, "/parameters/%s", own.name);
    return rg__parameter_count(&own);
}

/* Checks the sizes of the parameters of a model that has no memory yet. */
static rg_status check_sizes(struct reader *r, const rg_model *outline)
{
    char name[96];
    int64_t count, first;
    rg_status status = RG_OK;
    for (int i = 0; status == RG_OK && (count = parameter_of(outline, i, name, &first)) >= 0; i++)
        status = check_numbers(r, name, count);
    return status;
}

static bool find_dtype(const char *name, rg_dtype *dtype)
{
    for (int i = 0; rg_dtype_name((rg_dtype)i); i++)
        if (strcmp(rg_dtype_name((rg_dtype)i), name) == 0) {
            *dtype = (rg_dtype)i;
            return true;
        }
    return false;
}

/* The architecture of that name among those given and the built-in ones; NULL: unknown. */
static const rg_component *find_architecture(const struct reader *r, const char *name, size_t n)
{
    for (int i = 0; i < r->n_own; i++)
        if (strncmp(r->own[i]->component.name, name, n) == 0 && !r->own[i]->component.name[n])
            return &r->own[i]->component;
    const rg_component *built_in;
    for (int i = 0; (built_in = rg_registry_at(rg_models(), i)) != NULL; i++)
        if (strncmp(built_in->name, name, n) == 0 && !built_in->name[n])
            return built_in;
    return NULL;
}

/* What earlier files have beside the name: bias, and of an mlp the units of its hidden layers. */
static rg_status read_old_keys(struct reader *r, const json_t *json, rg_choice *choice)
{
    static const char *const keys[] = {"bias", "hidden"};
    rg_status status = RG_OK;
    for (int i = 0; i < RG__COUNT(keys) && status == RG_OK; i++) {
        const json_t *value = json_object_get(json, keys[i]);
        char *text = value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
        if (value)
            status = text ? rg_choice_set(r->ctx, choice, keys[i], text) : RG_LIMIT;
        free(text);
    }
    return status;
}

/* The outline and type of the model that /config describes. */
static rg_status unpack_config(struct reader *r, const json_t *json, rg_model *outline,
                               rg_dtype *type, rg_choice *normalization)
{
    const char *text = NULL, *dtype = NULL, *normalize = NULL;
    json_int_t n_features = 0;
    json_error_t error;
    rg_choice choice;
    if (json_unpack_ex((json_t *)(uintptr_t)json, &error, 0, "{s:s, s:I, s:s, s:s}", "model", &text,
                       "n_features", &n_features, "dtype", &dtype, "normalize", &normalize) != 0)
        return rg__fail(r->ctx, RG_BAD_DATA, "%s: /config: %s", r->path, error.text);
    size_t n = strcspn(text, "( ");
    const rg_component *architecture = find_architecture(r, text, n);
    if (!architecture)
        return rg__fail(r->ctx, RG_BAD_DATA,
                        "%s: /config: model \"%.*s\" is unknown; a newer Rankgrad may know it, or "
                        "the program that made it has it",
                        r->path, (int)(n < 100 ? n : 100), text);
    if (!find_dtype(dtype, type))
        return rg__fail(r->ctx, RG_BAD_DATA, "%s: /config: dtype \"%s\" is unknown", r->path,
                        dtype);
    rg_status status = rg_choice_parse(r->ctx, rg_normalizations(), normalize, normalization);
    if (status == RG_OK)
        status = rg__choice_parse_for(r->ctx, architecture, text, &choice);
    if (status == RG_OK)
        status = read_old_keys(r, json, &choice);
    const rg_model_options o = {
        .own = &choice, .dtype = *type, .columns = r->columns, .n_columns = r->n_columns};
    if (status == RG_OK && rg__model_outline(r->ctx, n_features, &o, outline) == RG_OK)
        return RG_OK;
    return rg__fail(r->ctx, RG_BAD_DATA, "%s: /config: %s", r->path, rg_last_error(r->ctx));
}

/* The columns of the inputs, as they are in the file; the outline checks them. */
static rg_status read_columns(struct reader *r)
{
    struct rg__entry entry;
    rg_status status = r->format->describe(r->file, "/columns", &entry);
    if (status != RG_OK || entry.class == RG__ENTRY_ABSENT)
        return status;
    if (entry.class != RG__ENTRY_INTEGERS)
        return rg__fail(r->ctx, RG_BAD_DATA, "%s: /columns holds no integers", r->path);
    r->n_columns = entry.count;
    r->columns = rg__alloc(r->ctx, entry.count, sizeof *r->columns, "the columns");
    return r->columns ? r->format->read(r->file, "/columns", RG_I32, entry.count, r->columns)
                      : RG_LIMIT;
}

/* A model of the configuration; its parameters are still 0. */
static rg_status read_config(struct reader *r, rg_choice *normalization)
{
    char **text;
    rg_model outline;
    rg_dtype type = RG_F32;
    json_error_t error;
    rg_status status = read_text(r, "/config", false, &text);
    if (status != RG_OK)
        return status;
    json_t *json = json_loads(text[0], 0, &error);
    rg__free(r->ctx, text);
    status = json ? unpack_config(r, json, &outline, &type, normalization)
                  : rg__fail(r->ctx, RG_BAD_DATA, "%s: /config: %s", r->path, error.text);
    if (status == RG_OK)
        status = check_sizes(r, &outline); /* before memory is taken for them */
    if (status == RG_OK)
        status = rg__model_allocate(&outline, r->columns, type, &r->model);
    json_decref(json);
    return status;
}

static rg_status read_parameters(struct reader *r)
{
    const rg_parameters *p = &r->model->parameters;
    char name[96];
    int64_t count, first;
    rg_status status = RG_OK;
    for (int i = 0; status == RG_OK && (count = parameter_of(r->model, i, name, &first)) >= 0; i++)
        status = read_numbers(r, name, p->dtype, count,
                              (char *)p->value + (size_t)first * rg_dtype_size(p->dtype));
    return status;
}

static rg_status read_normalization(struct reader *r, const rg_choice *choice)
{
    rg_normalization *norm = &r->model->normalization;
    int64_t n = r->model->inputs.n;
    norm->choice = *choice;
    norm->n_features = n;
    if (!rg__is_fitted(norm))
        return RG_OK;
    norm->shift = rg__alloc(r->ctx, n, sizeof *norm->shift, "the normalisation");
    norm->scale = rg__alloc(r->ctx, n, sizeof *norm->scale, "the normalisation");
    if (!norm->shift || !norm->scale)
        return RG_LIMIT;
    rg_status status = read_numbers(r, "/normalization/shift", RG_F64, n, norm->shift);
    return status == RG_OK ? read_numbers(r, "/normalization/scale", RG_F64, n, norm->scale)
                           : status;
}

static rg_status read_names_and_history(struct reader *r)
{
    struct rg__entry entry;
    char **strings = NULL;
    rg_status status = r->format->describe(r->file, "/feature_names", &entry);
    if (status == RG_OK && entry.class != RG__ENTRY_ABSENT) {
        if (entry.class != RG__ENTRY_STRINGS || entry.count != r->model->inputs.n_features)
            return rg__fail(r->ctx, RG_BAD_DATA,
                            "%s: /feature_names holds %lld elements; expected %lld strings",
                            r->path, (long long)entry.count,
                            (long long)r->model->inputs.n_features);
        status = r->format->read_strings(r->file, "/feature_names", entry.count, &strings);
        if (status == RG_OK)
            status = rg_model_set_feature_names(r->model, (const char *const *)strings);
        rg__free(r->ctx, strings);
    }
    if (status == RG_OK)
        status = read_text(r, "/history", true, &strings);
    if (status == RG_OK && strings) {
        status = rg_model_set_history(r->model, strings[0]);
        if (status == RG_USAGE)
            status =
                rg__fail(r->ctx, RG_DAMAGED, "%s: /history: %s", r->path, rg_last_error(r->ctx));
        rg__free(r->ctx, strings);
    }
    return status;
}

/* The model in a file, which was opened with this status and is closed here. */
static rg_status read_model(struct reader *r, rg_status status, char *format, char *version,
                            rg_model **out)
{
    rg_choice normalization;
    if (status == RG_OK)
        status = check_format(r, format, version);
    if (status == RG_OK)
        status = read_columns(r);
    if (status == RG_OK)
        status = read_config(r, &normalization);
    if (status == RG_OK)
        status = read_parameters(r);
    if (status == RG_OK)
        status = read_normalization(r, &normalization);
    if (status == RG_OK)
        status = read_names_and_history(r);
    rg__free(r->ctx, format);
    rg__free(r->ctx, version);
    r->format->close(r->file);
    rg__free(r->ctx, r->columns);
    if (status == RG_OK)
        *out = r->model;
    else
        rg_model_destroy(r->model);
    return status;
}

rg_status rg_model_load(rg_context *ctx, const char *path, rg_model **out)
{
    return rg_model_load_own(ctx, path, NULL, 0, out);
}

static rg_status check_own(rg_context *ctx, const rg_architecture *const *own, int n_own)
{
    if (n_own >= 0 && (n_own == 0 || own))
        return RG_OK;
    return rg__fail(ctx, RG_USAGE, "rg_model_load_own: %d architectures at %s; expected 0 or more",
                    n_own, own ? "own" : "NULL");
}

rg_status rg_model_load_own(rg_context *ctx, const char *path, const rg_architecture *const *own,
                            int n_own, rg_model **out)
{
    struct reader r = {.ctx = ctx, .path = path, .own = own, .n_own = n_own};
    char *format = NULL, *version = NULL;
    bool binary;
    rg_status status = rg__require(ctx, "rg_model_load", "path", path, "out", out, NULL);
    if (status != RG_OK)
        return status;
    *out = NULL;
    status = check_own(ctx, own, n_own);
    if (status == RG_OK)
        status = rg_model_file_is_binary(ctx, path, &binary);
    if (status != RG_OK)
        return status;
    r.format = binary ? &rg__model_binary : &rg__model_hdf5;
    status = r.format->open(ctx, path, &r.file, &format, &version);
    return read_model(&r, status, format, version, out);
}

rg_status rg_model_load_memory(rg_context *ctx, const void *data, size_t size,
                               const rg_architecture *const *own, int n_own, rg_model **out)
{
    struct reader r = {.ctx = ctx,
                       .path = "the model in memory",
                       .format = &rg__model_binary,
                       .own = own,
                       .n_own = n_own};
    char *format = NULL, *version = NULL;
    rg_status status = rg__require(ctx, "rg_model_load_memory", "data", data, "out", out, NULL);
    if (status != RG_OK)
        return status;
    *out = NULL;
    status = check_own(ctx, own, n_own);
    if (status != RG_OK)
        return status;
    status = rg__model_binary_open_memory(ctx, r.path, data, size, &r.file, &format, &version);
    return read_model(&r, status, format, version, out);
}

/* history.c: the options and outcome of a training as JSON, and a fingerprint of its data. The same
 * training gives the same bytes: no times, no paths. */
#include "train/history.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

uint64_t rg__fingerprint(const rg_split *split, const rg_normalization *normalization)
{
    size_t width = (size_t)normalization->n_features * sizeof(double);
    uint64_t hash = XXH3_64bits_withSeed(split->labels, (size_t)split->n_rows * sizeof(double),
                                         (uint64_t)split->n_features);
    hash =
        XXH3_64bits_withSeed(split->offsets, (size_t)(split->n_lists + 1) * sizeof(int64_t), hash);
    if (normalization->shift) {
        hash = XXH3_64bits_withSeed(normalization->shift, width, hash);
        hash = XXH3_64bits_withSeed(normalization->scale, width, hash);
    }
    return hash;
}

/* A choice with the values of all its parameters; false: the text is none, error recorded. */
static bool choice_text(rg_context *ctx, const rg_registry *registry, const char *from,
                        char to[512])
{
    rg_choice choice;
    if (rg_choice_parse(ctx, registry, from, &choice) != RG_OK)
        return false;
    rg_choice_print(&choice, to, 512);
    return true;
}

char *rg__train_history(rg_context *ctx, const rg_train_options *o, const rg_train_result *r,
                        const rg_choice *choice, uint64_t fingerprint)
{
    char hex[17], model[512], optimizer[512], schedule[512];
    if (!choice_text(ctx, rg_optimizers(), o->optimizer.name, optimizer) ||
        !choice_text(ctx, rg_schedules(), o->schedule, schedule))
        return NULL;
    rg_choice_print(choice, model, sizeof model);
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)fingerprint);
    json_t *json = json_pack(
        "{s:s, s:s, s:I, s:s, s:f, s:f, s:f, s:s, s:I, s:I, s:I, s:s, s:s, s:I, s:f, s:s, s:f, "
        "s:I, s:I, s:I, s:s}",
        "loss", o->loss, "model", model, "model_seed", (json_int_t)o->model.seed, "optimizer",
        optimizer, "lr", o->optimizer.lr, "l2", o->optimizer.l2, "clip_norm",
        o->optimizer.clip_norm, "schedule", schedule, "epochs", (json_int_t)o->epochs,
        "batch_lists", (json_int_t)o->batch_lists, "seed", (json_int_t)o->seed, "negative_labels",
        rg_negative_labels_name(o->negative_labels), "metric", o->metric.name, "metric_k",
        (json_int_t)o->metric.k, "vali_fraction", o->vali_fraction, "kept",
        r->kept_last ? "last" : "best", "label_scale", r->label_scale, "kept_epoch",
        (json_int_t)r->kept_epoch, "train_lists", (json_int_t)r->n_train_lists, "vali_lists",
        (json_int_t)r->n_vali_lists, "data_fingerprint", hex);
    if (json && o->window_bytes > 0)
        json_object_set_new(json, "window_bytes", json_integer((json_int_t)o->window_bytes));
    if (json && r->n_epochs < o->epochs)
        json_object_set_new(json, "stopped_after_epoch", json_integer((json_int_t)r->n_epochs));
    if (json && isfinite(r->vali_metric))
        json_object_set_new(json, "vali_metric", json_real(r->vali_metric));
    char *text = json ? json_dumps(json, JSON_INDENT(1) | JSON_REAL_PRECISION(17)) : NULL;
    json_decref(json);
    char *copy = text ? rg__strdup(ctx, text) : NULL;
    if (!text)
        rg__fail_memory(ctx, 1024, "the history");
    free(text);
    return copy;
}

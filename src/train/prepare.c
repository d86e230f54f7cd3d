/* prepare.c: checks and decisions before training; see prepare.h. */
#include "train/prepare.h"

#include "base/random.h"
#include "data/split.h"
#include "tensor/tensor.h"
#include "train/step.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

const char *rg_negative_labels_name(rg_negative_labels policy)
{
    static const char *const names[] = {"error", "zero", "keep"};
    return (unsigned)policy < RG__COUNT(names) ? names[policy] : NULL;
}

rg_status rg__check_train_options(rg_context *ctx, const rg_train_options *o)
{
    const struct rg__range ranges[] = {
        {"epochs", (double)o->epochs, o->epochs >= 1, "at least 1"},
        {"batch-lists", (double)o->batch_lists, o->batch_lists >= 1, "at least 1"},
        {"vali-fraction", o->vali_fraction, o->vali_fraction >= 0 && o->vali_fraction < 1,
         "0 <= fraction < 1"},
        {"memory limit", (double)o->memory_limit, o->memory_limit >= 0, "at least 0"},
        {"schedule", o->schedule, rg_schedule_name(o->schedule) != NULL, "a known schedule"},
        {"normalize", o->normalize, rg_normalize_name(o->normalize) != NULL, "a known method"},
        {"label-mode", o->label_mode, rg_label_mode_name(o->label_mode) != NULL, "a known mode"},
        {"negative-labels", o->negative_labels, rg_negative_labels_name(o->negative_labels) != NULL,
         "a known policy"},
    };
    if (!o->loss || !rg_loss_find(o->loss))
        return rg__fail(ctx, RG_USAGE, "train: loss \"%s\" is unknown; expected %s",
                        o->loss ? o->loss : "(null)", rg_loss_at(0)->name);
    return rg__check_ranges(ctx, "train", ranges, RG__COUNT(ranges));
}

/* Bytes of a split's dense copy; 0 where it stays as it is. */
static double copy_bytes(const rg_split *split, const rg_train_options *o)
{
    if (!split || rg__rows_stay(split, o->normalize, o->model.dtype))
        return 0;
    return (double)split->n_rows * (double)split->n_features *
           (double)rg_dtype_size(o->model.dtype);
}

rg_status rg__check_train_memory(rg_context *ctx, const rg_train_options *o, const rg_split *train,
                                 const rg_split *vali)
{
    double limit = o->memory_limit ? (double)o->memory_limit : 0.8 * (double)rg__physical_memory();
    double n_buckets = (double)(o->batch_lists < train->n_lists ? o->batch_lists : train->n_lists);
    if (n_buckets > RG__MOST_BUCKETS)
        n_buckets = RG__MOST_BUCKETS;
    /* value, gradient, moment, best, buckets; shift and scale, fitted and in the model */
    double a_feature = (4 + n_buckets) * (double)rg_dtype_size(o->model.dtype) + 4 * sizeof(double);
    double rows = copy_bytes(train, o) + copy_bytes(vali, o);
    double parameters = (double)train->n_features * a_feature;
    if (rows + parameters <= limit)
        return RG_OK;
    return rg__fail(ctx, RG_LIMIT,
                    "training takes %.6g MB for dense rows (%lld training rows of %lld features in "
                    "%s) and %.6g MB for parameters; the limit is %.6g MB",
                    rows / 1e6, (long long)train->n_rows, (long long)train->n_features,
                    rg_dtype_name(o->model.dtype), parameters / 1e6, limit / 1e6);
}

static rg_status check_labels(rg_context *ctx, const rg_split *split, const char *what,
                              rg_negative_labels policy)
{
    for (int64_t row = 0; row < split->n_rows; row++) {
        if (!rg__row_is_there(split, row))
            continue;
        double y = split->labels[row], w = split->weights ? split->weights[row] : 1;
        if (!isfinite(y))
            return rg__fail(ctx, RG_BAD_DATA,
                            "%s labels: row %lld (from 1) is %g; expected a finite number", what,
                            (long long)row + 1, y);
        if (y < 0 && policy == RG_NEGATIVE_ERROR)
            return rg__fail(ctx, RG_BAD_DATA,
                            "%s labels: row %lld (from 1) is %g; a negative label makes the loss "
                            "unbounded below; --negative-labels zero reads it as 0, keep leaves it",
                            what, (long long)row + 1, y);
        if (!isfinite(w) || w < 0)
            return rg__fail(ctx, RG_BAD_DATA, "%s weights: row %lld (from 1) is %g; expected >= 0",
                            what, (long long)row + 1, w);
    }
    for (int64_t q = 0; split->list_weights && q < split->n_lists; q++)
        if (!isfinite(split->list_weights[q]) || split->list_weights[q] < 0)
            return rg__fail(ctx, RG_BAD_DATA,
                            "%s list_weights: list %lld (from 1) is %g; expected >= 0", what,
                            (long long)q + 1, split->list_weights[q]);
    return RG_OK;
}

rg_status rg__check_train_split(rg_context *ctx, const rg_split *split, const char *what,
                                rg_negative_labels policy)
{
    char who[64];
    snprintf(who, sizeof who, "the %s split", what);
    rg_status status = rg__check_split(ctx, split, who);
    if (status != RG_OK)
        return status;
    int64_t n_valid = 0;
    for (int64_t row = 0; row < split->n_rows; row++)
        n_valid += rg__row_is_there(split, row);
    if (n_valid == 0 || split->n_features < 1)
        return rg__fail(ctx, RG_BAD_DATA,
                        "the %s split has %lld rows (%lld not masked) of %lld "
                        "features; expected at least one of each",
                        what, (long long)split->n_rows, (long long)n_valid,
                        (long long)split->n_features);
    if (!split->labels)
        return rg__fail(ctx, RG_BAD_DATA, "the %s split has no labels", what);
    if (!split->offsets)
        return rg__fail(ctx, RG_BAD_DATA,
                        "the %s split has no lists; expected offsets, qid or group", what);
    return check_labels(ctx, split, what, policy);
}

double rg__label_scale(const struct rg__rows *rows, int64_t *n_without)
{
    *n_without = 0;
    double total = 0;
    int64_t n = 0;
    for (int64_t q = 0; q < rows->n_lists; q++) {
        double mass = 0;
        for (int64_t i = rows->offsets[q]; i < rows->offsets[q + 1]; i++)
            mass += fabs(rg__element(rows->dtype, rows->labels, i) *
                         (rows->weights ? rg__element(rows->dtype, rows->weights, i) : 1));
        total += mass;
        n += mass > 0;
        *n_without += mass == 0 && rows->offsets[q + 1] > rows->offsets[q];
    }
    double scale = (double)n / total;
    return scale > 0 && isfinite(scale) ? scale : 1;
}

/* The indices of the lists with a valid row; their number in *n. */
static int64_t *nonempty_lists(rg_context *ctx, const rg_split *split, int64_t *n)
{
    int64_t *lists = rg__alloc(ctx, split->n_lists, sizeof *lists, "the order of the lists");
    *n = 0;
    for (int64_t q = 0; lists && q < split->n_lists; q++)
        for (int64_t row = split->offsets[q]; row < split->offsets[q + 1]; row++)
            if (rg__row_is_there(split, row)) {
                lists[(*n)++] = q;
                break;
            }
    return lists;
}

rg_status rg__hold_out_lists(rg_context *ctx, const rg_split *split, double fraction, uint64_t seed,
                             uint8_t **train, uint8_t **vali)
{
    int64_t n, *lists = nonempty_lists(ctx, split, &n);
    *train = rg__alloc(ctx, split->n_rows, 1, "a mask");
    *vali = rg__alloc(ctx, split->n_rows, 1, "a mask");
    if (!lists || !*train || !*vali) {
        rg__free(ctx, lists);
        return RG_LIMIT;
    }
    if (n < 2) {
        rg__free(ctx, lists);
        return rg__fail(ctx, RG_BAD_DATA,
                        "--vali-fraction: %lld list to divide; expected at least "
                        "2",
                        (long long)n);
    }
    int64_t aside = (int64_t)llround(fraction * (double)n);
    aside = aside < 1 ? 1 : aside > n - 1 ? n - 1 : aside;
    rg__shuffle(lists, n, seed, RG__STREAM_SPLIT, 0);
    for (int64_t i = 0; i < n; i++)
        for (int64_t row = split->offsets[lists[i]]; row < split->offsets[lists[i] + 1]; row++)
            (i < aside ? *vali : *train)[row] = rg__row_is_there(split, row);
    rg__free(ctx, lists);
    return RG_OK;
}

/* Element `at` of the stored features of a row; how many it has. */
static int64_t stored(const rg_split *split, int64_t row, int64_t at, int64_t *feature, double *x)
{
    const rg_csr *csr = &split->csr;
    if (!csr->indptr) {
        *feature = at;
        if (at < split->n_features)
            *x = rg__element(split->features.dtype, split->features.data,
                             row * split->n_features + at);
        return split->n_features;
    }
    int64_t k = csr->indptr[row] + at;
    if (k < csr->indptr[row + 1]) {
        *feature = csr->indices[k];
        *x = rg__element(csr->dtype, csr->data, k);
    }
    return csr->indptr[row + 1] - csr->indptr[row];
}

rg_status rg__explain_scores(rg_context *ctx, const rg_split *split, const char *what)
{
    for (int64_t row = 0; row < split->n_rows; row++) {
        int64_t feature = 0;
        double x = 0;
        for (int64_t at = 0;
             rg__row_is_there(split, row) && at < stored(split, row, at, &feature, &x); at++)
            if (!isfinite(x))
                return rg__fail(ctx, RG_BAD_DATA,
                                "the %s rows: row %lld, feature %lld (both from 1) is %g; expected "
                                "a finite number; fill in or leave out missing values",
                                what, (long long)row + 1, (long long)feature + 1, x);
    }
    return rg__fail(ctx, RG_DIVERGED,
                    "training diverged: a score is not finite; a smaller --lr or --l2, "
                    "--clip-norm 1 or --normalize zscore may help");
}

static double largest_label(const rg_split *split)
{
    double largest = 0;
    for (int64_t row = 0; row < split->n_rows; row++)
        if (rg__row_is_there(split, row) && split->labels[row] > largest)
            largest = split->labels[row];
    return largest;
}

void rg__choose_gain(rg_context *ctx, const rg_split *train, const rg_split *vali,
                     rg_metric *metric)
{
    double largest = largest_label(train), other = vali ? largest_label(vali) : 0;
    bool gains = strcmp(metric->name, "ndcg") == 0 || strcmp(metric->name, "dcg") == 0;
    largest = other > largest ? other : largest;
    if (!gains || metric->gain != RG_GAIN_EXP || largest <= 1023)
        return;
    metric->gain = RG_GAIN_LINEAR;
    rg__log(ctx, RG_LOG_INFO,
            "labels go up to %g, the gain 2^label - 1 only to 1023: %s is measured with the linear "
            "gain",
            largest, metric->name);
}

rg_status rg__note_outliers(rg_context *ctx, const struct rg__rows *rows, const rg_split *split)
{
    enum { FAR = 50, MOST_NAMED = 8, ROOM = 96 /* for one name and its number */ };
    double *largest = rg__alloc(ctx, rows->n_features, sizeof *largest, "the outliers");
    if (!largest)
        return RG_LIMIT;
    for (int64_t i = 0; i < rows->n_rows * rows->n_features; i++) {
        double z = fabs(rg__element(rows->dtype, rows->features, i));
        double *most = &largest[i % rows->n_features];
        *most = z > *most ? z : *most;
    }
    char names[MOST_NAMED * ROOM] = "";
    int n = 0;
    size_t used = 0;
    for (int64_t f = 0; f < rows->n_features; f++) {
        if (largest[f] <= FAR)
            continue;
        char name[64];
        if (split->feature_names)
            snprintf(name, sizeof name, "%s", split->feature_names[f]);
        else
            snprintf(name, sizeof name, "%lld", (long long)f + 1);
        if (n++ < MOST_NAMED)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s (%.3g)",
                                     used ? ", " : "", name, largest[f]);
    }
    if (n > 0)
        rg__log(ctx, RG_LOG_WARNING,
                "%d feature%s reach%s beyond %d deviations: %s%s; --normalize log1p-zscore tames "
                "them",
                n, n > 1 ? "s" : "", n > 1 ? "" : "es", FAR, names, n > MOST_NAMED ? ", ..." : "");
    rg__free(ctx, largest);
    return RG_OK;
}

uint64_t rg__fingerprint(const rg_split *split, const rg_normalization *normalization)
{
    size_t width = (size_t)split->n_features * sizeof(double);
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

char *rg__train_history(rg_context *ctx, const rg_train_options *o, const rg_train_result *r,
                        uint64_t fingerprint)
{
    char hex[17];
    snprintf(hex, sizeof hex, "%016llx", (unsigned long long)fingerprint);
    json_t *json = json_pack(
        "{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:s, s:I, s:I, s:I, s:s, s:s, s:I, s:f, s:s, s:f, "
        "s:I, s:I, s:I, s:s}",
        "loss", o->loss, "label_mode", rg_label_mode_name(o->label_mode), "optimizer",
        o->optimizer.name, "lr", o->optimizer.lr, "momentum", o->optimizer.momentum, "l2",
        o->optimizer.l2, "clip_norm", o->optimizer.clip_norm, "schedule",
        rg_schedule_name(o->schedule), "epochs", (json_int_t)o->epochs, "batch_lists",
        (json_int_t)o->batch_lists, "seed", (json_int_t)o->seed, "negative_labels",
        rg_negative_labels_name(o->negative_labels), "metric", o->metric.name, "metric_k",
        (json_int_t)o->metric.k, "vali_fraction", o->vali_fraction, "kept",
        r->kept_last ? "last" : "best", "label_scale", r->label_scale, "kept_epoch",
        (json_int_t)r->kept_epoch, "train_lists", (json_int_t)r->n_train_lists, "vali_lists",
        (json_int_t)r->n_vali_lists, "data_fingerprint", hex);
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

/* check.c: what training refuses: options, splits, memory, and scores that are not finite.
 *
 * The one idea: everything is told before work begins or memory is taken, but for NaN in features,
 * which would cost a read of its own: that is looked for once a score shows it. */
#include "train/check.h"

#include "data/rows.h"
#include "data/split.h"
#include "model/model.h"
#include "tensor/tensor.h"
#include "train/labels.h"
#include "train/step.h"

#include <math.h>
#include <stdio.h>

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
        {"window", (double)o->window_bytes, o->window_bytes >= 0, "at least 0"},
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

/* Bytes that a row's features take in memory: as a copy, or where they are mapped; 0 where they lie
 * in memory as it is. */
static double row_bytes(const rg_split *split, const rg_train_options *o)
{
    bool stay = rg__rows_stay(split, o->normalize, o->model.dtype);
    if (stay && !split->mapped)
        return 0;
    rg_dtype dtype = stay ? split->features.dtype : o->model.dtype;
    return (double)split->n_features * (double)rg_dtype_size(dtype);
}

/* Bytes of a split's features: of the rows that are copied, or of the whole mapping. */
static double features_bytes(const rg_split *split, const rg_train_options *o)
{
    int64_t n = split->n_rows;
    if (!rg__rows_stay(split, o->normalize, o->model.dtype))
        for (int64_t row = 0; row < split->n_rows; row++)
            n -= !rg__row_is_there(split, row);
    return row_bytes(split, o) * (double)n;
}

/* Whether both splits, under masks of their own, are one mapping. */
static bool shares_mapping(const rg_split *a, const rg_split *b, const rg_train_options *o)
{
    return a->features.data == b->features.data && rg__rows_stay(a, o->normalize, o->model.dtype);
}

/* Bytes of a split's largest window, at most `bytes` unless a list is longer. */
static double window_bytes(const rg_split *split, const rg_train_options *o, double bytes)
{
    double a_list = row_bytes(split, o) * (double)rg__longest_list(split->offsets, split->n_lists);
    return a_list > bytes ? a_list : bytes;
}

/* Bytes of value, gradient, two moments, the best parameters and buckets; and of shift and scale,
 * fitted and in the model. */
static rg_status parameter_bytes(rg_context *ctx, const rg_train_options *o, const rg_split *train,
                                 double *bytes)
{
    rg_model outline;
    rg_status status = rg__model_outline(ctx, train->n_features, &o->model, &outline);
    if (status != RG_OK)
        return status;
    double n_buckets = (double)(o->batch_lists < train->n_lists ? o->batch_lists : train->n_lists);
    if (n_buckets > RG__MOST_BUCKETS)
        n_buckets = RG__MOST_BUCKETS;
    *bytes = (double)rg__model_parameter_count(&outline) * (5 + n_buckets) *
                 (double)rg_dtype_size(o->model.dtype) +
             (double)train->n_features * 4 * sizeof(double);
    return RG_OK;
}

rg_status rg__plan_train_memory(rg_context *ctx, const rg_train_options *o, const rg_split *train,
                                const rg_split *vali, struct rg__windowing *windowing)
{
    struct rg__memory_limit most = {o->memory_limit, "the memory limit that was set"};
    double parameters, limit = (double)o->memory_limit;
    if (o->memory_limit == 0) {
        most = rg__memory_limit(ctx);
        limit = 0.8 * (double)most.bytes;
    }
    rg_status status = parameter_bytes(ctx, o, train, &parameters);
    if (status != RG_OK)
        return status;
    double rows = features_bytes(train, o);
    if (vali && !shares_mapping(train, vali, o))
        rows += features_bytes(vali, o);
    *windowing = (struct rg__windowing){o->window_bytes, rows + parameters > limit};
    if (!windowing->stream)
        return RG_OK;
    if (windowing->bytes == 0 && limit > parameters)
        windowing->bytes = (int64_t)((limit - parameters) / 4) + 1;
    double windows = window_bytes(train, o, (double)windowing->bytes);
    windows += vali ? window_bytes(vali, o, (double)windowing->bytes) : 0;
    if (windows + parameters <= limit)
        return RG_OK;
    return rg__fail(ctx, RG_LIMIT,
                    "training takes %.6g MB for windows of dense rows (%lld training rows of %lld "
                    "features in %s) and %.6g MB for parameters; the limit is %.6g MB (%s%s)",
                    windows / 1e6, (long long)train->n_rows, (long long)train->n_features,
                    rg_dtype_name(o->model.dtype), parameters / 1e6, limit / 1e6,
                    o->memory_limit ? "" : "80 % of ", most.source);
}

rg_status rg__check_train_split(rg_context *ctx, const rg_split *split, const char *what,
                                const rg_train_options *options)
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
    return rg__check_labels(ctx, split, what, options);
}

/* Element `at` of the stored features of a row; how many it has. */
static int64_t stored(const rg_split *split, int64_t row, int64_t at, int64_t *feature, double *x)
{
    const rg_csr *csr = &split->csr;
    if (!csr->indptr) {
        *feature = at;
        if (at < split->n_features)
            *x = rg__element(split->features.dtype, split->features.data,
                             row * split->features.dims[1] + rg__column_of(split, at));
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

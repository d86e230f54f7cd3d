/* check.c: what training refuses: options, splits, memory, and scores that are not finite.
 *
 * All errors are reported before work begins or memory is taken, except NaN in features, which
 * would cost a read of the data: it is looked for once a score is not finite. */
#include "train/check.h"

#include "data/split.h"
#include "metric/metric.h"
#include "model/model.h"
#include "normalize/rows.h"
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
        {"batch_lists", (double)o->batch_lists, o->batch_lists >= 1, "at least 1"},
        {"vali_fraction", o->vali_fraction, o->vali_fraction >= 0 && o->vali_fraction < 1,
         "0 <= fraction < 1"},
        {"memory_limit", (double)o->memory_limit, o->memory_limit >= 0, "at least 0"},
        {"window_bytes", (double)o->window_bytes, o->window_bytes >= 0, "at least 0"},
        {"negative_labels", o->negative_labels, rg_negative_labels_name(o->negative_labels) != NULL,
         "a known policy"},
    };
    rg_status status = rg__check_ranges(ctx, "train", ranges, RG__COUNT(ranges));
    const struct rg__metric_kind *kind;
    rg_choice own;
    return status == RG_OK ? rg__check_metric(ctx, &o->metric, &kind, &own) : status;
}

/* Bytes of a split's features: of all that take memory, which are those that are copied or mapped;
 * of the largest list of these; and of the largest list as it is cut into shards. */
struct sizes {
    double all, list, shard_list;
};

static struct sizes measure(const rg_split *split, const struct rg__inputs *inputs,
                            const rg_normalization *normalization, rg_dtype dtype)
{
    bool stay = rg__rows_stay(split, inputs, normalization, dtype);
    bool sparse = rg__stays_sparse(split, normalization), takes = !stay || split->mapped;
    double number = (double)rg_dtype_size(dtype);
    double stored = (double)rg_dtype_size(stay ? split->features.dtype : dtype);
    struct sizes sizes = {0};
    for (int64_t q = 0; q < split->n_lists; q++) {
        int64_t begin = split->offsets[q], end = split->offsets[q + 1], n = end - begin;
        for (int64_t row = begin; !stay && row < end; row++)
            n -= !rg__row_is_there(split, row);
        double shard = sparse ? (double)rg__sparse_list_bytes(split, q, dtype)
                              : (double)(end - begin) * (double)inputs->n * number;
        double list = !takes   ? 0
                      : sparse ? shard + (double)n * sizeof(int64_t)
                               : (double)n * (double)inputs->n * stored;
        sizes.all += list;
        sizes.list = list > sizes.list ? list : sizes.list;
        sizes.shard_list = shard > sizes.shard_list ? shard : sizes.shard_list;
    }
    return sizes;
}

/* Whether both splits, under masks of their own, are one mapping. */
static bool shares_mapping(const rg_split *a, const rg_split *b,
                           const rg_normalization *normalization, rg_dtype dtype)
{
    const struct rg__inputs all = rg__all_inputs(a->n_features);
    return a->features.data && a->features.data == b->features.data &&
           rg__rows_stay(a, &all, normalization, dtype);
}

/* Bytes of value, gradient, two moments, the best parameters and buckets; and of shift and scale,
 * fitted and in the model. */
static rg_status parameter_bytes(rg_context *ctx, const rg_train_options *o,
                                 const struct rg__inputs *inputs, int64_t n_lists,
                                 double shard_list, double *bytes)
{
    rg_model outline;
    rg_model_options model = o->model;
    model.columns = inputs->index;
    model.n_columns = inputs->n;
    rg_status status = rg__model_outline(ctx, inputs->n_features, &model, &outline);
    if (status != RG_OK)
        return status;
    int64_t n_buckets =
        rg__most_buckets(o->batch_lists < n_lists ? o->batch_lists : n_lists, shard_list);
    *bytes = (double)rg__model_parameter_count(&outline) * (5 + (double)n_buckets) *
                 (double)rg_dtype_size(o->model.dtype) +
             (double)inputs->n * 4 * sizeof(double);
    return RG_OK;
}

/* Bytes of a split's largest window, at most `bytes` unless a list is longer. */
static double window_bytes(const struct sizes *sizes, double bytes)
{
    return sizes->list > bytes ? sizes->list : bytes;
}

rg_status rg__plan_train_memory(rg_context *ctx, const rg_train_options *o,
                                const rg_normalization *normalization, const rg_split *train,
                                const rg_split *vali, const struct rg__inputs *inputs,
                                int64_t n_copied, struct rg__windowing *windowing)
{
    struct rg__memory_limit most = {o->memory_limit, "the memory limit that was set"};
    double parameters, limit = (double)o->memory_limit;
    if (o->memory_limit == 0) {
        most = rg__memory_limit(ctx);
        limit = 0.8 * (double)most.bytes;
    }
    struct sizes of_train = measure(train, inputs, normalization, o->model.dtype), of_vali = {0};
    if (vali)
        of_vali = measure(vali, inputs, normalization, o->model.dtype);
    rg_status status =
        parameter_bytes(ctx, o, inputs, train->n_lists, of_train.shard_list, &parameters);
    if (status != RG_OK)
        return status;
    double rows = of_train.all, fixed = parameters + (double)n_copied;
    if (vali && !shares_mapping(train, vali, normalization, o->model.dtype))
        rows += of_vali.all;
    *windowing = (struct rg__windowing){o->window_bytes, rows + fixed > limit};
    if (!windowing->stream)
        return RG_OK;
    if (windowing->bytes == 0 && limit > fixed)
        windowing->bytes = (int64_t)((limit - fixed) / 4) + 1;
    double windows = window_bytes(&of_train, (double)windowing->bytes);
    windows += vali ? window_bytes(&of_vali, (double)windowing->bytes) : 0;
    if (windows + fixed <= limit)
        return RG_OK;
    return rg__fail(ctx, RG_LIMIT,
                    "training takes %.6g MB for windows of rows (%s of %s in %s, of which %lld "
                    "occur), %.6g MB for parameters and %.6g MB for a copy of sparse validation "
                    "rows in the order of the training columns; the limit is %.6g MB (%s%s)",
                    windows / 1e6, rg__counted(train->n_rows, "training row").text,
                    rg__counted(train->n_features, "feature").text, rg_dtype_name(o->model.dtype),
                    (long long)inputs->n, parameters / 1e6, (double)n_copied / 1e6, limit / 1e6,
                    o->memory_limit ? "" : "80 % of ", most.source);
}

rg_status rg__check_train_split(rg_context *ctx, const rg_split *split, const char *what,
                                const struct rg__label_rules *rules)
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
        return rg__fail(
            ctx, RG_BAD_DATA,
            "the %s split has %s (%lld not masked) of %s; expected at least one of each", what,
            rg__counted(split->n_rows, "row").text, (long long)n_valid,
            rg__counted(split->n_features, "feature").text);
    if (!split->labels)
        return rg__fail(ctx, RG_BAD_DATA, "the %s split has no labels; expected one for each row",
                        what);
    if (!split->offsets)
        return rg__fail(ctx, RG_BAD_DATA,
                        "the %s split has no lists; expected offsets, qid or group", what);
    return rg__check_labels(ctx, split, what, rules);
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
                    "training diverged: a score is not finite; a smaller `lr` or `l2`, "
                    "`clip_norm` 1 or `normalize` zscore may help");
}

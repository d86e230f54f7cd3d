/* labels.c: whether labels and weights can be trained on: each of them fits, and at least one list
 * has something to learn; see labels.h. */
#include "train/labels.h"

#include "data/split.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

double rg__most_label(rg_dtype dtype)
{
    return dtype == RG_F32 ? 1e30 : 1e290;
}

static double weight_of(const rg_split *split, int64_t row)
{
    return split->weights ? split->weights[row] : 1;
}

/* ---- Each of them ---- */

/* "f32 training takes at most 1e+30; train in f64 ..." */
static rg_status too_large(rg_context *ctx, const char *what, const char *name, int64_t row,
                           double value, rg_dtype dtype)
{
    return rg__fail(
        ctx, RG_BAD_DATA, "%s %s: row %lld (from 1) is %g; training in %s takes at most %g; %s",
        what, name, (long long)row + 1, value, rg_dtype_name(dtype), rg__most_label(dtype),
        dtype == RG_F32 ? "train in f64 (`dtype` f64), or divide all of them by a number"
                        : "divide all of them by a number");
}

static rg_status check_negative(rg_context *ctx, const char *what, int64_t row, double label,
                                const struct rg__label_rules *rules)
{
    if (label >= 0 || rules->negative != RG_NEGATIVE_ERROR ||
        !rules->properties.needs_nonnegative_labels)
        return RG_OK;
    return rg__fail(ctx, RG_BAD_DATA,
                    "%s labels: row %lld (from 1) is %g; a negative one makes %s unbounded below; "
                    "a loss such as ranking_softmax(label_mode=softmax) takes logarithms and other "
                    "labels of any sign, `negative_labels` zero reads it as 0, keep leaves it",
                    what, (long long)row + 1, label, rules->loss);
}

static rg_status check_level(rg_context *ctx, const char *what, int64_t row, double label,
                             const struct rg__label_rules *rules)
{
    int64_t levels = rules->properties.levels;
    if (label < 0 && rules->negative == RG_NEGATIVE_ZERO)
        label = 0;
    if (levels == 0 || (label >= 0 && label < (double)levels && label == floor(label)))
        return RG_OK;
    return rg__fail(ctx, RG_BAD_DATA,
                    "%s labels: row %lld (from 1) is %g; %s takes the whole numbers from 0 to %lld",
                    what, (long long)row + 1, label, rules->loss, (long long)levels - 1);
}

static rg_status check_gain(rg_context *ctx, const char *what, int64_t row, double label,
                            const struct rg__label_rules *rules)
{
    double most = rules->properties.most_label;
    if (most == 0 || label <= most)
        return RG_OK;
    return rg__fail(ctx, RG_BAD_DATA,
                    "%s labels: row %lld (from 1) is %g; %s has the gain 2^label - 1, and takes at "
                    "most %g; divide labels by a number, or use linear gains or another loss",
                    what, (long long)row + 1, label, rules->loss, most);
}

static rg_status check_row(rg_context *ctx, const rg_split *split, const char *what, int64_t row,
                           const struct rg__label_rules *rules)
{
    double y = split->labels[row], w = weight_of(split, row);
    if (!isfinite(y))
        return rg__fail(ctx, RG_BAD_DATA,
                        "%s labels: row %lld (from 1) is %g; expected a finite number", what,
                        (long long)row + 1, y);
    if (!isfinite(w) || w < 0)
        return rg__fail(ctx, RG_BAD_DATA, "%s weights: row %lld (from 1) is %g; expected >= 0",
                        what, (long long)row + 1, w);
    if (!rules)
        return RG_OK;
    double most = rg__most_label(rules->dtype);
    if (fabs(y) > most)
        return too_large(ctx, what, "labels", row, y, rules->dtype);
    if (w > most)
        return too_large(ctx, what, "weights", row, w, rules->dtype);
    if (fabs(y * w) > most)
        return too_large(ctx, what, "labels times weights", row, y * w, rules->dtype);
    rg_status status = check_negative(ctx, what, row, y, rules);
    if (status == RG_OK)
        status = check_level(ctx, what, row, y, rules);
    return status == RG_OK ? check_gain(ctx, what, row, y, rules) : status;
}

rg_status rg__check_labels(rg_context *ctx, const rg_split *split, const char *what,
                           const struct rg__label_rules *rules)
{
    rg_status status = RG_OK;
    for (int64_t row = 0; row < split->n_rows && status == RG_OK; row++)
        if (rg__row_is_there(split, row))
            status = check_row(ctx, split, what, row, rules);
    for (int64_t q = 0; status == RG_OK && split->list_weights && q < split->n_lists; q++)
        if (!isfinite(split->list_weights[q]) || split->list_weights[q] < 0)
            status = rg__fail(ctx, RG_BAD_DATA,
                              "%s list_weights: list %lld (from 1) is %g; expected >= 0", what,
                              (long long)q + 1, split->list_weights[q]);
    return status;
}

/* ---- Something to learn ---- */

/* A row's label times its weight, as the loss sees it. */
static double target_of(const rg_split *split, int64_t row, rg_dtype dtype)
{
    double product = split->labels[row] * weight_of(split, row);
    return dtype == RG_F32 ? (double)(float)product : product;
}

static bool same_dense(const rg_split *split, int64_t a, int64_t b)
{
    const rg_tensor *x = &split->features;
    size_t size = rg__stored_row_size(split);
    const char *data = x->data;
    if (memcmp(data + (size_t)a * size, data + (size_t)b * size, size) == 0)
        return true;
    bool same = true;
    for (int64_t j = 0; j < split->n_features && same; j++) {
        int64_t column = rg__column_of(split, j), width = x->dims[1];
        same = rg__element(x->dtype, data, a * width + column) ==
               rg__element(x->dtype, data, b * width + column);
    }
    return same;
}

/* What is not stored is 0. */
static bool same_sparse(const rg_csr *csr, int64_t a, int64_t b)
{
    int64_t i = csr->indptr[a], k = csr->indptr[b];
    int64_t end_i = csr->indptr[a + 1], end_k = csr->indptr[b + 1];
    while (i < end_i || k < end_k) {
        int64_t column_i = i < end_i ? csr->indices[i] : INT64_MAX;
        int64_t column_k = k < end_k ? csr->indices[k] : INT64_MAX;
        double x = column_i <= column_k ? rg__element(csr->dtype, csr->data, i++) : 0;
        double y = column_k <= column_i ? rg__element(csr->dtype, csr->data, k++) : 0;
        if (x != y)
            return false;
    }
    return true;
}

/* Why nothing can be learned from a list, or LEARNABLE. */
enum kind { NO_ROW, ONE_ROW, SAME_LABELS, SAME_FEATURES, LEARNABLE, N_KINDS };

/* If labels differ somewhere in a list, and features differ somewhere in it, then two rows differ
 * in both: otherwise any two rows would agree in one of them, and so all would agree in the same.
 * So each row is compared with the first alone. */
static enum kind kind_of(const rg_split *split, int64_t list, const struct rg__label_rules *rules)
{
    int64_t first = -1, n = 0;
    bool labels_differ = false;
    double sum = 0;
    for (int64_t row = split->offsets[list]; row < split->offsets[list + 1]; row++) {
        if (!rg__row_is_there(split, row))
            continue;
        double target = target_of(split, row, rules->dtype);
        first = n++ == 0 ? row : first;
        sum += target;
        labels_differ |= target != target_of(split, first, rules->dtype);
    }
    if (n < 2)
        return n == 1 ? ONE_ROW : NO_ROW;
    if (!labels_differ || (rules->properties.ignores_zero_sums && sum == 0))
        return SAME_LABELS;
    for (int64_t row = first + 1; row < split->offsets[list + 1]; row++)
        if (rg__row_is_there(split, row) &&
            !(split->csr.indptr ? same_sparse(&split->csr, first, row)
                                : same_dense(split, first, row)))
            return LEARNABLE;
    return SAME_FEATURES;
}

rg_status rg__check_learnable(rg_context *ctx, const rg_split *split,
                              const struct rg__label_rules *rules)
{
    long long n[N_KINDS] = {0};
    for (int64_t q = 0; q < split->n_lists; q++) {
        if (split->list_weights && split->list_weights[q] == 0)
            continue;
        enum kind kind = kind_of(split, q, rules);
        if (kind == LEARNABLE)
            return RG_OK;
        n[kind]++;
    }
    long long n_lists = n[ONE_ROW] + n[SAME_LABELS] + n[SAME_FEATURES];
    if (n_lists == 0)
        return rg__fail(ctx, RG_BAD_DATA,
                        "the weights of all training lists are 0; expected one above 0");
    return rg__fail(ctx, RG_BAD_DATA,
                    "there is nothing to learn: no training list has two rows that differ both in "
                    "label and in a feature; lists: %lld; with a single row: %lld; with the same "
                    "label (times weight, in %s) in every row: %lld; with the same features in "
                    "every row: %lld",
                    n_lists, n[ONE_ROW], rg_dtype_name(rules->dtype), n[SAME_LABELS],
                    n[SAME_FEATURES]);
}

/* prepare.c: what is decided before the first step: the scale of the labels, the lists that are
 * held out, the gain of the selection metric, and a note on features that reach far. */
#include "train/prepare.h"

#include "base/random.h"
#include "data/builder/precision.h"
#include "data/split.h"
#include "metric/metric.h"
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double rg__label_scale(const struct rg__rows *rows, int64_t *n_without)
{
    *n_without = 0;
    double total = 0, n = 0; /* over lists, by weight */
    for (int64_t q = 0; q < rows->n_lists; q++) {
        double mass = 0, weight = rows->list_weights ? rows->list_weights[q] : 1;
        bool relevant = false;
        if (!rg__list_counts(rows, q))
            continue;
        for (int64_t i = rows->offsets[q]; i < rows->offsets[q + 1]; i++) {
            double label = rg__element(rows->dtype, rows->labels, i) *
                           (rows->weights ? rg__element(rows->dtype, rows->weights, i) : 1);
            mass += fabs(label);
            relevant |= label > 0;
        }
        total += weight * mass;
        n += mass > 0 ? weight : 0;
        *n_without += !relevant;
    }
    return total > 0 ? n / total : 1;
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
        return rg__fail(ctx, RG_BAD_DATA, "`vali_fraction`: %s to divide; expected at least 2",
                        rg__counted(n, "list").text);
    }
    int64_t aside = (int64_t)llround(fraction * (double)n);
    aside = aside < 1 ? 1 : aside > n - 1 ? n - 1 : aside;
    rg_shuffle(lists, n, seed, RG__STREAM_SPLIT, 0);
    for (int64_t i = 0; i < n; i++)
        for (int64_t row = split->offsets[lists[i]]; row < split->offsets[lists[i] + 1]; row++)
            (i < aside ? *vali : *train)[row] = rg__row_is_there(split, row);
    rg__free(ctx, lists);
    return RG_OK;
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
    rg_choice own;
    const struct rg__metric_kind *kind = rg__metric_kind_of(ctx, metric, &own);
    bool gains = kind && kind->uses_gain;
    largest = other > largest ? other : largest;
    if (!gains || metric->gain != RG_GAIN_EXP || largest <= 1023)
        return;
    metric->gain = RG_GAIN_LINEAR;
    rg__log(ctx, RG_LOG_INFO,
            "labels go up to %g, the gain 2^label - 1 only to 1023: %s is measured with the linear "
            "gain",
            largest, metric->name);
}

/* Of a column of a copy: the largest magnitude, and of sparse rows what its stored numbers are. */
struct reach {
    double largest, square; /* the sum of squares */
    int64_t n;
};

/* Looks at numbers: number i is in column columns[i], or (NULL) in i modulo n_columns. */
static void look_at(const struct rg__rows *rows, int64_t begin, int64_t end, const int32_t *columns,
                    struct reach *reach)
{
    for (int64_t i = begin; i < end; i++) {
        double z = fabs(rg__element(rows->dtype, rows->copy, i));
        struct reach *r = &reach[columns ? columns[i] : i % rows->n_columns];
        r->largest = z > r->largest ? z : r->largest;
        if (columns) {
            r->square += z * z;
            r->n++;
        }
    }
}

/* Looks at every column of a copy. */
static rg_status find_reach(struct rg__rows *rows, struct reach *reach)
{
    for (int64_t w = 0; w < rows->n_windows; w++) {
        rg_status status = rg__rows_load_window(rows, w, w + 1 < rows->n_windows ? w + 1 : -1);
        if (status != RG_OK)
            return status;
        int64_t begin = rows->offsets[rows->windows[w]] - rows->first_row;
        int64_t end = rows->offsets[rows->windows[w + 1]] - rows->first_row;
        if (rows->sparse)
            look_at(rows, rows->copy_indptr[begin], rows->copy_indptr[end], rows->copy_indices,
                    reach);
        else
            look_at(rows, begin * rows->n_columns, end * rows->n_columns, NULL, reach);
    }
    return RG_OK;
}

/* Whether a column reaches beyond so many deviations; of sparse rows, also beyond so many times the
 * root mean square of its stored numbers, for any number of a column that rarely has one is many
 * deviations away from the zeros. */
static bool reaches(const struct reach *r, double far)
{
    return r->largest > far && (r->n == 0 || r->largest > far * sqrt(r->square / (double)r->n));
}

rg_status rg__note_outliers(rg_context *ctx, struct rg__rows *rows, const rg_split *split)
{
    enum { FAR = 50, MOST_NAMED = 8, ROOM = 96 /* for one name and its number */ };
    struct reach *reach = rg__alloc(ctx, rows->n_columns, sizeof *reach, "the outliers");
    if (!reach)
        return RG_LIMIT;
    rg_status status = find_reach(rows, reach);
    if (status != RG_OK) {
        rg__free(ctx, reach);
        return status;
    }
    char names[MOST_NAMED * ROOM] = "";
    int n = 0;
    size_t used = 0;
    for (int64_t f = 0; f < rows->n_columns; f++) {
        if (!reaches(&reach[f], FAR))
            continue;
        char name[64];
        int64_t column = rg__input_column(rows->inputs, f);
        if (split->feature_names)
            snprintf(name, sizeof name, "%s", split->feature_names[column]);
        else
            snprintf(name, sizeof name, "%lld", (long long)column + 1);
        if (n++ < MOST_NAMED)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s (%.3g)",
                                     used ? ", " : "", name, reach[f].largest);
    }
    if (n > 0)
        rg__log(ctx, RG_LOG_WARNING,
                "%d feature%s reach%s beyond %d deviations: %s%s; `normalize` log1p-zscore tames "
                "them",
                n, n > 1 ? "s" : "", n > 1 ? "" : "es", FAR, names, n > MOST_NAMED ? ", ..." : "");
    rg__free(ctx, reach);
    return RG_OK;
}

/* ---- Numbers that f32 cannot hold ------------------------------------------------------------ */

rg_status rg__note_rounding(rg_context *ctx, const rg_split *split)
{
    struct rg__loss loss;
    rg_status status = rg__split_loss(ctx, split, &loss);
    if (status == RG_OK && loss.found)
        rg__log(ctx, RG_LOG_WARNING,
                "the training rows: feature %lld (first in row %lld, both from 1) %s; without a "
                "normalisation a model in f32 loses that; zscore keeps the differences of a "
                "feature, a model in f64 all",
                (long long)loss.column + 1, (long long)loss.place + 1, rg__loss_text(&loss).text);
    return status;
}

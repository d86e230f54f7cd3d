/* normalize.c: features of any scale brought to a common one.
 *
 * The one idea: every method is t(x), minus a shift, times a scale, column by column, computed in
 * double and rounded once. Fitting finds the two numbers of a column from the training rows;
 * list-minmax has none and finds its own within each list.
 *
 * Columns are worked on LANES at a time: loops of a fixed length become vector code.
 */
#define RG_REAL 32 /* of the loops in vector.h those for f32 */
#include "normalize/normalize.h"

#include "base/file.h"
#include "data/split.h"
#include "tensor/tensor.h"
#include "tensor/vector.h"

#include <float.h>
#include <string.h>

/* A column whose spread is below this part of its largest magnitude, 16 steps of a double, cannot
 * be told from one that is constant but for rounding. A larger limit would drop features with a
 * large offset, such as times in seconds since 1970. */
#define CONSTANT (16 * DBL_EPSILON)

const char *rg_normalize_name(rg_normalize method)
{
    static const char *const names[] = {"none", "zscore", "log1p-zscore", "minmax", "list-minmax"};
    return (int)method >= 0 && (int)method < RG__COUNT(names) ? names[method] : NULL;
}

/* z (n) = x[at .. at + n) as double. */
INLINED void load(rg_dtype dtype, const void *x, int64_t at, int n, double *z)
{
    if (dtype == RG_F32) {
        const float *from = (const float *)x + at;
        for (int i = 0; i < n; i++)
            z[i] = (double)from[i];
    } else if (dtype == RG_F64) {
        const double *from = (const double *)x + at;
        for (int i = 0; i < n; i++)
            z[i] = from[i];
    } else {
        const uint16_t *from = (const uint16_t *)x + at;
        for (int i = 0; i < n; i++)
            z[i] = (double)rg__half_to_float(from[i]);
    }
}

/* x[at .. at + n) = z (n), rounded to x's type. */
INLINED void store(rg_dtype dtype, void *x, int64_t at, int n, const double *z)
{
    if (dtype == RG_F32) {
        float *to = (float *)x + at;
        for (int i = 0; i < n; i++)
            to[i] = (float)z[i];
    } else {
        double *to = (double *)x + at;
        for (int i = 0; i < n; i++)
            to[i] = z[i];
    }
}

/* ---- Fitting --------------------------------------------------------------------------------- */

/* What is known of the columns; arrays of `width` doubles in one block. The mean is taken of
 * differences to the first row, each divided by the number of rows: a constant column comes out
 * exact and 1e300 does not overflow. Squares are taken in units of the range. */
struct moments {
    rg_context *ctx;
    const rg_split *split;
    rg_normalize method;
    const struct rg__inputs *inputs;
    int64_t width; /* n columns, rounded up to LANES; those behind stay 0 */
    int64_t count; /* rows not masked */
    double *row, *first, *low, *high, *mean, *unit, *square;
    double *stored; /* of sparse rows: how many of the rows store a number in this column */
};

/* How messages call the split. */
static const char *name_of(const rg_split *split)
{
    return split->name && *split->name ? split->name : "the split";
}

static rg_status moments_begin(struct moments *m)
{
    double **arrays[] = {&m->row,  &m->first, &m->low,    &m->high,
                         &m->mean, &m->unit,  &m->square, &m->stored};
    m->width = (m->inputs->n + LANES - 1) / LANES * LANES;
    m->row = rg__alloc(m->ctx, m->width, RG__COUNT(arrays) * sizeof(double), "column moments");
    if (!m->row)
        return RG_LIMIT;
    for (int i = 1; i < RG__COUNT(arrays); i++)
        *arrays[i] = m->row + i * m->width;
    for (int64_t r = 0; r < m->split->n_rows; r++)
        m->count += rg__row_is_there(m->split, r);
    if (m->count == 0)
        return rg__fail(m->ctx, RG_BAD_DATA,
                        "no rows to fit the normalisation on: %lld rows, all masked",
                        (long long)m->split->n_rows);
    return RG_OK;
}

/* m->row = t(row r); rows are read in order. */
static void read_row(struct moments *m, int64_t r)
{
    int64_t n_features = m->split->n_features, j = 0;
    const rg_tensor *x = &m->split->features;
    int64_t at = r * x->dims[1];
    rg__leave_rows(m->split, r);
    if (m->split->columns) {
        for (; j < n_features; j++)
            load(x->dtype, x->data, at + m->split->columns[j], 1, m->row + j);
    } else {
        for (; j + LANES <= n_features; j += LANES)
            load(x->dtype, x->data, at + j, LANES, m->row + j);
        load(x->dtype, x->data, at + j, (int)(n_features - j), m->row + j);
    }
    if (m->method == RG_NORMALIZE_LOG1P_ZSCORE)
        for (j = 0; j < n_features; j++)
            m->row[j] = rg__signed_log1p(m->row[j]);
}

static void copy_row(const struct moments *m, double *to)
{
    for (int64_t j = 0; j < m->width; j++)
        to[j] = m->row[j];
}

static void add_range(const double *restrict x, double *restrict low, double *restrict high)
{
    for (int i = 0; i < LANES; i++) {
        low[i] = x[i] < low[i] ? x[i] : low[i];
        high[i] = x[i] > high[i] ? x[i] : high[i];
    }
}

static void add_mean(const double *restrict x, const double *restrict first, double part,
                     double *restrict mean)
{
    for (int i = 0; i < LANES; i++)
        mean[i] += (x[i] - first[i]) * part;
}

static void add_square(const double *restrict x, const double *restrict mean,
                       const double *restrict unit, double *restrict square)
{
    for (int i = 0; i < LANES; i++) {
        double d = (x[i] - mean[i]) * unit[i];
        square[i] += d * d;
    }
}

static void dense_first_pass(struct moments *m)
{
    bool started = false;
    double part = 1.0 / (double)m->count;
    for (int64_t r = 0; r < m->split->n_rows; r++) {
        if (!rg__row_is_there(m->split, r))
            continue;
        read_row(m, r);
        if (!started) {
            copy_row(m, m->first);
            copy_row(m, m->low);
            copy_row(m, m->high);
            started = true;
        }
        for (int64_t j = 0; j < m->width; j += LANES) {
            add_range(m->row + j, m->low + j, m->high + j);
            add_mean(m->row + j, m->first + j, part, m->mean + j);
        }
    }
    for (int64_t j = 0; j < m->width; j++)
        m->mean[j] += m->first[j];
}

static void dense_second_pass(struct moments *m)
{
    for (int64_t r = 0; r < m->split->n_rows; r++) {
        if (!rg__row_is_there(m->split, r))
            continue;
        read_row(m, r);
        for (int64_t j = 0; j < m->width; j += LANES)
            add_square(m->row + j, m->mean + j, m->unit + j, m->square + j);
    }
}

/* t of the k-th stored number. */
static double read_stored(const struct moments *m, int64_t k)
{
    double x;
    load(m->split->csr.dtype, m->split->csr.data, k, 1, &x);
    return rg__transformed(m->method, x);
}

/* As the dense pass; t(0) = 0 stands for what is not stored. */
static void sparse_first_pass(struct moments *m)
{
    const rg_csr *csr = &m->split->csr;
    double part = 1.0 / (double)m->count;
    for (int64_t r = 0; r < csr->n_rows; r++) {
        if (!rg__row_is_there(m->split, r))
            continue;
        for (int64_t k = csr->indptr[r]; k < csr->indptr[r + 1]; k++) {
            int32_t j = rg__input_position(m->inputs, csr->indices[k]);
            if (j < 0)
                continue;
            double x = read_stored(m, k);
            if (m->stored[j]++ == 0)
                m->first[j] = m->low[j] = m->high[j] = x;
            m->low[j] = x < m->low[j] ? x : m->low[j];
            m->high[j] = x > m->high[j] ? x : m->high[j];
            m->mean[j] += (x - m->first[j]) * part;
        }
    }
    for (int64_t j = 0; j < m->inputs->n; j++) {
        double n_zeros = (double)m->count - m->stored[j];
        m->mean[j] += m->first[j] - m->first[j] * (n_zeros * part);
        if (n_zeros > 0) {
            m->low[j] = m->low[j] < 0 ? m->low[j] : 0;
            m->high[j] = m->high[j] > 0 ? m->high[j] : 0;
        }
    }
}

static void sparse_second_pass(struct moments *m)
{
    const rg_csr *csr = &m->split->csr;
    for (int64_t r = 0; r < csr->n_rows; r++) {
        if (!rg__row_is_there(m->split, r))
            continue;
        for (int64_t k = csr->indptr[r]; k < csr->indptr[r + 1]; k++) {
            int32_t j = rg__input_position(m->inputs, csr->indices[k]);
            if (j < 0)
                continue;
            double d = (read_stored(m, k) - m->mean[j]) * m->unit[j];
            m->square[j] += d * d;
        }
    }
    for (int64_t j = 0; j < m->inputs->n; j++) {
        double d = m->mean[j] * m->unit[j];
        m->square[j] += ((double)m->count - m->stored[j]) * d * d;
    }
}

static rg_status fail_at(const struct moments *m, int64_t row, int64_t column, double x)
{
    return rg__fail(m->ctx, RG_BAD_DATA,
                    "%s: row %lld, feature %lld (both from 1) is %g, a finite number was expected; "
                    "fill in or leave out missing values",
                    name_of(m->split), (long long)row + 1, (long long)column + 1, x);
}

/* A mean is not finite: tells the first number that explains it. */
static rg_status fail_not_finite(struct moments *m, int64_t column)
{
    const rg_split *split = m->split;
    for (int64_t r = 0; r < split->n_rows; r++) {
        if (!rg__row_is_there(split, r))
            continue;
        if (!split->csr.indptr) {
            read_row(m, r);
            for (int64_t j = 0; j < split->n_features; j++)
                if (!isfinite(m->row[j]))
                    return fail_at(m, r, j, m->row[j]);
            continue;
        }
        for (int64_t k = split->csr.indptr[r]; k < split->csr.indptr[r + 1]; k++)
            if (!isfinite(read_stored(m, k)))
                return fail_at(m, r, split->csr.indices[k], read_stored(m, k));
    }
    return rg__fail(m->ctx, RG_BAD_DATA,
                    "feature %lld (from 1) runs from %g to %g, further than double arithmetic can "
                    "span; scale it down",
                    (long long)rg__input_column(m->inputs, column) + 1, m->low[column],
                    m->high[column]);
}

static rg_status measure(struct moments *m)
{
    bool sparse = m->split->csr.indptr != NULL;
    (sparse ? sparse_first_pass : dense_first_pass)(m);
    for (int64_t j = 0; j < m->inputs->n; j++) {
        double range = m->high[j] - m->low[j];
        if (!isfinite(m->mean[j]) || !isfinite(range))
            return fail_not_finite(m, j);
        m->unit[j] = isfinite(1.0 / range) ? 1.0 / range : 0.0;
    }
    if (m->method != RG_NORMALIZE_MINMAX)
        (sparse ? sparse_second_pass : dense_second_pass)(m);
    return RG_OK;
}

/* Tells of columns that were not constant before they were dropped. */
static void note_lost(const struct moments *m, int64_t n, int64_t first)
{
    if (n > 0)
        rg__log(m->ctx, RG_LOG_WARNING,
                "%lld feature%s with different values that %s cannot separate in double precision "
                "(the first is feature %lld, from 1, which runs from %.17g to %.17g%s); treated as "
                "constant",
                (long long)n, n > 1 ? "s" : "", rg_normalize_name(m->method),
                (long long)rg__input_column(m->inputs, first) + 1, m->low[first], m->high[first],
                m->method == RG_NORMALIZE_LOG1P_ZSCORE ? " after log1p" : "");
}

/* Shift and scale of every column from its moments. Of sparse rows only a column that every row
 * stores is shifted: a shift makes each number that is not stored a number to be stored. */
static rg_status conclude(const struct moments *m, rg_normalization *out)
{
    bool sparse = m->split->csr.indptr != NULL, minmax = m->method == RG_NORMALIZE_MINMAX;
    int64_t n_lost = 0, first_lost = 0;
    for (int64_t j = 0; j < m->inputs->n; j++) {
        double range = m->high[j] - m->low[j];
        double spread = minmax ? range : range * sqrt(m->square[j] / (double)m->count);
        double scale = 1.0 / spread;
        bool varies =
            isfinite(scale) && spread > CONSTANT * fmax(fabs(m->low[j]), fabs(m->high[j]));
        bool shifted = !sparse || (varies && m->stored[j] == (double)m->count);
        if (!shifted && varies && minmax && m->low[j] != 0)
            return rg__fail(m->ctx, RG_BAD_DATA,
                            "minmax on sparse rows: the smallest value of feature %lld (from 1) is "
                            "%g, and some rows do not store it; expected 0 there, or the feature "
                            "in every row; the methods zscore and log1p-zscore need neither",
                            (long long)rg__input_column(m->inputs, j) + 1, m->low[j]);
        out->shift[j] = !shifted ? 0.0 : minmax ? m->low[j] : m->mean[j];
        out->scale[j] = varies ? scale : 0.0;
        if (range > 0 && !varies && n_lost++ == 0)
            first_lost = j;
    }
    note_lost(m, n_lost, first_lost);
    return RG_OK;
}

static rg_status fit_columns(rg_context *ctx, rg_normalize method, const rg_split *split,
                             const struct rg__inputs *inputs, rg_normalization *out)
{
    struct moments m = {.ctx = ctx, .split = split, .method = method, .inputs = inputs};
    out->shift = rg__alloc(ctx, inputs->n, sizeof(double), "normalisation");
    out->scale = rg__alloc(ctx, inputs->n, sizeof(double), "normalisation");
    rg_status status = out->shift && out->scale ? moments_begin(&m) : RG_LIMIT;
    if (status == RG_OK)
        status = measure(&m);
    if (status == RG_OK)
        status = conclude(&m, out);
    rg__free(ctx, m.row);
    if (status != RG_OK)
        rg_normalization_free(ctx, out);
    return status;
}

rg_status rg__normalization_fit(rg_context *ctx, rg_normalize method, const rg_split *split,
                                const struct rg__inputs *inputs, rg_normalization *out)
{
    *out = (rg_normalization){.method = method, .n_features = inputs->n};
    if (!rg_normalize_name(method))
        return rg__fail(ctx, RG_USAGE, "%d is no normalisation; see rg_normalize", (int)method);
    if (!rg__is_fitted(method))
        return RG_OK;
    rg_status status = rg__check_split(ctx, split, name_of(split));
    return status == RG_OK ? fit_columns(ctx, method, split, inputs, out) : status;
}

rg_status rg_normalization_fit(rg_context *ctx, rg_normalize method, const rg_split *split,
                               rg_normalization *out)
{
    rg_status status = rg__require(ctx, "rg_normalization_fit", "split", split, "out", out, NULL);
    if (status != RG_OK)
        return status;
    const struct rg__inputs all = rg__all_inputs(split->n_features);
    return rg__normalization_fit(ctx, method, split, &all, out);
}

void rg_normalization_free(rg_context *ctx, rg_normalization *normalization)
{
    if (!ctx || !normalization)
        return;
    rg__free(ctx, normalization->shift);
    rg__free(ctx, normalization->scale);
    *normalization = (rg_normalization){.method = RG_NORMALIZE_NONE};
}

rg_status rg__check_normalization(rg_context *ctx, const char *who, const rg_normalization *z,
                                  int64_t n_features)
{
    if (!rg_normalize_name(z->method))
        return rg__fail(ctx, RG_USAGE, "%s: %d is no normalisation; see rg_normalize", who,
                        (int)z->method);
    if (z->method != RG_NORMALIZE_NONE && z->n_features != n_features)
        return rg__fail(ctx, RG_USAGE, "%s: a normalisation of %lld features; expected %lld", who,
                        (long long)z->n_features, (long long)n_features);
    if (!rg__is_fitted(z->method))
        return RG_OK;
    if (!z->shift || !z->scale)
        return rg__fail(ctx, RG_USAGE, "%s: %s needs shift and scale", who,
                        rg_normalize_name(z->method));
    for (int64_t j = 0; j < n_features; j++)
        if (!isfinite(z->shift[j]) || !isfinite(z->scale[j]))
            return rg__fail(ctx, RG_USAGE,
                            "%s: feature %lld (from 1) has shift %g and scale %g; expected finite "
                            "numbers",
                            who, (long long)j + 1, z->shift[j], z->scale[j]);
    return RG_OK;
}

/* ---- Applying -------------------------------------------------------------------------------- */

/* Rows (n,F) under way. */
struct job {
    const rg_normalization *normalization;
    const rg_tensor *rows;
    rg_tensor *out;
    int64_t n, n_features;
};

/* n columns of row r, the first of them `column`, by shift and scale. */
INLINED void affine(const struct job *job, int64_t r, int64_t column, int n)
{
    double z[LANES];
    const double *shift = job->normalization->shift + column;
    const double *scale = job->normalization->scale + column;
    int64_t at = r * job->n_features + column;
    load(job->rows->dtype, job->rows->data, at, n, z);
    if (job->normalization->method == RG_NORMALIZE_LOG1P_ZSCORE)
        for (int i = 0; i < n; i++)
            z[i] = rg__signed_log1p(z[i]);
    for (int i = 0; i < n; i++)
        z[i] = (z[i] - shift[i]) * scale[i];
    store(job->out->dtype, job->out->data, at, n, z);
}

static void apply_affine(const struct job *job)
{
    for (int64_t r = 0; r < job->n; r++) {
        int64_t column = 0;
        for (; column + LANES <= job->n_features; column += LANES)
            affine(job, r, column, LANES);
        affine(job, r, column, (int)(job->n_features - column));
    }
}

/* n columns by their own minimum and range over the rows. A NaN is no minimum: it stays NaN and
 * leaves the other rows as they are. A constant column becomes 0. */
INLINED void list_minmax(const struct job *job, int64_t column, int n)
{
    double z[LANES], low[LANES], high[LANES], range[LANES];
    for (int i = 0; i < n; i++) {
        low[i] = HUGE_VAL;
        high[i] = -HUGE_VAL;
    }
    for (int64_t r = 0; r < job->n; r++) {
        load(job->rows->dtype, job->rows->data, r * job->n_features + column, n, z);
        for (int i = 0; i < n; i++) {
            low[i] = z[i] < low[i] ? z[i] : low[i];
            high[i] = z[i] > high[i] ? z[i] : high[i];
        }
    }
    for (int i = 0; i < n; i++)
        range[i] = high[i] > low[i] ? high[i] - low[i] : 1.0;
    for (int64_t r = 0; r < job->n; r++) {
        int64_t at = r * job->n_features + column;
        load(job->rows->dtype, job->rows->data, at, n, z);
        for (int i = 0; i < n; i++)
            z[i] = (z[i] - low[i]) / range[i];
        store(job->out->dtype, job->out->data, at, n, z);
    }
}

static void apply_list_minmax(const struct job *job)
{
    int64_t column = 0;
    for (; column + LANES <= job->n_features; column += LANES)
        list_minmax(job, column, LANES);
    list_minmax(job, column, (int)(job->n_features - column));
}

void rg__normalize_rows(const rg_context *ctx, const rg_normalization *normalization,
                        const rg_tensor *rows, rg_tensor *out)
{
    struct job job = {normalization, rows, out, rows->dims[0], rows->dims[1]};
    if (normalization->method == RG_NORMALIZE_LIST_MINMAX)
        apply_list_minmax(&job);
    else if (rows->dtype == RG_F32 && out->dtype == RG_F32 &&
             (normalization->method == RG_NORMALIZE_ZSCORE ||
              normalization->method == RG_NORMALIZE_MINMAX)) /* what serving does */
        rg__vector_f32(ctx)->shift_and_scale(rows->data, job.n, job.n_features,
                                             normalization->shift, normalization->scale, out->data);
    else if (normalization->method != RG_NORMALIZE_NONE)
        apply_affine(&job);
    else if (rows->data != out->data)
        rg__cast(rows->dtype, rows->data, out->dtype, out->data, rg_tensor_count(rows));
}

rg_status rg_normalization_apply(rg_context *ctx, const rg_normalization *normalization,
                                 const rg_tensor *rows, rg_tensor *out)
{
    static const char who[] = "rg_normalization_apply";
    char from[RG__SHAPE_TEXT], to[RG__SHAPE_TEXT];
    rg_status status =
        rg__require(ctx, who, "normalization", normalization, "rows", rows, "out", out, NULL);
    if (status != RG_OK)
        return status;
    const rg_normalization *z = normalization;
    bool whole = z->method == RG_NORMALIZE_NONE || z->method == RG_NORMALIZE_LIST_MINMAX;
    int64_t count = rg_tensor_count(rows);
    bool typed = rg_dtype_computes(rows->dtype) || rows->dtype == RG_F16;
    if (!rg_normalize_name(z->method) || !typed || !rg_dtype_computes(out->dtype))
        return rg__fail(ctx, RG_USAGE,
                        "%s: method %d from type %d to type %d; expected a method of rg_normalize, "
                        "rows of f16, f32 or f64 and out of f32 or f64",
                        who, (int)z->method, (int)rows->dtype, (int)out->dtype);
    if (rows->ndim != 2 || count < 0 || !rg__same_shape(rows, out) ||
        (!whole && rows->dims[1] != z->n_features))
        return rg__fail(
            ctx, RG_USAGE, "%s: rows %s and out %s for %lld features; expected one shape (n,F)",
            who, rg__shape_text(rows, from), rg__shape_text(out, to), (long long)z->n_features);
    if (count > 0)
        status = rg__require(ctx, who, "rows->data", rows->data, "out->data", out->data, NULL);
    if (count > 0 && status == RG_OK && !whole)
        status = rg__require(ctx, who, "shift", z->shift, "scale", z->scale, NULL);
    if (status == RG_OK && count > 0)
        rg__normalize_rows(ctx, normalization, rows, out);
    return status;
}

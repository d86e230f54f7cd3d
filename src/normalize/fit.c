/* fit.c: shift and scale of every column from the training rows.
 *
 * Columns are worked on LANES at a time: loops of a fixed length become vector code. */
#define RG_REAL 32 /* of the loops in vector.h those for f32 */
#include "base/text_buffer.h"
#include "data/split.h"
#include "normalize/normalize.h"
#include "tensor/tensor.h"
#include "tensor/vector.h"

#include <float.h>

/* A column whose spread is below this part of its largest magnitude, 16 steps of a double, cannot
 * be told from one that is constant but for rounding. A larger limit would drop features with a
 * large offset, such as times in seconds since 1970. */
#define CONSTANT (16 * DBL_EPSILON)

/* What is known of the columns; arrays of `width` doubles in one block. The mean is taken of
 * differences to the first row, each divided by the number of rows: a constant column comes out
 * exact and 1e300 does not overflow. Squares are taken in units of the range. */
struct moments {
    rg_context *ctx;
    const rg_split *split;
    const rg_normalization *normalization; /* being fitted */
    const struct rg__inputs *inputs;
    int64_t width; /* n columns, rounded up to LANES; those behind stay 0 */
    int64_t count; /* rows not masked */
    double *row, *first, *low, *high, *mean, *unit;
    double *square; /* the sum of squares; in the end the deviation */
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
    int64_t n_features = m->split->n_features;
    const rg_tensor *x = &m->split->features;
    const char *row = (const char *)x->data + (size_t)r * rg__stored_row_size(m->split);
    rg__leave_rows(m->split, r);
    if (!m->split->columns)
        rg__cast(x->dtype, row, RG_F64, m->row, n_features);
    for (int64_t j = 0; m->split->columns && j < n_features; j++)
        m->row[j] = rg__element(x->dtype, row, m->split->columns[j]);
    rg__transform(m->normalization, m->row, n_features);
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
    return rg__transform_one(m->normalization,
                             rg__element(m->split->csr.dtype, m->split->csr.data, k));
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
    bool sparse = rg__has_sparse_rows(m->split);
    (sparse ? sparse_first_pass : dense_first_pass)(m);
    for (int64_t j = 0; j < m->inputs->n; j++) {
        double range = m->high[j] - m->low[j];
        if (!isfinite(m->mean[j]) || !isfinite(range))
            return fail_not_finite(m, j);
        m->unit[j] = isfinite(1.0 / range) ? 1.0 / range : 0.0;
    }
    if (!rg__normalization_kind(m->normalization)->needs_deviation)
        return RG_OK;
    (sparse ? sparse_second_pass : dense_second_pass)(m);
    for (int64_t j = 0; j < m->inputs->n; j++)
        m->square[j] = (m->high[j] - m->low[j]) * sqrt(m->square[j] / (double)m->count);
    return RG_OK;
}

void rg__fit_deviation(const void *params, const struct rg__statistics *columns, int64_t n,
                       double *shift, double *spread)
{
    (void)params;
    for (int64_t j = 0; j < n; j++) {
        shift[j] = columns->mean[j];
        spread[j] = columns->deviation[j];
    }
}

void rg__fit_range(const void *params, const struct rg__statistics *columns, int64_t n,
                   double *shift, double *spread)
{
    (void)params;
    for (int64_t j = 0; j < n; j++) {
        shift[j] = columns->low[j];
        spread[j] = columns->high[j] - columns->low[j];
    }
}

/* Warns of n columns, the first of them `first`, that are dropped though they are not constant. */
static void warn_of_lost(const struct moments *m, int64_t n, int64_t first)
{
    const struct rg__normalization_kind *kind = rg__normalization_kind(m->normalization);
    if (n > 0)
        rg__log(m->ctx, RG_LOG_WARNING,
                "%lld feature%s with different values that %s cannot separate in double precision "
                "(the first is feature %lld, from 1, which runs from %.17g to %.17g%s); treated as "
                "constant",
                (long long)n, n > 1 ? "s" : "", kind->component.name,
                (long long)rg__input_column(m->inputs, first) + 1, m->low[first], m->high[first],
                kind->transform ? " after its transform" : "");
}

/* Sparse rows that do not store a column whose shift cannot be left out. */
static rg_status fail_not_least(const struct moments *m, int64_t j)
{
    char others[256] = "";
    struct rg__text_buffer buffer = {others, sizeof others, 0};
    const rg_component *component;
    for (int i = 0; (component = rg_registry_at(rg_normalizations(), i)) != NULL; i++) {
        const struct rg__normalization_kind *kind = (const void *)component;
        if (kind->fit && !kind->by_list && kind->zeros == RG__ZEROS_STAY)
            rg__append(&buffer, "%s%s", others[0] ? ", " : "", component->name);
    }
    return rg__fail(m->ctx, RG_BAD_DATA,
                    "%s on sparse rows: the smallest value of feature %lld (from 1) is %g, and "
                    "some rows do not store it; expected 0 there, or the feature in every row; "
                    "these normalisations need neither: %s",
                    rg__normalization_kind(m->normalization)->component.name,
                    (long long)rg__input_column(m->inputs, j) + 1, m->low[j], others);
}

/* Shift and scale of every column from its moments. Of sparse rows only a column that every row
 * stores is shifted: a shift makes each number that is not stored a number to be stored. */
static rg_status conclude(const struct moments *m, rg_normalization *out)
{
    const struct rg__normalization_kind *kind = rg__normalization_kind(out);
    const struct rg__statistics statistics = {m->low, m->high, m->mean, m->square};
    bool sparse = rg__has_sparse_rows(m->split);
    int64_t n_lost = 0, first_lost = 0;
    kind->fit(&out->choice.params, &statistics, m->inputs->n, out->shift, out->scale);
    for (int64_t j = 0; j < m->inputs->n; j++) {
        double spread = out->scale[j], scale = 1.0 / spread;
        bool varies =
            isfinite(scale) && spread > CONSTANT * fmax(fabs(m->low[j]), fabs(m->high[j]));
        bool shifted = !sparse || (varies && m->stored[j] == (double)m->count);
        if (!shifted && varies && kind->zeros == RG__ZEROS_STAY_LEAST && m->low[j] != 0)
            return fail_not_least(m, j);
        out->shift[j] = shifted ? out->shift[j] : 0.0;
        out->scale[j] = varies ? scale : 0.0;
        if (m->high[j] > m->low[j] && !varies && n_lost++ == 0)
            first_lost = j;
    }
    warn_of_lost(m, n_lost, first_lost);
    return RG_OK;
}

static rg_status fit_columns(rg_context *ctx, const rg_split *split,
                             const struct rg__inputs *inputs, rg_normalization *out)
{
    struct moments m = {.ctx = ctx, .split = split, .normalization = out, .inputs = inputs};
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

rg_status rg__normalization_fit(rg_context *ctx, const rg_choice *choice, const rg_split *split,
                                const struct rg__inputs *inputs, rg_normalization *out)
{
    *out = (rg_normalization){.choice = *choice, .n_features = inputs->n};
    if (!rg__is_fitted(out))
        return RG_OK;
    rg_status status = rg__check_split(ctx, split, name_of(split));
    return status == RG_OK ? fit_columns(ctx, split, inputs, out) : status;
}

rg_status rg_normalization_fit(rg_context *ctx, const char *method, const rg_split *split,
                               rg_normalization *out)
{
    rg_choice choice;
    rg_status status = rg__require(ctx, "rg_normalization_fit", "method", method, "split", split,
                                   "out", out, NULL);
    if (status == RG_OK)
        status = rg_choice_parse(ctx, rg_normalizations(), method, &choice);
    if (status != RG_OK)
        return status;
    const struct rg__inputs all = rg__all_inputs(split->n_features);
    return rg__normalization_fit(ctx, &choice, split, &all, out);
}

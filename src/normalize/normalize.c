/* normalize.c: the table of normalisations, and rows under one.
 *
 * All is computed in double and rounded once. Columns are worked on LANES at a time: loops of a
 * fixed length become vector code. */
#define RG_REAL 32 /* of the loops in vector.h those for f32 */
#include "normalize/normalize.h"

#include "tensor/tensor.h"
#include "tensor/vector.h"

static const rg_component *normalization_at(int i)
{
    static const struct rg__normalization_kind *const table[] = {
#define RG_NORMALIZATION(id, passes) &rg__normalization_##id,
#include "normalize/normalizations.def"
#undef RG_NORMALIZATION
    };
    return i < RG__COUNT(table) ? &table[i]->component : NULL;
}

const rg_registry *rg_normalizations(void)
{
    static const rg_registry registry = {.what = "normalisation", .at = normalization_at};
    return &registry;
}

/* Whether it is one of the table; a caller may have filled it in. */
static bool is_known(const rg_normalization *z)
{
    int i = 0;
    while (normalization_at(i) && normalization_at(i) != z->choice.component)
        i++;
    return !z->choice.component || normalization_at(i);
}

static rg_status fail_unknown(rg_context *ctx, const char *who)
{
    return rg__fail(ctx, RG_USAGE, "%s: the normalisation is not one of rg_normalizations()", who);
}

rg_status rg__check_normalization(rg_context *ctx, const char *who, const rg_normalization *z,
                                  int64_t n_features)
{
    if (!is_known(z))
        return fail_unknown(ctx, who);
    if (!rg__keeps_numbers(z) && z->n_features != n_features)
        return rg__fail(ctx, RG_USAGE, "%s: a normalisation of %lld features; expected %lld", who,
                        (long long)z->n_features, (long long)n_features);
    if (!rg__is_fitted(z))
        return RG_OK;
    if (!z->shift || !z->scale)
        return rg__fail(ctx, RG_USAGE, "%s: %s needs shift and scale", who,
                        z->choice.component->name);
    for (int64_t j = 0; j < n_features; j++)
        if (!isfinite(z->shift[j]) || !isfinite(z->scale[j]))
            return rg__fail(ctx, RG_USAGE,
                            "%s: feature %lld (from 1) has shift %g and scale %g; expected finite "
                            "numbers",
                            who, (long long)j + 1, z->shift[j], z->scale[j]);
    return RG_OK;
}

const char *rg_normalization_unit(const rg_normalization *normalization)
{
    return normalization ? rg__normalization_kind(normalization)->unit : NULL;
}

void rg_normalization_free(rg_context *ctx, rg_normalization *normalization)
{
    if (!ctx || !normalization)
        return;
    rg__free(ctx, normalization->shift);
    rg__free(ctx, normalization->scale);
    *normalization = (rg_normalization){.shift = NULL};
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

/* ---- Applying -------------------------------------------------------------------------------- */

/* Rows (n,F) under way. */
struct job {
    const rg_normalization *normalization;
    const rg_tensor *rows;
    rg_tensor *out;
    int64_t n, n_features;
};

/* z (n) = t of the numbers from `at` on. */
INLINED void load_transformed(const struct job *job, int64_t at, int n, double *z)
{
    load(job->rows->dtype, job->rows->data, at, n, z);
    rg__transform(job->normalization, z, n);
}

/* n columns of row r, the first of them `column`, by shift and scale. */
INLINED void affine(const struct job *job, int64_t r, int64_t column, int n)
{
    double z[LANES];
    const double *shift = job->normalization->shift, *scale = job->normalization->scale;
    int64_t at = r * job->n_features + column;
    load_transformed(job, at, n, z);
    for (int i = 0; shift && i < n; i++)
        z[i] = (z[i] - shift[column + i]) * scale[column + i];
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

void rg__fit_list(const rg_normalization *z, const double *low, const double *high, int n,
                  double *shift, double *spread)
{
    const struct rg__statistics statistics = {.low = low, .high = high};
    rg__normalization_kind(z)->fit(&z->choice.params, &statistics, n, shift, spread);
    for (int i = 0; i < n; i++)
        spread[i] = spread[i] > 0 ? spread[i] : 1.0;
}

/* The least and greatest t(x) of n columns over the rows. The compiler keeps them in registers, as
 * it cannot keep the caller's arrays. */
INLINED void find_range(const struct job *job, int64_t column, int n, double *low, double *high)
{
    double z[LANES], least[LANES], greatest[LANES];
    for (int i = 0; i < n; i++) {
        least[i] = HUGE_VAL;
        greatest[i] = -HUGE_VAL;
    }
    for (int64_t r = 0; r < job->n; r++) {
        load_transformed(job, r * job->n_features + column, n, z);
        for (int i = 0; i < n; i++) {
            least[i] = z[i] < least[i] ? z[i] : least[i];
            greatest[i] = z[i] > greatest[i] ? z[i] : greatest[i];
        }
    }
    for (int i = 0; i < n; i++) {
        low[i] = least[i];
        high[i] = greatest[i];
    }
}

/* n columns by their own statistics over the rows. */
INLINED void by_list(const struct job *job, int64_t column, int n)
{
    double z[LANES], low[LANES], high[LANES], fitted[2][LANES], shift[LANES], spread[LANES];
    find_range(job, column, n, low, high);
    rg__fit_list(job->normalization, low, high, n, fitted[0], fitted[1]);
    for (int i = 0; i < n; i++) {
        shift[i] = fitted[0][i];
        spread[i] = fitted[1][i];
    }
    for (int64_t r = 0; r < job->n; r++) {
        int64_t at = r * job->n_features + column;
        load_transformed(job, at, n, z);
        for (int i = 0; i < n; i++)
            z[i] = (z[i] - shift[i]) / spread[i];
        store(job->out->dtype, job->out->data, at, n, z);
    }
}

static void apply_by_list(const struct job *job)
{
    int64_t column = 0;
    for (; column + LANES <= job->n_features; column += LANES)
        by_list(job, column, LANES);
    by_list(job, column, (int)(job->n_features - column));
}

void rg__normalize_rows(const rg_context *ctx, const rg_normalization *normalization,
                        const rg_tensor *rows, rg_tensor *out)
{
    const struct rg__normalization_kind *kind = rg__normalization_kind(normalization);
    struct job job = {normalization, rows, out, rows->dims[0], rows->dims[1]};
    if (rg__keeps_numbers(normalization)) {
        if (rows->data != out->data)
            rg__cast(rows->dtype, rows->data, out->dtype, out->data, rg_tensor_count(rows));
    } else if (kind->by_list) {
        apply_by_list(&job);
    } else if (rows->dtype == RG_F32 && out->dtype == RG_F32 && !kind->transform) {
        rg__vector_f32(ctx)->shift_and_scale(rows->data, job.n, job.n_features, /* for serving */
                                             normalization->shift, normalization->scale, out->data);
    } else {
        apply_affine(&job);
    }
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
    if (!is_known(z))
        return fail_unknown(ctx, who);
    bool fitted = rg__is_fitted(z), typed = rg_dtype_computes(rows->dtype) || rows->dtype == RG_F16;
    int64_t count = rg_tensor_count(rows);
    if (!typed || !rg_dtype_computes(out->dtype))
        return rg__fail(ctx, RG_USAGE,
                        "%s: from type %d to type %d; expected rows of f16, f32 or f64 and out of "
                        "f32 or f64",
                        who, (int)rows->dtype, (int)out->dtype);
    if (rows->ndim != 2 || count < 0 || !rg__same_shape(rows, out) ||
        (fitted && rows->dims[1] != z->n_features))
        return rg__fail(
            ctx, RG_USAGE, "%s: rows %s and out %s for %lld features; expected one shape (n,F)",
            who, rg__shape_text(rows, from), rg__shape_text(out, to), (long long)z->n_features);
    if (count > 0)
        status = rg__require(ctx, who, "rows->data", rows->data, "out->data", out->data, NULL);
    if (count > 0 && status == RG_OK && fitted)
        status = rg__require(ctx, who, "shift", z->shift, "scale", z->scale, NULL);
    if (status == RG_OK && count > 0)
        rg__normalize_rows(ctx, normalization, rows, out);
    return status;
}

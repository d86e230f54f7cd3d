/* test_normalize.c: each method against the same formula written out in long double, extreme
 * scales, masks, sparse rows, bad numbers, and one row alone against the row among others. */
#include "check.h"

#include "base/base.h"
#include "base/random.h"
#include "tensor/tensor.h"

enum { ROWS = 200, FEATURES = 37, CELLS = ROWS * FEATURES };

static rg_context *ctx;

static int setup(void **state)
{
    (void)state;
    ctx = rg_context_create(NULL);
    return ctx ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    rg_context_destroy(ctx);
    return 0;
}

static rg_split dense(rg_dtype dtype, int64_t n, int64_t n_features, void *x)
{
    return (rg_split){.name = "train",
                      .n_rows = n,
                      .n_features = n_features,
                      .features = {dtype, 2, {n, n_features}, x}};
}

/* A normal column each, of mean and deviation `scale` times something near 1. */
static void fill(double *x, double scale, uint64_t seed)
{
    for (int i = 0; i < CELLS; i++)
        x[i] = scale * (1.5 + rg_normal(seed, RG__STREAM_SAMPLES, 0, (uint64_t)i));
}

/* The longhand, in long double, which also has the range for squares of 1e300. */
static void longhand(const double *x, int column, const uint8_t *mask, bool logarithm, double *mean,
                     double *deviation)
{
    long double sum = 0, square = 0;
    int n = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int r = 0; r < ROWS; r++) {
            double v = x[r * FEATURES + column];
            if (logarithm)
                v = v < 0 ? -log1p(-v) : log1p(v);
            if (mask && !mask[r])
                continue;
            if (pass == 0) {
                sum += (long double)v;
                n++;
            } else {
                long double d = (long double)v - sum / n;
                square += d * d;
            }
        }
    *mean = (double)(sum / n);
    *deviation = (double)sqrtl(square / n);
}

static void check_zscore(const char *method, rg_split *split, const double *x)
{
    rg_normalization z;
    assert_ok(ctx, rg_normalization_fit(ctx, method, split, &z));
    assert_int_equal(z.n_features, FEATURES);
    for (int j = 0; j < FEATURES; j++) {
        double mean, deviation;
        longhand(x, j, split->mask, same_text(method, "log1p-zscore"), &mean, &deviation);
        assert_close(z.shift[j], mean, 1e-13, 1e-13 * deviation);
        assert_close(z.scale[j], 1 / deviation, 1e-12, 0);
    }
    rg_normalization_free(ctx, &z);
    assert_null(z.shift);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *name; /* NULL: unknown */
        bool fitted;
        const char *unit;
    } members[] = {
        {"none", "none", false, NULL},
        {"zscore", "zscore", true, "deviation"},
        {"log1p-zscore", "log1p-zscore", true, "deviation of log1p"},
        {"log1p_zscore", "log1p-zscore", true, "deviation of log1p"},
        {"minmax", "minmax", true, "range"},
        {"list-minmax", "list-minmax", false, NULL},
        {" list_minmax ( ) ", "list-minmax", false, NULL},
        {"list-minma", NULL, false, NULL},
        {"list-minmaxx", NULL, false, NULL},
        {"list-minmax-", NULL, false, NULL},
        {"zscore(p=1)", NULL, false, NULL},
        {"Zscore", NULL, false, NULL},
        {"", NULL, false, NULL},
    };
    double x[] = {0, 1, 1, 3};
    rg_split split = dense(RG_F64, 2, 2, x);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        rg_normalization z = {.n_features = -1};
        rg_status status = rg_normalization_fit(ctx, members[i].text, &split, &z);
        assert_int_equal(status, members[i].name ? RG_OK : RG_USAGE);
        if (!members[i].name)
            continue;
        assert_string_equal(z.choice.component->name, members[i].name);
        assert_int_equal(z.shift != NULL, members[i].fitted);
        const char *unit = rg_normalization_unit(&z);
        assert_string_equal(unit ? unit : "", members[i].unit ? members[i].unit : "");
        rg_normalization_free(ctx, &z);
    }
    rg_normalization z;
    assert_fails(ctx, RG_USAGE,
                 "normalisation \"robust\" is unknown; expected one of none, zscore, log1p-zscore, "
                 "minmax, list-minmax",
                 rg_normalization_fit(ctx, "robust", &split, &z));
}

static void test_moments_at_any_scale(void **state)
{
    (void)state;
    static const double scales[] = {1, 1e-30, 1e-300, 1e38, 1e300};
    double *x = malloc(CELLS * sizeof *x);
    for (int i = 0; i < 5; i++) {
        fill(x, scales[i], 1);
        rg_split split = dense(RG_F64, ROWS, FEATURES, x);
        check_zscore("zscore", &split, x);
        check_zscore("log1p-zscore", &split, x);
    }
    free(x);
}

/* Values of each storage type, widened for the longhand: the same moments. */
static void test_storage_types(void **state)
{
    (void)state;
    static const rg_dtype types[] = {RG_F32, RG_F16};
    double *x = malloc(CELLS * sizeof *x);
    void *stored = malloc(CELLS * sizeof(float));
    for (int i = 0; i < 2; i++) {
        fill(x, types[i] == RG_F32 ? 1e37 : 1, 2);
        rg__cast(RG_F64, x, types[i], stored, CELLS);
        rg__cast(types[i], stored, RG_F64, x, CELLS);
        rg_split split = dense(types[i], ROWS, FEATURES, stored);
        check_zscore("zscore", &split, x);
    }
    free(stored);
    free(x);
}

static void test_masked_rows_do_not_count(void **state)
{
    (void)state;
    double *x = malloc(CELLS * sizeof *x);
    uint8_t mask[ROWS];
    fill(x, 1, 3);
    for (int r = 0; r < ROWS; r++) {
        mask[r] = r % 3 != 0; /* the first row too */
        for (int j = 0; !mask[r] && j < FEATURES; j++)
            x[r * FEATURES + j] = j % 2 ? (double)NAN : 1e9;
    }
    rg_split split = dense(RG_F64, ROWS, FEATURES, x);
    split.mask = mask;
    check_zscore("zscore", &split, x);

    memset(mask, 0, sizeof mask);
    rg_normalization z;
    assert_fails(ctx, RG_BAD_DATA, "200 rows, all masked",
                 rg_normalization_fit(ctx, "zscore", &split, &z));
    split = dense(RG_F64, 0, FEATURES, NULL);
    assert_fails(ctx, RG_BAD_DATA, "no rows", rg_normalization_fit(ctx, "minmax", &split, &z));
    free(x);
}

static void test_constant_columns_have_scale_0(void **state)
{
    (void)state;
    /* constant; constant but for rounding; tiny yet real spread; 0; range beneath 1 / DBL_MAX */
    double x[] = {0.1, 1e6,        1e6,        0, 1e-320, //
                  0.1, 1e6 + 1e-9, 1e6 + 1e-3, 0, 2e-320, //
                  0.1, 1e6,        1e6,        0, 1e-320};
    static const bool varies[] = {false, false, true, false, false};
    rg_split split = dense(RG_F64, 3, 5, x);
    for (int i = 0; normalization_at(i); i++) {
        const char *method = normalization_at(i);
        rg_normalization z;
        assert_ok(ctx, rg_normalization_fit(ctx, method, &split, &z));
        if (!z.shift) /* none, or by list */
            continue;
        for (int j = 0; j < 5; j++)
            if (!same_text(method, "log1p-zscore") || j != 2)
                assert_int_equal(z.scale[j] != 0, varies[j]);
        double out[15];
        rg_tensor to = {RG_F64, 2, {3, 5}, out};
        rg_normalization_apply(ctx, &z, &split.features, &to);
        for (int r = 0; r < 3; r++)
            assert_close(out[r * 5], 0, 0, 0);
        rg_normalization_free(ctx, &z);
    }
}

/* A large offset, and steps that are small beside it: differences between normalised values stay
 * those of the stored values, whatever the method. */
static void test_offsets_keep_differences(void **state)
{
    (void)state;
    static const struct {
        double offset, step;
        rg_dtype stored;
    } members[] = {{1.7e9, 1, RG_F64},       {1.7e9, 1e-3, RG_F64}, {1.7e9, 1e-5, RG_F64},
                   {-1.7e9, 1e-4, RG_F64},   {1e12, 1e-2, RG_F64},  {1e15, 8, RG_F64},
                   {-4e14, 1, RG_F64},       {1, 1e-13, RG_F64},    {1e300, 1e288, RG_F64},
                   {1e-290, 1e-302, RG_F64}, {1.7e9, 128, RG_F32},  {-1.7e9, 512, RG_F32},
                   {1.7e12, 131072, RG_F32}, {3, 1e-6, RG_F32},     {1e38, 1e32, RG_F32},
                   {2048, 2, RG_F16}};
    double x[ROWS];
    char stored[sizeof x];
    float out[ROWS];
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        for (int m = 1; normalization_at(m); m++) { /* 0: none */
            const char *method = normalization_at(m);
            for (int r = 0; r < ROWS; r++)
                x[r] = members[i].offset + r * 37 % ROWS * members[i].step;
            rg__cast(RG_F64, x, members[i].stored, stored, ROWS);
            rg__cast(members[i].stored, stored, RG_F64, x, ROWS);
            rg_split split = dense(members[i].stored, ROWS, 1, stored);
            rg_tensor to = {RG_F32, 2, {ROWS, 1}, out};
            rg_normalization z;
            assert_ok(ctx, rg_normalization_fit(ctx, method, &split, &z));
            rg_normalization_apply(ctx, &z, &split.features, &to);
            rg_normalization_free(ctx, &z);
            double steps = (x[27] - x[0]) / members[i].step; /* row 27 has the greatest value */
            assert_close(steps, ROWS - 1, 0.01, 0);
            double tolerance = same_text(method, "log1p-zscore") ? 0.05 : 1e-5;
            for (int r = 0; r < ROWS; r++)
                assert_close((double)(out[r] - out[0]) / (double)(out[27] - out[0]),
                             (x[r] - x[0]) / (x[27] - x[0]), 0, tolerance);
        }
}

/* Values that a method cannot tell apart are not dropped without a word. */
static void count_warnings(void *user, rg_log_level level, const char *message)
{
    if (level == RG_LOG_WARNING && strstr(message, "cannot separate in double precision"))
        ++*(int *)user;
}

static void test_lost_columns_are_told(void **state)
{
    (void)state;
    int n = 0;
    rg_context_options options = rg_context_options_default();
    options.log = count_warnings;
    options.log_user = &n;
    rg_context *loud = rg_context_create(&options);
    double x[] = {1e9, 7, 1e9 + 1e-6, 7}; /* 1e9 and its next but seven; a constant */
    rg_split split = dense(RG_F64, 2, 2, x);
    rg_normalization z;
    assert_ok(loud, rg_normalization_fit(loud, "log1p-zscore", &split, &z));
    rg_normalization_free(loud, &z);
    assert_int_equal(n, 0); /* equal after log1p: nothing is left to separate */
    assert_ok(loud, rg_normalization_fit(loud, "minmax", &split, &z));
    assert_close(z.scale[0], 0, 0, 0);
    rg_normalization_free(loud, &z);
    assert_int_equal(n, 1);
    x[0] = 7;
    assert_ok(loud, rg_normalization_fit(loud, "minmax", &split, &z));
    rg_normalization_free(loud, &z);
    assert_int_equal(n, 1);
    rg_context_destroy(loud);
}

static void test_minmax(void **state)
{
    (void)state;
    float x[] = {1, -1e38f, 5, 3, 3e38f, 5, 2, 0, 5};
    static const double expected[] = {0, 0, 0, 1, 1, 0, 0.5, 0.25, 0};
    rg_split split = dense(RG_F32, 3, 3, x);
    rg_normalization z;
    assert_ok(ctx, rg_normalization_fit(ctx, "minmax", &split, &z));
    rg_normalization_apply(ctx, &z, &split.features, &split.features); /* in place */
    for (int i = 0; i < 9; i++)
        assert_close((double)x[i], expected[i], 1e-7, 0);
    rg_normalization_free(ctx, &z);
}

static void test_list_minmax(void **state)
{
    (void)state;
    double nan = (double)NAN, x[3 * 18], out[3 * 18];
    for (int j = 0; j < 18; j++) { /* one full group of columns and a rest */
        x[j] = j;
        x[18 + j] = j + 4;
        x[36 + j] = j + 1;
    }
    x[18 + 5] = nan; /* of column 5 remain 5 and 6 */
    x[7] = x[18 + 7] = x[36 + 7] = 0.1;
    rg_split split = dense(RG_F64, 3, 18, x);
    rg_normalization z;
    assert_ok(ctx, rg_normalization_fit(ctx, "list-minmax", &split, &z));
    assert_null(z.shift);
    rg_tensor to = {RG_F64, 2, {3, 18}, out};
    rg_normalization_apply(ctx, &z, &split.features, &to);
    for (int j = 0; j < 18; j++) {
        assert_close(out[j], 0, 0, 0);
        assert_close(out[18 + j], j == 5 ? nan : j == 7 ? 0 : 1, 0, 0);
        assert_close(out[36 + j], j == 5 ? 1 : j == 7 ? 0 : 0.25, 0, 0);
    }
}

static void test_none_converts(void **state)
{
    (void)state;
    double x[] = {1, 2.5, -3, 1e300};
    float out[4];
    rg_split split = dense(RG_F64, 2, 2, x);
    rg_tensor to = {RG_F32, 2, {2, 2}, out};
    rg_normalization z;
    assert_ok(ctx, rg_normalization_fit(ctx, "none", &split, &z));
    rg_normalization_apply(ctx, &z, &split.features, &to);
    assert_close((double)out[1], 2.5, 0, 0);
    assert_close((double)out[3], HUGE_VAL, 0, 0);
    rg_normalization_apply(ctx, &z, &split.features, &split.features);
    assert_close(x[2], -3, 0, 0);
}

/* Every pair of types, against the formula in double rounded once; and each row alone. */
static void test_apply_every_type(void **state)
{
    (void)state;
    static const rg_dtype from[] = {RG_F16, RG_F32, RG_F64}, to[] = {RG_F32, RG_F64};
    double *x = malloc(CELLS * sizeof *x);
    double *rows = malloc(CELLS * sizeof *rows), *out = malloc(CELLS * sizeof *out);
    fill(x, 1, 4);
    rg__cast(RG_F64, x, RG_F16, rows, CELLS);
    rg__cast(RG_F16, rows, RG_F64, x, CELLS); /* numbers that every type holds */
    for (int c = 0; c < 12; c++) {
        rg_dtype a = from[c % 3], b = to[c / 3 % 2];
        const char *method = c < 6 ? "zscore" : "log1p-zscore";
        rg__cast(RG_F64, x, a, rows, CELLS);
        rg_split split = dense(a, ROWS, FEATURES, rows);
        rg_normalization z;
        assert_ok(ctx, rg_normalization_fit(ctx, method, &split, &z));
        rg_tensor result = {b, 2, {ROWS, FEATURES}, out};
        rg_normalization_apply(ctx, &z, &split.features, &result);
        for (int i = 0; i < CELLS; i++) {
            double t = c < 6 ? x[i] : x[i] < 0 ? -log1p(-x[i]) : log1p(x[i]);
            double expected = (t - z.shift[i % FEATURES]) * z.scale[i % FEATURES];
            if (b == RG_F32)
                assert_close((double)((float *)out)[i], (double)(float)expected, 0, 0);
            else
                assert_close(out[i], expected, 0, 0);
        }
        double alone[FEATURES];
        char *row = (char *)rows + 100 * FEATURES * rg_dtype_size(a);
        rg_tensor one = {a, 2, {1, FEATURES}, row}, one_out = {b, 2, {1, FEATURES}, alone};
        rg_normalization_apply(ctx, &z, &one, &one_out);
        size_t bytes = FEATURES * rg_dtype_size(b);
        assert_memory_equal(alone, (char *)out + 100 * bytes, bytes);
        rg_normalization_free(ctx, &z);
    }
    free(out);
    free(rows);
    free(x);
}

/* The rows of `dense` as compressed rows; arrays are the caller's. */
static rg_split sparse(const rg_split *rows, const float *x, int64_t *indptr, int32_t *indices,
                       float *data)
{
    int64_t n = 0;
    for (int64_t r = 0; r < rows->n_rows; r++) {
        for (int32_t j = 0; j < rows->n_features; j++)
            if (x[r * rows->n_features + j] != 0) {
                indices[n] = j;
                data[n++] = x[r * rows->n_features + j];
            }
        indptr[r + 1] = n;
    }
    rg_split split = *rows;
    split.features.data = NULL;
    split.csr = (rg_csr){rows->n_rows, rows->n_features, indptr, indices, RG_F32, data};
    return split;
}

/* A column that every valid row stores is shifted as a dense one, others never. */
static void test_sparse_equals_dense_but_for_the_shift(void **state)
{
    (void)state;
    float *x = malloc(CELLS * sizeof *x), *data = malloc(CELLS * sizeof *data);
    int32_t *indices = malloc(CELLS * sizeof *indices);
    int64_t indptr[ROWS + 1] = {0};
    uint8_t mask[ROWS];
    for (int i = 0; i < CELLS; i++) {
        double u = rg_uniform(5, RG__STREAM_SAMPLES, 0, (uint64_t)i);
        x[i] = u < 0.7 && i % FEATURES != 3 ? 0.0f : (float)(1e3 * u); /* column 3 is full */
    }
    for (int r = 0; r < ROWS; r++) {
        mask[r] = r % 4 != 1;
        x[r * FEATURES + 5] = r % 2 ? 0.0f : -1 - (float)r; /* column 5 is never above 0 */
        x[r * FEATURES + 6] = 0;                            /* column 6 is empty */
    }
    rg_split rows = dense(RG_F32, ROWS, FEATURES, x);
    rows.mask = mask;
    rg_split csr = sparse(&rows, x, indptr, indices, data);
    static const char *const methods[] = {"zscore", "log1p-zscore"};
    for (int m = 0; m < 2; m++) {
        const char *method = methods[m];
        rg_normalization a, b;
        assert_ok(ctx, rg_normalization_fit(ctx, method, &rows, &a));
        assert_ok(ctx, rg_normalization_fit(ctx, method, &csr, &b));
        for (int j = 0; j < FEATURES; j++) {
            assert_close(b.scale[j], a.scale[j], 1e-12, 0);
            assert_close(b.shift[j], j == 3 ? a.shift[j] : 0, 1e-12, 0);
        }
        rg_normalization_free(ctx, &a);
        rg_normalization_free(ctx, &b);
    }
    rg_normalization z;
    assert_fails(ctx, RG_BAD_DATA, "the smallest value of feature 6 (from 1) is -199",
                 rg_normalization_fit(ctx, "minmax", &csr, &z));
    assert_null(z.shift);
    for (int r = 0; r < ROWS; r++) {
        x[r * FEATURES + 3] = 7 + (float)(r == 0); /* every row stores it: a shift fills nothing */
        x[r * FEATURES + 4] = 7;                   /* constant: no shift is needed */
        x[r * FEATURES + 5] = -x[r * FEATURES + 5];
    }
    csr = sparse(&rows, x, indptr, indices, data);
    assert_ok(ctx, rg_normalization_fit(ctx, "minmax", &csr, &z));
    assert_close(z.shift[3], 7, 0, 0);
    assert_close(z.scale[3], 1, 0, 0);
    assert_close(z.scale[4], 0, 0, 0);
    assert_close(z.shift[4], 0, 0, 0);
    assert_true(z.scale[2] > 1e-3 && z.scale[2] < 1.1e-3);
    rg_normalization_free(ctx, &z);
    free(indices);
    free(data);
    free(x);
}

static void test_bad_numbers_are_told(void **state)
{
    (void)state;
    double x[] = {1, 2, 3, 4, (double)NAN, 6};
    rg_split split = dense(RG_F64, 3, 2, x);
    rg_normalization z;
    assert_fails(ctx, RG_BAD_DATA, "train: row 3, feature 1 (both from 1) is nan",
                 rg_normalization_fit(ctx, "zscore", &split, &z));
    assert_null(z.shift);
    x[4] = -HUGE_VAL;
    assert_fails(ctx, RG_BAD_DATA, "is -inf", rg_normalization_fit(ctx, "minmax", &split, &z));
    x[4] = 1.7e308;
    x[0] = -1.7e308;
    assert_fails(ctx, RG_BAD_DATA, "feature 1 (from 1) runs from -1.7e+308 to 1.7e+308",
                 rg_normalization_fit(ctx, "zscore", &split, &z));
    float data[] = {1, NAN};
    int64_t indptr[] = {0, 1, 1, 2};
    int32_t indices[] = {0, 1};
    split.csr = (rg_csr){3, 2, indptr, indices, RG_F32, data};
    assert_fails(ctx, RG_BAD_DATA, "row 3, feature 2",
                 rg_normalization_fit(ctx, "zscore", &split, &z));
    assert_fails(ctx, RG_USAGE, "\"9\" is unknown", rg_normalization_fit(ctx, "9", &split, &z));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_moments_at_any_scale),
        cmocka_unit_test(test_storage_types),
        cmocka_unit_test(test_masked_rows_do_not_count),
        cmocka_unit_test(test_constant_columns_have_scale_0),
        cmocka_unit_test(test_offsets_keep_differences),
        cmocka_unit_test(test_lost_columns_are_told),
        cmocka_unit_test(test_minmax),
        cmocka_unit_test(test_list_minmax),
        cmocka_unit_test(test_none_converts),
        cmocka_unit_test(test_apply_every_type),
        cmocka_unit_test(test_sparse_equals_dense_but_for_the_shift),
        cmocka_unit_test(test_bad_numbers_are_told),
    };
    return cmocka_run_group_tests(tests, setup, teardown) != 0;
}

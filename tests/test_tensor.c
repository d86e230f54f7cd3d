/* test_tensor.c: element types, shapes, casts, broadcasting, the matrix product, sums in lanes.
 *
 * Each is compared with a simple reference: a search among all halves, long double, an index
 * computed axis by axis, three nested loops. */
#include "check.h"

#include "base/random.h"
#include "tensor/blas_threads.h"
#include "tensor/broadcast.h"
#include "tensor/tensor.h"

#include <float.h>

/* Includes lanes.h and vector.h in both precisions; names that are the same in both are renamed in
 * the first. */
#define RG_REAL           32
#define real              real_f32
#define LANES             LANES_f32
#define RG__PRODUCT_BLOCK PRODUCT_BLOCK_f32
#include "tensor/lanes.h"
#include "tensor/vector.h"
#undef RG_REAL
#undef real
#undef LANES
#undef RG__PRODUCT_BLOCK
#undef F
#undef M
#undef REAL_TYPE
#undef RG_TENSOR_REAL_H
#undef RG_TENSOR_LANES_H
#undef RG_TENSOR_VECTOR_H
#define RG_REAL 64
#include "tensor/blas.h"
#include "tensor/lanes.h"
#include "tensor/vector.h"

static rg_context *ctx;

static int set_up(void **state)
{
    (void)state;
    ctx = rg_context_create(NULL);
    return ctx ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rg_context_destroy(ctx);
    return 0;
}

/* The next random whole number in [low, high]. */
static int64_t random_integer(int64_t low, int64_t high)
{
    static uint64_t n;
    double u = rg_uniform(11, RG__STREAM_SAMPLES, 0, n++);
    return low + (int64_t)(u * (double)(high - low + 1));
}

static bool same_number(long double a, long double b)
{
    return isnan(a) || isnan(b) ? isnan(a) && isnan(b) : a == b && !signbit(a) == !signbit(b);
}

/* ---- Types and shapes ---- */

static void types_have_names_and_sizes(void **state)
{
    (void)state;
    const size_t sizes[] = {4, 8, 2, 1, 1, 4, 8};
    assert_int_equal(RG__COUNT(sizes), RG_DTYPE_COUNT);
    for (int i = 0; i < RG_DTYPE_COUNT; i++) {
        assert_non_null(rg_dtype_name((rg_dtype)i));
        assert_int_equal(rg_dtype_size((rg_dtype)i), sizes[i]);
        assert_int_equal(rg_dtype_computes((rg_dtype)i), i == RG_F32 || i == RG_F64);
    }
    assert_string_equal(rg_dtype_name(RG_F16), "f16");
    assert_string_equal(rg_dtype_name(RG_I64), "i64");
    for (int i = -1; i <= RG_DTYPE_COUNT; i += RG_DTYPE_COUNT + 1) {
        assert_null(rg_dtype_name((rg_dtype)i));
        assert_int_equal(rg_dtype_size((rg_dtype)i), 0);
        assert_false(rg_dtype_computes((rg_dtype)i));
    }
}

static void counts_are_checked(void **state)
{
    (void)state;
    const int64_t huge = (int64_t)1 << 32, most = INT64_MAX;
    const struct {
        rg_tensor t;
        int64_t count;
    } cases[] = {
        {{RG_F32, 0, {0}, NULL}, 1},
        {{RG_F32, 1, {5}, NULL}, 5},
        {{RG_F64, 3, {2, 3, 4}, NULL}, 24},
        {{RG_F64, 8, {2, 2, 2, 2, 2, 2, 2, 2}, NULL}, 256},
        {{RG_F64, 9, {1, 1, 1, 1, 1, 1, 1, 1}, NULL}, -1},
        {{RG_F64, -1, {1}, NULL}, -1},
        {{RG_F32, 2, {3, 0}, NULL}, 0},
        {{RG_F32, 3, {huge, 0, huge}, NULL}, 0}, /* empty, whatever the other extents */
        {{RG_F32, 3, {0, huge, huge}, NULL}, 0},
        {{RG_F32, 2, {0, -1}, NULL}, -1},
        {{RG_F32, 2, {-1, 0}, NULL}, -1},
        {{RG_F32, 2, {-huge, -huge}, NULL}, -1},
        {{RG_U8, 1, {INT64_MAX}, NULL}, most},
        {{RG_F16, 1, {INT64_MAX / 2}, NULL}, most / 2},
        {{RG_F16, 1, {INT64_MAX / 2 + 1}, NULL}, -1}, /* the limit applies to bytes, not elements */
        {{RG_I64, 1, {INT64_MAX / 8 + 1}, NULL}, -1},
        {{RG_U8, 2, {huge, huge / 2}, NULL}, -1},
        {{RG_U8, 2, {huge, huge}, NULL}, -1},
        {{RG_DTYPE_COUNT, 1, {1}, NULL}, -1},
        {{(rg_dtype)-1, 1, {1}, NULL}, -1},
    };
    for (int i = 0; i < RG__COUNT(cases); i++)
        if (rg_tensor_count(&cases[i].t) != cases[i].count)
            fail_msg("case %d: %lld", i, (long long)rg_tensor_count(&cases[i].t));
    assert_int_equal(rg__tensor_bytes(&cases[2].t), 192);
}

static void shapes_as_text(void **state)
{
    (void)state;
    char text[RG__SHAPE_TEXT], expected[RG__SHAPE_TEXT] = "(";
    rg_tensor scalar = {.ndim = 0}, a = {.ndim = 2, .dims = {20, -3}}, b = a, longest = {.ndim = 8};
    assert_string_equal(rg__shape_text(&scalar, text), "()");
    assert_string_equal(rg__shape_text(&a, text), "(20,-3)");
    for (int i = 0; i < 8; i++) {
        longest.dims[i] = INT64_MIN;
        strcat(expected, i < 7 ? "-9223372036854775808," : "-9223372036854775808)");
    }
    assert_string_equal(rg__shape_text(&longest, text), expected);
    longest.ndim = 9; /* invalid, but still printed */
    assert_string_equal(rg__shape_text(&longest, text), expected);
    b.dims[2] = 7; /* not part of the shape */
    assert_true(rg__same_shape(&a, &b));
    b.dims[1] = 3;
    assert_false(rg__same_shape(&a, &b));
    b = a;
    b.ndim = 1;
    assert_false(rg__same_shape(&a, &b));
    assert_true(rg__same_shape(&scalar, &scalar));
}

/* ---- Halves ---- */

/* The value of a half, computed by the definition in IEEE 754. */
static long double half_value(uint16_t half)
{
    int exponent = half >> 10 & 31, fraction = half & 1023;
    long double sign = half >> 15 ? -1 : 1;
    if (exponent == 31)
        return sign * (fraction ? (long double)NAN : (long double)INFINITY);
    return sign * ldexpl((exponent ? 1024 : 0) + fraction, (exponent ? exponent : 1) - 25);
}

/* The half nearest to x >= 0, ties to even, found by bisection. */
static uint16_t nearest_half(long double x)
{
    uint16_t low = 0, high = 0x7c00;
    if (isnan(x))
        return 0x7e00;
    if (x >= 65536)
        return 0x7c00;
    while (high - low > 1) {
        uint16_t middle = (uint16_t)((low + high) / 2);
        *(half_value(middle) <= x ? &low : &high) = middle;
    }
    long double above = high == 0x7c00 ? 65536 : half_value(high);
    long double down = x - half_value(low), up = above - x;
    return down < up || (down == up && low % 2 == 0) ? low : high;
}

static void every_half_round_trips(void **state)
{
    (void)state;
    for (int h = 0; h <= UINT16_MAX; h++) {
        uint16_t half = (uint16_t)h;
        float value = rg__half_to_float(half);
        uint16_t back = rg__double_to_half((double)value);
        assert_true(same_number((long double)value, half_value(half)));
        if (isnan(value))
            assert_true((back & 0x7fff) > 0x7c00);
        else
            assert_int_equal(back, half);
    }
}

/* Ties round to even and other values to the nearest half, also where f32 cannot represent the
 * difference, which shows that doubles are not rounded twice. */
static void halves_round_once(void **state)
{
    (void)state;
    for (uint16_t h = 0; h < 0x7c00; h++) {
        double low = (double)half_value(h);
        double high = h == 0x7bff ? 65536 : (double)half_value((uint16_t)(h + 1));
        double middle = low + (high - low) / 2;
        uint16_t next = (uint16_t)(h + 1), even = h % 2 ? next : h;
        assert_int_equal(rg__double_to_half(middle), even);
        assert_int_equal(rg__double_to_half(-middle), even | 0x8000);
        assert_int_equal(rg__double_to_half(nextafter(middle, 0)), h);
        assert_int_equal(rg__double_to_half(nextafter(middle, 1e9)), next);
        assert_int_equal(nearest_half((long double)middle), even);
    }
    assert_int_equal(rg__double_to_half(1e300), 0x7c00);
    assert_int_equal(rg__double_to_half(-HUGE_VAL), 0xfc00);
    assert_int_equal(rg__double_to_half(5e-324), 0);
    assert_int_equal(rg__double_to_half(-5e-324), 0x8000);
    assert_int_equal(rg__double_to_half((double)NAN) & 0x7c00, 0x7c00);
}

/* ---- Casts ---- */

static const double reals[] = {
    0.0,
    -0.0,
    0.5,
    -0.5,
    0.99999,
    1,
    -1,
    1.5,
    2.5,
    127,
    128,
    254.5,
    255,
    255.5,
    256,
    -255,
    2147483646.5,
    2147483647,
    2147483647.5,
    2147483648.0,
    -2147483648.0,
    -2147483648.5,
    -2147483649.0,
    4294967296.0,
    0x1p53,
    0x1p62,
    0x1.fffffffffffffp62,
    0x1p63,
    -0x1p63,
    -0x1.0000000000001p63,
    0x1p64,
    1e300,
    -1e300,
    INFINITY,
    -INFINITY,
    NAN,
    5e-324,
    -5e-324,
    2.2250738585072014e-308,
    65504,
    65519.999,
    65520,
    -65520,
    0x1p-24,
    0x1p-25,
    0x1.0000001p-25,
    0x1.8p-24,
    16777217,
    0x1.0000010000001p0,
    0x1.fffffep127,
    0x1.fffffefffffffp127,
    0x1.ffffffp127,
    0x1p-149,
    0x1p-150,
    0x1.0000000000001p-150,
    3.4028236e38,
    -3.5e38,
};
static const int64_t integers[] = {
    0,
    1,
    -1,
    127,
    128,
    255,
    256,
    -128,
    2048,
    2049,
    65504,
    65519,
    65520,
    16777217,
    INT32_MAX,
    INT32_MIN, /* up to here they fit i32 */
    (int64_t)INT32_MAX + 1,
    (int64_t)INT32_MIN - 1,
    ((int64_t)1 << 53) + 1,
    ((int64_t)1 << 62) + ((int64_t)1 << 38) + 1, /* to f32 it rounds up; through f64, down */
    -((int64_t)1 << 62) - ((int64_t)1 << 38) - 1,
    ((int64_t)1 << 40) + (1 << 16) - 1,
    INT64_MAX,
    INT64_MAX - 1,
    INT64_MIN,
    INT64_MIN + 1,
};
enum { IN_I32 = 16, MAX_VALUES = 65536 }; /* the first 16 fit i32 */

union values {
    float f32[MAX_VALUES];
    double f64[MAX_VALUES];
    uint16_t f16[MAX_VALUES];
    uint8_t u8[MAX_VALUES];
    int32_t i32[MAX_VALUES];
    int64_t i64[MAX_VALUES];
};

/* Fills in values of a type to test: all of them, or the interesting ones; returns their number. */
static int values_of(rg_dtype type, union values *v)
{
    int n = 0;
    switch (type) {
    case RG_F32:
        for (; n < RG__COUNT(reals); n++)
            v->f32[n] = (float)reals[n];
        return n;
    case RG_F64: memcpy(v, reals, sizeof reals); return RG__COUNT(reals);
    case RG_F16:
        for (; n < 65536; n++)
            v->f16[n] = (uint16_t)n;
        return n;
    case RG_BOOL:
        v->u8[0] = 0;
        v->u8[1] = 1;
        return 2;
    case RG_U8:
        for (; n < 256; n++)
            v->u8[n] = (uint8_t)n;
        return n;
    case RG_I32:
        for (; n < IN_I32; n++)
            v->i32[n] = (int32_t)integers[n];
        return n;
    default: memcpy(v, integers, sizeof integers); return RG__COUNT(integers);
    }
}

static long double value_at(rg_dtype type, const union values *v, int i)
{
    switch (type) {
    case RG_F32: return (long double)v->f32[i];
    case RG_F64: return (long double)v->f64[i];
    case RG_F16: return half_value(v->f16[i]);
    case RG_I32: return v->i32[i];
    case RG_I64: return v->i64[i];
    default: return v->u8[i];
    }
}

static long double clamped(long double x, long double low, long double high)
{
    return isnan(x) ? 0 : x < low ? low : x > high ? high : truncl(x) + 0 /* no -0 */;
}

/* The expected result of converting x to a type: a long double rounded once. */
static long double converted(long double x, rg_dtype type)
{
    switch (type) {
    case RG_F32: return (long double)(float)x;
    case RG_F64: return (long double)(double)x;
    case RG_F16: return copysignl(half_value(nearest_half(fabsl(x))), x);
    case RG_BOOL: return x != 0;
    case RG_U8: return clamped(x, 0, UINT8_MAX);
    case RG_I32: return clamped(x, INT32_MIN, INT32_MAX);
    default: return clamped(x, (long double)INT64_MIN, (long double)INT64_MAX);
    }
}

static void casts_of_extreme_values(void **state)
{
    (void)state;
#if LDBL_MANT_DIG < 64
    skip(); /* long double cannot represent every int64_t here */
#endif
    union values *from = calloc(1, sizeof *from), *to = calloc(1, sizeof *to);
    for (rg_dtype f = 0; f < RG_DTYPE_COUNT; f++)
        for (rg_dtype t = 0; t < RG_DTYPE_COUNT; t++) {
            int n = values_of(f, from);
            rg_tensor source = {f, 1, {n}, from}, target = {t, 1, {n}, to};
            assert_ok(ctx, rg_tensor_cast(ctx, &source, &target));
            for (int i = 0; i < n; i++) {
                long double x = value_at(f, from, i), y = value_at(t, to, i);
                if (!same_number(y, converted(x, t)))
                    fail_msg("%Lg of %s became %Lg of %s; expected %Lg", x, rg_dtype_name(f), y,
                             rg_dtype_name(t), converted(x, t));
            }
        }
    free(from);
    free(to);
}

static void casts_of_examples(void **state)
{
    (void)state;
    double x[] = {(double)NAN, 1e300, -1e300, 2.9, -0.0};
    rg_tensor from = {RG_F64, 1, {5}, x};
    int64_t i64[5];
    uint8_t u8[5], set[5];
    float f32[5];
    assert_ok(ctx, rg_tensor_cast(ctx, &from, &(rg_tensor){RG_I64, 1, {5}, i64}));
    assert_memory_equal(i64, ((int64_t[]){0, INT64_MAX, INT64_MIN, 2, 0}), sizeof i64);
    assert_ok(ctx, rg_tensor_cast(ctx, &from, &(rg_tensor){RG_U8, 1, {5}, u8}));
    assert_memory_equal(u8, ((uint8_t[]){0, 255, 0, 2, 0}), 5);
    assert_ok(ctx, rg_tensor_cast(ctx, &from, &(rg_tensor){RG_BOOL, 1, {5}, set}));
    assert_memory_equal(set, ((uint8_t[]){1, 1, 1, 1, 0}), 5); /* NaN != 0 */
    assert_ok(ctx, rg_tensor_cast(ctx, &from, &(rg_tensor){RG_F32, 1, {5}, f32}));
    assert_true(isnan(f32[0]) && f32[1] == INFINITY && f32[2] == -INFINITY && signbit(f32[4]));
}

static void invalid_casts_are_errors(void **state)
{
    (void)state;
    double x[6] = {0};
    float y[6] = {1, 1, 1, 1, 1, 1};
    rg_tensor a = {RG_F64, 2, {2, 3}, x}, b = {RG_F32, 2, {3, 2}, y}, flat = {RG_F32, 1, {6}, y};
    assert_fails(ctx, RG_BAD_DATA, "from (2,3) to (3,2)", rg_tensor_cast(ctx, &a, &b));
    assert_fails(ctx, RG_BAD_DATA, "from (2,3) to (6)", rg_tensor_cast(ctx, &a, &flat));
    rg_tensor same = {RG_F32, 2, {2, 3}, y};
    for (int ndim = -1; ndim <= 9; ndim += 10) {
        a.ndim = same.ndim = ndim;
        assert_fails(ctx, RG_BAD_DATA, "invalid shape", rg_tensor_cast(ctx, &a, &same));
    }
    rg_tensor good = {RG_F64, 1, {6}, x};
    rg_tensor untyped = {RG_DTYPE_COUNT, 1, {6}, y}, negative = {RG_F32, 1, {-6}, y};
    assert_fails(ctx, RG_BAD_DATA, "invalid shape", rg_tensor_cast(ctx, &good, &untyped));
    assert_fails(ctx, RG_BAD_DATA, "invalid shape", rg_tensor_cast(ctx, &untyped, &good));
    assert_fails(ctx, RG_BAD_DATA, "(-6)", rg_tensor_cast(ctx, &negative, &negative));
    for (int i = 0; i < 6; i++)
        assert_true(y[i] == 1);
    rg_tensor none = {RG_F64, 2, {0, 3}, NULL}, nothing = {RG_I32, 2, {0, 3}, NULL};
    assert_ok(ctx, rg_tensor_cast(ctx, &none, &nothing));
    nothing.dims[1] = 4;
    assert_fails(ctx, RG_BAD_DATA, "(0,4)", rg_tensor_cast(ctx, &none, &nothing));
}

/* ---- Broadcasting ---- */

static rg_tensor shape_of(int ndim, const int64_t *dims)
{
    rg_tensor t = {.dtype = RG_F64, .ndim = ndim};
    for (int i = 0; i < ndim; i++)
        t.dims[i] = dims[i];
    return t;
}

/* NumPy's rule: shapes are aligned at their last axes, missing axes have extent 1, and two extents
 * are compatible if they are equal or one of them is 1. */
static bool numpy_shape(const rg_tensor *a, const rg_tensor *b, rg_tensor *out)
{
    *out = shape_of(a->ndim > b->ndim ? a->ndim : b->ndim, (int64_t[RG_MAX_DIMS]){0});
    for (int i = 1; i <= out->ndim; i++) {
        int64_t x = i <= a->ndim ? a->dims[a->ndim - i] : 1;
        int64_t y = i <= b->ndim ? b->dims[b->ndim - i] : 1;
        if (x != y && x != 1 && y != 1)
            return false;
        out->dims[out->ndim - i] = x == 1 ? y : x;
    }
    return true;
}

/* The index in operand t of element `y` of the result, computed from its index along each axis. */
static int64_t operand_index(const rg_tensor *t, const rg_tensor *out, int64_t y)
{
    int64_t at = 0, step = 1;
    for (int i = 1; i <= t->ndim; i++) {
        int64_t extent = t->dims[t->ndim - i], along = out->dims[out->ndim - i];
        at += extent == 1 ? 0 : y % along * step;
        step *= extent;
        y /= along;
    }
    return at;
}

/* Iterates, compares every index, and returns the number of runs. */
static int count_runs(const rg_tensor *a, const rg_tensor *b)
{
    rg_tensor out = {.dtype = RG_F64};
    assert_true(rg__broadcast_shape(a, b, &out));
    int64_t done = 0;
    int n = 0;
    struct rg__broadcast_iter r;
    rg__broadcast_begin(a, b, &out, &r);
    for (; rg__broadcast_next(&r); n++) {
        assert_int_equal(r.y, done);
        assert_true(r.step_a == 0 || r.step_a == 1);
        assert_true(r.step_b == 0 || r.step_b == 1);
        for (int64_t i = 0; i < r.length; i++) {
            assert_int_equal(r.a + i * r.step_a, operand_index(a, &out, r.y + i));
            assert_int_equal(r.b + i * r.step_b, operand_index(b, &out, r.y + i));
        }
        done += r.length;
    }
    assert_int_equal(done, rg_tensor_count(&out));
    return n;
}

static rg_tensor random_shape(void)
{
    static const int64_t extents[] = {0, 1, 1, 1, 1, 2, 2, 2, 3, 3};
    int64_t dims[4];
    for (int i = 0; i < 4; i++)
        dims[i] = extents[random_integer(0, 9)];
    return shape_of((int)random_integer(0, 4), dims);
}

static void broadcasting_follows_numpy(void **state)
{
    (void)state;
    int fit = 0, empty = 0;
    for (int i = 0; i < 20000; i++) {
        rg_tensor a = random_shape(), b = random_shape(), expected;
        rg_tensor out = {.ndim = 3, .dims = {7, 8, 9}};
        bool fits = numpy_shape(&a, &b, &expected);
        assert_int_equal(rg__broadcast_shape(&a, &b, &out), fits);
        if (!fits)
            continue;
        assert_true(rg__same_shape(&out, &expected));
        count_runs(&a, &b);
        fit++;
        empty += rg_tensor_count(&expected) == 0;
    }
    assert_in_range(fit, 5000, 19000);
    assert_true(empty > 500);
}

/* Adjacent axes are merged where both operands allow it. */
static void runs_are_as_long_as_possible(void **state)
{
    (void)state;
    const struct {
        rg_tensor a, b;
        int runs;
    } cases[] = {
        {{RG_F64, 0, {0}, NULL}, {RG_F64, 0, {0}, NULL}, 1},
        {{RG_F64, 3, {2, 3, 4}, NULL}, {RG_F64, 3, {2, 3, 4}, NULL}, 1},
        {{RG_F64, 3, {2, 3, 4}, NULL}, {RG_F64, 0, {0}, NULL}, 1},
        {{RG_F64, 3, {1, 3, 4}, NULL}, {RG_F64, 2, {3, 4}, NULL}, 1},
        {{RG_F64, 3, {2, 3, 4}, NULL}, {RG_F64, 1, {4}, NULL}, 6},
        {{RG_F64, 3, {2, 3, 4}, NULL}, {RG_F64, 3, {1, 3, 4}, NULL}, 2},
        {{RG_F64, 3, {2, 3, 4}, NULL}, {RG_F64, 3, {2, 1, 1}, NULL}, 2},
        {{RG_F64, 3, {2, 3, 4}, NULL}, {RG_F64, 2, {3, 1}, NULL}, 6},
        {{RG_F64, 2, {5, 1}, NULL}, {RG_F64, 2, {1, 4}, NULL}, 5},
        {{RG_F64, 3, {2, 3, 0}, NULL}, {RG_F64, 1, {1}, NULL}, 0},
        {{RG_F64, 8, {1, 2, 1, 2, 1, 2, 1, 2}, NULL},
         {RG_F64, 8, {2, 1, 2, 1, 2, 1, 2, 1}, NULL},
         128},
        {{RG_F64, 8, {1, 2, 1, 2, 1, 2, 1, 2}, NULL}, {RG_F64, 7, {2, 1, 2, 1, 2, 1, 1}, NULL}, 8},
        {{RG_F64, 8, {2, 2, 2, 2, 2, 2, 2, 2}, NULL}, {RG_F64, 4, {2, 2, 2, 2}, NULL}, 16},
    };
    for (int i = 0; i < RG__COUNT(cases); i++) {
        assert_int_equal(count_runs(&cases[i].a, &cases[i].b), cases[i].runs);
        assert_int_equal(count_runs(&cases[i].b, &cases[i].a), cases[i].runs);
    }
}

/* The product of the extents of an empty result may overflow. */
static void empty_shapes_of_any_extent(void **state)
{
    (void)state;
    const int64_t huge = (int64_t)1 << 40;
    rg_tensor a = shape_of(4, (int64_t[]){0, huge, huge, huge});
    rg_tensor b = shape_of(4, (int64_t[]){1, huge, 1, huge});
    rg_tensor c = shape_of(4, (int64_t[]){huge, huge, huge, 0});
    assert_int_equal(count_runs(&a, &b), 0);
    assert_int_equal(count_runs(&a, &a), 0);
    assert_int_equal(count_runs(&c, &c), 0);
}

/* ---- The matrix product ---- */

struct product {
    bool trans_a, trans_b, add;
    int64_t m, n, k;
    double *a, *b, *c; /* c: the matrix that the product is added to */
};

/* C[i,j] as a sum in double. */
static double reference_element(const struct product *p, int64_t i, int64_t j)
{
    double sum = p->add ? p->c[i * p->n + j] : 0;
    for (int64_t t = 0; t < p->k; t++)
        sum += p->a[p->trans_a ? t * p->m + i : i * p->k + t] *
               p->b[p->trans_b ? j * p->k + t : t * p->n + j];
    return sum;
}

static void multiply(const struct product *p, bool wide, double *c)
{
    size_t m = (size_t)p->m, n = (size_t)p->n, k = (size_t)p->k;
    void *scratch = k > RG__PRODUCT_BLOCK ? malloc(m * n * 2 * sizeof(double)) : NULL;
    memcpy(c, p->c, m * n * sizeof *c);
    if (wide) {
        rg__gemm_f64(p->trans_a, p->trans_b, p->m, p->n, p->k, p->a, p->b, c, p->add, scratch);
    } else {
        float *x = malloc((m * k + k * n + m * n + 1) * sizeof *x), *y = x + m * k, *z = y + k * n;
        rg__cast(RG_F64, p->a, RG_F32, x, p->m * p->k);
        rg__cast(RG_F64, p->b, RG_F32, y, p->k * p->n);
        rg__cast(RG_F64, p->c, RG_F32, z, p->m * p->n);
        rg__gemm_f32(p->trans_a, p->trans_b, p->m, p->n, p->k, x, y, z, p->add, scratch);
        rg__cast(RG_F32, z, RG_F64, c, p->m * p->n);
        free(x);
    }
    free(scratch);
}

/* Fills x with whole numbers from -3 to 3, so that all sums are exact in both precisions. */
static void fill(double *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (double)random_integer(-3, 3);
}

static void check_product(struct product *p)
{
    size_t count = (size_t)(p->m * p->n);
    double *c = malloc((count + 1) * sizeof *c);
    p->a = malloc((size_t)(p->m * p->k + 1) * sizeof *p->a);
    p->b = malloc((size_t)(p->k * p->n + 1) * sizeof *p->b);
    p->c = malloc((count + 1) * sizeof *p->c);
    fill(p->a, p->m * p->k);
    fill(p->b, p->k * p->n);
    fill(p->c, (int64_t)count);
    for (size_t i = 0; i < count && !p->add; i++)
        p->c[i] = (double)NAN; /* must not be read */
    for (int wide = 0; wide < 2; wide++) {
        multiply(p, wide, c);
        for (int64_t i = 0; i < p->m * p->n; i++)
            if (!(c[i] == reference_element(p, i / p->n, i % p->n)))
                fail_msg("(%d,%d,%d) trans %d %d, add %d, f%d: c[%d] = %g, expected %g", (int)p->m,
                         (int)p->n, (int)p->k, p->trans_a, p->trans_b, p->add, wide ? 64 : 32,
                         (int)i, c[i], reference_element(p, i / p->n, i % p->n));
    }
    free(p->a);
    free(p->b);
    free(p->c);
    free(c);
}

static void matrix_products(void **state)
{
    (void)state;
    const int64_t shapes[][3] = {
        {1, 1, 1},    {2, 3, 4},    {5, 1, 7},    {1, 6, 3},     {17, 13, 31}, {70, 33, 65},
        {0, 3, 2},    {3, 0, 2},    {2, 3, 0},    {0, 0, 0},     {0, 2, 0},    {3, 2, 4095},
        {3, 2, 4096}, {3, 2, 4097}, {1, 1, 4097}, {2, 5, 10000}, {0, 2, 5000},
    };
    for (int i = 0; i < RG__COUNT(shapes); i++)
        for (int bits = 0; bits < 8; bits++) {
            const int64_t *s = shapes[i];
            struct product p = {bits & 1, bits & 2, bits & 4, s[0], s[1], s[2], NULL, NULL, NULL};
            check_product(&p);
        }
}

/* More rows than are given to BLAS in one call. */
static void products_of_many_rows(void **state)
{
    (void)state;
    for (int trans_a = 0; trans_a < 2; trans_a++) {
        struct product p = {trans_a, false, false, (1 << 20) + 3, 2, 2, NULL, NULL, NULL};
        check_product(&p);
    }
}

/* Blocks of 4,096 terms are added in double: in f32, 2^24 + 1 + 1 + 1 would give 2^24. With `add`
 * the old value is added in double, too. */
static void blocks_are_added_in_double(void **state)
{
    (void)state;
    enum { K = 3 * RG__PRODUCT_BLOCK + 1 };
    float *a = calloc(K, sizeof *a), b[2 * K], c[2] = {1, 1};
    double scratch[4]; /* 2 doubles, 2 floats */
    a[0] = 0x1p24f;
    a[RG__PRODUCT_BLOCK] = a[2 * RG__PRODUCT_BLOCK] = a[3 * RG__PRODUCT_BLOCK] = 1;
    for (int i = 0; i < 2 * K; i++)
        b[i] = 1;
    rg__gemm_f32(false, false, 1, 2, K, a, b, c, false, scratch);
    assert_close((double)c[0], 0x1p24 + 4, 0, 0); /* 2^24 + 3 is a tie and rounds to even */
    c[0] = c[1] = 1;
    a[3 * RG__PRODUCT_BLOCK] = 0;
    rg__gemm_f32(false, false, 1, 2, K, a, b, c, false, scratch);
    assert_close((double)c[1], 0x1p24 + 2, 0, 0);
    c[0] = c[1] = 2;
    rg__gemm_f32(false, false, 1, 2, K, a, b, c, true, scratch);
    assert_close((double)c[1], 0x1p24 + 4, 0, 0);
    free(a);
}

static void blas_threads_are_set_and_returned(void **state)
{
    (void)state;
    int before = rg__blas_set_threads(1);
    assert_true(before >= 1);
    assert_int_equal(rg__blas_set_threads(2), 1);
    int two = rg__blas_set_threads(before);
    assert_in_range(two, 1, 2); /* 1 if OpenBLAS was built without threads */
}

/* ---- Sums in lanes ---- */

static double rounded(double x, bool wide)
{
    return wide ? x : (double)(float)x;
}

/* The reference: element i is added to lane i mod the number of lanes, and the upper half of the
 * lanes is then added to the lower half until one is left. */
static double reference_sum(const double *x, const double *w, int64_t n, bool wide)
{
    double acc[16] = {0};
    int lanes = wide ? 8 : 16;
    bool narrow_sums = w && !wide; /* dot products are summed in f32, sums in double */
    for (int64_t i = 0; i < n; i++) {
        double term = w ? rounded(x[i] * w[i], wide) : x[i];
        acc[i % lanes] = rounded(acc[i % lanes] + term, !narrow_sums);
    }
    for (int width = lanes / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            acc[i] = rounded(acc[i] + acc[i + width], !narrow_sums);
    return acc[0];
}

static double reference_dot(const double *x, const double *w, int64_t n, bool wide)
{
    double total = 0;
    for (int64_t begin = 0; begin < n; begin += 4096)
        total += reference_sum(x + begin, w + begin, n - begin < 4096 ? n - begin : 4096, wide);
    return rounded(total, wide);
}

/* The dot product of two vectors at the context's level. */
static double dot_f64(const double *x, const double *w, int64_t n)
{
    double y;
    rg__vector_f64(ctx)->dot_rows(x, false, 1, n, w, &y);
    return y;
}

static float dot_f32(const float *x, const float *w, int64_t n)
{
    float y;
    rg__vector_f32(ctx)->dot_rows(x, false, 1, n, w, &y);
    return y;
}

static const int64_t lengths[] = {0,  1,  2,  7,  8,  9,    15,   16,   17,   31,
                                  32, 33, 63, 64, 65, 1000, 4095, 4096, 4097, 8215};
enum { MAX_LENGTH = 8215 };

/* The bits are those of the reference for any alignment of the data. */
static void sums_have_the_same_bits_at_any_alignment(void **state)
{
    (void)state;
    static double x[MAX_LENGTH], w[MAX_LENGTH], wide_x[MAX_LENGTH + 16], wide_w[MAX_LENGTH + 16];
    static float narrow_x[MAX_LENGTH + 16], narrow_w[MAX_LENGTH + 16];
    for (uint64_t i = 0; i < MAX_LENGTH; i++) {
        double scale = pow(10, (double)(i % 23) - 11); /* so that sums in double are rounded, too */
        x[i] = rounded(rg_normal(3, RG__STREAM_SAMPLES, 0, i) * scale, false);
        w[i] = rounded(rg_normal(3, RG__STREAM_SAMPLES, 1, i), false);
    }
    for (int offset = 0; offset < 16; offset++) {
        memcpy(wide_x + offset, x, sizeof x);
        memcpy(wide_w + 15 - offset, w, sizeof w);
        rg__cast(RG_F64, x, RG_F32, narrow_x + offset, MAX_LENGTH);
        rg__cast(RG_F64, w, RG_F32, narrow_w + 15 - offset, MAX_LENGTH);
        for (int i = 0; i < RG__COUNT(lengths); i++) {
            int64_t n = lengths[i];
            assert_close(lane_sum_f64(wide_x + offset, n), reference_sum(x, NULL, n, true), 0, 0);
            assert_close(lane_sum_f32(narrow_x + offset, n), reference_sum(x, NULL, n, false), 0,
                         0);
            for (int level = 1, widest = ctx->level; level <= 4; level++) {
                ctx->level = level < widest ? level : widest; /* 2 is treated as 1 */
                assert_close(dot_f64(wide_x + offset, wide_w + 15 - offset, n),
                             reference_dot(x, w, n, true), 0, 0);
                assert_close((double)dot_f32(narrow_x + offset, narrow_w + 15 - offset, n),
                             reference_dot(x, w, n, false), 0, 0);
                ctx->level = widest;
            }
        }
    }
}

static void sums_of_integers_are_exact(void **state)
{
    (void)state;
    static double x[MAX_LENGTH], w[MAX_LENGTH];
    static float narrow_x[MAX_LENGTH], narrow_w[MAX_LENGTH];
    fill(x, MAX_LENGTH);
    fill(w, MAX_LENGTH);
    rg__cast(RG_F64, x, RG_F32, narrow_x, MAX_LENGTH);
    rg__cast(RG_F64, w, RG_F32, narrow_w, MAX_LENGTH);
    for (int i = 0; i < RG__COUNT(lengths); i++) {
        double sum = 0, dot = 0;
        for (int64_t k = 0; k < lengths[i]; k++) {
            sum += x[k];
            dot += x[k] * w[k];
        }
        assert_close(lane_sum_f64(x, lengths[i]), sum, 0, 0);
        assert_close(lane_sum_f32(narrow_x, lengths[i]), sum, 0, 0);
        assert_close(dot_f64(x, w, lengths[i]), dot, 0, 0);
        assert_close((double)dot_f32(narrow_x, narrow_w, lengths[i]), dot, 0, 0);
    }
    narrow_x[MAX_LENGTH - 1] = NAN; /* in the tail */
    x[0] = (double)INFINITY;
    assert_true(isnan(lane_sum_f32(narrow_x, MAX_LENGTH)));
    assert_true(isnan(dot_f32(narrow_x, narrow_w, MAX_LENGTH)));
    assert_close(lane_sum_f64(x, MAX_LENGTH), (double)INFINITY, 0, 0);
}

/* f32 is summed in double: in f32, adding ones to 2^24 would leave it unchanged. */
static void sums_are_in_double(void **state)
{
    (void)state;
    static float x[MAX_LENGTH];
    for (int i = 0; i < MAX_LENGTH; i++)
        x[i] = i == 0 ? 0x1p24f : 1;
    assert_close(lane_sum_f32(x, MAX_LENGTH), 0x1p24 + MAX_LENGTH - 1, 0, 0);
}

static void finite_is_every_number(void **state)
{
    (void)state;
    enum { N = 21 };
    float x[N];
    double z[N];
    for (int i = 0; i < N; i++) {
        x[i] = i % 2 ? -1e30f : 1e-30f;
        z[i] = (double)x[i];
    }
    rg_tensor single = {RG_F32, 1, {N}, x}, wide = {RG_F64, 1, {N}, z};
    assert_true(rg__all_finite(&single) && rg__all_finite(&wide));
    const double bad[] = {(double)NAN, (double)INFINITY, -(double)INFINITY};
    for (int i = 0; i < N; i++)
        for (int k = 0; k < 3; k++) {
            double before = z[i];
            z[i] = bad[k];
            x[i] = (float)bad[k];
            assert_true(!rg__all_finite(&single) && !rg__all_finite(&wide));
            z[i] = before;
            x[i] = (float)before;
        }
    single.dims[0] = wide.dims[0] = 0;
    assert_true(rg__all_finite(&single) && rg__all_finite(&wide));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(types_have_names_and_sizes),
        TEST(counts_are_checked),
        TEST(shapes_as_text),
        TEST(every_half_round_trips),
        TEST(halves_round_once),
        TEST(casts_of_extreme_values),
        TEST(casts_of_examples),
        TEST(invalid_casts_are_errors),
        TEST(broadcasting_follows_numpy),
        TEST(runs_are_as_long_as_possible),
        TEST(empty_shapes_of_any_extent),
        TEST(matrix_products),
        TEST(products_of_many_rows),
        TEST(blocks_are_added_in_double),
        TEST(blas_threads_are_set_and_returned),
        TEST(sums_have_the_same_bits_at_any_alignment),
        TEST(sums_of_integers_are_exact),
        TEST(sums_are_in_double),
        TEST(finite_is_every_number),
    };
    RUN_TESTS(tests);
}

/* test_vector.c: the loops of vector.c give the same bits at all x86-64 levels of this machine, and
 * exp is within 1 ulp, on a sample or, if RANKGRAD_SLOW is set, on all 2^32 floats. */
#define RG_REAL 32
#include "check.h"

#include "base/pool.h"
#include "base/random.h"
#include "tensor/elementary.h"
#include "tensor/tensor.h"
#include "tensor/vector.h"

static rg_context *ctx;
static const struct rg__vector_f32 *level[3];
static int n_levels;

static int set_up(void **state)
{
    (void)state;
    ctx = rg_context_create(NULL);
    const int all[] = {1, 3, 4}, widest = ctx->level;
    for (n_levels = 0; n_levels < 3 && all[n_levels] <= widest; n_levels++) {
        ctx->level = all[n_levels];
        level[n_levels] = rg__vector_f32(ctx);
    }
    ctx->level = widest;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rg_context_destroy(ctx);
    return 0;
}

static void fill(float *x, int64_t n, uint64_t what)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)rg_normal(3, RG__STREAM_SAMPLES, what, (uint64_t)i);
}

enum { MAX_WIDTH = 9000, WIDTHS = 12 };
static const int64_t widths[WIDTHS] = {0, 1, 3, 4, 7, 15, 16, 17, 46, 136, 4097, MAX_WIDTH};

/* The reference: term k is added to lane k mod 16, and the upper half of the lanes is then added to
 * the lower half until one is left. */
static float reference_dot(const float *x, const float *w, int64_t n)
{
    double total = 0;
    for (int64_t from = 0; from < n; from += RG__PRODUCT_BLOCK) {
        volatile float lane[16] = {0};
        for (int64_t k = from; k < n && k < from + RG__PRODUCT_BLOCK; k++)
            lane[k % 16] = lane[k % 16] + x[k] * w[k];
        for (int half = 8; half > 0; half /= 2)
            for (int i = 0; i < half; i++)
                lane[i] = lane[i] + lane[i + half];
        total += (double)lane[0];
    }
    return (float)total;
}

/* Rows that both types represent exactly, followed by a NaN, which must not be read. */
struct rows {
    uint16_t half[21 * MAX_WIDTH + 1];
    float x[21 * MAX_WIDTH + 1];
};

static void fill_rows(struct rows *rows, int64_t n, uint64_t what)
{
    fill(rows->x, n, what);
    for (int64_t i = 0; i <= n; i++) {
        rows->half[i] = i < n ? rg__double_to_half((double)rows->x[i]) : 0x7e00;
        rows->x[i] = rg__half_to_float(rows->half[i]);
    }
}

static void dot_products_sum_in_lanes(void **state)
{
    (void)state;
    static struct rows rows;
    static float w[MAX_WIDTH], y[2][3];
    fill(w, MAX_WIDTH, 2);
    for (int l = 0; l < n_levels; l++)
        for (int i = 0; i < WIDTHS; i++)
            for (int at = 0; at < 2; at++) { /* aligned and unaligned */
                fill_rows(&rows, 3 * widths[i] + at, 1);
                level[l]->dot_rows(rows.x + at, false, 3, widths[i], w, y[0]);
                level[l]->dot_rows(rows.half + at, true, 3, widths[i], w, y[1]);
                for (int r = 0; r < 3; r++) {
                    float expected = reference_dot(rows.x + at + r * widths[i], w, widths[i]);
                    assert_memory_equal(&y[0][r], &expected, sizeof expected);
                    assert_memory_equal(&y[1][r], &expected, sizeof expected);
                }
            }
}

static void rows_are_added_in_order(void **state)
{
    (void)state;
    enum { ROWS = 21 };
    static struct rows rows;
    static float g[ROWS], sum[2][MAX_WIDTH], expected[MAX_WIDTH];
    fill(g, ROWS, 4);
    for (int l = 0; l < n_levels; l++)
        for (int i = 0; i < WIDTHS; i++) {
            int64_t n = widths[i];
            fill_rows(&rows, ROWS * n, 3);
            for (int64_t k = 0; k < n; k++)
                expected[k] = sum[0][k] = sum[1][k] = 0.5f;
            for (int64_t m = 0; m < ROWS; m++)
                for (int64_t k = 0; k < n; k++)
                    expected[k] = expected[k] + g[m] * rows.x[m * n + k];
            level[l]->add_rows(rows.x, false, ROWS, n, g, sum[0]);
            level[l]->add_rows(rows.half, true, ROWS, n, g, sum[1]);
            for (int half = 0; half < 2; half++)
                assert_memory_equal(sum[half], expected, (size_t)n * sizeof expected[0]);
        }
}

/* Converts every half, as 0 + 1 x, in one row and in rows of one element. */
static void every_half(void **state)
{
    (void)state;
    enum { ALL = 1 << 16 };
    static uint16_t half[ALL];
    static float wide[ALL], single[ALL];
    const float one = 1;
    for (int i = 0; i < ALL; i++)
        half[i] = (uint16_t)i;
    for (int l = 0; l < n_levels; l++) {
        memset(wide, 0, sizeof wide);
        level[l]->add_rows(half, true, 1, ALL, &one, wide);
        level[l]->dot_rows(half, true, ALL, 1, &one, single);
        for (int i = 0; i < ALL; i++) {
            float expected = 0 + rg__half_to_float(half[i]);
            assert_true(isnan(expected) ? isnan(wide[i]) : wide[i] == expected);
            assert_true(isnan(expected) ? isnan(single[i]) : single[i] == expected);
        }
    }
}

/* ---- Sparse rows ---- */

enum { SPARSE_ROWS = 9, NONZEROS = 140 };
static const int64_t row_ends[SPARSE_ROWS + 1] = {0, 0, 1, 16, 33, 65, 65, 108, 124, NONZEROS};

/* The reference: term k of a row is added to lane k mod 16. */
static float reference_sum(const float *p, int64_t n)
{
    volatile float lane[16] = {0};
    for (int64_t k = 0; k < n; k++)
        lane[k % 16] = lane[k % 16] + p[k];
    for (int half = 8; half > 0; half /= 2)
        for (int i = 0; i < half; i++)
            lane[i] = lane[i] + lane[i + half];
    return lane[0];
}

static void sparse_rows_sum_in_lanes(void **state)
{
    (void)state;
    static float x[NONZEROS], b[40], p[NONZEROS + 16], g[SPARSE_ROWS], y[SPARSE_ROWS];
    static int32_t column[NONZEROS];
    fill(x, NONZEROS, 6);
    fill(b, 40, 7);
    fill(g, SPARSE_ROWS, 8);
    g[2] = -0.0f;
    struct rg__scaled_weight_f32 scaled[40];
    for (int i = 0; i < 40; i++)
        scaled[i] = (struct rg__scaled_weight_f32){1 / (3.0 + i), b[i]};
    for (int i = 0; i < NONZEROS; i++)
        column[i] = i * 7 % 40;
    for (int l = 0; l < n_levels; l++) {
        for (int64_t n = 0; n <= NONZEROS; n++) {
            memset(p, 0, sizeof p);
            level[l]->multiply_gathered(x, column, n, b, p);
            for (int64_t k = 0; k < NONZEROS; k++)
                assert_true(p[k] == (k < n ? x[k] * b[column[k]] : 0));
            memset(p, 0, sizeof p);
            level[l]->multiply_prefetched(x, column, n, b, p);
            for (int64_t k = 0; k < NONZEROS; k++)
                assert_true(p[k] == (k < n ? x[k] * b[column[k]] : 0));
            memset(p, 0, sizeof p);
            level[l]->multiply_scaled(x, column, n, scaled, p);
            for (int64_t k = 0; k < NONZEROS; k++) {
                const struct rg__scaled_weight_f32 *s = &scaled[column[k]];
                volatile float z = (float)((double)x[k] * s->scale);
                assert_true(p[k] == (k < n ? z * s->weight : 0));
            }
        }
        for (int64_t first = 0; first < SPARSE_ROWS; first++) {
            int64_t from = row_ends[first];
            for (int i = 0; i < 16; i++)
                p[NONZEROS + i] = NAN; /* after the last */
            level[l]->sum_rows(p + from, row_ends + first, SPARSE_ROWS - first, y);
            for (int64_t m = first; m < SPARSE_ROWS; m++) {
                float expected = reference_sum(p + row_ends[m], row_ends[m + 1] - row_ends[m]);
                assert_memory_equal(&y[m - first], &expected, sizeof expected);
            }
            float repeated[NONZEROS + 16] = {0};
            level[l]->repeat_rows(g, row_ends + first, SPARSE_ROWS - first, repeated);
            for (int64_t m = first, k = 0; m < SPARSE_ROWS; m++)
                for (; k < row_ends[m + 1] - from; k++)
                    assert_memory_equal(&repeated[k], &g[m - first], sizeof g[0]);
        }
    }
}

/* ---- exp ---- */

/* |y - exp x| in units of the last place of y; the reference is exp in double. */
static double ulps(float x, float y)
{
    double exact = exp((double)x);
    if (exact > 0x1.ffffffp127) /* half an ulp above the largest float */
        return isinf(y) ? 0 : INFINITY;
    int exponent = exact < 0x1p-126 ? -126 : ilogb(exact);
    return fabs((double)y - exact) / ldexp(1, exponent - 23);
}

struct sweep {
    uint64_t stride;
    double worst[64]; /* per task */
};

/* Checks every `stride`-th float whose upper 6 bits are i. */
static rg_status sweep_part(rg_context *c, void *user, int worker, int64_t i)
{
    enum { N = 4096 };
    struct sweep *sweep = user;
    float x[N], y[3][N];
    (void)worker;
    for (uint64_t at = (uint64_t)i << 26; at < (uint64_t)(i + 1) << 26;) {
        int64_t n = 0;
        for (; n < N && at < (uint64_t)(i + 1) << 26; at += sweep->stride, n++) {
            uint32_t bits = (uint32_t)at;
            memcpy(&x[n], &bits, sizeof bits);
        }
        for (int l = 0; l < n_levels; l++)
            level[l]->exp(x, n, 0, y[l]);
        for (int64_t k = 0; k < n; k++) {
            if (isnan(x[k]) ? !isnan(y[0][k]) : ulps(x[k], y[0][k]) > 1)
                return rg__fail(c, RG_INTERNAL, "exp(%a) is %a", (double)x[k], (double)y[0][k]);
            if (!isnan(x[k]) && ulps(x[k], y[0][k]) > sweep->worst[i])
                sweep->worst[i] = ulps(x[k], y[0][k]);
            for (int l = 1; l < n_levels; l++)
                if (memcmp(&y[0][k], &y[l][k], sizeof(float)) != 0 && !isnan(x[k]))
                    return rg__fail(c, RG_INTERNAL, "exp(%a) depends on the level", (double)x[k]);
        }
    }
    return RG_OK;
}

static void exp_is_within_an_ulp(void **state)
{
    (void)state;
    struct sweep sweep = {.stride = getenv("RANKGRAD_SLOW") ? 1 : 997};
    double worst = 0;
    assert_ok(ctx, rg__pool_run(rg__pool(ctx), 64, sweep_part, &sweep));
    for (int i = 0; i < 64; i++)
        worst = sweep.worst[i] > worst ? sweep.worst[i] : worst;
    print_message("exp: at most %.4f ulp\n", worst);
    assert_true(worst > 0.5); /* the reference is not expf itself */
}

static void exp_of_special_values(void **state)
{
    (void)state;
    const float x[] = {0,         -0.0f,      INFINITY,    -INFINITY, NAN,
                       88.72283f, 88.722839f, -103.97207f, -104};
    const float y[] = {1, 1, INFINITY, 0, NAN, 0x1.ffff08p127f, INFINITY, 0x1p-149f, 0};
    float got[9];
    for (int l = 0; l < n_levels; l++)
        for (int64_t n = 1; n <= 9; n++) { /* every length of the tail */
            level[l]->exp(x, n, 0, got);
            for (int64_t i = 0; i < n; i++)
                if (isnan(y[i]))
                    assert_true(isnan(got[i]));
                else
                    assert_true(got[i] == y[i] || (y[i] > 1e38f && y[i] < INFINITY &&
                                                   fabsf(got[i] / y[i] - 1) < 1.2e-7f));
        }
}

/* ---- Sums in double ---- */

static void assert_sum(double x, long double exact, double size, const char *what)
{
    if (x != (double)exact && !(fabs((double)((long double)x - exact)) <= size))
        fail_msg("%s: %.17g, expected %.17Lg", what, x, exact);
}

/* The order of the terms, and the level, change no bit; the values are right. */
static void sums_have_no_order(void **state)
{
    (void)state;
    static float x[MAX_WIDTH], t[MAX_WIDTH], e[MAX_WIDTH], y[MAX_WIDTH], expected[MAX_WIDTH];
    static int64_t to[MAX_WIDTH];
    for (int i = 0; i < WIDTHS; i++) {
        double first[3] = {0};
        for (int l = 0, order = 0; l < n_levels; l += order == 2, order = (order + 1) % 3) {
            int64_t n = widths[i];
            float max = -INFINITY;
            long double sum = 0, cross = 0, total = 0;
            double got[3];
            for (int64_t k = 0; k < n; k++)
                to[k] = k;
            if (order)
                rg_shuffle(to, n, (uint64_t)order, RG_STREAM_OWN, 0);
            for (int64_t k = 0; k < n; k++) {
                fill(&x[to[k]], 1, (uint64_t)k);
                t[to[k]] = (float)(k % 3) / 7;
            }
            level[l]->exp(x, n, 5, e);
            got[0] = level[l]->sum(e, n, order == 1 ? 1 : (double)INFINITY);
            got[1] = level[l]->cross_entropy(t, x, n, 0.25, 3, &got[2]);
            for (int64_t k = 0; k < n; k++) {
                max = x[k] > max ? x[k] : max;
                sum += (long double)e[k];
                cross += (long double)t[k] * (3 - ((long double)x[k] - 0.25L));
                total += (long double)t[k];
                y[k] = expected[k] = 0.125f;
                expected[k] += (float)(0.7 * (1.5 * (double)x[k] - (double)t[k]));
            }
            level[l]->add_difference(x, t, n, 1.5, 0.7, y);
            assert_true(level[l]->max(x, n) == max);
            assert_memory_equal(y, expected, (size_t)n * sizeof *y);
            assert_sum(got[0], sum, 1e-12 * (double)sum, "sum");
            assert_sum(got[1], cross, 1e-12 * (double)cross, "cross entropy");
            assert_sum(got[2], total, 1e-12 * (double)total, "total");
            if (order == 1) /* under another bound */
                got[0] = first[0];
            if (l > 0 || order)
                assert_memory_equal(got, first, sizeof got);
            memcpy(first, got, sizeof first);
        }
    }
}

/* Terms of any size: 30 magnitudes from the least to the largest double, and sums that cancel. */
static void sums_in_double_have_no_order(void **state)
{
    (void)state;
    enum { N = 5000, KINDS = 8 };
    static double x[N];
    int widest = ctx->level;
    for (int kind = 0; kind < KINDS; kind++)
        for (int64_t n = 1; n <= N; n = n < 40 ? n + 1 : n * 5 / 2) {
            static const double scales[KINDS] = {1,     1e-300, 0x1p-1074, 1e308,
                                                 1e300, 1,      1e200,     1e-5};
            double first = 0, largest = 0;
            long double exact = 0;
            for (int64_t k = 0; k < n; k++) {
                double z = rg_normal(5, RG_STREAM_OWN, (uint64_t)kind, (uint64_t)k);
                x[k] = kind == 2 ? (double)(int)(8 * z) * scales[kind] : z / 8 * scales[kind];
                x[k] *= kind > 4 ? pow(10, -(double)(k % 30)) : 1;
                if (kind == 7 && k % 2)
                    x[k] = -x[k - 1];
                exact += (long double)x[k];
                largest = fmax(largest, fabs(x[k]));
            }
            for (int order = 0; order < 3; order++)
                for (ctx->level = 1; ctx->level <= widest; ctx->level += 1 + (ctx->level == 1)) {
                    double sum = rg__sum_of(ctx, x, n);
                    if (order == 0 && ctx->level == 1)
                        first = sum;
                    if (sum != first)
                        fail_msg("kind %d, n %d, order %d, level %d: %.17g, first %.17g", kind,
                                 (int)n, order, ctx->level, sum, first);
                    /* the last bit of the sum, and much less than one of each term */
                    double size = fabs((double)exact) * 0x1p-52 + (double)n * largest * 0x1p-62;
                    assert_sum(sum, exact, size + 0x1p-1074, "sum in double");
                    if (ctx->level == widest && order < 2)
                        for (int64_t k = n - 1; k > 0; k--) {
                            int64_t j = (k * 7919 + order) % (k + 1);
                            double other = x[j];
                            x[j] = x[k];
                            x[k] = other;
                        }
                }
            ctx->level = widest;
        }
    static const struct {
        double x[4], sum;
    } odd[] = {{{1e308, 1e308, 1e308, -1e308}, (double)INFINITY},
               {{1e308, 1e308, -1e308, -1e308}, 0},
               {{(double)INFINITY, 1, 1e308, 1e308}, (double)INFINITY},
               {{1e308, 1e308, -(double)INFINITY, 0}, -(double)INFINITY},
               {{(double)INFINITY, -(double)INFINITY, 1, 1}, (double)NAN},
               {{(double)NAN, 1, 1, 1}, (double)NAN},
               {{(double)NAN, (double)INFINITY, 1, 1}, (double)NAN},
               {{0, 0, 0, 0}, 0}};
    for (int i = 0; i < RG__COUNT(odd); i++)
        for (int turn = 0; turn < 4; turn++) {
            for (int k = 0; k < 4; k++)
                x[k] = odd[i].x[(k + turn) % 4];
            double sum = rg__sum_of(ctx, x, 4);
            assert_true(sum == odd[i].sum || (isnan(sum) && isnan(odd[i].sum)));
        }
}

static void shifts_and_scales_are_rounded_once(void **state)
{
    (void)state;
    enum { ROWS = 3 };
    static float x[ROWS * MAX_WIDTH], y[ROWS * MAX_WIDTH];
    static double shift[MAX_WIDTH], scale[MAX_WIDTH];
    fill(x, ROWS * MAX_WIDTH, 9);
    for (int64_t k = 0; k < MAX_WIDTH; k++) {
        shift[k] = (double)k / 7;
        scale[k] = 1 / (double)(k + 3);
    }
    for (int l = 0; l < n_levels; l++)
        for (int i = 0; i < WIDTHS; i++) {
            int64_t n = widths[i];
            memcpy(y, x, sizeof y);
            level[l]->shift_and_scale(y, ROWS, n, shift, scale, y); /* in place */
            for (int64_t m = 0; m < ROWS * n; m++) {
                float expected = (float)(((double)x[m] - shift[m % n]) * scale[m % n]);
                assert_memory_equal(&y[m], &expected, sizeof expected);
            }
        }
}

static void sums_of_special_values(void **state)
{
    (void)state;
    float x[40], t[40] = {0};
    double total;
    for (int l = 0; l < n_levels; l++)
        for (int n = 1; n <= 40; n++) {
            for (int i = 0; i < 40; i++)
                x[i] = i == n - 1 ? (float)NAN : -INFINITY;
            assert_true(level[l]->max(x, n) == -INFINITY); /* NaN is ignored */
            x[n - 1] = INFINITY;
            assert_true(level[l]->max(x, n) == INFINITY);
            assert_true(level[l]->cross_entropy(t, x, n, 0, 0, &total) ==
                        0); /* 0 * inf counts as 0 */
            t[n - 1] = 1;
            assert_true(level[l]->cross_entropy(t, x, n, 0, 0, &total) == -INFINITY && total == 1);
            t[n - 1] = 0;
        }
}

/* Against the C library in long double; the far ends too, every tail, in place, and the same bits at
 * every level. */
/* An elementary function of an array in double, and what it should be. */
struct elementary {
    void (*function)(const rg_context *ctx, const double *x, int64_t n, double *y);
    long double (*exact)(long double x);
    double low, high;     /* of the sample */
    long double absolute; /* error where results are subnormal or the exponent is near 0 */
};

static void exp_unshifted(const rg_context *at, const double *x, int64_t n, double *y)
{
    rg__exp_of(at, x, n, 0, y);
}

static const struct elementary functions[] = {
    {exp_unshifted, expl, -760, 720, 5e-324L},
    {exp_unshifted, expl, -1, 1, 0},
    {rg__exp2_of, exp2l, -1080, 1030, 5e-324L},
    {rg__log_of, logl, -0.5, 3, 0},
    {rg__log_of, logl, 0, 1e-310, 0},
    {rg__log_of, logl, 1 - 1e-7, 1 + 1e-7, 0},
    {rg__log_of, logl, 1, 1e308, 0},
};

static void check_elementary(const struct elementary *f, const double *x, const double *y, int n)
{
    for (int i = 0; i < n; i++) {
        long double exact = f->exact((long double)x[i]);
        if (isnan(exact))
            assert_true(isnan(y[i]));
        else
            assert_true(y[i] == (double)exact ||
                        fabsl(y[i] - exact) <= 6e-16L * fabsl(exact) + f->absolute);
        if (f->exact == exp2l && x[i] == rint(x[i]))
            assert_true(y[i] == (double)exact);
    }
}

static void elementary_functions_in_double(void **state)
{
    enum { COUNT = 4003, CORNERS = 14 };
    static const double corners[CORNERS] = {0, -0.0, INFINITY, -INFINITY, NAN, 1e300, -1e300,
                                            1, 2,    0.5,      5e-324,    -1,  1023,  -1074};
    static double x[COUNT], y[COUNT], first[COUNT];
    const int widest = ctx->level, all[] = {1, 3, 4};
    (void)state;
    for (size_t f = 0; f < sizeof functions / sizeof functions[0]; f++) {
        for (int i = 0; i < COUNT; i++)
            x[i] = i < CORNERS ? corners[i]
                               : functions[f].low +
                                     (functions[f].high - functions[f].low) * i / (COUNT - 1.0);
        for (int l = 0; l < 3 && all[l] <= widest; l++) {
            ctx->level = all[l];
            for (int n = 1; n <= COUNT; n += n < 20 ? 1 : 3983) {
                memcpy(y, x, sizeof x);
                functions[f].function(ctx, y, n, y);
                memcpy(first, l == 0 ? y : first, (size_t)n * sizeof *x);
                assert_memory_equal(y, first, (size_t)n * sizeof *x);
            }
        }
        ctx->level = widest;
        check_elementary(&functions[f], x, y, COUNT);
    }
}

static void uniforms_are_those_of_rg_uniform(void **state)
{
    enum { COUNT = 37 };
    const int widest = ctx->level, all[] = {1, 3, 4};
    const uint64_t seeds[] = {0, 1, UINT64_MAX, 0x123456789abcdef0}, last = UINT64_MAX;
    int64_t a[COUNT];
    double u[COUNT];
    (void)state;
    for (int i = 0; i < COUNT; i++)
        a[i] = (int64_t)((uint64_t)i * 0x9e3779b97f4a7c15u);
    for (int l = 0; l < 3 && all[l] <= widest; l++)
        for (int s = 0; s < 4; s++)
            for (int n = 0; n <= COUNT; n++) {
                ctx->level = all[l];
                rg__uniforms(ctx, seeds[s], 5, a, n, last - (uint64_t)n, u);
                for (int i = 0; i < n; i++)
                    assert_true(u[i] ==
                                rg_uniform(seeds[s], 5, (uint64_t)a[i], last - (uint64_t)n));
            }
    ctx->level = widest;
}

static void softplus_and_sigmoid(void **state)
{
    enum { COUNT = 4003, CORNERS = 12 };
    static const double corners[CORNERS] = {0,    -0.0, INFINITY, -INFINITY, NAN,   1e300,
                                            -700, -709, 40,       -40,       1e-20, -1e-20};
    static double x[COUNT], soft[COUNT], sigmoid[COUNT], first[2][COUNT];
    const int widest = ctx->level, all[] = {1, 3, 4};
    (void)state;
    for (int i = 0; i < COUNT; i++)
        x[i] = i < CORNERS ? corners[i] : (i - COUNT / 2.0) * (i % 2 ? 0.02 : 0.3);
    for (int l = 0; l < 3 && all[l] <= widest; l++) {
        ctx->level = all[l];
        for (int n = 1; n <= COUNT; n += n < 20 ? 1 : 3983) {
            memcpy(soft, x, sizeof x);
            rg__softplus(ctx, soft, n, soft, sigmoid);
            memcpy(first[0], l == 0 ? soft : first[0], (size_t)n * sizeof *x);
            memcpy(first[1], l == 0 ? sigmoid : first[1], (size_t)n * sizeof *x);
            assert_memory_equal(soft, first[0], (size_t)n * sizeof *x);
            assert_memory_equal(sigmoid, first[1], (size_t)n * sizeof *x);
        }
    }
    ctx->level = widest;
    for (int i = 0; i < COUNT; i++) {
        long double e = expl(-fabsl((long double)x[i])), p = (x[i] >= 0 ? 1 : e) / (1 + e);
        long double l = fmaxl(x[i], 0) + log1pl(e);
        if (isnan(x[i])) {
            assert_true(isnan(soft[i]) && isnan(sigmoid[i]));
            continue;
        }
        assert_true(soft[i] == (double)l || fabsl(soft[i] - l) <= 6e-16L * l + 1e-307L);
        assert_true(fabsl(sigmoid[i] - p) <= 6e-16L * p + 1e-307L);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dot_products_sum_in_lanes),
        cmocka_unit_test(rows_are_added_in_order),
        cmocka_unit_test(every_half),
        cmocka_unit_test(sparse_rows_sum_in_lanes),
        cmocka_unit_test(exp_is_within_an_ulp),
        cmocka_unit_test(elementary_functions_in_double),
        cmocka_unit_test(uniforms_are_those_of_rg_uniform),
        cmocka_unit_test(softplus_and_sigmoid),
        cmocka_unit_test(exp_of_special_values),
        cmocka_unit_test(sums_have_no_order),
        cmocka_unit_test(sums_in_double_have_no_order),
        cmocka_unit_test(sums_of_special_values),
        cmocka_unit_test(shifts_and_scales_are_rounded_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down) != 0;
}

/* vector.c: loops with vectors of 16, 32 or 64 bytes, depending on RG_LEVEL; see vector.h.
 *
 * The lanes of a sum take up 64 bytes, that is, PARTS vectors. Lane i gets the same terms in the
 * same order at every level, so all levels give the same bits. Most code uses the vector types of
 * GCC and Clang; intrinsics are used where these compile to slow code or have no equivalent. */
#include "tensor/vector.h"

#include "base/random.h"
#include "tensor/elementary.h"
#include "tensor/exact_sum.h"
#include "tensor/level.h"

#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#if RG_LEVEL == 4
#define WIDTH        64
#define X86(name)    _mm512_##name
#define X86_INTEGERS __m512i
#define X86_DOUBLES  __m512d
#elif RG_LEVEL == 3
#define WIDTH        32
#define X86(name)    _mm256_##name
#define X86_INTEGERS __m256i
#define X86_DOUBLES  __m256d
#else
#define WIDTH        16
#define X86(name)    _mm_##name
#define X86_INTEGERS __m128i
#define X86_DOUBLES  __m128d
#endif

/* A vector of the level's width, and one of 16 bytes for the ends of rows; both unaligned. */
typedef real vec __attribute__((vector_size(WIDTH), aligned(sizeof(real)), may_alias));
typedef real quad __attribute__((vector_size(16), aligned(sizeof(real)), may_alias));

enum { STEP = WIDTH / sizeof(real), PARTS = LANES / STEP, QUAD = 16 / sizeof(real) };

static inline vec V(load)(const real *x)
{
    return *(const vec *)x;
}

static inline quad V(load_quad)(const real *x)
{
    return *(const quad *)x;
}

/* Element-wise a > b ? a : b, which is b if either is NaN. */
static inline vec V(larger)(vec a, vec b)
{
#if defined(__x86_64__) && RG_REAL == 32
    return (vec)X86(max_ps)(a, b);
#elif defined(__x86_64__)
    return (vec)X86(max_pd)(a, b);
#else
    for (int i = 0; i < STEP; i++)
        b[i] = a[i] > b[i] ? a[i] : b[i];
    return b;
#endif
}

/* ---- Reading rows in `real` or in binary16 --------------------------------------------------- */

/* The functions below are compiled for both: `half` is a constant in every call. */

typedef float floats __attribute__((vector_size(16)));
typedef int32_t words __attribute__((vector_size(16)));
typedef uint16_t halves __attribute__((vector_size(8), aligned(2), may_alias));

/* The exponent's bias is 15 in f16 and 127 in f32, so the bits are shifted into place and the
 * number is multiplied by 2^112. That is exact, also for subnormals. A result of 65536 or more was
 * an infinity or NaN. */
static inline floats V(widen_halves)(halves x)
{
#if RG_LEVEL > 1
    return (floats)_mm_cvtph_ps(_mm_cvtsi64_si128((long long)x));
#else
#ifdef __x86_64__
    words bits = (words)_mm_unpacklo_epi16(_mm_cvtsi64_si128((long long)x), _mm_setzero_si128());
#else
    words bits = __builtin_convertvector(x, words);
#endif
    words sign = (bits & 0x8000) << 16;
    words magnitude = (words)((floats)((bits & 0x7fff) << 13) * 0x1p112f);
    return (floats)(magnitude | sign | ((magnitude >= 0x47800000) & 0x7f800000));
#endif
}

/* Element k of a row; four below reads 16 bytes of `real` from there on, numbers a whole vector. */
INLINED real V(number)(const void *row, int64_t k, bool half)
{
    return half ? (real)V(widen_halves)((halves){((const uint16_t *)row)[k]})[0]
                : ((const real *)row)[k];
}

INLINED quad V(four)(const void *row, int64_t k, bool half)
{
    if (!half)
        return V(load_quad)((const real *)row + k);
#if RG_REAL == 32
    return V(widen_halves)(*(const halves *)((const uint16_t *)row + k));
#else
    return (quad){V(number)(row, k, true), V(number)(row, k + 1, true)};
#endif
}

INLINED vec V(numbers)(const void *row, int64_t k, bool half)
{
    if (!half)
        return V(load)((const real *)row + k);
#if RG_LEVEL == 4 && RG_REAL == 32
    return (vec)_mm512_cvtph_ps(_mm256_loadu_si256((const void *)((const uint16_t *)row + k)));
#elif RG_LEVEL == 3 && RG_REAL == 32
    return (vec)_mm256_cvtph_ps(_mm_loadu_si128((const void *)((const uint16_t *)row + k)));
#else
    quad fours[STEP / QUAD];
    vec x;
    for (int i = 0; i < STEP / QUAD; i++)
        fours[i] = V(four)(row, k + i * QUAD, true);
    memcpy(&x, fours, sizeof x);
    return x;
#endif
}

/* Row m of x (rows,n). */
INLINED const void *V(row)(const void *x, int64_t m, int64_t n, bool half)
{
    return half ? (const void *)((const uint16_t *)x + m * n) : (const real *)x + m * n;
}

/* The last n < LANES elements of a row, from element k on, padded with zeros. Adding +0, or a
 * product of two of them, does not change lanes that start at +0. This is done in registers because
 * a wide load from memory would have to wait for the narrow stores. */
#if RG_LEVEL == 4 && RG_REAL == 32
INLINED void V(pad)(const void *row, int64_t k, int64_t n, bool half, vec padded[PARTS])
{
    __mmask16 there = (__mmask16)((1u << n) - 1);
    const uint16_t *as_halves = (const uint16_t *)row + k;
    padded[0] = half ? (vec)_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(there, as_halves))
                     : (vec)_mm512_maskz_loadu_ps(there, (const real *)row + k);
}
#else
INLINED quad V(up_to_four)(const void *row, int64_t k, int64_t n, bool half)
{
    quad x = {0};
    if (n >= QUAD)
        return V(four)(row, k, half);
    for (int i = 0; i < QUAD - 1; i++)
        if (i < n)
            x[i] = V(number)(row, k + i, half);
    return x;
}

INLINED void V(pad)(const void *row, int64_t k, int64_t n, bool half, vec padded[PARTS])
{
    for (int part = 0; part < PARTS; part++, k += STEP, n -= STEP) {
        quad x[STEP / QUAD];
        for (int i = 0; i < STEP / QUAD; i++)
            x[i] = V(up_to_four)(row, k + i * QUAD, n - i * QUAD, half);
#if WIDTH == 32
        padded[part] = (vec)_mm256_set_m128i((__m128i)x[1], (__m128i)x[0]);
#else
        memcpy(&padded[part], x, sizeof x);
#endif
    }
}
#endif

/* ---- y = X w --------------------------------------------------------------------------------- */

typedef real part32 __attribute__((vector_size(32), aligned(sizeof(real)), may_alias));

/* The sum of all lanes: the upper half is added to the lower half until one lane is left. */
static inline real V(fold_lanes)(vec acc[PARTS])
{
    for (int width = PARTS / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            acc[i] += acc[i + width];
#if WIDTH == 64
    part32 high = (part32)_mm512_extracti64x4_epi64((__m512i)acc[0], 1);
    part32 eight = (part32)_mm512_castsi512_si256((__m512i)acc[0]) + high;
#elif WIDTH == 32
    part32 eight = acc[0];
#endif
#if WIDTH >= 32
    quad last = (quad)_mm256_extracti128_si256((__m256i)eight, 1);
    quad four = (quad)_mm256_castsi256_si128((__m256i)eight) + last;
#else
    quad four = acc[0];
#endif
#if RG_REAL == 32
    return (four[0] + four[2]) + (four[1] + four[3]);
#else
    return four[0] + four[1];
#endif
}

/* The sum of x[k] w[k] over [from, to); `rest` has the last elements of w, padded. Rows are
 * processed one at a time because they come from memory, and alternating between rows defeats the
 * hardware prefetcher (measured: four rows at a time take 2.8 times as long). */
INLINED real V(dot)(const void *x, const real *w, int64_t from, int64_t to, const vec rest[PARTS],
                    bool half)
{
    vec acc[PARTS];
    memset(acc, 0, sizeof acc);
    for (; from + LANES <= to; from += LANES)
        for (int part = 0; part < PARTS; part++)
            acc[part] += V(numbers)(x, from + part * STEP, half) * V(load)(w + from + part * STEP);
    if (from < to) {
        vec last[PARTS];
        V(pad)(x, from, to - from, half, last);
        for (int part = 0; part < PARTS; part++)
            acc[part] += last[part] * rest[part];
    }
    return V(fold_lanes)(acc);
}

INLINED void V(dots)(const void *x, int64_t rows, int64_t n, const real *w, real *y, bool half)
{
    vec rest[PARTS];
    V(pad)(w, n - n % LANES, n % LANES, false, rest);
    for (int64_t m = 0; m < rows; m++) {
        double total = 0;
        for (int64_t k = 0; k < n; k += RG__PRODUCT_BLOCK) {
            int64_t to = n - k < RG__PRODUCT_BLOCK ? n : k + RG__PRODUCT_BLOCK;
            total += ACC(V(dot)(V(row)(x, m, n, half), w, k, to, rest, half));
        }
        y[m] = (real)total;
    }
}

static void V(dot_rows)(const void *x, bool half, int64_t rows, int64_t n, const real *w, real *y)
{
    if (half)
        V(dots)(x, rows, n, w, y, true);
    else
        V(dots)(x, rows, n, w, y, false);
}

/* ---- sum += X^T g ---------------------------------------------------------------------------- */

/* Adds `count` rows. Each vector of `sum` stays in a register for all of them. */
INLINED void V(add_some)(const void *x, int count, int64_t n, const real *g, real *sum, bool half)
{
    int64_t k = 0;
    for (; k + STEP <= n; k += STEP) {
        vec s = V(load)(sum + k);
        for (int r = 0; r < count; r++)
            s += g[r] * V(numbers)(V(row)(x, r, n, half), k, half);
        *(vec *)(sum + k) = s;
    }
    for (; k + QUAD <= n; k += QUAD) {
        quad s = V(load_quad)(sum + k);
        for (int r = 0; r < count; r++)
            s += g[r] * V(four)(V(row)(x, r, n, half), k, half);
        *(quad *)(sum + k) = s;
    }
    for (; k < n; k++)
        for (int r = 0; r < count; r++)
            sum[k] += g[r] * V(number)(V(row)(x, r, n, half), k, half);
}

INLINED void V(add_all)(const void *x, int64_t rows, int64_t n, const real *g, real *sum, bool half)
{
    enum { ROWS = 8 };
    int64_t m = 0;
    for (; m + ROWS <= rows; m += ROWS)
        V(add_some)(V(row)(x, m, n, half), ROWS, n, g + m, sum, half);
    for (; m < rows; m++)
        V(add_some)(V(row)(x, m, n, half), 1, n, g + m, sum, half);
}

static void V(add_rows)(const void *x, bool half, int64_t rows, int64_t n, const real *g, real *sum)
{
    if (half)
        V(add_all)(x, rows, n, g, sum, true);
    else
        V(add_all)(x, rows, n, g, sum, false);
}

/* ---- Sparse rows ----------------------------------------------------------------------------- */

/* How many elements ahead of its use an entry of a large table is prefetched. */
enum { AHEAD = 32 };

INLINED void V(multiply)(const real *x, const int32_t *column, int64_t n, const real *b, real *p,
                         bool far)
{
    int64_t k = 0;
#if RG_LEVEL == 4 && RG_REAL == 32
    for (; k + STEP <= n; k += STEP) {
        for (int i = 0; far && i < STEP && k + STEP + AHEAD <= n; i++)
            __builtin_prefetch(&b[column[k + AHEAD + i]]);
        vec picked = (vec)_mm512_i32gather_ps(_mm512_loadu_si512(column + k), b, sizeof *b);
        *(vec *)(p + k) = V(load)(x + k) * picked;
    }
#endif
    for (; k < n; k++) {
        if (far && k + AHEAD < n)
            __builtin_prefetch(&b[column[k + AHEAD]]);
        p[k] = x[k] * b[column[k]];
    }
}

static void V(multiply_gathered)(const real *x, const int32_t *column, int64_t n, const real *b,
                                 real *p)
{
    V(multiply)(x, column, n, b, p, false);
}

static void V(multiply_prefetched)(const real *x, const int32_t *column, int64_t n, const real *b,
                                   real *p)
{
    V(multiply)(x, column, n, b, p, true);
}

/* Scale and weight are loaded by one instruction: twice as many entries are then loaded at the same
 * time as with one load for each of the two. */
static void V(multiply_scaled)(const real *x, const int32_t *column, int64_t n,
                               const struct F(rg__scaled_weight) * b, real *p)
{
    int64_t k = 0;
#if defined(__x86_64__) && RG_REAL == 32
    for (; k + 4 <= n; k += 4) {
        __m128i e[4];
        for (int i = 0; i < 4 && k + 4 + AHEAD <= n; i++)
            __builtin_prefetch(&b[column[k + AHEAD + i]]);
        for (int i = 0; i < 4; i++)
            e[i] = _mm_loadu_si128((const void *)&b[column[k + i]]);
        __m128d scale01 = (__m128d)_mm_unpacklo_epi64(e[0], e[1]);
        __m128d scale23 = (__m128d)_mm_unpacklo_epi64(e[2], e[3]);
        __m128 weight = (__m128)_mm_unpacklo_epi64(_mm_unpackhi_epi32(e[0], e[1]),
                                                   _mm_unpackhi_epi32(e[2], e[3]));
        __m128 four = _mm_loadu_ps(x + k);
        __m128 z01 = _mm_cvtpd_ps(_mm_cvtps_pd(four) * scale01);
        __m128 z23 = _mm_cvtpd_ps(_mm_cvtps_pd(_mm_movehl_ps(four, four)) * scale23);
        _mm_storeu_ps(p + k, _mm_movelh_ps(z01, z23) * weight);
    }
#endif
    for (; k < n; k++) {
        const struct F(rg__scaled_weight) *e = &b[column[k]];
        p[k] = (real)(ACC(x[k]) * e->scale) * e->weight;
    }
}

#if RG_REAL == 32
typedef int32_t mask __attribute__((vector_size(WIDTH), aligned(4), may_alias));
typedef int32_t mask_lane;
#else
typedef int64_t mask __attribute__((vector_size(WIDTH), aligned(8), may_alias));
typedef int64_t mask_lane;
#endif

/* Rows differ in length, so a branch on the length would be mispredicted at every other row.
 * Instead, the last (for most rows, the only) step is masked to the length of the row. */
static void V(sum_rows)(const real *p, const int64_t *indptr, int64_t rows, real *y)
{
    mask_lane ones[2 * LANES] = {0};
    for (int i = 0; i < LANES; i++)
        ones[i] = -1;
    for (int64_t m = 0; m < rows; m++) {
        int64_t n = indptr[m + 1] - indptr[m];
        vec acc[PARTS];
        memset(acc, 0, sizeof acc);
        for (; n > LANES; n -= LANES, p += LANES)
            for (int part = 0; part < PARTS; part++)
                acc[part] += V(load)(p + part * STEP);
        for (int part = 0; part < PARTS; part++) {
            mask there = *(const mask *)(ones + LANES - n + part * STEP);
            acc[part] += (vec)(*(const mask *)(p + part * STEP) & there);
        }
        p += n;
        y[m] = V(fold_lanes)(acc);
    }
}

static void V(repeat_rows)(const real *g, const int64_t *indptr, int64_t rows, real *p)
{
    for (int64_t m = 0; m < rows; m++) {
        int64_t n = indptr[m + 1] - indptr[m];
        for (int64_t k = 0; k < n; k += LANES)
            for (int part = 0; part < PARTS; part++)
                *(vec *)(p + k + part * STEP) = g[m] - (vec){0}; /* minus keeps a -0 */
        p += n;
    }
}

/* ---- Computing in double --------------------------------------------------------------------- */

typedef double dvec __attribute__((vector_size(WIDTH), aligned(8), may_alias));
typedef double pair __attribute__((vector_size(16), aligned(8), may_alias));
typedef int64_t lvec __attribute__((vector_size(WIDTH), aligned(8), may_alias));
#if RG_REAL == 32
typedef real narrow __attribute__((vector_size(WIDTH / 2), aligned(sizeof(real)), may_alias));
#else
typedef dvec narrow;
#endif

enum { DSTEP = WIDTH / sizeof(double), DPARTS = LANES / DSTEP };

static inline dvec V(widen)(const real *x)
{
    return __builtin_convertvector(*(const narrow *)x, dvec);
}

static inline dvec V(load_double)(const double *x)
{
    return *(const dvec *)x;
}

static void V(shift_and_scale)(const real *x, int64_t rows, int64_t n, const double *shift,
                               const double *scale, real *y)
{
    for (int64_t m = 0; m < rows; m++, x += n, y += n) {
        int64_t k = 0;
        for (; k + DSTEP <= n; k += DSTEP) {
            dvec z = (V(widen)(x + k) - V(load_double)(shift + k)) * V(load_double)(scale + k);
            *(narrow *)(y + k) = __builtin_convertvector(z, narrow);
        }
        for (; k < n; k++)
            y[k] = (real)((ACC(x[k]) - shift[k]) * scale[k]);
    }
}

/* ---- Sums that do not depend on the order ---------------------------------------------------- */

/* See exact_sum.h. For f32 its first sum is enough; and no term of f32 needs a scale. */
enum { BINS = DPARTS < 2 ? DPARTS : 2 };

typedef uint64_t bits_vec __attribute__((vector_size(WIDTH), aligned(8), may_alias));

struct V(bins) {
    bits_vec high[BINS], low[BINS];
    bits_vec odd; /* the upper bits of sums that differ from those of C: NaN or beyond the bound */
    struct rg__exact_sum by;
};

/* Bins for n terms of magnitudes up to `most`, which come LANES at a time. */
static inline struct V(bins) V(open_bins)(double most, int64_t n)
{
    struct V(bins) bins;
    memset(&bins, 0, sizeof bins);
    bins.by = rg__exact_sum(most, (n + LANES - 1) / LANES * LANES);
    return bins;
}

INLINED void V(add_to_bins)(struct V(bins) * bins, int part, dvec x)
{
    const struct rg__exact_sum *by = &bins->by;
    const dvec c = (dvec){0} + by->high_c;
    if (RG_REAL == 64)
        x *= by->scale;
    dvec high = x + c;
    bins->high[part % BINS] += (bits_vec)high;
    bins->odd |= (bits_vec)high ^ (bits_vec)c;
    if (RG_REAL == 64)
        bins->low[part % BINS] += (bits_vec)(x - (high - c) + by->low_c);
}

static inline uint64_t V(fold)(const bits_vec acc[BINS])
{
    bits_vec all = acc[0];
    for (int i = 1; i < BINS; i++)
        all += acc[i];
    uint64_t sum = 0; /* wraps around, unlike _mm512_reduce_add_epi64, which is signed */
    for (int i = 0; i < DSTEP; i++)
        sum += all[i];
    return sum;
}

/* The sum; false if a term was NaN or beyond the bound. */
static inline bool V(close_bins)(const struct V(bins) * bins, double *sum)
{
    *sum = RG_REAL == 32 ? rg__exact_first(&bins->by, V(fold)(bins->high))
                         : rg__exact_total(&bins->by, V(fold)(bins->high), V(fold)(bins->low));
#if WIDTH == 64
    return !_mm512_test_epi64_mask((__m512i)bins->odd, _mm512_set1_epi64(INT64_MIN >> 11));
#else
    uint64_t odd = 0;
    for (int i = 0; i < DSTEP; i++)
        odd |= bins->odd[i];
    return odd >> 52 == 0;
#endif
}

#if RG_REAL == 32
typedef int32_t sign_free __attribute__((vector_size(WIDTH), aligned(4), may_alias));
enum { MAGNITUDE = INT32_MAX };
#else
typedef int64_t sign_free __attribute__((vector_size(WIDTH), aligned(8), may_alias));
static const int64_t MAGNITUDE = INT64_MAX;
#endif

/* The larger of a >= 0 and |x|; a if x is NaN. */
static inline vec V(larger_magnitude)(vec x, vec a)
{
    return V(larger)((vec)((sign_free)x & MAGNITUDE), a);
}

static inline double V(largest_lane)(vec most)
{
#if WIDTH == 64 && RG_REAL == 32
    return (double)_mm512_reduce_max_ps((__m512)most);
#elif WIDTH == 64
    return _mm512_reduce_max_pd((__m512d)most);
#else
    real largest = 0;
    for (int i = 0; i < STEP; i++)
        largest = most[i] > largest ? most[i] : largest;
    return ACC(largest);
#endif
}

/* The sum where a term is infinite or NaN: of these alone. */
static double V(sum_of_infinities)(const real *x, int64_t n)
{
    double sum = 0;
    for (int64_t k = 0; k < n; k++)
        sum += isfinite(x[k]) ? 0 : ACC(x[k]);
    return sum;
}

/* The largest magnitude, ignoring NaN. */
static double V(largest)(const real *x, int64_t n)
{
    vec most = {0}, rest[PARTS];
    int64_t k = 0;
    for (; k + STEP <= n; k += STEP)
        most = V(larger_magnitude)(V(load)(x + k), most);
    k = n - n % LANES;
    V(pad)(x, k, n - k, false, rest);
    for (int part = 0; part < PARTS; part++)
        most = V(larger_magnitude)(rest[part], most);
    return V(largest_lane)(most);
}

static double V(sum)(const real *x, int64_t n, double most)
{
    vec rest[PARTS];
    double sum;
    int64_t k = 0;
    if (n < 2)
        return n == 1 ? ACC(x[0]) : 0;
    most = most == (double)INFINITY ? V(largest)(x, n) : most;
    struct V(bins) bins = V(open_bins)(most, n);
    for (; k + LANES <= n; k += LANES)
        for (int part = 0; part < DPARTS; part++)
            V(add_to_bins)(&bins, part, V(widen)(x + k + part * DSTEP));
    V(pad)(x, k, n - k, false, rest);
    for (int part = 0; part < DPARTS && k < n; part++)
        V(add_to_bins)(&bins, part, V(widen)((const real *)rest + part * DSTEP));
    return V(close_bins)(&bins, &sum) ? sum : V(sum_of_infinities)(x, n);
}

/* ---- y = exp(x - shift) ---------------------------------------------------------------------- */

#if RG_REAL == 32
typedef int32_t ivec __attribute__((vector_size(WIDTH), aligned(4), may_alias));

static inline vec V(power_of_2)(ivec n)
{
    return (vec)((n + 127) << 23);
}

/* exp x = 2^n exp r with n = rint(x / ln 2), |r| <= ln 2 / 2 (Cody and Waite 1980). Adding
 * 1.5 * 2^23 rounds to n in the low bits. ln 2 is split in two so that n times the larger part is
 * exact. exp r = 1 + r + r^2 p(r), with a minimax polynomial p of error 2^-28 (our own fit). The
 * factor 2^n is applied as two factors, so that overflow and subnormals are right. x is clamped to
 * [-105, 89], outside of which the result is constant. */
static inline vec V(exp_vec)(vec x)
{
    const vec zero = {0}, magic = zero + 0x1.8p23f;
    x = V(larger)(zero - 105, -V(larger)(zero - 89, -x)); /* NaN is preserved */
    vec shifted = x * 0x1.715476p+0f + magic, n = shifted - magic;
    ivec whole = (ivec)shifted - (ivec)magic, half = whole >> 1;
    vec r = x - n * 0x1.63p-1f + n * 0x1.bd0106p-13f;
    vec r2 = r * r; /* Estrin's scheme, for a short dependency chain */
    vec p = (0x1.fffffcp-2f + 0x1.555492p-3f * r) +
            (0x1.5558f2p-5f + 0x1.123a2p-7f * r + 0x1.6a23cep-10f * r2) * r2;
    p = p * r2 + r + 1;
    return p * V(power_of_2)(half) * V(power_of_2)(whole - half);
}

#else
typedef uint64_t uvec __attribute__((vector_size(WIDTH), aligned(8), may_alias));

/* The polynomial with the coefficients c, the highest first. */
INLINED dvec V(polynomial)(dvec x, int n, const double *c)
{
    dvec p = (dvec){0} + c[0];
    for (int i = 1; i < n; i++)
        p = p * x + c[i];
    return p;
}

/* exp r for |r| <= ln 2 / 2: 1 + r + r^2 p(r), p by interpolation at Chebyshev nodes with 2^-56. */
static inline dvec V(exp_near_0)(dvec r)
{
    static const double c[] = {0x1.af38a9b0ec855p-26, 0x1.289185613a3d6p-22, 0x1.71de0dae63bb3p-19,
                               0x1.a019b90d2ae7ap-16, 0x1.a01a01a7c41d5p-13, 0x1.6c16c1788bd90p-10,
                               0x1.11111111109b3p-7,  0x1.5555555553d63p-5,  0x1.5555555555556p-3,
                               0x1.0000000000001p-1};
    return V(polynomial)(r, RG__COUNT(c), c) * r * r + r + 1;
}

/* 2^n x for |n| < 2048, in two factors, so that overflow and subnormals are right. */
static inline dvec V(times_power_of_2)(dvec x, lvec n)
{
    uvec all = (uvec)n, half = ((all + 2048) >> 1) - 1024; /* wraps around where x is NaN */
    return x * (dvec)((half + 1023) << 52) * (dvec)((all - half + 1023) << 52);
}

/* x in [low, high], or NaN. */
static inline dvec V(clamp)(dvec x, double low, double high)
{
    const dvec zero = {0};
    return V(larger)(zero + low, -V(larger)(zero - high, -x));
}

/* As for floats: x = n ln 2 + r, exp x = 2^n exp r. */
static inline dvec V(exp_vec)(dvec x)
{
    const dvec magic = (dvec){0} + 0x1.8p52;
    x = V(clamp)(x, -746, 710);
    dvec shifted = x * 0x1.71547652b82fep+0 + magic, n = shifted - magic;
    dvec r = x - n * 0x1.62e42feep-1 - n * 0x1.a39ef35793c76p-33;
    return V(times_power_of_2)(V(exp_near_0)(r), (lvec)shifted - (lvec)magic);
}

static inline dvec V(exp2_vec)(dvec x)
{
    const dvec magic = (dvec){0} + 0x1.8p52;
    x = V(clamp)(x, -1076, 1025);
    dvec shifted = x + magic, r = (x - (shifted - magic)) * 0x1.62e42fefa39efp-1;
    return V(times_power_of_2)(V(exp_near_0)(r), (lvec)shifted - (lvec)magic);
}

/* 2 artanh z for |z| <= 1/3: 2 (z + z^3 q(z^2)); q by interpolation with 2^-57. */
static inline dvec V(two_artanh)(dvec z)
{
    static const double c[] = {0x1.4b0a26c5f2aefp-4, 0x1.687a6e7c95176p-5, 0x1.eb905e8575054p-5,
                               0x1.10ac75dc602b1p-4, 0x1.3b18b294bebf9p-4, 0x1.745cf0b0e03bdp-4,
                               0x1.c71c727143318p-4, 0x1.24924923d44c6p-3, 0x1.999999999a3ddp-3,
                               0x1.5555555555555p-2};
    dvec t = z * z;
    return 2 * (z * t * V(polynomial)(t, RG__COUNT(c), c) + z);
}

static inline dvec V(choose)(lvec which, dvec a, dvec b)
{
    return (dvec)(((lvec)a & which) | ((lvec)b & ~which));
}

/* x = 2^k m with m in [sqrt(1/2), sqrt 2), log x = k ln 2 + 2 artanh((m - 1) / (m + 1)). */
static inline dvec V(log_vec)(dvec x)
{
    const dvec zero = {0}, magic = zero + 0x1.8p52;
    const uvec root = (uvec)(zero + 0x1.6a09e667f3bcdp-1), bias = (uvec)(zero + 1);
    lvec subnormal = x < 0x1p-1022;
    uvec bits = (uvec)V(choose)(subnormal, x * 0x1p54, x);
    lvec k = (lvec)((bits - root + bias) >> 52) - 1023;
    dvec m = (dvec)(bits - ((uvec)k << 52));
    dvec power = (dvec)((k - (subnormal & 54)) + (lvec)magic) - magic;
    dvec y =
        V(two_artanh)((m - 1) / (m + 1)) + power * 0x1.a39ef35793c76p-33 + power * 0x1.62e42feep-1;
    y = V(choose)(x < (double)INFINITY, y, x); /* infinity and NaN stay */
    y = V(choose)(x == 0, zero - (double)INFINITY, y);
    return V(choose)(x < 0, zero + (double)NAN, y);
}
#endif

static inline void V(exp_lanes)(const real *x, real shift, real *y)
{
    for (int part = 0; part < PARTS; part++)
        *(vec *)(y + part * STEP) = V(exp_vec)(V(load)(x + part * STEP) - shift);
}

static void V(exp)(const real *x, int64_t n, real shift, real *y)
{
    vec rest[PARTS];
    real e[LANES];
    int64_t whole = n - n % LANES;
    V(pad)(x, whole, n - whole, false, rest); /* before y, which may be x, is written */
    for (int64_t i = 0; i < whole; i += LANES)
        V(exp_lanes)(x + i, shift, y + i);
    if (whole < n)
        V(exp_lanes)((const real *)rest, shift, e);
    for (int64_t i = whole; i < n; i++)
        y[i] = e[i - whole];
}

static real V(max)(const real *x, int64_t n)
{
    vec most = (vec){0} - (real)INFINITY;
    real few[STEP], last;
    for (int i = 0; i < STEP; i++)
        few[i] = i < n ? x[i] : (real)-INFINITY;
    for (int64_t k = 0; k + STEP <= n; k += STEP)
        most = V(larger)(V(load)(x + k), most);
    most = V(larger)(V(load)(n < STEP ? few : x + n - STEP), most); /* overlaps the last vector */
    memcpy(few, &most, sizeof few);
    last = few[0];
    for (int i = 1; i < STEP; i++)
        last = few[i] > last ? few[i] : last;
    return last;
}

/* ---- Loss and gradient of softmax ------------------------------------------------------------ */

/* Largest magnitudes of the terms and of t, computed in `real`. */
struct V(largest) {
    vec term, t;
};

INLINED void V(find_largest)(vec t, vec x, real m, real c, struct V(largest) * largest)
{
    largest->term = V(larger_magnitude)(t * (c - (x - m)), largest->term);
    largest->t = V(larger_magnitude)(t, largest->t);
}

static inline double V(cross_entropy_term)(real t, real x, double m, double c)
{
    return t == 0 ? 0 : ACC(t) * (c - (ACC(x) - m)); /* 0 * inf counts as 0 */
}

/* The same sum for terms beyond a bound that was found in f32, infinite terms and NaN. */
static double V(any_cross_entropy)(const real *t, const real *x, int64_t n, double m, double c)
{
    double most = 0, infinities = 0;
    uint64_t high = 0, low = 0;
    for (int64_t k = 0; k < n; k++) {
        double term = V(cross_entropy_term)(t[k], x[k], m, c);
        infinities += isfinite(term) ? 0 : term;
        most = fabs(term) > most ? fabs(term) : most;
    }
    const struct rg__exact_sum by = rg__exact_sum(most, n);
    for (int64_t k = 0; k < n; k++) {
        double term = V(cross_entropy_term)(t[k], x[k], m, c) * by.scale;
        high += rg__bits(term + by.high_c);
        low += rg__bits(term - ((term + by.high_c) - by.high_c) + by.low_c);
    }
    return infinities != 0 ? infinities : rg__exact_total(&by, high, low);
}

INLINED void V(add_cross_entropy)(const real *t, const real *x, double m, double c,
                                  struct V(bins) * sum, struct V(bins) * total)
{
    for (int part = 0; part < DPARTS; part++) {
        dvec weight = V(widen)(t + part * DSTEP);
        dvec term = weight * (c - (V(widen)(x + part * DSTEP) - m));
        V(add_to_bins)(sum, part, (dvec)((lvec)term & (weight != 0)));
        V(add_to_bins)(total, part, weight);
    }
}

static double V(cross_entropy)(const real *t, const real *x, int64_t n, double m, double c,
                               double *total)
{
    struct V(largest) largest = {{0}, {0}};
    vec rest_t[PARTS], rest_x[PARTS];
    double sum;
    int64_t k = 0, whole = n - n % LANES;
    V(pad)(t, whole, n - whole, false, rest_t);
    V(pad)(x, whole, n - whole, false, rest_x);
    for (; k < whole; k += STEP)
        V(find_largest)(V(load)(t + k), V(load)(x + k), (real)m, (real)c, &largest);
    for (int part = 0; part < PARTS && whole < n; part++)
        V(find_largest)(rest_t[part], rest_x[part], (real)m, (real)c, &largest);
    double most = V(largest_lane)(largest.term), most_t = V(largest_lane)(largest.t);
    if (RG_REAL == 32) /* the terms are in double */
        most = most * (1 + 0x1p-20) + 0x1p-126;
    struct V(bins) bins = V(open_bins)(most, n), bins_t = V(open_bins)(most_t, n);
    for (k = 0; k < whole; k += LANES)
        V(add_cross_entropy)(t + k, x + k, m, c, &bins, &bins_t);
    if (whole < n)
        V(add_cross_entropy)((const real *)rest_t, (const real *)rest_x, m, c, &bins, &bins_t);
    if (!V(close_bins)(&bins_t, total))
        *total = V(sum_of_infinities)(t, n);
    return V(close_bins)(&bins, &sum) ? sum : V(any_cross_entropy)(t, x, n, m, c);
}

static void V(add_difference)(const real *x, const real *t, int64_t n, double scale, double factor,
                              real *y)
{
    int64_t k = 0;
    for (; k + DSTEP <= n; k += DSTEP) {
        dvec term = factor * (scale * V(widen)(x + k) - V(widen)(t + k));
        *(narrow *)(y + k) += __builtin_convertvector(term, narrow);
    }
    for (; k < n; k++)
        y[k] += (real)(factor * (scale * ACC(x[k]) - ACC(t[k])));
}

/* ---- log(1 + exp x) and its slope ------------------------------------------------------------ */

#if RG_REAL == 64
/* exp x for x <= 0; 0 below -708. */
static inline dvec V(exp_negative)(dvec x)
{
    const dvec zero = {0}, magic = zero + 0x1.8p52;
    const lvec there = x >= -708;
    x = V(choose)(there, x, zero - 708); /* a NaN is not there */
    dvec shifted = x * 0x1.71547652b82fep+0 + magic, n = shifted - magic;
    dvec r = x - n * 0x1.62e42feep-1 - n * 0x1.a39ef35793c76p-33;
    dvec power = (dvec)(((lvec)shifted - (lvec)magic + 1023) << 52);
    return (dvec)((lvec)(V(exp_near_0)(r) * power) & there);
}

/* With e = exp -|x|: log(1 + exp x) = max(x, 0) + 2 artanh(e / (2 + e)), and the sigmoid is
 * 1 / (1 + e) above 0 and e / (1 + e) below. */
static inline void V(softplus_lanes)(const double *x, double *soft, double *sigmoid)
{
    const lvec magnitude = (lvec){0} + INT64_MAX;
    for (int part = 0; part < DPARTS; part++) {
        dvec v = V(load_double)(x + part * DSTEP);
        lvec above = v >= 0, number = v == v;
        dvec e = V(exp_negative)(-(dvec)((lvec)v & magnitude));
        dvec part_above = (dvec)((lvec)v & above), one_or_e = (dvec){0} + 1;
        one_or_e = (dvec)(((lvec)one_or_e & above) | ((lvec)e & ~above));
        dvec s = part_above + V(two_artanh)(e / (e + 2)), p = one_or_e / (1 + e);
        *(dvec *)(soft + part * DSTEP) = (dvec)(((lvec)s & number) | ((lvec)v & ~number));
        *(dvec *)(sigmoid + part * DSTEP) = (dvec)(((lvec)p & number) | ((lvec)v & ~number));
    }
}

static void V(softplus)(const double *x, int64_t n, double *soft, double *sigmoid)
{
    double rest[3][LANES] = {0};
    int64_t k = 0, left = n % LANES;
    for (; k + LANES <= n; k += LANES)
        V(softplus_lanes)(x + k, soft + k, sigmoid + k);
    if (left == 0)
        return;
    memcpy(rest[0], x + k, (size_t)left * sizeof *x);
    V(softplus_lanes)(rest[0], rest[1], rest[2]);
    memcpy(soft + k, rest[1], (size_t)left * sizeof *x);
    memcpy(sigmoid + k, rest[2], (size_t)left * sizeof *x);
}
#endif

#if RG_REAL == 64
/* y = f x for each vector; the last ones of a row from a padded copy. */
#define RG__EACH(name, f)                                                                          \
    static void V(name)(const double *x, int64_t n, double *y)                                     \
    {                                                                                              \
        double rest[LANES] = {0};                                                                  \
        int64_t k = 0;                                                                             \
        for (; k + DSTEP <= n; k += DSTEP)                                                         \
            *(dvec *)(y + k) = f(V(load_double)(x + k));                                           \
        if (k == n)                                                                                \
            return;                                                                                \
        memcpy(rest, x + k, (size_t)(n - k) * sizeof *x);                                          \
        *(dvec *)rest = f(V(load_double)(rest));                                                   \
        memcpy(y + k, rest, (size_t)(n - k) * sizeof *y);                                          \
    }

/* The low halves of a times m, for m < 2^32. */
static inline uvec V(times_low)(uvec a, uint64_t m)
{
#ifdef __x86_64__
    return (uvec)X86(mul_epu32)((X86_INTEGERS)a, (X86_INTEGERS)((uvec){0} + m));
#else
    return (a & 0xffffffff) * m;
#endif
}

/* Philox 4x32-10 (Salmon et al. 2011), which multiplies two of four words in each round. Only the
 * low halves of the vectors' elements count. */
static inline dvec V(uniform_vec)(uvec a, uint64_t b, uint64_t key)
{
    uvec word[4] = {a, a >> 32, (uvec){0} + b, (uvec){0} + (b >> 32)};
    uint32_t low = (uint32_t)key, high = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++, low += 0x9E3779B9, high += 0xBB67AE85) {
        uvec even = V(times_low)(word[0], 0xD2511F53), odd = V(times_low)(word[2], 0xCD9E8D57);
        word[0] = (odd >> 32) ^ word[1] ^ low;
        word[1] = odd;
        word[2] = (even >> 32) ^ word[3] ^ high;
        word[3] = even;
    }
    lvec bits = (lvec)(((word[1] << 32) | (word[0] & 0xffffffff)) >> 11);
    return __builtin_convertvector(bits, dvec) * 0x1p-53;
}

static void V(uniform)(uint64_t key, const int64_t *a, int64_t n, uint64_t b, double *u)
{
    double rest[LANES] = {0};
    int64_t k = 0;
    for (; k + DSTEP <= n; k += DSTEP)
        *(dvec *)(u + k) = V(uniform_vec)(*(const uvec *)(a + k), b, key);
    if (k == n)
        return;
    memcpy(rest, a + k, (size_t)(n - k) * sizeof *a);
    *(dvec *)rest = V(uniform_vec)(*(const uvec *)rest, b, key);
    memcpy(u + k, rest, (size_t)(n - k) * sizeof *u);
}

RG__EACH(log, V(log_vec))
RG__EACH(exp2, V(exp2_vec))
#endif

extern const struct F(rg__vector) V(rg__vector);
const struct F(rg__vector) V(rg__vector) = {
    .dot_rows = V(dot_rows),
    .add_rows = V(add_rows),
    .multiply_gathered = V(multiply_gathered),
    .multiply_prefetched = V(multiply_prefetched),
    .multiply_scaled = V(multiply_scaled),
    .sum_rows = V(sum_rows),
    .repeat_rows = V(repeat_rows),
    .shift_and_scale = V(shift_and_scale),
    .max = V(max),
    .sum = V(sum),
    .exp = V(exp),
    .cross_entropy = V(cross_entropy),
    .add_difference = V(add_difference),
#if RG_REAL == 64
    .log = V(log),
    .exp2 = V(exp2),
    .uniform = V(uniform),
    .softplus = V(softplus),
#endif
};

/* ---- The choice of the level, compiled once -------------------------------------------------- */

#if RG_LEVEL == 1
#ifdef RG_MORE_LEVELS
extern const struct F(rg__vector) AT_LEVEL(rg__vector, 3), AT_LEVEL(rg__vector, 4);
#endif

const struct F(rg__vector) * F(rg__vector)(const rg_context *ctx)
{
    return BY_LEVEL(ctx, rg__vector);
}

#if RG_REAL == 64
double rg__max_of(const rg_context *ctx, const double *x, int64_t n)
{
    return rg__vector_f64(ctx)->max(x, n);
}

double rg__sum_of(const rg_context *ctx, const double *x, int64_t n)
{
    return rg__vector_f64(ctx)->sum(x, n, (double)INFINITY);
}

void rg__exp_of(const rg_context *ctx, const double *x, int64_t n, double shift, double *y)
{
    rg__vector_f64(ctx)->exp(x, n, shift, y);
}

void rg__log_of(const rg_context *ctx, const double *x, int64_t n, double *y)
{
    rg__vector_f64(ctx)->log(x, n, y);
}

void rg__exp2_of(const rg_context *ctx, const double *x, int64_t n, double *y)
{
    rg__vector_f64(ctx)->exp2(x, n, y);
}

void rg__uniforms(const rg_context *ctx, uint64_t seed, uint64_t stream, const int64_t *a,
                  int64_t n, uint64_t b, double *u)
{
    rg__vector_f64(ctx)->uniform(rg__philox_key(seed, stream), a, n, b, u);
}

void rg__softplus(const rg_context *ctx, const double *x, int64_t n, double *soft, double *sigmoid)
{
    rg__vector_f64(ctx)->softplus(x, n, soft, sigmoid);
}
#endif
#endif

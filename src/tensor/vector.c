/* vector.c: loops over vectors of 16, 32 or 64 bytes, by RG_LEVEL; see vector.h.
 *
 * The one idea: 64 bytes of lanes are `PARTS` vectors, whatever their width: lane i of a sum gets
 * the same terms in the same order at every level. GCC's and Clang's vector types turn into the
 * instructions of the level without any intrinsic (but for the conversion from f16). */
#include "tensor/vector.h"

#include "tensor/level.h"

#include <string.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

#if RG_LEVEL == 4
#define WIDTH     64
#define X86(name) _mm512_##name
#elif RG_LEVEL == 3
#define WIDTH     32
#define X86(name) _mm256_##name
#else
#define WIDTH     16
#define X86(name) _mm_##name
#endif

/* Vectors of the level, and of 16 bytes for the ends of rows; at any address. */
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

/* Element by element a where it is larger than b, else b (where either is a NaN, too). */
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

/* ---- y = X w --------------------------------------------------------------------------------- */

/* The terms [from, n) of a row, fewer than LANES, into its first lanes; then all lanes folded in
 * halves. */
static inline real V(finish)(real acc[LANES], const real *x, const real *w, int64_t from, int64_t n)
{
    int lane = 0;
    for (; from + QUAD <= n; from += QUAD, lane += QUAD)
        *(quad *)&acc[lane] += V(load_quad)(x + from) * V(load_quad)(w + from);
    for (; from < n; from++, lane++)
        acc[lane] += x[from] * w[from];
    for (int width = LANES / 2; width >= QUAD; width /= 2)
        for (int i = 0; i < width; i += QUAD)
            *(quad *)&acc[i] += V(load_quad)(&acc[i + width]);
    for (int width = QUAD / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++)
            acc[i] += acc[i + width];
    return acc[0];
}

/* sum_k x[k] w[k]. Row after row, never several at a time: a row comes from memory, and jumping
 * between rows starves the prefetcher (measured: four rows at a time, 2.8 times as long). */
static inline real V(dot)(const real *x, const real *w, int64_t n)
{
    vec acc[PARTS];
    memset(acc, 0, sizeof acc);
    int64_t k = 0;
    for (; k + LANES <= n; k += LANES)
        for (int part = 0; part < PARTS; part++)
            acc[part] += V(load)(x + k + part * STEP) * V(load)(w + k + part * STEP);
    real lanes[LANES];
    memcpy(lanes, acc, sizeof lanes);
    return V(finish)(lanes, x, w, k, n);
}

static void V(dot_rows)(const real *x, int64_t rows, int64_t n, const real *w, real *y)
{
    for (int64_t m = 0; m < rows; m++, x += n) {
        double total = 0;
        for (int64_t k = 0; k < n; k += RG__PRODUCT_BLOCK)
            total +=
                ACC(V(dot)(x + k, w + k, n - k < RG__PRODUCT_BLOCK ? n - k : RG__PRODUCT_BLOCK));
        y[m] = (real)total;
    }
}

/* ---- sum += X^T g ---------------------------------------------------------------------------- */

/* One vector of `sum` stays in a register while `count` rows pass. */
static inline void V(add_some)(const real *x, int count, int64_t n, const real *g, real *sum)
{
    int64_t k = 0;
    for (; k + STEP <= n; k += STEP) {
        vec s = V(load)(sum + k);
        for (int r = 0; r < count; r++)
            s += g[r] * V(load)(x + r * n + k);
        *(vec *)(sum + k) = s;
    }
    for (; k + QUAD <= n; k += QUAD) {
        quad s = V(load_quad)(sum + k);
        for (int r = 0; r < count; r++)
            s += g[r] * V(load_quad)(x + r * n + k);
        *(quad *)(sum + k) = s;
    }
    for (; k < n; k++)
        for (int r = 0; r < count; r++)
            sum[k] += g[r] * x[r * n + k];
}

static void V(add_rows)(const real *x, int64_t rows, int64_t n, const real *g, real *sum)
{
    enum { TOGETHER = 8 };
    int64_t m = 0;
    for (; m + TOGETHER <= rows; m += TOGETHER)
        V(add_some)(x + m * n, TOGETHER, n, g + m, sum);
    for (; m < rows; m++)
        V(add_some)(x + m * n, 1, n, g + m, sum);
}

/* ---- y = x, from binary16 -------------------------------------------------------------------- */

/* The exponent's bias is 15 in f16 and 127 in f32: the bits are moved into place and multiplied by
 * 2^112, exactly, subnormals too. */
static inline float V(half)(uint16_t x)
{
    uint32_t bits = (uint32_t)(x & 0x7fffu) << 13, sign = (uint32_t)(x & 0x8000u) << 16;
    float magnitude;
    memcpy(&magnitude, &bits, sizeof bits);
    magnitude *= 0x1p112f;
    memcpy(&bits, &magnitude, sizeof bits);
    bits |= sign | (bits >= 0x47800000u ? 0x7f800000u : 0); /* 65536 and above: inf or NaN */
    memcpy(&magnitude, &bits, sizeof bits);
    return magnitude;
}

static void V(from_half)(const uint16_t *x, int64_t n, real *y)
{
    int64_t i = 0;
#if RG_LEVEL == 4 && RG_REAL == 32
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(y + i, _mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(x + i))));
#endif
#if defined(__F16C__) && RG_REAL == 32
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i))));
#endif
    for (; i < n; i++)
        y[i] = (real)V(half)(x[i]);
}

/* ---- In double ------------------------------------------------------------------------------- */

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

/* The sum of all lanes, folded in halves. */
static inline double V(fold)(const dvec acc[DPARTS])
{
    double lane[LANES];
    memcpy(lane, acc, sizeof lane);
    for (int width = LANES / 2; width >= 2; width /= 2)
        for (int i = 0; i < width; i += 2)
            *(pair *)&lane[i] += *(const pair *)&lane[i + width];
    return lane[0] + lane[1];
}

/* The last n < LANES numbers, and zeros: added to lanes that began as +0 they change nothing. */
static inline void V(pad)(const real *x, int64_t n, real padded[LANES])
{
#if RG_LEVEL == 4 && RG_REAL == 32
    _mm512_storeu_ps(padded, _mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), x));
#else
    memset(padded, 0, LANES * sizeof *padded);
    for (int64_t i = 0; i < n; i++)
        padded[i] = x[i];
#endif
}

static inline void V(add_lanes)(const real *x, dvec acc[DPARTS])
{
    for (int part = 0; part < DPARTS; part++)
        acc[part] += V(widen)(x + part * DSTEP);
}

static double V(sum)(const real *x, int64_t n)
{
    dvec acc[DPARTS];
    memset(acc, 0, sizeof acc);
    int64_t k = 0;
    for (; k + LANES <= n; k += LANES)
        V(add_lanes)(x + k, acc);
    real rest[LANES];
    V(pad)(x + k, n - k, rest);
    V(add_lanes)(rest, acc);
    return V(fold)(acc);
}

/* ---- y = exp(x - shift) ---------------------------------------------------------------------- */

#if RG_REAL == 32
typedef int32_t ivec __attribute__((vector_size(WIDTH), aligned(4), may_alias));

static inline vec V(power_of_2)(ivec n)
{
    return (vec)((n + 127) << 23);
}

/* exp x = 2^n exp r, n = rint(x / ln 2), |r| <= ln 2 / 2. Adding 1.5 * 2^23 leaves n in the low
 * bits; ln 2 is split so that n * LN2_HIGH is exact; exp r = 1 + r + r^2 p(r), p minimax with 2^-28
 * (Cody and Waite 1980; the coefficients are our own fit). 2^n goes on in two halves, so that
 * overflow and subnormals come out by themselves. Outside [-105, 89] nothing changes any more. */
static inline vec V(exp_vec)(vec x)
{
    const vec zero = {0}, magic = zero + 0x1.8p23f;
    x = V(larger)(zero - 105, -V(larger)(zero - 89, -x)); /* a NaN stays */
    vec shifted = x * 0x1.715476p+0f + magic, n = shifted - magic;
    ivec whole = (ivec)shifted - (ivec)magic, half = whole >> 1;
    vec r = x - n * 0x1.63p-1f + n * 0x1.bd0106p-13f;
    vec r2 = r * r; /* Estrin's order: the chain is what takes time */
    vec p = (0x1.fffffcp-2f + 0x1.555492p-3f * r) +
            (0x1.5558f2p-5f + 0x1.123a2p-7f * r + 0x1.6a23cep-10f * r2) * r2;
    p = p * r2 + r + 1;
    return p * V(power_of_2)(half) * V(power_of_2)(whole - half);
}

static inline void V(exp_lanes)(const real *x, real shift, real *y)
{
    for (int part = 0; part < PARTS; part++)
        *(vec *)(y + part * STEP) = V(exp_vec)(V(load)(x + part * STEP) - shift);
}
#else
static inline void V(exp_lanes)(const real *x, real shift, real *y)
{
    for (int i = 0; i < LANES; i++)
        y[i] = exp(x[i] - shift);
}
#endif

static double V(exp)(const real *x, int64_t n, real shift, real *y)
{
    real rest[LANES], e[LANES];
    int64_t whole = n - n % LANES;
    V(pad)(x + whole, n - whole, rest); /* y may be x */
    for (int64_t i = 0; i < whole; i += LANES)
        V(exp_lanes)(x + i, shift, y + i);
    if (whole < n)
        V(exp_lanes)(rest, shift, e);
    for (int64_t i = whole; i < n; i++)
        y[i] = e[i - whole];
    return V(sum)(y, n);
}

static real V(max)(const real *x, int64_t n)
{
    vec most = (vec){0} - (real)INFINITY;
    real few[STEP], last;
    for (int i = 0; i < STEP; i++)
        few[i] = i < n ? x[i] : (real)-INFINITY;
    for (int64_t k = 0; k + STEP <= n; k += STEP)
        most = V(larger)(V(load)(x + k), most);
    most = V(larger)(V(load)(n < STEP ? few : x + n - STEP), most); /* some of them again */
    memcpy(few, &most, sizeof few);
    last = few[0];
    for (int i = 1; i < STEP; i++)
        last = few[i] > last ? few[i] : last;
    return last;
}

/* ---- Sums of a softmax's loss and gradient --------------------------------------------------- */

struct V(sums) {
    dvec cross[DPARTS], total[DPARTS];
};

static inline void V(add_cross)(const real *t, const real *x, double m, double c,
                                struct V(sums) * sums)
{
    for (int part = 0; part < DPARTS; part++) {
        dvec weight = V(widen)(t + part * DSTEP);
        dvec term = weight * (c - (V(widen)(x + part * DSTEP) - m));
        sums->cross[part] += (dvec)((lvec)term & (weight != 0)); /* 0 inf is 0 */
        sums->total[part] += weight;
    }
}

static double V(cross)(const real *t, const real *x, int64_t n, double m, double c, double *total)
{
    struct V(sums) sums;
    memset(&sums, 0, sizeof sums);
    int64_t k = 0;
    for (; k + LANES <= n; k += LANES)
        V(add_cross)(t + k, x + k, m, c, &sums);
    if (k < n) {
        real rest_t[LANES], rest_x[LANES];
        V(pad)(t + k, n - k, rest_t);
        V(pad)(x + k, n - k, rest_x);
        V(add_cross)(rest_t, rest_x, m, c, &sums);
    }
    *total = V(fold)(sums.total);
    return V(fold)(sums.cross);
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

extern const struct F(rg__vector) V(rg__vector);
const struct F(rg__vector) V(rg__vector) = {
    V(dot_rows), V(add_rows), V(from_half), V(max), V(exp), V(cross), V(add_difference),
};

/* ---- The table, once ------------------------------------------------------------------------- */

#if RG_LEVEL == 1
#ifdef RG_MORE_LEVELS
extern const struct F(rg__vector) AT_LEVEL(rg__vector, 3), AT_LEVEL(rg__vector, 4);
#endif

const struct F(rg__vector) *F(rg__vector)(const rg_context *ctx)
{
    return BY_LEVEL(ctx, rg__vector);
}
#endif

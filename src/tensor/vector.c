/* vector.c: loops over vectors of 16, 32 or 64 bytes, by RG_LEVEL; see vector.h.
 *
 * The one idea: 64 bytes of lanes are `PARTS` vectors, whatever their width: lane i of a sum gets
 * the same terms in the same order at every level. GCC's and Clang's vector types turn into the
 * instructions of the level without any intrinsic (but for the conversion from f16). */
#include "tensor/vector.h"

#include <string.h>
#ifdef __F16C__
#include <immintrin.h>
#endif

#define V_NAME(name, level)  name##_v##level
#define V_PASTE(name, level) V_NAME(name, level)
#define V(name)              V_PASTE(F(name), RG_LEVEL) /* rg__vector_f32_v3 */

#if RG_LEVEL == 4
#define WIDTH 64
#elif RG_LEVEL == 3
#define WIDTH 32
#else
#define WIDTH 16
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
#if defined(__F16C__) && RG_REAL == 32
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(y + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(x + i))));
#endif
    for (; i < n; i++)
        y[i] = (real)V(half)(x[i]);
}

/* ---- y = exp(x - shift) ---------------------------------------------------------------------- */

#if RG_REAL == 32
typedef int32_t ivec __attribute__((vector_size(WIDTH), aligned(4), may_alias));

static inline vec V(choose)(ivec where, vec a, vec b)
{
    return (vec)((where & (ivec)a) | (~where & (ivec)b));
}

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
    x = V(choose)(x > 89, zero + 89, x); /* a NaN compares false and stays */
    x = V(choose)(x < -105, zero - 105, x);
    vec shifted = x * 0x1.715476p+0f + magic, n = shifted - magic;
    ivec whole = (ivec)shifted - (ivec)magic, half = whole >> 1;
    vec r = x - n * 0x1.63p-1f + n * 0x1.bd0106p-13f;
    vec p = ((0x1.6a23cep-10f * r + 0x1.123a2p-7f) * r + 0x1.5558f2p-5f) * r + 0x1.555492p-3f;
    p = (p * r + 0x1.fffffcp-2f) * (r * r) + r + 1;
    return p * V(power_of_2)(half) * V(power_of_2)(whole - half);
}

static void V(exp)(const real *x, int64_t n, real shift, real *y)
{
    int64_t i = 0;
    for (; i + STEP <= n; i += STEP)
        *(vec *)(y + i) = V(exp_vec)(V(load)(x + i) - shift);
    if (i == n)
        return;
    real rest[STEP] = {0};
    memcpy(rest, x + i, (size_t)(n - i) * sizeof *x);
    *(vec *)rest = V(exp_vec)(V(load)(rest) - shift);
    memcpy(y + i, rest, (size_t)(n - i) * sizeof *y);
}
#else
static void V(exp)(const real *x, int64_t n, real shift, real *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = exp(x[i] - shift);
}
#endif

extern const struct F(rg__vector) V(rg__vector);
const struct F(rg__vector) V(rg__vector) = {V(dot_rows), V(add_rows), V(from_half), V(exp)};

/* ---- The table, once ------------------------------------------------------------------------- */

#if RG_LEVEL == 1
#ifdef RG_MORE_LEVELS
extern const struct F(rg__vector) V_PASTE(F(rg__vector), 3), V_PASTE(F(rg__vector), 4);
#endif

const struct F(rg__vector) * F(rg__vector)(const rg_context *ctx)
{
#ifdef RG_MORE_LEVELS
    if (ctx->level == 4)
        return &V_PASTE(F(rg__vector), 4);
    if (ctx->level == 3)
        return &V_PASTE(F(rg__vector), 3);
#endif
    (void)ctx;
    return &V(rg__vector);
}
#endif

/* vector.h (internal; for files compiled twice): the few loops whose speed the width of the
 * machine's vectors decides. Sums are in double.
 *
 * The one idea: vector.c is compiled once a level of x86-64 (v1: SSE2, v3: AVX2, v4: AVX-512) and
 * the context picks the widest that the machine has. What is summed in which order is written down
 * in lanes that no level changes, so that all levels give the same bits (tests/test_vector.c).
 */
#ifndef RG_TENSOR_VECTOR_H
#define RG_TENSOR_VECTOR_H

#include "base/base.h"
#include "tensor/real.h"

/* Products accumulate in the numbers' own type over at most so many terms; blocks in double. */
enum { RG__PRODUCT_BLOCK = 4096 };

/* A column's scale beside its weight, so that both are in one line of the cache. */
struct F(rg__scaled) {
    double scale;
    real weight;
};

struct F(rg__vector) {
    /* y[m] = sum_k x[m,k] w[k] for x (rows,n) of the numbers' own type, or (`half`) of binary16,
     * converted in registers: 16 lanes in f32, 8 in f64; y[m] depends on row m alone. */
    void (*dot_rows)(const void *x, bool half, int64_t rows, int64_t n, const real *w, real *y);

    /* sum[k] += sum_m g[m] x[m,k] for such rows, in order; at most RG__PRODUCT_BLOCK of them
     * between two clearings of `sum`. */
    void (*add_rows)(const void *x, bool half, int64_t rows, int64_t n, const real *g, real *sum);

    /* p[k] = x[k] b[column[k]]. */
    void (*multiply_picked)(const real *x, const int32_t *column, int64_t n, const real *b,
                            real *p);

    /* The same, where b is too large for the cache of a core. */
    void (*multiply_far)(const real *x, const int32_t *column, int64_t n, const real *b, real *p);

    /* p[k] = z b[column[k]].weight, z = x[k] b[column[k]].scale, in double and rounded once. */
    void (*multiply_scaled)(const real *x, const int32_t *column, int64_t n,
                            const struct F(rg__scaled) * b, real *p);

    /* y[m] = sum of p over sparse row m, p beginning with row 0, in LANES lanes. LANES numbers
     * more, of any value, can be read behind p's. */
    void (*sum_rows)(const real *p, const int64_t *indptr, int64_t rows, real *y);

    /* p[k] = g[m] for each k of sparse row m. LANES numbers more can be written behind p's. */
    void (*spread_rows)(const real *g, const int64_t *indptr, int64_t rows, real *p);

    /* y[m,k] = (x[m,k] - shift[k]) scale[k], in double and rounded once; y may be x. */
    void (*shift_and_scale)(const real *x, int64_t rows, int64_t n, const double *shift,
                            const double *scale, real *y);

    /* The largest x[i]; -inf where n is 0. A NaN is never larger. */
    real (*max)(const real *x, int64_t n);

    /* y[i] = exp(x[i] - shift), and their sum: f32 within 1 ulp, exact at NaN and infinities; f64
     * by libm. In place is allowed. */
    double (*exp)(const real *x, int64_t n, real shift, real *y);

    /* sum_k t[k] (c - (x[k] - m)) over the k with t[k] != 0; *total gets sum_k t[k]. */
    double (*cross)(const real *t, const real *x, int64_t n, double m, double c, double *total);

    /* y[k] += factor (scale x[k] - t[k]), each term in double. */
    void (*add_difference)(const real *x, const real *t, int64_t n, double scale, double factor,
                           real *y);
};

/* The loops of the widest level that this context may use. */
const struct F(rg__vector) * F(rg__vector)(const rg_context *ctx);

#endif

/* vector.h (internal; for files compiled twice): the few loops whose speed depends on the width of
 * the machine's vectors.
 *
 * vector.c is compiled once per x86-64 level (v1: SSE2, v3: AVX2, v4: AVX-512), and the context
 * selects the highest level that the machine has. Sums use a fixed number of lanes (lanes.h), so
 * that all levels give the same bits (tests/test_vector.c).
 */
#ifndef RG_TENSOR_VECTOR_H
#define RG_TENSOR_VECTOR_H

#include "base/base.h"
#include "tensor/real.h"

/* The scale and the weight of a column, next to each other so that they share a cache line. */
struct F(rg__scaled_weight) {
    double scale;
    real weight;
};

struct F(rg__vector) {
    /* y[m] = sum_k x[m,k] w[k] for x (rows,n) in `real` or, with `half`, in binary16, which is
     * converted in registers. Sums in LANES lanes; the bits of y[m] depend only on row m. */
    void (*dot_rows)(const void *x, bool half, int64_t rows, int64_t n, const real *w, real *y);

    /* sum[k] += sum_m g[m] x[m,k] for such rows, in order. Callers add at most RG__PRODUCT_BLOCK
     * rows to the same `sum`. */
    void (*add_rows)(const void *x, bool half, int64_t rows, int64_t n, const real *g, real *sum);

    /* p[k] = x[k] b[column[k]]. */
    void (*multiply_gathered)(const real *x, const int32_t *column, int64_t n, const real *b,
                              real *p);

    /* The same with prefetching, for a b that does not fit the cache of a core. */
    void (*multiply_prefetched)(const real *x, const int32_t *column, int64_t n, const real *b,
                                real *p);

    /* p[k] = z b[column[k]].weight, where z = x[k] b[column[k]].scale is computed in double and
     * rounded once. */
    void (*multiply_scaled)(const real *x, const int32_t *column, int64_t n,
                            const struct F(rg__scaled_weight) * b, real *p);

    /* y[m] = sum of p over sparse row m, in LANES lanes; p begins with the first non-zero of row 0.
     * May read up to LANES elements past the end of p; their values do not matter. */
    void (*sum_rows)(const real *p, const int64_t *indptr, int64_t rows, real *y);

    /* p[k] = g[m] for each k of sparse row m. May write up to LANES elements past the end of p. */
    void (*repeat_rows)(const real *g, const int64_t *indptr, int64_t rows, real *p);

    /* y[m,k] = (x[m,k] - shift[k]) scale[k], computed in double and rounded once; y may be x. */
    void (*shift_and_scale)(const real *x, int64_t rows, int64_t n, const double *shift,
                            const double *scale, real *y);

    /* The largest x[i], ignoring NaN; -inf if there is none. */
    real (*max)(const real *x, int64_t n);

    /* The sum of x in double, whose bits do not depend on the order of the x[i] (exact_sum.h).
     * `most`: a bound of their magnitudes, infinity if unknown. */
    double (*sum)(const real *x, int64_t n, double most);

    /* y[i] = exp(x[i] - shift), within 1 ulp (f64: 2), exact for NaN and infinities; y may be x. */
    void (*exp)(const real *x, int64_t n, real shift, real *y);

    /* Likewise sum_k t[k] (c - (x[k] - m)) over the k with t[k] != 0, and *total = sum_k t[k]. This
     * is the cross entropy of t with softmax x if m = max x, c = log sum_k exp(x[k] - m). */
    double (*cross_entropy)(const real *t, const real *x, int64_t n, double m, double c,
                            double *total);

    /* y[k] += factor (scale x[k] - t[k]), where the term is computed in double. */
    void (*add_difference)(const real *x, const real *t, int64_t n, double scale, double factor,
                           real *y);

#if RG_REAL == 64
    /* As rg__log_of, rg__exp2_of, rg__uniforms and rg__softplus (elementary.h). */
    void (*log)(const double *x, int64_t n, double *y);
    void (*exp2)(const double *x, int64_t n, double *y);
    void (*uniform)(uint64_t key, const int64_t *a, int64_t n, uint64_t b, double *u);
    void (*softplus)(const double *x, int64_t n, double *soft, double *sigmoid);
#endif
};

/* The loops for the level of a context. */
const struct F(rg__vector) * F(rg__vector)(const rg_context *ctx);

#endif

/* elementary.h (internal): elementary functions of arrays in double, with the vectors of the
 * machine: vector.c, the same bits at all levels. Results are within a few ulp; y may be x. */
#ifndef RG_TENSOR_ELEMENTARY_H
#define RG_TENSOR_ELEMENTARY_H

#include "base/base.h"

/* The largest x[i], ignoring NaN; -inf if there is none. */
double rg__max_of(const rg_context *ctx, const double *x, int64_t n);

/* The sum of x, at least as accurate as a plain one; its bits do not depend on the order of the
 * x[i]. Infinite where a term is; NaN where one is, or with both infinities. */
double rg__sum_of(const rg_context *ctx, const double *x, int64_t n);

/* y[i] = exp(x[i] - shift). */
void rg__exp_of(const rg_context *ctx, const double *x, int64_t n, double shift, double *y);

/* y[i] = log x[i] and y[i] = 2^x[i], exact at infinities, NaN and, for 2^x, at integers; the
 * logarithm of 0 is -inf and of negative numbers NaN. */
void rg__log_of(const rg_context *ctx, const double *x, int64_t n, double *y);
void rg__exp2_of(const rg_context *ctx, const double *x, int64_t n, double *y);

/* u[i] = rg_uniform(seed, stream, a[i], b): 53 bits of Philox 4x32-10. */
void rg__uniforms(const rg_context *ctx, uint64_t seed, uint64_t stream, const int64_t *a,
                  int64_t n, uint64_t b, double *u);

/* soft[i] = log(1 + exp x[i]) and its slope, sigmoid[i] = 1 / (1 + exp -x[i]), in either tail,
 * exact at infinities, NaN at NaN; an exponential below exp(-708) is 0. soft may be x. */
void rg__softplus(const rg_context *ctx, const double *x, int64_t n, double *soft, double *sigmoid);

#endif

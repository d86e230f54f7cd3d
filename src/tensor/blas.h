/* blas.h (internal; for files compiled twice): the matrix product by BLAS. */
#ifndef RG_TENSOR_BLAS_H
#define RG_TENSOR_BLAS_H

#include "tensor/real.h"

#include <stdbool.h>
#include <stdint.h>

/* C (m,n) = op(A) op(B), or C += with `add`; row-major. op(A) is (m,k), op(B) is (k,n); `turn_a`:
 * A is stored (k,m); `turn_b`: B is stored (n,k). The sum over k runs in the numbers' own type over
 * at most 4,096 terms; blocks are added in order in double, for which `scratch` holds m n doubles
 * and m n reals (used only when k > 4,096). n and k are at most 2^31 - 1, and so is m where A is
 * turned. */
void rg__gemm_f32(bool turn_a, bool turn_b, int64_t m, int64_t n, int64_t k, const float *a,
                  const float *b, float *c, bool add, void *scratch);
void rg__gemm_f64(bool turn_a, bool turn_b, int64_t m, int64_t n, int64_t k, const double *a,
                  const double *b, double *c, bool add, void *scratch);

#endif

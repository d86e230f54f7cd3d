/* blas.h (internal; for files compiled twice): the matrix product, computed by BLAS. */
#ifndef RG_TENSOR_BLAS_H
#define RG_TENSOR_BLAS_H

#include "tensor/real.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes of scratch memory that rg__gemm needs; may be 0. */
size_t rg__gemm_scratch_f32(int64_t m, int64_t n, int64_t k);
size_t rg__gemm_scratch_f64(int64_t m, int64_t n, int64_t k);

/* C (m,n) = op(A) op(B), or C += op(A) op(B) with `add`; row-major. op(A) is (m,k), op(B) is (k,n);
 * with `trans_a` A is stored as (k,m), with `trans_b` B is stored as (n,k). At most
 * RG__PRODUCT_BLOCK terms of the sum over k are added in the type of the operands; the sums of such
 * blocks are added in order in double, in `scratch`. n and k are at most 2^31 - 1, and so is m with
 * `trans_a`. */
void rg__gemm_f32(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const float *a,
                  const float *b, float *c, bool add, void *scratch);
void rg__gemm_f64(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const double *a,
                  const double *b, double *c, bool add, void *scratch);

#endif

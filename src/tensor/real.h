/* real.h (internal): the two precisions of a file that is compiled twice.
 *
 * Such a file writes `real` for float or double and F(name) for each of its functions, static ones
 * too, which become name_f32 and name_f64. CMake compiles it with RG_REAL=32 and with RG_REAL=64.
 * Code that must exist only once (the public function, samples) goes under #ifdef RG__ONCE.
 */
#ifndef RG_TENSOR_REAL_H
#define RG_TENSOR_REAL_H

#include <rankgrad/real.h>

typedef rg_real real;
#define F(name)   RG_F(name)
#define M(name)   RG_M(name) /* the C library's function in this precision: M(exp) is expf */
#define REAL_TYPE RG_REAL_TYPE
enum { LANES = 64 / sizeof(real) };
#if RG_REAL == 64
#define RG__ONCE
#endif

/* For functions that are called with constant arguments (a function of one element, a step), so
 * that their loops are compiled for these constants. The compiler would not always inline them. */
#define INLINED static inline __attribute__((always_inline))

/* At most this many products are added in `real`; the sums of such blocks are added in double. */
enum { RG__PRODUCT_BLOCK = 4096 };

/* Converts a term to double, in which sums are accumulated. */
#define ACC(x) ((double)(x))

#endif

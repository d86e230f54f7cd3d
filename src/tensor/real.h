/* real.h (internal): the two precisions of a file that is compiled twice.
 *
 * The one idea: such a file writes `real` for its numbers and F(name) for each of its functions,
 * static ones too; CMake compiles it with RG_REAL=32 and again with RG_REAL=64. What must exist
 * once (the public function, samples) stands in the second pass, under #ifdef RG__ONCE.
 */
#ifndef RG_TENSOR_REAL_H
#define RG_TENSOR_REAL_H

#include <math.h>

#if RG_REAL == 32
typedef float real;
#define F(name)   name##_f32
#define M(name)   name##f /* the C library's function of this precision: M(exp) */
#define REAL_TYPE RG_F32
enum { LANES = 16 };
#elif RG_REAL == 64
typedef double real;
#define F(name)   name##_f64
#define M(name)   name
#define REAL_TYPE RG_F64
enum { LANES = 8 };
#define RG__ONCE
#else
#error "real.h is for files that CMake compiles twice, with RG_REAL=32 and RG_REAL=64"
#endif

/* For functions with arguments that are constants where they are called (the function of one
 * element, a number of steps): the loops in them are compiled for these, whatever the compiler
 * would find worth it. */
#define INLINED static inline __attribute__((always_inline))

/* The explicit cast of a term into a sum, which is in double. */
#define ACC(x) ((double)(x))

#endif

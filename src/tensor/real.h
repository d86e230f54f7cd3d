/* real.h (internal): the two precisions of a file that is compiled twice.
 *
 * The one idea: such a file writes `real` for its numbers and F(name) for each of its functions,
 * static ones too; CMake compiles it with RG_REAL=32 and again with RG_REAL=64. What must exist
 * once (the public function, samples) stands in the second pass, under #ifdef RG__ONCE.
 */
#ifndef RG_TENSOR_REAL_H
#define RG_TENSOR_REAL_H

#include <rankgrad/real.h>

typedef rg_real real;
#define F(name)   RG_F(name)
#define M(name)   RG_M(name)
#define REAL_TYPE RG_REAL_TYPE
enum { LANES = 64 / sizeof(real) };
#if RG_REAL == 64
#define RG__ONCE
#endif

/* For functions with arguments that are constants where they are called (the function of one
 * element, a number of steps): the loops in them are compiled for these, whatever the compiler
 * would find worth it. */
#define INLINED static inline __attribute__((always_inline))

/* The explicit cast of a term into a sum, which is in double. */
#define ACC(x) ((double)(x))

#endif

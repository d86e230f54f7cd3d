/* real.h: write the kernels of a custom operator once for f32 and f64.
 *
 * In a file without an include guard, write the kernels with rg_real as the element type,
 * RG_F(name) for names of functions and RG_M(name) for functions of <math.h>:
 *
 *   softplus.h
 *     #include <rankgrad/real.h>
 *     static void RG_F(forward)(rg_node *y)
 *     {
 *         const rg_real *x = rg_operand(y, 0)->data;
 *         rg_real *out = rg_output_data(y);
 *         for (int64_t i = 0; i < rg_tensor_count(rg_node_value(y)); i++)
 *             out[i] = RG_M(log1p)(RG_M(exp)(x[i]));
 *     }
 *
 * Include it once for each type; this defines forward_f32 and forward_f64:
 *
 *     #define RG_REAL 32
 *     #include "softplus.h"
 *     #undef RG_REAL
 *     #define RG_REAL 64
 *     #include "softplus.h"
 *     static const rg_operator softplus = {.name = "softplus",
 *                                          .forward = {[RG_F32] = forward_f32,
 *                                                      [RG_F64] = forward_f64}, ...};
 *
 * In C++, use a template instead, and rg_operator_of to fill in the struct.
 */
#include <math.h> /* no include guard here either: each inclusion sets the type */

#undef rg_real
#undef RG_F
#undef RG_M
#undef RG_REAL_TYPE

#if RG_REAL == 32
#define rg_real      float
#define RG_F(name)   name##_f32
#define RG_M(name)   name##f
#define RG_REAL_TYPE RG_F32
#elif RG_REAL == 64
#define rg_real      double
#define RG_F(name)   name##_f64
#define RG_M(name)   name
#define RG_REAL_TYPE RG_F64
#else
#error "define RG_REAL as 32 or 64 before <rankgrad/real.h> is included"
#endif

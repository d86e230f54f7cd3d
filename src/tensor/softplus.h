/* softplus.h (internal): log(1 + exp x) and its slope, for losses in double. */
#ifndef RG_TENSOR_SOFTPLUS_H
#define RG_TENSOR_SOFTPLUS_H

#include "base/base.h"

/* soft[i] = log(1 + exp x[i]), sigmoid[i] = 1 / (1 + exp -x[i]); see vector.h. soft may be x. */
void rg__softplus(const rg_context *ctx, const double *x, int64_t n, double *soft, double *sigmoid);

#endif

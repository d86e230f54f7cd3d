/* layer.h (internal; for files compiled twice): one layer of an mlp, without a graph. */
#ifndef RG_MODEL_LAYER_H
#define RG_MODEL_LAYER_H

#include "base/base.h"
#include "tensor/real.h"

/* y (rows,units) = relu(x W + b) for x (rows,inputs), W (inputs,units) and, right behind it, b
 * (units). The inputs of a unit add up in order, in the numbers' own type over at most
 * RG__PRODUCT_BLOCK of them, these in double; then comes b. So y[m] depends on x[m] alone, and no
 * level of x86-64 changes its bits. */
void F(rg__layer)(const rg_context *ctx, const real *x, int64_t rows, int64_t inputs, const real *w,
                  int64_t units, real *y);

#endif

/* column.h (internal; for files compiled twice): products of selected dense rows with a vector,
 * reading the rows in place. */
#ifndef RG_TENSOR_COLUMN_H
#define RG_TENSOR_COLUMN_H

#include "tensor/selection.h"
#include "tensor/vector.h"

/* The bytes of scratch memory that the two functions below need. */
size_t F(rg__column_scratch)(const rg_selection *rows);

/* y[m] = sum_k x[m,k] w[k]. The bits of y[m] depend only on row m. */
void F(rg__column_product)(const rg_context *ctx, const rg_selection *rows, const real *w, real *y,
                           void *scratch);

/* grad[k] += sum_m g[m] x[m,k]. At most 4,096 rows are summed in `real`, the sums of such blocks in
 * double. */
void F(rg__column_gradient)(const rg_context *ctx, const rg_selection *rows, const real *g,
                            real *grad, void *scratch);

#endif

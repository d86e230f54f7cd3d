/* column.h (internal; for files compiled twice): products of dense rows with one column, from
 * wherever the rows lie. */
#ifndef RG_TENSOR_COLUMN_H
#define RG_TENSOR_COLUMN_H

#include "tensor/selection.h"
#include "tensor/vector.h"

/* Bytes of scratch that the two below need. */
size_t F(rg__column_scratch)(const rg_selection *rows);

/* y[m] = sum_k x[m,k] w[k]; y (n) depends on row m alone. */
void F(rg__column_product)(const rg_context *ctx, const rg_selection *rows, const real *w, real *y,
                           void *scratch);

/* grad[k] += sum_m g[m] x[m,k]: in the numbers' own type over at most 4,096 rows, these in
 * double. */
void F(rg__column_gradient)(const rg_context *ctx, const rg_selection *rows, const real *g,
                            real *grad, void *scratch);

#endif

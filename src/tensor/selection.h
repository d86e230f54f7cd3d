/* selection.h (internal): rows of a matrix that are read where they lie. */
#ifndef RG_TENSOR_SELECTION_H
#define RG_TENSOR_SELECTION_H

#include <rankgrad/tensor.h>

/* Whether the matrix is sparse, else dense. */
bool rg__is_sparse_matrix(const rg_selection *rows);

/* Whether a caller's selection can be read: the matrix has a shape, a type and data, its indptr
 * never decreases within the runs, and the runs lie within it. Otherwise `problem` tells what is
 * wrong. Not checked: the column indices. */
enum { RG__SELECTION_PROBLEM = 256 };
bool rg__check_selection(const rg_selection *rows, char problem[RG__SELECTION_PROBLEM]);

/* The number of selected rows, of columns, and of non-zeros (sparse rows). */
int64_t rg__selected_rows(const rg_selection *rows);
int64_t rg__selected_columns(const rg_selection *rows);
int64_t rg__selected_nonzeros(const rg_selection *rows);

/* The type that the numbers are stored in. */
rg_dtype rg__selected_type(const rg_selection *rows);

/* The numbers of a run: of its first dense row, or of its first non-zero. */
const void *rg__run_data(const rg_selection *rows, const rg_run *run);

/* All selected rows, dense, converted to f32 or f64: `to` (n,F). */
void rg__gather(const rg_selection *rows, rg_dtype dtype, void *to);

#endif

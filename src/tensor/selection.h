/* selection.h (internal): selected rows of a dense or sparse matrix, read in place. */
#ifndef RG_TENSOR_SELECTION_H
#define RG_TENSOR_SELECTION_H

#include <rankgrad/tensor.h>

/* Whether the matrix is sparse; otherwise it is dense. */
bool rg__is_sparse_matrix(const rg_selection *rows);

/* Checks a caller's selection: the matrix has a valid shape and type and has data, indptr does not
 * decrease within the runs, and the runs are within the matrix. If not, `problem` is the message.
 * Column indices are not checked. */
enum { RG__SELECTION_PROBLEM = 256 };
bool rg__check_selection(const rg_selection *rows, char problem[RG__SELECTION_PROBLEM]);

/* The number of selected rows, of columns, and of non-zeros (sparse rows). */
int64_t rg__selected_rows(const rg_selection *rows);
int64_t rg__selected_columns(const rg_selection *rows);
int64_t rg__selected_nonzeros(const rg_selection *rows);

/* The element type of the matrix. */
rg_dtype rg__selected_type(const rg_selection *rows);

/* The data of a run, from its first dense row or its first non-zero on. */
const void *rg__run_data(const rg_selection *rows, const rg_run *run);

/* Copies all selected rows to `to` (n,F), dense and converted to f32 or f64. */
void rg__gather_rows(const rg_selection *rows, rg_dtype dtype, void *to);

#endif

/* selection.c: rows of a matrix that are read where they lie; see rg_selection in tensor.h. */
#include "tensor/selection.h"

#include "tensor/tensor.h"

#include <string.h>

bool rg__is_sparse_matrix(const rg_selection *rows)
{
    return rows->sparse.indptr != NULL;
}

int64_t rg__selected_rows(const rg_selection *rows)
{
    int64_t n = 0;
    for (int64_t i = 0; i < rows->n_runs; i++)
        n += rows->runs[i].n_rows;
    return n;
}

int64_t rg__selected_columns(const rg_selection *rows)
{
    return rg__is_sparse_matrix(rows) ? rows->sparse.n_cols : rows->dense.dims[1];
}

int64_t rg__selected_nonzeros(const rg_selection *rows)
{
    const int64_t *indptr = rows->sparse.indptr;
    int64_t n = 0;
    for (int64_t i = 0; i < rows->n_runs; i++)
        n += indptr[rows->runs[i].first + rows->runs[i].n_rows] - indptr[rows->runs[i].first];
    return n;
}

rg_dtype rg__selected_type(const rg_selection *rows)
{
    return rg__is_sparse_matrix(rows) ? rows->sparse.dtype : rows->dense.dtype;
}

const void *rg__run_data(const rg_selection *rows, const rg_run *run)
{
    size_t size = rg_dtype_size(rg__selected_type(rows));
    if (rg__is_sparse_matrix(rows))
        return (const char *)rows->sparse.data + (size_t)rows->sparse.indptr[run->first] * size;
    return (const char *)rows->dense.data + (size_t)(run->first * rows->dense.dims[1]) * size;
}

/* A run of sparse rows, made dense. */
static void spread(const rg_csr *csr, const rg_run *run, rg_dtype dtype, char *to)
{
    size_t size = rg_dtype_size(dtype), from_size = rg_dtype_size(csr->dtype);
    size_t row_size = (size_t)csr->n_cols * size;
    memset(to, 0, (size_t)run->n_rows * row_size);
    for (int64_t row = run->first; row < run->first + run->n_rows; row++, to += row_size)
        for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1]; k++)
            rg__cast(csr->dtype, (const char *)csr->data + (size_t)k * from_size, dtype,
                     to + (size_t)csr->indices[k] * size, 1);
}

void rg__gather(const rg_selection *rows, rg_dtype dtype, void *to)
{
    int64_t n_columns = rg__selected_columns(rows);
    char *at = to;
    for (int64_t i = 0; i < rows->n_runs; i++) {
        const rg_run *run = &rows->runs[i];
        int64_t count = run->n_rows * n_columns;
        if (rg__is_sparse_matrix(rows))
            spread(&rows->sparse, run, dtype, at);
        else
            rg__cast(rows->dense.dtype, rg__run_data(rows, run), dtype, at, count);
        at += (size_t)count * rg_dtype_size(dtype);
    }
}

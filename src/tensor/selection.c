/* selection.c: selected rows of a matrix; see rg_selection in rankgrad/tensor.h. */
#include "tensor/selection.h"

#include "tensor/tensor.h"

#include <stdio.h>
#include <string.h>

bool rg__is_sparse_matrix(const rg_selection *rows)
{
    return rows->sparse.indptr != NULL;
}

#define PROBLEM(...) (snprintf(problem, RG__SELECTION_PROBLEM, __VA_ARGS__), false)

static bool check_matrix(const rg_selection *rows, char *problem)
{
    char shape[RG__SHAPE_TEXT];
    const rg_tensor *dense = &rows->dense;
    const rg_csr *sparse = &rows->sparse;
    const char *type = rg__dtype_text(rg__selected_type(rows));
    if (rg__is_sparse_matrix(rows)) {
        if (sparse->n_rows < 0 || sparse->n_cols < 0 || sparse->n_cols > INT32_MAX ||
            !rg_dtype_computes(sparse->dtype))
            return PROBLEM("sparse rows (%lld,%lld) of %s; expected no negative extent, fewer "
                           "than 2^31 columns, and f32 or f64",
                           (long long)sparse->n_rows, (long long)sparse->n_cols, type);
        return true;
    }
    if (dense->ndim != 2 || rg_tensor_count(dense) < 0 ||
        !(rg_dtype_computes(dense->dtype) || dense->dtype == RG_F16))
        return PROBLEM("dense rows %s of %s; expected (N,F) of f16, f32 or f64",
                       rg__shape_text(dense, shape), type);
    return dense->data || rg__count(dense) == 0 ||
           PROBLEM("dense.data and sparse.indptr are NULL; expected one of them");
}

/* Checks the indptr of a run of sparse rows, and that there are indices and data. */
static bool check_values(const rg_csr *csr, const rg_run *run, char *problem)
{
    const int64_t *indptr = csr->indptr + run->first;
    for (int64_t i = 0; i < run->n_rows; i++)
        if (indptr[i] < 0 || indptr[i + 1] < indptr[i])
            return PROBLEM("indptr[%lld] is %lld and the next one is %lld; expected no negative "
                           "number and no decrease",
                           (long long)(run->first + i), (long long)indptr[i],
                           (long long)indptr[i + 1]);
    return (csr->indices && csr->data) || indptr[run->n_rows] == indptr[0] ||
           PROBLEM("sparse.%s is NULL, but indptr has non-zeros", csr->data ? "indices" : "data");
}

bool rg__check_selection(const rg_selection *rows, char problem[RG__SELECTION_PROBLEM])
{
    if (!rows)
        return PROBLEM("rows is NULL");
    if (rows->n_runs < 0 || (rows->n_runs > 0 && !rows->runs))
        return PROBLEM("%lld runs%s", (long long)rows->n_runs,
                       rows->runs ? "; expected 0 or more" : ", but runs is NULL");
    if (!check_matrix(rows, problem))
        return false;
    bool sparse = rg__is_sparse_matrix(rows);
    int64_t total = 0, n_rows = sparse ? rows->sparse.n_rows : rows->dense.dims[0];
    for (int64_t i = 0; i < rows->n_runs; i++) {
        const rg_run *run = &rows->runs[i];
        if (run->first < 0 || run->n_rows < 0 || run->n_rows > n_rows ||
            run->first > n_rows - run->n_rows)
            return PROBLEM("runs[%lld] has %lld rows from row %lld on; expected rows of the "
                           "matrix, which has %lld",
                           (long long)i, (long long)run->n_rows, (long long)run->first,
                           (long long)n_rows);
        if (sparse && !check_values(&rows->sparse, run, problem))
            return false;
        if (__builtin_add_overflow(total, run->n_rows, &total))
            return PROBLEM("the runs have more than 2^63 - 1 rows in total");
    }
    const rg_tensor all = {RG_F64, 2, {total, rg__selected_columns(rows)}, NULL};
    return rg_tensor_count(&all) >= 0 || PROBLEM("the selected rows have more than 2^63 - 1 bytes");
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

/* Converts a run of sparse rows to dense rows. */
static void make_dense(const rg_csr *csr, const rg_run *run, rg_dtype dtype, char *to)
{
    size_t size = rg_dtype_size(dtype), from_size = rg_dtype_size(csr->dtype);
    size_t row_size = (size_t)csr->n_cols * size;
    memset(to, 0, (size_t)run->n_rows * row_size);
    for (int64_t row = run->first; row < run->first + run->n_rows; row++, to += row_size)
        for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1]; k++)
            rg__cast(csr->dtype, (const char *)csr->data + (size_t)k * from_size, dtype,
                     to + (size_t)csr->indices[k] * size, 1);
}

void rg__gather_rows(const rg_selection *rows, rg_dtype dtype, void *to)
{
    int64_t n_columns = rg__selected_columns(rows);
    char *at = to;
    for (int64_t i = 0; i < rows->n_runs; i++) {
        const rg_run *run = &rows->runs[i];
        int64_t count = run->n_rows * n_columns;
        if (rg__is_sparse_matrix(rows))
            make_dense(&rows->sparse, run, dtype, at);
        else
            rg__cast(rows->dense.dtype, rg__run_data(rows, run), dtype, at, count);
        at += (size_t)count * rg_dtype_size(dtype);
    }
}

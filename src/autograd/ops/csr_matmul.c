/* csr_matmul: Y = A B with sparse rows A (M,K), which are data and have no gradient, and B (K,N) or
 * (K).
 *
 *     Y[m,:] = sum_k A[m,k] B[k,:]        dL/dB[k,:] = sum_m A[m,k] dL/dY[m,:]
 *
 * over the non-zeros. dL/dB is summed row by row, in the type of B for up to 4,096 rows and in
 * double for more.
 *
 * Rows are short and of different lengths, so an inner loop per row would end with a mispredicted
 * branch. If B has one column, loops therefore go over all non-zeros of a run: forward computes all
 * products and then their sums per row; backward repeats each cotangent for the non-zeros of its
 * row and then multiplies. */
#include "autograd/op.h"
#include "tensor/selection.h"
#include "tensor/vector.h"

#include <string.h>

RG__KERNELS(csr_matmul);

/* A run of rows. x and column begin at its first non-zero; row m has the non-zeros
 * [indptr[m] - indptr[0], indptr[m + 1] - indptr[0]). */
struct F(run) {
    const real *x;
    const int32_t *column;
    const int64_t *indptr;
    int64_t n_rows;
};

/* Run i. If values were converted, *converted is where those of the run begin (and is advanced to
 * the next run), else NULL. */
static struct F(run) F(run_at)(const rg_selection *rows, int64_t i, const real **converted)
{
    const rg_csr *csr = &rows->sparse;
    const int64_t *indptr = csr->indptr + rows->runs[i].first;
    struct F(run) run = {rg__run_data(rows, &rows->runs[i]), csr->indices + indptr[0], indptr,
                         rows->runs[i].n_rows};
    if (*converted) {
        run.x = *converted;
        *converted += indptr[run.n_rows] - indptr[0];
    }
    return run;
}

/* Converts the selected values to `real` and saves them for backward, unless they are stored in
 * that type. False when out of memory. */
static bool F(convert)(rg_node *y, const rg_selection *rows)
{
    if (rows->sparse.dtype == REAL_TYPE)
        return true;
    real *to = rg_graph_alloc(rg_node_graph(y), (size_t)rg__selected_nonzeros(rows) * sizeof *to);
    rg_set_saved(y, to);
    for (int64_t i = 0; to && i < rows->n_runs; i++) {
        rg_selection one = {.sparse = rows->sparse, .n_runs = 1, .runs = &rows->runs[i]};
        int64_t n = rg__selected_nonzeros(&one);
        rg__cast(rows->sparse.dtype, rg__run_data(rows, &rows->runs[i]), REAL_TYPE, to, n);
        to += n;
    }
    return to != NULL;
}

/* y (rows,n) = the run times b (K,n). */
static void F(product)(const struct F(run) * run, const real *b, int64_t n, real *y)
{
    memset(y, 0, (size_t)(run->n_rows * n) * sizeof *y);
    for (int64_t m = 0, k = 0; m < run->n_rows; m++, y += n)
        for (int64_t end = run->indptr[m + 1] - run->indptr[0]; k < end; k++)
            for (int64_t j = 0; j < n; j++)
                y[j] += run->x[k] * b[run->column[k] * n + j];
}

static int64_t F(nonzeros)(const struct F(run) * run)
{
    return run->indptr[run->n_rows] - run->indptr[0];
}

/* Memory for one number per non-zero, and for the LANES more that the loops of vector.h access. */
static real *F(scratch)(rg_node *y, const rg_selection *rows)
{
    size_t count = (size_t)rg__selected_nonzeros(rows) + LANES;
    return rg_graph_alloc(rg_node_graph(y), count * sizeof(real));
}

void F(rg__csr_matmul_forward)(rg_node *y)
{
    const struct F(rg__vector) *vector = F(rg__vector)(rg__graph_context(rg_node_graph(y)));
    const rg_tensor *b = rg_operand(y, 1);
    int64_t n = b->ndim == 2 ? b->dims[1] : 1;
    const rg_selection *rows = rg__operand_rows(y);
    real *out = rg_output_data(y), *products = n == 1 ? F(scratch)(y, rows) : NULL;
    if (!F(convert)(y, rows) || (n == 1 && !products))
        return;
    const real *converted = rg_saved(y);
    for (int64_t i = 0; i < rows->n_runs; i++) {
        struct F(run) run = F(run_at)(rows, i, &converted);
        if (n == 1) {
            vector->multiply_gathered(run.x, run.column, F(nonzeros)(&run), b->data, products);
            vector->sum_rows(products, run.indptr, run.n_rows, out);
        } else {
            F(product)(&run, b->data, n, out);
        }
        out += run.n_rows * n;
    }
}

/* grad[column[k]] += x[k] g[k]; if `sum` is not NULL, adds to that in double instead. */
static void F(add_column)(const struct F(run) * run, const real *g, real *grad, double *sum)
{
    const real *x = run->x;
    const int32_t *column = run->column;
    int64_t n = F(nonzeros)(run);
    if (sum)
        for (int64_t k = 0; k < n; k++)
            sum[column[k]] += ACC(x[k] * g[k]);
    else
        for (int64_t k = 0; k < n; k++)
            grad[column[k]] += x[k] * g[k];
}

/* grad[column[k],:] += x[k] g[m,:]; if `sum` is not NULL, adds to that in double instead. */
static void F(add_columns)(const struct F(run) * run, const real *g, int64_t n, real *grad,
                           double *sum)
{
    for (int64_t m = 0, k = 0; m < run->n_rows; m++, g += n)
        for (int64_t end = run->indptr[m + 1] - run->indptr[0]; k < end; k++)
            for (int64_t j = 0, to = run->column[k] * n; j < n; j++, to++)
                if (sum)
                    sum[to] += ACC(run->x[k] * g[j]);
                else
                    grad[to] += run->x[k] * g[j];
}

void F(rg__csr_matmul_backward)(rg_node *y)
{
    const struct F(rg__vector) *vector = F(rg__vector)(rg__graph_context(rg_node_graph(y)));
    const rg_tensor *b = rg_operand(y, 1);
    const rg_selection *rows = rg__operand_rows(y);
    int64_t n = b->ndim == 2 ? b->dims[1] : 1, count = rg__count(b);
    bool many = rg_node_value(y)->dims[0] > RG__PRODUCT_BLOCK;
    const real *g = rg_output_grad(y), *converted = rg_saved(y);
    real *grad = rg_operand_grad(y, 1), *spread = n == 1 ? F(scratch)(y, rows) : NULL;
    double *sum = many ? rg_graph_alloc(rg_node_graph(y), (size_t)count * sizeof *sum) : NULL;
    if (!grad || (many && !sum) || (n == 1 && !spread))
        return;
    if (sum)
        memset(sum, 0, (size_t)count * sizeof *sum);
    for (int64_t i = 0; i < rows->n_runs; i++) {
        struct F(run) run = F(run_at)(rows, i, &converted);
        if (n == 1) {
            vector->repeat_rows(g, run.indptr, run.n_rows, spread);
            F(add_column)(&run, spread, grad, sum);
        } else {
            F(add_columns)(&run, g, n, grad, sum);
        }
        g += run.n_rows * n;
    }
    for (int64_t i = 0; sum && i < count; i++)
        grad[i] += (real)sum[i];
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
    const rg_tensor *a = rg_operand(y, 0), *b = rg_operand(y, 1);
    const rg_selection *rows = rg__operand_rows(y);
    if (!rows || !rg__is_sparse_matrix(rows))
        return rg_reject(y, "operand 0 is dense; expected a leaf of sparse rows");
    if (b->ndim < 1 || b->ndim > 2 || a->dims[1] != b->dims[0])
        return rg_reject(y, "shapes %s and %s; expected (M,K) with (K,N) or (K)",
                         rg__shape_text(a, sa), rg__shape_text(b, sb));
    rg_set_shape(y, a->dtype, b->ndim, (const int64_t[]){a->dims[0], b->dims[b->ndim - 1]});
    return true;
}

/* Three rows of five columns, the second empty; selected out of order. */
static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    static const int64_t indptr[] = {0, 5, 5, 7};
    static const int32_t indices[] = {0, 1, 2, 3, 4, 1, 4};
    static const float f32[] = {0.5f, -1, 2, 0.25f, 1.5f, -0.75f, 3};
    static const double f64[] = {0.5, -1, 2, 0.25, 1.5, -0.75, 3};
    static const rg_run runs[] = {{2, 1}, {0, 2}};
    (void)user;
    rg_dtype stored = rg_node_value(x[0])->ndim == 1 ? RG_F32 : RG_F64;
    rg_selection rows = {
        .sparse = {3, 5, indptr, indices, stored, stored == RG_F32 ? (const void *)f32 : f64},
        .n_runs = 2,
        .runs = runs};
    rg_node *a = rg_leaf_rows(graph, &rows, rg_node_value(x[0])->dtype);
    return rg_matmul(graph, a, x[0]);
}

/* The same rows in Python. */
#define MATRIX "np.array([[0, -0.75, 0, 0, 3], [0.5, -1, 2, 0.25, 1.5], [0, 0, 0, 0, 0]])"

static const struct rg__sample samples[] = {
    {"a (3,5) in f64, b (5,2)", 1, {{2, {5, 2}, -1, 1, 0}}, .build = build, .numpy = MATRIX " @ x"},
    {"a (3,5) in f32, b (5)", 1, {{1, {5}, -1, 1, 0}}, .build = build, .numpy = MATRIX " @ x"},
};

RG__OPERATOR_WITH(csr_matmul, "Y = A B, A sparse", shape, samples, .reads_rows = true);

rg_node *rg_csr_matmul(rg_graph *graph, rg_node *a, rg_node *b)
{
    return RG__APPLY(csr_matmul, graph, NULL, 0, a, b);
}
#endif

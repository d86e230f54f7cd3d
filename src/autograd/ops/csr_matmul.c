/* csr_matmul: Y = A B, with sparse rows A (M,K), which are data and get no gradient, and B (K,N) or
 * (K).
 *
 *     Y[m,:] = sum_k A[m,k] B[k,:]        dL/dB[k,:] = sum_m A[m,k] dL/dY[m,:]
 *
 * over the non-zeros alone. A row of Y with one column is summed in four lanes, in the order of
 * the non-zeros. dL/dB adds row after row: in the numbers' own type up to 4,096 rows, else in
 * double. */
#include "autograd/op.h"
#include "tensor/selection.h"
#include "tensor/vector.h"

#include <string.h>

RG__KERNELS(csr_matmul);

/* One row: its non-zeros. */
struct F(row) {
    const real *x;
    const int32_t *column;
    int64_t n;
};

/* The walk over all selected rows. */
struct F(walk) {
    const rg_selection *rows;
    const real *converted; /* all values, where they are stored in another type; else NULL */
    int64_t run, at;
};

static bool F(next_row)(struct F(walk) * walk, struct F(row) * row)
{
    const rg_selection *rows = walk->rows;
    while (walk->run < rows->n_runs && walk->at == rows->runs[walk->run].n_rows) {
        walk->run++;
        walk->at = 0;
    }
    if (walk->run == rows->n_runs)
        return false;
    const rg_csr *csr = &rows->sparse;
    int64_t first = csr->indptr[rows->runs[walk->run].first + walk->at];
    row->n = csr->indptr[rows->runs[walk->run].first + walk->at++ + 1] - first;
    row->column = csr->indices + first;
    row->x = walk->converted ? walk->converted : (const real *)csr->data + first;
    if (walk->converted)
        walk->converted += row->n;
    return true;
}

/* The selected values in the numbers' own type: NULL where they are stored so. */
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

static inline real F(dot)(const struct F(row) * row, const real *b)
{
    real acc[4] = {0};
    int64_t i = 0;
    for (; i + 4 <= row->n; i += 4)
        for (int lane = 0; lane < 4; lane++)
            acc[lane] += row->x[i + lane] * b[row->column[i + lane]];
    for (int lane = 0; i < row->n; i++, lane++)
        acc[lane] += row->x[i] * b[row->column[i]];
    return (acc[0] + acc[2]) + (acc[1] + acc[3]);
}

void F(rg__csr_matmul_forward)(rg_node *y)
{
    const rg_tensor *tb = rg_operand(y, 1);
    const real *b = tb->data;
    int64_t n = tb->ndim == 2 ? tb->dims[1] : 1;
    real *out = rg_output_data(y);
    const rg_selection *rows = rg__operand_rows(y, 0);
    if (!F(convert)(y, rows))
        return;
    struct F(walk) walk = {rows, rg_saved(y), 0, 0};
    for (struct F(row) row; F(next_row)(&walk, &row); out += n) {
        if (n == 1) {
            out[0] = F(dot)(&row, b);
            continue;
        }
        memset(out, 0, (size_t)n * sizeof *out);
        for (int64_t i = 0; i < row.n; i++)
            for (int64_t j = 0; j < n; j++)
                out[j] += row.x[i] * b[row.column[i] * n + j];
    }
}

void F(rg__csr_matmul_backward)(rg_node *y)
{
    const rg_tensor *tb = rg_operand(y, 1);
    int64_t n = tb->ndim == 2 ? tb->dims[1] : 1, count = rg__count(tb);
    const real *g = rg_output_grad(y);
    real *grad = rg_operand_grad(y, 1);
    double *sum = NULL;
    if (grad && rg_node_value(y)->dims[0] > RG__PRODUCT_BLOCK) {
        sum = rg_graph_alloc(rg_node_graph(y), (size_t)count * sizeof *sum);
        if (!sum)
            return;
        memset(sum, 0, (size_t)count * sizeof *sum);
    }
    struct F(walk) walk = {rg__operand_rows(y, 0), rg_saved(y), 0, 0};
    for (struct F(row) row; grad && F(next_row)(&walk, &row); g += n)
        for (int64_t i = 0; i < row.n; i++) {
            int64_t at = row.column[i] * n;
            for (int64_t j = 0; sum && j < n; j++)
                sum[at + j] += ACC(row.x[i] * g[j]);
            for (int64_t j = 0; !sum && j < n; j++)
                grad[at + j] += row.x[i] * g[j];
        }
    for (int64_t i = 0; sum && i < count; i++)
        grad[i] += (real)sum[i];
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
    const rg_tensor *a = rg_operand(y, 0), *b = rg_operand(y, 1);
    const rg_selection *rows = rg__operand_rows(y, 0);
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

static const struct rg__sample samples[] = {
    {"a (3,5) in f64, b (5,2)", 1, {{2, {5, 2}, -1, 1, 0}}, build, NULL},
    {"a (3,5) in f32, b (5)", 1, {{1, {5}, -1, 1, 0}}, build, NULL},
};

RG__OPERATOR_WITH(csr_matmul, shape, samples, .reads_rows = true);

rg_node *rg_csr_matmul(rg_graph *graph, rg_node *a, rg_node *b)
{
    return RG__APPLY(csr_matmul, graph, NULL, 0, a, b);
}
#endif

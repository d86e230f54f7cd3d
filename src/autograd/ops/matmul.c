/* matmul: Y = A B, with A (M,K) and B (K,N) or (K).
 *
 *     dL/dA = dL/dY B^T        dL/dB = A^T dL/dY
 *
 * With more than one column, BLAS multiplies the gathered rows. With one column (the scores of a
 * linear model) our own loop reads the rows in place, one after the other: the bits of y[m] then
 * depend only on row m (with BLAS they depend on the position of the row in its block), and memory
 * is read sequentially. Sparse rows are passed on to csr_matmul. */
#include "autograd/op.h"
#include "tensor/blas.h"
#include "tensor/column.h"
#include "tensor/real.h"

#include <string.h>

RG__KERNELS(matmul);

struct F(extents) {
    int64_t m, k, n;
};

static struct F(extents) F(extents_of)(const rg_node *y)
{
    const rg_tensor *a = rg_operand(y, 0), *b = rg_operand(y, 1);
    return (struct F(extents)){a->dims[0], a->dims[1], b->ndim == 2 ? b->dims[1] : 1};
}

/* c = (or, with `add`, +=) op(a) op(b) by BLAS, with scratch memory from the graph. */
static void F(product)(rg_node *y, bool trans_a, bool trans_b, struct F(extents) e, const real *a,
                       const real *b, real *c, bool add)
{
    size_t size = F(rg__gemm_scratch)(e.m, e.n, e.k);
    void *scratch = size ? rg_graph_alloc(rg_node_graph(y), size) : NULL;
    if (scratch || size == 0)
        F(rg__gemm)(trans_a, trans_b, e.m, e.n, e.k, a, b, c, add, scratch);
}

/* The rows of operand 0 as a selection; an ordinary tensor becomes one run, stored in *run. */
static rg_selection F(rows_of)(const rg_node *y, rg_run *run)
{
    const rg_selection *rows = rg__operand_rows(y);
    if (rows)
        return *rows;
    const rg_tensor *a = rg_operand(y, 0);
    *run = (rg_run){0, a->dims[0]};
    return (rg_selection){.dense = *a, .n_runs = 1, .runs = run};
}

/* The product with one column or, if `grad` is not NULL, the gradient with respect to it. */
static void F(column)(rg_node *y, const real *b, real *out, const real *g, real *grad)
{
    rg_run run;
    rg_graph *graph = rg_node_graph(y);
    rg_selection rows = F(rows_of)(y, &run);
    void *scratch = rg_graph_alloc(graph, F(rg__column_scratch)(&rows));
    if (!scratch || rg__count(rg_operand(y, 0)) == 0)
        return;
    if (grad)
        F(rg__column_gradient)(rg__graph_context(graph), &rows, g, grad, scratch);
    else
        F(rg__column_product)(rg__graph_context(graph), &rows, b, out, scratch);
}

void F(rg__matmul_forward)(rg_node *y)
{
    struct F(extents) e = F(extents_of)(y);
    const real *b = rg_operand(y, 1)->data;
    real *out = rg_output_data(y);
    if (e.n == 1) {
        if (e.k == 0)
            memset(out, 0, (size_t)e.m * sizeof *out);
        F(column)(y, b, out, NULL, NULL);
    } else if (rg__gather_operand(y)) {
        F(product)(y, false, false, e, rg_operand(y, 0)->data, b, out, false);
    }
}

void F(rg__matmul_backward)(rg_node *y)
{
    struct F(extents) e = F(extents_of)(y);
    const real *a = rg_operand(y, 0)->data, *b = rg_operand(y, 1)->data, *g = rg_output_grad(y);
    real *ga = rg_operand_grad(y, 0), *gb = rg_operand_grad(y, 1);
    if (ga && e.n == 1) {
        for (int64_t m = 0; m < e.m; m++)
            for (int64_t k = 0; k < e.k; k++)
                ga[m * e.k + k] += g[m] * b[k];
    } else if (ga) {
        F(product)(y, false, true, (struct F(extents)){e.m, e.n, e.k}, g, b, ga, true);
    }
    if (gb && e.n == 1)
        F(column)(y, NULL, NULL, g, gb);
    else if (gb)
        F(product)(y, true, false, (struct F(extents)){e.k, e.m, e.n}, a, g, gb, true);
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
    const rg_tensor *a = rg_operand(y, 0), *b = rg_operand(y, 1);
    if (a->ndim != 2 || b->ndim < 1 || b->ndim > 2 || a->dims[1] != b->dims[0])
        return rg_reject(y, "shapes %s and %s; expected (M,K) with (K,N) or (K)",
                         rg__shape_text(a, sa), rg__shape_text(b, sb));
    /* BLAS has extents and strides of type int, and M is a stride in A^T B */
    if (b->ndim == 2 && b->dims[1] > 1 &&
        (a->dims[0] > INT32_MAX || a->dims[1] > INT32_MAX || b->dims[1] > INT32_MAX))
        return rg_reject(y, "shapes %s and %s; expected extents below 2^31", rg__shape_text(a, sa),
                         rg__shape_text(b, sb));
    rg_set_shape(y, a->dtype, b->ndim, (const int64_t[]){a->dims[0], b->dims[b->ndim - 1]});
    return true;
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_matmul(graph, x[0], x[1]);
}

static const struct rg__sample samples[] = {
    {"a (3,4), b (4,2)",
     2,
     {{2, {3, 4}, -1, 1, 0}, {2, {4, 2}, -1, 1, 0}},
     .build = build,
     .numpy = "a @ b"},
    {"a (3,21), b (21)",
     2,
     {{2, {3, 21}, -1, 1, 0}, {1, {21}, -1, 1, 0}},
     .build = build,
     .numpy = "a @ b"},
    {"a (2,3), b (3,1)",
     2,
     {{2, {2, 3}, -1, 1, 0}, {2, {3, 1}, -1, 1, 0}},
     .build = build,
     .numpy = "a @ b"},
};

RG__OPERATOR_WITH(matmul, "Y = A B", shape, samples, .reads_rows = true);

rg_node *rg_matmul(rg_graph *graph, rg_node *a, rg_node *b)
{
    if (a && rg__is_sparse(a))
        return rg_csr_matmul(graph, a, b);
    return RG__APPLY(matmul, graph, NULL, 0, a, b);
}
#endif

/* matmul: Y = A B, with A (M,K) and B (K,N) or (K).
 *
 *     dL/dA = dL/dY B^T        dL/dB = A^T dL/dY
 *
 * Two kernels. More than one column goes through BLAS. One column (a linear model's scores) is our
 * own loop, row after row: y[m] then depends on row m alone, to the bit (BLAS gives a row other
 * bits depending on where its block starts), and memory is read as a stream. */
#include "autograd/op.h"
#include "tensor/blas.h"
#include "tensor/lanes.h"
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

/* c = (or +=) op(a) op(b) by BLAS, with scratch from the graph. */
static void F(product)(rg_node *y, bool trans_a, bool trans_b, struct F(extents) e, const real *a,
                       const real *b, real *c, bool add)
{
    size_t size = F(rg__gemm_scratch)(e.m, e.n, e.k);
    void *scratch = size ? rg_graph_alloc(rg_node_graph(y), size) : NULL;
    if (scratch || size == 0)
        F(rg__gemm)(trans_a, trans_b, e.m, e.n, e.k, a, b, c, add, scratch);
}

void F(rg__matmul_forward)(rg_node *y)
{
    struct F(extents) e = F(extents_of)(y);
    const real *a = rg_operand(y, 0)->data, *b = rg_operand(y, 1)->data;
    real *out = rg_output_data(y);
    if (e.n == 1) {
        for (int64_t m = 0; m < e.m; m++)
            out[m] = F(lane_dot)(a + m * e.k, b, e.k);
        return;
    }
    F(product)(y, false, false, e, a, b, out, false);
}

/* grad[k] += sum_m g[m] a[m,k]: over at most 4,096 rows in the numbers' own type, the blocks in
 * double. */
static void F(column_backward)(rg_node *y, struct F(extents) e, const real *a, const real *g,
                               real *grad)
{
    size_t size = (size_t)e.k * (sizeof(double) + sizeof(real));
    double *total = rg_graph_alloc(rg_node_graph(y), size);
    if (!total)
        return;
    real *block = (real *)(total + e.k);
    memset(total, 0, (size_t)e.k * sizeof *total);
    for (int64_t begin = 0; begin < e.m; begin += PRODUCT_BLOCK) {
        int64_t end = e.m - begin < PRODUCT_BLOCK ? e.m : begin + PRODUCT_BLOCK;
        memset(block, 0, (size_t)e.k * sizeof *block);
        for (int64_t m = begin; m < end; m++)
            for (int64_t k = 0; k < e.k; k++)
                block[k] += g[m] * a[m * e.k + k];
        for (int64_t k = 0; k < e.k; k++)
            total[k] += ACC(block[k]);
    }
    for (int64_t k = 0; k < e.k; k++)
        grad[k] += (real)total[k];
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
    if (gb && e.n == 1) {
        F(column_backward)(y, e, a, g, gb);
    } else if (gb) {
        F(product)(y, true, false, (struct F(extents)){e.k, e.m, e.n}, a, g, gb, true);
    }
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
    const rg_tensor *a = rg_operand(y, 0), *b = rg_operand(y, 1);
    if (a->ndim != 2 || b->ndim < 1 || b->ndim > 2 || a->dims[1] != b->dims[0])
        return rg_reject(y, "shapes %s and %s; expected (M,K) with (K,N) or (K)",
                         rg__shape_text(a, sa), rg__shape_text(b, sb));
    /* BLAS counts in int; A^T B has M as its stride, one column needs no BLAS */
    if (b->ndim == 2 && b->dims[1] > 1 &&
        (a->dims[0] > INT32_MAX || a->dims[1] > INT32_MAX || b->dims[1] > INT32_MAX))
        return rg_reject(y, "shapes %s and %s; each extent must be below 2^31",
                         rg__shape_text(a, sa), rg__shape_text(b, sb));
    rg_set_shape(y, a->dtype, b->ndim, (const int64_t[]){a->dims[0], b->dims[b->ndim - 1]});
    return true;
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_matmul(graph, x[0], x[1]);
}

static const struct rg__sample samples[] = {
    {"a (3,4), b (4,2)", 2, {{2, {3, 4}, -1, 1, 0}, {2, {4, 2}, -1, 1, 0}}, build, NULL},
    {"a (3,21), b (21)", 2, {{2, {3, 21}, -1, 1, 0}, {1, {21}, -1, 1, 0}}, build, NULL},
    {"a (2,3), b (3,1)", 2, {{2, {2, 3}, -1, 1, 0}, {2, {3, 1}, -1, 1, 0}}, build, NULL},
};

RG__OPERATOR(matmul, shape, samples);

rg_node *rg_matmul(rg_graph *graph, rg_node *a, rg_node *b)
{
    return RG__APPLY(matmul, graph, NULL, 0, a, b);
}
#endif

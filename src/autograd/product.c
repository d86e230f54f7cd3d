/* product.c (compiled twice): the kernels of operators that multiply matrices; see product.h.
 *
 * With more than one column, BLAS multiplies; leaves of rows are gathered for it. With one column
 * (the scores of a linear model) our own loop reads the rows in place, one after the other: the
 * bits of y[m] then depend only on row m (with BLAS they depend on the position of the row in its
 * block), and memory is read sequentially. */
#include "autograd/product.h"

#include "tensor/blas.h"
#include "tensor/broadcast.h"
#include "tensor/column.h"
#include "tensor/real.h"

#include <string.h>

/* What the products of one call share. */
struct F(job) {
    rg_node *y;
    const struct rg__product *p;
    bool column; /* one column: computed by column.h */
    void *scratch;
};

/* A kernel of one pair of matrices: writes y to `out`, or adds a gradient to it. */
typedef void F(kernel)(const struct F(job) * job, real *a, real *b, const real *g, real *out);

/* The selected rows that operand 0 is made of, if they can be read in place, else NULL. */
static const rg_selection *F(rows_in_place)(const rg_node *y, const struct rg__product *p)
{
    const rg_selection *rows = rg__operand_rows(y);
    const rg_tensor *a = rg_operand(y, 0);
    bool usable = p->n == 1 && !p->trans_a && rows && !rg__is_sparse_matrix(rows) &&
                  a->dims[0] == p->m && a->dims[1] == p->k;
    return usable ? rows : NULL;
}

/* The rows of `a` as a selection; an ordinary matrix becomes one run, stored in *run. */
static rg_selection F(rows_of)(const struct F(job) * job, real *a, rg_run *run)
{
    const rg_selection *rows = F(rows_in_place)(job->y, job->p);
    if (rows)
        return *rows;
    *run = (rg_run){0, job->p->m};
    return (rg_selection){
        .dense = {REAL_TYPE, 2, {job->p->m, job->p->k}, a}, .n_runs = 1, .runs = run};
}

static void F(value)(const struct F(job) * job, real *a, real *b, const real *g, real *out)
{
    const struct rg__product *p = job->p;
    rg_run run;
    (void)g;
    if (!job->column) {
        F(rg__gemm)(p->trans_a, p->trans_b, p->m, p->n, p->k, a, b, out, false, job->scratch);
    } else if (p->k == 0) {
        memset(out, 0, (size_t)p->m * sizeof *out);
    } else {
        rg_selection rows = F(rows_of)(job, a, &run);
        F(rg__column_product)
        (rg__graph_context(rg_node_graph(job->y)), &rows, b, out, job->scratch);
    }
}

static void F(gradient_a)(const struct F(job) * job, real *a, real *b, const real *g, real *out)
{
    const struct rg__product *p = job->p;
    (void)a;
    if (job->column)
        for (int64_t m = 0; m < p->m; m++)
            for (int64_t k = 0; k < p->k; k++)
                out[m * p->k + k] += g[m] * b[k];
    else if (p->trans_a)
        F(rg__gemm)(p->trans_b, true, p->k, p->m, p->n, b, g, out, true, job->scratch);
    else
        F(rg__gemm)(false, !p->trans_b, p->m, p->k, p->n, g, b, out, true, job->scratch);
}

static void F(gradient_b)(const struct F(job) * job, real *a, real *b, const real *g, real *out)
{
    const struct rg__product *p = job->p;
    rg_run run;
    (void)b;
    if (job->column && p->k > 0) {
        rg_selection rows = F(rows_of)(job, a, &run);
        F(rg__column_gradient)
        (rg__graph_context(rg_node_graph(job->y)), &rows, g, out, job->scratch);
    } else if (p->trans_b) {
        F(rg__gemm)(true, p->trans_a, p->n, p->k, p->m, g, a, out, true, job->scratch);
    } else {
        F(rg__gemm)(!p->trans_a, false, p->k, p->n, p->m, a, g, out, true, job->scratch);
    }
}

enum { A, B, Y };

/* Prepares the scratch memory of the products whose result is A, B or Y; false when out of
 * memory. */
static bool F(begin)(struct F(job) * job, rg_node *y, int result)
{
    const struct rg__product *p = rg_saved(y);
    rg_run run;
    *job = (struct F(job)){.y = y, .p = p, .column = p->n == 1 && !p->trans_a};
    rg_selection rows = F(rows_of)(job, rg_operand(y, 0)->data, &run);
    size_t size = job->column   ? F(rg__column_scratch)(&rows)
                  : result == A ? F(rg__gemm_scratch)(p->m, p->k, p->n)
                  : result == B ? F(rg__gemm_scratch)(p->k, p->n, p->m)
                                : F(rg__gemm_scratch)(p->m, p->n, p->k);
    job->scratch = size ? rg_graph_alloc(rg_node_graph(y), size) : NULL;
    return size == 0 || job->scratch;
}

/* Runs the kernel for every pair of matrices; `out` begins at the first matrix of A, B or Y. */
static void F(for_each_pair)(rg_node *y, F(kernel) * kernel, int result, const real *g, real *out)
{
    struct F(job) job;
    if (!out || rg__count(rg_node_value(y)) == 0 || !F(begin)(&job, y, result))
        return;
    const struct rg__product *p = job.p;
    const rg_tensor *batch[] = {&p->batch_a, &p->batch_b, &p->batch};
    const int64_t size[] = {p->m * p->k, p->k * p->n, p->m * p->n};
    real *a = rg_operand(y, 0)->data, *b = rg_operand(y, 1)->data, *one = NULL;
    int64_t own = size[result], count = rg__count(batch[result]) * own;
    double *sum = NULL;
    if (rg__count(batch[result]) < rg__count(batch[Y])) { /* gradients of repeated matrices */
        sum = rg_graph_alloc(rg_node_graph(y), (size_t)count * sizeof *sum);
        one = rg_graph_alloc(rg_node_graph(y), (size_t)own * sizeof *one);
        if (!sum || !one)
            return;
        memset(sum, 0, (size_t)count * sizeof *sum);
    }
    struct rg__broadcast_iter it;
    rg__broadcast_begin(batch[A], batch[B], batch[Y], &it);
    while (rg__broadcast_next(&it))
        for (int64_t i = 0; i < it.length; i++) {
            const int64_t at[] = {it.a + i * it.step_a, it.b + i * it.step_b, it.y + i};
            int64_t to = at[result] * own;
            if (sum)
                memset(one, 0, (size_t)own * sizeof *one);
            kernel(&job, a ? a + at[A] * size[A] : NULL, b ? b + at[B] * size[B] : NULL,
                   g ? g + at[Y] * size[Y] : NULL, sum ? one : out + to);
            for (int64_t k = 0; sum && k < own; k++)
                sum[to + k] += ACC(one[k]);
        }
    for (int64_t k = 0; sum && k < count; k++)
        out[k] += (real)sum[k];
}

void F(rg__product_forward)(rg_node *y)
{
    if (F(rows_in_place)(y, rg_saved(y)) || rg__gather_operand(y))
        F(for_each_pair)(y, F(value), Y, NULL, rg_output_data(y));
}

void F(rg__product_backward)(rg_node *y)
{
    const real *g = rg_output_grad(y);
    F(for_each_pair)(y, F(gradient_a), A, g, rg_operand_grad(y, 0));
    F(for_each_pair)(y, F(gradient_b), B, g, rg_operand_grad(y, 1));
}

#ifdef RG__ONCE
rg_tensor rg__leading_axes(const rg_tensor *x, int n)
{
    rg_tensor leading = *x;
    leading.ndim = x->ndim > n ? x->ndim - n : 0;
    return leading;
}

bool rg__set_product(rg_node *y, const struct rg__product *product, bool rows, bool columns)
{
    char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
    const rg_tensor *a = rg_operand(y, 0), *b = rg_operand(y, 1);
    int64_t dims[RG_MAX_DIMS + 2];
    struct rg__product *p = rg_graph_alloc(rg_node_graph(y), sizeof *p);
    if (!p)
        return false;
    *p = *product;
    rg_set_saved(y, p);
    if (!rg__broadcast_shape(&p->batch_a, &p->batch_b, &p->batch))
        return rg_reject(y,
                         "shapes %s and %s; expected leading axes that broadcast: extents that "
                         "are equal or 1",
                         rg__shape_text(a, sa), rg__shape_text(b, sb));
    if ((p->n > 1 || p->trans_a) && (p->m > INT32_MAX || p->k > INT32_MAX || p->n > INT32_MAX))
        return rg_reject(y, "shapes %s and %s; expected extents below 2^31", rg__shape_text(a, sa),
                         rg__shape_text(b, sb)); /* BLAS has extents of type int */
    int ndim = p->batch.ndim;
    memcpy(dims, p->batch.dims, (size_t)ndim * sizeof dims[0]);
    if (rows)
        dims[ndim++] = p->m;
    if (columns)
        dims[ndim++] = p->n;
    if (ndim > RG_MAX_DIMS)
        return rg_reject(y, "the result has %d dimensions; expected at most %d", ndim, RG_MAX_DIMS);
    rg_set_shape(y, a->dtype, ndim, dims);
    int64_t n_a = rg__count(&p->batch_a);
    if (!p->trans_a && rg__count(&p->batch_b) == 1 && p->m > 0 && n_a <= INT32_MAX / p->m) {
        p->m *= n_a;
        p->batch_a.ndim = p->batch_b.ndim = p->batch.ndim = 0;
    }
    return true;
}
#endif

/* blas.c: the matrix product by BLAS. The only file that includes cblas.h, which defines the macro
 * `I` of complex.h. */
#include "tensor/blas.h"

#include "tensor/blas_threads.h"

#include <cblas.h>
#include <string.h>

#if RG_REAL == 32
#define GEMM cblas_sgemm
#else
#define GEMM cblas_dgemm
#endif

enum { MAX_ROWS = 1 << 20 };

struct F(product) {
    bool trans_a, trans_b;
    int64_t m, n, k;
    const real *a, *b;
};

/* c = (or, with `add`, +=) the terms [begin, end) of the product, by blocks of rows whose number
 * fits BLAS's int. */
static void F(partial_product)(const struct F(product) * p, int64_t begin, int64_t end, real *c,
                               bool add)
{
    int lda = (int)(p->trans_a ? p->m : p->k), ldb = (int)(p->trans_b ? p->k : p->n);
    for (int64_t row = 0; row < p->m; row += MAX_ROWS) {
        int64_t rows = p->m - row < MAX_ROWS ? p->m - row : MAX_ROWS;
        const real *a = p->trans_a ? p->a + begin * p->m + row : p->a + row * p->k + begin;
        const real *b = p->trans_b ? p->b + begin : p->b + begin * p->n;
        GEMM(CblasRowMajor, p->trans_a ? CblasTrans : CblasNoTrans,
             p->trans_b ? CblasTrans : CblasNoTrans, (int)rows, (int)p->n, (int)(end - begin), 1, a,
             lda, b, ldb, add ? 1 : 0, c + row * p->n, (int)p->n);
    }
}

size_t F(rg__gemm_scratch)(int64_t m, int64_t n, int64_t k)
{
    return k > RG__PRODUCT_BLOCK ? (size_t)(m * n) * (sizeof(double) + sizeof(real)) : 0;
}

void F(rg__gemm)(bool trans_a, bool trans_b, int64_t m, int64_t n, int64_t k, const real *a,
                 const real *b, real *c, bool add, void *scratch)
{
    const struct F(product) p = {trans_a, trans_b, m, n, k, a, b};
    if (m == 0 || n == 0)
        return;
    if (k == 0) {
        if (!add)
            memset(c, 0, (size_t)(m * n) * sizeof *c);
        return;
    }
    if (k <= RG__PRODUCT_BLOCK) {
        F(partial_product)(&p, 0, k, c, add);
        return;
    }
    double *total = scratch;
    real *block = (real *)(total + m * n);
    memset(total, 0, (size_t)(m * n) * sizeof *total);
    for (int64_t begin = 0; begin < k; begin += RG__PRODUCT_BLOCK) {
        F(partial_product)
        (&p, begin, k - begin < RG__PRODUCT_BLOCK ? k : begin + RG__PRODUCT_BLOCK, block, false);
        for (int64_t i = 0; i < m * n; i++)
            total[i] += ACC(block[i]);
    }
    for (int64_t i = 0; i < m * n; i++)
        c[i] = (real)(add ? ACC(c[i]) + total[i] : total[i]);
}

#ifdef RG__ONCE
int rg__blas_set_threads(int n)
{
    int before = openblas_get_num_threads();
    if (n != before)
        openblas_set_num_threads(n);
    return before;
}

const char *rg__blas_version(void)
{
    return openblas_get_config();
}
#endif

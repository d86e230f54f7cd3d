/* outputs.c (compiled twice): rows with several scores; see outputs.h. */
#include "model/outputs.h"

#include "model/model.h"
#include "tensor/tensor.h"

#include <math.h>

/* Scores of a row that are summed at a time. */
enum { BLOCK = 64 };

static double F(sigmoid)(double x)
{
    double e = exp(-fabs(x));
    return (x > 0 ? 1 : e) / (1 + e);
}

/* The sum of the sigmoids of the scores [begin, begin + n), which are sums plus constants b. */
static double F(add_sigmoids)(const double *sum, const real *b, int64_t n)
{
    double expected = 0;
    for (int64_t c = 0; c < n; c++)
        expected += F(sigmoid)(ACC((real)(sum[c] + ACC(b[c]))));
    return expected;
}

/* The expected label of a row: n numbers x of the inputs at[..] (NULL: of all). */
static real F(score_row)(const real *x, const int32_t *at, int64_t n, const struct F(outputs) * o)
{
    double expected = 0;
    for (int64_t begin = 0; begin < o->outputs; begin += BLOCK) {
        int64_t width = o->outputs - begin < BLOCK ? o->outputs - begin : BLOCK;
        double sum[BLOCK] = {0};
        for (int64_t k = 0; k < n; k++) {
            const real *w = o->w + (at ? at[k] : k) * o->outputs + begin;
            for (int64_t c = 0; c < width; c++)
                sum[c] += ACC(x[k]) * ACC(w[c]);
        }
        expected += F(add_sigmoids)(sum, o->w + o->inputs * o->outputs + begin, width);
    }
    return (real)expected;
}

void F(rg__score_outputs)(const struct F(outputs) * o, const real *x, int64_t n, real *scores)
{
    for (int64_t i = 0; i < n; i++)
        scores[i] = F(score_row)(x + i * o->inputs, NULL, o->inputs, o);
}

void F(rg__score_sparse_outputs)(const struct F(outputs) * o, const rg_csr *rows, real *scores)
{
    const real *x = rows->data;
    for (int64_t i = 0; i < rows->n_rows; i++) {
        int64_t begin = rows->indptr[i] - rows->indptr[0];
        scores[i] = F(score_row)(x + begin, rows->indices + begin,
                                 rows->indptr[i + 1] - rows->indptr[i], o);
    }
}

#ifdef RG__ONCE
void rg__scores_of(const rg_tensor *outputs, rg_dtype dtype, void *scores)
{
    int64_t n = outputs->dims[0], width = outputs->ndim > 1 ? outputs->dims[1] : 1;
    if (outputs->ndim == 1)
        rg__cast(outputs->dtype, outputs->data, dtype, scores, n);
    for (int64_t i = 0; outputs->ndim > 1 && i < n; i++) {
        double expected = 0;
        for (int64_t c = 0; c < width; c++)
            expected += sigmoid_f64(rg__element(outputs->dtype, outputs->data, i * width + c));
        rg__cast(RG_F64, &expected, dtype, (char *)scores + (size_t)i * rg_dtype_size(dtype), 1);
    }
}
#endif

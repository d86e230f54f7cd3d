/* indexing.c (compiled twice): elements at indices along an axis; see indexing.h. */
#include "autograd/indexing.h"

#include "tensor/real.h"

#include <string.h>

static int64_t F(index_at)(const struct rg__indexing *at, int64_t o, int64_t k, int64_t i)
{
    int64_t place = o * at->stride_outer + k * at->stride_n + i * at->stride_inner;
    return (int64_t)rg__element(at->index->dtype, at->index->data, place);
}

void F(rg__take)(const struct rg__indexing *at, const void *x, void *taken)
{
    const real *from = x;
    real *to = taken;
    for (int64_t o = 0; o < at->outer; o++, from += at->extent * at->inner)
        for (int64_t k = 0; k < at->n; k++, to += at->inner)
            if (at->stride_inner == 0 && at->inner > 0)
                memcpy(to, from + F(index_at)(at, o, k, 0) * at->inner,
                       (size_t)at->inner * sizeof *to);
            else
                for (int64_t i = 0; i < at->inner; i++)
                    to[i] = from[F(index_at)(at, o, k, i) * at->inner + i];
}

void F(rg__give)(const struct rg__indexing *at, const void *given, double *sum)
{
    const real *from = given;
    for (int64_t o = 0; o < at->outer; o++, sum += at->extent * at->inner)
        for (int64_t k = 0; k < at->n; k++, from += at->inner)
            for (int64_t i = 0; i < at->inner; i++)
                sum[F(index_at)(at, o, k, i) * at->inner + i] += ACC(from[i]);
}

void F(rg__give_grad)(rg_node *y, const struct rg__indexing *at)
{
    real *gx = rg_operand_grad(y, 0);
    int64_t n = rg__count(rg_operand(y, 0));
    double *sum = gx ? rg_graph_alloc(rg_node_graph(y), (size_t)n * sizeof *sum) : NULL;
    if (!sum)
        return;
    memset(sum, 0, (size_t)n * sizeof *sum);
    F(rg__give)(at, rg_output_grad(y), sum);
    for (int64_t i = 0; i < n; i++)
        gx[i] += (real)sum[i];
}

#ifdef RG__ONCE
bool rg__check_index_type(rg_node *y, const rg_tensor *index)
{
    if (index->dtype == RG_I32 || index->dtype == RG_I64 || index->dtype == RG_U8)
        return true;
    return rg_reject(y, "the index is %s; expected i32, i64 or u8", rg_dtype_name(index->dtype));
}

bool rg__check_indices(rg_node *y, const rg_tensor *index, int64_t extent)
{
    int64_t n = rg__count(index);
    for (int64_t k = 0; k < n; k++) {
        double i = rg__element(index->dtype, index->data, k);
        if (!(i >= 0 && i < (double)extent))
            return rg_reject(y, "index %.0f, element %lld; expected 0 to %lld", i, (long long)k,
                             (long long)extent - 1);
    }
    return true;
}

bool rg__check_index_shape(rg_node *y, int *axis)
{
    const rg_tensor *x = rg_operand(y, 0), *index = rg_operand(y, 1);
    char text[2][RG__SHAPE_TEXT];
    if (*axis < -x->ndim || *axis >= x->ndim)
        return rg_reject(y, "axis %d of %d dimensions; expected -%d to %d", *axis, x->ndim, x->ndim,
                         x->ndim - 1);
    *axis += *axis < 0 ? x->ndim : 0;
    bool fits = index->ndim == x->ndim;
    for (int a = 0; fits && a < x->ndim; a++)
        fits = a == *axis || x->dims[a] == index->dims[a];
    if (!fits)
        return rg_reject(y,
                         "x has shape %s, index %s; expected shapes that differ along axis %d "
                         "only",
                         rg__shape_text(x, text[0]), rg__shape_text(index, text[1]), *axis);
    return rg__check_index_type(y, index);
}

struct rg__indexing rg__indexing_of(const rg_node *y, int axis, bool single)
{
    const rg_tensor *x = rg_operand(y, 0), *index = rg_operand(y, 1);
    struct rg__indexing at = {.outer = 1, .extent = x->dims[axis], .inner = 1, .index = index};
    for (int a = 0; a < axis; a++)
        at.outer *= x->dims[a];
    for (int a = axis + 1; a < x->ndim; a++)
        at.inner *= x->dims[a];
    at.n = single ? index->dims[axis] : rg__count(index);
    at.stride_n = single ? at.inner : 1;
    at.stride_outer = single ? at.n * at.inner : 0;
    at.stride_inner = single;
    return at;
}
#endif

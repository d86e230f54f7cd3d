/* broadcast.c: NumPy's broadcasting; see broadcast.h. */
#include "tensor/broadcast.h"

#include "tensor/tensor.h"

/* The extent of axis i, counted from the end; 1 if the tensor has no such axis. */
static int64_t extent(const rg_tensor *t, int from_end)
{
    return from_end < t->ndim ? t->dims[t->ndim - 1 - from_end] : 1;
}

bool rg__broadcast_shape(const rg_tensor *a, const rg_tensor *b, rg_tensor *out)
{
    out->ndim = a->ndim > b->ndim ? a->ndim : b->ndim;
    for (int i = 0; i < out->ndim; i++) {
        int64_t da = extent(a, i), db = extent(b, i);
        if (da != db && da != 1 && db != 1)
            return false;
        out->dims[out->ndim - 1 - i] = da == 1 ? db : da;
    }
    return true;
}

/* The strides of t along the axes of `out`, 0 where t is broadcast. */
static void strides(const rg_tensor *t, const rg_tensor *out, int64_t stride[RG_MAX_DIMS])
{
    int64_t step = 1;
    for (int i = 0; i < out->ndim; i++) {
        int64_t d = extent(t, i);
        stride[out->ndim - 1 - i] = d == 1 ? 0 : step;
        step *= d;
    }
}

/* Whether two adjacent axes of an operand can be iterated as one: a step along the outer axis must
 * equal the whole extent of the inner one. */
static bool merges(int64_t outer, int64_t inner, int64_t inner_dim)
{
    return outer == inner * inner_dim;
}

void rg__broadcast_begin(const rg_tensor *a, const rg_tensor *b, const rg_tensor *out,
                         struct rg__broadcast_iter *r)
{
    int64_t sa[RG_MAX_DIMS], sb[RG_MAX_DIMS];
    r->y = r->a = r->b = r->step_a = r->step_b = r->ndim = 0; /* not the arrays, which are long */
    r->length = 1;
    r->started = r->empty = false;
    for (int i = 0; i < out->ndim; i++)
        r->empty |= out->dims[i] == 0;
    if (r->empty) /* the product of the other extents may overflow */
        return;
    if (rg__same_shape(a, b) && rg__same_shape(a, out)) {
        r->length = rg__count(a);
        r->step_a = r->step_b = 1;
        return;
    }
    strides(a, out, sa);
    strides(b, out, sb);
    int n = 0; /* merged axes so far; the last of them is the innermost */
    for (int i = 0; i < out->ndim; i++) {
        int64_t d = out->dims[i];
        if (d == 1)
            continue;
        if (n > 0 && merges(r->stride_a[n - 1], sa[i], d) && merges(r->stride_b[n - 1], sb[i], d)) {
            r->dims[n - 1] *= d;
        } else {
            r->index[n] = 0;
            r->dims[n] = d;
            n++;
        }
        r->stride_a[n - 1] = sa[i];
        r->stride_b[n - 1] = sb[i];
    }
    if (n > 0) {
        n--;
        r->length = r->dims[n];
        r->step_a = r->stride_a[n];
        r->step_b = r->stride_b[n];
    }
    r->ndim = n;
}

bool rg__broadcast_next(struct rg__broadcast_iter *r)
{
    if (!r->started) {
        r->started = true;
        return !r->empty;
    }
    r->y += r->length;
    for (int i = r->ndim - 1; i >= 0; i--) {
        r->a += r->stride_a[i];
        r->b += r->stride_b[i];
        if (++r->index[i] < r->dims[i])
            return true;
        r->a -= r->stride_a[i] * r->dims[i];
        r->b -= r->stride_b[i] * r->dims[i];
        r->index[i] = 0;
    }
    return false;
}

/* view.c (compiled twice): the kernels of operators that rearrange elements; see view.h. */
#include "autograd/view.h"

#include "tensor/real.h"

#include <string.h>

/* Walks through y in rows, runs along its last axis. */
struct F(walk) {
    const struct rg__view *view;
    int64_t index[RG_MAX_DIMS]; /* of the row */
    int64_t at;                 /* of its first element in x */
    int64_t row, n_rows, length, stride;
};

static void F(begin)(const rg_node *y, struct F(walk) * walk)
{
    const struct rg__view *v = rg_saved(y);
    int64_t count = rg__count(rg_node_value(y));
    *walk = (struct F(walk)){.view = v, .at = v->first, .length = 1, .row = -1};
    if (v->ndim > 0) {
        walk->length = v->dims[v->ndim - 1];
        walk->stride = v->stride[v->ndim - 1];
    }
    walk->n_rows = count > 0 ? count / walk->length : 0;
}

static bool F(next)(struct F(walk) * walk)
{
    const struct rg__view *v = walk->view;
    if (++walk->row >= walk->n_rows)
        return false;
    for (int a = v->ndim - 2; walk->row > 0 && a >= 0; a--) {
        walk->at += v->stride[a];
        if (++walk->index[a] < v->dims[a])
            break;
        walk->at -= v->stride[a] * v->dims[a];
        walk->index[a] = 0;
    }
    return true;
}

void F(rg__view_forward)(rg_node *y)
{
    const real *x = rg_operand(y, 0)->data;
    real *out = rg_output_data(y);
    struct F(walk) walk;
    for (F(begin)(y, &walk); F(next)(&walk); out += walk.length)
        if (walk.stride == 1)
            memcpy(out, x + walk.at, (size_t)walk.length * sizeof *out);
        else
            for (int64_t i = 0; i < walk.length; i++)
                out[i] = x[walk.at + i * walk.stride];
}

/* Whether some element of x occurs more than once in y. */
static bool F(repeats)(const struct rg__view *v)
{
    for (int a = 0; a < v->ndim; a++)
        if (v->stride[a] == 0 && v->dims[a] > 1)
            return true;
    return false;
}

void F(rg__view_backward)(rg_node *y)
{
    const real *g = rg_output_grad(y);
    real *gx = rg_operand_grad(y, 0);
    int64_t n = rg__count(rg_operand(y, 0));
    double *sum = NULL;
    struct F(walk) walk;
    if (!gx)
        return;
    if (F(repeats)(rg_saved(y))) {
        sum = rg_graph_alloc(rg_node_graph(y), (size_t)n * sizeof *sum);
        if (!sum)
            return;
        memset(sum, 0, (size_t)n * sizeof *sum);
    }
    for (F(begin)(y, &walk); F(next)(&walk); g += walk.length)
        for (int64_t i = 0, at = walk.at; i < walk.length; i++, at += walk.stride)
            if (sum)
                sum[at] += ACC(g[i]);
            else
                gx[at] += g[i];
    for (int64_t i = 0; sum && i < n; i++)
        gx[i] += (real)sum[i];
}

#ifdef RG__ONCE
void rg__strides(const rg_tensor *x, int64_t stride[RG_MAX_DIMS])
{
    int64_t step = 1;
    for (int a = x->ndim - 1; a >= 0; a--) {
        stride[a] = step;
        step *= x->dims[a] > 0 ? x->dims[a] : 1; /* of an empty tensor no stride is used */
    }
}

bool rg__set_view(rg_node *y, const struct rg__view *view)
{
    struct rg__view *copy = rg_graph_alloc(rg_node_graph(y), sizeof *copy);
    if (!copy)
        return false;
    *copy = *view;
    rg_set_saved(y, copy);
    rg_set_shape(y, rg_operand(y, 0)->dtype, view->ndim, view->dims);
    return true;
}

int rg__find_axis(rg_node *y, int ndim, int64_t axis)
{
    if (axis >= -ndim && axis < ndim)
        return (int)(axis < 0 ? axis + ndim : axis);
    rg_reject(y, "axis %lld of %d dimensions; expected -%d to %d", (long long)axis, ndim, ndim,
              ndim - 1);
    return -1;
}
#endif

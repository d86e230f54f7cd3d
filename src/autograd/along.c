/* along.c (compiled twice): the loops over the runs along an axis; see along.h. */
#include "autograd/along.h"

/* The elements of a run, adjacent: in place, or copied to `copy`. */
static const real *F(fetch)(const real *from, const struct rg__along *a, real *copy)
{
    if (a->inner == 1)
        return from;
    for (int64_t k = 0; k < a->n; k++)
        copy[k] = from[k * a->inner];
    return copy;
}

void F(rg__along_forward)(rg_node *y, F(run_forward) * run)
{
    rg_context *ctx = rg__graph_context(rg_node_graph(y));
    struct rg__along a = rg__along_of(rg_operand(y, 0), *(const int *)rg_attributes(y));
    const real *x = rg_operand(y, 0)->data;
    real *out = rg_output_data(y);
    real *copy = rg_graph_alloc(rg_node_graph(y), 2 * (size_t)a.n * sizeof *copy);
    if (!copy)
        return;
    for (int64_t o = 0; o < a.outer; o++)
        for (int64_t i = 0; i < a.inner; i++) {
            int64_t at = o * a.n * a.inner + i;
            real *to = a.inner == 1 ? out + at : copy + a.n;
            run(ctx, F(fetch)(x + at, &a, copy), a.n, to);
            for (int64_t k = 0; a.inner != 1 && k < a.n; k++)
                out[at + k * a.inner] = to[k];
        }
}

void F(rg__along_backward)(rg_node *y, F(run_backward) * run)
{
    rg_context *ctx = rg__graph_context(rg_node_graph(y));
    struct rg__along a = rg__along_of(rg_operand(y, 0), *(const int *)rg_attributes(y));
    const real *x = rg_operand(y, 0)->data, *out = rg_output_data(y), *g = rg_output_grad(y);
    real *gx = rg_operand_grad(y, 0);
    real *copy = gx ? rg_graph_alloc(rg_node_graph(y), 4 * (size_t)a.n * sizeof *copy) : NULL;
    if (!copy)
        return;
    for (int64_t o = 0; o < a.outer; o++)
        for (int64_t i = 0; i < a.inner; i++) {
            int64_t at = o * a.n * a.inner + i;
            run(ctx, F(fetch)(x + at, &a, copy), F(fetch)(out + at, &a, copy + a.n),
                F(fetch)(g + at, &a, copy + 2 * a.n), a.n, copy + 3 * a.n);
            for (int64_t k = 0; k < a.n; k++)
                gx[at + k * a.inner] += copy[3 * a.n + k];
        }
}

#ifdef RG__ONCE
bool rg__along_rule(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    int axis = *(const int *)rg_attributes(y);
    if (axis >= -x->ndim && axis < x->ndim)
        return true; /* the default shape */
    return rg_reject(y, "axis %d of %d dimensions; expected -%d to %d", axis, x->ndim, x->ndim,
                     x->ndim - 1);
}

struct rg__along rg__along_of(const rg_tensor *x, int axis)
{
    struct rg__along along = {1, 1, 1};
    axis += axis < 0 ? x->ndim : 0;
    for (int a = 0; a < x->ndim; a++)
        *(a < axis ? &along.outer : a == axis ? &along.n : &along.inner) *= x->dims[a];
    return along;
}
#endif

/* along.c (compiled twice): the loops over the runs along an axis or of lists; see along.h. */
#include "autograd/along.h"

/* The runs of a node. */
static struct rg__along F(runs_of)(const rg_node *y)
{
    const struct rg__along_call *call = rg_attributes(y);
    struct rg__along a = rg__along_of(rg_operand(y, 0), call->lists.offsets ? 0 : call->axis);
    if (call->lists.offsets) {
        a.outer = call->lists.n_lists;
        a.n = rg__longest_list(&call->lists);
        a.offsets = call->lists.offsets;
    }
    return a;
}

/* The length of the runs with outer index o; *at is where the first begins. */
static int64_t F(run_length)(const struct rg__along *a, int64_t o, int64_t *at)
{
    *at = (a->offsets ? a->offsets[o] : o * a->n) * a->inner;
    return a->offsets ? a->offsets[o + 1] - a->offsets[o] : a->n;
}

/* The n elements of a run, adjacent: in place, or copied to `copy`. */
static const real *F(fetch)(const real *from, const struct rg__along *a, int64_t n, real *copy)
{
    if (a->inner == 1)
        return from;
    for (int64_t k = 0; k < n; k++)
        copy[k] = from[k * a->inner];
    return copy;
}

void F(rg__along_forward)(rg_node *y, F(run_forward) * run)
{
    struct rg__along a = F(runs_of)(y);
    const real *x = rg_operand(y, 0)->data;
    real *out = rg_output_data(y);
    real *copy = rg_graph_alloc(rg_node_graph(y), 2 * (size_t)a.n * sizeof *copy);
    if (!copy)
        return;
    for (int64_t o = 0, at; o < a.outer; o++) {
        int64_t n = F(run_length)(&a, o, &at);
        for (int64_t i = 0; i < a.inner; i++, at++) {
            real *to = a.inner == 1 ? out + at : copy + a.n;
            run(y, F(fetch)(x + at, &a, n, copy), n, to);
            for (int64_t k = 0; a.inner != 1 && k < n; k++)
                out[at + k * a.inner] = to[k];
        }
    }
}

void F(rg__along_backward)(rg_node *y, F(run_backward) * run)
{
    struct rg__along a = F(runs_of)(y);
    const real *x = rg_operand(y, 0)->data, *out = rg_output_data(y), *g = rg_output_grad(y);
    real *gx = rg_operand_grad(y, 0);
    real *copy = gx ? rg_graph_alloc(rg_node_graph(y), 4 * (size_t)a.n * sizeof *copy) : NULL;
    if (!copy)
        return;
    for (int64_t o = 0, at; o < a.outer; o++) {
        int64_t n = F(run_length)(&a, o, &at);
        for (int64_t i = 0; i < a.inner; i++, at++) {
            run(y, F(fetch)(x + at, &a, n, copy), F(fetch)(out + at, &a, n, copy + a.n),
                F(fetch)(g + at, &a, n, copy + 2 * a.n), n, copy + 3 * a.n);
            for (int64_t k = 0; k < n; k++)
                gx[at + k * a.inner] += copy[3 * a.n + k];
        }
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

bool rg__along_lists_rule(rg_node *y)
{
    const struct rg__along_call *call = rg_attributes(y);
    return rg__check_segments(y, &call->lists);
}

rg_node *rg__apply_along(rg_graph *graph, const struct rg__builtin *b, rg_node *x, int axis)
{
    struct rg__along_call call = {.axis = axis};
    return rg_apply(graph, &b->op, &x, 1, &call, sizeof call);
}

rg_node *rg__apply_to_lists(rg_graph *graph, const struct rg__builtin *b, rg_node *x,
                            const int64_t *offsets, int64_t n_lists, double c)
{
    struct rg__along_call call = {.c = c};
    if (!rg__copy_lists(graph, b->op.name, offsets, n_lists, &call.lists))
        return NULL;
    return rg_apply(graph, &b->op, &x, 1, &call, sizeof call);
}

struct rg__along rg__along_of(const rg_tensor *x, int axis)
{
    struct rg__along along = {1, 1, 1, NULL};
    axis += axis < 0 ? x->ndim : 0;
    for (int a = 0; a < x->ndim; a++)
        *(a < axis ? &along.outer : a == axis ? &along.n : &along.inner) *= x->dims[a];
    return along;
}
#endif

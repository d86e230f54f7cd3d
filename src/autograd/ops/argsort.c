/* argsort: the indices that sort the elements along an axis, as i64; equal elements keep their
 * order, NaN comes last. No gradient: indices are integers. */
#include "autograd/along.h"

#include <math.h>
#include <stdlib.h>

struct rg__argsort {
    int axis; /* first, for rg__along_rule */
    bool descending;
};

struct entry {
    double value;
    int64_t index;
};

static int by_value(const void *a, const void *b)
{
    const struct entry *p = a, *q = b;
    bool p_last = isnan(p->value), q_last = isnan(q->value);
    if (p_last != q_last)
        return p_last ? 1 : -1;
    if (!p_last && p->value != q->value)
        return p->value < q->value ? -1 : 1;
    return (p->index > q->index) - (p->index < q->index);
}

static void forward(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    const struct rg__argsort *own = rg_attributes(y);
    struct rg__along a = rg__along_of(x, own->axis);
    int64_t *out = rg_output_data(y);
    struct entry *entries = rg_graph_alloc(rg_node_graph(y), (size_t)a.n * sizeof *entries);
    for (int64_t r = 0; entries && r < a.outer * a.inner; r++) {
        int64_t at = r / a.inner * a.n * a.inner + r % a.inner;
        for (int64_t k = 0; k < a.n; k++) {
            double value = rg__element(x->dtype, x->data, at + k * a.inner);
            entries[k] = (struct entry){own->descending ? -value : value, k};
        }
        if (a.n > 0)
            qsort(entries, (size_t)a.n, sizeof *entries, by_value);
        for (int64_t k = 0; k < a.n; k++)
            out[at + k * a.inner] = entries[k].index;
    }
}

static bool shape(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    rg_set_shape(y, RG_I64, x->ndim, x->dims);
    return rg__along_rule(y);
}

/* x times the indices, because the gradient check needs something to differentiate. */
static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    rg_node *order = rg_argsort(graph, x[0], 1, user != NULL);
    return rg_mul(graph, x[0], rg_cast(graph, order, rg_node_value(x[0])->dtype));
}

static const struct rg__sample samples[] = {
    {"x (2,5), axis 1",
     1,
     {{2, {2, 5}, -2, 2, 0}},
     .build = build,
     .numpy = "x * np.argsort(x, 1)"},
    {"x (2,5,2), axis 1, descending",
     1,
     {{3, {2, 5, 2}, -2, 2, 0}},
     .build = build,
     .numpy = "x * np.argsort(-x, 1)",
     .user = ""},
};

extern const struct rg__builtin rg__builtin_argsort;
const struct rg__builtin rg__builtin_argsort = {
    {.name = "argsort",
     .shape = shape,
     .forward = {[RG_F32] = forward, [RG_F64] = forward},
     .no_backward = "indices are integers"},
    "y = the indices that sort x along an axis",
    samples,
    RG__COUNT(samples)};

rg_node *rg_argsort(rg_graph *graph, rg_node *x, int axis, bool descending)
{
    struct rg__argsort own = {axis, descending};
    return RG__APPLY(argsort, graph, &own, sizeof own, x);
}

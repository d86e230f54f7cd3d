/* concat: operands one after the other along an axis.
 *
 * dL/dx of each operand = its part of dL/dy. */
#include "autograd/op.h"
#include "tensor/real.h"

#include <string.h>

RG__KERNELS(concat);

/* How operand i lies in y: `outer` runs of `length` elements, the first at `begin` and each `step`
 * behind the one before. */
struct F(part) {
    int64_t outer, length, begin, step;
};

static struct F(part) F(part_of)(const rg_node *y, int i)
{
    int axis = *(const int *)rg_attributes(y);
    const rg_tensor *out = rg_node_value(y), *x = rg_operand(y, i);
    struct F(part) part = {.outer = 1};
    int64_t inner = 1;
    axis += axis < 0 ? out->ndim : 0;
    for (int a = 0; a < axis; a++)
        part.outer *= out->dims[a];
    for (int a = axis + 1; a < out->ndim; a++)
        inner *= out->dims[a];
    for (int k = 0; k < i; k++)
        part.begin += rg_operand(y, k)->dims[axis] * inner;
    part.length = x->dims[axis] * inner;
    part.step = out->dims[axis] * inner;
    return part;
}

static int F(n_parts)(const rg_node *y)
{
    int n = 0;
    while (rg_operand(y, n))
        n++;
    return n;
}

void F(rg__concat_forward)(rg_node *y)
{
    real *out = rg_output_data(y);
    int n = rg__count(rg_node_value(y)) > 0 ? F(n_parts)(y) : 0;
    for (int i = 0; i < n; i++) {
        const real *x = rg_operand(y, i)->data;
        struct F(part) part = F(part_of)(y, i);
        for (int64_t o = 0; o < part.outer && part.length > 0; o++)
            memcpy(out + part.begin + o * part.step, x + o * part.length,
                   (size_t)part.length * sizeof *x);
    }
}

void F(rg__concat_backward)(rg_node *y)
{
    const real *g = rg_output_grad(y);
    int n = rg__count(rg_node_value(y)) > 0 ? F(n_parts)(y) : 0;
    for (int i = 0; i < n; i++) {
        real *gx = rg_operand_grad(y, i);
        struct F(part) part = F(part_of)(y, i);
        for (int64_t o = 0; gx && o < part.outer; o++)
            for (int64_t k = 0; k < part.length; k++)
                gx[o * part.length + k] += g[part.begin + o * part.step + k];
    }
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    int axis = *(const int *)rg_attributes(y);
    const rg_tensor *first = rg_operand(y, 0);
    rg_tensor all = *first;
    char text[2][RG__SHAPE_TEXT];
    if (axis < -first->ndim || axis >= first->ndim)
        return rg_reject(y, "axis %d of %d dimensions; expected -%d to %d", axis, first->ndim,
                         first->ndim, first->ndim - 1);
    axis += axis < 0 ? first->ndim : 0;
    all.dims[axis] = 0;
    for (int i = 0; rg_operand(y, i); i++) {
        const rg_tensor *x = rg_operand(y, i);
        bool fits = x->ndim == first->ndim;
        for (int a = 0; fits && a < x->ndim; a++)
            fits = a == axis || x->dims[a] == first->dims[a];
        if (!fits || __builtin_add_overflow(all.dims[axis], x->dims[axis], &all.dims[axis]))
            return rg_reject(y,
                             "operand %d has shape %s, operand 0 %s; expected shapes that differ "
                             "along axis %d only",
                             i, rg__shape_text(x, text[0]), rg__shape_text(first, text[1]), axis);
    }
    rg_set_shape(y, first->dtype, all.ndim, all.dims);
    return true;
}

static rg_node *rows(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_concat(graph, 3, (rg_node *const[]){x[0], x[1], x[0]}, 0);
}

static rg_node *columns(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_concat(graph, 2, x, -1);
}

static rg_node *stacked(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_stack(graph, 2, x, 1);
}

static const struct rg__sample samples[] = {
    {"a (2,3), b (1,3), a",
     2,
     {{2, {2, 3}, -2, 2, 0}, {2, {1, 3}, -2, 2, 0}},
     .build = rows,
     .numpy = "np.concatenate([a, b, a])"},
    {"a (2,1,3), b (2,1,2)",
     2,
     {{3, {2, 1, 3}, -2, 2, 0}, {3, {2, 1, 2}, -2, 2, 0}},
     .build = columns,
     .numpy = "np.concatenate([a, b], axis=-1)"},
    {"a (2,0), b (2,3)",
     2,
     {{2, {2, 0}, -2, 2, 0}, {2, {2, 3}, -2, 2, 0}},
     .build = columns,
     .numpy = "np.concatenate([a, b], axis=-1)"},
    {"a (2,3) and b (2,3) stacked",
     2,
     {{2, {2, 3}, -2, 2, 0}, {2, {2, 3}, -2, 2, 0}},
     .build = stacked,
     .numpy = "np.stack([a, b], axis=1)"},
};

RG__OPERATOR(concat, "y = operands one after the other along an axis", shape, samples);

rg_node *rg_concat(rg_graph *graph, int n, rg_node *const *x, int axis)
{
    return rg_apply(graph, &rg__builtin_concat.op, x, n, &axis, sizeof axis);
}

rg_node *rg_stack(rg_graph *graph, int n, rg_node *const *x, int axis)
{
    if (!graph || rg_graph_status(graph) != RG_OK)
        return NULL;
    if (!x || n <= 0 || n > RG_MAX_OPERANDS || !x[0]) /* which rg_concat reports */
        return rg_concat(graph, n, x, axis);
    rg_node **expanded = rg_graph_alloc(graph, (size_t)n * sizeof *expanded);
    if (!expanded)
        return NULL;
    for (int i = 0; i < n; i++)
        expanded[i] = rg_expand(graph, x[i], axis);
    return rg_concat(graph, n, expanded, axis);
}
#endif

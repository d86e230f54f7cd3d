/* where: a where the condition is true, b where it is false; all three broadcast as in NumPy.
 *
 *     dL/da += dL/dy where the condition is true,    dL/db += dL/dy where it is false
 *
 * summed, in double, over axes along which an operand was broadcast. An element that is not chosen
 * gets exactly 0, even if the other one's gradient is NaN. */
#include "autograd/op.h"
#include "tensor/broadcast.h"
#include "tensor/real.h"

#include <string.h>

RG__KERNELS(where);

/* Copies operand `which` (1: a, 2: b) to y where it is chosen. */
static void F(copy_chosen)(rg_node *y, int which)
{
    const rg_tensor *condition = rg_operand(y, 0), *from = rg_operand(y, which);
    real *out = rg_output_data(y);
    struct rg__broadcast_iter it;
    rg__broadcast_begin(condition, from, rg_node_value(y), &it);
    while (rg__broadcast_next(&it)) {
        const uint8_t *chosen = (const uint8_t *)condition->data + it.a;
        const real *x = (const real *)from->data + it.b;
        for (int64_t i = 0; i < it.length; i++)
            if ((chosen[i * it.step_a] != 0) == (which == 1))
                out[it.y + i] = x[i * it.step_b];
    }
}

void F(rg__where_forward)(rg_node *y)
{
    F(copy_chosen)(y, 1);
    F(copy_chosen)(y, 2);
}

static void F(add_chosen)(rg_node *y, int which)
{
    const rg_tensor *condition = rg_operand(y, 0), *own = rg_operand(y, which);
    const real *g = rg_output_grad(y);
    real *grad = rg_operand_grad(y, which);
    int64_t count = rg__count(own);
    struct rg__broadcast_iter it;
    if (!grad)
        return;
    double *sum = rg_graph_alloc(rg_node_graph(y), (size_t)count * sizeof *sum);
    if (!sum)
        return;
    memset(sum, 0, (size_t)count * sizeof *sum);
    rg__broadcast_begin(condition, own, rg_node_value(y), &it);
    while (rg__broadcast_next(&it)) {
        const uint8_t *chosen = (const uint8_t *)condition->data + it.a;
        for (int64_t i = 0; i < it.length; i++)
            if ((chosen[i * it.step_a] != 0) == (which == 1))
                sum[it.b + i * it.step_b] += ACC(g[it.y + i]);
    }
    for (int64_t i = 0; i < count; i++)
        grad[i] += (real)sum[i];
}

void F(rg__where_backward)(rg_node *y)
{
    F(add_chosen)(y, 1);
    F(add_chosen)(y, 2);
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    const rg_tensor *condition = rg_operand(y, 0), *a = rg_operand(y, 1), *b = rg_operand(y, 2);
    char text[3][RG__SHAPE_TEXT];
    rg_tensor both, all;
    if (condition->dtype != RG_BOOL)
        return rg_reject(y, "the condition is %s; expected bool, as comparisons give",
                         rg_dtype_name(condition->dtype));
    if (!rg__broadcast_shape(a, b, &both) || !rg__broadcast_shape(condition, &both, &all))
        return rg_reject(y,
                         "shapes %s, %s and %s do not broadcast; expected extents that are equal "
                         "or 1, counted from the last axis",
                         rg__shape_text(condition, text[0]), rg__shape_text(a, text[1]),
                         rg__shape_text(b, text[2]));
    rg_set_shape(y, a->dtype, all.ndim, all.dims);
    return true;
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_where(graph, rg_greater(graph, x[0], x[1]), x[0], x[1]);
}

/* The condition (3) is smaller than y; a is a scalar. */
static rg_node *small_condition(rg_graph *graph, rg_node *const *x, void *user)
{
    const rg_tensor condition = {RG_BOOL, 1, {3}, (uint8_t[]){1, 0, 1}};
    (void)user;
    return rg_where(graph, rg_constant(graph, &condition), x[0], x[1]);
}

static const struct rg__sample samples[] = {
    {"a (2,3), b (2,3)",
     2,
     {{2, {2, 3}, -2, 2, 0}, {2, {2, 3}, -2, 2, 0}},
     .build = build,
     .numpy = "np.where(a > b, a, b)"},
    {"a (2,1), b (3)",
     2,
     {{2, {2, 1}, -1, 1, 0}, {1, {3}, -2, 2, 0}},
     .build = build,
     .numpy = "np.where(a > b, a, b)"},
    {"a scalar, b (2,3), condition (3)",
     2,
     {{0, {0}, -2, 2, 0}, {2, {2, 3}, -2, 2, 0}},
     .build = small_condition,
     .numpy = "np.where([True, False, True], a, b)"},
    {"a (2,3), b (2,3), condition (3)",
     2,
     {{2, {2, 3}, -2, 2, 0}, {2, {2, 3}, -2, 2, 0}},
     .build = small_condition,
     .numpy = "np.where([True, False, True], a, b)"},
    {"a (0,3), b (1,3), condition (3)",
     2,
     {{2, {0, 3}, -2, 2, 0}, {2, {1, 3}, -2, 2, 0}},
     .build = small_condition,
     .numpy = "np.where([True, False, True], a, b)",
     .zero_because = "y has no element"},
};

RG__OPERATOR_WITH(where, "y = a where the condition is true, else b", shape, samples,
                  .operands = {RG_OPERAND_ANY_TYPE, 0, 0, 0});

rg_node *rg_where(rg_graph *graph, rg_node *condition, rg_node *a, rg_node *b)
{
    return RG__APPLY(where, graph, NULL, 0, condition, a, b);
}
#endif

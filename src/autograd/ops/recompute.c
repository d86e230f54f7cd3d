/* recompute: a function of nodes whose inner values are not kept but computed again in backward
 * (Griewank and Walther 2000; Chen et al. 2016). A stack of d layers in sqrt(d) such regions needs
 * memory for about 2 sqrt(d) layers instead of d, and one more forward pass.
 *
 * The function builds its nodes in a graph of its own, the region's, from leaves with the values of
 * the operands. Forward copies the result and resets that graph. Backward builds the nodes again,
 * now from variables whose gradients are those of the operands, and runs a backward pass there with
 * dL/dy as cotangent. All regions share the graph, so that only one is in memory at a time. */
#include "autograd/graph.h"
#include "autograd/op.h"

#include <string.h>

extern const struct rg__builtin rg__builtin_recompute;

struct region {
    rg_function *function;
    void *user;
};

/* Reports the error of the region's graph as one of the node; false. */
static bool fail(rg_node *y)
{
    const rg_graph *inner = rg_node_graph(y)->region;
    return inner && inner->status != RG_OK
               ? rg_reject(y, "%s", inner->error)
               : rg_reject(y, "the function returned no node of the region's graph");
}

/* The result of the function in the region's graph, whose other nodes are gone; NULL on failure.
 * With gradients, operands that require one are variables. */
static rg_node *build(rg_node *y, bool with_gradients)
{
    rg_graph *graph = rg_node_graph(y);
    const struct region *region = rg_attributes(y);
    if (!graph->region)
        graph->region = rg_graph_create(graph->ctx);
    rg_node **inputs = rg_graph_alloc(graph, (size_t)y->n_operands * sizeof(rg_node *));
    if (!graph->region || !inputs)
        return NULL;
    rg_graph_reset(graph->region);
    graph->region->finds_anomalies = graph->finds_anomalies;
    for (int i = 0; i < y->n_operands; i++) {
        void *grad = with_gradients ? rg_operand_grad(y, i) : NULL;
        inputs[i] = grad ? rg_variable(graph->region, rg_operand(y, i), grad)
                         : rg_leaf(graph->region, rg_operand(y, i));
    }
    rg_node *result = region->function(graph->region, inputs, region->user);
    bool good = result && graph->region->status == RG_OK && rg__belongs_to(result, graph->region) &&
                rg_dtype_computes(result->value.dtype);
    if (!good)
        fail(y);
    return good ? result : NULL;
}

static bool shape(rg_node *y)
{
    if (!((const struct region *)rg_attributes(y))->function)
        return rg_reject(y, "the function is NULL");
    rg_node *result = build(y, false);
    if (!result)
        return rg_reject(y, "out of memory"); /* unless build reported an error */
    rg_set_shape(y, result->value.dtype, result->value.ndim, result->value.dims);
    rg_set_saved(y, result);
    return true;
}

static void forward(rg_node *y)
{
    const rg_node *result = rg_saved(y);
    if (rg__count(&result->value) > 0)
        memcpy(rg_output_data(y), result->value.data, rg__tensor_bytes(&result->value));
    rg_graph_reset(rg_node_graph(y)->region);
}

static void backward(rg_node *y)
{
    rg_node *result = build(y, true);
    rg_tensor cotangent = *rg_node_value(y);
    cotangent.data = y->grad;
    if (result && result->requires_grad && rg_backward(result->graph, result, &cotangent) != RG_OK)
        fail(y);
    if (result)
        rg_graph_reset(result->graph);
}

/* tanh(a b) + a, in a region. */
static rg_node *sample_function(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_add(graph, rg_tanh(graph, rg_mul(graph, x[0], x[1])), x[0]);
}

static rg_node *sample(rg_graph *graph, rg_node *const *x, void *user)
{
    return rg_recompute(graph, sample_function, user, x, 2);
}

/* A region within a region. */
static rg_node *nested(rg_graph *graph, rg_node *const *x, void *user)
{
    return rg_recompute(graph, sample, user, x, 2);
}

static const struct rg__sample samples[] = {
    {"a (2,3), b (3)",
     2,
     {{2, {2, 3}, -2, 2, 0}, {1, {3}, -2, 2, 0}},
     .build = sample,
     .numpy = "np.tanh(a * b) + a"},
    {"a (2,3), b (3), nested",
     2,
     {{2, {2, 3}, -2, 2, 0}, {1, {3}, -2, 2, 0}},
     .build = nested,
     .numpy = "np.tanh(a * b) + a"},
    {"a (0,3), b (3)",
     2,
     {{2, {0, 3}, -2, 2, 0}, {1, {3}, -2, 2, 0}},
     .build = sample,
     .numpy = "np.tanh(a * b) + a",
     .zero_because = "y has no element"},
};

const struct rg__builtin rg__builtin_recompute = {
    {.name = "recompute",
     .shape = shape,
     .forward = {[RG_F32] = forward, [RG_F64] = forward},
     .backward = {[RG_F32] = backward, [RG_F64] = backward},
     .operands = {RG_OPERAND_ANY_TYPE}},
    "y = f(operands), whose inner values are computed again in backward",
    samples,
    RG__COUNT(samples)};

rg_node *rg_recompute(rg_graph *graph, rg_function *function, void *user, rg_node *const *inputs,
                      int n)
{
    struct region region = {function, user};
    return rg_apply(graph, &rg__builtin_recompute.op, inputs, n, &region, sizeof region);
}

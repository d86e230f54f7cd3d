/* backward.c: reverse-mode differentiation.
 *
 * The tape has every node after its operands, so one loop over it, newest node first, reaches each
 * node when its gradient is complete, and its backward adds to the gradients of its operands. A
 * selective pass (rg_gradients) marks the nodes on paths to those wanted and leaves out others. */
#include "autograd/graph.h"

#include "autograd/op.h"
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

void *rg__grad_of(rg_node *node)
{
    if (rg__has_grad(node))
        return node->grad;
    size_t size = rg__tensor_bytes(&node->value);
    if (!node->grad && !(node->grad = rg_graph_alloc(node->graph, size)))
        return NULL;
    memset(node->grad, 0, size);
    node->grad_pass = node->op ? node->graph->n_passes : RG__ACCUMULATED;
    return node->grad;
}

static rg_status check_root(rg_graph *graph, const rg_node *root, const rg_tensor *cotangent)
{
    char a[RG__SHAPE_TEXT], b[RG__SHAPE_TEXT];
    if (graph->status != RG_OK)
        return rg__fail(graph->ctx, graph->status, "%s", graph->error);
    if (!root)
        return rg__fail(graph->ctx, RG_USAGE, "backward: the root is NULL");
    const rg_tensor *value = &root->value;
    if (!rg__belongs_to(root, graph))
        return rg__fail(graph->ctx, RG_USAGE,
                        "backward: the root belongs to another graph or was created before the "
                        "last rg_graph_reset");
    if (!rg_dtype_computes(value->dtype))
        return rg__fail(graph->ctx, RG_USAGE, "backward: the root is %s; expected f32 or f64",
                        rg_dtype_name(value->dtype));
    if (!cotangent && rg_tensor_count(value) != 1)
        return rg__fail(graph->ctx, RG_USAGE,
                        "backward: the root has shape %s; expected one element, or a cotangent of "
                        "that shape",
                        rg__shape_text(value, a));
    if (cotangent && (cotangent->dtype != value->dtype || !rg__same_shape(cotangent, value)))
        return rg__fail(graph->ctx, RG_USAGE,
                        "backward: the cotangent is %s %s; expected %s %s as the root",
                        rg__dtype_text(cotangent->dtype), rg__shape_text(cotangent, a),
                        rg_dtype_name(value->dtype), rg__shape_text(value, b));
    if (cotangent && !cotangent->data && rg__count(value) > 0)
        return rg__fail(graph->ctx, RG_USAGE, "backward: cotangent->data is NULL");
    if (!root->requires_grad)
        return rg__fail(graph->ctx, RG_USAGE,
                        "backward: the root does not depend on any rg_variable, so nothing "
                        "requires a gradient");
    return RG_OK;
}

/* Adds the cotangent, or 1, to the root's gradient. */
static void seed_root(rg_node *root, const rg_tensor *cotangent)
{
    if (cotangent && cotangent->data && cotangent->data == root->grad && !rg__has_grad(root)) {
        /* the cotangent is the root's own gradient from an earlier pass */
        root->grad_pass = root->graph->n_passes;
        return;
    }
    const rg_tensor one = {RG_F64, 0, {0}, &(double){1}};
    const rg_tensor *from = cotangent ? cotangent : &one;
    void *grad = rg__grad_of(root);
    if (grad)
        rg__add(root->value.dtype, grad, from->dtype, from->data, rg__count(from));
}

/* ---- The loop ---- */

static void call_hook(rg_node *node)
{
    rg_tensor grad = node->value;
    grad.data = node->grad;
    if (node->hook)
        node->hook(node, &grad, node->hook_user);
}

static void run_backward(rg_node *node)
{
    if (node->op->backward[node->kernel_type])
        node->op->backward[node->kernel_type](node);
    else
        rg_reject(node, "has no backward: %s",
                  node->op->no_backward ? node->op->no_backward : "no reason is given");
    if (node->graph->finds_anomalies)
        rg__find_grad_anomaly(node);
}

/* Whether a node's backward has something to add to. */
static bool is_wanted(const rg_node *node)
{
    bool wanted = !node->graph->selective;
    for (int i = 0; i < node->n_operands && !wanted; i++)
        wanted = node->operands[i] && node->operands[i]->selected;
    return wanted;
}

static void run_pass(rg_node *newest)
{
    rg_graph *graph = newest->graph;
    for (rg_node *node = newest; node && graph->status == RG_OK; node = node->previous) {
        if (!rg__has_grad(node) || (graph->selective && !node->selected))
            continue;
        call_hook(node);
        if (node->op && is_wanted(node))
            run_backward(node);
    }
}

rg_status rg_backward_all(rg_graph *graph, int n, rg_node *const *roots,
                          const rg_tensor *const *cotangents)
{
    if (!graph)
        return RG_LIMIT;
    if (!roots || n < 1)
        return rg__fail(graph->ctx, RG_USAGE, "backward: %s; expected at least one root",
                        roots ? "n is below 1" : "roots is NULL");
    for (int i = 0; i < n; i++) {
        rg_status status = check_root(graph, roots[i], cotangents ? cotangents[i] : NULL);
        if (status != RG_OK)
            return status;
    }
    graph->n_passes++;
    for (int i = 0; i < n; i++)
        seed_root(roots[i], cotangents ? cotangents[i] : NULL);
    run_pass(n == 1 ? roots[0] : graph->last);
    return graph->status;
}

rg_status rg_backward(rg_graph *graph, rg_node *root, const rg_tensor *cotangent)
{
    return rg_backward_all(graph, 1, &root, &cotangent);
}

/* ---- Gradients of chosen nodes ---- */

/* Marks the nodes up to `root` that are among `nodes` or have such a node among their operands, and
 * theirs; false when out of memory. */
static bool select_paths(rg_node *root, int n, rg_node *const *nodes)
{
    int64_t count = 0;
    for (rg_node *node = root; node; node = node->previous, count++)
        node->selected = false;
    rg_node **tape = rg_graph_alloc(root->graph, (size_t)count * sizeof(rg_node *));
    if (!tape)
        return false;
    for (int i = 0; i < n; i++)
        nodes[i]->selected = true;
    int64_t at = count;
    for (rg_node *node = root; node; node = node->previous)
        tape[--at] = node;
    for (; at < count; at++)
        for (int i = 0; i < tape[at]->n_operands && !tape[at]->selected; i++)
            tape[at]->selected =
                tape[at]->requires_grad && tape[at]->operands[i] && tape[at]->operands[i]->selected;
    return true;
}

/* The gradient that a node has besides the one that is being computed. */
struct kept {
    void *grad;
    int64_t pass;
};

static rg_status check_wanted(rg_graph *graph, int n, rg_node *const *nodes, const rg_tensor *grads)
{
    if (n < 0 || (n > 0 && (!nodes || !grads)))
        return rg__fail(graph->ctx, RG_USAGE, "rg_gradients: %s; expected n nodes and n gradients",
                        n < 0    ? "n is below 0"
                        : !nodes ? "nodes is NULL"
                                 : "grads is NULL");
    for (int i = 0; i < n; i++)
        if (!nodes[i] || !rg__belongs_to(nodes[i], graph) || !nodes[i]->requires_grad)
            return rg__fail(graph->ctx, RG_USAGE,
                            "rg_gradients: node %d %s; expected nodes of this graph that depend on "
                            "a variable",
                            i,
                            !nodes[i] ? "is NULL"
                            : !rg__belongs_to(nodes[i], graph)
                                ? "is of another graph or was created before the last reset"
                                : "requires no gradient");
    return RG_OK;
}

rg_status rg_gradients(rg_graph *graph, rg_node *root, const rg_tensor *cotangent, int n,
                       rg_node *const *nodes, rg_tensor *grads)
{
    if (!graph)
        return RG_LIMIT;
    rg_status status = check_root(graph, root, cotangent);
    if (status == RG_OK)
        status = check_wanted(graph, n, nodes, grads);
    if (status != RG_OK)
        return status;
    struct kept *kept = rg_graph_alloc(graph, (size_t)n * sizeof *kept);
    if (!kept || !select_paths(root, n, nodes))
        return graph->status;
    for (int i = 0; i < n; i++) {
        kept[i] = (struct kept){nodes[i]->grad, nodes[i]->grad_pass};
        nodes[i]->grad = NULL;
        nodes[i]->grad_pass = 0;
    }
    graph->selective = true;
    graph->n_passes++;
    seed_root(root, cotangent);
    run_pass(root);
    graph->selective = false;
    for (int i = 0; i < n; i++) {
        grads[i] = nodes[i]->value;
        grads[i].data = rg__grad_of(nodes[i]); /* zeros where the root does not depend on it */
    }
    for (int i = n - 1; i >= 0; i--) {
        nodes[i]->grad = kept[i].grad;
        nodes[i]->grad_pass = kept[i].pass;
    }
    return graph->status;
}

/* ---- Anomalies ---- */

/* The first element that is NaN or infinite; -1: none. */
static int64_t find_infinite(const rg_tensor *t, const void *data)
{
    int64_t n = rg_dtype_computes(t->dtype) ? rg__count(t) : 0;
    for (int64_t i = 0; i < n; i++)
        if (!isfinite(rg__element(t->dtype, data, i)))
            return i;
    return -1;
}

/* A number that is not finite. */
static const char *name_of(double x)
{
    return isnan(x) ? "NaN" : x > 0 ? "inf" : "-inf";
}

/* Appends "; operand 0 from -1 to 3, 2 NaN" for each operand. */
static void describe_operands(const rg_node *node, char *text, size_t size)
{
    size_t used = 0;
    text[0] = '\0';
    for (int k = 0; k < node->n_operands && used < size; k++) {
        const rg_tensor *x = rg_operand(node, k);
        double low = (double)INFINITY, high = (double)-INFINITY;
        int64_t n = x && x->data ? rg__count(x) : 0, n_nan = 0;
        for (int64_t i = 0; i < n; i++) {
            double v = rg__element(x->dtype, x->data, i);
            n_nan += isnan(v);
            low = v < low ? v : low;
            high = v > high ? v : high;
        }
        char nan[40] = "";
        if (n_nan > 0)
            snprintf(nan, sizeof nan, ", %lld NaN", (long long)n_nan);
        if (n > n_nan)
            used += (size_t)snprintf(text + used, size - used, "; operand %d from %g to %g%s", k,
                                     low, high, nan);
        else if (n > 0)
            used += (size_t)snprintf(text + used, size - used, "; operand %d is all NaN", k);
    }
}

void rg__find_anomaly(rg_node *node)
{
    char operands[256];
    int64_t at = node->graph->status == RG_OK ? find_infinite(&node->value, node->value.data) : -1;
    if (at < 0)
        return;
    describe_operands(node, operands, sizeof operands);
    rg_reject(node, "element %lld of the value is %s%s", (long long)at,
              name_of(rg__element(node->value.dtype, node->value.data, at)), operands);
}

void rg__find_grad_anomaly(rg_node *node)
{
    char operands[256];
    for (int k = 0; k < node->n_operands && node->graph->status == RG_OK; k++) {
        const rg_node *x = node->operands[k];
        bool reached = x && x->requires_grad && x->grad && rg__has_grad(x);
        int64_t at = reached ? find_infinite(&x->value, x->grad) : -1;
        if (at < 0)
            continue;
        describe_operands(node, operands, sizeof operands);
        rg_reject(node, "backward: element %lld of the gradient of operand %d is %s%s",
                  (long long)at, k, name_of(rg__element(x->value.dtype, x->grad, at)), operands);
    }
}

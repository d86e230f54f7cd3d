/* graph.c: the graph as a tape, its leaves, and applying operators.
 *
 * The one idea: nodes are linked in the order in which they were created, newest first. A node is
 * always newer than its operands, so the list is in reverse topological order, as backward.c needs
 * it. */
#include "autograd/graph.h"

#include "autograd/op.h"
#include "tensor/selection.h"
#include "tensor/tensor.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

rg_graph *rg_graph_create(rg_context *ctx)
{
    rg_graph *graph = ctx ? rg__alloc(ctx, 1, sizeof *graph, "a graph") : NULL;
    if (graph)
        graph->ctx = ctx;
    for (int i = 0; graph && i < RG__N_ARENAS; i++)
        graph->arenas[i].ctx = ctx;
    return graph;
}

/* The arena of the nodes created since the last reset. */
static inline struct rg__arena *current_arena(rg_graph *graph)
{
    return &graph->arenas[graph->generation % RG__N_ARENAS];
}

void rg_graph_destroy(rg_graph *graph)
{
    if (!graph)
        return;
    rg_graph_destroy(graph->region);
    for (int i = 0; i < RG__N_ARENAS; i++)
        rg__arena_free(&graph->arenas[i]);
    rg__free(graph->ctx, graph);
}

void rg_graph_reset(rg_graph *graph)
{
    if (!graph)
        return;
    graph->generation++;
    rg__arena_reset(current_arena(graph));
    graph->last = NULL;
    graph->status = RG_OK;
    graph->no_gradients = false;
}

bool rg_graph_set_gradients(rg_graph *graph, bool enabled)
{
    bool before = graph && !graph->no_gradients;
    if (graph)
        graph->no_gradients = !enabled;
    return before;
}

void rg_graph_find_anomalies(rg_graph *graph, bool enabled)
{
    if (graph)
        graph->finds_anomalies = enabled;
}

rg_status rg_graph_status(const rg_graph *graph)
{
    return graph ? graph->status : RG_LIMIT;
}

size_t rg_graph_bytes(const rg_graph *graph)
{
    size_t bytes = graph ? rg_graph_bytes(graph->region) : 0;
    for (int i = 0; graph && i < RG__N_ARENAS; i++)
        bytes += rg__arena_bytes(&graph->arenas[i]);
    return bytes;
}

static void fail_with(rg_graph *graph, rg_status status, const char *prefix, const char *format,
                      va_list arguments)
{
    if (graph->status != RG_OK)
        return;
    graph->status = status;
    int n = snprintf(graph->error, sizeof graph->error, "%s", prefix);
    if (n >= 0 && (size_t)n < sizeof graph->error)
        vsnprintf(graph->error + n, sizeof graph->error - (size_t)n, format, arguments);
    rg__fail(graph->ctx, status, "%s", graph->error);
}

void rg__graph_fail(rg_graph *graph, rg_status status, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fail_with(graph, status, "", format, arguments);
    va_end(arguments);
}

bool rg_reject(rg_node *out, const char *format, ...)
{
    char prefix[96];
    if (!out || !out->op || !format)
        return false;
    snprintf(prefix, sizeof prefix, "%s: ", out->op->name ? out->op->name : "operator");
    va_list arguments;
    va_start(arguments, format);
    fail_with(out->graph, RG_BAD_DATA, prefix, format, arguments);
    va_end(arguments);
    return false;
}

void *rg_graph_alloc(rg_graph *graph, size_t size)
{
    void *block = graph ? rg__arena_alloc(current_arena(graph), size) : NULL;
    if (graph && !block && graph->status == RG_OK) {
        graph->status = RG_LIMIT;
        snprintf(graph->error, sizeof graph->error, "%s", rg_last_error(graph->ctx));
    }
    return block;
}

/* Allocates a node and `more` bytes after it. */
static rg_node *new_node(rg_graph *graph, size_t more)
{
    rg_node *node = rg_graph_alloc(graph, sizeof *node + more);
    if (!node)
        return NULL;
    node->generation = graph->generation;
    node->graph = graph; /* member by member, as the large `value` is set later */
    node->requires_grad = node->selected = false;
    node->hook = NULL;
    node->grad_pass = 0;
    node->grad = node->attributes = node->saved = NULL;
    node->operands = NULL;
    node->n_operands = 0;
    node->op = NULL;
    node->rows = NULL;
    return node;
}

/* Appends a node to the tape. */
static rg_node *append(rg_node *node)
{
    node->previous = node->graph->last;
    node->graph->last = node;
    return node;
}

/* ---- Leaves ---- */

bool rg__check_value(rg_graph *graph, const char *who, const rg_tensor *value)
{
    char shape[RG__SHAPE_TEXT];
    if (!graph || graph->status != RG_OK)
        return false;
    int64_t count = rg_tensor_count(value);
    if (count >= 0 && value->dtype != RG_F16 && (value->data || count == 0))
        return true;
    if (!value || (count > 0 && !value->data))
        rg__graph_fail(graph, RG_USAGE, "%s: %s is NULL", who, value ? "value->data" : "value");
    else
        rg__graph_fail(
            graph, RG_BAD_DATA,
            "%s: %s of shape %s, %d dimensions; expected a type other than f16 and at most %d "
            "dimensions, none negative",
            who, rg__dtype_text(value->dtype), rg__shape_text(value, shape), value->ndim,
            RG_MAX_DIMS);
    return false;
}

static rg_node *append_leaf(rg_graph *graph, const rg_tensor *value)
{
    rg_node *node = new_node(graph, 0);
    if (!node)
        return NULL;
    node->value = *value;
    return append(node);
}

rg_node *rg_leaf(rg_graph *graph, const rg_tensor *value)
{
    return rg__check_value(graph, "rg_leaf", value) ? append_leaf(graph, value) : NULL;
}

rg_node *rg_detach(rg_graph *graph, rg_node *x)
{
    if (!graph || graph->status != RG_OK)
        return NULL;
    if (!x || x->graph != graph) {
        rg__graph_fail(graph, RG_USAGE, "rg_detach: the node is %s",
                       x ? "of another graph" : "NULL");
        return NULL;
    }
    return x->requires_grad ? append_leaf(graph, &x->value) : x;
}

rg_node *rg_leaf_rows(rg_graph *graph, const rg_selection *rows, rg_dtype dtype)
{
    char problem[RG__SELECTION_PROBLEM];
    if (!graph || graph->status != RG_OK)
        return NULL;
    if (!rg_dtype_computes(dtype))
        rg__graph_fail(graph, RG_BAD_DATA, "rg_leaf_rows: dtype is %s; expected f32 or f64",
                       rg__dtype_text(dtype));
    else if (!rg__check_selection(rows, problem))
        rg__graph_fail(graph, RG_USAGE, "rg_leaf_rows: %s", problem);
    if (graph->status != RG_OK)
        return NULL;
    rg_tensor value = {dtype, 2, {rg__selected_rows(rows), rg__selected_columns(rows)}, NULL};
    rg_node *node = append_leaf(graph, &value);
    rg_selection *copy = rg_graph_alloc(graph, sizeof *copy);
    if (!node || !copy)
        return NULL;
    *copy = *rows;
    node->rows = copy;
    return node;
}

/* Copies the rows of a leaf into an ordinary tensor, if not yet done; false when out of memory. */
static bool gather_leaf(rg_node *leaf)
{
    if (!leaf->rows || leaf->value.data)
        return true;
    leaf->value.data = rg_graph_alloc(leaf->graph, rg__tensor_bytes(&leaf->value));
    if (leaf->value.data)
        rg__gather_rows(leaf->rows, leaf->value.dtype, leaf->value.data);
    return leaf->value.data != NULL;
}

rg_node *rg_variable(rg_graph *graph, const rg_tensor *value, void *grad)
{
    if (!rg__check_value(graph, "rg_variable", value))
        return NULL;
    if (!rg_dtype_computes(value->dtype)) {
        rg__graph_fail(graph, RG_BAD_DATA, "rg_variable: value is %s; expected f32 or f64",
                       rg_dtype_name(value->dtype));
        return NULL;
    }
    rg_node *node = append_leaf(graph, value);
    if (!node)
        return NULL;
    node->requires_grad = true;
    if (grad) {
        node->grad = grad;
        node->grad_pass = RG__ACCUMULATED;
    }
    return node;
}

void rg_set_hook(rg_node *node, rg_hook_function *hook, void *user)
{
    if (!node)
        return;
    node->hook = hook;
    node->hook_user = user;
}

const rg_tensor *rg_node_value(const rg_node *node)
{
    return node ? &node->value : NULL;
}

const rg_tensor *rg_node_grad(const rg_node *node)
{
    rg_tensor *grad = node && rg__has_grad(node) ? rg_graph_alloc(node->graph, sizeof *grad) : NULL;
    if (!grad)
        return NULL;
    *grad = node->value;
    grad->data = node->grad;
    return grad;
}

/* ---- Operators ---- */

static unsigned flags_of(const rg_operator *op, int i)
{
    return op->operands[i < RG_OPERAND_FLAGS ? i : RG_OPERAND_FLAGS - 1];
}

/* The types that an operator is defined for, for messages. */
static const char *expected_types(const rg_operator *op)
{
    if (op->forward[RG_F32] && op->forward[RG_F64])
        return "f32 or f64 (rg_cast converts)";
    return op->forward[RG_F64]    ? "f64, the only type this operator is defined for"
           : op->forward[RG_F32]  ? "f32, the only type this operator is defined for"
           : op->forward[RG_BOOL] ? "bool"
                                  : "another type";
}

/* Checks the operands and sets kernel_type. */
static bool check_operands(rg_node *out)
{
    const rg_operator *op = out->op;
    int first = -1; /* the first operand without RG_OPERAND_ANY_TYPE */
    for (int i = 0; i < out->n_operands; i++) {
        const rg_node *x = out->operands[i];
        unsigned flags = flags_of(op, i);
        if (!x && flags & RG_OPERAND_OPTIONAL)
            continue;
        if (!x)
            return rg_reject(out, "operand %d is NULL", i);
        if (!rg__belongs_to(x, out->graph))
            return rg_reject(out,
                             "operand %d belongs to another graph or was created before the last "
                             "rg_graph_reset",
                             i);
        if (flags & RG_OPERAND_ANY_TYPE)
            continue;
        if (!op->forward[x->value.dtype])
            return rg_reject(out, "operand %d is %s; expected %s", i, rg_dtype_name(x->value.dtype),
                             expected_types(op));
        first = first < 0 ? i : first;
        if (x->value.dtype != out->operands[first]->value.dtype)
            return rg_reject(out,
                             "operand %d is %s and operand %d is %s; expected one type "
                             "(rg_cast converts)",
                             first, rg_dtype_name(out->operands[first]->value.dtype), i,
                             rg_dtype_name(x->value.dtype));
    }
    out->kernel_type = first < 0 ? (int)RG__TYPE_OF_OUTPUT : (int)out->operands[first]->value.dtype;
    return true;
}

/* Gathers operands that are leaves of rows, except one that the operator reads in place. */
static bool gather_operands(rg_node *out)
{
    for (int i = out->op->reads_rows; i < out->n_operands; i++)
        if (out->operands[i] && !gather_leaf(out->operands[i]))
            return false;
    return true;
}

static bool make_value(rg_node *out)
{
    const rg_operator *op = out->op;
    const rg_node *first = out->n_operands > 0 ? out->operands[0] : NULL;
    out->value = first ? first->value : (rg_tensor){0};
    out->value.data = NULL;
    if (op->shape && !op->shape(out)) /* if the rule reported an error, that one is kept */
        return rg_reject(out, "the shape rule returned false without an error (rg_reject)");
    char shape[RG__SHAPE_TEXT];
    int64_t count = rg_tensor_count(&out->value);
    if (count < 0)
        return rg_reject(out,
                         "the result has the invalid shape %s with %d dimensions; expected 0 to %d "
                         "dimensions, none negative, below 2^63 bytes",
                         rg__shape_text(&out->value, shape), out->value.ndim, RG_MAX_DIMS);
    if (out->kernel_type == RG__TYPE_OF_OUTPUT)
        out->kernel_type = (int)out->value.dtype;
    if (!op->forward[out->kernel_type])
        return rg_reject(out, "is not defined for %s; expected %s",
                         rg_dtype_name((rg_dtype)out->kernel_type), expected_types(op));
    out->requires_grad &= rg_dtype_computes(out->value.dtype); /* integers have no gradient */
    out->value.data = rg_graph_alloc(out->graph, (size_t)count * rg_dtype_size(out->value.dtype));
    return out->value.data != NULL;
}

/* Checks the arguments of rg_apply. */
static bool check_call(rg_graph *graph, const rg_operator *op, rg_node *const *operands,
                       int n_operands, const void *attributes, size_t attributes_size)
{
    const char *null = !op                              ? "op"
                       : !operands && n_operands > 0    ? "operands"
                       : !attributes && attributes_size ? "attributes"
                                                        : NULL;
    int least = op && !op->shape; /* without a rule, the shape is that of operand 0 */
    if (null)
        rg__graph_fail(graph, RG_USAGE, "rg_apply: %s is NULL", null);
    else if (n_operands < least || n_operands > RG_MAX_OPERANDS)
        rg__graph_fail(graph, RG_USAGE, "rg_apply: %s has %d operands; expected %d to %d",
                       op->name ? op->name : "operator", n_operands, least, RG_MAX_OPERANDS);
    else if (attributes_size > PTRDIFF_MAX)
        rg__graph_fail(graph, RG_USAGE, "rg_apply: attributes_size is %zu; expected at most %zu",
                       attributes_size, (size_t)PTRDIFF_MAX);
    return graph->status == RG_OK;
}

rg_node *rg_apply(rg_graph *graph, const rg_operator *op, rg_node *const *operands, int n_operands,
                  const void *attributes, size_t attributes_size)
{
    if (!graph || graph->status != RG_OK)
        return NULL;
    if (!check_call(graph, op, operands, n_operands, attributes, attributes_size))
        return NULL;
    size_t operands_size = (size_t)n_operands * sizeof(rg_node *);
    rg_node *out = new_node(graph, operands_size + attributes_size);
    if (!out)
        return NULL;
    out->op = op;
    out->n_operands = n_operands;
    out->operands = (rg_node **)(out + 1);
    out->attributes = out->operands + n_operands;
    if (attributes_size)
        memcpy(out->attributes, attributes, attributes_size);
    for (int i = 0; i < n_operands; i++) {
        out->operands[i] = operands[i];
        out->requires_grad |= operands[i] && operands[i]->requires_grad;
    }
    out->requires_grad &= !graph->no_gradients;
    if (!check_operands(out) || !gather_operands(out) || !make_value(out))
        return NULL;
    op->forward[out->kernel_type](out);
    if (graph->finds_anomalies)
        rg__find_anomaly(out);
    return graph->status == RG_OK ? append(out) : NULL;
}

/* ---- For the callbacks of operators ---- */

/* Operand i, or NULL. */
static inline rg_node *operand(const rg_node *out, int i)
{
    return out && i >= 0 && i < out->n_operands ? out->operands[i] : NULL;
}

const rg_tensor *rg_operand(const rg_node *out, int i)
{
    return rg_node_value(operand(out, i));
}

const rg_selection *rg__operand_rows(const rg_node *out)
{
    return out->operands[0]->rows;
}

bool rg__is_sparse(const rg_node *node)
{
    return node->rows && rg__is_sparse_matrix(node->rows);
}

rg_context *rg__graph_context(const rg_graph *graph)
{
    return graph->ctx;
}

bool rg__needs_backward(const rg_node *y)
{
    return y->requires_grad;
}

bool rg__gather_operand(rg_node *out)
{
    return gather_leaf(out->operands[0]);
}

bool rg__operand_requires_grad(const rg_node *out, int i)
{
    return out->operands[i] && out->operands[i]->requires_grad;
}

void *rg_operand_grad(rg_node *out, int i)
{
    rg_node *x = operand(out, i);
    return x && x->requires_grad && (!x->graph->selective || x->selected) ? rg__grad_of(x) : NULL;
}

const void *rg_attributes(const rg_node *out)
{
    return out ? out->attributes : NULL;
}

void *rg_output_data(rg_node *out)
{
    return out ? out->value.data : NULL;
}

const void *rg_output_grad(const rg_node *out)
{
    return out ? out->grad : NULL;
}

rg_graph *rg_node_graph(const rg_node *node)
{
    return node ? node->graph : NULL;
}

void rg_set_shape(rg_node *out, rg_dtype dtype, int ndim, const int64_t *dims)
{
    if (!out)
        return;
    out->value.dtype = dtype;
    out->value.ndim = dims || ndim == 0 ? ndim : -1; /* -1 is invalid and reported by rg_apply */
    if (dims && ndim > 0 && ndim <= RG_MAX_DIMS)
        memmove(out->value.dims, dims, (size_t)ndim * sizeof dims[0]);
}

void rg_set_saved(rg_node *out, void *saved)
{
    if (out)
        out->saved = saved;
}

void *rg_saved(const rg_node *out)
{
    return out ? out->saved : NULL;
}

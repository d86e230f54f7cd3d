/* autograd.h: reverse-mode differentiation: graphs, nodes, custom operators, the gradient check.
 *
 * The one idea: an operator computes its value when it is called and appends a node to the graph (a
 * tape). Operands always precede the nodes that use them, so backward is one loop over the tape in
 * reverse.
 *
 * Typical use:
 *   1. rg_graph_create once.
 *   2. Each step: leaves (rg_leaf, rg_variable), operators (ops.h), a loss (loss.h).
 *   3. rg_backward once; read the gradients.
 *   4. rg_graph_reset, which destroys all nodes and keeps the memory for the next step.
 *
 * Errors: an operator that fails returns NULL, and so does an operator with a NULL operand. The
 * graph keeps the first error and rg_backward returns it, so calls in between need no checks.
 *
 * A node must not be used after rg_graph_reset. A debug build of the library reports the use of a
 * node from before the last reset; other builds report it only while its memory is not reused.
 */
#ifndef RANKGRAD_AUTOGRAD_H
#define RANKGRAD_AUTOGRAD_H

#include <rankgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct rg_graph rg_graph;
typedef struct rg_node rg_node;

/* Creates an empty graph, owned by the caller; NULL when out of memory. With a NULL graph the calls
 * below return NULL or RG_LIMIT. */
RG_API rg_graph *rg_graph_create(rg_context *ctx);

/* Destroys a graph and its nodes. NULL is allowed. */
RG_API void rg_graph_destroy(rg_graph *graph);

/* Destroys all nodes, clears the error, and keeps the memory for the next step. */
RG_API void rg_graph_reset(rg_graph *graph);

/* The first error since the last reset; rg_last_error() has its message. */
RG_API rg_status rg_graph_status(const rg_graph *graph);

/* Bytes that the graph has allocated, in use or kept for the next step. */
RG_API size_t rg_graph_bytes(const rg_graph *graph);

/* A leaf that does not require a gradient. `value` (any dtype but f16) is not copied: its data
 * remain the caller's, are never written, and must outlive the node. */
RG_API rg_node *rg_leaf(rg_graph *graph, const rg_tensor *value);

/* A leaf (n,F) of the selected rows as f32 or f64, whatever type they are stored in. rg_matmul
 * reads them in place where it can (a product with one column; sparse rows). For any other use they
 * are gathered, converted and made dense in the graph's memory, once; until then the data pointer
 * of the node's value is NULL. RG_USAGE when a run is not within the matrix. The column indices of
 * sparse rows must be in range, which is not checked. The matrix and the runs must outlive the
 * node. */
RG_API rg_node *rg_leaf_rows(rg_graph *graph, const rg_selection *rows, rg_dtype dtype);

/* A leaf that requires a gradient (f32 or f64). rg_backward adds to `grad`, an array of the caller
 * with the type and count of the value. NULL: the graph allocates one, zeroed, when it is first
 * needed; read it with rg_node_grad before the next reset. */
RG_API rg_node *rg_variable(rg_graph *graph, const rg_tensor *value, void *grad);

/* The value of x as a leaf, through which no gradient flows; x itself if it requires none. Does not
 * copy the value. */
RG_API rg_node *rg_detach(rg_graph *graph, rg_node *x);

/* The value of a node: valid until the graph is reset. NULL for NULL. */
RG_API const rg_tensor *rg_node_value(const rg_node *node);

/* The gradient of a node, same shape and type as its value; valid until the graph is reset. NULL
 * when the node requires no gradient or the last rg_backward did not reach it (for a variable: when
 * no call has). A variable with a gradient array of the caller always has one. */
RG_API const rg_tensor *rg_node_grad(const rg_node *node);

/* Adds d(root . cotangent)/d(leaf) to the gradient of every leaf that requires one. `cotangent` has
 * the root's shape and type; NULL means 1, and then the root must have exactly one element. Each
 * call computes the gradients of inner nodes from zero and adds to those of leaves. Returns the
 * graph's first error, if any, and then changes nothing; a NULL root and a root that depends on no
 * variable are errors too. */
RG_API rg_status rg_backward(rg_graph *graph, rg_node *root, const rg_tensor *cotangent);

/* The same for n roots at once: adds d(sum_i roots[i] . cotangents[i])/d(leaf). `cotangents` may be
 * NULL, and so may each of them, for roots of one element. */
RG_API rg_status rg_backward_all(rg_graph *graph, int n, rg_node *const *roots,
                                 const rg_tensor *const *cotangents);

/* Computes d(root . cotangent)/d(node) for n nodes, leaves or not, and stores them in grads (n), in
 * memory of the graph. Only nodes on paths from these to the root are visited, and the gradients of
 * variables (rg_node_grad, arrays of the caller) stay as they are. Zeros where the root does not
 * depend on a node. Errors as for rg_backward, and RG_USAGE for a node that requires no
 * gradient. */
RG_API rg_status rg_gradients(rg_graph *graph, rg_node *root, const rg_tensor *cotangent, int n,
                              rg_node *const *nodes, rg_tensor *grads);

/* Whether new nodes require gradients if their operands do (the default, also after a reset).
 * Returns what it was, to be restored at the end of a region without gradients. */
RG_API bool rg_graph_set_gradients(rg_graph *graph, bool enabled);

/* Called by a backward pass when the gradient of a node is complete, before it is passed on; may
 * change its elements. `grad` has the shape and type of the node's value. A variable's hook is
 * called with the sum over all passes. */
typedef void rg_hook_function(rg_node *node, rg_tensor *grad, void *user);

/* Sets the hook of a node; NULL removes it. */
RG_API void rg_set_hook(rg_node *node, rg_hook_function *hook, void *user);

/* Looks for NaN and infinities in every value and gradient, and makes the first one an error that
 * names the operator, the element and the ranges of the operands. Slow; for debugging. Stays as it
 * is when the graph is reset. */
RG_API void rg_graph_find_anomalies(rg_graph *graph, bool enabled);

/* ---- Custom operators. The built-in ones use the same interface. ---------------------------- */

/* Flags of an operand. Without any it is a node of the type that the operator computes in. */
enum {
    RG_OPERAND_OPTIONAL = 1, /* it may be NULL */
    RG_OPERAND_ANY_TYPE = 2  /* it may have another type: labels, masks, indices */
};

/* Length of rg_operator.operands; further operands have the last of these flags. */
enum { RG_OPERAND_FLAGS = 4 };

/* An operator: a shape rule and kernels. Kernels are indexed by the type that the operator computes
 * in, which is the common type of the operands without RG_OPERAND_ANY_TYPE or, if there are none,
 * the type of the output. A NULL kernel means that the operator is not defined for that type. */
typedef struct rg_operator {
    const char *name; /* for messages */
    /* Sets the output's shape and type with rg_set_shape. Returns false, after rg_reject with a
     * message, when the operands do not fit (false without rg_reject is an error too). NULL: shape
     * and type of operand 0. */
    bool (*shape)(rg_node *out);
    /* Writes every element of rg_output_data(out). */
    void (*forward[RG_DTYPE_COUNT])(rg_node *out);
    /* Adds to rg_operand_grad(out, i) of each operand where that is not NULL; reads
     * rg_output_grad(out). */
    void (*backward[RG_DTYPE_COUNT])(rg_node *out);
    const char *no_backward; /* the reason why the operator has no backward; NULL: it has one */
    unsigned char operands[RG_OPERAND_FLAGS]; /* flags */
    bool reads_rows; /* forward reads operand 0 in place if it is an rg_leaf_rows; all other leaves
                        of rows are gathered before forward runs */
} rg_operator;

/* Returns an operator with kernels for f32 and f64. Meant for C++, which has no designated
 * initialisers of array elements. `shape` may be NULL. */
static inline rg_operator rg_operator_of(const char *name, bool (*shape)(rg_node *out),
                                         void (*forward_f32)(rg_node *out),
                                         void (*forward_f64)(rg_node *out),
                                         void (*backward_f32)(rg_node *out),
                                         void (*backward_f64)(rg_node *out))
{
    rg_operator op = {name, shape, {NULL}, {NULL}, NULL, {0}, false};
    op.forward[RG_F32] = forward_f32;
    op.forward[RG_F64] = forward_f64;
    op.backward[RG_F32] = backward_f32;
    op.backward[RG_F64] = backward_f64;
    return op;
}

/* The largest number of operands of a node. */
enum { RG_MAX_OPERANDS = 1024 };

/* Applies an operator: checks the operands, creates the node, runs the shape rule and forward.
 * Operands may be NULL only where they are optional; n_operands may be 0 if `op` has a shape rule.
 * `attributes` (attributes_size bytes, may be NULL) are copied into the graph. `*op` must outlive
 * the graph's nodes. */
RG_API rg_node *rg_apply(rg_graph *graph, const rg_operator *op, rg_node *const *operands,
                         int n_operands, const void *attributes, size_t attributes_size);

/* For the callbacks of an operator. A shape rule that needs operands checks how many there are. */
RG_API const rg_tensor *rg_operand(const rg_node *out, int i); /* NULL if it is absent */
RG_API void *rg_operand_grad(rg_node *out, int i); /* zeroed at first use; NULL: not required */
RG_API const void *rg_attributes(const rg_node *out);
RG_API void *rg_output_data(rg_node *out);
RG_API const void *rg_output_grad(const rg_node *out);
RG_API rg_graph *rg_node_graph(const rg_node *node);
RG_API void rg_set_shape(rg_node *out, rg_dtype dtype, int ndim, const int64_t *dims);

/* Allocates memory that lives until the graph is reset, not zeroed; aligned to 64 bytes, or to 16
 * when `size` is less than 64. NULL, and an error of the graph, when out of memory. */
RG_API void *rg_graph_alloc(rg_graph *graph, size_t size);

/* Stores a pointer in the node for its backward; returns it. */
RG_API void rg_set_saved(rg_node *out, void *saved);
RG_API void *rg_saved(const rg_node *out);

/* Sets the graph's error, unless it has one, to a message that starts with the operator's name;
 * returns false. */
RG_API bool rg_reject(rg_node *out, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* ---- The gradient check --------------------------------------------------------------------- */

/* A function under test: builds its result from `inputs` in `graph`; NULL on failure. It must be
 * deterministic. */
typedef rg_node *rg_function(rg_graph *graph, rg_node *const *inputs, void *user);

typedef struct rg_gradcheck_options {
    double step;   /* h = step * max(1, |x|) of the central difference; default 6e-6 */
    double rtol;   /* default 1e-6 */
    double atol;   /* default 1e-8; an element passes if |a - n| <= atol + rtol |n| */
    uint64_t seed; /* of the random cotangent and of the pre-filled gradients; default 1 */
    /* Default 3e-6; f32 passes if it differs from f64 by at most
     * 1.2e-7 + rtol_f32 (|n| + the largest |n| of that input). 0: f32 is not checked. */
    double rtol_f32;
} rg_gradcheck_options;

typedef struct rg_gradcheck_report {
    bool passed;
    int input;       /* of the first failure; -1: none, or the value in f32 differs */
    int64_t element; /* row-major index; -1: the failure concerns the whole input */
    double analytic; /* a: the gradient from backward */
    double numeric;  /* n: the central difference */
    double worst;    /* the largest |a - n| / (atol + rtol |n|) over all elements */
    int64_t n_elements;
    uint32_t vacuous;  /* bit i: the gradient of input i is zero everywhere, so the check proves
                          nothing; a warning in the message, not a failure */
    bool checked_f32;  /* f32 was compared with f64; otherwise the message says why not */
    double worst_f32;  /* the largest difference, divided by what rtol_f32 allows */
    char message[256]; /* the failure, or "passed: ..." */
} rg_gradcheck_report;

/* The defaults above; docs/gradient-check.md explains them. */
RG_API rg_gradcheck_options rg_gradcheck_options_default(void);

/* Compares backward with central differences in f64, element by element, under a random cotangent.
 * Also checks that backward adds to existing gradients, that inputs are not modified, and that a
 * second run gives the same bits. Then repeats all but the differences with inputs in f32 and
 * compares value and gradients with those in f64; this is skipped when the function fails in f32 (a
 * kernel is missing, or the function creates f64 nodes itself). Where one-sided differences
 * disagree, the message of a failure mentions a kink. `inputs` are f64 tensors of the caller; one
 * of another dtype is passed on as a leaf and not differentiated. Returns RG_OK if the check could
 * run, whether it passed or not; otherwise the function's error. */
RG_API rg_status rg_gradcheck(rg_context *ctx, rg_function *function, void *user,
                              const rg_tensor *inputs, int n_inputs,
                              const rg_gradcheck_options *options, rg_gradcheck_report *report);

#ifdef __cplusplus
}
#endif
#endif

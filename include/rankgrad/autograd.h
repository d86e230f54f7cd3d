/* autograd.h: the tape, and the check that keeps every gradient honest.
 *
 * The one idea: an operator computes its value when it is called and appends itself to the tape;
 * since an operand always stands before its user, backward is one loop over the tape in reverse.
 *
 * Intended use:
 *   1. rg_graph_create once.
 *   2. Each step: leaves (rg_leaf, rg_variable), operators (ops.h), a loss (loss.h).
 *   3. rg_backward once; read the gradients.
 *   4. rg_graph_reset: every node ends, the memory stays for the next step.
 *
 * Errors: an operator that fails returns NULL, and NULL in gives NULL out; the graph keeps the
 * first error and rg_backward returns it. Ten lines of model need no ten ifs.
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

/* A new, empty graph, owned by the caller; NULL when out of memory. A NULL graph in any call below
 * gives NULL, or RG_LIMIT. */
RG_API rg_graph *rg_graph_create(rg_context *ctx);

/* Ends a graph and all of its nodes. NULL is allowed. */
RG_API void rg_graph_destroy(rg_graph *graph);

/* Ends all nodes, forgets the error, and keeps the memory for the next step. */
RG_API void rg_graph_reset(rg_graph *graph);

/* The first error since the last reset; its sentence is rg_last_error(). */
RG_API rg_status rg_graph_status(const rg_graph *graph);

/* Bytes that the graph holds, in use or kept for the next step. */
RG_API size_t rg_graph_bytes(const rg_graph *graph);

/* A node over the caller's numbers, which stay the caller's, are never written and must outlive
 * the node. No gradient flows into it. Any dtype but f16. */
RG_API rg_node *rg_leaf(rg_graph *graph, const rg_tensor *value);

/* A leaf (n,F) of the selected rows, f32 or f64, whatever type they are stored in. rg_matmul reads
 * them where they lie where it can (a product with one column; sparse rows), for every other use
 * they are gathered, converted and made dense in the graph's memory, once; until then its value's
 * data is NULL. The runs must lie within the matrix (RG_USAGE otherwise). Its column indices must
 * be in range, which is not checked; the matrix and the runs must outlive the node. */
RG_API rg_node *rg_leaf_rows(rg_graph *graph, const rg_selection *rows, rg_dtype dtype);

/* A leaf that wants a gradient (f32 or f64). `grad` has the type and count of the value and is
 * the caller's: backward adds to it. NULL: the graph makes one, zeroed, at its first use; read it
 * with rg_node_grad before the next reset. */
RG_API rg_node *rg_variable(rg_graph *graph, const rg_tensor *value, void *grad);

/* The value of a node: valid until the graph is reset. NULL for NULL. */
RG_API const rg_tensor *rg_node_value(const rg_node *node);

/* The gradient of a node, same shape and type as its value; NULL when the last backward did not
 * reach it (a leaf: when none did) or it wants none (a variable with the caller's own gradient
 * always has one). Valid until the graph is reset. */
RG_API const rg_tensor *rg_node_grad(const rg_node *node);

/* Adds d(root . cotangent)/d(leaf) to the gradient of every leaf that wants one. `cotangent` has
 * the root's shape and type; NULL means 1, and then the root must hold exactly one element.
 * Gradients of nodes inside the graph are started anew by each call; leaves accumulate.
 * Returns the graph's first error, if any, and changes nothing then; a NULL root is one, and so is
 * a root that depends on no variable. */
RG_API rg_status rg_backward(rg_graph *graph, rg_node *root, const rg_tensor *cotangent);

/* ---- Operators of your own: the built-in ones are made of exactly these. ------------------- */

/* What an operand may be. Without flags it is a node of the type that the operator computes in. */
enum {
    RG_OPERAND_OPTIONAL = 1, /* it may be NULL */
    RG_OPERAND_ANY_TYPE = 2  /* labels, masks, indices: its type is its own */
};

/* How many operands have flags of their own; those behind them have the flags of the last. */
enum { RG_OPERAND_FLAGS = 4 };

/* Kernels are indexed by the type that the operator computes in: that of the operands without
 * RG_OPERAND_ANY_TYPE, which must all have the same one; where there is none, that of the output.
 * A kernel that is NULL means that the operator is not defined for that type. */
typedef struct rg_operator {
    const char *name; /* for messages */
    /* Sets the output's shape and type with rg_set_shape; reports a misfit with rg_reject and
     * returns false (which is an error even without rg_reject). NULL: those of operand 0. */
    bool (*shape)(rg_node *out);
    /* Writes every element of rg_output_data(out). */
    void (*forward[RG_DTYPE_COUNT])(rg_node *out);
    /* Adds to rg_operand_grad(out, i) of each operand where that is not NULL; reads
     * rg_output_grad(out). */
    void (*backward[RG_DTYPE_COUNT])(rg_node *out);
    const char *no_backward; /* why there is no backward; else NULL */
    unsigned char operands[RG_OPERAND_FLAGS]; /* flags */
    bool reads_rows; /* reads operand 0, a leaf of rows, where it lies; all others are gathered
                        beforehand */
} rg_operator;

/* An operator with kernels for f32 and f64, for C++, which has no initializers of array elements by
 * index. `shape` may be NULL. */
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

/* The most operands of an operator. */
enum { RG_MAX_OPERANDS = 1024 };

/* Applies an operator: checks, makes the node, runs the shape rule and forward. `attributes`
 * (n bytes, may be NULL) are copied into the graph; operands may be NULL only where they are
 * optional; there may be none where `op` has a shape rule. The struct `op` must
 * outlive the graph's nodes. */
RG_API rg_node *rg_apply(rg_graph *graph, const rg_operator *op, rg_node *const *operands,
                         int n_operands, const void *attributes, size_t attributes_size);

/* For the callbacks of an operator; a shape rule that needs operands checks that they are there. */
RG_API const rg_tensor *rg_operand(const rg_node *out, int i); /* NULL where it is absent */
RG_API void *rg_operand_grad(rg_node *out, int i); /* zeroed at first use; NULL: not wanted */
RG_API const void *rg_attributes(const rg_node *out);
RG_API void *rg_output_data(rg_node *out);
RG_API const void *rg_output_grad(const rg_node *out);
RG_API rg_graph *rg_node_graph(const rg_node *node);
RG_API void rg_set_shape(rg_node *out, rg_dtype dtype, int ndim, const int64_t *dims);

/* Memory of the graph until its reset, not zeroed; aligned to 64 bytes, and to 16 where it has less
 * than 64; NULL (and the graph's error) when it cannot be had. */
RG_API void *rg_graph_alloc(rg_graph *graph, size_t size);

/* Keeps a pointer for backward, and gives it back. */
RG_API void rg_set_saved(rg_node *out, void *saved);
RG_API void *rg_saved(const rg_node *out);

/* Records the first error of the graph, prefixed with the operator's name; returns false. */
RG_API bool rg_reject(rg_node *out, const char *format, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;

/* ---- The gradient check --------------------------------------------------------------------- */

/* A function under test: builds its result from `inputs` in `graph`; NULL on failure. It must
 * compute the same thing each time it is called. */
typedef rg_node *rg_function(rg_graph *graph, rg_node *const *inputs, void *user);

typedef struct rg_gradcheck_options {
    double step;   /* h = step * max(1, |x|) of the central difference; default 6e-6 */
    double rtol;   /* default 1e-6 */
    double atol;   /* default 1e-8: passes where |a - n| <= atol + rtol |n| */
    uint64_t seed; /* of the random cotangent and of the pre-filled gradients; default 1 */
    /* Default 3e-6: f32 passes where it differs from f64 by at most 1.2e-7 +
     * rtol_f32 (|n| + the largest |n| of that input); 0: f32 is not checked. */
    double rtol_f32;
} rg_gradcheck_options;

typedef struct rg_gradcheck_report {
    bool passed;
    int input;       /* of the first finding; -1: none, or it is about the value in f32 */
    int64_t element; /* row-major; -1: the finding is about the whole input */
    double analytic; /* what backward says there */
    double numeric;  /* what the central difference says */
    double worst;    /* the largest |a - n| / (atol + rtol |n|) over all elements */
    int64_t n_elements;
    uint32_t vacuous;  /* bit i: the gradient of input i is all zero: nothing was tested there;
                          a warning in the message, not a finding */
    bool checked_f32;  /* f32 was compared with f64; otherwise the message says why it was not */
    double worst_f32;  /* the largest difference as a part of what rtol_f32 allows */
    char message[256]; /* one sentence: what was found, or "passed: ..." */
} rg_gradcheck_report;

/* The criterion of docs/gradient-check.md. */
RG_API rg_gradcheck_options rg_gradcheck_options_default(void);

/* Compares backward with central differences in float64, element by element, under a random
 * cotangent; also checks that gradients are added to what was there, that inputs are left
 * unchanged, and that a second run gives the same bits. Then all of it but the differences is done
 * again with inputs in f32, and value and gradients are compared with those in f64; that is left
 * out when the function fails in f32 (a kernel is missing, or it makes f64 nodes of its own). At a
 * finding where one-sided differences disagree the message mentions a kink. `inputs`: f64 tensors,
 * the caller's; an input of another dtype is handed on as a leaf and not differentiated. Returns
 * RG_OK when the check could run, whatever it found; otherwise the function's own error. */
RG_API rg_status rg_gradcheck(rg_context *ctx, rg_function *function, void *user,
                              const rg_tensor *inputs, int n_inputs,
                              const rg_gradcheck_options *options, rg_gradcheck_report *report);

#ifdef __cplusplus
}
#endif
#endif

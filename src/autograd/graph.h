/* graph.h (internal): the structs of a graph and of a node. */
#ifndef RG_AUTOGRAD_GRAPH_H
#define RG_AUTOGRAD_GRAPH_H

#include "base/arena.h"

#include <rankgrad/autograd.h>

/* A debug build alternates between two arenas, so that the nodes from before the last reset are not
 * overwritten and their use is detected. With one arena a new node often has the address of an old
 * one. */
#ifdef NDEBUG
enum { RG__N_ARENAS = 1 };
#else
enum { RG__N_ARENAS = 2 };
#endif

struct rg_graph {
    rg_context *ctx;
    struct rg__arena arenas[RG__N_ARENAS]; /* nodes, values, gradients, saved buffers */
    int64_t generation;                    /* the number of resets so far */
    rg_node *last;                         /* the end of the tape */
    int64_t n_passes;                      /* the number of backward passes so far */
    rg_graph *region;                      /* of ops/recompute.c; NULL: not created yet */
    bool no_gradients;                     /* new nodes require none */
    bool finds_anomalies;
    bool selective;   /* this backward pass is for selected nodes only */
    rg_status status; /* of the first error */
    char error[512];
};

enum { RG__TYPE_OF_OUTPUT = -1 /* as kernel_type: that of the output, which is not yet known */ };
enum { RG__ACCUMULATED = -1 /* as grad_pass: the gradient of a leaf, which all passes add to */ };

struct rg_node {
    rg_tensor value;
    void *grad;         /* same shape and type as the value; NULL: not allocated yet */
    bool requires_grad; /* it is a variable or depends on one */
    bool selected;      /* of a selective pass: it leads to a node whose gradient is wanted */
    int kernel_type;    /* the rg_dtype that the operator computes in */
    int n_operands;
    int64_t grad_pass; /* the backward pass, from 1, that computed grad, or RG__ACCUMULATED; 0: no
                          pass yet */
    rg_node **operands;
    const rg_operator *op;    /* NULL: a leaf */
    const rg_selection *rows; /* of a leaf of rows; value.data is NULL until they are gathered */
    void *attributes;
    void *saved;
    rg_hook_function *hook; /* NULL: none */
    void *hook_user;
    rg_graph *graph;
    int64_t generation; /* of the graph when the node was created */
    rg_node *previous;  /* on the tape */
};

/* Whether a node may be used in a graph: it was created there, after the last reset. */
static inline bool rg__belongs_to(const rg_node *node, const rg_graph *graph)
{
    return node->graph == graph && node->generation == graph->generation;
}

/* Whether a node has a gradient of the last backward pass or, a leaf, of any. */
static inline bool rg__has_grad(const rg_node *node)
{
    return node->grad_pass == RG__ACCUMULATED ||
           (node->grad_pass > 0 && node->grad_pass == node->graph->n_passes);
}

/* The gradient of a node in this backward pass, allocated and zeroed on first use. */
void *rg__grad_of(rg_node *node);

/* An error of the graph if the value of a new node, or a gradient that its backward made, is not
 * finite. */
void rg__find_anomaly(rg_node *node);
void rg__find_grad_anomaly(rg_node *node);

#endif

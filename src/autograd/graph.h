/* graph.h (internal): what a graph and a node are. */
#ifndef RG_AUTOGRAD_GRAPH_H
#define RG_AUTOGRAD_GRAPH_H

#include "base/arena.h"

#include <rankgrad/autograd.h>

/* A debug build alternates between two arenas, so that the nodes of the generation before stay as
 * they were and their use is noticed. Otherwise a new node often has the address of an old one. */
#ifdef NDEBUG
enum { RG__N_ARENAS = 1 };
#else
enum { RG__N_ARENAS = 2 };
#endif

struct rg_graph {
    rg_context *ctx;
    struct rg__arena arenas[RG__N_ARENAS]; /* nodes, values, gradients, saved buffers */
    int64_t generation;                    /* resets so far */
    rg_node *last;                         /* the end of the tape */
    int64_t sweep;                         /* backwards so far */
    rg_status status;                      /* of the first error */
    char error[512];
};

enum { RG__BY_OUTPUT = -1 /* of kernel: decided by the output's type, once that is known */ };
enum { RG__KEPT = -1 /* a leaf's gradient, which all backwards add to */ };

struct rg_node {
    rg_tensor value;
    void *grad;      /* as the value; NULL: not made yet */
    bool wants_grad; /* a variable is among its ancestors, or it is one */
    int kernel;      /* the type that the operator computes in, an rg_dtype */
    int n_operands;
    int64_t swept; /* the backward that grad is of, counted from 1; or RG__KEPT; 0: none */
    rg_node **operands;
    const rg_operator *op;    /* NULL: a leaf */
    const rg_selection *rows; /* of a leaf whose rows lie elsewhere; value.data: once gathered */
    void *attributes;
    void *saved;
    rg_graph *graph;
    int64_t generation; /* of the graph when the node was made */
    rg_node *previous;  /* the tape: the node made before this one */
};

#endif

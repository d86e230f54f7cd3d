/* graph.h (internal): what a graph and a node are. */
#ifndef RG_AUTOGRAD_GRAPH_H
#define RG_AUTOGRAD_GRAPH_H

#include "base/arena.h"

#include <rankgrad/autograd.h>

struct rg_graph {
    rg_context *ctx;
    struct rg__arena arena; /* nodes, values, gradients, saved buffers */
    rg_node *last;          /* the end of the tape */
    rg_status status;       /* of the first error */
    char error[512];
};

struct rg_node {
    rg_tensor value;
    void *grad;      /* as the value; NULL: not made yet */
    bool wants_grad; /* a variable is among its ancestors, or it is one */
    bool has_grad;   /* grad is in use: zeroed, or the caller's */
    int n_operands;
    rg_node **operands;
    const rg_operator *op;    /* NULL: a leaf */
    const rg_selection *rows; /* of a leaf whose rows lie elsewhere; value.data: once gathered */
    void *attributes;
    void *saved;
    rg_graph *graph;
    rg_node *previous; /* the tape: the node made before this one */
};

#endif

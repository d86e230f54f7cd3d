/* losses.h (internal): what a ranking loss is, and everything that is differentiable. */
#ifndef RG_LOSS_LOSSES_H
#define RG_LOSS_LOSSES_H

#include "autograd/builtin.h"

#include <rankgrad/loss.h>

/* Memory that the frame (lists.c) gives to the functions of one list. */
struct rg__workspace {
    int scratch; /* numbers of the loss's type for each item, during one call */
    int kept;    /* the same, from forward to backward */
    int state;   /* doubles for each list, from forward to backward */
};

struct rg__loss {
    rg_component component; /* first, so that a pointer to it is a pointer to this */
    rg_loss_properties properties;
    /* Changes the properties that depend on parameters; NULL: none does. */
    void (*adjust)(const void *params, rg_loss_properties *properties);
    struct rg__workspace workspace;
    /* Takes back what is not needed with these parameters, with or without weights; may be NULL. */
    void (*spare)(const void *params, bool weighted, struct rg__workspace *workspace);
    const struct rg__builtin *builtin; /* its operator */
};

/* Applies a loss with its options, the caller's reduction included. */
rg_node *rg__apply_loss(rg_graph *graph, const struct rg__loss *loss, rg_node *logits,
                        rg_node *labels, const rg_loss_options *options);

/* The shape rule of all losses. */
bool rg__loss_shape(rg_node *y);

/* The i-th of all built-in operators and losses; NULL past the last. */
const struct rg__builtin *rg__builtin_at(int i);

#endif

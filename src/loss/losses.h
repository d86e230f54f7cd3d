/* losses.h (internal): what a built-in ranking loss has beside rg_loss, and everything that is
 * differentiable. */
#ifndef RG_LOSS_LOSSES_H
#define RG_LOSS_LOSSES_H

#include "autograd/builtin.h"

#include <rankgrad/loss.h>

struct rg_builtin_loss {
    const struct rg__builtin *op; /* its operator, in f32 and f64, with samples */
    /* Takes back what is not needed with these parameters, with or without weights; may be NULL. */
    void (*spare)(const void *params, bool weighted, rg_workspace *workspace);
};

/* Applies a loss with its options, the caller's reduction included. */
rg_node *rg__apply_loss(rg_graph *graph, const rg_loss *loss, rg_node *logits, rg_node *labels,
                        const rg_loss_options *options);

/* The shape rule of all losses. */
bool rg__loss_shape(rg_node *y);

/* The kernels and workspace of a loss of the caller's own (own.c). */
void rg__own_loss_forward_f32(rg_node *y);
void rg__own_loss_forward_f64(rg_node *y);
void rg__own_loss_backward_f32(rg_node *y);
void rg__own_loss_backward_f64(rg_node *y);
rg_workspace rg__own_loss_workspace(const rg_loss *loss, rg_dtype dtype);

/* The i-th of all built-in operators and losses; NULL past the last. */
const struct rg__builtin *rg__builtin_at(int i);

#endif

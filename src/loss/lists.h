/* lists.h (internal; for files compiled twice): the interface between a loss and its operands.
 *
 * A loss is two functions of one list whose items are all valid. lists.c does the rest:
 * broadcasting and conversion of labels, where and weights; flat and padded layouts; compaction of
 * the valid items, so that both layouts give the same bits; reduction; and the gradients of all
 * that.
 *
 *     logits (.., n) or (N), offsets          per list, compacted
 *     labels, weights: broadcast, cast   -->  s[n] y[n] w[n]   -->  forward: its loss
 *     where: which items are valid            ds[n] dy[n] dw[n] <-- backward
 *
 * Most losses are written in double (rg_list in rankgrad/loss.h). A loss whose speed in f32 matters
 * includes this header, is compiled twice, and uses RG__LOSS_KERNELS and RG__LOSS_OPERATOR. */
#ifndef RG_LOSS_LISTS_H
#define RG_LOSS_LISTS_H

#include "autograd/op.h"
#include "base/component.h"
#include "loss/losses.h"
#include "tensor/vector.h"

#include <rankgrad/loss.h>

/* One list of n > 0 valid items, with the workspace of the loss. */
struct F(rg__list) {
    int64_t n, columns;
    const real *s; /* logits (n, columns) */
    const real *y; /* labels */
    const real *w; /* weights; NULL: all 1 */
    const rg_loss *loss;
    const void *params; /* the loss's struct of parameters */
    real *scratch;      /* (workspace.scratch, n), valid during one call */
    real *kept;         /* (workspace.kept, n), kept for backward */
    double *state;      /* (workspace.state), kept for backward */
    real *square;       /* (workspace.square, n, n), valid during one call */
    const int64_t *ids; /* of the items; NULL unless the loss is random */
    uint64_t draw;
    double list_weight;
    const int64_t *positions; /* as in rg_list */
    const rg_position_bias *bias;
    const struct F(rg__vector) * vector;
    rg_context *ctx;
    bool logits_only;   /* neither labels nor weights get a gradient */
    real *ds, *dy, *dw; /* gradients, to be added to; NULL: not required */
};

typedef double F(rg__list_forward)(struct F(rg__list) * list);
typedef void F(rg__list_backward)(struct F(rg__list) * list, double upstream);

/* Forward and backward of a loss node from the functions of one list. */
void F(rg__lists_forward)(rg_node *y, F(rg__list_forward) * forward);
void F(rg__lists_backward)(rg_node *y, F(rg__list_backward) * backward);

/* clang-format off */
/* Defines the kernels of loss `id` from its functions of one list. */
#define RG__LOSS_KERNELS(id, forward, backward)                                                    \
    void rg__##id##_forward_f32(rg_node *y);                                                       \
    void rg__##id##_forward_f64(rg_node *y);                                                       \
    void rg__##id##_backward_f32(rg_node *y);                                                      \
    void rg__##id##_backward_f64(rg_node *y);                                                      \
    void F(rg__##id##_forward)(rg_node *y) { F(rg__lists_forward)(y, forward); }                   \
    void F(rg__##id##_backward)(rg_node *y) { F(rg__lists_backward)(y, backward); }

/* The operator of loss `id`; for use under RG__ONCE. */
#define RG__LOSS_OPERATOR(id)                                                                      \
    {.name = #id,                                                                                  \
     .shape = rg__loss_shape,                                                                      \
     .forward = {rg__##id##_forward_f32, rg__##id##_forward_f64},                                  \
     .backward = {rg__##id##_backward_f32, rg__##id##_backward_f64},                               \
     RG__LOSS_OPERANDS}

/* Flags of the operands of all losses: logits, labels, weights, where, list weights. */
#define RG__LOSS_OPERANDS                                                                          \
    .operands = {0, RG_OPERAND_ANY_TYPE, RG_OPERAND_ANY_TYPE | RG_OPERAND_OPTIONAL,                \
                 RG_OPERAND_ANY_TYPE | RG_OPERAND_OPTIONAL}
/* clang-format on */

#endif

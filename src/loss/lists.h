/* lists.h (internal; for files compiled twice): how a ranking loss is written.
 *
 * A loss is two functions of one list whose items are all valid. Everything around them is done
 * here once: broadcasting and casting of labels, where and weights; flat and padded lists;
 * compaction of the valid items, which makes both give the same bits; reduction; and carrying
 * gradients back through all of that.
 *
 *     logits (.., n) or (N), offsets          per list, compacted
 *     labels, weights: broadcast, cast   -->  s[n] y[n] w[n]   -->  forward: its loss
 *     where: which items are valid            ds[n] dy[n] dw[n] <-- backward
 *
 * Most losses are written in double (rg_list in rankgrad/loss.h). One whose speed matters in f32
 * includes this header, is compiled twice, and has RG__LOSS_KERNELS, RG__LOSS_OPERATOR. */
#ifndef RG_LOSS_LISTS_H
#define RG_LOSS_LISTS_H

#include "autograd/op.h"
#include "base/component.h"
#include "loss/losses.h"
#include "tensor/vector.h"

#include <rankgrad/loss.h>

/* One list, n > 0 valid items, and the workspace that the loss asked for (losses.h). */
struct F(rg__list) {
    int64_t n;
    const real *s; /* logits */
    const real *y; /* labels */
    const real *w; /* weights; NULL: all 1 */
    const rg_loss *loss;
    const void *params; /* the loss's struct of parameters */
    real *scratch;      /* n numbers for each of workspace.scratch */
    real *kept;         /* n numbers for each of workspace.kept, from forward to backward */
    double *state;      /* workspace.state numbers, from forward to backward */
    const struct F(rg__vector) * vector;
    real *ds, *dy, *dw; /* backward adds here; NULL: not wanted */
};

typedef double F(rg__list_forward)(struct F(rg__list) * list);
typedef void F(rg__list_backward)(struct F(rg__list) * list, double upstream);

/* The two kernels of an operator, from those of its lists. */
void F(rg__lists_forward)(rg_node *y, F(rg__list_forward) * forward);
void F(rg__lists_backward)(rg_node *y, F(rg__list_backward) * backward);

/* clang-format off */
/* The kernels of loss `id` from its functions of one list. */
#define RG__LOSS_KERNELS(id, forward, backward)                                                    \
    void rg__##id##_forward_f32(rg_node *y);                                                       \
    void rg__##id##_forward_f64(rg_node *y);                                                       \
    void rg__##id##_backward_f32(rg_node *y);                                                      \
    void rg__##id##_backward_f64(rg_node *y);                                                      \
    void F(rg__##id##_forward)(rg_node *y) { F(rg__lists_forward)(y, forward); }                   \
    void F(rg__##id##_backward)(rg_node *y) { F(rg__lists_backward)(y, backward); }

/* The operator of loss `id` from the kernels of both precisions; stands in the second one. */
#define RG__LOSS_OPERATOR(id)                                                                      \
    {.name = #id,                                                                                  \
     .shape = rg__loss_shape,                                                                      \
     .forward = {rg__##id##_forward_f32, rg__##id##_forward_f64},                                  \
     .backward = {rg__##id##_backward_f32, rg__##id##_backward_f64},                               \
     RG__LOSS_OPERANDS}

/* The operands of all losses: logits, labels, weights, where, list weights. */
#define RG__LOSS_OPERANDS                                                                          \
    .operands = {0, RG_OPERAND_ANY_TYPE, RG_OPERAND_ANY_TYPE | RG_OPERAND_OPTIONAL,                \
                 RG_OPERAND_ANY_TYPE | RG_OPERAND_OPTIONAL}
/* clang-format on */

#endif

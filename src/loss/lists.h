/* lists.h (internal; for files compiled twice): what every ranking loss shares.
 *
 * The one idea: a loss is two functions of one list whose items are all valid. Everything around
 * them is done here once: broadcasting and casting of labels, where and weights; flat and padded
 * lists; compaction of the valid items, which makes both the same bits; reduction; and carrying
 * gradients back through all of that.
 *
 *     logits (.., n) or (N), offsets          per list, compacted
 *     labels, weights: broadcast, cast   -->  s[n] y[n] w[n]   -->  forward: its loss
 *     where: tells the valid items            ds[n] dy[n] dw[n] <-- backward
 */
#ifndef RG_LOSS_LISTS_H
#define RG_LOSS_LISTS_H

#include "autograd/op.h"
#include "tensor/vector.h"

#include <rankgrad/loss.h>

enum { RG__LIST_STATE = 5 };

/* One list, n > 0 valid items. */
struct F(rg__list) {
    int64_t n;
    const real *s; /* logits */
    const real *y; /* labels */
    const real *w; /* weights; NULL: all 1 */
    real *scratch; /* n numbers for the kernel's own use */
    real *kept;    /* n numbers from forward for backward; NULL: compute them again */
    const struct F(rg__vector) *vector;
    double *state; /* RG__LIST_STATE numbers, kept from forward to backward */
    rg_label_mode label_mode;
    real *ds, *dy, *dw; /* backward adds here; NULL: not wanted */
};

typedef double F(rg__list_forward)(struct F(rg__list) *list);
typedef void F(rg__list_backward)(struct F(rg__list) *list, double upstream);

/* The two kernels of an operator, from those of its lists. */
void F(rg__lists_forward)(rg_node *y, F(rg__list_forward) * forward);
void F(rg__lists_backward)(rg_node *y, F(rg__list_backward) * backward);

/* The operator of a loss: applies it with its options, the caller's reduction included. */
rg_node *rg__apply_loss(rg_graph *graph, const rg_operator *op, rg_node *logits, rg_node *labels,
                        const rg_loss_options *options);

/* The operands of all losses: logits, labels, weights, where, list weights; a field of
 * rg_operator. */
#define RG__LOSS_OPERANDS                                                                          \
    .operands = {0, RG_OPERAND_ANY_TYPE, RG_OPERAND_ANY_TYPE | RG_OPERAND_OPTIONAL,                \
                 RG_OPERAND_ANY_TYPE | RG_OPERAND_OPTIONAL}

/* The shape rule of all losses. */
bool rg__loss_shape(rg_node *y);

#endif

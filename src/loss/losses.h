/* losses.h (internal): the operators that losses become, and the samples of their tests. */
#ifndef RG_LOSS_LOSSES_H
#define RG_LOSS_LOSSES_H

#include "autograd/builtin.h"
#include "ranking/order.h"

#include <rankgrad/loss.h>

/* The lines of losses.def. */
#define RG_LOSS(id, passes) extern const rg_loss rg__loss_##id;
#include "loss/losses.def"
#undef RG_LOSS

/* What a loss has that is written for f32 and f64 instead of for double. */
struct rg_loss_kernels {
    rg_operator op;
    /* Takes back what is not needed with these parameters, with or without weights; may be NULL. */
    void (*spare)(const void *params, bool weighted, rg_workspace *workspace);
};

/* What a list of n > 0 valid items adds to the divisor of the mean; for RG_UNIT_PAIRS from its
 * labels in `items`, which are then sorted and have room for n / 2 more. */
double rg__loss_units(rg_loss_unit unit, int64_t n, struct rg__item *items);

/* Applies a loss with its options, the caller's reduction included. */
rg_node *rg__apply_loss(rg_graph *graph, const rg_loss *loss, rg_node *logits, rg_node *labels,
                        const rg_loss_options *options);

/* The shape rule of all losses. */
bool rg__loss_shape(rg_node *y);

/* The kernels and workspace of a loss whose functions see doubles (in_double.c). */
void rg__loss_in_double_forward_f32(rg_node *y);
void rg__loss_in_double_forward_f64(rg_node *y);
void rg__loss_in_double_backward_f32(rg_node *y);
void rg__loss_in_double_backward_f64(rg_node *y);
rg_workspace rg__loss_in_double_workspace(const rg_loss *loss, rg_dtype dtype);

/* Walks over the samples of all built-in operators, then of all losses with each value of their
 * parameters that are names. Start with zeros. */
struct rg__sampling {
    int item, variant, sample;
    rg_choice choice; /* of the loss */
    const char *name; /* of the operator or loss */
    char what[96];    /* the sample's, and which parameter is not the default */
};

/* The next sample; false past the last. It lives as long as `sampling`. */
bool rg__next_sample(rg_context *ctx, struct rg__sampling *sampling, struct rg__sample *sample);

#endif

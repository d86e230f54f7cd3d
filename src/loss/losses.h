/* losses.h (internal): losses as operators, and the samples for their tests. */
#ifndef RG_LOSS_LOSSES_H
#define RG_LOSS_LOSSES_H

#include "autograd/builtin.h"
#include "ranking/order.h"

#include <rankgrad/loss.h>

/* The lines of losses.def. */
#define RG_LOSS(id, passes) extern const rg_loss rg__loss_##id;
#define RG_LOSS_ALIAS(name, text)
#include "loss/losses.def"
#undef RG_LOSS
#undef RG_LOSS_ALIAS

/* The operator of a loss that is compiled for f32 and f64. */
struct rg_loss_kernels {
    rg_operator op;
};

/* The units of a list of n > 0 valid items. For RG_UNIT_PAIRS, `items` has their labels and room
 * for n / 2 more items; it is sorted. */
double rg__loss_units(rg_loss_unit unit, int64_t n, struct rg__item *items);

/* Applies a loss with its options, including a custom reduction. */
rg_node *rg__apply_loss(rg_graph *graph, const rg_loss *loss, rg_node *logits, rg_node *labels,
                        const rg_loss_options *options);

/* The shape rule of all losses. */
bool rg__loss_shape(rg_node *y);

/* Kernels and workspace of losses that are written in double (in_double.c). */
void rg__loss_in_double_forward_f32(rg_node *y);
void rg__loss_in_double_forward_f64(rg_node *y);
void rg__loss_in_double_backward_f32(rg_node *y);
void rg__loss_in_double_backward_f64(rg_node *y);
rg_workspace rg__loss_in_double_workspace(const rg_workspace *own, rg_dtype dtype, int64_t columns);

/* Iterates over the samples of all built-in operators, then of all losses with each value of their
 * RG_PARAM_NAME parameters. Start with zeros. */
struct rg__sampling {
    int item, variant, sample;
    rg_choice choice; /* of the loss */
    const char *name; /* of the operator or loss */
    char what[96];    /* the name of the sample, and the parameter that is not the default */
};

/* The next sample, valid until the next call; false past the last. */
bool rg__next_sample(rg_context *ctx, struct rg__sampling *sampling, struct rg__sample *sample);

#endif

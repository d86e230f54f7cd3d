/* labels.h (internal): whether labels and weights can be trained on. */
#ifndef RG_TRAIN_LABELS_H
#define RG_TRAIN_LABELS_H

#include "base/base.h"

#include <rankgrad/train.h>

/* The largest label, item weight or product of both that training in a type takes. Losses are sums
 * of them times log-probabilities, which must not overflow either. */
double rg__most_label(rg_dtype dtype);

/* What a training asks of labels. */
struct rg__label_rules {
    rg_dtype dtype; /* that it computes in */
    rg_negative_labels negative;
    const char *loss; /* its name and parameters */
    rg_loss_properties properties;
};

/* RG_BAD_DATA names the first row or list whose label or weight is not finite; with rules, also one
 * that is too large for the type, or that is negative where the loss would then have no lower
 * bound. Weights are never negative. */
rg_status rg__check_labels(rg_context *ctx, const rg_split *split, const char *what,
                           const struct rg__label_rules *rules);

/* RG_BAD_DATA unless some list has two rows that differ both in label (times weight) and in a
 * feature; says what the lists have instead. Stops at the first such list; reads features only of
 * lists whose labels differ. The split is sound and has labels. */
rg_status rg__check_learnable(rg_context *ctx, const rg_split *split,
                              const struct rg__label_rules *rules);

#endif

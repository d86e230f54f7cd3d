/* calibrated_softmax: softmax cross entropy with an anchor, an item of score 0 and label y_0 that
 * every list has besides its own (Yan et al. 2022, Scale Calibration of Deep Ranking Models).
 *
 *     z_k = y_k w_k,    S = 1 + sum_j exp(s_j)
 *     L = sum_k z_k (log S - s_k) + y_0 log S
 *
 * At the minimum exp(s_k) = z_k / y_0: the anchor fixes the scale of the scores, which a softmax
 * alone leaves free, so the loss is not shift invariant. With y_0 = 0 it is a softmax in which an
 * irrelevant item of score 0 competes.
 *
 * Gradient. From d log S / ds_k = p_k = exp(s_k) / S, with Z = y_0 + sum z:
 *
 *     dL/ds_k = Z p_k - z_k     dL/dy_k = w_k (log S - s_k)     dL/dw_k = y_k (log S - s_k)
 *
 * Numerics: relative to m = max(0, max s). Corners. Labels of 0 leave y_0 log S: the scores are
 * pushed down. z_k = 0 at a logit of -inf adds nothing. With all logits at -inf there still is a
 * distribution, all of it on the anchor: the loss is 0 where z is 0, else +inf. */
#define RG_REAL 64
#include "loss/parts.h"
#include "tensor/elementary.h"

#include <math.h>

struct calibrated_softmax {
    double anchor;
};

static double forward(rg_list *list)
{
    double total = ((const struct calibrated_softmax *)list->params)->anchor, loss = 0;
    struct rg__kept grad = rg__kept_zeros(list);
    double max = fmax(rg__max_of(list->ctx, list->logits, list->n), 0);
    rg__exp_of(list->ctx, list->logits, list->n, max, list->scratch);
    double sum = exp(-max) + rg__sum_of(list->ctx, list->scratch, list->n);
    const struct rg__softmax own = {max, log(sum)};
    loss = rg__times(total, rg__surprise(&own, 0));
    double *p = list->scratch, *z = p + list->n, *l = z + list->n, *term = l + list->n;
    for (int64_t k = 0; k < list->n; k++) {
        z[k] = list->labels[k] * list->weights[k];
        l[k] = rg__surprise(&own, list->logits[k]);
        term[k] = rg__times(z[k], l[k]);
    }
    loss += rg__sum_of(list->ctx, term, list->n);
    total += rg__sum_of(list->ctx, z, list->n);
    for (int64_t k = 0; k < list->n; k++)
        grad.logits[k] = total / sum * p[k] - z[k];
    rg__kept_products(list, l, &grad);
    return loss;
}

static const rg_param params[] = {
    RG__REAL(struct calibrated_softmax, anchor, 1, 0, 1e6,
             .help = "Label y_0 of the anchor, an item of score 0 that every list has"),
};

const rg_loss rg__loss_calibrated_softmax = {
    .component = {.name = "calibrated_softmax",
                  .formula = "L = sum_k z_k (log S - s_k) + anchor log S, z = labels * weights, "
                             "S = 1 + sum_j exp(s_j)",
                  RG__PARAMS(struct calibrated_softmax, params)},
    .properties = {.needs_nonnegative_labels = true, .unit = RG_UNIT_LISTS},
    .workspace = {.scratch = 4, .kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

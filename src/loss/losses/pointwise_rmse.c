/* pointwise_rmse: the root of the mean squared error of a list, as allRank's pointwise_rmse.
 *
 *     d_k = s_k levels - y_k,    L = sqrt(sum_k w_k d_k^2 / n)
 *
 * n is the number of valid items, without weights. allRank multiplies the scores, which come from a
 * sigmoid there, by the number of levels of the labels (no_of_levels); here levels is 1 by default.
 * The mean is over lists, so a short list counts like a long one.
 *
 *     dL/ds_k = w_k d_k levels / (n L)    dL/dy_k = -w_k d_k / (n L)    dL/dw_k = d_k^2 / (2 n L)
 *
 * At L = 0 the root has no slope; all gradients are 0 there (allRank: NaN). d is divided by its
 * largest magnitude before it is squared, so that no finite score overflows. A logit of -inf makes
 * the loss +inf; its own slope is then inf / inf, NaN, and those of finite items are 0. */
#include "loss/parts.h"
#include "tensor/elementary.h"

#include <math.h>

struct pointwise_rmse {
    double levels;
};

static double levels_of(const rg_list *list)
{
    return ((const struct pointwise_rmse *)list->params)->levels;
}

static double error(const rg_list *list, int64_t k)
{
    return list->logits[k] * levels_of(list) - list->labels[k];
}

static double forward(rg_list *list)
{
    double largest = 0, *term = list->scratch;
    for (int64_t k = 0; k < list->n; k++)
        largest = fmax(largest, fabs(error(list, k)));
    *list->state = largest;
    if (largest == 0 || isinf(largest))
        return largest;
    for (int64_t k = 0; k < list->n; k++) {
        double d = error(list, k) / largest;
        term[k] = list->weights[k] * d * d;
    }
    *list->state = largest * sqrt(rg__sum_of(list->ctx, term, list->n) / (double)list->n);
    return *list->state;
}

static void backward(rg_list *list, double upstream)
{
    double loss = *list->state;
    for (int64_t k = 0; k < list->n && loss != 0; k++) {
        double d = error(list, k), slope = upstream * (d / loss) / (double)list->n;
        if (list->grad_logits)
            list->grad_logits[k] += list->weights[k] * slope * levels_of(list);
        if (list->grad_labels)
            list->grad_labels[k] -= list->weights[k] * slope;
        if (list->grad_weights)
            list->grad_weights[k] += slope * d / 2;
    }
}

static const rg_param params[] = {
    RG__REAL(struct pointwise_rmse, levels, 1, 0, 1e6, .above = true,
             .help = "Factor of the scores (allRank: the number of levels of the labels)"),
};

const rg_loss rg__loss_pointwise_rmse = {
    .component = {.name = "pointwise_rmse",
                  .formula = "L = sqrt(sum_k w_k (levels s_k - y_k)^2 / n)",
                  RG__PARAMS(struct pointwise_rmse, params)},
    .properties = {.unit = RG_UNIT_LISTS},
    .workspace = {.scratch = 1, .state = 1},
    .forward = forward,
    .backward = backward};

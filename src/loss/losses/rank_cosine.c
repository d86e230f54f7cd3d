/* rank_cosine: the angle between scores and labels (RankCosine, Qin et al. 2008).
 *
 *     a = sum w y s,    b = sum w y^2,    c = sum w s^2
 *     L = (1 - r) / 2,    r = a / sqrt(b c), the cosine
 *
 * L lies between 0 and 1 and does not change when scores are multiplied by a positive number; it
 * does when a constant is added. PTRanking's rankCosine divides by 1/2 instead, four times this.
 * Weights belong to the inner products: an item of weight 2 counts like the same item twice.
 *
 * Gradient. dr/ds_k = w_k (y_k / sqrt(b c) - r s_k / c), and the same with y and s exchanged:
 *
 *     dL/ds_k = -w_k (y_k / sqrt(b c) - r s_k / c) / 2
 *     dL/dy_k = -w_k (s_k / sqrt(b c) - r y_k / b) / 2
 *     dL/dw_k = -(y_k s_k / sqrt(b c) - r (y_k^2 / b + s_k^2 / c) / 2) / 2
 *
 * Corners. Labels of 0 have no direction: r = 0, L = 1/2 and no gradient. Scores of 0, where
 * training begins, have none either: r = 0, L = 1/2, and the gradient is that towards the labels at
 * length 1, dL/ds_k = -w_k y_k / (2 sqrt b). A logit of -inf: NaN.
 *
 * Numerics: scores and labels are divided by their largest magnitude first, which changes no angle,
 * so that no square overflows. */
#include "loss/parts.h"

#include <math.h>

static double largest(const double *x, int64_t n)
{
    double most = 0;
    for (int64_t k = 0; k < n; k++)
        most = fmax(most, fabs(x[k]));
    return most;
}

static double forward(rg_list *list)
{
    struct rg__kept grad = rg__kept_zeros(list);
    double s_unit = largest(list->logits, list->n), y_unit = largest(list->labels, list->n);
    double a = 0, b = 0, c = 0;
    if (y_unit == 0)
        return 0.5;
    for (int64_t k = 0; k < list->n; k++) {
        double s = s_unit > 0 ? list->logits[k] / s_unit : 0, y = list->labels[k] / y_unit;
        a += list->weights[k] * y * s;
        b += list->weights[k] * y * y;
        c += list->weights[k] * s * s;
    }
    if (b == 0)
        return 0.5;
    if (c == 0) {
        for (int64_t k = 0; k < list->n; k++)
            grad.logits[k] = -list->weights[k] * list->labels[k] / y_unit / sqrt(b) / 2;
        return 0.5;
    }
    double length = sqrt(b) * sqrt(c), r = a / length;
    for (int64_t k = 0; k < list->n; k++) {
        double s = list->logits[k] / s_unit, y = list->labels[k] / y_unit, w = list->weights[k];
        grad.logits[k] = -w * (y / length - r * s / c) / 2 / s_unit;
        grad.labels[k] = -w * (s / length - r * y / b) / 2 / y_unit;
        grad.weights[k] = -(y * s / length - r * (y * y / b + s * s / c) / 2) / 2;
    }
    return (1 - r) / 2;
}

const rg_loss rg__loss_rank_cosine = {
    .component = {.name = "rank_cosine",
                  .formula = "L = (1 - sum w y s / sqrt(sum w y^2 sum w s^2)) / 2"},
    .properties = {.unit = RG_UNIT_LISTS},
    .workspace = {.kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

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
 * Numerics: scores and labels are multiplied by powers of two first, which changes no angle, so
 * that no square overflows. */
#define RG_REAL 64
#include "loss/parts.h"
#include "tensor/elementary.h"

#include <math.h>

/* A power of two that brings the largest magnitude of x to at most 1; 0 where all are 0, NaN where
 * one is infinite. */
static double scale_of(const rg_list *list, const double *x)
{
    double most = fmax(rg__max_of(list->ctx, x, list->n), 0);
    int exponent;
    for (int64_t k = 0; k < list->n; k++)
        most = -x[k] > most ? -x[k] : most;
    if (most == 0 || isinf(most))
        return most == 0 ? 0 : (double)NAN;
    frexp(most, &exponent);
    return ldexp(1, exponent < -1000 ? 1000 : -exponent);
}

static double forward(rg_list *list)
{
    struct rg__kept grad = rg__kept_zeros(list);
    double s_scale = scale_of(list, list->logits), y_scale = scale_of(list, list->labels);
    if (y_scale == 0)
        return 0.5;
    for (int64_t k = 0; k < list->n; k++) {
        double s = list->logits[k] * s_scale, y = list->labels[k] * y_scale, w = list->weights[k];
        grad.logits[k] = w * y * s; /* the terms of a, b and c, for now */
        grad.labels[k] = w * y * y;
        grad.weights[k] = w * s * s;
    }
    double a = rg__sum_of(list->ctx, grad.logits, list->n),
           b = rg__sum_of(list->ctx, grad.labels, list->n);
    double c = rg__sum_of(list->ctx, grad.weights, list->n), length = sqrt(b) * sqrt(c);
    if (b == 0 || c == 0) {
        rg__kept_zeros(list);
        for (int64_t k = 0; k < list->n && b != 0; k++)
            grad.logits[k] = -list->weights[k] * list->labels[k] * y_scale / sqrt(b) / 2;
        return 0.5;
    }
    double r = a / length, half = 1 / length / 2, by_b = r / b / 2, by_c = r / c / 2;
    for (int64_t k = 0; k < list->n; k++) {
        double s = list->logits[k] * s_scale, y = list->labels[k] * y_scale, w = list->weights[k];
        grad.logits[k] = -w * (y * half - s * by_c) * s_scale;
        grad.labels[k] = -w * (s * half - y * by_b) * y_scale;
        grad.weights[k] = -(y * s * half - (y * y * by_b + s * s * by_c) / 2);
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

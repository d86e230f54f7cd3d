/* gumbel_softmax: the mean of the softmax cross entropy over scores with Gumbel noise (Bruch et al.
 * 2020), as rax 0.4.0's gumbel_t12n(softmax_loss); the noise G: gumbel.h.
 *
 *     x_k = (s_k + beta G_k) / temperature,    p = softmax(x),    z_k = y_k w_k
 *     L = -(1/samples) sum_samples sum_k z_k log p_k
 *
 * Gradient, the mean over the samples of, with Z = sum z:
 *
 *     dL/ds_k = (Z p_k - z_k) / temperature      dL/dy_k = -w_k log p_k      dL/dw_k = -y_k log p_k
 *
 * Corners as ranking_softmax: z_k = 0 at a logit of -inf adds nothing, all logits at -inf give
 * NaN. */
#include "loss/gumbel.h"
#include "tensor/elementary.h"

static double forward(rg_list *list)
{
    const struct rg__gumbel *params = list->params;
    double *x = list->scratch, *p = x + list->n, *term = p + list->n, loss = 0;
    double part = 1 / (double)params->samples;
    struct rg__kept grad = rg__kept_zeros(list);
    for (int64_t k = 0; k < list->n; k++)
        term[k] = list->labels[k] * list->weights[k];
    double total = rg__sum_of(list->ctx, term, list->n);
    for (int64_t sample = 0; sample < params->samples; sample++) {
        rg__gumbel_scores(list, params, sample, x);
        for (int64_t k = 0; k < list->n; k++)
            x[k] /= params->temperature;
        struct rg__softmax softmax = rg__softmax(list->ctx, x, list->n, p);
        for (int64_t k = 0; k < list->n; k++) {
            double y = list->labels[k], w = list->weights[k];
            double l = part * rg__surprise(&softmax, x[k]);
            term[k] = rg__times(y * w, l);
            grad.logits[k] += part * (total * p[k] - y * w) / params->temperature;
            grad.labels[k] += rg__times(w, l);
            grad.weights[k] += rg__times(y, l);
        }
        loss += rg__sum_of(list->ctx, term, list->n);
    }
    return loss;
}

static const rg_param params[] = {RG__GUMBEL_PARAMS()};

const rg_loss rg__loss_gumbel_softmax = {
    .component = {.name = "gumbel_softmax",
                  .formula = "L = mean over samples of -sum_k y_k w_k log softmax((s + beta G) / "
                             "temperature)_k, G from Gumbel's distribution",
                  RG__PARAMS(struct rg__gumbel, params)},
    .properties = {.needs_nonnegative_labels = true,
                   .shift_invariant = true,
                   .scales_with_labels = true,
                   .random = true,
                   .unit = RG_UNIT_LISTS},
    .workspace = {.scratch = 3, .kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

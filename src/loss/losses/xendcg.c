/* xendcg: cross entropy against a random distribution of gains, whose mean bounds NDCG (XE-NDCG,
 * Bruch 2021, An Alternative Cross Entropy Loss for Learning-to-Rank), as LightGBM's rank_xendcg.
 *
 *     z_k = w_k (2^{y_k} - gamma_k),    gamma_k uniform in [0,1),    t = z / sum z
 *     L = -sum_k t_k log p_k,    p = softmax(s)
 *
 * gamma follows the item: it depends on seed, the item's id and the draw (in training: the step)
 * alone, so that neither the order of the lists nor the number of threads changes it.
 *
 * Gradient. As ranking_softmax with targets that sum to 1, gamma a constant; l_k = -log p_k:
 *
 *     dL/ds_k = p_k - t_k      dL/dz_k = (l_k - L) / sum z
 *     dL/dw_k = (2^{y_k} - gamma_k) dL/dz_k      dL/dy_k = w_k log(2) 2^{y_k} dL/dz_k
 *
 * LightGBM 4.7.0 adds terms of second and third order to the gradient, has one random stream for
 * each list, multiplies the gradient instead of z by the weights and rounds labels to integers.
 *
 * Corners. Labels of 0 still have random targets. z that sum to 0 (weights of 0) give 0. All logits
 * at -inf: NaN. A negative label can make z negative. */
#define RG_REAL 64
#include "loss/parts.h"
#include "tensor/elementary.h"

static const double LN_2 = 0.69314718055994530942;

struct xendcg {
    int64_t seed;
};

static double forward(rg_list *list)
{
    int64_t seed = ((const struct xendcg *)list->params)->seed;
    double *p = list->scratch, *gain = p + list->n, *power = gain + list->n,
           *term = power + list->n;
    struct rg__kept grad = rg__kept_zeros(list);
    struct rg__softmax softmax = rg__softmax(list->ctx, list->logits, list->n, p);
    rg__item_uniforms(list, seed, 0, gain);
    rg__exp2_of(list->ctx, list->labels, list->n, power);
    for (int64_t k = 0; k < list->n; k++) {
        gain[k] = power[k] - gain[k];
        term[k] = list->weights[k] * gain[k];
    }
    double total = rg__sum_of(list->ctx, term, list->n), share = 1 / total;
    if (total == 0)
        return 0;
    for (int64_t k = 0; k < list->n; k++)
        term[k] =
            rg__times(list->weights[k] * gain[k] * share, rg__surprise(&softmax, list->logits[k]));
    double loss = rg__sum_of(list->ctx, term, list->n);
    for (int64_t k = 0; k < list->n; k++) {
        double slope = (rg__surprise(&softmax, list->logits[k]) - loss) * share;
        grad.logits[k] = p[k] - list->weights[k] * gain[k] * share;
        grad.labels[k] = list->weights[k] * LN_2 * power[k] * slope;
        grad.weights[k] = gain[k] * slope;
    }
    return loss;
}

static const rg_param params[] = {
    RG__INTEGER(struct xendcg, seed, 0, 0, 9e15, .help = "Seed of the random numbers"),
};

const rg_loss rg__loss_xendcg = {
    .component = {.name = "xendcg",
                  .formula = "L = -sum_k t_k log softmax(s)_k, t ~ w_k (2^{y_k} - gamma_k), gamma "
                             "uniform in [0,1)",
                  RG__PARAMS(struct xendcg, params)},
    .properties = {.needs_nonnegative_labels = true,
                   .shift_invariant = true,
                   .random = true,
                   .most_label = 1023,
                   .unit = RG_UNIT_LISTS},
    .workspace = {.scratch = 4, .kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

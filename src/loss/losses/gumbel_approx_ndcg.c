/* gumbel_approx_ndcg: the mean of approx_ndcg over scores with Gumbel noise (Bruch et al. 2020), as
 * rax 0.4.0's gumbel_t12n(approx_t12n(ndcg_metric)).
 *
 *     x_k = s_k + beta G_k,    L = -1/samples sum_samples NDCG(soft ranks of x / temperature)
 *
 * The noise G: gumbel.h; the NDCG and its gradient: soft_ndcg.h. As dx_k/ds_k = 1, the gradient
 * is the mean of those of the samples. TF-Ranking 0.5.5 takes log(softmax(x / T) + 1e-20) as the
 * scores of approx_ndcg, and divides again by the temperature of that. */
#include "loss/gumbel.h"
#include "loss/soft_ndcg.h"

static double forward(rg_list *list)
{
    const struct rg__gumbel *params = list->params;
    double *x = list->scratch, *room = x + list->n, loss = 0, part = 1 / (double)params->samples;
    struct rg__kept grad = rg__kept_zeros(list);
    for (int64_t sample = 0; sample < params->samples; sample++) {
        rg__gumbel_scores(list, params, sample, x);
        loss += part * rg__soft_ndcg_add(list, x, params->temperature, part, room, &grad);
    }
    return loss;
}

static const rg_param params[] = {
    RG__GUMBEL_PARAMS(.training = "0.1", .training_reason = RG__TEMPERATURE_REASON)};

const rg_loss rg__loss_gumbel_approx_ndcg = {
    .component = {.name = "gumbel_approx_ndcg",
                  .formula = "L = mean over samples of approx_ndcg(s + beta G, temperature), G "
                             "from Gumbel's distribution",
                  RG__PARAMS(struct rg__gumbel, params)},
    .properties = {.shift_invariant = true,
                   .random = true,
                   .most_label = 1023,
                   .unit = RG_UNIT_LISTS},
    .workspace = {.scratch = 1 + RG__SOFT_NDCG_ROOM, .kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

/* approx_ndcg: the negative NDCG of soft ranks (Qin et al. 2010), as rax 0.4.0's
 * approx_t12n(ndcg_metric); formula, gradient and corners: soft_ndcg.h. */
#include "loss/soft_ndcg.h"

struct approx_ndcg {
    double temperature;
};

static double forward(rg_list *list)
{
    double temperature = ((const struct approx_ndcg *)list->params)->temperature;
    struct rg__kept grad = rg__kept_zeros(list);
    return rg__soft_ndcg_add(list, list->logits, temperature, 1, list->scratch, &grad);
}

static const rg_param params[] = {RG__TEMPERATURE(struct approx_ndcg)};

const rg_loss rg__loss_approx_ndcg = {
    .component = {.name = "approx_ndcg",
                  .formula = "L = -sum_i g_i / log2(1 + pi_i) / ideal, g_i = w_i (2^{y_i} - 1), "
                             "pi_i = 1 + sum_{j != i} sigmoid((s_j - s_i) / temperature)",
                  RG__PARAMS(struct approx_ndcg, params)},
    .properties = {.shift_invariant = true, .most_label = 1023, .unit = RG_UNIT_LISTS},
    .workspace = {.scratch = RG__SOFT_NDCG_ROOM, .kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

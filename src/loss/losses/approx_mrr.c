/* approx_mrr: the negative reciprocal of the first relevant item's soft rank, as rax 0.4.0's
 * approx_t12n(mrr_metric); soft ranks pi, cutoffs c and relevance r: soft_rank.h.
 *
 *     V = max_i r_i c_i / pi_i,    L = -V
 *
 *     dV/dpi_i = -V / pi_i,  dV/dc_i = r_i / pi_i,  dV/dr_i = c_i / pi_i
 *
 * of the item with the maximum; where several have it, each gets an equal part. TF-Ranking 0.5.5
 * takes the mean of 1 / pi over the relevant items instead of the first. */
#include "loss/soft_rank.h"

static double metric(struct rg__approx *a)
{
    double most = 0, n_most = 0;
    for (int64_t k = 0; k < a->n; k++) {
        double value = a->relevance[k] * a->kept[k] / a->rank[k];
        n_most = value > most ? 1 : n_most + (value == most);
        most = value > most ? value : most;
    }
    for (int64_t k = 0; k < a->n; k++) {
        double reciprocal = 1 / a->rank[k] / n_most;
        if (a->relevance[k] * a->kept[k] / a->rank[k] < most || most == 0)
            continue;
        a->by_rank[k] = -most * reciprocal;
        a->by_kept[k] = a->relevance[k] * reciprocal;
        a->by_relevance[k] = a->kept[k] * reciprocal;
    }
    return most;
}

static double forward(rg_list *list)
{
    return rg__approx_forward(list, metric);
}

static const rg_param params[] = {RG__APPROX_PARAMS(struct rg__approx_params, 0)};

const rg_loss rg__loss_approx_mrr = {
    .component =
        {.name = "approx_mrr",
         .formula =
             "L = -max_i r_i c_i / pi_i, r_i = w_i where y_i >= threshold, c_i the soft cutoff",
         RG__PARAMS(struct rg__approx_params, params)},
    .properties = RG__APPROX_PROPERTIES,
    .workspace = RG__APPROX_WORKSPACE,
    .forward = forward,
    .backward = rg__kept_backward};

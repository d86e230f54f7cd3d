/* approx_recall: the negative recall of a soft cutoff, as rax 0.4.0's
 * approx_t12n(recall_metric); cutoffs c and relevance r: soft_rank.h.
 *
 *     V = sum_i c_i r_i / sum_i r_i,    L = -V
 *
 *     dV/dc_i = r_i / sum r        dV/dr_i = (c_i - V) / sum r
 *
 * Without a cutoff, and in a list of at most topn items, V is 1 whatever the scores. */
#include "loss/soft_rank.h"
#include "tensor/elementary.h"

static double metric(struct rg__approx *a)
{
    for (int64_t k = 0; k < a->n; k++)
        a->term[k] = a->kept[k] * a->relevance[k];
    double hits = rg__sum_of(a->ctx, a->term, a->n);
    for (int64_t k = 0; k < a->n; k++) {
        a->by_kept[k] = a->relevance[k] / a->relevant;
        a->by_relevance[k] = (a->kept[k] - hits / a->relevant) / a->relevant;
    }
    return hits / a->relevant;
}

static double forward(rg_list *list)
{
    return rg__approx_forward(list, metric);
}

static const rg_param params[] = {RG__APPROX_PARAMS(struct rg__approx_params, 10)};

const rg_loss rg__loss_approx_recall = {
    .component = {.name = "approx_recall",
                  .formula = "L = -sum_i c_i r_i / sum_i r_i, r_i = w_i where y_i >= threshold, "
                             "c_i the soft cutoff",
                  RG__PARAMS(struct rg__approx_params, params)},
    .properties = RG__APPROX_PROPERTIES,
    .workspace = RG__APPROX_WORKSPACE,
    .forward = forward,
    .backward = rg__kept_backward};

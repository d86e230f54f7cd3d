/* approx_precision: the negative precision of a soft cutoff, as rax 0.4.0's
 * approx_t12n(precision_metric); cutoffs c and relevance r: soft_rank.h.
 *
 *     V = sum_i c_i r_i / sum_i c_i,    L = -V
 *
 *     dV/dc_i = (r_i - V) / sum c        dV/dr_i = c_i / sum c
 *
 * Without a cutoff, and in a list of at most topn items, V is the same whatever the scores. */
#include "loss/soft_rank.h"
#include "tensor/elementary.h"

static double metric(struct rg__approx *a)
{
    for (int64_t k = 0; k < a->n; k++)
        a->term[k] = a->kept[k] * a->relevance[k];
    double sum = rg__sum_of(a->ctx, a->kept, a->n), hits = rg__sum_of(a->ctx, a->term, a->n);
    if (sum == 0)
        return 0;
    for (int64_t k = 0; k < a->n; k++) {
        a->by_kept[k] = (a->relevance[k] - hits / sum) / sum;
        a->by_relevance[k] = a->kept[k] / sum;
    }
    return hits / sum;
}

static double forward(rg_list *list)
{
    return rg__approx_forward(list, metric);
}

static const rg_param params[] = {RG__APPROX_PARAMS(struct rg__approx_params, 10)};

const rg_loss rg__loss_approx_precision = {
    .component = {.name = "approx_precision",
                  .formula = "L = -sum_i c_i r_i / sum_i c_i, r_i = w_i where y_i >= threshold, "
                             "c_i the soft cutoff",
                  RG__PARAMS(struct rg__approx_params, params)},
    .properties = RG__APPROX_PROPERTIES,
    .workspace = RG__APPROX_WORKSPACE,
    .forward = forward,
    .backward = rg__kept_backward};

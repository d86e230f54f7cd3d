/* approx_map: the negative average precision of soft ranks, as rax 0.4.0's
 * approx_t12n(ap_metric); soft ranks pi, cutoffs c and relevance r: soft_rank.h.
 *
 *     A_i = sum_{j: pi_j <= pi_i} r_j,    V = sum_i r_i c_i A_i / pi_i / sum_i r_i,    L = -V
 *
 * The order in A is that of the scores, a constant in the gradient, as in rax; Qin et al. 2010 put
 * a sigmoid of pi_i - pi_j there as well. With N = sum r,
 *
 *     dV/dpi_i = -r_i c_i A_i / (pi_i^2 N)        dV/dc_i = r_i A_i / (pi_i N)
 *     dV/dr_k = (c_k A_k / pi_k + sum_{i: pi_i >= pi_k} r_i c_i / pi_i - V) / N */
#include "loss/soft_rank.h"
#include "tensor/elementary.h"

static double metric(struct rg__approx *a)
{
    double above = 0; /* sum of r up to here */
    for (int64_t begin = 0, end; begin < a->n; begin = end) {
        end = rg__equal_scores_end(a->items, begin, a->n);
        for (int64_t i = begin; i < end; i++)
            a->term[i] = a->relevance[a->items[i].row];
        above += rg__sum_of(a->ctx, a->term + begin, end - begin);
        for (int64_t i = begin; i < end; i++) {
            int64_t k = a->items[i].row;
            double precision = above / a->rank[k] / a->relevant;
            a->term[i] = a->relevance[k] * a->kept[k] * precision;
            a->by_rank[k] = -a->relevance[k] * a->kept[k] * precision / a->rank[k];
            a->by_kept[k] = a->relevance[k] * precision;
            a->by_relevance[k] = a->kept[k] * precision;
        }
    }
    double sum = rg__sum_of(a->ctx, a->term, a->n), below = 0; /* sum of r c / pi from here on */
    for (int64_t end = a->n, begin; end > 0; end = begin) {
        for (begin = end - 1; begin > 0 && a->items[begin - 1].score == a->items[begin].score;)
            begin--;
        for (int64_t i = begin; i < end; i++) {
            int64_t k = a->items[i].row;
            a->term[i] = a->relevance[k] * a->kept[k] / a->rank[k];
        }
        below += rg__sum_of(a->ctx, a->term + begin, end - begin);
        for (int64_t i = begin; i < end; i++)
            a->by_relevance[a->items[i].row] += (below - sum) / a->relevant;
    }
    return sum;
}

static double forward(rg_list *list)
{
    return rg__approx_forward(list, metric);
}

static const rg_param params[] = {RG__APPROX_PARAMS(struct rg__approx_params, 0)};

const rg_loss rg__loss_approx_map = {
    .component = {.name = "approx_map",
                  .formula = "L = -sum_i r_i c_i / pi_i sum_{pi_j <= pi_i} r_j / sum r, r_i = w_i "
                             "where y_i >= threshold",
                  RG__PARAMS(struct rg__approx_params, params)},
    .properties = RG__APPROX_PROPERTIES,
    .workspace = RG__APPROX_WORKSPACE,
    .forward = forward,
    .backward = rg__kept_backward};

/* pairwise_mse: differences of scores regressed on differences of labels, as rax has it: over all
 * n^2 ordered pairs, those of equal labels included; a pair (i,j) takes the weight of i.
 *
 *     L = sum_{i,j} w_i lambda_ij ((s_i - s_j) - (y_i - y_j))^2
 *
 * Backward. The slope in s_i - s_j is 2 ((s_i - s_j) - (y_i - y_j)); with lambda weights the pairs
 * are visited, and pairs.h turns slopes into gradients.
 *
 * Without them the sums over pairs are moments of r = s - y - mean(s - y), whose sum is 0. With
 * R = sum r^2, W = sum w, B = sum w r,
 *
 *     L = sum_i w_i V_i,   V_i = sum_j (r_i - r_j)^2 = n r_i^2 + R
 *     dL/dw_i = V_i,       dL/ds_k = 2 w_k n r_k + 2 (W r_k - B)
 *
 * Corners. The pairs (i,i) are 0, at a logit of -inf too. With one such item among others the loss
 * is +inf, with two it is NaN; the pairs are visited then, since the mean is not finite. */
#include "loss/pairs.h"

#include <math.h>

struct pairwise_mse {
    struct rg__lambda lambda;
};

static void visit(const struct rg__pair_block *block)
{
    for (int64_t k = 0; k < block->n; k++) {
        double r = block->begin + k == block->i ? 0 : block->score[k] - block->label[k];
        block->value[k] = r * r;
        block->slope[k] = 2 * r;
    }
}

static double forward(rg_list *list)
{
    const struct pairwise_mse *params = list->params;
    bool finite = true;
    struct rg__pairs p;
    for (int64_t k = 0; k < list->n; k++)
        finite &= isfinite(list->logits[k]) != 0;
    if (rg__weighs_pairs(&params->lambda) || !finite)
        return rg__pairs_forward(list, visit, true);
    rg__pairs_open(list, &params->lambda, &p);
    double *r = p.room, n = (double)p.n, first = p.s[0] - p.y[0], shift = 0;
    for (int64_t i = 0; i < p.n; i++) {
        r[i] = p.s[i] - p.y[i] - first;
        shift += r[i];
    }
    double squares = 0, weight = 0, weighted = 0;
    for (int64_t i = 0; i < p.n; i++) {
        r[i] -= shift / n;
        squares += r[i] * r[i];
        weight += p.w[i];
        weighted += p.w[i] * r[i];
    }
    for (int64_t i = 0; i < p.n; i++) {
        p.value[i] = n * r[i] * r[i] + squares;
        p.row[i] = 2 * n * r[i];
        p.column[i] = 2 * (weight * r[i] - weighted);
    }
    return rg__pairs_close(&p);
}

static const rg_param params[] = {RG__LAMBDA_PARAMS};

const rg_loss rg__loss_pairwise_mse = {
    .component = {.name = "pairwise_mse",
                  .formula = "L = sum_{i,j} w_i lambda_ij ((s_i - s_j) - (y_i - y_j))^2",
                  RG__PARAMS(struct pairwise_mse, params)},
    .properties = {.shift_invariant = true, .constant_labels = true, .unit = RG_UNIT_ALL_PAIRS},
    .adjust = rg__pairs_adjust,
    .workspace = RG__PAIRS_WORKSPACE,
    .forward = forward,
    .backward = rg__pairs_backward};

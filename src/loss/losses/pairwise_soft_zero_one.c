/* pairwise_soft_zero_one: a smooth count of the pairs in the wrong order, as in rax and TF-Ranking.
 *
 *     L = sum_{y_i > y_j} w_i lambda_ij p(s_j - s_i),      p(x) = 1 / (1 + exp(-x))
 *
 * Backward. The slope in s_i - s_j is -p(x) p(-x) at x = s_j - s_i. Both factors are computed:
 * 1 - p has no correct digit where p is close to 1. pairs.h turns slopes into gradients. */
#include "loss/pairs.h"
#include "tensor/elementary.h"

struct pairwise_soft_zero_one {
    struct rg__lambda lambda;
};

static void visit(const struct rg__pair_block *block)
{
    double *value = block->value, *slope = block->slope, soft[RG__PAIR_BLOCK],
           above[RG__PAIR_BLOCK];
    rg__softplus(block->pairs->list->ctx, block->score, block->n, soft, above);
    for (int64_t k = 0; k < block->n; k++)
        slope[k] = -block->score[k];
    rg__softplus(block->pairs->list->ctx, slope, block->n, soft, value);
    for (int64_t k = 0; k < block->n; k++)
        slope[k] = -value[k] * above[k];
}

static double forward(rg_list *list)
{
    return rg__pairs_forward(list, visit, false);
}

static const rg_param params[] = {RG__LAMBDA_PARAMS};

const rg_loss rg__loss_pairwise_soft_zero_one = {
    .component = {.name = "pairwise_soft_zero_one",
                  .formula = "L = sum_{y_i > y_j} w_i lambda_ij / (1 + exp(s_i - s_j))",
                  RG__PARAMS(struct pairwise_soft_zero_one, params)},
    .properties = RG__PAIRS_PROPERTIES,
    .adjust = rg__pairs_adjust,
    .workspace = RG__PAIRS_WORKSPACE,
    .forward = forward,
    .backward = rg__pairs_backward};

/* pairwise_logistic: RankNet's loss (Burges et al. 2005), and with lambda weights LambdaRank.
 *
 *     L = sum_{y_i > y_j} w_i lambda_ij log(1 + exp(-sigma (s_i - s_j)))
 *
 * is the cross entropy of P(i above j) = 1 / (1 + exp(-sigma (s_i - s_j))) in nats; rax and
 * TF-Ranking have sigma 1, allRank divides by log 2.
 *
 * Backward. The slope in s_i - s_j is -sigma / (1 + exp(sigma (s_i - s_j))); pairs.h turns slopes
 * into gradients. The loss has no form that avoids visiting the pairs; one exponential, computed on
 * vectors, serves value and slope. */
#include "loss/pairs.h"
#include "tensor/elementary.h"

struct pairwise_logistic {
    struct rg__lambda lambda;
    double sigma;
};

static void visit(const struct rg__pair_block *block)
{
    double sigma = ((const struct pairwise_logistic *)block->pairs->list->params)->sigma;
    for (int64_t k = 0; k < block->n; k++)
        block->value[k] = -sigma * block->score[k];
    rg__softplus(block->pairs->list->ctx, block->value, block->n, block->value, block->slope);
    for (int64_t k = 0; k < block->n; k++)
        block->slope[k] *= -sigma;
}

static double forward(rg_list *list)
{
    return rg__pairs_forward(list, visit, false);
}

static const rg_param params[] = {
    RG__REAL(struct pairwise_logistic, sigma, 1, 0, 1e6, .above = true,
             .help = "Factor of the difference of scores"),
    RG__LAMBDA_PARAMS,
};

const rg_loss rg__loss_pairwise_logistic = {
    .component = {.name = "pairwise_logistic",
                  .formula = "L = sum_{y_i > y_j} w_i lambda_ij log(1 + exp(-sigma (s_i - s_j)))",
                  RG__PARAMS(struct pairwise_logistic, params)},
    .properties = RG__PAIRS_PROPERTIES,
    .adjust = rg__pairs_adjust,
    .workspace = RG__PAIRS_WORKSPACE,
    .forward = forward,
    .backward = rg__pairs_backward};

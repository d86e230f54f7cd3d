/* pairwise_debiasing: pairwise debiasing by ratios (Hu et al. 2019, "Unbiased LambdaMART").
 *
 *     L = sum_{y_i > y_j} w_i lambda_ij log(1 + exp(-sigma (s_i - s_j))) / (t+_a t-_b)
 *
 * where a and b are the positions at which i and j were shown. t+_a is how likely an item that is
 * clicked was examined and relevant at a, t-_b how likely one that is not clicked was examined and
 * not relevant at b, both relative to the first position, 1 before the first pass. With l_ij the
 * pair's w_i lambda_ij log(..), after a pass over the data:
 *
 *     t+_a = (S+_a / S+_1)^(1 / (1 + p)),   S+_a = sum_{pairs, i at a} l_ij / t-_b       (12)
 *     t-_b = (S-_b / S-_1)^(1 / (1 + p)),   S-_b = sum_{pairs, j at b} l_ij / t+_a       (13)
 *
 * p = `regularization` >= 0 draws them to 1; the paper's code has 0.5. Sums use the t of the pass
 * itself. A position without pairs keeps its t; if position 1 has none, the first one that has
 * takes its place. t is at least `least_ratio`, so that no pair's weight exceeds its inverse
 * squared.
 *
 * With lambda=ndcg this is the loss of Unbiased LambdaMART (without LightGBM's factors of distance
 * and sum). Without positions all t are 1: pairwise_logistic.
 *
 * Backward. The slope in s_i - s_j is that of pairwise_logistic over t+_a t-_b; t are constants. */
#include "loss/pairs.h"
#include "tensor/elementary.h"

#include <math.h>

struct pairwise_debiasing {
    struct rg__lambda lambda;
    double sigma, regularization, least_ratio;
};

/* The factors and sums of a position. */
enum { CLICKED, NOT_CLICKED, N_RATIOS };

/* Divides a block's pairs by t, and adds them to the sums, where they are wanted. */
static void debias(const struct rg__pair_block *block)
{
    const struct rg__pairs *pairs = block->pairs;
    const rg_list *list = pairs->list;
    const double *t = list->bias->factors;
    double *sums = list->bias->sums, lambda[RG__PAIR_BLOCK];
    int64_t a = (list->positions[pairs->items[block->i].row] - 1) * N_RATIOS + CLICKED;
    double weight = list->list_weight * pairs->w[block->i];
    for (int64_t k = 0; k < block->n; k++)
        lambda[k] = 1;
    if (sums && pairs->weighted)
        rg__lambda_row(&pairs->weights, block->i, block->begin, block->n, lambda);
    for (int64_t k = 0; k < block->n; k++) {
        int64_t row = pairs->items[block->begin + k].row;
        int64_t b = (list->positions[row] - 1) * N_RATIOS + NOT_CLICKED;
        if (sums && weight * lambda[k] != 0) {
            sums[a] += weight * lambda[k] * block->value[k] / t[b];
            sums[b] += weight * lambda[k] * block->value[k] / t[a];
        }
        block->value[k] /= t[a] * t[b];
        block->slope[k] /= t[a] * t[b];
    }
}

static void visit(const struct rg__pair_block *block)
{
    const struct pairwise_debiasing *params = block->pairs->list->params;
    for (int64_t k = 0; k < block->n; k++)
        block->value[k] = -params->sigma * block->score[k];
    rg__softplus(block->pairs->list->ctx, block->value, block->n, block->value, block->slope);
    for (int64_t k = 0; k < block->n; k++)
        block->slope[k] *= -params->sigma;
    if (block->pairs->list->positions)
        debias(block);
}

static double forward(rg_list *list)
{
    return rg__pairs_forward(list, visit, false);
}

static void update(const void *params, const rg_position_bias *bias)
{
    const struct pairwise_debiasing *p = params;
    for (int i = 0; i < N_RATIOS; i++) {
        double first = 0;
        for (int64_t k = 0; k < bias->n_positions; k++) {
            double sum = bias->sums[k * N_RATIOS + i];
            first = first > 0 ? first : sum;
            if (sum > 0 && isfinite(sum))
                bias->factors[k * N_RATIOS + i] =
                    fmax(pow(sum / first, 1 / (1 + p->regularization)), p->least_ratio);
        }
    }
}

static void adjust(const void *params, rg_loss_properties *properties)
{
    rg__pairs_adjust(params, properties);
    properties->varying_weights = true; /* t */
}

static const rg_param params[] = {
    RG__REAL(struct pairwise_debiasing, sigma, 1, 0, 1e6, .above = true,
             .help = "Factor of the difference of scores"),
    RG__REAL(struct pairwise_debiasing, regularization, 0.5, 0, 1e6,
             .help = "Draws the ratios of positions to 1: they are raised to 1 / (1 + it)"),
    RG__REAL(struct pairwise_debiasing, least_ratio, 0.01, 0, 1, .above = true,
             .help = "Least ratio of a position"),
    RG__LAMBDA_PARAMS,
};

const rg_loss rg__loss_pairwise_debiasing = {
    .component = {.name = "pairwise_debiasing",
                  .formula = "L = sum_{y_i > y_j} w_i lambda_ij log(1 + exp(-sigma (s_i - s_j))) / "
                             "(t+_a t-_b), t ratios of the positions a, b of i, j",
                  RG__PARAMS(struct pairwise_debiasing, params)},
    .properties = {.shift_invariant = true,
                   .constant_labels = true,
                   .positions = true,
                   .unit = RG_UNIT_PAIRS},
    .adjust = adjust,
    .workspace = RG__PAIRS_WORKSPACE,
    .position_rule = {.n_factors = N_RATIOS, .n_sums = N_RATIOS, .initial = 1, .update = update},
    .forward = forward,
    .backward = rg__pairs_backward};

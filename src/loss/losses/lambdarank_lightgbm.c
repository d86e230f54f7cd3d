/* lambdarank_lightgbm: the objective `lambdarank` of LightGBM 4 (rank_objective.hpp).
 *
 *     L = c sum_{y_i > y_j} w_i |dNDCG_ij| f_ij log(1 + exp(-sigmoid (s_i - s_j)))
 *
 * over the pairs of which one item has a rank up to T = lambdarank_truncation_level; |dNDCG_ij| is
 * the change of NDCG when i and j swap ranks, with discounts at all ranks and the ideal DCG of the
 * first T. With lambdarank_norm, f and c are those of lambdarank.h, else 1. The parameters have
 * LightGBM's names.
 *
 * Position bias. With position_bias = true a factor b_k of the position at which an item was shown
 * is added to its score, as LightGBM does for data with positions: clicks are explained by the sum,
 * and the model alone scores. After each pass over the data (LightGBM: each iteration) a Newton
 * step with the gradients g and second derivatives h of the n_k items at k:
 *
 *     b_k += rate (-G - r n_k b_k) / (H + r n_k + 0.001),   G = sum g, H = sum h
 *
 * r is lambdarank_position_bias_regularization, rate position_bias_learning_rate (LightGBM: its
 * learning_rate). Lists count by their weights.
 *
 * LightGBM reads the sigmoid from a table, which is good for 4 to 5 digits, and orders equal scores
 * by row; here the result does not depend on the order of the rows (lambda.h). */
#include "loss/lambdarank.h"

struct lambdarank_lightgbm {
    double sigmoid;
    int64_t lambdarank_truncation_level;
    int gain;
    bool lambdarank_norm, position_bias;
    double lambdarank_position_bias_regularization, position_bias_learning_rate;
};

/* The sums of a position. */
enum { GRADIENT, CURVATURE, COUNT, N_SUMS };

/* Adds the results of a list to the sums over positions; `curvature` (n). */
static void add_sums(const rg_list *list, const double *curvature)
{
    for (int64_t k = 0; k < list->n; k++) {
        double *sums = list->bias->sums + (list->positions[k] - 1) * N_SUMS;
        sums[GRADIENT] += list->list_weight * list->kept[k];
        sums[CURVATURE] += list->list_weight * curvature[k];
        sums[COUNT] += list->list_weight;
    }
}

static void update(const void *params, const rg_position_bias *bias)
{
    const struct lambdarank_lightgbm *p = params;
    for (int64_t k = 0; k < bias->n_positions; k++) {
        const double *sums = bias->sums + k * N_SUMS;
        double pull = p->lambdarank_position_bias_regularization * sums[COUNT];
        bias->factors[k] += p->position_bias_learning_rate *
                            (-sums[GRADIENT] - pull * bias->factors[k]) /
                            (sums[CURVATURE] + pull + 0.001);
    }
}

static double forward(rg_list *list)
{
    const struct lambdarank_lightgbm *params = list->params;
    rg_list shifted = *list;
    double *logits = list->scratch + RG__PAIRS_SCRATCH * list->n, *curvature = logits + list->n;
    bool collects = list->positions && list->bias->sums;
    struct rg__lambdarank how = {.lambda = {.lambda = RG__LAMBDA_NDCG,
                                            .gain = params->gain,
                                            .normalized = true,
                                            .truncation = params->lambdarank_truncation_level},
                                 .sigma = params->sigmoid,
                                 .by_distance = params->lambdarank_norm,
                                 .by_sum = params->lambdarank_norm,
                                 .factor = 1,
                                 .curvature = collects ? curvature : NULL};
    for (int64_t k = 0; list->positions && k < list->n; k++) {
        logits[k] = list->logits[k] + list->bias->factors[list->positions[k] - 1];
        curvature[k] = 0;
    }
    if (list->positions)
        shifted.logits = logits;
    double loss = rg__lambdarank_forward(&shifted, &how);
    if (collects)
        add_sums(list, curvature);
    return loss;
}

static void adjust(const void *params, rg_loss_properties *properties)
{
    const struct lambdarank_lightgbm *own = params;
    properties->constant_factors = own->lambdarank_norm;
    properties->most_label = rg__most_label_of((rg_gain)own->gain);
    properties->positions = own->position_bias;
}

static const rg_param params[] = {
    RG__REAL(struct lambdarank_lightgbm, sigmoid, 1, 0, 1e6, .above = true,
             .help = "Factor of the difference of scores"),
    RG__INTEGER(struct lambdarank_lightgbm, lambdarank_truncation_level, 30, 1, 2147483647,
                .help = "Pairs count of which one item has a rank up to this"),
    RG__FLAG(struct lambdarank_lightgbm, lambdarank_norm, true,
             .help = "Whether pairs are divided by the distance of their scores, and the gradient "
                     "of a list is scaled by log2(1 + S) / S"),
    RG__FLAG(struct lambdarank_lightgbm, position_bias, false,
             .help =
                 "Whether scores are corrected by a factor of the position at which an item was "
                 "shown; the data then need positions"),
    RG__REAL(struct lambdarank_lightgbm, lambdarank_position_bias_regularization, 0, 0, 1e6,
             .help = "L2 regularisation of the factors of positions"),
    RG__REAL(struct lambdarank_lightgbm, position_bias_learning_rate, 0.1, 0, 1,
             .help = "Learning rate of the factors of positions, which are updated once per epoch"),
    RG__NAME(struct lambdarank_lightgbm, gain, RG_GAIN_EXP, rg__lambda_gain_name,
             .help = "Gain of a label y: exp is 2^y - 1, linear is y"),
};

const rg_loss rg__loss_lambdarank_lightgbm = {
    .component = {.name = "lambdarank_lightgbm",
                  .formula = "L = c sum_{y_i > y_j} w_i |dNDCG_ij| f_ij log(1 + exp(-sigmoid "
                             "(s_i - s_j))), c and f constants",
                  RG__PARAMS(struct lambdarank_lightgbm, params)},
    .properties = {.shift_invariant = true,
                   .constant_labels = true,
                   .varying_weights = true,
                   .unit = RG_UNIT_LISTS},
    .adjust = adjust,
    .workspace = {.scratch = RG__PAIRS_SCRATCH + 2, .kept = 2},
    .position_rule = {.n_factors = 1, .n_sums = N_SUMS, .update = update},
    .forward = forward,
    .backward = rg__pairs_backward};

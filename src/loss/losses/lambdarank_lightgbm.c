/* lambdarank_lightgbm: the objective `lambdarank` of LightGBM 4 (rank_objective.hpp).
 *
 *     L = c sum_{y_i > y_j} w_i |dNDCG_ij| f_ij log(1 + exp(-sigmoid (s_i - s_j)))
 *
 * over the pairs of which one item has a rank up to T = lambdarank_truncation_level; |dNDCG_ij| is
 * the change of NDCG when i and j swap ranks, with discounts at all ranks and the ideal DCG of the
 * first T. With lambdarank_norm, f and c are those of lambdarank.h, else 1. The parameters have
 * LightGBM's names.
 *
 * LightGBM reads the sigmoid from a table, which is good for 4 to 5 digits, and orders equal scores
 * by row; here the result does not depend on the order of the rows (lambda.h). */
#include "loss/lambdarank.h"

struct lambdarank_lightgbm {
    double sigmoid;
    int64_t lambdarank_truncation_level;
    int gain;
    bool lambdarank_norm;
};

static double forward(rg_list *list)
{
    const struct lambdarank_lightgbm *params = list->params;
    const struct rg__lambdarank how = {
        .lambda = {.lambda = RG__LAMBDA_NDCG,
                   .gain = params->gain,
                   .normalized = true,
                   .truncation = params->lambdarank_truncation_level},
        .sigma = params->sigmoid,
        .by_distance = params->lambdarank_norm,
        .by_sum = params->lambdarank_norm,
        .factor = 1};
    return rg__lambdarank_forward(list, &how);
}

static void adjust(const void *params, rg_loss_properties *properties)
{
    const struct lambdarank_lightgbm *own = params;
    properties->constant_factors = own->lambdarank_norm;
    properties->most_label = rg__most_label_of((rg_gain)own->gain);
}

static const rg_param params[] = {
    RG__REAL(struct lambdarank_lightgbm, sigmoid, 1, 0, 1e6, .above = true,
             .help = "Factor of the difference of scores"),
    RG__INTEGER(struct lambdarank_lightgbm, lambdarank_truncation_level, 30, 1, 2147483647,
                .help = "Pairs count of which one item has a rank up to this"),
    RG__FLAG(struct lambdarank_lightgbm, lambdarank_norm, true,
             .help = "Whether pairs are divided by the distance of their scores, and the gradient "
                     "of a list is scaled by log2(1 + S) / S"),
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
    .workspace = RG__PAIRS_WORKSPACE,
    .forward = forward,
    .backward = rg__pairs_backward};

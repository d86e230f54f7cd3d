/* lambdarank_xgboost: the objectives rank:ndcg, rank:map and rank:pairwise of XGBoost 3
 * (lambdarank_obj.cc).
 *
 *     L = c sum_{y_i > y_j} w_i delta_ij f_ij log(1 + exp(-(s_i - s_j)))
 *
 * delta is the change of NDCG or AP when i and j swap ranks, or 1 (`target` pairwise); f and c are
 * those of lambdarank.h with lambdarank_score_normalization and lambdarank_normalization, else 1.
 * All parameters but `target` have XGBoost's names. With P = lambdarank_num_pair_per_sample,
 * lambdarank_pair_method is
 *
 *     topk   the pairs of which one item has a rank up to P (default 32), and the ideal DCG of the
 *            first P
 *     mean   XGBoost draws P (default 1) partners for each item from those of other labels. Here
 *            stands the expected value of the gradient over the draws: with m_i the items whose
 *            label is not that of i, a pair counts 1 / m_i + 1 / m_j, and c is 1, or P without
 *            normalisation
 *
 * The labels of map are relevant from 1 on. XGBoost orders equal scores by row; here the result
 * does not depend on the order of the rows (lambda.h). */
#include "loss/lambdarank.h"

enum { NDCG, MAP, PAIRWISE };
enum { TOPK, MEAN };

struct lambdarank_xgboost {
    int target, lambdarank_pair_method;
    int64_t lambdarank_num_pair_per_sample;
    bool ndcg_exp_gain, lambdarank_normalization, lambdarank_score_normalization;
};

static const char *target_name(int i)
{
    static const char *const names[] = {"ndcg", "map", "pairwise"};
    return (unsigned)i < RG__COUNT(names) ? names[i] : NULL;
}

static const char *method_name(int i)
{
    static const char *const names[] = {"topk", "mean"};
    return (unsigned)i < RG__COUNT(names) ? names[i] : NULL;
}

static double forward(rg_list *list)
{
    static const int kinds[] = {RG__LAMBDA_NDCG, RG__LAMBDA_MAP, RG__LAMBDA_NONE};
    const struct lambdarank_xgboost *params = list->params;
    bool mean = params->lambdarank_pair_method == MEAN;
    int64_t pairs = params->lambdarank_num_pair_per_sample;
    if (pairs == 0)
        pairs = mean ? 1 : 32;
    struct rg__lambdarank how = {
        .lambda = {.lambda = kinds[params->target],
                   .gain = params->ndcg_exp_gain ? RG_GAIN_EXP : RG_GAIN_LINEAR,
                   .normalized = true,
                   .lambda_threshold = 1,
                   .truncation = mean ? list->n : pairs},
        .sigma = 1,
        .by_distance = params->lambdarank_score_normalization,
        .by_sum = params->lambdarank_normalization && !mean,
        .factor = 1};
    if (mean) {
        how.one_out_of = list->scratch + RG__PAIRS_SCRATCH * list->n;
        how.factor = params->lambdarank_normalization ? 1 : (double)pairs;
    }
    return rg__lambdarank_forward(list, &how);
}

static void adjust(const void *own, rg_loss_properties *properties)
{
    const struct lambdarank_xgboost *params = own;
    properties->constant_factors =
        params->lambdarank_score_normalization ||
        (params->lambdarank_normalization && params->lambdarank_pair_method == TOPK);
    if (params->target == NDCG && params->ndcg_exp_gain)
        properties->most_label = rg__most_label_of(RG_GAIN_EXP);
}

static const rg_param params[] = {
    RG__NAME(struct lambdarank_xgboost, target, NDCG, target_name,
             .help = "Weight of a pair: the change of the metric; pairwise is 1"),
    RG__NAME(struct lambdarank_xgboost, lambdarank_pair_method, TOPK, method_name,
             .help = "Which pairs count: those with one of the first items, or the mean over "
                     "random partners of each item"),
    RG__INTEGER(struct lambdarank_xgboost, lambdarank_num_pair_per_sample, 0, 0, 2147483647,
                .help = "First items of topk, partners of mean; 0 is 32 for topk and 1 for mean"),
    RG__FLAG(struct lambdarank_xgboost, lambdarank_normalization, true,
             .help = "Whether the gradient of a list is scaled by log2(1 + S) / S, of mean by the "
                     "number of partners"),
    RG__FLAG(struct lambdarank_xgboost, lambdarank_score_normalization, true,
             .help = "Whether pairs are divided by the distance of their scores"),
    RG__FLAG(struct lambdarank_xgboost, ndcg_exp_gain, true,
             .help = "Whether the gain of a label y is 2^y - 1, else y"),
};

const rg_loss rg__loss_lambdarank_xgboost = {
    .component = {.name = "lambdarank_xgboost",
                  .formula =
                      "L = c sum_{y_i > y_j} w_i delta_ij f_ij log(1 + exp(-(s_i - s_j))), c "
                      "and f constants",
                  RG__PARAMS(struct lambdarank_xgboost, params)},
    .properties = {.shift_invariant = true,
                   .constant_labels = true,
                   .varying_weights = true,
                   .unit = RG_UNIT_LISTS},
    .adjust = adjust,
    .workspace = {.scratch = RG__PAIRS_SCRATCH + 1, .kept = 2},
    .forward = forward,
    .backward = rg__pairs_backward};

/* pairwise_qr: quantile regression of differences of scores on differences of labels, as in rax.
 *
 *     L = sum_{y_i > y_j} w_i lambda_ij (tau max(0, r_ij)^p + (1 - tau) max(0, -r_ij)^p)
 *     r_ij = (y_i - y_j) - (s_i - s_j),    p = 1, or 2 with `squared`
 *
 * With tau above 1/2 a pair that is too close costs more than one that is too far apart.
 *
 * Backward. The slope in s_i - s_j is -tau p max(0, r)^(p-1) where r > 0, (1 - tau) p
 * max(0, -r)^(p-1) where r < 0, and 0 at the kink r = 0; pairs.h turns slopes into gradients. */
#include "loss/pairs.h"

#include <math.h>

struct pairwise_qr {
    struct rg__lambda lambda;
    double tau;
    bool squared;
};

static void visit(const struct rg__pair_block *block)
{
    const struct pairwise_qr *params = block->pairs->list->params;
    for (int64_t k = 0; k < block->n; k++) {
        double r = block->label[k] - block->score[k];
        double tau = r > 0 ? params->tau : 1 - params->tau, sign = r > 0 ? -1 : r < 0 ? 1 : r;
        block->value[k] = tau * (params->squared ? r * r : fabs(r));
        block->slope[k] = tau * (params->squared ? -2 * r : sign);
    }
}

static double forward(rg_list *list)
{
    return rg__pairs_forward(list, visit, false);
}

static const rg_param params[] = {
    RG__REAL(struct pairwise_qr, tau, 0.5, 0, 1, .above = true,
             .help = "Quantile: weight of pairs whose scores are too close"),
    RG__FLAG(struct pairwise_qr, squared, false, .help = "Whether distances are squared"),
    RG__LAMBDA_PARAMS,
};

const rg_loss rg__loss_pairwise_qr = {
    .component = {.name = "pairwise_qr",
                  .formula = "L = sum_{y_i > y_j} w_i lambda_ij (tau max(0, r) + (1 - tau) "
                             "max(0, -r)), r = y_i - y_j - (s_i - s_j)",
                  RG__PARAMS(struct pairwise_qr, params)},
    .properties = RG__PAIRS_PROPERTIES,
    .adjust = rg__pairs_adjust,
    .workspace = RG__PAIRS_WORKSPACE,
    .forward = forward,
    .backward = rg__pairs_backward};

/* ordinal: cumulative logits (Frank and Hall 2001; Niu et al. 2016): of C = levels - 1 scores per
 * item, score c tells whether the label exceeds c.
 *
 *     q_kc = 1 / (1 + exp(-s_kc)), the probability of y_k > c,    c = 0 .. C - 1
 *     L = sum_k w_k l_k,    l_k = sum_c log(1 + exp s_kc) - [y_k > c] s_kc
 *
 * is the cross entropy of the C questions. The mean divides by the number of items. Labels are
 * whole numbers from 0 to levels - 1. As allRank's ordinal, whose n is our C and which takes the
 * probabilities q, and TF-Ranking's OrdinalLoss, whose ordinal_size is our C. Both let a larger
 * label count like the largest, and TF-Ranking reads fractions with use_fraction_label; here both
 * are errors, since they mean that `levels` is wrong.
 *
 * Items are ranked by the expected label, sum_c q_kc (rg_model_score). C is 1 for two levels: the
 * loss is pointwise_sigmoid then, and the score itself ranks.
 *
 *     dL/ds_kc = w_k (q_kc - [y_k > c])      dL/dw_k = l_k      dL/dy_k = 0: labels are compared
 *
 * Corners. A score of -inf where the label does not exceed c is right with certainty: 0; where it
 * does, the loss is +inf and the slope -w_k. An item of weight 0 adds nothing, even then. Scores of
 * an item need not decrease with c: each column is a model of its own.
 *
 * Kernel. log(1 + exp s) = max(s, 0) + log(1 + exp -|s|) does not overflow, and max(s, 0) - [..] s
 * is computed without the difference of two infinities. One exponential for each score. */
#include "loss/parts.h"
#include "tensor/elementary.h"

#include <math.h>

struct ordinal {
    int64_t levels;
};

/* The value of one question with the answer t, and its slope. */
static double question(double s, bool t, double *slope)
{
    double e = exp(-fabs(s)), q = (s > 0 ? 1 : e) / (1 + e);
    double wrong = t ? fmax(-s, 0) : fmax(s, 0);
    *slope = t ? -(s > 0 ? e : 1) / (1 + e) : q;
    return wrong + log1p(e);
}

static double forward(rg_list *list)
{
    double *term = list->scratch;
    for (int64_t k = 0; k < list->n; k++) {
        double own = 0, slope;
        for (int64_t c = 0; c < list->columns; c++)
            own +=
                question(list->logits[k * list->columns + c], list->labels[k] > (double)c, &slope);
        term[k] = rg__times(list->weights[k], own);
    }
    return rg__sum_of(list->ctx, term, list->n);
}

static void backward(rg_list *list, double upstream)
{
    for (int64_t k = 0; k < list->n; k++) {
        double own = 0, slope, factor = upstream * list->weights[k];
        for (int64_t c = 0; c < list->columns; c++) {
            int64_t at = k * list->columns + c;
            own += question(list->logits[at], list->labels[k] > (double)c, &slope);
            if (list->grad_logits)
                list->grad_logits[at] += factor * slope;
        }
        if (list->grad_weights)
            list->grad_weights[k] += upstream * own;
    }
}

static void adjust(const void *params, rg_loss_properties *properties)
{
    properties->levels = ((const struct ordinal *)params)->levels;
    properties->columns = properties->levels - 1;
}

static const rg_param params[] = {
    RG__INTEGER(struct ordinal, levels, 5, 2, 1024,
                .help = "Labels are 0 .. levels - 1, and an item has levels - 1 scores"),
};

const rg_loss rg__loss_ordinal = {
    .component = {.name = "ordinal",
                  .formula = "L = sum_k w_k sum_c log(1 + exp s_kc) - [y_k > c] s_kc, c = 0 .. "
                             "levels - 2, ranked by sum_c sigmoid(s_kc)",
                  RG__PARAMS(struct ordinal, params)},
    .properties = {.constant_labels = true, .unit = RG_UNIT_ITEMS},
    .adjust = adjust,
    .workspace = {.scratch = 1},
    .forward = forward,
    .backward = backward};

/* plackett_luce.h (internal): the likelihood of an order under the model of Plackett and Luce, for
 * the losses listmle and p_listmle.
 *
 * The items are drawn one after another without replacement, each with a probability proportional
 * to exp(s). With the items in the order of their labels, the largest first, and a coefficient a_i
 * for rank i,
 *
 *     D_i = log sum_{j >= i} exp(s_j)        L = sum_i w_i a_i (D_i - s_i)
 *
 * Gradient:
 *
 *     dL/ds_k = -w_k a_k + sum_{i <= k} w_i a_i exp(s_k - D_i)     dL/dw_k = a_k (D_k - s_k)
 *
 * Labels are only compared: their gradient is 0.
 *
 * Equal labels. `row` takes them in the order of their rows, as rax without a key; the loss then
 * depends on the order of the rows (allRank and rax with a key draw a new order each time). `group`
 * does not: each item of a tie group competes with the whole group and everything after it, as in
 * Breslow's (1974) treatment of ties in the partial likelihood of Cox, which is the same
 * likelihood; D_i is that of the group, and a_i the mean over its ranks.
 *
 * Kernel. From the last rank to the first, D comes from a running sum of exponentials; from the
 * first to the last, the sum of w_i a_i exp(-D_i) is kept relative to the current D, the smallest
 * so far, so that no exponential exceeds 1. The time is that of sorting.
 *
 * Corners. The last rank costs 0 whatever its score, since only one item is left: so a single item
 * costs 0, and so does an item at -inf that is last by label. Elsewhere a logit of -inf costs +inf,
 * unless a_i or w_i is 0; where several items are left and all are at -inf there is no
 * distribution: NaN. */
#ifndef RG_LOSS_PLACKETT_LUCE_H
#define RG_LOSS_PLACKETT_LUCE_H

#include "loss/parts.h"

/* The names of the first parameter of both losses, `int ties`. */
const char *rg__plackett_luce_ties(int i);

#define RG__PLACKETT_LUCE_TIES(owner)                                                              \
    RG__NAME(owner, ties, 0, rg__plackett_luce_ties,                                               \
             .help = "Equal labels: row takes them in the order of the rows; group lets each "     \
                     "compete with all of its group",                                              \
             .training = "group",                                                                  \
             .training_reason = "an order among equal labels would be learned from chance")

/* Coefficient a of rank i (from 0) of n. */
typedef double rg__rank_coefficient(const void *params, int64_t i, int64_t n);

/* The loss; keeps the gradients for rg__kept_backward. */
double rg__plackett_luce_forward(rg_list *list, rg__rank_coefficient *coefficient);

#define RG__PLACKETT_LUCE_WORKSPACE                                                                \
    {                                                                                              \
        .scratch = RG__SORT_ROOM + 1, .kept = RG__KEPT                                             \
    }

#endif

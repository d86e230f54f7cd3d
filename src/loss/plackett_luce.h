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
 * Equal labels. `row` takes them in the order of their rows, as rax without a key; unlike any other
 * loss, this one then depends on the order of the rows (allRank and rax with a key draw a new order
 * each time). `group` does not: each item of a tie group competes with the whole group and
 * everything after it, as in Breslow's (1974) treatment of ties in the partial likelihood of Cox,
 * which is the same likelihood; D_i is that of the group, and a_i the mean over its ranks.
 *
 * Kernel. With M_i the largest score from rank i on and e_i = exp(s_i - M_i), the sums
 * S_i = sum_{j >= i} exp(s_j - M_i) are found from the last rank to the first, and
 * D_i = M_i + log S_i; from the first to the last, the sum of w_j a_j exp(D_i - D_j) over j <= i.
 * So no exponential exceeds 1, and all but those where M changes are computed on vectors. The time
 * is that of sorting.
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

/* The coefficients a of the ranks of n items. */
typedef void rg__rank_coefficients(const void *params, int64_t n, double *a);

/* The loss; keeps the gradients for rg__kept_backward. */
double rg__plackett_luce_forward(rg_list *list, rg__rank_coefficients *coefficients);

#define RG__PLACKETT_LUCE_WORKSPACE                                                                \
    {                                                                                              \
        .scratch = RG__SORT_ROOM + 8, .kept = RG__KEPT                                             \
    }

#endif

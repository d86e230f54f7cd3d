/* listmle: the negative log likelihood of the order of the labels (Xia et al. 2008), as rax 0.4.0;
 * model, gradient, ties and corners: plackett_luce.h, with a_i = 1.
 *
 *     L = sum_i w_i (log sum_{j >= i} exp(s_j) - s_i),    ranks i by label
 *
 * Labels of 0 take part: every order of the list has a likelihood. rax and allRank have no weights;
 * here an item's weight multiplies its own term. At equal scores rax's gradient is wrong (it goes
 * through a cumulative maximum, whose derivative at ties it splits); the formula's is used here. */
#include "loss/plackett_luce.h"

struct listmle {
    int ties; /* first; see plackett_luce.h */
};

static void ones(const void *params, int64_t n, double *a)
{
    (void)params;
    for (int64_t i = 0; i < n; i++)
        a[i] = 1;
}

static double forward(rg_list *list)
{
    return rg__plackett_luce_forward(list, ones);
}

static const rg_param params[] = {RG__PLACKETT_LUCE_TIES(struct listmle)};

const rg_loss rg__loss_listmle = {
    .component = {.name = "listmle",
                  .formula = "L = sum_i w_i (log sum_{j >= i} exp(s_j) - s_i), ranks i by label",
                  RG__PARAMS(struct listmle, params)},
    .properties = {.shift_invariant = true, .constant_labels = true, .unit = RG_UNIT_LISTS},
    .workspace = RG__PLACKETT_LUCE_WORKSPACE,
    .forward = forward,
    .backward = rg__kept_backward};

/* p_listmle: position-aware ListMLE (Lan et al. 2014): the likelihood of the order of the labels
 * with a coefficient for each rank, which makes the top count more; see plackett_luce.h.
 *
 *     L = sum_i w_i a_i (log sum_{j >= i} exp(s_j) - s_i),    ranks i = 1..n by label
 *
 * `discount` exp, the paper's: a_i = 2^(n - i) - 1, here divided by its sum over the list,
 * 2^n - n - 1: without that a list of 120 items outweighs one of 20 by 2^100, and one of 1,025
 * overflows. In this form a_i = (2^-i - 2^-n) / (1 - (n + 1) 2^-n), which is computed; a list of
 * one item has a_1 = 0. `discount` paper does not divide (TF-Ranking 0.5.5's
 * create_p_list_mle_lambda_weight, allRank: none). `discount` log2: a_i = 1 / log2(1 + i), as in
 * DCG.
 *
 * Gradient, ties and corners: plackett_luce.h. */
#include "loss/plackett_luce.h"

#include "ranking/gain.h"

#include <math.h>

enum { DISCOUNT_EXP, DISCOUNT_PAPER, DISCOUNT_LOG2 };

struct p_listmle {
    int ties; /* first; see plackett_luce.h */
    int discount;
};

static void coefficients(const void *own, int64_t n, double *a)
{
    int discount = ((const struct p_listmle *)own)->discount;
    double items = (double)n, last = exp2(-items), power = 1; /* 2^-rank */
    for (int64_t i = 0; i < n; i++) {
        power /= 2;
        if (discount == DISCOUNT_LOG2)
            a[i] = rg__discounts(i, i + 1);
        else if (discount == DISCOUNT_PAPER)
            a[i] = exp2(items - 1 - (double)i) - 1;
        else
            a[i] = n == 1 ? 0 : (power - last) / (1 - (items + 1) * last);
    }
}

static double forward(rg_list *list)
{
    return rg__plackett_luce_forward(list, coefficients);
}

static const char *discount_at(int i)
{
    static const char *const names[] = {
        [DISCOUNT_EXP] = "exp", [DISCOUNT_PAPER] = "paper", [DISCOUNT_LOG2] = "log2"};
    return i >= 0 && i < RG__COUNT(names) ? names[i] : NULL;
}

static const rg_param params[] = {
    RG__PLACKETT_LUCE_TIES(struct p_listmle),
    RG__NAME(struct p_listmle, discount, DISCOUNT_EXP, discount_at,
             .help = "Coefficients of the ranks: exp is 2^(n - i) - 1 over its sum; paper is the "
                     "same without dividing, for short lists; log2 is 1 / log2(1 + i)"),
};

const rg_loss rg__loss_p_listmle = {
    .component = {.name = "p_listmle",
                  .formula =
                      "L = sum_i w_i a_i (log sum_{j >= i} exp(s_j) - s_i), ranks i by label, "
                      "a_i from discount",
                  RG__PARAMS(struct p_listmle, params)},
    .properties = {.shift_invariant = true, .constant_labels = true, .unit = RG_UNIT_LISTS},
    .workspace = RG__PLACKETT_LUCE_WORKSPACE,
    .forward = forward,
    .backward = rg__kept_backward};

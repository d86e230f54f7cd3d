/* pairs.h (internal): losses over the pairs of a list.
 *
 *     L = sum_{y_i > y_j} w_i lambda_ij l(s_i - s_j, y_i - y_j)
 *
 * A loss gives l and its slope l' in the difference of the scores; lambda_ij is 1 or a weight of
 * lambda.h. Backward, from l' alone:
 *
 *     dL/ds_k = sum_{j: y_k > y_j} w_k lambda_kj l'_kj - sum_{i: y_i > y_k} w_i lambda_ik l'_ik
 *     dL/dw_k = sum_{j: y_k > y_j} lambda_kj l_kj
 *
 * Both are found by forward, together with the value (they share exponentials), and kept; backward
 * multiplies them by the upstream gradient. Labels are only compared, or constants: their gradient
 * is 0.
 *
 * Pairs are visited in blocks of one item i against consecutive items j, in O(n) memory. Items are
 * sorted by label, score and weight first, and sums run in that order: the bits of value and
 * gradient do not depend on the order of the rows.
 *
 * Corners. No pair: 0. At a logit of -inf a pair is what the formula says, the limit of l; with
 * both at -inf their difference is NaN, and so are the value and the gradients of both items. A
 * pair of weight w_i lambda_ij = 0 adds nothing, even where l is infinite. */
#ifndef RG_LOSS_PAIRS_H
#define RG_LOSS_PAIRS_H

#include "loss/lambda.h"
#include "loss/losses.h"

enum { RG__PAIR_BLOCK = 256 };

/* A list on its way through forward. */
struct rg__pairs {
    rg_list *list;
    int64_t n;
    struct rg__item *items;       /* sorted by label, score and weight */
    struct rg__item *spare;       /* (n / 2) */
    double *s, *y, *w;            /* (n) in the order of items */
    double *value, *row, *column; /* (n) 0 at first: sums of l over j, of l' over j, and of -w_i l'
                                     over i; of the item that is j, i or k above */
    double *room;                 /* (RG__LAMBDA_ROOM n) for the loss or for lambda */
    bool weighted;                /* whether there are lambda weights */
    struct rg__lambda_table weights;
};

/* Pairs of item i with the n items from `begin` on, at most RG__PAIR_BLOCK. */
struct rg__pair_block {
    const struct rg__pairs *pairs;
    int64_t i, begin, n;
    const double *score;   /* s_i - s_j */
    const double *label;   /* y_i - y_j */
    double *value, *slope; /* results: l and l' */
};

typedef void rg__pair_loss(const struct rg__pair_block *block);

/* Forward; `all`: over all n^2 ordered pairs. The struct of parameters begins with struct
 * rg__lambda. */
double rg__pairs_forward(rg_list *list, rg__pair_loss *loss, bool all);

/* Backward of any loss that leaves kept[k] = dL/ds_k and kept[n + k] = dL/dw_k. */
void rg__pairs_backward(rg_list *list, double upstream);

/* The properties that depend on lambda. */
void rg__pairs_adjust(const void *params, rg_loss_properties *properties);

/* The members of the struct rg_loss. */
#define RG__PAIRS_PROPERTIES                                                                       \
    {                                                                                              \
        .shift_invariant = true, .constant_labels = true, .unit = RG_UNIT_PAIRS                    \
    }
enum { RG__PAIRS_SCRATCH = 11 + RG__LAMBDA_ROOM };
#define RG__PAIRS_WORKSPACE                                                                        \
    {                                                                                              \
        .scratch = RG__PAIRS_SCRATCH, .kept = 2                                                    \
    }

/* ---- The parts of forward, for losses that do not just visit the pairs ----------------------- */

/* Sorts the list and prepares the weights. */
void rg__pairs_open(rg_list *list, const struct rg__lambda *lambda, struct rg__pairs *pairs);

/* Adds all pairs to value, row and column. */
void rg__pairs_visit(struct rg__pairs *pairs, rg__pair_loss *loss, bool all);

/* The loss; keeps the gradients. */
double rg__pairs_close(const struct rg__pairs *pairs);

/* The end of the items with the label of item `begin`. */
int64_t rg__equal_labels_end(const struct rg__pairs *pairs, int64_t begin);

#endif

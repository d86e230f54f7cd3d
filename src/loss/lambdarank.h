/* lambdarank.h (internal): LambdaRank as LightGBM and XGBoost compute it.
 *
 *     L = c sum_{y_i > y_j} w_i lambda_ij f_ij log(1 + exp(-sigma (s_i - s_j)))
 *
 * These libraries define gradients only; L is the function whose gradient they are while c, lambda
 * and f are constants:
 *
 *     f_ij = 1 / (0.01 + |s_i - s_j|), or 1 where all scores of the list are equal
 *     c = log2(1 + S) / S,    S = 2 sum_{y_i > y_j} of the absolute slopes, without c and w
 *
 * f and c depend on the scores, so that the gradient is not the derivative of L, and L must not be
 * compared between models. A list's weight in the data is rg_loss_options.list_weights; both
 * libraries multiply the gradient of item k by its weight, we multiply the pair by w_i.
 *
 * Corners. With f, a pair with a score of -inf costs the limit of f log(1 + exp(-sigma d)): 0 where
 * it is in the right order, else sigma. Its slope is 0, as in both libraries.
 *
 * Backward. The slope in s_i - s_j is -sigma / (1 + exp(sigma (s_i - s_j))), times c lambda f;
 * pairs.h turns slopes into gradients. */
#ifndef RG_LOSS_LAMBDARANK_H
#define RG_LOSS_LAMBDARANK_H

#include "loss/pairs.h"

struct rg__lambdarank {
    struct rg__lambda lambda;
    double sigma;
    bool by_distance;   /* f; else 1 */
    bool by_sum;        /* c; else 1 */
    double *one_out_of; /* (n) room for 1 / (items with another label than item i's); a pair is
                            multiplied by the sum of its two; NULL: 1 */
    double factor;      /* of all pairs */
    double
        *curvature; /* (n) added to by row: sums over an item's pairs of c w_i lambda_ij f_ij times
                           the second derivative of log(..); NULL: not wanted */
};

double rg__lambdarank_forward(rg_list *list, const struct rg__lambdarank *how);

#endif

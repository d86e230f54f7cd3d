/* parts.h (internal): what several losses in double share.
 *
 * Softmax of a list: with m = max x and S = sum_j exp(x_j - m),
 *
 *     p_k = exp(x_k - m) / S,    -log p_k = log S - (x_k - m)
 *
 * which neither overflows nor, at x_k far below m, loses the logarithm.
 *
 * Kept gradients: a loss whose value and gradients come from the same pass computes both in
 * forward, as if the upstream gradient were 1, and its backward is rg__kept_backward. */
#ifndef RG_LOSS_PARTS_H
#define RG_LOSS_PARTS_H

#include "base/component.h"
#include "loss/losses.h"

#include <string.h>

/* ---- Softmax ---- */

struct rg__softmax {
    double max, log_sum; /* m and log S */
};

/* The softmax of x (n > 0), p_k into p (n). All x_k at -inf: NaN. */
struct rg__softmax rg__softmax(const rg_context *ctx, const double *x, int64_t n, double *p);

/* -log p_k of x_k. */
static inline double rg__surprise(const struct rg__softmax *softmax, double x)
{
    return softmax->log_sum - (x - softmax->max);
}

/* c x, and 0 for c = 0 even where x is infinite: an item with coefficient 0 is not there. */
static inline double rg__times(double c, double x)
{
    /* Without a branch: whether c is 0 is random where c comes from labels. */
    uint64_t bits, mask = 0 - (uint64_t)(c != 0);
    memcpy(&bits, &x, sizeof bits);
    bits &= mask;
    memcpy(&x, &bits, sizeof x);
    return c * x;
}

/* The logarithm of a sum of exponentials, m + log(sum), to which terms are added one by one. Begin
 * with RG__LOG_SUM_OF_NOTHING. */
struct rg__log_sum {
    double max, sum;
};

#define RG__LOG_SUM_OF_NOTHING                                                                     \
    {                                                                                              \
        -(double)INFINITY, 0                                                                       \
    }

void rg__log_sum_add(struct rg__log_sum *sum, double x);
double rg__log_sum_value(const struct rg__log_sum *sum);

/* ---- Kept gradients ---- */

enum { RG__KEPT = 3 }; /* numbers per item in the workspace */

/* (n) each, in `kept`: the gradients for an upstream gradient of 1. */
struct rg__kept {
    double *logits, *labels, *weights;
};

/* The kept gradients of the list, set to 0. */
struct rg__kept rg__kept_zeros(rg_list *list);

/* labels_k = w_k by_z_k and weights_k = y_k by_z_k, for a loss of z = labels times weights. Short
 * loops like these are compiled to vectors. */
void rg__kept_products(const rg_list *list, const double *by_z, struct rg__kept *grad);

/* Adds upstream times the kept gradients. */
void rg__kept_backward(rg_list *list, double upstream);

/* ---- Sorted items ---- */

enum { RG__SORT_ROOM = 5 }; /* numbers per item in the scratch */

/* The tie of an order, whose user is the list: by score, label, weight, position and id. Items that
 * are still equal are interchangeable, so that sums in this order do not depend on the rows. */
int rg__by_values(const void *user, const struct rg__item *a, const struct rg__item *b);

/* The items in the order, in `room` (RG__SORT_ROOM n). */
struct rg__item *rg__sorted_items(const rg_list *list, const struct rg__order *order, double *room);

/* ---- Random numbers of items ---- */

/* u (n) uniform in [0,1), each a function of the item's id, the draw of the list, a seed and a
 * number < 2^16. */
void rg__item_uniforms(const rg_list *list, int64_t seed, int64_t sample, double *u);

/* ---- Pointwise losses ---- */

enum { RG__POINT_BLOCK = 256 };

/* At most RG__POINT_BLOCK items, and the results: the loss l of each and its slopes in s and y. */
struct rg__points {
    const rg_list *list;
    int64_t n;
    const double *s, *y;
    double *value, *by_s, *by_y;
};

typedef void rg__point_loss(const struct rg__points *points);

/* L = sum_k w_k l(s_k, y_k); RG__POINTWISE_WORKSPACE is the loss's workspace. */
double rg__points_forward(const rg_list *list, rg__point_loss *loss);
void rg__points_backward(rg_list *list, double upstream, rg__point_loss *loss);

#define RG__POINTWISE_WORKSPACE                                                                    \
    {                                                                                              \
        .scratch = 1                                                                               \
    }

/* The functions forward and backward of a pointwise loss. */
#define RG__POINTWISE(loss)                                                                        \
    static double forward(rg_list *list)                                                           \
    {                                                                                              \
        return rg__points_forward(list, loss);                                                     \
    }                                                                                              \
    static void backward(rg_list *list, double upstream)                                           \
    {                                                                                              \
        rg__points_backward(list, upstream, loss);                                                 \
    }

#endif

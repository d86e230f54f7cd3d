/* soft_ndcg.h (internal): the NDCG of soft ranks pi (soft_rank.h), for approx_ndcg and
 * gumbel_approx_ndcg; and the gains and ideal ranking of all losses that approximate NDCG, whose
 * discounts d are other functions of the scores.
 *
 *     g_i = w_i (2^{y_i} - 1),    d(r) = 1 / log2(1 + r)
 *     D = sum_i g_i d(pi_i),    I = sum_i g_i d(rank of g_i),    L = -V = -D / I
 *
 * Weights multiply the gains of the ideal ranking I too, as in rax. Labels that are not above 0
 * gain 0, as in the metrics of this library (rax: 2^y - 1, which is negative below 0).
 *
 * Gradient. From d'(r) = -d(r)^2 / ((1 + r) log 2),
 *
 *     dL/dpi_i = g_i d(pi_i)^2 / ((1 + pi_i) I log 2)
 *
 * and soft_rank.h takes it to the scores. With d*_i the discount of i in the ideal ranking,
 * for equal gains the mean over their ranks,
 *
 *     dL/dg_i = -(d(pi_i) - V d*_i) / I
 *     dL/dw_i = (2^{y_i} - 1) dL/dg_i        dL/dy_i = w_i log(2) 2^{y_i} dL/dg_i, 0 for y_i <= 0
 *
 * Corners. A list without a gain gives 0. An item at -inf is unranked, its discount is 0, as in
 * rax. Gains are divided by a power of two, which cancels, so that labels up to 1023 do not
 * overflow. */
#ifndef RG_LOSS_SOFT_NDCG_H
#define RG_LOSS_SOFT_NDCG_H

#include "loss/soft_rank.h"

#include <rankgrad/ranking.h>

struct rg__gains {
    const rg_list *list;
    double *gain, *star; /* (n) g and d* */
    double *room;        /* (RG__SORT_ROOM, n) free for use between the functions below */
    double ideal;        /* I; 0: there is no gain */
    int exponent;        /* gains are divided by 2^exponent */
    rg_gain kind;
    int64_t topn; /* discounts are 0 behind this rank; 0: none is */
};

enum { RG__GAINS_ROOM = 2 + RG__SORT_ROOM }; /* numbers per item */

/* The gains 2^y - 1 of a list; `room` holds RG__GAINS_ROOM n. */
struct rg__gains rg__gains_of(const rg_list *list, double *room);

/* The gains of that kind, and the ideal of the first `topn` ranks (0: of all). */
struct rg__gains rg__gains_cut(const rg_list *list, rg_gain kind, int64_t topn, double *room);

/* -V for the discounts d of the items, and `part` times the gradients of labels and weights added
 * to grad. */
double rg__gains_add(const struct rg__gains *gains, const double *discount, double part,
                     struct rg__kept *grad);

enum { RG__SOFT_NDCG_ROOM = 4 + RG__GAINS_ROOM }; /* numbers per item */

/* -V of the scores x (n), and `part` times its gradients added to grad: for scores, labels and
 * weights. `room` holds RG__SOFT_NDCG_ROOM n. */
double rg__soft_ndcg_add(const rg_list *list, const double *x, double temperature, double part,
                         double *room, struct rg__kept *grad);

#endif

/* soft_sums.h (internal): the loops over pairs of items of soft ranks and of SoftRank, compiled for
 * each x86-64 level with the same bits. */
#ifndef RG_LOSS_SOFT_SUMS_H
#define RG_LOSS_SOFT_SUMS_H

#include "base/base.h"

struct rg__soft_sums {
    /* sum_j e_j / (own + e_j). The order of the items changes no bit, here and in slopes. */
    double (*shares)(const double *e, int64_t n, double own);

    /* sum_j q_j (a_j - own_a), q_j = own e_j / (own + e_j)^2; `most` is the largest |a_j|. */
    double (*slopes)(const double *e, const double *a, int64_t n, double own, double own_a,
                     double most);

    /* q_m *= prod_i (lose_i + win_i x_m), for m < n_nodes, a multiple of 8. */
    void (*products)(const double *lose, const double *win, int64_t n, const double *x, int n_nodes,
                     double *q);

    /* sum_i = sum_m c_m / (lose_i + win_i x_m). */
    void (*quotients)(const double *lose, const double *win, int64_t n, const double *x,
                      const double *c, int n_nodes, double *sum);
};

/* The loops for the level of a context. */
const struct rg__soft_sums *rg__soft_sums(const rg_context *ctx);

#endif

/* soft_rank.h (internal): ranks that are differentiable (Qin, Liu and Li 2010), and the losses that
 * put them into metrics.
 *
 * The rank of item i is 1 plus the number of items with a larger score. With the step replaced by
 * a sigmoid of width `temperature` T,
 *
 *     pi_i = 1 + sum_{j != i} sigmoid((s_j - s_i) / T)
 *
 * which tends to the rank as T tends to 0. With q_ij = sigmoid'((s_j - s_i) / T), which is the same
 * for (i, j) and (j, i), and a_i = dL/dpi_i,
 *
 *     dpi_i/ds_j = q_ij / T,    dpi_i/ds_i = -sum_{j != i} q_ij / T
 *     dL/ds_k = sum_j q_kj (a_j - a_k) / T
 *
 * so that the gradient sums to 0. Equal scores count 1/2 each, two of -inf too.
 *
 * Kernel. All pairs in blocks of items, O(n) memory. With e_i = exp((s_i - max s) / T) a sigmoid is
 * e_j / (e_i + e_j), one division instead of an exponential, as long as no e underflows; a list
 * whose scores are further apart takes an exponential for each pair. */
#ifndef RG_LOSS_SOFT_RANK_H
#define RG_LOSS_SOFT_RANK_H

#include "loss/parts.h"

/* The soft ranks of s (n); `room` has n numbers, for backward too. */
void rg__soft_ranks(const rg_context *ctx, const double *s, int64_t n, double temperature,
                    double *room, double *rank);

/* Sets grad_k = dL/ds_k from slope_i = dL/dpi_i; `room` is what rg__soft_ranks left. */
void rg__soft_ranks_backward(const rg_context *ctx, const double *s, int64_t n, double temperature,
                             double *room, const double *slope, double *grad);

/* ---- Approximate metrics of relevant items --------------------------------------------------- */

/* A metric V of soft ranks; the loss is -V. An item is relevant if its label is at least
 * `threshold`, and its relevance r_i is then its weight, else 0.
 *
 * A cutoff at rank k = `topn` is soft too: with v_i = -pi_i and b half way between the k-th and the
 * next largest v, the item is kept with c_i = sigmoid((v_i - b) / T). All are kept (c_i = 1) in a
 * list of at most k items, and where k is 0. An item at -inf is unranked: c_i = 0. As rax 0.4.0's
 * approx_t12n, which however takes b as a constant in the gradient; here
 *
 *     dc_i/dpi_j = c_i (1 - c_i) / T (db' - [i = j]),   db' = 1/2 where j is the k-th or the next
 *
 * is the derivative of the value. Of equal v at the cutoff each gets an equal part. */
struct rg__approx_params {
    double temperature, threshold;
    int64_t topn;
};

#define RG__APPROX_PARAMS(owner, topn_)                                                            \
    RG__TEMPERATURE(owner),                                                                        \
        RG__REAL(owner, threshold, 1, -1e30, 1e30, .help = "Least label of a relevant item"),      \
        RG__INTEGER(owner, topn, topn_, 0, 1e9,                                                    \
                    .help = "Rank from which on items do not count; 0: all count")

#define RG__TEMPERATURE(owner)                                                                     \
    RG__REAL(owner, temperature, 1, 0, 1e6, .above = true,                                         \
             .help = "Width of the sigmoids; ranks are exact as it tends to 0", .training = "0.1", \
             .training_reason = RG__TEMPERATURE_REASON)

#define RG__TEMPERATURE_REASON "with 1, ranks become distinct only when scores are far apart"

struct rg__approx {
    int64_t n;
    const rg_context *ctx;
    double *rank, *kept, *relevance; /* (n) pi, c and r */
    double relevant;                 /* the sum of r; above 0 */
    struct rg__item *items;          /* by rank, the first first; `row` is the item's place */
    double *by_rank, *by_kept, *by_relevance; /* (n) 0 at first; results: dV/dpi, dV/dc, dV/dr */
    double *term;                             /* (n) for terms of sums (rg__sum_of) */
};

/* V, with its derivatives. */
typedef double rg__approx_metric(struct rg__approx *approx);

/* -V, 0 without a relevant item; keeps the gradients. The parameters are struct
 * rg__approx_params. */
double rg__approx_forward(rg_list *list, rg__approx_metric *metric);

#define RG__APPROX_WORKSPACE                                                                       \
    {                                                                                              \
        .scratch = RG__SORT_ROOM + 8, .kept = RG__KEPT                                             \
    }

#define RG__APPROX_PROPERTIES                                                                      \
    {                                                                                              \
        .shift_invariant = true, .constant_labels = true, .unit = RG_UNIT_LISTS                    \
    }

#endif

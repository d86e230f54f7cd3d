/* pairwise_circle: circle loss (Sun et al. 2020, equation 6), for graded labels as in TF-Ranking.
 *
 *     L = log(1 + sum_{y_i > y_j} w_i exp(p_i + q_j)),    m = margin,
 *     p_i = gamma a_i (1 - m - s_i),    a_i = max(0, 1 + m - s_i)
 *     q_j = gamma b_j (s_j - m),        b_j = max(0, s_j + m)
 *
 * Scores are similarities: with `bounded` they are clipped to [0, 1] first (TF-Ranking), and have
 * no gradient outside.
 *
 * The exponential of a pair is a product, so that sums over pairs are sums over label levels: with
 * A_j the log of sum_{y_i > y_j} w_i exp p_i and B_i that of sum_{y_j < y_i} exp q_j, both from one
 * pass over the items sorted by label, L = log(1 + sum_j exp(A_j + q_j)). Time is O(n log n). Sums
 * are kept as logs: exponents reach gamma.
 *
 * Backward. From d log(1 + Z) = dZ / (1 + Z) and 1 + Z = exp L,
 *
 *     dL/ds_k = w_k exp(p_k + B_k - L) p'_k + exp(A_k + q_k - L) q'_k
 *     dL/dw_k = exp(p_k + B_k - L)
 *     p' = -gamma a,  q' = gamma b  while a and b are constants (`detach`, as in the paper), else
 *     p' = -gamma (a + 1 - m - s) where a > 0,  q' = gamma (b + s - m) where b > 0
 *
 * Corners. No pair: 0. Where a or b is 0, so is p or q, at s = -inf too. A negative weight: NaN. */
#include "loss/pairs.h"

#include <math.h>

struct pairwise_circle {
    double gamma, margin;
    bool bounded, detach;
};

/* log(exp a + exp b). */
static double log_add(double a, double b)
{
    double high = a > b ? a : b, low = a > b ? b : a;
    return low == -(double)INFINITY ? high : high + log1p(exp(low - high));
}

/* gamma a x with a = max(0, x + 2 m), and its slope in x; p is this at 1 - m - s, q at s - m. */
static double exponent(const struct pairwise_circle *params, double x, double *slope)
{
    double a = x + 2 * params->margin;
    if (a <= 0) {
        *slope = 0;
        return 0;
    }
    *slope = params->gamma * (params->detach ? a : a + x);
    return params->gamma * a * x;
}

/* A and B of the items. */
static void sum_levels(const struct rg__pairs *p, const double *up, const double *down, double *a,
                       double *b)
{
    double sum = -(double)INFINITY;
    for (int64_t begin = 0, end; begin < p->n; begin = end) {
        end = rg__equal_labels_end(p, begin);
        for (int64_t i = begin; i < end; i++)
            a[i] = sum;
        for (int64_t i = begin; i < end; i++)
            sum = log_add(sum, up[i] + log(p->w[i]));
    }
    sum = -(double)INFINITY;
    for (int64_t end = p->n, begin; end > 0; end = begin) {
        for (begin = end - 1; begin > 0 && p->y[begin - 1] == p->y[begin];)
            begin--;
        for (int64_t i = begin; i < end; i++)
            b[i] = sum;
        for (int64_t i = begin; i < end; i++)
            sum = log_add(sum, down[i]);
    }
}

static double forward(rg_list *list)
{
    const struct pairwise_circle *params = list->params;
    const struct rg__lambda none = {.lambda = RG__LAMBDA_NONE};
    struct rg__pairs p;
    rg__pairs_open(list, &none, &p);
    int64_t n = p.n;
    double *up = p.room, *down = up + n, *up_slope = down + n, *down_slope = up_slope + n;
    double *a = down_slope + n, *b = a + n, loss = 0;
    for (int64_t i = 0; i < n; i++) {
        double s = params->bounded ? fmin(fmax(p.s[i], 0), 1) : p.s[i];
        up[i] = exponent(params, 1 - params->margin - s, &up_slope[i]);
        down[i] = exponent(params, s - params->margin, &down_slope[i]);
    }
    sum_levels(&p, up, down, a, b);
    for (int64_t i = 0; i < n; i++)
        loss = log_add(loss, a[i] + down[i]);
    for (int64_t i = 0; i < n; i++) {
        bool flat = params->bounded && (p.s[i] < 0 || p.s[i] > 1);
        double by_weight = exp(up[i] + b[i] - loss);
        p.value[i] = by_weight;
        p.row[i] = flat ? 0 : -by_weight * up_slope[i];
        p.column[i] = flat ? 0 : exp(a[i] + down[i] - loss) * down_slope[i];
    }
    rg__pairs_close(&p);
    return loss;
}

static void adjust(const void *params, rg_loss_properties *properties)
{
    properties->constant_factors = ((const struct pairwise_circle *)params)->detach;
}

static const rg_param params[] = {
    RG__REAL(struct pairwise_circle, gamma, 64, 0, 1e6, .above = true, .help = "Scale",
             .training = "1",
             .training_reason = "64, which is meant for cosine similarities, makes the loss that "
                                "of the worst pair alone"),
    RG__REAL(struct pairwise_circle, margin, 0.25, 0, 1,
             .help = "Distance of similarities from 1 and 0 at which pairs cost little"),
    RG__FLAG(struct pairwise_circle, bounded, true, .help = "Whether scores are clipped to [0, 1]"),
    RG__FLAG(struct pairwise_circle, detach, true,
             .help = "Whether the weights a and b are constants for the gradient"),
};

const rg_loss rg__loss_pairwise_circle = {
    .component = {.name = "pairwise_circle",
                  .formula = "L = log(1 + sum_{y_i > y_j} w_i exp(gamma (a_i (1 - margin - s_i) + "
                             "b_j (s_j - margin))))",
                  RG__PARAMS(struct pairwise_circle, params)},
    .properties = {.constant_labels = true, .unit = RG_UNIT_LISTS},
    .adjust = adjust,
    .workspace = RG__PAIRS_WORKSPACE,
    .forward = forward,
    .backward = rg__pairs_backward};

/* ranking_softmax: listwise softmax cross-entropy, as one node with a hand-derived backward.
 *
 * For one list with logits s, labels y, weights w over its valid items:
 *
 *     z_k = y_k w_k          t = z (raw), z / sum z (normalized), softmax(z) (softmax),
 *                            (2^y_k - 1) w_k (exp2)
 *     x_k = s_k / temperature
 *     l_k = -log p_k = log S - (x_k - m),    m = max x,  S = sum_j exp(x_j - m)
 *     L   = sum_k t_k l_k
 *
 * Backward, R the upstream gradient, T = sum_k t_k. From d log S / ds_j = p_j:
 *
 *     dL/dx_j = sum_k t_k (p_j - [j = k]) = T p_j - t_j,    dL/ds_j = dL/dx_j / temperature
 *     dL/dt_k = l_k, and through t:
 *     raw         dL/dz_k = l_k
 *     normalized  dL/dz_k = (l_k - L) / sum z
 *     softmax     dL/dz_k = t_k (l_k - L)
 *     dL/dy_k = w_k dL/dz_k      dL/dw_k = y_k dL/dz_k
 *     exp2        dL/dy_k = w_k 2^y_k log(2) l_k     dL/dw_k = (2^y_k - 1) l_k
 *
 * In exp2 the weight multiplies the gain, not the label, so that an item of weight 2 counts like
 * two items. TF-Ranking divides the logits by its temperature in the same way.
 *
 * Numerics. L is summed term by term, since T log S - sum t (x - m) overflows and cancels. 0 log 0
 * is 0: an item with t_k = 0 adds nothing even if l_k is infinite. If S is NaN, so is L, even if
 * all labels are zero. If all logits are -inf, m is -inf, and x - m and S are NaN. Sums are in
 * double and do not depend on the order of the items (exact_sum.h). docs/ranking-softmax.md has the
 * derivation. */
#include "loss/lists.h"

/* The state kept for backward: m, S, L, sum z (normalized), T. */
enum { MAX, SUM, LOSS, MASS, TOTAL, N_STATE };

static const double LN_2 = 0.69314718055994530942;

static rg_label_mode F(mode_of)(const struct F(rg__list) * list)
{
    return (rg_label_mode)((const rg_ranking_softmax_params *)list->params)->label_mode;
}

static double F(temperature)(const struct F(rg__list) * list)
{
    return ((const rg_ranking_softmax_params *)list->params)->temperature;
}

/* x: the logits, or in the second n numbers of the scratch their quotients by the temperature. */
static const real *F(scaled)(const struct F(rg__list) * list)
{
    double temperature = F(temperature)(list);
    real *x = list->scratch + list->n;
    if (temperature == 1)
        return list->s;
    for (int64_t k = 0; k < list->n; k++)
        x[k] = (real)(ACC(list->s[k]) / temperature);
    return x;
}

/* Writes e = exp(x - max) and returns its sum, in double. e may be x. */
static double F(sum_exp)(const struct F(rg__list) * list, const real *x, real max, real *e)
{
    list->vector->exp(x, list->n, max, e);
    return list->vector->sum(e, list->n, 1);
}

/* Computes t from labels and weights, in the scratch unless t is the labels themselves; *mass gets
 * sum z (normalized). */
static const real *F(targets)(const struct F(rg__list) * list, double *mass)
{
    rg_label_mode mode = F(mode_of)(list);
    if (!list->w && mode == RG_LABELS_RAW)
        return list->y;
    real *t = list->scratch;
    for (int64_t k = 0; k < list->n; k++) {
        real y = mode == RG_LABELS_EXP2 ? (real)expm1(ACC(list->y[k]) * LN_2) : list->y[k];
        t[k] = list->w ? y * list->w[k] : y;
    }
    if (mode == RG_LABELS_NORMALIZED) {
        *mass = list->vector->sum(t, list->n, (double)INFINITY);
        for (int64_t k = 0; k < list->n; k++)
            t[k] = *mass == 0 ? 0 : (real)(ACC(t[k]) / *mass);
    }
    if (mode == RG_LABELS_SOFTMAX) {
        double sum = F(sum_exp)(list, t, list->vector->max(t, list->n), t);
        for (int64_t k = 0; k < list->n; k++)
            t[k] = (real)(ACC(t[k]) / sum);
    }
    return t;
}

static double F(list_forward)(struct F(rg__list) * list)
{
    double *state = list->state;
    const real *t = F(targets)(list, &state[MASS]), *x = F(scaled)(list);
    real max = list->vector->max(x, list->n);
    state[MAX] = ACC(max);
    state[SUM] = F(sum_exp)(list, x, max, list->kept);
    double loss =
        list->vector->cross_entropy(t, x, list->n, state[MAX], log(state[SUM]), &state[TOTAL]);
    state[LOSS] = isnan(state[SUM]) ? (double)NAN : loss;
    return state[LOSS];
}

/* dL/dz_k. */
static inline double F(slope)(const struct F(rg__list) * list, real t, double l)
{
    const double *state = list->state;
    rg_label_mode mode = F(mode_of)(list);
    if (mode == RG_LABELS_NORMALIZED)
        return state[MASS] == 0 ? 0 : (l - state[LOSS]) / state[MASS];
    return mode == RG_LABELS_SOFTMAX ? ACC(t) * (l - state[LOSS]) : l;
}

static void F(list_backward)(struct F(rg__list) * list, double upstream)
{
    const double *state = list->state;
    double mass;
    const real *t = F(targets)(list, &mass);
    if (list->ds) /* upstream (T p - t) / temperature */
        list->vector->add_difference(list->kept, t, list->n, state[TOTAL] / state[SUM],
                                     upstream / F(temperature)(list), list->ds);
    if (!list->dy && !list->dw)
        return;
    const real *x = F(scaled)(list);
    bool exp2 = F(mode_of)(list) == RG_LABELS_EXP2;
    double log_sum = log(state[SUM]);
    for (int64_t k = 0; k < list->n; k++) {
        double l = log_sum - (ACC(x[k]) - state[MAX]), y = ACC(list->y[k]);
        double dz = upstream * F(slope)(list, t[k], l), gain = exp2 ? expm1(y * LN_2) : y;
        double slope = exp2 ? (gain + 1) * LN_2 * dz : dz; /* in y, but for the weight */
        if (list->dy)
            list->dy[k] += (real)(list->w ? ACC(list->w[k]) * slope : slope);
        if (list->dw)
            list->dw[k] += gain == 0 ? 0 : (real)(gain * dz); /* 0 log 0 */
    }
}

RG__LOSS_KERNELS(ranking_softmax, F(list_forward), F(list_backward))

#ifdef RG__ONCE
const char *rg_label_mode_name(rg_label_mode mode)
{
    static const char *const names[] = {"raw", "normalized", "softmax", "exp2"};
    return (unsigned)mode < RG__COUNT(names) ? names[mode] : NULL;
}

static const char *label_mode_at(int i)
{
    return rg_label_mode_name((rg_label_mode)i);
}

static const rg_param params[] = {
    RG__NAME(rg_ranking_softmax_params, label_mode, RG_LABELS_RAW, label_mode_at,
             .help = "Targets from labels times weights: raw leaves them as coefficients; "
                     "normalized divides them by their sum in the list; softmax takes their "
                     "softmax (ListNet); exp2 takes (2^label - 1) weight, the gain of DCG"),
    RG__REAL(rg_ranking_softmax_params, temperature, 1, 0, 1e6, .above = true,
             .help = "Divides the scores"),
};

/* With softmax, targets are positive for any labels and sum to 1. */
static void adjust(const void *own, rg_loss_properties *properties)
{
    int mode = ((const rg_ranking_softmax_params *)own)->label_mode;
    properties->needs_nonnegative_labels = mode != RG_LABELS_SOFTMAX;
    properties->scales_with_labels = mode == RG_LABELS_RAW;
    properties->ignores_zero_sums = mode == RG_LABELS_NORMALIZED;
    properties->most_label = mode == RG_LABELS_EXP2 ? 1023 : 0;
}

/* Raw labels without weights are the targets; at temperature 1 the logits are x. */
static void fit(const void *own, bool weighted, rg_workspace *workspace)
{
    const rg_ranking_softmax_params *p = own;
    if (p->temperature == 1)
        workspace->scratch = weighted || p->label_mode != RG_LABELS_RAW;
}

static const struct rg_loss_kernels kernels = {RG__LOSS_OPERATOR(ranking_softmax)};

const rg_loss rg__loss_ranking_softmax = {
    .component = {.name = "ranking_softmax",
                  .formula = "L = -sum_k t_k log softmax(s / temperature)_k, "
                             "t from labels * weights",
                  RG__PARAMS(rg_ranking_softmax_params, params)},
    .properties = {.shift_invariant = true, .unit = RG_UNIT_LISTS},
    .adjust = adjust,
    .workspace = {.scratch = 2, .kept = 1, .state = N_STATE},
    .fit = fit,
    .kernels = &kernels};

rg_node *rg_ranking_softmax_loss(rg_graph *graph, rg_node *logits, rg_node *labels,
                                 const rg_loss_options *options)
{
    return rg__apply_loss(graph, &rg__loss_ranking_softmax, logits, labels, options);
}
#endif

/* ranking_softmax: listwise softmax cross entropy, as one node with a backward derived by hand.
 *
 * For one list with logits s, labels y, weights w over its valid items:
 *
 *     z_k = y_k w_k          t = z (raw), z / sum z (normalized), softmax(z) (softmax)
 *     l_k = -log p_k = log S - (s_k - m),    m = max s,  S = sum_j exp(s_j - m)
 *     L   = sum_k t_k l_k
 *
 * Backward, R the upstream gradient, T = sum_k t_k. From d log S / ds_j = p_j:
 *
 *     dL/ds_j = sum_k t_k (p_j - [j = k]) = T p_j - t_j
 *     dL/dt_k = l_k, and through t:
 *     raw         dL/dz_k = l_k
 *     normalized  dL/dz_k = (l_k - L) / sum z
 *     softmax     dL/dz_k = t_k (l_k - L)
 *     dL/dy_k = w_k dL/dz_k      dL/dw_k = y_k dL/dz_k
 *
 * Numerics. L is summed term by term: T log S - sum t (s - m) overflows and cancels. 0 log 0 = 0:
 * an item with t_k = 0 adds nothing even where l_k is infinite. A NaN must not hide behind labels
 * that are all zero: whenever S is NaN, so is L. All logits at -inf make m = -inf, so s - m and S
 * are NaN: there is no distribution. Sums run in lanes, in double. */
#include "loss/lists.h"
#include "tensor/lanes.h"

/* What forward keeps for backward. */
enum { MAX, SUM, LOSS, MASS, TOTAL, N_STATE };

/* Items whose exponentials are summed at a time; the sums of the blocks are added. */
enum { BLOCK = 32 * LANES };

static rg_label_mode F(mode_of)(const struct F(rg__list) *list)
{
    return (rg_label_mode)((const rg_ranking_softmax_params *)list->params)->label_mode;
}

/* e = exp(x - max), and the sum of that, in double. e may be x. */
static double F(sum_exp)(const struct F(rg__list) *list, const real *x, real max, real *e)
{
    double sum = 0;
    for (int64_t begin = 0; begin < list->n; begin += BLOCK) {
        int64_t count = list->n - begin < BLOCK ? list->n - begin : BLOCK;
        sum += list->vector->exp(x + begin, count, max, e + begin);
    }
    return sum;
}

/* t from labels and weights, into the scratch unless the labels themselves are it; *mass gets
 * sum z (normalized). */
static const real *F(targets)(const struct F(rg__list) *list, double *mass)
{
    rg_label_mode mode = F(mode_of)(list);
    if (!list->w && mode == RG_LABELS_RAW)
        return list->y;
    real *t = list->scratch;
    for (int64_t k = 0; k < list->n; k++)
        t[k] = list->w ? list->y[k] * list->w[k] : list->y[k];
    if (mode == RG_LABELS_NORMALIZED) {
        *mass = F(lane_sum)(t, list->n);
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

static double F(list_forward)(struct F(rg__list) *list)
{
    double *state = list->state;
    const real *t = F(targets)(list, &state[MASS]);
    real max = list->vector->max(list->s, list->n);
    state[MAX] = ACC(max);
    state[SUM] = F(sum_exp)(list, list->s, max, list->kept);
    double loss =
        list->vector->cross(t, list->s, list->n, state[MAX], log(state[SUM]), &state[TOTAL]);
    state[LOSS] = isnan(state[SUM]) ? (double)NAN : loss;
    return state[LOSS];
}

/* dL/dt_k, times what the label mode makes of t. */
static inline double F(slope)(const struct F(rg__list) *list, real t, double l)
{
    const double *state = list->state;
    rg_label_mode mode = F(mode_of)(list);
    if (mode == RG_LABELS_NORMALIZED)
        return state[MASS] == 0 ? 0 : (l - state[LOSS]) / state[MASS];
    return mode == RG_LABELS_SOFTMAX ? ACC(t) * (l - state[LOSS]) : l;
}

static void F(list_backward)(struct F(rg__list) *list, double upstream)
{
    const double *state = list->state;
    double mass;
    const real *t = F(targets)(list, &mass);
    if (list->ds) /* upstream (T p - t) */
        list->vector->add_difference(list->kept, t, list->n, state[TOTAL] / state[SUM], upstream,
                                     list->ds);
    if (!list->dy && !list->dw)
        return;
    double log_sum = log(state[SUM]);
    for (int64_t k = 0; k < list->n; k++) {
        double l = log_sum - (ACC(list->s[k]) - state[MAX]);
        double dz = upstream * F(slope)(list, t[k], l);
        if (list->dy)
            list->dy[k] += (real)(list->w ? ACC(list->w[k]) * dz : dz);
        if (list->dw)
            list->dw[k] += list->y[k] == 0 ? 0 : (real)(ACC(list->y[k]) * dz); /* 0 log 0 */
    }
}

RG__LOSS_KERNELS(ranking_softmax, F(list_forward), F(list_backward))

#ifdef RG__ONCE
static rg_node *flat(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    static const int64_t offsets[] = {0, 3, 3, 4, 7};
    rg_loss_options o = {.offsets = offsets, .n_lists = 4, .weights = x[2]};
    return rg_ranking_softmax_loss(graph, x[0], x[1], &o);
}

/* The mask hides the second item of the first list and the whole last one. */
static rg_node *padded(rg_graph *graph, rg_node *const *x, rg_loss_options o)
{
    uint8_t where[] = {1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0};
    rg_tensor mask = {RG_BOOL, 2, {3, 4}, where};
    o.where = rg_constant(graph, &mask);
    o.weights = x[2];
    return rg_ranking_softmax_loss(graph, x[0], x[1], &o);
}

static rg_node *masked(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return padded(graph, x, (rg_loss_options){.reduction = RG_REDUCE_NONE});
}

static rg_node *normalized(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    static const rg_ranking_softmax_params params = {RG_LABELS_NORMALIZED};
    return padded(graph, x, (rg_loss_options){.params = &params});
}

static rg_node *softmax_labels(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    static const rg_ranking_softmax_params params = {RG_LABELS_SOFTMAX};
    return padded(graph, x, (rg_loss_options){.params = &params});
}

/* The sum of the losses, by way of the mask. */
static rg_node *by_caller(rg_graph *graph, rg_node *losses, rg_node *nonempty, void *user)
{
    (void)user;
    rg_node *counted = rg_cast(graph, nonempty, rg_node_value(losses)->dtype);
    return rg_sum(graph, rg_mul(graph, losses, counted), rg_all_axes());
}

static rg_node *reduced(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    rg_loss_options o = {.reduce = by_caller};
    return rg_ranking_softmax_loss(graph, x[0], x[1], &o);
}

/* The third list is empty. */
static rg_node *flat_lists(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    static const int64_t offsets[] = {0, 3, 5, 5, 7};
    rg_loss_options o = {.offsets = offsets, .n_lists = 4, .weights = x[3], .list_weights = x[2]};
    return rg_ranking_softmax_loss(graph, x[0], x[1], &o);
}

static rg_node *padded_lists(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    static const rg_ranking_softmax_params params = {RG_LABELS_SOFTMAX};
    rg_loss_options o = {.params = &params, .list_weights = x[2]};
    o.reduction = RG_REDUCE_NONE;
    return rg_ranking_softmax_loss(graph, x[0], x[1], &o);
}

static const struct rg__sample samples[] = {
    {"flat (7), offsets, weights (7), mean",
     3,
     {{1, {7}, -2, 2, 0}, {1, {7}, 0.5, 3, 0}, {1, {7}, 0.5, 2, 0}},
     .build = flat},
    {"padded (3,4), where, labels (4), weights (3,1), none",
     3,
     {{2, {3, 4}, -2, 2, 0}, {1, {4}, 0.5, 3, 0}, {2, {3, 1}, 0.5, 2, 0}},
     .build = masked},
    {"normalized labels (3,4), scalar weight",
     3,
     {{2, {3, 4}, -2, 2, 0}, {2, {3, 4}, 0.5, 3, 0}, {0, {0}, 0.5, 2, 0}},
     .build = normalized,
     .zero = "a normalised label does not feel a common weight"},
    {"softmax labels (3,4), weights (4)",
     3,
     {{2, {3, 4}, -2, 2, 0}, {2, {3, 4}, 0.5, 3, 0}, {1, {4}, 0.5, 2, 0}},
     .build = softmax_labels},
    {"padded (2,3), the caller's reduction",
     2,
     {{2, {2, 3}, -2, 2, 0}, {2, {2, 3}, 0.5, 3, 0}},
     .build = reduced},
    {"flat (7), offsets, list weights (4), weights (7), mean",
     4,
     {{1, {7}, -2, 2, 0}, {1, {7}, 0.5, 3, 0}, {1, {4}, 0.5, 2, 0}, {1, {7}, 0.5, 2, 0}},
     .build = flat_lists},
    {"padded (2,3,2), list weights (2,1), softmax labels, none",
     3,
     {{3, {2, 3, 2}, -2, 2, 0}, {3, {2, 3, 2}, 0.5, 3, 0}, {2, {2, 1}, 0.5, 2, 0}},
     .build = padded_lists},
};

/* ---- The entry of the table ---- */

const char *rg_label_mode_name(rg_label_mode mode)
{
    static const char *const names[] = {"raw", "normalized", "softmax"};
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
                     "softmax (ListNet)"),
};

/* The targets of softmax are positive whatever the labels, and always sum to 1. */
static void adjust(const void *own, rg_loss_properties *properties)
{
    int mode = ((const rg_ranking_softmax_params *)own)->label_mode;
    properties->needs_nonnegative_labels = mode != RG_LABELS_SOFTMAX;
    properties->scales_with_labels = mode == RG_LABELS_RAW;
    properties->ignores_zero_sums = mode == RG_LABELS_NORMALIZED;
}

/* The labels themselves are the targets. */
static void spare(const void *own, bool weighted, rg_workspace *workspace)
{
    if (!weighted && ((const rg_ranking_softmax_params *)own)->label_mode == RG_LABELS_RAW)
        workspace->scratch = 0;
}

RG__LOSS(ranking_softmax, "L = -sum_k t_k log softmax(s)_k, t from labels * weights", samples,
         spare, RG__LOSS_PARAMS(rg_ranking_softmax_params, params), .adjust = adjust,
         .properties = {.shift_invariant = true, .unit = RG_UNIT_LISTS},
         .workspace = {.scratch = 1, .kept = 1, .state = N_STATE})
#endif

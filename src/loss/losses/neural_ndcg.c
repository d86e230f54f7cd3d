/* neural_ndcg: the negative NDCG of labels sorted by NeuralSort (Pobrotyn and Bialobrzeski 2021;
 * Grover et al. 2019), as TF-Ranking 0.5.5's neural sort NDCG, and as allRank's neuralNDCG without
 * its Sinkhorn scaling.
 *
 * With A_j = sum_k |s_j - s_k|, T the temperature and ranks i = 1..n,
 *
 *     x_ij = ((n + 1 - 2 i) s_j - A_j) / T,    P_i = softmax over j of x_i
 *
 * is the permutation matrix that sorts by score, softened: row i tends to the item of rank i as T
 * tends to 0. With D(i) = 1 / log2(1 + i), item j has the discount d_j, and the loss is as in
 * soft_ndcg.h:
 *
 *     d_j = sum_i D(i) P_ij,    L = -sum_j g_j d_j / I
 *
 * Gradient. With V_i = sum_j P_ij g_j, dP_ij/dx_ik = P_ij ([j = k] - P_ik), and therefore
 *
 *     d(sum_j g_j d_j)/dx_ij = b_ij = D(i) P_ij (g_j - V_i)
 *     u_j = sum_i b_ij (n + 1 - 2 i) / T,    v_j = sum_i b_ij / T
 *     d(sum_j g_j d_j)/ds_j = u_j - sum_k (v_j + v_k) sign(s_j - s_k)
 *
 * as A_j and A_k contain |s_j - s_k|. The sum over k is one over the items below minus one over
 * those above, from the sorted scores; equal scores have the sign 0.
 *
 * Kernel. Row by row, n^2 exponentials, O(n) memory. Corners. A list without a gain gives 0. A
 * logit of -inf makes A infinite: NaN, except in a list without a gain. */
#include "loss/soft_ndcg.h"

#include "ranking/gain.h"

#include <math.h>
#include <string.h>

struct neural_ndcg {
    double temperature;
};

struct sorting {
    int64_t n;
    double temperature;
    const double *s;
    struct rg__item *items;   /* by score */
    double *far;              /* A */
    double *x, *p;            /* a row */
    double *discount, *u, *v; /* d, u and v */
};

/* grad_j = below_j - above_j, where below_j is the sum of (value_j + value_k) over the items k with
 * a smaller score. */
static void sum_signs(const struct sorting *sort, const double *value, double *sum)
{
    double total = 0, above = 0;
    int64_t n = sort->n;
    for (int64_t k = 0; k < n; k++)
        total += value[k];
    for (int64_t begin = 0, end; begin < n; begin = end) {
        double own = 0;
        end = rg__equal_scores_end(sort->items, begin, n);
        for (int64_t i = begin; i < end; i++)
            own += value[sort->items[i].row];
        for (int64_t i = begin; i < end; i++) {
            int64_t j = sort->items[i].row;
            sum[j] = (double)(n - end - begin) * value[j] + (total - above - own) - above;
        }
        above += own;
    }
}

/* A_j, from the sorted scores relative to the largest. */
static void find_distances(const struct sorting *sort)
{
    double total = 0, above = 0, top = sort->items[0].score;
    for (int64_t i = 0; i < sort->n; i++)
        total += sort->items[i].score - top;
    for (int64_t i = 0; i < sort->n; i++) {
        double own = sort->items[i].score - top;
        double below = total - above - own;
        sort->far[sort->items[i].row] =
            (above - (double)i * own) + ((double)(sort->n - 1 - i) * own - below);
        above += own;
    }
}

/* Row i of P, from 0: its part of discount, u and v. */
static void add_row(const struct sorting *sort, const double *gain, int64_t i)
{
    double scale = (double)(sort->n - 1 - 2 * i), d = rg__discounts(i, i + 1), value = 0;
    for (int64_t j = 0; j < sort->n; j++)
        sort->x[j] =
            (scale * (sort->s[j] - sort->items[0].score) - sort->far[j]) / sort->temperature;
    rg__softmax(sort->x, sort->n, sort->p);
    for (int64_t j = 0; j < sort->n; j++)
        value += sort->p[j] * gain[j];
    for (int64_t j = 0; j < sort->n; j++) {
        double b = d * sort->p[j] * (gain[j] - value) / sort->temperature;
        sort->discount[j] += d * sort->p[j];
        sort->u[j] += b * scale;
        sort->v[j] += b;
    }
}

static double forward(rg_list *list)
{
    static const struct rg__order by_score = {.key = RG__BY_SCORE};
    int64_t n = list->n;
    struct rg__kept grad = rg__kept_zeros(list);
    struct sorting sort = {.n = n,
                           .temperature = ((const struct neural_ndcg *)list->params)->temperature,
                           .s = list->logits};
    double **const arrays[] = {&sort.far, &sort.x, &sort.p, &sort.discount, &sort.u, &sort.v};
    for (int i = 0; i < RG__COUNT(arrays); i++)
        *arrays[i] = list->scratch + i * n;
    struct rg__gains gains = rg__gains_of(list, list->scratch + 6 * n);
    if (gains.ideal == 0)
        return 0;
    sort.items = rg__sorted_items(list, &by_score, list->scratch + (6 + RG__GAINS_ROOM) * n);
    find_distances(&sort);
    memset(sort.discount, 0, 3 * (size_t)n * sizeof *sort.discount);
    for (int64_t i = 0; i < n; i++)
        add_row(&sort, gains.gain, i);
    sum_signs(&sort, sort.v, sort.x);
    for (int64_t j = 0; j < n; j++)
        grad.logits[j] = -(sort.u[j] - sort.x[j]) / gains.ideal;
    return rg__gains_add(&gains, sort.discount, 1, &grad);
}

static const rg_param params[] = {
    RG__REAL(struct neural_ndcg, temperature, 1, 0, 1e6, .above = true,
             .help = "Softness of the order; it is exact as it tends to 0", .training = "0.3",
             .training_reason = RG__TEMPERATURE_REASON),
};

const rg_loss rg__loss_neural_ndcg = {
    .component = {.name = "neural_ndcg",
                  .formula =
                      "L = -sum_i D(i) sum_j P_ij g_j / ideal, g_j = w_j (2^{y_j} - 1), P from "
                      "NeuralSort of s / temperature",
                  RG__PARAMS(struct neural_ndcg, params)},
    .properties = {.shift_invariant = true, .unit = RG_UNIT_LISTS},
    .workspace = {.scratch = 6 + RG__GAINS_ROOM + RG__SORT_ROOM, .kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

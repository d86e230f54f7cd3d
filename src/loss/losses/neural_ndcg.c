/* neural_ndcg: the negative NDCG of labels sorted by NeuralSort (Pobrotyn and Bialobrzeski 2021;
 * Grover et al. 2019), as TF-Ranking 0.5.5's neural sort NDCG, and with `sinkhorn` 50 as allRank's
 * neuralNDCG.
 *
 * With A_j = sum_k |s_j - s_k|, T the temperature and ranks i = 1..n,
 *
 *     x_ij = ((n + 1 - 2 i) s_j - A_j) / T,    P_i = softmax over j of x_i
 *
 * is the permutation matrix that sorts by score, softened: row i tends to the item of rank i as T
 * tends to 0. With D(i) = 1 / log2(1 + i) for ranks up to `topn`, item j has the discount d_j, and
 * the loss is as in soft_ndcg.h:
 *
 *     d_j = sum_i D(i) P_ij,    L = -sum_j g_j d_j / I
 *
 * The columns of P do not sum to 1: an item can be at several ranks, another at none. `sinkhorn`
 * (Sinkhorn 1964) divides each column by its sum, then each row by its sum, up to so many times,
 * and stops when all sums differ from 1 by less than 1e-6; a sum below 1e-10 counts as 1e-10. The
 * number of divisions is a constant for the gradient. allRank does this 50 times at most. Its
 * `powered_relevancies` False is `gain` linear, its k is `topn`.
 *
 * Gradient. With G_ij the derivative of sum_j g_j d_j in log P_ij, at first D(i) P_ij g_j, dividing
 * a row by its sum, P = M / sum M, means for the derivative in log M, and the same for columns:
 *
 *     G_ij <- G_ij - P_ij sum_k G_ik
 *
 * The divisions are undone from the last to the first, P being multiplied by their sums again. The
 * softmax is one more division of exp(x) by row sums, so that b_ij, the derivative in x_ij, is what
 * the same step makes of G; without Sinkhorn that is D(i) P_ij (g_j - sum_k P_ik g_k). Then
 *
 *     u_j = sum_i b_ij (n + 1 - 2 i) / T,    v_j = sum_i b_ij / T
 *     d(sum_j g_j d_j)/ds_j = u_j - sum_k (v_j + v_k) sign(s_j - s_k)
 *
 * as A_j and A_k contain |s_j - s_k|. The sum over k is one over the items below minus one over
 * those above, from the sorted scores; equal scores have the sign 0.
 *
 * Kernel. Items in the order of their scores. Row by row, n^2 exponentials, O(n) memory; with
 * `sinkhorn` the matrices P and G are kept, O(n^2) memory: for lists of hundreds, not thousands.
 *
 * Corners. A list without a gain gives 0. An item at -inf is unranked, as in soft_ndcg.h: the
 * others are sorted without it, and its discount is 0. That is also the limit for the others, since
 * such an item tends to the last rank. */
#include "loss/lambda.h"
#include "loss/soft_ndcg.h"

#include "ranking/gain.h"

#include <math.h>
#include <string.h>

static const double LEAST_SUM = 1e-10, TOLERANCE = 1e-6;

struct neural_ndcg {
    double temperature;
    int64_t sinkhorn, topn;
    int gain; /* an rg_gain */
};

/* The ranked items, by score; the largest first. */
struct sorting {
    int64_t n;
    const struct neural_ndcg *params;
    const rg_context *ctx;
    double *s, *gain;
    double *far;              /* A */
    double *x, *p;            /* a row */
    double *discount, *u, *v; /* d, u and v */
    double *sums;             /* (2 sinkhorn, n): sums of the columns and rows of each division */
    double *matrix, *slope;   /* (n, n) P and G; NULL without Sinkhorn */
};

enum { ARRAYS = 8 };

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
        for (end = begin; end < n && sort->s[end] == sort->s[begin]; end++)
            own += value[end];
        for (int64_t j = begin; j < end; j++)
            sum[j] = (double)(n - end - begin) * value[j] + (total - above - own) - above;
        above += own;
    }
}

/* A_j, of scores relative to the largest; the same bits for equal scores. */
static void find_distances(const struct sorting *sort)
{
    double total = 0, above = 0;
    int64_t n = sort->n;
    for (int64_t i = 0; i < n; i++)
        total += sort->s[i];
    for (int64_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && sort->s[end] == sort->s[begin];)
            end++;
        double s = sort->s[begin], own = (double)(end - begin) * s, below = total - above - own;
        double far = (above - (double)begin * s) + ((double)(n - end) * s - below);
        for (int64_t i = begin; i < end; i++)
            sort->far[i] = far;
        above += own;
    }
}

static double rank_discount(const struct sorting *sort, int64_t i)
{
    bool counts = sort->params->topn == 0 || i < sort->params->topn;
    return counts ? rg__discounts(i, i + 1) : 0;
}

/* Row i of P, from 0. */
static void find_row(const struct sorting *sort, int64_t i, double *p)
{
    double step = (double)(sort->n - 1 - 2 * i), temperature = sort->params->temperature;
    for (int64_t j = 0; j < sort->n; j++)
        sort->x[j] = (step * sort->s[j] - sort->far[j]) / temperature;
    rg__softmax(sort->ctx, sort->x, sort->n, p);
}

/* Adds what row i gives to u and v, from its G, which becomes b. */
static void add_row(struct sorting *sort, int64_t i, const double *p, double *g)
{
    double step = (double)(sort->n - 1 - 2 * i), temperature = sort->params->temperature, sum = 0;
    for (int64_t j = 0; j < sort->n; j++)
        sum += g[j];
    for (int64_t j = 0; j < sort->n; j++) {
        double b = (g[j] - p[j] * sum) / temperature;
        sort->u[j] += b * step;
        sort->v[j] += b;
    }
}

/* Adds row i of the sorting matrix to the discounts, and sets its G. */
static void use_row(struct sorting *sort, int64_t i, const double *p, double *g)
{
    double d = rank_discount(sort, i);
    for (int64_t j = 0; j < sort->n; j++) {
        sort->discount[j] += d * p[j];
        g[j] = d * p[j] * sort->gain[j];
    }
}

/* ---- Sinkhorn -------------------------------------------------------------------------------- */

/* The sums of the columns, or of the rows. */
static void find_sums(const struct sorting *sort, const double *m, bool rows, double *sum)
{
    int64_t n = sort->n;
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int64_t at = 0; at < n * n; at++)
        sum[rows ? at / n : at % n] += m[at];
}

/* Divides the columns or rows by their sums, or multiplies them by these. */
static void scale(struct sorting *sort, bool rows, const double *sum, bool multiply)
{
    int64_t n = sort->n;
    for (int64_t at = 0; at < n * n; at++) {
        double s = fmax(sum[rows ? at / n : at % n], LEAST_SUM);
        sort->matrix[at] = multiply ? sort->matrix[at] * s : sort->matrix[at] / s;
    }
}

static bool is_near_one(const double *sum, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        if (!(fabs(sum[k] - 1) < TOLERANCE))
            return false;
    return true;
}

/* Scales the matrix; returns the number of divisions. */
static int64_t divide(struct sorting *sort)
{
    int64_t n_divisions = 0;
    while (n_divisions < 2 * sort->params->sinkhorn) {
        for (int rows = 0; rows < 2; rows++) {
            double *sum = sort->sums + n_divisions++ * sort->n;
            find_sums(sort, sort->matrix, rows, sum);
            scale(sort, rows, sum, false);
        }
        find_sums(sort, sort->matrix, false, sort->x);
        find_sums(sort, sort->matrix, true, sort->p);
        if (is_near_one(sort->x, sort->n) && is_near_one(sort->p, sort->n))
            break;
    }
    return n_divisions;
}

/* Takes G back through a division; a sum that counted as LEAST_SUM is a constant. */
static void undo_division(struct sorting *sort, bool rows, const double *sum)
{
    int64_t n = sort->n;
    find_sums(sort, sort->slope, rows, sort->x);
    for (int64_t at = 0; at < n * n; at++) {
        int64_t line = rows ? at / n : at % n;
        if (sum[line] >= LEAST_SUM)
            sort->slope[at] -= sort->matrix[at] * sort->x[line];
    }
    scale(sort, rows, sum, true);
}

static void sort_with_sinkhorn(struct sorting *sort)
{
    int64_t n = sort->n;
    for (int64_t i = 0; i < n; i++)
        find_row(sort, i, sort->matrix + i * n);
    int64_t n_divisions = divide(sort);
    for (int64_t i = 0; i < n; i++)
        use_row(sort, i, sort->matrix + i * n, sort->slope + i * n);
    while (n_divisions-- > 0)
        undo_division(sort, n_divisions % 2, sort->sums + n_divisions * n);
    for (int64_t i = 0; i < n; i++)
        add_row(sort, i, sort->matrix + i * n, sort->slope + i * n);
}

/* ---- The loss -------------------------------------------------------------------------------- */

/* The ranked items of the list, in the arrays of `sort`. */
static void sort_items(const rg_list *list, const struct rg__item *items,
                       const struct rg__gains *gains, struct sorting *sort)
{
    while (sort->n < list->n && items[sort->n].score > -(double)INFINITY)
        sort->n++;
    for (int64_t j = 0; j < sort->n; j++) {
        sort->s[j] = items[j].score - items[0].score;
        sort->gain[j] = gains->gain[items[j].row];
    }
    memset(sort->discount, 0, 3 * (size_t)list->n * sizeof *sort->discount);
    find_distances(sort);
}

static double forward(rg_list *list)
{
    const struct rg__order by_score = {.key = RG__BY_SCORE, .tie = rg__by_values, .user = list};
    int64_t n = list->n;
    struct rg__kept grad = rg__kept_zeros(list);
    struct sorting sort = {.params = list->params, .ctx = list->ctx};
    double **const arrays[ARRAYS] = {&sort.s, &sort.gain,     &sort.far, &sort.x,
                                     &sort.p, &sort.discount, &sort.u,   &sort.v};
    double *room = list->scratch + ARRAYS * n, *discount = room + RG__GAINS_ROOM * n;
    struct rg__gains gains =
        rg__gains_cut(list, (rg_gain)sort.params->gain, sort.params->topn, room);
    if (gains.ideal == 0)
        return 0;
    for (int i = 0; i < ARRAYS; i++)
        *arrays[i] = list->scratch + i * n;
    struct rg__item *items = rg__sorted_items(list, &by_score, discount + n);
    sort_items(list, items, &gains, &sort);
    sort.sums = discount + (1 + RG__SORT_ROOM) * n;
    sort.matrix = list->square;
    sort.slope = list->square ? list->square + n * n : NULL;
    if (sort.params->sinkhorn > 0)
        sort_with_sinkhorn(&sort);
    for (int64_t i = 0; i < sort.n && sort.params->sinkhorn == 0; i++) {
        double *g = sort.x; /* no longer needed once there is p */
        find_row(&sort, i, sort.p);
        use_row(&sort, i, sort.p, g);
        add_row(&sort, i, sort.p, g);
    }
    sum_signs(&sort, sort.v, sort.x);
    memset(discount, 0, (size_t)n * sizeof *discount);
    for (int64_t j = 0; j < sort.n; j++) {
        discount[items[j].row] = sort.discount[j];
        grad.logits[items[j].row] = -(sort.u[j] - sort.x[j]) / gains.ideal;
    }
    return rg__gains_add(&gains, discount, 1, &grad);
}

static void adjust(const void *params, rg_loss_properties *properties)
{
    int gain = ((const struct neural_ndcg *)params)->gain;
    properties->most_label = rg__most_label_of((rg_gain)gain);
}

static void fit(const void *params, bool weighted, rg_workspace *workspace)
{
    int64_t sinkhorn = ((const struct neural_ndcg *)params)->sinkhorn;
    (void)weighted;
    workspace->scratch += 2 * (int)sinkhorn;
    workspace->square = sinkhorn > 0 ? 2 : 0;
}

static const rg_param params[] = {
    RG__REAL(struct neural_ndcg, temperature, 1, 0, 1e6, .above = true,
             .help = "Softness of the order; it is exact as it tends to 0", .training = "0.3",
             .training_reason = RG__TEMPERATURE_REASON),
    RG__INTEGER(struct neural_ndcg, sinkhorn, 0, 0, 1000,
                .help = "Divisions of the columns and rows of the sorting matrix by their sums, at "
                        "most; 50 in allRank; the memory then grows with the square of a list"),
    RG__INTEGER(struct neural_ndcg, topn, 0, 0, 1e9,
                .help = "Rank from which on items do not count; 0: all count"),
    RG__NAME(struct neural_ndcg, gain, RG_GAIN_EXP, rg__lambda_gain_name,
             .help = "Gain of a label y: exp is 2^y - 1, linear is y"),
};

const rg_loss rg__loss_neural_ndcg = {
    .component = {.name = "neural_ndcg",
                  .formula =
                      "L = -sum_i D(i) sum_j P_ij g_j / ideal, g_j = w_j (2^{y_j} - 1), P from "
                      "NeuralSort of s / temperature",
                  RG__PARAMS(struct neural_ndcg, params)},
    .properties = {.shift_invariant = true, .unit = RG_UNIT_LISTS},
    .workspace = {.scratch = ARRAYS + RG__GAINS_ROOM + 1 + RG__SORT_ROOM, .kept = RG__KEPT},
    .adjust = adjust,
    .fit = fit,
    .forward = forward,
    .backward = rg__kept_backward};

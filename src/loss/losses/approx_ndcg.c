/* approx_ndcg: the negative NDCG of soft ranks (Qin et al. 2010), as rax 0.4.0's
 * approx_t12n(ndcg_metric); soft ranks pi: soft_rank.h.
 *
 *     g_i = w_i (2^{y_i} - 1),    d(r) = 1 / log2(1 + r)
 *     D = sum_i g_i d(pi_i),    I = sum_i g_i d(rank of g_i),    L = -D / I
 *
 * Weights multiply the gains of the ideal ranking I too, as in rax. Labels that are not above 0
 * gain 0, as in the metrics of this library (rax: 2^y - 1, which is negative below 0).
 *
 * Gradient. From d'(r) = -d(r)^2 / ((1 + r) log 2),
 *
 *     dL/dpi_i = g_i d(pi_i)^2 / ((1 + pi_i) I log 2)
 *
 * and soft_rank.h takes it to the scores. With V = D / I and d*_i the discount of i in the ideal
 * ranking, for equal gains the mean over their ranks,
 *
 *     dL/dg_i = -(d(pi_i) - V d*_i) / I
 *     dL/dw_i = (2^{y_i} - 1) dL/dg_i        dL/dy_i = w_i log(2) 2^{y_i} dL/dg_i, 0 for y_i <= 0
 *
 * Corners. A list without a gain gives 0. An item at -inf is unranked, its discount is 0, as in
 * rax. Gains are divided by a power of two, which cancels, so that labels up to 1023 do not
 * overflow. */
#include "loss/soft_rank.h"

#include "ranking/gain.h"

#include <math.h>

static const double LN_2 = 0.69314718055994530942;

struct approx_ndcg {
    double temperature;
};

/* I, and d* of each item; gains are in `gain`. */
static double ideal(const rg_list *list, const double *gain, double *discount, double *room)
{
    static const struct rg__order by_label = {.key = RG__BY_LABEL};
    struct rg__item *items = (struct rg__item *)(void *)room;
    double sum = 0;
    for (int64_t k = 0; k < list->n; k++)
        items[k] = (struct rg__item){.label = gain[k], .row = k};
    rg__sort_items(items, list->n, items + list->n, &by_label);
    for (int64_t begin = 0, end; begin < list->n; begin = end) {
        for (end = begin + 1; end < list->n && items[end].label == items[begin].label;)
            end++;
        double mean = rg__discounts(begin, end) / (double)(end - begin);
        for (int64_t i = begin; i < end; i++)
            discount[items[i].row] = mean;
        sum += items[begin].label * rg__discounts(begin, end);
    }
    return sum;
}

/* 2^-exponent (2^y - 1) of each label; returns the exponent. */
static int find_gains(const rg_list *list, double *gain)
{
    double most = list->labels[0];
    for (int64_t k = 1; k < list->n; k++)
        most = fmax(most, list->labels[k]);
    int exponent = rg__gain_exponent(RG_GAIN_EXP, most);
    for (int64_t k = 0; k < list->n; k++)
        gain[k] = list->weights[k] * rg__scaled_gain(RG_GAIN_EXP, list->labels[k], exponent);
    return exponent;
}

static double forward(rg_list *list)
{
    double temperature = ((const struct approx_ndcg *)list->params)->temperature, dcg = 0;
    double *e = list->scratch, *rank = e + list->n, *gain = rank + list->n;
    double *slope = gain + list->n, *star = slope + list->n;
    struct rg__kept grad = rg__kept_zeros(list);
    int exponent = find_gains(list, gain);
    double best = ideal(list, gain, star, star + list->n);
    if (best == 0)
        return 0;
    rg__soft_ranks(list->logits, list->n, temperature, e, rank);
    for (int64_t k = 0; k < list->n; k++) {
        double d = list->logits[k] == -(double)INFINITY ? 0 : LN_2 / log1p(rank[k]);
        dcg += gain[k] * d;
        slope[k] = gain[k] / best * d * d / ((1 + rank[k]) * LN_2);
        rank[k] = d;
    }
    for (int64_t k = 0; k < list->n; k++) {
        double by_gain = -(rank[k] - dcg / best * star[k]) / best, y = list->labels[k];
        grad.weights[k] = rg__scaled_gain(RG_GAIN_EXP, y, exponent) * by_gain;
        if (y > 0)
            grad.labels[k] = list->weights[k] * LN_2 * ldexp(exp2(y), -exponent) * by_gain;
    }
    rg__soft_ranks_backward(list->logits, list->n, temperature, e, slope, grad.logits);
    return -dcg / best;
}

static const rg_param params[] = {RG__TEMPERATURE(struct approx_ndcg)};

const rg_loss rg__loss_approx_ndcg = {
    .component = {.name = "approx_ndcg",
                  .formula = "L = -sum_i g_i / log2(1 + pi_i) / ideal, g_i = w_i (2^{y_i} - 1), "
                             "pi_i = 1 + sum_{j != i} sigmoid((s_j - s_i) / temperature)",
                  RG__PARAMS(struct approx_ndcg, params)},
    .properties = {.shift_invariant = true, .unit = RG_UNIT_LISTS},
    .workspace = {.scratch = 5 + RG__SORT_ROOM, .kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

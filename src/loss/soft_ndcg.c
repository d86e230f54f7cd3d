/* soft_ndcg.c: the NDCG of soft ranks; see soft_ndcg.h. */
#include "loss/soft_ndcg.h"

#include "ranking/gain.h"

#include <math.h>

static const double LN_2 = 0.69314718055994530942;

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

double rg__soft_ndcg_add(const rg_list *list, const double *x, double temperature, double part,
                         double *room, struct rg__kept *grad)
{
    int64_t n = list->n;
    double *e = room, *rank = e + n, *gain = rank + n, *slope = gain + n, *star = slope + n;
    double *by_score = star + n, dcg = 0;
    int exponent = find_gains(list, gain);
    double best = ideal(list, gain, star, by_score + n);
    if (best == 0)
        return 0;
    rg__soft_ranks(x, n, temperature, e, rank);
    for (int64_t k = 0; k < n; k++) {
        double d = x[k] == -(double)INFINITY ? 0 : LN_2 / log1p(rank[k]);
        dcg += gain[k] * d;
        slope[k] = gain[k] / best * d * d / ((1 + rank[k]) * LN_2);
        rank[k] = d;
    }
    rg__soft_ranks_backward(x, n, temperature, e, slope, by_score);
    for (int64_t k = 0; k < n; k++) {
        double by_gain = -part * (rank[k] - dcg / best * star[k]) / best, y = list->labels[k];
        grad->logits[k] += part * by_score[k];
        grad->weights[k] += rg__scaled_gain(RG_GAIN_EXP, y, exponent) * by_gain;
        if (y > 0)
            grad->labels[k] += list->weights[k] * LN_2 * ldexp(exp2(y), -exponent) * by_gain;
    }
    return -dcg / best;
}

/* soft_ndcg.c: the NDCG of soft ranks; see soft_ndcg.h. */
#include "loss/soft_ndcg.h"

#include "ranking/gain.h"
#include "tensor/elementary.h"

#include <math.h>

static const double LN_2 = 0.69314718055994530942;

/* I, and d* of each item, from the gains. */
static double ideal(const struct rg__gains *gains, struct rg__item *items)
{
    static const struct rg__order by_label = {.key = RG__BY_LABEL};
    int64_t n = gains->list->n, cut = gains->topn > 0 ? gains->topn : n;
    double sum = 0;
    for (int64_t k = 0; k < n; k++)
        items[k] = (struct rg__item){.label = gains->gain[k], .row = k};
    rg__sort_items(items, n, items + n, &by_label);
    for (int64_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && items[end].label == items[begin].label;)
            end++;
        double discounts = rg__discounts(begin < cut ? begin : cut, end < cut ? end : cut);
        for (int64_t i = begin; i < end; i++)
            gains->star[items[i].row] = discounts / (double)(end - begin);
        sum += items[begin].label * discounts;
    }
    return sum;
}

struct rg__gains rg__gains_of(const rg_list *list, double *room)
{
    return rg__gains_cut(list, RG_GAIN_EXP, 0, room);
}

struct rg__gains rg__gains_cut(const rg_list *list, rg_gain kind, int64_t topn, double *room)
{
    struct rg__gains gains = {.list = list,
                              .gain = room,
                              .star = room + list->n,
                              .room = room + 2 * list->n,
                              .kind = kind,
                              .topn = topn};
    double most = list->labels[0];
    for (int64_t k = 1; k < list->n; k++)
        most = fmax(most, list->labels[k]);
    gains.exponent = rg__gain_exponent(kind, most);
    for (int64_t k = 0; k < list->n; k++)
        gains.gain[k] = list->weights[k] * rg__scaled_gain(kind, list->labels[k], gains.exponent);
    gains.ideal = ideal(&gains, (struct rg__item *)(void *)gains.room);
    return gains;
}

double rg__gains_add(const struct rg__gains *gains, const double *discount, double part,
                     struct rg__kept *grad)
{
    const rg_list *list = gains->list;
    double *term = gains->room;
    for (int64_t k = 0; k < list->n; k++)
        term[k] = gains->gain[k] * discount[k];
    double value = rg__sum_of(list->ctx, term, list->n) / gains->ideal;
    for (int64_t k = 0; k < list->n; k++) {
        double y = list->labels[k], by_label = gains->kind == RG_GAIN_EXP ? LN_2 * exp2(y) : 1;
        double slope = -part * (discount[k] - value * gains->star[k]) / gains->ideal;
        grad->weights[k] += rg__scaled_gain(gains->kind, y, gains->exponent) * slope;
        if (y > 0)
            grad->labels[k] += list->weights[k] * ldexp(by_label, -gains->exponent) * slope;
    }
    return -value;
}

double rg__soft_ndcg_add(const rg_list *list, const double *x, double temperature, double part,
                         double *room, struct rg__kept *grad)
{
    int64_t n = list->n;
    double *e = room, *rank = e + n, *slope = rank + n, *by_score = slope + n;
    struct rg__gains gains = rg__gains_of(list, by_score + n);
    if (gains.ideal == 0)
        return 0;
    rg__soft_ranks(list->ctx, x, n, temperature, e, rank);
    for (int64_t k = 0; k < n; k++) {
        double d = x[k] == -(double)INFINITY ? 0 : LN_2 / log1p(rank[k]);
        slope[k] = gains.gain[k] / gains.ideal * d * d / ((1 + rank[k]) * LN_2);
        rank[k] = d;
    }
    rg__soft_ranks_backward(list->ctx, x, n, temperature, e, slope, by_score);
    for (int64_t k = 0; k < n; k++)
        grad->logits[k] += part * by_score[k];
    return rg__gains_add(&gains, rank, part, grad);
}

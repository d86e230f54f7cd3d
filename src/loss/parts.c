/* parts.c: what several losses in double share; see parts.h. */
#include "loss/parts.h"

#include "base/random.h"

#include <math.h>
#include <string.h>

struct rg__softmax rg__softmax(const double *x, int64_t n, double *p)
{
    double max = -(double)INFINITY, sum = 0;
    for (int64_t k = 0; k < n; k++)
        max = x[k] > max ? x[k] : max;
    for (int64_t k = 0; k < n; k++) {
        double e = exp(x[k] - max);
        sum += e;
        if (p)
            p[k] = e;
    }
    for (int64_t k = 0; p && k < n; k++)
        p[k] /= sum;
    return (struct rg__softmax){max, log(sum)};
}

void rg__log_sum_add(struct rg__log_sum *sum, double x)
{
    if (x > sum->max) {
        sum->sum = sum->sum * exp(sum->max - x) + 1;
        sum->max = x;
    } else if (x > -(double)INFINITY) {
        sum->sum += exp(x - sum->max);
    }
}

double rg__log_sum_value(const struct rg__log_sum *sum)
{
    return sum->max + log(sum->sum);
}

struct rg__kept rg__kept_zeros(rg_list *list)
{
    memset(list->kept, 0, (size_t)list->n * RG__KEPT * sizeof *list->kept);
    return (struct rg__kept){list->kept, list->kept + list->n, list->kept + 2 * list->n};
}

void rg__kept_backward(rg_list *list, double upstream)
{
    double *const grads[RG__KEPT] = {list->grad_logits, list->grad_labels, list->grad_weights};
    for (int i = 0; i < RG__KEPT; i++)
        for (int64_t k = 0; grads[i] && k < list->n; k++)
            grads[i][k] += upstream * list->kept[i * list->n + k];
}

struct rg__item *rg__sorted_items(const rg_list *list, const struct rg__order *order, double *room)
{
    struct rg__item *items = (struct rg__item *)(void *)room;
    for (int64_t k = 0; k < list->n; k++)
        items[k] = (struct rg__item){list->logits[k], list->labels[k], k};
    rg__sort_items(items, list->n, items + list->n, order);
    return items;
}

double rg__item_uniform(const rg_list *list, int64_t k, int64_t seed, int64_t sample)
{
    return rg_uniform((uint64_t)seed, RG__STREAM_LOSS, (uint64_t)list->ids[k],
                      list->draw + ((uint64_t)sample << 48));
}

double rg__points_forward(const rg_list *list, rg__point_loss *loss)
{
    double sum = 0;
    for (int64_t k = 0; k < list->n; k++)
        sum +=
            rg__times(list->weights[k], loss(list->logits[k], list->labels[k], list->params).value);
    return sum;
}

void rg__points_backward(rg_list *list, double upstream, rg__point_loss *loss)
{
    for (int64_t k = 0; k < list->n; k++) {
        struct rg__point p = loss(list->logits[k], list->labels[k], list->params);
        double factor = upstream * list->weights[k];
        if (list->grad_logits)
            list->grad_logits[k] += rg__times(factor, p.slope_score);
        if (list->grad_labels)
            list->grad_labels[k] += rg__times(factor, p.slope_label);
        if (list->grad_weights)
            list->grad_weights[k] += upstream * p.value;
    }
}

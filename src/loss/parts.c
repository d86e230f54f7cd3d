/* parts.c: what several losses in double share; see parts.h. */
#include "loss/parts.h"

#include "base/random.h"
#include "tensor/elementary.h"

#include <math.h>
#include <string.h>

struct rg__softmax rg__softmax(const rg_context *ctx, const double *x, int64_t n, double *p)
{
    double max = rg__max_of(ctx, x, n);
    rg__exp_of(ctx, x, n, max, p);
    double sum = rg__sum_of(ctx, p, n), out_of = 1 / sum;
    for (int64_t k = 0; k < n; k++)
        p[k] *= out_of;
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
    int64_t n = list->n;
    double *others = list->unused ? list->unused : list->kept + n;
    memset(list->kept, 0, (size_t)n * sizeof *list->kept);
    memset(others, 0, 2 * (size_t)n * sizeof *others);
    return (struct rg__kept){list->kept, others, others + n};
}

void rg__kept_products(const rg_list *list, const double *by_z, struct rg__kept *grad)
{
    for (int64_t k = 0; k < list->n; k++)
        grad->labels[k] = rg__times(list->weights[k], by_z[k]);
    for (int64_t k = 0; k < list->n; k++)
        grad->weights[k] = rg__times(list->labels[k], by_z[k]);
}

void rg__kept_backward(rg_list *list, double upstream)
{
    double *const grads[RG__KEPT] = {list->grad_logits, list->grad_labels, list->grad_weights};
    for (int i = 0; i < RG__KEPT; i++)
        for (int64_t k = 0; grads[i] && k < list->n; k++)
            grads[i][k] += upstream * list->kept[i * list->n + k];
}

int rg__by_values(const void *user, const struct rg__item *a, const struct rg__item *b)
{
    const rg_list *list = user;
    int order = rg__descending(a->score, b->score);
    order = order ? order : rg__descending(a->label, b->label);
    order = order ? order : rg__descending(list->weights[a->row], list->weights[b->row]);
    const int64_t *const others[] = {list->positions, list->ids};
    for (int i = 0; i < RG__COUNT(others) && order == 0; i++)
        if (others[i])
            order =
                (others[i][a->row] < others[i][b->row]) - (others[i][a->row] > others[i][b->row]);
    return order;
}

struct rg__item *rg__sorted_items(const rg_list *list, const struct rg__order *order, double *room)
{
    struct rg__item *items = (struct rg__item *)(void *)room;
    rg__make_sorted(items, list->logits, list->labels, list->n, items + list->n, order);
    return items;
}

void rg__item_uniforms(const rg_list *list, int64_t seed, int64_t sample, double *u)
{
    rg__uniforms(list->ctx, (uint64_t)seed, RG__STREAM_LOSS, list->ids, list->n,
                 list->draw + ((uint64_t)sample << 48), u);
}

/* The values and slopes of a block of items from `begin` on, in `room`. */
static struct rg__points points_at(const rg_list *list, int64_t begin, rg__point_loss *loss,
                                   double room[3][RG__POINT_BLOCK])
{
    int64_t left = list->n - begin;
    struct rg__points p = {.list = list,
                           .n = left < RG__POINT_BLOCK ? left : RG__POINT_BLOCK,
                           .s = list->logits + begin,
                           .y = list->labels + begin,
                           .value = room[0],
                           .by_s = room[1],
                           .by_y = room[2]};
    loss(&p);
    return p;
}

double rg__points_forward(const rg_list *list, rg__point_loss *loss)
{
    double room[3][RG__POINT_BLOCK], *term = list->scratch;
    for (int64_t begin = 0; begin < list->n; begin += RG__POINT_BLOCK) {
        struct rg__points p = points_at(list, begin, loss, room);
        for (int64_t k = 0; k < p.n; k++)
            term[begin + k] = rg__times(list->weights[begin + k], p.value[k]);
    }
    return rg__sum_of(list->ctx, term, list->n);
}

/* grad[k] += factor w_k slope[k]. */
static void add_slopes(double *grad, const double *w, const double *slope, int64_t n, double factor)
{
    for (int64_t k = 0; k < n; k++)
        grad[k] += rg__times(factor * w[k], slope[k]);
}

void rg__points_backward(rg_list *list, double upstream, rg__point_loss *loss)
{
    double room[3][RG__POINT_BLOCK];
    for (int64_t begin = 0; begin < list->n; begin += RG__POINT_BLOCK) {
        struct rg__points p = points_at(list, begin, loss, room);
        const double *w = list->weights + begin;
        if (list->grad_logits)
            add_slopes(list->grad_logits + begin, w, p.by_s, p.n, upstream);
        if (list->grad_labels)
            add_slopes(list->grad_labels + begin, w, p.by_y, p.n, upstream);
        for (int64_t k = 0; list->grad_weights && k < p.n; k++)
            list->grad_weights[begin + k] += upstream * p.value[k];
    }
}

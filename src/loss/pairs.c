/* pairs.c: sums over the pairs of a list; see pairs.h. */
#define RG_REAL 64
#include "loss/pairs.h"

#include "loss/parts.h"

#include "tensor/lanes.h"

#include <math.h>
#include <string.h>

enum { BLOCK = RG__PAIR_BLOCK };

void rg__pairs_open(rg_list *list, const struct rg__lambda *lambda, struct rg__pairs *p)
{
    int64_t n = list->n;
    double *room = list->scratch;
    double **arrays[] = {&p->s, &p->y, &p->w, &p->value, &p->row, &p->column};
    const struct rg__order order = {.key = RG__BY_LABEL, .tie = rg__by_values, .user = list};
    *p = (struct rg__pairs){.list = list, .n = n};
    for (int i = 0; i < RG__COUNT(arrays); i++, room += n)
        *arrays[i] = room;
    p->items = (void *)room;
    p->spare = p->items + n;
    p->room = list->scratch + 11 * n;
    p->weighted = rg__weighs_pairs(lambda);
    for (int64_t k = 0; k < n; k++)
        p->items[k] = (struct rg__item){list->logits[k], list->labels[k], k};
    if (p->weighted)
        rg__lambda_rank(&p->weights, lambda, p->items, n, p->spare, p->room);
    rg__sort_items(p->items, n, p->spare, &order);
    for (int64_t i = 0; i < n; i++) {
        p->s[i] = p->items[i].score;
        p->y[i] = p->items[i].label;
        p->w[i] = list->weights[p->items[i].row];
    }
    if (p->weighted)
        rg__lambda_sort(&p->weights, p->items, p->y, p->value);
    p->weights.scores = p->s;
    memset(p->value, 0, 3 * (size_t)n * sizeof *p->value);
}

double rg__pairs_close(const struct rg__pairs *p)
{
    double loss = 0;
    for (int64_t i = 0; i < p->n; i++) {
        double *kept = p->list->kept + p->items[i].row;
        kept[0] = p->column[i];
        kept[p->n] = p->value[i];
        if (p->w[i] != 0) {
            loss += p->w[i] * p->value[i];
            kept[0] += p->w[i] * p->row[i];
        }
    }
    return loss;
}

int64_t rg__equal_labels_end(const struct rg__pairs *p, int64_t begin)
{
    int64_t end = begin + 1;
    while (end < p->n && p->y[end] == p->y[begin])
        end++;
    return end;
}

/* The pairs of item i with the `n` items from `begin` on. */
static void add_block(struct rg__pairs *p, rg__pair_loss *loss, int64_t i, int64_t begin, int64_t n)
{
    double score[BLOCK], label[BLOCK], value[BLOCK], slope[BLOCK], weight[BLOCK];
    for (int64_t k = 0; k < n; k++) {
        score[k] = p->s[i] - p->s[begin + k];
        label[k] = p->y[i] - p->y[begin + k];
    }
    loss(&(struct rg__pair_block){p, i, begin, n, score, label, value, slope});
    if (p->weighted) {
        rg__lambda_row(&p->weights, i, begin, n, weight);
        for (int64_t k = 0; k < n; k++) {
            value[k] = weight[k] == 0 ? 0 : weight[k] * value[k];
            slope[k] = weight[k] == 0 ? 0 : weight[k] * slope[k];
        }
    }
    p->value[i] += lane_sum_f64(value, n);
    p->row[i] += lane_sum_f64(slope, n);
    for (int64_t k = 0; p->w[i] != 0 && k < n; k++)
        p->column[begin + k] -= p->w[i] * slope[k];
}

void rg__pairs_visit(struct rg__pairs *p, rg__pair_loss *loss, bool all)
{
    for (int64_t i = 0, end = 0; i < p->n; i++) {
        if (i == end)
            end = rg__equal_labels_end(p, i);
        for (int64_t begin = all ? 0 : end; begin < p->n; begin += BLOCK)
            add_block(p, loss, i, begin, p->n - begin < BLOCK ? p->n - begin : BLOCK);
    }
}

double rg__pairs_forward(rg_list *list, rg__pair_loss *loss, bool all)
{
    const struct rg__lambda *lambda = list->params;
    struct rg__pairs p;
    rg__pairs_open(list, lambda, &p);
    rg__pairs_visit(&p, loss, all || lambda->lambda == RG__LAMBDA_NDCG_LOSS1);
    return rg__pairs_close(&p);
}

void rg__pairs_backward(rg_list *list, double upstream)
{
    for (int64_t k = 0; k < list->n; k++) {
        if (list->grad_logits)
            list->grad_logits[k] += upstream * list->kept[k];
        if (list->grad_weights)
            list->grad_weights[k] += upstream * list->kept[list->n + k];
    }
}

void rg__pairs_adjust(const void *params, rg_loss_properties *properties)
{
    const struct rg__lambda *own = params;
    properties->varying_weights =
        rg__weighs_pairs(own) && (own->weigh || own->lambda != RG__LAMBDA_LABEL_DIFFERENCE);
    properties->most_label = rg__uses_gains(own) ? rg__most_label_of((rg_gain)own->gain) : 0;
    if (own->lambda == RG__LAMBDA_NDCG_LOSS1)
        properties->unit = RG_UNIT_ALL_PAIRS;
}

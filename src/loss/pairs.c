/* pairs.c: sums over the pairs of a list; see pairs.h. */
#define RG_REAL 64
#include "loss/pairs.h"

#include "tensor/lanes.h"

#include <math.h>
#include <string.h>

enum { BLOCK = RG__PAIR_BLOCK };

static bool has_nan(const double *x, int64_t n)
{
    for (int64_t k = 0; k < n; k++)
        if (isnan(x[k]))
            return true;
    return false;
}

static int by_score_and_weight(const void *weights, const struct rg__item *a,
                               const struct rg__item *b)
{
    const double *w = weights;
    int order = rg__descending(a->score, b->score);
    return order ? order : rg__descending(w[a->row], w[b->row]);
}

bool rg__pairs_open(rg_list *list, struct rg__pairs *p)
{
    int64_t n = list->n;
    double *room = list->scratch,
           **arrays[] = {&p->s, &p->y, &p->w, &p->value, &p->row, &p->column};
    if (has_nan(list->logits, n) || has_nan(list->labels, n) || has_nan(list->weights, n)) {
        for (int64_t k = 0; k < 2 * n; k++)
            list->kept[k] = (double)NAN;
        return false;
    }
    *p = (struct rg__pairs){.list = list, .n = n};
    for (int i = 0; i < RG__COUNT(arrays); i++, room += n)
        *arrays[i] = room;
    p->items = (void *)room;
    p->spare = p->items + n;
    p->room = list->scratch + 11 * n;
    for (int64_t k = 0; k < n; k++)
        p->items[k] = (struct rg__item){list->logits[k], list->labels[k], k};
    const struct rg__lambda *lambda = list->params;
    const struct rg__order order = {
        .key = RG__BY_LABEL, .tie = by_score_and_weight, .user = list->weights};
    if (lambda->lambda != RG__LAMBDA_NONE)
        rg__lambda_rank(&p->weights, lambda, p->items, n, p->spare, p->room);
    rg__sort_items(p->items, n, p->spare, &order);
    for (int64_t i = 0; i < n; i++) {
        p->s[i] = p->items[i].score;
        p->y[i] = p->items[i].label;
        p->w[i] = list->weights[p->items[i].row];
    }
    if (lambda->lambda != RG__LAMBDA_NONE)
        rg__lambda_sort(&p->weights, p->items, p->y, p->value);
    memset(p->value, 0, 3 * (size_t)n * sizeof *p->value);
    return true;
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
    const struct rg__lambda *lambda = p->list->params;
    const struct rg__pair_block block = {.n = n,
                                         .score = score,
                                         .label = label,
                                         .params = lambda,
                                         .ctx = p->list->ctx,
                                         .value = value,
                                         .slope = slope};
    for (int64_t k = 0; k < n; k++) {
        score[k] = p->s[i] - p->s[begin + k];
        label[k] = p->y[i] - p->y[begin + k];
    }
    loss(&block);
    if (lambda->lambda != RG__LAMBDA_NONE) {
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

double rg__pairs_forward(rg_list *list, rg__pair_loss *loss, bool all)
{
    struct rg__pairs p;
    if (!rg__pairs_open(list, &p))
        return (double)NAN;
    all = all || ((const struct rg__lambda *)list->params)->lambda == RG__LAMBDA_NDCG_LOSS1;
    for (int64_t i = 0, end = 0; i < p.n; i++) {
        if (i == end)
            end = rg__equal_labels_end(&p, i);
        for (int64_t begin = all ? 0 : end; begin < p.n; begin += BLOCK)
            add_block(&p, loss, i, begin, p.n - begin < BLOCK ? p.n - begin : BLOCK);
    }
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
    if (((const struct rg__lambda *)params)->lambda == RG__LAMBDA_NDCG_LOSS1)
        properties->unit = RG_UNIT_ALL_PAIRS;
}

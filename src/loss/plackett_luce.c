/* plackett_luce.c: the likelihood of an order under the model of Plackett and Luce; see
 * plackett_luce.h. */
#include "loss/plackett_luce.h"

#include "tensor/elementary.h"

#include <math.h>

enum { TIES_ROW, TIES_GROUP };

const char *rg__plackett_luce_ties(int i)
{
    static const char *const names[] = {[TIES_ROW] = "row", [TIES_GROUP] = "group"};
    return i >= 0 && i < RG__COUNT(names) ? names[i] : NULL;
}

static bool is_grouped(const rg_list *list)
{
    return *(const int *)list->params == TIES_GROUP;
}

static int64_t group_begin(const rg_list *list, const struct rg__item *items, int64_t end)
{
    int64_t begin = end - 1;
    while (is_grouped(list) && begin > 0 && items[begin - 1].label == items[begin].label)
        begin--;
    return begin;
}

static int64_t group_end(const rg_list *list, const struct rg__item *items, int64_t begin)
{
    int64_t end = begin + 1;
    while (is_grouped(list) && end < list->n && items[end].label == items[begin].label)
        end++;
    return end;
}

/* Whether the items from `begin` on are one: its draw is certain, D_i - s_i = 0 at -inf too. */
static bool is_last(const rg_list *list, int64_t begin)
{
    return begin == list->n - 1;
}

/* By rank; D, M and S of a tie group are those of its first rank. */
struct ranks {
    const struct rg__item *items;
    double *a, *max, *x, *e, *sum; /* a; M; s - M; exp(s - M); S */
    double *c, *term;              /* w a; the terms of the loss */
};

/* M and s - M. */
static void find_maxima(const rg_list *list, const struct ranks *r)
{
    double max = -(double)INFINITY;
    for (int64_t end = list->n, begin; end > 0; end = begin) {
        begin = group_begin(list, r->items, end);
        for (int64_t i = begin; i < end; i++)
            max = r->items[i].score > max ? r->items[i].score : max;
        for (int64_t i = begin; i < end; i++) {
            r->max[i] = max;
            r->x[i] = isinf(r->items[i].score) ? r->items[i].score : r->items[i].score - max;
        }
    }
}

/* exp(to - from), mostly 1, applied to a sum that may be 0. */
static double rescale(double sum, double from, double to)
{
    return from == to ? sum : rg__times(sum, exp(to - from));
}

/* The sum of x over a tie group, whatever the order in it. */
static double sum_of_group(const rg_list *list, const double *x, int64_t begin, int64_t end)
{
    return end - begin == 1 ? x[begin] : rg__sum_of(list->ctx, x + begin, end - begin);
}

/* S, and the means of a over tie groups. */
static void find_sums(const rg_list *list, const struct ranks *r)
{
    double sum = 0, max = -(double)INFINITY;
    for (int64_t end = list->n, begin; end > 0; end = begin) {
        double a = 0;
        begin = group_begin(list, r->items, end);
        sum = rescale(sum, r->max[begin], max);
        max = r->max[begin];
        sum += sum_of_group(list, r->e, begin, end);
        for (int64_t i = begin; i < end; i++)
            a += r->a[i];
        for (int64_t i = begin; i < end; i++) {
            r->sum[i] = sum;
            r->a[i] = a / (double)(end - begin);
        }
    }
}

/* The loss; keeps the gradients. `log_sum` is log S. */
static double go_down(const rg_list *list, const struct ranks *r, const double *log_sum,
                      struct rg__kept *grad)
{
    double sum = 0; /* of w_j a_j exp(D - D_j), D that of the group */
    for (int64_t begin = 0, end; begin < list->n; begin = end) {
        if (begin > 0)
            sum = rescale(rg__times(sum, r->sum[begin] / r->sum[begin - 1]), r->max[begin - 1],
                          r->max[begin]);
        end = group_end(list, r->items, begin);
        for (int64_t i = begin; i < end; i++)
            r->c[i] = list->weights[r->items[i].row] * r->a[i];
        sum += sum_of_group(list, r->c, begin, end);
        for (int64_t i = begin; i < end; i++) {
            int64_t k = r->items[i].row;
            double l = is_last(list, begin) ? 0 : log_sum[i] - r->x[i];
            double p = is_last(list, begin) ? 1 : r->e[i] / r->sum[i];
            r->term[i] = rg__times(r->c[i], l);
            grad->logits[k] = rg__times(sum, p) - r->c[i];
            grad->weights[k] = rg__times(r->a[i], l);
        }
    }
    return rg__sum_of(list->ctx, r->term, list->n);
}

double rg__plackett_luce_forward(rg_list *list, rg__rank_coefficients *coefficients)
{
    static const struct rg__order by_label = {.key = RG__BY_LABEL};
    int64_t n = list->n;
    double *room = list->scratch + RG__SORT_ROOM * n, *log_sum = room + 5 * n;
    struct ranks r = {.items = rg__sorted_items(list, &by_label, list->scratch),
                      .a = room,
                      .max = room + n,
                      .x = room + 2 * n,
                      .e = room + 3 * n,
                      .sum = room + 4 * n,
                      .c = room + 6 * n,
                      .term = room + 7 * n};
    struct rg__kept grad = rg__kept_zeros(list);
    coefficients(list->params, n, r.a);
    find_maxima(list, &r);
    rg__exp_of(list->ctx, r.x, n, 0, r.e);
    find_sums(list, &r);
    rg__log_of(list->ctx, r.sum, n, log_sum);
    return go_down(list, &r, log_sum, &grad);
}

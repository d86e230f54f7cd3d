/* plackett_luce.c: the likelihood of an order under the model of Plackett and Luce; see
 * plackett_luce.h. */
#include "loss/plackett_luce.h"

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

/* The loss and D of each item; in grad weights[k] = a (D - s), and logits[k] = w a for go_down. */
static double go_up(const rg_list *list, const struct rg__item *items, double *d,
                    rg__rank_coefficient *coefficient, struct rg__kept *grad)
{
    double loss = 0;
    struct rg__log_sum sum = RG__LOG_SUM_OF_NOTHING;
    for (int64_t end = list->n, begin; end > 0; end = begin) {
        begin = group_begin(list, items, end);
        double a = 0;
        for (int64_t i = begin; i < end; i++) {
            rg__log_sum_add(&sum, items[i].score);
            a += coefficient(list->params, i, list->n) / (double)(end - begin);
        }
        for (int64_t i = begin; i < end; i++) {
            int64_t k = items[i].row;
            d[i] = rg__log_sum_value(&sum);
            double l = is_last(list, begin) ? 0 : log(sum.sum) - (items[i].score - sum.max);
            loss += rg__times(list->weights[k] * a, l);
            grad->weights[k] = rg__times(a, l);
            grad->logits[k] = list->weights[k] * a;
        }
    }
    return loss;
}

/* From the coefficients w a in grad->logits to the gradients; D of a group are equal. */
static void go_down(const rg_list *list, const struct rg__item *items, const double *d,
                    struct rg__kept *grad)
{
    double sum = 0; /* of w_i a_i exp(D - D_i), D that of the group */
    for (int64_t begin = 0, end; begin < list->n; begin = end) {
        if (begin > 0)
            sum = rg__times(sum, exp(d[begin] - d[begin - 1]));
        end = group_end(list, items, begin);
        for (int64_t i = begin; i < end; i++)
            sum += grad->logits[items[i].row];
        for (int64_t i = begin; i < end; i++) {
            double p = is_last(list, begin) ? 1 : exp(items[i].score - d[begin]);
            grad->logits[items[i].row] = rg__times(sum, p) - grad->logits[items[i].row];
        }
    }
}

double rg__plackett_luce_forward(rg_list *list, rg__rank_coefficient *coefficient)
{
    static const struct rg__order by_label = {.key = RG__BY_LABEL};
    struct rg__item *items = rg__sorted_items(list, &by_label, list->scratch);
    double *d = list->scratch + RG__SORT_ROOM * list->n;
    struct rg__kept grad = rg__kept_zeros(list);
    double loss = go_up(list, items, d, coefficient, &grad);
    go_down(list, items, d, &grad);
    return loss;
}

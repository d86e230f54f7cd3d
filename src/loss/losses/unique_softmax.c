/* unique_softmax: each item against those with a smaller label (Zhu and Klabjan 2020), as rax 0.4.0
 * with its default gain.
 *
 *     c_i = w_i (2^{y_i} - 1),    D_i = log(exp(s_i) + sum_{j: y_j < y_i} exp(s_j))
 *     L = sum_i c_i (D_i - s_i)
 *
 * Gradient. D_i - s_i = log(1 + exp x_i), where x_i = log sum_{j: y_j < y_i} exp(s_j) - s_i:
 *
 *     dL/ds_k = -c_k sigmoid(x_k) + sum_{i: y_i > y_k} c_i exp(s_k - D_i)
 *     dL/dw_k = (2^{y_k} - 1) (D_k - s_k)      dL/dy_k = w_k log(2) 2^{y_k} (D_k - s_k)
 *
 * The labels in the comparisons are constants.
 *
 * Kernel. Items are sorted by label. Going up, a running sum of exponentials gives x_i; going down,
 * a running sum of c_i exp(-D_i), relative to the smallest D so far, gives the second term; as
 * s_k <= D_i, no exponential exceeds 1. Time n log n.
 *
 * Corners. Labels of 0 give 0. c_i = 0 adds nothing, whatever its score. An item with nothing below
 * it costs 0, at -inf too. A relevant item at -inf costs +inf, and NaN where all items below it are
 * at -inf too: there is no distribution. Labels below 0 have negative gains. */
#include "loss/parts.h"

#include <math.h>

static const double LN_2 = 0.69314718055994530942;

static int64_t label_begin(const struct rg__item *items, int64_t end)
{
    int64_t begin = end - 1;
    while (begin > 0 && items[begin - 1].label == items[end - 1].label)
        begin--;
    return begin;
}

/* The loss and the parts of the gradients that come from an item's own term; d gets D. */
static double go_up(const rg_list *list, const struct rg__item *items, double *d,
                    struct rg__kept *grad)
{
    double loss = 0;
    struct rg__log_sum below = RG__LOG_SUM_OF_NOTHING;
    for (int64_t end = list->n, begin; end > 0; end = begin) {
        begin = label_begin(items, end);
        double log_below = rg__log_sum_value(&below);
        for (int64_t i = begin; i < end; i++) {
            int64_t k = items[i].row;
            double x = end == list->n ? log_below : log_below - items[i].score, e = exp(-fabs(x));
            double l = (x > 0 ? x : x == x ? 0 : x) + log1p(e);
            double gain = expm1(items[i].label * LN_2), c = list->weights[k] * gain;
            d[i] = (x > 0 ? log_below : items[i].score) + log1p(e);
            loss += rg__times(c, l);
            grad->logits[k] = -rg__times(c, (x > 0 ? 1 : e) / (1 + e));
            grad->weights[k] = rg__times(gain, l);
            grad->labels[k] = rg__times(list->weights[k], LN_2 * (gain + 1) * l);
        }
        for (int64_t i = begin; i < end; i++)
            rg__log_sum_add(&below, items[i].score);
    }
    return loss;
}

/* Adds what the terms of items with a larger label contribute. */
static void go_down(const rg_list *list, const struct rg__item *items, const double *d,
                    struct rg__kept *grad)
{
    double least = (double)INFINITY, sum = 0; /* sum of c_i exp(least - D_i) */
    for (int64_t end = 0; end < list->n;) {
        int64_t begin = end;
        while (end < list->n && items[end].label == items[begin].label)
            end++;
        for (int64_t i = begin; i < end && sum != 0; i++)
            grad->logits[items[i].row] += sum * exp(items[i].score - least);
        for (int64_t i = begin; i < end; i++) {
            double c = list->weights[items[i].row] * expm1(items[i].label * LN_2);
            if (c == 0)
                continue;
            double to = d[i] < least || isnan(d[i]) ? d[i] : least;
            sum = rg__times(sum, exp(to - least)) + c * exp(to - d[i]);
            least = to;
        }
    }
}

static double forward(rg_list *list)
{
    const struct rg__order by_label = {.key = RG__BY_LABEL, .tie = rg__by_values, .user = list};
    struct rg__item *items = rg__sorted_items(list, &by_label, list->scratch);
    double *d = list->scratch + RG__SORT_ROOM * list->n;
    struct rg__kept grad = rg__kept_zeros(list);
    double loss = go_up(list, items, d, &grad);
    go_down(list, items, d, &grad);
    return loss;
}

const rg_loss rg__loss_unique_softmax = {
    .component = {.name = "unique_softmax",
                  .formula = "L = sum_i w_i (2^{y_i} - 1) log(1 + sum_{y_j < y_i} exp(s_j - s_i))"},
    .properties = {.needs_nonnegative_labels = true,
                   .shift_invariant = true,
                   .most_label = 1023,
                   .unit = RG_UNIT_LISTS},
    .workspace = {.scratch = RG__SORT_ROOM + 1, .kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

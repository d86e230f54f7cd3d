/* bpref.c: binary preference (Buckley and Voorhees 2004, as trec_eval computes it).
 *
 *   bpref = 1/R sum over ranked relevant items of (1 - min(b, R) / min(R, N))
 *
 * where R and N count the list's relevant and other items and b those of the N that stand before
 * the item; an item with none before it adds 1/R. All labelled items are judged.
 *
 * Ties: a relevant item of a group with m other items has u of them before it, u = 0 .. m being
 * equally likely, so E min(b + u, R) is the mean of m + 1 terms, the first a + 1 of which are not
 * cut off by R.
 */
#include "metric/metric.h"

/* E min(b + u, R), u uniform on 0 .. m. */
static double expected_before(double b, double m, double R)
{
    if (b >= R)
        return R;
    double a = m < R - b ? m : R - b;
    return ((a + 1) * b + a * (a + 1) / 2 + (m - a) * R) / (m + 1);
}

static double value(struct rg__ranked_list *list)
{
    double n_relevant = (double)rg__count_relevant(list, 0, list->n), sum = 0, before = 0;
    double n_others = (double)list->n - n_relevant;
    double most = n_others < n_relevant ? n_others : n_relevant;
    for (int64_t begin = 0, end; begin < list->n_ranked; begin = end) {
        end = rg__tie_end(list, begin);
        double relevant = (double)rg__count_relevant(list, begin, end);
        double others = (double)(end - begin) - relevant;
        sum += most > 0 ? relevant * (1 - expected_before(before, others, n_relevant) / most)
                        : relevant;
        before += others;
    }
    return sum / n_relevant;
}

const struct rg__metric_kind rg__metric_bpref = {
    {.name = "bpref",
     .formula = "mean, over R relevant, of 1 - min(others before, R) / min(others, R)"},
    .whole_list = true,
    .has_relevant = rg__has_threshold,
    .value = value};

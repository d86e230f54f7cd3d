/* err.c: expected reciprocal rank (Chapelle, Metzler, Zhang and Grinspan 2009).
 *
 *   ERR@k = sum_{i<=k} 1/i R_i prod_{j<i} (1 - R_j),   R = (2^y - 1) / 2^g
 *
 * A user reads down the list and stops at an item with probability R; g is the greatest label there
 * can be, 4 by default (gdeval). R is 0 for labels below 0, and labels above g count as g. With
 * stop=label, as in CatBoost, the labels are the probabilities R; those above 1 count as 1.
 *
 * Ties: let a group of t items stand behind b others, and let x = 1 - R. With
 *
 *   E_p = mean over all sets of p items of the group of (the product of their x),
 *
 * the probability of reading past p items of the group in random order is E_p, so the group's
 * expected share is prod_{before} x  sum_{p=1..t} (E_{p-1} - E_p) / (b + p). The E_p come from
 * adding item after item: the m-th is in a random set of p with probability p / m, so
 *
 *   E_p' = (1 - p/m) E_p + p/m x_m E_{p-1}.
 *
 * All terms are positive. By Maclaurin's inequality E_p <= E_1^p: the sum ends where that is below
 * 1e-18, which bounds the rest.
 */
#include "metric/err.h"

#include <math.h>

double rg__err_stop(const struct rg__ranked_list *list, double label)
{
    const struct rg__err *p = list->params;
    double most = p->max_label;
    if (p->stop == 1)
        return fmin(fmax(label, 0), 1);
    label = fmin(label, most);
    return label > 0 ? exp2(label - most) - exp2(-most) : 0;
}

/* How many ranks of a group are worth a term: until E_1^p < 1e-18. */
static int64_t ranks_that_count(double mean, int64_t most)
{
    if (mean >= 1)
        return 0;
    double ranks = mean > 0 ? ceil(log(1e-18) / log(mean)) : 1;
    return ranks < (double)most ? (int64_t)ranks : most;
}

/* sum_{p<=n} (E_{p-1} - E_p) / (begin + p) of the group [begin, end). */
static double share_of_group(const struct rg__ranked_list *list, int64_t begin, int64_t end,
                             int64_t n)
{
    double *e = (double *)(void *)list->spare; /* 1.5 numbers for each item of the list */
    double share = 0;
    e[0] = 1;
    for (int64_t p = 1; p <= n; p++)
        e[p] = 0;
    for (int64_t m = 1; m <= end - begin; m++) {
        double x = 1 - rg__err_stop(list, list->items[begin + m - 1].label);
        for (int64_t p = m < n ? m : n; p > 0; p--)
            e[p] = ((double)(m - p) * e[p] + (double)p * x * e[p - 1]) / (double)m;
    }
    for (int64_t p = 1; p <= n; p++)
        share += (e[p - 1] - e[p]) / (double)(begin + p);
    return share;
}

double rg__err(const struct rg__ranked_list *list)
{
    double sum = 0, reached = 1; /* the probability of reading past the groups before */
    int64_t cut = rg__cut(list, list->n_ranked);
    for (int64_t begin = 0, end; begin < cut && reached > 0; begin = end) {
        end = rg__tie_end(list, begin);
        double mean = 0, passed = 1;
        for (int64_t i = begin; i < end; i++) {
            double x = 1 - rg__err_stop(list, list->items[i].label);
            mean += x / (double)(end - begin);
            passed *= x;
        }
        if (end - begin == 1)
            sum += reached * (1 - passed) / (double)end;
        else
            sum +=
                reached * share_of_group(list, begin, end,
                                         ranks_that_count(mean, (end < cut ? end : cut) - begin));
        reached *= passed;
    }
    return sum;
}

static double value(struct rg__ranked_list *list)
{
    return rg__err(list);
}

static const char *stop_name(int i)
{
    return i == 0 ? "exp" : i == 1 ? "label" : NULL;
}

const rg_param rg__err_params[2] = {
    RG__REAL(struct rg__err, max_label, 4, 0, 1023, .above = true,
             .help = "The greatest label there can be"),
    RG__NAME(struct rg__err, stop, 0, stop_name,
             .help = "The probability R of stopping at an item: (2^y-1)/2^max_label, or its label"),
};

const struct rg__metric_kind rg__metric_err = {
    {.name = "err",
     .formula = "sum_{i<=k} R_i prod_{j<i} (1-R_j) / i, R = (2^y-1)/2^max_label",
     RG__PARAMS(struct rg__err, rg__err_params)},
    .has_relevant = rg__has_gain,
    .value = value};

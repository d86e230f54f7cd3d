/* novelty.c: gains that shrink as a subtopic is repeated; see novelty.h.
 *
 * The sum is taken subtopic by subtopic. Let z_i = 1 if the item at rank i covers the subtopic, and
 * q = 1 - alpha. The term of rank i is z_i q^(z_1 + .. + z_{i-1}) discount(i).
 *
 * Ties: let rank i be the p-th of a tie group of t items, r of which cover the subtopic, behind
 * items of which B cover it. In random order, the item at rank i covers it with probability r / t,
 * and the p - 1 before it are then a random set of the other t - 1 items, r - 1 of which cover it.
 * So the expected term is
 *
 *   q^B r / t E_{p-1} discount(i),   E_m = mean, over all sets of m of the t - 1, of q^(covering).
 *
 * The E_m come from adding item after item, as in err.c. A group takes t min(t, k) steps.
 */
#include "metric/novelty.h"

#include <math.h>

bool rg__covers(const struct rg__ranked_list *list, const struct rg__item *item, int64_t subtopic)
{
    const rg_ranking *r = list->ranking;
    return (double)r->subtopics[item->row * r->n_subtopics + subtopic] >= list->metric->threshold;
}

/* How many of the items [begin, end) cover a subtopic. */
static int64_t count_covering(const struct rg__ranked_list *list, int64_t begin, int64_t end,
                              int64_t subtopic)
{
    int64_t count = 0;
    for (int64_t i = begin; i < end; i++)
        count += rg__covers(list, &list->items[i], subtopic);
    return count;
}

int64_t rg__count_subtopics(const struct rg__ranked_list *list)
{
    int64_t count = 0;
    for (int64_t s = 0; s < list->ranking->n_subtopics; s++)
        count += count_covering(list, 0, list->n, s) > 0;
    return count;
}

bool rg__has_subtopic(const struct rg__ranked_list *list)
{
    return rg__count_subtopics(list) > 0;
}

/* E_0 .. E_{n-1} of a group of t items, r of which cover the subtopic, one of these set aside. */
static void expected_products(double *e, int64_t n, int64_t t, int64_t r, double q)
{
    e[0] = 1;
    for (int64_t m = 1; m < n; m++)
        e[m] = 0;
    for (int64_t added = 1; added < t; added++) {
        double x = added < r ? q : 1;
        for (int64_t m = added < n ? added : n - 1; m > 0; m--)
            e[m] = ((double)(added - m) * e[m] + (double)m * x * e[m - 1]) / (double)added;
    }
}

/* The sum of one subtopic. */
static double of_subtopic(const struct rg__ranked_list *list, int64_t subtopic, double q,
                          enum rg__discount discount)
{
    double *e = (double *)(void *)list->spare; /* 1.5 numbers for each item of the list */
    double sum = 0, reached = 1;
    int64_t cut = rg__cut(list, list->n_ranked);
    for (int64_t begin = 0, end; begin < cut && reached > 0; begin = end) {
        end = rg__tie_end(list, begin);
        int64_t t = end - begin, n = (end < cut ? end : cut) - begin;
        int64_t r = count_covering(list, begin, end, subtopic);
        if (r == 0)
            continue;
        expected_products(e, n, t, r, q);
        for (int64_t p = 0; p < n; p++)
            sum += reached * ((double)r / (double)t) * e[p] *
                   rg__discounts_of(discount, begin + p, begin + p + 1);
        reached *= pow(q, (double)r);
    }
    return sum;
}

double rg__novelty(const struct rg__ranked_list *list, enum rg__discount discount)
{
    double q = 1 - ((const struct rg__novelty *)list->params)->alpha, sum = 0;
    for (int64_t s = 0; s < list->ranking->n_subtopics; s++)
        sum += of_subtopic(list, s, q, discount);
    return sum;
}

const rg_param rg__novelty_params[1] = {
    RG__REAL(struct rg__novelty, alpha, 0.5, 0, 1,
             .help =
                 "How much of a subtopic's gain each item that covers it takes from later ones"),
};

/* pairwise_hinge: the hinge loss of every pair that should be ranked (Herbrich et al. 1999).
 *
 *     L = sum_{y_i > y_j} w_i lambda_ij max(0, m - (s_i - s_j)),    m = margin
 *
 * Backward. The slope in s_i - s_j is -1 where the pair is closer than the margin, and 0 elsewhere,
 * at the kink too; pairs.h turns slopes into gradients. With lambda weights the pairs are visited.
 *
 * Without them, time is O(n log n). With c_i the lower-labelled items j that are closer to i than
 * the margin and S_i the sum of their scores,
 *
 *     L = sum_i w_i (c_i (m - s_i) + S_i)      dL/ds_k = -w_k c_k + sum of w_i over the higher-
 *                                                        labelled i that are closer to k than m
 *
 * Items enter a Fenwick tree over the label levels in the order of their scores, so that the items
 * closer than the margin are those in the tree; a sum over the levels below (above) that of an item
 * takes log(levels) steps. Where scores are far from 0, c (m - s_i) and S cancel: S is kept in two
 * doubles, the sum and what rounding took from it (Dekker 1971), and so is the difference. The
 * terms of the difference are all positive, so that nothing else cancels.
 *
 * Corners. A pair with a score of -inf costs 0 in the right order and +inf in the wrong one; two of
 * -inf: NaN. With an infinite score all pairs are visited. */
#include "loss/pairs.h"

#include <math.h>
#include <string.h>

struct pairwise_hinge {
    struct rg__lambda lambda;
    double margin;
};

static void visit(const struct rg__pair_block *block)
{
    double margin = ((const struct pairwise_hinge *)block->pairs->list->params)->margin;
    for (int64_t k = 0; k < block->n; k++) {
        double gap = margin - block->score[k];
        block->value[k] = gap <= 0 ? 0 : gap; /* a NaN stays */
        block->slope[k] = gap > 0 ? -1 : gap <= 0 ? 0 : gap;
    }
}

/* A sum and what rounding took from it. */
struct sum {
    double high, low;
};

static struct sum add(struct sum a, double x)
{
    double high = a.high + x, part = high - a.high;
    double low = (a.high - (high - part)) + (x - part);
    return (struct sum){high, a.low + low};
}

/* Sums over the levels of labels (Fenwick 1994). */
static void enter(struct sum *tree, int64_t n, int64_t level, double x)
{
    for (int64_t i = level + 1; i <= n; i += i & -i)
        tree[i - 1] = add(tree[i - 1], x);
}

/* The sum over the levels below. */
static struct sum sum_below(const struct sum *tree, int64_t level)
{
    struct sum sum = {0, 0};
    for (int64_t i = level; i > 0; i -= i & -i) {
        sum = add(sum, tree[i - 1].high);
        sum.low += tree[i - 1].low;
    }
    return sum;
}

/* c (m - s) + S; fma gives what rounding takes from the products. */
static double count_below(double c, double margin, double s, struct sum sum)
{
    double cs = c * s, cm = c * margin;
    sum = add(add(sum, -cs), cm);
    return sum.high + (sum.low - fma(c, s, -cs) + fma(c, margin, -cm));
}

/* Items by score, the largest first; `row` is the index in `p`, `label` the level of the label, 0
 * for the lowest. Returns the number of levels. */
static int64_t sort_by_score(const struct rg__pairs *p, struct rg__item *items)
{
    static const struct rg__order by_score = {.key = RG__BY_SCORE};
    int64_t levels = 0;
    for (int64_t i = p->n - 1; i >= 0; i--) {
        levels += i == p->n - 1 || p->y[i] != p->y[i + 1];
        items[i] = (struct rg__item){p->s[i], (double)(levels - 1), i};
    }
    rg__sort_items(items, p->n, p->spare, &by_score);
    return levels;
}

/* value and row of p: c and S of each item from those with a lower label. */
static void sum_rows(struct rg__pairs *p, const struct rg__item *items, int64_t levels,
                     struct sum *count, struct sum *sum, double margin)
{
    for (int64_t at = 0, close = 0; at < p->n; at++) {
        const struct rg__item *item = &items[at];
        for (; close < p->n && margin - (item->score - items[close].score) > 0; close++) {
            enter(count, levels, (int64_t)items[close].label, 1);
            enter(sum, levels, (int64_t)items[close].label, items[close].score);
        }
        double c = sum_below(count, (int64_t)item->label).high;
        p->value[item->row] =
            count_below(c, margin, item->score, sum_below(sum, (int64_t)item->label));
        p->row[item->row] = -c;
    }
}

/* column of p: the weights of the items with a higher label; levels count from the highest. */
static void sum_columns(struct rg__pairs *p, const struct rg__item *items, int64_t levels,
                        struct sum *weight, double margin)
{
    for (int64_t at = p->n - 1, close = p->n - 1; at >= 0; at--) {
        const struct rg__item *item = &items[at];
        for (; close >= 0 && margin - (items[close].score - item->score) > 0; close--)
            enter(weight, levels, levels - 1 - (int64_t)items[close].label, p->w[items[close].row]);
        p->column[item->row] = sum_below(weight, levels - 1 - (int64_t)item->label).high;
    }
}

static double forward(rg_list *list)
{
    const struct pairwise_hinge *params = list->params;
    bool finite = true;
    for (int64_t k = 0; k < list->n; k++)
        finite &= isfinite(list->logits[k]) != 0;
    if (rg__weighs_pairs(&params->lambda) || !finite)
        return rg__pairs_forward(list, visit, false);
    struct rg__pairs p;
    rg__pairs_open(list, &params->lambda, &p);
    struct rg__item *items = (void *)p.room;
    struct sum *count = (void *)(p.room + 3 * p.n), *sum = count + p.n;
    memset(count, 0, 2 * (size_t)p.n * sizeof *count);
    int64_t levels = sort_by_score(&p, items);
    sum_rows(&p, items, levels, count, sum, params->margin);
    memset(count, 0, (size_t)p.n * sizeof *count);
    sum_columns(&p, items, levels, count, params->margin);
    return rg__pairs_close(&p);
}

static const rg_param params[] = {
    RG__REAL(struct pairwise_hinge, margin, 1, 0, 1e6,
             .help = "Difference of scores from which on a pair costs nothing"),
    RG__LAMBDA_PARAMS,
};

const rg_loss rg__loss_pairwise_hinge = {
    .component = {.name = "pairwise_hinge",
                  .formula = "L = sum_{y_i > y_j} w_i lambda_ij max(0, margin - (s_i - s_j))",
                  RG__PARAMS(struct pairwise_hinge, params)},
    .properties = RG__PAIRS_PROPERTIES,
    .adjust = rg__pairs_adjust,
    .workspace = RG__PAIRS_WORKSPACE,
    .forward = forward,
    .backward = rg__pairs_backward};

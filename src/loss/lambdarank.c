/* lambdarank.c: LambdaRank as LightGBM and XGBoost compute it; see lambdarank.h. */
#include "loss/lambdarank.h"

#include "tensor/elementary.h"

#include <math.h>
#include <string.h>

/* Adds second derivatives of a block's pairs to those of their items. */
static void add_curvature(const struct rg__pair_block *block, double *curvature, const double *q)
{
    const struct rg__pairs *p = block->pairs;
    double lambda[RG__PAIR_BLOCK];
    rg__lambda_row(&p->weights, block->i, block->begin, block->n, lambda);
    for (int64_t k = 0; k < block->n; k++) {
        double h = lambda[k] == 0 ? 0 : p->w[block->i] * lambda[k] * q[k];
        curvature[p->items[block->i].row] += h;
        curvature[p->items[block->begin + k].row] += h;
    }
}

static void visit(const struct rg__pair_block *block)
{
    const struct rg__lambdarank *how = block->pairs->list->params;
    double *value = block->value, *slope = block->slope, sigma = how->sigma;
    const double *out = how->one_out_of;
    double q[RG__PAIR_BLOCK];
    for (int64_t k = 0; k < block->n; k++)
        value[k] = -sigma * block->score[k];
    rg__softplus(block->pairs->list->ctx, value, block->n, value, slope);
    memcpy(q, slope, (size_t)block->n * sizeof *q);
    for (int64_t k = 0; k < block->n; k++) {
        double f = how->by_distance ? 1 / (0.01 + fabs(block->score[k])) : 1;
        double times = out ? out[block->i] + out[block->begin + k] : 1;
        value[k] = times * (f == 0 && value[k] > 0 ? sigma : value[k] * f);
        slope[k] *= -sigma * f * times;
        q[k] = sigma * sigma * f * times * q[k] * (1 - q[k]);
    }
    if (how->curvature)
        add_curvature(block, how->curvature, q);
}

static bool all_equal(const double *x, int64_t n)
{
    for (int64_t k = 1; k < n; k++)
        if (x[k] != x[0])
            return false;
    return true;
}

double rg__lambdarank_forward(rg_list *list, const struct rg__lambdarank *how)
{
    struct rg__lambdarank own = *how;
    rg_list with_own = *list;
    struct rg__pairs p;
    double sum = 0, c = how->factor;
    own.by_distance = how->by_distance && !all_equal(list->logits, list->n);
    with_own.params = &own;
    rg__pairs_open(&with_own, &how->lambda, &p);
    for (int64_t i = 0, end = 0, begin = 0; how->one_out_of && i < p.n; i++) {
        if (i == end) {
            begin = i;
            end = rg__equal_labels_end(&p, i);
        }
        how->one_out_of[i] = 1 / (double)(p.n - (end - begin));
    }
    rg__pairs_visit(&p, visit, false);
    for (int64_t i = 0; i < p.n; i++)
        sum -= 2 * p.row[i];
    if (how->by_sum && sum > 0)
        c *= log1p(sum) / log(2) / sum;
    for (int64_t i = 0; i < p.n; i++) {
        p.value[i] *= c;
        p.row[i] *= c;
        p.column[i] *= c;
        if (how->curvature)
            how->curvature[i] *= c;
    }
    return rg__pairs_close(&p);
}

/* soft_rank.c: differentiable ranks, and metrics of them; see soft_rank.h. */
#include "loss/soft_rank.h"

#include "loss/soft_sums.h"
#include "tensor/elementary.h"

#include <math.h>
#include <string.h>

static const double WIDEST = 600; /* of (max s - min s) / T: e and 1 / e are normal numbers */

/* The sigmoid; 1/2 where both are infinite alike. */
static double sigmoid(double s_j, double s_i, double temperature)
{
    double d = s_j == s_i ? 0 : (s_j - s_i) / temperature, e = exp(-fabs(d));
    return (d > 0 ? 1 : e) / (1 + e);
}

/* Fills e; false: some would underflow, and e is free for other numbers. */
static bool exponentials(const rg_context *ctx, const double *s, int64_t n, double temperature,
                         double *e)
{
    double max = s[0], min = s[0];
    for (int64_t k = 1; k < n; k++) {
        max = s[k] > max ? s[k] : max;
        min = s[k] < min ? s[k] : min;
    }
    bool narrow = (max - min) / temperature < WIDEST;
    for (int64_t k = 0; k < n && narrow; k++)
        e[k] = (s[k] - max) / temperature;
    if (narrow)
        rg__exp_of(ctx, e, n, 0, e);
    return narrow;
}

void rg__soft_ranks(const rg_context *ctx, const double *s, int64_t n, double temperature,
                    double *room, double *rank)
{
    const struct rg__soft_sums *sums = rg__soft_sums(ctx);
    bool narrow = exponentials(ctx, s, n, temperature, room);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t j = 0; j < n && !narrow; j++)
            room[j] = sigmoid(s[j], s[i], temperature);
        double sum = narrow ? sums->shares(room, n, room[i]) : rg__sum_of(ctx, room, n);
        rank[i] = 0.5 + sum; /* which counts the item itself, 1/2 */
    }
    if (!narrow)
        room[0] = 0;
}

void rg__soft_ranks_backward(const rg_context *ctx, const double *s, int64_t n, double temperature,
                             double *room, const double *slope, double *grad)
{
    const struct rg__soft_sums *sums = rg__soft_sums(ctx);
    bool narrow = room[0] > 0;
    double most = 0;
    for (int64_t k = 0; k < n; k++)
        most = fmax(most, fabs(slope[k]));
    for (int64_t k = 0; k < n; k++) {
        for (int64_t j = 0; j < n && !narrow; j++) {
            double p = sigmoid(s[j], s[k], temperature);
            room[j] = p * (1 - p) * (slope[j] - slope[k]);
        }
        grad[k] = narrow ? sums->slopes(room, slope, n, room[k], slope[k], most)
                         : rg__sum_of(ctx, room, n);
        grad[k] /= temperature;
    }
}

/* ---- Approximate metrics of relevant items ---- */

/* The relevance of the items, and its sum. */
static double find_relevant(const rg_list *list, struct rg__approx *a)
{
    const struct rg__approx_params *params = list->params;
    for (int64_t k = 0; k < list->n; k++)
        a->relevance[k] = list->labels[k] >= params->threshold ? list->weights[k] : 0;
    return rg__sum_of(list->ctx, a->relevance, list->n);
}

/* Adds `part` of dV/db to dV/dpi of the items that are at place `at` of the order, or tied with it.
 * v_i = -pi_i, so that db/dpi = -part. */
static void add_to_place(struct rg__approx *a, int64_t at, double part)
{
    int64_t begin = at, end = rg__equal_scores_end(a->items, at, a->n);
    while (begin > 0 && a->items[begin - 1].score == a->items[at].score)
        begin--;
    for (int64_t i = begin; i < end; i++)
        a->by_rank[a->items[i].row] -= part / (double)(end - begin);
}

static double boundary(const struct rg__approx *a, int64_t topn)
{
    return (a->items[topn - 1].score + a->items[topn].score) / 2;
}

static void cut_off(const rg_list *list, struct rg__approx *a)
{
    const struct rg__approx_params *params = list->params;
    bool all = params->topn == 0 || params->topn >= list->n;
    double b = all ? 0 : boundary(a, params->topn);
    for (int64_t k = 0; k < list->n; k++) {
        a->kept[k] = all ? 1 : sigmoid(-a->rank[k], b, params->temperature);
        if (list->logits[k] == -(double)INFINITY)
            a->kept[k] = 0;
    }
}

/* From dV/dc to dV/dpi. */
static void cut_off_backward(const rg_list *list, struct rg__approx *a)
{
    const struct rg__approx_params *params = list->params;
    if (params->topn == 0 || params->topn >= list->n)
        return;
    for (int64_t k = 0; k < list->n; k++) {
        double by_v = a->by_kept[k] * a->kept[k] * (1 - a->kept[k]) / params->temperature;
        a->by_rank[k] -= by_v;
        a->term[k] = -by_v;
    }
    double by_boundary = rg__sum_of(list->ctx, a->term, list->n);
    add_to_place(a, params->topn - 1, by_boundary / 2);
    add_to_place(a, params->topn, by_boundary / 2);
}

double rg__approx_forward(rg_list *list, rg__approx_metric *metric)
{
    const struct rg__approx_params *params = list->params;
    static const struct rg__order by_score = {.key = RG__BY_SCORE};
    int64_t n = list->n;
    double *exponentials_room = list->scratch;
    struct rg__approx a = {.n = n, .ctx = list->ctx};
    struct rg__kept grad = rg__kept_zeros(list);
    double **const arrays[] = {&a.rank,    &a.kept,         &a.relevance, &a.by_rank,
                               &a.by_kept, &a.by_relevance, &a.term};
    for (int i = 0; i < RG__COUNT(arrays); i++)
        *arrays[i] = list->scratch + (i + 1) * n;
    a.items = (struct rg__item *)(void *)(list->scratch + 8 * n);
    a.relevant = find_relevant(list, &a);
    if (a.relevant == 0)
        return 0;
    rg__soft_ranks(list->ctx, list->logits, n, params->temperature, exponentials_room, a.rank);
    for (int64_t k = 0; k < n; k++)
        a.items[k] = (struct rg__item){.score = -a.rank[k], .row = k};
    rg__sort_items(a.items, n, a.items + n, &by_score);
    cut_off(list, &a);
    memset(a.by_rank, 0, 3 * (size_t)n * sizeof *a.by_rank);
    double value = metric(&a);
    cut_off_backward(list, &a);
    for (int64_t k = 0; k < n; k++) {
        a.by_rank[k] = -a.by_rank[k];
        if (list->labels[k] >= params->threshold)
            grad.weights[k] = -a.by_relevance[k];
    }
    rg__soft_ranks_backward(list->ctx, list->logits, n, params->temperature, exponentials_room,
                            a.by_rank, grad.logits);
    return -value;
}

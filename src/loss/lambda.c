/* lambda.c: lambda weights; see lambda.h.
 *
 * Every weight is computed from a few numbers per item, so that a pair costs no more than a few
 * operations and memory is O(n). For ndcg these are gain and discount. For map, let item h stand
 * above item l in the ranking, exactly one of them relevant, q(r) = 1 / r at ranks up to k and 0
 * below; N(r) the relevant items above rank r, and A(r) the sum of q over them. Counting the terms
 * of sum_{relevant} (N + 1) q before and after the swap, the relevant items between h and l change
 * by q each, and
 *
 *     h relevant:  (N_h + 1) q_h + (A_l - A_h - q_h) - N_l q_l        = phi_h - phi_l
 *     l relevant:  (N_h + 1) q_h + (A_l - A_h) - (N_l + 1) q_l        = psi_h - psi_l
 *     with phi = N q - A and psi = phi + q, divided by min(k, R), R the relevant items.
 *
 * For mrr, only the first relevant item counts. An irrelevant item that rises above it takes its
 * place; an irrelevant item l below it that swaps with it leaves the second relevant item or the
 * swapped one as the first: q_first - max(q_second, q_l). */
#include "loss/lambda.h"

#include <math.h>
#include <string.h>

const char *rg__lambda_name(int kind)
{
    static const char *const names[] = {
        "none", "label_difference", "ndcg", "ndcg_loss1", "ndcg_loss2", "ndcg_loss2pp",
        "yeti", "precision",        "map",  "mrr"};
    return (unsigned)kind < RG__COUNT(names) ? names[kind] : NULL;
}

const char *rg__lambda_gain_name(int gain)
{
    return rg_gain_name((rg_gain)gain);
}

static bool is_relevant(const struct rg__lambda_table *t, double label)
{
    return label >= t->params->lambda_threshold;
}

/* ---- What depends on rank -------------------------------------------------------------------- */

/* Equal scores: the lower label first. */
static int lower_label_first(const void *user, const struct rg__item *a, const struct rg__item *b)
{
    (void)user;
    return (a->label > b->label) - (a->label < b->label);
}

/* State of the walk down the ranking. */
struct walk {
    int64_t relevant; /* items so far */
    double sum;       /* of q over them */
};

static double discount(double rank)
{
    return 1 / log2(1 + rank);
}

/* Adds what rank r (from 1) makes of a and b to their sums over a group. */
static void add_rank(struct rg__lambda_table *t, struct walk *walk, int64_t r, bool relevant,
                     double *a, double *b)
{
    bool inside = r <= t->cut;
    double q = inside ? 1 / (double)r : 0;
    switch (t->params->lambda) {
    case RG__LAMBDA_NDCG:
    case RG__LAMBDA_NDCG_LOSS1:
    case RG__LAMBDA_NDCG_LOSS2PP: *a += inside ? rg__discounts(r - 1, r) : 0; return;
    case RG__LAMBDA_PRECISION: *a += inside; return;
    case RG__LAMBDA_YETI: *a += 1; return;
    case RG__LAMBDA_MAP:
        *a += (double)walk->relevant * q - walk->sum;
        *b += (double)walk->relevant * q - walk->sum + q;
        break;
    case RG__LAMBDA_MRR:
        *a += q;
        *b += relevant && walk->relevant == 0; /* the first relevant item, one of its group */
        break;
    default: return;
    }
    if (relevant && walk->relevant < 2)
        *(walk->relevant == 0 ? &t->q_first : &t->q_second) = q;
    walk->relevant += relevant;
    walk->sum += relevant ? q : 0;
}

/* The rows of items [begin, end), which share score and label, get the means over their ranks. */
static void rank_group(struct rg__lambda_table *t, struct walk *walk, const struct rg__item *items,
                       int64_t begin, int64_t end)
{
    double a = 0, b = 0, count = (double)(end - begin), rank = (double)(begin + 1 + end) / 2;
    double inside = fmin(fmax((double)(t->params->truncation - begin) / count, 0), 1);
    int kind = t->params->lambda;
    for (int64_t i = begin; i < end; i++)
        add_rank(t, walk, i + 1, is_relevant(t, items[i].label), &a, &b);
    if (kind != RG__LAMBDA_YETI) /* its a is the size of the group */
        a /= count;
    b /= count;
    if (kind == RG__LAMBDA_NDCG_LOSS2 || kind == RG__LAMBDA_NDCG_LOSS2PP || kind == RG__LAMBDA_YETI)
        b = rank > (double)t->cut ? 1 / (1 - discount(rank)) : 1;
    for (int64_t i = begin; i < end; i++) {
        t->rank[items[i].row] = rank;
        t->a[items[i].row] = a;
        t->b[items[i].row] = b;
        t->inside[items[i].row] = inside;
    }
}

void rg__lambda_rank(struct rg__lambda_table *t, const struct rg__lambda *params,
                     struct rg__item *items, int64_t n, struct rg__item *spare, double *room)
{
    static const struct rg__order order = {.key = RG__BY_SCORE, .tie = lower_label_first};
    struct walk walk = {0};
    *t = (struct rg__lambda_table){.params = params, .n = n, .cut = params->topn};
    for (int64_t i = 0; params->lambda == RG__LAMBDA_PRECISION && params->topn == 0 && i < n; i++)
        t->cut += is_relevant(t, items[i].label);
    if (t->cut == 0 || t->cut > n)
        t->cut = n;
    double **arrays[] = {&t->gain, &t->rank, &t->a, &t->b, &t->inside, &t->distance};
    for (int i = 0; i < RG__COUNT(arrays); i++, room += n)
        *arrays[i] = room;
    rg__sort_items(items, n, spare, &order);
    for (int64_t begin = 0, end; begin < n; begin = end) {
        for (end = begin + 1; end < n && items[end].score == items[begin].score &&
                              items[end].label == items[begin].label;)
            end++;
        rank_group(t, &walk, items, begin, end);
    }
    int64_t most = walk.relevant < t->cut ? walk.relevant : t->cut;
    t->scale = params->truncation > 0 ? 1 : (double)n;
    if (params->lambda == RG__LAMBDA_MAP)
        t->scale /= (double)(most ? most : 1);
    memset(t->distance, 0, 2 * (size_t)n * sizeof *t->distance);
    for (int64_t h = 2; h < 2 * n; h++)
        t->distance[h] = discount((double)h / 2) - discount((double)h / 2 + 1);
}

static void permute(double *x, const struct rg__item *items, int64_t n, double *other)
{
    for (int64_t i = 0; i < n; i++)
        other[i] = x[items[i].row];
    memcpy(x, other, (size_t)n * sizeof *x);
}

/* The gains times n, or their part of the ideal DCG of the cutoff; no gain at all: 0. */
static void compute_gains(struct rg__lambda_table *t)
{
    int64_t cut = t->params->truncation > 0 ? t->params->truncation : t->cut;
    rg_gain kind = (rg_gain)t->params->gain;
    int exponent = t->params->normalized ? rg__gain_exponent(kind, t->labels[0]) : 0;
    double ideal = t->params->normalized ? 0 : 1;
    for (int64_t i = 0; i < t->n; i++) {
        t->gain[i] = rg__scaled_gain(kind, t->labels[i], exponent);
        if (t->params->normalized && i < cut)
            ideal += t->gain[i] * rg__discounts(i, i + 1);
    }
    for (int64_t i = 0; i < t->n; i++)
        t->gain[i] = ideal > 0 ? t->gain[i] / ideal * t->scale : 0;
}

void rg__lambda_sort(struct rg__lambda_table *t, const struct rg__item *items, const double *labels,
                     double *other)
{
    permute(t->rank, items, t->n, other);
    permute(t->a, items, t->n, other);
    permute(t->b, items, t->n, other);
    permute(t->inside, items, t->n, other);
    t->labels = labels;
    compute_gains(t);
}

/* ---- The weights of pairs -------------------------------------------------------------------- */

static inline double discount_change(const struct rg__lambda_table *t, int64_t i, int64_t j)
{
    return fabs(t->a[i] - t->a[j]);
}

/* m_ij delta(|r_i - r_j|); ranks are multiples of 1/2. */
static inline double distance_change(const struct rg__lambda_table *t, int64_t i, int64_t j)
{
    double m = t->rank[i] > t->rank[j] ? t->b[i] : t->b[j];
    return m * t->distance[(int64_t)(2 * fabs(t->rank[i] - t->rank[j]))];
}

/* The share of the orders of tied items in which i and j are neighbours. */
static inline double are_neighbours(const struct rg__lambda_table *t, int64_t i, int64_t j)
{
    bool adjacent = fabs(t->rank[i] - t->rank[j]) == (t->a[i] + t->a[j]) / 2;
    return adjacent ? 1 / (t->a[i] * t->a[j]) : 0;
}

/* The change of AP or RR; `i` is relevant, j is not. */
static inline double binary_change(const struct rg__lambda_table *t, int64_t i, int64_t j)
{
    bool above = t->rank[i] < t->rank[j];
    if (t->params->lambda == RG__LAMBDA_MAP)
        return above ? fabs(t->a[i] - t->a[j]) : fabs(t->b[j] - t->b[i]);
    return above ? t->b[i] * (t->q_first - fmax(t->q_second, t->a[j]))
                 : fmax(0, t->a[j] - t->q_first);
}

static double pair_weight(const struct rg__lambda_table *t, int64_t i, int64_t j)
{
    double gain = fabs(t->gain[i] - t->gain[j]);
    bool relevant = is_relevant(t, t->labels[i]);
    switch (t->params->lambda) {
    case RG__LAMBDA_NDCG_LOSS2: return gain * distance_change(t, i, j);
    case RG__LAMBDA_NDCG_LOSS2PP:
        return gain * (t->params->mu * distance_change(t, i, j) + discount_change(t, i, j));
    case RG__LAMBDA_YETI:
        return gain * are_neighbours(t, i, j) * (t->rank[i] > t->rank[j] ? t->b[i] : t->b[j]) *
               (discount(1) - discount(2));
    default: break; /* the binary metrics */
    }
    if (relevant == is_relevant(t, t->labels[j]))
        return 0;
    if (t->params->lambda == RG__LAMBDA_PRECISION)
        return discount_change(t, i, j);
    return t->scale * (relevant ? binary_change(t, i, j) : binary_change(t, j, i));
}

/* The weights without truncation. */
static void weigh_row(const struct rg__lambda_table *t, int64_t i, int64_t begin, int64_t count,
                      double *weight)
{
    const double *gain = t->gain + begin, *a = t->a + begin, *label = t->labels + begin;
    double gain_i = t->gain[i], a_i = t->a[i], label_i = t->labels[i];
    switch (t->params->lambda) {
    case RG__LAMBDA_NONE:
        for (int64_t k = 0; k < count; k++)
            weight[k] = 1;
        return;
    case RG__LAMBDA_LABEL_DIFFERENCE:
        for (int64_t k = 0; k < count; k++)
            weight[k] = fabs(label_i - label[k]);
        return;
    case RG__LAMBDA_NDCG:
        for (int64_t k = 0; k < count; k++)
            weight[k] = fabs(gain_i - gain[k]) * fabs(a_i - a[k]);
        return;
    case RG__LAMBDA_NDCG_LOSS1:
        for (int64_t k = 0; k < count; k++)
            weight[k] = gain_i * a_i;
        return;
    default:
        for (int64_t k = 0; k < count; k++)
            weight[k] = pair_weight(t, i, begin + k);
    }
}

void rg__lambda_row(const struct rg__lambda_table *t, int64_t i, int64_t begin, int64_t count,
                    double *weight)
{
    const struct rg__lambda *p = t->params;
    if (p->weigh) {
        p->weigh(
            &(rg_pairs_to_weigh){i, begin, count, t->n, t->scores, t->labels, t->rank, t->gain},
            weight, p->user);
        return;
    }
    weigh_row(t, i, begin, count, weight);
    for (int64_t k = 0; t->params->truncation > 0 && k < count; k++)
        weight[k] *= t->inside[t->rank[i] < t->rank[begin + k] ? i : begin + k];
}

/* ---- The caller's weights -------------------------------------------------------------------- */

rg_status rg_loss_set_pair_weights(rg_context *ctx, rg_choice *loss, rg_weigh_pairs *weigh,
                                   void *user)
{
    rg_status status = rg__require(ctx, "rg_loss_set_pair_weights", "loss", loss, "loss->component",
                                   loss ? loss->component : NULL, NULL);
    if (status != RG_OK)
        return status;
    for (int i = 0; i < loss->component->n_params; i++) {
        const rg_param *param = &loss->component->params[i];
        if (param->name_at != rg__lambda_name)
            continue;
        struct rg__lambda *own =
            (void *)(loss->params.bytes + param->offset - offsetof(struct rg__lambda, lambda));
        own->lambda = RG__LAMBDA_NONE;
        own->weigh = weigh;
        own->user = user;
        return RG_OK;
    }
    return rg__fail(
        ctx, RG_USAGE,
        "rg_loss_set_pair_weights: %s has no parameter lambda; expected a pairwise loss",
        loss->component->name);
}

/* step.c: one step's gradient, shard by shard.
 *
 * The one idea: bits must not depend on how many workers there are. So the lists of a step are cut
 * into shards of whole lists, by size alone; the shards fall into at most 64 buckets, consecutive
 * ones into each; a bucket adds its shards in order, and the buckets are added in a fixed tree:
 *
 *     lists    | 7 2 | 9 | 4 1 8 | 3 | 6 5 |      in the shuffled order of the epoch
 *     shards     s0    s1  s2      s3  s4         <= 256 KiB of features: read from memory once,
 *     buckets   [s0]  [s1][s2]    [s3][s4]        in cache for backward; of more than 64 shards
 *     workers    A     B   B       A   B          several a bucket; the next goes to who is free
 *     tree       ((b0 + b1) + (b2 + b3)) + b4
 *
 * A shard is one small graph: its rows, where they lie -> model -> loss, reduction none -> backward
 * with the cotangent scale / units, where the units of the step's lists (rg_loss_unit) are summed
 * first; of a sum of losses each has its own.
 * List weights are relative to their mean over all lists, so that dividing by the number of lists
 * is right; dividing by the weights of the step would cancel them in a step of one list.
 * So one shard a list and one shard for all are the same sum, to rounding. BLAS (an mlp's layers)
 * gives the same bits in every graph, as these align what is large alike. */
#include "train/step.h"

#include "loss/losses.h"
#include "model/model.h"
#include "tensor/tensor.h"
#include "train/check.h"

#include <rankgrad/ops.h>
#include <string.h>

/* A step under way. */
struct step {
    const struct rg__stepper *stepper;
    int64_t n_shards, n_buckets;
    double cotangent[RG_MAX_LOSS_TERMS]; /* of each list's loss */
    void *bucket[RG__MOST_BUCKETS];
    double *sums[RG__MOST_BUCKETS]; /* of position bias; NULL: none */
};

/* A cotangent (n) of the losses, all equal. */
static rg_tensor cotangent_of(rg_graph *graph, rg_dtype dtype, int64_t n, double value)
{
    rg_tensor seed = {dtype, 1, {n}, rg_graph_alloc(graph, (size_t)n * rg_dtype_size(dtype))};
    if (seed.data)
        rg__fill(dtype, seed.data, n, value);
    return seed;
}

/* A leaf of equal scores (n), or (n,columns) where a row has several. */
static rg_node *equal_scores(rg_graph *g, rg_dtype dtype, int64_t n, int64_t columns)
{
    rg_tensor zeros = cotangent_of(g, dtype, n * columns, 0);
    if (columns > 1)
        zeros = (rg_tensor){dtype, 2, {n, columns}, zeros.data};
    return zeros.data ? rg_leaf(g, &zeros) : NULL;
}

/* What the forward pass of a shard gives. */
struct forward {
    rg_node *scores;
    rg_node *loss[RG_MAX_LOSS_TERMS]; /* (n_lists) of each term */
};

/* The sums over positions of all terms follow each other. */
static int64_t count_sums(const rg_position_bias *bias)
{
    return bias->n_positions * bias->n_sums;
}

/* The position bias of the terms in the graph's memory, with their sums at `sums` (NULL: none). */
static const rg_position_bias *bias_of(const struct rg__stepper *s, rg_graph *g, double *sums)
{
    rg_position_bias *bias = rg_graph_alloc(g, sizeof s->bias);
    for (int t = 0; bias && t < s->objective->n_terms; t++) {
        bias[t] = s->bias[t];
        bias[t].sums = sums;
        sums = sums ? sums + count_sums(&bias[t]) : NULL;
    }
    return bias;
}

/* Scores and losses of a shard's lists, the losses also copied to `losses` (terms, most_lists),
 * sums over positions added to `sums` unless it is NULL. Model NULL: equal scores. */
static rg_status forward_shard(const struct rg__stepper *s, rg_graph *g, rg_model *model,
                               const struct rg__shard *shard, double *losses, double *sums,
                               struct forward *out)
{
    const struct rg__rows *rows = s->rows;
    rg_graph_reset(g);
    rg_node *x = model ? rg__shard_features(g, rows, shard) : NULL;
    rg_node *labels;
    rg_loss_options o;
    rg_status status = rg__shard_labels(g, rows, shard, &labels, &o);
    o.reduction = RG_REDUCE_NONE;
    o.draw = s->draw;
    const rg_position_bias *bias = s->n_sums > 0 ? bias_of(s, g, sums) : NULL;
    if (status != RG_OK)
        return status;
    out->scores = model ? rg_model_forward(g, model, x, o.offsets, o.n_lists)
                        : equal_scores(g, rows->dtype, shard->n_rows, s->model->n_outputs);
    if (out->scores && !rg__all_finite(rg_node_value(out->scores)))
        return rg__explain_scores(model->ctx, s->split, "training");
    for (int t = 0; out->scores && t < s->objective->n_terms; t++) {
        const rg_choice *loss = &s->objective->terms[t].loss;
        o.position_bias = bias ? &bias[t] : NULL;
        out->loss[t] = rg_loss_apply(g, loss, out->scores, labels, &o);
        if (out->loss[t])
            rg__cast(rows->dtype, rg_node_value(out->loss[t])->data, RG_F64,
                     losses + t * s->most_lists, shard->n_lists);
    }
    return rg_graph_status(g);
}

/* The sum of the terms' losses (n_lists), each times its cotangent; that of a single term is handed
 * to backward instead. */
static rg_node *weighted_sum(rg_graph *g, const struct step *step, const struct forward *forward)
{
    int n_terms = step->stepper->objective->n_terms;
    rg_node *sum = forward->loss[0];
    for (int t = 0; n_terms > 1 && t < n_terms; t++) {
        rg_node *term = rg_scale(g, forward->loss[t], step->cotangent[t]);
        sum = t ? rg_add(g, sum, term) : term;
    }
    return sum;
}

/* Forward and backward of one shard; the losses of its lists go to `losses`. */
static rg_status run_shard(const struct step *step, rg_graph *g, rg_model *model,
                           const struct rg__shard *shard, double *losses, double *sums)
{
    struct forward forward = {0};
    const struct rg__stepper *s = step->stepper;
    rg_status status = forward_shard(s, g, model, shard, losses, sums, &forward);
    if (status != RG_OK)
        return status;
    rg_node *root = weighted_sum(g, step, &forward);
    rg_tensor seed = cotangent_of(g, s->rows->dtype, shard->n_lists,
                                  s->objective->n_terms > 1 ? 1 : step->cotangent[0]);
    return seed.data ? rg_backward(g, root, &seed) : rg_graph_status(g);
}

/* The same parameters, with gradients and errors of their own. */
static rg_model model_of(const struct rg__stepper *s, rg_context *ctx, void *grad)
{
    rg_model model = *s->model;
    model.ctx = ctx;
    model.parameters.grad = grad;
    return model;
}

/* Task i of a step: the shards of bucket i, in order. */
static rg_status run_bucket(rg_context *ctx, void *user, int worker, int64_t i)
{
    const struct step *step = user;
    const struct rg__stepper *s = step->stepper;
    rg_model model = model_of(s, ctx, step->bucket[i]);
    int64_t begin = i * step->n_shards / step->n_buckets;
    int64_t end = (i + 1) * step->n_shards / step->n_buckets;
    for (int64_t k = begin; k < end; k++) {
        double *losses = s->losses + (s->shards[k].lists - s->shards[0].lists);
        rg_status status = run_shard(step, s->workers->graph[worker], &model, &s->shards[k], losses,
                                     step->sums[i]);
        if (status != RG_OK)
            return status;
    }
    return RG_OK;
}

/* All buckets into the first, in a tree that depends on their number alone. */
static void add_buckets(const rg_parameters *p, void *const *bucket, int64_t n)
{
    for (int64_t width = 1; width < n; width *= 2)
        for (int64_t i = 0; i + width < n; i += 2 * width)
            rg__add(p->dtype, bucket[i], p->dtype, bucket[i + width], p->count);
}

double rg__objective_value(const struct rg__stepper *s, const struct rg__loss_sums *sums)
{
    double value = 0;
    for (int t = 0; t < s->objective->n_terms; t++)
        if (sums->units[t] != 0)
            value += s->scale[t] * sums->loss[t] / sums->units[t];
    return value;
}

static double units_of(const struct rg__stepper *s, int t, const int64_t *lists, int64_t n_lists)
{
    double units = 0;
    for (int64_t i = 0; i < n_lists; i++)
        units += s->units[t * s->rows->n_lists + lists[i]];
    return units;
}

/* Adds the losses of the current step's lists, which are 0 for a list without an item. */
static void add_losses(const struct rg__stepper *s, int64_t n_lists, struct rg__loss_sums *sums)
{
    for (int t = 0; t < s->objective->n_terms; t++) {
        double sum = 0;
        for (int64_t i = 0; i < n_lists; i++)
            sum += s->losses[t * s->most_lists + i];
        sums->loss[t] += sum;
    }
}

/* Adds the buckets' sums over positions, in order. */
static void add_position_sums(const struct rg__stepper *s, const struct step *step)
{
    for (int64_t b = 0, at = 0; b < step->n_buckets; b++, at = 0)
        for (int t = 0; s->n_sums > 0 && t < s->objective->n_terms; t++) {
            int64_t n = count_sums(&s->bias[t]);
            rg__add(RG_F64, s->bias[t].sums, RG_F64, step->sums[b] + at, n);
            at += n;
        }
}

void rg__update_position_bias(struct rg__stepper *s)
{
    for (int t = 0; t < s->objective->n_terms; t++)
        rg_position_bias_update(&s->objective->terms[t].loss, &s->bias[t]);
}

rg_status rg__step(struct rg__stepper *s, const int64_t *lists, int64_t n_lists,
                   struct rg__loss_sums *sums)
{
    const rg_parameters *p = &s->model->parameters;
    size_t block = (size_t)p->count * rg_dtype_size(p->dtype);
    struct step step = {.stepper = s};
    bool any = false;
    for (int t = 0; t < s->objective->n_terms; t++) {
        double units = units_of(s, t, lists, n_lists);
        any |= units != 0;
        step.cotangent[t] = units != 0 ? s->scale[t] / units : 0;
        sums->units[t] += units;
    }
    if (!any)
        return RG_OK;
    step.n_shards = rg__cut_shards(s->rows, lists, n_lists, s->shards);
    step.n_buckets = step.n_shards < RG__MOST_BUCKETS ? step.n_shards : RG__MOST_BUCKETS;
    for (int64_t i = 0; i < step.n_buckets; i++)
        step.bucket[i] = memset(s->buckets + (size_t)i * block, 0, block);
    for (int64_t i = 0; s->n_sums > 0 && i < step.n_buckets; i++)
        step.sums[i] =
            memset(s->bucket_sums + i * s->n_sums, 0, (size_t)s->n_sums * sizeof(double));
    rg_status status = rg__pool_run(s->workers->pool, step.n_buckets, run_bucket, &step);
    if (status != RG_OK)
        return status;
    add_losses(s, n_lists, sums);
    add_position_sums(s, &step);
    add_buckets(p, step.bucket, step.n_buckets);
    rg__add(p->dtype, p->grad, p->dtype, step.bucket[0], p->count);
    return RG_OK;
}

/* ---- Without a gradient ---- */

/* Shards whose losses are wanted. */
struct measuring {
    const struct rg__stepper *stepper;
    bool equal_scores;
};

/* The lists of the shard that have several rows, and the same scores for all of them. */
static int64_t count_constant(const struct rg__rows *rows, const struct rg__shard *shard,
                              const rg_tensor *scores)
{
    int64_t at = 0, count = 0, columns = scores->ndim > 1 ? scores->dims[1] : 1;
    for (int64_t i = 0; i < shard->n_lists; i++) {
        int64_t n = rows->offsets[shard->lists[i] + 1] - rows->offsets[shard->lists[i]];
        bool same = true;
        for (int64_t k = columns; k < n * columns; k++)
            same &= rg__element(scores->dtype, scores->data, at + k) ==
                    rg__element(scores->dtype, scores->data, at + k - columns);
        count += n > 1 && same;
        at += n * columns;
    }
    return count;
}

/* Task i: the losses of shard i. */
static rg_status measure_shard(rg_context *ctx, void *user, int worker, int64_t i)
{
    const struct measuring *m = user;
    const struct rg__stepper *s = m->stepper;
    const struct rg__shard *shard = &s->shards[i];
    int64_t first = shard->lists - s->shards[0].lists;
    rg_model model = model_of(s, ctx, NULL);
    struct forward forward = {0};
    rg_status status = forward_shard(s, s->workers->graph[worker], m->equal_scores ? NULL : &model,
                                     shard, s->losses + first, NULL, &forward);
    if (status == RG_OK)
        s->constant[first] = count_constant(s->rows, shard, rg_node_value(forward.scores));
    return status;
}

rg_status rg__measure_loss(struct rg__stepper *s, const int64_t *lists, int64_t n_lists,
                           bool equal_scores, struct rg__loss_sums *sums, int64_t *n_constant)
{
    struct measuring m = {s, equal_scores};
    int64_t n_shards = rg__cut_shards(s->rows, lists, n_lists, s->shards);
    rg_status status = rg__pool_run(s->workers->pool, n_shards, measure_shard, &m);
    if (status != RG_OK)
        return status;
    add_losses(s, n_lists, sums);
    for (int t = 0; t < s->objective->n_terms; t++)
        sums->units[t] += units_of(s, t, lists, n_lists);
    for (int64_t i = 0; i < n_shards; i++)
        *n_constant += s->constant[s->shards[i].lists - lists];
    return RG_OK;
}

/* ---- Open and close -------------------------------------------------------------------------- */

/* Every worker's graph runs one list again and again until a shard is more than full, so that it
 * holds the memory for any shard of several lists that will come, and steps ask for none. */
static rg_status reserve_memory(struct rg__stepper *s, int64_t list)
{
    const struct step step = {.stepper = s};
    int64_t bytes = rg__list_bytes(s->rows, list);
    int64_t n = bytes > 0 ? RG__SHARD_BYTES / bytes + 1 : s->most_lists;
    if (bytes > RG__SHARD_BYTES) /* too much to hold for a worker that may never see it */
        return RG_OK;
    rg_status status = rg__rows_load_window(s->rows, rg__window_of(s->rows, list), -1);
    if (status != RG_OK)
        return status;
    n = n < s->most_lists ? n : s->most_lists;
    int64_t *lists = rg__alloc(s->ctx, n, sizeof *lists, "the lists of a dry run");
    if (!lists)
        return RG_LIMIT;
    for (int64_t i = 0; i < n; i++)
        lists[i] = list;
    struct rg__shard shard = {lists, n, n * (s->rows->offsets[list + 1] - s->rows->offsets[list])};
    for (int w = 0; w < rg__pool_size(s->workers->pool) && status == RG_OK; w++) {
        rg_context *own = rg__pool_context(s->workers->pool, w);
        rg_model model = model_of(s, own, s->buckets);
        for (int time = 0; time < 2 && status == RG_OK; time++) /* then its memory is one block */
            status = run_shard(&step, s->workers->graph[w], &model, &shard, s->losses, NULL);
        if (status != RG_OK)
            rg__fail(s->ctx, status, "%s", rg_last_error(own));
    }
    rg__free(s->ctx, lists);
    return status;
}

/* The lists that count and have the most and the least bytes: those of few lists a shard, and of
 * many. */
static void find_extremes(const struct rg__rows *rows, int64_t *longest, int64_t *shortest)
{
    *longest = *shortest = -1;
    for (int64_t q = 0; q < rows->n_lists; q++) {
        int64_t bytes = rg__list_bytes(rows, q);
        if (!rg__list_counts(rows, q))
            continue;
        if (*longest < 0 || bytes > rg__list_bytes(rows, *longest))
            *longest = q;
        if (*shortest < 0 || bytes < rg__list_bytes(rows, *shortest))
            *shortest = q;
    }
}

/* Two shards that follow each other have more than RG__SHARD_BYTES, or they would be one. */
int64_t rg__most_buckets(int64_t most_lists, double list_bytes)
{
    double shards = 2 * (double)most_lists * list_bytes / RG__SHARD_BYTES + 1;
    int64_t n = most_lists < RG__MOST_BUCKETS ? most_lists : RG__MOST_BUCKETS;
    return shards < (double)n ? (int64_t)shards : n;
}

/* The units of every list that counts, for one term. */
static void count_units(const struct rg__stepper *s, int t, struct rg__item *items)
{
    const struct rg__rows *rows = s->rows;
    rg_loss_unit unit = rg_loss_properties_of(&s->objective->terms[t].loss).unit;
    double *units = s->units + t * rows->n_lists;
    for (int64_t q = 0; q < rows->n_lists; q++) {
        int64_t first = rows->offsets[q], n = rows->offsets[q + 1] - first;
        for (int64_t k = 0; k < n && unit == RG_UNIT_PAIRS; k++)
            items[k] = (struct rg__item){.label = rg__element(rows->dtype, rows->labels, first + k),
                                         .row = k};
        units[q] = rg__list_counts(rows, q) ? rg__loss_units(unit, n, items) : 0;
    }
}

/* The units of all terms. */
static rg_status open_units(struct rg__stepper *s)
{
    const struct rg__rows *rows = s->rows;
    int n_terms = s->objective->n_terms;
    int64_t longest = 0;
    for (int64_t q = 0; q < rows->n_lists; q++)
        if (longest < rows->offsets[q + 1] - rows->offsets[q])
            longest = rows->offsets[q + 1] - rows->offsets[q];
    s->units = rg__alloc(s->ctx, n_terms * rows->n_lists, sizeof *s->units, "the units of lists");
    struct rg__item *items =
        rg__alloc(s->ctx, longest + longest / 2, sizeof *items, "the labels of a list");
    bool ok = items && s->units;
    for (int t = 0; ok && t < n_terms; t++)
        count_units(s, t, items);
    rg__free(s->ctx, items);
    return ok ? RG_OK : RG_LIMIT;
}

/* The position bias of all terms, and the sums of n_buckets buckets. */
static rg_status open_position_bias(struct rg__stepper *s, int64_t n_buckets)
{
    rg_status status = RG_OK;
    for (int t = 0; status == RG_OK && t < s->objective->n_terms; t++) {
        status = rg_position_bias_create(s->ctx, &s->objective->terms[t].loss, s->n_positions,
                                         &s->bias[t]);
        s->n_sums += count_sums(&s->bias[t]);
    }
    if (status != RG_OK || s->n_sums == 0)
        return status;
    s->bucket_sums =
        rg__alloc(s->ctx, n_buckets, (size_t)s->n_sums * sizeof(double), "the sums over positions");
    return s->bucket_sums ? RG_OK : RG_LIMIT;
}

rg_status rg__stepper_open(struct rg__stepper *s)
{
    const rg_parameters *p = &s->model->parameters;
    int64_t longest, shortest;
    find_extremes(s->rows, &longest, &shortest);
    int64_t bytes = longest < 0 ? 0 : rg__list_bytes(s->rows, longest);
    int64_t n = rg__most_buckets(s->most_lists, (double)bytes);
    s->buckets =
        rg__alloc(s->ctx, n * p->count, rg_dtype_size(p->dtype), "the gradients of the buckets");
    s->shards = rg__alloc(s->ctx, s->most_lists, sizeof *s->shards, "the shards");
    s->losses = rg__alloc(s->ctx, s->objective->n_terms * s->most_lists, sizeof *s->losses,
                          "the losses of a step");
    s->constant = rg__alloc(s->ctx, s->most_lists, sizeof *s->constant, "the lists of a step");
    if (!s->buckets || !s->shards || !s->losses || !s->constant)
        return RG_LIMIT;
    rg_status status = open_position_bias(s, n);
    if (status == RG_OK)
        status = open_units(s);
    if (status == RG_OK && longest >= 0)
        status = reserve_memory(s, longest);
    return status == RG_OK && shortest >= 0 ? reserve_memory(s, shortest) : status;
}

void rg__stepper_close(struct rg__stepper *s)
{
    for (int t = 0; t < RG_MAX_LOSS_TERMS; t++)
        rg_position_bias_free(s->ctx, &s->bias[t]);
    rg__free(s->ctx, s->bucket_sums);
    rg__free(s->ctx, s->units);
    rg__free(s->ctx, s->buckets);
    rg__free(s->ctx, s->shards);
    rg__free(s->ctx, s->losses);
    rg__free(s->ctx, s->constant);
}

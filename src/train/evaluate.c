/* evaluate.c: the metric of a model on the lists of a split; see evaluate.h.
 *
 * Scoring is the forward half of a step: the same shards, graphs and workers, over the lists in
 * their order. What the metric computes from the labels alone is kept from epoch to epoch. */
#include "train/evaluate.h"

#include "data/split.h"
#include "metric/metric.h"
#include "model/model.h"
#include "tensor/tensor.h"
#include "train/check.h"

#include <math.h>
#include <string.h>

rg_status rg__evaluation_open(rg_context *ctx, const char *what, const rg_split *split,
                              struct rg__rows *rows, struct rg__evaluation *e)
{
    *e = (struct rg__evaluation){.ctx = ctx, .what = what, .split = split, .rows = rows};
    e->labels = rg__alloc(ctx, rows->n_rows, sizeof *e->labels, "the labels");
    e->scores = rg__alloc(ctx, rows->n_rows, sizeof *e->scores, "the scores");
    e->ideals = rg__alloc(ctx, rows->n_lists, sizeof *e->ideals, "the ideals of the lists");
    e->lists = rg__alloc(ctx, rows->n_lists, sizeof *e->lists, "the lists");
    e->shards = rg__alloc(ctx, rows->n_lists, sizeof *e->shards, "the shards");
    e->first = rg__alloc(ctx, rows->n_windows + 1, sizeof *e->first, "the windows");
    if (!e->labels || !e->scores || !e->ideals || !e->lists || !e->shards || !e->first)
        return RG_LIMIT;
    int64_t n = 0, width = split->n_subtopics;
    if (split->subtopics)
        e->subtopics = rg__alloc(ctx, rows->n_rows * width, 1, "the subtopics");
    if (split->subtopics && !e->subtopics)
        return RG_LIMIT;
    for (int64_t row = split->offsets[0]; row < split->n_rows; row++) {
        if (!rg__row_is_there(split, row))
            continue;
        if (e->subtopics)
            memcpy(e->subtopics + n * width, split->subtopics + row * width, (size_t)width);
        e->labels[n++] = split->labels[row];
    }
    for (int64_t q = 0; q < rows->n_lists; q++) {
        e->lists[q] = q;
        e->ideals[q] = (double)NAN;
    }
    for (int64_t w = 0; w < rows->n_windows; w++) {
        int64_t begin = rows->windows[w], n_lists = rows->windows[w + 1] - begin;
        e->first[w + 1] =
            e->first[w] + rg__cut_shards(rows, e->lists + begin, n_lists, e->shards + e->first[w]);
    }
    return RG_OK;
}

void rg__evaluation_close(struct rg__evaluation *e)
{
    rg__free(e->ctx, e->labels);
    rg__free(e->ctx, e->subtopics);
    rg__free(e->ctx, e->scores);
    rg__free(e->ctx, e->ideals);
    rg__free(e->ctx, e->lists);
    rg__free(e->ctx, e->shards);
    rg__free(e->ctx, e->first);
}

struct scoring {
    const struct rg__evaluation *evaluation;
    const struct rg__workers *workers;
    const rg_model *model;
    int64_t first; /* shard of the window at hand */
};

/* Task i: the scores of the window's i-th shard. */
static rg_status score_shard(rg_context *ctx, void *user, int worker, int64_t i)
{
    const struct scoring *scoring = user;
    const struct rg__evaluation *e = scoring->evaluation;
    const struct rg__shard *shard = &e->shards[scoring->first + i];
    rg_graph *g = scoring->workers->graph[worker];
    rg_model model = *scoring->model;
    model.ctx = ctx;
    rg_graph_reset(g);
    const int64_t *offsets = rg__shard_offsets(g, e->rows, shard);
    rg_node *x = offsets ? rg__shard_features(g, e->rows, shard) : NULL;
    rg_node *scores = x ? rg_model_forward(g, &model, x, offsets, shard->n_lists) : NULL;
    if (!scores)
        return rg_graph_status(g);
    const rg_tensor *value = rg_node_value(scores);
    if (!rg__all_finite(value))
        return rg__explain_scores(ctx, e->split, e->what);
    rg__scores_of(value, RG_F64, e->scores + e->rows->offsets[shard->lists[0]]);
    return RG_OK;
}

rg_status rg__evaluate(struct rg__evaluation *e, const struct rg__workers *workers,
                       const rg_model *model, const rg_metric *metric, rg_metric_result *result)
{
    for (int64_t w = 0; w < e->rows->n_windows; w++) {
        struct scoring scoring = {e, workers, model, e->first[w]};
        rg_status status =
            rg__rows_load_window(e->rows, w, w + 1 < e->rows->n_windows ? w + 1 : -1);
        if (status == RG_OK)
            status =
                rg__pool_run(workers->pool, e->first[w + 1] - e->first[w], score_shard, &scoring);
        if (status != RG_OK)
            return status;
    }
    rg_ranking ranking = {.n_lists = e->rows->n_lists,
                          .offsets = e->rows->offsets,
                          .scores = e->scores,
                          .labels = e->labels,
                          .subtopics = e->subtopics,
                          .n_subtopics = e->split->n_subtopics};
    return rg__metrics_evaluate(e->ctx, metric, 1, &ranking, e->ideals, result, NULL);
}

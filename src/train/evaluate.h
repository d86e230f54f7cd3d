/* evaluate.h (internal): the metric of a model on the lists of a split, epoch after epoch. */
#ifndef RG_TRAIN_EVALUATE_H
#define RG_TRAIN_EVALUATE_H

#include "train/shard.h"

#include <rankgrad/metric.h>
#include <rankgrad/model.h>

struct rg__evaluation {
    rg_context *ctx;
    const char *what; /* "training", "validation" */
    const rg_split *split;
    struct rg__rows *rows;
    double *labels, *scores; /* (n_rows), double: labels as they were read */
    uint8_t *subtopics;      /* (n_rows, split->n_subtopics) or NULL */
    double *ideals;          /* (n_lists) of the metric; NaN: not computed yet */
    int64_t *lists;          /* 0, 1, 2, ... */
    struct rg__shard *shards;
    int64_t *first; /* (windows + 1) the windows' first shards */
};

/* Prepares for the rows of a split; both must outlive it. End with close, also after failure. */
rg_status rg__evaluation_open(rg_context *ctx, const char *what, const rg_split *split,
                              struct rg__rows *rows, struct rg__evaluation *evaluation);
void rg__evaluation_close(struct rg__evaluation *evaluation);

/* Scores all rows, shard by shard, and measures; the metric is the same in every call. */
rg_status rg__evaluate(struct rg__evaluation *evaluation, const struct rg__workers *workers,
                       const rg_model *model, const rg_metric *metric, rg_metric_result *result);

#endif

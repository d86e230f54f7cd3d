/* step.h (internal): the gradient of one batch of lists. */
#ifndef RG_TRAIN_STEP_H
#define RG_TRAIN_STEP_H

#include "train/shard.h"

#include <rankgrad/train.h>

enum { RG__MOST_BUCKETS = 64 };

struct rg__stepper {
    rg_context *ctx;
    const struct rg__workers *workers;
    rg_model *model;
    const rg_split *split; /* where the rows come from, for messages */
    struct rg__rows *rows;
    const rg_objective *objective;
    int64_t n_positions;             /* the largest position of the rows; 0 if no loss needs them */
    double scale[RG_MAX_LOSS_TERMS]; /* what is minimised: sum_t scale_t (mean loss)_t */
    double *units;      /* (terms, lists of rows) what each adds to the divisor of the mean */
    uint64_t draw;      /* of losses that draw random numbers */
    int64_t most_lists; /* a step has at most this many */
    char *buckets;      /* the gradients of the buckets */
    rg_position_bias bias[RG_MAX_LOSS_TERMS]; /* of each term: sums of the epoch so far */
    int64_t n_sums;                           /* of all terms */
    double *bucket_sums;      /* (buckets, n_sums) the sums of a bucket, term after term */
    struct rg__shard *shards; /* (most_lists) of the current step */
    double *losses;           /* (terms, most_lists) of the current step, by list */
    int64_t *constant;        /* (most_lists) by the first list of a shard, see below */
};

/* How many buckets steps of at most most_lists lists can have, where no list has more than
 * `list_bytes`, as rg__list_bytes counts. */
int64_t rg__most_buckets(int64_t most_lists, double list_bytes);

/* The stepper's buffers; the fields above them are set by the caller. End with close. */
rg_status rg__stepper_open(struct rg__stepper *stepper);
void rg__stepper_close(struct rg__stepper *stepper);

/* Sums over lists, by term: of their losses, each times its weight, and of their units. */
struct rg__loss_sums {
    double loss[RG_MAX_LOSS_TERMS], units[RG_MAX_LOSS_TERMS];
};

/* What is minimised, from sums over lists. */
double rg__objective_value(const struct rg__stepper *stepper, const struct rg__loss_sums *sums);

/* Adds the gradient of the objective over these lists to the model's, and their losses and units to
 * the sums. A score that is not finite ends it: rg__explain_scores. */
rg_status rg__step(struct rg__stepper *stepper, const int64_t *lists, int64_t n_lists,
                   struct rg__loss_sums *sums);

/* At the end of an epoch: the position bias of every term, from its sums. */
void rg__update_position_bias(struct rg__stepper *stepper);

/* Adds the losses and units of the lists (at most most_lists) to the sums, and the number of those
 * that have several rows, and one score for all of them, to *n_constant. With equal_scores, the
 * losses that a model would have which gives all rows the same score; features are not read then.
 */
rg_status rg__measure_loss(struct rg__stepper *stepper, const int64_t *lists, int64_t n_lists,
                           bool equal_scores, struct rg__loss_sums *sums, int64_t *n_constant);

#endif

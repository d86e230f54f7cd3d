/* train.h: training a model.
 *
 * The one idea: a step is a minibatch of whole lists, which is cut into shards of fixed size whose
 * gradients are added in a fixed order. So the bits of a model depend only on options, data and
 * build, not on the number of threads.
 */
#ifndef RANKGRAD_TRAIN_H
#define RANKGRAD_TRAIN_H

#include <rankgrad/data.h>
#include <rankgrad/loss.h>
#include <rankgrad/metric.h>
#include <rankgrad/model.h>
#include <rankgrad/optim.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What to do with negative labels. */
typedef enum rg_negative_labels {
    RG_NEGATIVE_ERROR, /* RG_BAD_DATA if they make the loss unbounded below (rg_loss_properties);
                          kept otherwise */
    RG_NEGATIVE_ZERO,  /* replaced by 0 */
    RG_NEGATIVE_KEEP
} rg_negative_labels;

/* "error", "zero", "keep"; NULL past the last value. */
RG_API const char *rg_negative_labels_name(rg_negative_labels policy);

/* Without validation lists, the metric of the training lists is measured at epoch 0, after every
 * RG_TRAIN_METRIC_EPOCHS epochs, and after the last one: no decision depends on it, and scoring all
 * rows takes more than half as long as an epoch. */
enum { RG_TRAIN_METRIC_EPOCHS = 5 };

/* The results of one epoch; epoch 0 is the untrained model. */
typedef struct rg_epoch {
    int64_t epoch;
    int64_t n_epochs;
    double loss; /* the objective over the epoch's steps: label_scale sum(loss) / sum(units),
                            see rg_loss_unit, by list weight; NaN at epoch 0 */
    double train_metric; /* without a validation split; NaN if it was not measured */
    double vali_metric;  /* NaN without a validation split */
    double lr;           /* of the epoch's last step */
    double grad_norm;    /* of the epoch's last step, before clipping */
    double seconds;      /* since training began */
    bool best;           /* this is the epoch to keep so far */
} rg_epoch;

/* Called after each epoch; return false to stop training with RG_CANCELLED. */
typedef bool rg_epoch_function(void *user, const rg_epoch *epoch);

typedef struct rg_train_options {
    const char *loss;          /* one of rg_losses(), or a sum, as rg_objective_parse reads them;
                                  ranking_softmax */
    const rg_choice *own_loss; /* used instead of `loss` if not NULL: a choice of an rg_loss */
    rg_model_options model;
    rg_optimizer_options optimizer; /* sgd, lr 0.1, l2 0, clip_norm 1 */
    const char *schedule;           /* one of rg_schedules(), perhaps with parameters; cosine */
    int64_t epochs;                 /* 50 */
    int64_t batch_lists;            /* lists per step; 32 */
    uint64_t seed;                  /* 1 */
    const char *normalize;          /* one of rg_normalizations(); zscore */
    rg_metric metric;               /* selects the epoch to keep; ndcg@10; if a label exceeds 1023,
                                       the linear gain replaces the exponential one */
    double vali_fraction; /* fraction of the training lists, chosen by seed, that is used for
                                validation if there is no validation split; in [0,1); 0: none */
    rg_negative_labels negative_labels; /* error */
    int64_t memory_limit; /* bytes for features (normalised copies, mapped files) and parameters;
                             if features do not fit, they are streamed; 0: 80 % of the smallest of
                             the machine's memory, the process's cgroup limit and what RLIMIT_AS
                             leaves */
    int64_t window_bytes; /* bytes of features per window, see below; 0: one window or, if features
                             are streamed, a quarter of what the limit leaves */
    rg_epoch_function *on_epoch; /* may be NULL */
    void *user;
} rg_train_options;

/* The defaults given above, which work without knowledge of the data. */
RG_API rg_train_options rg_train_options_default(void);

/* Whether training was successful: the kept model is compared with "equal scores", a model that
 * gives all rows of a list the same score, and with the untrained model. */
typedef enum rg_train_verdict {
    RG_TRAIN_LEARNED,
    RG_TRAIN_DOUBTFUL, /* the loss is above that of equal scores, or the metric below that of the
                          untrained model, or all scores are equal in more than half of the training
                          lists: a warning in the log. Losses with varying weights
                          (rg_loss_properties) are not compared */
    RG_TRAIN_FAILED    /* all scores are equal in every training list; or the loss is above that of
                          equal scores and the metric below that of the untrained model; or the loss
                          exceeds that of equal scores, l, by more than 1000 max(1, |l|):
                          RG_DIVERGED and no model */
} rg_train_verdict;

typedef struct rg_train_result {
    int64_t kept_epoch;
    int64_t n_epochs;      /* completed epochs; fewer than requested if cancelled */
    double vali_metric;    /* of the kept epoch; NaN without validation */
    double label_scale;    /* factor of the loss in the objective, see rg_train */
    bool kept_last;        /* the last epoch is kept, as there were no validation lists */
    int64_t n_train_lists; /* training lists with an item and a list weight above 0 */
    int64_t n_no_relevant; /* of those: no label times item weight is above 0 */
    rg_gain gain;          /* of the selection metric */
    int64_t n_vali_lists;
    rg_train_verdict verdict;
    int64_t n_several_rows;  /* training lists of at least two rows */
    int64_t n_constant;      /* of those: the model gives all rows the same score */
    double loss;             /* of the kept model over all training lists, as in rg_epoch */
    double equal_loss;       /* of equal scores over all training lists */
    double metric;           /* of the kept epoch, on the validation or else training lists */
    double untrained_metric; /* of epoch 0 */
} rg_train_result;

/* Trains a model and returns that of the epoch with the best validation metric, or of the last
 * epoch without validation. The caller owns *out.
 *
 * `vali` is rg_no_split() for none; NULL is an error, so that a misspelt name in rg_dataset_find
 * cannot disable validation. Its features are matched with those of the training split as in
 * rg_model_score_split.
 *
 * The objective of a step is the mean loss of its lists (over lists, items or pairs, as the loss's
 * rg_loss_unit says) times label_scale. For a loss that scales
 * with the labels (rg_loss_properties), that is 1 / (the mean of sum |label weight| of the training
 * lists in which it is not 0, by list weight); otherwise 1. So the scale of the labels does not act
 * as a learning rate.
 *
 * Item weights are passed to the loss. List weights, divided by their mean over the training lists,
 * multiply the losses of the lists: a list of weight 3 counts like three copies of it, in the
 * gradient, in label_scale and in the reported loss, and one of weight 0 is left out. Normalisation
 * ignores weights, and so does the metric.
 *
 * A loss that corrects for position bias (rg_loss_properties.positions) needs the positions of the
 * training split; RG_BAD_DATA without them, or with one outside of 1 to RG_MAX_POSITION. Its
 * factors are updated after each epoch.
 *
 * The training lists are cut, in their order in the file, into windows of at most window_bytes of
 * features. An epoch visits the windows in shuffled order and the lists of each window in shuffled
 * order; no step contains lists of two windows. If features need more than memory_limit they are
 * streamed: one window at a time is in memory while the next one is read ahead. The bits depend on
 * window_bytes, but not on whether features are streamed.
 *
 * Notes (no validation, features beyond 50 standard deviations) go to the context's log. *result is
 * set as far as training got, also on failure. Errors, with *out NULL: RG_DIVERGED when loss or
 * gradient is not finite, or the verdict is RG_TRAIN_FAILED; RG_BAD_DATA when a label or weight is
 * not finite, too large for the type, or negative where the loss does not allow it, and when there
 * is nothing to learn: no training list has two rows that differ in label (times weight) and in a
 * feature.
 *
 * RG_CANCELLED when on_epoch returned false or the context's cancel flag was set, after the current
 * step. If an epoch was completed, *out and *result are the best one so far, without a verdict (and
 * the model's history has "stopped_after_epoch"); otherwise *out is NULL. Clear the flag before
 * calls that must not be cancelled, such as rg_model_save. */
RG_API rg_status rg_train(rg_context *ctx, const rg_split *train, const rg_split *vali,
                          const rg_train_options *options, rg_model **out, rg_train_result *result);

#ifdef __cplusplus
}
#endif
#endif

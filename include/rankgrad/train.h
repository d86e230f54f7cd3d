/* train.h: the training loop.
 *
 * The one idea: a step is a batch of whole lists, cut into shards of fixed size whose gradients
 * are added in a fixed order, so that the bits depend on seed, data and build alone.
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

typedef enum rg_negative_labels {
    RG_NEGATIVE_ERROR, /* RG_BAD_DATA: the loss would be unbounded below; but under the label mode
                          softmax they are as good as any, such as log-probabilities: kept */
    RG_NEGATIVE_ZERO,  /* read as 0 */
    RG_NEGATIVE_KEEP
} rg_negative_labels;

/* "error", "zero", "keep"; NULL past the last value. */
RG_API const char *rg_negative_labels_name(rg_negative_labels policy);

/* Without validation lists the metric of the training lists is measured after every so many epochs,
 * at epoch 0 and at the last one: it chooses nothing, and scoring all rows costs most of what an
 * epoch's gradients cost. */
enum { RG_TRAIN_METRIC_EPOCHS = 5 };

/* What an epoch left behind; epoch 0 is the untrained model. */
typedef struct rg_epoch {
    int64_t epoch;
    int64_t n_epochs;
    double loss;         /* mean loss of a list over the epoch's steps, by list weight, scaled; NaN
                            at epoch 0 */
    double train_metric; /* without a validation split; NaN where it was not measured */
    double vali_metric;  /* NaN without a validation split */
    double lr;           /* of the epoch's last step */
    double grad_norm;    /* of the epoch's last step, before clipping */
    double seconds;      /* since training began */
    bool best;           /* of the epochs so far: this one would be saved */
} rg_epoch;

/* Called after each epoch; false stops training with RG_CANCELLED, which keeps the best epoch. */
typedef bool rg_epoch_function(void *user, const rg_epoch *epoch);

typedef struct rg_train_options {
    const char *loss;          /* one of rg_losses(), perhaps with parameters; ranking_softmax */
    const rg_choice *own_loss; /* takes its place where not NULL: a loss of your own (rg_loss) */
    rg_model_options model;
    rg_optimizer_options optimizer; /* sgd, lr 0.1, l2 0, clip_norm 1 */
    const char *schedule;           /* one of rg_schedules(), perhaps with parameters; cosine */
    int64_t epochs;                 /* 50 */
    int64_t batch_lists;            /* 32 lists a step */
    uint64_t seed;                  /* 1 */
    rg_normalize normalize;         /* zscore */
    rg_metric metric;               /* selects the epoch to keep; ndcg@10; the exponential gain
                                       becomes the linear one where a label exceeds 1023 */
    double vali_fraction; /* of the training lists, whole, seeded, set aside when there is no
                                validation split; 0: none; in [0,1) */
    rg_negative_labels negative_labels; /* error */
    int64_t memory_limit; /* bytes that features in memory (normalised copies, mapped files) and
                             parameters may take; beyond it features stream; 0: 80 % of the
                             smallest of the machine's memory, the process's
                             cgroup limit and what RLIMIT_AS leaves */
    int64_t window_bytes; /* of features a window, see below; 0: one window, or, where features
                             stream, a quarter of what the limit leaves */
    rg_epoch_function *on_epoch; /* may be NULL */
    void *user;
} rg_train_options;

/* What the comments above say: it works on data it knows nothing of. */
RG_API rg_train_options rg_train_options_default(void);

/* Whether training has achieved anything: the model that is kept against "equal scores", a model
 * that gives all rows of a list the same score, and against the untrained model. */
typedef enum rg_train_verdict {
    RG_TRAIN_LEARNED,
    RG_TRAIN_DOUBTFUL, /* the loss is above that of equal scores, or the metric below that of the
                          untrained model, or all scores are equal in more than half of the training
                          lists: the model is given, with a warning in the log */
    RG_TRAIN_FAILED    /* all scores are equal in every training list; or the loss is above that of
                          equal scores and the metric below the untrained model's; or the loss is
                          above it by more than 1000 times its size (at least 1): RG_DIVERGED, no
                          model */
} rg_train_verdict;

typedef struct rg_train_result {
    int64_t kept_epoch;
    int64_t n_epochs;      /* that ended and were measured; fewer than asked for when cancelled */
    double vali_metric;    /* of the kept epoch; NaN without validation */
    double label_scale;    /* 1 / (mean label mass, by list weight, of the training lists that have
                              any) */
    bool kept_last;        /* no validation list could choose: the last epoch is kept */
    int64_t n_train_lists; /* with an item and a list weight above 0 */
    int64_t n_no_relevant; /* of those: no label, times its item weight, is above 0 */
    rg_gain gain;          /* that the selection metric was measured with */
    int64_t n_vali_lists;
    rg_train_verdict verdict;
    int64_t n_several_rows;  /* of the training lists: those of at least two rows */
    int64_t n_constant;      /* of those: the model gives all rows the same score */
    double loss;             /* of the kept model over all training lists, as rg_epoch's */
    double equal_loss;       /* the same of equal scores */
    double metric;           /* of the kept epoch, on validation or else training lists */
    double untrained_metric; /* of epoch 0 */
} rg_train_result;

/* Windows: lists are cut, as they lie in the file, into windows of at most window_bytes; an epoch
 * takes the windows in shuffled order and the lists of each in shuffled order, and no step crosses
 * from one to the next. Where features are more than memory_limit they stream: those of one window
 * at a time are in memory, the next is read ahead. The bits depend on window_bytes, not on whether
 * features stream.
 *
 * Trains a model and gives the best epoch by the validation metric, or the last one where there is
 * nothing to choose by. `vali` is rg_no_split() for none; NULL is an error, so that a name that
 * rg_dataset_find does not know cannot disable validation. Its features are matched with those of
 * the training split as rg_model_score_split matches them with a model's. The objective is the
 * loss's mean over a step's lists times label_scale (raw labels only, else 1), so that the scale of
 * labels is no learning rate.
 *
 * Weights: those of items multiply labels before the label mode; those of lists multiply the list's
 * loss in every label mode, relative to the mean weight of the training lists, so that their scale
 * is no learning rate either. A list of weight 3 counts like the same list three times, in the
 * gradient, in label_scale and in the loss reported; one of weight 0 is left out. Normalisation
 * counts every row once, and the metric every list.
 *
 * Notes (missing validation, features beyond 50 deviations) go to the context's log.
 * RG_DIVERGED when loss or gradient stops being finite, or the verdict is RG_TRAIN_FAILED; *out is
 * then NULL. RG_BAD_DATA when a label or weight cannot be trained on (not finite, too large for the
 * type, negative where the loss has no use for it), and when there is nothing to learn: no
 * training list has two rows that differ both in label (times weight) and in a feature. *result is
 * set as far as training came, also on failure.
 *
 * RG_CANCELLED when on_epoch returned false, or the context's cancel flag was set: the step under
 * way is finished. If an epoch has ended by then, *out and *result are the best one so far, as if
 * training had ended there, but not judged (its history has "stopped_after_epoch"), else *out is
 * NULL. The caller owns *out in both cases, and clears the flag before a call that it does not want
 * cancelled, such as rg_model_save. */
RG_API rg_status rg_train(rg_context *ctx, const rg_split *train, const rg_split *vali,
                          const rg_train_options *options, rg_model **out, rg_train_result *result);

#ifdef __cplusplus
}
#endif
#endif

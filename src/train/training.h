/* training.h (internal): a training taken apart: opened, run an epoch at a time, finished.
 *
 * All that changes from epoch to epoch is its state, a list of named arrays. Copied from one
 * training to another over the same data and options, they make the second go on where the first
 * was, with the same bits. */
#ifndef RG_TRAIN_TRAINING_H
#define RG_TRAIN_TRAINING_H

#include "data/columns.h"
#include "model/model.h"
#include "optim/optimizer.h"
#include "train/evaluate.h"
#include "train/labels.h"
#include "train/step.h"

struct rg__training {
    rg_context *ctx;
    rg_train_options options;
    rg_split train, vali; /* the caller's, perhaps under masks of our own */
    bool has_vali;
    struct rg__matched matched; /* the validation split with the columns of the training split */
    struct rg__inputs inputs;   /* the columns that occur in the training rows */
    uint8_t *train_mask, *vali_mask;
    double *train_labels; /* with negative ones read as 0, or NULL */
    rg_model *model;
    struct rg__windowing windowing;
    struct rg__rows train_rows, vali_rows;
    struct rg__evaluation evaluation; /* of the validation lists; without them, of the training's */
    struct rg__workers workers;
    struct rg__stepper stepper;
    rg_optimizer *optimizer;
    rg_objective objective;
    char loss_text[2048]; /* the objective with all parameters */
    rg_choice schedule;
    rg_normalization normalization; /* its choice; the model has it fitted */
    struct rg__label_rules rules;
    int64_t *order;        /* of the training lists that count, window by window */
    int64_t *first;        /* (windows + 1) where a window's lists are in the order */
    int64_t *window_order; /* (windows) */
    int64_t next_epoch;    /* 0: the untrained model is measured */
    int64_t step, n_steps; /* taken, and of all epochs */
    void *best;            /* the kept parameters */
    double started;
    int blas_threads; /* the process's setting before; it is 1 during a training */
    rg_train_result result;
};

/* Checks the data and the options, and makes all that the epochs need; `vali` may be NULL. Close
 * it, also after failure. The splits must outlive it. */
rg_status rg__training_open(rg_context *ctx, const rg_split *train, const rg_split *vali,
                            const rg_train_options *options, struct rg__training *training);

/* The next epoch: its steps, what it measures, and whether its parameters are kept. */
rg_status rg__training_epoch(struct rg__training *training);

/* Puts the kept parameters into the model, judges them and writes the model's history. Without the
 * verdict where the training was cancelled, before or meanwhile: RG_CANCELLED then. */
rg_status rg__training_finish(struct rg__training *training, bool cancelled);

void rg__training_close(struct rg__training *training);

/* The state, for checkpoints; returns the number of its arrays, which are the training's own
 * memory. */
enum { RG__TRAINING_STATE = 20 };
int rg__training_state(struct rg__training *training, struct rg__named state[RG__TRAINING_STATE]);

#endif

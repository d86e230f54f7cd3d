/* train.c: the training loop: shuffle, step, measure, keep the best; see training.h. */
#include "base/random.h"
#include "train/history.h"
#include "train/judge.h"
#include "train/training.h"

#include <math.h>
#include <string.h>

rg_train_options rg_train_options_default(void)
{
    rg_train_options o = {
        .loss = "ranking_softmax",
        .model = rg_model_options_default(),
        .optimizer = rg_optimizer_options_default(),
        .schedule = "cosine",
        .epochs = 50,
        .batch_lists = 32,
        .seed = 1,
        .normalize = "zscore",
        .metric = {.name = "ndcg", .k = 10, .threshold = 1},
        .negative_labels = RG_NEGATIVE_ERROR,
    };
    o.optimizer.clip_norm = 1;
    return o;
}

/* The steps over a window's lists, in the order of this epoch. */
static rg_status run_window(struct rg__training *t, int64_t window, rg_epoch *epoch,
                            struct rg__loss_sums *sums)
{
    const rg_train_options *o = &t->options;
    int64_t *order = t->order + t->first[window], n = t->first[window + 1] - t->first[window];
    rg_shuffle(order, n, o->seed, RG__STREAM_SHUFFLE,
               (uint64_t)epoch->epoch + ((uint64_t)window << 32));
    for (int64_t at = 0; at < n; at += o->batch_lists) {
        int64_t n_batch = n - at < o->batch_lists ? n - at : o->batch_lists;
        t->stepper.draw = (uint64_t)t->step;
        double factor = rg_schedule_factor(&t->schedule, t->step++, t->n_steps);
        rg_status status = rg__step(&t->stepper, order + at, n_batch, sums);
        if (status == RG_OK)
            status = rg_optimizer_step(t->optimizer, factor);
        if (status == RG_OK)
            status = rg__cancelled(t->ctx);
        if (status != RG_OK)
            return status;
        epoch->lr = o->optimizer.lr * factor;
    }
    return RG_OK;
}

/* One pass over the training lists. */
static rg_status run_epoch(struct rg__training *t, rg_epoch *epoch)
{
    struct rg__rows *rows = &t->train_rows;
    struct rg__loss_sums sums = {0};
    rg_shuffle(t->window_order, rows->n_windows, t->options.seed, RG__STREAM_WINDOWS,
               (uint64_t)epoch->epoch);
    for (int64_t i = 0; i < rows->n_windows; i++) {
        int64_t window = t->window_order[i];
        int64_t next = i + 1 < rows->n_windows ? t->window_order[i + 1] : -1;
        rg_status status = rg__rows_load_window(rows, window, next);
        if (status == RG_OK)
            status = run_window(t, window, epoch, &sums);
        if (status != RG_OK)
            return status;
    }
    rg__update_position_bias(&t->stepper);
    epoch->loss = rg__objective_value(&t->stepper, &sums);
    epoch->grad_norm = rg_optimizer_grad_norm(t->optimizer);
    if (!isfinite(epoch->loss))
        return rg__fail(t->ctx, RG_DIVERGED,
                        "training diverged: the loss of epoch %lld is %g; a smaller `lr` or `l2`, "
                        "or `clip_norm` 1 may help",
                        (long long)epoch->epoch, epoch->loss);
    return RG_OK;
}

/* Whether an epoch is measured. Validation lists choose the epoch to keep, so always. The metric of
 * the training lists chooses nothing and scores every row a second time: only where it shows the
 * course of the training. */
static bool is_measured(const struct rg__training *t, int64_t epoch)
{
    return t->has_vali || epoch % RG_TRAIN_METRIC_EPOCHS == 0 || epoch == t->options.epochs;
}

/* Measures the epoch and keeps its parameters where it is the best (or the last, without a
 * validation list that could choose). Epoch 0 is shown and never kept. */
static rg_status judge_epoch(struct rg__training *t, rg_epoch *epoch)
{
    const rg_parameters *p = &t->model->parameters;
    rg_metric_result measured = {.value = (double)NAN};
    rg_status status = RG_OK;
    if (is_measured(t, epoch->epoch))
        status = rg__evaluate(&t->evaluation, &t->workers, t->model, &t->options.metric, &measured);
    if (status != RG_OK)
        return status;
    if (t->has_vali)
        epoch->vali_metric = measured.value;
    else
        epoch->train_metric = measured.value;
    t->result.kept_last =
        !t->has_vali || measured.n_no_relevant >= measured.n_lists - measured.n_empty;
    if (epoch->epoch > 0)
        epoch->best = t->result.kept_last || t->result.kept_epoch == 0 ||
                      (rg_metric_lower_is_better(&t->options.metric)
                           ? epoch->vali_metric < t->result.vali_metric
                           : epoch->vali_metric > t->result.vali_metric);
    if (epoch->epoch == 0)
        t->result.untrained_metric = measured.value;
    if (epoch->best) {
        t->result.kept_epoch = epoch->epoch;
        t->result.metric = measured.value;
        t->result.vali_metric = epoch->vali_metric;
        memcpy(t->best, p->value, (size_t)p->count * rg_dtype_size(p->dtype));
    }
    t->result.n_epochs = epoch->epoch;
    epoch->seconds = rg__seconds() - t->started;
    if (t->options.on_epoch && !t->options.on_epoch(t->options.user, epoch))
        return rg__fail(t->ctx, RG_CANCELLED, "training was stopped at epoch %lld",
                        (long long)epoch->epoch);
    return RG_OK;
}

/* The losses over all training lists, of the model or of equal scores. */
static rg_status measure_loss(struct rg__training *t, bool equal_scores, double *loss,
                              int64_t *n_constant)
{
    struct rg__rows *rows = &t->train_rows;
    int64_t most = t->stepper.most_lists;
    struct rg__loss_sums sums = {0};
    for (int64_t w = 0; w < rows->n_windows; w++) {
        int64_t next = w + 1 < rows->n_windows ? w + 1 : -1;
        rg_status status = equal_scores ? RG_OK : rg__rows_load_window(rows, w, next);
        for (int64_t at = t->first[w]; at < t->first[w + 1] && status == RG_OK; at += most) {
            int64_t n = t->first[w + 1] - at < most ? t->first[w + 1] - at : most;
            status =
                rg__measure_loss(&t->stepper, t->order + at, n, equal_scores, &sums, n_constant);
            if (status == RG_OK)
                status = rg__cancelled(t->ctx);
        }
        if (status != RG_OK)
            return status;
    }
    *loss = rg__objective_value(&t->stepper, &sums);
    return RG_OK;
}

/* Compares the model that is kept with what it must be better than. */
static rg_status judge_model(struct rg__training *t)
{
    rg_train_result *r = &t->result;
    rg_status status = measure_loss(t, true, &r->equal_loss, &r->n_several_rows);
    if (status == RG_OK)
        status = measure_loss(t, false, &r->loss, &r->n_constant);
    if (status == RG_OK)
        status = rg__judge_training(t->ctx, &t->options.metric, t->has_vali,
                                    !rg_objective_properties(&t->objective).varying_weights, r);
    return status;
}

/* What the model remembers of its training. */
static rg_status remember_training(struct rg__training *t)
{
    uint64_t fingerprint = rg__fingerprint(&t->train, &t->model->normalization);
    char *history =
        rg__train_history(t->ctx, &t->options, &t->result, rg_model_choice(t->model), fingerprint);
    rg_status status = history ? rg_model_set_history(t->model, history) : RG_LIMIT;
    rg__free(t->ctx, history);
    return status;
}

rg_status rg__training_epoch(struct rg__training *t)
{
    rg_status status = RG_OK;
    rg_epoch epoch = {.epoch = t->next_epoch,
                      .n_epochs = t->options.epochs,
                      .loss = (double)NAN,
                      .train_metric = (double)NAN,
                      .vali_metric = (double)NAN,
                      .lr = t->options.optimizer.lr};
    if (epoch.epoch > 0)
        status = run_epoch(t, &epoch);
    if (status == RG_OK)
        t->next_epoch++;
    return status == RG_OK ? judge_epoch(t, &epoch) : status;
}

rg_status rg__training_finish(struct rg__training *t, bool cancelled)
{
    const rg_parameters *p = &t->model->parameters;
    memcpy(p->value, t->best, (size_t)p->count * rg_dtype_size(p->dtype));
    rg_status status = cancelled ? RG_CANCELLED : judge_model(t);
    if (status != RG_OK && status != RG_CANCELLED)
        return status;
    rg_status remembered = remember_training(t);
    return remembered == RG_OK ? status : remembered;
}

static void add(struct rg__named *state, int *n, const char *name, rg_dtype dtype, int64_t count,
                void *data)
{
    state[(*n)++] = (struct rg__named){name, {dtype, 1, {count}, data}};
}

int rg__training_state(struct rg__training *t, struct rg__named state[RG__TRAINING_STATE])
{
    static const char *const bias_names[RG_MAX_LOSS_TERMS] = {"position_bias_1", "position_bias_2",
                                                              "position_bias_3", "position_bias_4"};
    const rg_parameters *p = &t->model->parameters;
    rg_train_result *r = &t->result;
    int n = rg__optimizer_state(t->optimizer, state);
    for (int i = 0; i < t->objective.n_terms; i++) {
        const rg_position_bias *bias = &t->stepper.bias[i];
        if (bias->factors)
            add(state, &n, bias_names[i], RG_F64, bias->n_positions * bias->n_factors,
                bias->factors);
    }
    add(state, &n, "next_epoch", RG_I64, 1, &t->next_epoch);
    add(state, &n, "step", RG_I64, 1, &t->step);
    add(state, &n, "order", RG_I64, r->n_train_lists, t->order);
    add(state, &n, "window_order", RG_I64, t->train_rows.n_windows, t->window_order);
    add(state, &n, "parameters", p->dtype, p->count, p->value);
    add(state, &n, "best_parameters", p->dtype, p->count, t->best);
    add(state, &n, "measured_epochs", RG_I64, 1, &r->n_epochs);
    add(state, &n, "kept_epoch", RG_I64, 1, &r->kept_epoch);
    add(state, &n, "kept_last", RG_BOOL, 1, &r->kept_last);
    add(state, &n, "kept_metric", RG_F64, 1, &r->metric);
    add(state, &n, "kept_vali_metric", RG_F64, 1, &r->vali_metric);
    add(state, &n, "untrained_metric", RG_F64, 1, &r->untrained_metric);
    return n;
}

static void note_selection(struct rg__training *t)
{
    if (!t->has_vali)
        rg__log(t->ctx, RG_LOG_INFO,
                "no validation split: the last epoch is kept and the metric shown is on training "
                "lists; `vali_fraction` 0.2 sets lists aside");
    else if (t->result.kept_last)
        rg__log(t->ctx, RG_LOG_WARNING,
                "no validation list has a relevant item: the last epoch is kept");
}

rg_status rg_train(rg_context *ctx, const rg_split *train, const rg_split *vali,
                   const rg_train_options *options, rg_model **out, rg_train_result *result)
{
    rg_status status = rg__require(ctx, "rg_train", "out", out, NULL);
    if (status == RG_OK && (!train || !vali))
        status = rg__fail(ctx, RG_USAGE, "rg_train: %s is NULL; expected a split%s",
                          train ? "vali" : "train",
                          train ? ", or rg_no_split() for training without validation"
                                : " (rg_dataset_find returns NULL when no split has the name)");
    if (status != RG_OK)
        return status;
    *out = NULL;
    struct rg__training t;
    status = rg__training_open(ctx, train, vali == rg_no_split() ? NULL : vali, options, &t);
    while (status == RG_OK && t.next_epoch <= t.options.epochs)
        status = rg__training_epoch(&t);
    if (status == RG_OK || (status == RG_CANCELLED && t.result.kept_epoch > 0))
        status = rg__training_finish(&t, status == RG_CANCELLED);
    if (status == RG_OK)
        note_selection(&t);
    if (status == RG_OK || (status == RG_CANCELLED && t.result.kept_epoch > 0)) {
        *out = t.model;
        t.model = NULL;
    }
    if (result)
        *result = t.result;
    rg__training_close(&t);
    return status;
}

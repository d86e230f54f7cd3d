/* train.c: the training loop.
 *
 * The one idea: everything that can be decided beforehand is (check.c, prepare.c), the gradient of
 * a batch is one call (step.c), and what is left is the loop that can be read aloud: shuffle, step,
 * evaluate, remember the best. */
#include "base/random.h"
#include "data/columns.h"
#include "data/split.h"
#include "model/model.h"
#include "normalize/normalize.h"
#include "tensor/blas_threads.h"
#include "train/check.h"
#include "train/evaluate.h"
#include "train/history.h"
#include "train/judge.h"
#include "train/labels.h"
#include "train/prepare.h"
#include "train/step.h"

#include <math.h>
#include <string.h>

struct training {
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
    struct rg__crew crew;
    struct rg__stepper stepper;
    rg_optimizer *optimizer;
    rg_choice loss, schedule;
    char loss_text[512]; /* its name and parameters */
    struct rg__label_rules rules;
    int64_t *order;        /* of the training lists that count, window by window */
    int64_t *first;        /* (windows + 1) where a window's lists are in the order */
    int64_t *window_order; /* (windows) */
    int64_t step, n_steps;
    void *best; /* the kept parameters */
    double started;
    rg_train_result result;
};

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
        .normalize = RG_NORMALIZE_ZSCORE,
        .metric = {.name = "ndcg", .k = 10, .threshold = 1},
        .negative_labels = RG_NEGATIVE_ERROR,
    };
    o.optimizer.clip_norm = 1;
    return o;
}

/* ---- Before the first step ---- */

/* The labels of the training split, negative ones as 0. */
static rg_status read_negatives_as_zero(struct training *t)
{
    rg_split *train = &t->train;
    t->train_labels = rg__alloc(t->ctx, train->n_rows, sizeof(double), "the labels");
    if (!t->train_labels)
        return RG_LIMIT;
    for (int64_t i = 0; i < train->n_rows; i++)
        t->train_labels[i] = train->labels[i] < 0 ? 0 : train->labels[i];
    train->labels = t->train_labels;
    return RG_OK;
}

/* A metric on the rows that were trained on chooses nothing. */
static rg_status warn_same(rg_context *ctx, const rg_split *train, const rg_split *vali)
{
    bool same;
    rg_status status = rg__same_rows(ctx, train, vali, &same);
    if (status == RG_OK && same)
        rg__log(ctx, RG_LOG_WARNING,
                "the validation split has the same rows as the training split, so that its metric "
                "cannot tell which epoch is best on other data");
    return status;
}

/* The splits as training sees them: lists set aside, negative labels read as 0. */
static rg_status choose_lists(struct training *t, const rg_split *train, const rg_split *vali)
{
    const rg_train_options *o = &t->options;
    rg_context *ctx = t->ctx;
    t->train = *train;
    t->has_vali = vali || o->vali_fraction > 0;
    t->vali = vali ? *vali : *train;
    rg_status status = rg__check_train_split(ctx, train, "training", &t->rules);
    if (status == RG_OK && vali)
        status = rg__check_train_split(ctx, vali, "validation", NULL);
    if (status != RG_OK)
        return status;
    if (vali) {
        const struct rg__columns wanted = {"the training split", train->n_features,
                                           train->feature_names};
        status = rg__match_columns(ctx, "the validation split", vali, &wanted, &t->matched);
        t->vali = t->matched.split;
        if (status == RG_OK)
            status = warn_same(ctx, train, &t->vali);
    }
    if (status != RG_OK)
        return status;
    if (!vali && o->vali_fraction > 0) {
        status = rg__hold_out_lists(ctx, train, o->vali_fraction, o->seed, &t->train_mask,
                                    &t->vali_mask);
        t->train.mask = t->train_mask;
        t->vali.mask = t->vali_mask;
    }
    if (status == RG_OK && o->negative_labels == RG_NEGATIVE_ZERO)
        status = read_negatives_as_zero(t);
    return status == RG_OK ? rg__check_learnable(ctx, &t->train, &t->rules) : status;
}

/* The normalisation, fitted on the training rows, goes into the model. */
static rg_status make_model(struct training *t)
{
    rg_normalization normalization;
    t->options.model.columns = t->inputs.index;
    t->options.model.n_columns = t->inputs.n;
    rg_status status = rg_model_create(t->ctx, t->train.n_features, &t->options.model, &t->model);
    if (status != RG_OK)
        return status;
    status =
        rg__normalization_fit(t->ctx, t->options.normalize, &t->train, &t->inputs, &normalization);
    if (status != RG_OK)
        return status;
    status = rg_model_set_normalization(t->model, &normalization);
    rg_normalization_free(t->ctx, &normalization);
    if (status == RG_OK)
        status = rg_model_set_feature_names(t->model, t->train.feature_names);
    return status;
}

/* The rows of both splits, the workers, and what measures them. */
static rg_status open_rows(struct training *t)
{
    rg_context *ctx = t->ctx;
    rg_dtype dtype = t->model->parameters.dtype;
    const rg_normalization *normalization = &t->model->normalization;
    rg_status status = rg__rows_open(ctx, &t->train, &t->inputs, normalization, dtype,
                                     &t->windowing, &t->train_rows);
    if (status == RG_OK && t->has_vali)
        status = rg__rows_open(ctx, &t->vali, &t->inputs, normalization, dtype, &t->windowing,
                               &t->vali_rows);
    if (status == RG_OK)
        status = rg__crew_open(ctx, &t->crew);
    if (status != RG_OK)
        return status;
    return t->has_vali
               ? rg__evaluation_open(ctx, "validation", &t->vali, &t->vali_rows, &t->evaluation)
               : rg__evaluation_open(ctx, "training", &t->train, &t->train_rows, &t->evaluation);
}

/* The order of the training lists that count, and the number of steps. */
static rg_status plan_steps(struct training *t)
{
    const struct rg__rows *rows = &t->train_rows;
    int64_t batch = t->options.batch_lists, a_epoch = 0, n = 0;
    t->order = rg__alloc(t->ctx, rows->n_lists, sizeof *t->order, "the order of the lists");
    t->first = rg__alloc(t->ctx, rows->n_windows + 1, sizeof *t->first, "the windows");
    t->window_order = rg__alloc(t->ctx, rows->n_windows, sizeof *t->first, "the windows");
    if (!t->order || !t->first || !t->window_order)
        return RG_LIMIT;
    for (int64_t w = 0; w < rows->n_windows; w++) {
        t->window_order[w] = w;
        for (int64_t q = rows->windows[w]; q < rows->windows[w + 1]; q++)
            if (rg__list_counts(rows, q))
                t->order[n++] = q;
        t->first[w + 1] = n;
        a_epoch += (n - t->first[w]) / batch + ((n - t->first[w]) % batch > 0);
    }
    t->result.n_train_lists = n;
    for (int64_t q = 0; t->has_vali && q < t->vali_rows.n_lists; q++)
        t->result.n_vali_lists += t->vali_rows.offsets[q + 1] > t->vali_rows.offsets[q];
    if (__builtin_mul_overflow(a_epoch, t->options.epochs, &t->n_steps))
        return rg__fail(t->ctx, RG_USAGE, "train: %lld epochs of %lld steps are too many",
                        (long long)t->options.epochs, (long long)a_epoch);
    return RG_OK;
}

/* The loss, and what it asks of labels. */
static rg_status choose_loss(struct training *t)
{
    const rg_train_options *o = &t->options;
    rg_status status = RG_OK;
    if (o->own_loss)
        t->loss = *o->own_loss;
    else
        status = rg_choice_parse(t->ctx, rg_losses(), o->loss, &t->loss);
    if (status != RG_OK)
        return status;
    if (!t->loss.component)
        return rg__fail(t->ctx, RG_USAGE, "train: own_loss is no choice (see rg_choice_make)");
    rg_choice_print(&t->loss, t->loss_text, sizeof t->loss_text);
    t->options.loss = t->loss_text;
    t->rules = (struct rg__label_rules){o->model.dtype, o->negative_labels, t->loss_text,
                                        rg_loss_properties_of(&t->loss)};
    return RG_OK;
}

static rg_status prepare(struct training *t, const rg_split *train, const rg_split *vali)
{
    rg_context *ctx = t->ctx;
    const rg_train_options *o = &t->options;
    rg_status status = rg__check_train_options(ctx, o);
    if (status == RG_OK)
        status = choose_loss(t);
    if (status == RG_OK)
        status = rg_choice_parse(ctx, rg_schedules(), o->schedule, &t->schedule);
    if (status == RG_OK)
        status = choose_lists(t, train, vali);
    if (status == RG_OK)
        status = rg__inputs_that_occur(ctx, &t->train, &t->inputs);
    if (status == RG_OK)
        status = rg__plan_train_memory(ctx, o, &t->train, t->has_vali ? &t->vali : NULL, &t->inputs,
                                       &t->windowing);
    t->options.window_bytes = t->windowing.bytes; /* for the history: bits depend on them */
    if (status == RG_OK)
        status = make_model(t);
    if (status == RG_OK)
        status = rg_optimizer_create(ctx, &t->model->parameters, &o->optimizer, &t->optimizer);
    if (status == RG_OK)
        status = open_rows(t);
    if (status == RG_OK)
        status = plan_steps(t);
    if (status != RG_OK)
        return status;
    if (o->normalize == RG_NORMALIZE_ZSCORE || o->normalize == RG_NORMALIZE_LOG1P_ZSCORE)
        status = rg__note_outliers(ctx, &t->train_rows, &t->train);
    if (status == RG_OK && o->normalize != RG_NORMALIZE_NONE)
        status = rg__warn_of_sentinels(ctx, &t->train, &t->inputs);
    if (o->normalize == RG_NORMALIZE_NONE && o->model.dtype == RG_F32)
        status = rg__note_rounding(ctx, &t->train);
    if (status != RG_OK)
        return status;
    rg__choose_gain(ctx, &t->train, t->has_vali ? &t->vali : NULL, &t->options.metric);
    t->result.gain = t->options.metric.gain;
    t->result.label_scale = rg__label_scale(&t->train_rows, &t->result.n_no_relevant);
    if (!t->rules.properties.scales_with_labels)
        t->result.label_scale = 1;
    if (t->result.label_scale > rg__most_label(o->model.dtype))
        return rg__fail(ctx, RG_BAD_DATA,
                        "the training labels of a list sum to %g on average, too little for "
                        "training in %s; multiply them all by a number",
                        1 / t->result.label_scale, rg_dtype_name(o->model.dtype));
    t->stepper = (struct rg__stepper){.ctx = ctx,
                                      .crew = &t->crew,
                                      .model = t->model,
                                      .split = &t->train,
                                      .rows = &t->train_rows,
                                      .loss = &t->loss,
                                      .scale = t->result.label_scale,
                                      .most_lists = o->batch_lists < t->result.n_train_lists
                                                        ? o->batch_lists
                                                        : t->result.n_train_lists};
    const rg_parameters *p = &t->model->parameters;
    t->best = rg__alloc(ctx, p->count, rg_dtype_size(p->dtype), "the best parameters");
    status = rg__stepper_open(&t->stepper);
    return t->best ? status : RG_LIMIT;
}

/* ---- Epochs ---- */

/* The losses and units of an epoch under way. */
struct tally {
    double loss;
    double units;
};

/* The steps over a window's lists, in the order of this epoch. */
static rg_status run_window(struct training *t, int64_t window, rg_epoch *epoch,
                            struct tally *tally)
{
    const rg_train_options *o = &t->options;
    int64_t *order = t->order + t->first[window], n = t->first[window + 1] - t->first[window];
    rg_shuffle(order, n, o->seed, RG__STREAM_SHUFFLE,
                (uint64_t)epoch->epoch + ((uint64_t)window << 32));
    for (int64_t at = 0; at < n; at += o->batch_lists) {
        int64_t n_batch = n - at < o->batch_lists ? n - at : o->batch_lists;
        double sum, units, factor = rg_schedule_factor(&t->schedule, t->step++, t->n_steps);
        rg_status status = rg__step(&t->stepper, order + at, n_batch, &sum, &units);
        if (status == RG_OK)
            status = rg_optimizer_step(t->optimizer, factor);
        if (status == RG_OK)
            status = rg__cancelled(t->ctx);
        if (status != RG_OK)
            return status;
        tally->loss += sum;
        tally->units += units;
        epoch->lr = o->optimizer.lr * factor;
    }
    return RG_OK;
}

/* One pass over the training lists. */
static rg_status run_epoch(struct training *t, rg_epoch *epoch)
{
    struct rg__rows *rows = &t->train_rows;
    struct tally tally = {0};
    rg_shuffle(t->window_order, rows->n_windows, t->options.seed, RG__STREAM_WINDOWS,
                (uint64_t)epoch->epoch);
    for (int64_t i = 0; i < rows->n_windows; i++) {
        int64_t window = t->window_order[i];
        int64_t next = i + 1 < rows->n_windows ? t->window_order[i + 1] : -1;
        rg_status status = rg__rows_turn(rows, window, next);
        if (status == RG_OK)
            status = run_window(t, window, epoch, &tally);
        if (status != RG_OK)
            return status;
    }
    epoch->loss = t->stepper.scale * tally.loss / tally.units;
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
static bool is_measured(const struct training *t, int64_t epoch)
{
    return t->has_vali || epoch % RG_TRAIN_METRIC_EPOCHS == 0 || epoch == t->options.epochs;
}

/* Measures the epoch and keeps its parameters where it is the best (or the last, without a
 * validation list that could choose). Epoch 0 is shown and never kept. */
static rg_status judge_epoch(struct training *t, rg_epoch *epoch)
{
    const rg_parameters *p = &t->model->parameters;
    rg_metric_result measured = {.value = (double)NAN};
    rg_status status = RG_OK;
    if (is_measured(t, epoch->epoch))
        status = rg__evaluate(&t->evaluation, &t->crew, t->model, &t->options.metric, &measured);
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
                      epoch->vali_metric > t->result.vali_metric;
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
static rg_status measure_loss(struct training *t, bool equal_scores, double *loss,
                              int64_t *n_constant)
{
    struct rg__rows *rows = &t->train_rows;
    int64_t most = t->stepper.most_lists;
    double sum = 0, units = rg__units(&t->stepper, t->order, t->result.n_train_lists);
    for (int64_t w = 0; w < rows->n_windows; w++) {
        int64_t next = w + 1 < rows->n_windows ? w + 1 : -1;
        rg_status status = equal_scores ? RG_OK : rg__rows_turn(rows, w, next);
        for (int64_t at = t->first[w]; at < t->first[w + 1] && status == RG_OK; at += most) {
            int64_t n = t->first[w + 1] - at < most ? t->first[w + 1] - at : most;
            status =
                rg__measure_loss(&t->stepper, t->order + at, n, equal_scores, &sum, n_constant);
            if (status == RG_OK)
                status = rg__cancelled(t->ctx);
        }
        if (status != RG_OK)
            return status;
    }
    *loss = t->stepper.scale * sum / units;
    return RG_OK;
}

/* Compares the model that is kept with what it must be better than. */
static rg_status judge_model(struct training *t)
{
    rg_train_result *r = &t->result;
    rg_status status = measure_loss(t, true, &r->equal_loss, &r->n_several_rows);
    if (status == RG_OK)
        status = measure_loss(t, false, &r->loss, &r->n_constant);
    if (status == RG_OK)
        status = rg__judge_training(t->ctx, &t->options.metric, t->has_vali, r);
    return status;
}

/* What the model remembers of its training. */
static rg_status remember_training(struct training *t)
{
    uint64_t fingerprint = rg__fingerprint(&t->train, &t->model->normalization);
    char *history =
        rg__train_history(t->ctx, &t->options, &t->result, rg_model_choice(t->model), fingerprint);
    rg_status status = history ? rg_model_set_history(t->model, history) : RG_LIMIT;
    rg__free(t->ctx, history);
    return status;
}

/* Trains all epochs, or until training is cancelled; the best epoch is then kept all the same. */
static rg_status run(struct training *t)
{
    rg_status status = RG_OK;
    for (int64_t e = 0; e <= t->options.epochs && status == RG_OK; e++) {
        rg_epoch epoch = {.epoch = e,
                          .n_epochs = t->options.epochs,
                          .loss = (double)NAN,
                          .train_metric = (double)NAN,
                          .vali_metric = (double)NAN,
                          .lr = t->options.optimizer.lr};
        if (e > 0)
            status = run_epoch(t, &epoch);
        if (status == RG_OK)
            status = judge_epoch(t, &epoch);
    }
    if (status != RG_OK && (status != RG_CANCELLED || t->result.kept_epoch == 0))
        return status;
    const rg_parameters *p = &t->model->parameters;
    memcpy(p->value, t->best, (size_t)p->count * rg_dtype_size(p->dtype));
    if (status == RG_OK)
        status = judge_model(t);
    if (status != RG_OK && status != RG_CANCELLED)
        return status;
    rg_status remembered = remember_training(t);
    return remembered == RG_OK ? status : remembered;
}

static void note_selection(struct training *t)
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
    if (vali == rg_no_split())
        vali = NULL;
    struct training t = {.ctx = ctx, .started = rg__seconds()};
    t.options = options ? *options : rg_train_options_default();
    t.result.vali_metric = (double)NAN;
    *out = NULL;
    int blas_threads = rg__blas_set_threads(1); /* the one process-wide setting; restored below */
    status = prepare(&t, train, vali);
    if (status == RG_OK)
        status = run(&t);
    if (status == RG_OK)
        note_selection(&t);
    if (status == RG_OK || (status == RG_CANCELLED && t.result.kept_epoch > 0)) {
        *out = t.model;
        t.model = NULL;
    }
    if (result)
        *result = t.result;
    rg__stepper_close(&t.stepper);
    rg_optimizer_destroy(t.optimizer);
    rg__evaluation_close(&t.evaluation);
    rg__crew_close(&t.crew);
    rg__rows_close(&t.train_rows);
    rg__rows_close(&t.vali_rows);
    rg__matched_free(&t.matched);
    rg__inputs_free(ctx, &t.inputs);
    rg__free(ctx, t.train_mask);
    rg__free(ctx, t.vali_mask);
    rg__free(ctx, t.train_labels);
    rg__free(ctx, t.order);
    rg__free(ctx, t.first);
    rg__free(ctx, t.window_order);
    rg__free(ctx, t.best);
    rg_model_destroy(t.model);
    rg__blas_set_threads(blas_threads);
    return status;
}

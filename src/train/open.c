/* open.c: what is checked, decided and allocated before the first step of a training. */
#include "data/split.h"
#include "normalize/normalize.h"
#include "tensor/blas_threads.h"
#include "train/check.h"
#include "train/prepare.h"
#include "train/training.h"

#include <math.h>

/* The labels of the training split, negative ones as 0. */
static rg_status read_negatives_as_zero(struct rg__training *t)
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

/* Warns if the validation rows are the training rows: their metric cannot choose an epoch. */
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
static rg_status choose_lists(struct rg__training *t, const rg_split *train, const rg_split *vali)
{
    const rg_train_options *o = &t->options;
    rg_context *ctx = t->ctx;
    t->train = *train;
    t->has_vali = vali || o->vali_fraction > 0;
    t->vali = vali ? *vali : *train;
    rg_status status = rg__check_train_split(ctx, train, "training", &t->rules);
    if (status == RG_OK && t->rules.properties.positions)
        status = rg__check_positions(ctx, train, "the training split", &t->stepper.n_positions);
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
static rg_status make_model(struct rg__training *t)
{
    rg_normalization fitted;
    t->options.model.columns = t->inputs.index;
    t->options.model.n_columns = t->inputs.n;
    rg_status status = rg_model_create(t->ctx, t->train.n_features, &t->options.model, &t->model);
    if (status != RG_OK)
        return status;
    status =
        rg__normalization_fit(t->ctx, &t->normalization.choice, &t->train, &t->inputs, &fitted);
    if (status != RG_OK)
        return status;
    status = rg_model_set_normalization(t->model, &fitted);
    rg_normalization_free(t->ctx, &fitted);
    if (status == RG_OK)
        status = rg_model_set_feature_names(t->model, t->train.feature_names);
    return status;
}

/* The rows of both splits, the workers, and what measures them. */
static rg_status open_rows(struct rg__training *t)
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
        status = rg__workers_open(ctx, &t->workers);
    if (status != RG_OK)
        return status;
    return t->has_vali
               ? rg__evaluation_open(ctx, "validation", &t->vali, &t->vali_rows, &t->evaluation)
               : rg__evaluation_open(ctx, "training", &t->train, &t->train_rows, &t->evaluation);
}

/* The order of the training lists that count, and the number of steps. */
static rg_status plan_steps(struct rg__training *t)
{
    const struct rg__rows *rows = &t->train_rows;
    int64_t batch = t->options.batch_lists, steps_per_epoch = 0, n = 0;
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
        steps_per_epoch += (n - t->first[w]) / batch + ((n - t->first[w]) % batch > 0);
    }
    t->result.n_train_lists = n;
    for (int64_t q = 0; t->has_vali && q < t->vali_rows.n_lists; q++)
        t->result.n_vali_lists += t->vali_rows.offsets[q + 1] > t->vali_rows.offsets[q];
    if (__builtin_mul_overflow(steps_per_epoch, t->options.epochs, &t->n_steps))
        return rg__fail(t->ctx, RG_USAGE, "train: %lld epochs of %lld steps are too many",
                        (long long)t->options.epochs, (long long)steps_per_epoch);
    return RG_OK;
}

/* What is minimised, and what it asks of labels. */
static rg_status choose_loss(struct rg__training *t)
{
    const rg_train_options *o = &t->options;
    rg_status status = RG_OK;
    if (o->own_loss && !o->own_loss->component)
        return rg__fail(t->ctx, RG_USAGE, "train: own_loss is no choice (see rg_choice_make)");
    if (o->own_loss)
        t->objective = rg_objective_of(o->own_loss);
    else
        status = rg_objective_parse(t->ctx, rg_training_losses(), o->loss, &t->objective);
    if (status != RG_OK)
        return status;
    rg_objective_print(&t->objective, t->loss_text, sizeof t->loss_text);
    t->options.loss = t->loss_text;
    t->rules = (struct rg__label_rules){o->model.dtype, o->negative_labels, t->loss_text,
                                        rg_objective_properties(&t->objective)};
    t->options.model.outputs = t->rules.properties.columns;
    return RG_OK;
}

/* Notes and warnings about the features. */
static rg_status note_features(struct rg__training *t)
{
    rg_status status = RG_OK;
    if (rg__keeps_numbers(&t->normalization))
        return t->options.model.dtype == RG_F32 ? rg__note_rounding(t->ctx, &t->train) : RG_OK;
    if (rg__normalization_kind(&t->normalization)->needs_deviation)
        status = rg__note_outliers(t->ctx, &t->train_rows, &t->train);
    return status == RG_OK ? rg__warn_of_sentinels(t->ctx, &t->train, &t->inputs) : status;
}

/* The scales of the objective: scaling the labels does not change the effective learning rate. */
static rg_status scale_labels(struct rg__training *t)
{
    rg_train_result *r = &t->result;
    rg_dtype dtype = t->options.model.dtype;
    double scale = rg__label_scale(&t->train_rows, &r->n_no_relevant);
    r->label_scale = 1;
    for (int k = 0; k < t->objective.n_terms; k++) {
        const rg_loss_term *term = &t->objective.terms[k];
        bool scales = rg_loss_properties_of(&term->loss).scales_with_labels;
        t->stepper.scale[k] = term->factor * (scales ? scale : 1);
        if (scales)
            r->label_scale = scale;
    }
    if (r->label_scale > rg__most_label(dtype))
        return rg__fail(t->ctx, RG_BAD_DATA,
                        "the training labels of a list sum to %g on average, too little for "
                        "training in %s; multiply them all by a number",
                        1 / r->label_scale, rg_dtype_name(dtype));
    return RG_OK;
}

/* What computes a step. */
static rg_status open_stepper(struct rg__training *t)
{
    int64_t batch = t->options.batch_lists, n = t->result.n_train_lists;
    t->stepper.ctx = t->ctx;
    t->stepper.workers = &t->workers;
    t->stepper.model = t->model;
    t->stepper.split = &t->train;
    t->stepper.rows = &t->train_rows;
    t->stepper.objective = &t->objective;
    t->stepper.most_lists = batch < n ? batch : n;
    const rg_parameters *p = &t->model->parameters;
    t->best = rg__alloc(t->ctx, p->count, rg_dtype_size(p->dtype), "the best parameters");
    return t->best ? rg__stepper_open(&t->stepper) : RG_LIMIT;
}

/* The splits, the model and the optimizer. */
static rg_status open_parts(struct rg__training *t, const rg_split *train, const rg_split *vali)
{
    rg_context *ctx = t->ctx;
    const rg_train_options *o = &t->options;
    rg_status status = rg__check_train_options(ctx, o);
    if (status == RG_OK)
        status = choose_loss(t);
    if (status == RG_OK)
        status = rg_choice_parse(ctx, rg_schedules(), o->schedule, &t->schedule);
    if (status == RG_OK)
        status = rg_choice_parse(ctx, rg_normalizations(), o->normalize, &t->normalization.choice);
    if (status == RG_OK)
        status = choose_lists(t, train, vali);
    if (status == RG_OK)
        status = rg__inputs_that_occur(ctx, &t->train, &t->inputs);
    if (status == RG_OK)
        status = rg__plan_train_memory(ctx, o, &t->normalization, &t->train,
                                       t->has_vali ? &t->vali : NULL, &t->inputs, t->matched.bytes,
                                       &t->windowing);
    t->options.window_bytes = t->windowing.bytes; /* for the history: bits depend on them */
    if (status == RG_OK)
        status = make_model(t);
    if (status == RG_OK)
        status = rg_optimizer_create(ctx, &t->model->parameters, &o->optimizer, &t->optimizer);
    return status;
}

rg_status rg__training_open(rg_context *ctx, const rg_split *train, const rg_split *vali,
                            const rg_train_options *options, struct rg__training *t)
{
    *t = (struct rg__training){.ctx = ctx,
                               .started = rg__seconds(),
                               .options = options ? *options : rg_train_options_default(),
                               .result.vali_metric = (double)NAN,
                               .blas_threads = rg__blas_set_threads(1)};
    rg_status status = open_parts(t, train, vali);
    if (status == RG_OK)
        status = open_rows(t);
    if (status == RG_OK)
        status = plan_steps(t);
    if (status == RG_OK)
        status = note_features(t);
    if (status != RG_OK)
        return status;
    rg__choose_gain(ctx, &t->train, t->has_vali ? &t->vali : NULL, &t->options.metric);
    t->result.gain = t->options.metric.gain;
    status = scale_labels(t);
    return status == RG_OK ? open_stepper(t) : status;
}

void rg__training_close(struct rg__training *t)
{
    rg_context *ctx = t->ctx;
    rg__stepper_close(&t->stepper);
    rg_optimizer_destroy(t->optimizer);
    rg__evaluation_close(&t->evaluation);
    rg__workers_close(&t->workers);
    rg__rows_close(&t->train_rows);
    rg__rows_close(&t->vali_rows);
    rg__matched_free(&t->matched);
    rg__inputs_free(ctx, &t->inputs);
    rg__free(ctx, t->train_mask);
    rg__free(ctx, t->vali_mask);
    rg__free(ctx, t->train_labels);
    rg__free(ctx, t->order);
    rg__free(ctx, t->first);
    rg__free(ctx, t->window_order);
    rg__free(ctx, t->best);
    rg_model_destroy(t->model);
    rg__blas_set_threads(t->blas_threads);
}

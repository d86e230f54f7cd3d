/* samples.c: the samples with which every loss is tested, and the iteration over the samples of all
 * operators and losses.
 *
 * A loss is tested with each value of its RG_PARAM_NAME parameters, on flat, padded, masked and
 * weighted lists, with each reduction. Inputs are the logits, the weights, the list weights and, if
 * they have a gradient, the labels; otherwise labels are constants with ties. */
#include "loss/losses.h"

#include <rankgrad/ops.h>

#include <stdio.h>
#include <string.h>

enum { LOGITS, WEIGHTS, LIST_WEIGHTS, LABELS };

/* The labels: an input of the sample, or a constant of the shape of the logits. */
static rg_node *labels_of(rg_graph *graph, rg_node *const *x, const rg_choice *loss)
{
    static const double grades[] = {2, 0, 2, 1, 0, 3, 0, 0, 1, 2, 0, 3};
    if (!rg_loss_properties_of(loss).constant_labels)
        return x[LABELS];
    rg_tensor labels = *rg_node_value(x[LOGITS]);
    labels.ndim -= rg_loss_properties_of(loss).columns > 1;
    labels.dtype = RG_F64;
    labels.data = (void *)(uintptr_t)grades;
    return rg_constant(graph, &labels);
}

static rg_node *apply(rg_graph *graph, rg_node *const *x, const rg_choice *loss, rg_loss_options o)
{
    o.weights = x[WEIGHTS];
    o.list_weights = x[LIST_WEIGHTS];
    return rg_loss_apply(graph, loss, x[LOGITS], labels_of(graph, x, loss), &o);
}

/* The third list is empty. */
static rg_node *flat(rg_graph *graph, rg_node *const *x, void *user)
{
    static const int64_t offsets[] = {0, 3, 5, 5, 9};
    return apply(graph, x, user, (rg_loss_options){.offsets = offsets, .n_lists = 4});
}

static rg_node *flat_sum(rg_graph *graph, rg_node *const *x, void *user)
{
    static const int64_t offsets[] = {0, 1, 7};
    return apply(graph, x, user,
                 (rg_loss_options){.offsets = offsets, .n_lists = 2, .reduction = RG_REDUCE_SUM});
}

/* The second item of the first list and all of the last list are masked. */
static rg_node *masked(rg_graph *graph, rg_node *const *x, void *user)
{
    uint8_t where[] = {1, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0};
    rg_tensor mask = {RG_BOOL, 2, {3, 4}, where};
    return apply(
        graph, x, user,
        (rg_loss_options){.where = rg_constant(graph, &mask), .reduction = RG_REDUCE_NONE});
}

static rg_node *padded(rg_graph *graph, rg_node *const *x, void *user)
{
    return apply(graph, x, user, rg_loss_options_default());
}

/* A custom reduction: the sum of the losses times the mask. */
static rg_node *by_caller(rg_graph *graph, rg_node *losses, rg_node *nonempty, void *user)
{
    (void)user;
    rg_node *counted = rg_cast(graph, nonempty, rg_node_value(losses)->dtype);
    return rg_sum(graph, rg_mul(graph, losses, counted), rg_all_axes());
}

static rg_node *reduced(rg_graph *graph, rg_node *const *x, void *user)
{
    return apply(graph, x, user, (rg_loss_options){.reduce = by_caller});
}

#define LOGITS_IN(...)                                                                             \
    {                                                                                              \
        __VA_ARGS__, -2, 2, 0                                                                      \
    }
/* On both sides of 1, where some losses clip labels. */
#define LABELS_IN(...)                                                                             \
    {                                                                                              \
        __VA_ARGS__, 0.3, 2.5, 0                                                                   \
    }
#define OTHERS_IN(...)                                                                             \
    {                                                                                              \
        __VA_ARGS__, 0.5, 3, 0                                                                     \
    }

static const struct rg__sample samples[] = {
    {"flat (9), mean",
     4,
     {LOGITS_IN(1, {9}), OTHERS_IN(1, {9}), OTHERS_IN(1, {4}), LABELS_IN(1, {9})},
     .build = flat},
    {"flat (7), sum",
     4,
     {LOGITS_IN(1, {7}), OTHERS_IN(1, {7}), OTHERS_IN(1, {2}), LABELS_IN(1, {7})},
     .build = flat_sum},
    {"padded (3,4), where, none",
     4,
     {LOGITS_IN(2, {3, 4}), OTHERS_IN(1, {4}), OTHERS_IN(1, {3}), LABELS_IN(1, {4})},
     .build = masked},
    {"padded (2,2,3), mean",
     4,
     {LOGITS_IN(3, {2, 2, 3}), OTHERS_IN(3, {2, 1, 3}), OTHERS_IN(2, {2, 1}),
      LABELS_IN(3, {2, 1, 3})},
     .build = padded},
    {"padded (2,4), own reduction",
     4,
     {LOGITS_IN(2, {2, 4}), OTHERS_IN(2, {2, 4}), OTHERS_IN(1, {2}), LABELS_IN(2, {2, 4})},
     .build = reduced},
};

/* ---- Iteration ---- */

/* Variant 0 of a loss has its default parameters; each further variant has another value of one
 * RG_PARAM_NAME parameter, and `what` gets "label_mode=softmax, ". Flags that make the gradient
 * hold factors constant are off. False past the last. */
static bool make_variant(rg_context *ctx, struct rg__sampling *s, const rg_component *loss)
{
    int left = s->variant;
    s->what[0] = '\0';
    if (rg_choice_make(ctx, loss, NULL, &s->choice) != RG_OK)
        return false;
    for (int p = 0; p < loss->n_params; p++) {
        const rg_param *param = &loss->params[p];
        if (strcmp(param->name, "topn") == 0) /* the lists of the samples are short */
            memcpy(s->choice.params.bytes + param->offset, &(int64_t){2}, sizeof(int64_t));
        for (int i = 0; left > 0 && param->type == RG_PARAM_NAME && param->name_at(i); i++) {
            if (i == (int)param->initial || --left > 0)
                continue;
            memcpy(s->choice.params.bytes + param->offset, &i, sizeof i);
            snprintf(s->what, sizeof s->what, "%s=%s, ", param->name, param->name_at(i));
        }
    }
    for (int p = 0; p < loss->n_params && rg_loss_properties_of(&s->choice).constant_factors; p++)
        if (loss->params[p].type == RG_PARAM_FLAG)
            s->choice.params.bytes[loss->params[p].offset] = false;
    return left == 0;
}

/* The next sample of an operator or loss; false past the last. */
static bool sample_of(rg_context *ctx, struct rg__sampling *s, const struct rg__builtin *b,
                      const rg_component *loss, struct rg__sample *sample)
{
    if (b) {
        if (s->sample >= b->n_samples)
            return false;
        *sample = b->samples[s->sample++];
        s->name = b->op.name;
        return true;
    }
    if (s->sample == RG__COUNT(samples)) {
        s->sample = 0;
        s->variant++;
    }
    if (!make_variant(ctx, s, loss))
        return false;
    *sample = samples[s->sample++];
    rg_loss_properties properties = rg_loss_properties_of(&s->choice);
    sample->n_inputs -= properties.constant_labels;
    if (properties.columns > 1)
        sample->inputs[LOGITS].dims[sample->inputs[LOGITS].ndim++] = properties.columns;
    sample->user = &s->choice;
    s->name = loss->name;
    size_t n = strlen(s->what);
    snprintf(s->what + n, sizeof s->what - n, "%s", sample->what);
    sample->what = s->what;
    return true;
}

bool rg__next_sample(rg_context *ctx, struct rg__sampling *s, struct rg__sample *sample)
{
    for (;; s->item++, s->variant = s->sample = 0) {
        const struct rg__builtin *b = s->item < rg__n_operators ? rg__operators[s->item] : NULL;
        const rg_component *loss =
            b ? NULL : rg_registry_at(rg_losses(), s->item - rg__n_operators);
        if (!b && !loss)
            return false;
        if (sample_of(ctx, s, b, loss, sample))
            return true;
    }
}

/* optimizer.c: options, clipping and the table of rules; see optimizer.h. */
#include "optim/optimizer.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const struct rg__rule rules[] = {
    {"sgd", 1, true, false, {rg__sgd_step_f32, rg__sgd_step_f64}},
    {"adam", 2, false, true, {rg__adam_step_f32, rg__adam_step_f64}},
};

static double (*const grad_norm[])(const rg_parameters *parameters) = {rg__grad_norm_f32,
                                                                       rg__grad_norm_f64};

const char *rg_optimizer_name_at(int i)
{
    return i >= 0 && i < RG__COUNT(rules) ? rules[i].name : NULL;
}

rg_optimizer_options rg_optimizer_options_default(void)
{
    return (rg_optimizer_options){
        .name = "sgd", .lr = 0.1, .beta1 = 0.9, .beta2 = 0.999, .epsilon = 1e-8};
}

static const struct rg__rule *find_rule(const char *name)
{
    for (int i = 0; i < RG__COUNT(rules); i++)
        if (strcmp(rules[i].name, name) == 0)
            return &rules[i];
    return NULL;
}

/* From 0 up to 1, 1 excluded: what is left of a moment after a step. */
static bool decays(double x)
{
    return x >= 0 && x < 1;
}

static rg_status check_options(rg_context *ctx, rg_dtype dtype, const rg_optimizer_options *o)
{
    const struct rg__rule *rule = o->name ? find_rule(o->name) : NULL;
    if (!rule)
        return rg__fail(ctx, RG_USAGE, "optimizer \"%s\" is unknown; expected %s or %s",
                        o->name ? o->name : "(null)", rules[0].name, rules[1].name);
    const double most = dtype == RG_F32 ? (double)FLT_MAX : DBL_MAX;
    const double least = dtype == RG_F32 ? (double)FLT_MIN : DBL_MIN;
    const struct rg__range ranges[] = {
        {"lr", o->lr, o->lr > 0 && o->lr <= most, "a number > 0 of the parameters' type"},
        {"momentum", o->momentum, decays(o->momentum), "0 <= momentum < 1"},
        {"momentum", o->momentum, rule->has_momentum || o->momentum == 0,
         "0 with adam, whose beta1 takes its place"},
        {"l2", o->l2, o->l2 >= 0 && o->l2 <= most, "a number >= 0 of the parameters' type"},
        {"clip_norm", o->clip_norm, o->clip_norm >= 0, "a number >= 0 (0: no clipping)"},
        {"beta1", o->beta1, !rule->has_betas || decays(o->beta1), "0 <= beta1 < 1"},
        {"beta2", o->beta2, !rule->has_betas || decays(o->beta2), "0 <= beta2 < 1"},
        {"epsilon", o->epsilon, !rule->has_betas || (o->epsilon >= least && o->epsilon <= most),
         "a number > 0 of the parameters' type"},
    };
    return rg__check_ranges(ctx, "optimizer", ranges, RG__COUNT(ranges));
}

rg_status rg_optimizer_create(rg_context *ctx, const rg_parameters *parameters,
                              const rg_optimizer_options *options, rg_optimizer **out)
{
    *out = NULL;
    rg_optimizer_options o = options ? *options : rg_optimizer_options_default();
    rg_status status = check_options(ctx, parameters->dtype, &o);
    if (status != RG_OK)
        return status;
    const char *type = rg_dtype_name(parameters->dtype);
    if (!rg_dtype_computes(parameters->dtype) || parameters->count < 0)
        return rg__fail(ctx, RG_USAGE,
                        "optimizer: %lld parameters of type %s; expected 0 or more of f32 or f64",
                        (long long)parameters->count, type ? type : "none");
    const struct rg__rule *rule = find_rule(o.name);
    int64_t n_moments;
    if (__builtin_mul_overflow(parameters->count, rule->n_moments, &n_moments))
        return rg__fail_memory(ctx, SIZE_MAX, "the moments");
    rg_optimizer *optimizer = rg__alloc(ctx, 1, sizeof *optimizer, "an optimizer");
    void *moments = rg__alloc(ctx, n_moments, rg_dtype_size(parameters->dtype), "the moments");
    if (!optimizer || !moments) {
        rg__free(ctx, optimizer);
        rg__free(ctx, moments);
        return RG_LIMIT;
    }
    o.name = rule->name;
    *optimizer = (rg_optimizer){ctx, rule, o, *parameters, moments, 0, 1, 1};
    *out = optimizer;
    return RG_OK;
}

void rg_optimizer_destroy(rg_optimizer *optimizer)
{
    if (!optimizer)
        return;
    rg__free(optimizer->ctx, optimizer->moments);
    rg__free(optimizer->ctx, optimizer);
}

rg_status rg_optimizer_step(rg_optimizer *o, double lr_factor)
{
    rg_dtype dtype = o->parameters.dtype;
    o->grad_norm = grad_norm[dtype](&o->parameters);
    if (!isfinite(o->grad_norm))
        return rg__fail(o->ctx, RG_DIVERGED,
                        "%s: the gradient's norm is %g; expected a finite "
                        "number; a smaller learning rate or clip_norm may help",
                        o->rule->name, o->grad_norm);
    double clip = o->options.clip_norm;
    double scale = clip > 0 && o->grad_norm > clip ? clip / o->grad_norm : 1;
    o->power1 *= o->options.beta1;
    o->power2 *= o->options.beta2;
    o->rule->step[dtype](o, o->options.lr * lr_factor, scale);
    return RG_OK;
}

double rg_optimizer_grad_norm(const rg_optimizer *optimizer)
{
    return optimizer->grad_norm;
}

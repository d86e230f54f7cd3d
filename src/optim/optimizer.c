/* optimizer.c: the code shared by all optimizers: registry, options, clipping; see optimizer.h. */
#include "optim/optimizer.h"

#include <float.h>
#include <math.h>

#define RG_OPTIMIZER(id, passes) extern const struct rg__optimizer_kind rg__optimizer_##id;
#include "optim/optimizers.def"
#undef RG_OPTIMIZER

static const rg_component *optimizer_at(int i)
{
    static const struct rg__optimizer_kind *const table[] = {
#define RG_OPTIMIZER(id, passes) &rg__optimizer_##id,
#include "optim/optimizers.def"
#undef RG_OPTIMIZER
    };
    return i < RG__COUNT(table) ? &table[i]->component : NULL;
}

const rg_registry *rg_optimizers(void)
{
    static const rg_registry registry = {.what = "optimizer", .at = optimizer_at};
    return &registry;
}

static double (*const grad_norm[])(const rg_parameters *parameters) = {rg__grad_norm_f32,
                                                                       rg__grad_norm_f64};

rg_optimizer_options rg_optimizer_options_default(void)
{
    return (rg_optimizer_options){.name = "sgd", .lr = 0.1};
}

static rg_status check_options(rg_context *ctx, rg_dtype dtype, const rg_optimizer_options *o)
{
    const double most = dtype == RG_F32 ? (double)FLT_MAX : DBL_MAX;
    const struct rg__range ranges[] = {
        {"lr", o->lr, o->lr > 0 && o->lr <= most, "a number > 0 of the parameters' type"},
        {"l2", o->l2, o->l2 >= 0 && o->l2 <= most, "a number >= 0 of the parameters' type"},
        {"clip_norm", o->clip_norm, o->clip_norm >= 0, "a number >= 0 (0: no clipping)"},
    };
    return rg__check_ranges(ctx, "optimizer", ranges, RG__COUNT(ranges));
}

rg_status rg_optimizer_create(rg_context *ctx, const rg_parameters *parameters,
                              const rg_optimizer_options *options, rg_optimizer **out)
{
    rg_status status =
        rg__require(ctx, "rg_optimizer_create", "parameters", parameters, "out", out, NULL);
    if (status != RG_OK)
        return status;
    *out = NULL;
    rg_optimizer_options o = options ? *options : rg_optimizer_options_default();
    rg_choice choice;
    status = rg_choice_parse(ctx, rg_optimizers(), o.name, &choice);
    if (status == RG_OK)
        status = check_options(ctx, parameters->dtype, &o);
    if (status != RG_OK)
        return status;
    const char *type = rg_dtype_name(parameters->dtype);
    if (!rg_dtype_computes(parameters->dtype) || parameters->count < 0)
        return rg__fail(ctx, RG_USAGE,
                        "optimizer: %lld parameters of type %s; expected 0 or more of f32 or f64",
                        (long long)parameters->count, type ? type : "none");
    if (parameters->count > 0)
        status = rg__require(ctx, "rg_optimizer_create", "parameters->value", parameters->value,
                             "parameters->grad", parameters->grad, NULL);
    if (status != RG_OK)
        return status;
    const struct rg__optimizer_kind *kind = (const void *)choice.component;
    int64_t n_moments;
    if (__builtin_mul_overflow(parameters->count, kind->n_moments, &n_moments))
        return rg__fail_memory(ctx, SIZE_MAX, "the moments");
    rg_optimizer *optimizer = rg__alloc(ctx, 1, sizeof *optimizer, "an optimizer");
    void *moments = rg__alloc(ctx, n_moments, rg_dtype_size(parameters->dtype), "the moments");
    if (!optimizer || !moments) {
        rg__free(ctx, optimizer);
        rg__free(ctx, moments);
        return RG_LIMIT;
    }
    o.name = kind->component.name;
    *optimizer = (rg_optimizer){.ctx = ctx,
                                .kind = kind,
                                .choice = choice,
                                .options = o,
                                .parameters = *parameters,
                                .state = {.moments = moments}};
    *out = optimizer;
    return RG_OK;
}

void rg_optimizer_destroy(rg_optimizer *optimizer)
{
    if (!optimizer)
        return;
    rg__free(optimizer->ctx, optimizer->state.moments);
    rg__free(optimizer->ctx, optimizer);
}

rg_status rg_optimizer_step(rg_optimizer *o, double lr_factor)
{
    if (!o)
        return RG_LIMIT;
    if (!(lr_factor >= 0) || isinf(lr_factor))
        return rg__fail(o->ctx, RG_USAGE,
                        "rg_optimizer_step: lr_factor is %g; expected a finite number >= 0",
                        lr_factor);
    rg_dtype dtype = o->parameters.dtype;
    o->grad_norm = grad_norm[dtype](&o->parameters);
    if (!isfinite(o->grad_norm))
        return rg__fail(o->ctx, RG_DIVERGED,
                        "%s: the gradient's norm is %g; expected a finite "
                        "number; a smaller `lr` or `clip_norm` may help",
                        o->kind->component.name, o->grad_norm);
    double clip = o->options.clip_norm;
    double scale = clip > 0 && o->grad_norm > clip ? clip / o->grad_norm : 1;
    o->state.n_steps++;
    o->kind->step[dtype](o, o->options.lr * lr_factor, scale);
    return RG_OK;
}

double rg_optimizer_grad_norm(const rg_optimizer *optimizer)
{
    return optimizer ? optimizer->grad_norm : 0;
}

int rg__optimizer_state(rg_optimizer *o, struct rg__named state[RG__OPTIMIZER_ARRAYS])
{
    int64_t n_moments = o->parameters.count * o->kind->n_moments;
    state[0] = (struct rg__named){"optimizer_steps", {RG_I64, 1, {1}, &o->state.n_steps}};
    state[1] = (struct rg__named){"optimizer_scalars",
                                  {RG_F64, 1, {RG__OPTIMIZER_SCALARS}, o->state.scalars}};
    state[2] = (struct rg__named){"optimizer_moments",
                                  {o->parameters.dtype, 1, {n_moments}, o->state.moments}};
    return RG__OPTIMIZER_ARRAYS;
}

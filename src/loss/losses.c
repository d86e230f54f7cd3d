/* losses.c: the registry of losses, their properties, and the check of all gradients. */
#include "loss/losses.h"

#include "base/base.h"

#include <rankgrad/loss.h>
#include <string.h>

static const rg_loss *const table[] = {
#define RG_LOSS(id, passes) &rg__loss_##id,
#define RG_LOSS_ALIAS(name, text)
#include "loss/losses.def"
#undef RG_LOSS
#undef RG_LOSS_ALIAS
};

static const rg_alias aliases[] = {
#define RG_LOSS(id, passes)
#define RG_LOSS_ALIAS(name, text) {#name, text},
#include "loss/losses.def"
#undef RG_LOSS
#undef RG_LOSS_ALIAS
    {NULL, NULL},
};

static const rg_component *loss_at(int i)
{
    return i < RG__COUNT(table) ? &table[i]->component : NULL;
}

const rg_registry *rg_losses(void)
{
    static const rg_registry registry = {.what = "loss", .at = loss_at, .aliases = aliases};
    return &registry;
}

const rg_registry *rg_training_losses(void)
{
    static const rg_registry registry = {
        .what = "loss", .at = loss_at, .aliases = aliases, .training = true};
    return &registry;
}

rg_loss_properties rg_loss_properties_of(const rg_choice *loss)
{
    if (!loss || !loss->component)
        return (rg_loss_properties){0};
    const rg_loss *own = (const void *)loss->component;
    rg_loss_properties properties = own->properties;
    if (own->adjust)
        own->adjust(&loss->params, &properties);
    if (properties.columns < 1)
        properties.columns = 1;
    return properties;
}

/* The rule of a choice; zeros where it does not correct for position bias. */
static rg_position_rule rule_of(const rg_choice *loss)
{
    const rg_loss *own = loss ? (const void *)loss->component : NULL;
    bool has_rule = rg_loss_properties_of(loss).positions && own->position_rule.update;
    return has_rule ? own->position_rule : (rg_position_rule){0};
}

rg_status rg_position_bias_create(rg_context *ctx, const rg_choice *loss, int64_t n_positions,
                                  rg_position_bias *out)
{
    rg_position_rule rule = rule_of(loss);
    rg_status status = rg__require(ctx, "rg_position_bias_create", "loss", loss, "out", out, NULL);
    if (status == RG_OK && n_positions < 0)
        status =
            rg__fail(ctx, RG_USAGE, "rg_position_bias_create: %lld positions; expected at least 0",
                     (long long)n_positions);
    if (status != RG_OK || rule.n_factors == 0) {
        if (out)
            *out = (rg_position_bias){0};
        return status;
    }
    *out = (rg_position_bias){
        .n_positions = n_positions, .n_factors = rule.n_factors, .n_sums = rule.n_sums};
    out->factors =
        rg__alloc(ctx, n_positions, (size_t)rule.n_factors * sizeof(double), "positions");
    out->sums = rg__alloc(ctx, n_positions, (size_t)rule.n_sums * sizeof(double), "positions");
    for (int64_t i = 0; out->factors && i < n_positions * rule.n_factors; i++)
        out->factors[i] = rule.initial;
    if (out->factors && out->sums)
        return RG_OK;
    rg_position_bias_free(ctx, out);
    return RG_LIMIT;
}

void rg_position_bias_update(const rg_choice *loss, rg_position_bias *bias)
{
    rg_position_rule rule = rule_of(loss);
    if (!bias || !bias->sums || !bias->factors || rule.n_factors == 0)
        return;
    rule.update(&loss->params, bias);
    memset(bias->sums, 0, (size_t)bias->n_positions * (size_t)rule.n_sums * sizeof *bias->sums);
}

void rg_position_bias_free(rg_context *ctx, rg_position_bias *bias)
{
    if (!ctx || !bias)
        return;
    rg__free(ctx, bias->factors);
    rg__free(ctx, bias->sums);
    *bias = (rg_position_bias){0};
}

double rg__loss_units(rg_loss_unit unit, int64_t n, struct rg__item *items)
{
    switch (unit) {
    case RG_UNIT_ITEMS: return (double)n;
    case RG_UNIT_PAIRS: return rg__unequal_pairs(items, n, items + n);
    case RG_UNIT_ALL_PAIRS: return (double)n * (double)n;
    case RG_UNIT_LISTS: break;
    }
    return 1;
}

rg_loss_options rg_loss_options_default(void)
{
    return (rg_loss_options){.reduction = RG_REDUCE_MEAN};
}

const char *rg_reduction_name(rg_reduction reduction)
{
    static const char *const names[] = {"mean", "sum", "none"};
    return (unsigned)reduction < RG__COUNT(names) ? names[reduction] : NULL;
}

rg_status rg_gradcheck_builtin(rg_context *ctx, const char *name, rg_gradcheck_visit *visit,
                               void *user)
{
    int n_checked = 0, n_failed = 0;
    struct rg__sampling at = {0};
    struct rg__sample sample;
    while (rg__next_sample(ctx, &at, &sample)) {
        if (name && strcmp(name, at.name) != 0)
            continue;
        rg_gradcheck_report report;
        rg_status status = rg__gradcheck_sample(ctx, &sample, (uint64_t)at.sample, &report);
        if (status != RG_OK)
            return status;
        if (visit)
            visit(user, at.name, sample.what, &report);
        n_checked++;
        n_failed += !report.passed;
    }
    if (n_checked == 0)
        return rg__fail(ctx, RG_USAGE, "gradcheck: no operator or loss is named \"%s\"", name);
    if (n_failed > 0)
        return rg__fail(ctx, RG_INTERNAL, "gradcheck: %d of %d samples failed", n_failed,
                        n_checked);
    return RG_OK;
}

/* losses.c: the table of losses, names of their options, and the walk over everything that is
 * differentiable: the operators first, the losses behind them. */
#include "loss/losses.h"

#include "base/base.h"

#include <rankgrad/loss.h>
#include <string.h>

#define RG_LOSS(name, passes, formula) extern const struct rg__builtin rg__builtin_##name;
#include "loss/losses.def"
#undef RG_LOSS

static const struct {
    rg_loss loss;
    const struct rg__builtin *builtin;
} table[] = {
#define RG_LOSS(name, passes, formula) {{#name, formula, rg_##name##_loss}, &rg__builtin_##name},
#include "loss/losses.def"
#undef RG_LOSS
};

const rg_loss *rg_loss_at(int i)
{
    return i >= 0 && i < RG__COUNT(table) ? &table[i].loss : NULL;
}

const rg_loss *rg_loss_find(const char *name)
{
    for (int i = 0; i < RG__COUNT(table); i++)
        if (strcmp(table[i].loss.name, name) == 0)
            return &table[i].loss;
    return NULL;
}

rg_loss_options rg_loss_options_default(void)
{
    return (rg_loss_options){.reduction = RG_REDUCE_MEAN, .label_mode = RG_LABELS_RAW};
}

const char *rg_reduction_name(rg_reduction reduction)
{
    static const char *const names[] = {"mean", "sum", "none"};
    return (unsigned)reduction < RG__COUNT(names) ? names[reduction] : NULL;
}

const char *rg_label_mode_name(rg_label_mode mode)
{
    static const char *const names[] = {"raw", "normalized", "softmax"};
    return (unsigned)mode < RG__COUNT(names) ? names[mode] : NULL;
}

const struct rg__builtin *rg__builtin_at(int i)
{
    if (i < rg__n_operators)
        return rg__operators[i];
    return i - rg__n_operators < RG__COUNT(table) ? table[i - rg__n_operators].builtin : NULL;
}

rg_status rg_gradcheck_builtin(rg_context *ctx, const char *name, rg_gradcheck_visit *visit,
                               void *user)
{
    int n_checked = 0, n_failed = 0;
    const struct rg__builtin *b;
    for (int i = 0; (b = rg__builtin_at(i)) != NULL; i++) {
        if (name && strcmp(name, b->op.name) != 0)
            continue;
        for (int k = 0; k < b->n_samples; k++) {
            rg_gradcheck_report report;
            rg_status status = rg__gradcheck_sample(ctx, &b->samples[k], (uint64_t)k + 1, &report);
            if (status != RG_OK)
                return status;
            if (visit)
                visit(user, b->op.name, b->samples[k].what, &report);
            n_checked++;
            n_failed += !report.passed;
        }
    }
    if (n_checked == 0)
        return rg__fail(ctx, RG_USAGE, "gradcheck: no operator or loss is named \"%s\"", name);
    if (n_failed > 0)
        return rg__fail(ctx, RG_INTERNAL, "gradcheck: %d of %d samples failed", n_failed,
                        n_checked);
    return RG_OK;
}

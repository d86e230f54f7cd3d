/* objective.c: weighted sums of losses: parsing, printing, applying. */
#include "loss/losses.h"

#include "autograd/op.h"
#include "base/number.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The longest text of one term. */
enum { TERM_TEXT = 512 };

/* The end of a term: a '+' outside of parentheses, or the end of the text. */
static const char *term_end(const char *text)
{
    int depth = 0;
    for (; *text && (*text != '+' || depth > 0); text++)
        depth += (*text == '(') - (*text == ')');
    return text;
}

static const char *skip_space(const char *at)
{
    while (isspace((unsigned char)*at))
        at++;
    return at;
}

/* Parses an optional factor such as "0.7 *", default 1, and advances *at past it. */
static rg_status read_factor(rg_context *ctx, const char *text, const char **at, double *factor)
{
    char padded[TERM_TEXT + RG__NUMBER_PAD] = "";
    *factor = 1;
    *at = skip_space(*at);
    snprintf(padded, TERM_TEXT, "%s", *at);
    const char *end = rg__read_number(padded, factor);
    const char *star = end ? skip_space(*at + (end - padded)) : NULL;
    if (!star || *star != '*') {
        *factor = 1; /* the name of the loss begins like a number */
        return RG_OK;
    }
    *at = star + 1;
    if (*factor > 0 && isfinite(*factor))
        return RG_OK;
    return rg__fail(ctx, RG_USAGE, "loss '%s': the factor %g; expected a number > 0", text,
                    *factor);
}

static rg_status read_term(rg_context *ctx, const rg_registry *losses, const char *text,
                           const char **at, rg_loss_term *term)
{
    char loss[TERM_TEXT];
    rg_status status = read_factor(ctx, text, at, &term->factor);
    if (status != RG_OK)
        return status;
    const char *end = term_end(*at);
    if (end - *at >= TERM_TEXT)
        return rg__fail(ctx, RG_USAGE, "loss '%.60s...': a term is longer than %d characters", text,
                        TERM_TEXT - 1);
    snprintf(loss, sizeof loss, "%.*s", (int)(end - *at), *at);
    *at = end;
    return rg_choice_parse(ctx, losses, loss, &term->loss);
}

/* The terms share the logits, so they take the same number of columns. */
static rg_status check_columns(rg_context *ctx, const char *text, const rg_objective *objective)
{
    const rg_loss_term *terms = objective->terms;
    int64_t first = rg_loss_properties_of(&terms[0].loss).columns;
    for (int t = 1; t < objective->n_terms; t++) {
        int64_t columns = rg_loss_properties_of(&terms[t].loss).columns;
        if (columns != first)
            return rg__fail(ctx, RG_USAGE,
                            "loss '%s': %s takes %lld score%s per item, %s %lld; expected terms "
                            "that take the same number",
                            text, terms[0].loss.component->name, (long long)first,
                            first == 1 ? "" : "s", terms[t].loss.component->name,
                            (long long)columns);
    }
    return RG_OK;
}

rg_status rg_objective_parse(rg_context *ctx, const rg_registry *losses, const char *text,
                             rg_objective *objective)
{
    rg_status status =
        rg__require(ctx, "rg_objective_parse", "losses", losses, "objective", objective, NULL);
    if (status != RG_OK)
        return status;
    if (!text)
        return rg__fail(ctx, RG_USAGE, "loss: text is NULL");
    objective->n_terms = 0;
    for (const char *at = text;; at++) {
        if (objective->n_terms == RG_MAX_LOSS_TERMS)
            return rg__fail(ctx, RG_USAGE, "loss '%s': expected at most %d terms", text,
                            RG_MAX_LOSS_TERMS);
        status = read_term(ctx, losses, text, &at, &objective->terms[objective->n_terms]);
        if (status != RG_OK)
            return status;
        objective->n_terms++;
        if (!*at)
            return check_columns(ctx, text, objective);
    }
}

rg_objective rg_objective_of(const rg_choice *loss)
{
    rg_objective objective = {.n_terms = loss != NULL};
    if (loss)
        objective.terms[0] = (rg_loss_term){1, *loss};
    return objective;
}

size_t rg_objective_print(const rg_objective *objective, char *text, size_t size)
{
    size_t length = 0;
    for (int t = 0; objective && t < objective->n_terms; t++) {
        const rg_loss_term *term = &objective->terms[t];
        char factor[40] = "";
        for (int digits = 1; term->factor != 1 && digits <= 17; digits++) {
            double same;
            snprintf(factor, sizeof factor, "%.*g", digits, term->factor);
            if (rg__read_number(factor, &same) && same == term->factor)
                break;
        }
        char *at = length < size ? text + length : NULL;
        int n = snprintf(at, at ? size - length : 0, "%s%s%s", t ? " + " : "", factor,
                         *factor ? "*" : "");
        length += (size_t)n;
        at = length < size ? text + length : NULL;
        length += rg_choice_print(&term->loss, at, at ? size - length : 0);
    }
    return length;
}

rg_loss_properties rg_objective_properties(const rg_objective *objective)
{
    rg_loss_properties all = {.shift_invariant = true,
                              .scales_with_labels = true,
                              .ignores_zero_sums = true,
                              .constant_labels = true};
    for (int t = 0; objective && t < objective->n_terms; t++) {
        rg_loss_properties one = rg_loss_properties_of(&objective->terms[t].loss);
        all.needs_nonnegative_labels |= one.needs_nonnegative_labels;
        all.constant_factors |= one.constant_factors;
        all.shift_invariant &= one.shift_invariant;
        all.scales_with_labels &= one.scales_with_labels;
        all.ignores_zero_sums &= one.ignores_zero_sums;
        all.constant_labels &= one.constant_labels;
        all.constant_factors |= one.constant_factors;
        all.varying_weights |= one.varying_weights;
        all.positions |= one.positions;
        all.unit = one.unit;
        all.columns = one.columns;
        if (one.most_label > 0 && (all.most_label == 0 || one.most_label < all.most_label))
            all.most_label = one.most_label;
        if (one.levels > 0 && (all.levels == 0 || one.levels < all.levels))
            all.levels = one.levels;
    }
    return all;
}

rg_node *rg_objective_apply(rg_graph *graph, const rg_objective *objective, rg_node *logits,
                            rg_node *labels, const rg_loss_options *options)
{
    if (!graph)
        return NULL;
    if (!objective || objective->n_terms < 1 || objective->n_terms > RG_MAX_LOSS_TERMS) {
        rg__graph_fail(graph, RG_USAGE, "rg_objective_apply: objective is %s",
                       objective ? "empty (see rg_objective_parse)" : "NULL");
        return NULL;
    }
    rg_node *sum = NULL;
    for (int t = 0; t < objective->n_terms; t++) {
        const rg_loss_term *term = &objective->terms[t];
        rg_loss_options own = options ? *options : rg_loss_options_default();
        own.position_bias = own.position_bias ? &own.position_bias[t] : NULL;
        rg_node *loss = rg_loss_apply(graph, &term->loss, logits, labels, &own);
        if (term->factor != 1)
            loss = rg_scale(graph, loss, term->factor);
        sum = t ? rg_add(graph, sum, loss) : loss;
    }
    return sum;
}

rg_node *rg_loss_named(rg_graph *graph, const char *loss, rg_node *logits, rg_node *labels,
                       const rg_loss_options *options)
{
    rg_objective objective;
    if (!graph)
        return NULL;
    rg_context *ctx = rg__graph_context(graph);
    if (rg_objective_parse(ctx, rg_losses(), loss, &objective) == RG_OK)
        return rg_objective_apply(graph, &objective, logits, labels, options);
    rg__graph_fail(graph, RG_USAGE, "%s", rg_last_error(ctx));
    return NULL;
}

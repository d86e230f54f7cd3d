/* metrics.c: the registry of metrics, from metrics.def, and parsing such as "ndcg@10". */
#include "metric/metric.h"

#include "base/component.h"
#include "base/text_buffer.h"

#include <stdio.h>
#include <string.h>

static const struct rg__metric_kind *const kinds[] = {
#define RG_METRIC(id, passes) &rg__metric_##id,
#include "metric/metrics.def"
#undef RG_METRIC
};

static const rg_component *metric_at(int i)
{
    return i < RG__COUNT(kinds) ? &kinds[i]->component : NULL;
}

const rg_registry *rg_metrics(void)
{
    static const rg_registry registry = {.what = "metric", .at = metric_at};
    return &registry;
}

const char *rg_ties_name(rg_ties ties)
{
    static const char *const names[] = {[RG_TIES_AVERAGE] = "average",
                                        [RG_TIES_INPUT] = "input",
                                        [RG_TIES_DOCID] = "docid",
                                        [RG_TIES_PESSIMISTIC] = "pessimistic"};
    return (unsigned)ties < RG__COUNT(names) ? names[ties] : NULL;
}

const char *rg_no_relevant_name(rg_no_relevant policy)
{
    static const char *const names[] = {[RG_NO_RELEVANT_ZERO] = "zero",
                                        [RG_NO_RELEVANT_ONE] = "one",
                                        [RG_NO_RELEVANT_SKIP] = "skip"};
    return (unsigned)policy < RG__COUNT(names) ? names[policy] : NULL;
}

const char *rg_negatives_name(rg_negatives negatives)
{
    static const char *const names[] = {[RG_NEGATIVES_ZERO] = "zero",
                                        [RG_NEGATIVES_KEEP] = "keep",
                                        [RG_NEGATIVES_DROP] = "drop",
                                        [RG_NEGATIVES_ERROR] = "error"};
    return (unsigned)negatives < RG__COUNT(names) ? names[negatives] : NULL;
}

/* ---- "ndcg@10" ------------------------------------------------------------------------------ */

/* Whether the first n characters of text are `name`, ASCII case ignored. */
static bool same_word(const char *text, size_t n, const char *name)
{
    if (n == 0 || strlen(name) != n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] - 'A' + 'a') : text[i];
        if (c != name[i])
            return false;
    }
    return true;
}

/* The names, then the aliases. */
static const char *name_or_alias(const void *of, int i)
{
    (void)of;
    const int n = RG__COUNT(kinds);
    if (i >= n)
        return kinds[i - n]->alias ? kinds[i - n]->alias : kinds[i - n]->component.name;
    return kinds[i]->component.name;
}

static void fail_unknown(rg_context *ctx, const char *name, size_t n)
{
    char known[512], word[101];
    snprintf(word, sizeof word, "%.*s", (int)(n < 100 ? n : 100), name);
    const char *near = rg_nearest_name(word, name_or_alias, NULL, 2 * RG__COUNT(kinds));
    struct rg__text_buffer buffer = {known, sizeof known, 0};
    for (int i = 0; i < RG__COUNT(kinds); i++) {
        const char *alias = kinds[i]->alias;
        rg__append(&buffer, "%s%s%s%s%s", i ? ", " : "", kinds[i]->component.name,
                   alias ? " (" : "", alias ? alias : "", alias ? ")" : "");
    }
    rg__fail(ctx, RG_USAGE, "unknown metric \"%s\"%s%s%s; known: %s, each with @K for a cut-off",
             word, near ? " (did you mean " : "", near ? near : "", near ? "?)" : "", known);
}

/* The kind whose name or alias is the first n characters of text; NULL: there is none. */
static const struct rg__metric_kind *look_up(const char *text, size_t n)
{
    for (int i = 0; i < RG__COUNT(kinds); i++)
        if (same_word(text, n, kinds[i]->component.name) ||
            (kinds[i]->alias && same_word(text, n, kinds[i]->alias)))
            return kinds[i];
    return NULL;
}

/* The same; that there is none is recorded. */
static const struct rg__metric_kind *find(rg_context *ctx, const char *text, size_t n)
{
    const struct rg__metric_kind *kind = look_up(text, n);
    if (!kind)
        fail_unknown(ctx, text, n);
    return kind;
}

bool rg_metric_lower_is_better(const rg_metric *metric)
{
    const char *name = metric ? metric->name : NULL;
    const struct rg__metric_kind *kind = name ? look_up(name, strlen(name)) : NULL;
    return kind && kind->lower_is_better;
}

const struct rg__metric_kind *rg__metric_kind_of(rg_context *ctx, const rg_metric *metric,
                                                 rg_choice *own)
{
    const rg_component *chosen = metric->own.component;
    const struct rg__metric_kind *kind = (const void *)chosen;
    if (!chosen && rg__require(ctx, "metric", "name", metric->name, NULL) != RG_OK)
        return NULL;
    if (!chosen)
        kind = find(ctx, metric->name, strlen(metric->name));
    else if (rg_registry_find(rg_metrics(), chosen->name) != chosen) {
        rg__fail(ctx, RG_USAGE, "metric: own is not a choice from rg_metrics()");
        return NULL;
    }
    const void *params = metric->own.component ? &metric->own.params : NULL;
    if (!kind || rg_choice_make(ctx, &kind->component, params, own) != RG_OK)
        return NULL;
    return kind;
}

/* Parses digits, up to 2^63 - 1. */
static bool parse_count(const char *text, int64_t *count)
{
    *count = 0;
    if (!*text)
        return false;
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(*count, 10, count) ||
            __builtin_add_overflow(*count, *text - '0', count))
            return false;
    return !*text;
}

/* Parses parameters such as "(p=0.9)", up to `end`, over those that *own has. */
static rg_status parse_params(rg_context *ctx, const struct rg__metric_kind *kind, const char *text,
                              const char *end, rg_choice *own)
{
    char params[512];
    int n = snprintf(params, sizeof params, "%.*s", (int)(end - text), text);
    if (n < 0 || (size_t)n >= sizeof params)
        return rg__fail(ctx, RG_USAGE, "metric \"%s%.100s...\": the parameters are too long",
                        kind->component.name, params);
    if (!own->component)
        rg_choice_make(ctx, &kind->component, NULL, own);
    return rg__choice_parse_over(ctx, params, own);
}

rg_status rg_metric_like(rg_context *ctx, const char *tool, const char *text, rg_metric *metric)
{
    rg_status status = rg__require(ctx, "rg_metric_like", "text", text, "metric", metric, NULL);
    if (status != RG_OK)
        return status;
    size_t n = strcspn(text, "(@");
    const char *end = text + n; /* of name and parameters */
    bool whole_list = false;
    const struct rg__metric_kind *kind = find(ctx, text, n);
    if (!kind)
        return RG_USAGE;
    *metric = (rg_metric){.name = kind->component.name, .threshold = 1};
    if (tool)
        status = rg__metric_set_like(ctx, tool, kind, metric, &whole_list);
    if (status == RG_OK && *end == '(') {
        end += strcspn(end, ")");
        end += *end == ')';
        status = parse_params(ctx, kind, text + n, end, &metric->own);
    }
    if (status != RG_OK)
        return status;
    if (*end && (*end != '@' || !parse_count(end + 1, &metric->k)))
        return rg__fail(ctx, RG_USAGE,
                        "metric \"%.100s\": expected a whole number after @, such as %s@10; "
                        "@0 or no @ is the whole list",
                        text, kind->component.name);
    if (whole_list && metric->k > 0)
        return rg__fail(ctx, RG_USAGE,
                        "metric \"%.100s\": %s has %s of whole lists alone; leave out "
                        "@%lld",
                        text, tool, kind->component.name, (long long)metric->k);
    return RG_OK;
}

rg_status rg_metric_parse(rg_context *ctx, const char *text, rg_metric *metric)
{
    rg_status status = rg__require(ctx, "rg_metric_parse", "text", text, "metric", metric, NULL);
    return status == RG_OK ? rg_metric_like(ctx, NULL, text, metric) : status;
}

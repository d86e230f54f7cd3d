/* metrics.c: the table of metrics, made from metrics.def, and the names of metrics and conventions.
 */
#include "metric/metric.h"

#include <stdio.h>
#include <string.h>

static const struct rg__metric_kind kinds[] = {
#define RG_METRIC(name, passes, alias, relevance, formula)                                         \
    {#name, alias, formula, rg__has_##relevance, rg__##name},
#include "metric/metrics.def"
#undef RG_METRIC
};

const char *rg_metric_name_at(int i)
{
    return i >= 0 && i < RG__COUNT(kinds) ? kinds[i].name : NULL;
}

const char *rg_metric_formula_at(int i)
{
    return i >= 0 && i < RG__COUNT(kinds) ? kinds[i].formula : NULL;
}

/* The i-th of `count` names, NULL past the last. */
static const char *name_at(const char *const *names, int count, int i)
{
    return i >= 0 && i < count ? names[i] : NULL;
}

const char *rg_ties_name(rg_ties ties)
{
    static const char *const names[] = {[RG_TIES_AVERAGE] = "average",
                                        [RG_TIES_INPUT] = "input",
                                        [RG_TIES_DOCID] = "docid",
                                        [RG_TIES_PESSIMISTIC] = "pessimistic"};
    return name_at(names, RG__COUNT(names), (int)ties);
}

const char *rg_no_relevant_name(rg_no_relevant policy)
{
    static const char *const names[] = {[RG_NO_RELEVANT_ZERO] = "zero",
                                        [RG_NO_RELEVANT_ONE] = "one",
                                        [RG_NO_RELEVANT_SKIP] = "skip"};
    return name_at(names, RG__COUNT(names), (int)policy);
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

static void fail_unknown(rg_context *ctx, const char *name, size_t n)
{
    char known[256] = "";
    size_t used = 0;
    for (int i = 0; i < RG__COUNT(kinds) && used < sizeof known; i++) {
        bool aliased = kinds[i].alias[0] != '\0';
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s%s%s%s", i ? ", " : "",
                                 kinds[i].name, aliased ? " (" : "", kinds[i].alias,
                                 aliased ? ")" : "");
    }
    rg__fail(ctx, RG_USAGE, "unknown metric \"%.*s\"; known: %s, each with @K for a cut-off",
             (int)(n < 100 ? n : 100), name, known);
}

const struct rg__metric_kind *rg__find_metric(rg_context *ctx, const char *name, size_t length)
{
    for (int i = 0; i < RG__COUNT(kinds); i++)
        if (same_word(name, length, kinds[i].name) || same_word(name, length, kinds[i].alias))
            return &kinds[i];
    fail_unknown(ctx, name, length);
    return NULL;
}

/* Digits alone, up to 2^63 - 1. */
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

rg_status rg_metric_parse(rg_context *ctx, const char *text, rg_metric *metric)
{
    size_t n = strcspn(text, "@");
    const struct rg__metric_kind *kind = rg__find_metric(ctx, text, n);
    if (!kind)
        return RG_USAGE;
    int64_t k = 0;
    if (text[n] && !parse_count(text + n + 1, &k))
        return rg__fail(ctx, RG_USAGE,
                        "metric \"%.100s\": a whole number was expected after @, such as %s@10; "
                        "@0 or no @ is the whole list",
                        text, kind->name);
    *metric = (rg_metric){.name = kind->name, .k = k, .threshold = 1};
    return RG_OK;
}

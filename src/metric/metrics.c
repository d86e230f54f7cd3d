/* metrics.c: from scored lists to one number a list, and to their mean.
 *
 * The one idea: a metric is a line of metrics.def. What is common to all of them is here: names,
 * checks, which items are valid, what a list without a relevant item counts, and the mean.
 */
#include "metric/metric.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

struct kind {
    const char *name;
    const char *alias; /* "": none */
    const char *formula;
    bool (*has_relevant)(const struct rg__ranked_list *list);
    double (*value)(struct rg__ranked_list *list);
};

static const struct kind kinds[] = {
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

const char *rg_gain_name(rg_gain gain)
{
    static const char *const names[] = {[RG_GAIN_EXP] = "exp", [RG_GAIN_LINEAR] = "linear"};
    return name_at(names, RG__COUNT(names), (int)gain);
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

static const struct kind *find_kind(const char *text, size_t n)
{
    for (int i = 0; i < RG__COUNT(kinds); i++)
        if (same_word(text, n, kinds[i].name) || same_word(text, n, kinds[i].alias))
            return &kinds[i];
    return NULL;
}

static rg_status fail_unknown(rg_context *ctx, const char *name, size_t n)
{
    char known[256] = "";
    size_t used = 0;
    for (int i = 0; i < RG__COUNT(kinds) && used < sizeof known; i++) {
        bool aliased = kinds[i].alias[0] != '\0';
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s%s%s%s", i ? ", " : "",
                                 kinds[i].name, aliased ? " (" : "", kinds[i].alias,
                                 aliased ? ")" : "");
    }
    return rg__fail(ctx, RG_USAGE, "unknown metric \"%.*s\"; known: %s, each with @K for a cut-off",
                    (int)(n < 100 ? n : 100), name, known);
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
    const struct kind *kind = find_kind(text, n);
    if (!kind)
        return fail_unknown(ctx, text, n);
    int64_t k = 0;
    if (text[n] && !parse_count(text + n + 1, &k))
        return rg__fail(ctx, RG_USAGE,
                        "metric \"%.100s\": a whole number was expected after @, such as %s@10; "
                        "@0 or no @ is the whole list",
                        text, kind->name);
    *metric = (rg_metric){.name = kind->name, .k = k, .threshold = 1};
    return RG_OK;
}

/* ---- Evaluation ----------------------------------------------------------------------------- */

struct evaluation {
    rg_context *ctx;
    const struct kind *kind;
    double label_limit; /* the largest label whose gain is finite */
    bool warned;        /* of labels above LARGE_LABEL */
    int64_t unscored;   /* the first row whose score is NaN; -1: none */
    struct rg__ranked_list list;
};

/* 2^1024 is no double; above 31 one item outweighs all the others together. */
static const double LARGEST_EXP_LABEL = 1023, LARGE_LABEL = 31;

static rg_status check_metric(rg_context *ctx, const rg_metric *metric, const struct kind **kind)
{
    *kind = find_kind(metric->name, strlen(metric->name));
    if (!*kind)
        return fail_unknown(ctx, metric->name, strlen(metric->name));
    if (metric->k < 0)
        return rg__fail(ctx, RG_USAGE, "%s: cut-off k is %lld; it must be at least 0 (0: none)",
                        metric->name, (long long)metric->k);
    if (isnan(metric->threshold))
        return rg__fail(ctx, RG_USAGE, "%s: the relevance threshold is NaN; it must be a number",
                        metric->name);
    if (!rg_gain_name(metric->gain) || !rg_ties_name(metric->ties) ||
        !rg_no_relevant_name(metric->no_relevant))
        return rg__fail(
            ctx, RG_USAGE, "%s: gain %d, ties %d or no_relevant %d is none of its enum's values",
            metric->name, (int)metric->gain, (int)metric->ties, (int)metric->no_relevant);
    return RG_OK;
}

/* Offsets and list weights; *longest gets the length of the longest list. */
static rg_status check_ranking(rg_context *ctx, const rg_ranking *ranking, int64_t *longest)
{
    *longest = 0;
    if (ranking->n_lists < 0)
        return rg__fail(ctx, RG_USAGE, "the ranking has %lld lists; it must have 0 or more",
                        (long long)ranking->n_lists);
    for (int64_t q = 0; q < ranking->n_lists; q++) {
        int64_t begin = ranking->offsets[q], end = ranking->offsets[q + 1];
        if (begin < 0 || end < begin)
            return rg__fail(ctx, RG_BAD_DATA,
                            "offsets of list %lld are %lld and %lld; they must not be negative nor "
                            "decrease",
                            (long long)q + 1, (long long)begin, (long long)end);
        double weight = ranking->list_weights ? ranking->list_weights[q] : 1;
        if (!(weight >= 0) || isinf(weight))
            return rg__fail(ctx, RG_BAD_DATA,
                            "weight of list %lld is %g; it must be finite and at least 0",
                            (long long)q + 1, weight);
        *longest = end - begin > *longest ? end - begin : *longest;
    }
    return RG_OK;
}

static rg_status check_label(struct evaluation *e, int64_t q, int64_t row)
{
    double label = e->list.ranking->labels[row];
    long long list = (long long)q + 1, number = (long long)row + 1;
    if (isnan(label))
        return rg__fail(e->ctx, RG_BAD_DATA,
                        "label of row %lld (list %lld, both from 1) is NaN; a number was expected, "
                        "or the row masked",
                        number, list);
    bool exponential = e->label_limit == LARGEST_EXP_LABEL;
    if (label > e->label_limit)
        return rg__fail(e->ctx, RG_BAD_DATA,
                        "label of row %lld (list %lld, both from 1) is %.17g; %s", number, list,
                        label,
                        exponential ? "the gain 2^label - 1 allows at most 1023: use --gain linear"
                                    : "the linear gain must be finite");
    if (exponential && label > LARGE_LABEL && !e->warned) {
        e->warned = true;
        rg__log(
            e->ctx, RG_LOG_WARNING,
            "label of row %lld (list %lld, both from 1) is %.17g: under the gain 2^label - 1 it "
            "outweighs all smaller ones; --gain linear may be meant",
            number, list, label);
    }
    return RG_OK;
}

/* Fills the list with the valid items of list q: ranked ones first, in row order. */
static rg_status gather(struct evaluation *e, int64_t q, rg_metric_result *result)
{
    struct rg__ranked_list *list = &e->list;
    const rg_ranking *r = list->ranking;
    int64_t begin = r->offsets[q], end = r->offsets[q + 1];
    struct rg__item *unranked = list->items + (end - begin);
    list->n_ranked = 0;
    list->largest_label = (double)NAN;
    for (int64_t row = begin; row < end; row++) {
        if (r->where && !r->where[row])
            continue;
        rg_status status = check_label(e, q, row);
        if (status != RG_OK)
            return status;
        struct rg__item item = {r->scores[row], r->labels[row], row};
        list->largest_label = fmax(list->largest_label, item.label);
        if (isnan(item.score)) {
            e->unscored = e->unscored < 0 ? row : e->unscored;
            result->n_unscored++;
        }
        if (item.score == (double)-INFINITY)
            *--unranked = item;
        else
            list->items[list->n_ranked++] = item;
    }
    int64_t n_unranked = list->items + (end - begin) - unranked;
    memmove(list->items + list->n_ranked, unranked, (size_t)n_unranked * sizeof *unranked);
    list->n = list->n_ranked + n_unranked;
    result->n_items += list->n;
    return RG_OK;
}

/* The value of the gathered list; NaN: skipped. */
static double list_value(struct evaluation *e, rg_metric_result *result)
{
    struct rg__ranked_list *list = &e->list;
    if (list->n == 0) {
        result->n_empty++;
        return 0;
    }
    result->largest_label = fmax(result->largest_label, list->largest_label);
    if (!e->kind->has_relevant(list)) {
        static const double values[] = {[RG_NO_RELEVANT_ZERO] = 0,
                                        [RG_NO_RELEVANT_ONE] = 1,
                                        [RG_NO_RELEVANT_SKIP] = (double)NAN};
        result->n_no_relevant++;
        return values[list->metric->no_relevant];
    }
    rg__rank(list);
    return e->kind->value(list);
}

/* The exponent of the largest list weight: weights are divided by this power of two, which changes
 * no bit of the mean and keeps their sum finite. */
static int weight_exponent(const rg_ranking *ranking)
{
    double largest = ranking->list_weights ? 0 : 1;
    for (int64_t q = 0; ranking->list_weights && q < ranking->n_lists; q++)
        largest = fmax(largest, ranking->list_weights[q]);
    int exponent;
    frexp(largest, &exponent);
    return exponent;
}

enum { HEADROOM = 64 }; /* values are summed divided by 2^64: the mean of large DCGs is finite */

static rg_status evaluate_lists(struct evaluation *e, rg_metric_result *result, double *per_list)
{
    const rg_ranking *r = e->list.ranking;
    int exponent = weight_exponent(r);
    double sum = 0, weights = 0;
    for (int64_t q = 0; q < r->n_lists; q++) {
        rg_status status = rg__cancelled(e->ctx);
        if (status == RG_OK)
            status = gather(e, q, result);
        if (status != RG_OK)
            return status;
        double value = list_value(e, result);
        if (per_list)
            per_list[q] = value;
        if (e->list.n == 0 || isnan(value))
            continue;
        double weight = ldexp(r->list_weights ? r->list_weights[q] : 1, -exponent);
        sum += weight * ldexp(value, -HEADROOM);
        weights += weight;
    }
    result->value = ldexp(sum / weights, HEADROOM);
    return RG_OK;
}

/* Items without a score rank last, so that a metric of them says nothing about a model. */
static rg_status judge_unscored(const struct evaluation *e, const rg_metric_result *result)
{
    if (result->n_unscored == 0)
        return RG_OK;
    if (result->n_unscored == result->n_items)
        return rg__fail(e->ctx, RG_BAD_DATA,
                        "no row has a score: all %lld scores are NaN (not a number); a missing "
                        "(NaN) feature gives such a score",
                        (long long)result->n_items);
    rg__log(e->ctx, RG_LOG_WARNING,
            "%lld of %lld rows have no score (NaN), the first is row %lld (from 1); they rank last",
            (long long)result->n_unscored, (long long)result->n_items, (long long)e->unscored + 1);
    return RG_OK;
}

rg_status rg_metric_evaluate(rg_context *ctx, const rg_metric *metric, const rg_ranking *ranking,
                             rg_metric_result *result, double *per_list)
{
    struct evaluation e = {
        .ctx = ctx, .unscored = -1, .list = {.metric = metric, .ranking = ranking}};
    int64_t longest;
    rg_status status = check_metric(ctx, metric, &e.kind);
    if (status == RG_OK)
        status = check_ranking(ctx, ranking, &longest);
    if (status != RG_OK)
        return status;
    bool gains = e.kind->has_relevant == rg__has_gain;
    e.label_limit = !gains                           ? (double)INFINITY
                    : metric->gain == RG_GAIN_LINEAR ? DBL_MAX
                                                     : LARGEST_EXP_LABEL;
    *result = (rg_metric_result){
        .value = (double)NAN, .n_lists = ranking->n_lists, .largest_label = (double)NAN};
    e.list.items = rg__alloc(ctx, longest, sizeof *e.list.items, "the items of a list");
    e.list.spare = rg__alloc(ctx, longest / 2, sizeof *e.list.spare, "sorting the items of a list");
    status = e.list.items && e.list.spare ? evaluate_lists(&e, result, per_list) : RG_LIMIT;
    if (status == RG_OK)
        status = judge_unscored(&e, result);
    rg__free(ctx, e.list.items);
    rg__free(ctx, e.list.spare);
    return status;
}

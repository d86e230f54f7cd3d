/* evaluate.c: evaluates metrics for each list and computes the means.
 *
 * This is the code shared by all metrics: checks, valid items, lists without a relevant item, and
 * the mean. Metrics that rank a list in the same way share one sort of it by score, and those with
 * an ideal share one sort by label. Blocks of lists are distributed over the context's threads. The
 * value of a list depends on that list alone, and values are added in the order of the lists, so
 * the result has the same bits for any number of threads, and for metrics evaluated together or one
 * by one. */
#include "metric/metric.h"

#include "base/pool.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The result for one list. */
struct outcome {
    double value;         /* NaN: skipped */
    double largest_label; /* NaN when the list is empty */
    int64_t large_row;    /* the first row with a label above LARGE_LABEL; -1: none */
    int64_t unscored_row; /* the first row whose score is NaN; -1: none */
    int64_t n_items, n_unscored;
    bool no_relevant;
};

/* One of the metrics. */
struct measure {
    const struct rg__metric_kind *kind;
    rg_choice own; /* the metric's parameters */
    const rg_metric *metric;
    double *ideals;           /* (n_lists) or NULL */
    double label_limit;       /* the largest label whose gain is finite */
    struct outcome *outcomes; /* (n_lists) */
    int group;                /* the first measure that ranks the items in the same way */
};

/* Memory of a worker for one list of n items: n, n / 2 for sorting and, for several metrics, n by
 * label and n to restore the order by score. */
struct scratch {
    struct rg__item *items;
    int64_t capacity;
};

struct evaluation {
    rg_context *ctx;
    const rg_ranking *ranking;
    int n_measures;
    struct measure *measures;
    int64_t n_blocks;
    struct scratch *scratch; /* (workers) */
    int n_workers;
};

/* 2^1024 overflows a double; above 31, one item outweighs all others together. */
static const double LARGEST_EXP_LABEL = 1023, LARGE_LABEL = 31;

enum { BLOCK_ROWS = 8192 }; /* about 100 us of work, enough to be worth a task of its own */

rg_status rg__check_metric(rg_context *ctx, const rg_metric *metric,
                           const struct rg__metric_kind **kind, rg_choice *own)
{
    *kind = rg__metric_kind_of(ctx, metric, own);
    if (!*kind)
        return RG_USAGE;
    if (metric->k < 0)
        return rg__fail(ctx, RG_USAGE, "%s: cut-off k is %lld; it must be at least 0 (0: none)",
                        metric->name, (long long)metric->k);
    if (metric->k > 0 && (*kind)->whole_list)
        return rg__fail(ctx, RG_USAGE, "%s@%lld: %s is defined for whole lists, without a cut-off",
                        metric->name, (long long)metric->k, (*kind)->component.name);
    if (isnan(metric->threshold))
        return rg__fail(ctx, RG_USAGE, "%s: the relevance threshold is NaN; it must be a number",
                        metric->name);
    if (!rg_gain_name(metric->gain) || !rg_ties_name(metric->ties) ||
        !rg_no_relevant_name(metric->no_relevant) || !rg_negatives_name(metric->negative_labels))
        return rg__fail(ctx, RG_USAGE,
                        "%s: gain %d, ties %d, no_relevant %d, negative_labels %d; expected values "
                        "of their enums",
                        metric->name, (int)metric->gain, (int)metric->ties,
                        (int)metric->no_relevant, (int)metric->negative_labels);
    return RG_OK;
}

/* Checks the arrays of a ranking of n items; doc ids only if ties are broken by them. */
static rg_status check_items(const struct evaluation *e, int64_t n)
{
    rg_context *ctx = e->ctx;
    const rg_ranking *ranking = e->ranking;
    bool uses_ids = false;
    rg_status status = RG_OK;
    if (n > 0)
        status =
            rg__require(ctx, "ranking", "scores", ranking->scores, "labels", ranking->labels, NULL);
    for (int m = 0; m < e->n_measures; m++)
        uses_ids |= e->measures[m].metric->ties == RG_TIES_DOCID;
    if (!uses_ids || !ranking->doc_ids)
        return status;
    for (int64_t row = ranking->offsets[0]; row < n && status == RG_OK; row++)
        if (!ranking->doc_ids[row])
            status = rg__fail(ctx, RG_USAGE, "ranking: doc_ids[%lld] is NULL", (long long)row);
    return status;
}

/* Whether the subtopics are there if a metric needs them. */
static rg_status check_subtopics(const struct evaluation *e)
{
    const rg_ranking *r = e->ranking;
    if (r->n_subtopics < 0 || r->n_subtopics > RG_MAX_SUBTOPICS)
        return rg__fail(e->ctx, RG_BAD_DATA, "the ranking has %lld subtopics; expected 0 to %d",
                        (long long)r->n_subtopics, RG_MAX_SUBTOPICS);
    for (int m = 0; m < e->n_measures && (!r->subtopics || r->n_subtopics == 0); m++)
        if (e->measures[m].kind->needs_subtopics)
            return rg__fail(e->ctx, RG_BAD_DATA,
                            "%s needs subtopics, and there are none; expected `subtopics` (items, "
                            "subtopics): a grade of each item for each subtopic",
                            e->measures[m].metric->name);
    return RG_OK;
}

static rg_status check_ranking(const struct evaluation *e)
{
    rg_context *ctx = e->ctx;
    const rg_ranking *ranking = e->ranking;
    if (ranking->n_lists < 0)
        return rg__fail(ctx, RG_USAGE, "the ranking has %lld lists; it must have 0 or more",
                        (long long)ranking->n_lists);
    if (ranking->n_lists == 0)
        return RG_OK;
    if (!ranking->offsets)
        return rg__require(ctx, "ranking", "offsets", ranking->offsets, NULL);
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
    }
    return check_items(e, ranking->offsets[ranking->n_lists]);
}

/* `m` NULL: the label is NaN. */
static rg_status fail_label(rg_context *ctx, const struct evaluation *e, const struct measure *m,
                            int64_t q, int64_t row)
{
    double label = e->ranking->labels[row];
    long long list = (long long)q + 1, number = (long long)row + 1;
    if (!m)
        return rg__fail(
            ctx, RG_BAD_DATA,
            "label of row %lld (list %lld, both from 1) is NaN; expected a number, or a "
            "masked row",
            number, list);
    if (label < 0 && m->metric->negative_labels == RG_NEGATIVES_ERROR)
        return rg__fail(ctx, RG_BAD_DATA,
                        "label of row %lld (list %lld, both from 1) is %.17g; `negative_labels` "
                        "error allows none below 0",
                        number, list, label);
    return rg__fail(ctx, RG_BAD_DATA, "label of row %lld (list %lld, both from 1) is %.17g; %s",
                    number, list, label,
                    m->label_limit == LARGEST_EXP_LABEL
                        ? "the gain 2^label - 1 allows at most 1023: use `gain` linear"
                        : "the linear gain must be finite");
}

/* A score rounded to f32. Below its range it is the least number, since -inf means unranked. */
static double as_f32(double score)
{
    if (score < -(double)FLT_MAX && !isinf(score))
        return -DBL_MAX;
    return score > (double)FLT_MAX ? (double)INFINITY : (double)(float)score;
}

/* Collects the valid items of list q, in row order, with the unranked ones at the end. */
static rg_status gather(rg_context *ctx, const struct evaluation *e, int64_t q,
                        struct rg__ranked_list *list, struct outcome *outcome)
{
    const rg_ranking *r = e->ranking;
    int64_t begin = r->offsets[q], end = r->offsets[q + 1];
    struct rg__item *unranked = list->items + (end - begin);
    *outcome = (struct outcome){.large_row = -1, .unscored_row = -1};
    list->n_ranked = list->n_by_label = 0;
    list->largest_label = list->smallest_label = (double)NAN;
    bool drops = list->metric->negative_labels == RG_NEGATIVES_DROP;
    for (int64_t row = begin; row < end; row++) {
        if (r->where && !r->where[row])
            continue;
        struct rg__item item = {r->scores[row], r->labels[row], row};
        if (list->metric->f32_scores)
            item.score = as_f32(item.score);
        if (drops && item.label < 0)
            continue;
        if (isnan(item.label))
            return fail_label(ctx, e, NULL, q, row);
        if (!(item.label <= list->largest_label))
            list->largest_label = item.label;
        if (!(item.label >= list->smallest_label))
            list->smallest_label = item.label;
        if (isnan(item.score) && outcome->n_unscored++ == 0)
            outcome->unscored_row = row;
        if (item.score == (double)-INFINITY)
            *--unranked = item;
        else
            list->items[list->n_ranked++] = item;
    }
    int64_t n_unranked = list->items + (end - begin) - unranked;
    memmove(list->items + list->n_ranked, unranked, (size_t)n_unranked * sizeof *unranked);
    outcome->n_items = list->n = list->n_ranked + n_unranked;
    outcome->largest_label = list->largest_label;
    return RG_OK;
}

/* The first valid row of list q with a label outside of [low, high]; -1: there is none. */
static int64_t row_outside(const rg_ranking *r, int64_t q, double low, double high)
{
    for (int64_t row = r->offsets[q]; row < r->offsets[q + 1]; row++)
        if ((!r->where || r->where[row]) && !(r->labels[row] >= low && r->labels[row] <= high))
            return row;
    return -1;
}

/* Checks the labels of a gathered list against the metric's gain and its rule of negative ones. */
static rg_status check_labels(rg_context *ctx, const struct evaluation *e, const struct measure *m,
                              const struct rg__ranked_list *list, int64_t q)
{
    rg_negatives rule = m->metric->negative_labels;
    double high = m->label_limit, low = -(double)INFINITY;
    if (rule == RG_NEGATIVES_ERROR)
        low = 0;
    else if (rule == RG_NEGATIVES_KEEP && high == DBL_MAX)
        low = -DBL_MAX;
    if (list->largest_label > high || list->smallest_label < low)
        return fail_label(ctx, e, m, q, row_outside(e->ranking, q, low, high));
    if (high == LARGEST_EXP_LABEL && list->largest_label > LARGE_LABEL)
        m->outcomes[q].large_row = row_outside(e->ranking, q, -(double)INFINITY, LARGE_LABEL);
    return RG_OK;
}

/* The greatest of the group's cut-offs, of all metrics or of those with an ideal; 0: none. */
static int64_t greatest_cut(const struct evaluation *e, int group, bool ideal)
{
    int64_t greatest = -1;
    for (int m = group; m < e->n_measures; m++) {
        const struct measure *of = &e->measures[m];
        if (of->group != group || (ideal && !of->kind->has_ideal) || greatest == 0)
            continue;
        greatest = of->metric->k == 0 || of->metric->k > greatest ? of->metric->k : greatest;
    }
    return greatest;
}

/* The value of a list for one metric of a group; NaN: skipped. The first one with a relevant item
 * ranks the items. */
static double list_value(const struct evaluation *e, int i, struct rg__ranked_list *list,
                         bool *ranked, struct outcome *outcome)
{
    static const double values[] = {
        [RG_NO_RELEVANT_ZERO] = 0, [RG_NO_RELEVANT_ONE] = 1, [RG_NO_RELEVANT_SKIP] = (double)NAN};
    const struct measure *m = &e->measures[i];
    list->metric = m->metric;
    list->params = &m->own.params;
    if (list->n == 0)
        return 0;
    outcome->no_relevant = !m->kind->has_relevant(list);
    if (outcome->no_relevant)
        return values[m->metric->no_relevant];
    if (!*ranked)
        rg__rank(list, greatest_cut(e, m->group, false));
    *ranked = true;
    bool restore = m->kind->reorders && list->by_label != list->items;
    struct rg__item *saved = list->by_label + list->n;
    if (restore)
        memcpy(saved, list->items, (size_t)list->n * sizeof *saved);
    double value = m->kind->value(list);
    if (restore)
        memcpy(list->items, saved, (size_t)list->n * sizeof *saved);
    return value;
}

/* All metrics of list q whose group is `group`. */
static rg_status run_group(rg_context *ctx, const struct evaluation *e, int group, int64_t q,
                           struct rg__ranked_list *list)
{
    bool ranked = false;
    struct outcome gathered;
    list->metric = e->measures[group].metric;
    rg_status status = gather(ctx, e, q, list, &gathered);
    list->label_cut = greatest_cut(e, group, true);
    for (int i = group; i < e->n_measures && status == RG_OK; i++) {
        const struct measure *m = &e->measures[i];
        double ideal = (double)NAN;
        if (m->group != group)
            continue;
        m->outcomes[q] = gathered;
        status = check_labels(ctx, e, m, list, q);
        list->ideal = m->ideals ? &m->ideals[q] : &ideal;
        if (status == RG_OK)
            m->outcomes[q].value = list_value(e, i, list, &ranked, &m->outcomes[q]);
    }
    return status;
}

/* Task i: the lists of block i. */
static rg_status run_block(rg_context *ctx, void *user, int worker, int64_t i)
{
    const struct evaluation *e = user;
    const rg_ranking *r = e->ranking;
    struct scratch *scratch = &e->scratch[worker];
    struct rg__ranked_list list = {.ranking = r};
    int64_t end = (i + 1) * r->n_lists / e->n_blocks;
    for (int64_t q = i * r->n_lists / e->n_blocks; q < end; q++) {
        int64_t n = r->offsets[q + 1] - r->offsets[q];
        int64_t sorting = n / 2 + 1, more = e->n_measures > 1 ? 2 * n : 0;
        void *items = scratch->items;
        rg_status status = rg__cancelled(ctx);
        if (status == RG_OK && !rg__grow(ctx, &items, &scratch->capacity, n + sorting + more,
                                         sizeof *list.items, "the items of a list"))
            status = RG_LIMIT;
        scratch->items = list.items = items;
        list.spare = scratch->items + n;
        list.by_label = more ? list.spare + sorting : list.items;
        for (int group = 0; group < e->n_measures && status == RG_OK; group++)
            if (e->measures[group].group == group)
                status = run_group(ctx, e, group, q, &list);
        if (status != RG_OK)
            return status;
    }
    return RG_OK;
}

/* A small ranking is evaluated on the caller's thread, without starting workers. */
static rg_status run_blocks(struct evaluation *e)
{
    const rg_ranking *r = e->ranking;
    int64_t rows = r->n_lists ? r->offsets[r->n_lists] - r->offsets[0] : 0;
    int64_t n = rows / BLOCK_ROWS;
    e->n_blocks = n < 1 ? 1 : n < r->n_lists ? n : r->n_lists;
    struct rg__pool *pool = e->n_blocks > 1 ? rg__pool(e->ctx) : NULL;
    if (e->n_blocks > 1 && !pool)
        return RG_LIMIT;
    e->n_workers = pool ? rg__pool_size(pool) : 1;
    e->scratch = rg__alloc(e->ctx, e->n_workers, sizeof *e->scratch, "the items of a list");
    if (!e->scratch)
        return RG_LIMIT;
    return pool ? rg__pool_run(pool, e->n_blocks, run_block, e) : run_block(e->ctx, e, 0, 0);
}

static void warn_of_large_label(const struct evaluation *e, int64_t q, int64_t row)
{
    rg__log(e->ctx, RG_LOG_WARNING,
            "label of row %lld (list %lld, both from 1) is %.17g: under the gain 2^label - 1 it "
            "outweighs all smaller ones; perhaps `gain` linear is meant",
            (long long)row + 1, (long long)q + 1, e->ranking->labels[row]);
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

/* Adds the counts of a list to the result; warns of the first large label. */
static void count_list(const struct evaluation *e, const struct measure *m, int64_t q,
                       rg_metric_result *result, bool *warned, int64_t *first_unscored)
{
    const struct outcome *outcome = &m->outcomes[q];
    if (outcome->large_row >= 0 && !*warned)
        warn_of_large_label(e, q, outcome->large_row);
    *warned |= outcome->large_row >= 0;
    if (outcome->n_unscored > 0 && *first_unscored < 0)
        *first_unscored = outcome->unscored_row;
    result->largest_label = fmax(result->largest_label, outcome->largest_label);
    result->n_empty += outcome->n_items == 0;
    result->n_no_relevant += outcome->no_relevant;
    result->n_items += outcome->n_items;
    result->n_unscored += outcome->n_unscored;
}

/* Reports NaN scores: a warning, or an error if all are NaN, when the metric has no meaning. */
static rg_status judge_unscored(const struct evaluation *e, const rg_metric_result *result,
                                int64_t first)
{
    if (result->n_unscored == 0)
        return RG_OK;
    char all[48] = "the only score is";
    if (result->n_items > 1)
        snprintf(all, sizeof all, "all %lld scores are", (long long)result->n_items);
    if (result->n_unscored == result->n_items)
        return rg__fail(e->ctx, RG_BAD_DATA,
                        "no row has a score: %s NaN (not a number); a missing (NaN) feature gives "
                        "such a score",
                        all);
    rg__log(e->ctx, RG_LOG_WARNING,
            "%lld of %lld rows %s no score (NaN), the first is row %lld (from 1); rows without one "
            "rank last",
            (long long)result->n_unscored, (long long)result->n_items,
            result->n_unscored == 1 ? "has" : "have", (long long)first + 1);
    return RG_OK;
}

static rg_status add_up(const struct evaluation *e, const struct measure *m,
                        rg_metric_result *result, double *per_list)
{
    const rg_ranking *r = e->ranking;
    int exponent = weight_exponent(r);
    double sum = 0, weights = 0;
    bool warned = false;
    int64_t first_unscored = -1;
    *result = (rg_metric_result){
        .value = (double)NAN, .n_lists = r->n_lists, .largest_label = (double)NAN};
    for (int64_t q = 0; q < r->n_lists; q++) {
        double value = m->outcomes[q].value;
        count_list(e, m, q, result, &warned, &first_unscored);
        if (per_list)
            per_list[q] = value;
        if (m->outcomes[q].n_items == 0 || isnan(value))
            continue;
        double weight = ldexp(r->list_weights ? r->list_weights[q] : 1, -exponent);
        sum += weight * ldexp(value, -HEADROOM);
        weights += weight;
    }
    result->value = ldexp(sum / weights, HEADROOM);
    return judge_unscored(e, result, first_unscored);
}

/* Whether two metrics see the same items in the same order. */
static bool rank_alike(const rg_metric *a, const rg_metric *b)
{
    return a->ties == b->ties && a->f32_scores == b->f32_scores &&
           (a->negative_labels == RG_NEGATIVES_DROP) == (b->negative_labels == RG_NEGATIVES_DROP);
}

/* Checks metric i and completes its measure. */
static rg_status open_measure(struct evaluation *e, int i, const rg_metric *metric, double *ideals)
{
    struct measure *m = &e->measures[i];
    rg_status status = rg__check_metric(e->ctx, metric, &m->kind, &m->own);
    if (status != RG_OK)
        return status;
    m->metric = metric;
    m->ideals = ideals;
    m->label_limit = !m->kind->uses_gain              ? (double)INFINITY
                     : metric->gain == RG_GAIN_LINEAR ? DBL_MAX
                                                      : LARGEST_EXP_LABEL;
    while (!rank_alike(metric, e->measures[m->group].metric))
        m->group++;
    return RG_OK;
}

/* Evaluates the lists and adds up. */
static rg_status run(struct evaluation *e, rg_metric_result *results, double *per_list)
{
    int64_t n_lists = e->ranking->n_lists;
    rg_status status = RG_OK;
    for (int i = 0; i < e->n_measures && status == RG_OK; i++) {
        struct measure *m = &e->measures[i];
        m->outcomes = rg__alloc(e->ctx, n_lists, sizeof *m->outcomes, "the values of the lists");
        status = m->outcomes ? RG_OK : RG_LIMIT;
    }
    if (status == RG_OK)
        status = run_blocks(e);
    for (int i = 0; i < e->n_measures && status == RG_OK; i++)
        status = add_up(e, &e->measures[i], &results[i], per_list ? per_list + i * n_lists : NULL);
    for (int w = 0; e->scratch && w < e->n_workers; w++)
        rg__free(e->ctx, e->scratch[w].items);
    rg__free(e->ctx, e->scratch);
    for (int i = 0; i < e->n_measures; i++)
        rg__free(e->ctx, e->measures[i].outcomes);
    return status;
}

rg_status rg__metrics_evaluate(rg_context *ctx, const rg_metric *metrics, int n_metrics,
                               const rg_ranking *ranking, double *ideals, rg_metric_result *results,
                               double *per_list)
{
    struct evaluation e = {.ctx = ctx, .ranking = ranking, .n_measures = n_metrics};
    e.measures = rg__alloc(ctx, n_metrics, sizeof *e.measures, "the metrics");
    rg_status status = e.measures ? RG_OK : RG_LIMIT;
    for (int i = 0; i < n_metrics && status == RG_OK; i++)
        status = open_measure(&e, i, &metrics[i], ideals ? ideals + i * ranking->n_lists : NULL);
    if (status == RG_OK)
        status = check_subtopics(&e);
    if (status == RG_OK)
        status = check_ranking(&e);
    if (status == RG_OK)
        status = run(&e, results, per_list);
    rg__free(ctx, e.measures);
    return status;
}

rg_status rg_metrics_evaluate(rg_context *ctx, const rg_metric *metrics, int n_metrics,
                              const rg_ranking *ranking, rg_metric_result *results,
                              double *per_list)
{
    rg_status status = rg__require(ctx, "rg_metrics_evaluate", "metrics", metrics, "ranking",
                                   ranking, "results", results, NULL);
    if (status != RG_OK)
        return status;
    if (n_metrics < 1)
        return rg__fail(ctx, RG_USAGE, "rg_metrics_evaluate: %d metrics; expected at least 1",
                        n_metrics);
    return rg__metrics_evaluate(ctx, metrics, n_metrics, ranking, NULL, results, per_list);
}

rg_status rg_metric_evaluate(rg_context *ctx, const rg_metric *metric, const rg_ranking *ranking,
                             rg_metric_result *result, double *per_list)
{
    rg_status status = rg__require(ctx, "rg_metric_evaluate", "metric", metric, "ranking", ranking,
                                   "result", result, NULL);
    return status == RG_OK ? rg__metrics_evaluate(ctx, metric, 1, ranking, NULL, result, per_list)
                           : status;
}

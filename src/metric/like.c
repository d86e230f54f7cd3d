/* like.c: the conventions of other tools.
 *
 * A row gives one metric of one tool: our metric with the parameters that make it theirs, and its
 * conventions. tests/golden/like.jsonl holds numbers that the tools printed. */
#include "base/component.h"
#include "base/text_buffer.h"
#include "metric/metric.h"

#include <string.h>

/* The tools. */
static const char *const tools[] = {"trec_eval", "lightgbm", "xgboost", "sklearn",   "catboost",
                                    "ranklib",   "letor",    "rax",     "tf-ranking"};

/* A label above 0.5, above 0: the least double that is. */
#define ABOVE_HALF 0x1.0000000000001p-1
#define ABOVE_ZERO 0x1p-1074

/* What is the same for all metrics of a tool. */
static const struct conventions {
    const char *tool;
    rg_gain gain;
    double threshold;
    rg_negatives negative;
    bool f32_scores;
} conventions[] = {
    {"trec_eval", RG_GAIN_LINEAR, 1, RG_NEGATIVES_ZERO, true},
    {"lightgbm", RG_GAIN_EXP, ABOVE_HALF, RG_NEGATIVES_ERROR, false},
    {"xgboost", RG_GAIN_EXP, 1, RG_NEGATIVES_ERROR, true},
    {"sklearn", RG_GAIN_LINEAR, 1, RG_NEGATIVES_KEEP, false},
    {"catboost", RG_GAIN_LINEAR, ABOVE_HALF, RG_NEGATIVES_KEEP, false},
    {"ranklib", RG_GAIN_EXP, ABOVE_ZERO, RG_NEGATIVES_ZERO, false},
    {"letor", RG_GAIN_EXP, 1, RG_NEGATIVES_ERROR, false},
    {"rax", RG_GAIN_EXP, 1, RG_NEGATIVES_KEEP, false},
    {"tf-ranking", RG_GAIN_EXP, 1, RG_NEGATIVES_DROP, true},
};

/* A metric of a tool. */
static const struct preset {
    const char *tool;
    const char *metric; /* ours, perhaps with parameters */
    rg_ties ties;
    rg_no_relevant no_relevant;
    enum {
        ANY,     /* with any cut-off */
        WHOLE,   /* without a cut-off alone */
        REJECTS, /* any; it rejects negative labels, unlike the tool's other metrics */
        DROPS    /* any; it ignores items with negative labels, unlike the others */
    } special;
} presets[] = {
#define AVERAGE     RG_TIES_AVERAGE
#define INPUT       RG_TIES_INPUT
#define DOCID       RG_TIES_DOCID
#define PESSIMISTIC RG_TIES_PESSIMISTIC
#define ZERO        RG_NO_RELEVANT_ZERO
#define ONE         RG_NO_RELEVANT_ONE
#define SKIP        RG_NO_RELEVANT_SKIP
    {"trec_eval", "ndcg", DOCID, ZERO, ANY},
    {"trec_eval", "map(divisor=relevant)", DOCID, ZERO, ANY},
    {"trec_eval", "mrr", DOCID, ZERO, WHOLE},
    {"trec_eval", "precision", DOCID, ZERO, ANY},
    {"trec_eval", "recall", DOCID, ZERO, ANY},
    {"trec_eval", "hit", DOCID, ZERO, ANY},
    {"trec_eval", "r_precision", DOCID, ZERO, ANY},
    {"trec_eval", "bpref", DOCID, ZERO, DROPS},
    {"lightgbm", "ndcg", INPUT, ONE, ANY},
    {"lightgbm", "map", INPUT, ONE, ANY},
    {"xgboost", "ndcg", INPUT, ONE, ANY},
    {"xgboost", "map", INPUT, ONE, ANY},
    {"xgboost", "precision(divisor=length)", INPUT, ZERO, ANY},
    {"sklearn", "ndcg", AVERAGE, ZERO, REJECTS},
    {"sklearn", "dcg", AVERAGE, ZERO, ANY},
    {"sklearn", "map(tied=last)", AVERAGE, ZERO, WHOLE},
    {"sklearn", "auc", AVERAGE, SKIP, ANY},
    {"catboost", "ndcg", PESSIMISTIC, ONE, ANY},
    {"catboost", "dcg", PESSIMISTIC, ZERO, ANY},
    {"catboost", "map", PESSIMISTIC, ZERO, ANY},
    {"catboost", "mrr", PESSIMISTIC, ZERO, ANY},
    {"catboost", "precision(divisor=length)", PESSIMISTIC, ZERO, ANY},
    {"catboost", "recall", PESSIMISTIC, ONE, ANY},
    {"catboost", "err(stop=label)", PESSIMISTIC, ZERO, ANY},
    {"ranklib", "ndcg", INPUT, ZERO, REJECTS},
    {"ranklib", "dcg", INPUT, ZERO, REJECTS},
    {"ranklib", "map", INPUT, ZERO, WHOLE},
    {"ranklib", "mrr", INPUT, ZERO, ANY},
    {"ranklib", "precision(divisor=length)", INPUT, ZERO, ANY},
    {"ranklib", "err", INPUT, ZERO, REJECTS},
    {"letor", "ndcg(discount=letor, short_zero=true)", INPUT, ZERO, ANY},
    {"letor", "precision", INPUT, ZERO, ANY},
    {"letor", "map", INPUT, ZERO, WHOLE},
    {"rax", "ndcg", INPUT, ZERO, ANY},
    {"rax", "dcg", INPUT, ZERO, ANY},
    {"rax", "map(divisor=relevant)", INPUT, ZERO, ANY},
    {"rax", "mrr", INPUT, ZERO, ANY},
    {"rax", "precision(divisor=length)", INPUT, ZERO, ANY},
    {"rax", "recall", INPUT, ZERO, ANY},
    {"rax", "opa(tied=0)", AVERAGE, ZERO, ANY},
    {"tf-ranking", "ndcg", AVERAGE, ZERO, ANY},
    {"tf-ranking", "dcg", AVERAGE, ZERO, ANY},
    {"tf-ranking", "map(divisor=relevant)", AVERAGE, ZERO, ANY},
    {"tf-ranking", "mrr", AVERAGE, ZERO, ANY},
    {"tf-ranking", "precision(divisor=length)", AVERAGE, ZERO, ANY},
    {"tf-ranking", "recall", AVERAGE, ZERO, ANY},
    {"tf-ranking", "hit", AVERAGE, ZERO, ANY},
};

const char *rg_metric_tool_at(int i)
{
    return i >= 0 && i < RG__COUNT(tools) ? tools[i] : NULL;
}

/* Whether a row is of this tool and metric. */
static bool is_of(const struct preset *preset, const char *tool, const char *metric)
{
    size_t n = strcspn(preset->metric, "(");
    return strcmp(preset->tool, tool) == 0 && strlen(metric) == n &&
           strncmp(preset->metric, metric, n) == 0;
}

static const char *tool_name(const void *of, int i)
{
    (void)of;
    return rg_metric_tool_at(i);
}

/* The tool's metrics, or that there is no such tool. */
static rg_status fail_missing(rg_context *ctx, const char *tool, const char *metric)
{
    char known[512] = "";
    struct rg__text_buffer buffer = {known, sizeof known, 0};
    for (int i = 0; i < RG__COUNT(presets); i++)
        if (strcmp(presets[i].tool, tool) == 0)
            rg__append(&buffer, "%s%.*s", buffer.length ? ", " : "",
                       (int)strcspn(presets[i].metric, "("), presets[i].metric);
    if (buffer.length)
        return rg__fail(ctx, RG_USAGE,
                        "there is no %s of %s to reproduce; expected one of its metrics: %s",
                        metric, tool, known);
    const char *near = rg_nearest_name(tool, tool_name, NULL, RG__COUNT(tools));
    rg__append_names(&buffer, rg_metric_tool_at);
    return rg__fail(ctx, RG_USAGE, "unknown tool \"%.100s\"%s%s%s; expected one of %s", tool,
                    near ? " (did you mean " : "", near ? near : "", near ? "?)" : "", known);
}

rg_status rg__metric_set_like(rg_context *ctx, const char *tool, const struct rg__metric_kind *kind,
                              rg_metric *metric, bool *whole_list)
{
    const struct conventions *all = conventions;
    for (int i = 0; i < RG__COUNT(presets); i++) {
        const struct preset *preset = &presets[i];
        if (!is_of(preset, tool, kind->component.name))
            continue;
        while (strcmp(all->tool, tool) != 0)
            all++;
        metric->gain = all->gain;
        metric->ties = preset->ties;
        metric->no_relevant = preset->no_relevant;
        metric->threshold = all->threshold;
        metric->negative_labels = preset->special == REJECTS ? RG_NEGATIVES_ERROR
                                  : preset->special == DROPS ? RG_NEGATIVES_DROP
                                                             : all->negative;
        metric->f32_scores = all->f32_scores;
        *whole_list = preset->special == WHOLE;
        return strchr(preset->metric, '(')
                   ? rg_choice_parse(ctx, rg_metrics(), preset->metric, &metric->own)
                   : RG_OK;
    }
    return fail_missing(ctx, tool, kind->component.name);
}

/* judge.c: whether a training has achieved anything: the model that is kept against one that gives
 * all rows of a list the same score, and against the untrained one; see judge.h. */
#include "train/judge.h"

#include <math.h>

#define REMEDY "a smaller `lr` or `l2`, or `clip_norm` 1 may help"

/* Room for rounding in losses that are equal, and how far a loss may be above. */
#define ROUNDING  1e-5
#define FAR_ABOVE 1000

/* The doubts about a model that is given. */
static void warn(rg_context *ctx, const rg_metric *metric, const char *lists,
                 const rg_train_result *r, bool loss_worse, bool metric_worse, bool constant)
{
    if (loss_worse)
        rg__log(ctx, RG_LOG_WARNING,
                "the loss of the model that is kept, %.6g, is above %.6g, the loss of equal "
                "scores; " REMEDY,
                r->loss, r->equal_loss);
    if (metric_worse)
        rg__log(
            ctx, RG_LOG_WARNING,
            "%s of the model that is kept, %.5f on the %s lists, is worse than %.5f, that of the "
            "untrained model",
            metric->name, r->metric, lists, r->untrained_metric);
    if (constant)
        rg__log(ctx, RG_LOG_WARNING,
                "the model that is kept gives all rows of a list the same score in %lld of %lld "
                "training lists; " REMEDY,
                (long long)r->n_constant, (long long)r->n_several_rows);
}

rg_status rg__judge_training(rg_context *ctx, const rg_metric *metric, bool has_vali,
                             bool comparable, rg_train_result *r)
{
    const char *lists = has_vali ? "validation" : "training";
    double unit = fmax(1, fabs(r->equal_loss)), above = r->loss - r->equal_loss;
    bool loss_worse = comparable && !(above <= ROUNDING * unit),
         far_worse = !(above <= FAR_ABOVE * unit);
    bool metric_worse = rg_metric_lower_is_better(metric) ? r->metric > r->untrained_metric
                                                          : r->metric < r->untrained_metric;
    bool constant = r->n_constant > r->n_several_rows / 2;
    r->verdict = RG_TRAIN_FAILED;
    if (r->n_constant == r->n_several_rows)
        return rg__fail(ctx, RG_DIVERGED,
                        "training failed: the model of epoch %lld gives all rows of a list the "
                        "same score, in every training list; " REMEDY
                        ", or a larger `lr` where it is tiny, or another `seed`",
                        (long long)r->kept_epoch);
    if (far_worse || (loss_worse && metric_worse))
        return rg__fail(ctx, RG_DIVERGED,
                        "training failed: the loss of the model of epoch %lld, %.6g, is %sabove "
                        "%.6g, the loss of equal scores; %s on the %s lists is %.5f, and %.5f "
                        "untrained; " REMEDY,
                        (long long)r->kept_epoch, r->loss, far_worse ? "far " : "", r->equal_loss,
                        metric->name, lists, r->metric, r->untrained_metric);
    r->verdict = loss_worse || metric_worse || constant ? RG_TRAIN_DOUBTFUL : RG_TRAIN_LEARNED;
    warn(ctx, metric, lists, r, loss_worse, metric_worse, constant);
    return RG_OK;
}

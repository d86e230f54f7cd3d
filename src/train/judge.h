/* judge.h (internal): whether a training has achieved anything. */
#ifndef RG_TRAIN_JUDGE_H
#define RG_TRAIN_JUDGE_H

#include "base/base.h"

#include <rankgrad/train.h>

/* Sets result->verdict from the result's metrics and, where they are comparable, its losses, by the
 * rules at rg_train_verdict.
 * Doubts go to the log; RG_DIVERGED, with the reason, for a training that has failed. */
rg_status rg__judge_training(rg_context *ctx, const rg_metric *metric, bool has_vali,
                             bool comparable, rg_train_result *result);

#endif

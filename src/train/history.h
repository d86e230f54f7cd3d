/* history.h (internal): what a model remembers of its training. */
#ifndef RG_TRAIN_HISTORY_H
#define RG_TRAIN_HISTORY_H

#include "base/base.h"

#include <rankgrad/train.h>

/* A fingerprint of what is trained on: xxh3 of labels, lists and (where it was fitted, so of the
 * features too) the normalisation. */
uint64_t rg__fingerprint(const rg_split *split, const rg_normalization *normalization);

/* The options, the chosen model and the outcome as JSON, the same bytes for the same training;
 * allocated from ctx. */
char *rg__train_history(rg_context *ctx, const rg_train_options *options,
                        const rg_train_result *result, const rg_choice *model,
                        uint64_t fingerprint);

#endif

/* extremes.h (internal): sentinels among the columns of a split. */
#ifndef RG_DATA_EXTREMES_H
#define RG_DATA_EXTREMES_H

#include "data/inputs.h"

/* A warning to the log that names the columns with a sentinel (rg_extremes_sentinel). Of many rows
 * about 50,000 are looked at, spread over all. */
rg_status rg__warn_of_sentinels(rg_context *ctx, const rg_split *split,
                                const struct rg__inputs *inputs);

#endif

/* log1p-zscore: zscore of logarithms, for features with long tails. */
#include "normalize/normalize.h"

#include <math.h>

static void transform(const void *params, double *x, int64_t n)
{
    (void)params;
    for (int64_t i = 0; i < n; i++)
        x[i] = copysign(log1p(fabs(x[i])), x[i]);
}

const struct rg__normalization_kind rg__normalization_log1p_zscore = {
    {.name = "log1p-zscore", .formula = "sign(x) log(1 + |x|), then zscore; for long tails"},
    .transform = transform,
    .fit = rg__fit_deviation,
    .needs_deviation = true,
    .zeros = RG__ZEROS_STAY,
    .unit = "deviation of log1p"};

/* zscore: mean 0 and deviation 1 over the training rows. */
#include "normalize/normalize.h"

const struct rg__normalization_kind rg__normalization_zscore = {
    {.name = "zscore", .formula = "(x - mean) / deviation over the training rows"},
    .fit = rg__fit_deviation,
    .needs_deviation = true,
    .zeros = RG__ZEROS_STAY,
    .unit = "deviation"};

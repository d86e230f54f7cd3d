/* minmax: the training rows' range becomes [0,1]. */
#include "normalize/normalize.h"

const struct rg__normalization_kind rg__normalization_minmax = {
    {.name = "minmax", .formula = "(x - min) / (max - min) over the training rows"},
    .fit = rg__fit_range,
    .zeros = RG__ZEROS_STAY_LEAST,
    .unit = "range"};

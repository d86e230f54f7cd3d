/* list-minmax: the range within a list becomes [0,1]. */
#include "normalize/normalize.h"

const struct rg__normalization_kind rg__normalization_list_minmax = {
    {.name = "list-minmax", .formula = "(x - min) / (max - min) within each list"},
    .fit = rg__fit_range,
    .by_list = true,
    .zeros = RG__ZEROS_STAY_LEAST};

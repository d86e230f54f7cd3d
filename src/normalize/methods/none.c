/* none: features as they are. */
#include "normalize/normalize.h"

const struct rg__normalization_kind rg__normalization_none = {{.name = "none", .formula = "x"},
                                                              .zeros = RG__ZEROS_STAY};

/* parameters.h (internal): the parameters of a block one by one, for models, whose parameters are
 * described by a function, and for arrays of them. */
#ifndef RG_OPTIM_PARAMETERS_H
#define RG_OPTIM_PARAMETERS_H

#include "base/base.h"

#include <rankgrad/optim.h>

/* The number of elements; -1 if the shape is invalid. */
int64_t rg__parameter_count(const rg_parameter *parameter);

/* Checks a parameter: RG_USAGE, "WHO: parameter I ...", if its name, shape or bound is invalid.
 * Adds its number of elements to *total; RG_LIMIT if that overflows. */
rg_status rg__check_parameter(rg_context *ctx, const char *who, int i,
                              const rg_parameter *parameter, int64_t *total);

/* Allocates a block of `count` elements, all 0, and their gradients. */
rg_status rg__parameters_allocate(rg_context *ctx, rg_dtype dtype, int64_t count,
                                  rg_parameters *out);

/* Draws the initial values of a parameter if its bound is above 0, at element `first` of the block;
 * *n_drawn counts such parameters. */
void rg__init_parameter(const rg_parameters *block, const rg_parameter *parameter, int64_t first,
                        uint64_t seed, uint64_t *n_drawn);

/* A variable for the parameter at element `first` of the block. */
rg_node *rg__parameter_variable(rg_graph *graph, const rg_parameters *block,
                                const rg_parameter *parameter, int64_t first);

#endif

/* parameters.h (internal): one parameter of a block, for models, whose parameters come from a
 * function, and for lists of them. */
#ifndef RG_OPTIM_PARAMETERS_H
#define RG_OPTIM_PARAMETERS_H

#include "base/base.h"

#include <rankgrad/optim.h>

/* The number of elements; -1 where the shape is not valid. */
int64_t rg__parameter_count(const rg_parameter *parameter);

/* RG_USAGE, "WHO: parameter I ...", where name, shape or bound is not valid. Adds its elements to
 * *total; RG_LIMIT where that overflows. */
rg_status rg__check_parameter(rg_context *ctx, const char *who, int i,
                              const rg_parameter *parameter, int64_t *total);

/* A block of `count` zeros and their gradients. */
rg_status rg__parameters_allocate(rg_context *ctx, rg_dtype dtype, int64_t count,
                                  rg_parameters *out);

/* Draws the initial values of a parameter whose bound is above 0, from element `first` on; *n_drawn
 * counts such parameters. */
void rg__init_parameter(const rg_parameters *block, const rg_parameter *parameter, int64_t first,
                        uint64_t seed, uint64_t *n_drawn);

/* A variable over the elements from `first` on. */
rg_node *rg__parameter_variable(rg_graph *graph, const rg_parameters *block,
                                const rg_parameter *parameter, int64_t first);

#endif

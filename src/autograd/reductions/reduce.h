/* reduce.h (internal): the attributes of a reduction. */
#ifndef RG_AUTOGRAD_REDUCTIONS_REDUCE_H
#define RG_AUTOGRAD_REDUCTIONS_REDUCE_H

#include "autograd/op.h"
#include "autograd/segments/segments.h"

struct rg__reduction_call {
    rg_axes axes;              /* first, for rg__reduce_rule */
    double c;                  /* the constant, of those that have one */
    struct rg__segments lists; /* if it has offsets, the rows of each list are reduced */
};

#endif

/* ops.c: the table of all operators: element-wise ones, reductions, and those of
 * segments.def and of ops.def. */
#include "autograd/builtin.h"

#define RG_UNARY(id, ...)       RG__LINE(id)
#define RG_UNARY_1(id, ...)     RG__LINE(id)
#define RG_UNARY_2(id, ...)     RG__LINE(id)
#define RG_UNARY_FLAT(id, ...)  RG__LINE(id)
#define RG_BINARY(id, ...)      RG__LINE(id)
#define RG_COMPARE(id, ...)     RG__LINE(id)
#define RG_LOGICAL(id, ...)     RG__LINE(id)
#define RG_REDUCTION(id, ...)   RG__LINE(id)
#define RG_REDUCTION_1(id, ...) RG__LINE(id)
#define RG_SEGMENT(id, ...)     RG__LINE(id)
#define RG_OP(id, passes)       RG__LINE(id)

#define RG__LINE(id) extern const struct rg__builtin rg__builtin_##id;
#include "autograd/elementwise/binary.def"
#include "autograd/elementwise/compare.def"
#include "autograd/elementwise/unary.def"
#include "autograd/ops.def"
#include "autograd/reductions/reduce.def"
#include "autograd/segments/segments.def"
#undef RG__LINE

const struct rg__builtin *const rg__operators[] = {
#define RG__LINE(id) &rg__builtin_##id,
#include "autograd/elementwise/binary.def"
#include "autograd/elementwise/compare.def"
#include "autograd/elementwise/unary.def"
#include "autograd/ops.def"
#include "autograd/reductions/reduce.def"
#include "autograd/segments/segments.def"
#undef RG__LINE
};

const int rg__n_operators = RG__COUNT(rg__operators);

/* ops.c: the table of operators, one entry for each line of ops.def. */
#include "autograd/builtin.h"

#define RG_OP(name, passes) extern const struct rg__builtin rg__builtin_##name;
#include "autograd/ops.def"
#undef RG_OP

const struct rg__builtin *const rg__operators[] = {
#define RG_OP(name, passes) &rg__builtin_##name,
#include "autograd/ops.def"
#undef RG_OP
};

const int rg__n_operators = RG__COUNT(rg__operators);

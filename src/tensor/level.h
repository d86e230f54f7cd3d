/* level.h (internal; for files that CMake compiles for each level of x86-64): their names.
 *
 * The one idea: what such a file exports is called V(name), as rg__vector_f32_v3; the pass for
 * level 1, which every machine has, also holds what exists once: the choice by the context's
 * level. */
#ifndef RG_TENSOR_LEVEL_H
#define RG_TENSOR_LEVEL_H

#include "tensor/real.h"

#define RG__V_NAME(name, level)  name##_v##level
#define RG__V_PASTE(name, level) RG__V_NAME(name, level)

/* A name at a level, and at that of this pass. */
#define AT_LEVEL(name, level) RG__V_PASTE(F(name), level)
#define V(name)               RG__V_PASTE(F(name), RG_LEVEL)

/* Of `name`, declared at all levels: the one of a context. */
#ifdef RG_MORE_LEVELS
#define BY_LEVEL(ctx, name)                                                                        \
    ((ctx)->level == 4   ? &AT_LEVEL(name, 4)                                                      \
     : (ctx)->level == 3 ? &AT_LEVEL(name, 3)                                                      \
                         : &AT_LEVEL(name, 1))
#else
#define BY_LEVEL(ctx, name) ((void)(ctx), &AT_LEVEL(name, 1))
#endif

#endif

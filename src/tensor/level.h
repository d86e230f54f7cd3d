/* level.h (internal): names in files that CMake compiles once per x86-64 level.
 *
 * Such a file writes V(name) for its functions; V(rg__vector) becomes rg__vector_f32_v3 in the
 * compilation for level 3. Code that must exist only once, such as the choice by the context's
 * level, belongs to the compilation for level 1. */
#ifndef RG_TENSOR_LEVEL_H
#define RG_TENSOR_LEVEL_H

#include "tensor/real.h"

#define RG__V_NAME(name, level)  name##_v##level
#define RG__V_PASTE(name, level) RG__V_NAME(name, level)

/* A name at a given level, and at the level being compiled. */
#define AT_LEVEL(name, level) RG__V_PASTE(F(name), level)
#define V(name)               RG__V_PASTE(F(name), RG_LEVEL)

/* The address of `name`, declared for all levels, at the level of a context. */
#ifdef RG_MORE_LEVELS
#define BY_LEVEL(ctx, name)                                                                        \
    ((ctx)->level == 4   ? &AT_LEVEL(name, 4)                                                      \
     : (ctx)->level == 3 ? &AT_LEVEL(name, 3)                                                      \
                         : &AT_LEVEL(name, 1))
#else
#define BY_LEVEL(ctx, name) ((void)(ctx), &AT_LEVEL(name, 1))
#endif

#endif

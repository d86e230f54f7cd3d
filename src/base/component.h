/* component.h (internal): macros for a component's table of parameters.
 *
 *   static const rg_param params[] = {
 *       RG__REAL(struct adam, beta1, 0.9, 0, 1, .below = true, .help = "Decay rate of ..."),
 *   };
 */
#ifndef RG_BASE_COMPONENT_H
#define RG_BASE_COMPONENT_H

#include "base/base.h"

#include <rankgrad/component.h>

/* clang-format off */
#define RG__PARAM(type_, owner, field, initial_, low_, high_, ...)                                 \
    {.name = #field, .type = (type_), .offset = offsetof(owner, field), .initial = (initial_),     \
     .low = (low_), .high = (high_), __VA_ARGS__}
#define RG__REAL(owner, field, initial, low, high, ...)                                            \
    RG__PARAM(RG_PARAM_REAL, owner, field, initial, low, high, __VA_ARGS__)
#define RG__INTEGER(owner, field, initial, low, high, ...)                                         \
    RG__PARAM(RG_PARAM_INTEGER, owner, field, initial, low, high, __VA_ARGS__)
#define RG__FLAG(owner, field, initial, ...)                                                       \
    RG__PARAM(RG_PARAM_FLAG, owner, field, initial, 0, 0, __VA_ARGS__)
#define RG__NAME(owner, field, initial, names, ...)                                                \
    RG__PARAM(RG_PARAM_NAME, owner, field, initial, 0, 0, .name_at = (names), __VA_ARGS__)
#define RG__INTEGERS(owner, field, low, high, ...)                                                 \
    RG__PARAM(RG_PARAM_INTEGERS, owner, field, 0, low, high, __VA_ARGS__)

/* The members of a component's initialiser that describe its parameters. */
#define RG__PARAMS(owner, array)                                                                   \
    .params = (array), .n_params = RG__COUNT(array),                                              \
    .params_size = sizeof(owner) + 0 * sizeof(char[sizeof(owner) <= RG_PARAMS_SIZE ? 1 : -1])
/* clang-format on */

/* Parses the parameters of a text such as "(beta1=0.5)" over those that the choice has; a name
 * before them is ignored. */
rg_status rg__choice_parse_over(rg_context *ctx, const char *text, rg_choice *choice);

/* Parses the text of a choice as one of this component, ignoring the name in the text. */
rg_status rg__choice_parse_for(rg_context *ctx, const rg_component *component, const char *text,
                               rg_choice *choice);

#endif

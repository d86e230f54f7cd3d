/* ranking.h: conventions that ranking losses and metrics share. */
#ifndef RANKGRAD_RANKING_H
#define RANKGRAD_RANKING_H

#include <rankgrad/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The gain of a label y: 2^y - 1 (exp) or y (linear); 0 for labels that are not above 0. */
typedef enum rg_gain { RG_GAIN_EXP, RG_GAIN_LINEAR } rg_gain;

/* "exp", "linear"; NULL past the last value. */
RG_API const char *rg_gain_name(rg_gain gain);

#ifdef __cplusplus
}
#endif
#endif

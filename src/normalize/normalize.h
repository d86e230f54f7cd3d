/* normalize.h (internal): normalisation of the inputs of a model, and of single numbers. */
#ifndef RG_NORMALIZE_NORMALIZE_H
#define RG_NORMALIZE_NORMALIZE_H

#include "normalize/inputs.h"

#include <math.h>
#include <rankgrad/normalize.h>

/* As rg_normalization_fit; shift and scale are those of `inputs`, in their order. */
rg_status rg__normalization_fit(rg_context *ctx, rg_normalize method, const rg_split *split,
                                const struct rg__inputs *inputs, rg_normalization *out);

/* Whether the method has a shift and a scale for each column. */
static inline bool rg__is_fitted(rg_normalize method)
{
    return method != RG_NORMALIZE_NONE && method != RG_NORMALIZE_LIST_MINMAX;
}

/* t of log1p-zscore: sign(x) log(1 + |x|). */
static inline double rg__signed_log1p(double x)
{
    return copysign(log1p(fabs(x)), x);
}

/* t of a method. */
static inline double rg__transformed(rg_normalize method, double x)
{
    return method == RG_NORMALIZE_LOG1P_ZSCORE ? rg__signed_log1p(x) : x;
}

/* RG_USAGE, "WHO: ...", where a normalisation is not one of n_features inputs. */
rg_status rg__check_normalization(rg_context *ctx, const char *who,
                                  const rg_normalization *normalization, int64_t n_features);

/* rg_normalization_apply without its checks. */
void rg__normalize_rows(const rg_context *ctx, const rg_normalization *normalization,
                        const rg_tensor *rows, rg_tensor *out);

#endif

/* normalize.h: normalisation of a model's inputs.
 *
 * A normalisation is fitted on the training rows and stored in the model, which applies it to the
 * raw features that it scores. */
#ifndef RANKGRAD_NORMALIZE_H
#define RANKGRAD_NORMALIZE_H

#include <rankgrad/component.h>
#include <rankgrad/data.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The normalisations, with their formulas and parameters. Static. */
RG_API const rg_registry *rg_normalizations(void);

/* A fitted normalisation: z = (t(x) - shift) * scale in double, where t, shift and scale depend on
 * the method (rg_normalizations() has the formulas). A constant column has scale 0.
 *
 * Normalised rows can stay sparse only where zeros stay 0, so fitting on sparse rows shifts only
 * the columns that every row stores (if a later row does not store one, its 0 is filled in):
 *   zscore, log1p-zscore  divide by the standard deviation. Without the shift all scores of a
 *                         linear model change by the same constant, which a shift-invariant loss
 *                         ignores; in an mlp the biases of the first layer make up for it.
 *   minmax                requires that the smallest value of a column that some rows do not store
 *                         is 0; RG_BAD_DATA otherwise.
 *   list-minmax           exact. If any stored number of a split is negative, its rows are made
 *                         dense, since zeros then do not stay 0.
 * Rows are also made dense if more than half of the columns have a shift. */
typedef struct rg_normalization {
    rg_choice choice; /* from rg_normalizations(); component NULL: none */
    int64_t n_features;
    double *shift, *scale; /* (n_features); NULL for none and list-minmax */
} rg_normalization;

/* Fits a normalisation, one of rg_normalizations(), perhaps with parameters, on the rows of a split
 * that are not masked. Its arrays are allocated from ctx; free them with rg_normalization_free.
 * Moments are computed in double in two passes over differences from the first row, so a large
 * offset loses no digits. A column whose values differ by less than 16 steps of a double is treated
 * as constant, with a warning in the log. RG_USAGE for an unknown name or a parameter out of range,
 * RG_BAD_DATA for an invalid split or a number that is not finite (the message gives row and
 * feature). */
RG_API rg_status rg_normalization_fit(rg_context *ctx, const char *method, const rg_split *split,
                                      rg_normalization *out);

/* Frees the arrays of a normalisation. */
RG_API void rg_normalization_free(rg_context *ctx, rg_normalization *normalization);

/* The unit of a normalised feature, such as "deviation"; NULL if it differs from list to list or
 * the features are unchanged. Static. */
RG_API const char *rg_normalization_unit(const rg_normalization *normalization);

/* Normalises the n rows of one list from `rows` (n,F), f16, f32 or f64, to `out` (n,F), f32 or f64;
 * both may be the same memory if the types are equal. Only list-minmax depends on the other rows of
 * the list. RG_USAGE when shapes or types do not fit. */
RG_API rg_status rg_normalization_apply(rg_context *ctx, const rg_normalization *normalization,
                                        const rg_tensor *rows, rg_tensor *out);

#ifdef __cplusplus
}
#endif
#endif

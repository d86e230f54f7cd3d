/* normalize.h: normalisation of the inputs of a model.
 *
 * A normalisation is fitted on the training rows and kept in the model, which is then given raw
 * features. */
#ifndef RANKGRAD_NORMALIZE_H
#define RANKGRAD_NORMALIZE_H

#include <rankgrad/data.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rg_normalize {
    RG_NORMALIZE_NONE,
    RG_NORMALIZE_ZSCORE,       /* (x - mean) / deviation */
    RG_NORMALIZE_LOG1P_ZSCORE, /* sign(x) log(1 + |x|), then zscore */
    RG_NORMALIZE_MINMAX,       /* (x - min) / (max - min) over the training rows */
    RG_NORMALIZE_LIST_MINMAX   /* the same within each list */
} rg_normalize;

/* "none", "zscore", "log1p-zscore", "minmax", "list-minmax"; NULL past the last value. */
RG_API const char *rg_normalize_name(rg_normalize method);

/* z = (t(x) - shift) * scale in double, t per method; a constant column has scale 0. Kept in the
 * model.
 *
 * Normalised sparse rows stay sparse where the shift is 0, so fitting on sparse rows shifts only
 * columns that every row stores (a number that a later row does not store is then filled in):
 *   zscore, log1p-zscore  divide by the deviation. The missing shift moves all scores of a linear
 *                         model alike, which no loss of differences within lists can see; in an mlp
 *                         the biases of the first layer take its place.
 *   minmax                needs 0 as the smallest value of a column that some rows do not store;
 *                         RG_BAD_DATA otherwise.
 *   list-minmax           exact. Where a stored number is negative, the zeros of its list would not
 *                         be 0: rows are then made dense. */
typedef struct rg_normalization {
    rg_normalize method;
    int64_t n_features;
    double *shift; /* (n_features); NULL for none and list-minmax */
    double *scale; /* (n_features); NULL likewise */
} rg_normalization;

/* Fits a normalisation on a split's rows (those not masked); arrays are allocated from ctx and end
 * with rg_normalization_free. Moments in double, two passes, of differences to the first row, so
 * that a large offset costs no digits. A column whose values differ by less than 16 steps of a
 * double is constant; a warning goes to the log. RG_BAD_DATA for an unsound split or a number that
 * is not finite (row and feature told). */
RG_API rg_status rg_normalization_fit(rg_context *ctx, rg_normalize method, const rg_split *split,
                                      rg_normalization *out);
RG_API void rg_normalization_free(rg_context *ctx, rg_normalization *normalization);

/* Normalises the n rows of one list from `rows` (n,F) of any compute or storage type to `out`
 * (n,F) f32 or f64; in place is allowed when the types are equal. Only list-minmax looks across
 * rows. RG_USAGE when shapes or types do not agree. */
RG_API rg_status rg_normalization_apply(rg_context *ctx, const rg_normalization *normalization,
                                        const rg_tensor *rows, rg_tensor *out);

#ifdef __cplusplus
}
#endif
#endif

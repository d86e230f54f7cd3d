/* normalize.h (internal): how a normalisation is written, fitted and applied.
 *
 *     z = (t(x) - shift) / spread
 *
 * A file in methods/ holds t and how shift and spread follow from the statistics of a column, over
 * the training rows (fitted once and kept in the model) or within each list. */
#ifndef RG_NORMALIZE_NORMALIZE_H
#define RG_NORMALIZE_NORMALIZE_H

#include "base/component.h"
#include "normalize/inputs.h"

#include <math.h>
#include <rankgrad/normalize.h>

/* Of t(x) in each column. A NaN does not count in a list; the training rows have none. */
struct rg__statistics {
    const double *low, *high;
    const double *mean, *deviation; /* over the training rows, where `needs_deviation` */
};

/* What becomes of the zeros that sparse rows do not store. */
enum rg__zeros {
    RG__ZEROS_STAY,       /* they stay zeros: on sparse rows columns are not shifted */
    RG__ZEROS_STAY_LEAST, /* they stay zeros where no number of the column is less; otherwise
                             RG_BAD_DATA, or by list rows are made dense */
};

struct rg__normalization_kind {
    rg_component component; /* first, so that a pointer to it is a pointer to this */
    /* Replaces n numbers by their t, which increases and has t(0) = 0; NULL: t(x) = x. */
    void (*transform)(const void *params, double *x, int64_t n);
    /* Gives shift (n) and spread (n) of n columns. A column whose spread is 0 is constant: its z
     * is 0. NULL: z = t(x). */
    void (*fit)(const void *params, const struct rg__statistics *columns, int64_t n, double *shift,
                double *spread);
    bool by_list;         /* the statistics are those of each list */
    bool needs_deviation; /* of the statistics; takes another pass over the rows */
    enum rg__zeros zeros;
    const char *unit; /* of a weight's feature: what `spread` is, such as "range" */
};

#define RG_NORMALIZATION(id, passes)                                                               \
    extern const struct rg__normalization_kind rg__normalization_##id;
#include "normalize/normalizations.def"
#undef RG_NORMALIZATION

static inline const struct rg__normalization_kind *rg__normalization_kind(const rg_normalization *z)
{
    return z->choice.component ? (const void *)z->choice.component : &rg__normalization_none;
}

/* Whether it leaves numbers as they are. */
static inline bool rg__keeps_numbers(const rg_normalization *z)
{
    return !rg__normalization_kind(z)->fit && !rg__normalization_kind(z)->transform;
}

/* Whether it has a shift and a scale for each column. */
static inline bool rg__is_fitted(const rg_normalization *z)
{
    return rg__normalization_kind(z)->fit && !rg__normalization_kind(z)->by_list;
}

/* x (n) = t(x). */
static inline void rg__transform(const rg_normalization *z, double *x, int64_t n)
{
    const struct rg__normalization_kind *kind = rg__normalization_kind(z);
    if (kind->transform)
        kind->transform(&z->choice.params, x, n);
}

static inline double rg__transform_one(const rg_normalization *z, double x)
{
    rg__transform(z, &x, 1);
    return x;
}

/* As rg_normalization_fit; shift and scale are those of `inputs`, in their order. */
rg_status rg__normalization_fit(rg_context *ctx, const rg_choice *choice, const rg_split *split,
                                const struct rg__inputs *inputs, rg_normalization *out);

/* rg_normalization_apply without its checks. */
void rg__normalize_rows(const rg_context *ctx, const rg_normalization *normalization,
                        const rg_tensor *rows, rg_tensor *out);

/* RG_USAGE, "WHO: ...", where a normalisation is not one of n_features inputs. */
rg_status rg__check_normalization(rg_context *ctx, const char *who, const rg_normalization *z,
                                  int64_t n_features);

/* Shift and spread of n columns of a list from their least and greatest t(x). */
void rg__fit_list(const rg_normalization *z, const double *low, const double *high, int n,
                  double *shift, double *spread);

/* For several methods: mean and deviation, least number and range. */
void rg__fit_deviation(const void *params, const struct rg__statistics *columns, int64_t n,
                       double *shift, double *spread);
void rg__fit_range(const void *params, const struct rg__statistics *columns, int64_t n,
                   double *shift, double *spread);

#endif

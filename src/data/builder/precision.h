/* precision.h (internal): whether 32-bit floats keep the values of each column apart.
 *
 * Rounding 0.13274336 to f32 is no loss. It is one where a column's values lie within a few
 * thousand steps of f32 at their magnitude, such as times in seconds since 1970; where an integer
 * up to 2^53 becomes another one; and where a value becomes 0 or infinite. Only values that f32
 * does not hold exactly are looked at: zeros and integers up to 2^24 cost nothing. How close the
 * values lie is found out for the first RG__MOST_SPANS columns, so that sparse rows with millions
 * of columns do not cost memory for each of them.
 *
 * The result depends on the values alone, not on their order: several threads each fill a
 * struct of their own, and these are merged. */
#ifndef RG_DATA_BUILDER_PRECISION_H
#define RG_DATA_BUILDER_PRECISION_H

#include "base/base.h"

#include <rankgrad/data.h>

enum { RG__MOST_SPANS = 1 << 16 };

/* The values of a column that f32 does not hold exactly. */
struct rg__span {
    int64_t n;
    double least, greatest; /* where n > 0 */
    int64_t place;          /* of the first one, as the caller counts places */
};

/* Zeroed at first; freed by rg__precision_free. */
struct rg__precision {
    struct rg__span *spans; /* (n_spans) by column */
    int64_t n_spans;
    bool loses; /* a value by itself: the first one */
    int64_t lost_place;
    int32_t lost_column;
    double lost_value;
};

/* What f32 loses first: a value by itself, else the first column whose values lie too close. */
struct rg__loss {
    bool found, alone; /* alone: least == greatest is the value */
    int32_t column;
    int64_t place;
    double least, greatest;
};

/* Adds values (n) of different columns, all at one place; places count from 0. False: no memory. */
bool rg__precision_add(rg_context *ctx, struct rg__precision *p, const int32_t *columns,
                       const double *values, int64_t n, int64_t place);

/* Adds the values of another. False: no memory. */
bool rg__precision_merge(rg_context *ctx, struct rg__precision *to,
                         const struct rg__precision *from);

/* The loss among n_rows rows. */
struct rg__loss rg__precision_loss(const struct rg__precision *p, int64_t n_rows);

/* What f32 does to the values, for a message: "is 20180131, which f32 holds as 20180132". */
struct rg__loss_text {
    char text[160];
};
struct rg__loss_text rg__loss_text(const struct rg__loss *loss);

void rg__precision_free(rg_context *ctx, struct rg__precision *p);

/* The same for the rows of a split with features in f64; place is the row. */
rg_status rg__split_loss(rg_context *ctx, const rg_split *split, struct rg__loss *loss);

#endif

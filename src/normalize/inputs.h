/* inputs.h (internal): the columns of a data set that a model has parameters for.
 *
 * Sparse data may have 2^31 columns of which few ever occur. A model that is trained on sparse rows
 * has parameters and a normalisation for the columns that occur in them alone; those are numbered
 * by their positions among them:
 *
 *     column    0 1 2 3 4 5 6 7 8 9     n_features = 10
 *     occurs        x     x       x
 *     position      0     1       2     n = 3, index = {2, 5, 9}
 */
#ifndef RG_NORMALIZE_INPUTS_H
#define RG_NORMALIZE_INPUTS_H

#include "base/base.h"

#include <rankgrad/data.h>

struct rg__inputs {
    int64_t n_features; /* of the data */
    int64_t n;
    int32_t *index; /* (n) the columns, ascending; NULL: all, and a column is its position */
    int32_t *first; /* the position of the first column of bucket b or of a later bucket; a bucket
                       is 2^shift columns, so many that most have no more than one of `index` */
    int shift;
    struct rg__input_block *blocks; /* instead of `first`, where columns are not so many that this
                                       would be larger: it answers without a search */
};

/* Which of 64 columns are inputs, and how many inputs come before them. */
struct rg__input_block {
    uint64_t bits;
    int64_t rank;
};

/* The number of set bits; not every x86-64 has an instruction for it. */
static inline int32_t rg__count_bits(uint64_t x)
{
    x -= x >> 1 & UINT64_C(0x5555555555555555);
    x = (x & UINT64_C(0x3333333333333333)) + (x >> 2 & UINT64_C(0x3333333333333333));
    x = (x + (x >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (int32_t)(x * UINT64_C(0x0101010101010101) >> 56);
}

/* All of n_features columns; nothing to free. */
static inline struct rg__inputs rg__all_inputs(int64_t n_features)
{
    return (struct rg__inputs){.n_features = n_features, .n = n_features};
}

/* The position of a column, in [0, n_features); -1 where it is not among them. */
static inline int32_t rg__input_position(const struct rg__inputs *inputs, int32_t column)
{
    if (!inputs->index)
        return column;
    if (inputs->blocks) {
        struct rg__input_block block = inputs->blocks[column >> 6];
        uint64_t bit = UINT64_C(1) << (column & 63);
        int32_t at = (int32_t)block.rank + rg__count_bits(block.bits & (bit - 1));
        return block.bits & bit ? at : -1;
    }
    int32_t bucket = column >> inputs->shift, end = inputs->first[bucket + 1];
    for (int32_t at = inputs->first[bucket]; at < end; at++)
        if (inputs->index[at] >= column)
            return inputs->index[at] == column ? at : -1;
    return -1;
}

/* Column number of a position. */
static inline int64_t rg__input_column(const struct rg__inputs *inputs, int64_t position)
{
    return inputs->index ? inputs->index[position] : position;
}

/* A copy of n columns, 1 to n_features of them, ascending and in range. End with
 * rg__inputs_free. */
rg_status rg__inputs_copy(rg_context *ctx, int64_t n_features, const int32_t *index, int64_t n,
                          struct rg__inputs *out);

/* The columns in which a sparse split, which must be sound, stores a number in a row that is not
 * masked; at least one. Memory and time depend on the stored numbers, not on n_features. Of dense
 * rows: all. End with rg__inputs_free. */
rg_status rg__inputs_that_occur(rg_context *ctx, const rg_split *split, struct rg__inputs *out);

void rg__inputs_free(rg_context *ctx, struct rg__inputs *inputs);

#endif

/* sentinels.c: a warning about columns in which a number seems to stand for a missing value. */
#include "data/split.h"
#include "tensor/tensor.h"
#include "train/prepare.h"

#include <stdio.h>

enum { MOST_ROWS = 50000 };

/* Adds one row to the extremes of the inputs. */
static void add_row(const rg_split *split, const struct rg__inputs *inputs, int64_t row,
                    rg_extremes *extremes)
{
    const rg_tensor *x = &split->features;
    const rg_csr *csr = &split->csr;
    if (csr->indptr)
        for (int64_t k = csr->indptr[row]; k < csr->indptr[row + 1]; k++) {
            int32_t at = rg__input_position(inputs, csr->indices[k]);
            if (at >= 0)
                rg_extremes_add(&extremes[at], rg__element(csr->dtype, csr->data, k), 1);
        }
    for (int64_t j = 0; !csr->indptr && j < inputs->n; j++) {
        int64_t column = rg__column_of(split, rg__input_column(inputs, j));
        rg_extremes_add(&extremes[j], rg__element(x->dtype, x->data, row * x->dims[1] + column), 1);
    }
}

/* "feature 3 (1e+30 in 10 of 100 rows)" */
static size_t name_one(const rg_split *split, int64_t column, const rg_extremes *e, char *to,
                       size_t room)
{
    const struct rg_extreme *sentinel = rg_extremes_sentinel(e);
    char name[64];
    if (split->feature_names)
        snprintf(name, sizeof name, "%s", split->feature_names[column]);
    else
        snprintf(name, sizeof name, "%lld", (long long)column + 1);
    int n = snprintf(to, room, "%s (%.6g in %lld of %lld rows)", name, sentinel->value,
                     (long long)sentinel->n, (long long)e->n);
    return (size_t)n < room ? (size_t)n : room - 1;
}

static void warn(rg_context *ctx, const rg_split *split, const struct rg__inputs *inputs,
                 const rg_extremes *extremes)
{
    char names[512] = "";
    size_t used = 0;
    long long n = 0;
    for (int64_t j = 0; j < inputs->n; j++) {
        if (!rg_extremes_sentinel(&extremes[j]))
            continue;
        if (n++ < 4) {
            used += (size_t)snprintf(names + used, sizeof names - used, "%s", n > 1 ? ", " : "");
            used += name_one(split, rg__input_column(inputs, j), &extremes[j], names + used,
                             sizeof names - used);
        }
    }
    if (n > 0)
        rg__log(ctx, RG_LOG_WARNING,
                "a number far from all others of its feature may stand for a missing value, and "
                "leaves little of the normalised range to the others: %s%s",
                names, n > 4 ? ", ..." : "");
}

rg_status rg__warn_of_sentinels(rg_context *ctx, const rg_split *split,
                                const struct rg__inputs *inputs)
{
    rg_extremes *extremes =
        rg__alloc(ctx, inputs->n, sizeof *extremes, "the ranges of the columns");
    if (!extremes)
        return RG_LIMIT;
    int64_t step = split->n_rows / MOST_ROWS + 1, n = 0;
    for (int64_t row = 0; row < split->n_rows; row++) {
        rg__leave_rows(split, row);
        if (row % step == 0 && rg__row_is_there(split, row)) {
            add_row(split, inputs, row, extremes);
            n++;
        }
    }
    for (int64_t j = 0; split->csr.indptr && j < inputs->n; j++) /* what is not stored is 0 */
        rg_extremes_add(&extremes[j], 0, n - extremes[j].n);
    warn(ctx, split, inputs, extremes);
    rg__free(ctx, extremes);
    return RG_OK;
}

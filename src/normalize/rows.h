/* rows.h (internal): rows of a split as a model wants them: valid and normalised.
 *
 * Masked rows are dropped when rows are copied or the runs of a list are listed, so training sees
 * no mask: a masked row may hold NaN, and 0 * NaN would make the weights NaN. */
#ifndef RG_NORMALIZE_ROWS_H
#define RG_NORMALIZE_ROWS_H

#include "normalize/inputs.h"
#include "normalize/sparse.h"

/* Bytes of scratch that rg__load_rows needs for up to n_rows rows of this split; 0: none. */
size_t rg__load_scratch(const rg_split *split, const struct rg__inputs *inputs, int64_t n_rows);

/* Loads the valid ones of the rows [begin, end) into out->data, (end - begin, columns) of
 * out->dtype, dense and normalised as one list; returns how many they are. A number that is not
 * finite in another column makes the row's first one NaN. */
int64_t rg__load_rows(const rg_context *ctx, const rg_split *split, const struct rg__inputs *inputs,
                      const rg_normalization *normalization, int64_t begin, int64_t end,
                      void *scratch, rg_tensor *out);

/* A whole split, ready to compute with. Labels and weights of items are of the model's type; lists
 * without a valid item stay, empty.
 *
 * The lists lie in windows of neighbours. Features are at hand for all windows, or, where they
 * stream, for the one that was turned to last:
 *
 *     lists    | 0 1 2 | 3 4 | 5 6 7 |      in the order of the file
 *     windows      0      1      2          <= so many bytes of features
 *     at hand             ^                 normalised in `copy`, or where they stay; the pages of
 *                                           the mapped file behind the others are given back */
struct rg__rows {
    rg_context *ctx;
    const rg_split *split;
    const struct rg__inputs *inputs; /* the model's */
    const rg_normalization *normalization;
    rg_dtype dtype;
    int64_t n_rows, n_columns, n_lists;
    int64_t *offsets;     /* (n_lists + 1) over valid rows */
    rg_selection matrix;  /* the features; its runs are rg__list_runs' */
    bool sparse;          /* `matrix` is sparse */
    bool stay;            /* `matrix` is the split's features as they are; else it is the copy */
    void *labels;         /* (n_rows) */
    void *weights;        /* (n_rows) of items; NULL: all 1 */
    int64_t *positions;   /* (n_rows) where items were shown; NULL: unknown */
    double *list_weights; /* (n_lists), with mean 1 over the lists that count; NULL: all 1 */
    void *copy;           /* normalised, of `dtype`, of all windows or one: (rows, n_columns), or
                            the numbers of sparse rows, with the next two */
    int32_t *copy_indices;
    int64_t *copy_indptr;     /* (rows + 1) */
    struct rg__sparse loader; /* of the copy of sparse rows */
    int64_t n_windows;
    int64_t *windows; /* (n_windows + 1) their first lists */
    bool streams;
    int64_t window;    /* at hand where they stream; -1: none */
    int64_t first_row; /* the valid row that is the copy's first */
};

/* Whether training uses a list: it has a valid row and a weight above 0. */
static inline bool rg__list_counts(const struct rg__rows *rows, int64_t list)
{
    return rows->offsets[list + 1] > rows->offsets[list] &&
           (!rows->list_weights || rows->list_weights[list] > 0);
}

/* How lists are taken to memory. */
struct rg__windowing {
    int64_t bytes; /* of features a window, as rg__list_bytes counts; 0: one window */
    bool stream;
};

/* Whether a split's features can be computed with as they are, so that loading copies nothing:
 * without normalisation, with all columns, and in the model's type, f16 or sparse. */
bool rg__rows_stay(const rg_split *split, const struct rg__inputs *inputs,
                   const rg_normalization *normalization, rg_dtype dtype);

/* Appends the runs of a list's valid rows to runs[0..n), joined with the last one where they follow
 * it; returns their number. A list has at most rg__most_runs runs. */
int64_t rg__list_runs(const struct rg__rows *rows, int64_t list, rg_run *runs, int64_t n);
int64_t rg__most_runs(const struct rg__rows *rows, int64_t list);

/* Bytes of features that computing with a list reads: dense rows in the model's type, or non-zeros
 * with their columns. */
int64_t rg__list_bytes(const struct rg__rows *rows, int64_t list);

/* The same of a list of sparse rows that are not loaded yet. */
int64_t rg__sparse_list_bytes(const rg_split *split, int64_t list, rg_dtype dtype);

/* Loads a split. It must outlive the rows, as must the inputs and the normalisation. `windowing`
 * NULL: one window, at hand. End with rg__rows_close, also after failure. */
rg_status rg__rows_open(rg_context *ctx, const rg_split *split, const struct rg__inputs *inputs,
                        const rg_normalization *normalization, rg_dtype dtype,
                        const struct rg__windowing *windowing, struct rg__rows *rows);

/* Loads a window, on all workers, and reads ahead of the window `next` (-1: none). */
rg_status rg__rows_load_window(struct rg__rows *rows, int64_t window, int64_t next);

/* The window of a list. */
int64_t rg__window_of(const struct rg__rows *rows, int64_t list);

void rg__rows_close(struct rg__rows *rows);

#endif

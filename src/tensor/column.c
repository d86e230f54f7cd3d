/* column.c: products of dense rows with a vector; see column.h.
 *
 * Rows are processed in strips of adjacent rows. Rows of a type that the loops of vector.h can read
 * are used in place; others are converted into scratch memory, in strips that fit the L1 cache. */
#include "tensor/column.h"

#include "tensor/tensor.h"

#include <string.h>

enum { STRIP_BYTES = 8 << 10 };

struct F(strips) {
    const struct F(rg__vector) * vector;
    const rg_selection *rows;
    int64_t n_columns, max_rows; /* of a strip */
    int64_t run, at;             /* the next row is rows->runs[run].first + at */
    int64_t done;                /* rows in the strips so far */
    real *scratch;
};

/* Whether the loops of vector.h read rows of this type. */
static bool F(is_readable)(rg_dtype dtype)
{
    return dtype == REAL_TYPE || dtype == RG_F16;
}

/* The number of rows that the scratch memory holds. */
static int64_t F(scratch_rows)(const rg_selection *rows)
{
    int64_t n = STRIP_BYTES / (int64_t)sizeof(real) / (rg__selected_columns(rows) + 1);
    return n > 8 ? n : 8;
}

size_t F(rg__column_scratch)(const rg_selection *rows)
{
    size_t n_columns = (size_t)rg__selected_columns(rows);
    bool in_place = F(is_readable)(rg__selected_type(rows));
    size_t strip = in_place ? 0 : (size_t)F(scratch_rows)(rows) * n_columns * sizeof(real);
    return n_columns * (sizeof(double) + sizeof(real)) + strip;
}

static struct F(strips) F(strips_of)(const rg_context *ctx, const rg_selection *rows, real *scratch)
{
    bool in_place = F(is_readable)(rg__selected_type(rows));
    return (struct F(strips)){.vector = F(rg__vector)(ctx),
                              .rows = rows,
                              .n_columns = rg__selected_columns(rows),
                              .max_rows = in_place ? RG__PRODUCT_BLOCK : F(scratch_rows)(rows),
                              .scratch = scratch};
}

/* The next strip, and its number of rows in *n_rows; NULL after the last. A strip does not cross a
 * multiple of RG__PRODUCT_BLOCK rows. */
static const void *F(next_strip)(struct F(strips) * s, int64_t *n_rows)
{
    const rg_selection *rows = s->rows;
    while (s->run < rows->n_runs && s->at == rows->runs[s->run].n_rows) {
        s->run++;
        s->at = 0;
    }
    *n_rows = 0;
    if (s->run == rows->n_runs)
        return NULL;
    int64_t n = rows->runs[s->run].n_rows - s->at;
    int64_t block = RG__PRODUCT_BLOCK - s->done % RG__PRODUCT_BLOCK;
    n = n < block ? n : block;
    n = n < s->max_rows ? n : s->max_rows;
    const rg_run strip = {rows->runs[s->run].first + s->at, n};
    const void *data = rg__run_data(rows, &strip);
    rg_dtype dtype = rg__selected_type(rows);
    s->at += n;
    s->done += n;
    *n_rows = n;
    if (F(is_readable)(dtype))
        return data;
    rg__cast(dtype, data, REAL_TYPE, s->scratch, n * s->n_columns);
    return s->scratch;
}

void F(rg__column_product)(const rg_context *ctx, const rg_selection *rows, const real *w, real *y,
                           void *scratch)
{
    struct F(strips) strips = F(strips_of)(ctx, rows, scratch);
    bool half = rg__selected_type(rows) == RG_F16;
    int64_t n;
    for (const void *x; (x = F(next_strip)(&strips, &n)); y += n)
        strips.vector->dot_rows(x, half, n, strips.n_columns, w, y);
}

void F(rg__column_gradient)(const rg_context *ctx, const rg_selection *rows, const real *g,
                            real *grad, void *scratch)
{
    bool half = rg__selected_type(rows) == RG_F16;
    int64_t n_columns = rg__selected_columns(rows), n;
    double *total = scratch;
    real *block = (real *)(total + n_columns);
    struct F(strips) strips = F(strips_of)(ctx, rows, block + n_columns);
    memset(scratch, 0, (size_t)n_columns * (sizeof *total + sizeof *block));
    for (const void *x; (x = F(next_strip)(&strips, &n)); g += n) {
        strips.vector->add_rows(x, half, n, n_columns, g, block);
        if (strips.done % RG__PRODUCT_BLOCK > 0)
            continue;
        for (int64_t k = 0; k < n_columns; k++)
            total[k] += ACC(block[k]);
        memset(block, 0, (size_t)n_columns * sizeof *block);
    }
    for (int64_t k = 0; k < n_columns; k++)
        grad[k] += (real)(total[k] + ACC(block[k]));
}

/* layer.c: y = relu(x W + b), compiled for each level of x86-64 as src/tensor/vector.c is; see
 * layer.h.
 *
 * The one idea: a tile of y, ROWS rows by two vectors, stays in registers while the inputs pass, so
 * that each number loaded serves several products. Where rows or units are no multiple of a tile,
 * the last tile overlaps the one before: what is computed twice comes out the same. */
#include "model/layer.h"

#include "tensor/level.h"
#include "tensor/vector.h"

#include <string.h>

/* 64 bytes are no faster than 32 here: as many products a cycle, and fewer tiles fit the units. */
#define WIDTH (RG_LEVEL == 1 ? 16 : 32)

typedef real vec __attribute__((vector_size(WIDTH), aligned(sizeof(real)), may_alias));

enum { STEP = WIDTH / sizeof(real), ROWS = 6, COLUMNS = 2 * STEP };

/* The matrices of a layer, x and y from the tile's first row on, w and b from its first unit on. */
struct V(layer) {
    const real *x, *w, *b;
    real *y;
    int64_t inputs, units;
};

/* sum (rows,COLUMNS) = x W over n inputs from k on; rows is a constant where this is inlined. */
INLINED void V(product)(const struct V(layer) * l, int rows, int64_t k, int64_t n, vec sum[ROWS][2])
{
    const real *x = l->x + k, *w = l->w + k * l->units;
    for (int r = 0; r < rows; r++)
        sum[r][0] = sum[r][1] = (vec){0};
    for (int64_t i = 0; i < n; i++, w += l->units) {
        vec low = *(const vec *)w, high = *(const vec *)(w + STEP);
        for (int r = 0; r < rows; r++) {
            sum[r][0] += x[r * l->inputs + i] * low;
            sum[r][1] += x[r * l->inputs + i] * high;
        }
    }
}

/* The same over all inputs where they are many. */
static void V(long_product)(const struct V(layer) * l, int rows, vec sum[ROWS][2])
{
    double total[ROWS * COLUMNS] = {0};
    real part[ROWS * COLUMNS];
    for (int64_t k = 0; k < l->inputs; k += RG__PRODUCT_BLOCK) {
        int64_t n = l->inputs - k < RG__PRODUCT_BLOCK ? l->inputs - k : RG__PRODUCT_BLOCK;
        V(product)(l, rows, k, n, sum);
        memcpy(part, sum, (size_t)(rows * COLUMNS) * sizeof *part);
        for (int i = 0; i < rows * COLUMNS; i++)
            total[i] += ACC(part[i]);
    }
    for (int i = 0; i < rows * COLUMNS; i++)
        part[i] = (real)total[i];
    memcpy(sum, part, (size_t)(rows * COLUMNS) * sizeof *part);
}

INLINED vec V(relu)(vec z)
{
    __typeof__(z <= 0) negative = z <= 0; /* of a NaN not, so that it stays */
    return (vec)(~negative & (__typeof__(negative))z);
}

INLINED void V(tile)(const struct V(layer) * l, int rows)
{
    vec sum[ROWS][2];
    if (l->inputs <= RG__PRODUCT_BLOCK)
        V(product)(l, rows, 0, l->inputs, sum);
    else
        V(long_product)(l, rows, sum);
    for (int r = 0; r < rows; r++)
        for (int half = 0; half < 2; half++)
            *(vec *)(l->y + r * l->units + half * STEP) =
                V(relu)(sum[r][half] + *(const vec *)(l->b + half * STEP));
}

/* One row of a layer that is narrower than a tile. */
static void V(narrow)(const struct V(layer) * l)
{
    for (int64_t j = 0; j < l->units; j++) {
        double total = 0;
        for (int64_t k = 0; k < l->inputs;) {
            int64_t end = l->inputs - k < RG__PRODUCT_BLOCK ? l->inputs : k + RG__PRODUCT_BLOCK;
            real sum = 0;
            for (; k < end; k++)
                sum += l->x[k] * l->w[k * l->units + j];
            total += ACC(sum);
        }
        real z = (real)total + l->b[j];
        l->y[j] = z <= 0 ? 0 : z;
    }
}

typedef void F(layer)(const real *x, int64_t rows, int64_t inputs, const real *w, int64_t units,
                      real *y);
extern F(layer) V(rg__layer);

void V(rg__layer)(const real *x, int64_t rows, int64_t inputs, const real *w, int64_t units,
                  real *y)
{
    int together = rows < ROWS ? 1 : ROWS;
    for (int64_t m = 0; m < rows; m += together) {
        int64_t row = m + together <= rows ? m : rows - together;
        struct V(layer)
            l = {x + row * inputs, w, w + inputs * units, y + row * units, inputs, units};
        if (units < COLUMNS) {
            for (int r = 0; r < together; r++, l.x += inputs, l.y += units)
                V(narrow)(&l);
            continue;
        }
        for (int64_t j = 0; j < units; j += COLUMNS) {
            int64_t column = j + COLUMNS <= units ? j : units - COLUMNS;
            struct V(layer) at = {l.x, l.w + column, l.b + column, l.y + column, inputs, units};
            if (together == ROWS)
                V(tile)(&at, ROWS);
            else
                V(tile)(&at, 1);
        }
    }
}

/* ---- The choice, once ------------------------------------------------------------------------ */

#if RG_LEVEL == 1
#ifdef RG_MORE_LEVELS
extern F(layer) AT_LEVEL(rg__layer, 3), AT_LEVEL(rg__layer, 4);
#endif

void F(rg__layer)(const rg_context *ctx, const real *x, int64_t rows, int64_t inputs, const real *w,
                  int64_t units, real *y)
{
    F(layer) *layer = BY_LEVEL(ctx, rg__layer);
    layer(x, rows, inputs, w, units, y);
}
#endif

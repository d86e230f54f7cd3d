/* shapes.c: shape rules that several operators share. */
#include "autograd/op.h"
#include "tensor/broadcast.h"

bool rg__broadcast_rule(rg_node *y)
{
    char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
    const rg_tensor *a = rg_operand(y, 0), *b = rg_operand(y, 1);
    rg_tensor shape;
    if (rg__same_shape(a, b)) /* that is the default shape */
        return true;
    if (!rg__broadcast_shape(a, b, &shape))
        return rg_reject(y,
                         "shapes %s and %s do not broadcast; expected extents that are equal or 1, "
                         "counted from the last axis",
                         rg__shape_text(a, sa), rg__shape_text(b, sb));
    rg_set_shape(y, a->dtype, shape.ndim, shape.dims);
    return true;
}

bool rg__row_operands_rule(rg_node *y)
{
    char text[2][RG__SHAPE_TEXT];
    const rg_tensor *x = rg_operand(y, 0);
    if (x->ndim == 0)
        return rg_reject(y, "x is a scalar; expected at least one dimension");
    for (int i = 1; i <= 2; i++) {
        const rg_tensor *column = rg_operand(y, i);
        if (column && (column->ndim != 1 || column->dims[0] != x->dims[x->ndim - 1]))
            return rg_reject(y, "operand %d has shape %s; expected (%lld), the last extent of x %s",
                             i, rg__shape_text(column, text[0]), (long long)x->dims[x->ndim - 1],
                             rg__shape_text(x, text[1]));
    }
    return true;
}

/* ---- Reductions ---- */

const rg_axes rg__sample_axes[] = {
    {.all = true}, {1, {-1}, false, false}, {1, {1}, false, false}, {2, {0, 2}, false, true}};

bool rg__is_reduced(const rg_axes *axes, int ndim, int axis)
{
    for (int i = 0; i < axes->n; i++)
        if (axes->axis[i] == axis || axes->axis[i] + ndim == axis)
            return true;
    return axes->all;
}

/* The shape of x without the reduced axes or, with `keep`, with extents of 1 in their place. */
bool rg__reduce_rule(rg_node *y)
{
    char shape[RG__SHAPE_TEXT];
    const rg_tensor *x = rg_operand(y, 0);
    const rg_axes *axes = rg_attributes(y);
    int64_t dims[RG_MAX_DIMS];
    int ndim = 0, n_reduced = 0;
    if (axes->n < 0 || axes->n > RG_MAX_DIMS)
        return rg_reject(y, "%d axes; expected 0 to %d", axes->n, RG_MAX_DIMS);
    for (int i = 0; i < axes->n; i++)
        if (axes->axis[i] < -x->ndim || axes->axis[i] >= x->ndim)
            return rg_reject(y, "axis %d of shape %s; expected %d to %d, or all axes",
                             axes->axis[i], rg__shape_text(x, shape), -x->ndim, x->ndim - 1);
    for (int i = 0; i < x->ndim; i++) {
        bool reduced = rg__is_reduced(axes, x->ndim, i);
        n_reduced += reduced;
        if (!reduced || axes->keep)
            dims[ndim++] = reduced ? 1 : x->dims[i];
    }
    if (!axes->all && n_reduced != axes->n)
        return rg_reject(y, "an axis of shape %s is given twice; expected each at most once",
                         rg__shape_text(x, shape));
    rg_set_shape(y, x->dtype, ndim, dims);
    return true;
}

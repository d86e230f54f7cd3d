/* broadcast_rule.c: the shape rule of operators whose operands broadcast as in NumPy. */
#include "autograd/op.h"
#include "tensor/broadcast.h"

bool rg__broadcast_rule(rg_node *y)
{
    char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
    const rg_tensor *a = rg_operand(y, 0), *b = rg_operand(y, 1);
    rg_tensor shape;
    if (rg__same_shape(a, b)) /* the default */
        return true;
    if (!rg__broadcast_shape(a, b, &shape))
        return rg_reject(y,
                         "shapes %s and %s do not broadcast; extents must be equal or 1, "
                         "counted from the last axis",
                         rg__shape_text(a, sa), rg__shape_text(b, sb));
    rg_set_shape(y, a->dtype, shape.ndim, shape.dims);
    return true;
}

/* pad: x with `before` and `after` further elements, of one value, along an axis.
 *
 * dL/dx = the part of dL/dy that x lies in. */
#include "autograd/op.h"
#include "tensor/real.h"

#include <string.h>

RG__KERNELS(pad);

struct rg__pad {
    int axis;
    int64_t before, after;
    double value;
};

/* x is `outer` runs of `length` elements; in y each has `before` elements in front and `after`
 * behind. */
struct F(runs) {
    int64_t outer, length, before, after;
};

static struct F(runs) F(runs_of)(const rg_node *y)
{
    const struct rg__pad *pad = rg_attributes(y);
    const rg_tensor *x = rg_operand(y, 0);
    int axis = pad->axis < 0 ? pad->axis + x->ndim : pad->axis;
    struct F(runs) runs = {1, 1, pad->before, pad->after};
    for (int a = 0; a < axis; a++)
        runs.outer *= x->dims[a];
    for (int a = axis; a < x->ndim; a++)
        runs.length *= x->dims[a];
    for (int a = axis + 1; a < x->ndim; a++) {
        runs.before *= x->dims[a];
        runs.after *= x->dims[a];
    }
    return runs;
}

void F(rg__pad_forward)(rg_node *y)
{
    const real *x = rg_operand(y, 0)->data;
    real *out = rg_output_data(y), value = (real)((const struct rg__pad *)rg_attributes(y))->value;
    struct F(runs) r = F(runs_of)(y);
    for (int64_t o = 0; o < r.outer; o++) {
        for (int64_t i = 0; i < r.before; i++)
            *out++ = value;
        if (r.length > 0)
            memcpy(out, x + o * r.length, (size_t)r.length * sizeof *x);
        out += r.length;
        for (int64_t i = 0; i < r.after; i++)
            *out++ = value;
    }
}

void F(rg__pad_backward)(rg_node *y)
{
    const real *g = rg_output_grad(y);
    real *gx = rg_operand_grad(y, 0);
    struct F(runs) r = F(runs_of)(y);
    for (int64_t o = 0; gx && o < r.outer; o++, g += r.before + r.length + r.after)
        for (int64_t i = 0; i < r.length; i++)
            gx[o * r.length + i] += g[r.before + i];
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    const struct rg__pad *pad = rg_attributes(y);
    const rg_tensor *x = rg_operand(y, 0);
    rg_tensor padded = *x;
    int axis = pad->axis < 0 ? pad->axis + x->ndim : pad->axis;
    if (axis < 0 || axis >= x->ndim)
        return rg_reject(y, "axis %d of %d dimensions; expected -%d to %d", pad->axis, x->ndim,
                         x->ndim, x->ndim - 1);
    int64_t *extent = &padded.dims[axis];
    if (pad->before < 0 || pad->after < 0 || __builtin_add_overflow(*extent, pad->before, extent) ||
        __builtin_add_overflow(*extent, pad->after, extent))
        return rg_reject(y,
                         "%lld elements before and %lld after; expected numbers >= 0 (rg_slice "
                         "removes elements)",
                         (long long)pad->before, (long long)pad->after);
    rg_set_shape(y, x->dtype, padded.ndim, padded.dims);
    return true;
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_pad(graph, x[0], 1, 2, 1, -1);
}

static const struct rg__sample samples[] = {
    {"x (2,3), 2 before and 1 after",
     1,
     {{2, {2, 3}, -2, 2, 0}},
     .build = build,
     .numpy = "np.pad(x, ((0, 0), (2, 1)), constant_values=-1)"},
    {"x (2,1,3), 2 before and 1 after",
     1,
     {{3, {2, 1, 3}, -2, 2, 0}},
     .build = build,
     .numpy = "np.pad(x, ((0, 0), (2, 1), (0, 0)), constant_values=-1)"},
    {"x (2,0), 2 before and 1 after",
     1,
     {{2, {2, 0}, -2, 2, 0}},
     .build = build,
     .numpy = "np.pad(x, ((0, 0), (2, 1)), constant_values=-1)"},
};

RG__OPERATOR(pad, "y = x with elements of one value before and after it along an axis", shape,
             samples);

rg_node *rg_pad(rg_graph *graph, rg_node *x, int axis, int64_t before, int64_t after, double value)
{
    struct rg__pad pad = {axis, before, after, value};
    return RG__APPLY(pad, graph, &pad, sizeof pad, x);
}
#endif

/* argmax: the index of the first largest element along an axis, as i64; of the first NaN if there
 * is one, as in NumPy. No gradient: indices are integers. */
#include "autograd/along.h"

#include <math.h>

static bool shape(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    int axis = *(const int *)rg_attributes(y), ndim = 0;
    int64_t dims[RG_MAX_DIMS];
    if (!rg__along_rule(y))
        return false;
    axis += axis < 0 ? x->ndim : 0;
    if (x->dims[axis] == 0)
        return rg_reject(y, "axis %d has no element; expected at least one", axis);
    for (int a = 0; a < x->ndim; a++)
        if (a != axis)
            dims[ndim++] = x->dims[a];
    rg_set_shape(y, RG_I64, ndim, dims);
    return true;
}

static void forward(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    struct rg__along a = rg__along_of(x, *(const int *)rg_attributes(y));
    int64_t *out = rg_output_data(y);
    for (int64_t r = 0; r < a.outer * a.inner; r++) {
        int64_t at = r / a.inner * a.n * a.inner + r % a.inner, best = 0;
        double largest = rg__element(x->dtype, x->data, at);
        for (int64_t k = 1; k < a.n && !isnan(largest); k++) {
            double value = rg__element(x->dtype, x->data, at + k * a.inner);
            if (value > largest || isnan(value)) {
                largest = value;
                best = k;
            }
        }
        out[r] = best;
    }
}

/* x times the indices, because the gradient check needs something to differentiate. */
static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    rg_node *best = rg_argmax(graph, x[0], -2);
    (void)user;
    return rg_mul(graph, x[0], rg_cast(graph, best, rg_node_value(x[0])->dtype));
}

static const struct rg__sample samples[] = {
    {"x (7,4), axis -2",
     1,
     {{2, {7, 4}, -2, 2, 0}},
     .build = build,
     .numpy = "x * np.argmax(x, -2)"},
};

extern const struct rg__builtin rg__builtin_argmax;
const struct rg__builtin rg__builtin_argmax = {{.name = "argmax",
                                                .shape = shape,
                                                .forward = {[RG_F32] = forward, [RG_F64] = forward},
                                                .no_backward = "indices are integers"},
                                               "y = the index of the largest x along an axis",
                                               samples,
                                               RG__COUNT(samples)};

rg_node *rg_argmax(rg_graph *graph, rg_node *x, int axis)
{
    return RG__APPLY(argmax, graph, &axis, sizeof axis, x);
}

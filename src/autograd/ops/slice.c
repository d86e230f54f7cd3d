/* slice: elements begin, begin + step, ... up to, without, end along one axis, as x[begin:end:step]
 * in Python; the whole axis backwards is rg_flip.
 *
 * dL/dx = dL/dy at these places, 0 elsewhere. */
#include "autograd/view.h"

struct slice {
    int axis;
    int64_t begin, end, step;
    bool whole; /* all of the axis, in steps of `step`, 1 or -1 */
};

/* A bound counted from the end if it is negative, and limited to [low, high], as in Python. */
static int64_t limit(int64_t at, int64_t n, int64_t low, int64_t high)
{
    at = at < 0 ? (at < -n ? -1 : at + n) : at;
    return at < low ? low : at > high ? high : at;
}

static bool shape(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    struct slice s = *(const struct slice *)rg_attributes(y);
    struct rg__view view = {.ndim = x->ndim};
    int axis = rg__find_axis(y, x->ndim, s.axis);
    if (axis < 0)
        return false;
    if (s.step == 0 || s.step == INT64_MIN)
        return rg_reject(y, "step is %lld; expected a number other than 0", (long long)s.step);
    int64_t n = x->dims[axis], size = s.step > 0 ? s.step : -s.step;
    int64_t begin = s.step > 0 ? limit(s.begin, n, 0, n) : limit(s.begin, n, -1, n - 1);
    int64_t end = s.step > 0 ? limit(s.end, n, 0, n) : limit(s.end, n, -1, n - 1);
    if (s.whole) {
        begin = s.step > 0 ? 0 : n - 1;
        end = s.step > 0 ? n : -1;
    }
    int64_t span = s.step > 0 ? end - begin : begin - end;
    rg__strides(x, view.stride);
    for (int a = 0; a < x->ndim; a++)
        view.dims[a] = x->dims[a];
    view.dims[axis] = span > 0 ? (span - 1) / size + 1 : 0;
    if (view.dims[axis] > 0)
        view.first = begin * view.stride[axis];
    if (view.dims[axis] > 1)
        view.stride[axis] *= s.step;
    return rg__set_view(y, &view);
}

extern const struct rg__builtin rg__builtin_slice;

static rg_node *apply(rg_graph *graph, rg_node *x, struct slice slice)
{
    return RG__APPLY(slice, graph, &slice, sizeof slice, x);
}

static rg_node *middle(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_slice(graph, x[0], 1, 1, -1, 2);
}

static rg_node *backwards(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_slice(graph, x[0], 0, -1, 0, -2);
}

static rg_node *flipped(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_flip(graph, x[0], -1);
}

static rg_node *parts(rg_graph *graph, rg_node *const *x, void *user)
{
    rg_node *part[2] = {NULL};
    (void)user;
    if (!rg_split_axis(graph, x[0], 1, 2, (const int64_t[]){1, 3}, part))
        return NULL;
    return rg_mul(graph, part[0], part[1]); /* (2,1) and (2,3) */
}

static const struct rg__sample samples[] = {
    {"x (2,6), [:, 1:-1:2]", 1, {{2, {2, 6}, -2, 2, 0}}, .build = middle, .numpy = "x[:, 1:-1:2]"},
    {"x (2,1,3), [:, 1:-1:2]",
     1,
     {{3, {2, 1, 3}, -2, 2, 0}},
     .build = middle,
     .numpy = "x[:, 1:-1:2]",
     .zero_because = "y has no element"},
    {"x (6,2), [-1:0:-2]", 1, {{2, {6, 2}, -2, 2, 0}}, .build = backwards, .numpy = "x[-1:0:-2]"},
    {"x (2,3) flipped", 1, {{2, {2, 3}, -2, 2, 0}}, .build = flipped, .numpy = "x[:, ::-1]"},
    {"x (2,0) flipped", 1, {{2, {2, 0}, -2, 2, 0}}, .build = flipped, .numpy = "x[:, ::-1]"},
    {"x (2,4) split and multiplied",
     1,
     {{2, {2, 4}, -2, 2, 0}},
     .build = parts,
     .numpy = "x[:, :1] * x[:, 1:]"},
};

RG__VIEW(slice, "y = x[begin:end:step] along one axis", shape, samples);

rg_node *rg_slice(rg_graph *graph, rg_node *x, int axis, int64_t begin, int64_t end, int64_t step)
{
    return apply(graph, x, (struct slice){axis, begin, end, step, false});
}

rg_node *rg_flip(rg_graph *graph, rg_node *x, int axis)
{
    return apply(graph, x, (struct slice){.axis = axis, .step = -1, .whole = true});
}

bool rg_split_axis(rg_graph *graph, rg_node *x, int axis, int n_parts, const int64_t *sizes,
                   rg_node **parts)
{
    const rg_tensor *value = rg_node_value(x);
    int64_t begin = 0, sum = 0, extent = -1;
    bool good = value && sizes && parts && n_parts >= 0 && n_parts <= RG_MAX_OPERANDS;
    for (int i = 0; good && i < n_parts; i++)
        parts[i] = NULL;
    if (value && axis >= -value->ndim && axis < value->ndim)
        extent = value->dims[axis < 0 ? axis + value->ndim : axis];
    for (int i = 0; good && i < n_parts && sum >= 0; i++)
        if (sizes[i] < 0 || __builtin_add_overflow(sum, sizes[i], &sum))
            sum = -1;
    if (!graph || rg_graph_status(graph) != RG_OK)
        return false;
    if (!good || sum != extent) {
        rg__graph_fail(
            graph, RG_USAGE,
            "rg_split_axis: %d sizes along axis %d; expected sizes >= 0 that add up to the "
            "extent of x",
            n_parts, axis);
        return false;
    }
    for (int i = 0; i < n_parts; begin += sizes[i++])
        parts[i] = rg_slice(graph, x, axis, begin, begin + sizes[i], 1);
    return rg_graph_status(graph) == RG_OK;
}

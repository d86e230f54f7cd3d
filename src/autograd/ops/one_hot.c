/* one_hot: for each index a row with 1 at the index and 0 elsewhere. No gradient: indices are
 * integers. */
#include "autograd/indexing.h"

#include <string.h>

extern const struct rg__builtin rg__builtin_one_hot;

struct one_hot {
    int64_t depth;
    rg_dtype dtype;
};

static bool shape(rg_node *y)
{
    const rg_tensor *index = rg_operand(y, 0);
    const struct one_hot *own = rg_attributes(y);
    int64_t dims[RG_MAX_DIMS];
    if (!rg_dtype_computes(own->dtype))
        return rg_reject(y, "dtype is %s; expected f32 or f64", rg__dtype_text(own->dtype));
    if (own->depth < 0 || index->ndim == RG_MAX_DIMS)
        return rg_reject(y,
                         "depth is %lld for an index of %d dimensions; expected a number >= 0, and "
                         "at most %d dimensions",
                         (long long)own->depth, index->ndim, RG_MAX_DIMS - 1);
    for (int a = 0; a < index->ndim; a++)
        dims[a] = index->dims[a];
    dims[index->ndim] = own->depth;
    rg_set_shape(y, own->dtype, index->ndim + 1, dims);
    return rg__check_index_type(y, index);
}

static void forward(rg_node *y)
{
    const rg_tensor *index = rg_operand(y, 0), *out = rg_node_value(y);
    int64_t depth = ((const struct one_hot *)rg_attributes(y))->depth, n = rg__count(index);
    if (!rg__check_indices(y, index, depth) || rg__count(out) == 0)
        return;
    memset(rg_output_data(y), 0, rg__tensor_bytes(out));
    for (int64_t k = 0; k < n; k++) {
        int64_t at = k * depth + (int64_t)rg__element(index->dtype, index->data, k);
        if (out->dtype == RG_F32)
            ((float *)out->data)[at] = 1;
        else
            ((double *)out->data)[at] = 1;
    }
}

/* x times the one-hot rows, because the gradient check needs something to differentiate. */
static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    const rg_tensor index = {RG_I64, 1, {2}, (int64_t[]){2, 0}};
    (void)user;
    return rg_mul(graph, x[0],
                  rg_one_hot(graph, rg_constant(graph, &index), 3, rg_node_value(x[0])->dtype));
}

static const struct rg__sample samples[] = {
    {"x (2,3) times index (2), depth 3",
     1,
     {{2, {2, 3}, -2, 2, 0}},
     .build = build,
     .numpy = "x * np.eye(3)[[2, 0]]"},
};

const struct rg__builtin rg__builtin_one_hot = {
    {.name = "one_hot",
     .shape = shape,
     .forward = {[RG_F32] = forward, [RG_F64] = forward},
     .no_backward = "indices are integers",
     .operands = {RG_OPERAND_ANY_TYPE}},
    "y[.., index, ..] = 1, 0 elsewhere",
    samples,
    RG__COUNT(samples)};

rg_node *rg_one_hot(rg_graph *graph, rg_node *index, int64_t depth, rg_dtype dtype)
{
    struct one_hot own = {depth, dtype};
    return RG__APPLY(one_hot, graph, &own, sizeof own, index);
}

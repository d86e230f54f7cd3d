/* parameters.c: parameter blocks: checks, memory, initial values, variables. */
#include "optim/parameters.h"

#include "autograd/op.h"
#include "base/random.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

/* A tensor of the shape of a parameter. */
static rg_tensor tensor_of(const rg_parameter *parameter, rg_dtype dtype, void *data)
{
    rg_tensor tensor = {.dtype = dtype, .ndim = parameter->ndim, .data = data};
    memcpy(tensor.dims, parameter->dims, sizeof tensor.dims);
    return tensor;
}

int64_t rg__parameter_count(const rg_parameter *parameter)
{
    const rg_tensor shape = tensor_of(parameter, RG_F64, NULL);
    return rg_tensor_count(&shape);
}

rg_status rg__check_parameter(rg_context *ctx, const char *who, int i,
                              const rg_parameter *parameter, int64_t *total)
{
    int64_t count = rg__parameter_count(parameter);
    if (count < 1 || parameter->ndim < 1 || !memchr(parameter->name, 0, sizeof parameter->name) ||
        !parameter->name[0] || strchr(parameter->name, '/'))
        return rg__fail(ctx, RG_USAGE,
                        "%s: parameter %d has no name (without '/'), no dimension, or no valid "
                        "shape",
                        who, i);
    if (!(parameter->bound >= 0) || isinf(parameter->bound))
        return rg__fail(ctx, RG_USAGE, "%s: the bound of %s is %g; expected >= 0", who,
                        parameter->name, parameter->bound);
    if (__builtin_add_overflow(*total, count, total) || *total > INT64_MAX / 64)
        return rg__fail_memory(ctx, SIZE_MAX, "the parameters");
    return RG_OK;
}

rg_status rg__parameters_allocate(rg_context *ctx, rg_dtype dtype, int64_t count,
                                  rg_parameters *out)
{
    size_t size = rg_dtype_size(dtype);
    char *block = rg__alloc(ctx, 2 * count, size, "the parameters");
    *out = (rg_parameters){dtype, count, block, block ? block + (size_t)count * size : NULL};
    return block ? RG_OK : RG_LIMIT;
}

void rg__init_parameter(const rg_parameters *block, const rg_parameter *parameter, int64_t first,
                        uint64_t seed, uint64_t *n_drawn)
{
    size_t size = rg_dtype_size(block->dtype);
    if (parameter->bound == 0)
        return;
    for (int64_t k = 0; k < rg__parameter_count(parameter); k++) {
        double u = rg_uniform(seed, RG__STREAM_INIT, *n_drawn, (uint64_t)k);
        double x = parameter->bound * (2 * u - 1);
        rg__cast(RG_F64, &x, block->dtype, (char *)block->value + (size_t)(first + k) * size, 1);
    }
    ++*n_drawn;
}

rg_node *rg__parameter_variable(rg_graph *graph, const rg_parameters *block,
                                const rg_parameter *parameter, int64_t first)
{
    size_t at = (size_t)first * rg_dtype_size(block->dtype);
    const rg_tensor value = tensor_of(parameter, block->dtype, (char *)block->value + at);
    return rg_variable(graph, &value, (char *)block->grad + at);
}

/* ---- Lists of parameters ---- */

rg_status rg_parameters_create(rg_context *ctx, const rg_parameter *list, int n, rg_dtype dtype,
                               uint64_t seed, rg_parameters *out)
{
    static const char who[] = "rg_parameters_create";
    uint64_t n_drawn = 0;
    int64_t total = 0, first = 0;
    rg_status status = rg__require(ctx, who, "list", list, "out", out, NULL);
    if (status == RG_OK && (n < 1 || !rg_dtype_computes(dtype)))
        status = rg__fail(ctx, RG_USAGE,
                          "%s: n is %d, dtype %d; expected at least one parameter, RG_F32 or "
                          "RG_F64",
                          who, n, (int)dtype);
    for (int i = 0; i < n && status == RG_OK; i++)
        status = rg__check_parameter(ctx, who, i, &list[i], &total);
    if (status == RG_OK)
        status = rg__parameters_allocate(ctx, dtype, total, out);
    for (int i = 0; i < n && status == RG_OK; i++) {
        rg__init_parameter(out, &list[i], first, seed, &n_drawn);
        first += rg__parameter_count(&list[i]);
    }
    return status;
}

void rg_parameters_free(rg_context *ctx, rg_parameters *parameters)
{
    if (!ctx || !parameters)
        return;
    rg__free(ctx, parameters->value);
    *parameters = (rg_parameters){.dtype = RG_F32};
}

rg_node *rg_parameters_variable(rg_graph *graph, const rg_parameters *parameters,
                                const rg_parameter *list, int i)
{
    int64_t first = 0, end = 0;
    if (rg_graph_status(graph) != RG_OK)
        return NULL;
    bool given = parameters && list && parameters->value && parameters->grad;
    for (int k = 0; given && k <= i && end <= parameters->count; k++) {
        int64_t count = rg__parameter_count(&list[k]);
        first = end;
        end = count > 0 && !__builtin_add_overflow(end, count, &end) ? end : INT64_MAX;
    }
    if (given && i >= 0 && end <= parameters->count)
        return rg__parameter_variable(graph, parameters, &list[i], first);
    rg__graph_fail(graph, RG_USAGE, "rg_parameters_variable: %s",
                   !parameters ? "parameters is NULL"
                   : !list     ? "list is NULL"
                   : !given    ? "the block has no memory"
                               : "the block has no such parameter");
    return NULL;
}

/* dump_samples.c: prints every sample of every operator that names its value in NumPy, in f32 and
 * f64, as JSON lines; test_reference.py compares the values. The last line counts the operators. */
#include "base/base.h"
#include "loss/losses.h"
#include "tensor/tensor.h"

#include <rankgrad/rankgrad.h>
#include <stdio.h>
#include <stdlib.h>

static void print_tensor(const rg_tensor *t)
{
    printf("{\"shape\": [");
    for (int i = 0; i < t->ndim; i++)
        printf("%s%lld", i ? ", " : "", (long long)t->dims[i]);
    printf("], \"data\": [");
    for (int64_t i = 0; i < rg_tensor_count(t); i++)
        printf("%s%.17g", i ? ", " : "", rg__element(t->dtype, t->data, i));
    printf("]}");
}

/* The sample's inputs, cast to `dtype`, and its value; false: something failed, and was printed. */
static bool dump(rg_context *ctx, rg_graph *graph, const char *op, const struct rg__sample *sample,
                 rg_dtype dtype)
{
    rg_tensor inputs[RG__MAX_SAMPLE_INPUTS];
    rg_node *nodes[RG__MAX_SAMPLE_INPUTS];
    rg_graph_reset(graph);
    if (!rg__sample_inputs(ctx, sample, 11, inputs))
        return false;
    printf("{\"op\": \"%s\", \"sample\": \"%s\", \"numpy\": \"%s\", \"dtype\": \"%s\", "
           "\"inputs\": [",
           op, sample->what, sample->numpy, rg_dtype_name(dtype));
    for (int i = 0; i < sample->n_inputs; i++) {
        rg_node *wide = rg_constant(graph, &inputs[i]);
        nodes[i] = rg_cast(graph, wide, dtype);
        if (!nodes[i])
            return false;
        printf("%s", i ? ", " : "");
        print_tensor(rg_node_value(nodes[i]));
        rg__free(ctx, inputs[i].data);
    }
    rg_node *y = rg__build_sample(graph, nodes, sample);
    printf("], \"value\": ");
    if (!y)
        return fprintf(stderr, "%s, %s: %s\n", op, sample->what, rg_last_error(ctx)), false;
    print_tensor(rg_node_value(y));
    printf("}\n");
    return true;
}

int main(void)
{
    rg_context *ctx = rg_context_create(NULL);
    rg_graph *graph = rg_graph_create(ctx);
    for (int i = 0; i < rg__n_operators; i++) {
        const struct rg__builtin *b = rg__operators[i];
        for (int k = 0; k < b->n_samples; k++)
            for (int dtype = RG_F32; b->samples[k].numpy && dtype <= RG_F64; dtype++)
                if (!dump(ctx, graph, b->op.name, &b->samples[k], (rg_dtype)dtype))
                    return 1;
    }
    printf("{\"operators\": %d}\n", rg__n_operators);
    rg_graph_destroy(graph);
    rg_context_destroy(ctx);
    return 0;
}

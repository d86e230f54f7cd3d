/* operator.c: an operator of somebody else's, its kernels for both types from one source. Prints
 * what the gradient check says. */
#include <rankgrad/rankgrad.h>

#include <stdio.h>

#define RG_REAL 32
#include "softplus.h"
#undef RG_REAL
#define RG_REAL 64
#include "softplus.h"

static const rg_operator softplus = {.name = "softplus",
                                     .forward = {[RG_F32] = forward_f32, [RG_F64] = forward_f64},
                                     .backward = {[RG_F32] = backward_f32,
                                                  [RG_F64] = backward_f64}};

static rg_node *build(rg_graph *graph, rg_node *const *inputs, void *user)
{
    (void)user;
    return rg_apply(graph, &softplus, inputs, 1, NULL, 0);
}

int main(void)
{
    double x[] = {0, -2, 0.5, 3};
    const rg_tensor input = {RG_F64, 1, {4}, x};
    rg_gradcheck_report report;
    rg_context *ctx = rg_context_create(NULL);
    rg_status status = rg_gradcheck(ctx, build, NULL, &input, 1, NULL, &report);
    if (status == RG_OK)
        printf("%s, f32 %s\n", report.message, report.checked_f32 ? "too" : "not");
    rg_context_destroy(ctx);
    return status != RG_OK || !report.passed;
}

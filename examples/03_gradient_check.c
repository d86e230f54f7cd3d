/* 03_gradient_check.c: a custom operator, and the gradient check that finds bugs in it.
 *
 * The one idea: a backward pass can be checked with the forward pass alone, by the central
 * difference (f(x + h) - f(x - h)) / 2h. rg_gradcheck does this for every element.
 *
 * The operator is softplus, y = log(1 + exp x), with the derivative 1 / (1 + exp(-x)). */
#include <rankgrad/rankgrad.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

static void forward(rg_node *y)
{
    const double *x = rg_operand(y, 0)->data;
    double *out = rg_output_data(y);
    for (int64_t i = 0; i < rg_tensor_count(rg_node_value(y)); i++)
        out[i] = fmax(x[i], 0) + log1p(exp(-fabs(x[i]))); /* no overflow at either end */
}

/* Bug: a wrong sign in the exponent. Wrong everywhere except at 0. */
static void wrong_slope(rg_node *y)
{
    const double *x = rg_operand(y, 0)->data, *g = rg_output_grad(y);
    double *gx = rg_operand_grad(y, 0); /* NULL if not required */
    for (int64_t i = 0; gx && i < rg_tensor_count(rg_node_value(y)); i++)
        gx[i] += g[i] / (1 + exp(x[i]));
}

/* Bug: = instead of +=. Right unless x is used twice: then one gradient is lost. */
static void overwrites(rg_node *y)
{
    const double *x = rg_operand(y, 0)->data, *g = rg_output_grad(y);
    double *gx = rg_operand_grad(y, 0);
    for (int64_t i = 0; gx && i < rg_tensor_count(rg_node_value(y)); i++)
        gx[i] = g[i] / (1 + exp(-x[i]));
}

static void right(rg_node *y)
{
    const double *x = rg_operand(y, 0)->data, *g = rg_output_grad(y);
    double *gx = rg_operand_grad(y, 0);
    for (int64_t i = 0; gx && i < rg_tensor_count(rg_node_value(y)); i++)
        gx[i] += g[i] / (1 + exp(-x[i]));
}

/* An operator is a name and kernels by type. Without a shape rule, the output has the shape of
 * operand 0. These are defined for f64 only; with f32 operands they fail. */
#define SOFTPLUS(kernel)                                                                           \
    {.name = "softplus", .forward = {[RG_F64] = forward}, .backward = {[RG_F64] = kernel}}

static const struct attempt {
    const char *what;
    rg_operator op;
} attempts[] = {
    {"wrong slope", SOFTPLUS(wrong_slope)},
    {"overwrites", SOFTPLUS(overwrites)},
    {"right", SOFTPLUS(right)},
};

/* The function under test; `user` is that of the call to rg_gradcheck. */
static rg_node *build(rg_graph *graph, rg_node *const *inputs, void *user)
{
    const struct attempt *attempt = user;
    return rg_apply(graph, &attempt->op, inputs, 1, NULL, 0);
}

int main(void)
{
    double x[] = {0, -2, 0.5, 3};
    const rg_tensor input = {RG_F64, 1, {4}, x};
    rg_status status = RG_LIMIT;
    rg_context *ctx = rg_context_create(NULL);
    for (size_t i = 0; ctx && i < sizeof attempts / sizeof attempts[0]; i++) {
        struct attempt attempt = attempts[i];
        rg_gradcheck_report r;
        status = rg_gradcheck(ctx, build, &attempt, &input, 1, NULL, &r);
        if (status != RG_OK)
            break;
        printf("%-12s %s", attempt.what, r.passed ? "passed" : "CAUGHT");
        if (r.passed)
            printf(": %lld elements\n", (long long)r.n_elements);
        else /* the message with fewer digits */
            printf(": %.*s: %.4f, expected %.4f\n", (int)(strrchr(r.message, ':') - r.message),
                   r.message, r.analytic, r.numeric);
    }
    if (status != RG_OK)
        fprintf(stderr, "%s\n", ctx ? rg_last_error(ctx) : "out of memory");
    rg_context_destroy(ctx);
    return (int)status;
}

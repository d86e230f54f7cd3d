/* layer_norm: each row along the last axis shifted to mean 0 and scaled to variance 1 (Ba, Kiros
 * and Hinton 2016), then scaled and shifted per column:
 *
 *     z_k = (x_k - mean) / sqrt(variance + epsilon),    y_k = gamma_k z_k + beta_k
 *
 * with the population's variance. Without gamma it is 1, without beta 0.
 *
 * Backward. With h_k = gamma_k g_k, and as mean and variance depend on every x of the row,
 *
 *     dL/dx_k = (h_k - mean(h) - z_k mean(h z)) / sqrt(variance + epsilon)
 *     dL/dgamma_k = sum over rows of g_k z_k,    dL/dbeta_k = sum over rows of g_k
 *
 * Sums are in double; mean and 1 / sqrt(variance + epsilon) of each row are kept for backward. */
#include "autograd/moments.h"
#include "autograd/op.h"
#include "tensor/real.h"

#include <string.h>

RG__KERNELS(layer_norm);

void F(rg__layer_norm_forward)(rg_node *y)
{
    const rg_tensor *tx = rg_operand(y, 0), *tg = rg_operand(y, 1), *tb = rg_operand(y, 2);
    const real *x = tx->data, *gamma = tg ? tg->data : NULL, *beta = tb ? tb->data : NULL;
    double epsilon = *(const double *)rg_attributes(y);
    int64_t n = tx->dims[tx->ndim - 1], rows = n > 0 ? rg__count(tx) / n : 0;
    real *out = rg_output_data(y);
    struct rg__moments *kept = rg_graph_alloc(rg_node_graph(y), (size_t)rows * sizeof *kept);
    for (int64_t r = 0; kept && r < rows; r++, x += n, out += n) {
        kept[r] = F(moments)(x, n, epsilon);
        for (int64_t k = 0; k < n; k++)
            out[k] =
                (real)((gamma ? ACC(gamma[k]) : 1) * ((ACC(x[k]) - kept[r].mean) * kept[r].scale) +
                       (beta ? ACC(beta[k]) : 0));
    }
    rg_set_saved(y, kept);
}

/* One row: its part of the sums over rows, and dL/dx. */
static void F(row_backward)(const real *x, const real *g, const real *gamma,
                            const struct rg__moments *kept, int64_t n, double *sums, real *gx)
{
    double mean = kept->mean, scale = kept->scale, sum = 0, dot = 0;
    for (int64_t k = 0; k < n; k++) {
        double z = (ACC(x[k]) - mean) * scale, h = (gamma ? ACC(gamma[k]) : 1) * ACC(g[k]);
        sums[k] += ACC(g[k]) * z;
        sums[n + k] += ACC(g[k]);
        sum += h;
        dot += h * z;
    }
    for (int64_t k = 0; gx && k < n; k++) {
        double z = (ACC(x[k]) - mean) * scale, h = (gamma ? ACC(gamma[k]) : 1) * ACC(g[k]);
        gx[k] += (real)((h - sum / (double)n - z * (dot / (double)n)) * scale);
    }
}

void F(rg__layer_norm_backward)(rg_node *y)
{
    const rg_tensor *tx = rg_operand(y, 0), *tg = rg_operand(y, 1);
    const real *x = tx->data, *gamma = tg ? tg->data : NULL, *g = rg_output_grad(y);
    const struct rg__moments *kept = rg_saved(y);
    int64_t n = tx->dims[tx->ndim - 1], rows = n > 0 ? rg__count(tx) / n : 0;
    real *gx = rg_operand_grad(y, 0);
    double *sums = rg_graph_alloc(rg_node_graph(y), 2 * (size_t)n * sizeof *sums);
    if (!sums)
        return;
    memset(sums, 0, 2 * (size_t)n * sizeof *sums);
    for (int64_t r = 0; r < rows; r++)
        F(row_backward)(x + r * n, g + r * n, gamma, kept + r, n, sums, gx ? gx + r * n : NULL);
    for (int i = 1; i <= 2; i++) {
        real *grad = rg_operand_grad(y, i);
        for (int64_t k = 0; grad && k < n; k++)
            grad[k] += (real)sums[(i - 1) * n + k];
    }
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    double epsilon = *(const double *)rg_attributes(y);
    if (!(epsilon >= 0))
        return rg_reject(y, "epsilon is %g; expected a number >= 0", epsilon);
    return rg__row_operands_rule(y);
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_layer_norm(graph, x[0], x[1], x[2], 1e-5);
}

static rg_node *plain(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_layer_norm(graph, x[0], NULL, NULL, 0.5);
}

static const struct rg__sample samples[] = {
    {"x (2,3,5), gamma (5), beta (5)",
     3,
     {{3, {2, 3, 5}, -2, 2, 0}, {1, {5}, -2, 2, 0}, {1, {5}, -2, 2, 0}},
     .build = build,
     .numpy = "layer_norm(a, 1e-5) * b + c"},
    {"x (4,3)", 1, {{2, {4, 3}, -2, 2, 0}}, .build = plain, .numpy = "layer_norm(x, 0.5)"},
    {"x (2,1)",
     1,
     {{2, {2, 1}, -2, 2, 0}},
     .build = plain,
     .numpy = "layer_norm(x, 0.5)",
     .zero_because = "x - mean is 0 in a row of one element"},
    {"x (2,0)", 1, {{2, {2, 0}, -2, 2, 0}}, .build = plain},
};

RG__OPERATOR_WITH(layer_norm, "y = gamma (x - mean) / sqrt(variance + epsilon) + beta, per row",
                  shape, samples, .operands = {0, RG_OPERAND_OPTIONAL, RG_OPERAND_OPTIONAL, 0});

rg_node *rg_layer_norm(rg_graph *graph, rg_node *x, rg_node *gamma, rg_node *beta, double epsilon)
{
    return RG__APPLY(layer_norm, graph, &epsilon, sizeof epsilon, x, gamma, beta);
}
#endif

/* rms_norm: each row along the last axis divided by its root mean square (Zhang and Sennrich 2019),
 * then scaled per column:
 *
 *     z_k = x_k / sqrt(mean(x^2) + epsilon),    y_k = gamma_k z_k;    without gamma it is 1
 *
 * Backward. With h_k = gamma_k g_k:
 *
 *     dL/dx_k = (h_k - z_k mean(h z)) / sqrt(mean(x^2) + epsilon)
 *     dL/dgamma_k = sum over rows of g_k z_k
 *
 * Sums are in double; 1 / sqrt(mean(x^2) + epsilon) of each row is kept for backward. */
#include "autograd/op.h"
#include "tensor/real.h"

#include <math.h>
#include <string.h>

RG__KERNELS(rms_norm);

void F(rg__rms_norm_forward)(rg_node *y)
{
    const rg_tensor *tx = rg_operand(y, 0), *tg = rg_operand(y, 1);
    const real *x = tx->data, *gamma = tg ? tg->data : NULL;
    double epsilon = *(const double *)rg_attributes(y);
    int64_t n = tx->dims[tx->ndim - 1], rows = n > 0 ? rg__count(tx) / n : 0;
    real *out = rg_output_data(y);
    double *scales = rg_graph_alloc(rg_node_graph(y), (size_t)rows * sizeof *scales);
    for (int64_t r = 0; scales && r < rows; r++, x += n, out += n) {
        double sum = 0;
        for (int64_t k = 0; k < n; k++)
            sum += ACC(x[k]) * ACC(x[k]);
        scales[r] = 1 / sqrt(sum / (double)n + epsilon);
        for (int64_t k = 0; k < n; k++)
            out[k] = (real)((gamma ? ACC(gamma[k]) : 1) * (ACC(x[k]) * scales[r]));
    }
    rg_set_saved(y, scales);
}

void F(rg__rms_norm_backward)(rg_node *y)
{
    const rg_tensor *tx = rg_operand(y, 0), *tg = rg_operand(y, 1);
    const real *x = tx->data, *gamma = tg ? tg->data : NULL, *g = rg_output_grad(y);
    const double *scales = rg_saved(y);
    int64_t n = tx->dims[tx->ndim - 1], rows = n > 0 ? rg__count(tx) / n : 0;
    real *gx = rg_operand_grad(y, 0), *grad = rg_operand_grad(y, 1);
    double *sums = rg_graph_alloc(rg_node_graph(y), (size_t)n * sizeof *sums);
    if (!sums)
        return;
    memset(sums, 0, (size_t)n * sizeof *sums);
    for (int64_t r = 0; r < rows; r++, x += n, g += n) {
        double scale = scales[r], dot = 0;
        for (int64_t k = 0; k < n; k++) {
            double z = ACC(x[k]) * scale;
            sums[k] += ACC(g[k]) * z;
            dot += (gamma ? ACC(gamma[k]) : 1) * ACC(g[k]) * z;
        }
        for (int64_t k = 0; gx && k < n; k++) {
            double h = (gamma ? ACC(gamma[k]) : 1) * ACC(g[k]);
            gx[r * n + k] += (real)((h - ACC(x[k]) * scale * (dot / (double)n)) * scale);
        }
    }
    for (int64_t k = 0; grad && k < n; k++)
        grad[k] += (real)sums[k];
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
    return rg_rms_norm(graph, x[0], x[1], 1e-5);
}

static rg_node *plain(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_rms_norm(graph, x[0], NULL, 0.5);
}

static const struct rg__sample samples[] = {
    {"x (2,3,5), gamma (5)",
     2,
     {{3, {2, 3, 5}, -2, 2, 0}, {1, {5}, -2, 2, 0}},
     .build = build,
     .numpy = "a / np.sqrt(np.mean(a * a, -1, keepdims=True) + 1e-5) * b"},
    {"x (4,3)",
     1,
     {{2, {4, 3}, -2, 2, 0}},
     .build = plain,
     .numpy = "x / np.sqrt(np.mean(x * x, -1, keepdims=True) + 0.5)"},
    {"x (2,1)", 1, {{2, {2, 1}, -2, 2, 0}}, .build = plain, .numpy = "x / np.sqrt(x * x + 0.5)"},
    {"x (2,0)", 1, {{2, {2, 0}, -2, 2, 0}}, .build = plain},
};

RG__OPERATOR_WITH(rms_norm, "y = gamma x / sqrt(mean(x^2) + epsilon), per row", shape, samples,
                  .operands = {0, RG_OPERAND_OPTIONAL, 0, 0});

rg_node *rg_rms_norm(rg_graph *graph, rg_node *x, rg_node *gamma, double epsilon)
{
    return RG__APPLY(rms_norm, graph, &epsilon, sizeof epsilon, x, gamma);
}
#endif

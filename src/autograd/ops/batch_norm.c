/* batch_norm: each column of x (...,F) shifted to mean 0 and scaled to variance 1 over all rows
 * (Ioffe and Szegedy 2015), then scaled and shifted:
 *
 *     z = (x - mean) s,    s = 1 / sqrt(variance + epsilon),    y = gamma z + beta
 *
 * In training, mean and variance are those of the N rows, the variance divided by N, and the
 * running statistics are moved towards them:
 *
 *     running_mean = (1 - momentum) running_mean + momentum mean
 *     running_var = (1 - momentum) running_var + momentum variance N / (N - 1)
 *
 * In inference, mean and variance are the running ones. Without gamma it is 1, without beta 0.
 *
 * Backward, with g = dL/dy. In inference mean and s are constants, so dL/dx = gamma s g. In
 * training they depend on every x_i of the column: dmean/dx_i = 1 / N, and as
 * dvariance/dx_i = 2 (x_i - mean) / N and ds/dvariance = -s^3 / 2, ds/dx_i = -s^2 z_i / N. Hence
 * dz_j/dx_i = s ([i = j] - 1 / N - z_i z_j / N), and with means over the rows
 *
 *     dL/dx_i = gamma s (g_i - mean(g) - z_i mean(g z))
 *
 * In both, dL/dgamma = sum over rows of g z, and dL/dbeta = sum over rows of g. Sums are in double;
 * mean and s of each column are kept for backward, as the caller's buffers may change. */
#include "autograd/op.h"
#include "tensor/real.h"

#include <math.h>
#include <string.h>

RG__KERNELS(batch_norm);

struct batch_norm {
    void *running_mean, *running_var; /* (F) of the type of x */
    double momentum, epsilon;
    bool training;
};

/* The number of columns and, in *rows, of rows. */
static int64_t F(columns_of)(const rg_node *y, int64_t *rows)
{
    const rg_tensor *x = rg_operand(y, 0);
    int64_t n = x->dims[x->ndim - 1];
    *rows = n > 0 ? rg__count(x) / n : 0;
    return n;
}

/* Mean and variance of each column of x (rows,n). */
static void F(statistics)(const real *x, int64_t rows, int64_t n, double *mean, double *variance)
{
    memset(mean, 0, (size_t)n * sizeof *mean);
    memset(variance, 0, (size_t)n * sizeof *variance);
    for (int64_t i = 0; i < rows * n; i += n)
        for (int64_t k = 0; k < n; k++)
            mean[k] += ACC(x[i + k]);
    for (int64_t k = 0; k < n; k++)
        mean[k] /= (double)rows;
    for (int64_t i = 0; i < rows * n; i += n)
        for (int64_t k = 0; k < n; k++)
            variance[k] += (ACC(x[i + k]) - mean[k]) * (ACC(x[i + k]) - mean[k]);
    for (int64_t k = 0; k < n; k++)
        variance[k] /= (double)rows;
}

static void F(update)(real *running, const double *batch, int64_t n, double momentum, double factor)
{
    for (int64_t k = 0; k < n; k++)
        running[k] = (real)((1 - momentum) * ACC(running[k]) + momentum * (batch[k] * factor));
}

void F(rg__batch_norm_forward)(rg_node *y)
{
    const struct batch_norm *p = rg_attributes(y);
    const rg_tensor *tg = rg_operand(y, 1), *tb = rg_operand(y, 2);
    const real *x = rg_operand(y, 0)->data, *gamma = tg ? tg->data : NULL;
    const real *beta = tb ? tb->data : NULL;
    real *out = rg_output_data(y), *running_mean = p->running_mean, *running_var = p->running_var;
    int64_t rows, n = F(columns_of)(y, &rows);
    double *mean = rg_graph_alloc(rg_node_graph(y), 2 * (size_t)n * sizeof *mean);
    rg_set_saved(y, mean);
    if (!mean)
        return;
    double *s = mean + n;
    if (p->training)
        F(statistics)(x, rows, n, mean, s);
    for (int64_t k = 0; !p->training && k < n; k++) {
        mean[k] = ACC(running_mean[k]);
        s[k] = ACC(running_var[k]);
    }
    if (p->training && running_mean) {
        F(update)(running_mean, mean, n, p->momentum, 1);
        F(update)(running_var, s, n, p->momentum, (double)rows / (double)(rows - 1));
    }
    for (int64_t k = 0; k < n; k++)
        s[k] = 1 / sqrt(s[k] + p->epsilon);
    for (int64_t i = 0; i < rows * n; i += n)
        for (int64_t k = 0; k < n; k++)
            out[i + k] = (real)((gamma ? ACC(gamma[k]) : 1) * ((ACC(x[i + k]) - mean[k]) * s[k]) +
                                (beta ? ACC(beta[k]) : 0));
}

void F(rg__batch_norm_backward)(rg_node *y)
{
    const struct batch_norm *p = rg_attributes(y);
    const rg_tensor *tg = rg_operand(y, 1);
    const real *x = rg_operand(y, 0)->data, *gamma = tg ? tg->data : NULL, *g = rg_output_grad(y);
    const double *mean = rg_saved(y);
    real *gx = rg_operand_grad(y, 0), *grads[] = {rg_operand_grad(y, 1), rg_operand_grad(y, 2)};
    int64_t rows, n = F(columns_of)(y, &rows);
    const double *s = mean + n;
    double *dot = rg_graph_alloc(rg_node_graph(y), 2 * (size_t)n * sizeof *dot);
    if (!dot)
        return;
    double *sum = dot + n;
    memset(dot, 0, 2 * (size_t)n * sizeof *dot);
    for (int64_t i = 0; i < rows * n; i += n)
        for (int64_t k = 0; k < n; k++) {
            dot[k] += ACC(g[i + k]) * ((ACC(x[i + k]) - mean[k]) * s[k]);
            sum[k] += ACC(g[i + k]);
        }
    for (int64_t i = 0; gx && i < rows * n; i += n)
        for (int64_t k = 0; k < n; k++) {
            double z = (ACC(x[i + k]) - mean[k]) * s[k], slope = ACC(g[i + k]);
            if (p->training)
                slope -= (sum[k] + z * dot[k]) / (double)rows;
            gx[i + k] += (real)((gamma ? ACC(gamma[k]) : 1) * s[k] * slope);
        }
    for (int64_t k = 0; k < n; k++) {
        if (grads[0])
            grads[0][k] += (real)dot[k];
        if (grads[1])
            grads[1][k] += (real)sum[k];
    }
}

#ifdef RG__ONCE
static bool shape(rg_node *y)
{
    const struct batch_norm *p = rg_attributes(y);
    if (!(p->epsilon >= 0))
        return rg_reject(y, "epsilon is %g; expected a number >= 0", p->epsilon);
    if (!(p->momentum >= 0 && p->momentum <= 1))
        return rg_reject(y, "momentum is %g; expected a number from 0 to 1", p->momentum);
    if (!p->running_mean != !p->running_var || (!p->running_mean && !p->training))
        return rg_reject(y, "%s is NULL; expected both running statistics%s",
                         p->running_mean ? "running_var" : "running_mean",
                         p->training ? " or neither" : " in inference");
    if (!rg__row_operands_rule(y))
        return false;
    int64_t rows, n = F(columns_of)(y, &rows);
    if (p->training && p->running_mean && n > 0 && rows < 2)
        return rg_reject(y,
                         "x has %lld rows; expected at least 2 in training, as running_var is "
                         "updated with a variance that is divided by the rows minus 1",
                         (long long)rows);
    return true;
}

static rg_node *train(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_batch_norm(graph, x[0], x[1], x[2], NULL, NULL, 0.1, 1e-5, true);
}

/* With running statistics, which start at 0. */
static rg_node *updating(rg_graph *graph, rg_node *const *x, void *user)
{
    const rg_tensor *value = rg_node_value(x[0]);
    size_t size = (size_t)value->dims[value->ndim - 1] * rg_dtype_size(value->dtype);
    void *running = rg_graph_alloc(graph, 2 * size);
    (void)user;
    if (!running)
        return NULL;
    memset(running, 0, 2 * size);
    return rg_batch_norm(graph, x[0], NULL, NULL, running, (char *)running + size, 0.1, 0.5, true);
}

static rg_node *infer(rg_graph *graph, rg_node *const *x, void *user)
{
    static float f32[] = {0.5f, -1, 2, 1, 0.25f, 4};
    static double f64[] = {0.5, -1, 2, 1, 0.25, 4};
    (void)user;
    bool single = x[0] && rg_node_value(x[0])->dtype == RG_F32;
    void *mean = single ? (void *)f32 : f64, *var = single ? (void *)(f32 + 3) : f64 + 3;
    return rg_batch_norm(graph, x[0], x[1], x[2], mean, var, 0.1, 1e-5, false);
}

#define INFERENCE "(a - np.array([0.5, -1, 2])) / np.sqrt(np.array([1, 0.25, 4]) + 1e-5) * b + c"
#define COLUMN                                                                                     \
    {                                                                                              \
        1, {3}, -2, 2, 0                                                                           \
    }

static const struct rg__sample samples[] = {
    {"training, x (5,3), gamma (3), beta (3)",
     3,
     {{2, {5, 3}, -2, 2, 0}, COLUMN, COLUMN},
     .build = train,
     .numpy = "batch_norm(a, 1e-5) * b + c"},
    {"training, x (2,3,3), gamma (3), beta (3)",
     3,
     {{3, {2, 3, 3}, -2, 2, 0}, COLUMN, COLUMN},
     .build = train,
     .numpy = "batch_norm(a, 1e-5) * b + c"},
    {"training, running statistics, x (4,1)",
     1,
     {{2, {4, 1}, -2, 2, 0}},
     .build = updating,
     .numpy = "batch_norm(x, 0.5)"},
    {"training, x (1,3), gamma (3), beta (3)",
     3,
     {{2, {1, 3}, -2, 2, 0}, COLUMN, COLUMN},
     .build = train,
     .numpy = "0 * a * b + c",
     .zero_because = "x - mean is 0 in a column of one element"},
    {"training, x (0,3), gamma (3), beta (3)",
     3,
     {{2, {0, 3}, -2, 2, 0}, COLUMN, COLUMN},
     .build = train,
     .numpy = "a * b + c",
     .zero_because = "y has no element"},
    {"inference, x (4,3), gamma (3), beta (3)",
     3,
     {{2, {4, 3}, -2, 2, 0}, COLUMN, COLUMN},
     .build = infer,
     .numpy = INFERENCE},
    {"inference, x (1,3), gamma (3), beta (3)",
     3,
     {{2, {1, 3}, -2, 2, 0}, COLUMN, COLUMN},
     .build = infer,
     .numpy = INFERENCE},
    {"inference, x (0,3), gamma (3), beta (3)",
     3,
     {{2, {0, 3}, -2, 2, 0}, COLUMN, COLUMN},
     .build = infer,
     .numpy = INFERENCE,
     .zero_because = "y has no element"},
};

RG__OPERATOR_WITH(batch_norm, "y = gamma (x - mean) / sqrt(variance + epsilon) + beta, per column",
                  shape, samples, .operands = {0, RG_OPERAND_OPTIONAL, RG_OPERAND_OPTIONAL, 0});

rg_node *rg_batch_norm(rg_graph *graph, rg_node *x, rg_node *gamma, rg_node *beta,
                       void *running_mean, void *running_var, double momentum, double epsilon,
                       bool training)
{
    const struct batch_norm p = {running_mean, running_var, momentum, epsilon, training};
    return RG__APPLY(batch_norm, graph, &p, sizeof p, x, gamma, beta);
}
#endif

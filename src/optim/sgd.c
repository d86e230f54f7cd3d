/* sgd: stochastic gradient descent with momentum and L2, over one block of parameters.
 *
 *     g = scale grad + l2 value,   m = momentum m + g,   value = value - lr m
 *
 * as PyTorch's SGD with dampening 0; `scale` is the clipping, in double: 1 / norm may be less than
 * any f32. */
#include "optim/optimizer.h"
#include "tensor/lanes.h"

double F(rg__grad_norm)(const rg_parameters *parameters)
{
    const real *g = parameters->grad;
    double acc[LANES] = {0}, largest = 0;
    for (int64_t i = 0; i < parameters->count; i++) {
        double magnitude = fabs(ACC(g[i]));
        if (!(magnitude <= largest)) /* a NaN is the largest of all, and stays */
            largest = isnan(largest) ? largest : magnitude;
    }
    if (largest == 0 || !isfinite(largest))
        return largest;
    for (int64_t i = 0; i < parameters->count; i++) { /* scaled: f64 squares overflow at 1e154 */
        double x = ACC(g[i]) / largest;
        acc[i % LANES] += x * x;
    }
    return largest * sqrt(F(fold_double)(acc));
}

void F(rg__sgd_step)(struct rg_optimizer *o, double lr, double scale)
{
    real *value = o->parameters.value, *grad = o->parameters.grad, *m = o->moments;
    real rate = (real)lr, l2 = (real)o->options.l2, momentum = (real)o->options.momentum;
    for (int64_t i = 0; i < o->parameters.count; i++) {
        real g = (real)(scale * ACC(grad[i])) + l2 * value[i];
        m[i] = momentum * m[i] + g;
        value[i] -= rate * m[i];
        grad[i] = 0;
    }
}

/* sgd: stochastic gradient descent with momentum and L2, over one block of parameters.
 *
 *     g = scale grad + l2 value,   m = momentum m + g,   value = value - lr m
 *
 * as PyTorch's SGD with dampening 0; `scale` is the clipping, in double: 1 / norm may be less than
 * any f32. */
#include "optim/optimizer.h"
#include "tensor/lanes.h"

/* LANES elements, or as many as are left. */
INLINED void F(update)(int n, double scale, real l2, real momentum, real rate, real *restrict value,
                       real *restrict grad, real *restrict m)
{
    for (int i = 0; i < n; i++) {
        real g = (real)(scale * ACC(grad[i])) + l2 * value[i];
        m[i] = momentum * m[i] + g;
        value[i] -= rate * m[i];
        grad[i] = 0;
    }
}

void F(rg__sgd_step)(struct rg_optimizer *o, double lr, double scale)
{
    real *value = o->parameters.value, *grad = o->parameters.grad, *m = o->moments;
    real rate = (real)lr, l2 = (real)o->options.l2, momentum = (real)o->options.momentum;
    int64_t n = o->parameters.count, i = 0;
    for (; i + LANES <= n; i += LANES)
        F(update)(LANES, scale, l2, momentum, rate, value + i, grad + i, m + i);
    F(update)((int)(n - i), scale, l2, momentum, rate, value + i, grad + i, m + i);
}

/* sgd: stochastic gradient descent with momentum, as in PyTorch with dampening 0.
 *
 *     g = scale grad + l2 value,   m = momentum m + g,   value = value - lr m
 *
 * `scale` is the factor from clipping, clip_norm / norm. It is applied in double, since it may be
 * below the range of f32. */
#include "optim/optimizer.h"
#include "tensor/lanes.h"

RG__OPTIMIZER_STEP(sgd);

struct sgd {
    double momentum;
};

/* Updates n elements: LANES, or the rest. */
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
    const struct sgd *p = (const void *)&o->choice.params;
    real *value = o->parameters.value, *grad = o->parameters.grad, *m = o->state.moments;
    real rate = (real)lr, l2 = (real)o->options.l2, momentum = (real)p->momentum;
    int64_t n = o->parameters.count, i = 0;
    for (; i + LANES <= n; i += LANES)
        F(update)(LANES, scale, l2, momentum, rate, value + i, grad + i, m + i);
    F(update)((int)(n - i), scale, l2, momentum, rate, value + i, grad + i, m + i);
}

#ifdef RG__ONCE
static const rg_param params[] = {
    RG__REAL(struct sgd, momentum, 0, 0, 1, .below = true,
             .help = "Fraction of the previous update that is added to the next; 0: none"),
};

RG__OPTIMIZER(sgd, "m = momentum m + g; w -= lr m", 1, struct sgd, params);
#endif

/* adam: Adam (Kingma and Ba 2015, algorithm 1), as in PyTorch.
 *
 *     g = scale grad + l2 value,   m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g g
 *     value = value - lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + epsilon)
 *
 * An update has a size of about lr, whatever the scale of the gradient. m and v start at 0 and are
 * biased towards it in the first steps; the divisions by 1 - beta^t correct that. `scale` is the
 * factor from clipping, which is applied in double, as in sgd.c. */
#include "optim/optimizer.h"
#include "tensor/lanes.h"

RG__OPTIMIZER_STEP(adam);

struct adam {
    double beta1, beta2, epsilon;
};

enum { POWER1, POWER2 }; /* the scalars of the state: beta1^t and beta2^t */

/* The constants of one step. */
struct F(numbers) {
    double scale;
    real l2, beta1, beta2, one_less1, one_less2, rate, root2, epsilon;
};

/* Updates n elements: LANES, or the rest. */
INLINED void F(update)(int n, const struct F(numbers) * s, real *restrict value,
                       real *restrict grad, real *restrict m, real *restrict v)
{
    for (int i = 0; i < n; i++) {
        real g = (real)(s->scale * ACC(grad[i])) + s->l2 * value[i];
        m[i] = s->beta1 * m[i] + s->one_less1 * g;
        v[i] = s->beta2 * v[i] + s->one_less2 * (g * g);
        value[i] -= s->rate * m[i] / (M(sqrt)(v[i]) * s->root2 + s->epsilon);
        grad[i] = 0;
    }
}

void F(rg__adam_step)(struct rg_optimizer *o, double lr, double scale)
{
    const struct adam *p = (const void *)&o->choice.params;
    double *power = o->state.scalars;
    bool first = o->state.n_steps == 1;
    power[POWER1] = (first ? 1 : power[POWER1]) * p->beta1;
    power[POWER2] = (first ? 1 : power[POWER2]) * p->beta2;
    int64_t n = o->parameters.count, i = 0;
    real *value = o->parameters.value, *grad = o->parameters.grad;
    real *m = o->state.moments, *v = m + n;
    const struct F(numbers) s = {.scale = scale,
                                 .l2 = (real)o->options.l2,
                                 .beta1 = (real)p->beta1,
                                 .beta2 = (real)p->beta2,
                                 .one_less1 = (real)(1 - p->beta1),
                                 .one_less2 = (real)(1 - p->beta2),
                                 .rate = (real)(lr / (1 - power[POWER1])),
                                 .root2 = (real)(1 / sqrt(1 - power[POWER2])),
                                 .epsilon = (real)p->epsilon};
    for (; i + LANES <= n; i += LANES)
        F(update)(LANES, &s, value + i, grad + i, m + i, v + i);
    F(update)((int)(n - i), &s, value + i, grad + i, m + i, v + i);
}

#ifdef RG__ONCE
static const rg_param params[] = {
    RG__REAL(struct adam, beta1, 0.9, 0, 1, .below = true,
             .help = "Decay rate of m, the running mean of the gradient"),
    RG__REAL(struct adam, beta2, 0.999, 0, 1, .below = true,
             .help = "Decay rate of v, the running mean of the squared gradient"),
    RG__REAL(struct adam, epsilon, 1e-8, 1e-30, 1e30, .help = "Keeps the divisor away from 0"),
};

RG__OPTIMIZER(adam,
              "m, v = running means of g, g g, corrected for their start at 0; "
              "w -= lr m / (sqrt(v) + epsilon)",
              2, struct adam, params);
#endif

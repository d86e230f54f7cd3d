/* adam: Adam (Kingma and Ba 2015, algorithm 1), over one block of parameters, as PyTorch's Adam.
 *
 *     g = scale grad + l2 value,   m = beta1 m + (1 - beta1) g,   v = beta2 v + (1 - beta2) g g
 *     value = value - lr / (1 - beta1^t) m / (sqrt(v / (1 - beta2^t)) + epsilon)
 *
 * The one idea: a step is as long as lr, whatever the gradient's scale; m and v start at 0 and are
 * therefore too small for the first steps, which the two divisions by 1 - beta^t undo. `scale` is
 * the clipping, in double, as in sgd.c. */
#include "optim/optimizer.h"
#include "tensor/lanes.h"

/* What is the same for all parameters of a step. */
struct F(numbers) {
    double scale;
    real l2, beta1, beta2, one_less1, one_less2, rate, root2, epsilon;
};

/* LANES elements, or as many as are left. */
INLINED void F(update)(int n, const struct F(numbers) *s, real *restrict value,
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
    const rg_optimizer_options *p = &o->options;
    int64_t n = o->parameters.count, i = 0;
    real *value = o->parameters.value, *grad = o->parameters.grad, *m = o->moments, *v = m + n;
    const struct F(numbers) s = {.scale = scale,
                                 .l2 = (real)p->l2,
                                 .beta1 = (real)p->beta1,
                                 .beta2 = (real)p->beta2,
                                 .one_less1 = (real)(1 - p->beta1),
                                 .one_less2 = (real)(1 - p->beta2),
                                 .rate = (real)(lr / (1 - o->power1)),
                                 .root2 = (real)(1 / sqrt(1 - o->power2)),
                                 .epsilon = (real)p->epsilon};
    for (; i + LANES <= n; i += LANES)
        F(update)(LANES, &s, value + i, grad + i, m + i, v + i);
    F(update)((int)(n - i), &s, value + i, grad + i, m + i, v + i);
}

/* logcumsumexp: y_i = log(exp x_0 + ... + exp x_i) along an axis, without overflow.
 *
 * Forward. The sum is kept relative to the largest x so far. Backward. dy_k/dx_i = exp(x_i - y_k)
 * for k >= i. With r_i = sum_{k >= i} g_k exp(y_i - y_k), which is
 *
 *     r_i = g_i + r_(i+1) exp(y_i - y_(i+1)),    dL/dx_i = r_i exp(x_i - y_i)
 *
 * and no exponent is positive, as y does not fall.
 *
 * Corners. As long as all x are -inf, so is y, and the gradient is NaN, as that of logsumexp. */
#include "autograd/along.h"

RG__KERNELS(logcumsumexp);

static void F(forward)(const rg_node *node, const real *x, int64_t n, real *y)
{
    double largest = -HUGE_VAL, sum = 0; /* sum exp(x - largest) */
    (void)node;
    for (int64_t k = 0; k < n; k++) {
        double v = ACC(x[k]);
        if (v > largest) {
            sum = sum * exp(largest - v) + 1;
            largest = v;
        } else if (v == largest) {
            sum += v > -HUGE_VAL;
        } else {
            sum += exp(v - largest);
        }
        y[k] = (real)(largest + log(sum));
    }
}

static void F(backward)(const rg_node *node, const real *x, const real *y, const real *g, int64_t n,
                        real *gx)
{
    double r = 0;
    (void)node;
    for (int64_t k = n - 1; k >= 0; k--) {
        double later = k + 1 < n ? r * exp(ACC(y[k]) - ACC(y[k + 1])) : 0;
        r = ACC(g[k]) + later;
        gx[k] = (real)(r * exp(ACC(x[k]) - ACC(y[k])));
    }
}

void F(rg__logcumsumexp_forward)(rg_node *y)
{
    F(rg__along_forward)(y, F(forward));
}

void F(rg__logcumsumexp_backward)(rg_node *y)
{
    F(rg__along_backward)(y, F(backward));
}

#ifdef RG__ONCE
RG__ALONG_SAMPLES(logcumsumexp, "np.logaddexp.accumulate", NULL);

RG__OPERATOR(logcumsumexp, "y_i = log sum_{k <= i} exp x_k along an axis", rg__along_rule, samples);

rg_node *rg_logcumsumexp(rg_graph *graph, rg_node *x, int axis)
{
    return rg__apply_along(graph, &rg__builtin_logcumsumexp, x, axis);
}
#endif

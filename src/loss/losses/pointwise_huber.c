/* pointwise_huber: squared error near 0, absolute error beyond delta (Huber 1964).
 *
 *     l(d) = d^2 / 2 for |d| <= delta,  delta (|d| - delta / 2) beyond,    d_k = s_k - y_k
 *     L = sum_k w_k l(d_k),    the mean divides by the number of items
 *
 *     l'(d) = d for |d| <= delta,  delta sign(d) beyond
 *     dL/ds_k = w_k l'(d_k) = -dL/dy_k              dL/dw_k = l(d_k)
 *
 * With m = min(|d|, delta), l = m (|d| - m / 2) and l' = m sign(d); both are continuous at delta.
 * XGBoost's reg:pseudohubererror is smooth, another function; LightGBM's huber is this one, with
 * delta called alpha. A logit of -inf costs +inf, with the slope -delta. */
#include "loss/parts.h"

#include <math.h>

struct pointwise_huber {
    double delta;
};

static void point(const struct rg__points *p)
{
    double delta = ((const struct pointwise_huber *)p->list->params)->delta;
    for (int64_t k = 0; k < p->n; k++) {
        double d = p->s[k] - p->y[k], size = fabs(d), inner = size < delta ? size : delta;
        double slope = copysign(inner, d);
        p->value[k] = inner * (size - inner / 2);
        p->by_s[k] = slope;
        p->by_y[k] = -slope;
    }
}

RG__POINTWISE(point)

static const rg_param params[] = {
    RG__REAL(struct pointwise_huber, delta, 1, 0, 1e30, .above = true,
             .help = "Error from which on the loss grows linearly"),
};

const rg_loss rg__loss_pointwise_huber = {
    .component = {.name = "pointwise_huber",
                  .formula = "L = sum_k w_k l(s_k - y_k), l(d) = d^2 / 2, beyond delta linear",
                  RG__PARAMS(struct pointwise_huber, params)},
    .properties = {.unit = RG_UNIT_ITEMS},
    .workspace = RG__POINTWISE_WORKSPACE,
    .forward = forward,
    .backward = backward};

/* pointwise_huber: squared error near 0, absolute error beyond delta (Huber 1964).
 *
 *     l(d) = d^2 / 2 for |d| <= delta,  delta (|d| - delta / 2) beyond,    d_k = s_k - y_k
 *     L = sum_k w_k l(d_k),    the mean divides by the number of items
 *
 *     l'(d) = d for |d| <= delta,  delta sign(d) beyond
 *     dL/ds_k = w_k l'(d_k) = -dL/dy_k              dL/dw_k = l(d_k)
 *
 * l and l' are continuous at delta. XGBoost's reg:pseudohubererror is smooth, another function;
 * LightGBM's huber is this one, with delta called alpha. A logit of -inf costs +inf, with the slope
 * -delta. */
#include "loss/parts.h"

#include <math.h>

struct pointwise_huber {
    double delta;
};

static struct rg__point point(double s, double y, const void *params)
{
    double delta = ((const struct pointwise_huber *)params)->delta, d = s - y;
    if (fabs(d) <= delta)
        return (struct rg__point){d * d / 2, d, -d};
    double slope = d > 0 ? delta : -delta;
    return (struct rg__point){delta * (fabs(d) - delta / 2), slope, -slope};
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
    .forward = forward,
    .backward = backward};

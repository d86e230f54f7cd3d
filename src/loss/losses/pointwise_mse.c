/* pointwise_mse: squared error of each item, as rax 0.4.0.
 *
 *     L = sum_k w_k (s_k - y_k)^2,    the mean divides by the number of items
 *
 *     dL/ds_k = 2 w_k (s_k - y_k) = -dL/dy_k        dL/dw_k = (s_k - y_k)^2
 *
 * Weights are not in the divisor. A logit of -inf makes its list's loss +inf. */
#include "loss/parts.h"

static struct rg__point point(double s, double y, const void *params)
{
    (void)params;
    double d = s - y;
    return (struct rg__point){d * d, 2 * d, -2 * d};
}

RG__POINTWISE(point)

const rg_loss rg__loss_pointwise_mse = {
    .component = {.name = "pointwise_mse", .formula = "L = sum_k w_k (s_k - y_k)^2"},
    .properties = {.unit = RG_UNIT_ITEMS},
    .forward = forward,
    .backward = backward};

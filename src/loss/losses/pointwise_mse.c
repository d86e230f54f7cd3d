/* pointwise_mse: squared error of each item, as rax 0.4.0.
 *
 *     L = sum_k w_k (s_k - y_k)^2,    the mean divides by the number of items
 *
 *     dL/ds_k = 2 w_k (s_k - y_k) = -dL/dy_k        dL/dw_k = (s_k - y_k)^2
 *
 * Weights are not in the divisor. A logit of -inf makes its list's loss +inf. */
#include "loss/parts.h"

static void point(const struct rg__points *p)
{
    for (int64_t k = 0; k < p->n; k++) {
        double d = p->s[k] - p->y[k];
        p->value[k] = d * d;
        p->by_s[k] = 2 * d;
        p->by_y[k] = -2 * d;
    }
}

RG__POINTWISE(point)

const rg_loss rg__loss_pointwise_mse = {
    .component = {.name = "pointwise_mse", .formula = "L = sum_k w_k (s_k - y_k)^2"},
    .properties = {.unit = RG_UNIT_ITEMS},
    .workspace = RG__POINTWISE_WORKSPACE,
    .forward = forward,
    .backward = backward};

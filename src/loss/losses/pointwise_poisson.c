/* pointwise_poisson: the negative log likelihood of counts y with mean exp(s), without the constant
 * log y!, as XGBoost's count:poisson and LightGBM's poisson (there without max_delta_step, which
 * only stabilises their Hessians).
 *
 *     L = sum_k w_k (exp(s_k) - y_k s_k),    the mean divides by the number of items
 *
 *     dL/ds_k = w_k (exp(s_k) - y_k)     dL/dy_k = -w_k s_k     dL/dw_k = exp(s_k) - y_k s_k
 *
 * A negative label leaves the loss unbounded below. y = 0 at a logit of -inf: the mean is 0 and so
 * is the loss. exp(s) overflows above 709; the loss is then +inf, and so is the slope. */
#include "loss/parts.h"
#include "tensor/elementary.h"

static void point(const struct rg__points *p)
{
    rg__exp_of(p->list->ctx, p->s, p->n, 0, p->value);
    for (int64_t k = 0; k < p->n; k++) {
        p->by_s[k] = p->value[k] - p->y[k];
        p->by_y[k] = -p->s[k];
        p->value[k] -= rg__times(p->y[k], p->s[k]);
    }
}

RG__POINTWISE(point)

const rg_loss rg__loss_pointwise_poisson = {
    .component = {.name = "pointwise_poisson", .formula = "L = sum_k w_k (exp(s_k) - y_k s_k)"},
    .properties = {.needs_nonnegative_labels = true, .unit = RG_UNIT_ITEMS},
    .workspace = RG__POINTWISE_WORKSPACE,
    .forward = forward,
    .backward = backward};

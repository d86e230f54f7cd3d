/* pointwise_sigmoid: cross entropy of each item's relevance, as rax 0.4.0.
 *
 *     t_k = min(max(y_k, 0), 1),    q = 1 / (1 + exp(-s))
 *     L = -sum_k w_k (t_k log q_k + (1 - t_k) log(1 - q_k))
 *       = sum_k w_k (log(1 + exp s_k) - t_k s_k)
 *
 * The mean divides by the number of items; weights are not in it.
 *
 *     dL/ds_k = w_k (q_k - t_k)      dL/dw_k = log(1 + exp s_k) - t_k s_k
 *     dL/dy_k = -w_k s_k for 0 <= y_k <= 1, 0 where the label is clipped
 *
 * log(1 + exp s) = max(s, 0) + log(1 + exp -|s|) does not overflow. t = 0 at a logit of -inf is
 * right with certainty: 0. At s = 0 the derivative of rax is wrong (that of |s| is taken as 1). */
#include "loss/parts.h"
#include "tensor/elementary.h"

#include <math.h>

static void point(const struct rg__points *p)
{
    for (int64_t k = 0; k < p->n; k++)
        p->value[k] = -fabs(p->s[k]);
    rg__softplus(p->list->ctx, p->value, p->n, p->value, p->by_s);
    for (int64_t k = 0; k < p->n; k++) {
        double s = p->s[k], y = p->y[k], t = y > 0 ? y : 0, above = s > 0; /* no branches */
        t = t < 1 ? t : 1;
        p->value[k] += rg__times(above - t, s);
        p->by_s[k] = above - t + (1 - 2 * above) * p->by_s[k]; /* that is 1 / (1 + exp |s|) */
        p->by_y[k] = rg__times(t == y, -s);
    }
}

RG__POINTWISE(point)

const rg_loss rg__loss_pointwise_sigmoid = {
    .component = {.name = "pointwise_sigmoid",
                  .formula = "L = -sum_k w_k (t_k log q_k + (1 - t_k) log(1 - q_k)), "
                             "q = sigmoid(s), t = y clipped to [0, 1]"},
    .properties = {.unit = RG_UNIT_ITEMS},
    .workspace = RG__POINTWISE_WORKSPACE,
    .forward = forward,
    .backward = backward};

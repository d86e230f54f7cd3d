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
        double s = p->s[k], y = p->y[k], t = y < 0 ? 0 : y > 1 ? 1 : y;
        double rest = p->by_s[k]; /* 1 / (1 + exp |s|), the smaller one of q and 1 - q */
        p->value[k] += s > 0 ? (1 - t) * s : -rg__times(t, s);
        p->by_s[k] = s > 0 ? 1 - t - rest : rest - t;
        p->by_y[k] = t == y ? -s : 0;
    }
}

RG__POINTWISE(point)

const rg_loss rg__loss_pointwise_sigmoid = {
    .component = {.name = "pointwise_sigmoid",
                  .formula = "L = -sum_k w_k (t_k log q_k + (1 - t_k) log(1 - q_k)), "
                             "q = sigmoid(s), t = y clipped to [0, 1]"},
    .properties = {.unit = RG_UNIT_ITEMS},
    .forward = forward,
    .backward = backward};

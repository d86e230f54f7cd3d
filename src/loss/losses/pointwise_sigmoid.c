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

#include <math.h>

static struct rg__point point(double s, double y, const void *params)
{
    (void)params;
    double t = y < 0 ? 0 : y > 1 ? 1 : y, e = exp(-fabs(s));
    double above = s > 0 ? (1 - t) * s : -rg__times(t, s); /* max(s, 0) - t s */
    return (struct rg__point){above + log1p(e), (s > 0 ? 1 : e) / (1 + e) - t, t == y ? -s : 0};
}

RG__POINTWISE(point)

const rg_loss rg__loss_pointwise_sigmoid = {
    .component = {.name = "pointwise_sigmoid",
                  .formula = "L = -sum_k w_k (t_k log q_k + (1 - t_k) log(1 - q_k)), "
                             "q = sigmoid(s), t = y clipped to [0, 1]"},
    .properties = {.unit = RG_UNIT_ITEMS},
    .forward = forward,
    .backward = backward};

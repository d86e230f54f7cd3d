/* poly1_softmax: softmax cross entropy and the first term of its polynomial expansion (PolyLoss,
 * Leng et al. 2022), as rax 0.4.0.
 *
 *     z_k = y_k w_k,    q_k = z_k / sum z,    p = softmax(s),    u = sum_k q_k p_k
 *     L = -sum_k z_k log p_k + epsilon (1 - u)
 *
 * Gradient. As ranking_softmax, and from dp_j/ds_k = p_j ([j = k] - p_k), with Z = sum z:
 *
 *     dL/ds_k = Z p_k - z_k - epsilon p_k (q_k - u)
 *     dL/dz_k = -log p_k - epsilon (p_k - u) / Z     dL/dy_k = w_k dL/dz_k, dL/dw_k = y_k dL/dz_k
 *
 * Corners. A list whose z sum to 0 has q_k = 1 / n, as in rax, so that with labels of 0 the loss is
 * epsilon (1 - 1/n); these q are constants. z_k = 0 at a logit of -inf adds nothing; all logits at
 * -inf: NaN. TF-Ranking 0.5.5 normalises z in the first term too. */
#include "loss/parts.h"

#include <math.h>

struct poly1_softmax {
    double epsilon;
};

static double forward(rg_list *list)
{
    double epsilon = ((const struct poly1_softmax *)list->params)->epsilon;
    double *p = list->scratch, total = 0, loss = 0, u = 0;
    struct rg__kept grad = rg__kept_zeros(list);
    struct rg__softmax softmax = rg__softmax(list->ctx, list->logits, list->n, p);
    for (int64_t k = 0; k < list->n; k++)
        total += list->labels[k] * list->weights[k];
    for (int64_t k = 0; k < list->n; k++) {
        double z = list->labels[k] * list->weights[k];
        loss += rg__times(z, rg__surprise(&softmax, list->logits[k]));
        u += total == 0 ? p[k] / (double)list->n : z / total * p[k];
    }
    for (int64_t k = 0; k < list->n; k++) {
        double y = list->labels[k], w = list->weights[k];
        double q = total == 0 ? 1 / (double)list->n : y * w / total;
        double dz = rg__surprise(&softmax, list->logits[k]);
        dz -= total == 0 ? 0 : epsilon * (p[k] - u) / total;
        grad.logits[k] = total * p[k] - y * w - epsilon * p[k] * (q - u);
        grad.labels[k] = rg__times(w, dz);
        grad.weights[k] = rg__times(y, dz);
    }
    return loss + epsilon * (1 - u);
}

static const rg_param params[] = {
    RG__REAL(struct poly1_softmax, epsilon, 1, -1e6, 1e6,
             .help = "Coefficient of 1 minus the probability of the targets"),
};

const rg_loss rg__loss_poly1_softmax = {
    .component = {.name = "poly1_softmax",
                  .formula = "L = -sum_k z_k log p_k + epsilon (1 - sum_k p_k z_k / sum z), "
                             "z = labels * weights, p = softmax(s)",
                  RG__PARAMS(struct poly1_softmax, params)},
    .properties = {.needs_nonnegative_labels = true,
                   .shift_invariant = true,
                   .unit = RG_UNIT_LISTS},
    .workspace = {.scratch = 1, .kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

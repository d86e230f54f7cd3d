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
#define RG_REAL 64
#include "loss/parts.h"
#include "tensor/elementary.h"

struct poly1_softmax {
    double epsilon;
};

static double forward(rg_list *list)
{
    double epsilon = ((const struct poly1_softmax *)list->params)->epsilon;
    int64_t n = list->n;
    double *p = list->scratch, *z = p + n, *l = z + n, *term = l + n;
    struct rg__kept grad = rg__kept_zeros(list);
    struct rg__softmax softmax = rg__softmax(list->ctx, list->logits, list->n, p);
    for (int64_t k = 0; k < n; k++) {
        z[k] = list->labels[k] * list->weights[k];
        l[k] = rg__surprise(&softmax, list->logits[k]);
        term[k] = rg__times(z[k], l[k]);
    }
    double total = rg__sum_of(list->ctx, z, n), loss = rg__sum_of(list->ctx, term, n);
    double share = total == 0 ? 0 : 1 / total, even = total == 0 ? 1 / (double)n : 0;
    for (int64_t k = 0; k < n; k++)
        term[k] = (z[k] * share + even) * p[k];
    double u = rg__sum_of(list->ctx, term, n);
    for (int64_t k = 0; k < n; k++) {
        double q = z[k] * share + even;
        grad.logits[k] = total * p[k] - z[k] - epsilon * p[k] * (q - u);
        l[k] -= epsilon * share * (p[k] - u); /* dL/dz */
    }
    rg__kept_products(list, l, &grad);
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
    .workspace = {.scratch = 4, .kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

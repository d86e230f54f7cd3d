/* gumbel.c: scores with Gumbel noise; see gumbel.h. */
#include "loss/gumbel.h"

#include "tensor/elementary.h"

void rg__gumbel_scores(const rg_list *list, const struct rg__gumbel *params, int64_t sample,
                       double *x)
{
    rg__item_uniforms(list, params->seed, sample, x);
    for (int64_t k = 0; k < list->n; k++)
        x[k] = 1 - x[k]; /* exact */
    rg__log_of(list->ctx, x, list->n, x);
    for (int64_t k = 0; k < list->n; k++)
        x[k] = x[k] < -0x1p-54 ? -x[k] : 0x1p-54; /* E; u = 0 would be G = inf */
    rg__log_of(list->ctx, x, list->n, x);
    for (int64_t k = 0; k < list->n; k++)
        x[k] = list->logits[k] - params->beta * x[k];
}

/* gumbel.c: scores with Gumbel noise; see gumbel.h. */
#include "loss/gumbel.h"

#include <math.h>

void rg__gumbel_scores(const rg_list *list, const struct rg__gumbel *params, int64_t sample,
                       double *x)
{
    for (int64_t k = 0; k < list->n; k++) {
        double u = rg__item_uniform(list, k, params->seed, sample);
        double e = fmax(-log1p(-u), 0x1p-54); /* u = 0 would be G = inf */
        x[k] = list->logits[k] - params->beta * log(e);
    }
}

/* gumbel.h (internal): scores with Gumbel noise. An order by s + G is a draw from the model of
 * Plackett and Luce with the scores s.
 *
 *     x_k = s_k + beta G_k,    G = -log E,    E = -log(1 - u),    u uniform in [0,1)
 *
 * u follows the item: it depends on seed, the item's id, the draw (in training: the step) and the
 * number of the sample alone, so that the order of items and lists changes nothing. */
#ifndef RG_LOSS_GUMBEL_H
#define RG_LOSS_GUMBEL_H

#include "loss/parts.h"

/* The parameters of losses with such scores. */
struct rg__gumbel {
    double temperature, beta;
    int64_t samples, seed;
};

/* The arguments, if any, are further fields of the temperature. */
#define RG__GUMBEL_PARAMS(...)                                                                     \
    RG__REAL(struct rg__gumbel, temperature, 1, 0, 1e6, .above = true,                             \
             .help = "Divides the scores with their noise", __VA_ARGS__),                          \
        RG__REAL(struct rg__gumbel, beta, 1, 0, 1e6, .help = "Factor of the noise"),               \
        RG__INTEGER(struct rg__gumbel, samples, 8, 1, 65536, .help = "Samples of the noise"),      \
        RG__INTEGER(struct rg__gumbel, seed, 0, 0, 9e15, .help = "Seed of the random numbers")

/* x of the list for one sample. */
void rg__gumbel_scores(const rg_list *list, const struct rg__gumbel *params, int64_t sample,
                       double *x);

#endif

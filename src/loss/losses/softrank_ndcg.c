/* softrank_ndcg: the negative expected NDCG of noisy scores (SoftRank, Taylor et al. 2008).
 *
 * Scores are normal with means s and standard deviation sigma; then i beats j with probability
 *
 *     pi_ij = P(S_i > S_j) = Phi((s_i - s_j) / (sigma sqrt 2))
 *
 * Taking these as independent, the number R_j of items that beat j, its rank from 0, is a sum of
 * independent trials. With D(r) = 1 / log2(2 + r), the expected discount and the loss, gains and
 * ideal as in soft_ndcg.h, are
 *
 *     d_j = E D(R_j),    L = -sum_j g_j d_j / I
 *
 * The paper finds the distribution of R_j by adding one trial after the other and, for the
 * gradient, takes each trial out again: n^3 steps for a list. But D is completely monotone, a
 * mixture of exponentials, and the mean of an exponential of a sum is a product:
 *
 *     D(r) = sum_m c_m x_m^r,    d_j = sum_m c_m Q_m,    Q_m = prod_i (1 - pi_ij + pi_ij x_m)
 *
 * All terms are positive, so no digit is lost. From the integral
 *
 *     D(r) = log 2 int exp(-(2 + r) u) N(u) du,  N(u) = int_0^inf u^(t-1) / Gamma(t) dt
 *
 * by the trapezoidal rule in log u with step 1/4; the infinitely many nodes below 2 / r are
 * replaced by the 8 nodes of their Gaussian quadrature. D has 15 digits for all r up to 2,000 with
 * 48 nodes, and up to 2,000,000 with 80.
 *
 * Gradient.
 *
 *     d d_j/dpi_ij = m_ij = sum_m c_m (x_m - 1) Q_m / (1 - pi_ij + pi_ij x_m)
 *     dL/ds_k = -sum_j phi_kj (g_j m_kj - g_k m_jk) / I,    phi_kj = dpi_kj/ds_k
 *
 * Kernel. O(n^2) time, O(n) memory. Corners. A list without a gain gives 0. An item at -inf is
 * beaten by all others; two of them beat each other with probability 1/2.
 *
 * PTRanking's SoftRank takes the discount at the expected rank instead, which is another number. */
#include "loss/soft_ndcg.h"
#include "loss/soft_sums.h"
#include "tensor/elementary.h"

#include <math.h>

struct softrank_ndcg {
    double sigma;
};

enum { LADDER = 72, SHORT_LADDER = 40, TAIL = 8, SHORT_LIST = 2000 };

/* c of the nodes x = exp(-exp(FIRST - m / 4)). */
static const double FIRST = 3.65625;
static const double ladder[LADDER] = {
    0x1.dab318bc30731p-54, 0x1.d8e108726b19fp-42, 0x1.1b6d934395655p-32, 0x1.36d19eaeaf15bp-25,
    0x1.b027cbb73377fp-20, 0x1.eb1ead2c66486p-16, 0x1.160606c8e1af1p-12, 0x1.6ddff77f70b48p-10,
    0x1.3b86c04b0ce9cp-8,  0x1.87a27fb2d2b47p-7,  0x1.7859db1e5d79ap-6,  0x1.2882541c44b8fp-5,
    0x1.90aa718069c14p-5,  0x1.e10b1a51c491ap-5,  0x1.07d83e9944becp-4,  0x1.0e549c5b54aedp-4,
    0x1.07364ef86c3aep-4,  0x1.edba4242b6133p-5,  0x1.c2c4111e99fdbp-5,  0x1.93e310aedf6b2p-5,
    0x1.655fd358fa89bp-5,  0x1.39c347a7b6790p-5,  0x1.124fd03f25632p-5,  0x1.dee38e8d426a8p-6,
    0x1.a22c67f55dd3cp-6,  0x1.6dcd4117a5979p-6,  0x1.40de5245d6a32p-6,  0x1.1a69efce72d93p-6,
    0x1.f309e735170ddp-7,  0x1.bab4ccaeeb6a7p-7,  0x1.8a5f608b3a467p-7,  0x1.60c960daf8e53p-7,
    0x1.3ce38e8158604p-7,  0x1.1dca0c179ac66p-7,  0x1.02be57c80a8f2p-7,  0x1.d6431abf40ae7p-8,
    0x1.acde7dc19710cp-8,  0x1.8871fa672d7c4p-8,  0x1.68451dfdddb85p-8,  0x1.4bbd8d4645e49p-8,
    0x1.3259c69712651p-8,  0x1.1bacd0a60630bp-8,  0x1.075aaf2d3f24ep-8,  0x1.ea2af64b1d1eap-9,
    0x1.c936028b0ae2fp-9,  0x1.ab659c6f20953p-9,  0x1.9059287a2ba29p-9,  0x1.77bdb340f1c3bp-9,
    0x1.614bc4db1880bp-9,  0x1.4cc594e9edcacp-9,  0x1.39f58d6a754f4p-9,  0x1.28ad0dec292f6p-9,
    0x1.18c36383fb50fp-9,  0x1.0a14ec0989ad8p-9,  0x1.f904b9e9829d0p-10, 0x1.dfe04f4339ad3p-10,
    0x1.c88bebcf5880fp-10, 0x1.b2dc75c37fb77p-10, 0x1.9eaba9058bf77p-10, 0x1.8bd776618d9d3p-10,
    0x1.7a417a3a6e8bfp-10, 0x1.69ce86f0dc3b6p-10, 0x1.5a663fe3070dcp-10, 0x1.4bf2c270070c3p-10,
    0x1.3e605ad928b72p-10, 0x1.319d4336c9f8bp-10, 0x1.25996b0195023p-10, 0x1.1a4645eeda0bdp-10,
    0x1.0f96a111fd6d9p-10, 0x1.057e7d5f5f156p-10, 0x1.f7e5dda0c64adp-11, 0x1.e5d3ff0b477c0p-11};

/* The nodes that replace those below: u, where x = exp(-u), and c. */
struct tail {
    double u[TAIL], c[TAIL];
};
static const struct tail short_tail = {
    {0x1.2ed0f72b94e0fp-19, 0x1.8443c078c0770p-14, 0x1.2065ebdb62748p-12, 0x1.1062d4833a0ddp-11,
     0x1.9d59fe5a23200p-11, 0x1.160fac4631ba3p-10, 0x1.66ce540ce5a03p-10, 0x1.ccc51b35ec98ap-10},
    {0x1.22e193a9a3623p-4, 0x1.af5077c6c4469p-7, 0x1.240c07d981d0dp-7, 0x1.b44db723dbaabp-8,
     0x1.4b0f3a7bb99d0p-8, 0x1.16b440bb5d495p-8, 0x1.1c48a85bee5a1p-8, 0x1.325a9648406f7p-8}};
static const struct tail long_tail = {
    {0x1.cd96e218fc916p-32, 0x1.f7d627a8b7af1p-26, 0x1.81f4a77f0585ep-24, 0x1.71a1e3e150f0fp-23,
     0x1.1ab893a94e625p-22, 0x1.7dcd5c2848997p-22, 0x1.ed01cc9eb5551p-22, 0x1.3c8fc3605012cp-21},
    {0x1.3f87c0c49c02cp-5, 0x1.f35ac0025caebp-9, 0x1.29abeebf86f46p-9, 0x1.99514a7f16569p-10,
     0x1.243eeaa5e3010p-10, 0x1.d1ec57ae55d91p-11, 0x1.c5a409cc8c4c6p-11, 0x1.d4b6c209242e1p-11}};

/* x and c of the mixture. */
struct mixture {
    int n;
    double x[LADDER + TAIL], c[LADDER + TAIL];
};

static void find_mixture(const rg_list *list, struct mixture *mixture)
{
    bool is_short = list->n <= SHORT_LIST;
    const struct tail *tail = is_short ? &short_tail : &long_tail;
    int steps = is_short ? SHORT_LADDER : LADDER;
    mixture->n = steps + TAIL;
    for (int m = 0; m < steps; m++) {
        mixture->x[m] = FIRST - m / 4.0;
        mixture->c[m] = ladder[m];
    }
    rg__exp_of(list->ctx, mixture->x, steps, 0, mixture->x);
    for (int m = 0; m < TAIL; m++) {
        mixture->x[steps + m] = tail->u[m];
        mixture->c[steps + m] = tail->c[m];
    }
    for (int m = 0; m < mixture->n; m++)
        mixture->x[m] = -mixture->x[m];
    rg__exp_of(list->ctx, mixture->x, mixture->n, 0, mixture->x);
}

/* The other items against item j: 1 - pi_ij, pi_ij and phi_ij; j itself never beats j. */
struct others {
    double *lose, *win, *density;
};

/* s: the scores, in the order of `others`. */
static void compare(const rg_list *list, const double *s, int64_t j, const struct others *others)
{
    static const double ROOT_PI = 1.77245385090551602730;
    double sigma = ((const struct softrank_ndcg *)list->params)->sigma, s_j = s[j];
    for (int64_t i = 0; i < list->n; i++) {
        double s_i = s[i], z = s_i == s_j ? 0 : (s_i - s_j) / (2 * sigma);
        double less = erfc(fabs(z)) / 2; /* the smaller probability, which has all its digits */
        others->win[i] = z < 0 ? less : 1 - less;
        others->lose[i] = z < 0 ? 1 - less : less;
        others->density[i] = -z * z;
    }
    rg__exp_of(list->ctx, others->density, list->n, 0, others->density);
    for (int64_t i = 0; i < list->n; i++)
        others->density[i] /= 2 * ROOT_PI * sigma;
    others->lose[j] = 1;
    others->win[j] = others->density[j] = 0;
}

/* d_j; with `slope`, m_ij of all i too. */
static double expected_discount(const rg_list *list, const struct mixture *mixture,
                                const struct others *others, double *slope)
{
    const struct rg__soft_sums *sums = rg__soft_sums(list->ctx);
    double product[LADDER + TAIL], sum = 0;
    for (int m = 0; m < mixture->n; m++)
        product[m] = mixture->c[m];
    sums->products(others->lose, others->win, list->n, mixture->x, mixture->n, product);
    for (int m = 0; m < mixture->n; m++) {
        sum += product[m];
        product[m] *= mixture->x[m] - 1;
    }
    if (slope)
        sums->quotients(others->lose, others->win, list->n, mixture->x, product, mixture->n, slope);
    return sum;
}

/* Items are visited in the order of their values, and what an item gets as j is added last, so that
 * the order of the rows changes no bit, and equal items get the same bits. */
static double forward(rg_list *list)
{
    const struct rg__order by_score = {.key = RG__BY_SCORE, .tie = rg__by_values, .user = list};
    int64_t n = list->n;
    double *room = list->scratch, *discount = room, *slope = room + n, *s = room + 2 * n;
    double *own = room + 3 * n; /* what the scores of items j get */
    const struct others others = {room + 4 * n, room + 5 * n, room + 6 * n};
    struct mixture mixture;
    struct rg__kept grad = rg__kept_zeros(list);
    struct rg__gains gains = rg__gains_of(list, room + 7 * n);
    struct rg__item *items = rg__sorted_items(list, &by_score, gains.room);
    if (gains.ideal == 0)
        return 0;
    find_mixture(list, &mixture);
    for (int64_t j = 0; j < n; j++)
        s[j] = items[j].score;
    for (int64_t j = 0; j < n; j++) {
        int64_t row = items[j].row;
        double gain = gains.gain[row] / gains.ideal;
        discount[row] = own[j] = 0;
        if (!(items[j].label > 0))
            continue; /* nothing depends on it */
        compare(list, s, j, &others);
        discount[row] = expected_discount(list, &mixture, &others, gain != 0 ? slope : NULL);
        for (int64_t i = 0; i < n && gain != 0; i++) {
            double by_score_i = gain * slope[i] * others.density[i];
            grad.logits[items[i].row] -= by_score_i;
            own[j] += by_score_i;
        }
    }
    for (int64_t j = 0; j < n; j++)
        grad.logits[items[j].row] += own[j];
    return rg__gains_add(&gains, discount, 1, &grad);
}

static const rg_param params[] = {
    RG__REAL(struct softrank_ndcg, sigma, 1, 0, 1e6, .above = true,
             .help = "Standard deviation of the scores", .training = "0.1",
             .training_reason = RG__TEMPERATURE_REASON),
};

const rg_loss rg__loss_softrank_ndcg = {
    .component = {.name = "softrank_ndcg",
                  .formula =
                      "L = -sum_j g_j E[1 / log2(1 + rank_j)] / ideal, g_j = w_j (2^{y_j} - 1), "
                      "scores normal around s with deviation sigma",
                  RG__PARAMS(struct softrank_ndcg, params)},
    .properties = {.shift_invariant = true, .most_label = 1023, .unit = RG_UNIT_LISTS},
    .workspace = {.scratch = 7 + RG__GAINS_ROOM, .kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

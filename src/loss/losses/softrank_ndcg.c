/* softrank_ndcg: the negative expected NDCG of noisy scores (SoftRank, Taylor et al. 2008).
 *
 * Scores are normal with means s and standard deviation sigma; then i beats j with probability
 *
 *     pi_ij = P(S_i > S_j) = Phi((s_i - s_j) / (sigma sqrt 2))
 *
 * Taking these as independent, the number of items that beat j, its rank from 0, is a sum of
 * independent trials. Its distribution p_j starts with certainty at 0, and each other item i makes
 *
 *     p(r) <- p(r - 1) pi_ij + p(r) (1 - pi_ij)
 *
 * With D(r) = 1 / log2(2 + r), the expected discount and the loss, gains and ideal as in
 * soft_ndcg.h, are
 *
 *     d_j = sum_r D(r) p_j(r),    L = -sum_j g_j d_j / I
 *
 * Gradient. With q the distribution of j without item i,
 *
 *     d d_j/dpi_ij = m_ij = sum_r q(r) (D(r + 1) - D(r))
 *     dL/ds_k = -sum_j phi_kj (g_j m_kj - g_k m_jk) / I,    phi_kj = dpi_kj/ds_k
 *
 * q comes from undoing the step above: from r = 0 on where pi_ij <= 1/2, and from the other end
 * where not, so that errors shrink.
 *
 * Kernel. O(n^3) time, O(n) memory: for lists of hundreds, not thousands. Corners. A list without a
 * gain gives 0. An item at -inf is beaten by all others; two of them beat each other with
 * probability 1/2. PTRanking computes the same with a parameter delta for sigma. */
#include "loss/soft_ndcg.h"

#include "ranking/gain.h"

#include <math.h>
#include <string.h>

struct softrank_ndcg {
    double sigma;
};

/* (s_i - s_j) / (sigma sqrt 2); 0 for two infinities alike. */
static double distance(const rg_list *list, int64_t i, int64_t j)
{
    double sigma = ((const struct softrank_ndcg *)list->params)->sigma;
    double s_i = list->logits[i], s_j = list->logits[j];
    return s_i == s_j ? 0 : (s_i - s_j) / (sigma * sqrt(2));
}

/* Phi: the probability that the one with this distance wins. */
static double win(double distance)
{
    return erfc(-distance / sqrt(2)) / 2;
}

/* The distribution of the rank of item j into p (n). */
static void find_ranks(const rg_list *list, int64_t j, double *p)
{
    int64_t n_others = 0;
    memset(p, 0, (size_t)list->n * sizeof *p);
    p[0] = 1;
    for (int64_t i = 0; i < list->n; i++) {
        if (i == j)
            continue;
        double beaten = win(distance(list, i, j));
        n_others++;
        for (int64_t r = n_others; r > 0; r--)
            p[r] = p[r - 1] * beaten + p[r] * (1 - beaten);
        p[0] *= 1 - beaten;
    }
}

/* sum_r q(r) (D(r + 1) - D(r)), q being p (n) without an item that wins with probability
 * `beaten`. */
static double slope_without(const double *p, int64_t n, double beaten, const double *discount)
{
    double sum = 0, q = 0;
    if (beaten <= 0.5)
        for (int64_t r = 0; r < n - 1; r++) {
            q = (p[r] - beaten * q) / (1 - beaten);
            sum += q * (discount[r + 1] - discount[r]);
        }
    else
        for (int64_t r = n - 1; r > 0; r--) {
            q = (p[r] - (1 - beaten) * q) / beaten;
            sum += q * (discount[r] - discount[r - 1]);
        }
    return sum;
}

static double forward(rg_list *list)
{
    static const double PI = 3.14159265358979323846;
    double sigma = ((const struct softrank_ndcg *)list->params)->sigma;
    double *p = list->scratch, *by_rank = p + list->n, *discount = by_rank + list->n;
    struct rg__kept grad = rg__kept_zeros(list);
    struct rg__gains gains = rg__gains_of(list, discount + list->n);
    if (gains.ideal == 0)
        return 0;
    for (int64_t r = 0; r < list->n; r++)
        by_rank[r] = rg__discounts(r, r + 1);
    for (int64_t j = 0; j < list->n; j++) {
        discount[j] = 0;
        if (!(list->labels[j] > 0))
            continue; /* nothing depends on it */
        find_ranks(list, j, p);
        for (int64_t r = 0; r < list->n; r++)
            discount[j] += by_rank[r] * p[r];
        for (int64_t i = 0; i < list->n && gains.gain[j] != 0; i++) {
            double z = distance(list, i, j);
            double density = exp(-z * z / 2) / sqrt(2 * PI) / (sigma * sqrt(2));
            if (i == j || density == 0)
                continue;
            double slope = slope_without(p, list->n, win(z), by_rank) * gains.gain[j] * density;
            grad.logits[i] -= slope / gains.ideal;
            grad.logits[j] += slope / gains.ideal;
        }
    }
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
    .workspace = {.scratch = 3 + RG__GAINS_ROOM, .kept = RG__KEPT},
    .forward = forward,
    .backward = rg__kept_backward};

/* lambda.h (internal): lambda weights, which tie the pairs of a loss to a metric.
 *
 * LambdaRank (Burges 2010) multiplies the loss of a pair (i,j) by lambda_ij, the change of a metric
 * when the two items swap their ranks. The weights are constants for the gradient: they depend on
 * the ranks, which are piecewise constant. So the value of such a loss is not a measure by itself;
 * it jumps where ranks change, and may grow while the metric improves.
 *
 * With g the gain of a label (divided by the ideal DCG where `normalized`), r the rank,
 * D(r) = 1 / log2(1 + r), D_k(r) = D(r) at ranks up to k = `topn` and 0 below, n the valid items:
 *
 *     label_difference  |y_i - y_j|
 *     ndcg              n |g_i - g_j| |D_k(r_i) - D_k(r_j)|              Burges 2010
 *     ndcg_loss1        n g_i D_k(r_i), over all ordered pairs           Wang et al. 2018, (11)
 *     ndcg_loss2        n |g_i - g_j| m_ij delta(|r_i - r_j|), delta(d) = D(d) - D(d + 1)
 *     ndcg_loss2pp      n |g_i - g_j| (mu m_ij delta(|r_i - r_j|) + |D_k(r_i) - D_k(r_j)|)
 *     yeti              ndcg_loss2 of neighbours in the ranking, other pairs 0
 *     precision         k |change of precision@k|: 1 where the swap crosses rank k, else 0
 *     map, mrr          n |change of AP@k|, n |change of RR@k|; relevant is y >= `lambda_threshold`
 *     weigh             a function of the caller (rg_loss_set_pair_weights), instead of all these
 *
 * m_ij is 1 where both ranks are at most k, else 1 / (1 - D(the larger rank)) (Jagerman et al.
 * 2022). The factor n is that of rax and TF-Ranking (dcg_lambdaweight, DCGLambdaWeight), where it
 * counts padding too; with it the mean over pairs has the scale of the unweighted loss. Weights of
 * items multiply the pair and do not enter lambda (TF-Ranking; rax multiplies the gains by them,
 * too).
 *
 * Truncation, as LightGBM and XGBoost read it. Where `truncation` is T > 0, a pair counts if one of
 * its items has a rank up to T; topn cuts no discount, the ideal DCG is that of the first T, and
 * there is no factor n.
 *
 * Ties. Equal scores are ordered by label, the lowest first: a tie counts as ranked wrongly, so
 * that a model whose scores are all equal gets a gradient. Items that share score and label stand
 * in any order: lambda is its mean over these orders, except that distances are those of mean
 * ranks. So it does not depend on the order of the rows. (rax, LightGBM and XGBoost take the order
 * of the rows, TF-Ranking a random one.) */
#ifndef RG_LOSS_LAMBDA_H
#define RG_LOSS_LAMBDA_H

#include "base/component.h"
#include "ranking/gain.h"

#include <rankgrad/loss.h>

enum rg__lambda_kind {
    RG__LAMBDA_NONE,
    RG__LAMBDA_LABEL_DIFFERENCE,
    RG__LAMBDA_NDCG,
    RG__LAMBDA_NDCG_LOSS1,
    RG__LAMBDA_NDCG_LOSS2,
    RG__LAMBDA_NDCG_LOSS2PP,
    RG__LAMBDA_YETI,
    RG__LAMBDA_PRECISION,
    RG__LAMBDA_MAP,
    RG__LAMBDA_MRR
};

/* The parameters; the first member of a loss's struct of parameters. */
struct rg__lambda {
    int lambda; /* an rg__lambda_kind */
    int gain;   /* an rg_gain */
    int64_t topn;
    bool normalized;
    double mu, lambda_threshold;
    /* Not parameters: */
    int64_t truncation;    /* the readings of LightGBM and XGBoost */
    rg_weigh_pairs *weigh; /* the caller's weights, used instead of `lambda`; NULL: none */
    void *user;            /* passed to it */
};

/* Whether pairs have weights. */
static inline bool rg__weighs_pairs(const struct rg__lambda *lambda)
{
    return lambda->lambda != RG__LAMBDA_NONE || lambda->truncation > 0 || lambda->weigh;
}

/* "none", "label_difference", ...; NULL past the last one. */
const char *rg__lambda_name(int kind);
const char *rg__lambda_gain_name(int gain);

/* Whether the weights depend on the gains of labels. */
static inline bool rg__uses_gains(const struct rg__lambda *lambda)
{
    return lambda->weigh ||
           (lambda->lambda >= RG__LAMBDA_NDCG && lambda->lambda <= RG__LAMBDA_YETI);
}

/* clang-format off */
/* The rows of a table of parameters. */
#define RG__LAMBDA_PARAMS                                                                          \
    RG__NAME(struct rg__lambda, lambda, RG__LAMBDA_NONE, rg__lambda_name,                          \
             .help = "Weights of pairs: the change of a metric when the pair swaps its ranks, as " \
                     "constants for the gradient"),                                                \
    RG__INTEGER(struct rg__lambda, topn, 0, 0, 2147483647,                                         \
                .help = "Cutoff of the metric behind lambda; 0 is the whole list, of precision "   \
                        "the number of relevant items"),                                           \
    RG__FLAG(struct rg__lambda, normalized, true,                                                  \
             .help = "Whether gains are divided by the ideal DCG"),                                \
    RG__NAME(struct rg__lambda, gain, RG_GAIN_EXP, rg__lambda_gain_name,                           \
             .help = "Gain of a label y in lambda: exp is 2^y - 1, linear is y"),                  \
    RG__REAL(struct rg__lambda, mu, 10, 0, 1e6,                                                    \
             .help = "Weight of ndcg_loss2 in ndcg_loss2pp"),                                      \
    RG__REAL(struct rg__lambda, lambda_threshold, 1, 0, 0,                                        \
             .help = "Label from which on an item is relevant to precision, map and mrr")
/* clang-format on */

/* What the weights of a list's pairs are computed from. */
struct rg__lambda_table {
    const struct rg__lambda *params;
    int64_t n, cut;
    const double *labels;     /* (n) */
    const double *scores;     /* (n) set by the caller, for `weigh` */
    double *gain;             /* (n) */
    double *rank, *a, *b;     /* (n) means over items of the same score and label; lambda.c */
    double *inside;           /* (n) means of whether the rank is at most `truncation` */
    double *distance;         /* (2 n) delta at half the index */
    double scale;             /* n, or 1 under truncation; of map divided by min(k, R) */
    double q_first, q_second; /* of mrr: 1 / rank of the first and second relevant item */
};

enum { RG__LAMBDA_ROOM = 7 }; /* numbers for each item: the members (n) and (2 n) but labels */

/* Computes what depends on rank: rank, a and b of items that stand in any order, by their `row`.
 * Sorts the items; `spare` holds n / 2. `room` holds RG__LAMBDA_ROOM * n numbers. */
void rg__lambda_rank(struct rg__lambda_table *table, const struct rg__lambda *params,
                     struct rg__item *items, int64_t n, struct rg__item *spare, double *room);

/* Reorders all that as `items`, which are sorted by label, and computes the gains; `labels` are the
 * sorted labels, `other` holds n numbers. */
void rg__lambda_sort(struct rg__lambda_table *table, const struct rg__item *items,
                     const double *labels, double *other);

/* weight[k] = lambda of the pair of items i and begin + k, for `count` pairs. */
void rg__lambda_row(const struct rg__lambda_table *table, int64_t i, int64_t begin, int64_t count,
                    double *weight);

#endif

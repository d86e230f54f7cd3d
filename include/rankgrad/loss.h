/* loss.h: ranking losses, each one differentiable node over lists.
 *
 * The one idea: a loss sees items in lists. Lists are either the last axis of the logits (padded,
 * with `where` telling which items exist) or runs of flat logits (N) between `offsets`. Both give
 * the same bits: valid items are compacted first, then one kernel runs.
 *
 * All losses share one signature and these options:
 *   labels, where, weights  broadcast against the logits as in NumPy: (n), (B,1), (B,n), scalar.
 *       A 1-D operand (n) against (B,n) is per item; of another length it is an error, also when
 *       that length is B. With offsets an operand is (N), a scalar, or (Q,1): one value a list.
 *       Any dtype but f16; they are cast to the logits' type. Where they are floating variables
 *       they get gradients.
 *   list_weights  multiply the losses of the lists, after the label mode: a list of weight 3 counts
 *       like the same list three times, and one of weight 0 as if it were not there. The mean is
 *       sum(weight loss) / sum(weight). One value for each list: broadcast against
 *       logits.shape[:-1], such as (B) for logits (B,n); with offsets (Q) or a scalar. A floating
 *       variable gets its gradient: the list's loss, under the mean (loss - mean) / sum(weight).
 *   A list without a valid item contributes nothing and is not counted by the mean.
 */
#ifndef RANKGRAD_LOSS_H
#define RANKGRAD_LOSS_H

#include <rankgrad/autograd.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rg_reduction {
    RG_REDUCE_MEAN, /* over lists with a valid item, by list weight; 0 when there is none */
    RG_REDUCE_SUM,
    RG_REDUCE_NONE /* one value a list: logits.shape[:-1], or (Q) with offsets */
} rg_reduction;

typedef enum rg_label_mode {
    RG_LABELS_RAW,        /* y~ = y w: coefficients, never normalised */
    RG_LABELS_NORMALIZED, /* y w / sum(y w); a list whose products sum to 0 contributes 0 */
    RG_LABELS_SOFTMAX     /* softmax of y w over the valid items: ListNet's top-one */
} rg_label_mode;

/* The names the program uses, such as "mean" and "normalized"; NULL past the last value. */
RG_API const char *rg_reduction_name(rg_reduction reduction);
RG_API const char *rg_label_mode_name(rg_label_mode mode);

/* The caller's own reduction: from the per-list losses, times their weights, and the mask (bool)
 * of lists with a valid item, both of shape logits.shape[:-1] or (Q), to any node of the same
 * graph. */
typedef rg_node *rg_reduce_function(rg_graph *graph, rg_node *losses, rg_node *nonempty,
                                    void *user);

typedef struct rg_loss_options {
    rg_node *where;         /* any dtype, valid where != 0; NULL: all items are */
    rg_node *weights;       /* of items; NULL: 1 */
    rg_node *list_weights;  /* NULL: 1 */
    const int64_t *offsets; /* (n_lists + 1): first 0, never decreasing, last N; copied. NULL:
                               the last axis is the list */
    int64_t n_lists;        /* read only with offsets */
    rg_reduction reduction;
    rg_reduce_function *reduce; /* takes the place of `reduction`; may be NULL */
    void *reduce_user;
    rg_label_mode label_mode;
} rg_loss_options;

/* No mask, no weights, mean, raw labels. */
RG_API rg_loss_options rg_loss_options_default(void);

/* Every loss as data: what `rankgrad loss` and `train --loss` look up by name. */
typedef rg_node *rg_loss_function(rg_graph *graph, rg_node *logits, rg_node *labels,
                                  const rg_loss_options *options);
typedef struct rg_loss {
    const char *name;    /* "ranking_softmax" */
    const char *formula; /* one line */
    rg_loss_function *function;
} rg_loss;

/* The loss of that name, or NULL; and the i-th of all, NULL past the last. Static. */
RG_API const rg_loss *rg_loss_find(const char *name);
RG_API const rg_loss *rg_loss_at(int i);

/* Listwise softmax cross entropy: L = - sum_k y~_k log p_k with p = softmax of the logits over the
 * valid items and y~ = labels * weights, the labels as they are (doubling them doubles the loss).
 * Logits (.., n) or (N), f32 or f64; linear in time and memory. Corners, each exact: a masked item
 * may hold NaN; y~ = 0 at a logit of -inf counts 0; a NaN among the valid items makes its list NaN
 * and no other. Negative labels are legal coefficients: the loss is then unbounded below.
 * Formula: Cao et al. 2007 (ListNet, top-one), as braintools 0.3.0, optax 0.2.8 and rax 0.4.0
 * compute it; corners where they give NaN are derived in docs/ranking-softmax.md. */
RG_API rg_node *rg_ranking_softmax_loss(rg_graph *graph, rg_node *logits, rg_node *labels,
                                        const rg_loss_options *options);

/* ---- Everything that is differentiable ------------------------------------------------------- */

/* Runs the check over every sample of the built-in operators and losses whose name is `name`
 * (NULL: all). `visit` gets each result and may be NULL. Returns RG_OK when every sample passed,
 * RG_INTERNAL when one did not, RG_USAGE when no operator has that name. */
typedef void rg_gradcheck_visit(void *user, const char *name, const char *sample,
                                const rg_gradcheck_report *report);
RG_API rg_status rg_gradcheck_builtin(rg_context *ctx, const char *name, rg_gradcheck_visit *visit,
                                      void *user);

#ifdef __cplusplus
}
#endif
#endif

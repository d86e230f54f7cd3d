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
 *   list_weights  multiply the losses of the lists: a list of weight 3 counts
 *       like the same list three times, and one of weight 0 as if it were not there. The mean is
 *       sum(weight loss) / sum(weight). One value for each list: broadcast against
 *       logits.shape[:-1], such as (B) for logits (B,n); with offsets (Q) or a scalar. A floating
 *       variable gets its gradient: the list's loss, under the mean (loss - mean) / sum(weight).
 *   A list without a valid item contributes nothing and is not counted by the mean.
 */
#ifndef RANKGRAD_LOSS_H
#define RANKGRAD_LOSS_H

#include <rankgrad/autograd.h>
#include <rankgrad/component.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rg_reduction {
    RG_REDUCE_MEAN, /* over lists with a valid item, by list weight; 0 when there is none */
    RG_REDUCE_SUM,
    RG_REDUCE_NONE /* one value a list: logits.shape[:-1], or (Q) with offsets */
} rg_reduction;

/* The names the program uses, such as "mean"; NULL past the last value. */
RG_API const char *rg_reduction_name(rg_reduction reduction);

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
    const void *params; /* the loss's own parameters: its struct, such as rg_ranking_softmax_params,
                           or the `params` of an rg_choice; NULL: their defaults */
} rg_loss_options;

/* No mask, no weights, mean, the loss's own defaults. */
RG_API rg_loss_options rg_loss_options_default(void);

/* ---- Losses by name -------------------------------------------------------------------------- */

/* The losses, with their formulas and parameters. Static. */
RG_API const rg_registry *rg_losses(void);

/* What the mean of a loss divides by: the sum over the lists of */
typedef enum rg_loss_unit {
    RG_UNIT_LISTS,    /* 1 for a list with a valid item */
    RG_UNIT_ITEMS,    /* its valid items, n */
    RG_UNIT_PAIRS,    /* its pairs of valid items whose labels differ */
    RG_UNIT_ALL_PAIRS /* n^2 */
} rg_loss_unit;

/* What a loss is like; training decides by it. */
typedef struct rg_loss_properties {
    bool needs_nonnegative_labels; /* a negative label leaves it without a lower bound */
    bool shift_invariant;          /* a constant added to a list's scores changes nothing, so that a
                                      bias cannot be learnt */
    bool scales_with_labels;       /* doubled labels double it */
    bool ignores_zero_sums;        /* a list whose labels times weights sum to 0 adds nothing */
    bool constant_labels;          /* labels are only compared, or constants by definition: their
                                      gradient is 0 */
    rg_loss_unit unit;
} rg_loss_properties;

/* The properties of a choice of a loss; they may depend on its parameters. */
RG_API rg_loss_properties rg_loss_properties_of(const rg_choice *loss);

/* The loss of a choice from rg_losses(), or of a loss of your own, with the choice's parameters;
 * options->params is not read. */
RG_API rg_node *rg_loss_apply(rg_graph *graph, const rg_choice *loss, rg_node *logits,
                              rg_node *labels, const rg_loss_options *options);

/* The same from the choice's text, such as "ranking_softmax(label_mode=normalized)". A loop parses
 * the text once (rg_choice_parse) and calls rg_loss_apply. */
RG_API rg_node *rg_loss_named(rg_graph *graph, const char *loss, rg_node *logits, rg_node *labels,
                              const rg_loss_options *options);

/* ---- A loss of your own ---------------------------------------------------------------------- */

/* One list, n > 0 valid items, in double whatever the type of the logits. Broadcasting, masks,
 * offsets, list weights and reductions are done outside. Built-in losses are written so, too
 * (src/loss/losses/). */
typedef struct rg_list {
    int64_t n;
    const double *logits, *labels, *weights; /* (n); without weights they are 1 */
    const void *params;                      /* the loss's struct of parameters */
    double *scratch;                         /* (workspace.scratch, n), during one call */
    double *kept;                            /* (workspace.kept, n), from forward to backward */
    double *state;                           /* (workspace.state), from forward to backward */
    double *grad_logits, *grad_labels, *grad_weights; /* (n) 0 at first; NULL: not wanted */
} rg_list;

/* Memory that the functions of one list ask for. */
typedef struct rg_workspace {
    int scratch; /* numbers for each item, during one call */
    int kept;    /* numbers for each item, from forward to backward */
    int state;   /* doubles for each list, from forward to backward */
} rg_workspace;

/* A ranking loss. The choice {&loss.component, params} of one (rg_choice_make) can be given to
 * rg_loss_apply and to rg_train; the struct must outlive the graph's nodes. */
typedef struct rg_loss {
    rg_component component; /* name, formula, parameters */
    rg_loss_properties properties;
    rg_workspace workspace;
    double (*forward)(rg_list *list);                 /* the loss of the list */
    void (*backward)(rg_list *list, double upstream); /* adds upstream dL/dx to each grad_x */
    /* Changes the properties that depend on parameters; may be NULL. */
    void (*adjust)(const void *params, rg_loss_properties *properties);
    const struct rg_loss_kernels *kernels; /* NULL; of built-in losses that need no doubles */
} rg_loss;

/* ---- The losses ------------------------------------------------------------------------------ */

/* How labels times weights, z, become the targets t of ranking_softmax. */
typedef enum rg_label_mode {
    RG_LABELS_RAW,        /* t = z: coefficients, never normalised */
    RG_LABELS_NORMALIZED, /* t = z / sum z; a list whose products sum to 0 contributes 0 */
    RG_LABELS_SOFTMAX     /* t = softmax(z) over the valid items: ListNet's top-one */
} rg_label_mode;

/* "raw", "normalized", "softmax"; NULL past the last value. */
RG_API const char *rg_label_mode_name(rg_label_mode mode);

typedef struct rg_ranking_softmax_params {
    int label_mode; /* an rg_label_mode; default raw */
} rg_ranking_softmax_params;

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

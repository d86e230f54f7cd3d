/* loss.h: ranking losses, each one differentiable node over lists of items.
 *
 * Logits hold lists in one of two layouts: padded (.., n), where the last axis is a list and
 * `where` masks the items that do not exist, or flat (N), where `offsets` separates the lists. Both
 * give the same bits, since valid items are moved together before the loss sees them. The order of
 * the items of a list changes no bit either: permuted with their labels, weights, ids and
 * positions, they have the same loss and keep their gradients. Exceptions are listmle and p_listmle
 * with ties=row, which take equal labels in the order of the rows.
 *
 * All losses share one signature and these options:
 *   labels, where, weights  broadcast against the logits as in NumPy: (n), (B,1), (B,n), scalar.
 *       A 1-D operand (n) against (B,n) is per item; any other length is an error, even B. With
 *       offsets an operand is (N), a scalar, or (Q,1) with one value per list. Any dtype but f16;
 *       they are cast to the logits' type. Labels and weights that are floating variables get
 *       gradients.
 *   list_weights  multiply the losses of the lists: a list of weight 3 counts like three copies of
 *       the list, and one of weight 0 as if it were not there. The mean is sum(weight loss) /
 *       sum(weight units), units as in rg_loss_unit. One value per list: broadcast against
 *       logits.shape[:-1], such as (B) for logits (B,n); with offsets (Q) or a scalar. A floating
 *       variable gets a gradient: the loss of the list; with the mean,
 *       (loss - mean units) / sum(weight units).
 *   A list without a valid item contributes nothing and is not counted by the mean.
 *
 * A loss may take several scores per item (rg_loss_properties.columns), such as `ordinal`. Logits
 * then have one more axis, the last: (.., n, columns) or (N, columns). All that is said above about
 * the shape of the logits holds for their shape without it.
 */
#ifndef RANKGRAD_LOSS_H
#define RANKGRAD_LOSS_H

#include <rankgrad/autograd.h>
#include <rankgrad/component.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum rg_reduction {
    RG_REDUCE_MEAN, /* weighted mean over lists with a valid item (rg_loss_unit); 0 if none */
    RG_REDUCE_SUM,
    RG_REDUCE_NONE /* one value per list: logits.shape[:-1], or (Q) with offsets */
} rg_reduction;

/* "mean", "sum", "none"; NULL past the last value. */
RG_API const char *rg_reduction_name(rg_reduction reduction);

/* A custom reduction. `losses` are the weighted losses of the lists, `nonempty` (bool) is true for
 * lists with a valid item; both have the shape logits.shape[:-1] or (Q). Returns any node of the
 * same graph. */
typedef rg_node *rg_reduce_function(rg_graph *graph, rg_node *losses, rg_node *nonempty,
                                    void *user);

/* What a loss with rg_loss_properties.positions knows of positions: factors, which its values and
 * gradients depend on as constants, and sums over the lists of a pass over the data, from which
 * rg_position_bias_update computes the factors of the next pass. Of a loss without that property
 * all is 0. */
typedef struct rg_position_bias {
    int64_t n_positions;
    int n_factors, n_sums; /* of each position */
    double *factors;       /* (n_positions, n_factors) */
    double *sums;          /* (n_positions, n_sums) forward adds to them; NULL: it does not */
} rg_position_bias;

typedef struct rg_loss_options {
    rg_node *where;         /* mask, any dtype: valid where != 0; NULL: all items are valid */
    rg_node *weights;       /* of items; NULL: 1 */
    rg_node *list_weights;  /* NULL: 1 */
    const int64_t *offsets; /* (n_lists + 1): first 0, never decreasing, last N; copied. NULL:
                               the last axis is the list */
    int64_t n_lists;        /* used only with offsets */
    const int64_t
        *item_ids; /* of the logits, in their shape, for losses that draw random numbers: an
                                item gets the numbers of its id. Not copied, must live as long as
                                the node. NULL: an item is identified by the index of its list and
                                its index among the valid items of it */
    const int64_t *positions; /* of the logits, in their shape: where an item was shown, from 1, for
                                 losses with rg_loss_properties.positions. Not copied. NULL: as if
                                 there were no position bias */
    const rg_position_bias *position_bias; /* made for the loss, n_positions at least the largest
                                              position; of an objective one for each term. Not
                                              copied. NULL: the initial factors, no sums */
    uint64_t draw; /* random losses draw other numbers for another draw, such as a step;
                                < 2^48 */
    rg_reduction reduction;
    rg_reduce_function *reduce; /* used instead of `reduction` if not NULL */
    void *reduce_user;
    const void *params; /* the loss's struct of parameters, such as rg_ranking_softmax_params, or
                           the `params` of an rg_choice; NULL: the defaults */
} rg_loss_options;

/* No mask, no weights, mean, default parameters. */
RG_API rg_loss_options rg_loss_options_default(void);

/* ---- Losses by name -------------------------------------------------------------------------- */

/* The losses, with their formulas and parameters. Static. */
RG_API const rg_registry *rg_losses(void);

/* The same losses, with the defaults that rg_train uses: rg_choice_parse gives parameters that the
 * text omits their rg_param.training. */
RG_API const rg_registry *rg_training_losses(void);

/* The units of a list; the mean divides by their sum over the lists. */
typedef enum rg_loss_unit {
    RG_UNIT_LISTS,    /* 1 for a list with a valid item */
    RG_UNIT_ITEMS,    /* n, the number of valid items */
    RG_UNIT_PAIRS,    /* the number of pairs of valid items whose labels differ */
    RG_UNIT_ALL_PAIRS /* n^2 */
} rg_loss_unit;

/* Properties of a loss, by which training decides what to check and to scale. */
typedef struct rg_loss_properties {
    bool needs_nonnegative_labels; /* a negative label makes it unbounded below */
    bool shift_invariant;          /* adding a constant to a list's scores changes nothing, so a
                                      bias cannot be learnt */
    bool scales_with_labels;       /* doubling the labels doubles it */
    bool ignores_zero_sums;        /* a list whose labels times weights sum to 0 adds nothing */
    bool constant_labels;          /* labels are only compared or are constants by definition:
                                      their gradient is 0 */
    bool constant_factors;         /* the gradient holds factors constant that vary with the
                                      logits: it is not the derivative of the loss */
    bool positions;                /* it corrects for position bias, see rg_position_bias */
    bool random;                   /* it draws random numbers, see item_ids */
    bool varying_weights;          /* weights of pairs vary with the ranking: losses of two models
                                      must not be compared */
    int64_t columns;               /* scores per item, see above; 0 means 1 */
    int64_t levels; /* labels must be whole numbers from 0 to levels - 1, else RG_BAD_DATA; 0: any
                        labels */
    double most_label; /* a larger label has an infinite gain: 1023 under 2^y - 1; 0: no limit */
    rg_loss_unit unit;
} rg_loss_properties;

/* The properties of a choice of a loss; they may depend on its parameters. */
RG_API rg_loss_properties rg_loss_properties_of(const rg_choice *loss);

/* Creates the initial factors of a choice of a loss for positions 1 to n_positions, and sums of 0.
 * RG_USAGE if n_positions is negative. Free *out with rg_position_bias_free. */
RG_API rg_status rg_position_bias_create(rg_context *ctx, const rg_choice *loss,
                                         int64_t n_positions, rg_position_bias *out);

/* After a pass over the data: computes the factors from the sums, which become 0. */
RG_API void rg_position_bias_update(const rg_choice *loss, rg_position_bias *bias);

/* Frees the arrays. A struct of zeros is allowed. */
RG_API void rg_position_bias_free(rg_context *ctx, rg_position_bias *bias);

/* Applies a loss, a choice from rg_losses() or of a custom loss, with the parameters of the choice;
 * options->params is ignored. NULL options mean the defaults. */
RG_API rg_node *rg_loss_apply(rg_graph *graph, const rg_choice *loss, rg_node *logits,
                              rg_node *labels, const rg_loss_options *options);

/* ---- Sums of losses -------------------------------------------------------------------------- */

/* The largest number of terms in an rg_objective. */
enum { RG_MAX_LOSS_TERMS = 4 };

/* A loss and its factor in a sum. */
typedef struct rg_loss_term {
    double factor; /* > 0 */
    rg_choice loss;
} rg_loss_term;

/* The objective of training: sum_t factor_t loss_t, where each loss has its own mean. */
typedef struct rg_objective {
    int n_terms;
    rg_loss_term terms[RG_MAX_LOSS_TERMS];
} rg_objective;

/* Parses a loss such as "ranking_softmax(label_mode=normalized)" or a sum such as
 * "0.7*ranking_softmax + 0.3*NAME(...)". `losses` is rg_losses() or rg_training_losses(), whose
 * defaults differ. RG_USAGE for malformed text, an unknown loss, a parameter out of range, or terms
 * that take different numbers of columns. */
RG_API rg_status rg_objective_parse(rg_context *ctx, const rg_registry *losses, const char *text,
                                    rg_objective *objective);

/* The objective of one loss, built-in or custom, with the factor 1. */
RG_API rg_objective rg_objective_of(const rg_choice *loss);

/* Writes an objective as text, with the values of all parameters; rg_objective_parse reads it back.
 * `size` and the result are as for rg_choice_print. */
RG_API size_t rg_objective_print(const rg_objective *objective, char *text, size_t size);

/* The properties of the sum: it needs non-negative labels, or has constant factors or positions, if
 * any term does; each other property is true if it is for all terms. The unit is that of the last
 * term, `levels` and `most_label` the smallest of those above 0. All terms take the same number of
 * columns. */
RG_API rg_loss_properties rg_objective_properties(const rg_objective *objective);

/* Applies an objective. With RG_REDUCE_MEAN the result is the sum of the means of the terms. */
RG_API rg_node *rg_objective_apply(rg_graph *graph, const rg_objective *objective, rg_node *logits,
                                   rg_node *labels, const rg_loss_options *options);

/* Applies an objective given as text. In a loop, parse the text once and call
 * rg_objective_apply. */
RG_API rg_node *rg_loss_named(rg_graph *graph, const char *loss, rg_node *logits, rg_node *labels,
                              const rg_loss_options *options);

/* ---- Pair weights of your own ---------------------------------------------------------------- */

/* Pairs of item i with the `count` items from `begin` on, of one list. The items are in the order
 * of their labels, the largest first. */
typedef struct rg_pairs_to_weigh {
    int64_t i, begin, count;
    int64_t n;                     /* items of the list */
    const double *scores, *labels; /* (n) */
    const double *ranks; /* (n) from 1 by score; equal scores by label, the lowest first, and items
                            of equal score and label have their mean rank */
    const double *gains; /* (n) gains of the labels, times n and, with `normalized`, divided by the
                            ideal DCG of the first `topn` items */
} rg_pairs_to_weigh;

/* Sets weight[k] for the pair of items i and begin + k, k < count, as a function of the list alone:
 * the bits of a training depend on it. A pair of weight 0 adds nothing. Called by several threads
 * at a time if training uses several. */
typedef void rg_weigh_pairs(const rg_pairs_to_weigh *pairs, double *weight, void *user);

/* Makes a choice of a loss with a parameter `lambda` weigh its pairs by a function of the caller,
 * and sets `lambda` to none; NULL removes the function. The weights are constants for the gradient.
 * RG_USAGE for a loss without this parameter. The function stays with copies of the choice, in an
 * rg_objective and in rg_train_options.own_loss; the text of the choice does not show it.
 *
 * With weight[k] = |gains[i] - gains[j]| |1/log2(1 + ranks[i]) - 1/log2(1 + ranks[j])| for
 * j = begin + k, pairwise_logistic is lambdarank. */
RG_API rg_status rg_loss_set_pair_weights(rg_context *ctx, rg_choice *loss, rg_weigh_pairs *weigh,
                                          void *user);

/* ---- Custom losses --------------------------------------------------------------------------- */

/* One list of n > 0 valid items, in double for logits of either type. Broadcasting, masks, offsets,
 * list weights and reductions are done by the caller of the loss's functions. No value is NaN and
 * no logit is +inf: such a list gets a loss and gradients of NaN without a call. Built-in losses
 * use the same interface (src/loss/losses/). */
typedef struct rg_list {
    int64_t n, columns;                      /* columns: scores per item, usually 1 */
    const double *logits, *labels, *weights; /* (n); weights are 1 if there are none. Logits and
                                                their gradient are (n, columns) */
    const void *params;                      /* the loss's struct of parameters */
    double *scratch;                         /* (workspace.scratch, n), valid during one call */
    double *kept;                            /* (workspace.kept, n), kept for backward */
    double *state;                           /* (workspace.state), kept for backward */
    double *square;                          /* (workspace.square, n, n), valid during one call */
    double *unused; /* (2 n) in forward, where only logits get a gradient: for numbers that backward
                       will not need; else NULL */
    double *grad_logits, *grad_labels, *grad_weights; /* (n), to be added to; NULL: not required */
    double list_weight;                               /* for sums over lists */
    const int64_t *positions;     /* (n) from 1; NULL unless the loss has them and they are given */
    const rg_position_bias *bias; /* not NULL where positions are not */
    rg_context *ctx;              /* of the graph */
    const int64_t *ids;           /* (n); NULL unless the loss is random */
    uint64_t draw;
} rg_list;

/* Memory that the functions of a loss need; allocated by the library. */
typedef struct rg_workspace {
    int scratch; /* numbers per item, valid during one call */
    int kept;    /* numbers per item, kept from forward to backward */
    int state;   /* doubles per list, kept from forward to backward */
    int square;  /* numbers per ordered pair of items (n^2), valid during one call */
} rg_workspace;

/* How a loss with rg_loss_properties.positions corrects for position bias. */
typedef struct rg_position_rule {
    int n_factors, n_sums; /* numbers for each position */
    double initial;        /* the factors before the first pass */
    /* Computes factors (n_positions, n_factors), which it may read, from the sums of a pass. */
    void (*update)(const void *params, const rg_position_bias *bias);
} rg_position_rule;

/* A ranking loss. A choice of it, made with rg_choice_make(ctx, &loss.component, ..), can be passed
 * to rg_loss_apply and rg_train. The struct must outlive the nodes made with it. */
typedef struct rg_loss {
    rg_component component; /* name, formula, parameters */
    rg_loss_properties properties;
    rg_workspace workspace;
    double (*forward)(rg_list *list);                 /* returns the loss of the list */
    void (*backward)(rg_list *list, double upstream); /* adds upstream dL/dx to each grad_x */
    /* Sets the properties that depend on parameters; may be NULL. */
    void (*adjust)(const void *params, rg_loss_properties *properties);
    /* Changes the workspace to what these parameters need, with or without weights; may be NULL. */
    void (*fit)(const void *params, bool weighted, rg_workspace *workspace);
    rg_position_rule position_rule;        /* used if properties.positions is true */
    const struct rg_loss_kernels *kernels; /* internal; NULL in a custom loss */
} rg_loss;

/* ---- The losses ------------------------------------------------------------------------------ */

/* How ranking_softmax computes its targets t from z = labels times weights. */
typedef enum rg_label_mode {
    RG_LABELS_RAW,        /* t = z: coefficients, not normalised */
    RG_LABELS_NORMALIZED, /* t = z / sum z; a list whose products sum to 0 contributes 0 */
    RG_LABELS_SOFTMAX,    /* t = softmax(z) over the valid items: ListNet's top-one */
    RG_LABELS_EXP2        /* t = (2^y - 1) * weight, the gain of DCG */
} rg_label_mode;

/* "raw", "normalized", "softmax", "exp2"; NULL past the last value. */
RG_API const char *rg_label_mode_name(rg_label_mode mode);

typedef struct rg_ranking_softmax_params {
    int label_mode;     /* an rg_label_mode; default raw */
    double temperature; /* divides the logits; default 1 */
} rg_ranking_softmax_params;

/* Listwise softmax cross-entropy: L = - sum_k t_k log p_k, where p is the softmax of the logits
 * over the valid items and t are the targets, by default labels * weights without normalisation (so
 * that doubling the labels doubles the loss). Logits (.., n) or (N), f32 or f64; linear in time and
 * memory. Special cases: a masked item may hold NaN; t = 0 at a logit of -inf adds 0; a NaN among
 * the valid items makes the loss of that list NaN and no other. Negative labels are allowed as
 * coefficients; the loss is then unbounded below. Formula: Cao et al. 2007 (ListNet, top-one), as
 * computed by braintools 0.3.0, optax 0.2.8 and rax 0.4.0; docs/ranking-softmax.md derives the
 * special cases in which those return NaN. */
RG_API rg_node *rg_ranking_softmax_loss(rg_graph *graph, rg_node *logits, rg_node *labels,
                                        const rg_loss_options *options);

/* ---- The gradient check of the built-in operators and losses --------------------------------- */

/* Receives the result for one sample. */
typedef void rg_gradcheck_visit(void *user, const char *name, const char *sample,
                                const rg_gradcheck_report *report);

/* Runs rg_gradcheck on all samples of the built-in operator or loss `name` (NULL: of all of them)
 * and passes each result to `visit`, which may be NULL. Returns RG_OK if all samples passed,
 * RG_INTERNAL if one failed, RG_USAGE if there is no such operator or loss. */
RG_API rg_status rg_gradcheck_builtin(rg_context *ctx, const char *name, rg_gradcheck_visit *visit,
                                      void *user);

#ifdef __cplusplus
}
#endif
#endif

/* lists.h (internal; for files compiled twice): how a ranking loss is written.
 *
 * A loss is two functions of one list whose items are all valid. Everything around them is done
 * here once: broadcasting and casting of labels, where and weights; flat and padded lists;
 * compaction of the valid items, which makes both give the same bits; reduction; and carrying
 * gradients back through all of that.
 *
 *     logits (.., n) or (N), offsets          per list, compacted
 *     labels, weights: broadcast, cast   -->  s[n] y[n] w[n]   -->  forward: its loss
 *     where: which items are valid            ds[n] dy[n] dw[n] <-- backward
 *
 * A file of a loss ends with RG__LOSS_KERNELS and, under RG__ONCE, RG__LOSS; its line is in
 * losses.def. */
#ifndef RG_LOSS_LISTS_H
#define RG_LOSS_LISTS_H

#include "autograd/op.h"
#include "base/component.h"
#include "loss/losses.h"
#include "tensor/vector.h"

#include <rankgrad/loss.h>

/* One list, n > 0 valid items, and the workspace that the loss asked for (losses.h). */
struct F(rg__list) {
    int64_t n;
    const real *s;      /* logits */
    const real *y;      /* labels */
    const real *w;      /* weights; NULL: all 1 */
    const rg_loss *loss;
    const void *params; /* the loss's struct of parameters */
    real *scratch;      /* n numbers for each of workspace.scratch */
    real *kept;         /* n numbers for each of workspace.kept, from forward to backward */
    double *state;      /* workspace.state numbers, from forward to backward */
    const struct F(rg__vector) *vector;
    real *ds, *dy, *dw; /* backward adds here; NULL: not wanted */
};

typedef double F(rg__list_forward)(struct F(rg__list) *list);
typedef void F(rg__list_backward)(struct F(rg__list) *list, double upstream);

/* The two kernels of an operator, from those of its lists. */
void F(rg__lists_forward)(rg_node *y, F(rg__list_forward) *forward);
void F(rg__lists_backward)(rg_node *y, F(rg__list_backward) *backward);

/* clang-format off */
/* The kernels of loss `id` from its functions of one list. */
#define RG__LOSS_KERNELS(id, forward, backward)                                                    \
    rg_node *rg_##id##_loss(rg_graph *, rg_node *, rg_node *, const rg_loss_options *);            \
    RG__KERNELS(id);                                                                               \
    void F(rg__##id##_forward)(rg_node *y) { F(rg__lists_forward)(y, forward); }                   \
    void F(rg__##id##_backward)(rg_node *y) { F(rg__lists_backward)(y, backward); }

/* The entry of loss `id` and its public function rg_ID_loss. The arguments behind the samples are
 * further fields of rg_loss: component parameters, properties, workspace; SPARE is the function of
 * struct rg_builtin_loss, or NULL. */
#define RG__LOSS(id, formula_, sample_array, spare_, ...)                                          \
    RG__OPERATOR_WITH(id, formula_, rg__loss_shape, sample_array, RG__LOSS_OPERANDS);              \
    static const struct rg_builtin_loss id##_builtin = {&rg__builtin_##id, (spare_)};              \
    extern const rg_loss rg__loss_##id;                                                            \
    const rg_loss rg__loss_##id = {.component.name = #id, .component.formula = (formula_),         \
                                   .builtin = &id##_builtin, __VA_ARGS__};                         \
    rg_node *rg_##id##_loss(rg_graph *graph, rg_node *logits, rg_node *labels,                     \
                            const rg_loss_options *options)                                        \
    {                                                                                              \
        return rg__apply_loss(graph, &rg__loss_##id, logits, labels, options);                     \
    }
/* The parameters of a loss in RG__LOSS. */
#define RG__LOSS_PARAMS(owner, array)                                                              \
    .component.params = (array), .component.n_params = RG__COUNT(array),                           \
    .component.params_size =                                                                       \
        sizeof(owner) + 0 * sizeof(char[sizeof(owner) <= RG_PARAMS_SIZE ? 1 : -1])

/* The operands of all losses: logits, labels, weights, where, list weights. */
#define RG__LOSS_OPERANDS                                                                          \
    .operands = {0, RG_OPERAND_ANY_TYPE, RG_OPERAND_ANY_TYPE | RG_OPERAND_OPTIONAL,                \
                 RG_OPERAND_ANY_TYPE | RG_OPERAND_OPTIONAL}
/* clang-format on */

#endif

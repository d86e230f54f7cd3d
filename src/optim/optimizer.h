/* optimizer.h (internal): how an optimizer is implemented.
 *
 * A file in optimizers/ has a struct of the optimizer's parameters, one function that updates the
 * parameter block, and RG__OPTIMIZER, which defines the entry of the registry. Clipping, checks and
 * the learning rate schedule are shared (optimizer.c). */
#ifndef RG_OPTIM_OPTIMIZER_H
#define RG_OPTIM_OPTIMIZER_H

#include "base/base.h"
#include "base/component.h"
#include "tensor/tensor.h"

#include <rankgrad/optim.h>

enum { RG__OPTIMIZER_SCALARS = 4 };

/* The state that changes from step to step, besides the parameters. */
struct rg__optimizer_state {
    int64_t n_steps;
    double scalars[RG__OPTIMIZER_SCALARS]; /* for the optimizer; 0 before the first step */
    void *moments; /* n_moments arrays of the length and type of the parameters; initially 0 */
};

struct rg__optimizer_kind {
    rg_component component; /* first, so that a pointer to it is a pointer to this */
    int n_moments;
    /* One step, number state.n_steps (from 1), with finite gradients. These are first multiplied by
     * `scale`, the factor from clipping. Sets the gradients to 0. */
    void (*step[2])(struct rg_optimizer *optimizer, double lr, double scale);
};

struct rg_optimizer {
    rg_context *ctx;
    const struct rg__optimizer_kind *kind;
    rg_choice choice; /* the optimizer's parameters */
    rg_optimizer_options options;
    rg_parameters parameters;
    struct rg__optimizer_state state;
    double grad_norm;
};

/* The state as named arrays, which are the optimizer's own memory; returns their number. The state
 * of an equal optimizer over parameters of the same count and type can be copied into them. */
enum { RG__OPTIMIZER_ARRAYS = 3 };
int rg__optimizer_state(rg_optimizer *optimizer, struct rg__named state[RG__OPTIMIZER_ARRAYS]);

/* The Euclidean norm of the gradient, in double; not finite if an element is not. */
double rg__grad_norm_f32(const rg_parameters *parameters);
double rg__grad_norm_f64(const rg_parameters *parameters);

/* Declares both precisions of an optimizer's step function, rg__NAME_step. */
#define RG__OPTIMIZER_STEP(id)                                                                     \
    void rg__##id##_step_f32(struct rg_optimizer *optimizer, double lr, double scale);             \
    void rg__##id##_step_f64(struct rg_optimizer *optimizer, double lr, double scale);             \
    extern const struct rg__optimizer_kind rg__optimizer_##id

/* Defines the registry entry of optimizer `id`; `owner` is the struct that `params_` describes. */
#define RG__OPTIMIZER(id, formula_, moments, owner, params_)                                       \
    const struct rg__optimizer_kind rg__optimizer_##id = {                                         \
        {.name = #id, .formula = (formula_), RG__PARAMS(owner, params_)},                          \
        (moments),                                                                                 \
        {rg__##id##_step_f32, rg__##id##_step_f64}}

#endif

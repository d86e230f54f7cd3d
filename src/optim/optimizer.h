/* optimizer.h (internal): an optimizer is a row of a table and its moments.
 *
 * The one idea: a rule (sgd.c, adam.c) is one function over the parameter block, compiled for
 * both precisions. Clipping, checks and the learning rate are common to all. */
#ifndef RG_OPTIM_OPTIMIZER_H
#define RG_OPTIM_OPTIMIZER_H

#include "base/base.h"

#include <rankgrad/optim.h>

struct rg_optimizer {
    rg_context *ctx;
    const struct rg__rule *rule;
    rg_optimizer_options options;
    rg_parameters parameters;
    void *moments; /* n_moments blocks as long as the parameters, of their type */
    double grad_norm;
    double power1, power2; /* beta1^t, beta2^t after t steps */
};

struct rg__rule {
    const char *name;
    int n_moments;
    bool has_momentum, has_betas; /* which options are its own */
    /* One step on gradients that are finite; `scale` (clipping) multiplies them first. */
    void (*step[2])(struct rg_optimizer *optimizer, double lr, double scale);
};

/* The Euclidean norm of the gradient, in double; not finite where it is not. */
double rg__grad_norm_f32(const rg_parameters *parameters);
double rg__grad_norm_f64(const rg_parameters *parameters);

void rg__sgd_step_f32(struct rg_optimizer *optimizer, double lr, double scale);
void rg__sgd_step_f64(struct rg_optimizer *optimizer, double lr, double scale);
void rg__adam_step_f32(struct rg_optimizer *optimizer, double lr, double scale);
void rg__adam_step_f64(struct rg_optimizer *optimizer, double lr, double scale);

#endif

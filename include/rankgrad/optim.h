/* optim.h: from gradients to better parameters.
 *
 * The one idea: all parameters of a model lie in one block, and so do their gradients, so that an
 * optimizer, clipping and saving are single loops.
 */
#ifndef RANKGRAD_OPTIM_H
#define RANKGRAD_OPTIM_H

#include <rankgrad/base.h>
#include <rankgrad/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Two arrays of `count` elements of one type (f32 or f64); whoever made them owns them. */
typedef struct rg_parameters {
    rg_dtype dtype;
    int64_t count;
    void *value;
    void *grad;
} rg_parameters;

typedef enum rg_schedule {
    RG_SCHEDULE_CONSTANT, /* lr */
    RG_SCHEDULE_COSINE    /* lr (1 + cos(pi t / T)) / 2: from lr at step 0 to 0 at step T */
} rg_schedule;

/* "constant", "cosine"; NULL past the last value. */
RG_API const char *rg_schedule_name(rg_schedule schedule);

/* The factor of the learning rate at step t of T (0 <= t < T). 1 when T < 1. */
RG_API double rg_schedule_factor(rg_schedule schedule, int64_t step, int64_t n_steps);

typedef struct rg_optimizer_options {
    const char *name; /* "sgd", "adam" */
    double lr;        /* > 0; default 0.1 */
    double momentum;  /* of sgd, in [0,1); of adam, whose beta1 it is, 0; default 0 */
    double l2;        /* >= 0, adds l2 * value to the gradient; default 0 */
    double clip_norm; /* > 0: a gradient longer than this is scaled to it, before l2 is added;
                          0: no clipping; default 0 */
    double beta1;     /* of adam, as are the next two, in [0,1); default 0.9 */
    double beta2;     /* in [0,1); default 0.999 */
    double epsilon;   /* > 0; default 1e-8 */
} rg_optimizer_options;

/* sgd, lr 0.1, adam's numbers as above, nothing else. */
RG_API rg_optimizer_options rg_optimizer_options_default(void);

/* The i-th optimizer's name; NULL past the last. Static. */
RG_API const char *rg_optimizer_name_at(int i);

typedef struct rg_optimizer rg_optimizer;

/* An optimizer over `parameters`, which must outlive it; its moments start at 0. RG_USAGE for an
 * option out of range (named, with the range) or an unknown name. *out is the caller's. */
RG_API rg_status rg_optimizer_create(rg_context *ctx, const rg_parameters *parameters,
                                     const rg_optimizer_options *options, rg_optimizer **out);
/* Ends an optimizer; the parameters stay. NULL is allowed. */
RG_API void rg_optimizer_destroy(rg_optimizer *optimizer);

/* One step, with the learning rate multiplied by lr_factor; then sets the gradient to 0. With
 * g = clip(grad) + l2 value and r = lr lr_factor, as in PyTorch,
 *   sgd (dampening 0):            m = momentum m + g; value -= r m;
 *   adam (Kingma and Ba 2015):    m = beta1 m + (1 - beta1) g; v = beta2 v + (1 - beta2) g g;
 *                                 value -= r m' / (sqrt(v') + epsilon), at step t (from 1)
 *                                 m' = m / (1 - beta1^t), v' = v / (1 - beta2^t).
 * Returns RG_DIVERGED, and changes nothing, when the gradient's norm is not finite. The norm is
 * summed in double. */
RG_API rg_status rg_optimizer_step(rg_optimizer *optimizer, double lr_factor);

/* The Euclidean norm of the last step's gradient before clipping. */
RG_API double rg_optimizer_grad_norm(const rg_optimizer *optimizer);

#ifdef __cplusplus
}
#endif
#endif

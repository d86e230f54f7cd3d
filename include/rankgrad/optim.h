/* optim.h: optimizers and learning rate schedules.
 *
 * All parameters of a model lie in one array and their gradients in another, so an optimizer is one
 * loop over both.
 */
#ifndef RANKGRAD_OPTIM_H
#define RANKGRAD_OPTIM_H

#include <rankgrad/autograd.h>
#include <rankgrad/component.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A parameter block: two arrays of `count` elements of one type (f32 or f64). Not owned. */
typedef struct rg_parameters {
    rg_dtype dtype;
    int64_t count;
    void *value;
    void *grad;
} rg_parameters;

/* One parameter: a tensor in a parameter block. */
typedef struct rg_parameter {
    char name[24]; /* in model files */
    int ndim;
    int64_t dims[RG_MAX_DIMS];
    double bound; /* initial values are uniform in [-bound, bound); 0: they are 0 */
} rg_parameter;

/* A model has fewer parameters than this. */
enum { RG_MAX_PARAMETERS = 256 };

/* Allocates a block of n parameters, one after another, with their initial values, drawn with
 * `seed`, and gradients of 0; free it with rg_parameters_free. (An rg_model has its own block, see
 * rg_model_parameters.) RG_USAGE for a parameter without a name or with a shape or bound out of
 * range. */
RG_API rg_status rg_parameters_create(rg_context *ctx, const rg_parameter *list, int n,
                                      rg_dtype dtype, uint64_t seed, rg_parameters *out);
/* Frees a block from rg_parameters_create. NULL is allowed. */
RG_API void rg_parameters_free(rg_context *ctx, rg_parameters *parameters);

/* A variable for parameter i of a block that was created from this list; backward adds to the
 * block's gradients. */
RG_API rg_node *rg_parameters_variable(rg_graph *graph, const rg_parameters *parameters,
                                       const rg_parameter *list, int i);

/* The learning rate schedules, such as "constant" and "cosine". Static. */
RG_API const rg_registry *rg_schedules(void);

/* The factor that a schedule, a choice from rg_schedules(), applies to the learning rate at `step`
 * (0 <= step < n_steps); 1 when n_steps < 1; NaN for a negative step and for a choice of another
 * kind. */
RG_API double rg_schedule_factor(const rg_choice *schedule, int64_t step, int64_t n_steps);

/* The optimizers, such as "sgd" and "adam", with their formulas and parameters. Static. */
RG_API const rg_registry *rg_optimizers(void);

typedef struct rg_optimizer_options {
    const char *name; /* the optimizer, perhaps with parameters: "adam(beta1=0.95)"; default sgd */
    double lr;        /* learning rate, > 0; default 0.1 */
    double l2;        /* L2 regularisation: adds l2 * value to the gradient; >= 0, default 0 */
    double clip_norm; /* gradient clipping: a larger norm is scaled down to this, before l2 is
                         added; 0 (default): no clipping */
} rg_optimizer_options;

/* sgd without momentum, lr 0.1, no regularisation, no clipping. */
RG_API rg_optimizer_options rg_optimizer_options_default(void);

typedef struct rg_optimizer rg_optimizer;

/* Creates an optimizer of `parameters`, whose arrays must outlive it; its state starts at 0.
 * RG_USAGE for an unknown name (the message lists the known ones) or an option or parameter out of
 * range (the message names it and its range). The caller owns *out. */
RG_API rg_status rg_optimizer_create(rg_context *ctx, const rg_parameters *parameters,
                                     const rg_optimizer_options *options, rg_optimizer **out);
/* Destroys an optimizer but not its parameters. NULL is allowed. */
RG_API void rg_optimizer_destroy(rg_optimizer *optimizer);

/* Updates the parameters once and sets the gradients to 0. The optimizer's formula gets
 * g = clip(grad) + l2 value and the learning rate lr lr_factor. RG_USAGE when lr_factor is negative
 * or not finite. RG_DIVERGED, with nothing changed, when the norm of the gradient, summed in
 * double, is not finite. */
RG_API rg_status rg_optimizer_step(rg_optimizer *optimizer, double lr_factor);

/* The Euclidean norm of the gradient in the last step, before clipping. */
RG_API double rg_optimizer_grad_norm(const rg_optimizer *optimizer);

#ifdef __cplusplus
}
#endif
#endif

/* optim.h: from gradients to better parameters.
 *
 * The one idea: all parameters of a model lie in one block, and so do their gradients, so that an
 * optimizer, clipping and saving are single loops.
 */
#ifndef RANKGRAD_OPTIM_H
#define RANKGRAD_OPTIM_H

#include <rankgrad/autograd.h>
#include <rankgrad/component.h>

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

/* One parameter: a tensor in a block of parameters. */
typedef struct rg_parameter {
    char name[24]; /* in model files */
    int ndim;
    int64_t dims[RG_MAX_DIMS];
    double bound; /* it starts uniform in [-bound, bound), drawn by the seed; 0: at 0 */
} rg_parameter;

/* A model has fewer parameters than this. */
enum { RG_MAX_PARAMETERS = 256 };

/* Packs n parameters into one block, one after another, with their initial values and gradients
 * of 0; free it with rg_parameters_free. An rg_model has such a block already
 * (rg_model_parameters). RG_USAGE for a parameter without a name or with a shape or bound out of
 * range. */
RG_API rg_status rg_parameters_create(rg_context *ctx, const rg_parameter *list, int n,
                                      rg_dtype dtype, uint64_t seed, rg_parameters *out);
/* Frees a block that rg_parameters_create made. NULL is allowed. */
RG_API void rg_parameters_free(rg_context *ctx, rg_parameters *parameters);

/* A variable over parameter i of a block that was made of this list: backward adds its gradient to
 * the block's. */
RG_API rg_node *rg_parameters_variable(rg_graph *graph, const rg_parameters *parameters,
                                       const rg_parameter *list, int i);

/* The learning rate schedules, such as "constant" and "cosine". Static. */
RG_API const rg_registry *rg_schedules(void);

/* The factor of the learning rate at step t of T (0 <= t < T) under a choice from rg_schedules();
 * 1 when T < 1; NaN for a negative t and for a choice of another kind. */
RG_API double rg_schedule_factor(const rg_choice *schedule, int64_t step, int64_t n_steps);

/* The optimizers, such as "sgd" and "adam", with their formulas and parameters. Static. */
RG_API const rg_registry *rg_optimizers(void);

typedef struct rg_optimizer_options {
    const char *name; /* the optimizer, perhaps with parameters: "adam(beta1=0.95)"; default sgd */
    double lr;        /* learning rate, > 0; default 0.1 */
    double l2;        /* >= 0, adds l2 * value to the gradient; default 0 */
    double clip_norm; /* > 0: a gradient whose norm exceeds this is scaled down to it, before l2 is
                         added; 0: no clipping; default 0 */
} rg_optimizer_options;

/* sgd without momentum, lr 0.1, nothing else. */
RG_API rg_optimizer_options rg_optimizer_options_default(void);

typedef struct rg_optimizer rg_optimizer;

/* An optimizer over `parameters`, which must outlive it; its moments start at 0. RG_USAGE for an
 * unknown name (the message lists the known ones) or an option or parameter out of range (the
 * message names it and its range). The caller owns *out. */
RG_API rg_status rg_optimizer_create(rg_context *ctx, const rg_parameters *parameters,
                                     const rg_optimizer_options *options, rg_optimizer **out);
/* Destroys an optimizer but not its parameters. NULL is allowed. */
RG_API void rg_optimizer_destroy(rg_optimizer *optimizer);

/* One step, with the learning rate multiplied by lr_factor; then sets the gradient to 0. The
 * optimizer's formula gets g = clip(grad) + l2 value and lr lr_factor. Returns RG_DIVERGED, and
 * changes nothing, when the gradient's norm is not finite. The norm is summed in double. */
RG_API rg_status rg_optimizer_step(rg_optimizer *optimizer, double lr_factor);

/* The Euclidean norm of the last step's gradient before clipping. */
RG_API double rg_optimizer_grad_norm(const rg_optimizer *optimizer);

#ifdef __cplusplus
}
#endif
#endif

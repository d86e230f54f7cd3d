/* builtin.h (internal): a built-in operator together with the samples that generic tests run it on.
 *
 * The one idea: every operator and every loss brings its samples along, so that one table reaches
 * the gradient check, the parity test of f32 with f64, and the program. */
#ifndef RG_AUTOGRAD_BUILTIN_H
#define RG_AUTOGRAD_BUILTIN_H

#include "base/base.h"

#include <rankgrad/autograd.h>

enum { RG__MAX_SAMPLE_INPUTS = 4 };

/* One input of a sample: a shape, and the range its values are drawn from. Values stay at least
 * `gap` away from 0, where the operator may have a kink. */
struct rg__sample_input {
    int ndim;
    int64_t dims[RG_MAX_DIMS];
    double low, high, gap;
};

/* A call that the generic tests make. */
struct rg__sample {
    const char *what; /* "a (2,3), b (3)" */
    int n_inputs;
    struct rg__sample_input inputs[RG__MAX_SAMPLE_INPUTS];
    rg_function *build;
    const char *numpy; /* the value in Python, of inputs a (also x), b, c, d; NULL: not given */
    const char *zero;  /* why a gradient is all zero; NULL: none is */
    const void *user;  /* handed to build */
};

struct rg__builtin {
    const rg_operator op;
    const char *formula; /* one line */
    const struct rg__sample *samples;
    int n_samples;
};

/* The value of a sample, of its inputs. */
rg_node *rg__build_sample(rg_graph *graph, rg_node *const *inputs, const struct rg__sample *sample);

/* Every line of ops.def. */
extern const struct rg__builtin *const rg__operators[];
extern const int rg__n_operators;

/* The inputs of a sample, drawn from Philox by `seed`, as f64 tensors allocated from ctx (free each
 * data). False: out of memory, nothing is left allocated. */
bool rg__sample_inputs(rg_context *ctx, const struct rg__sample *sample, uint64_t seed,
                       rg_tensor inputs[RG__MAX_SAMPLE_INPUTS]);

/* The gradient check of one sample; a gradient that is all zero without a stated reason is a
 * finding. */
rg_status rg__gradcheck_sample(rg_context *ctx, const struct rg__sample *sample, uint64_t seed,
                               rg_gradcheck_report *report);

#endif

/* builtin.h (internal): built-in operators with samples, which are example calls for tests.
 *
 * Every operator and every loss has samples, so that `rankgrad gradcheck`, the gradient test, the
 * comparison of f32 with f64 and the comparison with NumPy go over one table. */
#ifndef RG_AUTOGRAD_BUILTIN_H
#define RG_AUTOGRAD_BUILTIN_H

#include "base/base.h"

#include <rankgrad/autograd.h>

enum { RG__MAX_SAMPLE_INPUTS = 4 };

/* An input of a sample: its shape and the range that its random values are from. They stay at least
 * `gap` away from 0, where the operator may have a kink. */
struct rg__sample_input {
    int ndim;
    int64_t dims[RG_MAX_DIMS];
    double low, high, gap;
};

/* An example call of an operator. */
struct rg__sample {
    const char *what; /* "a (2,3), b (3)" */
    int n_inputs;
    struct rg__sample_input inputs[RG__MAX_SAMPLE_INPUTS];
    rg_function *build;
    const char *numpy; /* the value in Python, of inputs a (also x), b, c, d; NULL: not given */
    const char *zero_because; /* why a gradient of this call is all zero; NULL: none is */
    const void *user;         /* passed to build */
};

struct rg__builtin {
    const rg_operator op;
    const char *formula; /* one line */
    const struct rg__sample *samples;
    int n_samples;
};

/* Builds the call of a sample. */
rg_node *rg__build_sample(rg_graph *graph, rg_node *const *inputs, const struct rg__sample *sample);

/* All operators. */
extern const struct rg__builtin *const rg__operators[];
extern const int rg__n_operators;

/* Makes random inputs for a sample, as f64 tensors; the caller frees the data of each with
 * rg__free. False when out of memory; nothing is allocated then. */
bool rg__sample_inputs(rg_context *ctx, const struct rg__sample *sample, uint64_t seed,
                       rg_tensor inputs[RG__MAX_SAMPLE_INPUTS]);

/* Runs the gradient check on a sample. Fails also if a gradient is all zero without a reason given
 * in the sample, or if f32 could not be checked. */
rg_status rg__gradcheck_sample(rg_context *ctx, const struct rg__sample *sample, uint64_t seed,
                               rg_gradcheck_report *report);

#endif

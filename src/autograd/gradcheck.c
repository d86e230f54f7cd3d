/* gradcheck.c: the comparison of backward with central differences.
 *
 * The one idea: for a random cotangent c, phi(x) = c . f(x) is a scalar whose gradient backward
 * must give; the central difference (phi(x + h) - phi(x - h)) / 2h is within about h^2 of it. In
 * float64 with h = 6e-6, near the cube root of the machine epsilon, both errors of the difference
 * (rounding / h, curvature h^2) are some 1e-10 of phi, so that 1e-8 + 1e-6 |n| is no loose bound:
 * it sees a gradient that is wrong by 1e-5 of itself. */
#include "autograd/builtin.h"

#include "base/random.h"
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_INPUTS = 32 }; /* the bits of report.vacuous */

struct check {
    rg_context *ctx;
    rg_function *function;
    void *user;
    const rg_gradcheck_options *options;
    rg_gradcheck_report *report;
    rg_graph *graph;
    int n_inputs;
    const rg_tensor *given; /* the caller's inputs */
    rg_tensor *inputs;      /* copies, which are moved by h and back */
    double **grads;         /* one a differentiable input; NULL for the others */
    double *plus;           /* f(x + h) */
    rg_tensor cotangent;    /* data NULL until the shape of f is known */
};

rg_gradcheck_options rg_gradcheck_options_default(void)
{
    return (rg_gradcheck_options){.step = 6e-6, .rtol = 1e-6, .atol = 1e-8, .seed = 1};
}

/* Keeps the first finding. */
static void found(struct check *c, int input, int64_t element, double analytic, double numeric,
                  const char *what)
{
    rg_gradcheck_report *r = c->report;
    if (!r->passed)
        return;
    r->passed = false;
    r->input = input;
    r->element = element;
    r->analytic = analytic;
    r->numeric = numeric;
    if (element < 0)
        snprintf(r->message, sizeof r->message, "input %d: %s", input, what);
    else
        snprintf(r->message, sizeof r->message, "input %d, element %lld: %s: %.17g, expected %.17g",
                 input, (long long)element, what, analytic, numeric);
}

static bool differentiable(const struct check *c, int i)
{
    return c->given[i].dtype == RG_F64;
}

/* f at the current inputs, as a node of the (reset) graph; `grads` are where gradients are added,
 * or NULL where none is wanted. */
static rg_node *evaluate(struct check *c, double *const *grads)
{
    rg_node *nodes[MAX_INPUTS];
    rg_graph_reset(c->graph);
    for (int i = 0; i < c->n_inputs; i++)
        nodes[i] = grads && differentiable(c, i) ? rg_variable(c->graph, &c->inputs[i], grads[i])
                                                 : rg_leaf(c->graph, &c->inputs[i]);
    return c->function(c->graph, nodes, c->user);
}

static rg_status graph_error(struct check *c)
{
    rg_status status = rg_graph_status(c->graph);
    return status != RG_OK ? status
                           : rg__fail(c->ctx, RG_USAGE, "gradcheck: the function returned NULL");
}

/* A cotangent of the shape of f, each element of magnitude 0.5 to 1.5, and room for f(x + h). */
static rg_status make_cotangent(struct check *c)
{
    rg_node *y = evaluate(c, NULL);
    if (!y)
        return graph_error(c);
    const rg_tensor *value = rg_node_value(y);
    if (value->dtype != RG_F64)
        return rg__fail(c->ctx, RG_USAGE, "gradcheck: the function gives %s; expected f64",
                        rg_dtype_name(value->dtype));
    int64_t count = rg_tensor_count(value);
    c->cotangent = *value;
    c->cotangent.data = rg__alloc(c->ctx, count, sizeof(double), "the cotangent");
    c->plus = rg__alloc(c->ctx, count, sizeof(double), "the differences");
    if (!c->cotangent.data || !c->plus)
        return RG_LIMIT;
    for (int64_t i = 0; i < count; i++) {
        double u = rg__uniform(c->options->seed, RG__STREAM_COTANGENT, 0, (uint64_t)i);
        ((double *)c->cotangent.data)[i] = u < 0.5 ? u - 1.5 : u + 0.5;
    }
    return RG_OK;
}

/* Runs backward into the given gradients. */
static rg_status backward(struct check *c, double *const *grads)
{
    rg_node *y = evaluate(c, grads);
    return y ? rg_backward(c->graph, y, &c->cotangent) : graph_error(c);
}

/* c . (f(x + h) - f(x - h)) / 2h for one element of one input. */
static rg_status numeric_derivative(struct check *c, int input, int64_t element, double *derivative)
{
    double *x = (double *)c->inputs[input].data + element;
    const double kept = *x, *weight = c->cotangent.data;
    double h = c->options->step * fmax(1, fabs(kept)), change = 0;
    int64_t count = rg_tensor_count(&c->cotangent);
    const volatile double above = kept + h, below = kept - h; /* as stored, not as computed */
    *x = above;
    rg_node *y = evaluate(c, NULL);
    if (y && count > 0)
        memcpy(c->plus, rg_node_value(y)->data, (size_t)count * sizeof(double));
    *x = below;
    y = y ? evaluate(c, NULL) : NULL;
    const double *minus = y ? rg_node_value(y)->data : NULL; /* perhaps x itself */
    for (int64_t i = 0; y && i < count; i++)
        change += weight[i] * (c->plus[i] - minus[i]);
    *x = kept;
    if (!y)
        return graph_error(c);
    *derivative = change / (above - below);
    return RG_OK;
}

static rg_status compare_with_differences(struct check *c)
{
    const rg_gradcheck_options *o = c->options;
    for (int i = 0; i < c->n_inputs; i++) {
        bool all_zero = true;
        int64_t count = differentiable(c, i) ? rg_tensor_count(&c->inputs[i]) : 0;
        for (int64_t k = 0; k < count; k++) {
            double numeric = 0, analytic = c->grads[i][k];
            rg_status status = numeric_derivative(c, i, k, &numeric);
            if (status != RG_OK)
                return status;
            double error = fabs(analytic - numeric) / (o->atol + o->rtol * fabs(numeric));
            if (error > c->report->worst || isnan(error)) /* a NaN is the worst, and stays */
                c->report->worst = error;
            if (!(error <= 1))
                found(c, i, k, analytic, numeric, "backward differs from the central difference");
            all_zero &= analytic == 0;
            c->report->n_elements++;
        }
        if (count > 0 && all_zero)
            c->report->vacuous |= UINT32_C(1) << i;
    }
    return RG_OK;
}

/* A second run: into gradients that hold something already (backward must add to it), and once
 * more into zeros (the same bits as the first time). */
static rg_status run_again(struct check *c, double *const *again, bool filled)
{
    for (int i = 0; i < c->n_inputs; i++)
        for (int64_t k = 0; again[i] && k < rg_tensor_count(&c->inputs[i]); k++)
            again[i][k] = filled ? 1 + rg__uniform(c->options->seed, RG__STREAM_COTANGENT,
                                                   (uint64_t)i + 1, (uint64_t)k)
                                 : 0;
    rg_status status = backward(c, again);
    if (status != RG_OK)
        return status;
    for (int i = 0; i < c->n_inputs; i++)
        for (int64_t k = 0; again[i] && k < rg_tensor_count(&c->inputs[i]); k++) {
            double first = c->grads[i][k], second = again[i][k];
            if (!filled && memcmp(&first, &second, sizeof first) != 0)
                found(c, i, k, second, first, "a second run gives other bits");
            double before = 1 + rg__uniform(c->options->seed, RG__STREAM_COTANGENT, (uint64_t)i + 1,
                                            (uint64_t)k);
            if (filled && fabs(second - before - first) > 1e-12 * (1 + fabs(first) + before))
                found(c, i, k, second - before, first, "backward does not add to the gradient");
        }
    return RG_OK;
}

static void check_inputs_unchanged(struct check *c)
{
    for (int i = 0; i < c->n_inputs; i++)
        if (rg_tensor_count(&c->given[i]) > 0 &&
            memcmp(c->given[i].data, c->inputs[i].data, rg__tensor_bytes(&c->given[i])) != 0)
            found(c, i, -1, 0, 0, "the function writes to it");
}

static rg_status run(struct check *c, double *const *again)
{
    rg_status status = make_cotangent(c);
    if (status == RG_OK)
        status = backward(c, c->grads);
    if (status == RG_OK)
        check_inputs_unchanged(c);
    if (status == RG_OK)
        status = run_again(c, again, false);
    if (status == RG_OK)
        status = run_again(c, again, true);
    if (status == RG_OK)
        status = compare_with_differences(c);
    if (status != RG_OK || !c->report->passed)
        return status;
    int n = snprintf(c->report->message, sizeof c->report->message,
                     "passed: %lld elements, worst at %.2g of the bound",
                     (long long)c->report->n_elements, c->report->worst);
    for (int i = 0; i < c->n_inputs && n > 0 && n < (int)sizeof c->report->message; i++)
        if (c->report->vacuous >> i & 1)
            n += snprintf(c->report->message + n, sizeof c->report->message - (size_t)n,
                          "; warning: the gradient of input %d is all zero", i);
    return status;
}

/* Copies of the inputs, and gradients for those that have one. */
static bool copy_inputs(struct check *c, double **again)
{
    for (int i = 0; i < c->n_inputs; i++) {
        const rg_tensor *given = &c->given[i];
        int64_t count = rg_tensor_count(given);
        size_t size = rg_dtype_size(given->dtype);
        c->inputs[i] = *given;
        c->inputs[i].data = rg__alloc(c->ctx, count, size, "a copy of an input");
        if (!c->inputs[i].data)
            return false;
        if (count > 0)
            memcpy(c->inputs[i].data, given->data, rg__tensor_bytes(given));
        if (!differentiable(c, i))
            continue;
        c->grads[i] = rg__alloc(c->ctx, count, sizeof(double), "a gradient");
        again[i] = rg__alloc(c->ctx, count, sizeof(double), "a gradient");
        if (!c->grads[i] || !again[i])
            return false;
    }
    return true;
}

rg_status rg_gradcheck(rg_context *ctx, rg_function *function, void *user, const rg_tensor *inputs,
                       int n_inputs, const rg_gradcheck_options *options,
                       rg_gradcheck_report *report)
{
    rg_gradcheck_options defaults = rg_gradcheck_options_default();
    rg_tensor copies[MAX_INPUTS] = {0};
    double *grads[MAX_INPUTS] = {0}, *again[MAX_INPUTS] = {0};
    rg_status status = rg__require(ctx, "rg_gradcheck", "function", function, "inputs", inputs,
                                   "report", report, NULL);
    if (status != RG_OK)
        return status;
    *report = (rg_gradcheck_report){.passed = true, .input = -1, .element = -1};
    if (n_inputs < 1 || n_inputs > MAX_INPUTS)
        return rg__fail(ctx, RG_USAGE, "gradcheck: %d inputs; expected 1 to %d", n_inputs,
                        MAX_INPUTS);
    for (int i = 0; i < n_inputs; i++)
        if (rg_tensor_count(&inputs[i]) < 0 || (rg_tensor_count(&inputs[i]) && !inputs[i].data))
            return rg__fail(ctx, RG_USAGE, "gradcheck: input %d has no valid shape or no data", i);
    struct check c = {.ctx = ctx, .function = function, .user = user, .report = report};
    c.options = options ? options : &defaults;
    const rg_gradcheck_options *o = c.options;
    const struct rg__range ranges[] = {
        {"step", o->step, o->step > 0 && isfinite(o->step), "a number > 0"},
        {"rtol", o->rtol, o->rtol >= 0 && isfinite(o->rtol), "a number >= 0"},
        {"atol", o->atol, o->atol >= 0 && isfinite(o->atol), "a number >= 0"},
    };
    status = rg__check_ranges(ctx, "gradcheck", ranges, RG__COUNT(ranges));
    if (status != RG_OK)
        return status;
    c.n_inputs = n_inputs;
    c.given = inputs;
    c.inputs = copies;
    c.grads = grads;
    c.graph = rg_graph_create(ctx);
    status = c.graph && copy_inputs(&c, again) ? run(&c, again) : RG_LIMIT;
    for (int i = 0; i < n_inputs; i++) {
        rg__free(ctx, copies[i].data);
        rg__free(ctx, grads[i]);
        rg__free(ctx, again[i]);
    }
    rg__free(ctx, c.cotangent.data);
    rg__free(ctx, c.plus);
    rg_graph_destroy(c.graph);
    return status;
}

/* ---- Samples ---- */

bool rg__sample_inputs(rg_context *ctx, const struct rg__sample *sample, uint64_t seed,
                       rg_tensor inputs[RG__MAX_SAMPLE_INPUTS])
{
    for (int i = 0; i < sample->n_inputs; i++) {
        const struct rg__sample_input *in = &sample->inputs[i];
        inputs[i] = (rg_tensor){.dtype = RG_F64, .ndim = in->ndim};
        memcpy(inputs[i].dims, in->dims, sizeof in->dims);
        int64_t count = rg_tensor_count(&inputs[i]);
        double *x = inputs[i].data = rg__alloc(ctx, count, sizeof(double), "a sample");
        if (!x) {
            while (i-- > 0)
                rg__free(ctx, inputs[i].data);
            return false;
        }
        for (int64_t k = 0; k < count; k++) {
            double u = rg__uniform(seed, RG__STREAM_SAMPLES, (uint64_t)i, (uint64_t)k);
            double value = in->low + (in->high - in->low) * u;
            x[k] = value + (value < 0 ? -in->gap : in->gap);
        }
    }
    return true;
}

rg_node *rg__build_sample(rg_graph *graph, rg_node *const *inputs, const struct rg__sample *sample)
{
    return sample->build(graph, inputs, (void *)(uintptr_t)sample->user);
}

rg_status rg__gradcheck_sample(rg_context *ctx, const struct rg__sample *sample, uint64_t seed,
                               rg_gradcheck_report *report)
{
    rg_tensor inputs[RG__MAX_SAMPLE_INPUTS];
    if (!rg__sample_inputs(ctx, sample, seed, inputs))
        return RG_LIMIT;
    rg_status status = rg_gradcheck(ctx, sample->build, (void *)(uintptr_t)sample->user, inputs,
                                    sample->n_inputs, NULL, report);
    if (status == RG_OK && report->passed && report->vacuous && !sample->zero) {
        report->passed = false;
        snprintf(report->message, sizeof report->message,
                 "a gradient is all zero (inputs by bit: %x): nothing was tested there",
                 (unsigned)report->vacuous);
    }
    for (int i = 0; i < sample->n_inputs; i++)
        rg__free(ctx, inputs[i].data);
    return status;
}

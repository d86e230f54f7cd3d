/* gradcheck.c: the gradient check, which compares backward with central differences.
 *
 * For a random cotangent c, phi(x) = c . f(x) is a scalar, and backward must give its gradient. The
 * central difference (phi(x + h) - phi(x - h)) / 2h approximates that with an error of about h^2.
 * In float64 with h = 6e-6, near the cube root of the machine epsilon, the rounding error
 * (epsilon / h) and the truncation error (h^2) are both about 1e-10 of phi. The tolerance of
 * 1e-8 + 1e-6 |n| is therefore tight: a relative error of 1e-5 in a gradient is detected.
 *
 * Differences in float32 would be too inexact. The kernels of float32 are instead compared with
 * those of float64, for inputs and a cotangent that both types represent exactly. */
#include "autograd/builtin.h"

#include "base/random.h"
#include "tensor/tensor.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_INPUTS = 32 }; /* the bits of report.vacuous */

/* Copies of the inputs in one type, whose elements are changed by h and back, and the gradients of
 * two runs; NULL for inputs that are not differentiated. */
struct pass {
    rg_dtype dtype;
    rg_tensor inputs[MAX_INPUTS];
    void *grads[MAX_INPUTS], *second[MAX_INPUTS];
};

struct check {
    rg_context *ctx;
    rg_function *function;
    void *user;
    const rg_gradcheck_options *options;
    rg_gradcheck_report *report;
    rg_graph *graph;
    int n_inputs;
    const rg_tensor *given; /* the caller's inputs */
    struct pass f64, f32;
    struct pass *pass;    /* the current one */
    rg_tensor cotangent;  /* f64 */
    float *cotangent_f32; /* the same in f32 */
    double *plus, *minus; /* f(x + h), f(x - h) */
};

rg_gradcheck_options rg_gradcheck_options_default(void)
{
    return (rg_gradcheck_options){
        .step = 6e-6, .rtol = 1e-6, .atol = 1e-8, .seed = 1, .rtol_f32 = 3e-6};
}

/* Reports a finding, unless there is one already. */
static void add_finding(struct check *c, int input, int64_t element, double analytic,
                        double numeric, const char *what)
{
    rg_gradcheck_report *r = c->report;
    char where[64] = "the value";
    if (!r->passed)
        return;
    r->passed = false;
    r->input = input;
    r->element = element;
    r->analytic = analytic;
    r->numeric = numeric;
    if (input >= 0)
        snprintf(where, sizeof where, "input %d", input);
    if (element < 0)
        snprintf(r->message, sizeof r->message, "%s: %s", where, what);
    else
        snprintf(r->message, sizeof r->message, "%s, element %lld: %s: %.17g, expected %.17g",
                 where, (long long)element, what, analytic, numeric);
}

static bool differentiable(const struct check *c, int i)
{
    return c->given[i].dtype == RG_F64;
}

/* Computes f at the current inputs, after a reset of the graph. Backward will add to `grads`; NULL
 * if no gradients are needed. */
static rg_node *evaluate(struct check *c, void *const *grads)
{
    rg_node *nodes[MAX_INPUTS];
    rg_graph_reset(c->graph);
    for (int i = 0; i < c->n_inputs; i++)
        nodes[i] = grads && differentiable(c, i)
                       ? rg_variable(c->graph, &c->pass->inputs[i], grads[i])
                       : rg_leaf(c->graph, &c->pass->inputs[i]);
    return c->function(c->graph, nodes, c->user);
}

static rg_status graph_error(struct check *c)
{
    rg_status status = rg_graph_status(c->graph);
    return status != RG_OK ? status
                           : rg__fail(c->ctx, RG_USAGE,
                                      "gradcheck: the function returned NULL; expected a node");
}

/* Makes a random cotangent of the shape of f, with magnitudes from 0.5 to 1.5, and allocates memory
 * for f(x + h) and f(x - h). */
static rg_status make_cotangent(struct check *c)
{
    rg_node *y = evaluate(c, NULL);
    if (!y)
        return graph_error(c);
    const rg_tensor *value = rg_node_value(y);
    if (value->dtype != RG_F64)
        return rg__fail(c->ctx, RG_USAGE, "gradcheck: the function returned %s; expected f64",
                        rg_dtype_name(value->dtype));
    int64_t count = rg_tensor_count(value);
    c->cotangent = *value;
    c->cotangent.data = rg__alloc(c->ctx, count, sizeof(double), "the cotangent");
    c->cotangent_f32 = rg__alloc(c->ctx, count, sizeof(float), "the cotangent");
    c->plus = rg__alloc(c->ctx, count, sizeof(double), "the differences");
    c->minus = rg__alloc(c->ctx, count, sizeof(double), "the differences");
    if (!c->cotangent.data || !c->cotangent_f32 || !c->plus || !c->minus)
        return RG_LIMIT;
    for (int64_t i = 0; i < count; i++) {
        double u = rg_uniform(c->options->seed, RG__STREAM_COTANGENT, 0, (uint64_t)i);
        c->cotangent_f32[i] = (float)(u < 0.5 ? u - 1.5 : u + 0.5);
        ((double *)c->cotangent.data)[i] = (double)c->cotangent_f32[i];
    }
    return RG_OK;
}

/* Computes f and its gradients, which are added to `grads`; stores the value in c->plus. */
static rg_status backward(struct check *c, void *const *grads)
{
    rg_tensor cotangent = c->cotangent;
    rg_node *y = evaluate(c, grads);
    if (!y)
        return graph_error(c);
    const rg_tensor *value = rg_node_value(y);
    if (!rg_dtype_computes(value->dtype) || !rg__same_shape(value, &cotangent))
        return rg__fail(c->ctx, RG_USAGE,
                        "gradcheck: the function returned another shape or type than before; "
                        "expected the same in each call");
    rg__cast(value->dtype, value->data, RG_F64, c->plus, rg__count(value));
    cotangent.dtype = value->dtype;
    cotangent.data = value->dtype == RG_F32 ? (void *)c->cotangent_f32 : c->cotangent.data;
    return rg_backward(c->graph, y, &cotangent);
}

/* ---- Differences ---- */

/* Computes f with one element of one input replaced by `at`. */
static rg_status evaluate_at(struct check *c, int input, int64_t element, double at, double *values)
{
    double *x = (double *)c->pass->inputs[input].data + element;
    const double original = *x;
    *x = at;
    rg_node *y = evaluate(c, NULL);
    if (y) /* before x is restored, as its memory may be that of y */
        rg__cast(RG_F64, rg_node_value(y)->data, RG_F64, values, rg_tensor_count(&c->cotangent));
    *x = original;
    return y ? RG_OK : graph_error(c);
}

/* The difference quotient c . (f(above) - f(below)) / (above - below) in one element of one input.
 */
static rg_status slope(struct check *c, int input, int64_t element, double below, double above,
                       double *result)
{
    const double *weight = c->cotangent.data;
    rg_status status = evaluate_at(c, input, element, above, c->plus);
    if (status == RG_OK)
        status = evaluate_at(c, input, element, below, c->minus);
    double change = 0;
    for (int64_t i = 0; status == RG_OK && i < rg__count(&c->cotangent); i++)
        change += weight[i] * (c->plus[i] - c->minus[i]);
    *result = change / (above - below);
    return status;
}

/* Appends a note about a kink to the message if the one-sided differences at x disagree, and by
 * about as much at twice the distance. (For a smooth function the disagreement is proportional to
 * the distance.) */
static rg_status mention_kink(struct check *c, int input, int64_t element)
{
    rg_gradcheck_report *r = c->report;
    const double x = ((double *)c->pass->inputs[input].data)[element];
    double s = 16 * c->options->step * fmax(1, fabs(x)), below[2], above[2];
    for (int i = 0; i < 2; i++, s *= 2) {
        const volatile double left = x - s, right = x + s; /* rounded to double */
        rg_status status = slope(c, input, element, left, x, &below[i]);
        if (status == RG_OK)
            status = slope(c, input, element, x, right, &above[i]);
        if (status != RG_OK)
            return status;
    }
    double jump = fabs(above[0] - below[0]), larger = fmax(fabs(above[0]), fabs(below[0]));
    size_t used = strlen(r->message);
    if (jump > 1e-3 * larger && fabs(above[1] - below[1]) < 1.5 * jump)
        snprintf(r->message + used, sizeof r->message - used,
                 "; perhaps a kink: the slope is %.4g on its left and %.4g on its right", below[0],
                 above[0]);
    return RG_OK;
}

static rg_status compare_with_differences(struct check *c)
{
    const rg_gradcheck_options *o = c->options;
    for (int i = 0; i < c->n_inputs; i++) {
        bool all_zero = true;
        int64_t count = differentiable(c, i) ? rg_tensor_count(&c->given[i]) : 0;
        for (int64_t k = 0; k < count; k++) {
            const double x = ((double *)c->pass->inputs[i].data)[k];
            const double h = o->step * fmax(1, fabs(x));
            const volatile double above = x + h, below = x - h; /* rounded to double */
            double numeric, analytic = ((double *)c->pass->grads[i])[k];
            rg_status status = slope(c, i, k, below, above, &numeric);
            if (status != RG_OK)
                return status;
            double error = fabs(analytic - numeric) / (o->atol + o->rtol * fabs(numeric));
            if (error > c->report->worst || isnan(error)) /* NaN counts as the worst */
                c->report->worst = error;
            if (!(error <= 1) && c->report->passed) {
                add_finding(c, i, k, analytic, numeric,
                            "backward differs from the central difference");
                status = mention_kink(c, i, k);
            }
            if (status != RG_OK)
                return status;
            all_zero &= analytic == 0;
            c->report->n_elements++;
        }
        if (count > 0 && all_zero)
            c->report->vacuous |= UINT32_C(1) << i;
    }
    return RG_OK;
}

/* What a gradient is filled with before a run that must add to it. */
static double initial_gradient(const struct check *c, int input, int64_t element)
{
    double u =
        rg_uniform(c->options->seed, RG__STREAM_COTANGENT, (uint64_t)input + 1, (uint64_t)element);
    return 1 + (double)(float)u;
}

/* Runs backward again: with `filled` into gradients that are not zero, to which it must add;
 * otherwise into zeros, where it must give the same bits as the first time. */
static rg_status run_again(struct check *c, bool filled)
{
    const struct pass *p = c->pass;
    const double rounding = p->dtype == RG_F32 ? 1e-6 : 1e-12;
    for (int i = 0; i < c->n_inputs; i++)
        for (int64_t k = 0; p->second[i] && k < rg__count(&p->inputs[i]); k++)
            rg__fill(p->dtype, (char *)p->second[i] + (size_t)k * rg_dtype_size(p->dtype), 1,
                     filled ? initial_gradient(c, i, k) : 0);
    rg_status status = backward(c, p->second);
    if (status != RG_OK)
        return status;
    for (int i = 0; i < c->n_inputs; i++)
        for (int64_t k = 0; p->second[i] && k < rg__count(&p->inputs[i]); k++) {
            double first = rg__element(p->dtype, p->grads[i], k);
            double second = rg__element(p->dtype, p->second[i], k);
            if (!filled && memcmp(&first, &second, sizeof first) != 0)
                add_finding(c, i, k, second, first, "a second run gives different bits");
            second -= filled ? initial_gradient(c, i, k) : 0;
            if (filled &&
                fabs(second - first) > rounding * (1 + fabs(first) + initial_gradient(c, i, k)))
                add_finding(c, i, k, second, first, "backward does not add to the gradient");
        }
    return RG_OK;
}

/* Copies the inputs into a pass, converted to its type. */
static void fill_inputs(struct check *c, struct pass *p, const rg_tensor *from)
{
    for (int i = 0; i < c->n_inputs; i++)
        rg__cast(from[i].dtype, from[i].data, p->inputs[i].dtype, p->inputs[i].data,
                 rg_tensor_count(&from[i]));
}

/* Compares the inputs of the current pass with those that they were copied from. */
static void check_inputs_unchanged(struct check *c, const rg_tensor *from)
{
    for (int i = 0; i < c->n_inputs; i++)
        for (int64_t k = 0; k < rg_tensor_count(&from[i]); k++) {
            double now = rg__element(c->pass->inputs[i].dtype, c->pass->inputs[i].data, k);
            double then = rg__element(from[i].dtype, from[i].data, k);
            if (memcmp(&now, &then, sizeof now) != 0)
                add_finding(c, i, -1, 0, 0, "the function writes to it");
        }
}

/* Runs backward three times in the type of the current pass and checks everything but the values of
 * the gradients. */
static rg_status run_pass(struct check *c, const rg_tensor *from)
{
    rg_status status = backward(c, c->pass->grads);
    if (status == RG_OK)
        check_inputs_unchanged(c, from);
    if (status == RG_OK)
        status = run_again(c, false);
    return status == RG_OK ? run_again(c, true) : status;
}

/* ---- f32 against f64 ---- */

/* Compares numbers computed in f32 (stored as `dtype`) with those computed in f64. The tolerance is
 * relative to the number and to the largest of them, because of cancellation in sums, plus the
 * epsilon of f32 in case all of them cancel. */
static rg_status compare_f32(struct check *c, int input, int64_t n, rg_dtype dtype,
                             const void *narrow, const double *wide, const char *what)
{
    rg_status status = RG_OK;
    double largest = 0;
    for (int64_t k = 0; k < n; k++)
        if (isfinite(wide[k]))
            largest = fmax(largest, fabs(wide[k]));
    for (int64_t k = 0; k < n && status == RG_OK; k++) {
        double a = rg__element(dtype, narrow, k), e = (double)(float)wide[k];
        double bound = c->options->rtol_f32 * (fabs(e) + largest) + (double)FLT_EPSILON;
        double error = a == e || (isnan(a) && isnan(e)) ? 0 : fabs(a - e) / bound;
        if (error > c->report->worst_f32 || isnan(error))
            c->report->worst_f32 = error;
        if (error <= 1 || !c->report->passed)
            continue;
        add_finding(c, input, k, a, wide[k], what);
        if (input >= 0)
            status = mention_kink(c, input, k);
    }
    return status;
}

/* Runs both types for inputs that f32 represents exactly. */
static rg_status run_f32(struct check *c)
{
    rg_gradcheck_report *r = c->report;
    fill_inputs(c, &c->f32, c->given);
    fill_inputs(c, &c->f64, c->f32.inputs);
    for (int i = 0; i < c->n_inputs; i++)
        if (c->f64.second[i])
            memset(c->f64.second[i], 0, rg__tensor_bytes(&c->f64.inputs[i]));
    rg_status status = backward(c, c->f64.second);
    int64_t count = rg_tensor_count(&c->cotangent);
    if (status != RG_OK)
        return status;
    rg__cast(RG_F64, c->plus, RG_F64, c->minus, count);
    c->pass = &c->f32;
    status = run_pass(c, c->f64.inputs);
    c->pass = &c->f64;
    if (status != RG_OK && status != RG_LIMIT && status != RG_CANCELLED) {
        snprintf(r->message, sizeof r->message, "%s", rg_last_error(c->ctx));
        return RG_OK;
    }
    if (status != RG_OK)
        return status;
    r->checked_f32 = true;
    status =
        compare_f32(c, -1, count, RG_F64, c->plus, c->minus, "computed in f32 differs from f64");
    for (int i = 0; i < c->n_inputs && status == RG_OK; i++)
        if (differentiable(c, i))
            status = compare_f32(c, i, rg_tensor_count(&c->given[i]), RG_F32, c->f32.grads[i],
                                 c->f64.second[i], "backward in f32 differs from that in f64");
    return status;
}

static void report_success(struct check *c, const char *not_in_f32)
{
    rg_gradcheck_report *r = c->report;
    const int room = (int)sizeof r->message;
    int n =
        snprintf(r->message, sizeof r->message, "passed: %lld elements, worst at %.2g of the bound",
                 (long long)r->n_elements, r->worst);
    if (r->checked_f32)
        n += snprintf(r->message + n, (size_t)(room - n), ", in f32 at %.2g of its bound",
                      r->worst_f32);
    for (int i = 0; i < c->n_inputs && n < room; i++)
        if (r->vacuous >> i & 1)
            n += snprintf(r->message + n, (size_t)(room - n),
                          "; warning: the gradient of input %d is all zero", i);
    if (!r->checked_f32 && not_in_f32[0] && n < room)
        snprintf(r->message + n, (size_t)(room - n), "; not checked in f32: %s", not_in_f32);
}

static rg_status run(struct check *c)
{
    char not_in_f32[sizeof c->report->message] = "";
    c->pass = &c->f64;
    fill_inputs(c, c->pass, c->given);
    rg_status status = make_cotangent(c);
    if (status == RG_OK)
        status = run_pass(c, c->given);
    if (status == RG_OK)
        status = compare_with_differences(c);
    if (status == RG_OK && c->report->passed && c->options->rtol_f32 > 0) {
        status = run_f32(c);
        memcpy(not_in_f32, c->report->message, sizeof not_in_f32);
    }
    if (status == RG_OK && c->report->passed)
        report_success(c, not_in_f32);
    return status;
}

/* Allocates the inputs of a pass and the gradients of those that are differentiated. */
static bool alloc_pass(struct check *c, rg_dtype dtype, struct pass *p)
{
    p->dtype = dtype;
    for (int i = 0; i < c->n_inputs; i++) {
        rg_tensor *x = &p->inputs[i];
        int64_t count = rg_tensor_count(&c->given[i]);
        *x = c->given[i];
        x->dtype = differentiable(c, i) ? dtype : x->dtype;
        size_t size = rg_dtype_size(x->dtype);
        x->data = rg__alloc(c->ctx, count, size, "a copy of an input");
        if (x->data && differentiable(c, i)) {
            p->grads[i] = rg__alloc(c->ctx, count, size, "a gradient");
            p->second[i] = rg__alloc(c->ctx, count, size, "a gradient");
        }
        if (!x->data || (differentiable(c, i) && (!p->grads[i] || !p->second[i])))
            return false;
    }
    return true;
}

static void free_pass(struct check *c, struct pass *p)
{
    for (int i = 0; i < c->n_inputs; i++) {
        rg__free(c->ctx, p->inputs[i].data);
        rg__free(c->ctx, p->grads[i]);
        rg__free(c->ctx, p->second[i]);
    }
}

static rg_status check_arguments(rg_context *ctx, const rg_tensor *inputs, int n_inputs,
                                 const rg_gradcheck_options *o)
{
    if (n_inputs < 1 || n_inputs > MAX_INPUTS)
        return rg__fail(ctx, RG_USAGE, "gradcheck: %d inputs; expected 1 to %d", n_inputs,
                        MAX_INPUTS);
    for (int i = 0; i < n_inputs; i++)
        if (rg_tensor_count(&inputs[i]) < 0 || (rg_tensor_count(&inputs[i]) && !inputs[i].data))
            return rg__fail(ctx, RG_USAGE, "gradcheck: input %d has an invalid shape or no data",
                            i);
    const struct rg__range ranges[] = {
        {"step", o->step, o->step > 0 && isfinite(o->step), "a number > 0"},
        {"rtol", o->rtol, o->rtol >= 0 && isfinite(o->rtol), "a number >= 0"},
        {"atol", o->atol, o->atol >= 0 && isfinite(o->atol), "a number >= 0"},
        {"rtol_f32", o->rtol_f32, o->rtol_f32 >= 0 && isfinite(o->rtol_f32), "a number >= 0"},
    };
    return rg__check_ranges(ctx, "gradcheck", ranges, RG__COUNT(ranges));
}

rg_status rg_gradcheck(rg_context *ctx, rg_function *function, void *user, const rg_tensor *inputs,
                       int n_inputs, const rg_gradcheck_options *options,
                       rg_gradcheck_report *report)
{
    rg_gradcheck_options o = options ? *options : rg_gradcheck_options_default();
    rg_status status = rg__require(ctx, "rg_gradcheck", "inputs", inputs, "report", report, NULL);
    if (status == RG_OK && !function)
        status = rg__fail(ctx, RG_USAGE, "rg_gradcheck: function is NULL");
    if (status != RG_OK)
        return status;
    *report = (rg_gradcheck_report){.passed = true, .input = -1, .element = -1};
    status = check_arguments(ctx, inputs, n_inputs, &o);
    if (status != RG_OK)
        return status;
    struct check c = {.ctx = ctx, .function = function, .user = user, .options = &o};
    c.report = report;
    c.n_inputs = n_inputs;
    c.given = inputs;
    c.graph = rg_graph_create(ctx);
    bool opened = c.graph && alloc_pass(&c, RG_F64, &c.f64) && alloc_pass(&c, RG_F32, &c.f32);
    status = opened ? run(&c) : RG_LIMIT;
    free_pass(&c, &c.f64);
    free_pass(&c, &c.f32);
    rg__free(ctx, c.cotangent.data);
    rg__free(ctx, c.cotangent_f32);
    rg__free(ctx, c.plus);
    rg__free(ctx, c.minus);
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
            double u = rg_uniform(seed, RG__STREAM_SAMPLES, (uint64_t)i, (uint64_t)k);
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
    if (status == RG_OK && report->passed && report->vacuous && !sample->zero_because) {
        report->passed = false;
        snprintf(report->message, sizeof report->message,
                 "a gradient is all zero (bit mask of inputs: %x), so it was not tested",
                 (unsigned)report->vacuous);
    }
    if (status == RG_OK && report->passed && !report->checked_f32)
        report->passed = false; /* the message says why */
    for (int i = 0; i < sample->n_inputs; i++)
        rg__free(ctx, inputs[i].data);
    return status;
}

/* test_autograd.c: the graph, the operators, and properties of all operators in the table. */
#include "check.h"

#include "autograd/builtin.h"
#include "autograd/graph.h"
#include "loss/losses.h"
#include "tensor/tensor.h"

/* ---- Fixtures ---- */

struct fixture {
    rg_context *ctx;
    rg_graph *graph;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->ctx = rg_context_create(NULL);
    f->graph = rg_graph_create(f->ctx);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    rg_graph_destroy(f->graph);
    rg_context_destroy(f->ctx);
    free(f);
    return 0;
}

static rg_tensor vector(double *x, int64_t n)
{
    return (rg_tensor){RG_F64, 1, {n}, x};
}

static double at(const rg_tensor *t, int64_t i)
{
    assert_non_null(t);
    return t->dtype == RG_F32 ? (double)((const float *)t->data)[i] : ((const double *)t->data)[i];
}

/* ---- All operators in the table ---- */

static void count_samples(void *user, const char *name, const char *sample,
                          const rg_gradcheck_report *report)
{
    if (!report->passed)
        print_error("%s, %s: %s\n", name, sample, report->message);
    ++*(int *)user;
}

static void every_gradient_is_right(void **state)
{
    struct fixture *f = *state;
    int n = 0;
    assert_ok(f->ctx, rg_gradcheck_builtin(f->ctx, NULL, count_samples, &n));
    assert_true(n > rg__n_operators);
    assert_fails(f->ctx, RG_USAGE, "nonesuch",
                 rg_gradcheck_builtin(f->ctx, "nonesuch", NULL, NULL));
}

/* Stores the value and the gradients of a sample, computed in one type, in `out`; returns the number
 * of elements. */
static int run_sample(struct fixture *f, const struct rg__sample *sample, const rg_tensor *inputs,
                      rg_dtype dtype, double *out, int room)
{
    rg_tensor cast[RG__MAX_SAMPLE_INPUTS];
    rg_node *nodes[RG__MAX_SAMPLE_INPUTS];
    double storage[RG__MAX_SAMPLE_INPUTS][64], ones[64];
    rg_graph_reset(f->graph);
    for (int i = 0; i < sample->n_inputs; i++) {
        assert_true(rg_tensor_count(&inputs[i]) <= 64);
        cast[i] = inputs[i];
        cast[i].dtype = dtype;
        cast[i].data = storage[i];
        assert_ok(f->ctx, rg_tensor_cast(f->ctx, &inputs[i], &cast[i]));
        nodes[i] = rg_variable(f->graph, &cast[i], NULL);
    }
    rg_node *y = rg__build_sample(f->graph, nodes, sample);
    if (!y)
        fail_msg("%s: %s", sample->what, rg_last_error(f->ctx));
    rg_tensor cotangent = *rg_node_value(y), source = cotangent;
    double filled[64];
    for (int i = 0; i < 64; i++)
        filled[i] = 0.25 * (1 + i % 5);
    source.dtype = RG_F64;
    source.data = filled;
    cotangent.data = ones;
    assert_ok(f->ctx, rg_tensor_cast(f->ctx, &source, &cotangent));
    assert_ok(f->ctx, rg_backward(f->graph, y, &cotangent));
    int n = 0;
    for (int64_t k = 0; k < rg_tensor_count(rg_node_value(y)); k++)
        out[n++] = at(rg_node_value(y), k);
    for (int i = 0; i < sample->n_inputs; i++)
        for (int64_t k = 0; k < rg_tensor_count(&cast[i]); k++)
            out[n++] = at(rg_node_grad(nodes[i]), k);
    assert_true(n <= room);
    return n;
}

static void f32_agrees_with_f64(void **state)
{
    struct fixture *f = *state;
    struct rg__sampling walk = {0};
    struct rg__sample sample;
    while (rg__next_sample(f->ctx, &walk, &sample)) {
        if (strcmp(walk.name, "cast") == 0)
            continue; /* its sample has f64 in any case */
        rg_tensor inputs[RG__MAX_SAMPLE_INPUTS];
        double narrow[512], wide[512];
        assert_true(rg__sample_inputs(f->ctx, &sample, 7, inputs));
        for (int j = 0; j < sample.n_inputs; j++) /* f32 represents the inputs exactly */
            for (int64_t e = 0; e < rg_tensor_count(&inputs[j]); e++)
                ((double *)inputs[j].data)[e] = (double)(float)((double *)inputs[j].data)[e];
        int n = run_sample(f, &sample, inputs, RG_F32, narrow, 512);
        assert_int_equal(run_sample(f, &sample, inputs, RG_F64, wide, 512), n);
        for (int e = 0; e < n; e++)
            assert_close(narrow[e], wide[e], 2e-5, 2e-6);
        for (int j = 0; j < sample.n_inputs; j++)
            rg__free(f->ctx, inputs[j].data);
    }
}

/* ---- Special values ---- */

static const struct {
    rg_node *(*op)(rg_graph *, rg_node *);
    double x, y, slope;
} unary_cases[] = {
    {rg_relu, -1, 0, 0},
    {rg_relu, 0, 0, 0},
    {rg_relu, 2, 2, 1},
    {rg_relu, NAN, NAN, 1},
    {rg_sigmoid, 0, 0.5, 0.25},
    {rg_sigmoid, 1000, 1, 0},
    {rg_sigmoid, -1000, 0, 0},
    {rg_sigmoid, 40, 1, 4.248354255291589e-18}, /* 1 - y is 0, but the slope is not */
    {rg_tanh, 20, 1, 1.6993417021166355e-17},
    {rg_tanh, -1000, -1, 0},
    {rg_exp, 1, 2.718281828459045, 2.718281828459045},
    {rg_exp, 1000, INFINITY, INFINITY},
    {rg_log, 0, -INFINITY, INFINITY},
    {rg_log, -1, NAN, -1},
    {rg_neg, -0.5, 0.5, -1},
    {rg_abs, 0, 0, 0},
    {rg_abs, -INFINITY, INFINITY, -1},
    {rg_abs, NAN, NAN, NAN},
    {rg_square, -INFINITY, INFINITY, -INFINITY},
    {rg_sqrt, 0, 0, INFINITY},
    {rg_sqrt, -1, NAN, NAN},
    {rg_sqrt, INFINITY, INFINITY, 0},
    {rg_rsqrt, 0, INFINITY, -INFINITY},
    {rg_rsqrt, INFINITY, 0, 0},
    {rg_reciprocal, -INFINITY, 0, 0},
    {rg_reciprocal, 1e200, 1e-200, 0}, /* x^2 overflows */
    {rg_expm1, 1e-20, 1e-20, 1},
    {rg_expm1, -1000, -1, 0},
    {rg_log1p, 1e-20, 1e-20, 1},
    {rg_log1p, -1, -INFINITY, INFINITY},
    {rg_log1p, -2, NAN, -1},
    {rg_log2, 8, 3, 0.18033688011112042},
    {rg_sin, INFINITY, NAN, NAN},
    {rg_atan, INFINITY, 1.5707963267948966, 0},
    {rg_atan, 1e200, 1.5707963267948966, 0},
    {rg_erf, -INFINITY, -1, 0},
    {rg_log_sigmoid, -1000, -1000, 1},
    {rg_log_sigmoid, 1000, 0, 0},
    {rg_log_sigmoid, 40, -4.248354255291589e-18, 4.248354255291589e-18},
    {rg_softplus, 1000, 1000, 1},
    {rg_softplus, -1000, 0, 0},
    {rg_softplus, NAN, NAN, NAN},
    {rg_hard_tanh, 1, 1, 0},
    {rg_hard_tanh, INFINITY, 1, 0},
    {rg_hard_tanh, NAN, NAN, 1},
    {rg_selu, -INFINITY, -1.7580993408473766, 0},
    {rg_gelu, -INFINITY, 0, 0},
    {rg_gelu, INFINITY, INFINITY, 1},
    {rg_gelu, -10, -7.619853024160527e-23, -7.618400096464814e-22},
    {rg_gelu_tanh, -INFINITY, 0, 0},
    {rg_gelu_tanh, INFINITY, INFINITY, 1},
    {rg_silu, -INFINITY, 0, 0},
    {rg_silu, INFINITY, INFINITY, 1},
    {rg_mish, -INFINITY, 0, 0},
    {rg_mish, INFINITY, INFINITY, 1},
    {rg_mish, NAN, NAN, NAN},
};

static void unary_special_values(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof unary_cases / sizeof unary_cases[0]; i++) {
        double x = unary_cases[i].x;
        rg_tensor t = vector(&x, 1);
        rg_graph_reset(f->graph);
        rg_node *leaf = rg_variable(f->graph, &t, NULL);
        rg_node *y = unary_cases[i].op(f->graph, leaf);
        assert_ok(f->ctx, rg_backward(f->graph, y, NULL));
        assert_close(at(rg_node_value(y), 0), unary_cases[i].y, 1e-13, 0);
        assert_close(at(rg_node_grad(leaf), 0), unary_cases[i].slope, 1e-13, 0);
    }
}

static void binary_special_values(void **state)
{
    static const struct {
        rg_node *(*op)(rg_graph *, rg_node *, rg_node *);
        double a, b, y, slope_a, slope_b;
    } cases[] = {
        {rg_minimum, 1, 1, 1, 0.5, 0.5},
        {rg_minimum, -INFINITY, 1, -INFINITY, 1, 0},
        {rg_minimum, 1, NAN, NAN, NAN, NAN},
        {rg_minimum, NAN, 1, NAN, NAN, NAN},
        {rg_maximum, 1, 1, 1, 0.5, 0.5},
        {rg_maximum, 2, 1, 2, 1, 0},
        {rg_maximum, NAN, 1, NAN, NAN, NAN},
        {rg_pow, 0, 0, 1, 0, -INFINITY},
        {rg_pow, 0, 2, 0, 0, 0},
        {rg_pow, 0, 1, 0, 1, 0},
        {rg_pow, 0, 0.5, 0, INFINITY, 0},
        {rg_pow, -2, 3, -8, 12, NAN},
        {rg_pow, -2, 0.5, NAN, NAN, NAN},
        {rg_div, 1, 0, INFINITY, INFINITY, -INFINITY},
        {rg_sigmoid_binary_cross_entropy, INFINITY, 1, 0, 0, -INFINITY},
        {rg_sigmoid_binary_cross_entropy, -INFINITY, 0, 0, 0, INFINITY},
        {rg_sigmoid_binary_cross_entropy, -1000, 1, 1000, -1, 1000},
        {rg_sigmoid_binary_cross_entropy, NAN, 0, NAN, NAN, NAN},
        {rg_kl_divergence, -INFINITY, 0, 0, 0, NAN},
        {rg_kl_divergence, -2, 1, 2, -1, 3},
        {rg_kl_divergence, NAN, 0, NAN, 0, NAN},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double x[2] = {cases[i].a, cases[i].b};
        rg_tensor t[2] = {vector(&x[0], 1), vector(&x[1], 1)};
        rg_graph_reset(f->graph);
        rg_node *a = rg_variable(f->graph, &t[0], NULL), *b = rg_variable(f->graph, &t[1], NULL);
        rg_node *y = cases[i].op(f->graph, a, b);
        assert_ok(f->ctx, rg_backward(f->graph, y, NULL));
        assert_close(at(rg_node_value(y), 0), cases[i].y, 1e-15, 0);
        assert_close(at(rg_node_grad(a), 0), cases[i].slope_a, 1e-15, 0);
        assert_close(at(rg_node_grad(b), 0), cases[i].slope_b, 1e-15, 0);
    }
}

/* Operators with constants, and those without a gradient. */
static void special_values_with_constants(void **state)
{
    struct fixture *f = *state;
    double x[6] = {-INFINITY, -1, 0, 1, INFINITY, NAN};
    const double clipped[6] = {-1, -1, 0, 1, 1, NAN}, slope[6] = {0, 1, 1, 1, 0, 1};
    const double sign[6] = {-1, -1, 0, 1, 1, NAN}, square[6] = {INFINITY, 1, 0, 1, INFINITY, NAN};
    rg_tensor t = vector(x, 6);
    rg_node *leaf = rg_variable(f->graph, &t, NULL);
    rg_node *clip = rg_clip(f->graph, leaf, -1, 1), *signs = rg_sign(f->graph, leaf);
    rg_node *squares = rg_pow_scalar(f->graph, leaf, 2), *one = rg_pow_scalar(f->graph, leaf, 0);
    rg_node *wrong = rg_clip(f->graph, leaf, 1, -1);
    assert_ok(f->ctx, rg_backward(f->graph, rg_sum(f->graph, clip, rg_all_axes()), NULL));
    for (int i = 0; i < 6; i++) {
        assert_close(at(rg_node_value(clip), i), clipped[i], 0, 0);
        assert_close(at(rg_node_grad(leaf), i), slope[i], 0, 0);
        assert_close(at(rg_node_value(signs), i), sign[i], 0, 0);
        assert_close(at(rg_node_value(squares), i), square[i], 0, 0);
        assert_close(at(rg_node_value(one), i), 1, 0, 0);
        assert_close(at(rg_node_value(wrong), i), isnan(x[i]) ? NAN : -1, 0, 0); /* as NumPy */
    }
    assert_close(at(rg_node_value(rg_floor(f->graph, rg_scale(f->graph, leaf, 0.5))), 1), -1, 0, 0);
    rg_node *flat = rg_sum(f->graph, rg_mul(f->graph, signs, leaf), rg_all_axes());
    assert_fails(f->ctx, RG_BAD_DATA, "sign: has no backward: the derivative of a sign is 0",
                 rg_backward(f->graph, flat, NULL));
}

/* A detached node has the same value, in the same memory, and passes no gradient on. */
static void detached_nodes_pass_no_gradient(void **state)
{
    struct fixture *f = *state;
    double x[2] = {2, 3};
    rg_tensor t = vector(x, 2);
    rg_node *leaf = rg_variable(f->graph, &t, NULL), *constant = rg_leaf(f->graph, &t);
    rg_node *square = rg_mul(f->graph, leaf, leaf), *detached = rg_detach(f->graph, square);
    assert_ptr_equal(rg_node_value(detached)->data, rg_node_value(square)->data);
    assert_ptr_equal(rg_detach(f->graph, constant), constant);
    rg_node *product = rg_sum(f->graph, rg_mul(f->graph, leaf, detached), rg_all_axes());
    assert_ok(f->ctx, rg_backward(f->graph, product, NULL));
    assert_close(at(rg_node_grad(leaf), 0), 4, 0, 0); /* x^2, not 3 x^2 */
    assert_close(at(rg_node_grad(leaf), 1), 9, 0, 0);
    assert_null(rg_node_grad(square));
    assert_fails(f->ctx, RG_USAGE, "does not depend on any rg_variable",
                 rg_backward(f->graph, rg_sum(f->graph, detached, rg_all_axes()), NULL));
}

static void broadcasting_sums_in_double(void **state)
{
    struct fixture *f = *state;
    enum { N = 1 << 20 };
    float *x = malloc(N * sizeof *x), b = 0.5f;
    for (int i = 0; i < N; i++)
        x[i] = 0.1f;
    rg_tensor tx = {RG_F32, 2, {N, 1}, x}, tb = {RG_F32, 1, {1}, &b};
    rg_node *bias = rg_variable(f->graph, &tb, NULL);
    rg_node *product = rg_mul(f->graph, rg_leaf(f->graph, &tx), bias);
    assert_ok(f->ctx, rg_backward(f->graph, rg_sum(f->graph, product, rg_all_axes()), NULL));
    double exact = N * (double)0.1f;
    assert_close(at(rg_node_grad(bias), 0), exact, 1e-7, 0); /* in float: 100958.3 */
    free(x);
}

static void reductions_of_no_elements(void **state)
{
    struct fixture *f = *state;
    rg_tensor empty = {RG_F64, 2, {3, 0}, NULL};
    rg_node *x = rg_leaf(f->graph, &empty);
    rg_node *mean = rg_mean(f->graph, x, rg_axis(1)), *sum = rg_sum(f->graph, x, rg_axis(0));
    assert_int_equal(rg_tensor_count(rg_node_value(mean)), 3);
    assert_true(isnan(at(rg_node_value(mean), 2)));
    assert_int_equal(rg_tensor_count(rg_node_value(sum)), 0);
    assert_close(at(rg_node_value(rg_sum(f->graph, x, rg_all_axes())), 0), 0, 0, 0);
    assert_close(at(rg_node_value(rg_max(f->graph, x, rg_axis(1))), 2), -INFINITY, 0, 0);
    assert_close(at(rg_node_value(rg_min(f->graph, x, rg_axis(1))), 2), INFINITY, 0, 0);
    assert_close(at(rg_node_value(rg_prod(f->graph, x, rg_axis(1))), 2), 1, 0, 0);
    assert_close(at(rg_node_value(rg_norm(f->graph, x, rg_axis(1), 2)), 2), 0, 0, 0);
    assert_true(isnan(at(rg_node_value(rg_var(f->graph, x, rg_axis(1), 0)), 2)));
    assert_close(at(rg_node_value(rg_logsumexp(f->graph, x, rg_axis(1))), 2), -INFINITY, 0, 0);
    rg_tensor huge = {RG_F64, 3, {INT64_MAX / 16, 0, INT64_MAX / 16}, NULL};
    rg_node *none = rg_leaf(f->graph, &huge);
    assert_close(at(rg_node_value(rg_sum(f->graph, none, rg_all_axes())), 0), 0, 0, 0);
}

static rg_node *population_var(rg_graph *graph, rg_node *x, rg_axes axes)
{
    return rg_var(graph, x, axes, 0);
}

static rg_node *sample_var(rg_graph *graph, rg_node *x, rg_axes axes)
{
    return rg_var(graph, x, axes, 1);
}

static rg_node *population_std(rg_graph *graph, rg_node *x, rg_axes axes)
{
    return rg_std(graph, x, axes, 0);
}

static rg_node *norm_1(rg_graph *graph, rg_node *x, rg_axes axes)
{
    return rg_norm(graph, x, axes, 1);
}

static rg_node *norm_2(rg_graph *graph, rg_node *x, rg_axes axes)
{
    return rg_norm(graph, x, axes, 2);
}

static rg_node *norm_3(rg_graph *graph, rg_node *x, rg_axes axes)
{
    return rg_norm(graph, x, axes, 3);
}

/* The value of a reduction of three numbers, and its derivative with respect to the first. */
static void reduction_special_values(void **state)
{
    static const struct {
        rg_node *(*op)(rg_graph *, rg_node *, rg_axes);
        double x[3], y, slope;
    } cases[] = {
        {rg_max, {2, 2, 1}, 2, 0.5}, /* ties share the gradient */
        {rg_max, {2, 2, 2}, 2, 1 / 3.0},
        {rg_max, {1, 2, -INFINITY}, 2, 0},
        {rg_max, {INFINITY, 2, 1}, INFINITY, 1},
        {rg_max, {1, NAN, 2}, NAN, NAN},
        {rg_max, {-INFINITY, -INFINITY, -INFINITY}, -INFINITY, 1 / 3.0},
        {rg_logsumexp, {1000, 1000, -INFINITY}, 1000 + 0.6931471805599453, 0.5},
        {rg_logsumexp, {-1000, -1000, -1000}, -1000 + 1.0986122886681098, 1 / 3.0},
        {rg_logsumexp, {-INFINITY, -INFINITY, 3}, 3, 0},
        {rg_logsumexp, {1, INFINITY, 3}, INFINITY, 0},
        {rg_logsumexp, {-INFINITY, -INFINITY, -INFINITY}, -INFINITY, NAN},
        {rg_logsumexp, {0, NAN, 3}, NAN, NAN},
        {rg_sum, {1e308, 1e308, 1e308}, INFINITY, 1},
        {rg_mean, {1, NAN, 2}, NAN, 1 / 3.0},
        {rg_min, {1, 1, 2}, 1, 0.5},
        {rg_min, {1, NAN, 2}, NAN, NAN},
        {rg_min, {INFINITY, INFINITY, INFINITY}, INFINITY, 1 / 3.0},
        {rg_prod, {0, 2, 3}, 0, 6},
        {rg_prod, {2, 0, 3}, 0, 0},
        {rg_prod, {0, 0, 3}, 0, 0},
        {rg_prod, {2, -3, 4}, -24, -12},
        {rg_prod, {0, NAN, 3}, NAN, NAN},
        {rg_prod, {1e-200, 1e200, 1e200}, 1e200, INFINITY},           /* 1e400 */
        {population_var, {1e9, 1e9 + 1, 1e9 + 2}, 2 / 3.0, -2 / 3.0}, /* does not cancel */
        {population_var, {2, 2, 2}, 0, 0},
        {population_std, {2, 2, 2}, 0, 0},
        {population_std, {1, NAN, 2}, NAN, NAN},
        {sample_var, {1, 2, 6}, 7, -2},
        {norm_1, {-1, 2, 3}, 6, -1},
        {norm_2, {3e200, 4e200, 0}, 5e200, 0.6},
        {norm_2, {3e-200, -4e-200, 0}, 5e-200, 0.6},
        {norm_2, {0, 0, 0}, 0, 0},
        {norm_2, {-INFINITY, 1, 1}, INFINITY, NAN},
        {norm_2, {NAN, 1, 1}, NAN, NAN},
        {norm_3, {1, 2, 2}, 2.571281590658235, 0.15125185827401386},
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double x[3];
        memcpy(x, cases[i].x, sizeof x);
        rg_tensor t = vector(x, 3);
        rg_graph_reset(f->graph);
        rg_node *leaf = rg_variable(f->graph, &t, NULL);
        rg_node *y = cases[i].op(f->graph, leaf, rg_all_axes());
        assert_ok(f->ctx, rg_backward(f->graph, y, NULL));
        assert_close(at(rg_node_value(y), 0), cases[i].y, 1e-15, 0);
        assert_close(at(rg_node_grad(leaf), 0), cases[i].slope, 1e-12, 0);
    }
}

static void axes_are_checked(void **state)
{
    static const struct {
        rg_axes axes;
        int ndim; /* -1: an error */
        const char *words;
    } cases[] = {
        {{0}, 2, NULL}, /* no axis: x itself */
        {{.all = true}, 0, NULL},
        {{.all = true, .keep = true}, 2, NULL},
        {{2, {0, 1}, false, false}, 0, NULL},
        {{2, {-1, -2}, false, true}, 2, NULL},
        {{1, {2}, false, false}, -1, "axis 2 of shape (2,3); expected -2 to 1"},
        {{1, {-3}, false, false}, -1, "axis -3"},
        {{2, {1, 1}, false, false}, -1, "given twice"},
        {{2, {1, -1}, false, false}, -1, "given twice"},
        {{-1, {0}, false, false}, -1, "-1 axes"},
        {{RG_MAX_DIMS + 1, {0}, false, false}, -1, "9 axes"},
    };
    struct fixture *f = *state;
    double x[6] = {1, 2, 3, 4, 5, 6};
    rg_tensor t = {RG_F64, 2, {2, 3}, x};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_graph_reset(f->graph);
        rg_node *y = rg_sum(f->graph, rg_leaf(f->graph, &t), cases[i].axes);
        if (cases[i].ndim < 0) {
            assert_null(y);
            assert_non_null(strstr(rg_last_error(f->ctx), cases[i].words));
            continue;
        }
        assert_int_equal(rg_node_value(y)->ndim, cases[i].ndim);
        bool none = !cases[i].axes.n && !cases[i].axes.all;
        assert_close(at(rg_node_value(y), 0), none ? 1 : 21, 0, 0);
    }
}

static void casts_between_types(void **state)
{
    struct fixture *f = *state;
    int32_t ints[] = {-3, 2147483647};
    float floats[] = {1.5f, -2};
    rg_tensor ti = {RG_I32, 1, {2}, ints}, tf = {RG_F32, 1, {2}, floats};
    rg_node *wide = rg_cast(f->graph, rg_leaf(f->graph, &ti), RG_F64);
    assert_close(at(rg_node_value(wide), 1), 2147483647, 0, 0);
    rg_node *x = rg_variable(f->graph, &tf, NULL);
    rg_node *y = rg_mul(f->graph, rg_cast(f->graph, x, RG_F64), wide);
    assert_ok(f->ctx, rg_backward(f->graph, rg_sum(f->graph, y, rg_axis(-1)), NULL));
    assert_int_equal(rg_node_grad(x)->dtype, RG_F32);
    assert_close(at(rg_node_grad(x), 0), -3, 0, 0);
    assert_null(rg_cast(f->graph, x, RG_I32));
    assert_non_null(strstr(rg_last_error(f->ctx), "i32"));
}

/* The bits of a score depend only on its row, not on other rows or its position among them. */
static void scores_depend_on_one_row(void **state)
{
    struct fixture *f = *state;
    enum { M = 1000, K = 137 };
    float *x = malloc(M * K * sizeof *x), w[K], alone;
    for (int i = 0; i < M * K; i++)
        x[i] = sinf((float)i);
    for (int k = 0; k < K; k++)
        w[k] = cosf((float)k);
    rg_tensor tx = {RG_F32, 2, {M, K}, x}, tw = {RG_F32, 1, {K}, w};
    rg_node *weights = rg_leaf(f->graph, &tw);
    const float *all = rg_node_value(rg_matmul(f->graph, rg_leaf(f->graph, &tx), weights))->data;
    for (int m = 0; m < M; m++) {
        rg_tensor row = {RG_F32, 2, {1, K}, x + m * K};
        rg_node *y = rg_matmul(f->graph, rg_leaf(f->graph, &row), weights);
        alone = *(const float *)rg_node_value(y)->data;
        assert_memory_equal(&alone, &all[m], sizeof alone);
    }
    free(x);
}

/* Long sums: only blocks of 4,096 terms are added in f32. */
static void long_products_are_accurate(void **state)
{
    struct fixture *f = *state;
    enum { LONG = 100000 };
    float *a = malloc(2 * LONG * sizeof *a), *b = malloc(2 * LONG * sizeof *b);
    for (int i = 0; i < 2 * LONG; i++)
        a[i] = 0.1f, b[i] = 1;
    double exact = LONG * (double)0.1f;
    rg_tensor row = {RG_F32, 2, {2, LONG}, a}, column = {RG_F32, 1, {LONG}, b};
    rg_tensor two = {RG_F32, 2, {LONG, 2}, b};
    rg_node *x = rg_variable(f->graph, &row, NULL);
    rg_node *v = rg_matmul(f->graph, x, rg_leaf(f->graph, &column));
    rg_node *m = rg_matmul(f->graph, x, rg_leaf(f->graph, &two));
    assert_close(at(rg_node_value(v), 1), exact, 1e-5, 0); /* a plain sum in f32: 1.4e-4 */
    assert_close(at(rg_node_value(m), 3), exact, 1e-5, 0);
    rg_tensor tall = {RG_F32, 2, {LONG, 2}, a},
              one[] = {{RG_F32, 1, {2}, b}, {RG_F32, 2, {2, 2}, b}};
    for (int i = 0; i < 2; i++) { /* the gradient of the weights is a sum over the rows */
        rg_node *w = rg_variable(f->graph, &one[i], NULL);
        rg_node *y = rg_matmul(f->graph, rg_leaf(f->graph, &tall), w);
        assert_ok(f->ctx, rg_backward(f->graph, rg_sum(f->graph, y, rg_all_axes()), NULL));
        assert_close(at(rg_node_grad(w), 0), exact, 6e-5, 0); /* blocks of 4,096 */
    }
    free(a);
    free(b);
}

/* ---- The graph ---- */

static void gradients_accumulate_in_leaves(void **state)
{
    struct fixture *f = *state;
    double a[] = {2, 3}, grad[] = {10, 20};
    rg_tensor ta = vector(a, 2);
    rg_node *x = rg_variable(f->graph, &ta, grad);
    rg_node *square = rg_mul(f->graph, x, x);
    rg_node *y = rg_sum(f->graph, square, rg_all_axes());
    assert_ok(f->ctx, rg_backward(f->graph, y, NULL));
    assert_close(grad[0], 10 + 4, 0, 0);
    assert_ok(f->ctx, rg_backward(f->graph, y, NULL)); /* inner gradients start at zero */
    assert_close(grad[1], 20 + 12, 0, 0);
    assert_close(at(rg_node_grad(square), 0), 1, 0, 0);
    assert_ptr_equal(rg_node_grad(x)->data, grad);
    rg_node *own = rg_variable(f->graph, &ta, NULL); /* in the graph's memory */
    rg_node *twice = rg_scale(f->graph, own, 2), *z = rg_sum(f->graph, twice, rg_all_axes());
    assert_null(rg_node_grad(own));
    assert_ok(f->ctx, rg_backward(f->graph, z, NULL));
    assert_ok(f->ctx, rg_backward(f->graph, z, NULL));
    assert_close(at(rg_node_grad(own), 0), 4, 0, 0);
    assert_ok(f->ctx, rg_backward(f->graph, y, NULL));
    assert_null(rg_node_grad(z)); /* the last backward did not reach it */
    assert_close(at(rg_node_grad(own), 0), 4, 0, 0);
}

static void constants_have_no_gradient(void **state)
{
    struct fixture *f = *state;
    double a = 2;
    rg_tensor ta = {RG_F64, 0, {0}, &a};
    rg_node *constant = rg_constant(f->graph, &ta);
    a = 5; /* the constant is a copy, the leaf is not */
    rg_node *x = rg_variable(f->graph, &ta, NULL), *y = rg_mul(f->graph, x, constant);
    assert_close(at(rg_node_value(y), 0), 10, 0, 0);
    assert_ok(f->ctx, rg_backward(f->graph, y, NULL));
    assert_close(at(rg_node_grad(x), 0), 2, 0, 0);
    assert_null(rg_node_grad(constant));
    assert_fails(f->ctx, RG_USAGE, "nothing requires a gradient",
                 rg_backward(f->graph, constant, NULL));
}

static void the_first_error_is_kept(void **state)
{
    struct fixture *f = *state;
    double a[6] = {0};
    int64_t i64 = 1;
    float f32 = 1;
    rg_tensor two = {RG_F64, 2, {2, 3}, a}, four = vector(a, 4), id = {RG_I64, 0, {0}, &i64};
    rg_tensor single = {RG_F32, 0, {0}, &f32}, half = {RG_F16, 0, {0}, a};
    static const char *const words[] = {"(2,3)", "(4)", "i64", "f32", "axis 2", "(4,2)", "f16"};
    for (int i = 0; i < 7; i++) {
        rg_graph_reset(f->graph);
        rg_node *x = rg_leaf(f->graph, &two), *v = rg_leaf(f->graph, &four), *bad = NULL;
        switch (i) {
        case 0: bad = rg_add(f->graph, x, v); break;
        case 1: bad = rg_matmul(f->graph, x, v); break;
        case 2: bad = rg_add(f->graph, x, rg_leaf(f->graph, &id)); break;
        case 3: bad = rg_add(f->graph, x, rg_leaf(f->graph, &single)); break;
        case 4: bad = rg_sum(f->graph, x, rg_axis(2)); break;
        case 5: bad = rg_reshape(f->graph, x, 2, (const int64_t[]){4, 2}); break;
        case 6: bad = rg_leaf(f->graph, &half); break;
        }
        assert_null(bad);
        assert_non_null(strstr(rg_last_error(f->ctx), words[i]));
        char first[256];
        snprintf(first, sizeof first, "%s", rg_last_error(f->ctx));
        /* later calls return NULL, and backward returns the first error */
        assert_null(rg_sum(f->graph, rg_exp(f->graph, bad), rg_all_axes()));
        assert_null(rg_leaf(f->graph, &two));
        assert_fails(f->ctx, RG_BAD_DATA, first, rg_backward(f->graph, NULL, NULL));
        assert_int_equal(rg_graph_status(f->graph), RG_BAD_DATA);
    }
    rg_graph_reset(f->graph);
    assert_int_equal(rg_graph_status(f->graph), RG_OK);
    assert_fails(f->ctx, RG_USAGE, "NULL", rg_backward(f->graph, NULL, NULL));
    rg_node *x = rg_variable(f->graph, &two, NULL);
    assert_fails(f->ctx, RG_USAGE, "(2,3)", rg_backward(f->graph, x, NULL));
    assert_fails(f->ctx, RG_USAGE, "cotangent", rg_backward(f->graph, x, &four));
    rg_graph *other = rg_graph_create(f->ctx);
    assert_null(rg_add(other, x, x));
    assert_non_null(strstr(rg_last_error(f->ctx), "another graph"));
    rg_graph_destroy(other);
}

static void long_chains_do_not_recurse(void **state)
{
    struct fixture *f = *state;
    double one = 1;
    rg_tensor t = {RG_F64, 0, {0}, &one};
    rg_node *x = rg_variable(f->graph, &t, NULL), *y = x;
    for (int i = 0; i < 200000; i++)
        y = rg_neg(f->graph, y);
    assert_ok(f->ctx, rg_backward(f->graph, y, NULL));
    assert_close(at(rg_node_grad(x), 0), 1, 0, 0);
}

static void a_gradient_may_be_the_next_cotangent(void **state)
{
    struct fixture *f = *state;
    double a[] = {2, 3}, grad[] = {0, 0}, one[] = {1, 1};
    rg_tensor ta = vector(a, 2), ones = vector(one, 2);
    rg_node *y = rg_scale(f->graph, rg_variable(f->graph, &ta, grad), 3);
    assert_ok(f->ctx, rg_backward(f->graph, y, &ones));
    assert_ok(f->ctx, rg_backward(f->graph, y, rg_node_grad(y)));
    assert_close(grad[1], 6, 0, 0);
}

/* ---- Memory ---- */

/* A training step that uses every kind of buffer. */
static rg_status training_step(rg_graph *graph)
{
    float x[60], w[5] = {1, -1, 0.5f, 0.25f, 2}, labels[12] = {1, 0, 2, 0, 0, 1, 0, 0, 0, 3, 0, 1};
    for (int i = 0; i < 60; i++)
        x[i] = (float)(i % 7) - 3;
    int64_t offsets[] = {0, 5, 12};
    rg_tensor tx = {RG_F32, 2, {12, 5}, x}, tw = {RG_F32, 1, {5}, w},
              ty = {RG_F32, 1, {12}, labels};
    rg_loss_options o = rg_loss_options_default();
    o.offsets = offsets;
    o.n_lists = 2;
    rg_graph_reset(graph);
    rg_node *weights = rg_variable(graph, &tw, NULL);
    rg_node *scores = rg_matmul(graph, rg_leaf(graph, &tx), weights);
    o.weights = rg_mean(graph, rg_mul(graph, weights, weights), rg_all_axes());
    return rg_backward(graph, rg_ranking_softmax_loss(graph, scores, rg_leaf(graph, &ty), &o),
                       NULL);
}

static void later_steps_allocate_nothing(void **state)
{
    (void)state;
    struct memory memory = {0};
    rg_context *ctx = memory_context(&memory);
    rg_graph *graph = rg_graph_create(ctx);
    for (int i = 0; i < 3; i++)
        assert_ok(ctx, training_step(graph));
    int64_t calls = memory.requests;
    size_t bytes = rg_graph_bytes(graph);
    for (int i = 0; i < 100; i++)
        assert_ok(ctx, training_step(graph));
    assert_int_equal(memory.requests, calls);
    assert_int_equal(rg_graph_bytes(graph), bytes);
    rg_graph_destroy(graph);
    rg_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
}

static rg_node *negated(rg_graph *graph, rg_node *const *inputs, void *user)
{
    (void)user;
    return rg_neg(graph, inputs[0]);
}

/* Whichever allocation fails, the result is RG_LIMIT with a message, and nothing leaks. */
static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    for (int64_t k = 2;; k++) {
        struct memory memory = {.refuse = k};
        rg_context *ctx = memory_context(&memory);
        rg_graph *graph = rg_graph_create(ctx);
        rg_gradcheck_report report;
        double x[] = {1, 2};
        rg_tensor input = vector(x, 2);
        rg_status status = graph ? training_step(graph) : RG_LIMIT;
        if (status == RG_OK)
            status = rg_gradcheck(ctx, negated, NULL, &input, 1, NULL, &report);
        bool reached = memory.requests >= k;
        assert_int_equal(status, reached ? RG_LIMIT : RG_OK);
        if (reached)
            assert_non_null(strstr(rg_last_error(ctx), "out of memory"));
        rg_graph_destroy(graph);
        rg_context_destroy(ctx);
        assert_int_equal(memory.live, 0);
        if (!reached) {
            assert_true(k > 5);
            return;
        }
    }
}

/* ---- User-defined operators ---- */

/* y = x^3, with x^2 saved for backward. */
static void cube_forward(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    double *out = rg_output_data(y), *squares = rg_graph_alloc(rg_node_graph(y), 8 * sizeof *out);
    for (int64_t i = 0; i < rg_tensor_count(x); i++) {
        squares[i] = at(x, i) * at(x, i);
        out[i] = squares[i] * at(x, i);
    }
    rg_set_saved(y, squares);
}

static void cube_backward(rg_node *y)
{
    const double *g = rg_output_grad(y), *squares = rg_saved(y);
    double *gx = rg_operand_grad(y, 0);
    for (int64_t i = 0; gx && i < rg_tensor_count(rg_node_value(y)); i++)
        gx[i] += 3 * squares[i] * g[i];
}

static const rg_operator cube = {
    .name = "cube", .forward = {NULL, cube_forward}, .backward = {NULL, cube_backward}};
static const rg_operator without_backward = {
    .name = "without_backward", .forward = {NULL, cube_forward}, .no_backward = "it is a test"};

static rg_node *apply_cube(rg_graph *graph, rg_node *const *x, void *user)
{
    return rg_apply(graph, user, x, 1, NULL, 0);
}

static void users_add_operators(void **state)
{
    struct fixture *f = *state;
    double x[] = {1, -2, 0.5};
    float y = 1;
    rg_tensor t = vector(x, 3), t32 = {RG_F32, 0, {0}, &y};
    rg_gradcheck_report report;
    rg_operator op = cube;
    assert_ok(f->ctx, rg_gradcheck(f->ctx, apply_cube, &op, &t, 1, NULL, &report));
    assert_true(report.passed);
    assert_int_equal(report.n_elements, 3);
    rg_operator bad = without_backward;
    assert_fails(f->ctx, RG_BAD_DATA, "it is a test",
                 rg_gradcheck(f->ctx, apply_cube, &bad, &t, 1, NULL, &report));
    rg_node *narrow = rg_leaf(f->graph, &t32);
    assert_null(rg_apply(f->graph, &cube, &narrow, 1, NULL, 0));
    assert_non_null(strstr(rg_last_error(f->ctx), "operand 0 is f32; expected f64, the only type"));
}

/* An operator from f64 to i32. Its operands get no gradient, and none is written. */
static bool whole_shape(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    rg_set_shape(y, RG_I32, x->ndim, x->dims);
    return true;
}

static void whole_forward(rg_node *y)
{
    const rg_tensor *x = rg_operand(y, 0);
    for (int64_t i = 0; i < rg_tensor_count(x); i++)
        ((int32_t *)rg_output_data(y))[i] = (int32_t)at(x, i);
}

static void copy_forward(rg_node *y)
{
    memcpy(rg_output_data(y), rg_operand(y, 0)->data, 2 * sizeof(double));
}

static const rg_operator whole = {
    .name = "whole", .shape = whole_shape, .forward = {[RG_F64] = whole_forward}};

static void integers_stop_gradients(void **state)
{
    struct fixture *f = *state;
    double x[] = {1.5, -2.5, 3};
    rg_tensor t = vector(x, 3);
    rg_node *leaf = rg_variable(f->graph, &t, NULL);
    rg_node *rounded = rg_apply(f->graph, &whole, &leaf, 1, NULL, 0);
    rg_node *sum = rg_sum(f->graph, rg_cast(f->graph, rounded, RG_F64), rg_all_axes());
    assert_close(at(rg_node_value(sum), 0), 2, 0, 0);
    assert_fails(f->ctx, RG_USAGE, "nothing requires a gradient", rg_backward(f->graph, sum, NULL));
    assert_null(rg_node_grad(leaf));
    assert_null(rg_node_grad(rounded));
}

/* The second operand is optional, the third may have any type. */
static const rg_operator flagged = {.name = "flagged",
                                    .forward = {[RG_F64] = copy_forward},
                                    .operands = {0, RG_OPERAND_OPTIONAL, RG_OPERAND_ANY_TYPE}};

static void operands_are_checked(void **state)
{
    struct fixture *f = *state;
    double wide[] = {1, 2};
    float narrow[] = {1, 2};
    int64_t whole_numbers[] = {1, 2};
    uint8_t flags[] = {1, 0};
    const rg_tensor types[] = {{RG_F64, 1, {2}, wide},
                               {RG_F32, 1, {2}, narrow},
                               {RG_I64, 1, {2}, whole_numbers},
                               {RG_BOOL, 1, {2}, flags}};
    enum { F64, F32, I64, BOOL, NONE };
    static const struct {
        int operand[3];
        const char *words; /* NULL: allowed */
    } cases[] = {
        {{F64, F64, F64}, NULL},
        {{F64, NONE, F64}, NULL},
        {{F64, NONE, I64}, NULL},
        {{F64, F64, BOOL}, NULL},
        {{F64, F64, F32}, NULL},
        {{NONE, F64, F64}, "operand 0 is NULL"},
        {{F64, F64, NONE}, "operand 2 is NULL"},
        {{F64, F32, F64}, "operand 1 is f32; expected f64, the only type"},
        {{F32, F64, F64}, "operand 0 is f32; expected f64, the only type"},
        {{I64, F64, F64}, "operand 0 is i64"},
        {{F64, BOOL, F64}, "operand 1 is bool"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_node *operands[3] = {NULL};
        rg_graph_reset(f->graph);
        for (int k = 0; k < 3; k++)
            if (cases[i].operand[k] != NONE)
                operands[k] = rg_leaf(f->graph, &types[cases[i].operand[k]]);
        rg_node *y = rg_apply(f->graph, &flagged, operands, 3, NULL, 0);
        assert_int_equal(y != NULL, cases[i].words == NULL);
        if (!y)
            assert_non_null(strstr(rg_last_error(f->ctx), cases[i].words));
    }
    rg_graph_reset(f->graph);
    rg_node *a = rg_leaf(f->graph, &types[F64]), *b = rg_leaf(f->graph, &types[F32]);
    assert_null(rg_add(f->graph, a, b));
    assert_non_null(strstr(rg_last_error(f->ctx), "operand 0 is f64 and operand 1 is f32"));
    rg_graph_reset(f->graph);
    assert_null(
        rg_logical_and(f->graph, rg_leaf(f->graph, &types[BOOL]), rg_leaf(f->graph, &types[F64])));
    assert_non_null(strstr(rg_last_error(f->ctx), "operand 1 is f64; expected bool"));
}

static void comparisons_of_special_numbers(void **state)
{
    struct fixture *f = *state;
    static const struct {
        double a, b;
        int equal, less, greater;
    } cases[] = {
        {0, -0.0, 1, 0, 0},
        {NAN, NAN, 0, 0, 0},
        {NAN, 1, 0, 0, 0},
        {1, NAN, 0, 0, 0},
        {INFINITY, 1, 0, 0, 1},
        {-INFINITY, INFINITY, 0, 1, 0},
        {INFINITY, INFINITY, 1, 0, 0},
        {1, 1 + 1e-15, 0, 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double a[2] = {cases[i].a, cases[i].a}, b = cases[i].b;
        rg_tensor ta = vector(a, 2), tb = {RG_F64, 0, {0}, &b};
        rg_graph_reset(f->graph);
        rg_node *x = rg_leaf(f->graph, &ta), *z = rg_leaf(f->graph, &tb);
        const struct {
            rg_node *y;
            int expected;
        } results[] = {
            {rg_equal(f->graph, x, z), cases[i].equal},
            {rg_not_equal(f->graph, x, z), !cases[i].equal},
            {rg_less(f->graph, x, z), cases[i].less},
            {rg_less_equal(f->graph, x, z), cases[i].less || cases[i].equal},
            {rg_greater(f->graph, x, z), cases[i].greater},
            {rg_greater_equal(f->graph, x, z), cases[i].greater || cases[i].equal},
        };
        for (int k = 0; k < 6; k++) {
            assert_int_equal(rg_node_value(results[k].y)->dtype, RG_BOOL);
            assert_int_equal(((const uint8_t *)rg_node_value(results[k].y)->data)[1],
                             results[k].expected);
        }
    }
}

/* If the graph could not be created, every call reports that it is out of memory. */
static void calls_with_a_null_graph(void **state)
{
    (void)state;
    double x = 1;
    rg_tensor t = {RG_F64, 0, {0}, &x};
    assert_null(rg_graph_create(NULL));
    rg_graph_reset(NULL);
    rg_node *leaf = rg_variable(NULL, &t, NULL);
    assert_null(leaf);
    assert_null(rg_exp(NULL, leaf));
    assert_int_equal(rg_graph_status(NULL), RG_LIMIT);
    assert_int_equal(rg_backward(NULL, leaf, NULL), RG_LIMIT);
    assert_non_null(strstr(rg_last_error(NULL), "out of memory"));
}

/* ---- Leaves of selected rows ---- */

enum { TALL = 5000, WIDE = 21 };

/* Computes the product of selected rows with one column, and the gradient of the column. With
 * `gathered` an operator that needs an ordinary tensor is applied to the rows first. */
static void product(struct fixture *f, const rg_selection *rows, bool gathered, float *y,
                    float *grad)
{
    rg_graph *graph = f->graph;
    rg_graph_reset(graph);
    float w[WIDE], g[TALL];
    for (int i = 0; i < WIDE; i++)
        w[i] = 0.1f * (float)(i - 7);
    for (int i = 0; i < TALL; i++)
        g[i] = 0.01f * (float)(i % 83 - 31);
    rg_node *x = rg_leaf_rows(graph, rows, RG_F32);
    assert_null(rg_node_value(x)->data);
    rg_node *copy = gathered ? rg_reshape(graph, x, 2, (const int64_t[]){-1, WIDE}) : x;
    rg_node *v = rg_variable(graph, &(rg_tensor){RG_F32, 1, {WIDE}, w}, NULL);
    rg_node *out = rg_matmul(graph, copy, v);
    assert_non_null(out);
    rg_tensor seed = {RG_F32, 1, {rg_node_value(out)->dims[0]}, g};
    assert_ok(f->ctx, rg_backward(graph, out, &seed));
    memcpy(y, rg_node_value(out)->data, (size_t)seed.dims[0] * sizeof *y);
    memcpy(grad, rg_node_grad(v)->data, sizeof w);
}

/* Rows in f32, f16 or f64, read in place or gathered, give the same bits, also for more rows than a
 * block. */
static void selected_rows(void **state)
{
    struct fixture *f = *state;
    static uint16_t half[TALL * WIDE];
    static float single[TALL * WIDE], y[2][TALL], grad[2][WIDE];
    static double twice[TALL * WIDE];
    for (int i = 0; i < TALL * WIDE; i++) {
        half[i] = (uint16_t)(0x2c00 + i * 7 % 4096);
        twice[i] = (double)(single[i] = rg__half_to_float(half[i]));
    }
    const rg_run runs[] = {{4000, 900}, {7, 1}, {20, 0}, {100, 3800}, {0, 3}};
    rg_selection rows = {.n_runs = 5, .runs = runs};
    const rg_tensor stored[] = {{RG_F32, 2, {TALL, WIDE}, single},
                                {RG_F16, 2, {TALL, WIDE}, half},
                                {RG_F64, 2, {TALL, WIDE}, twice}};
    for (int i = 0; i < 3; i++)
        for (int gathered = 0; gathered < 2; gathered++) {
            int at = i || gathered;
            rows.dense = stored[i];
            product(f, &rows, gathered, y[at], grad[at]);
            assert_memory_equal(y[at], y[0], 4704 * sizeof y[0][0]);
            assert_memory_equal(grad[at], grad[0], sizeof grad[0]);
        }
    float first = 0; /* row 900 of the selection is row 7 */
    for (int k = 0; k < WIDE; k++)
        first += single[7 * WIDE + k] * 0.1f * (float)(k - 7);
    assert_close((double)y[0][900], (double)first, 1e-5, 1e-6);
}

/* Sparse rows give the same results as dense ones. */
static void sparse_rows(void **state)
{
    struct fixture *f = *state;
    static int64_t indptr[TALL + 1];
    static int32_t column[TALL * 3];
    static float value[TALL * 3], dense[TALL * WIDE], y[2][TALL], grad[2][WIDE];
    for (int64_t r = 0, n = 0; r < TALL; r++) {
        for (int k = (int)(r % 5); k < WIDE && n < indptr[r] + 3; k += 6) {
            column[n] = k;
            value[n] = 0.01f * (float)(r % 97 + k);
            dense[r * WIDE + k] = value[n++];
        }
        indptr[r + 1] = n;
    }
    const rg_run runs[] = {{600, 4200}, {1, 5}};
    rg_selection sparse = {
        .sparse = {TALL, WIDE, indptr, column, RG_F32, value}, .n_runs = 2, .runs = runs};
    rg_selection rows = {.dense = {RG_F32, 2, {TALL, WIDE}, dense}, .n_runs = 2, .runs = runs};
    product(f, &rows, false, y[0], grad[0]);
    for (int gathered = 0; gathered < 2; gathered++) {
        product(f, &sparse, gathered, y[1], grad[1]);
        for (int i = 0; i < 4205; i++)
            assert_close((double)y[1][i], (double)y[0][i], 1e-6, 1e-7);
        for (int k = 0; k < WIDE; k++)
            assert_close((double)grad[1][k], (double)grad[0][k], 1e-5, 1e-5);
    }
    rg_graph *graph = f->graph;
    rg_graph_reset(graph);
    rg_node *b = rg_constant(graph, &(rg_tensor){RG_F32, 1, {4}, value});
    assert_null(rg_csr_matmul(graph, b, b));
    assert_non_null(strstr(rg_last_error(f->ctx), "expected a leaf of sparse rows"));
    rg_graph_reset(graph);
    b = rg_constant(graph, &(rg_tensor){RG_F32, 1, {4}, value});
    assert_null(rg_matmul(graph, rg_leaf_rows(graph, &sparse, RG_F32), b));
    assert_non_null(strstr(rg_last_error(f->ctx), "shapes (4205,21) and (4)"));
    rg_graph_reset(graph); /* as the right operand, rows are always gathered */
    rg_selection square = sparse;
    const rg_run few[] = {{0, WIDE}};
    square.n_runs = 1;
    square.runs = few;
    rg_node *left = rg_constant(graph, &(rg_tensor){RG_F32, 2, {1, WIDE}, dense});
    rg_node *right = rg_matmul(graph, left, rg_leaf_rows(graph, &square, RG_F32));
    rg_tensor gathered = {RG_F32, 2, {WIDE, WIDE}, dense};
    rg_node *same = rg_matmul(graph, left, rg_leaf(graph, &gathered));
    assert_non_null(right);
    assert_memory_equal(rg_node_value(right)->data, rg_node_value(same)->data,
                        WIDE * sizeof(float));
    rg_graph_reset(graph);
    assert_null(rg_leaf_rows(graph, &sparse, RG_F16));
    assert_non_null(strstr(rg_last_error(f->ctx), "expected f32 or f64"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_gradient_is_right),
        TEST(f32_agrees_with_f64),
        TEST(unary_special_values),
        TEST(binary_special_values),
        TEST(special_values_with_constants),
        TEST(detached_nodes_pass_no_gradient),
        TEST(broadcasting_sums_in_double),
        TEST(reductions_of_no_elements),
        TEST(reduction_special_values),
        TEST(axes_are_checked),
        TEST(casts_between_types),
        TEST(scores_depend_on_one_row),
        TEST(long_products_are_accurate),
        TEST(gradients_accumulate_in_leaves),
        TEST(constants_have_no_gradient),
        TEST(a_gradient_may_be_the_next_cotangent),
        TEST(the_first_error_is_kept),
        TEST(long_chains_do_not_recurse),
        TEST(later_steps_allocate_nothing),
        TEST(every_failing_allocation_is_reported),
        TEST(users_add_operators),
        TEST(integers_stop_gradients),
        TEST(operands_are_checked),
        TEST(comparisons_of_special_numbers),
        TEST(calls_with_a_null_graph),
        TEST(selected_rows),
        TEST(sparse_rows),
    };
    RUN_TESTS(tests);
}

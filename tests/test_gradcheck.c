/* test_gradcheck.c: the gradient check finds every planted bug and accepts correct code. */
#include "check.h"

/* An operator in which all these bugs are possible: y = where(m, x, 0) W + b with x (2,3), W (3,3),
 * b (3), which is broadcast over the rows, and m (2,3), with kernels for f64 and f32. The attributes
 * select the bug and the type whose kernels have it. */
enum bug {
    NONE,
    SIGN,
    TIMES_1_01,
    TIMES_1_0005,
    TIMES_1_00001,
    ONE_ELEMENT,
    OVERWRITE,
    TRANSPOSED,
    FORGOTTEN_SUM,
    MASK_LEAKS,
    WRITES_INPUT,
    NOT_REPEATABLE,
    FORWARD,
    N_BUGS
};

struct plan {
    enum bug bug;
    rg_dtype dtype;
};

static const char *const names[] = {
    "none",         "sign",           "x 1.01",     "x 1.0005",      "x 1.00001",
    "one element",  "overwrite",      "transposed", "forgotten sum", "mask leaks",
    "writes input", "not repeatable", "forward"};

enum { ROWS = 2, INNER = 3, COLUMNS = 3 };
static const double mask[ROWS * INNER] = {1, 0, 1, 1, 1, 0};
static int calls;

static double get(const rg_node *y, int operand, int i)
{
    const rg_tensor *t = rg_operand(y, operand);
    return t->dtype == RG_F32 ? (double)((const float *)t->data)[i] : ((const double *)t->data)[i];
}

static void set(rg_dtype dtype, void *data, int i, double value)
{
    if (dtype == RG_F32)
        ((float *)data)[i] = (float)value;
    else
        ((double *)data)[i] = value;
}

static rg_dtype type_of(const rg_node *y)
{
    return rg_node_value(y)->dtype;
}

/* The bug of the kernels for this node's type. */
static enum bug bug_of(const rg_node *y)
{
    const struct plan *plan = rg_attributes(y);
    return plan->dtype == type_of(y) ? plan->bug : NONE;
}

static void forward(rg_node *y)
{
    enum bug bug = bug_of(y);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            double sum = get(y, 2, j);
            for (int k = 0; k < INNER; k++)
                sum += mask[i * INNER + k] * get(y, 0, i * INNER + k) * get(y, 1, k * COLUMNS + j);
            set(type_of(y), rg_output_data(y), i * COLUMNS + j, bug == FORWARD ? 1.001 * sum : sum);
        }
    if (bug == WRITES_INPUT)
        set(type_of(y), rg_operand(y, 0)->data, 0, get(y, 0, 0) * (1 + 1.2e-7));
}

/* Adds a term to element i of a gradient, distorted by the bug. */
static void add_term(enum bug bug, rg_dtype dtype, void *grad, int i, double term)
{
    double factor = bug == SIGN                    ? -1
                    : bug == TIMES_1_01            ? 1.01
                    : bug == TIMES_1_0005          ? 1.0005
                    : bug == TIMES_1_00001         ? 1.00001
                    : bug == ONE_ELEMENT && i == 4 ? 1.01
                                                   : 1;
    if (bug == NOT_REPEATABLE)
        factor = 1 + (dtype == RG_F32 ? 2e-7 : 1e-12) * calls;
    double old = dtype == RG_F32 ? (double)((const float *)grad)[i] : ((const double *)grad)[i];
    set(dtype, grad, i, old + factor * term);
}

static void backward(rg_node *y)
{
    enum bug bug = bug_of(y);
    rg_dtype dtype = type_of(y);
    const void *g = rg_output_grad(y);
    void *gx = rg_operand_grad(y, 0), *gw = rg_operand_grad(y, 1), *gb = rg_operand_grad(y, 2);
    calls++;
    if (bug == OVERWRITE)
        memset(gw, 0, INNER * COLUMNS * rg_dtype_size(dtype));
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            int at = i * COLUMNS + j;
            double up = dtype == RG_F32 ? (double)((const float *)g)[at] : ((const double *)g)[at];
            for (int k = 0; k < INNER; k++) {
                double m = mask[i * INNER + k];
                double wkj = get(y, 1, bug == TRANSPOSED ? j * COLUMNS + k : k * COLUMNS + j);
                add_term(bug, dtype, gx, i * INNER + k, (bug == MASK_LEAKS ? 1 : m) * up * wkj);
                add_term(NONE, dtype, gw, k * COLUMNS + j, m * get(y, 0, i * INNER + k) * up);
            }
            if (bug != FORGOTTEN_SUM || i == 0)
                add_term(NONE, dtype, gb, j, up);
        }
}

static bool shape(rg_node *y)
{
    rg_set_shape(y, rg_operand(y, 0)->dtype, 2, (const int64_t[]){ROWS, COLUMNS});
    return true;
}

static const rg_operator planted = {.name = "planted",
                                    .shape = shape,
                                    .forward = {forward, forward},
                                    .backward = {backward, backward}};

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    return rg_apply(graph, &planted, x, 3, user, sizeof(struct plan));
}

static double x[] = {0.7, -0.4, 1.1, -0.9, 0.3, 0.8};
static double w[] = {0.5, -1.2, 0.9, 0.4, 1.3, -0.6, -0.8, 0.2, 1.5};
static double b[] = {0.1, -0.3, 0.6};
static const rg_tensor inputs[] = {
    {RG_F64, 2, {ROWS, INNER}, x}, {RG_F64, 2, {INNER, COLUMNS}, w}, {RG_F64, 1, {COLUMNS}, b}};

static void every_planted_bug_is_caught(void **state)
{
    (void)state;
    rg_context *ctx = rg_context_create(NULL);
    for (int i = 0; i < 2 * N_BUGS; i++)
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct plan plan = {(enum bug)(i / 2), i % 2 ? RG_F32 : RG_F64};
            rg_gradcheck_report report;
            rg_gradcheck_options o = rg_gradcheck_options_default();
            o.seed = seed;
            assert_ok(ctx, rg_gradcheck(ctx, build, &plan, inputs, 3, &o, &report));
            if (report.passed != (plan.bug == NONE))
                fail_msg("%s in %s, seed %d: %s", names[plan.bug], rg_dtype_name(plan.dtype),
                         (int)seed, report.message);
            assert_int_equal(report.input < 0,
                             plan.bug == NONE || (plan.bug == FORWARD && plan.dtype == RG_F32));
            assert_true((plan.bug == WRITES_INPUT) ==
                        (strstr(report.message, "writes to it") != NULL));
            assert_null(strstr(report.message, "kink"));
            o.rtol_f32 = 0; /* only f64 */
            assert_ok(ctx, rg_gradcheck(ctx, build, &plan, inputs, 3, &o, &report));
            assert_int_equal(report.passed, plan.bug == NONE || plan.dtype == RG_F32);
            assert_false(report.checked_f32);
        }
    rg_context_destroy(ctx);
}

static void reports_have_input_element_and_values(void **state)
{
    (void)state;
    rg_context *ctx = rg_context_create(NULL);
    struct plan plan = {ONE_ELEMENT, RG_F64};
    rg_gradcheck_report report;
    assert_ok(ctx, rg_gradcheck(ctx, build, &plan, inputs, 3, NULL, &report));
    assert_int_equal(report.input, 0);
    assert_int_equal(report.element, 4);
    assert_close(report.analytic, 1.01 * report.numeric, 1e-7, 0);
    assert_non_null(strstr(report.message, "input 0, element 4"));
    assert_true(report.worst > 1000);
    plan.dtype = RG_F32;
    assert_ok(ctx, rg_gradcheck(ctx, build, &plan, inputs, 3, NULL, &report));
    assert_int_equal(report.input, 0);
    assert_int_equal(report.element, 4);
    assert_close(report.analytic, 1.01 * report.numeric, 1e-6, 0);
    assert_non_null(strstr(report.message, "input 0, element 4: backward in f32"));
    assert_true(report.worst < 1 && report.worst_f32 > 100);
    rg_context_destroy(ctx);
}

/* ---- Functions of users ---- */

static rg_node *first_only(rg_graph *graph, rg_node *const *in, void *user)
{
    (void)user;
    return rg_exp(graph, in[0]);
}

static rg_node *absent(rg_graph *graph, rg_node *const *in, void *user)
{
    (void)graph, (void)in, (void)user;
    return NULL;
}

static rg_node *narrow(rg_graph *graph, rg_node *const *in, void *user)
{
    (void)user;
    return rg_cast(graph, in[0], RG_F32);
}

static rg_node *with_integers(rg_graph *graph, rg_node *const *in, void *user)
{
    (void)user;
    return rg_mul(graph, in[0], rg_cast(graph, in[1], RG_F64));
}

static void zero_gradients_are_reported(void **state)
{
    (void)state;
    rg_context *ctx = rg_context_create(NULL);
    rg_gradcheck_report report;
    assert_ok(ctx, rg_gradcheck(ctx, first_only, NULL, inputs, 2, NULL, &report));
    assert_true(report.passed);
    assert_int_equal(report.vacuous, 2);
    assert_non_null(strstr(report.message, "warning: the gradient of input 1 is all zero"));
    rg_context_destroy(ctx);
}

static rg_node *identity(rg_graph *graph, rg_node *const *in, void *user)
{
    (void)graph, (void)user;
    return in[0];
}

static void a_function_may_return_its_input(void **state)
{
    (void)state;
    rg_context *ctx = rg_context_create(NULL);
    rg_gradcheck_report report;
    assert_ok(ctx, rg_gradcheck(ctx, identity, NULL, inputs, 1, NULL, &report));
    assert_true(report.passed);
    rg_context_destroy(ctx);
}

static void options_are_checked(void **state)
{
    (void)state;
    static const struct {
        double step, rtol, atol, rtol_f32;
        const char *words;
    } cases[] = {
        {0, 1e-6, 1e-8, 0, "`step` is 0"},           {-1, 1e-6, 1e-8, 0, "`step` is -1"},
        {6e-6, -1, -1, 0, "`rtol` is -1"},           {6e-6, NAN, 1e-8, 0, "`rtol` is nan"},
        {6e-6, 1e-6, INFINITY, 0, "`atol` is inf"},  {6e-6, 1e-6, 1e-8, -1, "`rtol_f32` is -1"},
        {6e-6, 1e-6, 1e-8, NAN, "`rtol_f32` is nan"}};
    rg_context *ctx = rg_context_create(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_gradcheck_report report;
        rg_gradcheck_options o = {cases[i].step, cases[i].rtol, cases[i].atol, 1,
                                  cases[i].rtol_f32};
        assert_fails(ctx, RG_USAGE, cases[i].words,
                     rg_gradcheck(ctx, identity, NULL, inputs, 1, &o, &report));
    }
    rg_context_destroy(ctx);
}

static void failing_functions_are_reported(void **state)
{
    (void)state;
    rg_context *ctx = rg_context_create(NULL);
    rg_gradcheck_report report;
    assert_fails(ctx, RG_USAGE, "NULL", rg_gradcheck(ctx, absent, NULL, inputs, 1, NULL, &report));
    assert_fails(ctx, RG_USAGE, "f32", rg_gradcheck(ctx, narrow, NULL, inputs, 1, NULL, &report));
    assert_fails(ctx, RG_USAGE, "inputs",
                 rg_gradcheck(ctx, narrow, NULL, inputs, 0, NULL, &report));
    int64_t counts[] = {1, 2, 3, 4, 5, 6};
    rg_tensor mixed[] = {inputs[0], {RG_I64, 2, {ROWS, INNER}, counts}};
    assert_ok(ctx, rg_gradcheck(ctx, with_integers, NULL, mixed, 2, NULL, &report));
    assert_true(report.passed);
    assert_int_equal(report.n_elements, ROWS * INNER);
    double nan_input[] = {NAN, 1};
    rg_tensor bad = {RG_F64, 1, {2}, nan_input};
    assert_ok(ctx, rg_gradcheck(ctx, first_only, NULL, &bad, 1, NULL, &report));
    assert_false(report.passed);
    assert_true(isnan(report.worst)); /* also after the finite element that follows */
    rg_context_destroy(ctx);
}

/* ---- Kinks, and functions without f32 ---- */

static rg_node *relu(rg_graph *graph, rg_node *const *in, void *user)
{
    (void)user;
    return rg_relu(graph, in[0]);
}

/* max(x, 0) (x + 2): its slopes at 0 are 0 and 2. */
static rg_node *relu_times_line(rg_graph *graph, rg_node *const *in, void *user)
{
    (void)user;
    static const double two = 2;
    const rg_tensor t = {RG_F64, 0, {0}, (void *)(uintptr_t)&two};
    rg_node *shift = rg_cast(graph, rg_leaf(graph, &t), rg_node_value(in[0])->dtype);
    return rg_mul(graph, rg_relu(graph, in[0]), rg_add(graph, in[0], shift));
}

static rg_node *wrong_square(rg_graph *graph, rg_node *const *in, void *user)
{
    (void)user;
    rg_node *copy = rg_constant(graph, rg_node_value(in[0]));
    return rg_mul(graph, in[0], copy); /* the gradient is half of what it should be */
}

static void kinks_are_mentioned(void **state)
{
    (void)state;
    static const struct {
        rg_function *function;
        double at;
        bool passed, kink;
    } cases[] = {
        {relu, 0, false, true},
        {relu, 1e-6, false, true},
        {relu, -2e-6, false, true},
        {relu_times_line, 0, false, true},
        {relu_times_line, 1e-7, false, true},
        {relu, 1, true, false},
        {relu, -1e-3, true, false},
        {wrong_square, 1, false, false},
        {wrong_square, -3, false, false},
        {wrong_square, 1e-3, false, false},
        {wrong_square, 1e4, false, false},
    };
    rg_context *ctx = rg_context_create(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_gradcheck_report report;
        double at = cases[i].at;
        const rg_tensor t = {RG_F64, 0, {0}, &at};
        assert_ok(ctx, rg_gradcheck(ctx, cases[i].function, NULL, &t, 1, NULL, &report));
        if (report.passed != cases[i].passed ||
            (strstr(report.message, "kink") != NULL) != cases[i].kink)
            fail_msg("case %d: %s", (int)i, report.message);
    }
    rg_context_destroy(ctx);
}

static const rg_operator only_f64 = {
    .name = "only_f64", .shape = shape, .forward = {NULL, forward}, .backward = {NULL, backward}};

static rg_node *build_only_f64(rg_graph *graph, rg_node *const *in, void *user)
{
    return rg_apply(graph, &only_f64, in, 3, user, sizeof(struct plan));
}

static void a_function_without_f32_is_reported(void **state)
{
    (void)state;
    rg_context *ctx = rg_context_create(NULL);
    struct plan plan = {NONE, RG_F64};
    rg_gradcheck_report report;
    assert_ok(ctx, rg_gradcheck(ctx, build_only_f64, &plan, inputs, 3, NULL, &report));
    assert_true(report.passed);
    assert_false(report.checked_f32);
    assert_non_null(strstr(report.message, "not checked in f32: only_f64: "));
    assert_ok(ctx, rg_gradcheck(ctx, build, &plan, inputs, 3, NULL, &report));
    assert_true(report.passed && report.checked_f32);
    rg_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_planted_bug_is_caught),
        cmocka_unit_test(reports_have_input_element_and_values),
        cmocka_unit_test(zero_gradients_are_reported),
        cmocka_unit_test(failing_functions_are_reported),
        cmocka_unit_test(a_function_may_return_its_input),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(kinks_are_mentioned),
        cmocka_unit_test(a_function_without_f32_is_reported),
    };
    RUN_TESTS(tests);
}

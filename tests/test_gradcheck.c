/* test_gradcheck.c: the checker is checked: each planted bug must be found, the right code not. */
#include "check.h"

/* One operator with every kind of place for a bug: y = where(m, x, 0) W + b, x (2,3), W (3,3),
 * b (3) broadcast over the rows, m (2,3). The attributes choose the bug. */
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
    N_BUGS
};

static const char *const names[] = {
    "none",      "sign",       "x 1.01",        "x 1.0005",   "x 1.00001",    "one element",
    "overwrite", "transposed", "forgotten sum", "mask leaks", "writes input", "not repeatable"};

enum { ROWS = 2, INNER = 3, COLUMNS = 3 };
static const double mask[ROWS * INNER] = {1, 0, 1, 1, 1, 0};
static int calls;

static void forward(rg_node *y)
{
    const double *x = rg_operand(y, 0)->data, *w = rg_operand(y, 1)->data;
    const double *b = rg_operand(y, 2)->data;
    double *out = rg_output_data(y);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            out[i * COLUMNS + j] = b[j];
            for (int k = 0; k < INNER; k++)
                out[i * COLUMNS + j] += mask[i * INNER + k] * x[i * INNER + k] * w[k * COLUMNS + j];
        }
    if (*(const enum bug *)rg_attributes(y) == WRITES_INPUT)
        *(double *)rg_operand(y, 0)->data *= 1.0000001;
}

/* Puts a term into gradient element i, through the bug. */
static void put(enum bug bug, double *grad, int i, double term)
{
    double factor = bug == SIGN                    ? -1
                    : bug == TIMES_1_01            ? 1.01
                    : bug == TIMES_1_0005          ? 1.0005
                    : bug == TIMES_1_00001         ? 1.00001
                    : bug == ONE_ELEMENT && i == 4 ? 1.01
                                                   : 1;
    if (bug == NOT_REPEATABLE)
        factor = 1 + 1e-12 * calls;
    grad[i] += factor * term;
}

static void backward(rg_node *y)
{
    enum bug bug = *(const enum bug *)rg_attributes(y);
    const double *x = rg_operand(y, 0)->data, *w = rg_operand(y, 1)->data, *g = rg_output_grad(y);
    double *gx = rg_operand_grad(y, 0), *gw = rg_operand_grad(y, 1), *gb = rg_operand_grad(y, 2);
    calls++;
    if (bug == OVERWRITE)
        memset(gw, 0, INNER * COLUMNS * sizeof *gw);
    for (int i = 0; i < ROWS; i++)
        for (int j = 0; j < COLUMNS; j++) {
            double up = g[i * COLUMNS + j];
            for (int k = 0; k < INNER; k++) {
                double m = mask[i * INNER + k];
                double wkj = bug == TRANSPOSED ? w[j * COLUMNS + k] : w[k * COLUMNS + j];
                put(bug, gx, i * INNER + k, (bug == MASK_LEAKS ? 1 : m) * up * wkj);
                put(NONE, gw, k * COLUMNS + j, m * x[i * INNER + k] * up);
            }
            if (bug != FORGOTTEN_SUM || i == 0)
                put(NONE, gb, j, up);
        }
}

static bool shape(rg_node *y)
{
    rg_set_shape(y, RG_F64, 2, (const int64_t[]){ROWS, COLUMNS});
    return true;
}

static const rg_operator planted = {
    .name = "planted", .shape = shape, .forward = {NULL, forward}, .backward = {NULL, backward}};

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    return rg_apply(graph, &planted, x, 3, user, sizeof(enum bug));
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
    for (enum bug bug = NONE; bug < N_BUGS; bug++)
        for (uint64_t seed = 1; seed <= 5; seed++) {
            rg_gradcheck_report report;
            rg_gradcheck_options o = rg_gradcheck_options_default();
            o.seed = seed;
            assert_ok(ctx, rg_gradcheck(ctx, build, &bug, inputs, 3, &o, &report));
            if (report.passed != (bug == NONE))
                fail_msg("%s, seed %d: %s", names[bug], (int)seed, report.message);
            assert_int_equal(report.input < 0, bug == NONE);
            assert_true((bug == WRITES_INPUT) == (strstr(report.message, "writes to it") != NULL));
        }
    rg_context_destroy(ctx);
}

static void reports_name_input_element_and_numbers(void **state)
{
    (void)state;
    rg_context *ctx = rg_context_create(NULL);
    enum bug bug = ONE_ELEMENT;
    rg_gradcheck_report report;
    assert_ok(ctx, rg_gradcheck(ctx, build, &bug, inputs, 3, NULL, &report));
    assert_int_equal(report.input, 0);
    assert_int_equal(report.element, 4);
    assert_close(report.analytic, 1.01 * report.numeric, 1e-7, 0);
    assert_non_null(strstr(report.message, "input 0, element 4"));
    assert_true(report.worst > 1000);
    rg_context_destroy(ctx);
}

/* ---- What a user's function may do ---- */

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

static void vacuous_gradients_are_named(void **state)
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
        double step, rtol, atol;
        const char *words;
    } cases[] = {{0, 1e-6, 1e-8, "step is 0"},
                 {-1, 1e-6, 1e-8, "step is -1"},
                 {6e-6, -1, -1, "rtol is -1"},
                 {6e-6, NAN, 1e-8, "rtol is nan"},
                 {6e-6, 1e-6, INFINITY, "atol is inf"}};
    rg_context *ctx = rg_context_create(NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_gradcheck_report report;
        rg_gradcheck_options o = {cases[i].step, cases[i].rtol, cases[i].atol, 1};
        assert_fails(ctx, RG_USAGE, cases[i].words,
                     rg_gradcheck(ctx, identity, NULL, inputs, 1, &o, &report));
    }
    rg_context_destroy(ctx);
}

static void functions_that_fail_are_told(void **state)
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
    assert_true(isnan(report.worst)); /* the finite element behind it changes nothing */
    rg_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_planted_bug_is_caught),
        cmocka_unit_test(reports_name_input_element_and_numbers),
        cmocka_unit_test(vacuous_gradients_are_named),
        cmocka_unit_test(functions_that_fail_are_told),
        cmocka_unit_test(a_function_may_return_its_input),
        cmocka_unit_test(options_are_checked),
    };
    RUN_TESTS(tests);
}

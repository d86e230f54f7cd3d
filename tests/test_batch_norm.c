/* test_batch_norm.c: the running statistics of batch_norm over several steps, training against
 * inference, special numbers, and bad calls. */
#include "graph_fixture.h"

/* The statistics after one and two batches of (4,2), with a momentum of 0.25: the variance that is
 * kept is divided by N - 1, that of the value by N, as in PyTorch. */
static void running_statistics(void **state)
{
    double x[2][8] = {{1, 10, 2, 10, 3, 10, 6, 10}, {0, 1, 0, 3, 0, 5, 8, 7}};
    double mean[2] = {0, 0}, var[2] = {1, 1};
    /* batch means 3 and 10, then 2 and 4; sums of squared deviations 14 and 0, then 48 and 20 */
    const double means[2][2] = {{0.75, 2.5}, {0.75 * 0.75 + 0.5, 0.75 * 2.5 + 1}};
    const double vars[2][2] = {
        {0.75 + 0.25 * 14 / 3, 0.75},
        {0.75 * (0.75 + 0.25 * 14 / 3) + 0.25 * 48 / 3, 0.75 * 0.75 + 0.25 * 20 / 3}};
    (void)state;
    for (int step = 0; step < 2; step++) {
        rg_graph_reset(f.graph);
        rg_node *leaf = rg_leaf(f.graph, &(rg_tensor){RG_F64, 2, {4, 2}, x[step]});
        rg_node *y = rg_batch_norm(f.graph, leaf, NULL, NULL, mean, var, 0.25, 0, true);
        assert_non_null(y);
        for (int k = 0; k < 2; k++) {
            assert_close(mean[k], means[step][k], 1e-15, 0);
            assert_close(var[k], vars[step][k], 1e-15, 0);
        }
        assert_close(((const double *)rg_node_value(y)->data)[6],
                     step ? 6 / sqrt(48 / 4.0) : 3 / sqrt(14 / 4.0), 1e-15, 0);
    }
    rg_node *leaf = rg_leaf(f.graph, &(rg_tensor){RG_F64, 2, {4, 2}, x[1]});
    rg_node *y = rg_batch_norm(f.graph, leaf, NULL, NULL, mean, var, 0.25, 0.5, false);
    for (int i = 0; i < 8; i++)
        assert_close(((const double *)rg_node_value(y)->data)[i],
                     (x[1][i] - mean[i % 2]) / sqrt(var[i % 2] + 0.5), 1e-15, 0);
    for (int k = 0; k < 2; k++) /* inference changes nothing */
        assert_close(mean[k], means[1][k], 1e-15, 0);
    float single[2] = {0, 0}, ones[2] = {1, 1}, numbers[8] = {1, 10, 2, 10, 3, 10, 6, 10};
    leaf = rg_leaf(f.graph, &(rg_tensor){RG_F32, 3, {2, 2, 2}, numbers}); /* four rows too */
    assert_non_null(rg_batch_norm(f.graph, leaf, NULL, NULL, single, ones, 0.25, 0, true));
    assert_close((double)single[1], 2.5, 0, 0);
    assert_close((double)ones[0], 0.75 + 0.25 * 14 / 3, 1e-7, 0);
}

/* The gradient is that at the time of the call, though the buffers change before backward. */
static void buffers_may_change_before_backward(void **state)
{
    double x[3] = {1, 2, 4}, mean = 1, var = 4, one[3] = {1, 1, 1}, gamma = 3;
    const rg_tensor t = {RG_F64, 2, {3, 1}, x}, cotangent = {RG_F64, 2, {3, 1}, one};
    (void)state;
    rg_node *leaf = rg_variable(f.graph, &t, NULL);
    rg_node *scale = rg_variable(f.graph, &(rg_tensor){RG_F64, 1, {1}, &gamma}, NULL);
    rg_node *y = rg_batch_norm(f.graph, leaf, scale, NULL, &mean, &var, 0.5, 0, false);
    rg_batch_norm(f.graph, leaf, scale, NULL, &mean, &var, 0.5, 0, true);
    assert_true(mean != 1 && var != 4);
    assert_ok(f.ctx, rg_backward(f.graph, y, &cotangent));
    assert_close(*(const double *)rg_node_grad(leaf)->data, 1.5, 0, 0);
    assert_close(*(const double *)rg_node_grad(scale)->data, 2, 0, 0); /* z is 0, 0.5 and 1.5 */
}

/* Columns are independent: NaN and infinity stay in theirs. A constant column is 0 with an epsilon;
 * a large offset costs no accuracy. */
static void special_numbers(void **state)
{
    double x[15] = {NAN, INFINITY, 5, 1e9 + 1, 1, 0, 0, 5, 1e9 + 2, 2, 0, 0, 5, 1e9 + 3, 3};
    const double expected[5] = {NAN, NAN, 0, -1.2247448713915889, -1.2247448713915889};
    (void)state;
    const rg_tensor t = {RG_F64, 2, {3, 5}, x};
    rg_node *leaf = rg_leaf(f.graph, &t);
    rg_node *y = rg_batch_norm(f.graph, leaf, NULL, NULL, NULL, NULL, 0.1, 1e-30, true);
    for (int k = 0; k < 5; k++)
        assert_close(((const double *)rg_node_value(y)->data)[k], expected[k], 1e-14, 0);
}

static rg_node *leaf_of(int ndim, int64_t rows, int64_t columns)
{
    static double numbers[8];
    return rg_leaf(f.graph, &(rg_tensor){RG_F64, ndim, {rows, columns}, numbers});
}

#define X leaf_of(2, 4, 2)
#define BAD_CALLS(CALL)                                                                            \
    CALL("x has 1 rows; expected at least 2", leaf_of(2, 1, 2), NULL, NULL, mean, var, 0.1, 0,     \
         true)                                                                                     \
    CALL("x has 0 rows; expected at least 2", leaf_of(2, 0, 2), NULL, NULL, mean, var, 0.1, 0,     \
         true)                                                                                     \
    CALL("running_mean is NULL; expected both running statistics or neither", X, NULL, NULL, NULL, \
         var, 0.1, 0, true)                                                                        \
    CALL("running_var is NULL", X, NULL, NULL, mean, NULL, 0.1, 0, true)                           \
    CALL("expected both running statistics in inference", X, NULL, NULL, NULL, NULL, 0.1, 0,       \
         false)                                                                                    \
    CALL("running_var is NULL; expected both running statistics in inference", X, NULL, NULL,      \
         mean, NULL, 0.1, 0, false)                                                                \
    CALL("momentum is 1.5; expected a number from 0 to 1", X, NULL, NULL, mean, var, 1.5, 0, true) \
    CALL("momentum is -0.1", X, NULL, NULL, mean, var, -0.1, 0, true)                              \
    CALL("momentum is nan", X, NULL, NULL, mean, var, NAN, 0, false)                               \
    CALL("epsilon is -1; expected a number >= 0", X, NULL, NULL, mean, var, 0.1, -1, true)         \
    CALL("operand 1 has shape (3); expected (2)", X, leaf_of(1, 3, 0), NULL, mean, var, 0.1, 0,    \
         true)                                                                                     \
    CALL("operand 2 has shape (3); expected (2)", X, NULL, leaf_of(1, 3, 0), mean, var, 0.1, 0,    \
         true)                                                                                     \
    CALL("x is a scalar", leaf_of(0, 0, 0), NULL, NULL, mean, var, 0.1, 0, true)                   \
    CALL("operand 0 is NULL", NULL, NULL, NULL, mean, var, 0.1, 0, true)

static void bad_calls_are_errors(void **state)
{
    double mean[2] = {7, 7}, var[2] = {7, 7};
    (void)state;
#define CALL(words, ...)                                                                           \
    rg_graph_reset(f.graph);                                                                       \
    assert_null(rg_batch_norm(f.graph, __VA_ARGS__));                                              \
    if (!strstr(rg_last_error(f.ctx), words))                                                      \
        fail_msg("\"%s\"; expected \"%s\"", rg_last_error(f.ctx), words);                          \
    assert_close(mean[0] + var[1], 14, 0, 0); /* a failed call changes nothing */
    BAD_CALLS(CALL)
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(running_statistics),
        TEST(buffers_may_change_before_backward),
        TEST(special_numbers),
        TEST(bad_calls_are_errors),
    };
    RUN_TESTS(tests);
}

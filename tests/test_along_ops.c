/* test_along_ops.c: operators along an axis, and cross entropy, at special numbers; dropout; orders
 * with ties and NaN. */
#include "graph_fixture.h"

#define INF INFINITY

/* Values and gradients of three numbers; dL/dy is 1, 2, 3. */
static const struct {
    rg_node *(*op)(rg_graph *, rg_node *, int);
    double x[3], y[3], grad[3];
} cases[] = {
    {rg_softmax, {0, 0, -INF}, {0.5, 0.5, 0}, {-0.25, 0.25, 0}},
    {rg_softmax, {1000, 1000, -1000}, {0.5, 0.5, 0}, {-0.25, 0.25, 0}},
    {rg_softmax, {-INF, -INF, -INF}, {NAN, NAN, NAN}, {NAN, NAN, NAN}},
    {rg_softmax, {1, INF, 2}, {NAN, NAN, NAN}, {NAN, NAN, NAN}},
    {rg_softmax, {1, NAN, 2}, {NAN, NAN, NAN}, {NAN, NAN, NAN}},
    {rg_softmax, {-INF, 7, -INF}, {0, 1, 0}, {0, 0, 0}},
    {rg_log_softmax, {0, -INF, -INF}, {0, -INF, -INF}, {-5, 2, 3}},
    {rg_log_softmax, {1e300, 0, -1e300}, {0, -1e300, -2e300 + 1e300 - 1e300}, {-5, 2, 3}},
    {rg_log_softmax, {-INF, -INF, -INF}, {NAN, NAN, NAN}, {NAN, NAN, NAN}},
    {rg_log_softmax, {NAN, 0, 0}, {NAN, NAN, NAN}, {NAN, NAN, NAN}},
    {rg_cumsum, {1e308, 1e308, -1e308}, {1e308, INF, INF}, {6, 5, 3}},
    {rg_cumsum, {1, NAN, 2}, {1, NAN, NAN}, {6, 5, 3}},
    {rg_cumsum, {1e16, 1, -1e16}, {1e16, 1e16, 0}, {6, 5, 3}},
    {rg_logcumsumexp,
     {1000, 1000, -INF},
     {1000, 1000.6931471805599, 1000.6931471805599},
     {3.5, 2.5, 0}},
    {rg_logcumsumexp,
     {-1000, -1000, -1000},
     {-1000, -1000 + 0.6931471805599453, -1000 + 1.0986122886681098},
     {3, 2, 1}},
    {rg_logcumsumexp, {-INF, 0, 0}, {-INF, 0, 0.6931471805599453}, {NAN, 3.5, 1.5}},
    {rg_logcumsumexp, {0, INF, INF}, {0, INF, INF}, {NAN, NAN, NAN}},
    {rg_logcumsumexp, {0, NAN, 1}, {0, NAN, NAN}, {NAN, NAN, NAN}},
};

static void special_numbers(void **state)
{
    double cotangent[3] = {1, 2, 3};
    const rg_tensor upstream = {RG_F64, 1, {3}, cotangent};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        double x[3];
        memcpy(x, cases[i].x, sizeof x);
        rg_graph_reset(f.graph);
        rg_node *leaf = rg_variable(f.graph, &(rg_tensor){RG_F64, 1, {3}, x}, NULL);
        rg_node *y = cases[i].op(f.graph, leaf, 0);
        assert_ok(f.ctx, rg_backward(f.graph, y, &upstream));
        for (int k = 0; k < 3; k++) {
            assert_close(((const double *)rg_node_value(y)->data)[k], cases[i].y[k], 1e-15, 0);
            assert_close(((const double *)rg_node_grad(leaf)->data)[k], cases[i].grad[k], 1e-13, 0);
        }
    }
}

/* Cross entropy of a row: its value, and dL/dx of the first element. */
static void cross_entropies(void **state)
{
    static const struct {
        double x[3], t[3], y, grad;
    } rows[] = {
        {{0, 0, 0}, {1, 0, 0}, 1.0986122886681098, 1 / 3.0 - 1},
        {{0, -INF, 0}, {1, 0, 0}, 0.6931471805599453, -0.5}, /* 0 log 0 is 0 */
        {{0, -INF, 0}, {0, 1, 0}, INF, 0.5},
        {{-INF, -INF, -INF}, {0, 0, 0}, NAN, NAN},
        {{NAN, 0, 0}, {0, 0, 0}, NAN, NAN},
        {{0, INF, 0}, {0, 0, 1}, NAN, NAN},
        {{1000, 0, -1000}, {0, 1, 0}, 1000, 1},
        {{0, 0, 0}, {-1, 0, 2}, 1.0986122886681098, 1 / 3.0 + 1},
        {{5, 6, 7}, {0, 0, 0}, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double x[3], t[3];
        memcpy(x, rows[i].x, sizeof x);
        memcpy(t, rows[i].t, sizeof t);
        rg_graph_reset(f.graph);
        rg_node *logits = rg_variable(f.graph, &(rg_tensor){RG_F64, 1, {3}, x}, NULL);
        rg_node *labels = rg_leaf(f.graph, &(rg_tensor){RG_F64, 1, {3}, t});
        rg_node *y = rg_softmax_cross_entropy(f.graph, logits, labels);
        assert_ok(f.ctx, rg_backward(f.graph, y, NULL));
        assert_close(*(const double *)rg_node_value(y)->data, rows[i].y, 1e-15, 0);
        assert_close(*(const double *)rg_node_grad(logits)->data, rows[i].grad, 1e-14, 0);
    }
}

/* The elements that dropout keeps depend on seed, call and index alone; about 1 - p are kept, and
 * those that are dropped have the gradient 0 even where x is NaN. */
static void dropout_by_index(void **state)
{
    enum { N = 20000 };
    static double x[N], ones[N];
    (void)state;
    for (int i = 0; i < N; i++)
        x[i] = ones[i] = 1;
    x[N - 1] = NAN;
    const rg_tensor whole = {RG_F64, 1, {N}, x}, part = {RG_F64, 1, {100}, x};
    const rg_tensor cotangent = {RG_F64, 1, {N}, ones};
    rg_node *leaf = rg_variable(f.graph, &whole, NULL);
    rg_node *y = rg_dropout(f.graph, leaf, 0.25, 1, 2);
    rg_node *some = rg_dropout(f.graph, rg_leaf(f.graph, &part), 0.25, 1, 2);
    rg_node *other = rg_dropout(f.graph, leaf, 0.25, 1, 3);
    const double *out = rg_node_value(y)->data, *others = rg_node_value(other)->data;
    assert_memory_equal(out, rg_node_value(some)->data, 100 * sizeof *out);
    assert_memory_not_equal(out, others, 100 * sizeof *out);
    assert_ok(f.ctx, rg_backward(f.graph, y, &cotangent));
    const double *grad = rg_node_grad(leaf)->data;
    int kept = 0;
    for (int i = 0; i < N; i++) {
        kept += grad[i] != 0;
        assert_close(grad[i], grad[i] != 0 ? 1 / 0.75 : 0, 1e-15, 0);
        if (i < N - 1)
            assert_close(out[i], grad[i], 0, 0);
    }
    assert_close(kept / (double)N, 0.75, 0, 0.02);
    assert_null(rg_dropout(f.graph, leaf, 1, 1, 2));
    assert_non_null(strstr(rg_last_error(f.ctx), "p is 1; expected a number >= 0 and < 1"));
}

static void orders(void **state)
{
    static const struct {
        double x[4];
        int64_t largest, ascending[4], descending[4];
    } rows[] = {
        {{3, 1, 2, 0}, 0, {3, 1, 2, 0}, {0, 2, 1, 3}},
        {{1, 2, 2, 1}, 1, {0, 3, 1, 2}, {1, 2, 0, 3}}, /* equal ones in their order */
        {{0, NAN, 5, NAN}, 1, {0, 2, 1, 3}, {2, 0, 1, 3}},
        {{-INF, INF, -INF, INF}, 1, {0, 2, 1, 3}, {1, 3, 0, 2}},
        {{0, -0.0, 0, 0}, 0, {0, 1, 2, 3}, {0, 1, 2, 3}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        double x[4];
        memcpy(x, rows[i].x, sizeof x);
        rg_graph_reset(f.graph);
        rg_node *leaf = rg_leaf(f.graph, &(rg_tensor){RG_F64, 1, {4}, x});
        const int64_t *up = rg_node_value(rg_argsort(f.graph, leaf, 0, false))->data;
        const int64_t *down = rg_node_value(rg_argsort(f.graph, leaf, -1, true))->data;
        const rg_tensor *best = rg_node_value(rg_argmax(f.graph, leaf, 0));
        assert_int_equal(best->ndim, 0);
        assert_int_equal(*(const int64_t *)best->data, rows[i].largest);
        for (int k = 0; k < 4; k++) {
            assert_int_equal(up[k], rows[i].ascending[k]);
            assert_int_equal(down[k], rows[i].descending[k]);
        }
    }
}

static void bad_axes_are_errors(void **state)
{
    double x[2] = {1, 2};
    const rg_tensor t = {RG_F64, 1, {2}, x}, empty = {RG_F64, 2, {2, 0}, NULL};
    (void)state;
    for (int op = 0; op < 6; op++) {
        rg_graph_reset(f.graph);
        rg_node *leaf = rg_leaf(f.graph, &t);
        assert_null(op == 0   ? rg_softmax(f.graph, leaf, 1)
                    : op == 1 ? rg_log_softmax(f.graph, leaf, -2)
                    : op == 2 ? rg_cumsum(f.graph, leaf, 1)
                    : op == 3 ? rg_logcumsumexp(f.graph, leaf, 1)
                    : op == 4 ? rg_argmax(f.graph, leaf, 1)
                              : rg_argsort(f.graph, leaf, 1, false));
        assert_non_null(strstr(rg_last_error(f.ctx), "of 1 dimensions; expected -1 to 0"));
    }
    rg_graph_reset(f.graph);
    assert_null(rg_argmax(f.graph, rg_leaf(f.graph, &empty), 1));
    assert_non_null(strstr(rg_last_error(f.ctx), "axis 1 has no element"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(special_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cross_entropies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(dropout_by_index, set_up, tear_down),
        cmocka_unit_test_setup_teardown(orders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_axes_are_errors, set_up, tear_down),
    };
    RUN_TESTS(tests);
}

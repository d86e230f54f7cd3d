/* test_backward.c: backward from several roots, gradients of chosen nodes, regions without
 * gradients, hooks, the search for NaN and infinities, and recomputed regions. */
#include "check.h"

static struct {
    rg_context *ctx;
    rg_graph *graph;
    double x[3], grad[3];
    rg_node *leaf; /* x = (1, 2, 3), whose gradient is `grad` */
} f;

static int set_up(void **state)
{
    (void)state;
    f.ctx = rg_context_create(NULL);
    f.graph = rg_graph_create(f.ctx);
    for (int i = 0; i < 3; i++) {
        f.x[i] = i + 1;
        f.grad[i] = 0;
    }
    f.leaf = rg_variable(f.graph, &(rg_tensor){RG_F64, 1, {3}, f.x}, f.grad);
    return f.leaf ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rg_graph_destroy(f.graph);
    rg_context_destroy(f.ctx);
    return 0;
}

static double element(const rg_tensor *t, int i)
{
    return ((const double *)t->data)[i];
}

static rg_node *total(rg_node *x)
{
    return rg_sum(f.graph, x, rg_all_axes());
}

static void several_roots_add_up(void **state)
{
    double upstream[3] = {1, 10, 100};
    const rg_tensor cotangent = {RG_F64, 1, {3}, upstream}, *const both[] = {NULL, &cotangent};
    (void)state;
    rg_node *squares = rg_square(f.graph, f.leaf);
    rg_node *roots[] = {total(squares), squares}; /* the second one is older */
    assert_ok(f.ctx, rg_backward_all(f.graph, 2, roots, both));
    for (int i = 0; i < 3; i++)
        assert_close(f.grad[i], 2 * f.x[i] * (1 + upstream[i]), 0, 0);
    rg_node *same[] = {roots[0], roots[0]};
    assert_ok(f.ctx, rg_backward_all(f.graph, 2, same, NULL));
    assert_close(f.grad[1], 2 * f.x[1] * (3 + upstream[1]), 0, 0);
    assert_fails(f.ctx, RG_USAGE, "the root has shape (3); expected one element",
                 rg_backward_all(f.graph, 2, roots, NULL));
}

static void count_calls(rg_node *node, rg_tensor *grad, void *user)
{
    (void)node, (void)grad;
    ++*(int *)user;
}

static void gradients_of_chosen_nodes(void **state)
{
    int n_side = 0, n_path = 0;
    double other = 5, other_grad = 0;
    rg_tensor grads[3];
    (void)state;
    rg_node *second = rg_variable(f.graph, &(rg_tensor){RG_F64, 0, {0}, &other}, &other_grad);
    rg_node *squares = rg_square(f.graph, f.leaf), *side = rg_exp(f.graph, second);
    rg_node *root = total(rg_mul(f.graph, squares, side));
    rg_node *unused = rg_exp(f.graph, f.leaf);
    rg_set_hook(squares, count_calls, &n_path);
    rg_set_hook(second, count_calls, &n_side);
    assert_ok(f.ctx, rg_backward(f.graph, root, NULL));
    double before = f.grad[2], other_before = other_grad;
    assert_int_equal(n_side, 1);
    rg_node *wanted[] = {f.leaf, squares, unused};
    assert_ok(f.ctx, rg_gradients(f.graph, root, NULL, 3, wanted, grads));
    assert_close(element(&grads[0], 2), 6 * exp(5), 1e-15, 0);
    assert_close(element(&grads[1], 2), exp(5), 1e-15, 0);
    assert_close(element(&grads[2], 2), 0, 0, 0);
    assert_close(f.grad[2], before, 0, 0); /* untouched */
    assert_close(other_grad, other_before, 0, 0);
    assert_int_equal(n_side, 1); /* not visited: it leads to no wanted node */
    assert_int_equal(n_path, 2);
    assert_ok(f.ctx, rg_backward(f.graph, root, NULL)); /* an ordinary pass goes on as before */
    assert_close(f.grad[2], 2 * before, 0, 0);
    assert_close(other_grad, 2 * other_before, 0, 0);
    rg_node *twice[] = {f.leaf, f.leaf};
    assert_ok(f.ctx, rg_gradients(f.graph, root, NULL, 2, twice, grads));
    assert_close(element(&grads[0], 0), 2 * exp(5), 1e-15, 0);
    assert_close(element(&grads[1], 0), 2 * exp(5), 1e-15, 0);
    rg_node *constant = rg_detach(f.graph, squares);
    assert_fails(f.ctx, RG_USAGE, "node 0 requires no gradient",
                 rg_gradients(f.graph, root, NULL, 1, &constant, grads));
}

static void regions_without_gradients(void **state)
{
    (void)state;
    assert_true(rg_graph_set_gradients(f.graph, false));
    rg_node *frozen = rg_square(f.graph, f.leaf);
    assert_false(rg_graph_set_gradients(f.graph, true));
    rg_node *root = total(rg_mul(f.graph, f.leaf, frozen));
    assert_ok(f.ctx, rg_backward(f.graph, root, NULL));
    assert_close(f.grad[2], 9, 0, 0); /* x^2, as a constant */
    assert_fails(f.ctx, RG_USAGE, "does not depend on any rg_variable",
                 rg_backward(f.graph, total(frozen), NULL));
    rg_graph_set_gradients(f.graph, false);
    rg_graph_reset(f.graph);
    assert_true(rg_graph_set_gradients(f.graph, true)); /* a reset ends the region */
}

static void halve(rg_node *node, rg_tensor *grad, void *user)
{
    assert_int_equal(grad->ndim, rg_node_value(node)->ndim);
    for (int i = 0; i < 3; i++)
        ((double *)grad->data)[i] *= *(double *)user;
}

static void hooks_see_and_change_gradients(void **state)
{
    double half = 0.5;
    (void)state;
    rg_node *squares = rg_square(f.graph, f.leaf);
    rg_node *root = total(rg_add(f.graph, squares, squares)); /* its gradient, 2, comes in parts */
    rg_set_hook(squares, halve, &half);
    assert_ok(f.ctx, rg_backward(f.graph, root, NULL));
    assert_close(f.grad[2], 6, 0, 0);
    rg_set_hook(squares, NULL, NULL);
    assert_ok(f.ctx, rg_backward(f.graph, root, NULL));
    assert_close(f.grad[2], 6 + 12, 0, 0);
}

static void anomalies_are_named(void **state)
{
    (void)state;
    rg_graph_find_anomalies(f.graph, true);
    rg_node *shifted = rg_add_scalar(f.graph, f.leaf, -2);
    assert_null(rg_exp(f.graph, rg_log(f.graph, shifted)));
    assert_non_null(
        strstr(rg_last_error(f.ctx), "log: element 0 of the value is NaN; operand 0 from -1 to 1"));
    rg_graph_reset(f.graph);
    f.leaf = rg_variable(f.graph, &(rg_tensor){RG_F64, 1, {3}, f.x}, f.grad);
    f.x[0] = 0;
    rg_node *roots = rg_sqrt(f.graph, f.leaf);
    assert_fails(f.ctx, RG_BAD_DATA,
                 "sqrt: backward: element 0 of the gradient of operand 0 is inf; operand 0 from 0 "
                 "to 3",
                 rg_backward(f.graph, total(roots), NULL));
    rg_graph_reset(f.graph);
    rg_graph_find_anomalies(f.graph, false);
    f.leaf = rg_variable(f.graph, &(rg_tensor){RG_F64, 1, {3}, f.x}, f.grad);
    assert_ok(f.ctx, rg_backward(f.graph, total(rg_sqrt(f.graph, f.leaf)), NULL));
}

enum { WIDTH = 1000, DEPTH = 64, BLOCK = 8 };

static rg_node *layers(rg_graph *graph, rg_node *const *x, void *user)
{
    rg_node *y = x[0];
    for (int i = 0; i < *(const int *)user; i++)
        y = rg_tanh(graph, rg_scale(graph, y, 1.5));
    return y;
}

/* The bytes of the graph after forward and backward of DEPTH layers in regions of `block` layers;
 * 0: no regions. Stores the gradient of x. */
static size_t deep_stack(int block, double grad[WIDTH])
{
    static double x[WIDTH];
    int depth = DEPTH;
    rg_graph *graph = rg_graph_create(f.ctx);
    for (int i = 0; i < WIDTH; i++) {
        x[i] = 0.001 * i - 0.5;
        grad[i] = 0;
    }
    rg_node *y = rg_variable(graph, &(rg_tensor){RG_F64, 1, {WIDTH}, x}, grad);
    if (block == 0)
        y = layers(graph, &y, &depth);
    for (int i = 0; block > 0 && i < DEPTH; i += block)
        y = rg_recompute(graph, layers, &block, &y, 1);
    assert_ok(f.ctx, rg_backward(graph, rg_sum(graph, y, rg_all_axes()), NULL));
    size_t bytes = rg_graph_bytes(graph);
    rg_graph_destroy(graph);
    return bytes;
}

/* The memory of a deep stack is that of about 2 sqrt(depth) layers, and no bit changes. */
static void recomputed_regions_save_memory(void **state)
{
    double kept[WIDTH], recomputed[WIDTH];
    (void)state;
    size_t all = deep_stack(0, kept), some = deep_stack(BLOCK, recomputed);
    assert_memory_equal(kept, recomputed, sizeof kept);
    if (some > all / 3)
        fail_msg("%zu bytes with regions, %zu without", some, all);
}

static rg_node *foreign(rg_graph *graph, rg_node *const *x, void *user)
{
    return rg_add(graph, x[0], user); /* a node of the outer graph */
}

static rg_node *nothing(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)graph, (void)x;
    return user;
}

static void wrong_regions_are_errors(void **state)
{
    (void)state;
    assert_null(rg_recompute(f.graph, foreign, f.leaf, &f.leaf, 1));
    assert_non_null(strstr(rg_last_error(f.ctx), "recompute: add: operand 1 belongs to another"));
    for (int i = 0; i < 2; i++) {
        rg_graph_reset(f.graph);
        f.leaf = rg_variable(f.graph, &(rg_tensor){RG_F64, 1, {3}, f.x}, f.grad);
        assert_null(rg_recompute(f.graph, nothing, i ? f.leaf : NULL, &f.leaf, 1));
        assert_non_null(strstr(rg_last_error(f.ctx), "returned no node of the region's graph"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(several_roots_add_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gradients_of_chosen_nodes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(regions_without_gradients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hooks_see_and_change_gradients, set_up, tear_down),
        cmocka_unit_test_setup_teardown(anomalies_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(recomputed_regions_save_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_regions_are_errors, set_up, tear_down),
    };
    RUN_TESTS(tests);
}

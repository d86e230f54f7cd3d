/* test_shape_ops.c: operators that rearrange and pick elements: bad calls are errors that say what
 * is wrong, and gradients of elements that occur many times are summed in double. */
#include "graph_fixture.h"

static struct {
    rg_node *x;     /* (2,3) */
    rg_node *row;   /* (1,3) */
    rg_node *index; /* (2,3), one of which is 3 */
    rg_node *small; /* (2), indices 1 and 2 */
} node;

static void make_nodes(void)
{
    static double numbers[6] = {1, 2, 3, 4, 5, 6};
    static int64_t indices[6] = {0, 1, 0, 1, 3, 0};
    static int32_t small[2] = {1, 2};
    rg_graph_reset(f.graph);
    node.x = rg_variable(f.graph, &(rg_tensor){RG_F64, 2, {2, 3}, numbers}, NULL);
    node.row = rg_leaf(f.graph, &(rg_tensor){RG_F64, 2, {1, 3}, numbers});
    node.index = rg_leaf(f.graph, &(rg_tensor){RG_I64, 2, {2, 3}, indices});
    node.small = rg_leaf(f.graph, &(rg_tensor){RG_I32, 1, {2}, small});
}

#define DIMS(...)                                                                                  \
    (int64_t[])                                                                                    \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define AXES(...)                                                                                  \
    (int[])                                                                                        \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define BOTH                                                                                       \
    (rg_node *const[])                                                                             \
    {                                                                                              \
        node.x, node.row                                                                           \
    }

/* Each bad call must fail with words that name the fault. */
#define BAD_CALLS(X)                                                                               \
    X(rg_expand(f.graph, node.x, 3), "axis 3 of 3 dimensions")                                     \
    X(rg_expand(f.graph, node.x, -4), "expected -3 to 2")                                          \
    X(rg_squeeze(f.graph, node.x, 0), "axis 0 has extent 2; expected 1")                           \
    X(rg_squeeze(f.graph, node.row, 2), "axis 2 of 2 dimensions")                                  \
    X(rg_permute(f.graph, node.x, 1, AXES(0)), "1 axes for x of shape (2,3)")                      \
    X(rg_permute(f.graph, node.x, 2, AXES(0, -2)), "axis 0 is given twice")                        \
    X(rg_permute(f.graph, node.x, 2, AXES(0, 2)), "axis 2 of 2 dimensions")                        \
    X(rg_transpose(f.graph, node.x, 0, 2), "axis 2 of 2 dimensions")                               \
    X(rg_transpose(f.graph, node.x, -3, 0), "axis -3 of 2 dimensions")                             \
    X(rg_broadcast_to(f.graph, node.x, 2, DIMS(4, 3)), "(2,3) does not broadcast to (4,3)")        \
    X(rg_broadcast_to(f.graph, node.x, 1, DIMS(3)), "(2,3) does not broadcast to (3)")             \
    X(rg_broadcast_to(f.graph, node.x, 3, DIMS(-1, 2, 3)), "does not broadcast to (-1,2,3)")       \
    X(rg_broadcast_to(f.graph, node.row, 2, DIMS(INT64_MAX, 3)), "shape")                          \
    X(rg_slice(f.graph, node.x, 2, 0, 1, 1), "axis 2 of 2 dimensions")                             \
    X(rg_slice(f.graph, node.x, 0, 0, 1, 0), "step is 0")                                          \
    X(rg_concat(f.graph, 2, BOTH, 1), "operand 1 has shape (1,3), operand 0 (2,3)")                \
    X(rg_concat(f.graph, 2, BOTH, 2), "axis 2 of 2 dimensions")                                    \
    X(rg_stack(f.graph, 2, BOTH, 0), "operand 1 has shape (1,1,3)")                                \
    X(rg_pad(f.graph, node.x, 0, -1, 0, 0), "-1 elements before")                                  \
    X(rg_pad(f.graph, node.x, 0, INT64_MAX, 1, 0), "expected numbers >= 0")                        \
    X(rg_where(f.graph, node.x, node.x, node.x), "the condition is f64; expected bool")            \
    X(rg_where(f.graph, rg_less(f.graph, node.x, node.x), node.x,                                  \
               rg_transpose(f.graph, node.x, 0, 1)),                                               \
      "shapes (2,3), (2,3) and (3,2) do not broadcast")                                            \
    X(rg_gather(f.graph, node.x, 1, node.index), "index 3, element 4; expected 0 to 2")            \
    X(rg_gather(f.graph, node.row, 1, node.index), "x has shape (1,3), index (2,3)")               \
    X(rg_gather(f.graph, node.x, 1, node.x), "the index is f64; expected i32, i64 or u8")          \
    X(rg_index_select(f.graph, node.x, 0, node.small), "index 2, element 1; expected 0 to 1")      \
    X(rg_index_select(f.graph, node.x, -3, node.small), "axis -3 of 2 dimensions")                 \
    X(rg_embedding(f.graph, node.x, node.small), "index 2, element 1; expected 0 to 1")            \
    X(rg_embedding(f.graph, node.x, node.x), "the index is f64; expected i32, i64 or u8")          \
    X(rg_scatter_add(f.graph, node.x, 1, node.index, node.x), "index 3, element 4")                \
    X(rg_scatter_add(f.graph, node.row, 0, node.index, node.row),                                  \
      "the index has shape (2,3), the source")                                                     \
    X(rg_one_hot(f.graph, node.small, 2, RG_F32), "index 2, element 1; expected 0 to 1")           \
    X(rg_one_hot(f.graph, node.small, -1, RG_F32), "depth is -1")                                  \
    X(rg_one_hot(f.graph, node.small, 3, RG_I32), "dtype is i32; expected f32 or f64")

static void bad_calls_are_errors(void **state)
{
    (void)state;
#define CALL(call, words)                                                                          \
    make_nodes();                                                                                  \
    assert_null(call);                                                                             \
    assert_int_not_equal(rg_graph_status(f.graph), RG_OK);                                         \
    if (!strstr(rg_last_error(f.ctx), words))                                                      \
        fail_msg("%s: \"%s\"; expected \"%s\"", #call, rg_last_error(f.ctx), words);
    BAD_CALLS(CALL)
}

static void sizes_of_parts_are_checked(void **state)
{
    static const int64_t sizes[][2] = {{1, 1}, {1, 3}, {-1, 4}, {INT64_MAX, INT64_MAX}};
    (void)state;
    for (int i = 0; i < 4; i++) {
        rg_node *part[2] = {node.x, node.x};
        make_nodes();
        assert_false(rg_split_axis(f.graph, node.x, 1, 2, sizes[i], part));
        assert_null(part[0]);
        assert_null(part[1]);
        assert_non_null(strstr(rg_last_error(f.ctx), "add up to the extent of x"));
    }
}

/* 2^20 gradients of 0.1 for one element; in float their sum would be 100958. */
static void gradients_are_summed_in_double(void **state)
{
    enum { N = 1 << 20 };
    static float tenths[N];
    static int32_t zeros[N];
    float one = 1;
    (void)state;
    for (int i = 0; i < N; i++)
        tenths[i] = 0.1f;
    const rg_tensor cotangent = {RG_F32, 1, {N}, tenths}, indices = {RG_I32, 1, {N}, zeros};
    const rg_tensor single = {RG_F32, 1, {1}, &one};
    for (int op = 0; op < 4; op++) {
        rg_graph_reset(f.graph);
        rg_node *x = rg_variable(f.graph, &single, NULL), *index = rg_leaf(f.graph, &indices);
        rg_node *y = op == 0   ? rg_broadcast_to(f.graph, x, 1, DIMS(N))
                     : op == 1 ? rg_index_select(f.graph, x, 0, index)
                     : op == 2 ? rg_embedding(f.graph, x, index)
                               : rg_gather(f.graph, x, 0, index);
        assert_ok(f.ctx, rg_backward(f.graph, y, &cotangent));
        float grad = *(const float *)rg_node_grad(x)->data;
        assert_close((double)grad, N * (double)0.1f, 1e-7, 0);
    }
}

/* What is not chosen gets exactly 0, even where its gradient is NaN. */
static void where_stops_nan(void **state)
{
    double numbers[2] = {0, 4}, one[2] = {1, 1};
    (void)state;
    const rg_tensor t = {RG_F64, 1, {2}, numbers}, cotangent = {RG_F64, 1, {2}, one};
    rg_graph_reset(f.graph);
    rg_node *x = rg_variable(f.graph, &t, NULL), *zero = rg_scale(f.graph, x, 0);
    rg_node *positive = rg_greater(f.graph, x, zero);
    rg_node *safe = rg_where(f.graph, positive, x, rg_add_scalar(f.graph, zero, 1));
    rg_node *y = rg_where(f.graph, positive, rg_log(f.graph, safe), zero);
    assert_ok(f.ctx, rg_backward(f.graph, y, &cotangent));
    const double *grad = rg_node_grad(x)->data;
    assert_close(grad[0], 0, 0, 0);
    assert_close(grad[1], 0.25, 0, 0);
    assert_close(((const double *)rg_node_value(y)->data)[0], 0, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(bad_calls_are_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes_of_parts_are_checked, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gradients_are_summed_in_double, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_stops_nan, set_up, tear_down),
    };
    RUN_TESTS(tests);
}

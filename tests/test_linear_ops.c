/* test_linear_ops.c: products of matrices of many shapes against a plain loop, with their gradients
 * checked; bad calls; sums in double. */
#include "graph_fixture.h"

#include "tensor/tensor.h"

/* ---- Every shape ---- */

enum { MOST = 4096 }; /* elements of an operand */

/* A call of rg_matmul_with. */
struct call {
    rg_tensor a, b;
    bool trans_a, trans_b;
};

/* Operands whose leading axes are `axes` (n_axes), then two axes or, if `vector` is set, one. */
static rg_tensor operand(double *data, int n_axes, const int64_t *axes, bool vector, bool trans,
                         int64_t rows, int64_t columns, int64_t k)
{
    rg_tensor t = {RG_F64, 0, {0}, data};
    for (int i = 0; i < n_axes; i++)
        t.dims[t.ndim++] = axes[i];
    if (!vector)
        t.dims[t.ndim++] = trans ? columns : rows;
    t.dims[t.ndim++] = vector ? k : trans ? rows : columns;
    return t;
}

static rg_node *multiply(rg_graph *graph, rg_node *const *x, void *user)
{
    const struct call *c = user;
    return rg_matmul_with(graph, x[0], c->trans_a, x[1], c->trans_b);
}

/* The extent of an axis of the batch, counted from its end, and the index along it of element i of
 * the batch; the offset of the operand's matrix is returned. */
static int64_t matrix_at(const rg_tensor *t, const rg_tensor *y, int n_batch, int64_t i)
{
    int own = t->ndim > 2 ? t->ndim - 2 : 0;
    int64_t offset = 0, size = t->dims[t->ndim - 1] * (t->ndim > 1 ? t->dims[t->ndim - 2] : 1);
    for (int axis = n_batch - 1, from_end = 0; axis >= 0; axis--, from_end++) {
        int64_t index = i % y->dims[axis];
        i /= y->dims[axis];
        if (from_end >= own)
            continue;
        int64_t extent = t->dims[own - 1 - from_end];
        offset += (extent == 1 ? 0 : index) * size;
        size *= extent;
    }
    return offset;
}

/* Compares the value of a call with three loops, and checks its gradients. */
static void check_call(const struct call *c)
{
    const rg_tensor *a = &c->a, *b = &c->b;
    bool row = a->ndim == 1, column = b->ndim == 1;
    int64_t m = row ? 1 : a->dims[a->ndim - 2 + c->trans_a];
    int64_t k = a->dims[a->ndim - 1 - c->trans_a];
    int64_t n = column ? 1 : b->dims[b->ndim - 1 - c->trans_b];
    rg_graph_reset(f.graph);
    rg_node *inputs[2] = {rg_leaf(f.graph, a), rg_leaf(f.graph, b)};
    rg_node *node = multiply(f.graph, inputs, (void *)(uintptr_t)c);
    if (!node)
        fail_msg("%s", rg_last_error(f.ctx));
    const rg_tensor *y = rg_node_value(node);
    int n_batch = y->ndim - !row - !column;
    assert_int_equal(n_batch, (a->ndim > b->ndim ? a->ndim : b->ndim) > 2
                                  ? (a->ndim > b->ndim ? a->ndim : b->ndim) - 2
                                  : 0);
    int64_t n_pairs = 1;
    for (int i = 0; i < n_batch; i++)
        n_pairs *= y->dims[i];
    assert_int_equal(rg_tensor_count(y), n_pairs * m * n);
    const double *out = y->data;
    for (int64_t i = 0; i < n_pairs * m * n; i++) {
        const double *pa = (const double *)a->data + matrix_at(a, y, n_batch, i / (m * n));
        const double *pb = (const double *)b->data + matrix_at(b, y, n_batch, i / (m * n));
        int64_t r = i / n % m, j = i % n;
        double sum = 0;
        for (int64_t l = 0; l < k; l++)
            sum += pa[c->trans_a ? l * m + r : r * k + l] * pb[c->trans_b ? j * k + l : l * n + j];
        assert_close(out[i], sum, 1e-14, 1e-14);
    }
    rg_gradcheck_report report;
    const rg_tensor both[2] = {*a, *b};
    assert_ok(f.ctx, rg_gradcheck(f.ctx, multiply, (void *)(uintptr_t)c, both, 2, NULL, &report));
    if (!report.passed || !report.checked_f32) {
        char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
        fail_msg("%s%s %s%s: %s", rg__shape_text(a, sa), c->trans_a ? "'" : "",
                 rg__shape_text(b, sb), c->trans_b ? "'" : "", report.message);
    }
}

/* Leading axes of a and of b. */
static const struct {
    int n_a;
    int64_t a[3];
    int n_b;
    int64_t b[3];
} batches[] = {
    {0, {0}, 0, {0}},       {1, {2}, 0, {0}},          {0, {0}, 1, {2}},
    {1, {2}, 1, {2}},       {1, {1}, 1, {3}},          {1, {3}, 1, {1}},
    {1, {0}, 1, {1}},       {1, {1}, 1, {0}},          {2, {2, 1}, 1, {3}},
    {1, {3}, 2, {2, 1}},    {2, {2, 3}, 2, {1, 3}},    {2, {1, 2}, 2, {3, 1}},
    {3, {2, 1, 2}, 1, {1}}, {3, {2, 1, 2}, 2, {3, 1}},
};
/* m, k, n */
static const int64_t extents[][3] = {{2, 3, 4}, {3, 2, 1}, {1, 4, 2}, {1, 1, 1}, {2, 0, 3},
                                     {0, 2, 2}, {2, 2, 0}, {3, 3, 3}, {1, 19, 1}};

static void all_shapes_agree_with_loops(void **state)
{
    static double a[MOST], b[MOST];
    int n_calls = 0;
    (void)state;
    for (int i = 0; i < MOST; i++) {
        a[i] = 2 * rg_uniform(1, 0, 0, (uint64_t)i) - 1;
        b[i] = 2 * rg_uniform(1, 0, 1, (uint64_t)i) - 1;
    }
    for (size_t i = 0; i < sizeof batches / sizeof batches[0]; i++)
        for (size_t e = 0; e < sizeof extents / sizeof extents[0]; e++)
            for (int way = 0; way < 16; way++) {
                bool trans_a = way & 1, trans_b = way & 2, row = way & 4, column = way & 8;
                int64_t m = extents[e][0], k = extents[e][1], n = extents[e][2];
                if ((row && (trans_a || batches[i].n_a)) || (column && (trans_b || batches[i].n_b)))
                    continue;
                const struct call c = {
                    operand(a, batches[i].n_a, batches[i].a, row, trans_a, m, k, k),
                    operand(b, batches[i].n_b, batches[i].b, column, trans_b, k, n, k), trans_a,
                    trans_b};
                check_call(&c);
                n_calls++;
            }
    assert_true(n_calls > 500);
}

/* ---- Numbers ---- */

/* A product with one column of (B,M,K) sums each row alone, as that of (M,K) does. */
static void scores_of_batches_depend_on_one_row(void **state)
{
    enum { B = 10, M = 100, K = 137 };
    static float x[B * M * K], w[K];
    (void)state;
    for (int i = 0; i < B * M * K; i++)
        x[i] = sinf((float)i);
    for (int k = 0; k < K; k++)
        w[k] = cosf((float)k);
    const rg_tensor column = {RG_F32, 1, {K}, w}, all = {RG_F32, 3, {B, M, K}, x};
    rg_node *weights = rg_leaf(f.graph, &column);
    const float *y = rg_node_value(rg_matmul(f.graph, rg_leaf(f.graph, &all), weights))->data;
    for (int i = 0; i < B * M; i++) {
        const rg_tensor row = {RG_F32, 2, {1, K}, x + i * K};
        rg_node *alone = rg_matmul(f.graph, rg_leaf(f.graph, &row), weights);
        assert_memory_equal(rg_node_value(alone)->data, &y[i], sizeof y[i]);
    }
}

/* 2^20 gradients of 0.1 for one element; in float their sum would be 100958. As the right operand it
 * is multiplied with all rows at once, of which 4,096 are added in f32. Also a sum over more terms
 * than that, for two matrices. */
static void sums_are_in_double(void **state)
{
    enum { N = 1 << 20, LONG = 50000 };
    static float tenths[N], ones[N];
    float one = 1;
    (void)state;
    for (int i = 0; i < N; i++)
        tenths[i] = 0.1f, ones[i] = 1;
    const rg_tensor single = {RG_F32, 2, {1, 1}, &one}, many = {RG_F32, 3, {N, 1, 1}, ones};
    const rg_tensor cotangent = {RG_F32, 3, {N, 1, 1}, tenths};
    for (int swap = 0; swap < 2; swap++) {
        rg_graph_reset(f.graph);
        rg_node *x = rg_variable(f.graph, &single, NULL), *all = rg_leaf(f.graph, &many);
        rg_node *y = swap ? rg_matmul(f.graph, all, x) : rg_matmul(f.graph, x, all);
        assert_ok(f.ctx, rg_backward(f.graph, y, &cotangent));
        assert_close((double)*(const float *)rg_node_grad(x)->data, N * (double)0.1f,
                     swap ? 6e-5 : 1e-7, 0);
    }
    rg_graph_reset(f.graph);
    const rg_tensor a = {RG_F32, 3, {2, 2, LONG}, tenths}, b = {RG_F32, 3, {2, 2, LONG}, ones};
    rg_node *y = rg_matmul_with(f.graph, rg_leaf(f.graph, &a), false, rg_leaf(f.graph, &b), true);
    assert_close((double)((const float *)rg_node_value(y)->data)[7], LONG * (double)0.1f, 1e-5, 0);
}

/* ---- Selected and sparse rows ---- */

/* Leaves of rows give the same results as ordinary tensors, whichever way they are multiplied. */
static void leaves_of_rows(void **state)
{
    static const int64_t indptr[] = {0, 2, 2, 3};
    static const int32_t columns[] = {0, 2, 1};
    static const float stored[] = {2, -1, 3};
    float plain[9] = {2, 0, -1, 0, 0, 0, 0, 3, 0}, b[18];
    const rg_run run = {0, 3};
    const rg_selection of[] = {
        {.dense = {RG_F32, 2, {3, 3}, plain}, .n_runs = 1, .runs = &run},
        {.sparse = {3, 3, indptr, columns, RG_F32, stored}, .n_runs = 1, .runs = &run}};
    (void)state;
    for (int i = 0; i < 18; i++)
        b[i] = (float)(i % 5) - 1.5f;
    static const rg_tensor shapes[] = {{RG_F32, 1, {3}, NULL},
                                       {RG_F32, 2, {3, 3}, NULL},
                                       {RG_F32, 3, {2, 3, 3}, NULL},
                                       {RG_F32, 3, {6, 3, 1}, NULL}};
    for (int i = 0; i < 2 * 4 * 4; i++) {
        const rg_selection *rows = &of[i % 2];
        bool trans_a = i / 2 % 2, trans_b = i / 4 % 2;
        rg_tensor tb = shapes[i / 8], ta = {RG_F32, 2, {3, 3}, plain};
        tb.data = b;
        if (trans_b && (tb.ndim == 1 || tb.dims[2] == 1))
            continue;
        rg_node *grads[2], *values[2];
        rg_graph_reset(f.graph);
        for (int way = 0; way < 2; way++) {
            rg_node *a = way ? rg_leaf_rows(f.graph, rows, RG_F32) : rg_leaf(f.graph, &ta);
            grads[way] = rg_variable(f.graph, &tb, NULL);
            values[way] = rg_matmul_with(f.graph, a, trans_a, grads[way], trans_b);
            assert_ok(f.ctx,
                      rg_backward(f.graph, rg_sum(f.graph, values[way], rg_all_axes()), NULL));
        }
        assert_true(rg__same_shape(rg_node_value(values[0]), rg_node_value(values[1])));
        for (int64_t k = 0; k < rg_tensor_count(rg_node_value(values[0])); k++)
            assert_close((double)((const float *)rg_node_value(values[1])->data)[k],
                         (double)((const float *)rg_node_value(values[0])->data)[k], 1e-6, 0);
        for (int64_t k = 0; k < rg_tensor_count(&tb); k++)
            assert_close((double)((const float *)rg_node_grad(grads[1])->data)[k],
                         (double)((const float *)rg_node_grad(grads[0])->data)[k], 1e-6, 0);
    }
}

/* Of linear and of its parts, matmul and add: the values and gradients have the same bits, whatever
 * the kind of x. */
static void linear_has_the_bits_of_its_parts(void **state)
{
    enum { M = 50, K = 3 };
    static int64_t indptr[M + 1];
    static int32_t columns[M];
    float x[M * K], w[K * 4], b[4] = {0.1f, -2, 3.3f, 0.7f}, g[M * 4], stored[M];
    const rg_run runs[] = {{1, 7}, {0, 40}, {3, 3}}, all = {0, M};
    (void)state;
    for (int i = 0; i < M * 4; i++)
        g[i] = cosf((float)i);
    for (int i = 0; i < M * K; i++)
        x[i] = sinf((float)i);
    for (int i = 0; i < K * 4; i++)
        w[i] = sinf((float)(i * i));
    for (int i = 0; i < M; i++)
        columns[i] = i % K, stored[i] = g[i], indptr[i + 1] = i + 1;
    const rg_selection dense = {.dense = {RG_F32, 2, {M, K}, x}, .n_runs = 3, .runs = runs};
    const rg_selection sparse = {
        .sparse = {M, K, indptr, columns, RG_F32, stored}, .n_runs = 1, .runs = &all};
    for (int i = 0; i < 4 * 4; i++) {
        int kind = i / 4, n = i & 1 ? 1 : 4;
        const rg_tensor tw = {RG_F32, 2, {K, n}, w}, tb = {RG_F32, 1, {n}, b};
        rg_node *weights[2], *biases[2], *y[2];
        rg_graph_reset(f.graph);
        for (int way = 0; way < 2; way++) {
            rg_node *in =
                kind == 0 ? rg_leaf_rows(f.graph, &dense, RG_F32)
                : kind == 1
                    ? rg_leaf_rows(f.graph, &sparse, RG_F32)
                    : rg_leaf(f.graph,
                              &(rg_tensor){
                                  RG_F32, kind, {kind == 2 ? M : 5, kind == 2 ? K : 10, K}, x});
            weights[way] = rg_variable(f.graph, &tw, NULL);
            biases[way] = rg_variable(f.graph, &tb, NULL);
            rg_node *bias = i & 2 ? NULL : biases[way];
            if (way == 0)
                y[way] = rg_linear(f.graph, in, weights[way], bias);
            else
                y[way] = rg_matmul(f.graph, in, weights[way]);
            if (way == 1 && bias)
                y[way] = rg_add(f.graph, y[way], bias);
            rg_tensor cotangent = *rg_node_value(y[way]);
            cotangent.data = g;
            assert_ok(f.ctx, rg_backward(f.graph, y[way], &cotangent));
        }
        size_t count = (size_t)rg_tensor_count(rg_node_value(y[0]));
        assert_true(rg__same_shape(rg_node_value(y[0]), rg_node_value(y[1])));
        assert_memory_equal(rg_node_value(y[0])->data, rg_node_value(y[1])->data, count * 4);
        assert_memory_equal(rg_node_grad(weights[0])->data, rg_node_grad(weights[1])->data,
                            (size_t)(K * n) * 4);
        if (!(i & 2))
            assert_memory_equal(rg_node_grad(biases[0])->data, rg_node_grad(biases[1])->data,
                                (size_t)n * 4);
    }
}

/* ---- Errors ---- */

/* A leaf of that shape, of zeros. */
static rg_node *leaf(int ndim, int64_t a, int64_t b, int64_t c)
{
    static const double zeros[64];
    const rg_tensor t = {RG_F64, ndim, {a, b, c}, (void *)(uintptr_t)zeros};
    return rg_leaf(f.graph, &t);
}

static rg_node *eight(void)
{
    double one = 1;
    const rg_tensor t = {RG_F64, 8, {1, 1, 1, 1, 1, 1, 1, 1}, &one};
    return rg_constant(f.graph, &t);
}

#define BAD_CALLS(X)                                                                               \
    X(rg_matmul(f.graph, leaf(2, 2, 3, 0), leaf(2, 2, 3, 0)),                                      \
      "shapes (2,3) and (2,3); expected (...,M,K) with (...,K,N), with equal K")                   \
    X(rg_matmul(f.graph, leaf(2, 2, 3, 0), leaf(1, 2, 0, 0)), "(2,3) and (2)")                     \
    X(rg_matmul(f.graph, leaf(1, 3, 0, 0), leaf(1, 2, 0, 0)), "(3) and (2)")                       \
    X(rg_matmul(f.graph, leaf(1, 3, 0, 0), leaf(2, 2, 3, 0)), "(3) and (2,3)")                     \
    X(rg_matmul(f.graph, leaf(0, 0, 0, 0), leaf(1, 1, 0, 0)), "() and (1); expected at least one") \
    X(rg_matmul(f.graph, leaf(1, 1, 0, 0), leaf(0, 0, 0, 0)), "(1) and (); expected at least one") \
    X(rg_matmul(f.graph, leaf(3, 2, 1, 3), leaf(3, 3, 3, 1)),                                      \
      "(2,1,3) and (3,3,1); expected leading axes that broadcast")                                 \
    X(rg_matmul_with(f.graph, leaf(2, 2, 3, 0), true, leaf(2, 3, 2, 0), false),                    \
      "(2,3) and (3,2); expected (...,K,M) with (...,K,N)")                                        \
    X(rg_matmul_with(f.graph, leaf(2, 2, 3, 0), false, leaf(2, 3, 2, 0), true),                    \
      "expected (...,M,K) with (...,N,K)")                                                         \
    X(rg_matmul_with(f.graph, leaf(1, 3, 0, 0), true, leaf(2, 3, 2, 0), false),                    \
      "(3) and (3,2); expected at least 2 dimensions of what is transposed")                       \
    X(rg_matmul_with(f.graph, leaf(2, 2, 3, 0), false, leaf(1, 3, 0, 0), true),                    \
      "expected at least 2 dimensions of what is transposed")                                      \
    X(rg_matmul_with(f.graph, leaf(0, 0, 0, 0), true, leaf(0, 0, 0, 0), true),                     \
      "expected at least 2 dimensions of what is transposed")                                      \
    X(rg_matmul(f.graph, leaf(2, INT64_C(1) << 31, 0, 0), leaf(2, 0, 2, 0)),                       \
      "expected extents below 2^31")                                                               \
    X(rg_matmul(f.graph, leaf(3, INT64_MAX, 2, 0), leaf(2, 0, 2, 0)), "invalid shape")             \
    X(rg_linear(f.graph, leaf(2, 2, 3, 0), leaf(2, 2, 3, 0), NULL),                                \
      "shapes (2,3), (2,3); expected x (...,K), w (K,N) and b (N)")                                \
    X(rg_linear(f.graph, leaf(2, 2, 3, 0), leaf(1, 3, 0, 0), NULL), "shapes (2,3), (3); expected") \
    X(rg_linear(f.graph, leaf(2, 2, 3, 0), leaf(3, 1, 3, 2), NULL), "shapes (2,3), (1,3,2)")       \
    X(rg_linear(f.graph, leaf(0, 0, 0, 0), leaf(2, 1, 1, 0), NULL), "shapes (), (1,1)")            \
    X(rg_linear(f.graph, leaf(2, 2, 3, 0), leaf(2, 3, 2, 0), leaf(1, 1, 0, 0)),                    \
      "(2,3), (3,2), (1); expected")                                                               \
    X(rg_linear(f.graph, leaf(2, 2, 3, 0), leaf(2, 3, 2, 0), leaf(2, 2, 2, 0)),                    \
      "(2,3), (3,2), (2,2)")                                                                       \
    X(rg_linear(f.graph, leaf(2, 2, 3, 0), NULL, NULL), "operand 1 is NULL")                       \
    X(rg_dot(f.graph, leaf(1, 3, 0, 0), leaf(1, 2, 0, 0)),                                         \
      "shapes (3) and (2); expected (...,K) with (...,K)")                                         \
    X(rg_dot(f.graph, leaf(0, 0, 0, 0), leaf(1, 1, 0, 0)), "shapes () and (1)")                    \
    X(rg_dot(f.graph, leaf(2, 3, 1, 0), leaf(1, 3, 0, 0)), "shapes (3,1) and (3)")                 \
    X(rg_dot(f.graph, leaf(2, 3, 1, 0), leaf(2, 2, 1, 0)), "leading axes that broadcast")          \
    X(rg_outer(f.graph, leaf(1, 3, 0, 0), leaf(0, 0, 0, 0)),                                       \
      "shapes (3) and (); expected (...,M) with (...,N)")                                          \
    X(rg_outer(f.graph, leaf(2, 3, 1, 0), leaf(2, 2, 1, 0)), "leading axes that broadcast")        \
    X(rg_outer(f.graph, eight(), eight()), "the result has 9 dimensions; expected at most 8")      \
    X(rg_matmul(f.graph, leaf(2, 2, 3, 0), NULL), "operand 1 is NULL")

static void bad_calls_are_errors(void **state)
{
    (void)state;
#define CALL(call, words)                                                                          \
    rg_graph_reset(f.graph);                                                                       \
    assert_null(call);                                                                             \
    if (!strstr(rg_last_error(f.ctx), words))                                                      \
        fail_msg("%s: \"%s\"; expected \"%s\"", #call, rg_last_error(f.ctx), words);
    BAD_CALLS(CALL)
}

/* Whichever allocation fails, the result is RG_LIMIT, and nothing leaks. */
static void failing_allocations_are_reported(void **state)
{
    static float a[4 * 3000], b[2 * 4 * 3000];
    const rg_tensor ta = {RG_F32, 2, {2, 6000}, a}, tb = {RG_F32, 3, {2, 6000, 2}, b};
    (void)state;
    for (int64_t refuse = 1;; refuse++) {
        struct memory memory = {.refuse = refuse};
        rg_context *ctx = memory_context(&memory);
        rg_graph *graph = rg_graph_create(ctx);
        rg_node *y = rg_matmul(graph, rg_variable(graph, &ta, NULL), rg_variable(graph, &tb, NULL));
        rg_status status = rg_backward(graph, rg_sum(graph, y, rg_all_axes()), NULL);
        rg_graph_destroy(graph);
        rg_context_destroy(ctx);
        assert_int_equal(memory.live, 0);
        if (memory.requests < refuse) {
            assert_int_equal(status, RG_OK);
            assert_true(refuse > 4);
            break;
        }
        assert_int_equal(status, RG_LIMIT);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(all_shapes_agree_with_loops),
        TEST(scores_of_batches_depend_on_one_row),
        TEST(sums_are_in_double),
        TEST(leaves_of_rows),
        TEST(linear_has_the_bits_of_its_parts),
        TEST(bad_calls_are_errors),
        TEST(failing_allocations_are_reported),
    };
    RUN_TESTS(tests);
}

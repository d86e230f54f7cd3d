/* test_segment_ops.c: operators over ragged lists: special numbers and empty lists, the same bits as
 * the operators on single lists, and offsets that are wrong. */
#include "graph_fixture.h"

#define INF INFINITY

typedef rg_node *over_lists(rg_graph *, rg_node *, const int64_t *, int64_t);

/* Lists of 2, 0, 1 and 3 items, and dL/dy = 1, 2, ... */
enum { N = 6, N_LISTS = 4 };
static const int64_t offsets[N_LISTS + 1] = {0, 2, 2, 3, 6};

static const struct {
    over_lists *op;
    double x[N], y[N], grad[N];
} cases[] = {
    {rg_segment_sum, {1, 2, 3, 4, 5, 6}, {3, 0, 3, 15}, {1, 1, 3, 4, 4, 4}},
    {rg_segment_sum, {1, NAN, 3, INF, -INF, 6}, {NAN, 0, 3, NAN}, {1, 1, 3, 4, 4, 4}},
    {rg_segment_sum, {1e308, 1e308, 3, 1e308, 0, -1e308}, {INF, 0, 3, 0}, {1, 1, 3, 4, 4, 4}},
    {rg_segment_mean, {1, 2, 3, 4, 5, 9}, {1.5, NAN, 3, 6}, {0.5, 0.5, 3, 4. / 3, 4. / 3, 4. / 3}},
    {rg_segment_mean,
     {1, 2, NAN, INF, 1, 1},
     {1.5, NAN, NAN, INF},
     {0.5, 0.5, 3, 4. / 3, 4. / 3, 4. / 3}},
    {rg_segment_max, {1, 2, -3, 4, 4, 1}, {2, -INF, -3, 4}, {0, 1, 3, 2, 2, 0}},
    {rg_segment_max,
     {-INF, -INF, INF, NAN, 4, 1},
     {-INF, -INF, INF, NAN},
     {0.5, 0.5, 3, NAN, NAN, NAN}},
    {rg_segment_max, {0, -0.0, NAN, 1, INF, INF}, {0, -INF, NAN, INF}, {0.5, 0.5, NAN, 0, 2, 2}},
    {rg_segment_logsumexp,
     {1000, 1000, -3, -1000, -INF, -1000},
     {1000.6931471805599, -INF, -3, -1000 + 0.6931471805599453},
     {0.5, 0.5, 3, 2, 0, 2}},
    {rg_segment_logsumexp,
     {-INF, -INF, INF, NAN, 0, 0},
     {-INF, -INF, INF, NAN},
     {NAN, NAN, NAN, NAN, NAN, NAN}},
    {rg_segment_softmax,
     {1000, 1000, -1000, 0, -INF, 0},
     {0.5, 0.5, 1, 0.5, 0, 0.5},
     {-0.25, 0.25, 0, -0.5, 0, 0.5}},
    {rg_segment_softmax,
     {-INF, -INF, 7, 1, INF, 1},
     {NAN, NAN, 1, NAN, NAN, NAN},
     {NAN, NAN, 0, NAN, NAN, NAN}},
    {rg_segment_softmax,
     {0, NAN, -INF, 2, -INF, -INF},
     {NAN, NAN, NAN, 1, 0, 0},
     {NAN, NAN, NAN, 0, 0, 0}},
    {rg_segment_log_softmax,
     {0, -INF, 5, 1e300, 0, -1e300},
     {0, -INF, 0, 0, -1e300, -2e300},
     {-2, 2, 0, -11, 5, 6}},
    {rg_segment_log_softmax,
     {-INF, -INF, INF, NAN, 0, 0},
     {NAN, NAN, NAN, NAN, NAN, NAN},
     {NAN, NAN, NAN, NAN, NAN, NAN}},
    {rg_segment_log_softmax,
     {3, 3, NAN, 0, -1e9, -1e9},
     {-0.6931471805599453, -0.6931471805599453, NAN, 0, -1e9, -1e9},
     {-0.5, 0.5, NAN, -11, 5, 6}},
};

/* Each case as (N), and as the second column of (N,2) whose first has ordinary numbers. */
static void special_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof cases[0]; i++) {
        int width = i % 2 ? 2 : 1, column = width - 1;
        double x[2 * N], cotangent[2 * N];
        for (int k = 0; k < N; k++)
            for (int j = 0; j < width; j++) {
                x[k * width + j] = j == column ? cases[i / 2].x[k] : 1;
                cotangent[k * width + j] = k + 1;
            }
        rg_graph_reset(f.graph);
        rg_node *leaf = rg_variable(f.graph, &(rg_tensor){RG_F64, width, {N, 2}, x}, NULL);
        rg_node *y = cases[i / 2].op(f.graph, leaf, offsets, N_LISTS);
        assert_non_null(y);
        rg_tensor upstream = *rg_node_value(y);
        upstream.data = cotangent;
        assert_ok(f.ctx, rg_backward(f.graph, y, &upstream));
        const double *out = rg_node_value(y)->data, *grad = rg_node_grad(leaf)->data;
        for (int k = 0; k < upstream.dims[0]; k++)
            assert_close(out[k * width + column], cases[i / 2].y[k], 1e-15, 0);
        for (int k = 0; k < N; k++)
            assert_close(grad[k * width + column], cases[i / 2].grad[k], 1e-13, 0);
        for (int k = 0; k < N && column; k++)
            assert_true(isfinite(grad[k * width]));
    }
}

/* ---- The same bits as on single lists ---- */

static rg_node *sum_0(rg_graph *g, rg_node *x)
{
    return rg_sum(g, x, rg_axis(0));
}

static rg_node *mean_0(rg_graph *g, rg_node *x)
{
    return rg_mean(g, x, rg_axis(0));
}

static rg_node *max_0(rg_graph *g, rg_node *x)
{
    return rg_max(g, x, rg_axis(0));
}

static rg_node *logsumexp_0(rg_graph *g, rg_node *x)
{
    return rg_logsumexp(g, x, rg_axis(0));
}

static rg_node *softmax_0(rg_graph *g, rg_node *x)
{
    return rg_softmax(g, x, 0);
}

static rg_node *log_softmax_0(rg_graph *g, rg_node *x)
{
    return rg_log_softmax(g, x, 0);
}

static const struct {
    over_lists *lists;
    rg_node *(*one)(rg_graph *, rg_node *);
} pairs[] = {{rg_segment_sum, sum_0},         {rg_segment_mean, mean_0},
             {rg_segment_max, max_0},         {rg_segment_logsumexp, logsumexp_0},
             {rg_segment_softmax, softmax_0}, {rg_segment_log_softmax, log_softmax_0}};

/* Numbers that are as good as random, in (-2, 2). */
static void fill(float *x, int n, unsigned seed)
{
    for (int i = 0; i < n; i++)
        x[i] = 4 * (float)(rg_uniform(seed, 0, 0, (uint64_t)i) - 0.5);
}

static void same_bits_as_single_lists(void **state)
{
    enum { ROWS = 1200, MOST = 3 };
    static const int64_t cuts[] = {0, 1, 3, 3, 20, 53, 53, 200, 1200};
    static float x[ROWS * MOST], cotangent[ROWS * MOST];
    (void)state;
    fill(x, ROWS * MOST, 1);
    fill(cotangent, ROWS * MOST, 2);
    for (size_t op = 0; op < sizeof pairs / sizeof pairs[0]; op++)
        for (int width = 0; width <= MOST; width++) { /* 0: (N) */
            int64_t columns = width ? width : 1;
            rg_graph_reset(f.graph);
            const rg_tensor all = {RG_F32, width ? 2 : 1, {ROWS, columns}, x};
            rg_node *leaf = rg_variable(f.graph, &all, NULL);
            rg_node *y = pairs[op].lists(f.graph, leaf, cuts, 8);
            rg_tensor upstream = *rg_node_value(y);
            upstream.data = cotangent;
            assert_ok(f.ctx, rg_backward(f.graph, y, &upstream));
            const float *out = rg_node_value(y)->data, *grad = rg_node_grad(leaf)->data;
            for (int q = 0; q < 8; q++) {
                int64_t n = cuts[q + 1] - cuts[q], at = cuts[q] * columns;
                const rg_tensor part = {RG_F32, all.ndim, {n, columns}, x + at};
                rg_node *one = rg_variable(f.graph, &part, NULL);
                rg_node *z = pairs[op].one(f.graph, one);
                int64_t to = op < 4 ? q * columns : at;
                rg_tensor given = *rg_node_value(z);
                given.data = cotangent + to;
                assert_ok(f.ctx, rg_backward(f.graph, z, &given));
                size_t bytes = (size_t)rg_tensor_count(&given) * sizeof *out;
                assert_memory_equal(rg_node_value(z)->data, out + to, bytes);
                bytes = (size_t)(n * columns) * sizeof *grad;
                assert_memory_equal(rg_node_grad(one)->data, grad + at, bytes);
            }
        }
}

/* ---- Bad calls ---- */

static const struct {
    int64_t offsets[5], n_lists;
    int ndim;
    const char *words;
} bad[] = {
    {{1, 2, 3, 4, 6}, 4, 1, "offsets begin with 1; expected 0"},
    {{-1, 2, 3, 4, 6}, 4, 2, "offsets begin with -1; expected 0"},
    {{0, 2, 1, 4, 6}, 4, 1, "offsets[2] = 1 is below offsets[1] = 2"},
    {{0, 2, 2, 7, 6}, 4, 1, "offsets[4] = 6 is below offsets[3] = 7"},
    {{0, -5, -6, 4, 6}, 4, 2, "offsets[1] = -5 is below offsets[0] = 0"},
    {{0, 2, 3, 4, 5}, 4, 1, "offsets end with 5; expected the number of rows of x, 6"},
    {{0, 2, 3, 4, 7}, 4, 2, "offsets end with 7; expected the number of rows of x, 6"},
    {{0, 2, 3, 4, INT64_MAX}, 4, 1, "expected the number of rows of x, 6"},
    {{0}, 0, 1, "offsets end with 0; expected the number of rows of x, 6"},
    {{0, 6}, -1, 1, "-1 lists; expected 0 to 2^57"},
    {{0, 6}, INT64_MAX, 1, "lists; expected 0 to 2^57"},
    {{0, 6}, 1, 0, "x has shape (); expected (N) or (N,F)"},
    {{0, 6}, 1, 3, "x has shape (6,1,1); expected (N) or (N,F)"},
};

static void wrong_offsets_are_errors(void **state)
{
    static double x[N];
    (void)state;
    for (size_t op = 0; op < sizeof pairs / sizeof pairs[0]; op++)
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            rg_graph_reset(f.graph);
            rg_node *leaf = rg_leaf(f.graph, &(rg_tensor){RG_F64, bad[i].ndim, {N, 1, 1}, x});
            assert_null(pairs[op].lists(f.graph, leaf, bad[i].offsets, bad[i].n_lists));
            if (!strstr(rg_last_error(f.ctx), bad[i].words) ||
                strncmp(rg_last_error(f.ctx), "segment_", 8) != 0)
                fail_msg("\"%s\"; expected \"%s\"", rg_last_error(f.ctx), bad[i].words);
        }
}

/* The caller may change or free its offsets after the call. */
static void offsets_are_copied(void **state)
{
    (void)state;
    for (size_t op = 0; op < sizeof pairs / sizeof pairs[0]; op++) {
        double x[2] = {1, 2}, cotangent[2] = {1, 5};
        int64_t own[3] = {0, 1, 2};
        rg_graph_reset(f.graph);
        rg_node *leaf = rg_variable(f.graph, &(rg_tensor){RG_F64, 1, {2}, x}, NULL);
        rg_node *y = pairs[op].lists(f.graph, leaf, own, 2);
        own[1] = 0; /* one list of both */
        assert_ok(f.ctx, rg_backward(f.graph, y, &(rg_tensor){RG_F64, 1, {2}, cotangent}));
        const double *grad = rg_node_grad(leaf)->data;
        assert_close(grad[0], op < 4 ? 1 : 0, 0, 0);
        assert_close(grad[1], op < 4 ? 5 : 0, 0, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(special_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(same_bits_as_single_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_offsets_are_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(offsets_are_copied, set_up, tear_down),
    };
    RUN_TESTS(tests);
}

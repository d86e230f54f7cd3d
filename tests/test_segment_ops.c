/* test_segment_ops.c: operators over ragged lists: special numbers and empty lists, the same bits as
 * the operators on single lists, and offsets that are wrong; the memory of list attention. */
#include "graph_fixture.h"

#define INF INFINITY

typedef rg_node *over_lists(rg_graph *, rg_node *, const int64_t *, int64_t);

/* With the epsilons 0 and 3/4. */
static rg_node *normalize(rg_graph *graph, rg_node *x, const int64_t *lists, int64_t n_lists)
{
    return rg_list_normalize(graph, x, lists, n_lists, 0);
}

static rg_node *soft_normalize(rg_graph *graph, rg_node *x, const int64_t *lists, int64_t n_lists)
{
    return rg_list_normalize(graph, x, lists, n_lists, 0.75);
}

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
    {soft_normalize,
     {1, 2, 9, 7, 7, 7},
     {-0.5, 0.5, 0, 0, 0, 0},
     {-0.375, 0.375, 0, -1.1547005383792517, 0, 1.1547005383792517}},
    {normalize,
     {1e9 + 1, 1e9 + 3, 9, NAN, 7, 7},
     {-1, 1, NAN, NAN, NAN, NAN},
     {0, 0, NAN, NAN, NAN, NAN}},
    {normalize,
     {-INF, 3, INF, 2, 4, 6},
     {NAN, NAN, NAN, -1.2247448713915890, 0, 1.2247448713915890},
     {NAN, NAN, NAN, 0, 0, 0}},
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
                x[k * width + j] = j == column ? cases[i / 2].x[k] : k;
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
            assert_close(grad[k * width + column], cases[i / 2].grad[k], 1e-13, 1e-15);
        for (int k = 0; k < N && column; k++)
            assert_true(isfinite(grad[k * width]) || (cases[i / 2].op == normalize && k == 2));
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
             {rg_segment_softmax, softmax_0}, {rg_segment_log_softmax, log_softmax_0},
             {soft_normalize, NULL}};

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
    for (size_t op = 0; pairs[op].one; op++)
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
                (strncmp(rg_last_error(f.ctx), "segment_", 8) != 0 &&
                 strncmp(rg_last_error(f.ctx), "list_normalize: ", 16) != 0))
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

/* ---- List attention ---- */

enum { ITEMS = 380, D = 5, E = 3, HEADS = 2 };
static const int64_t attention_offsets[] = {0, 1, 11, 11, 75, 140, 380};
enum { ATTENTION_LISTS = 6 };

/* Inputs q, k and v, their gradients, and y, as f64 numbers of a node of either type. */
struct attention {
    double q[ITEMS * HEADS * D], k[ITEMS * HEADS * D], v[ITEMS * HEADS * E];
    double gq[ITEMS * HEADS * D], gk[ITEMS * HEADS * D], gv[ITEMS * HEADS * E];
    double y[ITEMS * HEADS * E], gy[ITEMS * HEADS * E];
};

static void copy_columns(const rg_tensor *t, double *to)
{
    memcpy(to, t->data, (size_t)rg_tensor_count(t) * sizeof *to);
}

static void random_attention(struct attention *a)
{
    for (int i = 0; i < ITEMS * HEADS * D; i++) {
        a->q[i] = 4 * rg_uniform(1, 0, 0, (uint64_t)i) - 2;
        a->k[i] = 4 * rg_uniform(2, 0, 0, (uint64_t)i) - 2;
    }
    for (int i = 0; i < ITEMS * HEADS * E; i++) {
        a->v[i] = 4 * rg_uniform(3, 0, 0, (uint64_t)i) - 2;
        a->gy[i] = 4 * rg_uniform(4, 0, 0, (uint64_t)i) - 2;
    }
}

/* Attention of n items by rg_list_attention, or by other operators if `reference` (one list). */
static void attend(struct attention *a, int64_t n, const int64_t *lists, int64_t n_lists,
                   bool recompute, bool reference)
{
    const rg_tensor tq = {RG_F64, 2, {n, HEADS * D}, a->q}, tk = {RG_F64, 2, {n, HEADS * D}, a->k};
    const rg_tensor tv = {RG_F64, 2, {n, HEADS * E}, a->v}, gy = {RG_F64, 2, {n, HEADS * E}, a->gy};
    rg_graph_reset(f.graph);
    rg_graph *g = f.graph;
    rg_node *q = rg_variable(g, &tq, NULL), *k = rg_variable(g, &tk, NULL);
    rg_node *v = rg_variable(g, &tv, NULL), *heads[HEADS], *y;
    for (int64_t h = 0; h < HEADS && reference; h++) {
        rg_node *qh = rg_slice(g, q, 1, h * D, (h + 1) * D, 1);
        rg_node *kh = rg_slice(g, k, 1, h * D, (h + 1) * D, 1);
        rg_node *vh = rg_slice(g, v, 1, h * E, (h + 1) * E, 1);
        rg_node *s = rg_scale(g, rg_matmul(g, qh, rg_transpose(g, kh, 0, 1)), 1 / sqrt(D));
        heads[h] = rg_matmul(g, rg_softmax(g, s, 1), vh);
    }
    y = reference ? rg_concat(g, HEADS, heads, 1)
                  : rg_list_attention(g, q, k, v, lists, n_lists, HEADS, recompute);
    assert_non_null(y);
    assert_ok(f.ctx, rg_backward(g, y, &gy));
    copy_columns(rg_node_value(y), a->y);
    copy_columns(rg_node_grad(q), a->gq);
    copy_columns(rg_node_grad(k), a->gk);
    copy_columns(rg_node_grad(v), a->gv);
}

/* The items [first, first + n) of a. */
static void part_of(const struct attention *a, int64_t first, int64_t n, struct attention *to)
{
    size_t wide = (size_t)(n * HEADS * D) * sizeof(double);
    size_t narrow = (size_t)(n * HEADS * E) * sizeof(double);
    memcpy(to->q, a->q + first * HEADS * D, wide);
    memcpy(to->k, a->k + first * HEADS * D, wide);
    memcpy(to->v, a->v + first * HEADS * E, narrow);
    memcpy(to->gy, a->gy + first * HEADS * E, narrow);
    memcpy(to->gq, a->gq + first * HEADS * D, wide);
    memcpy(to->gk, a->gk + first * HEADS * D, wide);
    memcpy(to->gv, a->gv + first * HEADS * E, narrow);
    memcpy(to->y, a->y + first * HEADS * E, narrow);
}

static void assert_all_close(const double *a, const double *b, int64_t n, double atol)
{
    for (int64_t i = 0; i < n; i++)
        assert_close(a[i], b[i], 0, atol);
}

static void assert_same(const struct attention *a, const struct attention *b, int64_t n,
                        double atol)
{
    assert_all_close(a->y, b->y, n * HEADS * E, atol);
    assert_all_close(a->gq, b->gq, n * HEADS * D, atol);
    assert_all_close(a->gk, b->gk, n * HEADS * D, atol);
    assert_all_close(a->gv, b->gv, n * HEADS * E, atol);
}

static struct attention whole, other, part, single;

/* Lists of 1 to 240 items, shorter and longer than a block: each list as by matmul and softmax; the
 * same bits alone and recomputed. */
static void attention_of_lists(void **state)
{
    (void)state;
    random_attention(&whole);
    other = whole;
    attend(&whole, ITEMS, attention_offsets, ATTENTION_LISTS, false, false);
    attend(&other, ITEMS, attention_offsets, ATTENTION_LISTS, true, false);
    assert_same(&whole, &other, ITEMS, 0);
    for (int q = 0; q < ATTENTION_LISTS; q++) {
        int64_t first = attention_offsets[q], n = attention_offsets[q + 1] - first;
        part_of(&whole, first, n, &part);
        single = part;
        attend(&single, n, (const int64_t[]){0, n}, 1, false, false);
        assert_same(&single, &part, n, 0);
        if (n == 0)
            continue;
        attend(&single, n, NULL, 0, false, true);
        assert_same(&single, &part, n, 1e-12);
    }
}

/* Reversing the items of a list reverses their outputs and gradients, up to rounding; those of
 * other lists keep their bits. */
static void order_of_items(void **state)
{
    enum { LIST = 4 };
    int64_t first = attention_offsets[LIST], last = attention_offsets[LIST + 1] - 1;
    (void)state;
    random_attention(&whole);
    other = whole;
    attend(&whole, ITEMS, attention_offsets, ATTENTION_LISTS, false, false);
#define ROW(a, name, width, i) ((a).name + (i)*HEADS * (width))
#define REVERSED(name, width, i)                                                                   \
    memcpy(ROW(other, name, width, i), ROW(whole, name, width, first + last - (i)),                \
           HEADS *(width) * sizeof(double))
    for (int64_t i = first; i <= last; i++) {
        REVERSED(q, D, i);
        REVERSED(k, D, i);
        REVERSED(v, E, i);
        REVERSED(gy, E, i);
    }
    attend(&other, ITEMS, attention_offsets, ATTENTION_LISTS, false, false);
    for (int64_t i = 0; i < ITEMS; i++) {
        bool inside = i >= first && i <= last;
        int64_t from = inside ? first + last - i : i;
        double atol = inside ? 1e-12 : 0;
        assert_all_close(ROW(other, y, E, i), ROW(whole, y, E, from), HEADS * E, atol);
        assert_all_close(ROW(other, gq, D, i), ROW(whole, gq, D, from), HEADS * D, atol);
        assert_all_close(ROW(other, gk, D, i), ROW(whole, gk, D, from), HEADS * D, atol);
        assert_all_close(ROW(other, gv, E, i), ROW(whole, gv, E, from), HEADS * E, atol);
    }
}

/* A number that is not finite makes its list and head NaN, and nothing else. */
static void special_numbers_stay_in_their_list(void **state)
{
    static const double numbers[] = {NAN, INF, -INF};
    (void)state;
    for (int i = 0; i < 9; i++) {
        random_attention(&whole);
        double *to = i % 3 == 0 ? whole.q : i % 3 == 1 ? whole.k : whole.v;
        int width = i % 3 == 2 ? E : D;
        to[5 * HEADS * width] = numbers[i / 3]; /* item 5, in the list of items 1 to 10; head 0 */
        attend(&whole, ITEMS, attention_offsets, ATTENTION_LISTS, i % 2, false);
        bool seen = false;
        for (int64_t item = 0; item < ITEMS; item++)
            for (int64_t j = 0; j < HEADS * E; j++) {
                bool same = item >= 1 && item <= 10 && j < E;
                double y = whole.y[item * HEADS * E + j], gv = whole.gv[item * HEADS * E + j];
                assert_true(same || (isfinite(y) && isfinite(gv)));
                seen |= !isfinite(y);
            }
        for (int64_t item = 0; item < ITEMS; item++)
            for (int64_t j = 0; j < HEADS * D; j++) {
                bool same = item >= 1 && item <= 10 && j < D;
                int64_t at = item * HEADS * D + j;
                assert_true(same || (isfinite(whole.gq[at]) && isfinite(whole.gk[at])));
            }
        assert_true(seen);
    }
}

/* Scores far apart: the softmax does not overflow, and the largest score takes all. */
static void large_scores(void **state)
{
    double q[] = {1e5, -1e5}, k[] = {1e5, -1e5}, v[] = {3, 7};
    const rg_tensor tq = {RG_F64, 2, {2, 1}, q}, tk = {RG_F64, 2, {2, 1}, k};
    const rg_tensor tv = {RG_F64, 2, {2, 1}, v};
    (void)state;
    rg_node *y = rg_list_attention(f.graph, rg_leaf(f.graph, &tq), rg_leaf(f.graph, &tk),
                                   rg_leaf(f.graph, &tv), (const int64_t[]){0, 2}, 1, 1, false);
    const double *out = rg_node_value(y)->data;
    assert_close(out[0], 3, 0, 0);
    assert_close(out[1], 7, 0, 0);
}

/* The memory of forward and backward for one list of n items, 8 columns, in f32. */
static double bytes_of(int64_t n, bool recompute, bool variable)
{
    static float x[4200 * 8];
    rg_graph *graph = rg_graph_create(f.ctx);
    const rg_tensor t = {RG_F32, 2, {n, 8}, x};
    rg_node *q = variable ? rg_variable(graph, &t, NULL) : rg_leaf(graph, &t);
    rg_node *y = rg_list_attention(graph, q, q, q, (const int64_t[]){0, n}, 1, 1, recompute);
    assert_non_null(y);
    if (variable)
        assert_ok(f.ctx, rg_backward(graph, y, &t));
    double bytes = (double)rg_graph_bytes(graph);
    rg_graph_destroy(graph);
    return bytes;
}

/* Only the probabilities take n^2 numbers, and they are not stored when they are recomputed or when
 * there is no backward. */
static void attention_memory(void **state)
{
    const double square = 4200.0 * 4200 * sizeof(float);
    (void)state;
    double kept = bytes_of(4200, false, true), recomputed = bytes_of(4200, true, true);
    assert_true(kept > square && kept < 1.2 * square);
    assert_true(recomputed < 0.1 * square);
    assert_true(recomputed < 2.5 * bytes_of(2100, true, true));
    assert_true(bytes_of(4200, false, false) < 0.1 * square);
}

static void wrong_attention_is_an_error(void **state)
{
    static const struct {
        int64_t q[2], k[2], v[2], last, n_heads;
        const char *words;
    } calls[] = {
        {{6, 4}, {6, 4}, {6, 2}, 6, 0, "0 heads; expected a divisor of the 4 columns of q"},
        {{6, 4}, {6, 4}, {6, 2}, 6, -1, "-1 heads"},
        {{6, 4}, {6, 4}, {6, 3}, 6, 2, "2 heads; expected a divisor of the 4 columns of q and of"},
        {{6, 3}, {6, 3}, {6, 2}, 6, 2, "of the 3 columns of q and of the 2 of v"},
        {{6, 4}, {6, 2}, {6, 2}, 6, 1, "q has shape (6,4), k (6,2), v (6,2)"},
        {{6, 4}, {5, 4}, {6, 2}, 6, 1, "q has shape (6,4), k (5,4)"},
        {{6, 4}, {6, 4}, {5, 2}, 6, 1, "v (5,2); expected (N,C), (N,C) and (N,E)"},
        {{6, 4}, {6, 4}, {6, 2}, 5, 1, "offsets end with 5; expected the number of rows of q, 6"},
        {{6, 4}, {6, 4}, {6, 2}, 7, 1, "offsets end with 7"},
        {{6, 4}, {6, 4}, {6, 2}, -1, 1, "offsets[1] = -1 is below offsets[0] = 0"},
    };
    static double x[24];
    (void)state;
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        rg_graph_reset(f.graph);
        rg_node *q = rg_leaf(f.graph, &(rg_tensor){RG_F64, 2, {calls[i].q[0], calls[i].q[1]}, x});
        rg_node *k = rg_leaf(f.graph, &(rg_tensor){RG_F64, 2, {calls[i].k[0], calls[i].k[1]}, x});
        rg_node *v = rg_leaf(f.graph, &(rg_tensor){RG_F64, 2, {calls[i].v[0], calls[i].v[1]}, x});
        const int64_t lists[] = {0, calls[i].last};
        assert_null(rg_list_attention(f.graph, q, k, v, lists, 1, calls[i].n_heads, false));
        if (!strstr(rg_last_error(f.ctx), calls[i].words))
            fail_msg("\"%s\"; expected \"%s\"", rg_last_error(f.ctx), calls[i].words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(special_numbers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(same_bits_as_single_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_offsets_are_errors, set_up, tear_down),
        cmocka_unit_test_setup_teardown(offsets_are_copied, set_up, tear_down),
        cmocka_unit_test_setup_teardown(attention_of_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(order_of_items, set_up, tear_down),
        cmocka_unit_test_setup_teardown(special_numbers_stay_in_their_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(large_scores, set_up, tear_down),
        cmocka_unit_test_setup_teardown(attention_memory, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_attention_is_an_error, set_up, tear_down),
    };
    RUN_TESTS(tests);
}

/* test_ranking_softmax.c: ranking_softmax: known values, broadcasting, gradients, special cases and
 * invariants. */
#include "check.h"

#include "base/random.h"
#include "tensor/tensor.h"

enum { MOST = 64 };

/* A call and its results. */
struct call {
    rg_tensor logits, labels, where, weights, list_weights; /* f64 and data NULL: absent */
    rg_loss_options options;
    double upstream;
    rg_status status;
    int64_t n_values;
    double value[MOST], ds[MOST], dy[MOST], dw[MOST], dv[MOST]; /* dv: of list_weights */
};

static rg_context *ctx;
static rg_graph *graph;

static int set_up(void **state)
{
    (void)state;
    ctx = rg_context_create(NULL);
    graph = rg_graph_create(ctx);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rg_graph_destroy(graph);
    rg_context_destroy(ctx);
    return 0;
}

static rg_tensor vec(double *x, int64_t n)
{
    return (rg_tensor){RG_F64, 1, {n}, x};
}

static rg_tensor mat(double *x, int64_t rows, int64_t n)
{
    return (rg_tensor){RG_F64, 2, {rows, n}, x};
}

static void read_out(const rg_tensor *t, double *to)
{
    rg_tensor out;
    if (!t)
        return;
    out = *t;
    out.dtype = RG_F64;
    out.data = to;
    assert_true(rg_tensor_count(t) <= MOST);
    assert_ok(ctx, rg_tensor_cast(ctx, t, &out));
}

static rg_node *operand(const rg_tensor *t)
{
    if (t->ndim > 0 && !t->data && rg_tensor_count(t) > 0)
        return NULL;
    if (t->ndim == 0 && !t->data)
        return NULL;
    return rg_dtype_computes(t->dtype) ? rg_variable(graph, t, NULL) : rg_leaf(graph, t);
}

/* Runs forward and backward, with `upstream` as each element of the cotangent. */
static const void *params_of(rg_label_mode mode)
{
    static const rg_ranking_softmax_params params[] = {
        {RG_LABELS_RAW, 1}, {RG_LABELS_NORMALIZED, 1}, {RG_LABELS_SOFTMAX, 1}, {RG_LABELS_EXP2, 1}};
    return &params[mode];
}

static void run(struct call *c)
{
    rg_graph_reset(graph);
    rg_node *s = operand(&c->logits), *y = operand(&c->labels), *w = operand(&c->weights);
    c->options.where = operand(&c->where);
    c->options.weights = w;
    rg_node *v = c->options.list_weights = operand(&c->list_weights);
    rg_node *value = rg_ranking_softmax_loss(graph, s, y, &c->options);
    c->status = rg_graph_status(graph);
    if (!value)
        return;
    rg_tensor cotangent = *rg_node_value(value), ones = cotangent;
    double filled[MOST], seed[MOST];
    c->n_values = rg_tensor_count(&cotangent);
    for (int i = 0; i < MOST; i++)
        filled[i] = c->upstream != 0 ? c->upstream : 1;
    ones.dtype = RG_F64;
    ones.data = filled;
    cotangent.data = seed;
    assert_ok(ctx, rg_tensor_cast(ctx, &ones, &cotangent));
    c->status = rg_backward(graph, value, &cotangent);
    read_out(rg_node_value(value), c->value);
    read_out(rg_node_grad(s), c->ds);
    read_out(rg_node_grad(y), c->dy);
    read_out(w ? rg_node_grad(w) : NULL, c->dw);
    read_out(v ? rg_node_grad(v) : NULL, c->dv);
}

static void assert_all(const double *actual, const double *expected, int n, double rtol)
{
    for (int i = 0; i < n; i++)
        assert_close(actual[i], expected[i], rtol, 1e-12);
}

#define CALL(s, y)                                                                                 \
    {                                                                                              \
        .logits = s, .labels = y                                                                   \
    }

/* ---- Known values ---- */

static void known_values(void **state)
{
    (void)state;
    double s[] = {0, 3, 1, 2}, y[] = {0, 0, 1, 1};
    struct call c = CALL(vec(s, 4), vec(y, 4));
    c.options.reduction = RG_REDUCE_SUM;
    run(&c);
    assert_close(c.value[0], 3.8803793972, 1e-9, 0);
    double two_s[] = {0, 3, 1, 2, 3, 1, 4, 2}, two_y[] = {0, 0, 1, 1, 2, 0, 1, 0};
    struct call rows = CALL(mat(two_s, 2, 4), mat(two_y, 2, 4));
    rows.options.reduction = RG_REDUCE_NONE;
    run(&rows);
    assert_int_equal(rows.n_values, 2);
    assert_all(rows.value, (double[]){3.8803793972, 3.3205690958}, 2, 1e-9);
    double s3[] = {2, 1, 3}, y3[] = {1, 0, 2};
    struct call three = CALL(vec(s3, 3), vec(y3, 3));
    run(&three);
    assert_close(three.value[0], 2.2228178933, 1e-9, 0);
    assert_all(three.ds, (double[]){-0.2658145868, 0.2700917195, -0.0042771327}, 3, 1e-8);
    three.options.params = params_of(RG_LABELS_NORMALIZED);
    run(&three);
    assert_close(three.value[0], 0.740939, 1e-6, 0);
    three.options.params = params_of(RG_LABELS_SOFTMAX);
    run(&three);
    assert_close(three.value[0], 0.832396, 1e-6, 0);
}

static void known_weighted_gradients(void **state)
{
    (void)state;
    double s[] = {0, 3, 2, 1}, y[] = {0, 0, 1, 1}, w[] = {1, 1, 2, 1};
    struct call c = CALL(vec(s, 4), vec(y, 4));
    c.weights = vec(w, 4);
    c.options.reduction = RG_REDUCE_SUM;
    run(&c);
    assert_close(c.value[0], 5.3205690958, 1e-9, 0);
    assert_all(c.dy, (double[]){3.4401896986, 0.4401896986, 2.8803793972, 2.4401896986}, 4, 1e-9);
    assert_all(c.dw, (double[]){0, 0, 1.4401896986, 2.4401896986}, 4, 1e-9);
}

static void known_flat_lists(void **state)
{
    (void)state;
    double s[] = {0, 3, 1, 2, 4, 3, 0, 2}, y[] = {0, 1, 2, 1, 0, 2, 1, 0};
    int64_t offsets[] = {0, 2, 5, 6, 8};
    struct call c = CALL(vec(s, 8), vec(y, 8));
    c.options.offsets = offsets;
    c.options.n_lists = 4;
    c.options.reduction = RG_REDUCE_NONE;
    run(&c);
    assert_all(c.value, (double[]){0.0485873516, 8.5095380590, 0, 2.1269280110}, 4, 1e-9);
    c.options.reduction = RG_REDUCE_MEAN;
    run(&c);
    assert_close(c.value[0], 2.6712633552, 1e-9, 0);
}

static void labels_may_be_integers_or_bools(void **state)
{
    (void)state;
    double s[] = {2, 1, 3}, y[] = {1, 0, 2};
    int64_t wide[] = {1, 0, 2};
    int32_t narrow[] = {1, 0, 2};
    uint8_t bytes[] = {1, 0, 2}, truth[] = {1, 0, 0};
    struct call floating = CALL(vec(s, 3), vec(y, 3));
    run(&floating);
    const rg_tensor labels[] = {
        {RG_I64, 1, {3}, wide}, {RG_I32, 1, {3}, narrow}, {RG_U8, 1, {3}, bytes}};
    for (int i = 0; i < 3; i++) {
        struct call c = CALL(vec(s, 3), labels[i]);
        run(&c);
        assert_memory_equal(c.value, floating.value, sizeof c.value[0]);
        assert_memory_equal(c.ds, floating.ds, 3 * sizeof c.ds[0]);
    }
    struct call c = CALL(vec(s, 3), ((rg_tensor){RG_BOOL, 1, {3}, truth}));
    run(&c);
    assert_close(c.value[0], 1.4076059644, 1e-9, 0);
    float single[] = {1, 0, 2}; /* of another floating type: cast, and its gradient cast back */
    struct call mixed = CALL(vec(s, 3), ((rg_tensor){RG_F32, 1, {3}, single}));
    run(&mixed);
    assert_memory_equal(mixed.value, floating.value, sizeof mixed.value[0]);
    for (int i = 0; i < 3; i++)
        assert_close(mixed.dy[i], floating.dy[i], 1e-6, 0);
}

/* ---- Special cases ---- */

/* A masked item has no effect, whatever it holds; its gradients are exactly 0. */
static void masked_items_have_no_effect(void **state)
{
    (void)state;
    static const double poison[] = {NAN, INFINITY, -INFINITY, 1e308};
    double s[] = {0.5, 9, 1.5, -1}, y[] = {1, 9, 0, 2}, w[] = {1, 9, 2, 0.5};
    double s3[] = {0.5, 1.5, -1}, y3[] = {1, 0, 2}, w3[] = {1, 2, 0.5};
    uint8_t where[] = {1, 0, 1, 1};
    struct call absent = CALL(vec(s3, 3), vec(y3, 3));
    absent.weights = vec(w3, 3);
    run(&absent);
    for (int i = 0; i < 4; i++) {
        s[1] = y[1] = w[1] = poison[i];
        struct call c = CALL(vec(s, 4), vec(y, 4));
        c.weights = vec(w, 4);
        c.where = (rg_tensor){RG_BOOL, 1, {4}, where};
        run(&c);
        assert_memory_equal(c.value, absent.value, sizeof c.value[0]);
        assert_true(c.ds[1] == 0 && c.dy[1] == 0 && c.dw[1] == 0);
        assert_memory_equal(&c.ds[2], &absent.ds[1], 2 * sizeof(double));
        assert_memory_equal(&c.dw[2], &absent.dw[1], 2 * sizeof(double));
    }
}

static void lists_without_items_are_not_counted(void **state)
{
    (void)state;
    double s[] = {2, 1, 0, NAN, NAN, NAN, 1, .5, 1.5}, y[] = {1, 0, 0, 1, 1, 1, 0, 0, 1};
    uint8_t where[] = {1, 1, 1, 0, 0, 0, 1, 1, 1}, none[9] = {0};
    struct call c = CALL(mat(s, 3, 3), mat(y, 3, 3));
    c.where = (rg_tensor){RG_BOOL, 2, {3, 3}, where};
    run(&c);
    double both = (0.4076059644 + 0.6802696706) / 2;
    assert_close(c.value[0], both, 1e-9, 0);
    assert_true(c.ds[3] == 0 && c.ds[4] == 0 && c.ds[5] == 0);
    assert_all(&c.ds[6], (double[]){0.1535979429, 0.0931618616, -0.2467598045}, 3, 1e-8);
    c.where.data = none;
    run(&c);
    assert_true(c.value[0] == 0 && c.ds[0] == 0 && c.dy[8] == 0);
    int64_t empty[] = {0, 0, 0};
    struct call flat = CALL(vec(NULL, 0), vec(NULL, 0));
    flat.options.offsets = empty;
    flat.options.n_lists = 2;
    run(&flat);
    assert_int_equal(flat.status, RG_OK);
    assert_true(flat.n_values == 1 && flat.value[0] == 0);
    flat.options.n_lists = 0;
    flat.options.reduction = RG_REDUCE_NONE;
    run(&flat);
    assert_int_equal(flat.status, RG_OK);
    assert_int_equal(flat.n_values, 0);
}

static void labels_all_zero(void **state)
{
    (void)state;
    double s[] = {2, 1, 3}, y[] = {0, 0, 0};
    struct call c = CALL(vec(s, 3), vec(y, 3));
    run(&c);
    assert_true(c.value[0] == 0 && c.ds[0] == 0 && c.ds[1] == 0 && c.ds[2] == 0);
    assert_close(c.dy[0], 1.4076059644, 1e-9, 0); /* -log p */
    c.options.params = params_of(RG_LABELS_NORMALIZED);
    run(&c);
    assert_true(c.value[0] == 0 && c.ds[1] == 0 && c.dy[1] == 0);
}

static void zero_times_log_zero_is_zero(void **state)
{
    (void)state;
    double s[] = {-INFINITY, 0.5, 1.25, 2}, y[] = {0, 1, 2, 0};
    struct call c = CALL(vec(s, 4), vec(y, 4));
    run(&c);
    assert_close(c.value[0], 4.58392723156593, 1e-12, 0);
    assert_all(c.ds, (double[]){0, -0.6051950585592569, -1.1641979324111809, 1.769392990970438}, 4,
               1e-12);
    assert_true(isinf(c.dy[0]) && c.dy[0] > 0);
    y[0] = 1; /* a label at an item of probability 0 */
    run(&c);
    assert_close(c.value[0], INFINITY, 0, 0);
    assert_close(c.ds[0], -1, 0, 0);
}

static void all_logits_minus_infinity_is_nan(void **state)
{
    (void)state;
    double s[] = {-INFINITY, -INFINITY, 1, 2}, y[] = {0, 1, 1, 0};
    struct call c = CALL(mat(s, 2, 2), mat(y, 2, 2));
    c.options.reduction = RG_REDUCE_NONE;
    run(&c);
    assert_true(isnan(c.value[0]) && isnan(c.ds[0]) && isnan(c.ds[1]));
    assert_true(isfinite(c.value[1]) && isfinite(c.ds[2]) && isfinite(c.dy[3]));
    struct call one = CALL(vec(s, 1), vec(y, 1));
    run(&one);
    assert_true(isnan(one.value[0]) && isnan(one.ds[0]));
}

static void a_nan_is_never_hidden_and_stays_in_its_list(void **state)
{
    (void)state;
    static const double bad[] = {NAN, INFINITY};
    for (int zero = 0; zero < 2; zero++)
        for (int i = 0; i < 2; i++) {
            double s[] = {1, bad[i], 3, 0.5, 1, 2}, y[] = {0, 0, !zero, 1, 0, 1};
            struct call c = CALL(mat(s, 2, 3), mat(y, 2, 3));
            c.options.reduction = RG_REDUCE_NONE;
            run(&c);
            assert_true(isnan(c.value[0]) && isnan(c.ds[0]) && isnan(c.ds[2]));
            assert_true(isfinite(c.value[1]) && isfinite(c.ds[3]) && isfinite(c.ds[5]));
            c.options.reduction = RG_REDUCE_MEAN;
            run(&c);
            assert_true(isnan(c.value[0]) && isfinite(c.ds[4]));
        }
    double s[] = {1, 2}, y[] = {NAN, 0};
    struct call label = CALL(vec(s, 2), vec(y, 2));
    run(&label);
    assert_true(isnan(label.value[0]) && isnan(label.ds[1]));
}

static void opposite_infinities_have_no_mean(void **state)
{
    (void)state;
    double s[] = {-INFINITY, 1, -INFINITY, 1}, y[] = {1, 0, -1, 0};
    struct call c = CALL(mat(s, 2, 2), mat(y, 2, 2));
    run(&c);
    assert_true(isnan(c.value[0]));
    c.options.reduction = RG_REDUCE_NONE;
    run(&c);
    assert_close(c.value[0], INFINITY, 0, 0);
    assert_close(c.value[1], -INFINITY, 0, 0);
}

static void one_item_and_negative_labels(void **state)
{
    (void)state;
    double s[] = {3}, y[] = {2}, s2[] = {1, 2}, y2[] = {-1, 1};
    struct call one = CALL(vec(s, 1), vec(y, 1));
    run(&one);
    assert_true(one.value[0] == 0 && one.ds[0] == 0);
    struct call negative = CALL(vec(s2, 2), vec(y2, 2));
    run(&negative); /* -(-1) log p_0 - log p_1 = s_0 - s_1 */
    assert_close(negative.value[0], -1, 1e-15, 0);
    assert_all(negative.ds, (double[]){1, -1}, 2, 1e-15);
}

static void extreme_f32_logits(void **state)
{
    (void)state;
    float s[] = {0, -2.1e26f, 3.4e37f, 42}, y[] = {0, 1, 1, 0};
    struct call c = CALL(((rg_tensor){RG_F32, 1, {4}, s}), ((rg_tensor){RG_F32, 1, {4}, y}));
    run(&c);
    assert_close(c.value[0], 3.4e37, 1e-6, 0);
    assert_all(c.ds, (double[]){0, -1, 1, 0}, 4, 0);
    float apart[] = {3e38f, -3e38f}, first[] = {1, 0};
    struct call far =
        CALL(((rg_tensor){RG_F32, 1, {2}, apart}), ((rg_tensor){RG_F32, 1, {2}, first}));
    run(&far);
    assert_true(far.value[0] == 0 && far.ds[0] == 0);
}

/* The largest logit is subtracted first, at any position. */
static void far_logits_do_not_overflow(void **state)
{
    (void)state;
    enum { N = 40 };
    for (int top = 0; top < N; top++) {
        double s[N], y[N] = {0};
        for (int i = 0; i < N; i++)
            s[i] = -700 - i;
        s[top] = 800;
        y[(top + 1) % N] = 1;
        struct call c = CALL(vec(s, N), vec(y, N));
        run(&c);
        assert_close(c.value[0], 800 - s[(top + 1) % N], 1e-15, 0);
        assert_close(c.ds[top], 1, 1e-15, 0);
    }
}

/* ---- List weights ---- */

enum { LISTS = 4, WIDTH = 3, COPIES = 7 };

/* Lists of WIDTH items, each repeated `weight` times. */
struct repeated {
    int64_t n, origin[LISTS * COPIES];
    double s[MOST * 2], y[MOST * 2];
};

static struct repeated repeat(const double *s, const double *y, const int *weight)
{
    struct repeated r = {0};
    for (int q = 0; q < LISTS; q++)
        for (int copy = 0; copy < weight[q]; copy++) {
            memcpy(r.s + WIDTH * r.n, s + WIDTH * q, WIDTH * sizeof *s);
            memcpy(r.y + WIDTH * r.n, y + WIDTH * q, WIDTH * sizeof *y);
            r.origin[r.n++] = q;
        }
    return r;
}

/* Checks that value and gradient with list weights are those of the repeated lists. */
static void check_repeated(struct call *weighted, struct repeated *r, const int *weight)
{
    struct call copies = {.options = weighted->options};
    double ds[LISTS * WIDTH] = {0}, mean_loss = weighted->value[0];
    int64_t sum = r->n;
    copies.logits = mat(r->s, r->n, WIDTH);
    copies.labels = mat(r->y, r->n, WIDTH);
    copies.options.offsets = NULL;
    run(&copies);
    assert_int_equal(copies.status, RG_OK);
    assert_close(weighted->value[0], copies.value[0], 1e-13, 1e-15);
    for (int64_t i = 0; i < r->n * WIDTH; i++)
        ds[r->origin[i / WIDTH] * WIDTH + i % WIDTH] += copies.ds[i];
    assert_all(weighted->ds, ds, LISTS * WIDTH, 1e-12);
    struct call each = *weighted;
    each.list_weights.data = NULL;
    each.options.reduction = RG_REDUCE_NONE;
    run(&each);
    bool mean = weighted->options.reduction == RG_REDUCE_MEAN;
    for (int q = 0; q < LISTS && sum > 0; q++) {
        double slope = mean ? (each.value[q] - mean_loss) / (double)sum : each.value[q];
        assert_close(weighted->dv[q], slope, 1e-12, 1e-14);
        assert_true(weight[q] > 0 || weighted->ds[q * WIDTH] == 0);
    }
}

static void a_list_of_weight_3_counts_three_times(void **state)
{
    (void)state;
    static const int weights[][LISTS] = {{3, 1, 1, 1}, {1, 1, 1, 3}, {2, 2, 2, 2}, {0, 1, 1, 1},
                                         {1, 0, 0, 0}, {0, 0, 0, 0}, {3, 2, 1, 0}, {1, 1, 1, 1},
                                         {5, 1, 0, 4}, {0, 0, 7, 0}, {1, 3, 1, 1}};
    double s[] = {0.5, -1, 2, 3, 1, 0.25, -2, 0.5, 1, 0, 1.5, -0.5};
    double y[] = {1, 0, 2, 0, 3, 1, 0, 0, 0, 2, 0.5, 1}; /* the third has no relevant item */
    int64_t offsets[] = {0, WIDTH, 2 * WIDTH, 3 * WIDTH, 4 * WIDTH};
    for (size_t i = 0; i < sizeof weights / sizeof weights[0]; i++)
        for (int mode = 0; rg_label_mode_name((rg_label_mode)mode); mode++)
            for (int form = 0; form < 4; form++) { /* flat or padded, mean or sum */
                double v[LISTS];
                struct repeated r = repeat(s, y, weights[i]);
                struct call c = CALL(mat(s, LISTS, WIDTH), mat(y, LISTS, WIDTH));
                for (int q = 0; q < LISTS; q++)
                    v[q] = weights[i][q];
                c.list_weights = vec(v, LISTS);
                c.options.params = params_of((rg_label_mode)mode);
                c.options.reduction = form / 2 ? RG_REDUCE_SUM : RG_REDUCE_MEAN;
                if (form % 2) {
                    c.logits = vec(s, LISTS * WIDTH);
                    c.labels = vec(y, LISTS * WIDTH);
                    c.options.offsets = offsets;
                    c.options.n_lists = LISTS;
                }
                run(&c);
                assert_int_equal(c.status, RG_OK);
                check_repeated(&c, &r, weights[i]);
            }
}

/* Shapes, types and special cases, with the reduction none. */
static void list_weights_fit_the_lists(void **state)
{
    (void)state;
    double s[12] = {1, 2, 3, 0, 1, 0, 2, 2, 1, 0, 0, 1}, y[12] = {1, 0, 0, 0, 1, 2, 0, 2, 1, 1};
    double v[] = {2, 0.5, 3, 0}, nan[] = {1, NAN, 1, 1}, poison[12];
    float single[] = {2, 0.5f, 3, 0};
    int32_t whole[] = {2, 1, 3, 0};
    int64_t offsets[] = {0, 3, 6, 9, 12};
    memcpy(poison, s, sizeof s);
    poison[10] = NAN; /* in a list of weight 0 */
    const struct {
        rg_tensor logits, weights;
        bool flat;
        double factor[LISTS];
        const char *words; /* of the error, if it does not fit */
    } cases[] = {
        {mat(s, 4, 3), vec(v, 4), false, {2, 0.5, 3, 0}, NULL},
        {vec(s, 12), vec(v, 4), true, {2, 0.5, 3, 0}, NULL},
        {mat(s, 4, 3), {RG_F64, 0, {0}, v}, false, {2, 2, 2, 2}, NULL},
        {vec(s, 12), {RG_F64, 0, {0}, v}, true, {2, 2, 2, 2}, NULL},
        {vec(s, 12), vec(v, 1), true, {2, 2, 2, 2}, NULL},
        {mat(s, 4, 3), {RG_F32, 1, {4}, single}, false, {2, 0.5, 3, 0}, NULL},
        {vec(s, 12), {RG_I32, 1, {4}, whole}, true, {2, 1, 3, 0}, NULL},
        {{RG_F64, 3, {2, 2, 3}, s}, mat(v, 2, 2), false, {2, 0.5, 3, 0}, NULL},
        {{RG_F64, 3, {2, 2, 3}, s}, mat(v, 2, 1), false, {2, 2, 0.5, 0.5}, NULL},
        {{RG_F64, 3, {2, 2, 3}, s}, vec(v, 2), false, {2, 0.5, 2, 0.5}, NULL},
        {mat(poison, 4, 3), vec(v, 4), false, {2, 0.5, 3, 0}, NULL},
        {mat(s, 4, 3), vec(nan, 4), false, {1, NAN, 1, 1}, NULL},
        {mat(s, 4, 3), vec(v, 3), false, {0}, "list_weights (3) does not fit logits (4,3)"},
        {mat(s, 4, 3), mat(v, 4, 1), false, {0}, "list_weights (4,1)"},
        {vec(s, 12), mat(v, 4, 1), true, {0}, "expected (lists) or a scalar"},
        {vec(s, 12), vec(s, 12), true, {0}, "list_weights (12)"},
        {vec(s, 12), vec(v, 1), false, {0}, "list_weights (1)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_tensor labels = cases[i].logits;
        labels.data = y;
        struct call c = CALL(cases[i].logits, labels), plain = CALL(mat(s, 4, 3), mat(y, 4, 3));
        c.list_weights = cases[i].weights;
        c.options.offsets = cases[i].flat ? offsets : NULL;
        c.options.n_lists = 4;
        c.options.reduction = plain.options.reduction = RG_REDUCE_NONE;
        run(&plain);
        run(&c);
        assert_int_equal(c.status, cases[i].words ? RG_BAD_DATA : RG_OK);
        if (cases[i].words && !strstr(rg_last_error(ctx), cases[i].words))
            fail_msg("%s; expected %s", rg_last_error(ctx), cases[i].words);
        for (int q = 0; q < LISTS && !cases[i].words; q++) {
            assert_close(c.value[q], cases[i].factor[q] * plain.value[q], 1e-14, 0);
            for (int k = 3 * q; k < 3 * q + 3; k++)
                assert_close(c.ds[k], cases[i].factor[q] * plain.ds[k], 1e-14, 0);
        }
    }
}

/* ---- Broadcasting and shapes ---- */

static void operands_broadcast_as_in_numpy(void **state)
{
    (void)state;
    double s[] = {-1.6, -0.5, -2.5, 0.7, 2.1, 3.4}, y[6], w[6], grad[6];
    double per_item[] = {1, 3, 2}, per_list[] = {2, 0.5}, scalar[] = {1.5};
    const struct {
        rg_tensor small;
        int count;
    } operands[] = {{vec(per_item, 3), 3},
                    {mat(per_list, 2, 1), 2},
                    {{RG_F64, 0, {0}, scalar}, 1},
                    {mat(scalar, 1, 1), 1}};
    for (int a = 0; a < 4; a++)
        for (int b = 0; b < 4; b++) {
            for (int i = 0; i < 6; i++) {
                int at_y = operands[a].count == 3 ? i % 3 : operands[a].count == 2 ? i / 3 : 0;
                int at_w = operands[b].count == 3 ? i % 3 : operands[b].count == 2 ? i / 3 : 0;
                y[i] = ((double *)operands[a].small.data)[at_y];
                w[i] = ((double *)operands[b].small.data)[at_w];
            }
            struct call full = CALL(mat(s, 2, 3), mat(y, 2, 3)), small = full;
            full.weights = mat(w, 2, 3);
            small.labels = operands[a].small;
            small.weights = operands[b].small;
            run(&full);
            run(&small);
            assert_memory_equal(small.value, full.value, sizeof full.value[0]);
            assert_memory_equal(small.ds, full.ds, 6 * sizeof(double));
            memset(grad, 0, sizeof grad);
            for (int i = 0; i < 6; i++)
                grad[operands[a].count == 3   ? i % 3
                     : operands[a].count == 2 ? i / 3
                                              : 0] += full.dy[i];
            assert_all(small.dy, grad, operands[a].count, 1e-13);
            memset(grad, 0, sizeof grad);
            for (int i = 0; i < 6; i++)
                grad[operands[b].count == 3   ? i % 3
                     : operands[b].count == 2 ? i / 3
                                              : 0] += full.dw[i];
            assert_all(small.dw, grad, operands[b].count, 1e-13);
        }
}

static void higher_ranks_are_batches(void **state)
{
    (void)state;
    double s[12], y[12], per[] = {1, 0.5};
    for (int i = 0; i < 12; i++)
        s[i] = sin(i), y[i] = i % 3;
    struct call flat = CALL(mat(s, 4, 3), mat(y, 4, 3));
    struct call deep =
        CALL(((rg_tensor){RG_F64, 3, {2, 2, 3}, s}), ((rg_tensor){RG_F64, 3, {2, 2, 3}, y}));
    flat.options.reduction = deep.options.reduction = RG_REDUCE_NONE;
    run(&flat);
    run(&deep);
    assert_memory_equal(flat.value, deep.value, 4 * sizeof(double));
    assert_int_equal(deep.n_values, 4);
    double w[] = {1, 1, 0.5, 0.5};
    flat.weights = mat(w, 4, 1);
    deep.weights = (rg_tensor){RG_F64, 3, {2, 1, 1}, per};
    run(&flat);
    run(&deep);
    assert_memory_equal(flat.ds, deep.ds, 12 * sizeof(double));
    assert_close(deep.dw[1], flat.dw[2] + flat.dw[3], 1e-14, 0);
}

static void an_operand_never_enlarges_the_logits(void **state)
{
    (void)state;
    double s[12] = {0};
    int64_t offsets[] = {0, 2, 4};
    const struct {
        rg_tensor logits, labels;
        const int64_t *offsets;
        const char *words;
    } cases[] = {
        {mat(s, 4, 1), vec(s, 4), NULL, "labels (4) does not fit logits (4,1)"},
        {mat(s, 3, 4), vec(s, 3), NULL, "labels (3) does not fit logits (3,4)"},
        {vec(s, 4), mat(s, 1, 4), NULL, "labels (1,4) does not fit logits (4)"},
        {vec(s, 4), vec(s, 2), offsets, "labels (2) does not fit logits (4)"},
        {vec(s, 4), mat(s, 4, 1), offsets, "(4,1)"},
        {mat(s, 2, 2), vec(s, 4), offsets, "expected flat logits"},
        {vec(s, 6), vec(s, 6), offsets, "offsets end with 4; expected the number of logits, 6"},
        {{RG_F64, 0, {0}, s}, {RG_F64, 0, {0}, s}, NULL, "scalar"},
        {{RG_I64, 1, {4}, s}, vec(s, 4), NULL, "operand 0 is i64; expected f32 or f64"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct call c = CALL(cases[i].logits, cases[i].labels);
        c.options.offsets = cases[i].offsets;
        c.options.n_lists = 2;
        run(&c);
        assert_int_equal(c.status, RG_BAD_DATA);
        if (!strstr(rg_last_error(ctx), cases[i].words))
            fail_msg("case %d: %s", (int)i, rg_last_error(ctx));
    }
    int64_t falling[] = {0, 3, 2}, late[] = {1, 2, 4};
    const struct {
        const int64_t *offsets;
        const char *words;
    } bad[] = {{falling, "offsets[2] = 2 is below offsets[1] = 3"}, {late, "begin with 1"}};
    for (int i = 0; i < 2; i++) {
        struct call c = CALL(vec(s, 4), vec(s, 4));
        c.options.offsets = bad[i].offsets;
        c.options.n_lists = 2;
        run(&c);
        assert_non_null(strstr(rg_last_error(ctx), bad[i].words));
    }
    rg_tensor vast = {RG_F64, 3, {INT64_C(1) << 32, INT64_C(1) << 32, 0}, NULL};
    struct call many = CALL(vast, ((rg_tensor){RG_F64, 0, {0}, s}));
    run(&many);
    assert_int_equal(many.status, RG_BAD_DATA);
    /* an optional operand that failed is an error, not absent */
    rg_graph_reset(graph);
    rg_tensor t = vec(s, 4), u = vec(s, 3);
    rg_node *x = rg_leaf(graph, &t);
    rg_loss_options o = rg_loss_options_default();
    o.weights = rg_add(graph, x, rg_leaf(graph, &u));
    assert_null(rg_ranking_softmax_loss(graph, x, x, &o));
    assert_null(rg_ranking_softmax_loss(graph, NULL, x, NULL));
}

/* ---- Invariants, on random lists ---- */

static double draw(int which, int i)
{
    return 4 * rg_uniform(11, RG__STREAM_SAMPLES, (uint64_t)which, (uint64_t)i) - 2;
}

static void flat_and_padded_have_the_same_bits(void **state)
{
    (void)state;
    int64_t offsets[] = {0, 5, 5, 6, 23, 40};
    enum { Q = 5, N = 40 };
    double s[N], y[N], w[N];
    for (int i = 0; i < N; i++)
        s[i] = draw(0, i), y[i] = draw(1, i) + 2, w[i] = draw(2, i) + 3;
    struct call flat = CALL(vec(s, N), vec(y, N));
    flat.weights = vec(w, N);
    flat.options.offsets = offsets;
    flat.options.n_lists = Q;
    for (int reduction = 0; reduction < 3; reduction++)
        for (int width = 17; width < 40; width += 11) {
            static double ps[Q * 40], py[Q * 40], pw[Q * 40];
            static uint8_t where[Q * 40];
            double value[Q];
            int front = width - 17; /* padding before the items as well as after them */
            memset(where, 0, sizeof where);
            for (int i = 0; i < Q * 40; i++)
                ps[i] = py[i] = pw[i] = NAN;
            for (int q = 0; q < Q; q++)
                for (int64_t i = offsets[q]; i < offsets[q + 1]; i++) {
                    int64_t to = q * width + (i - offsets[q]) + (q % 2 ? front : 0);
                    ps[to] = s[i], py[to] = y[i], pw[to] = w[i], where[to] = 1;
                }
            flat.options.reduction = (rg_reduction)reduction;
            run(&flat);
            rg_graph_reset(graph);
            rg_tensor ts = mat(ps, Q, width), ty = mat(py, Q, width), tw = mat(pw, Q, width);
            rg_tensor tm = {RG_BOOL, 2, {Q, width}, where};
            rg_node *logits = rg_variable(graph, &ts, NULL);
            rg_loss_options o = rg_loss_options_default();
            o.where = rg_leaf(graph, &tm);
            o.weights = rg_leaf(graph, &tw);
            o.reduction = (rg_reduction)reduction;
            rg_node *loss = rg_ranking_softmax_loss(graph, logits, rg_leaf(graph, &ty), &o);
            rg_tensor ones = {RG_F64, reduction == 2, {Q}, (double[]){1, 1, 1, 1, 1}};
            assert_ok(ctx, rg_backward(graph, loss, &ones));
            read_out(rg_node_value(loss), value);
            assert_memory_equal(value, flat.value, (reduction == 2 ? Q : 1) * sizeof(double));
            const double *ds = rg_node_grad(logits)->data;
            for (int q = 0; q < Q; q++)
                for (int64_t i = offsets[q]; i < offsets[q + 1]; i++) {
                    int64_t to = q * width + (i - offsets[q]) + (q % 2 ? front : 0);
                    assert_memory_equal(&ds[to], &flat.ds[i], sizeof(double));
                }
        }
}

static void invariants(void **state)
{
    (void)state;
    enum { N = 33 };
    double s[N], y[N], w[N];
    for (int i = 0; i < N; i++)
        s[i] = draw(3, i), y[i] = draw(4, i) + 2, w[i] = draw(5, i) + 3;
    struct call base = CALL(vec(s, N), vec(y, N));
    base.weights = vec(w, N);
    run(&base);
    double sum = 0;
    for (int i = 0; i < N; i++)
        sum += base.ds[i];
    assert_close(sum, 0, 0, 1e-12); /* the gradient sums to 0 */

    struct call shifted = base, doubled = base, heavier = base, turned = base;
    double s2[N], y2[N], w2[N], ts[N], ty[N], tw[N];
    for (int i = 0; i < N; i++) {
        s2[i] = s[i] + 1024, y2[i] = 2 * y[i], w2[i] = 2 * w[i];
        ts[i] = s[(i + 7) % N], ty[i] = y[(i + 7) % N], tw[i] = w[(i + 7) % N];
    }
    shifted.logits.data = s2;
    doubled.labels.data = y2;
    heavier.weights.data = w2;
    turned.logits.data = ts, turned.labels.data = ty, turned.weights.data = tw;
    run(&shifted);
    run(&doubled);
    run(&heavier);
    run(&turned);
    assert_close(shifted.value[0], base.value[0], 1e-13, 0);
    assert_close(doubled.value[0], 2 * base.value[0], 0, 0); /* degree 1 in y and in w */
    assert_close(heavier.value[0], 2 * base.value[0], 0, 0);
    assert_close(turned.value[0], base.value[0], 1e-14, 0);
    for (int i = 0; i < N; i++) {
        assert_close(doubled.ds[i], 2 * base.ds[i], 0, 0);
        assert_close(turned.ds[i], base.ds[(i + 7) % N], 1e-12, 1e-15);
    }
}

/* ---- Reductions ---- */

static void sum_is_the_sum_of_none(void **state)
{
    (void)state;
    float s[60], y[60], losses[20];
    for (int i = 0; i < 60; i++)
        s[i] = (float)draw(6, i), y[i] = (float)(draw(7, i) + 2);
    rg_tensor ts = {RG_F32, 2, {20, 3}, s}, ty = {RG_F32, 2, {20, 3}, y};
    struct call none = CALL(ts, ty), sum = none, mean = none;
    none.options.reduction = RG_REDUCE_NONE;
    sum.options.reduction = RG_REDUCE_SUM;
    run(&none);
    run(&sum);
    run(&mean);
    double total = 0;
    for (int q = 0; q < 20; q++) {
        losses[q] = (float)none.value[q];
        total += (double)losses[q];
    }
    assert_true((float)sum.value[0] == (float)total);
    assert_true((float)mean.value[0] == (float)(total / 20));
}

/* A custom reduction: the sum over non-empty lists of loss^2. */
static rg_node *squares(rg_graph *g, rg_node *losses, rg_node *nonempty, void *user)
{
    const uint8_t *mask = rg_node_value(nonempty)->data;
    memcpy(user, mask, (size_t)rg_tensor_count(rg_node_value(nonempty)));
    return rg_sum(g, rg_mul(g, losses, losses), rg_all_axes());
}

static rg_node *gives_up(rg_graph *g, rg_node *losses, rg_node *nonempty, void *user)
{
    (void)g, (void)losses, (void)nonempty, (void)user;
    return NULL;
}

static void a_custom_reduction(void **state)
{
    (void)state;
    double s[] = {2, 1, 3, 0, 0, 0, 1, 1, 2}, y[] = {1, 0, 0, 1, 1, 1, 0, 0, 1};
    uint8_t where[] = {1, 1, 1, 0, 0, 0, 1, 1, 1}, seen[3];
    struct call none = CALL(mat(s, 3, 3), mat(y, 3, 3)), own = none;
    none.where = own.where = (rg_tensor){RG_BOOL, 2, {3, 3}, where};
    none.options.reduction = RG_REDUCE_NONE;
    own.options.reduce = squares;
    own.options.reduce_user = seen;
    run(&none);
    run(&own);
    assert_memory_equal(seen, ((uint8_t[]){1, 0, 1}), 3);
    assert_close(own.value[0], none.value[0] * none.value[0] + none.value[2] * none.value[2], 1e-14,
                 0);
    assert_close(own.ds[0], 2 * none.value[0] * none.ds[0], 1e-14, 0);
    own.options.reduce = gives_up;
    run(&own);
    assert_int_equal(own.status, RG_USAGE);
}

static rg_node *integers(rg_graph *g, rg_node *losses, rg_node *nonempty, void *user)
{
    (void)g, (void)losses, (void)user;
    return nonempty;
}

static rg_node *elsewhere(rg_graph *g, rg_node *losses, rg_node *nonempty, void *user)
{
    (void)g, (void)losses, (void)nonempty;
    return user;
}

static void a_custom_reduction_is_checked(void **state)
{
    (void)state;
    double s[] = {2, 1}, y[] = {1, 0};
    rg_graph *other = rg_graph_create(ctx);
    rg_tensor t = vec(s, 2);
    struct call c = CALL(vec(s, 2), vec(y, 2));
    c.options.reduce = integers;
    run(&c);
    assert_int_equal(c.status, RG_USAGE);
    assert_non_null(strstr(rg_last_error(ctx), "an integer node"));
    c.options.reduce = elsewhere;
    c.options.reduce_user = rg_leaf(other, &t);
    run(&c);
    assert_int_equal(c.status, RG_USAGE);
    assert_non_null(strstr(rg_last_error(ctx), "another graph"));
    rg_graph_destroy(other);
}

/* With as many lists as items, one of them empty, the count does not tell whether an operand is per
 * item or per list. */
static void as_many_lists_as_items(void **state)
{
    (void)state;
    double s[] = {0.5, 1.5}, per_list[] = {2, 3}, full[2];
    static const int64_t cuts[][3] = {{0, 0, 2}, {0, 2, 2}, {0, 1, 2}};
    for (int i = 0; i < 3; i++) {
        struct call small = CALL(vec(s, 2), mat(per_list, 2, 1));
        struct call large = CALL(vec(s, 2), vec(full, 2));
        small.options.offsets = large.options.offsets = cuts[i];
        small.options.n_lists = large.options.n_lists = 2;
        int list_of[] = {cuts[i][1] == 0, cuts[i][1] < 2};
        double sums[2] = {0};
        for (int k = 0; k < 2; k++)
            full[k] = per_list[list_of[k]];
        run(&small);
        run(&large);
        assert_memory_equal(small.value, large.value, sizeof small.value[0]);
        for (int k = 0; k < 2; k++)
            sums[list_of[k]] += large.dy[k];
        assert_all(small.dy, sums, 2, 1e-14);
    }
}

/* ---- Size ---- */

static void ten_million_items(void **state)
{
    (void)state;
    enum { N = 10 * 1000 * 1000 };
    float *s = malloc(N * sizeof *s), *y = calloc(N, sizeof *y), *grad = calloc(N, sizeof *grad);
    for (int i = 0; i < N; i++)
        s[i] = (float)(i % 1000) * 1e-3f;
    y[N - 1] = 1;
    rg_tensor ts = {RG_F32, 1, {N}, s}, ty = {RG_F32, 1, {N}, y};
    rg_node *scores = rg_scale(graph, rg_variable(graph, &ts, grad), 1); /* not a leaf */
    rg_node *loss = rg_ranking_softmax_loss(graph, scores, rg_leaf(graph, &ty), NULL);
    assert_ok(ctx, rg_backward(graph, loss, NULL));
    double expected = 0, p = 0;
    for (int i = 0; i < 1000; i++)
        expected += exp((double)((float)i * 1e-3f) - (double)s[N - 1]);
    expected = log(expected * (N / 1000));
    p = exp(-expected);
    assert_close(((const float *)rg_node_value(loss)->data)[0], expected, 1e-6, 0);
    assert_close((double)grad[N - 1], p - 1, 1e-6, 0);
    assert_close((double)grad[999], p, 1e-5, 0);
    assert_true(rg_graph_bytes(graph) <= 4 * (size_t)N * sizeof *s);
    rg_graph_destroy(graph);
    graph = rg_graph_create(ctx);
    uint8_t *where = malloc(N); /* compacted logits, labels and gradients, exponentials, its own */
    for (int i = 0; i < N; i++)
        where[i] = i % 10 > 0;
    rg_tensor mask = {RG_BOOL, 1, {N}, where};
    rg_loss_options o = rg_loss_options_default();
    o.where = rg_leaf(graph, &mask);
    scores = rg_variable(graph, &ts, NULL);
    loss = rg_ranking_softmax_loss(graph, scores, rg_leaf(graph, &ty), &o);
    assert_ok(ctx, rg_backward(graph, loss, NULL));
    assert_non_null(rg_node_grad(scores));
    assert_true(rg_graph_bytes(graph) < 5 * (size_t)N * sizeof *s + (2 << 20));
    free(where);
    free(s);
    free(y);
    free(grad);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(known_values),
        TEST(known_weighted_gradients),
        TEST(known_flat_lists),
        TEST(labels_may_be_integers_or_bools),
        TEST(masked_items_have_no_effect),
        TEST(lists_without_items_are_not_counted),
        TEST(labels_all_zero),
        TEST(zero_times_log_zero_is_zero),
        TEST(all_logits_minus_infinity_is_nan),
        TEST(a_nan_is_never_hidden_and_stays_in_its_list),
        TEST(opposite_infinities_have_no_mean),
        TEST(one_item_and_negative_labels),
        TEST(extreme_f32_logits),
        TEST(far_logits_do_not_overflow),
        TEST(a_list_of_weight_3_counts_three_times),
        TEST(list_weights_fit_the_lists),
        TEST(operands_broadcast_as_in_numpy),
        TEST(higher_ranks_are_batches),
        TEST(an_operand_never_enlarges_the_logits),
        TEST(flat_and_padded_have_the_same_bits),
        TEST(invariants),
        TEST(sum_is_the_sum_of_none),
        TEST(a_custom_reduction),
        TEST(a_custom_reduction_is_checked),
        TEST(as_many_lists_as_items),
        TEST(ten_million_items),
    };
    RUN_TESTS(tests);
}

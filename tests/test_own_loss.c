/* test_own_loss.c: a custom loss: values, gradients, masks, both types, training, the units of the
 * mean, and invalid losses. */
#include "check.h"

#include "base/component.h"

static struct {
    rg_context *ctx;
    rg_graph *graph;
} f;

/* Scaled softmax cross-entropy with raw labels: L = c sum_k y_k w_k (log S - (s_k - m)). */
struct own {
    double c;
};

static double forward(rg_list *list)
{
    double max = list->logits[0], sum = 0, loss = 0;
    for (int64_t k = 1; k < list->n; k++)
        max = fmax(max, list->logits[k]);
    for (int64_t k = 0; k < list->n; k++)
        sum += list->kept[k] = exp(list->logits[k] - max);
    for (int64_t k = 0; k < list->n; k++) {
        list->scratch[k] = list->labels[k] * list->weights[k];
        loss += list->scratch[k] * (log(sum) - (list->logits[k] - max));
    }
    list->state[0] = sum;
    list->state[1] = max;
    return ((const struct own *)list->params)->c * loss;
}

static void backward(rg_list *list, double upstream)
{
    double mass = 0, sum = list->state[0], c = upstream * ((const struct own *)list->params)->c;
    for (int64_t k = 0; k < list->n; k++)
        mass += list->labels[k] * list->weights[k];
    for (int64_t k = 0; k < list->n; k++) {
        double l = log(sum) - (list->logits[k] - list->state[1]);
        if (list->grad_logits)
            list->grad_logits[k] +=
                c * (mass * list->kept[k] / sum - list->labels[k] * list->weights[k]);
        if (list->grad_labels)
            list->grad_labels[k] += c * list->weights[k] * l;
        if (list->grad_weights)
            list->grad_weights[k] += c * list->labels[k] * l;
    }
}

static const rg_param own_params[] = {
    RG__REAL(struct own, c, 1, 0, 10, .above = true, .help = "Scale of the loss"),
};

static const rg_loss softmax = {.component = {.name = "my_softmax",
                                              .formula = "c times ranking_softmax",
                                              RG__PARAMS(struct own, own_params)},
                                .properties = {.needs_nonnegative_labels = true,
                                               .shift_invariant = true,
                                               .scales_with_labels = true},
                                .workspace = {.scratch = 1, .kept = 1, .state = 2},
                                .forward = forward,
                                .backward = backward};

static rg_choice choice_of(const rg_loss *loss, double c)
{
    rg_choice choice;
    struct own own = {c};
    assert_ok(f.ctx, rg_choice_make(f.ctx, &loss->component, &own, &choice));
    return choice;
}

enum { Q = 3, W = 5, N = Q * W };

struct result {
    double loss, grad[3][N];
};

/* Value and gradients in one type, padded with a mask or flat, of the custom or the built-in
 * loss. */
static struct result run(rg_dtype dtype, bool padded, bool list_weights, const rg_choice *loss)
{
    struct result r = {0};
    double values[3][N];
    uint8_t where[N];
    rg_node *x[3];
    rg_graph_reset(f.graph);
    for (int i = 0; i < N; i++) {
        values[0][i] = (double)(float)sin(3 * i);
        values[1][i] = i % 4;
        values[2][i] = 1 + i % 2;
        where[i] = i % 5 != 1 && i < 10;
        if (!where[i] && padded)
            values[0][i] = values[2][i] = NAN; /* masked items may hold anything */
    }
    for (int i = 0; i < 3; i++) {
        rg_tensor wide = {RG_F64, padded ? 2 : 1, {padded ? Q : N, W}, values[i]};
        rg_tensor own = wide;
        own.dtype = dtype;
        own.data = rg_graph_alloc(f.graph, N * sizeof(double));
        assert_ok(f.ctx, rg_tensor_cast(f.ctx, &wide, &own));
        x[i] = rg_variable(f.graph, &own, NULL);
    }
    static const int64_t offsets[] = {0, 4, 4, N};
    double weights[] = {2, 0, 0.5};
    const rg_tensor mask = {RG_BOOL, 2, {Q, W}, where}, per_list = {RG_F64, 1, {Q}, weights};
    rg_loss_options o = {.weights = x[2], .offsets = padded ? NULL : offsets, .n_lists = Q};
    o.where = padded ? rg_leaf(f.graph, &mask) : NULL;
    o.list_weights = list_weights ? rg_leaf(f.graph, &per_list) : NULL;
    rg_node *y = rg_loss_apply(f.graph, loss, x[0], x[1], &o);
    assert_ok(f.ctx, rg_backward(f.graph, y, NULL));
    rg_tensor value = *rg_node_value(y), to = {RG_F64, 0, {0}, &r.loss};
    assert_ok(f.ctx, rg_tensor_cast(f.ctx, &value, &to));
    for (int i = 0; i < 3; i++) {
        rg_tensor grad = {RG_F64, padded ? 2 : 1, {padded ? Q : N, W}, r.grad[i]};
        assert_ok(f.ctx, rg_tensor_cast(f.ctx, rg_node_grad(x[i]), &grad));
    }
    return r;
}

static void equals_the_built_in_loss(void **state)
{
    (void)state;
    const rg_choice own = choice_of(&softmax, 2);
    rg_choice built_in;
    assert_ok(f.ctx, rg_choice_parse(f.ctx, rg_losses(), "ranking_softmax", &built_in));
    for (int way = 0; way < 8; way++) {
        rg_dtype dtype = way & 1 ? RG_F32 : RG_F64;
        double rtol = dtype == RG_F32 ? 3e-6 : 1e-13, atol = dtype == RG_F32 ? 3e-6 : 1e-14;
        struct result a = run(dtype, way & 2, way & 4, &own);
        struct result b = run(dtype, way & 2, way & 4, &built_in);
        assert_true(b.loss > 0.1);
        assert_close(a.loss, 2 * b.loss, rtol, 0);
        for (int i = 0; i < 3; i++)
            for (int k = 0; k < N; k++)
                assert_close(a.grad[i][k], 2 * b.grad[i][k], rtol, atol);
    }
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    static const int64_t offsets[] = {0, 3, 3, 8};
    rg_loss_options o = {.weights = x[2], .offsets = offsets, .n_lists = 3};
    return rg_loss_apply(graph, user, x[0], x[1], &o);
}

static double half(rg_list *list)
{
    return forward(list) / 2; /* does not match its backward */
}

static void the_gradient_check_finds_a_bug(void **state)
{
    (void)state;
    double x[3][8];
    for (int i = 0; i < 24; i++)
        x[i / 8][i % 8] = 1 + 0.5 * sin(i);
    rg_tensor inputs[3];
    for (int i = 0; i < 3; i++)
        inputs[i] = (rg_tensor){RG_F64, 1, {8}, x[i]};
    rg_gradcheck_report report;
    rg_choice good = choice_of(&softmax, 1);
    assert_ok(f.ctx, rg_gradcheck(f.ctx, build, &good, inputs, 3, NULL, &report));
    assert_true(report.passed);
    rg_loss wrong = softmax;
    wrong.forward = half;
    rg_choice bad = choice_of(&wrong, 1);
    assert_ok(f.ctx, rg_gradcheck(f.ctx, build, &bad, inputs, 3, NULL, &report));
    assert_false(report.passed);
}

/* ---- A loss of two scores per item, over pairs ---- */

/* L = sum_ij w_i w_j s_i0 s_j1, through a matrix of all pairs. */
static double product(rg_list *list)
{
    double sum = 0;
    for (int64_t i = 0; i < list->n; i++)
        for (int64_t j = 0; j < list->n; j++)
            list->square[i * list->n + j] =
                list->weights[i] * list->weights[j] * list->logits[2 * i] * list->logits[2 * j + 1];
    for (int64_t at = 0; at < list->n * list->n; at++)
        sum += list->square[at];
    return sum;
}

static void product_backward(rg_list *list, double upstream)
{
    double sum[2] = {0};
    for (int64_t k = 0; k < 2 * list->n; k++)
        sum[k % 2] += list->weights[k / 2] * list->logits[k];
    for (int64_t k = 0; k < list->n; k++) {
        const double *s = list->logits + 2 * k;
        for (int c = 0; c < 2 && list->grad_logits; c++)
            list->grad_logits[2 * k + c] += upstream * list->weights[k] * sum[1 - c];
        if (list->grad_weights)
            list->grad_weights[k] += upstream * (s[0] * sum[1] + s[1] * sum[0]);
    }
}

/* Room for pairs only if the parameter asks for it. */
static void fit(const void *params, bool weighted, rg_workspace *workspace)
{
    (void)weighted;
    workspace->square = ((const struct own *)params)->c > 1 ? 1 : 0;
}

static const rg_loss products = {.component = {.name = "my_products",
                                               .formula = "sum_ij w_i w_j s_i0 s_j1",
                                               RG__PARAMS(struct own, own_params)},
                                 .properties = {.constant_labels = true, .columns = 2},
                                 .forward = product,
                                 .backward = product_backward,
                                 .fit = fit};

static rg_node *build_products(rg_graph *graph, rg_node *const *x, void *user)
{
    static uint8_t where[] = {1, 0, 1, 1, 1, 1};
    rg_tensor mask = {RG_BOOL, 2, {2, 3}, where}, labels = *rg_node_value(x[1]);
    rg_loss_options o = {.weights = x[1], .where = rg_constant(graph, &mask)};
    return rg_loss_apply(graph, user, x[0], rg_constant(graph, &labels), &o);
}

static void a_custom_loss_may_take_columns_and_room_for_pairs(void **state)
{
    (void)state;
    double s[2 * 3 * 2], w[2 * 3];
    for (int i = 0; i < 12; i++)
        s[i] = 1 + sin(i), w[i / 2] = 1 + 0.3 * cos(i);
    const rg_tensor inputs[] = {{RG_F64, 3, {2, 3, 2}, s}, {RG_F64, 2, {2, 3}, w}};
    rg_choice loss = choice_of(&products, 2);
    rg_gradcheck_report report;
    assert_ok(f.ctx, rg_gradcheck(f.ctx, build_products, &loss, inputs, 2, NULL, &report));
    assert_true(report.passed);
    assert_int_equal(rg_loss_properties_of(&loss).columns, 2);
    static const struct {
        int ndim;
        int64_t dims[3];
        const char *words;
    } wrong[] = {{0, {0}, "logits are a scalar"},
                 {1, {12}, "logits (12); expected (.., n, 2)"},
                 {1, {2}, "logits (2); expected (.., n, 2)"},
                 {2, {4, 3}, "logits (4,3); expected (.., n, 2)"},
                 {3, {2, 2, 3}, "logits (2,2,3); expected (.., n, 2)"},
                 {2, {6, 2}, "labels (2,3) does not fit logits (6)"},
                 {3, {3, 2, 2}, "labels (2,3) does not fit logits (3,2)"},
                 {2, {0, 2}, "labels (2,3) does not fit logits (0)"}};
    for (int i = 0; i < RG__COUNT(wrong); i++) {
        rg_tensor t = {RG_F64, wrong[i].ndim, {0}, s};
        memcpy(t.dims, wrong[i].dims, sizeof wrong[i].dims);
        rg_graph_reset(f.graph);
        assert_null(rg_loss_apply(f.graph, &loss, rg_leaf(f.graph, &t),
                                  rg_leaf(f.graph, &inputs[1]), NULL));
        assert_non_null(strstr(rg_last_error(f.ctx), wrong[i].words));
    }
}

/* Room for the pairs of 2^31 items is refused: the size does not wrap around. */
static void room_for_pairs_has_a_limit(void **state)
{
    (void)state;
    rg_loss big = products;
    big.properties.columns = 1;
    rg_choice loss = choice_of(&big, 2);
    double none[1] = {0}; /* never read */
    const int64_t n = INT64_C(1) << 31, offsets[] = {0, n};
    const rg_tensor t = {RG_F64, 1, {n}, none};
    rg_loss_options o = {.offsets = offsets, .n_lists = 1};
    rg_graph_reset(f.graph);
    assert_null(rg_loss_apply(f.graph, &loss, rg_leaf(f.graph, &t), rg_leaf(f.graph, &t), &o));
    assert_int_equal(rg_graph_status(f.graph), RG_LIMIT);
    assert_non_null(strstr(rg_last_error(f.ctx), "memory for every pair of 2147483648 items"));
}

static bool keep_loss(void *user, const rg_epoch *epoch)
{
    *(double *)user = epoch->loss;
    return true;
}

/* Training with it gives the same as training with the built-in loss, up to rounding. */
static void training_gives_the_same(void **state)
{
    (void)state;
    enum { ROWS = 400, LISTS = 40, COLUMNS = 3 };
    double *x = malloc(ROWS * COLUMNS * sizeof *x), labels[ROWS], first = 0;
    int64_t offsets[LISTS + 1];
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLUMNS; j++)
            x[i * COLUMNS + j] = sin(7 * i + 3 * j);
        labels[i] = x[i * COLUMNS] > 0.3;
    }
    for (int q = 0; q <= LISTS; q++)
        offsets[q] = q * (ROWS / LISTS);
    const rg_split split = {.name = "",
                            .n_rows = ROWS,
                            .n_features = COLUMNS,
                            .n_lists = LISTS,
                            .features = {RG_F64, 2, {ROWS, COLUMNS}, x},
                            .labels = labels,
                            .offsets = offsets};
    const rg_choice own = choice_of(&softmax, 1);
    rg_train_options o = rg_train_options_default();
    o.model.dtype = RG_F64;
    o.epochs = 5;
    for (int turn = 0; turn < 2; turn++) {
        rg_model *model;
        o.own_loss = turn ? &own : NULL;
        assert_ok(f.ctx, rg_train(f.ctx, &split, rg_no_split(), &o, &model, NULL));
        double weight = ((const double *)rg_model_parameters(model)->value)[0];
        assert_true(weight > 0.1);
        assert_close(weight, turn ? first : weight, 1e-9, 0);
        assert_true(!turn || strstr(rg_model_history(model), "my_softmax(c=1)"));
        first = weight;
        rg_model_destroy(model);
    }
    labels[3] = -1; /* allowed or not by the properties of the loss */
    o.own_loss = &own;
    rg_model *model;
    assert_fails(f.ctx, RG_BAD_DATA, "my_softmax(c=1) unbounded below",
                 rg_train(f.ctx, &split, rg_no_split(), &o, &model, NULL));
    rg_loss signless = softmax;
    signless.properties.needs_nonnegative_labels = false;
    const rg_choice free_choice = choice_of(&signless, 1);
    o.own_loss = &free_choice;
    assert_ok(f.ctx, rg_train(f.ctx, &split, rg_no_split(), &o, &model, NULL));
    rg_model_destroy(model);
    free(x);
}

/* The mean loss of the lists, with labels that do not require a gradient. */
static double mean_of(const rg_choice *loss, double *labels, int64_t n, const int64_t *offsets)
{
    double zeros[64] = {0}, weights[3] = {1, 1, 1};
    const rg_tensor s = {RG_F64, 1, {n}, zeros}, y = {RG_F64, 1, {n}, labels},
                    w = {RG_F64, 1, {3}, weights};
    rg_graph_reset(f.graph);
    rg_node *list_weights = rg_variable(f.graph, &w, NULL);
    rg_loss_options o = {.offsets = offsets, .n_lists = 3, .list_weights = list_weights};
    rg_node *mean = rg_loss_apply(f.graph, loss, rg_leaf(f.graph, &s), rg_leaf(f.graph, &y), &o);
    assert_ok(f.ctx, rg_backward(f.graph, mean, NULL));
    const double *grad = rg_node_grad(list_weights)->data;
    assert_close(grad[0] + grad[1] + grad[2], 0, 0,
                 1e-12); /* scaling all weights does not change the mean */
    return *(const double *)rg_node_value(mean)->data;
}

/* The mean is over lists, items, pairs of different labels or all pairs, as the loss declares. */
static void the_mean_divides_by_units(void **state)
{
    (void)state;
    enum { ROWS = 24, LISTS = 3 };
    double x[ROWS], labels[ROWS], equal[ROWS], per[4];
    static const double units[] = {[RG_UNIT_LISTS] = LISTS,
                                   [RG_UNIT_ITEMS] = ROWS,
                                   [RG_UNIT_PAIRS] = 5 + 1 + 108,
                                   [RG_UNIT_ALL_PAIRS] = 16 + 4 + 18 * 18};
    const int64_t offsets[] = {0, 4, 6, ROWS};
    for (int i = 0; i < ROWS; i++) {
        x[i] = sin(i);
        labels[i] = i % 3;
        equal[i] = 2;
    }
    const rg_split split = {.name = "",
                            .n_rows = ROWS,
                            .n_features = 1,
                            .n_lists = LISTS,
                            .features = {RG_F64, 2, {ROWS, 1}, x},
                            .labels = labels,
                            .offsets = offsets};
    for (int unit = 0; unit < 4; unit++) {
        rg_loss loss = softmax;
        loss.properties.unit = (rg_loss_unit)unit;
        const rg_choice choice = choice_of(&loss, 1);
        rg_train_options o = rg_train_options_default();
        o.own_loss = &choice;
        o.model.dtype = RG_F64;
        o.optimizer.lr = 1e-300; /* scores stay equal */
        o.epochs = 1;
        o.on_epoch = keep_loss;
        o.user = &per[unit];
        rg_model *model;
        rg_train_result result;
        rg_status status = rg_train(f.ctx, &split, rg_no_split(), &o, &model, &result);
        assert_true(status == RG_OK || status == RG_DIVERGED); /* nothing was learned */
        rg_model_destroy(model);
        assert_close(per[unit] * units[unit], per[0] * LISTS, 1e-12, 0);
        assert_close(result.equal_loss, per[unit], 1e-12, 0);
        assert_close(mean_of(&choice, labels, ROWS, offsets) * result.label_scale, per[unit], 1e-12,
                     0);
        double mean = mean_of(&choice, equal, ROWS, offsets); /* 0 if there is no pair */
        assert_true(unit == RG_UNIT_PAIRS ? mean == 0 : mean > 0.1);
    }
}

static void invalid_losses_are_refused(void **state)
{
    (void)state;
    double x[4] = {1, 2, 3, 4};
    const rg_tensor t = {RG_F64, 1, {4}, x};
    struct {
        rg_loss loss;
        const char *words;
    } cases[4];
    for (int i = 0; i < 4; i++)
        cases[i].loss = softmax;
    cases[0].loss.forward = NULL, cases[0].words = "forward or backward is NULL";
    cases[1].loss.backward = NULL, cases[1].words = "forward or backward is NULL";
    cases[2].loss.workspace.kept = -1, cases[2].words = "negative size";
    cases[3].loss.component.name = NULL, cases[3].loss.forward = NULL;
    cases[3].words = "a loss without a name";
    for (int i = 0; i < 4; i++) {
        rg_choice choice = {.component = &cases[i].loss.component};
        struct own one = {1};
        memcpy(&choice.params, &one, sizeof one);
        rg_graph_reset(f.graph);
        assert_null(
            rg_loss_apply(f.graph, &choice, rg_leaf(f.graph, &t), rg_leaf(f.graph, &t), NULL));
        assert_int_equal(rg_graph_status(f.graph), RG_USAGE);
        assert_non_null(strstr(rg_last_error(f.ctx), cases[i].words));
    }
    rg_choice out_of_range = choice_of(&softmax, 1);
    struct own much = {11};
    memcpy(&out_of_range.params, &much, sizeof much);
    rg_graph_reset(f.graph);
    assert_null(
        rg_loss_apply(f.graph, &out_of_range, rg_leaf(f.graph, &t), rg_leaf(f.graph, &t), NULL));
    assert_non_null(strstr(rg_last_error(f.ctx), "my_softmax: c is 11; expected a number > 0"));
    const rg_choice none = {0};
    rg_graph_reset(f.graph);
    assert_null(rg_loss_apply(f.graph, &none, rg_leaf(f.graph, &t), rg_leaf(f.graph, &t), NULL));
    rg_graph_reset(f.graph);
    assert_null(rg_loss_apply(f.graph, NULL, rg_leaf(f.graph, &t), rg_leaf(f.graph, &t), NULL));
    assert_int_equal(rg_graph_status(f.graph), RG_USAGE);
}

static int set_up(void **state)
{
    (void)state;
    f.ctx = rg_context_create(NULL);
    f.graph = rg_graph_create(f.ctx);
    return f.graph ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rg_graph_destroy(f.graph);
    rg_context_destroy(f.ctx);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equals_the_built_in_loss),   TEST(the_gradient_check_finds_a_bug),
        TEST(training_gives_the_same),    TEST(the_mean_divides_by_units),
        TEST(invalid_losses_are_refused), TEST(a_custom_loss_may_take_columns_and_room_for_pairs),
        TEST(room_for_pairs_has_a_limit),
    };
    RUN_TESTS(tests);
}

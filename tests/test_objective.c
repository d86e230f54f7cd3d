/* test_objective.c: weighted sums of losses: their text, their value and gradient, training. */
#include "check.h"

static struct {
    rg_context *ctx;
    rg_graph *graph;
} f;

/* ---- Text ---- */

static const struct text {
    const char *text, *printed; /* NULL: as `words` says it is refused */
    const char *words;
} texts[] = {
    {"ranking_softmax", "ranking_softmax(label_mode=raw", NULL},
    {" ranking-softmax ", "ranking_softmax(label_mode=raw", NULL},
    {"1*ranking_softmax", "ranking_softmax(label_mode=raw", NULL},
    {"0.7*ranking_softmax", "0.7*ranking_softmax(label_mode=raw", NULL},
    {" 2e-3 * ranking_softmax(label_mode=softmax)", "0.002*ranking_softmax(label_mode=softmax",
     NULL},
    {"0.7*ranking_softmax + 0.3*ranking_softmax(label_mode=normalized)",
     "0.7*ranking_softmax(label_mode=raw", NULL},
    {"ranking_softmax+ranking_softmax+ranking_softmax+1e+2*ranking_softmax",
     "ranking_softmax(label_mode=raw", NULL},
    {"0.1*ranking_softmax", "0.1*ranking_softmax", NULL},
    {"0.30000000000000004*ranking_softmax", "0.30000000000000004*ranking_softmax", NULL},
    {"", NULL, "\"\" is unknown"},
    {"+", NULL, "\"\" is unknown"},
    {"ranking_softmax +", NULL, "\"\" is unknown"},
    {"ranking_softmax ++ ranking_softmax", NULL, "\"\" is unknown"},
    {"0*ranking_softmax", NULL, "the factor 0; expected a number > 0"},
    {"-1*ranking_softmax", NULL, "the factor -1; expected a number > 0"},
    {"nan*ranking_softmax", NULL, "the factor nan"},
    {"inf*ranking_softmax", NULL, "the factor inf"},
    {"2*", NULL, "\"\" is unknown"},
    {"2 ranking_softmax", NULL, "unknown"},
    {"ranking_softmax*2", NULL, "unknown"},
    {"0.5*softmax + 0.5*ranking_softmax", NULL, "\"softmax\" is unknown"},
    {"0.5*ranking_softmax(label_mode=odd)", NULL, "label_mode is odd; expected one of raw"},
    {"ranking_softmax+ranking_softmax+ranking_softmax+ranking_softmax+ranking_softmax", NULL,
     "at most 4 terms"},
    {"ordinal(levels=3) + 2*ordinal(levels=3)", "ordinal(levels=3) + 2*ordinal(levels=3)", NULL},
    {"ordinal(levels=2) + pointwise_mse", "ordinal(levels=2) + pointwise_mse", NULL},
    {"ordinal(levels=3) + pointwise_mse", NULL,
     "ordinal takes 2 scores per item, pointwise_mse 1; expected terms that take the same number"},
    {"pointwise_mse + ordinal(levels=3)", NULL, "pointwise_mse takes 1 score per item, ordinal 2"},
    {"ordinal(levels=3) + ordinal(levels=4)", NULL, "ordinal takes 2 scores per item, ordinal 3"},
    {"ordinal(levels=1)", NULL, "levels is 1; expected a whole number >= 2"},
    {NULL, NULL, "text is NULL"},
};

static void texts_are_read_and_printed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        rg_objective objective, again;
        char text[1024], same[1024];
        rg_status status = rg_objective_parse(f.ctx, rg_losses(), texts[i].text, &objective);
        if (!texts[i].printed) {
            if (status != RG_USAGE || !strstr(rg_last_error(f.ctx), texts[i].words))
                fail_msg("%s: %d %s", texts[i].text, status, rg_last_error(f.ctx));
            continue;
        }
        assert_ok(f.ctx, status);
        size_t n = rg_objective_print(&objective, text, sizeof text);
        assert_int_equal(n, strlen(text));
        if (strncmp(text, texts[i].printed, strlen(texts[i].printed)) != 0)
            fail_msg("%s: printed as %s", texts[i].text, text);
        assert_ok(f.ctx, rg_objective_parse(f.ctx, rg_losses(), text, &again));
        assert_int_equal(rg_objective_print(&again, same, sizeof same), n);
        assert_string_equal(text, same);
        for (size_t room = 0; room < 12; room++) { /* a buffer that is too short */
            memset(same, 'x', sizeof same);
            assert_int_equal(rg_objective_print(&objective, same, room), n);
            assert_true(room == 0 || same[room - 1] == 0);
            assert_int_equal(same[room], 'x');
        }
    }
}

/* ---- Value and gradient ---- */

static const double logits[] = {0.5, -1, 2, 0.25, 1, -0.5, 3};
static const double labels[] = {2, 0, 1, 3, 0, 0, 1};
static const int64_t offsets[] = {0, 4, 7};

/* The value of a sum, and the gradient of the logits. */
static double apply(const char *text, rg_reduction reduction, double gradient[7])
{
    double s[7], y[7];
    memcpy(s, logits, sizeof s);
    memcpy(y, labels, sizeof y);
    const rg_tensor ts = {RG_F64, 1, {7}, s}, ty = {RG_F64, 1, {7}, y};
    rg_graph_reset(f.graph);
    rg_node *leaf = rg_variable(f.graph, &ts, NULL);
    rg_loss_options o = {.offsets = offsets, .n_lists = 2, .reduction = reduction};
    rg_node *loss = rg_loss_named(f.graph, text, leaf, rg_leaf(f.graph, &ty), &o);
    rg_node *sum = rg_sum(f.graph, loss, rg_all_axes());
    assert_ok(f.ctx, rg_backward(f.graph, sum, NULL));
    memcpy(gradient, rg_node_grad(leaf)->data, 7 * sizeof *gradient);
    return *(const double *)rg_node_value(sum)->data;
}

static void sums_add_up(void **state)
{
    (void)state;
    static const char *const terms[] = {"ranking_softmax",
                                        "ranking_softmax(label_mode=normalized)"};
    for (int reduction = RG_REDUCE_MEAN; reduction <= RG_REDUCE_NONE; reduction++) {
        double a[7], b[7], both[7];
        double va = apply(terms[0], (rg_reduction)reduction, a);
        double vb = apply(terms[1], (rg_reduction)reduction, b);
        double v = apply("0.7*ranking_softmax + 2.5*ranking_softmax(label_mode=normalized)",
                         (rg_reduction)reduction, both);
        assert_close(v, 0.7 * va + 2.5 * vb, 1e-14, 0);
        for (int k = 0; k < 7; k++)
            assert_close(both[k], 0.7 * a[k] + 2.5 * b[k], 1e-13, 1e-15);
    }
}

static void nothing_is_refused(void **state)
{
    (void)state;
    const rg_tensor t = {RG_F64, 1, {7}, (void *)(uintptr_t)logits};
    const rg_objective empty = {0};
    rg_graph_reset(f.graph);
    rg_node *leaf = rg_leaf(f.graph, &t);
    assert_null(rg_objective_apply(f.graph, &empty, leaf, leaf, NULL));
    assert_non_null(strstr(rg_last_error(f.ctx), "objective is empty"));
    assert_int_equal(rg_objective_of(NULL).n_terms, 0);
    assert_int_equal(rg_objective_print(NULL, NULL, 0), 0);
}

static void properties_are_those_of_all_terms(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool needs_nonnegative, scales;
    } cases[] = {
        {"ranking_softmax", true, true},
        {"ranking_softmax(label_mode=softmax)", false, false},
        {"ranking_softmax + ranking_softmax(label_mode=softmax)", true, false},
        {"ranking_softmax(label_mode=softmax) + 3*ranking_softmax(label_mode=softmax)", false,
         false},
        {"ranking_softmax + 2*ranking_softmax", true, true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_objective objective;
        assert_ok(f.ctx, rg_objective_parse(f.ctx, rg_losses(), cases[i].text, &objective));
        rg_loss_properties p = rg_objective_properties(&objective);
        assert_true(p.needs_nonnegative_labels == cases[i].needs_nonnegative);
        assert_true(p.scales_with_labels == cases[i].scales);
        assert_true(p.shift_invariant);
    }
}

/* Half of a loss and half of it again is the loss. */
static void training_takes_sums(void **state)
{
    (void)state;
    enum { ROWS = 60, LISTS = 12 };
    double x[2 * ROWS], y[ROWS], weights[2][2];
    int64_t first[LISTS + 1];
    for (int i = 0; i < ROWS; i++) {
        x[2 * i] = sin(i);
        x[2 * i + 1] = cos(3 * i);
        y[i] = i % 3;
    }
    for (int q = 0; q <= LISTS; q++)
        first[q] = q * (ROWS / LISTS);
    const rg_split split = {.name = "",
                            .n_rows = ROWS,
                            .n_features = 2,
                            .n_lists = LISTS,
                            .features = {RG_F64, 2, {ROWS, 2}, x},
                            .labels = y,
                            .offsets = first};
    static const char *const losses[] = {"ranking_softmax",
                                         "0.25*ranking_softmax + 0.75*ranking_softmax"};
    for (int i = 0; i < 2; i++) {
        rg_train_options o = rg_train_options_default();
        rg_model *model;
        o.loss = losses[i];
        o.model.dtype = RG_F64;
        o.epochs = 5;
        assert_ok(f.ctx, rg_train(f.ctx, &split, rg_no_split(), &o, &model, NULL));
        memcpy(weights[i], rg_model_parameters(model)->value, sizeof weights[i]);
        assert_non_null(strstr(rg_model_history(model), i ? "0.25*ranking_softmax(label_mode=raw"
                                                          : "\"ranking_softmax(label_mode=raw"));
        rg_model_destroy(model);
    }
    assert_close(weights[1][0], weights[0][0], 1e-9, 0);
    assert_close(weights[1][1], weights[0][1], 1e-9, 0);
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
        TEST(texts_are_read_and_printed), TEST(sums_add_up),
        TEST(nothing_is_refused),         TEST(properties_are_those_of_all_terms),
        TEST(training_takes_sums),
    };
    RUN_TESTS(tests);
}

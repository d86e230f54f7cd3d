/* test_pairs.c: pairwise losses on lists longer than a block of pairs: values and gradients are
 * those of a plain loop over all pairs, and their bits do not depend on the order of the rows. */
#include "check.h"

#include "loss/losses.h"
#include "ranking/order.h"

enum { N = 700 };

static rg_context *ctx;
static rg_graph *graph;

struct list {
    double s[N], y[N], w[N];
};

struct outcome {
    double loss, ds[N], dw[N];
};

/* Scores around `center` with ties, graded labels. */
static struct list make_list(double center)
{
    struct list list;
    for (int k = 0; k < N; k++) {
        list.s[k] = center + floor(128 * rg_uniform(3, RG_STREAM_OWN, 0, (uint64_t)k)) / 32;
        list.y[k] = floor(5 * rg_uniform(3, RG_STREAM_OWN, 1, (uint64_t)k));
        list.w[k] = floor(8 * rg_uniform(3, RG_STREAM_OWN, 2, (uint64_t)k)) / 4 + 0.25;
    }
    return list;
}

static struct outcome run(const rg_choice *loss, const struct list *list)
{
    struct outcome r;
    rg_graph_reset(graph);
    const double *values[] = {list->s, list->y, list->w};
    rg_node *x[3];
    for (int i = 0; i < 3; i++) {
        rg_tensor t = {RG_F64, 1, {N}, (void *)(uintptr_t)values[i]};
        x[i] = i == 1 ? rg_leaf(graph, &t) : rg_variable(graph, &t, NULL);
    }
    rg_loss_options o = {.weights = x[2], .reduction = RG_REDUCE_SUM};
    rg_node *value = rg_loss_apply(graph, loss, x[0], x[1], &o);
    assert_ok(ctx, rg_backward(graph, value, NULL));
    r.loss = *(const double *)rg_node_value(value)->data;
    memcpy(r.ds, rg_node_grad(x[0])->data, sizeof r.ds);
    memcpy(r.dw, rg_node_grad(x[2])->data, sizeof r.dw);
    return r;
}

/* ---- The formulas ---- */

static double logistic(double d, double dy, double *slope)
{
    (void)dy;
    *slope = -1 / (1 + exp(d));
    return fmax(-d, 0) + log1p(exp(-fabs(d)));
}

static double hinge(double d, double dy, double *slope)
{
    (void)dy;
    *slope = 1 - d > 0 ? -1 : 0;
    return fmax(1 - d, 0);
}

static double soft_zero_one(double d, double dy, double *slope)
{
    (void)dy;
    *slope = -1 / (1 + exp(d)) / (1 + exp(-d));
    return 1 / (1 + exp(d));
}

static double mse(double d, double dy, double *slope)
{
    *slope = 2 * (d - dy);
    return (d - dy) * (d - dy);
}

static double qr(double d, double dy, double *slope)
{
    *slope = (d > dy) - 0.5 * (d != dy);
    return fabs(d - dy) / 2;
}

static const struct {
    const char *text;
    double (*pair)(double d, double dy, double *slope);
    bool all;
} formulas[] = {
    {"pairwise_logistic", logistic, false},
    {"pairwise_logistic(lambda=label_difference)", logistic, false},
    {"pairwise_hinge", hinge, false},
    {"pairwise_hinge(lambda=label_difference)", hinge, false},
    {"pairwise_soft_zero_one", soft_zero_one, false},
    {"pairwise_mse", mse, true},
    {"pairwise_mse(lambda=label_difference)", mse, true},
    {"pairwise_qr", qr, false},
    {"pairwise_qr(lambda=label_difference)", qr, false},
};

/* Also with scores far from 0, where sums of scores would cancel. */
static void long_lists_are_sums_over_pairs(void **state)
{
    (void)state;
    for (int f = 0; f < 2 * RG__COUNT(formulas); f++) {
        struct list list = make_list(f % 2 ? 1e12 : 0);
        struct outcome want = {0};
        bool weighted = strchr(formulas[f / 2].text, '(') != NULL;
        for (int64_t at = 0; at < (int64_t)N * N; at++) {
            int64_t i = at / N, j = at % N;
            double dy = list.y[i] - list.y[j], slope;
            double value = formulas[f / 2].pair(list.s[i] - list.s[j], dy, &slope);
            double lambda = !formulas[f / 2].all && !(dy > 0) ? 0 : weighted ? fabs(dy) : 1;
            want.loss += list.w[i] * lambda * value;
            want.dw[i] += lambda * value;
            want.ds[i] += list.w[i] * lambda * slope;
            want.ds[j] -= list.w[i] * lambda * slope;
        }
        rg_choice loss;
        assert_ok(ctx, rg_choice_parse(ctx, rg_losses(), formulas[f / 2].text, &loss));
        struct outcome got = run(&loss, &list);
        assert_close(got.loss, want.loss, 1e-11, 0);
        for (int k = 0; k < N; k++) {
            assert_close(got.ds[k], want.ds[k], 1e-10, 1e-8);
            assert_close(got.dw[k], want.dw[k], 1e-10, 1e-8);
        }
    }
}

static void the_order_of_rows_changes_no_bit(void **state)
{
    (void)state;
    static const char *const losses[] = {
        "pairwise_hinge",
        "pairwise_logistic",
        "pairwise_soft_zero_one",
        "pairwise_mse",
        "pairwise_qr",
        "pairwise_circle",
        "lambdarank",
        "lambdarank(topn=10)",
        "pairwise_hinge(lambda=ndcg_loss1)",
        "pairwise_mse(lambda=ndcg_loss2)",
        "pairwise_logistic(lambda=ndcg_loss2pp)",
        "pairwise_logistic(lambda=yeti)",
        "pairwise_logistic(lambda=precision)",
        "pairwise_logistic(lambda=map)",
        "pairwise_logistic(lambda=mrr)",
        "lambdarank_lightgbm",
        "lambdarank_xgboost",
        "lambdarank_xgboost(lambdarank_pair_method=mean)",
    };
    struct list list = make_list(0), moved;
    int64_t from[N];
    for (int64_t k = 0; k < N; k++)
        from[k] = k;
    rg_shuffle(from, N, 5, RG_STREAM_OWN, 0);
    for (int k = 0; k < N; k++) {
        moved.s[k] = list.s[from[k]];
        moved.y[k] = list.y[from[k]];
        moved.w[k] = list.w[from[k]];
    }
    for (int i = 0; i < RG__COUNT(losses); i++) {
        rg_choice loss;
        assert_ok(ctx, rg_choice_parse(ctx, rg_losses(), losses[i], &loss));
        struct outcome a = run(&loss, &list), b = run(&loss, &moved);
        bool same = a.loss == b.loss && a.loss != 0;
        for (int k = 0; k < N; k++)
            same &= a.ds[from[k]] == b.ds[k] && a.dw[from[k]] == b.dw[k];
        if (!same)
            print_error("%s: other bits in another order: %.17g, %.17g\n", losses[i], a.loss,
                        b.loss);
        assert_true(same);
    }
}

/* ---- Lists of 100,000 items ------------------------------------------------------------------ */

enum { MANY = 100000, RELEVANT = 20, MOST_BYTES = 1000 /* per item */ };

static size_t n_bytes, most_bytes; /* allocated, and the most at a time */

static void *tracked_resize(void *user, void *block, size_t size)
{
    (void)user;
    size_t *head = block ? (size_t *)block - 2 : NULL;
    n_bytes -= head ? head[0] : 0;
    if (size == 0) {
        free(head);
        return NULL;
    }
    head = realloc(head, size + 2 * sizeof *head);
    if (!head)
        return NULL;
    n_bytes += head[0] = size;
    most_bytes = n_bytes > most_bytes ? n_bytes : most_bytes;
    return head + 2;
}

struct many {
    double s[MANY], y[MANY], w[MANY], ds[MANY], dw[MANY];
};

/* The loss, with its gradients, in memory that grows with the number of items alone. */
static double run_many(const char *text, struct many *m)
{
    rg_context_options options = rg_context_options_default();
    options.allocator = (rg_allocator){tracked_resize, NULL};
    rg_context *own = rg_context_create(&options);
    rg_graph *g = rg_graph_create(own);
    rg_choice loss;
    const double *values[] = {m->s, m->y, m->w};
    rg_node *x[3];
    most_bytes = 0;
    assert_ok(own, rg_choice_parse(own, rg_losses(), text, &loss));
    for (int i = 0; i < 3; i++) {
        rg_tensor t = {RG_F64, 1, {MANY}, (void *)(uintptr_t)values[i]};
        x[i] = i == 1 ? rg_leaf(g, &t) : rg_variable(g, &t, NULL);
    }
    rg_loss_options o = {.reduction = RG_REDUCE_SUM, .weights = x[2]};
    rg_node *value = rg_loss_apply(g, &loss, x[0], x[1], &o);
    assert_ok(own, rg_backward(g, value, NULL));
    double result = *(const double *)rg_node_value(value)->data;
    memcpy(m->ds, rg_node_grad(x[0])->data, sizeof m->ds);
    memcpy(m->dw, rg_node_grad(x[2])->data, sizeof m->dw);
    if (most_bytes > (size_t)MANY * MOST_BYTES)
        print_error("%s: %.0f bytes per item\n", text, (double)most_bytes / MANY);
    assert_true(most_bytes < (size_t)MANY * MOST_BYTES);
    rg_graph_destroy(g);
    rg_context_destroy(own);
    return result;
}

/* Few relevant items, so that there are 2 million pairs: all 5 billion take seconds. */
static void make_many(struct many *m, bool all_labels)
{
    for (int64_t k = 0; k < MANY; k++) {
        m->s[k] = 3 * rg_uniform(7, RG_STREAM_OWN, 0, (uint64_t)k);
        m->y[k] = all_labels ? rg_uniform(7, RG_STREAM_OWN, 1, (uint64_t)k)
                             : (double)(k % (MANY / RELEVANT) == 0);
        m->w[k] = 0.5 + rg_uniform(7, RG_STREAM_OWN, 2, (uint64_t)k);
    }
}

static double sum_of(const double *x, double *size)
{
    double sum = 0;
    *size = 0;
    for (int64_t k = 0; k < MANY; k++) {
        sum += x[k];
        *size += fabs(x[k]);
    }
    return sum;
}

/* Every pairwise loss: those with a formula give the loss and the gradients of the weights of a
 * plain loop. */
static void long_lists_take_memory_for_items(void **state)
{
    (void)state;
    static struct many m;
    static const char *const others[] = {
        "pairwise_circle",
        "lambdarank",
        "pairwise_hinge(lambda=ndcg_loss2)",
        "pairwise_logistic(lambda=ndcg_loss2pp)",
        "pairwise_qr(lambda=map)",
        "pairwise_soft_zero_one(lambda=mrr)",
        "pairwise_logistic(lambda=precision)",
        "pairwise_logistic(lambda=yeti)",
        "lambdarank_lightgbm",
        "lambdarank_xgboost",
        "lambdarank_xgboost(lambdarank_pair_method=mean)",
    };
    double size;
    make_many(&m, false);
    for (int f = 0; f < RG__COUNT(formulas); f++) {
        if (strchr(formulas[f].text, '(') || formulas[f].all)
            continue;
        double got = run_many(formulas[f].text, &m), want = 0, slope;
        for (int64_t i = 0; i < MANY; i += MANY / RELEVANT) {
            double own = 0;
            for (int64_t j = 0; j < MANY; j++)
                own += m.y[j] == 0 ? formulas[f].pair(m.s[i] - m.s[j], 1, &slope) : 0;
            want += m.w[i] * own;
            assert_close(m.dw[i], own, 1e-10, 0);
        }
        assert_close(got, want, 1e-10, 0);
        double sum = sum_of(m.ds, &size);
        assert_close(sum / size, 0, 0, 1e-9);
    }
    for (int f = 0; f < RG__COUNT(others); f++) {
        double value = run_many(others[f], &m), sum = sum_of(m.ds, &size);
        bool circle = strcmp(others[f], "pairwise_circle") == 0; /* not shift invariant */
        assert_true(isfinite(value) && value > 0 && size > 0);
        assert_true(circle || fabs(sum) < 1e-9 * size);
    }
}

/* Without weights of pairs, hinge and mse do not visit them: with 100,000 levels, too. */
static void hinge_and_mse_sort_instead(void **state)
{
    (void)state;
    static struct many m;
    static const char *const losses[] = {"pairwise_hinge", "pairwise_mse"};
    make_many(&m, true);
    for (int f = 0; f < RG__COUNT(losses); f++) {
        double size, value = run_many(losses[f], &m), sum = sum_of(m.ds, &size);
        assert_true(value > 0 && fabs(sum) < 1e-9 * size);
        for (int64_t i = 0; i < MANY; i += MANY / 5) { /* dL/dw of some items: their pairs */
            double own = 0, slope;
            for (int64_t j = 0; j < MANY; j++) {
                double d = m.s[i] - m.s[j], dy = m.y[i] - m.y[j];
                own += f ? mse(d, dy, &slope) : dy > 0 ? hinge(d, dy, &slope) : 0;
            }
            assert_close(m.dw[i], own, 1e-10, 0);
        }
    }
}

/* ---- Weights of the caller ------------------------------------------------------------------- */

static void differences(const rg_pairs_to_weigh *p, double *weight, void *user)
{
    *(int *)user += 1;
    for (int64_t k = 0; k < p->count; k++)
        weight[k] = fabs(p->labels[p->i] - p->labels[p->begin + k]);
}

static double discount_of(double rank)
{
    return 1 / log2(1 + rank);
}

/* lambda=ndcg, where no items share score and label. */
static void ndcg_changes(const rg_pairs_to_weigh *p, double *weight, void *user)
{
    (void)user;
    for (int64_t k = 0; k < p->count; k++) {
        int64_t i = p->i, j = p->begin + k;
        assert_true(p->labels[i] >= p->labels[j] && p->n == N && j < N);
        weight[k] = fabs(p->gains[i] - p->gains[j]) *
                    fabs(discount_of(p->ranks[i]) - discount_of(p->ranks[j]));
    }
}

/* ndcg_loss2 with a cutoff behind the list, from ranks and scores: the ranks are those of the
 * scores. */
static void of_ranks(const rg_pairs_to_weigh *p, double *weight, void *user)
{
    (void)user;
    for (int64_t k = 0; k < p->count; k++) {
        int64_t i = p->i, j = p->begin + k;
        double d = fabs(p->ranks[i] - p->ranks[j]);
        assert_true(p->scores[i] == p->scores[j] ||
                    (p->scores[i] > p->scores[j]) == (p->ranks[i] < p->ranks[j]));
        double change = d > 0 ? discount_of(d) - discount_of(d + 1) : 0;
        weight[k] = fabs(p->gains[i] - p->gains[j]) * change;
    }
}

static void nothing(const rg_pairs_to_weigh *p, double *weight, void *user)
{
    (void)user;
    for (int64_t k = 0; k < p->count; k++)
        weight[k] = 0;
}

/* Each pairwise loss, weighted by the caller as one of its own `lambda` weights it. */
static void callers_weigh_pairs(void **state)
{
    (void)state;
    static const struct {
        rg_weigh_pairs *weigh;
        const char *same; /* NULL: the loss is 0 */
    } functions[] = {{differences, "label_difference"},
                     {ndcg_changes, "ndcg"},
                     {of_ranks, "ndcg_loss2"},
                     {nothing, NULL}};
    static const char *const losses[] = {"pairwise_hinge", "pairwise_logistic",
                                         "pairwise_soft_zero_one", "pairwise_qr",
                                         "pairwise_mse(lambda=label_difference)"};
    struct list list = make_list(0);
    for (int k = 0; k < N; k++) /* no ties, and labels that are not those of the ranks */
        list.s[k] += 1.1e-3 * k;
    for (int i = 0; i < RG__COUNT(losses) * RG__COUNT(functions); i++) {
        const char *name = losses[i / RG__COUNT(functions)];
        int f = i % RG__COUNT(functions), n_calls = 0;
        rg_choice own, built_in;
        if (strchr(name, '(') && f == 1) /* pairs in both orders: the assertion of labels */
            continue;
        assert_ok(ctx, rg_choice_parse(ctx, rg_losses(), name, &own));
        built_in = own;
        assert_ok(ctx, rg_loss_set_pair_weights(ctx, &own, functions[f].weigh, &n_calls));
        struct outcome a = run(&own, &list);
        assert_true(f > 0 || n_calls > 0);
        if (!functions[f].same) {
            assert_true(a.loss == 0);
            for (int k = 0; k < N; k++)
                assert_true(a.ds[k] == 0 && a.dw[k] == 0);
            continue;
        }
        assert_ok(ctx, rg_choice_set(ctx, &built_in, "lambda", functions[f].same));
        struct outcome b = run(&built_in, &list);
        assert_close(a.loss, b.loss, 1e-12, 0);
        for (int k = 0; k < N; k++) {
            assert_close(a.ds[k], b.ds[k], 1e-9, 1e-9);
            assert_close(a.dw[k], b.dw[k], 1e-11, 1e-11);
        }
        assert_int_equal(rg_loss_properties_of(&own).varying_weights, true);
        assert_ok(ctx, rg_loss_set_pair_weights(ctx, &own, NULL, NULL)); /* without them again */
        assert_ok(ctx, rg_choice_set(ctx, &built_in, "lambda", "none"));
        a = run(&own, &list);
        b = run(&built_in, &list);
        assert_true(a.loss == b.loss && memcmp(a.ds, b.ds, sizeof a.ds) == 0);
    }
}

static void only_pairwise_losses_take_weights(void **state)
{
    (void)state;
    const rg_component *component;
    int n_taken = 0;
    for (int i = 0; (component = rg_registry_at(rg_losses(), i)) != NULL; i++) {
        rg_choice loss;
        assert_ok(ctx, rg_choice_make(ctx, component, NULL, &loss));
        rg_status status = rg_loss_set_pair_weights(ctx, &loss, nothing, NULL);
        n_taken += status == RG_OK;
        if (status != RG_OK) {
            assert_int_equal(status, RG_USAGE);
            assert_non_null(strstr(rg_last_error(ctx), "has no parameter lambda"));
            assert_non_null(strstr(rg_last_error(ctx), component->name));
        }
    }
    assert_int_equal(n_taken, 6);
}

/* Training on weights of the caller: the model of lambda=label_difference, to the bit. */
static void training_weighs_pairs(void **state)
{
    (void)state;
    enum { ROWS = 60, FEATURES = 3, LISTS = 6 };
    static float x[ROWS * FEATURES];
    double y[ROWS];
    int64_t offsets[LISTS + 1] = {0};
    const float *weights[2];
    rg_model *models[2];
    for (int k = 0; k < ROWS; k++) {
        y[k] = (double)(k * 7 % 4);
        for (int f = 0; f < FEATURES; f++)
            x[k * FEATURES + f] = sinf((float)(k * FEATURES + f)) + (float)y[k] / 3;
    }
    for (int q = 0; q < LISTS; q++)
        offsets[q + 1] = (q + 1) * ROWS / LISTS;
    const rg_split split = {.name = "",
                            .n_rows = ROWS,
                            .n_features = FEATURES,
                            .n_lists = LISTS,
                            .features = {RG_F32, 2, {ROWS, FEATURES}, x},
                            .labels = y,
                            .offsets = offsets};
    for (int i = 0; i < 2; i++) {
        int n_calls = 0;
        rg_choice loss;
        rg_train_options o = rg_train_options_default();
        assert_ok(ctx, rg_choice_parse(ctx, rg_losses(), "pairwise_logistic", &loss));
        if (i == 0)
            assert_ok(ctx, rg_loss_set_pair_weights(ctx, &loss, differences, &n_calls));
        else
            assert_ok(ctx, rg_choice_set(ctx, &loss, "lambda", "label_difference"));
        o.own_loss = &loss;
        o.epochs = 3;
        assert_ok(ctx, rg_train(ctx, &split, rg_no_split(), &o, &models[i], NULL));
        assert_true((n_calls > 0) == (i == 0));
        weights[i] = rg_model_parameters(models[i])->value;
    }
    assert_memory_equal(weights[0], weights[1], FEATURES * sizeof(float));
    rg_model_destroy(models[0]);
    rg_model_destroy(models[1]);
}

static int set_up(void **state)
{
    (void)state;
    ctx = rg_context_create(NULL);
    graph = rg_graph_create(ctx);
    return graph ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rg_graph_destroy(graph);
    rg_context_destroy(ctx);
    return 0;
}

/* ---- Sorting by label, by counting where labels are grades ------------------------------------ */

enum { SORTED = 150 };

static const struct {
    double step, from, modulus;
} label_kinds[] = {
    {1, 0, 1},     {1, 0, 2},     {1, 0, 5},    {1, 0, 64},       {1, 0, 65},        {1, 1, 64},
    {1, -1, 4},    {0.5, 0, 5},   {1, -0.0, 3}, {1e300, 0, 3},    {1e-320, 0, 4},    {1, 1e15, 7},
    {1, -1e15, 7}, {0.1, 0, 100}, {63, 0, 2},   {INFINITY, 1, 2}, {-INFINITY, 1, 2},
};

static void check_sorting(const double *labels, int n)
{
    static const struct rg__order by_label = {.key = RG__BY_LABEL};
    struct rg__item items[SORTED], spare[SORTED / 2 + 1];
    double scores[SORTED], pairs = 0;
    for (int i = 0; i < n; i++) {
        scores[i] = i / 7.0;
        for (int j = 0; j < i; j++)
            pairs += labels[i] != labels[j];
    }
    rg__make_sorted(items, scores, labels, n, spare, &by_label);
    for (int i = 0; i < n; i++) {
        assert_true(items[i].label == labels[items[i].row]);
        assert_true(items[i].score == scores[items[i].row]);
        if (i > 0)
            assert_true(items[i - 1].label > items[i].label ||
                        (items[i - 1].label == items[i].label && items[i - 1].row < items[i].row));
    }
    assert_true(rg__unequal_pairs(items, n, spare) == pairs);
}

static void sorting_by_label(void **state)
{
    (void)state;
    for (size_t kind = 0; kind < sizeof label_kinds / sizeof label_kinds[0]; kind++)
        for (int n = 1; n <= SORTED; n += n < 5 ? 1 : 29) {
            double labels[SORTED];
            for (int i = 0; i < n; i++) {
                double grade = floor(label_kinds[kind].modulus *
                                     rg_uniform(5, RG_STREAM_OWN, kind, (uint64_t)i));
                labels[i] =
                    label_kinds[kind].from + (grade == 0 ? 0 : grade * label_kinds[kind].step);
            }
            check_sorting(labels, n);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorting_by_label),
        cmocka_unit_test_setup_teardown(long_lists_are_sums_over_pairs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_order_of_rows_changes_no_bit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_lists_take_memory_for_items, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hinge_and_mse_sort_instead, set_up, tear_down),
        cmocka_unit_test_setup_teardown(callers_weigh_pairs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_pairwise_losses_take_weights, set_up, tear_down),
        cmocka_unit_test_setup_teardown(training_weighs_pairs, set_up, tear_down),
    };
    RUN_TESTS(tests);
}

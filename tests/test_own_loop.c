/* test_own_loop.c: what a training loop of one's own is made of: blocks of parameters, batches of
 * whole lists, streams of random numbers. */
#include "check.h"

/* Seven rows in four lists; list 2 has weight 0 in some tests, row 4 is masked in others. */
enum { N_ROWS = 7, N_FEATURES = 2, N_LISTS = 4 };

struct fixture {
    rg_context *ctx;
    rg_graph *graph;
    double features[N_ROWS * N_FEATURES], labels[N_ROWS], weights[N_ROWS], list_weights[N_LISTS];
    int64_t offsets[N_LISTS + 1];
    uint8_t mask[N_ROWS];
    rg_split split;
};

static int set_up(void **state)
{
    struct fixture *v = calloc(1, sizeof *v);
    *v = (struct fixture){.ctx = rg_context_create(NULL),
                          .features = {1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 6, 60, 7, 70},
                          .labels = {1, 0, 2, 0, 1, 3, 0},
                          .weights = {1, 2, 3, 4, 5, 6, 7},
                          .list_weights = {1, 3, 0, 2},
                          .offsets = {0, 2, 3, 5, 7},
                          .mask = {1, 1, 1, 1, 0, 1, 1}};
    v->graph = rg_graph_create(v->ctx);
    v->split = (rg_split){.name = "train",
                          .n_rows = N_ROWS,
                          .n_features = N_FEATURES,
                          .n_lists = N_LISTS,
                          .features = {RG_F64, 2, {N_ROWS, N_FEATURES}, v->features},
                          .labels = v->labels,
                          .offsets = v->offsets};
    *state = v;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *v = *state;
    rg_graph_destroy(v->graph);
    rg_context_destroy(v->ctx);
    free(v);
    return 0;
}

/* ---- Parameters ---- */

static const rg_parameter two[] = {{"mix", 2, {2, 3}, 0.5}, {"bias", 1, {3}, 0}};

static void a_block_holds_its_parameters_in_order(void **state)
{
    struct fixture *v = *state;
    rg_parameters block, again;
    assert_ok(v->ctx, rg_parameters_create(v->ctx, two, 2, RG_F64, 5, &block));
    assert_ok(v->ctx, rg_parameters_create(v->ctx, two, 2, RG_F64, 5, &again));
    assert_int_equal(block.count, 9);
    double *value = block.value, *grad = block.grad;
    assert_memory_equal(value, again.value, 9 * sizeof *value);
    for (int i = 0; i < 9; i++) {
        assert_true(i < 6 ? value[i] != 0 && fabs(value[i]) <= 0.5 : value[i] == 0);
        assert_true(grad[i] == 0);
    }
    const rg_tensor rows = {RG_F64, 2, {1, 2}, (double[]){1, 10}};
    rg_node *y = rg_add(v->graph,
                        rg_matmul(v->graph, rg_leaf(v->graph, &rows),
                                  rg_parameters_variable(v->graph, &block, two, 0)),
                        rg_parameters_variable(v->graph, &block, two, 1));
    assert_ok(v->ctx, rg_backward(v->graph, rg_sum(v->graph, y, rg_all_axes()), NULL));
    const double want[] = {1, 1, 1, 10, 10, 10, 1, 1, 1};
    assert_memory_equal(grad, want, sizeof want);
    rg_parameters_free(v->ctx, &block);
    rg_parameters_free(v->ctx, &again);
    assert_null(block.value);
}

/* A model of the same parameters and seed starts with the same numbers. */
static const rg_parameter three[] = {
    {"mix", 2, {2, 3}, 0.5}, {"bias", 1, {3}, 0}, {"out", 1, {2}, 0.25}};

static bool parameter_of(const void *params, int64_t n_inputs, int i, rg_parameter *out)
{
    (void)params, (void)n_inputs;
    *out = three[i < 3 ? i : 0];
    return i < 3;
}

static rg_node *no_scores(rg_graph *graph, const rg_forward *in)
{
    (void)graph, (void)in;
    return NULL;
}

static void a_block_starts_as_a_model_does(void **state)
{
    struct fixture *v = *state;
    static const rg_architecture own = {
        .component = {.name = "two"}, .parameter = parameter_of, .forward = no_scores};
    rg_choice choice;
    rg_model *model;
    rg_parameters block;
    assert_ok(v->ctx, rg_choice_make(v->ctx, &own.component, NULL, &choice));
    const rg_model_options options = {.own = &choice, .dtype = RG_F32, .seed = 5};
    assert_ok(v->ctx, rg_model_create(v->ctx, 2, &options, &model));
    assert_ok(v->ctx, rg_parameters_create(v->ctx, three, 3, RG_F32, 5, &block));
    assert_memory_equal(block.value, rg_model_parameters(model)->value, 11 * sizeof(float));
    rg_parameters_free(v->ctx, &block);
    rg_model_destroy(model);
}

static void a_block_refuses(void **state)
{
    struct fixture *v = *state;
    rg_parameters block;
    const struct {
        rg_parameter parameter;
        const char *words;
    } bad[] = {
        {{"", 1, {3}, 0}, "parameter 1 has no name"},
        {{"a/b", 1, {3}, 0}, "without '/'"},
        {{"scalar", 0, {0}, 0}, "no dimension"},
        {{"empty", 1, {0}, 0}, "no valid shape"},
        {{"negative", 2, {3, -1}, 0}, "no valid shape"},
        {{"large", 2, {INT64_MAX, 2}, 0}, "no valid shape"},
        {{"many", 9, {1, 1, 1, 1, 1, 1, 1, 1}, 0}, "no valid shape"},
        {{"bound", 1, {3}, -1}, "the bound of bound is -1"},
        {{"bound", 1, {3}, HUGE_VAL}, "is inf; expected >= 0"},
        {{"bound", 1, {3}, (double)NAN}, "is nan; expected >= 0"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const rg_parameter list[] = {two[0], bad[i].parameter};
        assert_fails(v->ctx, RG_USAGE, bad[i].words,
                     rg_parameters_create(v->ctx, list, 2, RG_F32, 1, &block));
    }
    assert_fails(v->ctx, RG_USAGE, "n is 0",
                 rg_parameters_create(v->ctx, two, 0, RG_F32, 1, &block));
    assert_fails(v->ctx, RG_USAGE, "dtype",
                 rg_parameters_create(v->ctx, two, 2, RG_I32, 1, &block));
    assert_ok(v->ctx, rg_parameters_create(v->ctx, two, 1, RG_F32, 1, &block));
    for (int i = -1; i < 2; i += 2) { /* the block was made of one parameter only */
        rg_graph_reset(v->graph);
        assert_null(rg_parameters_variable(v->graph, &block, two, i));
        assert_true(strstr(rg_last_error(v->ctx), "no such parameter"));
    }
    rg_parameters_free(v->ctx, &block);
}

/* ---- Batches ---- */

static double element(const rg_node *node, int64_t i)
{
    const rg_tensor *t = rg_node_value(node);
    return t->dtype == RG_F64 ? ((const double *)t->data)[i] : (double)((const float *)t->data)[i];
}

/* A batch holds whole lists of the split, row by row. */
static void check_batch(struct fixture *v, const rg_batch *b)
{
    int64_t at = 0;
    rg_node *x = rg_scale(v->graph, b->rows, 1); /* gathers the rows */
    for (int64_t k = 0; k < b->loss.n_lists; k++) {
        int64_t q = b->lists[k];
        assert_int_equal(b->loss.offsets[k], at);
        if (b->loss.list_weights)
            assert_close(element(b->loss.list_weights, k), v->list_weights[q] / 2, 1e-6, 0);
        for (int64_t row = v->offsets[q]; row < v->offsets[q + 1]; row++) {
            if (v->split.mask && !v->split.mask[row])
                continue;
            assert_close(element(x, 2 * at), v->features[2 * row], 1e-6, 0);
            assert_close(element(x, 2 * at + 1), v->features[2 * row + 1], 1e-6, 0);
            assert_close(element(b->labels, at), v->labels[row], 0, 0);
            if (b->loss.weights)
                assert_close(element(b->loss.weights, at), v->weights[row], 0, 0);
            at++;
        }
    }
    assert_int_equal(b->loss.offsets[b->loss.n_lists], at);
    assert_int_equal(rg_node_value(b->labels)->dims[0], at);
    assert_int_equal(rg_node_value(x)->dims[0], at);
}

/* Every list once in each epoch, whatever the size of the batches; n_lists are used. */
static void check_epochs(struct fixture *v, rg_dtype dtype, int64_t n_lists)
{
    rg_batches *batches;
    assert_ok(v->ctx, rg_batches_create(v->ctx, &v->split, NULL, dtype, &batches));
    assert_int_equal(rg_batches_n_lists(batches), n_lists);
    for (int64_t size = 1; size <= N_LISTS + 1; size++) {
        int64_t n = rg_batches_shuffle(batches, size, 1, size), seen = 0;
        int counts[N_LISTS] = {0};
        assert_int_equal(n, (n_lists + size - 1) / size);
        for (int64_t i = 0; i < n; i++) {
            rg_batch b;
            rg_graph_reset(v->graph);
            assert_ok(v->ctx, rg_batches_get(v->graph, batches, i, &b));
            check_batch(v, &b);
            for (int64_t k = 0; k < b.loss.n_lists; k++, seen++)
                counts[b.lists[k]]++;
        }
        assert_int_equal(seen, n_lists);
        for (int q = 0; q < N_LISTS; q++)
            assert_true(counts[q] <= 1);
    }
    rg_batches_destroy(batches);
}

static void batches_are_whole_lists(void **state)
{
    struct fixture *v = *state;
    check_epochs(v, RG_F64, 4);
    check_epochs(v, RG_F32, 4);
    v->split.mask = v->mask;
    check_epochs(v, RG_F64, 4);
    v->mask[2] = 0; /* all of list 1 */
    check_epochs(v, RG_F32, 3);
    v->mask[2] = 1;
    v->split.weights = v->weights;
    v->split.list_weights = v->list_weights;
    check_epochs(v, RG_F64, 3);
    v->list_weights[1] = 0;
    v->list_weights[0] = 2; /* their mean stays 2 */
    check_epochs(v, RG_F32, 2);
}

/* The order depends on seed and epoch alone, not on the epochs before. */
static void the_order_is_that_of_the_epoch(void **state)
{
    struct fixture *v = *state;
    enum { MANY = 50 };
    static double x[MANY], y[MANY];
    static int64_t offsets[MANY + 1], first[MANY];
    for (int i = 0; i < MANY; i++)
        offsets[i + 1] = i + 1;
    const rg_split split = {.name = "",
                            .n_rows = MANY,
                            .n_features = 1,
                            .n_lists = MANY,
                            .features = {RG_F64, 2, {MANY, 1}, x},
                            .labels = y,
                            .offsets = offsets};
    rg_batches *batches;
    rg_batch b;
    assert_ok(v->ctx, rg_batches_create(v->ctx, &split, NULL, RG_F64, &batches));
    assert_ok(v->ctx,
              rg_batches_get(v->graph, batches, 0, &b)); /* one batch in the split's order */
    for (int i = 0; i < MANY; i++)
        assert_int_equal(b.lists[i], i);
    for (int time = 0; time < 2; time++) {
        assert_int_equal(rg_batches_shuffle(batches, MANY, 1, 7), 1);
        assert_ok(v->ctx, rg_batches_get(v->graph, batches, 0, &b));
        if (time == 0)
            memcpy(first, b.lists, sizeof first);
        assert_memory_equal(first, b.lists, sizeof first);
        for (int64_t epoch = 6; epoch < 10; epoch += 2) {
            rg_batches_shuffle(batches, MANY, 1, epoch);
            assert_true(memcmp(first, b.lists, sizeof first) != 0);
        }
        rg_batches_shuffle(batches, MANY, 2, 7);
        assert_true(memcmp(first, b.lists, sizeof first) != 0);
    }
    rg_batches_destroy(batches);
}

static void batches_are_normalised(void **state)
{
    struct fixture *v = *state;
    rg_normalization z;
    rg_batches *batches;
    rg_batch b;
    assert_ok(v->ctx, rg_normalization_fit(v->ctx, "zscore", &v->split, &z));
    assert_ok(v->ctx, rg_batches_create(v->ctx, &v->split, &z, RG_F64, &batches));
    assert_ok(v->ctx, rg_batches_get(v->graph, batches, 0, &b));
    rg_node *x = rg_scale(v->graph, b.rows, 1);
    for (int row = 0; row < N_ROWS; row++)
        for (int j = 0; j < 2; j++)
            assert_close(element(x, 2 * row + j), (row - 3) / 2.0, 1e-12, 1e-12);
    rg_batches_destroy(batches);
    z.n_features = 3;
    assert_fails(v->ctx, RG_USAGE, "a normalisation of 3 features; expected 2",
                 rg_batches_create(v->ctx, &v->split, &z, RG_F64, &batches));
    z.n_features = 2;
    z.scale[1] = (double)NAN;
    assert_fails(v->ctx, RG_USAGE, "feature 2 (from 1) has shift",
                 rg_batches_create(v->ctx, &v->split, &z, RG_F64, &batches));
    rg_normalization_free(v->ctx, &z);
}

static void unsound_splits_are_refused(void **state)
{
    struct fixture *v = *state;
    rg_batches *batches;
    const struct {
        rg_split split;
        const char *words;
    } bad[] = {
        {{.n_features = 2,
          .features = {RG_F64, 2, {0, 2}, v->features},
          .labels = v->labels,
          .offsets = v->offsets},
         "has 0 rows"},
        {{.n_rows = 1,
          .n_features = 2,
          .features = {RG_F64, 2, {1, 2}, v->features},
          .labels = v->labels},
         "no lists"},
        {{.n_rows = 2,
          .n_lists = 1,
          .n_features = 2,
          .features = {RG_F64, 2, {2, 2}, v->features},
          .offsets = v->offsets},
         "no labels"},
        {{.n_rows = 2,
          .n_lists = 1,
          .n_features = 2,
          .features = {RG_F64, 2, {2, 2}, v->features},
          .labels = (double[]){1, (double)NAN},
          .offsets = v->offsets},
         "nan"},
        {{.n_rows = 2,
          .n_lists = 1,
          .n_features = 2,
          .features = {RG_F64, 2, {2, 2}, v->features},
          .labels = v->labels,
          .list_weights = (double[]){-1},
          .offsets = v->offsets},
         "-1"},
        {{.n_rows = 2,
          .n_lists = 1,
          .n_features = 3,
          .features = {RG_F64, 2, {2, 2}, v->features},
          .labels = v->labels,
          .offsets = v->offsets},
         "3 features"},
        {{.n_rows = 3,
          .n_lists = 1,
          .n_features = 2,
          .features = {RG_F64, 2, {3, 2}, v->features},
          .labels = v->labels,
          .offsets = v->offsets},
         "offsets goes from 0 to 2"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_fails(v->ctx, RG_BAD_DATA, bad[i].words,
                     rg_batches_create(v->ctx, &bad[i].split, NULL, RG_F64, &batches));
}

static void numbers_out_of_range_are_refused(void **state)
{
    struct fixture *v = *state;
    rg_batches *batches;
    rg_batch b;
    assert_fails(v->ctx, RG_USAGE, "dtype",
                 rg_batches_create(v->ctx, &v->split, NULL, RG_F16, &batches));
    assert_ok(v->ctx, rg_batches_create(v->ctx, &v->split, NULL, RG_F64, &batches));
    assert_int_equal(rg_batches_shuffle(batches, 0, 1, 1), 0);
    assert_int_equal(rg_batches_shuffle(batches, INT64_MAX, 1, 1), 1);
    assert_fails(v->ctx, RG_USAGE, "no batch of that number",
                 rg_batches_get(v->graph, batches, 1, &b));
    rg_batches_destroy(batches);
}

/* Each allocation may fail. */
static void memory_runs_out(void **state)
{
    struct fixture *v = *state;
    struct memory memory = {0};
    const rg_context_options options = {.allocator = {memory_resize, &memory}, .n_threads = 1};
    rg_context *ctx = rg_context_create(&options);
    int64_t refusals = 0;
    v->split.weights = v->weights;
    v->split.list_weights = v->list_weights;
    for (rg_status status = RG_LIMIT; status != RG_OK; refusals++) {
        rg_batches *batches = NULL;
        int64_t live = memory.live;
        memory.requests = 0;
        memory.refuse = refusals + 1;
        status = rg_batches_create(ctx, &v->split, NULL, RG_F32, &batches);
        assert_true(status == RG_OK || (status == RG_LIMIT && !batches));
        memory.refuse = 0;
        rg_batches_destroy(batches);
        assert_true(status == RG_OK || memory.live <= live + 1); /* the workers stay */
        assert_true(refusals < 100);
    }
    assert_true(refusals > 5);
    rg_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_block_holds_its_parameters_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_block_starts_as_a_model_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_block_refuses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(batches_are_whole_lists, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_order_is_that_of_the_epoch, set_up, tear_down),
        cmocka_unit_test_setup_teardown(batches_are_normalised, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unsound_splits_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(numbers_out_of_range_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_runs_out, set_up, tear_down),
    };
    RUN_TESTS(tests);
}

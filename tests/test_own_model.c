/* test_own_model.c: a model of the caller's own: trained, saved, loaded and scored like a built-in
 * one; one that sees lists; and what is refused. The built-in models' kernels against their own
 * graphs. */
#include "check.h"

#include "base/component.h"
#include "model/model.h"

#include <unistd.h>

enum { ROWS = 1200, LISTS = 60, COLUMNS = 6 };

static struct {
    rg_context *ctx;
    double x[ROWS * COLUMNS], labels[ROWS];
    int64_t offsets[LISTS + 1];
    rg_split split;
} f;

static const char *const path = "test_own_model.h5";

/* ---- A network with one tanh layer, of a settable width ---- */

struct tanh_net {
    int64_t units;
};

static bool tanh_parameter(const void *params, int64_t n_inputs, int i, rg_parameter *out)
{
    int64_t units = ((const struct tanh_net *)params)->units;
    *out = i == 0   ? (rg_parameter){"into", 2, {n_inputs, units}, 0.5}
           : i == 1 ? (rg_parameter){"shift", 1, {units}, 0}
                    : (rg_parameter){"out_of", 2, {units, 1}, 0.25};
    return i < 3;
}

static rg_node *tanh_forward(rg_graph *graph, const rg_forward *in)
{
    rg_node *h = rg_add(graph, rg_matmul(graph, in->rows, in->parameters[0]), in->parameters[1]);
    rg_node *y = rg_matmul(graph, rg_tanh(graph, h), in->parameters[2]);
    return rg_reshape(graph, y, 1, (const int64_t[]){-1});
}

static const rg_param tanh_params[] = {
    RG__INTEGER(struct tanh_net, units, 4, 1, 100, .help = "Units of the layer"),
};

static const rg_architecture tanh_net = {.component = {.name = "tanh_net",
                                                       .formula = "tanh(X W + b) v",
                                                       RG__PARAMS(struct tanh_net, tanh_params)},
                                         .parameter = tanh_parameter,
                                         .forward = tanh_forward};

/* ---- Scores relative to the list: X w minus the list's largest X w ---- */

static bool relative_parameter(const void *params, int64_t n_inputs, int i, rg_parameter *out)
{
    (void)params;
    *out = (rg_parameter){"weights", 1, {n_inputs}, 0.5};
    return i == 0;
}

/* With one list at a time, as scoring hands them over, and with several, as training does. */
static rg_node *relative_forward(rg_graph *graph, const rg_forward *in)
{
    rg_node *scores = rg_matmul(graph, in->rows, in->parameters[0]);
    if (in->n_lists != 1)
        return scores; /* a shift of a list's scores, which the loss does not see */
    return rg_sub(graph, scores, rg_max(graph, scores, rg_all_axes()));
}

static const rg_architecture relative = {
    .component = {.name = "relative", .formula = "X w - max X w of the list"},
    .parameter = relative_parameter,
    .forward = relative_forward,
    .sees_lists = true};

static rg_choice choice_of(const rg_architecture *architecture, const void *params)
{
    rg_choice choice;
    assert_ok(f.ctx, rg_choice_make(f.ctx, &architecture->component, params, &choice));
    return choice;
}

static rg_model *trained(const rg_choice *own, const char *method, rg_dtype dtype, int threads)
{
    rg_context *ctx = threads > 1 ? context_of(threads) : f.ctx;
    rg_train_options o = rg_train_options_default();
    rg_model *model;
    o.model.own = own;
    o.model.dtype = dtype;
    o.epochs = 4;
    o.optimizer.lr = 0.2;
    o.normalize = method;
    assert_ok(ctx, rg_train(ctx, &f.split, rg_no_split(), &o, &model, NULL));
    if (ctx == f.ctx)
        return model;
    const rg_parameters *p = rg_model_parameters(model); /* the bits, in a model of our context */
    rg_model *copy;
    assert_ok(f.ctx, rg_model_create(f.ctx, COLUMNS, &o.model, &copy));
    memcpy(rg_model_parameters(copy)->value, p->value, (size_t)p->count * rg_dtype_size(p->dtype));
    rg_model_destroy(model);
    rg_context_destroy(ctx);
    return copy;
}

static double ndcg(const double *scores)
{
    rg_metric metric;
    rg_metric_result result;
    assert_ok(f.ctx, rg_metric_parse(f.ctx, "ndcg@10", &metric));
    const rg_ranking ranking = {
        .n_lists = LISTS, .offsets = f.offsets, .scores = scores, .labels = f.labels};
    assert_ok(f.ctx, rg_metric_evaluate(f.ctx, &metric, &ranking, &result, NULL));
    return result.value;
}

static void it_trains_saves_loads_and_scores(void **state)
{
    (void)state;
    static double scores[ROWS], again[ROWS];
    const struct tanh_net wide = {9};
    const rg_choice own = choice_of(&tanh_net, &wide);
    const rg_architecture *const known[] = {&relative, &tanh_net};
    const char *const methods[] = {"none", "zscore", "list-minmax"};
    for (int way = 0; way < 6; way++) {
        rg_dtype dtype = way % 2 ? RG_F64 : RG_F32;
        rg_model *model = trained(&own, methods[way / 2], dtype, 1), *loaded;
        assert_int_equal(rg_model_parameters(model)->count, COLUMNS * 9 + 9 + 9);
        assert_ok(f.ctx, rg_model_score_split(model, &f.split, scores));
        assert_true(ndcg(scores) > 0.8); /* a random order gives 0.55 */
        assert_ok(f.ctx, rg_model_save(model, path, true));
        assert_fails(f.ctx, RG_BAD_DATA, "model \"tanh_net\" is unknown",
                     rg_model_load(f.ctx, path, &loaded));
        assert_null(loaded);
        assert_ok(f.ctx, rg_model_load_own(f.ctx, path, known, 2, &loaded));
        assert_string_equal(rg_model_name(loaded), "tanh_net");
        assert_int_equal(
            ((const struct tanh_net *)(const void *)&rg_model_choice(loaded)->params)->units, 9);
        assert_ok(f.ctx, rg_model_score_split(loaded, &f.split, again));
        assert_memory_equal(scores, again, sizeof scores);
        float few[12 * COLUMNS], alone[12];
        for (int i = 0; i < 12 * COLUMNS; i++)
            few[i] = (float)f.x[f.offsets[3] * COLUMNS + i];
        assert_ok(f.ctx, rg_model_score(loaded, few, f.offsets[4] - f.offsets[3], alone));
        for (int64_t i = 0; i < f.offsets[4] - f.offsets[3]; i++)
            assert_close((double)alone[i], scores[f.offsets[3] + i], 1e-4, 1e-4);
        rg_model_destroy(model);
        rg_model_destroy(loaded);
        unlink(path);
    }
}

static void threads_change_nothing(void **state)
{
    (void)state;
    const rg_choice own = choice_of(&tanh_net, NULL);
    rg_model *one = trained(&own, "zscore", RG_F32, 1);
    rg_model *three = trained(&own, "zscore", RG_F32, 3);
    const rg_parameters *a = rg_model_parameters(one), *b = rg_model_parameters(three);
    assert_int_equal(a->count, COLUMNS * 4 + 4 + 4);
    assert_memory_equal(a->value, b->value, (size_t)a->count * sizeof(float));
    rg_model_destroy(one);
    rg_model_destroy(three);
}

/* Its lists arrive whole, also from sparse rows, and the largest score of each is 0. */
static void a_model_may_see_lists(void **state)
{
    (void)state;
    static double scores[ROWS], sparse_scores[ROWS];
    static int64_t indptr[ROWS + 1];
    static int32_t indices[ROWS * COLUMNS];
    const rg_choice own = choice_of(&relative, NULL);
    rg_model *model = trained(&own, "none", RG_F64, 1);
    assert_ok(f.ctx, rg_model_score_split(model, &f.split, scores));
    for (int q = 0; q < LISTS; q++) {
        double largest = -INFINITY;
        for (int64_t i = f.offsets[q]; i < f.offsets[q + 1]; i++)
            largest = fmax(largest, scores[i]);
        assert_close(largest, 0, 0, 0);
    }
    assert_true(ndcg(scores) > 0.8);
    for (int i = 0; i < ROWS * COLUMNS; i++)
        indices[i] = i % COLUMNS;
    for (int i = 0; i <= ROWS; i++)
        indptr[i] = i * COLUMNS;
    rg_split sparse = f.split;
    sparse.features = (rg_tensor){.dtype = RG_F64};
    sparse.csr = (rg_csr){ROWS, COLUMNS, indptr, indices, RG_F64, f.x};
    assert_ok(f.ctx, rg_model_score_split(model, &sparse, sparse_scores));
    for (int i = 0; i < ROWS; i++)
        assert_close(sparse_scores[i], scores[i], 1e-12, 1e-12);
    rg_split without = f.split;
    without.offsets = NULL, without.n_lists = 0;
    assert_fails(f.ctx, RG_BAD_DATA, "scores the rows of a list together",
                 rg_model_score_split(model, &without, scores));
    rg_model_destroy(model);
}

/* ---- Built-in models ---- */

static void kernels_agree_with_graphs(void **state)
{
    (void)state;
    static double fast[ROWS], slow[ROWS];
    static const char *const names[] = {"linear", "linear(bias=true)", "mlp(hidden=[7])",
                                        "mlp(hidden=[20, 3], bias=true)"};
    for (int way = 0; way < 8; way++) {
        rg_model_options o = {
            .name = names[way / 2], .dtype = way % 2 ? RG_F64 : RG_F32, .seed = 5};
        rg_model *model;
        assert_ok(f.ctx, rg_model_create(f.ctx, COLUMNS, &o, &model));
        const rg_parameters *p = rg_model_parameters(model);
        for (int64_t i = 0; i < p->count; i++) { /* biases and a linear model start at 0 */
            double x = sin(3.0 * (double)i);
            if (p->dtype == RG_F32)
                ((float *)p->value)[i] = (float)x;
            else
                ((double *)p->value)[i] = x;
        }
        assert_ok(f.ctx, rg_model_score_split(model, &f.split, fast));
        rg_architecture graph_only = *rg__architecture(model); /* without its kernels */
        graph_only.scoring = NULL;
        model->choice.component = &graph_only.component;
        assert_ok(f.ctx, rg_model_score_split(model, &f.split, slow));
        double differ = 0;
        for (int i = 0; i < ROWS; i++) {
            assert_close(fast[i], slow[i], o.dtype == RG_F32 ? 1e-5 : 1e-13, 1e-5);
            differ += fabs(fast[i] - fast[0]);
        }
        assert_true(differ > 1);
        rg_model_destroy(model);
    }
}

/* ---- Nonsense ---- */

static bool without_end(const void *params, int64_t n_inputs, int i, rg_parameter *out)
{
    (void)params, (void)i;
    *out = (rg_parameter){"weights", 1, {n_inputs}, 0};
    return true;
}

static bool none(const void *params, int64_t n_inputs, int i, rg_parameter *out)
{
    (void)params, (void)n_inputs, (void)i, (void)out;
    return false;
}

static bool nameless(const void *params, int64_t n_inputs, int i, rg_parameter *out)
{
    (void)params;
    *out = (rg_parameter){"", 1, {n_inputs}, 0};
    return i == 0;
}

static bool empty(const void *params, int64_t n_inputs, int i, rg_parameter *out)
{
    (void)params, (void)n_inputs;
    *out = (rg_parameter){"weights", 1, {0}, 0};
    return i == 0;
}

static bool vast(const void *params, int64_t n_inputs, int i, rg_parameter *out)
{
    (void)params, (void)n_inputs;
    *out = (rg_parameter){"weights", 2, {INT64_MAX / 64, 4}, 0};
    return i == 0;
}

static bool unbounded(const void *params, int64_t n_inputs, int i, rg_parameter *out)
{
    (void)params;
    *out = (rg_parameter){"weights", 1, {n_inputs}, NAN};
    return i == 0;
}

static rg_node *sum_forward(rg_graph *graph, const rg_forward *in)
{
    return rg_sum(graph, rg_matmul(graph, in->rows, in->parameters[0]), rg_all_axes());
}

static rg_node *null_forward(rg_graph *graph, const rg_forward *in)
{
    (void)graph, (void)in;
    return NULL;
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static double scores[ROWS];
    const struct {
        const char *name;
        bool (*parameter)(const void *, int64_t, int, rg_parameter *);
        rg_node *(*forward)(rg_graph *, const rg_forward *);
        rg_status status;
        const char *words;
    } cases[] = {
        {"m", NULL, sum_forward, RG_USAGE, "no name, parameter or"},
        {"m", empty, NULL, RG_USAGE, "no name, parameter or"},
        {NULL, empty, sum_forward, RG_USAGE, "no name, parameter or"},
        {"m", without_end, sum_forward, RG_USAGE, "too many parameters"},
        {"m", none, sum_forward, RG_USAGE, "no parameters"},
        {"m", nameless, sum_forward, RG_USAGE, "parameter 0 has no name"},
        {"m", empty, sum_forward, RG_USAGE, "no valid shape"},
        {"m", vast, sum_forward, RG_LIMIT, "the parameters"},
        {"m", unbounded, sum_forward, RG_USAGE, "bound of weights is nan"},
        {"m", relative_parameter, sum_forward, RG_USAGE, "does not give 1 score"},
        {"m", relative_parameter, null_forward, RG_USAGE, "does not give 1 score"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const rg_architecture own = {.component = {.name = cases[i].name},
                                     .parameter = cases[i].parameter,
                                     .forward = cases[i].forward};
        rg_choice choice = {.component = &own.component};
        rg_model_options o = {.own = &choice, .dtype = RG_F64};
        rg_model *model = NULL;
        rg_status status = rg_model_create(f.ctx, COLUMNS, &o, &model);
        if (status == RG_OK)
            status = rg_model_score_split(model, &f.split, scores);
        if (status != cases[i].status || !strstr(rg_last_error(f.ctx), cases[i].words))
            fail_msg("case %d: %s: %s", (int)i, rg_status_name(status), rg_last_error(f.ctx));
        rg_model_destroy(model);
        rg_train_options t = rg_train_options_default();
        t.model = o;
        t.epochs = 1;
        assert_int_equal(rg_train(f.ctx, &f.split, rg_no_split(), &t, &model, NULL),
                         cases[i].status);
        assert_null(model);
    }
}

static int set_up(void **state)
{
    (void)state;
    f.ctx = rg_context_create(NULL);
    for (int i = 0; i < ROWS; i++) {
        for (int j = 0; j < COLUMNS; j++)
            f.x[i * COLUMNS + j] = (double)(float)sin(7 * i + 3 * j * j);
        f.labels[i] = f.x[i * COLUMNS] - f.x[i * COLUMNS + 1] > 0.4;
    }
    for (int q = 1; q <= LISTS; q++)
        f.offsets[q] = f.offsets[q - 1] + (q < LISTS ? 1 + q * 7 % 12 : 0);
    f.offsets[LISTS] = ROWS;
    f.split = (rg_split){.name = "",
                         .n_rows = ROWS,
                         .n_features = COLUMNS,
                         .n_lists = LISTS,
                         .features = {RG_F64, 2, {ROWS, COLUMNS}, f.x},
                         .labels = f.labels,
                         .offsets = f.offsets};
    return f.ctx ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    rg_context_destroy(f.ctx);
    unlink(path);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_trains_saves_loads_and_scores),
        TEST(threads_change_nothing),
        TEST(a_model_may_see_lists),
        TEST(kernels_agree_with_graphs),
        TEST(nonsense_is_refused),
    };
    RUN_TESTS(tests);
}

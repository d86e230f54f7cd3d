/* test_model.c: scoring gives a row the same bits everywhere, and a model's file gives it back. */
#include "check.h"

#include "base/base.h"
#include "hdf5/h5.h"
#include "tensor/tensor.h"

#include <unistd.h>

enum { F = 21, N = 1000 };

static rg_context *ctx;
static float rows[N * F], scores[N], again[N];
static double shift[F], scale[F];
static char path[64], copy[64];

static int set_up(void **state)
{
    (void)state;
    ctx = rg_context_create(NULL);
    for (int i = 0; i < N * F; i++)
        rows[i] = 3 * sinf((float)i * 0.7f);
    for (int f = 0; f < F; f++)
        shift[f] = 0.01 * f, scale[f] = 1 + 0.1 * f;
    snprintf(path, sizeof path, "/tmp/rankgrad-model-%ld.h5", (long)getpid());
    snprintf(copy, sizeof copy, "/tmp/rankgrad-model-%ld-2.h5", (long)getpid());
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rg_context_destroy(ctx);
    unlink(path);
    unlink(copy);
    return 0;
}

static rg_model *make(rg_dtype dtype, bool bias, const char *method)
{
    rg_model_options o = {.name = bias ? "linear(bias=true)" : "linear", .dtype = dtype};
    rg_model *model;
    rg_normalization norm = normalization_of(method, F);
    if (!same_text(method, "none") && !same_text(method, "list-minmax"))
        norm.shift = shift, norm.scale = scale;
    assert_ok(ctx, rg_model_create(ctx, F, &o, &model));
    assert_ok(ctx, rg_model_set_normalization(model, &norm));
    const rg_parameters *p = rg_model_parameters(model);
    assert_int_equal(p->count, F + bias);
    for (int64_t i = 0; i < p->count; i++)
        if (dtype == RG_F32)
            ((float *)p->value)[i] = cosf((float)i);
        else
            ((double *)p->value)[i] = cos((double)i);
    return model;
}

static rg_split split_of(int64_t n, int64_t *offsets)
{
    return (rg_split){.name = "",
                      .n_rows = n,
                      .n_features = F,
                      .n_lists = 1,
                      .features = {RG_F32, 2, {n, F}, rows},
                      .offsets = offsets};
}

/* Alone, among 1,000 others, through the graph, over a split: the same bits. */
static void a_score_depends_on_its_row_alone(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        rg_dtype dtype = variant & 1 ? RG_F64 : RG_F32;
        bool bias = variant & 2;
        rg_model *model = make(dtype, bias, "zscore");
        int64_t offsets[] = {0, N};
        double wide[N];
        rg_split split = split_of(N, offsets);
        assert_ok(ctx, rg_model_score(model, rows, N, scores));
        assert_ok(ctx, rg_model_score_split(model, &split, wide));
        for (int i = 0; i < N; i++) {
            assert_ok(ctx, rg_model_score(model, rows + i * F, 1, again));
            assert_memory_equal(again, &scores[i], sizeof scores[i]);
            assert_true((float)wide[i] == scores[i]);
        }
        rg_model_destroy(model);
    }
}

static void the_graph_gives_the_same_scores(void **state)
{
    (void)state;
    rg_model *model = make(RG_F32, true, "none");
    rg_graph *graph = rg_graph_create(ctx);
    rg_tensor x = {RG_F32, 2, {N, F}, rows};
    rg_node *y = rg_model_forward(graph, model, rg_leaf(graph, &x), NULL, 0);
    assert_ok(ctx, rg_model_score(model, rows, N, scores));
    assert_int_equal(rg_node_value(y)->ndim, 1);
    assert_memory_equal(rg_node_value(y)->data, scores, sizeof scores);
    assert_ok(ctx, rg_backward(graph, rg_sum(graph, y, rg_all_axes()), NULL));
    const float *grad = rg_model_parameters(model)->grad;
    assert_close((double)grad[F], N, 0, 0); /* of the bias */
    assert_null(rg_model_forward(graph, model, NULL, NULL, 0));
    rg_graph_destroy(graph);
    rg_model_destroy(model);
}

static void list_minmax_looks_at_its_list(void **state)
{
    (void)state;
    rg_model *model = make(RG_F32, false, "list-minmax");
    int64_t offsets[] = {0, N};
    double wide[N];
    rg_split split = split_of(N, offsets);
    assert_ok(ctx, rg_model_score(model, rows, N, scores));
    assert_ok(ctx, rg_model_score_split(model, &split, wide));
    for (int i = 0; i < N; i++)
        assert_true((float)wide[i] == scores[i]);
    assert_ok(ctx, rg_model_score(model, rows, 1, again));
    assert_true(again[0] == 0); /* a list of one: every feature is constant */
    split.offsets = NULL;
    split.n_lists = 0;
    assert_fails(ctx, RG_BAD_DATA, "list-minmax", rg_model_score_split(model, &split, wide));
    rg_model_destroy(model);
}

static void missing_features_and_widths(void **state)
{
    (void)state;
    rg_model *model = make(RG_F32, false, "zscore");
    int64_t offsets[] = {0, 3};
    double wide[3];
    rg_split split = split_of(3, offsets);
    float kept = rows[F + 2];
    rows[F + 2] = NAN;
    assert_ok(ctx, rg_model_score_split(model, &split, wide));
    assert_true(isfinite(wide[0]) && isnan(wide[1]) && isfinite(wide[2]));
    rows[F + 2] = kept;
    split.n_features = split.features.dims[1] = F - 1;
    assert_fails(ctx, RG_BAD_DATA, "20 features", rg_model_score_split(model, &split, wide));
    assert_ok(ctx, rg_model_score(model, rows, 0, scores));
    assert_fails(ctx, RG_USAGE, "n is -1", rg_model_score(model, rows, -1, scores));
    rg_model_destroy(model);
}

/* ---- mlp ---- */

/* Layers narrower than a tile, as wide, and of no multiple of one. */
static const int64_t narrow[] = {3, 1, 5}, wide[] = {37, 16}, one[] = {20};
static const struct {
    const int64_t *hidden;
    int n_hidden;
    const char *name, *with_bias;
} shapes[] = {{narrow, 3, "mlp(hidden=[3, 1, 5])", "mlp(hidden=[3, 1, 5], bias=true)"},
              {wide, 2, "mlp(hidden=[37, 16])", "mlp(hidden=[37, 16], bias=true)"},
              {one, 1, "mlp(hidden=[20])", "mlp(hidden=[20], bias=true)"}};

/* The units of an mlp's hidden layers. */
static const rg_integers *hidden_of(const rg_model *model)
{
    return (const void *)&rg_model_choice(model)->params; /* the first of its parameters */
}

static rg_model *make_mlp(rg_context *own, int64_t n_features, int shape, rg_dtype dtype, bool bias)
{
    rg_model_options o = {
        .name = bias ? shapes[shape].with_bias : shapes[shape].name, .dtype = dtype, .seed = 7};
    rg_model *model;
    assert_ok(own, rg_model_create(own, n_features, &o, &model));
    return model;
}

static double number(const rg_parameters *p, int64_t i)
{
    return p->dtype == RG_F32 ? (double)((float *)p->value)[i] : ((double *)p->value)[i];
}

/* Biases that are not 0. */
static void add_biases(rg_model *model)
{
    const rg_parameters *p = rg_model_parameters(model);
    for (int64_t i = 0; i < p->count; i++) {
        double x = number(p, i) == 0 ? 0.3 * sin((double)i) : number(p, i);
        if (p->dtype == RG_F32)
            ((float *)p->value)[i] = (float)x;
        else
            ((double *)p->value)[i] = x;
    }
}

/* The definition, in double. */
static double longhand(const rg_model *model, const float *row)
{
    const rg_parameters *p = rg_model_parameters(model);
    const int64_t *hidden = hidden_of(model)->at, n_hidden = hidden_of(model)->n;
    int64_t inputs = rg_model_n_features(model), at = 0;
    double *x = calloc((size_t)inputs, sizeof *x), *y;
    for (int64_t k = 0; k < inputs; k++)
        x[k] = (double)row[k];
    for (int64_t l = 0; l <= n_hidden; l++) {
        int64_t units = l < n_hidden ? hidden[l] : 1;
        y = calloc((size_t)units, sizeof *y);
        for (int64_t j = 0; j < units; j++) {
            for (int64_t k = 0; k < inputs; k++)
                y[j] += x[k] * number(p, at + k * units + j);
            if (at + inputs * units + j < p->count)
                y[j] += number(p, at + inputs * units + j);
            y[j] = l < n_hidden && y[j] < 0 ? 0 : y[j];
        }
        at += (inputs + 1) * units;
        inputs = units;
        free(x);
        x = y;
    }
    double score = x[0];
    free(x);
    return score;
}

static void an_mlp_is_what_it_says(void **state)
{
    (void)state;
    for (int variant = 0; variant < 12; variant++) {
        rg_dtype dtype = variant & 1 ? RG_F64 : RG_F32;
        rg_model *model = make_mlp(ctx, F, variant / 4, dtype, variant & 2);
        add_biases(model);
        rg_graph *graph = rg_graph_create(ctx);
        rg_tensor x = {RG_F32, 2, {N, F}, rows};
        rg_node *leaf = rg_cast(graph, rg_leaf(graph, &x), dtype);
        rg_node *y = rg_model_forward(graph, model, leaf, NULL, 0);
        assert_non_null(y);
        assert_int_equal(rg_node_value(y)->ndim, 1);
        assert_ok(ctx, rg_model_score(model, rows, N, scores));
        double differ = 0;
        for (int i = 0; i < N; i++) {
            double score = longhand(model, rows + i * F);
            assert_close((double)scores[i], score, 1e-5, 1e-5);
            assert_close(dtype == RG_F32 ? (double)((float *)rg_node_value(y)->data)[i]
                                         : ((double *)rg_node_value(y)->data)[i],
                         score, 1e-5, 1e-5);
            differ = fmax(differ, fabs(score - longhand(model, rows)));
        }
        assert_true(differ > 1e-3);
        rg_graph_destroy(graph);
        rg_model_destroy(model);
    }
}

/* With several outputs, a row's score is the sum of the sigmoids of what the graph gives, alone and
 * among others, dense and sparse, and after saving and loading. */
static void several_outputs_become_one_score(void **state)
{
    (void)state;
    static const char *const names[] = {"linear(outputs=4)", "mlp(hidden=[5],outputs=2)",
                                        "mlp(hidden=[7,3],outputs=130)", "linear(outputs=65)"};
    for (int variant = 0; variant < 2 * RG__COUNT(names); variant++) {
        rg_model_options o = {.name = names[variant / 2], .dtype = variant % 2 ? RG_F64 : RG_F32};
        rg_model *model, *loaded;
        assert_ok(ctx, rg_model_create(ctx, F, &o, &model));
        const rg_parameters *p = rg_model_parameters(model);
        for (int64_t i = 0; i < p->count; i++) {
            double value = cos(0.9 * (double)i) / 3;
            rg__cast(RG_F64, &value, o.dtype, (char *)p->value + (size_t)i * rg_dtype_size(o.dtype),
                     1);
        }
        int64_t n_outputs = rg_model_n_outputs(model), offsets[] = {0, N}, indptr[N + 1];
        static int32_t indices[N * F];
        static double dense[N], sparse[N];
        rg_split split = split_of(N, offsets);
        assert_ok(ctx, rg_model_score_split(model, &split, dense));
        for (int i = 0; i <= N; i++)
            indptr[i] = i * F;
        for (int i = 0; i < N * F; i++)
            indices[i] = i % F;
        split.features.data = NULL;
        split.csr = (rg_csr){N, F, indptr, indices, RG_F32, rows};
        assert_ok(ctx, rg_model_score_split(model, &split, sparse));
        assert_ok(ctx, rg_model_score(model, rows, N, scores));
        rg_graph *graph = rg_graph_create(ctx);
        rg_tensor x = {RG_F32, 2, {N, F}, rows};
        rg_node *y =
            rg_model_forward(graph, model, rg_cast(graph, rg_leaf(graph, &x), o.dtype), NULL, 0);
        assert_non_null(y);
        assert_int_equal(rg_node_value(y)->dims[1], n_outputs);
        for (int i = 0; i < N; i++) {
            double want = 0;
            for (int64_t c = 0; c < n_outputs; c++)
                want +=
                    1 / (1 + exp(-rg__element(o.dtype, rg_node_value(y)->data, i * n_outputs + c)));
            assert_close(dense[i], want, 2e-6, 0);
            assert_close(sparse[i], dense[i], 1e-6, 0);
            assert_true((float)dense[i] == scores[i]);
            assert_ok(ctx, rg_model_score(model, rows + i * F, 1, again));
            assert_true(*again == scores[i]);
        }
        rg_graph_destroy(graph);
        assert_ok(ctx, rg_model_save(model, path, true));
        assert_ok(ctx, rg_model_load(ctx, path, &loaded));
        assert_int_equal(rg_model_n_outputs(loaded), n_outputs);
        assert_ok(ctx, rg_model_score(loaded, rows, N, again));
        assert_memory_equal(again, scores, sizeof scores);
        rg_model_destroy(loaded);
        rg_model_destroy(model);
    }
}

/* Outputs that an architecture has no parameter for, or that are out of range. */
static void outputs_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t outputs;
        const char *words; /* NULL: it is created */
        int64_t n;
    } cases[] = {
        {"linear", 0, NULL, 1},
        {"linear", 3, NULL, 3},
        {"linear(outputs=5)", 0, NULL, 5},
        {"linear(outputs=5)", 3, NULL, 3},
        {"mlp(outputs=5)", 1, NULL, 1},
        {"linear", -1, "-1 outputs; expected 0 to 65536", 0},
        {"linear", 65537, "65537 outputs; expected 0 to 65536", 0},
        {"linear(outputs=0)", 0, "outputs is 0; expected a whole number >= 1", 0},
        {"mlp(outputs=65537)", 0, "outputs is 65537; expected", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_model_options o = {.name = cases[i].name, .dtype = RG_F32, .outputs = cases[i].outputs};
        rg_model *model;
        rg_status status = rg_model_create(ctx, F, &o, &model);
        assert_int_equal(status, cases[i].words ? RG_USAGE : RG_OK);
        assert_true(!cases[i].words || strstr(rg_last_error(ctx), cases[i].words));
        assert_int_equal(rg_model_n_outputs(model), cases[i].n);
        rg_model_destroy(model);
    }
}

/* Alone, in any company, at any level of x86-64, by any number of threads: the same bits. */
static void an_mlp_scores_a_row_alone(void **state)
{
    (void)state;
    enum { MANY = 5 * N };
    static float all[MANY * F], first[MANY], other[MANY];
    static double split_scores[MANY];
    for (int i = 0; i < MANY * F; i++)
        all[i] = sinf((float)i * 0.37f);
    for (int variant = 0; variant < 6; variant++) {
        rg_dtype dtype = variant % 2 ? RG_F64 : RG_F32;
        for (int n_threads = 1; n_threads <= 3; n_threads++) {
            rg_context_options o = rg_context_options_default();
            o.n_threads = n_threads;
            rg_context *own = rg_context_create(&o);
            if (n_threads < 3 && own->level > 1)
                own->level = n_threads == 1 ? 1 : 3;
            rg_model *model = make_mlp(own, F, variant / 2, dtype, true);
            add_biases(model);
            rg_split split = {.name = "", .n_rows = MANY, .n_features = F};
            split.features = (rg_tensor){RG_F32, 2, {MANY, F}, all};
            assert_ok(own, rg_model_score(model, all, MANY, other));
            assert_ok(own, rg_model_score_split(model, &split, split_scores));
            if (n_threads == 1)
                memcpy(first, other, sizeof first);
            assert_memory_equal(first, other, sizeof first);
            for (int i = 0; i < MANY; i++)
                assert_true((float)split_scores[i] == first[i]);
            for (int n = 1; n < 14; n++) {
                assert_ok(own, rg_model_score(model, all + n * F, n, other));
                assert_memory_equal(other, first + n, (size_t)n * sizeof *other);
            }
            rg_model_destroy(model);
            rg_context_destroy(own);
        }
    }
}

/* Beyond RG__PRODUCT_BLOCK inputs the blocks add up in double; a row that is wider than the stack's
 * block takes memory, and says when there is none. */
static void many_features(void **state)
{
    (void)state;
    enum { WIDE = 15000, ROWS = 8 };
    float *row = calloc(ROWS * WIDE, sizeof *row), found[ROWS];
    rg_normalization norm = {normalization_of("zscore", WIDE).choice, WIDE,
                             calloc(WIDE, sizeof(double)), calloc(WIDE, sizeof(double))};
    for (int i = 0; i < ROWS * WIDE; i++)
        row[i] = sinf((float)i);
    for (int i = 0; i < WIDE; i++)
        norm.scale[i] = 1;
    for (int shape = 0; shape < 3; shape++) {
        struct memory memory = {0};
        rg_context *own = memory_context(&memory);
        rg_model *model = make_mlp(own, WIDE, shape, RG_F32, false);
        add_biases(model);
        for (int turn = 0; turn < 2;
             turn++) { /* read in place; normalised, which changes nothing */
            double differ = 0;
            assert_ok(own, rg_model_score(model, row, ROWS, found));
            for (int i = 0; i < ROWS; i++) {
                assert_close((double)found[i], longhand(model, row + i * WIDE), 1e-4, 1e-4);
                differ = fmax(differ, fabs((double)(found[i] - found[0])));
            }
            assert_true(differ > 1e-3); /* some unit lives */
            assert_ok(own, rg_model_set_normalization(model, &norm));
        }
        memory.refuse = memory.requests + 1;
        assert_fails(own, RG_LIMIT, "rows to score", rg_model_score(model, row, ROWS, found));
        rg_model_destroy(model);
        rg_context_destroy(own);
        assert_int_equal(memory.live, 0);
    }
    free(row);
    free(norm.shift);
    free(norm.scale);
}

/* A NaN feature gives a NaN score, whatever relu does with the others. */
static void an_mlp_keeps_nan(void **state)
{
    (void)state;
    for (int shape = 0; shape < 3; shape++) {
        rg_model *model = make_mlp(ctx, F, shape, RG_F32, false);
        float kept = rows[2 * F + 1];
        rows[2 * F + 1] = NAN;
        assert_ok(ctx, rg_model_score(model, rows, 9, scores));
        for (int i = 0; i < 9; i++)
            assert_true(isnan(scores[i]) == (i == 2));
        rows[2 * F + 1] = kept;
        rg_model_destroy(model);
    }
}

/* A list of a usual size is scored without asking for memory. */
static void scoring_takes_no_memory(void **state)
{
    (void)state;
    struct memory memory = {0};
    rg_context *own = memory_context(&memory);
    rg_normalization norm = normalization_of("zscore", F);
    norm.shift = shift, norm.scale = scale;
    rg_model *models[2] = {NULL, make_mlp(own, F, 1, RG_F32, false)};
    assert_ok(own, rg_model_create(own, F, NULL, &models[0]));
    for (int i = 0; i < 2; i++) {
        for (int turn = 0; turn < 2; turn++) {
            int64_t before = memory.requests;
            assert_ok(own, rg_model_score(models[i], rows, N, scores));
            assert_int_equal(memory.requests, before);
            assert_ok(own, rg_model_set_normalization(models[i], &norm));
        }
        rg_model_destroy(models[i]);
    }
    rg_context_destroy(own);
}

/* Uniform within the bound, variance 2 / fan-in and 1 / fan-in, by the seed alone. */
static void first_weights(void **state)
{
    (void)state;
    rg_model_options o = {.name = "mlp(hidden=[600, 500], bias=true)", .dtype = RG_F64, .seed = 3};
    rg_model *model, *same, *single, *other;
    assert_ok(ctx, rg_model_create(ctx, 50, &o, &model));
    assert_ok(ctx, rg_model_create(ctx, 50, &o, &same));
    o.dtype = RG_F32;
    assert_ok(ctx, rg_model_create(ctx, 50, &o, &single));
    o.seed = 4;
    assert_ok(ctx, rg_model_create(ctx, 50, &o, &other));
    const rg_parameters *p = rg_model_parameters(model);
    const int64_t runs[3][3] = {{50, 600, 2}, {600, 500, 2}, {500, 1, 1}};
    int64_t at = 0, n_equal = 0;
    for (int l = 0; l < 3; l++) {
        int64_t n = runs[l][0] * runs[l][1];
        double sum = 0, squares = 0, variance = (double)runs[l][2] / (double)runs[l][0];
        for (int64_t i = 0; i < n; i++) {
            double x = number(p, at + i);
            assert_true(fabs(x) <= sqrt(3 * variance));
            sum += x / (double)n;
            squares += x * x / (double)n;
        }
        assert_close(sum, 0, 0, 5 * sqrt(variance / (double)n));
        assert_close(squares, variance, 5 / sqrt((double)n), 0);
        for (int64_t i = n; i < n + runs[l][1]; i++)
            assert_true(number(p, at + i) == 0);
        at += n + runs[l][1];
    }
    assert_int_equal(at, p->count);
    for (int64_t i = 0; i < p->count; i++) {
        assert_true(number(p, i) == number(rg_model_parameters(same), i));
        assert_true((float)number(p, i) == (float)number(rg_model_parameters(single), i));
        n_equal += number(p, i) != 0 &&
                   (float)number(p, i) == (float)number(rg_model_parameters(other), i);
    }
    assert_true(n_equal < 5);
    n_equal = 0; /* each layer draws its own */
    double bounds[] = {sqrt(6.0 / 50), sqrt(6.0 / 600)};
    for (int64_t i = 0; i < 1000; i++)
        n_equal +=
            fabs(number(p, i) / bounds[0] - number(p, 50 * 600 + 600 + i) / bounds[1]) < 1e-9;
    assert_true(n_equal < 5);
    rg_model *models[] = {model, same, single, other};
    for (int i = 0; i < 4; i++)
        rg_model_destroy(models[i]);
}

/* The scores of an mlp as a function of its rows and parameters, built by the model itself. */
static rg_node *scores_of(rg_graph *graph, rg_node *const *inputs, void *user)
{
    (void)user;
    rg_node *h = rg_add(graph, rg_matmul(graph, inputs[0], inputs[1]), inputs[2]);
    h = rg_add(graph, rg_matmul(graph, rg_relu(graph, h), inputs[3]), inputs[4]);
    return rg_matmul(graph, rg_relu(graph, h), inputs[5]);
}

/* The model's own graph has the gradients of the function above, which central differences
 * confirm: no input of a relu is nearer to its kink than the step reaches. */
static void the_gradient_of_an_mlp(void **state)
{
    (void)state;
    enum { ROWS = 6 };
    rg_model_options o = {.name = "mlp(hidden=[5, 4])", .dtype = RG_F64, .seed = 2};
    rg_model *model;
    assert_ok(ctx, rg_model_create(ctx, F, &o, &model));
    add_biases(model);
    const rg_parameters *p = rg_model_parameters(model);
    double x[ROWS * F], ones[ROWS], *at = p->value;
    for (int i = 0; i < ROWS * F; i++)
        x[i] = (double)rows[i];
    for (int i = 0; i < ROWS; i++)
        ones[i] = 1 + i;
    rg_tensor inputs[] = {{RG_F64, 2, {ROWS, F}, x},         {RG_F64, 2, {F, 5}, at},
                          {RG_F64, 1, {5}, at + 5 * F},      {RG_F64, 2, {5, 4}, at + 5 * F + 5},
                          {RG_F64, 1, {4}, at + 5 * F + 25}, {RG_F64, 1, {4}, at + 5 * F + 29}};
    rg_gradcheck_report report;
    assert_ok(ctx, rg_gradcheck(ctx, scores_of, NULL, inputs, 6, NULL, &report));
    if (!report.passed || report.vacuous)
        fail_msg("%s", report.message);
    rg_graph *graph = rg_graph_create(ctx);
    rg_node *nodes[6] = {rg_leaf(graph, &inputs[0])};
    double *expected = calloc((size_t)p->count, sizeof *expected);
    for (int i = 1; i < 6; i++)
        nodes[i] = rg_variable(graph, &inputs[i], expected + ((double *)inputs[i].data - at));
    const rg_tensor seed = {RG_F64, 1, {ROWS}, ones};
    assert_ok(ctx, rg_backward(graph, scores_of(graph, nodes, NULL), &seed));
    assert_ok(ctx, rg_backward(graph, rg_model_forward(graph, model, nodes[0], NULL, 0), &seed));
    for (int64_t i = 0; i < p->count; i++)
        assert_close(((double *)p->grad)[i], expected[i], 1e-13, 1e-13);
    free(expected);
    rg_graph_destroy(graph);
    rg_model_destroy(model);
}

/* ---- Many rows ---- */

/* Sparse, masked, of every type, by list or not: the workers give what one list at a time gives. */
static void bulk_scoring_is_scoring(void **state)
{
    (void)state;
    enum { LISTS = 250, ROWS = 2500 };
    static float x[ROWS * F];
    static double x64[ROWS * F], found[ROWS];
    static uint8_t mask[ROWS];
    int64_t offsets[LISTS + 1];
    for (int i = 0; i < ROWS * F; i++)
        x64[i] = (double)(x[i] = sinf((float)i * 0.71f));
    for (int q = 0; q <= LISTS; q++)
        offsets[q] = q * 10 + (q % 3) * (q < LISTS);
    for (int i = 0; i < ROWS; i++)
        mask[i] = i % 7 != 3;
    rg_context_options o = rg_context_options_default();
    o.n_threads = 3;
    rg_context *own = rg_context_create(&o);
    for (int variant = 0; variant < 12; variant++) {
        bool by_list = variant % 3 == 2, masked = variant / 3 % 2, f64 = variant / 6;
        rg_normalization norm = normalization_of(by_list            ? "list-minmax"
                                                 : variant % 3 == 1 ? "zscore"
                                                                    : "none",
                                                 F);
        norm.shift = shift, norm.scale = scale;
        rg_model *model = make_mlp(own, F, 1, RG_F32, false);
        assert_ok(own, rg_model_set_normalization(model, &norm));
        rg_split split = {.name = "", .n_rows = ROWS, .n_features = F, .n_lists = LISTS};
        split.offsets = offsets;
        split.mask = masked ? mask : NULL;
        split.features = (rg_tensor){f64 ? RG_F64 : RG_F32, 2, {ROWS, F}, f64 ? (void *)x64 : x};
        assert_ok(own, rg_model_score_split(model, &split, found));
        for (int q = 0; q < LISTS; q++) {
            float list[12 * F], expected[12];
            int64_t n = 0;
            for (int64_t i = offsets[q]; i < offsets[q + 1]; i++)
                if (!masked || mask[i])
                    memcpy(list + n++ * F, x + i * F, F * sizeof *x);
            assert_ok(own, rg_model_score(model, list, n, expected));
            for (int64_t i = offsets[q + 1] - 1; i >= offsets[q]; i--)
                if (masked && !mask[i])
                    assert_true(isnan(found[i]));
                else
                    assert_true((float)found[i] == expected[--n]);
        }
        rg_model_destroy(model);
    }
    rg_context_destroy(own);
}

/* From f32 to f32 is a loop of its own: the same number as in double, rounded once. */
static void f32_rows_are_normalised_as_others(void **state)
{
    (void)state;
    static double wide_rows[N * F];
    static float narrow_rows[N * F];
    for (int method = 0; normalization_at(method); method++) {
        rg_normalization norm = normalization_of(normalization_at(method), F);
        norm.shift = shift, norm.scale = scale;
        rg_tensor from = {RG_F32, 2, {N, F}, rows};
        rg_tensor to64 = {RG_F64, 2, {N, F}, wide_rows}, to32 = {RG_F32, 2, {N, F}, narrow_rows};
        rg_normalization_apply(ctx, &norm, &from, &to64);
        rg_normalization_apply(ctx, &norm, &from, &to32);
        for (int i = 0; i < N * F; i++)
            assert_true(narrow_rows[i] == (float)wide_rows[i]);
        memcpy(wide_rows, rows, sizeof rows);
        from.data = wide_rows; /* in place */
        rg_normalization_apply(ctx, &norm, &from, &from);
        assert_memory_equal(wide_rows, narrow_rows, sizeof narrow_rows);
    }
}

/* ---- Files ---- */

static size_t contents(const char *name, char *to, size_t room)
{
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    size_t n = fread(to, 1, room, file);
    fclose(file);
    return n;
}

static void a_file_gives_the_model_back(void **state)
{
    (void)state;
    static char first[1 << 16], second[1 << 16];
    const char *names[F];
    for (int f = 0; f < F; f++)
        names[f] = f % 2 ? "BM25 \xc3\xa9" : "";
    for (int method = 0; normalization_at(method); method++) {
        rg_model *model = make(method % 2 ? RG_F64 : RG_F32, method == 2, normalization_at(method));
        rg_model *loaded;
        assert_ok(ctx, rg_model_set_feature_names(model, names));
        assert_ok(ctx, rg_model_set_history(model, "{\"loss\": \"ranking_softmax\"}"));
        assert_ok(ctx, rg_model_save(model, path, false));
        assert_ok(ctx, rg_model_load(ctx, path, &loaded));
        assert_string_equal(rg_model_name(loaded), "linear");
        assert_int_equal(rg_model_n_features(loaded), F);
        assert_string_equal(rg_model_normalization(loaded)->choice.component->name,
                            normalization_at(method));
        assert_string_equal(rg_model_feature_names(loaded)[1], names[1]);
        assert_string_equal(rg_model_history(loaded), rg_model_history(model));
        assert_ok(ctx, rg_model_score(model, rows, N, scores));
        assert_ok(ctx, rg_model_score(loaded, rows, N, again));
        assert_memory_equal(scores, again, sizeof scores);
        assert_ok(ctx, rg_model_save(loaded, copy, false));
        size_t n = contents(path, first, sizeof first);
        assert_int_equal(contents(copy, second, sizeof second), n);
        assert_memory_equal(first, second, n); /* the same model, the same bytes */
        rg_model_destroy(model);
        rg_model_destroy(loaded);
    }
}

/* What load says of these bytes as a file. */
static rg_status load_bytes(const char *bytes, size_t n)
{
    rg_model *loaded;
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    fclose(file);
    rg_status status = rg_model_load(ctx, path, &loaded);
    assert_true((status == RG_OK) == (loaded != NULL));
    if (status != RG_OK)
        assert_non_null(strstr(rg_last_error(ctx), path));
    rg_model_destroy(loaded);
    return status;
}

/* A file cut anywhere, or with a changed byte in its numbers, is no model. (A changed byte in the
 * structure is libhdf5's to find.) */
static void a_damaged_file_is_no_model(void **state)
{
    (void)state;
    static char bytes[1 << 16];
    rg_model *model = make(RG_F32, false, "zscore");
    assert_ok(ctx, rg_model_save(model, path, false));
    size_t n = contents(path, bytes, sizeof bytes), weights = 0;
    const void *value = rg_model_parameters(model)->value;
    for (size_t i = 0; i + F * sizeof(float) <= n; i++)
        if (memcmp(bytes + i, value, F * sizeof(float)) == 0)
            weights = i;
    assert_true(weights > 0);
    assert_int_equal(load_bytes(bytes, n), RG_OK);
    for (size_t i = 0; i < F * sizeof(float); i++) {
        bytes[weights + i] ^= 1;
        assert_int_equal(load_bytes(bytes, n), RG_DAMAGED);
        bytes[weights + i] ^= 1;
    }
    for (size_t cut = 0; cut < n; cut += 5)
        assert_int_not_equal(load_bytes(bytes, cut), RG_OK);
    rg_model_destroy(model);
}

static void what_is_no_model_is_told(void **state)
{
    (void)state;
    rg_model *loaded;
    assert_fails(ctx, RG_IO, "No such file", rg_model_load(ctx, path, &loaded));
    assert_fails(ctx, RG_IO, "directory", rg_model_load(ctx, "/tmp", &loaded));
    FILE *file = fopen(path, "wb");
    fputs("1 qid:1 1:0.5\n", file);
    fclose(file);
    assert_fails(ctx, RG_BAD_DATA, path, rg_model_load(ctx, path, &loaded));
    rg_model *model = make(RG_F32, false, "none");
    assert_fails(ctx, RG_USAGE, "not written by Rankgrad", rg_model_save(model, path, false));
    assert_ok(ctx, rg_model_save(model, path, true));
    int64_t offsets[] = {0, 3};
    rg_split split = split_of(3, offsets);
    const rg_split *splits[] = {&split};
    assert_fails(ctx, RG_USAGE, "holds a model, and is only replaced by a data set",
                 rg_dataset_write(ctx, path, splits, 1, NULL));
    assert_ok(ctx, rg_dataset_write(ctx, path, splits, 1, &(rg_write_options){.force = true}));
    assert_fails(ctx, RG_USAGE, "holds a data set, and is only replaced by a model",
                 rg_model_save(model, path, false));
    assert_fails(ctx, RG_BAD_DATA, "swapped", rg_model_load(ctx, path, &loaded));
    assert_fails(ctx, RG_IO, "No such file", rg_model_save(model, "/nonesuch/m.h5", false));
    rg_model_destroy(model);
}

/* A file that promises more than it holds is refused before memory is taken for it. */
static void a_small_file_takes_little_memory(void **state)
{
    (void)state;
    struct rg__h5_writer *writer;
    rg_model *loaded;
    const char *config[] = {"{\"model\": \"linear\", \"n_features\": 2000000000, \"dtype\": "
                            "\"f32\", \"bias\": false, \"normalize\": \"none\"}"};
    assert_ok(ctx, rg__h5_begin(ctx, path, false, &writer));
    rg__h5_write_attribute(writer, "/", "format", "rankgrad-model");
    rg__h5_write_attribute(writer, "/", "format_version", "1.0");
    rg__h5_write_strings(writer, "/config", -1, config);
    rg__h5_write_group(writer, "/parameters");
    rg__h5_write(writer, "/parameters/weights", RG_F32, 1, (const int64_t[]){2}, rows);
    assert_ok(ctx, rg__h5_commit(writer));
    assert_fails(ctx, RG_BAD_DATA, "holds 2 elements; expected 2000000000",
                 rg_model_load(ctx, path, &loaded));
}

static void a_file_gives_the_mlp_back(void **state)
{
    (void)state;
    static char first[1 << 16], second[1 << 16];
    for (int variant = 0; variant < 6; variant++) {
        rg_model *model = make_mlp(ctx, F, variant / 2, variant % 2 ? RG_F64 : RG_F32, variant % 2);
        rg_model *loaded;
        add_biases(model);
        assert_ok(ctx, rg_model_save(model, path, false));
        assert_ok(ctx, rg_model_load(ctx, path, &loaded));
        assert_string_equal(rg_model_name(loaded), "mlp");
        assert_int_equal(hidden_of(loaded)->n, shapes[variant / 2].n_hidden);
        assert_memory_equal(hidden_of(loaded)->at, shapes[variant / 2].hidden,
                            (size_t)shapes[variant / 2].n_hidden * sizeof(int64_t));
        assert_ok(ctx, rg_model_score(model, rows, N, scores));
        assert_ok(ctx, rg_model_score(loaded, rows, N, again));
        assert_memory_equal(scores, again, sizeof scores);
        assert_ok(ctx, rg_model_save(loaded, copy, false));
        size_t n = contents(path, first, sizeof first);
        assert_int_equal(contents(copy, second, sizeof second), n);
        assert_memory_equal(first, second, n);
        rg_model_destroy(model);
        rg_model_destroy(loaded);
    }
}

/* What the hidden layers of a file must be. */
static void a_wrong_mlp_is_told(void **state)
{
    (void)state;
    const struct {
        const char *model, *more, *words;
    } cases[] = {
        {"mlp", ", \"hidden\": []",
         "hidden is []; expected whole numbers >= 1 and <= 2048, 1 to 16"},
        {"mlp", ", \"hidden\": [0]", "hidden is [0]; expected whole numbers >= 1 and <= 2048"},
        {"mlp", ", \"hidden\": [3, 2049]", "hidden is [3,2049]"},
        {"mlp", ", \"hidden\": [3, \"4\"]", "hidden is [3,\"4\"]"},
        {"mlp", ", \"hidden\": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "hidden is [1,1"},
        {"mlp", ", \"hidden\": [3]", "/parameters/weights_0 holds 4 elements; expected 6"},
        {"mlp", ", \"hidden\": [2]", "/parameters/bias_0 is missing"},
        {"mlp(hidden=[2])", "", "/parameters/bias_0 is missing"},
        {"mlp(hidden=[2]", "", "syntax error at character 15"},
        {"mlp(width=2)", "", "mlp: has no parameter width; expected one of hidden, bias"},
        {"linear", ", \"hidden\": [2]", "linear: has no parameter hidden"},
        {"forest", "", "\"forest\" is unknown; a newer Rankgrad may know it"},
    };
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        struct rg__h5_writer *writer;
        rg_model *loaded;
        char config[256];
        snprintf(config, sizeof config,
                 "{\"model\": \"%s\", \"n_features\": 2, \"dtype\": \"f32\", \"bias\": false, "
                 "\"normalize\": \"none\"%s}",
                 cases[i].model, cases[i].more);
        assert_ok(ctx, rg__h5_begin(ctx, path, false, &writer));
        rg__h5_write_attribute(writer, "/", "format", "rankgrad-model");
        rg__h5_write_attribute(writer, "/", "format_version", "1.0");
        rg__h5_write_strings(writer, "/config", -1, (const char *const[]){config});
        rg__h5_write_group(writer, "/parameters");
        rg__h5_write(writer, "/parameters/weights_0", RG_F32, 1, (const int64_t[]){4}, rows);
        assert_ok(ctx, rg__h5_commit(writer));
        assert_fails(ctx, RG_BAD_DATA, cases[i].words, rg_model_load(ctx, path, &loaded));
        unlink(path);
    }
}

static void hidden_layers_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *name, *words;
    } cases[] = {
        {"mlp(hidden=[])",
         "hidden is []; expected whole numbers >= 1 and <= 2048, 1 to 16 of them"},
        {"mlp(hidden=[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1])", "hidden is"},
        {"mlp(hidden=[4, 0])", "hidden is [4, 0]"},
        {"linear(hidden=[4])", "linear: has no parameter hidden; expected one of bias"},
        {"forest", "model \"forest\" is unknown; expected one of linear, mlp"},
        {NULL, "NULL"},
    };
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        rg_model *model;
        rg_model_options o = rg_model_options_default();
        o.name = cases[i].name;
        assert_fails(ctx, RG_USAGE, cases[i].words, rg_model_create(ctx, F, &o, &model));
        assert_null(model);
    }
}

static void options_are_checked(void **state)
{
    (void)state;
    rg_model *model;
    rg_model_options o = rg_model_options_default();
    assert_fails(ctx, RG_USAGE, "0 features", rg_model_create(ctx, 0, &o, &model));
    o.dtype = RG_I32;
    assert_fails(ctx, RG_USAGE, "i32", rg_model_create(ctx, 1, &o, &model));
    o.name = "forest";
    assert_fails(ctx, RG_USAGE, "forest", rg_model_create(ctx, 1, &o, &model));
    assert_null(model);
    rg_normalization bare = normalization_of("zscore", F);
    assert_ok(ctx, rg_model_create(ctx, F, NULL, &model));
    assert_fails(ctx, RG_USAGE, "shift and scale", rg_model_set_normalization(model, &bare));
    ((float *)rg_model_parameters(model)->value)[3] = NAN;
    assert_fails(ctx, RG_BAD_DATA, "weights[3] is nan", rg_model_save(model, path, false));
    rg_model_destroy(model);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_score_depends_on_its_row_alone),
        TEST(the_graph_gives_the_same_scores),
        TEST(list_minmax_looks_at_its_list),
        TEST(missing_features_and_widths),
        TEST(an_mlp_is_what_it_says),
        TEST(several_outputs_become_one_score),
        TEST(outputs_are_checked),
        TEST(an_mlp_scores_a_row_alone),
        TEST(many_features),
        TEST(an_mlp_keeps_nan),
        TEST(scoring_takes_no_memory),
        TEST(first_weights),
        TEST(the_gradient_of_an_mlp),
        TEST(bulk_scoring_is_scoring),
        TEST(f32_rows_are_normalised_as_others),
        TEST(a_file_gives_the_mlp_back),
        TEST(a_wrong_mlp_is_told),
        TEST(hidden_layers_are_checked),
        TEST(a_file_gives_the_model_back),
        TEST(a_damaged_file_is_no_model),
        TEST(what_is_no_model_is_told),
        TEST(a_small_file_takes_little_memory),
        TEST(options_are_checked),
    };
    RUN_TESTS(tests);
}

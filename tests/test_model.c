/* test_model.c: scoring gives a row the same bits everywhere, and a model's file gives it back. */
#include "check.h"

#include "io/h5.h"

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

static rg_model *make(rg_dtype dtype, bool bias, rg_normalize method)
{
    rg_model_options o = {"linear", dtype, bias};
    rg_model *model;
    rg_normalization norm = {method, F, NULL, NULL};
    if (method != RG_NORMALIZE_NONE && method != RG_NORMALIZE_LIST_MINMAX)
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
        rg_model *model = make(dtype, bias, RG_NORMALIZE_ZSCORE);
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
    rg_model *model = make(RG_F32, true, RG_NORMALIZE_NONE);
    rg_graph *graph = rg_graph_create(ctx);
    rg_tensor x = {RG_F32, 2, {N, F}, rows};
    rg_node *y = rg_model_forward(graph, model, rg_leaf(graph, &x));
    assert_ok(ctx, rg_model_score(model, rows, N, scores));
    assert_int_equal(rg_node_value(y)->ndim, 1);
    assert_memory_equal(rg_node_value(y)->data, scores, sizeof scores);
    assert_ok(ctx, rg_backward(graph, rg_sum(graph, y, RG_ALL_AXES), NULL));
    const float *grad = rg_model_parameters(model)->grad;
    assert_close((double)grad[F], N, 0, 0); /* of the bias */
    assert_null(rg_model_forward(graph, model, NULL));
    rg_graph_destroy(graph);
    rg_model_destroy(model);
}

static void list_minmax_looks_at_its_list(void **state)
{
    (void)state;
    rg_model *model = make(RG_F32, false, RG_NORMALIZE_LIST_MINMAX);
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
    rg_model *model = make(RG_F32, false, RG_NORMALIZE_ZSCORE);
    int64_t offsets[] = {0, 3};
    double wide[3];
    rg_split split = split_of(3, offsets);
    float kept = rows[F + 2];
    rows[F + 2] = NAN;
    assert_ok(ctx, rg_model_score_split(model, &split, wide));
    assert_true(isfinite(wide[0]) && isnan(wide[1]) && isfinite(wide[2]));
    rows[F + 2] = kept;
    split.n_features = split.features.dims[1] = F - 1;
    assert_fails(ctx, RG_BAD_DATA, "--features 21", rg_model_score_split(model, &split, wide));
    assert_ok(ctx, rg_model_score(model, rows, 0, scores));
    assert_fails(ctx, RG_USAGE, "-1 rows", rg_model_score(model, rows, -1, scores));
    rg_model_destroy(model);
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
    for (int method = 0; rg_normalize_name((rg_normalize)method); method++) {
        rg_model *model = make(method % 2 ? RG_F64 : RG_F32, method == 2, (rg_normalize)method);
        rg_model *loaded;
        assert_ok(ctx, rg_model_set_feature_names(model, names));
        assert_ok(ctx, rg_model_set_history(model, "{\"loss\": \"ranking_softmax\"}"));
        assert_ok(ctx, rg_model_save(model, path, false));
        assert_ok(ctx, rg_model_load(ctx, path, &loaded));
        assert_string_equal(rg_model_name(loaded), "linear");
        assert_int_equal(rg_model_n_features(loaded), F);
        assert_int_equal(rg_model_normalization(loaded)->method, method);
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
    rg_model *model = make(RG_F32, false, RG_NORMALIZE_ZSCORE);
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
    rg_model *model = make(RG_F32, false, RG_NORMALIZE_NONE);
    assert_fails(ctx, RG_USAGE, "--force", rg_model_save(model, path, false));
    assert_ok(ctx, rg_model_save(model, path, true));
    int64_t offsets[] = {0, 3};
    rg_split split = split_of(3, offsets);
    const rg_split *splits[] = {&split};
    assert_ok(ctx, rg_dataset_write(ctx, path, splits, 1, NULL));
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
    rg_normalization bare = {RG_NORMALIZE_ZSCORE, F, NULL, NULL};
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
        TEST(a_file_gives_the_model_back),
        TEST(a_damaged_file_is_no_model),
        TEST(what_is_no_model_is_told),
        TEST(a_small_file_takes_little_memory),
        TEST(options_are_checked),
    };
    RUN_TESTS(tests);
}

/* test_model_binary.c: the binary format of model files: what is written is what is read, and what
 * is damaged is refused. */
#include "check.h"

#include "base/file.h"

#define XXH_INLINE_ALL
#include <unistd.h>
#include <xxhash.h>

enum { N_FEATURES = 3, ROOM = 1 << 14 };

static const char path[] = "test_model_binary.bin";

/* A model with everything that a file can hold, and its file. */
struct fixture {
    rg_context *ctx;
    rg_model *model;
    unsigned char bytes[ROOM], copy[ROOM];
    size_t size;
};

static size_t read_file(const char *name, unsigned char *to)
{
    FILE *file = fopen(name, "rb");
    assert_non_null(file);
    size_t n = fread(to, 1, ROOM, file);
    fclose(file);
    assert_in_range(n, 1, ROOM - 1);
    return n;
}

static void write_file(const char *name, const unsigned char *from, size_t n)
{
    FILE *file = fopen(name, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(from, 1, n, file), n);
    fclose(file);
}

static rg_model *make_model(rg_context *ctx, const char *name, rg_dtype dtype, bool sparse)
{
    static const int32_t columns[] = {2, 5, 1000};
    static const char *const names[] = {"length", "n\xc3\xa4he", "\"quoted\"\\"};
    rg_model_options o = {.name = name, .dtype = dtype, .seed = 3};
    double shift[] = {0.1, -2, 1e300}, scale[] = {1, 0, 1e-300};
    rg_normalization z = normalization_of("zscore", N_FEATURES);
    z.shift = shift, z.scale = scale;
    rg_model *model;
    if (sparse) {
        o.columns = columns;
        o.n_columns = N_FEATURES;
    }
    assert_ok(ctx, rg_model_create(ctx, sparse ? 2000 : N_FEATURES, &o, &model));
    assert_ok(ctx, rg_model_set_normalization(model, &z));
    assert_ok(ctx, rg_model_set_history(model, "{\"epochs\": 3}"));
    if (!sparse)
        assert_ok(ctx, rg_model_set_feature_names(model, names));
    const rg_parameters *p = rg_model_parameters(model);
    for (int64_t i = 0; i < p->count; i++)
        if (dtype == RG_F32)
            ((float *)p->value)[i] = 0.1f * (float)(i + 1);
        else
            ((double *)p->value)[i] = 0.1 * (double)(i + 1);
    return model;
}

static int set_up(void **state)
{
    struct fixture *v = calloc(1, sizeof *v);
    *state = v;
    v->ctx = rg_context_create(NULL);
    v->model = make_model(v->ctx, "mlp(hidden=[2])", RG_F32, false);
    assert_ok(v->ctx, rg_model_save(v->model, path, true));
    v->size = read_file(path, v->bytes);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *v = *state;
    rg_model_destroy(v->model);
    rg_context_destroy(v->ctx);
    free(v);
    remove(path);
    return 0;
}

/* Every number and text of two models is the same. */
static void assert_equal_models(const rg_model *a, const rg_model *b)
{
    char text[2][512];
    const rg_parameters *p = rg_model_parameters(a), *q = rg_model_parameters(b);
    const rg_normalization *y = rg_model_normalization(a), *z = rg_model_normalization(b);
    int64_t n, m;
    rg_choice_print(rg_model_choice(a), text[0], sizeof text[0]);
    rg_choice_print(rg_model_choice(b), text[1], sizeof text[1]);
    assert_string_equal(text[0], text[1]);
    assert_int_equal(p->dtype, q->dtype);
    assert_int_equal(p->count, q->count);
    assert_memory_equal(p->value, q->value, (size_t)p->count * rg_dtype_size(p->dtype));
    assert_ptr_equal(y->choice.component, z->choice.component);
    assert_memory_equal(y->shift, z->shift, N_FEATURES * sizeof(double));
    assert_memory_equal(y->scale, z->scale, N_FEATURES * sizeof(double));
    assert_string_equal(rg_model_history(a), rg_model_history(b));
    assert_int_equal(rg_model_n_features(a), rg_model_n_features(b));
    const int32_t *ca = rg_model_columns(a, &n), *cb = rg_model_columns(b, &m);
    assert_true(n == m && !ca == !cb);
    if (ca)
        assert_memory_equal(ca, cb, (size_t)n * sizeof *ca);
    const char *const *na = rg_model_feature_names(a), *const *nb = rg_model_feature_names(b);
    assert_true(!na == !nb);
    for (int64_t i = 0; na && i < rg_model_n_features(a); i++)
        assert_string_equal(na[i], nb[i]);
}

static void what_is_written_is_read(void **state)
{
    struct fixture *v = *state;
    static const char *const names[] = {"linear", "linear(bias=true)", "mlp(hidden=[2])",
                                        "mlp(hidden=[3, 2], bias=true)"};
    for (size_t i = 0; i < 4 * sizeof names / sizeof names[0]; i++) {
        rg_model *read, *model = make_model(v->ctx, names[i / 4], i % 2 ? RG_F64 : RG_F32, i & 2);
        assert_ok(v->ctx, rg_model_save(model, path, false)); /* replaces one of its kind */
        size_t n = read_file(path, v->bytes);
        assert_ok(v->ctx, rg_model_load(v->ctx, path, &read));
        assert_equal_models(model, read);
        rg_model_destroy(read);
        assert_ok(v->ctx, rg_model_load_memory(v->ctx, v->bytes, n, NULL, 0, &read));
        assert_equal_models(model, read);
        assert_ok(v->ctx, rg_model_save(read, path, false)); /* the same bytes again */
        assert_int_equal(read_file(path, v->copy), n);
        assert_memory_equal(v->bytes, v->copy, n);
        rg_model_destroy(read);
        rg_model_destroy(model);
    }
}

/* The bytes do not depend on where they lie: no access is aligned by chance. */
static void bytes_lie_anywhere(void **state)
{
    struct fixture *v = *state;
    for (size_t at = 0; at < 9; at++) {
        rg_model *read;
        memcpy(v->copy + at, v->bytes, v->size);
        assert_ok(v->ctx, rg_model_load_memory(v->ctx, v->copy + at, v->size, NULL, 0, &read));
        assert_equal_models(v->model, read);
        rg_model_destroy(read);
    }
}

/* The layout that docs/file-format.md describes. */
static void the_layout_is_the_documented_one(void **state)
{
    struct fixture *v = *state;
    const unsigned char start[] = {0x89, 'R', 'G', 'M', '\r', '\n', 0x1a, '\n', 1, 0, 0, 0};
    assert_memory_equal(v->bytes, start, sizeof start);
    size_t n = v->bytes[12] | (size_t)v->bytes[13] << 8;
    assert_int_equal(v->bytes[16] | (size_t)v->bytes[17] << 8, v->size);
    assert_int_equal(v->bytes[24], '{');
    assert_int_equal(n % 8, 0);
    const unsigned char first[] = {0xcd, 0xcc, 0xcc, 0x3d}; /* 0.1 in f32, little-endian */
    assert_memory_equal(v->bytes + 24 + n, first, sizeof first);
    uint64_t hash = XXH3_64bits(v->bytes, v->size - 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(v->bytes[v->size - 8 + (size_t)i], hash >> 8 * i & 0xff);
}

/* ---- Damage ---- */

/* RG_DAMAGED, with a message, and no model. */
static void assert_damaged(struct fixture *v, const unsigned char *bytes, size_t n, size_t at)
{
    rg_model *read = (rg_model *)v;
    rg_status status = rg_model_load_memory(v->ctx, bytes, n, NULL, 0, &read);
    if (status != RG_DAMAGED || read || !strstr(rg_last_error(v->ctx), "the model in memory: "))
        print_error("byte %zu of %zu: %s: %s\n", at, n, rg_status_name(status),
                    rg_last_error(v->ctx));
    assert_int_equal(status, RG_DAMAGED);
    assert_null(read);
}

static void every_truncated_length_is_refused(void **state)
{
    struct fixture *v = *state;
    for (size_t n = 0; n < v->size; n++) {
        unsigned char *exact = malloc(n + !n); /* reading past it is a finding of ASan */
        memcpy(exact, v->bytes, n);
        assert_damaged(v, exact, n, n);
        free(exact);
    }
    memcpy(v->copy, v->bytes, v->size);
    v->copy[v->size] = 0;
    assert_damaged(v, v->copy, v->size + 1, v->size);
}

static void every_changed_byte_is_refused(void **state)
{
    struct fixture *v = *state;
    memcpy(v->copy, v->bytes, v->size);
    for (size_t at = 0; at < v->size; at++)
        for (int flip = 1; flip < 256; flip++) {
            v->copy[at] = v->bytes[at] ^ (unsigned char)flip;
            assert_damaged(v, v->copy, v->size, at);
            v->copy[at] = v->bytes[at];
        }
}

/* The same through a file, whose format is told by its content: status 4 whatever is damaged. */
static void a_damaged_file_is_refused(void **state)
{
    struct fixture *v = *state;
    rg_model *read;
    memcpy(v->copy, v->bytes, v->size);
    for (size_t at = 0; at < v->size; at++) {
        v->copy[at] ^= 0x20;
        write_file(path, v->copy, v->size);
        assert_fails(v->ctx, RG_DAMAGED, path, rg_model_load(v->ctx, path, &read));
        v->copy[at] ^= 0x20;
    }
    for (size_t n = 0; n < v->size; n++) {
        write_file(path, v->bytes, n);
        assert_fails(v->ctx, RG_DAMAGED, path, rg_model_load(v->ctx, path, &read));
    }
}

/* A file with a right checksum may hold anything: it is refused or read, and nothing crashes. */
static void wrong_content_under_a_right_checksum_does_no_harm(void **state)
{
    struct fixture *v = *state;
    int n_refused = 0;
    for (size_t at = 8; at < v->size - 8; at++)
        for (int flip = 1; flip < 256; flip += at < 24 + 1000 ? 6 : 60) {
            rg_model *read;
            unsigned char *exact = malloc(v->size);
            memcpy(exact, v->bytes, v->size);
            exact[at] ^= (unsigned char)flip;
            uint64_t hash = XXH3_64bits(exact, v->size - 8);
            for (int i = 0; i < 8; i++)
                exact[v->size - 8 + (size_t)i] = (unsigned char)(hash >> 8 * i);
            rg_status status = rg_model_load_memory(v->ctx, exact, v->size, NULL, 0, &read);
            assert_true(status == RG_OK || status == RG_DAMAGED || status == RG_BAD_DATA ||
                        status == RG_LIMIT);
            n_refused += status != RG_OK;
            if (status == RG_OK)
                rg_model_destroy(read);
            free(exact);
        }
    assert_true(n_refused > 1000);
}

/* ---- Crafted texts ---- */

/* A file with this JSON text and 16 bytes of numbers. */
static size_t craft(const char *text, unsigned char *to)
{
    static const unsigned char magic[] = {0x89, 'R', 'G', 'M', '\r', '\n', 0x1a, '\n', 1};
    size_t n = (strlen(text) + 7) / 8 * 8, size = 24 + n + 16 + 8;
    memset(to, 0, size);
    memcpy(to, magic, sizeof magic);
    memset(to + 24, ' ', n);
    memcpy(to + 24, text, strlen(text));
    for (int i = 0; i < 4; i++) {
        to[12 + i] = (unsigned char)(n >> 8 * i);
        to[16 + i] = (unsigned char)(size >> 8 * i);
    }
    uint64_t hash = XXH3_64bits(to, size - 8);
    for (int i = 0; i < 8; i++)
        to[size - 8 + (size_t)i] = (unsigned char)(hash >> 8 * i);
    return size;
}

#define FORMAT "{\"format\": \"rankgrad-model\", \"format_version\": \"1.0\", "
#define CONFIG                                                                                     \
    "\"strings\": {\"/config\": \"{\\\"model\\\": \\\"linear\\\", \\\"n_features\\\": 2, "         \
    "\\\"dtype\\\": \\\"f32\\\", \\\"normalize\\\": \\\"none\\\"}\"}, "
#define WEIGHTS(type, shape, offset)                                                               \
    FORMAT CONFIG "\"arrays\": {\"/parameters/weights\": {\"dtype\": " type ", \"shape\": " shape  \
                  ", \"offset\": " offset "}}}"

static void crafted_texts_are_refused(void **state)
{
    struct fixture *v = *state;
    static const struct {
        const char *text;
        rg_status status;
        const char *words;
    } cases[] = {
        {WEIGHTS("\"f32\"", "[2]", "0"), RG_OK, ""},
        {WEIGHTS("\"f64\"", "[2]", "0"), RG_OK, ""},
        {WEIGHTS("\"f32\"", "[2]", "8"), RG_OK, ""},
        {WEIGHTS("\"f32\"", "[2]", "16"), RG_DAMAGED, "no valid type, shape or offset"},
        {WEIGHTS("\"f32\"", "[2]", "4"), RG_DAMAGED, "no valid type"},
        {WEIGHTS("\"f32\"", "[2]", "-8"), RG_DAMAGED, "no valid type"},
        {WEIGHTS("\"f32\"", "[2]", "9223372036854775800"), RG_DAMAGED, "no valid type"},
        {WEIGHTS("\"f64\"", "[3]", "0"), RG_DAMAGED, "no valid type"},
        {WEIGHTS("\"f16\"", "[2]", "0"), RG_DAMAGED, "no valid type"},
        {WEIGHTS("7", "[2]", "0"), RG_DAMAGED, "no valid type"},
        {WEIGHTS("\"f32\"", "2", "0"), RG_DAMAGED, "no valid type"},
        {WEIGHTS("\"f32\"", "[-2]", "0"), RG_DAMAGED, "no valid type"},
        {WEIGHTS("\"f32\"", "[\"2\"]", "0"), RG_DAMAGED, "no valid type"},
        {WEIGHTS("\"f32\"", "[4611686018427387904, 4]", "0"), RG_DAMAGED, "no valid type"},
        {WEIGHTS("\"f32\"", "[1, 1, 1, 1, 1, 1, 1, 1, 2]", "0"), RG_DAMAGED, "no valid type"},
        {WEIGHTS("\"f32\"", "[3]", "0"), RG_BAD_DATA, "3 elements; expected 2 numbers"},
        {WEIGHTS("\"f32\"", "[0]", "0"), RG_BAD_DATA, "0 elements"},
        {WEIGHTS("\"i32\"", "[2]", "0"), RG_BAD_DATA, "expected 2 numbers"},
        {FORMAT CONFIG "\"arrays\": {}}", RG_BAD_DATA, "/parameters/weights is missing"},
        {FORMAT CONFIG "\"arrays\": []}", RG_BAD_DATA, "/parameters/weights is missing"},
        {FORMAT "\"strings\": {\"/config\": 7}}", RG_BAD_DATA, "/config holds 1 element"},
        {FORMAT "\"strings\": {\"/config\": [1]}}", RG_DAMAGED,
         "element 0 of /config is no string"},
        {FORMAT "\"strings\": {\"/config\": \"[]\"}}", RG_BAD_DATA, "/config"},
        {FORMAT "\"strings\": 0}", RG_BAD_DATA, "/config is missing"},
        {"{\"format\": \"rankgrad-dataset\", \"format_version\": \"1.0\"}", RG_BAD_DATA,
         "the format is rankgrad-dataset"},
        {"{\"format\": \"rankgrad-model\", \"format_version\": \"2.0\"}", RG_BAD_DATA,
         "version 2.0, expected 1.x"},
        {"{\"format\": 1}", RG_BAD_DATA, "the format is missing"},
        {"{\"a\": 1, \"a\": 2}", RG_DAMAGED, "its JSON text: duplicate"},
        {"[1]", RG_BAD_DATA, "the format is missing"},
        {"", RG_DAMAGED, "its JSON text"},
        {"{", RG_DAMAGED, "its JSON text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rg_model *read;
        size_t n = craft(cases[i].text, v->copy);
        rg_status status = rg_model_load_memory(v->ctx, v->copy, n, NULL, 0, &read);
        if (status != cases[i].status || (status && !strstr(rg_last_error(v->ctx), cases[i].words)))
            print_error("%s: %s\n", cases[i].text, rg_last_error(v->ctx));
        assert_int_equal(status, cases[i].status);
        if (status == RG_OK)
            rg_model_destroy(read);
        else
            assert_non_null(strstr(rg_last_error(v->ctx), cases[i].words));
    }
}

/* ---- Failures of the system ---- */

static void memory_runs_out(void **state)
{
    struct fixture *v = *state;
    struct memory memory = {0};
    const rg_context_options options = {.allocator = {memory_resize, &memory}, .n_threads = 1};
    rg_context *ctx = rg_context_create(&options);
    int64_t n = 0;
    for (rg_status status = RG_LIMIT; status != RG_OK; n++) {
        rg_model *read = NULL;
        memory.requests = 0;
        memory.refuse = n + 1;
        status = rg_model_load(ctx, path, &read);
        if (status == RG_OK)
            status = rg_model_save(read, path, true);
        assert_true(status == RG_OK || status == RG_LIMIT);
        memory.refuse = 0;
        rg_model_destroy(read);
        assert_true(n < 500);
    }
    assert_true(n > 20);
    rg_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
    assert_int_equal(read_file(path, v->copy), v->size);
    assert_memory_equal(v->copy, v->bytes, v->size);
}

static void other_files_are_not_replaced(void **state)
{
    struct fixture *v = *state;
    write_file(path, (const unsigned char *)"1 qid:1 1:2\n", 12);
    assert_fails(v->ctx, RG_USAGE, "was not written by Rankgrad",
                 rg_model_save(v->model, path, false));
    assert_ok(v->ctx, rg_model_save(v->model, path, true));
    assert_ok(v->ctx, rg_model_save(v->model, path, false));
    assert_false(rg_model_path_is_binary(".bin") || rg_model_path_is_binary("bin") ||
                 rg_model_path_is_binary(NULL) || rg_model_path_is_binary("a.bin.x"));
    assert_true(rg_model_path_is_binary("a.bin"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bytes_lie_anywhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_layout_is_the_documented_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_truncated_length_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(every_changed_byte_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_damaged_file_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_content_under_a_right_checksum_does_no_harm, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(crafted_texts_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_runs_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_files_are_not_replaced, set_up, tear_down),
    };
    RUN_TESTS(tests);
}

/* test_columns.c: data whose columns are in another order than those of the model. */
#include "check.h"

#include "data/columns.h"
#include "data/split.h"
#include "normalize/rows.h"
#include "tensor/tensor.h"

#include <unistd.h>

enum {
    N_LISTS = 12,
    LENGTH = 5,
    N_ROWS = N_LISTS * LENGTH,
    N_WANTED = 6,
    MOST = 9,
    TEMPORARY = 64
};

static const char *const wanted_names[N_WANTED] = {"a", "b", "c", "d", "e", "f"};

/* Splits that hold the same rows: `plain` in the order of wanted_names, `other` in another order
 * and, where `extra` > 0, with more columns. Values are exact in f16. */
struct pair {
    rg_split plain, other;
    double x[N_ROWS * N_WANTED], y[N_ROWS * MOST];
    char plain_data[N_ROWS * N_WANTED * 8], other_data[N_ROWS * MOST * 8];
    int64_t plain_ptr[N_ROWS + 1], other_ptr[N_ROWS + 1];
    int32_t plain_columns[N_ROWS * N_WANTED], other_columns[N_ROWS * MOST];
    double labels[N_ROWS];
    int64_t offsets[N_LISTS + 1];
    uint8_t mask[N_ROWS];
    const char *names[MOST];
};

static void fill_rows(rg_split *split, rg_dtype dtype, bool sparse, const double *x, char *data,
                      int64_t *indptr, int32_t *columns)
{
    int64_t f = split->n_features, size = (int64_t)rg_dtype_size(dtype), n = 0;
    if (!sparse) {
        rg__cast(RG_F64, x, dtype, data, N_ROWS * f);
        split->features = (rg_tensor){dtype, 2, {N_ROWS, f}, data};
        return;
    }
    for (int64_t row = 0; row < N_ROWS; row++) {
        indptr[row] = n;
        for (int64_t j = 0; j < f; j++)
            if (x[row * f + j] < 0 || x[row * f + j] > 0) {
                columns[n] = (int32_t)j;
                rg__cast(RG_F64, &x[row * f + j], dtype, data + n++ * size, 1);
            }
    }
    indptr[N_ROWS] = n;
    split->csr = (rg_csr){N_ROWS, f, indptr, columns, dtype, data};
}

/* `order`: which wanted column stands at each place, -1 an extra one. */
static void make_pair(struct pair *p, const int *order, int n, rg_dtype dtype, bool sparse,
                      bool masked)
{
    static const char *const extra[MOST] = {"p", "q", "r", "s", "t", "u", "v", "w", "x"};
    memset(p, 0, sizeof *p);
    for (int64_t row = 0; row < N_ROWS; row++) {
        p->mask[row] = row % 7 != 3;
        for (int64_t j = 0; j < N_WANTED; j++)
            p->x[row * N_WANTED + j] = (double)(row * (j + 3) % (j + 5));
        p->labels[row] = floor((p->x[row * N_WANTED] + p->x[row * N_WANTED + 4]) / 4);
        for (int j = 0; j < n; j++) {
            p->names[j] = order[j] < 0 ? extra[j] : wanted_names[order[j]];
            p->y[row * n + j] = order[j] < 0 ? 1000 + j : p->x[row * N_WANTED + order[j]];
        }
    }
    for (int q = 0; q <= N_LISTS; q++)
        p->offsets[q] = q * LENGTH;
    p->plain = (rg_split){.name = "train",
                          .n_rows = N_ROWS,
                          .n_features = N_WANTED,
                          .n_lists = N_LISTS,
                          .labels = p->labels,
                          .offsets = p->offsets,
                          .mask = masked ? p->mask : NULL,
                          .feature_names = wanted_names};
    p->other = p->plain;
    p->other.name = "vali";
    p->other.n_features = n;
    p->other.feature_names = p->names;
    fill_rows(&p->plain, dtype, sparse, p->x, p->plain_data, p->plain_ptr, p->plain_columns);
    fill_rows(&p->other, dtype, sparse, p->y, p->other_data, p->other_ptr, p->other_columns);
}

static const struct order {
    const char *name;
    int n, columns[MOST];
} orders[] = {
    {"reversed", 6, {5, 4, 3, 2, 1, 0}},
    {"one swap", 6, {0, 1, 3, 2, 4, 5}},
    {"rotated", 6, {1, 2, 3, 4, 5, 0}},
    {"an extra column last", 7, {0, 1, 2, 3, 4, 5, -1}},
    {"an extra column first", 7, {-1, 0, 1, 2, 3, 4, 5}},
    {"extra columns between, another order", 9, {-1, 4, 0, -1, 5, 2, 1, -1, 3}},
};

static const struct form {
    const char *name;
    rg_dtype dtype;
    bool sparse, masked;
} forms[] = {
    {"f16", RG_F16, false, false},        {"f32", RG_F32, false, false},
    {"f64", RG_F64, false, false},        {"f32, masked", RG_F32, false, true},
    {"f16, masked", RG_F16, false, true}, {"sparse f32", RG_F32, true, false},
    {"sparse f64", RG_F64, true, false},  {"sparse f32, masked", RG_F32, true, true},
};

struct notes {
    int n;
    bool same; /* the validation split has the rows of the training split */
    char last[1024];
};

static void take_note(void *user, rg_log_level level, const char *message)
{
    struct notes *notes = user;
    notes->n += level == RG_LOG_INFO;
    notes->same |= strstr(message, "has the same rows as the training split") != NULL;
    snprintf(notes->last, sizeof notes->last, "%s", message);
}

static rg_context *noting_context(int n_threads, struct notes *notes)
{
    rg_context_options options = rg_context_options_default();
    options.n_threads = n_threads;
    options.log = take_note;
    options.log_user = notes;
    rg_context *ctx = rg_context_create(&options);
    assert_non_null(ctx);
    return ctx;
}

/* ---- Scores and training --------------------------------------------------------------------- */

static rg_train_options short_training(const char *method)
{
    rg_train_options o = rg_train_options_default();
    o.epochs = 3;
    o.normalize = method;
    return o;
}

static void check_scores(rg_context *ctx, const rg_split *plain, const rg_split *other,
                         const rg_train_options *o)
{
    rg_model *model;
    double expected[N_ROWS], scores[N_ROWS];
    assert_ok(ctx, rg_train(ctx, plain, rg_no_split(), o, &model, NULL));
    assert_ok(ctx, rg_model_score_split(model, plain, expected));
    assert_ok(ctx, rg_model_score_split(model, other, scores));
    for (int row = 0; row < N_ROWS; row++)
        if (!plain->mask || plain->mask[row])
            assert_close(scores[row], expected[row], 0, 0);
    rg_model_destroy(model);
}

static void check_vali(rg_context *ctx, const rg_split *plain, const rg_split *other,
                       const rg_train_options *o)
{
    rg_model *expected, *model;
    rg_train_result by_plain, by_other;
    assert_ok(ctx, rg_train(ctx, plain, plain, o, &expected, &by_plain));
    assert_ok(ctx, rg_train(ctx, plain, other, o, &model, &by_other));
    assert_close(by_other.vali_metric, by_plain.vali_metric, 0, 0);
    assert_int_equal(by_other.kept_epoch, by_plain.kept_epoch);
    const rg_parameters *p = rg_model_parameters(model);
    assert_memory_equal(p->value, rg_model_parameters(expected)->value,
                        (size_t)p->count * rg_dtype_size(p->dtype));
    rg_model_destroy(model);
    rg_model_destroy(expected);
}

/* The scores and the validation are those of data in the model's order, to the bit. */
static void test_order(void **state)
{
    (void)state;
    static struct pair p;
    for (int n_threads = 1; n_threads <= 3; n_threads += 2)
        for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
            for (size_t k = 0; k < sizeof forms / sizeof *forms; k++)
                for (int method = 0; normalization_at(method); method++) {
                    struct notes notes = {0};
                    rg_context *ctx = noting_context(n_threads, &notes);
                    rg_train_options o = short_training(normalization_at(method));
                    make_pair(&p, orders[i].columns, orders[i].n, forms[k].dtype, forms[k].sparse,
                              forms[k].masked);
                    check_scores(ctx, &p.plain, &p.other, &o);
                    o.model.dtype = RG_F64;
                    check_scores(ctx, &p.plain, &p.other, &o);
                    check_vali(ctx, &p.plain, &p.other, &o);
                    assert_true(notes.n > 0);
                    rg_context_destroy(ctx);
                }
}

/* A temporary file's name, into `path`. */
static void name_file(char path[TEMPORARY])
{
    snprintf(path, TEMPORARY, "/tmp/rankgrad-columns-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
}

/* Writes splits to a file and opens it. */
static rg_dataset *write_and_open(rg_context *ctx, const char *path, const rg_split *const *splits,
                                  int n_splits, bool sparse)
{
    rg_dataset *data;
    const rg_write_options writing = {.force = true, .sparse = sparse};
    assert_ok(ctx, rg_dataset_write(ctx, path, splits, n_splits, &writing));
    assert_ok(ctx, rg_dataset_open(ctx, path, NULL, &data));
    return data;
}

/* The same of files, whose features are mapped, in memory and streamed. */
static void test_files(void **state)
{
    (void)state;
    static struct pair p;
    char path[TEMPORARY];
    name_file(path);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
            rg_context *ctx = context_of(2);
            make_pair(&p, orders[i].columns, orders[i].n, forms[k].dtype, forms[k].sparse,
                      forms[k].masked);
            const rg_split *splits[] = {&p.other};
            rg_dataset *data = write_and_open(ctx, path, splits, 1, false);
            rg_train_options o = short_training("zscore");
            check_scores(ctx, &p.plain, rg_dataset_split_at(data, 0), &o);
            o.memory_limit = 8000;
            o.window_bytes = 400;
            check_vali(ctx, &p.plain, rg_dataset_split_at(data, 0), &o);
            o.normalize = "none";
            check_vali(ctx, &p.plain, rg_dataset_split_at(data, 0), &o);
            rg_dataset_close(data);
            rg_context_destroy(ctx);
        }
    unlink(path);
}

/* The smallest memory_limit with which training is not refused. */
static int64_t least_limit(rg_context *ctx, const rg_split *train, const rg_split *vali)
{
    int64_t low = 0, high = 1 << 20;
    while (high - low > 1) {
        rg_train_options o = short_training("none");
        rg_model *model = NULL;
        o.epochs = o.window_bytes = 1;
        o.memory_limit = low + (high - low) / 2;
        rg_status status = rg_train(ctx, train, vali, &o, &model, NULL);
        rg_model_destroy(model);
        assert_true(status == RG_OK || status == RG_LIMIT);
        *(status == RG_OK ? &high : &low) = o.memory_limit;
    }
    return high;
}

/* The copy of sparse validation rows in another order takes memory, which the plan counts. */
static void test_copies_count(void **state)
{
    (void)state;
    static struct pair p, q;
    const int in_order[N_WANTED] = {0, 1, 2, 3, 4, 5};
    rg_context *ctx = context_of(1);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        for (size_t k = 0; k < sizeof forms / sizeof *forms; k++) {
            if (!forms[k].sparse)
                continue;
            make_pair(&p, orders[i].columns, orders[i].n, forms[k].dtype, forms[k].sparse,
                      forms[k].masked);
            make_pair(&q, in_order, N_WANTED, forms[k].dtype, forms[k].sparse, forms[k].masked);
            int64_t size = (int64_t)(sizeof(int32_t) + rg_dtype_size(forms[k].dtype));
            int64_t copied = 8 * (N_ROWS + 1) + p.other_ptr[N_ROWS] * size;
            int64_t more =
                least_limit(ctx, &p.plain, &p.other) - least_limit(ctx, &p.plain, &q.other);
            if (more != copied)
                print_error("%s, %s\n", orders[i].name, forms[k].name);
            assert_int_equal(more, copied);
        }
    rg_context_destroy(ctx);
}

/* A split of the caller's with a column map trains like one without. */
static void test_own_map(void **state)
{
    (void)state;
    static struct pair p;
    rg_context *ctx = context_of(1);
    for (int method = 0; normalization_at(method); method++) {
        const int64_t columns[N_WANTED] = {2, 6, 5, 8, 1, 4};
        rg_train_options o = short_training(normalization_at(method));
        rg_model *expected, *model;
        make_pair(&p, orders[5].columns, orders[5].n, RG_F32, false, false);
        p.other.n_features = N_WANTED;
        p.other.columns = columns;
        p.other.feature_names = NULL;
        assert_ok(ctx, rg_train(ctx, &p.plain, rg_no_split(), &o, &expected, NULL));
        assert_ok(ctx, rg_train(ctx, &p.other, rg_no_split(), &o, &model, NULL));
        const rg_parameters *q = rg_model_parameters(model);
        assert_memory_equal(q->value, rg_model_parameters(expected)->value,
                            (size_t)q->count * sizeof(float));
        rg_model_destroy(model);
        rg_model_destroy(expected);
    }
    const int64_t wrong[N_WANTED] = {0, 1, 2, 3, 4, 9};
    rg_train_options o = short_training("none");
    rg_model *model;
    p.other.columns = wrong;
    assert_fails(ctx, RG_BAD_DATA, "columns[5] is 9; 0 to 8",
                 rg_train(ctx, &p.other, rg_no_split(), &o, &model, NULL));
    rg_context_destroy(ctx);
}

/* ---- The rules for names --------------------------------------------------------------------- */

static const struct rule {
    const char *name;
    const char *have[14], *wanted[14]; /* ended by NULL; "-" stands for NULL */
    bool have_none, wanted_none;
    const char *error;   /* NULL: none */
    int64_t columns[14]; /* what is matched */
    const char *note;    /* part of the last one; NULL: no note */
} rules[] = {
    {"equal", {"a", "b"}, {"a", "b"}, .columns = {0, 1}},
    {"swapped", {"b", "a"}, {"a", "b"}, .columns = {1, 0}, .note = "another order"},
    {"one more", {"a", "z", "b"}, {"a", "b"}, .columns = {0, 2}, .note = "has 1 feature that"},
    {"two more, swapped",
     {"y", "b", "z", "a"},
     {"a", "b"},
     .columns = {3, 1},
     .note = "has 2 features that the model has not, ignored: 'y', 'z'"},
    {"one missing", {"a", "c"}, {"a", "b"}, .error = "lacks 1 of the 2 features of the model: 'b'"},
    {"fewer", {"a"}, {"a", "b", "c"}, .error = "lacks 2 of the 3 features of the model: 'b', 'c'"},
    {"none in common", {"x", "y"}, {"a", "b"}, .error = "lacks 2 of the 2"},
    {"eleven missing",
     {"x"},
     {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"},
     .error = "'i', 'j' and 1 more"},
    {"case matters",
     {"A", "b"},
     {"a", "b"},
     .error = "lacks 1 of the 2 features of the model: 'a'"},
    {"blanks matter", {"a ", "b"}, {"a", "b"}, .error = "lacks 1 of the 2"},
    {"a duplicate in the same order", {"a", "a"}, {"a", "a"}, .columns = {0, 1}},
    {"a duplicate that is wanted",
     {"b", "a", "a"},
     {"a", "b"},
     .error = "the data: features 2 and 3 (from 1) have the same name 'a'"},
    {"a duplicate that is not",
     {"z", "b", "a", "z"},
     {"a", "b"},
     .columns = {2, 1},
     .note = "ignored: 'z', 'z'"},
    {"a wanted duplicate",
     {"b", "a"},
     {"a", "a"},
     .error = "the model: features 1 and 2 (from 1) have the same name 'a'"},
    {"the data have none", {"-", "-"}, {"a", "b"}, .have_none = true, .columns = {0, 1}},
    {"the model has none", {"b", "a"}, {"-", "-"}, .wanted_none = true, .columns = {0, 1}},
    {"neither has", {"-", "-"}, {"-", "-"}, true, true, .columns = {0, 1}},
    {"only empty ones", {"", "-"}, {"a", "b"}, .columns = {0, 1}},
    {"other numbers without names",
     {"-", "-", "-"},
     {"a", "b"},
     .have_none = true,
     .error = "the data has 3 features, the model 2"},
    {"an absent name is empty", {"b", "-"}, {"", "b"}, .columns = {1, 0}, .note = "another order"},
    {"not ASCII", {"ü", "é"}, {"é", "ü"}, .columns = {1, 0}, .note = "another order"},
    {"a name that begins another", {"ab", "a"}, {"a", "ab"}, .columns = {1, 0}, .note = "another"},
};

static int64_t count_names(const char *const *from, const char **to)
{
    int64_t n = 0;
    for (; from[n]; n++)
        to[n] = strcmp(from[n], "-") == 0 ? NULL : from[n];
    return n;
}

static void test_rules(void **state)
{
    (void)state;
    static const float x[14];
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        const struct rule *r = &rules[i];
        struct notes notes = {0};
        rg_context *ctx = noting_context(1, &notes);
        const char *have[14], *names[14];
        struct rg__matched m;
        int64_t n = count_names(r->have, have);
        struct rg__columns wanted = {"the model", count_names(r->wanted, names),
                                     r->wanted_none ? NULL : names};
        union {
            const float *given;
            void *data;
        } values = {x};
        rg_split split = {.n_rows = 1,
                          .n_features = n,
                          .features = {RG_F32, 2, {1, n}, values.data},
                          .feature_names = r->have_none ? NULL : have};
        print_message("%s\n", r->name);
        rg_status status = rg__match_columns(ctx, "the data", &split, &wanted, &m);
        if (r->error) {
            assert_int_equal(status, RG_BAD_DATA);
            assert_non_null(strstr(rg_last_error(ctx), r->error));
        } else {
            assert_ok(ctx, status);
            assert_int_equal(m.split.n_features, wanted.n);
            for (int64_t j = 0; j < wanted.n; j++)
                assert_int_equal(m.split.columns ? m.split.columns[j] : j, r->columns[j]);
        }
        if (r->note)
            assert_non_null(strstr(notes.last, r->note));
        else
            assert_int_equal(notes.n, 0);
        rg__matched_free(&m);
        rg_context_destroy(ctx);
    }
}

/* ---- Files of several splits ----------------------------------------------------------------- */

/* Splits whose columns disagree are written in the order of the first that has names. */
static void test_write(void **state)
{
    (void)state;
    static struct pair p;
    char path[TEMPORARY];
    name_file(path);
    rg_context *ctx = context_of(1);
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        for (size_t k = 0; k < sizeof forms / sizeof *forms; k++)
            for (int sparse = 0; sparse < 2; sparse++) {
                double x[2][N_ROWS * N_WANTED];
                make_pair(&p, orders[i].columns, orders[i].n, forms[k].dtype, forms[k].sparse,
                          false);
                const rg_split *splits[] = {&p.plain, &p.other};
                rg_dataset *data = write_and_open(ctx, path, splits, 2, sparse);
                const rg_split *read[] = {rg_dataset_find(data, "train"),
                                          rg_dataset_find(data, "vali")};
                assert_int_equal(read[1]->n_features, N_WANTED);
                for (int j = 0; j < N_WANTED; j++)
                    assert_string_equal(read[1]->feature_names[j], wanted_names[j]);
                for (int64_t row = 0; row < N_ROWS; row++)
                    for (int v = 0; v < 2; v++) {
                        double stored[N_WANTED];
                        rg_dtype dtype =
                            read[v]->csr.indptr ? read[v]->csr.dtype : read[v]->features.dtype;
                        rg__copy_row(read[v], row, stored);
                        rg__cast(dtype, stored, RG_F64, &x[v][row * N_WANTED], N_WANTED);
                    }
                assert_memory_equal(x[0], p.x, sizeof p.x);
                assert_memory_equal(x[1], p.x, sizeof p.x);
                rg_dataset_close(data);
            }
    unlink(path);
    rg_context_destroy(ctx);
}

/* Validation data that are the training data are told. */
static const struct change {
    const char *name;
    bool same;
    int what;
} changes[] = {
    {"nothing", true, 0},
    {"a feature of the last row", false, 1},
    {"the last label", false, 2},
    {"a list is longer", false, 3},
    {"f64 for f32", true, 4},
    {"sparse for dense", true, 5},
    {"both sparse", true, 6},
    {"both sparse, a value", false, 7},
    {"both sparse, a value less", false, 8},
    {"another order of columns", true, 9},
    {"a masked row", false, 10},
    {"a feature of a masked row", true, 11},
    {"fewer rows", false, 12},
};

/* Makes the change in p->other, which has the same rows as p->plain. */
static void change(struct pair *p, int what)
{
    static const int in_order[N_WANTED] = {0, 1, 2, 3, 4, 5};
    static struct pair fresh;
    static double labels[N_ROWS];
    static int64_t offsets[N_LISTS + 1];
    bool sparse = what == 5 || (what >= 6 && what <= 8);
    make_pair(&fresh, what == 9 ? orders[0].columns : in_order, N_WANTED,
              what == 4 ? RG_F64 : RG_F32, sparse, what == 10 || what == 11);
    make_pair(p, in_order, N_WANTED, RG_F32, what >= 6 && what <= 8, what == 11);
    p->other = fresh.other;
    memcpy(labels, p->labels, sizeof labels);
    memcpy(offsets, p->offsets, sizeof offsets);
    p->other.labels = labels;
    p->other.offsets = offsets;
    float *x = (float *)(void *)fresh.other_data;
    if (what == 1)
        x[N_ROWS * N_WANTED - 1] += 1;
    else if (what == 2)
        labels[N_ROWS - 1] += 1;
    else if (what == 3)
        offsets[1]++;
    else if (what == 7)
        x[fresh.other_ptr[N_ROWS] - 1] += 1;
    else if (what == 8)
        fresh.other_ptr[N_ROWS]--;
    else if (what == 11)
        x[3 * N_WANTED] += 1;
    else if (what == 12)
        p->other.n_rows = p->other.features.dims[0] = offsets[--p->other.n_lists];
}

static void test_same_rows(void **state)
{
    (void)state;
    static struct pair p;
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        struct notes notes = {0};
        rg_context *ctx = noting_context(1, &notes);
        rg_train_options o = short_training("zscore");
        rg_model *model;
        print_message("%s\n", changes[i].name);
        change(&p, changes[i].what);
        assert_ok(ctx, rg_train(ctx, &p.plain, &p.other, &o, &model, NULL));
        assert_int_equal(notes.same, changes[i].same);
        rg_model_destroy(model);
        rg_context_destroy(ctx);
    }
}

/* Whichever request for memory is refused, the error is told and nothing leaks. */
static void test_no_memory(void **state)
{
    (void)state;
    static struct pair p;
    const struct rg__columns wanted = {"the model", N_WANTED, wanted_names};
    for (int sparse = 0; sparse < 2; sparse++) {
        make_pair(&p, orders[5].columns, orders[5].n, RG_F32, sparse, false);
        bool done = false;
        for (int64_t k = 2; !done; k++) {
            struct memory memory = {.refuse = k};
            rg_context *ctx = memory_context(&memory);
            struct rg__matched m;
            rg_status status = rg__match_columns(ctx, "the data", &p.other, &wanted, &m);
            done = memory.requests < k;
            assert_true(status == RG_LIMIT || status == RG_OK);
            if (done) /* sparse columns ascend */
                assert_ok(ctx, status == RG_OK ? rg__check_split(ctx, &m.split, "it") : status);
            rg__matched_free(&m);
            rg_context_destroy(ctx);
            assert_int_equal(memory.live, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),        cmocka_unit_test(test_files),
        cmocka_unit_test(test_copies_count), cmocka_unit_test(test_own_map),
        cmocka_unit_test(test_rules),        cmocka_unit_test(test_write),
        cmocka_unit_test(test_same_rows),    cmocka_unit_test(test_no_memory),
    };
    RUN_TESTS(tests);
}

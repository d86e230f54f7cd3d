/* test_clicks.c: propensities from clicks, inverse propensity weights, simulated clicks.
 *
 * Clicks that occur exactly as often as a position-based model says (a list of weight p with a click
 * and one of weight 1 - p without) have that model as their maximum of likelihood, so that both
 * methods must find its propensities. */
#include "check.h"

#include "base/base.h"

enum { MOST_ROWS = 4000, MOST_FEATURES = 3 };

/* Lists of one item each. */
struct clicks {
    rg_split split;
    int64_t offsets[MOST_ROWS + 1], positions[MOST_ROWS];
    double features[MOST_ROWS * MOST_FEATURES], labels[MOST_ROWS], weights[MOST_ROWS];
    char ids[MOST_ROWS][16];
    const char *query_ids[MOST_ROWS], *doc_ids[MOST_ROWS];
};

static struct clicks data;

static void clear(int64_t n_features)
{
    memset(&data, 0, sizeof data);
    data.split = (rg_split){.name = "train", .n_features = n_features};
    data.split.features = (rg_tensor){RG_F64, 2, {0, n_features}, data.features};
    data.split.labels = data.labels;
    data.split.offsets = data.offsets;
    data.split.positions = data.positions;
    data.split.list_weights = data.weights;
    data.split.query_ids = data.query_ids;
    data.split.doc_ids = data.doc_ids;
}

/* Adds a list of one item, a document of query "q", at a position. */
static void add(int doc, const double *x, int64_t position, double label, double weight)
{
    int64_t i = data.split.n_rows++;
    assert_true(i < MOST_ROWS);
    data.split.n_lists = data.split.features.dims[0] = i + 1;
    data.offsets[i + 1] = i + 1;
    data.positions[i] = position;
    data.labels[i] = label;
    data.weights[i] = weight;
    snprintf(data.ids[i], sizeof data.ids[i], "d%d", doc);
    data.doc_ids[i] = data.ids[i];
    data.query_ids[i] = "q";
    for (int64_t j = 0; x && j < data.split.n_features; j++)
        data.features[i * data.split.n_features + j] = x[j];
}

/* Adds an item that is clicked with probability p. */
static void add_expected(int doc, const double *x, int64_t position, double p)
{
    add(doc, x, position, 1, p);
    add(doc, x, position, 0, 1 - p);
}

static const double theta[] = {0.9, 0.5, 0.7, 0.3, 0.05, 0.02};
enum { N_POSITIONS = 6, N_DOCS = 40 };

/* Documents with two features whose relevance is a logistic function of them, each at two or all
 * positions. */
static void make_expected(bool everywhere)
{
    clear(2);
    for (int doc = 0; doc < N_DOCS; doc++) {
        const double x[] = {1000 + 500 * rg_normal(1, RG_STREAM_OWN, 0, (uint64_t)doc),
                            rg_normal(1, RG_STREAM_OWN, 1, (uint64_t)doc)};
        double gamma = 1 / (1 + exp(-(0.5 + 1.5 * (x[0] - 1000) / 500 - x[1])));
        for (int k = 0; k < N_POSITIONS; k++)
            if (everywhere || k == doc % N_POSITIONS || k == (doc + 1) % N_POSITIONS)
                add_expected(doc, x, k + 1, theta[k] * gamma);
    }
}

static rg_propensities estimate(rg_context *ctx, rg_propensity_method method, int64_t iterations)
{
    rg_propensities p;
    const rg_propensity_options options = {method, iterations, 0};
    assert_ok(ctx, rg_propensities_estimate(ctx, &data.split, &options, &p));
    return p;
}

/* ---- Estimation ------------------------------------------------------------------------------ */

static void expected_clicks_give_their_propensities(void **state)
{
    (void)state;
    rg_context *ctx = context_of(2);
    for (int everywhere = 0; everywhere < 2; everywhere++)
        for (int method = 0; rg_propensity_method_name((rg_propensity_method)method); method++) {
            make_expected(everywhere);
            rg_propensities p = estimate(ctx, (rg_propensity_method)method, 30000);
            assert_int_equal(p.n, N_POSITIONS);
            assert_int_equal(p.reference, 1);
            for (int k = 0; k < N_POSITIONS; k++)
                assert_close(p.value[k], theta[k] / theta[0], 2e-5, 0);
            rg_propensities_free(ctx, &p);
        }
    rg_context_destroy(ctx);
}

static void no_iteration_lowers_the_likelihood(void **state)
{
    (void)state;
    rg_context *ctx = context_of(2);
    for (int method = 0; method < 2; method++) {
        double before = -HUGE_VAL;
        make_expected(true);
        for (int iterations = 1; iterations <= 40; iterations++) {
            rg_propensities p = estimate(ctx, (rg_propensity_method)method, iterations);
            assert_int_equal(p.iterations, iterations);
            assert_true(p.log_likelihood >= before - 1e-14);
            before = p.log_likelihood;
            rg_propensities_free(ctx, &p);
        }
    }
    rg_context_destroy(ctx);
}

/* Regression EM written out for two features: theta after some iterations of it from 1/2, where
 * each maximisation of w solves H d = g exactly. */
static void regression_by_hand(int n_iterations, double *out)
{
    double w[3] = {0}, t[N_POSITIONS], mean[2] = {0}, deviation[2] = {0};
    int64_t n = data.split.n_rows;
    for (int j = 0; j < 2; j++) {
        for (int64_t i = 0; i < n; i++)
            mean[j] += data.features[2 * i + j] / (double)n;
        for (int64_t i = 0; i < n; i++)
            deviation[j] += pow(data.features[2 * i + j] - mean[j], 2) / (double)n;
    }
    for (int k = 0; k < N_POSITIONS; k++)
        t[k] = 0.5;
    for (int iteration = 0; iteration < n_iterations; iteration++) {
        double examined[N_POSITIONS] = {0}, shown[N_POSITIONS] = {0}, h[3][4] = {{0}};
        for (int64_t i = 0; i < n; i++) {
            double x[3] = {(data.features[2 * i] - mean[0]) / sqrt(deviation[0]),
                           (data.features[2 * i + 1] - mean[1]) / sqrt(deviation[1]), 1};
            double gamma = 1 / (1 + exp(-(w[0] * x[0] + w[1] * x[1] + w[2])));
            int64_t k = data.positions[i] - 1;
            double none = 1 - t[k] * gamma, weight = data.weights[i];
            double e = data.labels[i] > 0 ? 1 : t[k] * (1 - gamma) / none;
            double r = data.labels[i] > 0 ? 1 : gamma * (1 - t[k]) / none;
            shown[k] += weight;
            examined[k] += weight * e;
            for (int a = 0; a < 3; a++) {
                for (int b = 0; b < 3; b++)
                    h[a][b] += weight * x[a] * x[b] / 4;
                h[a][3] += weight * (r - gamma) * x[a];
            }
        }
        for (int k = 0; k < N_POSITIONS; k++)
            t[k] = examined[k] / shown[k];
        for (int a = 0; a < 3; a++) /* Gauss-Jordan */
            for (int b = 0; b < 3; b++) {
                double factor = h[b][a] / h[a][a];
                for (int c = 0; c < 4 && b != a; c++)
                    h[b][c] -= factor * h[a][c];
            }
        for (int a = 0; a < 3; a++)
            w[a] += h[a][3] / h[a][a];
    }
    for (int k = 0; k < N_POSITIONS; k++)
        out[k] = t[k] / t[0];
}

static void regression_is_as_by_hand(void **state)
{
    (void)state;
    static const int iterations[] = {1, 2, 3, 4, 5, 8, 20, 100};
    rg_context *ctx = context_of(1);
    make_expected(false);
    for (int i = 0; i < RG__COUNT(iterations); i++) {
        double expected[N_POSITIONS];
        rg_propensities p = estimate(ctx, RG_PROPENSITY_REGRESSION_EM, iterations[i]);
        regression_by_hand(iterations[i], expected);
        for (int k = 0; k < N_POSITIONS; k++)
            assert_close(p.value[k], expected[k], 1e-9, 0);
        rg_propensities_free(ctx, &p);
    }
    rg_context_destroy(ctx);
}

/* Features of another scale, or with a constant column, or sparse, give the same propensities. */
static void regression_ignores_scales_and_storage(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    int64_t indptr[MOST_ROWS + 1];
    int32_t indices[2 * MOST_ROWS];
    make_expected(true);
    rg_propensities p = estimate(ctx, RG_PROPENSITY_REGRESSION_EM, 2000);
    for (int64_t i = 0; i < data.split.n_rows; i++) {
        data.features[2 * i] *= 1e6;
        data.features[2 * i + 1] *= 1e-6;
    }
    rg_propensities scaled = estimate(ctx, RG_PROPENSITY_REGRESSION_EM, 2000);
    for (int64_t i = 0; i <= data.split.n_rows; i++)
        indptr[i] = 2 * i;
    for (int64_t i = 0; i < 2 * data.split.n_rows; i++)
        indices[i] = i % 2 ? 1999999999 : 5;
    data.split.features = (rg_tensor){0};
    data.split.n_features = 2000000000;
    data.split.csr =
        (rg_csr){data.split.n_rows, 2000000000, indptr, indices, RG_F64, data.features};
    rg_propensities sparse = estimate(ctx, RG_PROPENSITY_REGRESSION_EM, 2000);
    for (int k = 0; k < N_POSITIONS; k++) {
        assert_close(scaled.value[k], p.value[k], 1e-6, 0);
        assert_close(sparse.value[k], p.value[k], 1e-4, 0);
    }
    rg_propensities_free(ctx, &p);
    rg_propensities_free(ctx, &scaled);
    rg_propensities_free(ctx, &sparse);
    rg_context_destroy(ctx);
}

/* A simulated data set, for what needs many lists. */
static rg_dataset *simulate(rg_context *ctx, const rg_click_options *options, rg_dataset **source,
                            rg_propensities *truth)
{
    const rg_generate_options made = {60, 12, 3};
    rg_dataset *clicks;
    assert_ok(ctx, rg_dataset_generate(ctx, &made, NULL, source));
    assert_ok(ctx, rg_clicks_simulate(ctx, rg_dataset_find(*source, "train"), NULL, options,
                                      &clicks, truth));
    return clicks;
}

static void threads_do_not_change_the_bits(void **state)
{
    (void)state;
    static const int threads[] = {1, 2, 3, 5, 8};
    double first[200] = {0}; /* the last positions have few items, which do not average out bits */
    rg_click_options options = {20, 200, 0.5, 0.1, 0, 1};
    for (int t = 0; t < RG__COUNT(threads); t++) {
        rg_context *ctx = context_of(threads[t]);
        rg_dataset *source, *clicks = simulate(ctx, &options, &source, NULL);
        const rg_propensity_options how = {RG_PROPENSITY_REGRESSION_EM, 10, 0};
        rg_propensities p;
        assert_ok(ctx, rg_propensities_estimate(ctx, rg_dataset_find(clicks, "train"), &how, &p));
        assert_true(p.n > 100 && p.n <= 200);
        if (t == 0)
            memcpy(first, p.value, (size_t)p.n * sizeof *first);
        assert_memory_equal(p.value, first, (size_t)p.n * sizeof *first);
        rg_propensities_free(ctx, &p);
        rg_dataset_close(clicks);
        rg_dataset_close(source);
        rg_context_destroy(ctx);
    }
}

static int n_warnings;

static void count_warning(void *user, rg_log_level level, const char *message)
{
    (void)user;
    (void)message;
    n_warnings += level == RG_LOG_WARNING;
}

/* Positions of a small case and what its propensities must be; 0 ends the positions. */
struct corner {
    const char *what;
    struct {
        int doc;
        int64_t position;
        double label;
    } items[8];
    double expected[4]; /* 0 in front of the reference may be NaN: not shown */
    int64_t reference;
};

static void corner_cases(void **state)
{
    (void)state;
    const double none = (double)NAN;
    const struct corner corners[] = {
        {"a single position", {{1, 1, 1}, {2, 1, 0}}, {1}, 1},
        {"a single item", {{1, 1, 1}}, {1}, 1},
        {"a single position that is not 1", {{1, 3, 1}, {2, 3, 0}}, {none, none, 1}, 3},
        {"never clicked at 2", {{1, 1, 1}, {1, 2, 0}, {2, 1, 0}}, {1, 0}, 1},
        {"never clicked at 1", {{1, 1, 0}, {1, 2, 1}, {2, 2, 0}}, {0, 1}, 2},
        {"2 is not shown", {{1, 1, 1}, {1, 3, 1}}, {1, none, 1}, 1},
        {"every item is clicked", {{1, 1, 1}, {1, 2, 1}, {2, 1, 1}}, {1, 1}, 1},
        {"half as often at 2", {{1, 1, 1}, {1, 2, 1}, {1, 2, 0}}, {1, 0.5}, 1},
        {"through a chain", {{1, 1, 1}, {1, 2, 1}, {2, 2, 1}, {2, 3, 1}}, {1, 1, 1}, 1},
        {"only an unclicked document at 2", {{1, 1, 1}, {2, 2, 0}}, {1, 0}, 1},
    };
    rg_context_options options = rg_context_options_default();
    options.log = count_warning;
    for (int i = 0; i < RG__COUNT(corners); i++) {
        rg_context *ctx = rg_context_create(&options);
        clear(1);
        int64_t n = 0;
        for (; corners[i].items[n].position; n++) {
            add(corners[i].items[n].doc, NULL, corners[i].items[n].position,
                corners[i].items[n].label, 1);
            data.features[n] = (double)n;
        }
        const rg_propensity_options how = {RG_PROPENSITY_EM, 2000, 1e-9};
        rg_propensities p;
        n_warnings = 0;
        assert_ok(ctx, rg_propensities_estimate(ctx, &data.split, &how, &p));
        if (p.reference != corners[i].reference)
            fail_msg("%s: reference %lld", corners[i].what, (long long)p.reference);
        for (int64_t k = 0; k < p.n; k++)
            assert_close(p.value[k], corners[i].expected[k], 1e-3, 0);
        assert_int_equal(n_warnings, corners[i].reference != 1);
        rg_propensities_free(ctx, &p);
        rg_context_destroy(ctx);
    }
}

/* A split of clicks with one fault, and what is said of it. */
struct fault {
    rg_propensity_options how;
    rg_status status;
    const char *words;
};

static void set_label(struct fault *f, int64_t row, double label, const char *words)
{
    data.labels[row] = label;
    f->words = words;
}

static void set_position(struct fault *f, int64_t row, int64_t position, const char *words)
{
    data.positions[row] = position;
    f->words = words;
}

/* Positions above `position` share no document with the others. */
static void disconnect(int64_t position, char letter)
{
    for (int64_t k = 0; k < data.split.n_rows; k++)
        if (data.positions[k] > position)
            data.ids[k][0] = letter;
}

/* Faults of rows; false past the last one. */
static bool spoil_rows(int i, struct fault *f)
{
    switch (i) {
    case 0: set_label(f, 5, 0.5, "labels: row 6 (from 1) is 0.5"); break;
    case 1: set_label(f, 0, 2, "labels: row 1 (from 1) is 2; expected clicks"); break;
    case 2: set_label(f, 7, (double)NAN, "labels: row 8 (from 1) is nan"); break;
    case 3: set_label(f, 7, -1, "labels: row 8 (from 1) is -1"); break;
    case 4: set_position(f, 9, 0, "positions: row 10 (from 1) is 0; expected 1"); break;
    case 5: set_position(f, 2, -7, "positions: row 3 (from 1) is -7"); break;
    case 6: set_position(f, 2, INT64_MAX, "row 3 (from 1) is 9223372036854775807"); break;
    case 7: set_position(f, 0, RG_MAX_POSITION + 1, "expected 1 to 1048576"); break;
    case 8: data.weights[3] = -1, f->words = "list_weights: list 4 (from 1) is -1"; break;
    case 9: data.weights[3] = (double)INFINITY, f->words = "list 4 (from 1) is inf"; break;
    case 10: data.doc_ids[4] = "", f->words = "doc_ids: row 5 (from 1) has none"; break;
    case 11: data.query_ids[4] = NULL, f->words = "query_ids: row 5 (from 1) has none"; break;
    default: return false;
    }
    return true;
}

/* Faults of the split and the options; false past the last one. */
static bool spoil_all(int i, struct fault *f)
{
    rg_split *s = &data.split;
    rg_propensity_options *how = &f->how;
    f->status = i < 4 ? RG_USAGE : RG_BAD_DATA;
    switch (i) {
    case 0: how->iterations = 0, f->words = "`iterations` is 0"; break;
    case 1: how->tolerance = -1, f->words = "`tolerance` is -1"; break;
    case 2: how->tolerance = (double)NAN, f->words = "`tolerance` is nan"; break;
    case 3: how->method = (rg_propensity_method)7, f->words = "`method` is 7"; break;
    case 4: s->positions = NULL, f->words = "no positions; expected for each row"; break;
    case 5: s->labels = NULL, f->words = "no labels; expected 1 for each click"; break;
    case 6: s->offsets = NULL, s->n_lists = 0, f->words = "no lists; expected offsets"; break;
    case 7: s->doc_ids = NULL, f->words = "doc_ids: row 1 (from 1) has none"; break;
    case 8: memset(data.labels, 0, sizeof data.labels), f->words = "there is no click"; break;
    case 9: disconnect(3, 'e'), f->words = "positions: 4 cannot be compared with 1"; break;
    case 10: /* a document that was never clicked connects nothing */
        disconnect(3, 'e');
        for (int k = 1; k <= N_POSITIONS; k++)
            add(99, NULL, k, 0, 1);
        f->words = "positions: 4 cannot be compared with 1";
        break;
    case 11:
        how->method = RG_PROPENSITY_REGRESSION_EM;
        data.features[3] = (double)NAN;
        f->words = "feature 2";
        break;
    default: return false;
    }
    return true;
}

static void bad_clicks_are_reported(void **state)
{
    (void)state;
    bool (*const spoil[])(int i, struct fault *f) = {spoil_rows, spoil_all};
    rg_context *ctx = context_of(1);
    rg_propensities p;
    for (int kind = 0, i = 0; kind < 2; i++) {
        struct fault fault = {rg_propensity_options_default(), RG_BAD_DATA, NULL};
        make_expected(false);
        if (!spoil[kind](i, &fault)) {
            kind++;
            i = -1;
            continue;
        }
        assert_fails(ctx, fault.status, fault.words,
                     rg_propensities_estimate(ctx, &data.split, &fault.how, &p));
        assert_null(p.value);
    }
    rg_context_destroy(ctx);
}

/* What a masked row holds does not matter. */
static void masked_rows_are_ignored(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    for (int method = 0; method < 2; method++) {
        make_expected(true);
        rg_propensities p = estimate(ctx, (rg_propensity_method)method, 50);
        uint8_t mask[MOST_ROWS];
        memset(mask, 1, sizeof mask);
        const double x[] = {(double)NAN, 0};
        mask[data.split.n_rows] = 0;
        add(0, x, -5, (double)NAN, 1);
        mask[data.split.n_rows] = 0;
        add(0, x, 77, 3, 1);
        data.split.mask = mask;
        rg_propensities masked = estimate(ctx, (rg_propensity_method)method, 50);
        assert_int_equal(masked.n, p.n);
        assert_memory_equal(masked.value, p.value, (size_t)p.n * sizeof *p.value);
        rg_propensities_free(ctx, &p);
        rg_propensities_free(ctx, &masked);
    }
    rg_context_destroy(ctx);
}

/* ---- Tables and weights ---------------------------------------------------------------------- */

static const char table_path[] = "test_clicks.tsv";

static void write_text(const char *text)
{
    FILE *file = fopen(table_path, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void a_table_is_read_back(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    double values[] = {1, (double)NAN, 0.123456789, 0, 1.5};
    const rg_propensities p = {.n = 5, .value = values};
    rg_propensities back;
    rg_output *out;
    assert_ok(ctx, rg_output_begin(ctx, table_path, &out));
    assert_ok(ctx, rg_propensities_write(ctx, &p, out));
    assert_ok(ctx, rg_output_commit(&out, 1));
    rg_output_destroy(out);
    assert_ok(ctx, rg_propensities_read(ctx, table_path, &back));
    assert_int_equal(back.n, 5);
    for (int k = 0; k < 5; k++)
        assert_close(back.value[k], values[k], 0, 0);
    rg_propensities_free(ctx, &back);
    write_text("3 0.5 and more\n\n1\t1\n"); /* in any order, without a header */
    assert_ok(ctx, rg_propensities_read(ctx, table_path, &back));
    assert_int_equal(back.n, 3);
    assert_close(back.value[2], 0.5, 0, 0);
    assert_true(isnan(back.value[1]));
    rg_propensities_free(ctx, &back);
    remove(table_path);
    rg_context_destroy(ctx);
}

static void bad_tables_are_reported(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        {"", "there is no propensity"},
        {"position\tpropensity\n", "there is no propensity"},
        {"1\n", ":1:1: found"},
        {"0 1\n", ":1:1: found \"0\", expected a position"},
        {"1 1\n1.5 1\n", ":2:1: found \"1.5\", expected a position"},
        {"1048577 1\n", ":1:1: found \"1048577\", expected a position"},
        {"1 1\n2 -0.5\n", ":2:3: found \"-0.5\", expected a propensity"},
        {"1 nan\n", ":1:3: found \"nan\", expected a propensity"},
        {"1 inf\n", ":1:3: found \"inf\", expected a propensity"},
        {"1 0.5x\n", ":1:3: found \"0.5x\", expected a propensity"},
        {"1 1\nposition propensity\n", ":2:1: found \"position\", expected a position"},
        {"1 1\n2 1\n1 0.5\n", ":3: position 1 occurs a second time"},
        {"-1 1\n", ":1:1: found \"-1\", expected a position"},
        {"nan 1\n", ":1:1: found \"nan\", expected a position"},
    };
    rg_context *ctx = context_of(1);
    rg_propensities p;
    for (int i = 0; i < RG__COUNT(cases); i++) {
        write_text(cases[i].text);
        assert_fails(ctx, RG_BAD_DATA, cases[i].words, rg_propensities_read(ctx, table_path, &p));
        assert_null(p.value);
    }
    remove(table_path);
    assert_fails(ctx, RG_IO, table_path, rg_propensities_read(ctx, table_path, &p));
    rg_context_destroy(ctx);
}

static void weights_are_inverse_propensities(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    double values[] = {1, 0.5, 0.01, 0, (double)NAN}, weights[6], own[] = {1, 2, 3, 4, 5, 6};
    const rg_propensities p = {.n = 5, .value = values};
    const uint8_t mask[] = {1, 1, 1, 1, 1, 0};
    int64_t n_clipped;
    clear(1);
    for (int k = 0; k < 4; k++)
        add(1, NULL, k + 1, k < 3, 1);
    add(1, NULL, 6, 0, 1);
    add(1, NULL, 0, 1, 1);
    data.split.mask = mask;
    const double expected[2][6] = {{1, 2, 20, 1, 1, 1}, {1, 4, 60, 4, 5, 6}};
    for (int weighted = 0; weighted < 2; weighted++) {
        data.split.weights = weighted ? own : NULL;
        assert_ok(ctx, rg_propensity_weights(ctx, &data.split, &p, 20, weights, &n_clipped));
        assert_int_equal(n_clipped, 1);
        assert_memory_equal(weights, expected[weighted], sizeof weights);
    }
    assert_ok(ctx, rg_propensity_weights(ctx, &data.split, &p, HUGE_VAL, weights, NULL));
    assert_close(weights[2], 300, 1e-15, 0);
    static const struct {
        int row;
        int64_t position;
        const char *words;
    } bad[] = {
        {3, 4, "row 4 (from 1), which was clicked, was shown at 4, whose propensity is 0"},
        {4, 6, "row 5 (from 1), which was clicked, was shown at 6, which has no propensity"},
        {4, 5, "row 5 (from 1), which was clicked, was shown at 5, which has no propensity"},
        {1, 1048576, "row 2 (from 1), which was clicked, was shown at 1048576"},
        {0, 0, "positions: row 1 (from 1) is 0; expected 1 to 1048576"},
        {0, -1, "positions: row 1 (from 1) is -1"},
        {2, INT64_MIN, "positions: row 3 (from 1) is -9223372036854775808"},
        {2, 1048577, "positions: row 3 (from 1) is 1048577"},
    };
    for (int i = 0; i < RG__COUNT(bad); i++) {
        int64_t position = data.positions[bad[i].row];
        double label = data.labels[bad[i].row];
        data.positions[bad[i].row] = bad[i].position;
        data.labels[bad[i].row] = 1;
        assert_fails(ctx, RG_BAD_DATA, bad[i].words,
                     rg_propensity_weights(ctx, &data.split, &p, 20, weights, NULL));
        data.positions[bad[i].row] = position;
        data.labels[bad[i].row] = label;
    }
    data.split.positions = NULL;
    assert_fails(ctx, RG_BAD_DATA, "no positions",
                 rg_propensity_weights(ctx, &data.split, &p, 20, weights, NULL));
    rg_context_destroy(ctx);
}

/* ---- Simulation ------------------------------------------------------------------------------ */

/* One list of labels 0 to 3, shown often. */
static const double list_labels[] = {0, 1, 2, 3, -1};
enum { N_ITEMS = 5 };

static void make_list(void)
{
    clear(1);
    for (int i = 0; i < N_ITEMS; i++)
        add(i, NULL, 1, list_labels[i], 1);
    data.split.n_lists = 1;
    data.offsets[1] = N_ITEMS;
    data.split.positions = NULL;
    data.split.list_weights = NULL;
    for (int i = 0; i < N_ITEMS; i++)
        data.features[i] = i;
}

/* Every item at every position is clicked as often as the model says, and is there as often as a
 * Plackett-Luce model of the scores says; counts are within 4.5 deviations. */
static void clicks_follow_the_model(void **state)
{
    (void)state;
    static const rg_click_options settings[] = {
        {20000, 10, 1, 0.1, 0, 1}, {20000, 3, 1, 0, 0, 2},    {20000, 10, 0, 0.2, 0, 3},
        {20000, 10, 2, 0.1, 0, 4}, {20000, 10, 0.5, 1, 0, 5}, {20000, 10, 1, 0.1, 1, 6},
        {20000, 2, 1, 0.1, 2, 7},  {20000, 1, 1, 0.5, 0.5, 8}};
    static const double scores[] = {0, 1, 0, -1, 0.5};
    rg_context *ctx = context_of(1);
    for (int i = 0; i < RG__COUNT(settings); i++) {
        const rg_click_options *o = &settings[i];
        double shown[N_ITEMS][N_ITEMS] = {{0}}, clicked[N_ITEMS][N_ITEMS] = {{0}}, total = 0;
        rg_dataset *clicks;
        make_list();
        assert_ok(ctx, rg_clicks_simulate(ctx, &data.split, o->temperature > 0 ? scores : NULL, o,
                                          &clicks, NULL));
        const rg_split *s = rg_dataset_find(clicks, "train");
        int64_t depth = o->depth < N_ITEMS ? o->depth : N_ITEMS;
        assert_int_equal(s->n_lists, o->sessions);
        assert_int_equal(s->n_rows, o->sessions * depth);
        for (int64_t row = 0; row < s->n_rows; row++) {
            int item = (int)((const double *)s->features.data)[row];
            assert_string_equal(s->doc_ids[row], data.ids[item]);
            assert_int_equal(s->positions[row], row % depth + 1);
            shown[item][row % depth]++;
            clicked[item][row % depth] += s->labels[row];
        }
        for (int k = 0; k < N_ITEMS; k++)
            total += o->temperature > 0 ? exp(scores[k] / o->temperature) : 1;
        for (int k = 0; k < N_ITEMS; k++) {
            double first = (o->temperature > 0 ? exp(scores[k] / o->temperature) : 1) / total;
            double n = (double)o->sessions,
                   gain = list_labels[k] > 0 ? exp2(list_labels[k]) - 1 : 0;
            assert_close(shown[k][0], first * n, 0, 4.5 * sqrt(n * first * (1 - first)));
            for (int64_t at = 0; at < depth; at++) {
                double p = pow((double)at + 1, -o->eta) * (o->noise + (1 - o->noise) * gain / 7);
                assert_close(clicked[k][at], p * shown[k][at], 1e-12,
                             4.5 * sqrt(shown[k][at] * p * fmax(1 - p, 0)));
            }
        }
        rg_dataset_close(clicks);
    }
    rg_context_destroy(ctx);
}

static void scores_order_and_masks_hide(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    const double scores[] = {3, (double)NAN, 7, 1, 5};
    const uint8_t mask[] = {1, 0, 1, 1, 1};
    static const double order[] = {2, 4, 0};
    const rg_click_options options = {50, 3, 1, 0.1, 0, 1};
    rg_dataset *clicks, *again;
    rg_propensities truth;
    make_list();
    data.split.mask = mask;
    data.split.query_ids = data.split.doc_ids = NULL;
    assert_ok(ctx, rg_clicks_simulate(ctx, &data.split, scores, &options, &clicks, &truth));
    assert_ok(ctx, rg_clicks_simulate(ctx, &data.split, scores, &options, &again, NULL));
    const rg_split *s = rg_dataset_split_at(clicks, 0), *t = rg_dataset_split_at(again, 0);
    for (int64_t row = 0; row < s->n_rows; row++)
        assert_close(((const double *)s->features.data)[row], order[row % 3], 0, 0);
    assert_string_equal(s->doc_ids[0], "3");
    assert_string_equal(s->query_ids[49], "1");
    assert_memory_equal(s->labels, t->labels, (size_t)s->n_rows * sizeof *s->labels);
    assert_int_equal(truth.n, 3);
    for (int k = 0; k < 3; k++) {
        assert_close(truth.value[k], 1 / (k + 1.0), 1e-15, 0);
        assert_close(truth.shown[k], 50, 0, 0);
    }
    rg_propensities_free(ctx, &truth);
    rg_dataset_close(clicks);
    rg_dataset_close(again);
    rg_context_destroy(ctx);
}

static void bad_simulations_are_reported(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    rg_dataset *clicks;
    double scores[N_ITEMS] = {0};
    for (int i = 0;; i++) {
        const char *words = NULL;
        rg_click_options o = rg_click_options_default();
        rg_status status = RG_USAGE;
        make_list();
        scores[1] = 0;
        switch (i) {
        case 0: o.sessions = 0, words = "`sessions` is 0"; break;
        case 1: o.depth = 0, words = "`depth` is 0"; break;
        case 2: o.depth = RG_MAX_POSITION + 1, words = "`depth` is 1.04858e+06"; break;
        case 3: o.eta = -1, words = "`eta` is -1"; break;
        case 4: o.eta = (double)NAN, words = "`eta` is nan"; break;
        case 5: o.noise = 1.5, words = "`noise` is 1.5"; break;
        case 6: o.temperature = (double)INFINITY, words = "`temperature` is inf"; break;
        case 7: scores[1] = (double)NAN, status = RG_BAD_DATA, words = "scores: row 2"; break;
        case 8: data.labels[4] = (double)NAN, status = RG_BAD_DATA, words = "labels: row 5"; break;
        case 9: data.split.labels = NULL, status = RG_BAD_DATA, words = "no labels"; break;
        default: rg_context_destroy(ctx); return;
        }
        assert_fails(ctx, status, words,
                     rg_clicks_simulate(ctx, &data.split, scores, &o, &clicks, NULL));
        assert_null(clicks);
    }
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Everything once; false if a call failed. */
static bool run_all(rg_context *ctx)
{
    const rg_click_options options = {3, 4, 1, 0.1, 0, 1};
    const rg_propensity_options how[] = {{RG_PROPENSITY_EM, 3, 0},
                                         {RG_PROPENSITY_REGRESSION_EM, 3, 0}};
    rg_propensities truth = {0}, p = {0};
    rg_dataset *clicks = NULL;
    make_expected(false);
    bool ok = true;
    for (int i = 0; i < 2; i++) {
        ok = ok && rg_propensities_estimate(ctx, &data.split, &how[i], &p) == RG_OK;
        rg_propensities_free(ctx, &p);
    }
    write_text("1 1\n2 1\n");
    ok = ok && rg_propensities_read(ctx, table_path, &p) == RG_OK;
    rg_propensities_free(ctx, &p);
    ok = ok && rg_clicks_simulate(ctx, &data.split, NULL, &options, &clicks, &truth) == RG_OK;
    rg_propensities_free(ctx, &truth);
    rg_dataset_close(clicks);
    return ok;
}

static void failed_allocations_leave_nothing(void **state)
{
    (void)state;
    struct memory memory = {0};
    bool ok = false;
    for (int64_t refuse = 1; !ok; refuse++) {
        memory = (struct memory){.refuse = refuse};
        rg_context *ctx = memory_context(&memory);
        if (!ctx)
            continue;
        ok = run_all(ctx);
        if (!ok)
            assert_int_equal(rg_last_status(ctx), RG_LIMIT);
        assert_true(refuse < 2000);
        rg_context_destroy(ctx);
        assert_int_equal(memory.live, 0);
    }
    assert_true(memory.requests > 50);
    remove(table_path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expected_clicks_give_their_propensities),
        cmocka_unit_test(no_iteration_lowers_the_likelihood),
        cmocka_unit_test(regression_is_as_by_hand),
        cmocka_unit_test(regression_ignores_scales_and_storage),
        cmocka_unit_test(threads_do_not_change_the_bits),
        cmocka_unit_test(corner_cases),
        cmocka_unit_test(bad_clicks_are_reported),
        cmocka_unit_test(masked_rows_are_ignored),
        cmocka_unit_test(a_table_is_read_back),
        cmocka_unit_test(bad_tables_are_reported),
        cmocka_unit_test(weights_are_inverse_propensities),
        cmocka_unit_test(clicks_follow_the_model),
        cmocka_unit_test(scores_order_and_masks_hide),
        cmocka_unit_test(bad_simulations_are_reported),
        cmocka_unit_test(failed_allocations_leave_nothing),
    };
    RUN_TESTS(tests);
}

/* test_generate.c: what a generated data set promises: shapes, labels, scales, and that its truth
 * orders far better than any feature, which orders better than chance. */
#include "check.h"

#include "base/base.h"

static rg_context *ctx;

static int setup(void **state)
{
    (void)state;
    ctx = rg_context_create(NULL);
    return ctx ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    rg_context_destroy(ctx);
    return 0;
}

static rg_dataset *generate(int64_t n_lists, int64_t n_features, uint64_t seed, double *truth)
{
    rg_generate_options options = {n_lists, n_features, seed};
    rg_dataset *data;
    assert_ok(ctx, rg_dataset_generate(ctx, &options, truth, &data));
    return data;
}

static double cell(const rg_split *split, int64_t row, int64_t column)
{
    return (double)((const float *)split->features.data)[row * split->n_features + column];
}

/* Mean NDCG@10 of a split ordered by sum_j weights_j x_j. */
static double ndcg(const rg_split *split, const double *weights)
{
    rg_metric metric;
    rg_metric_result result;
    double *scores = calloc((size_t)split->n_rows, sizeof *scores);
    for (int64_t i = 0; i < split->n_rows; i++)
        for (int64_t j = 0; j < split->n_features; j++)
            scores[i] += weights[j] * cell(split, i, j);
    rg_ranking ranking = {.n_lists = split->n_lists,
                          .offsets = split->offsets,
                          .scores = scores,
                          .labels = split->labels};
    assert_ok(ctx, rg_metric_parse(ctx, "ndcg@10", &metric));
    assert_ok(ctx, rg_metric_evaluate(ctx, &metric, &ranking, &result, NULL));
    free(scores);
    return result.value;
}

static void test_splits(void **state)
{
    (void)state;
    static const struct {
        int64_t all, train, vali, test;
    } cases[] = {{3, 1, 1, 1}, {4, 2, 1, 1}, {5, 3, 1, 1}, {100, 60, 20, 20}};
    for (int i = 0; i < RG__COUNT(cases); i++) {
        rg_dataset *data = generate(cases[i].all, 3, 1, NULL);
        assert_int_equal(rg_dataset_find(data, "train")->n_lists, cases[i].train);
        assert_int_equal(rg_dataset_find(data, "vali")->n_lists, cases[i].vali);
        assert_int_equal(rg_dataset_find(data, "test")->n_lists, cases[i].test);
        assert_null(rg_dataset_split_at(data, 3));
        rg_dataset_close(data);
    }
}

static void test_lists_labels_and_names(void **state)
{
    (void)state;
    rg_dataset *data = generate(1000, 10, 1, NULL);
    const rg_split *split = rg_dataset_find(data, "train");
    int64_t barren = 0, shortest = 1000, longest = 0, count[5] = {0};
    for (int64_t q = 0; q < split->n_lists; q++) {
        int64_t n = split->offsets[q + 1] - split->offsets[q], relevant = 0;
        shortest = n < shortest ? n : shortest;
        longest = n > longest ? n : longest;
        for (int64_t i = split->offsets[q]; i < split->offsets[q + 1]; i++) {
            double label = split->labels[i];
            assert_true(label == 0 || label == 1 || label == 2 || label == 3 || label == 4);
            count[(int)label]++;
            relevant += label > 0;
        }
        barren += relevant == 0;
    }
    assert_int_equal(split->offsets[0], 0);
    assert_int_equal(split->offsets[split->n_lists], split->n_rows);
    assert_int_equal(shortest, 1);
    assert_true(longest > 150 && longest <= 200);
    assert_true(barren >= 15 && barren <= 50); /* about 5 % of 600 */
    for (int y = 1; y < 5; y++)
        assert_true(count[y] > 0 && count[y] < count[y - 1]);
    assert_true(count[0] > split->n_rows / 2 && count[0] < split->n_rows * 4 / 5);
    assert_string_equal(split->query_ids[0], "q1");
    assert_string_equal(split->doc_ids[0], "d1-1");
    char last[32];
    snprintf(last, sizeof last, "d8-%d", (int)(split->offsets[8] - split->offsets[7]));
    assert_string_equal(split->doc_ids[split->offsets[8] - 1], last);
    assert_string_equal(rg_dataset_find(data, "vali")->query_ids[0], "q601");
    assert_string_equal(rg_dataset_find(data, "test")->doc_ids[0], "d801-1");
    rg_dataset_close(data);
}

/* Whatever the means of the columns, the thresholds cut the same shares. */
static void test_most_labels_are_0(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        rg_dataset *data = generate(300, 6, seed, NULL);
        const rg_split *split = rg_dataset_find(data, "train");
        int64_t zeros = 0;
        for (int64_t i = 0; i < split->n_rows; i++)
            zeros += split->labels[i] == 0;
        assert_close((double)zeros / (double)split->n_rows, 0.7, 0, 0.06);
        rg_dataset_close(data);
    }
}

static void test_columns(void **state)
{
    (void)state;
    enum { FEATURES = 46 };
    double truth[FEATURES];
    rg_dataset *data = generate(300, FEATURES, 3, truth);
    const rg_split *split = rg_dataset_find(data, "train");
    rg_normalization z;
    assert_ok(ctx, rg_normalization_fit(ctx, "zscore", split, &z));
    int constant = 0;
    double smallest = 1e30, largest = 0;
    for (int j = 0; j < FEATURES; j++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", j + 1);
        if (z.scale[j] == 0) {
            constant++;
            assert_close(truth[j], 0, 0, 0);
            assert_string_equal(split->feature_names[j], "constant");
            continue;
        }
        assert_string_equal(split->feature_names[j], name);
        assert_true(truth[j] != 0);
        smallest = fmin(smallest, 1 / z.scale[j]);
        largest = fmax(largest, 1 / z.scale[j]);
    }
    assert_int_equal(constant, 1);
    assert_true(smallest > 5e-4 && smallest < 3e-3);
    assert_true(largest > 5e5 && largest < 2e6);
    rg_normalization_free(ctx, &z);
    rg_dataset_close(data);
}

static void test_the_truth_is_worth_learning(void **state)
{
    (void)state;
    enum { FEATURES = 46 };
    for (uint64_t seed = 1; seed <= 2; seed++) {
        double truth[FEATURES], best = 0, none[FEATURES] = {0};
        rg_dataset *data = generate(1000, FEATURES, seed, truth);
        const rg_split *split = rg_dataset_find(data, "test");
        for (int j = 0; j < 2 * FEATURES; j++) {
            double one[FEATURES] = {0};
            one[j / 2] = j % 2 ? -1 : 1;
            best = fmax(best, ndcg(split, one));
        }
        double random = ndcg(split, none), reached = ndcg(split, truth);
        assert_true(random < best - 0.05);
        assert_true(best < reached - 0.15);
        assert_true(reached > 0.75 && reached < 0.95);
        rg_dataset_close(data);
    }
}

static void test_the_seed_decides(void **state)
{
    (void)state;
    rg_dataset *a = generate(10, 5, 7, NULL), *b = generate(10, 5, 7, NULL),
               *c = generate(20, 5, 7, NULL), *d = generate(10, 5, 8, NULL);
    const rg_split *x = rg_dataset_find(a, "train"), *y = rg_dataset_find(b, "train"),
                   *longer = rg_dataset_find(c, "train"), *other = rg_dataset_find(d, "train");
    size_t bytes = (size_t)x->n_rows * 5 * sizeof(float);
    assert_memory_equal(x->features.data, y->features.data, bytes);
    assert_memory_equal(x->labels, y->labels, (size_t)x->n_rows * sizeof(double));
    assert_memory_equal(x->features.data, longer->features.data, bytes); /* its first lists */
    assert_memory_not_equal(x->features.data, other->features.data, 5 * sizeof(float));
    rg_dataset_close(a);
    rg_dataset_close(b);
    rg_dataset_close(c);
    rg_dataset_close(d);
}

static void test_defaults_and_ranges(void **state)
{
    (void)state;
    rg_dataset *data;
    rg_generate_options options = rg_generate_options_default();
    assert_int_equal(options.n_lists, 2000);
    assert_int_equal(options.n_features, 46);
    assert_int_equal(options.seed, 1);
    options.n_lists = 2;
    assert_fails(ctx, RG_USAGE, "2 lists, expected 3 to",
                 rg_dataset_generate(ctx, &options, NULL, &data));
    assert_null(data);
    options = (rg_generate_options){3, 1, 1};
    assert_fails(ctx, RG_USAGE, "1 features, expected 2 to",
                 rg_dataset_generate(ctx, &options, NULL, &data));
    options = (rg_generate_options){INT64_MAX, INT64_MAX, 1};
    assert_fails(ctx, RG_USAGE, "lists", rg_dataset_generate(ctx, &options, NULL, &data));
    data = generate(3, 2, UINT64_MAX, NULL);
    rg_dataset_close(data);
}

static void test_cancelled(void **state)
{
    (void)state;
    volatile int cancel = 1;
    rg_context_options options = {.cancel = &cancel};
    rg_context *own = rg_context_create(&options);
    rg_dataset *data;
    assert_fails(own, RG_CANCELLED, "interrupted", rg_dataset_generate(own, NULL, NULL, &data));
    assert_null(data);
    rg_context_destroy(own);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_splits),
        cmocka_unit_test(test_lists_labels_and_names),
        cmocka_unit_test(test_most_labels_are_0),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_the_truth_is_worth_learning),
        cmocka_unit_test(test_the_seed_decides),
        cmocka_unit_test(test_defaults_and_ranges),
        cmocka_unit_test(test_cancelled),
    };
    return cmocka_run_group_tests(tests, setup, teardown) != 0;
}

/* test_statistics.c: intervals and tests against SciPy (golden/statistics.inc), their invariants and
 * their corners. */
#include "check.h"

struct reference {
    int n;
    const int *d; /* differences times 64 */
    double t, t_p, w, w_p, w_exact, randomization_p, effect_size, confidence, low, high, tolerance;
};

static const struct reference references[] = {
#include "golden/statistics.inc"
};

enum { N_REFERENCES = sizeof references / sizeof references[0], MOST = 400 };

static void differences_of(const struct reference *r, double *d)
{
    for (int i = 0; i < r->n; i++)
        d[i] = r->d[i] / 64.0;
}

static void student_t(void **state)
{
    (void)state;
    static const struct {
        double t, df, p;
    } cases[] = {{0.5, 1, 0.7048327646991335},
                 {-2, 1, 0.2951672353008665},
                 {12.7, 1, 0.050024327689344165},
                 {1, 2, 0.4226497308103742},
                 {3, 5, 0.030099247897462586},
                 {0.01, 10, 0.9922179749909714},
                 {1.96, 100, 0.05277890136622966},
                 {-5, 100, 2.450173413503802e-06},
                 {8, 1000, 3.4266614823914744e-15},
                 {1.5, 10000, 0.13364597182361961},
                 {4, 1e6, 6.33470340100481e-05},
                 {20, 30, 6.7490836657712895e-19},
                 {1e-6, 3, 0.9999992648948061},
                 {1e5, 4, 5.999999995999999e-20},
                 {0.3, 199, 0.7644902948244987},
                 {37, 1e5, 1.1974628243423984e-297},
                 {0, 7, 1},
                 {INFINITY, 7, 0},
                 {-INFINITY, 1, 0},
                 {NAN, 7, NAN},
                 {1, 0, NAN},
                 {1, -1, NAN},
                 {1, NAN, NAN}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_close(rg_student_t_p(cases[i].t, cases[i].df), cases[i].p, 1e-10, 0);
}

/* Their mean rounds to another number than they are. */
static void equal_differences(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    const double d[] = {0.1, 0.1, 0.1};
    rg_test test;
    assert_ok(ctx, rg_paired_t_test(ctx, d, 3, &test));
    assert_close(test.statistic, INFINITY, 0, 0);
    assert_close(test.p, 0, 0, 0);
    rg_context_destroy(ctx);
}

static void tests_agree_with_scipy(void **state)
{
    (void)state;
    rg_context *ctx = context_of(2);
    double d[MOST];
    rg_test test;
    int n_exact = 0;
    for (int i = 0; i < N_REFERENCES; i++) {
        const struct reference *r = &references[i];
        differences_of(r, d);
        assert_ok(ctx, rg_paired_t_test(ctx, d, r->n, &test));
        assert_close(test.statistic, r->t, 1e-12, 1e-15);
        assert_close(test.p, r->t_p, 1e-10, 0);
        assert_ok(ctx, rg_wilcoxon_test(ctx, d, r->n, &test));
        assert_close(test.statistic, r->w, 0, 0);
        assert_close(test.p, r->w_p, 1e-10, 0);
        assert_int_equal(test.exact, (int)r->w_exact);
        assert_ok(ctx, rg_randomization_test(ctx, d, r->n, NULL, &test));
        double p =
            r->randomization_p; /* with four standard errors of 100,000 random sign vectors */
        assert_close(test.p, p, 1e-12, test.exact ? 0 : 4 * sqrt(p * (1 - p) / 1e5) + 1e-5);
        n_exact += test.exact;
    }
    assert_in_range(n_exact, 12, N_REFERENCES - 6);
    rg_context_destroy(ctx);
}

/* rg_compare of values whose differences are the reference's, and an interval of the differences. */
static void comparisons_agree_with_scipy(void **state)
{
    (void)state;
    rg_context *ctx = context_of(2);
    double a[MOST], b[MOST], d[MOST];
    for (int i = 0; i < N_REFERENCES; i++) {
        const struct reference *r = &references[i];
        rg_statistics_options o = rg_statistics_options_default();
        rg_comparison c;
        rg_interval interval;
        o.confidence = r->confidence;
        o.n_samples = 50000;
        differences_of(r, d);
        for (int k = 0; k < r->n; k++) {
            b[k] = (k * 37 % 11) / 32.0;
            a[k] = b[k] + d[k];
        }
        assert_ok(ctx, rg_compare(ctx, a, b, NULL, r->n, &o, &c));
        assert_ok(ctx, rg_bootstrap_mean(ctx, d, NULL, r->n, &o, &interval));
        assert_int_equal(c.n, r->n);
        assert_close(c.t.p, r->t_p, 1e-10, 0);
        assert_close(c.wilcoxon.p, r->w_p, 1e-10, 0);
        assert_close(c.effect_size, r->effect_size, 1e-12, 1e-15);
        assert_close(c.interval.low, r->low, 0, r->tolerance);
        assert_close(c.interval.high, r->high, 0, r->tolerance);
        assert_close(c.interval.low, interval.low, 0, 1e-12);
        assert_close(c.interval.high, interval.high, 0, 1e-12);
        assert_close(c.a - c.b, c.difference, 1e-12, 1e-15);
        assert_int_equal(c.greater + c.equal + c.less, c.n);
    }
    rg_context_destroy(ctx);
}

/* Not only equal results: equal bits. */
static void threads_do_not_change_bits(void **state)
{
    (void)state;
    const struct reference *r = &references[N_REFERENCES - 3];
    double a[MOST], zeros[MOST] = {0};
    rg_comparison one, many;
    differences_of(r, a);
    for (int n_threads = 1; n_threads < 6; n_threads++) {
        rg_context *ctx = context_of(n_threads);
        memset(&many, 0, sizeof many);
        assert_ok(ctx, rg_compare(ctx, a, zeros, NULL, r->n, NULL, &many));
        if (n_threads == 1)
            one = many;
        assert_memory_equal(&one, &many, sizeof one);
        rg_context_destroy(ctx);
    }
}

static void seeds(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    const struct reference *r = &references[N_REFERENCES - 3];
    rg_statistics_options o = rg_statistics_options_default();
    double a[MOST], zeros[MOST] = {0};
    rg_comparison c[3];
    differences_of(r, a);
    for (int i = 0; i < 3; i++) {
        o.seed = i < 2 ? 5 : 6;
        assert_ok(ctx, rg_compare(ctx, a, zeros, NULL, r->n, &o, &c[i]));
    }
    assert_true(c[0].interval.low == c[1].interval.low &&
                c[0].randomization.p == c[1].randomization.p);
    assert_true(c[0].interval.low != c[2].interval.low);
    assert_true(c[0].t.p == c[2].t.p && c[0].wilcoxon.p == c[2].wilcoxon.p);
    rg_context_destroy(ctx);
}

/* What rg_compare gives for a few lists: values, weights, and what is expected. */
struct corner {
    const char *name;
    int n;
    double a[5], b[5], w[5]; /* w[0] < 0: no weights */
    int used, greater, equal, less;
    double difference, t, t_p, w_p, r_p, effect;
    bool has_interval;
};

/* clang-format off */
static const struct corner corners[] = {
    {"no list", 0, {0}, {0}, {-1}, 0, 0, 0, 0, NAN, NAN, NAN, NAN, NAN, NAN, false},
    {"one list", 1, {0.5}, {0.25}, {-1}, 1, 1, 0, 0, 0.25, NAN, NAN, 1, 1, NAN, false},
    {"one equal list", 1, {0.5}, {0.5}, {-1}, 1, 0, 1, 0, 0, NAN, NAN, 1, 1, NAN, false},
    {"two lists", 2, {0.5, 1}, {0.25, 0}, {-1}, 2, 2, 0, 0, 0.625, 5.0 / 3, 0.344042, 0.5, 0.5,
     1.1785113, true},
    {"all equal", 3, {0.5, 1, 0}, {0.5, 1, 0}, {-1}, 3, 0, 3, 0, 0, 0, 1, 1, 1, 0, true},
    {"equal up to rounding", 2, {0.3, 1}, {0.1 + 0.2, 1}, {-1}, 2, 0, 2, 0, 0, 0, 1, 1, 1, 0, true},
    {"one difference for all", 3, {1, 0.75, 0.5}, {0.75, 0.5, 0.25}, {-1}, 3, 3, 0, 0, 0.25,
     INFINITY, 0, 0.25, 0.25, INFINITY, true},
    {"all worse by one", 2, {0, 0}, {1, 1}, {-1}, 2, 0, 0, 2, -1, -INFINITY, 0, 0.5, 0.5,
     -INFINITY, true},
    {"tied up to rounding", 2, {0.3, 0}, {0, 0.1 + 0.2}, {-1}, 2, 1, 0, 1, 0, 0, 1, 1, 1, 0, true},
    {"all NaN", 2, {NAN, NAN}, {NAN, 1}, {-1}, 0, 0, 0, 0, NAN, NAN, NAN, NAN, NAN, NAN, false},
    {"NaN in either", 4, {NAN, 1, 0.5, 1}, {1, NAN, 0.25, 0}, {-1}, 2, 2, 0, 0, 0.625, 5.0 / 3,
     0.344042, 0.5, 0.5, 1.1785113, true},
    {"weight 0", 4, {0, 1, 0.5, 1}, {1, 0, 0.25, 0}, {0, 0, 1, 1}, 2, 2, 0, 0, 0.625, 5.0 / 3,
     0.344042, 0.5, 0.5, 1.1785113, true},
    {"equal weights", 2, {0.5, 1}, {0.25, 0}, {7, 7}, 2, 2, 0, 0, 0.625, 5.0 / 3, 0.344042, 0.5,
     0.5, 1.1785113, true},
    {"weights", 2, {0.5, 1}, {0.25, 0}, {3, 1}, 2, 2, 0, 0, 0.4375, 7, 0.0903345, 0.5, 0.5,
     4.9497475, true},
    {"huge weights", 2, {0.5, 1}, {0.25, 0}, {1.5e308, 5e307}, 2, 2, 0, 0, 0.4375, 7, 0.0903345,
     0.5, 0.5, 4.9497475, true},
    {"huge values", 2, {5e307, 1e308}, {2.5e307, 0}, {-1}, 2, 2, 0, 0, 6.25e307, 5.0 / 3, 0.344042,
     0.5, 0.5, 1.1785113, true},
    {"tiny values", 2, {5e-300, 1e-299}, {2.5e-300, 0}, {-1}, 2, 2, 0, 0, 6.25e-300, 5.0 / 3,
     0.344042, 0.5, 0.5, 1.1785113, true},
};
/* clang-format on */

static void corner_cases(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    for (size_t i = 0; i < sizeof corners / sizeof corners[0]; i++) {
        const struct corner *k = &corners[i];
        const double *w = k->w[0] < 0 ? NULL : k->w;
        rg_comparison c;
        rg_interval one;
        print_message("%s\n", k->name);
        assert_ok(ctx, rg_compare(ctx, k->a, k->b, w, k->n, NULL, &c));
        assert_int_equal(c.n, k->used);
        assert_int_equal(c.greater, k->greater);
        assert_int_equal(c.equal, k->equal);
        assert_int_equal(c.less, k->less);
        assert_close(c.difference, k->difference, 1e-12, 1e-15);
        assert_close(c.t.statistic, k->t, 1e-9, 1e-12);
        assert_close(c.t.p, k->t_p, 1e-5, 0);
        assert_close(c.wilcoxon.p, k->w_p, 1e-12, 0);
        assert_close(c.randomization.p, k->r_p, 1e-12, 0);
        assert_close(c.randomization.statistic, k->difference, 1e-12, 1e-15);
        assert_close(c.effect_size, k->effect, 1e-6, 1e-12);
        assert_int_equal(!isnan(c.interval.low), k->has_interval);
        assert_int_equal(!isnan(c.interval.high), k->has_interval);
        assert_ok(ctx, rg_bootstrap_mean(ctx, k->a, w, k->n, NULL, &one));
        if (k->has_interval)
            assert_true(one.low <= c.a + 1e-15 && c.a <= one.high + 1e-15);
    }
    rg_context_destroy(ctx);
}

/* A list of weight 0, and one that is NaN, must not change what the others give, except by its
 * place, on which the draws depend; here all are at the end. */
static void lists_that_are_left_out(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    const double a[] = {0.5, 1, 0.125, 0.25, 7, NAN}, b[] = {0.25, 0, 0.5, 0.25, 0, 3};
    const double w[] = {1, 2, 3, 4, 0, 5};
    rg_comparison four, six;
    rg_interval of_four, of_six;
    assert_ok(ctx, rg_compare(ctx, a, b, w, 4, NULL, &four));
    assert_ok(ctx, rg_compare(ctx, a, b, w, 6, NULL, &six));
    assert_memory_equal(&four, &six, sizeof four);
    assert_ok(ctx, rg_bootstrap_mean(ctx, a, w, 4, NULL, &of_four));
    assert_ok(ctx, rg_bootstrap_mean(ctx, a, w, 6, NULL, &of_six));
    assert_memory_equal(&of_four, &of_six, sizeof of_four);
    rg_context_destroy(ctx);
}

/* The interval of a mean of two values 0 and 1: the means of samples are 0, 1/2 and 1 with
 * probabilities 1/4, 1/2 and 1/4, and with weights 3 and 1 they are 0, 1/4 and 1. */
static void known_intervals(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    static const double values[] = {0, 1}, weights[] = {3, 1};
    static const struct {
        double confidence, low, high, weighted_low, weighted_high;
    } cases[] = {{0.95, 0, 1, 0, 1}, {0.6, 0, 1, 0, 1}, {0.4, 0.5, 0.5, 0.25, 0.25}};
    for (int i = 0; i < 3; i++) {
        rg_statistics_options o = rg_statistics_options_default();
        rg_interval interval;
        o.confidence = cases[i].confidence;
        assert_ok(ctx, rg_bootstrap_mean(ctx, values, NULL, 2, &o, &interval));
        assert_close(interval.low, cases[i].low, 0, 0);
        assert_close(interval.high, cases[i].high, 0, 0);
        assert_ok(ctx, rg_bootstrap_mean(ctx, values, weights, 2, &o, &interval));
        assert_close(interval.low, cases[i].weighted_low, 0, 0);
        assert_close(interval.high, cases[i].weighted_high, 0, 0);
    }
    rg_statistics_options none = rg_statistics_options_default();
    none.n_samples = 0;
    rg_interval interval;
    assert_ok(ctx, rg_bootstrap_mean(ctx, values, NULL, 2, &none, &interval));
    assert_true(isnan(interval.low) && isnan(interval.high));
    none.n_samples = 1; /* both ends are the mean of that sample */
    assert_ok(ctx, rg_bootstrap_mean(ctx, values, NULL, 2, &none, &interval));
    assert_true(interval.low == interval.high);
    rg_context_destroy(ctx);
}

/* Swapping the rankings turns signs and keeps p. */
static void swapping(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    double a[MOST], zeros[MOST] = {0};
    for (int i = 0; i < N_REFERENCES; i++) {
        const struct reference *r = &references[i];
        rg_comparison c, s;
        differences_of(r, a);
        assert_ok(ctx, rg_compare(ctx, a, zeros, NULL, r->n, NULL, &c));
        assert_ok(ctx, rg_compare(ctx, zeros, a, NULL, r->n, NULL, &s));
        assert_close(c.t.p, s.t.p, 0, 0);
        assert_close(c.wilcoxon.p, s.wilcoxon.p, 0, 0);
        assert_close(c.randomization.p, s.randomization.p, 0, 0);
        assert_close(c.difference, -s.difference, 0, 0);
        assert_close(c.effect_size, -s.effect_size, 0, 0);
        assert_close(c.interval.low, -s.interval.high, 1e-9, 1e-15);
        assert_int_equal(c.greater, s.less);
    }
    rg_context_destroy(ctx);
}

static void bad_arguments(void **state)
{
    (void)state;
    rg_context *ctx = context_of(1);
    double a[] = {0.5, 1, 0.25}, b[] = {0.25, 0, 0};
    rg_comparison c;
    rg_interval interval;
    rg_test test;
    const struct {
        rg_statistics_options o;
        const char *words;
    } options[] = {{{-1, 0.9, 1, 1}, "n_samples"},
                   {{10000001, 0.9, 1, 1}, "n_samples"},
                   {{10, 0, 1, 1}, "confidence"},
                   {{10, 1, 1, 1}, "confidence"},
                   {{10, NAN, 1, 1}, "confidence"},
                   {{10, 95, 1, 1}, "confidence"},
                   {{10, 0.9, 0, 1}, "permutations"},
                   {{10, 0.9, -5, 1}, "permutations"},
                   {{10, 0.9, 2000000000, 1}, "permutations"}};
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        const rg_statistics_options *o = &options[i].o;
        const char *words = options[i].words;
        assert_fails(ctx, RG_USAGE, words, rg_compare(ctx, a, b, NULL, 3, o, &c));
        assert_fails(ctx, RG_USAGE, words, rg_bootstrap_mean(ctx, a, NULL, 3, o, &interval));
        assert_fails(ctx, RG_USAGE, words, rg_randomization_test(ctx, a, 3, o, &test));
    }
    const double infinite[] = {0, 0, INFINITY}, negative[] = {1, -1, 1}, unknown[] = {1, 1, NAN};
    assert_fails(ctx, RG_BAD_DATA, "list 3", rg_compare(ctx, a, infinite, NULL, 3, NULL, &c));
    assert_fails(ctx, RG_BAD_DATA, "list 3", rg_compare(ctx, infinite, a, NULL, 3, NULL, &c));
    assert_fails(ctx, RG_BAD_DATA, "list 2", rg_compare(ctx, a, b, negative, 3, NULL, &c));
    assert_fails(ctx, RG_BAD_DATA, "list 3", rg_compare(ctx, a, b, unknown, 3, NULL, &c));
    assert_fails(ctx, RG_BAD_DATA, "list 3",
                 rg_bootstrap_mean(ctx, a, infinite, 3, NULL, &interval));
    assert_fails(ctx, RG_USAGE, "n is -1", rg_compare(ctx, a, b, NULL, -1, NULL, &c));
    assert_fails(ctx, RG_BAD_DATA, "difference 3", rg_paired_t_test(ctx, infinite, 3, &test));
    assert_fails(ctx, RG_BAD_DATA, "difference 3", rg_wilcoxon_test(ctx, unknown, 3, &test));
    assert_fails(ctx, RG_BAD_DATA, "difference 3",
                 rg_randomization_test(ctx, unknown, 3, NULL, &test));
    rg_context_destroy(ctx);
}

static void out_of_memory(void **state)
{
    (void)state;
    const struct reference *r = &references[N_REFERENCES - 3];
    double a[MOST], zeros[MOST] = {0};
    rg_statistics_options o = {100, 0.95, 300, 1};
    differences_of(r, a);
    for (int64_t k = 1, done = 0; !done; k++) {
        struct memory memory = {.refuse = k};
        rg_context *ctx = memory_context(&memory);
        rg_comparison c;
        if (ctx) {
            rg_status status = rg_compare(ctx, a, zeros, NULL, r->n, &o, &c);
            done = status == RG_OK && memory.requests < k;
            assert_true(done || status == RG_LIMIT || status == RG_OK);
            if (status == RG_LIMIT)
                assert_non_null(strstr(rg_last_error(ctx), "out of memory"));
        }
        rg_context_destroy(ctx);
        assert_int_equal(memory.live, 0);
    }
}

static void cancelled(void **state)
{
    (void)state;
    volatile int cancel = 1;
    rg_context_options options = rg_context_options_default();
    options.cancel = &cancel;
    rg_context *ctx = rg_context_create(&options);
    const double a[] = {0.5, 1}, b[] = {0.25, 0};
    rg_comparison c;
    assert_fails(ctx, RG_CANCELLED, "", rg_compare(ctx, a, b, NULL, 2, NULL, &c));
    rg_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(student_t),
        cmocka_unit_test(equal_differences),
        cmocka_unit_test(tests_agree_with_scipy),
        cmocka_unit_test(comparisons_agree_with_scipy),
        cmocka_unit_test(threads_do_not_change_bits),
        cmocka_unit_test(seeds),
        cmocka_unit_test(corner_cases),
        cmocka_unit_test(lists_that_are_left_out),
        cmocka_unit_test(known_intervals),
        cmocka_unit_test(swapping),
        cmocka_unit_test(bad_arguments),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(cancelled),
    };
    RUN_TESTS(tests);
}

/* test_novelty.c: alpha_ndcg and err_ia against their definitions: all orders of tied items are
 * enumerated, and the greedy order is found by trying every item. */
#include "base/base.h"
#include "base/random.h"
#include "check.h"

#include <rankgrad/rankgrad.h>

#include <math.h>
#include <string.h>

enum { MOST = 7, SUBTOPICS = 4 };

struct sample {
    int n, n_subtopics, k;
    double scores[MOST], labels[MOST], alpha;
    uint8_t grades[MOST * SUBTOPICS];
    int order[MOST];
};

static bool covers(const struct sample *s, int item, int subtopic)
{
    return s->grades[item * s->n_subtopics + subtopic] >= 1;
}

/* The sum of an order's first items; rank: discount 1/i, else 1/log2(1 + i). */
static double sum_of(const struct sample *s, const int *order, int n, bool rank)
{
    double sum = 0;
    int before[SUBTOPICS] = {0};
    for (int i = 0; i < n; i++)
        for (int t = 0; t < s->n_subtopics; t++)
            if (covers(s, order[i], t))
                sum += pow(1 - s->alpha, before[t]++) / (rank ? i + 1 : log2(i + 2));
    return sum;
}

static int cut(const struct sample *s)
{
    return s->k && s->k < s->n ? s->k : s->n;
}

/* Adds the sums of all orders that the scores allow. */
static void all_orders(struct sample *s, int at, bool rank, double *sum, int *count)
{
    if (at == s->n) {
        *sum += sum_of(s, s->order, cut(s), rank);
        ++*count;
        return;
    }
    for (int i = at; i < s->n; i++) {
        int chosen = s->order[i];
        s->order[i] = s->order[at];
        s->order[at] = chosen;
        if (at == 0 || s->scores[s->order[at - 1]] >= s->scores[chosen])
            all_orders(s, at + 1, rank, sum, count);
        s->order[at] = s->order[i];
        s->order[i] = chosen;
    }
}

static double greedy(const struct sample *s)
{
    int order[MOST];
    bool used[MOST] = {0};
    for (int i = 0; i < cut(s); i++) {
        int best = -1;
        double most = -1;
        for (int item = 0; item < s->n; item++) {
            order[i] = item;
            double gain = sum_of(s, order, i + 1, true) - sum_of(s, order, i, true);
            if (!used[item] && gain > most - 1e-12) { /* of equal ones the later row */
                best = item;
                most = gain;
            }
        }
        order[i] = best;
        used[best] = true;
    }
    return sum_of(s, order, cut(s), false);
}

static double most_err(const struct sample *s)
{
    double most = 0;
    int covered = 0;
    for (int t = 0; t < s->n_subtopics; t++) {
        bool any = false;
        for (int i = 0; i < s->n; i++)
            any |= covers(s, i, t);
        covered += any;
    }
    for (int i = 0; i < (s->k ? s->k : s->n); i++)
        most += covered * pow(1 - s->alpha, i) / (i + 1);
    return most;
}

/* A whole number below n. */
static int next(uint64_t number, uint64_t *draw, int n)
{
    return (int)(rg_random(3, RG__STREAM_SAMPLES, number, (*draw)++) % (uint64_t)n);
}

static struct sample random_sample(uint64_t number)
{
    static const double alphas[] = {0.5, 0, 1, 0.25, 0.9, 1e-9};
    uint64_t draw = 0;
    struct sample s = {.n = 1 + next(number, &draw, MOST)};
    s.n_subtopics = 1 + next(number, &draw, SUBTOPICS);
    s.k = next(number, &draw, MOST + 2);
    s.alpha = alphas[next(number, &draw, 6)];
    int levels = 1 + next(number, &draw, 6);
    for (int i = 0; i < s.n; i++) {
        s.order[i] = i;
        s.scores[i] = next(number, &draw, levels);
        for (int t = 0; t < s.n_subtopics; t++)
            s.grades[i * s.n_subtopics + t] =
                (uint8_t)(next(number, &draw, 6) / 3 * (1 + next(number, &draw, 2)));
    }
    return s;
}

static double value_of(rg_context *ctx, const struct sample *s, const char *name)
{
    int64_t offsets[] = {0, s->n};
    char text[64];
    rg_metric metric;
    rg_metric_result result;
    snprintf(text, sizeof text, "%s(alpha=%g)@%d", name, s->alpha, s->k);
    assert_ok(ctx, rg_metric_parse(ctx, text, &metric));
    rg_ranking ranking = {.n_lists = 1,
                          .offsets = offsets,
                          .scores = s->scores,
                          .labels = s->labels,
                          .subtopics = s->grades,
                          .n_subtopics = s->n_subtopics};
    assert_ok(ctx, rg_metric_evaluate(ctx, &metric, &ranking, &result, NULL));
    return result.value;
}

static void equal_to_the_mean_over_orders(void **state)
{
    (void)state;
    rg_context *ctx = rg_context_create(NULL);
    int n_relevant = 0;
    for (uint64_t number = 0; number < 2000; number++) {
        struct sample s = random_sample(number);
        double sums[2] = {0};
        int counts[2] = {0};
        for (int rank = 0; rank < 2; rank++)
            all_orders(&s, 0, rank == 1, &sums[rank], &counts[rank]);
        double ideal = greedy(&s), most = most_err(&s);
        n_relevant += most > 0;
        assert_close(value_of(ctx, &s, "alpha_ndcg"), ideal > 0 ? sums[0] / counts[0] / ideal : 0,
                     1e-12, 1e-14);
        assert_close(value_of(ctx, &s, "err_ia"), most > 0 ? sums[1] / counts[1] / most : 0, 1e-12,
                     1e-14);
    }
    assert_true(n_relevant > 1000);
    rg_context_destroy(ctx);
}

/* A long tie group of one subtopic: the mean of q^(j - 1) over the positions, by hand. */
static void long_tie_groups(void **state)
{
    (void)state;
    enum { N = 3000 };
    static double zeros[N];
    static uint8_t grades[N];
    int64_t offsets[] = {0, N};
    rg_context *ctx = rg_context_create(NULL);
    rg_ranking ranking = {.n_lists = 1,
                          .offsets = offsets,
                          .scores = zeros,
                          .labels = zeros,
                          .subtopics = grades,
                          .n_subtopics = 1};
    rg_metric metric;
    rg_metric_result result;
    grades[17] = grades[N - 1] = 3;
    assert_ok(ctx, rg_metric_parse(ctx, "err_ia(alpha=0)@2", &metric));
    assert_ok(ctx, rg_metric_evaluate(ctx, &metric, &ranking, &result, NULL));
    assert_close(result.value, 2. / N, 1e-12, 0); /* each rank covers it with probability 2 / N */
    assert_ok(ctx, rg_metric_parse(ctx, "err_ia(alpha=1)@2", &metric));
    assert_ok(ctx, rg_metric_evaluate(ctx, &metric, &ranking, &result, NULL));
    assert_close(result.value, 2. / N + .5 * 2. / N * (1 - 1. / (N - 1)), 1e-12, 0);
    metric.threshold = 4; /* nothing covers it */
    assert_ok(ctx, rg_metric_evaluate(ctx, &metric, &ranking, &result, NULL));
    assert_int_equal(result.n_no_relevant, 1);
    rg_context_destroy(ctx);
}

/* The row order does not change ids' choice; unranked items count in the ideal alone. */
static void ids_and_unranked_items(void **state)
{
    (void)state;
    rg_context *ctx = rg_context_create(NULL);
    const double scores[] = {3, 2, -(double)INFINITY}, labels[3] = {0};
    const uint8_t grades[] = {1, 0, 0, 1, 1, 1};
    const int64_t offsets[] = {0, 3};
    rg_ranking ranking = {.n_lists = 1,
                          .offsets = offsets,
                          .scores = scores,
                          .labels = labels,
                          .subtopics = grades,
                          .n_subtopics = 2};
    rg_metric metric;
    rg_metric_result result;
    assert_ok(ctx, rg_metric_parse(ctx, "alpha_ndcg@1", &metric));
    assert_ok(ctx, rg_metric_evaluate(ctx, &metric, &ranking, &result, NULL));
    assert_close(result.value, .5, 1e-15, 0);
    /* greedy is not the best: after {a}, {b} or {c} come first by the greater id */
    const uint8_t pairs[] = {1, 1, 0, 1, 0, 0, 0, 1, 0};
    const char *const up[] = {"a", "b", "c"}, *const down[] = {"a", "c", "b"};
    ranking.subtopics = pairs;
    ranking.n_subtopics = 3;
    for (int i = 0; i < 2; i++) {
        ranking.doc_ids = i ? down : up;
        assert_ok(ctx, rg_metric_evaluate(ctx, &metric, &ranking, &result, NULL));
        assert_close(result.value, 1, 1e-15, 0);
    }
    rg_context_destroy(ctx);
}

static void bad_subtopics(void **state)
{
    (void)state;
    rg_context *ctx = rg_context_create(NULL);
    const double numbers[] = {2, 1};
    const uint8_t grades[] = {1, 0};
    const int64_t offsets[] = {0, 2};
    rg_ranking ranking = {.n_lists = 1, .offsets = offsets, .scores = numbers, .labels = numbers};
    rg_metric metrics[2];
    rg_metric_result results[2];
    assert_ok(ctx, rg_metric_parse(ctx, "ndcg", &metrics[0]));
    assert_ok(ctx, rg_metric_parse(ctx, "err_ia@3", &metrics[1]));
    assert_fails(ctx, RG_BAD_DATA, "err_ia needs subtopics, and there are none",
                 rg_metrics_evaluate(ctx, metrics, 2, &ranking, results, NULL));
    ranking.subtopics = grades;
    assert_fails(ctx, RG_BAD_DATA, "needs subtopics",
                 rg_metrics_evaluate(ctx, metrics, 2, &ranking, results, NULL));
    ranking.n_subtopics = 1;
    assert_ok(ctx, rg_metrics_evaluate(ctx, metrics, 2, &ranking, results, NULL));
    static const int64_t counts[] = {-1, RG_MAX_SUBTOPICS + 1, INT64_MAX, INT64_MIN};
    for (int i = 0; i < RG__COUNT(counts); i++) {
        ranking.n_subtopics = counts[i];
        assert_fails(ctx, RG_BAD_DATA, "subtopics; expected 0 to 1024",
                     rg_metrics_evaluate(ctx, metrics, 2, &ranking, results, NULL));
    }
    static const char *const wrong[] = {"alpha_ndcg(alpha=1.5)", "alpha_ndcg(alpha=-1)",
                                        "err_ia(alpha=nan)", "err_ia(beta=1)"};
    for (int i = 0; i < RG__COUNT(wrong); i++)
        assert_fails(ctx, RG_USAGE, "alpha", rg_metric_parse(ctx, wrong[i], &metrics[0]));
    rg_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_to_the_mean_over_orders),
        cmocka_unit_test(long_tie_groups),
        cmocka_unit_test(ids_and_unranked_items),
        cmocka_unit_test(bad_subtopics),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

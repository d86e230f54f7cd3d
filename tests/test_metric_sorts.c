/* test_metric_sorts.c: metrics that are evaluated together give the same bits as one by one, and
 * sort each list once by score and once by label.
 *
 * The linker redirects rg__sort_items to the counter here (--wrap, see CMakeLists.txt). */
#include "base/random.h"
#include "check.h"
#include "ranking/order.h"

#include <rankgrad/rankgrad.h>

#include <string.h>

void __real_rg__sort_items(struct rg__item *items, int64_t n, struct rg__item *spare,
                           const struct rg__order *order);
void __wrap_rg__sort_items(struct rg__item *items, int64_t n, struct rg__item *spare,
                           const struct rg__order *order);

static int n_sorts[2]; /* by score, by label */

void __wrap_rg__sort_items(struct rg__item *items, int64_t n, struct rg__item *spare,
                           const struct rg__order *order)
{
    n_sorts[order->key == RG__BY_LABEL]++;
    __real_rg__sort_items(items, n, spare, order);
}

enum { N_LISTS = 60, MOST = 24, N_ROWS = 40 * N_LISTS };

/* Lists of 0 to 79 items with tied, missing and unranked scores; some without a relevant item. */
static rg_ranking draw(double *scores, double *labels, int64_t *offsets)
{
    offsets[0] = 0;
    for (int q = 0; q < N_LISTS; q++)
        offsets[q + 1] = q + 1 < N_LISTS ? offsets[q] + q * 31 % 80 : N_ROWS;
    for (int q = 0; q < N_LISTS; q++)
        for (int64_t i = offsets[q]; i < offsets[q + 1]; i++) {
            uint64_t bits = rg_random(7, RG__STREAM_SAMPLES, 0, (uint64_t)i);
            scores[i] = bits % 29 == 0   ? NAN
                        : bits % 31 == 0 ? -(double)INFINITY
                                         : (double)(bits / 64 % 23);
            labels[i] = q % 9 == 4 ? 0 : (double)(bits / 4096 % 5) - (q % 7 == 3);
        }
    return (rg_ranking){.n_lists = N_LISTS, .offsets = offsets, .scores = scores, .labels = labels};
}

struct set {
    const char *metrics;    /* separated by blanks */
    int by_score, by_label; /* sorts of a list with a relevant item, at most */
};

static const struct set sets[] = {
    {"ndcg@10", 1, 1},
    {"ndcg@5 ndcg@10 map", 1, 1},
    {"ndcg@10 ndcg@5 ndcg", 1, 1},
    {"ndcg@1 ndcg@2 ndcg@3 ndcg@4 ndcg@5 ndcg@6 ndcg@7 ndcg@8 ndcg@9 ndcg@10", 1, 1},
    {"map mrr precision@5 recall@5 hit@3 f1@4 r_precision bpref rbp", 1, 0},
    {"err@5 nerr@5 nerr@20 err", 1, 1},
    {"nerr ndcg@3", 1, 1},
    {"dcg@3 dcg@5 mrr@10", 1, 0},
    {"opa auc kendall_tau ndcg@10 map", 1, 1},
    {"arp ndcg@10 spearman dcg@10 auc map err", 1, 3}, /* arp and spearman sort by label, too */
    {"auc ndcg", 1, 1},
    {"kendall_tau opa auc bpref", 1, 0},
};

static int parse_all(rg_context *ctx, const char *text, rg_ties ties, rg_metric metrics[MOST])
{
    int n = 0;
    char words[512], *rest = words;
    snprintf(words, sizeof words, "%s", text);
    for (char *word; (word = strtok_r(rest, " ", &rest)) != NULL; n++) {
        assert_ok(ctx, rg_metric_parse(ctx, word, &metrics[n]));
        metrics[n].ties = ties;
    }
    return n;
}

static void one_sort_and_the_same_bits(void **state)
{
    (void)state;
    static double scores[N_ROWS], labels[N_ROWS], together[MOST * N_LISTS], alone[N_LISTS];
    int64_t offsets[N_LISTS + 1];
    rg_ranking ranking = draw(scores, labels, offsets);
    rg_context *ctx = rg_context_create(NULL);
    for (int s = 0; s < RG__COUNT(sets); s++)
        for (int ties = RG_TIES_AVERAGE; ties <= RG_TIES_PESSIMISTIC; ties++) {
            rg_metric metrics[MOST];
            rg_metric_result results[MOST], result;
            int n = parse_all(ctx, sets[s].metrics, (rg_ties)ties, metrics);
            memset(n_sorts, 0, sizeof n_sorts);
            assert_ok(ctx, rg_metrics_evaluate(ctx, metrics, n, &ranking, results, together));
            assert_in_range(n_sorts[0], 1, sets[s].by_score * N_LISTS);
            assert_in_range(n_sorts[1], 0, sets[s].by_label * N_LISTS);
            for (int m = 0; m < n; m++) {
                assert_ok(ctx, rg_metric_evaluate(ctx, &metrics[m], &ranking, &result, alone));
                if (memcmp(alone, together + m * N_LISTS, sizeof alone) != 0)
                    print_error("%s, ties %d: %s differs\n", sets[s].metrics, ties,
                                metrics[m].name);
                assert_memory_equal(alone, together + m * N_LISTS, sizeof alone);
                assert_memory_equal(&results[m], &result, sizeof result);
            }
        }
    rg_context_destroy(ctx);
}

/* Metrics that break ties differently need a sort each, but not more. */
static void one_sort_for_each_order(void **state)
{
    (void)state;
    static double scores[N_ROWS], labels[N_ROWS];
    int64_t offsets[N_LISTS + 1];
    rg_ranking ranking = draw(scores, labels, offsets);
    rg_context *ctx = rg_context_create(NULL);
    rg_metric metrics[MOST];
    rg_metric_result results[MOST], alone;
    int n = parse_all(ctx, "ndcg@10 map ndcg@5 mrr", RG_TIES_AVERAGE, metrics);
    metrics[1].ties = metrics[3].ties = RG_TIES_INPUT;
    memset(n_sorts, 0, sizeof n_sorts);
    assert_ok(ctx, rg_metrics_evaluate(ctx, metrics, n, &ranking, results, NULL));
    assert_in_range(n_sorts[0], N_LISTS + 1, 2 * N_LISTS);
    assert_in_range(n_sorts[1], 1, N_LISTS);
    for (int m = 0; m < n; m++) {
        assert_ok(ctx, rg_metric_evaluate(ctx, &metrics[m], &ranking, &alone, NULL));
        assert_memory_equal(&results[m], &alone, sizeof alone);
    }
    assert_fails(ctx, RG_USAGE, "0 metrics",
                 rg_metrics_evaluate(ctx, metrics, 0, &ranking, results, NULL));
    rg_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sort_and_the_same_bits),
        cmocka_unit_test(one_sort_for_each_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL) != 0;
}

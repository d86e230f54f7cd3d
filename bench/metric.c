/* metric.c: the time of a metric on its own.
 *
 *     bench_metric THREADS REPETITIONS
 *
 * NDCG@10 and NDCG of the whole list, of a million rows as lists of 100 rows and as one list.
 * Prints a series for each: lists@10, lists, one@10, one. */
#include "common.h"

#include <stdlib.h>

enum { N_ROWS = 1000000, LENGTH = 100 };

static void measure(rg_context *ctx, const char *metric_text, int64_t length, int64_t repetitions,
                    const char *name)
{
    static struct series series;
    int64_t n_lists = N_ROWS / length;
    int64_t *offsets = new_array(n_lists + 1, sizeof *offsets);
    double *scores = new_array(N_ROWS, sizeof *scores), *labels = new_array(N_ROWS, sizeof *labels);
    for (int64_t q = 0; q <= n_lists; q++)
        offsets[q] = q * length;
    for (uint64_t i = 0; i < N_ROWS; i++) {
        scores[i] = draw(1, i);
        labels[i] = (double)(int)(5 * draw(2, i));
    }
    rg_ranking ranking = {
        .n_lists = n_lists, .offsets = offsets, .scores = scores, .labels = labels};
    rg_metric metric;
    rg_metric_result result;
    must(ctx, rg_metric_parse(ctx, metric_text, &metric));
    series = (struct series){.name = name};
    for (int64_t i = 0; i <= repetitions; i++) {
        double began = now();
        must(ctx, rg_metric_evaluate(ctx, &metric, &ranking, &result, NULL));
        if (i > 0) /* the first one starts the workers */
            add_value(&series, now() - began);
    }
    print_series(&series, 0);
    free(offsets);
    free(scores);
    free(labels);
}

int main(int n, char **arguments)
{
    if (n != 3)
        fail("usage: bench_metric THREADS REPETITIONS");
    rg_context *ctx = new_context((int)number(arguments[1]));
    int64_t repetitions = number(arguments[2]);
    measure(ctx, "ndcg@10", LENGTH, repetitions, "lists@10");
    measure(ctx, "ndcg", LENGTH, repetitions, "lists");
    measure(ctx, "ndcg@10", N_ROWS, repetitions, "one@10");
    measure(ctx, "ndcg", N_ROWS, repetitions, "one");
    rg_context_destroy(ctx);
    return 0;
}

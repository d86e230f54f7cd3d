/* metric.c: the time of a metric on its own.
 *
 *     bench_metric THREADS REPETITIONS
 *
 * NDCG@10 and NDCG of the whole list, of a million rows as lists of 100 rows and as one list.
 * Prints a series for each: lists@10, lists, one@10, one.
 *
 *     bench_metric THREADS REPETITIONS FOLDER
 *
 * NDCG@10 of the lists in FOLDER (bench/peers/metric.py). Prints value, and the series time. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>

enum { N_ROWS = 1000000, LENGTH = 100 };

/* Evaluates a metric once, to start the workers, and then `repetitions` times, which are timed. */
static double measure(rg_context *ctx, const char *metric_text, const rg_ranking *ranking,
                      int64_t repetitions, const char *name)
{
    static struct series series;
    rg_metric metric;
    rg_metric_result result;
    must(ctx, rg_metric_parse(ctx, metric_text, &metric));
    series = (struct series){.name = name};
    for (int64_t i = 0; i <= repetitions; i++) {
        double began = now();
        must(ctx, rg_metric_evaluate(ctx, &metric, ranking, &result, NULL));
        if (i > 0)
            add_value(&series, now() - began);
    }
    print_series(&series, 0);
    return result.value;
}

/* Random scores and labels in lists of one length. */
static void measure_random(rg_context *ctx, const char *metric, int64_t length, int64_t repetitions,
                           const char *name)
{
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
    measure(ctx, metric, &ranking, repetitions, name);
    free(offsets);
    free(scores);
    free(labels);
}

/* The 8-byte numbers of FOLDER/NAME. */
static void *read_numbers(const char *folder, const char *name, int64_t *n)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0)
        fail("cannot read the folder");
    *n = ftell(file) / 8;
    rewind(file);
    void *numbers = new_array(*n, 8);
    if (fread(numbers, 8, (size_t)*n, file) != (size_t)*n)
        fail("cannot read the folder");
    fclose(file);
    return numbers;
}

static void measure_folder(rg_context *ctx, const char *folder, int64_t repetitions)
{
    int64_t n_scores, n_labels, n_offsets;
    double *scores = read_numbers(folder, "scores", &n_scores);
    double *labels = read_numbers(folder, "labels", &n_labels);
    int64_t *offsets = read_numbers(folder, "offsets", &n_offsets);
    rg_ranking ranking = {
        .n_lists = n_offsets - 1, .offsets = offsets, .scores = scores, .labels = labels};
    if (n_offsets < 1 || n_labels != n_scores || offsets[n_offsets - 1] != n_scores)
        fail("the arrays of the folder do not fit");
    printf("value\t%.17g\n", measure(ctx, "ndcg@10", &ranking, repetitions, "time"));
    free(scores);
    free(labels);
    free(offsets);
}

int main(int n, char **arguments)
{
    if (n != 3 && n != 4)
        fail("usage: bench_metric THREADS REPETITIONS [FOLDER]");
    rg_context *ctx = new_context((int)number(arguments[1]));
    int64_t repetitions = number(arguments[2]);
    if (n == 4) {
        measure_folder(ctx, arguments[3], repetitions);
    } else {
        measure_random(ctx, "ndcg@10", LENGTH, repetitions, "lists@10");
        measure_random(ctx, "ndcg", LENGTH, repetitions, "lists");
        measure_random(ctx, "ndcg@10", N_ROWS, repetitions, "one@10");
        measure_random(ctx, "ndcg", N_ROWS, repetitions, "one");
    }
    rg_context_destroy(ctx);
    return 0;
}

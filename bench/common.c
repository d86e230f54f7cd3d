/* common.c: what the programs of the bench share; see common.h. */
#include "common.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void add_value(struct series *series, double value)
{
    if (series->n < MOST_VALUES)
        series->values[series->n++] = value;
}

void print_series(const struct series *series, int first)
{
    if (series->n <= first)
        return;
    printf("%s", series->name);
    for (int i = first; i < series->n; i++)
        printf("\t%.9g", series->values[i]);
    printf("\n");
}

double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

_Noreturn void fail(const char *sentence)
{
    fprintf(stderr, "%s\n", sentence);
    exit(1);
}

rg_context *new_context(int n_threads)
{
    rg_context_options options = rg_context_options_default();
    options.n_threads = n_threads;
    rg_context *ctx = rg_context_create(&options);
    if (!ctx)
        fail("out of memory");
    return ctx;
}

void must(rg_context *ctx, rg_status status)
{
    if (status != RG_OK)
        fail(rg_last_error(ctx));
}

void *new_array(int64_t n, size_t size)
{
    void *array = calloc((size_t)n + 1, size);
    if (!array)
        fail("out of memory");
    return array;
}

double draw(uint64_t seed, uint64_t i)
{
    uint64_t x = seed * 0xd1342543de82ef95u + i * 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return (double)((x ^ (x >> 31)) >> 11) * 0x1p-53;
}

int64_t number(const char *text)
{
    char *end;
    long long n = strtoll(text, &end, 10);
    if (n < 1 || *end != '\0') {
        fprintf(stderr, "%s: expected a whole number from 1 on\n", text);
        exit(1);
    }
    return n;
}

rg_model_options model_options(const char *name)
{
    rg_model_options options = rg_model_options_default();
    options.name = name;
    return options;
}

/* common.h: what the programs of the bench share.
 *
 * The one idea: a program measures and prints, the driver (run.py) judges. A program prints one
 * line a series: its name, then the values of all repetitions, with tabs between; what is to be
 * compared is run in turn, so that equal places of two series make a pair.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <rankgrad/rankgrad.h>

enum { MOST_VALUES = 4096 };

/* Values of one name; those past MOST_VALUES are dropped. */
struct series {
    const char *name;
    int n;
    double values[MOST_VALUES];
};

void add_value(struct series *series, double value);

/* Writes the line of a series, from value `first` on; nothing where there is none. */
void print_series(const struct series *series, int first);

/* The clock, in seconds. */
double now(void);

/* A context of n threads (0: one a CPU); ends the program when there is none. */
rg_context *new_context(int n_threads);

/* Ends the program with the context's sentence unless status is RG_OK. */
void must(rg_context *ctx, rg_status status);

/* Ends the program with a sentence. */
_Noreturn void fail(const char *sentence);

/* n values of `size` bytes; ends the program when they cannot be had. */
void *new_array(int64_t n, size_t size);

/* The i-th of the numbers of a seed, in [0,1): a hash, so that nothing depends on an order. */
double draw(uint64_t seed, uint64_t i);

/* A whole number from 1 on, from the command line; ends the program for anything else. */
int64_t number(const char *text);

/* "linear", or "mlp" with 64 and 32 hidden units. */
rg_model_options model_options(const char *name);

#endif

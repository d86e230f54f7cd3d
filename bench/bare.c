/* bare.c: the limits of limits.h alone: what this machine can do at best.
 *
 *     bench_bare FILE THREADS REPETITIONS
 *
 * The one idea: the numbers that all ratios of the bench are ratios to, without Rankgrad around
 * them but for opening the file. Prints the series read and products (seconds), and bytes. */
#include "common.h"
#include "limits.h"

int main(int n, char **arguments)
{
    static struct series read = {.name = "read"}, product = {.name = "products"},
                         bytes = {.name = "bytes"};
    if (n != 4)
        fail("usage: bench_bare FILE THREADS REPETITIONS");
    int n_threads = (int)number(arguments[2]);
    int64_t repetitions = number(arguments[3]);
    rg_context *ctx = new_context(1);
    rg_dataset *data;
    must(ctx, rg_dataset_open(ctx, arguments[1], NULL, &data));
    const rg_split *s = rg_dataset_find(data, "train");
    if (!s || !s->features.data || s->features.dtype != RG_F32)
        fail("expected a file with a split train of f32 features");
    size_t size = (size_t)(s->n_rows * s->n_features) * sizeof(float);
    const struct region region = {s->features.data, size};
    for (int64_t i = 0; i <= repetitions; i++) {
        add_value(&read, read_once(&region, 1, n_threads));
        add_value(&product, products_once(s->features.data, s->n_features, s->offsets, s->n_lists,
                                          n_threads));
    }
    add_value(&bytes, (double)size);
    print_series(&read, 1);
    print_series(&product, 1);
    print_series(&bytes, 0);
    rg_dataset_close(data);
    rg_context_destroy(ctx);
    return 0;
}

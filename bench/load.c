/* load.c: opening a data set: text, contiguous HDF5 (mapped) or compressed HDF5 (read).
 *
 *     bench_load FILE THREADS REPETITIONS
 *
 * The one idea: which of them it is, the file tells; the call is the same. Prints the series open
 * (seconds) and the bytes of the features that are then at hand. */
#include "common.h"

int main(int n, char **arguments)
{
    static struct series open = {.name = "open"}, size = {.name = "bytes"};
    if (n != 4)
        fail("usage: bench_load FILE THREADS REPETITIONS");
    rg_context *ctx = new_context((int)number(arguments[2]));
    int64_t repetitions = number(arguments[3]);
    for (int64_t i = 0; i < repetitions; i++) {
        rg_dataset *data;
        double began = now();
        must(ctx, rg_dataset_open(ctx, arguments[1], NULL, &data));
        add_value(&open, now() - began);
        const rg_split *split = rg_dataset_split_at(data, 0);
        if (i == 0)
            add_value(&size, (double)(split->n_rows * split->n_features) *
                                 (double)rg_dtype_size(split->features.dtype));
        rg_dataset_close(data);
    }
    print_series(&open, 0);
    print_series(&size, 0);
    rg_context_destroy(ctx);
    return 0;
}

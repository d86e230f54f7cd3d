/* sparse.c: scoring of sparse rows against the forward pass of training on the same rows.
 *
 *     bench_sparse NORMALIZE THREADS REPETITIONS
 *
 * 5,000 rows of 30 numbers in 2^20 columns, of which about 140,000 occur. Prints the series predict
 * (seconds of rg_model_score_split, which numbers the rows by the model's columns and normalises
 * them) and forward (seconds of one thread's graph over rows that are numbered and normalised
 * already, as training has them), in turn. */
#include "common.h"

#include <stdlib.h>
#include <string.h>

enum { ROWS = 5000, NUMBERS = 30, LIST = 10, COLUMNS = 1 << 20, RUN = 1000, N = ROWS * NUMBERS };

static int64_t indptr[ROWS + 1], offsets[ROWS / LIST + 1];
static int32_t indices[N], positions[N];
static float values[N], normalised[N];
static double labels[ROWS], scores[ROWS];

/* Each number of a row is in a thirtieth of the columns of its own. */
static rg_split make_split(void)
{
    for (int r = 0; r < ROWS; r++) {
        indptr[r + 1] = (int64_t)(r + 1) * NUMBERS;
        labels[r] = r % 3;
        for (int k = r * NUMBERS; k < (r + 1) * NUMBERS; k++) {
            indices[k] = (int32_t)((k % NUMBERS + draw(1, (uint64_t)k)) * (COLUMNS / NUMBERS));
            values[k] = (float)(1 + draw(2, (uint64_t)k));
        }
    }
    for (int q = 0; q <= ROWS / LIST; q++)
        offsets[q] = (int64_t)q * LIST;
    return (rg_split){.name = "train",
                      .n_rows = ROWS,
                      .n_features = COLUMNS,
                      .n_lists = ROWS / LIST,
                      .csr = {ROWS, COLUMNS, indptr, indices, RG_F32, values},
                      .labels = labels,
                      .offsets = offsets};
}

static int compare(const void *left, const void *right)
{
    int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;
    return (a > b) - (a < b);
}

/* The rows as training computes with them. */
static rg_csr prepare(const rg_model *model)
{
    int64_t n;
    const int32_t *columns = rg_model_columns(model, &n);
    const rg_normalization *z = rg_model_normalization(model);
    for (int k = 0; k < N; k++) {
        const int32_t *found = bsearch(&indices[k], columns, (size_t)n, sizeof *columns, compare);
        if (!found)
            fail("a column of the training rows is not the model's");
        positions[k] = (int32_t)(found - columns);
        normalised[k] = (float)((double)values[k] * (z->scale ? z->scale[positions[k]] : 1));
    }
    return (rg_csr){ROWS, n, indptr, positions, RG_F32, normalised};
}

static void run_forward(rg_context *ctx, rg_graph *graph, rg_model *model, const rg_csr *rows)
{
    for (int64_t r = 0; r < ROWS; r += RUN) {
        const rg_run run = {r, RUN};
        const rg_selection selection = {.sparse = *rows, .n_runs = 1, .runs = &run};
        rg_graph_reset(graph);
        if (!rg_model_forward(graph, model, rg_leaf_rows(graph, &selection, RG_F32), NULL, 0))
            must(ctx, rg_graph_status(graph));
    }
}

int main(int n, char **arguments)
{
    static struct series predict = {.name = "predict"}, forward = {.name = "forward"};
    if (n != 4)
        fail("usage: bench_sparse NORMALIZE THREADS REPETITIONS");
    int64_t repetitions = number(arguments[3]);
    rg_context *ctx = new_context((int)number(arguments[2]));
    rg_split split = make_split();
    rg_train_options o = rg_train_options_default();
    o.normalize = arguments[1];
    o.epochs = 1;
    rg_model *model;
    must(ctx, rg_train(ctx, &split, rg_no_split(), &o, &model, NULL));
    rg_csr rows = prepare(model);
    rg_graph *graph = rg_graph_create(ctx);
    for (int64_t i = 0; i <= repetitions; i++) {
        double began = now();
        must(ctx, rg_model_score_split(model, &split, scores));
        add_value(&predict, now() - began);
        began = now();
        run_forward(ctx, graph, model, &rows);
        add_value(&forward, now() - began);
    }
    print_series(&predict, 1);
    print_series(&forward, 1);
    rg_graph_destroy(graph);
    rg_model_destroy(model);
    rg_context_destroy(ctx);
    return 0;
}

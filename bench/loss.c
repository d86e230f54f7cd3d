/* loss.c: forward and backward of ranking_softmax, one thread, lists of 120 items.
 *
 *     bench_loss REPETITIONS
 *
 * The one idea: a graph as a step of training makes it, a variable, a leaf and the loss, made anew
 * each time; so what the tape costs is in it. Prints ns an item for 480 and for 4,800 items. */
#include "common.h"

enum { LIST = 120, MOST_ITEMS = 4800, ITEMS_A_VALUE = 960000 };

static void once(rg_graph *graph, const rg_tensor *logits, const rg_tensor *labels, float *gradient,
                 const rg_loss_options *options)
{
    rg_graph_reset(graph);
    rg_node *loss = rg_ranking_softmax_loss(graph, rg_variable(graph, logits, gradient),
                                            rg_leaf(graph, labels), options);
    if (rg_backward(graph, loss, NULL) != RG_OK)
        fail("the loss failed");
}

static void measure(rg_graph *graph, int64_t n_items, struct series *series)
{
    static float s[MOST_ITEMS], y[MOST_ITEMS], gradient[MOST_ITEMS];
    static int64_t offsets[MOST_ITEMS / LIST + 1];
    for (int64_t i = 0; i < n_items; i++) {
        s[i] = (float)(4 * draw(1, (uint64_t)i) - 2);
        y[i] = (float)(int)(5 * draw(2, (uint64_t)i));
    }
    for (int64_t q = 0; q <= n_items / LIST; q++)
        offsets[q] = q * LIST;
    const rg_tensor logits = {RG_F32, 1, {n_items}, s}, labels = {RG_F32, 1, {n_items}, y};
    rg_loss_options options = rg_loss_options_default();
    options.offsets = offsets;
    options.n_lists = n_items / LIST;
    double began = now();
    for (int64_t i = 0; i < ITEMS_A_VALUE; i += n_items)
        once(graph, &logits, &labels, gradient, &options);
    add_value(series, (now() - began) / ITEMS_A_VALUE * 1e9);
}

int main(int n, char **arguments)
{
    static struct series small = {.name = "480"}, large = {.name = "4800"};
    if (n != 2)
        fail("usage: bench_loss REPETITIONS");
    int64_t repetitions = number(arguments[1]);
    rg_context *ctx = new_context(1);
    rg_graph *graph = rg_graph_create(ctx);
    for (int64_t i = 0; i <= repetitions; i++) {
        measure(graph, 480, &small);
        measure(graph, 4800, &large);
    }
    print_series(&small, 1);
    print_series(&large, 1);
    rg_graph_destroy(graph);
    rg_context_destroy(ctx);
    return 0;
}

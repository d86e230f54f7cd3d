/* chain.c: what an operator costs besides its arithmetic: 10,000 of them on 4 elements, forward and
 * backward.
 *
 *     bench_chain REPETITIONS
 *
 * The one idea: with 4 elements there is nothing to compute, so the time is that of the tape.
 * Prints ns an operator. */
#include "common.h"

enum { OPERATORS = 10000, ELEMENTS = 4, ROUNDS = 20 };

static void once(rg_context *ctx, rg_graph *graph)
{
    static float x[ELEMENTS] = {1, 2, 3, 4}, shift[ELEMENTS] = {0.5f, 0.25f, -0.5f, -0.25f},
                 factor[ELEMENTS] = {1, -1, 1, -1}, one[ELEMENTS] = {1, 1, 1, 1},
                 gradient[ELEMENTS];
    const rg_tensor tx = {RG_F32, 1, {ELEMENTS}, x}, ts = {RG_F32, 1, {ELEMENTS}, shift},
                    tf = {RG_F32, 1, {ELEMENTS}, factor}, to = {RG_F32, 1, {ELEMENTS}, one};
    rg_graph_reset(graph);
    rg_node *y = rg_variable(graph, &tx, gradient);
    rg_node *add = rg_leaf(graph, &ts), *multiply = rg_leaf(graph, &tf);
    for (int i = 0; i < OPERATORS; i++)
        y = i % 3 == 0   ? rg_add(graph, y, add)
            : i % 3 == 1 ? rg_mul(graph, y, multiply)
                         : rg_scale(graph, y, 0.999);
    must(ctx, rg_backward(graph, y, &to));
}

int main(int n, char **arguments)
{
    static struct series series = {.name = "chain"};
    if (n != 2)
        fail("usage: bench_chain REPETITIONS");
    int64_t repetitions = number(arguments[1]);
    rg_context *ctx = new_context(1);
    rg_graph *graph = rg_graph_create(ctx);
    for (int64_t i = 0; i <= repetitions; i++) {
        double began = now();
        for (int j = 0; j < ROUNDS; j++)
            once(ctx, graph);
        add_value(&series, (now() - began) / (ROUNDS * OPERATORS) * 1e9);
    }
    print_series(&series, 1);
    rg_graph_destroy(graph);
    rg_context_destroy(ctx);
    return 0;
}

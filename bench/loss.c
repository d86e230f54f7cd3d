/* loss.c: forward and backward of any loss, one thread.
 *
 *     bench_loss
 *
 * Answers requests on the standard input, one line each: SECONDS SHAPE LOSS, where SHAPE is a name
 * of `shapes` and LOSS is the text of a loss, or "exp" for a bare loop that calls expf once per
 * item. A run makes the graph of a training step anew (a variable, a leaf and the loss), so the
 * cost of the graph is included. The answer is one line: the value of the loss, the norm of its
 * gradient, and the ns per item of each run, as many as SECONDS allow, at least one. The peers
 * (peers/loss.py) answer the same requests about the same data. */
#include "common.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEED_SCORES = 1, SEED_LABELS, SEED_LENGTHS };

/* Lists of `length` items or, where that is 0, the first of 5,000 lists of ragged lengths. */
static const struct shape {
    const char *name;
    int64_t n_lists, length;
} shapes[] = {
    {"480", 4, 120},
    {"4800", 40, 120},
    {"ragged", 5000, 0},
    {"ragged_1000", 1000, 0},
    {"ragged_100", 100, 0},
    {"thousand", 20, 1000},
    {"ten_thousand", 1, 10000},
};

enum { N_RAGGED = 590371, RAGGED_LISTS = 5000, N_SHAPES = sizeof shapes / sizeof shapes[0] };

struct lists {
    float *scores, *labels, *grad;
    int64_t *offsets, n_lists, n_items;
};

static void make_offsets(const struct shape *shape, int64_t *offsets)
{
    double total = 0, sum = 0;
    for (int64_t q = 0; q < RAGGED_LISTS; q++)
        total += draw(SEED_LENGTHS, (uint64_t)q);
    for (int64_t q = 0; q < shape->n_lists; q++) {
        sum += draw(SEED_LENGTHS, (uint64_t)q);
        offsets[q + 1] =
            shape->length ? (q + 1) * shape->length : (int64_t)(sum / total * (double)N_RAGGED);
    }
}

/* Scores are uniform in [-2, 2); labels are 0 to 4, three of five of them 0. */
static struct lists make_lists(const struct shape *shape)
{
    struct lists l = {.n_lists = shape->n_lists};
    l.offsets = new_array(l.n_lists + 1, sizeof *l.offsets);
    make_offsets(shape, l.offsets);
    l.n_items = l.offsets[l.n_lists];
    l.scores = new_array(l.n_items, sizeof *l.scores);
    l.labels = new_array(l.n_items, sizeof *l.labels);
    l.grad = new_array(l.n_items, sizeof *l.grad);
    for (int64_t i = 0; i < l.n_items; i++) {
        double u = draw(SEED_LABELS, (uint64_t)i);
        l.scores[i] = (float)(4 * draw(SEED_SCORES, (uint64_t)i) - 2);
        l.labels[i] = (float)(int)(5 * u * u * u);
    }
    return l;
}

/* Forward and backward; the value of the loss. */
static double run_loss(rg_context *ctx, rg_graph *graph, const rg_objective *objective,
                       const struct lists *l)
{
    const rg_tensor logits = {RG_F32, 1, {l->n_items}, l->scores};
    const rg_tensor labels = {RG_F32, 1, {l->n_items}, l->labels};
    rg_loss_options options = rg_loss_options_default();
    options.offsets = l->offsets;
    options.n_lists = l->n_lists;
    options.reduction = RG_REDUCE_SUM;
    rg_graph_reset(graph);
    rg_node *loss = rg_objective_apply(graph, objective, rg_variable(graph, &logits, l->grad),
                                       rg_leaf(graph, &labels), &options);
    must(ctx, rg_backward(graph, loss, NULL));
    return (double)*(float *)rg_node_value(loss)->data;
}

static double run_exp(const struct lists *l)
{
    float sum = 0;
    for (int64_t i = 0; i < l->n_items; i++)
        sum += l->grad[i] = expf(l->scores[i]);
    return (double)sum;
}

static double norm(const float *x, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += (double)x[i] * (double)x[i];
    return sqrt(sum);
}

static void answer(rg_context *ctx, rg_graph *graph, double seconds, const struct shape *shape,
                   const char *text)
{
    static struct lists made[N_SHAPES];
    struct lists *l = &made[shape - shapes];
    rg_objective objective;
    bool bare = strcmp(text, "exp") == 0;
    if (!bare)
        must(ctx, rg_objective_parse(ctx, rg_losses(), text, &objective));
    if (!l->offsets)
        *l = make_lists(shape);
    memset(l->grad, 0, (size_t)l->n_items * sizeof *l->grad);
    double value = bare ? run_exp(l) : run_loss(ctx, graph, &objective, l);
    printf("%.9g\t%.9g", value, norm(l->grad, l->n_items));
    int runs = 0;
    for (double began = now(), last = began; runs == 0 || (last - began < seconds && runs < 99);) {
        bare ? run_exp(l) : run_loss(ctx, graph, &objective, l);
        double time = now();
        printf("\t%.9g", (time - last) / (double)l->n_items * 1e9);
        last = time;
        runs++;
    }
    printf("\n");
    fflush(stdout);
}

int main(void)
{
    char line[1000], shape[20];
    double seconds;
    int text;
    rg_context *ctx = new_context(1);
    rg_graph *graph = rg_graph_create(ctx);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        const struct shape *found = NULL;
        if (sscanf(line, "%lf %19s %n", &seconds, shape, &text) != 2)
            fail("expected lines of SECONDS SHAPE LOSS");
        for (int i = 0; i < N_SHAPES; i++)
            if (strcmp(shapes[i].name, shape) == 0)
                found = &shapes[i];
        if (!found)
            fail("unknown shape");
        answer(ctx, graph, seconds, found, line + text);
    }
    rg_graph_destroy(graph);
    rg_context_destroy(ctx);
    return 0;
}

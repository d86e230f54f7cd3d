/* 02_ranking_softmax.c: a ranking loss on one list of three documents, and its gradient.
 *
 * The one idea: the gradient with respect to a score is Y p - y, the document's share of the sum of
 * labels Y by softmax, minus its label. Gradient descent on the scores sorts the list. */
#include <rankgrad/rankgrad.h>

#include <math.h>
#include <stdio.h>

enum { N = 3, STEPS = 5 };
static const double rate = 0.25;

/* L = - sum y log p and its gradient, p = softmax(s), from the formulas. */
static double by_hand(const double s[N], const double y[N], double p[N], double gradient[N])
{
    double total = 0, mass = 0, loss = 0; /* sum exp(s), Y, L */
    for (int k = 0; k < N; k++) {
        total += exp(s[k]);
        mass += y[k];
    }
    for (int k = 0; k < N; k++) {
        p[k] = exp(s[k]) / total;
        loss -= y[k] * log(p[k]);
        gradient[k] = mass * p[k] - y[k];
    }
    return loss;
}

/* The same from one node. `gradient` is set to 0 first, since backward adds to it. */
static rg_status by_node(rg_graph *graph, double s[N], double y[N], double *loss,
                         double gradient[N])
{
    const rg_tensor logits = {RG_F64, 1, {N}, s}, labels = {RG_F64, 1, {N}, y};
    for (int k = 0; k < N; k++)
        gradient[k] = 0;
    rg_graph_reset(graph); /* destroys the nodes of the last step and reuses their memory */
    rg_node *node = rg_ranking_softmax_loss(graph, rg_variable(graph, &logits, gradient),
                                            rg_leaf(graph, &labels), NULL);
    rg_status status = rg_backward(graph, node, NULL);
    if (status == RG_OK)
        *loss = *(const double *)rg_node_value(node)->data;
    return status;
}

/* The names of the documents, highest score first. */
static void sort_names(const double s[N], char names[N + 1])
{
    for (int k = 0; k < N; k++) {
        int rank = 0;
        for (int j = 0; j < N; j++)
            rank += s[j] > s[k] || (s[j] == s[k] && j < k);
        names[rank] = (char)('A' + k);
    }
    names[N] = '\0';
}

int main(void)
{
    double s[N] = {3, 2.5, 1}, y[N] = {0, 1, 2}; /* the worst order: C is the best document */
    double p[N], hand[N], gradient[N], loss;
    char names[N + 1];
    rg_context *ctx = rg_context_create(NULL);
    rg_graph *graph = ctx ? rg_graph_create(ctx) : NULL;
    rg_status status = graph ? RG_OK : RG_LIMIT;

    double loss_by_hand = by_hand(s, y, p, hand);
    if (status == RG_OK)
        status = by_node(graph, s, y, &loss, gradient);
    if (status == RG_OK) {
        printf("doc  score  label       p   Y p - y  from the node\n");
        for (int k = 0; k < N; k++)
            printf("%c    %5.2f  %5.0f  %.4f   %7.4f  %13.4f\n", 'A' + k, s[k], y[k], p[k], hand[k],
                   gradient[k]);
        printf("loss %.4f, from the node %.4f\n\n", loss_by_hand, loss);
    }

    for (int step = 0; step <= STEPS && status == RG_OK; step++) {
        status = by_node(graph, s, y, &loss, gradient);
        if (status != RG_OK)
            break;
        sort_names(s, names);
        printf("step %d  order %s  loss %.4f  A %.2f  B %.2f  C %.2f\n", step, names, loss, s[0],
               s[1], s[2]);
        for (int k = 0; k < N; k++)
            s[k] -= rate * gradient[k];
    }

    if (status != RG_OK)
        fprintf(stderr, "%s\n", ctx ? rg_last_error(ctx) : "out of memory");
    rg_graph_destroy(graph);
    rg_context_destroy(ctx);
    return (int)status;
}

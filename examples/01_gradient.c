/* 01_gradient.c: the gradient of y = a b + c, by hand and by the tape.
 *
 * The one idea: an operator computes its value when it is called and is recorded on the tape;
 * rg_backward goes through the tape from its end and applies the chain rule. */
#include <rankgrad/rankgrad.h>

#include <stdio.h>

/* Prints one line of the table. Returns 1 when the two gradients are not the same number. */
static int compare(const char *what, double by_hand, double by_tape)
{
    printf("%-10s %8g %8g\n", what, by_hand, by_tape);
    return by_hand != by_tape;
}

int main(void)
{
    double a = 2, b = -3, c = 10;
    double da = 0, db = 0, dc = 0; /* backward adds to these, so they start at 0 */
    int failed = 1;

    rg_context *ctx = rg_context_create(NULL); /* memory and error messages */
    rg_graph *graph = ctx ? rg_graph_create(ctx) : NULL;
    if (!graph) {
        fprintf(stderr, "out of memory\n");
        goto done;
    }

    /* A tensor is a type, a shape (none: a scalar) and a pointer to data, which it does not own. */
    const rg_tensor ta = {.dtype = RG_F64, .data = &a};
    const rg_tensor tb = {.dtype = RG_F64, .data = &b};
    const rg_tensor tc = {.dtype = RG_F64, .data = &c};

    /* A variable is a tensor that requires a gradient, and an array to add the gradient to. */
    rg_node *va = rg_variable(graph, &ta, &da);
    rg_node *vb = rg_variable(graph, &tb, &db);
    rg_node *vc = rg_variable(graph, &tc, &dc);

    /* y is computed here. An operator that fails returns NULL, as does one with a NULL operand, so
     * it is enough to check rg_backward. */
    rg_node *y = rg_add(graph, rg_mul(graph, va, vb), vc);
    if (rg_backward(graph, y, NULL) != RG_OK) {
        fprintf(stderr, "%s\n", rg_last_error(ctx));
        goto done;
    }
    const double *value = rg_node_value(y)->data;
    printf("y = a b + c = %g * %g + %g = %g\n\n", a, b, c, *value);
    printf("%-10s %8s %8s\n", "", "by hand", "by tape");
    failed = compare("dy/da = b", b, da);
    failed |= compare("dy/db = a", a, db);
    failed |= compare("dy/dc = 1", 1, dc);

done:
    rg_graph_destroy(graph);
    rg_context_destroy(ctx);
    return failed;
}

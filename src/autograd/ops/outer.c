/* outer: all products of an element of a with one of b,
 *
 *     Y_ij = a_i b_j        dL/da_i = sum_j dL/dY_ij b_j,    dL/db_j = sum_i a_i dL/dY_ij
 *
 * for a (...,M) and b (...,N). Their other axes broadcast, and gradients are summed over broadcast
 * axes. This is the product of a column (M,1) and a row (1,N); the kernels are those of
 * product.h. */
#include "autograd/product.h"

static bool shape(rg_node *y)
{
    char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
    const rg_tensor *a = rg_operand(y, 0), *b = rg_operand(y, 1);
    if (a->ndim < 1 || b->ndim < 1)
        return rg_reject(y, "shapes %s and %s; expected (...,M) with (...,N)",
                         rg__shape_text(a, sa), rg__shape_text(b, sb));
    struct rg__product p = {.m = a->dims[a->ndim - 1],
                            .k = 1,
                            .n = b->dims[b->ndim - 1],
                            .batch_a = rg__leading_axes(a, 1),
                            .batch_b = rg__leading_axes(b, 1)};
    return rg__set_product(y, &p, true, true);
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_outer(graph, x[0], x[1]);
}

static rg_node *with_itself(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_outer(graph, x[0], x[0]);
}

#define IN  RG__PRODUCT_INPUT
#define A_B .build = build, .numpy = "a[..., None] * b[..., None, :]"

static const struct rg__sample samples[] = {
    {"a (3), b (4)", 2, {IN(3), IN(4)}, A_B},
    {"a (3), b (1)", 2, {IN(3), IN(1)}, A_B},
    {"a (1), b (4)", 2, {IN(1), IN(4)}, A_B},
    {"a (2,3), b (4)", 2, {IN(2, 3), IN(4)}, A_B},
    {"a (3), b (2,4)", 2, {IN(3), IN(2, 4)}, A_B},
    {"a (2,1,3), b (3,2)", 2, {IN(2, 1, 3), IN(3, 2)}, A_B},
    {"a (0), b (3)", 2, {IN(0), IN(3)}, A_B, .zero_because = "y has no element"},
    {"a (3), b = a", 1, {IN(3)}, .build = with_itself, .numpy = "np.outer(a, a)"},
};

RG__PRODUCT(outer, "Y_ij = a_i b_j", shape, samples, .no_backward = NULL);

rg_node *rg_outer(rg_graph *graph, rg_node *a, rg_node *b)
{
    return RG__APPLY(outer, graph, NULL, 0, a, b);
}

/* dot: the dot product of vectors along the last axis,
 *
 *     y = sum_k a_k b_k        dL/da_k = dL/dy b_k,    dL/db_k = dL/dy a_k
 *
 * a and b are (...,K). Their other axes broadcast, and gradients are summed over broadcast axes. A
 * dot product is the product of a row (1,K) and a column (K,1); the kernels are those of
 * product.h. */
#include "autograd/product.h"

static bool shape(rg_node *y)
{
    char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
    const rg_tensor *a = rg_operand(y, 0), *b = rg_operand(y, 1);
    if (a->ndim < 1 || b->ndim < 1 || a->dims[a->ndim - 1] != b->dims[b->ndim - 1])
        return rg_reject(y, "shapes %s and %s; expected (...,K) with (...,K), with equal K",
                         rg__shape_text(a, sa), rg__shape_text(b, sb));
    struct rg__product p = {.m = 1,
                            .k = a->dims[a->ndim - 1],
                            .n = 1,
                            .batch_a = rg__leading_axes(a, 1),
                            .batch_b = rg__leading_axes(b, 1)};
    return rg__set_product(y, &p, false, false);
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_dot(graph, x[0], x[1]);
}

static rg_node *with_itself(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_dot(graph, x[0], x[0]);
}

#define IN  RG__PRODUCT_INPUT
#define A_B .build = build, .numpy = "np.sum(a * b, -1)"

static const struct rg__sample samples[] = {
    {"a (19), b (19)", 2, {IN(19), IN(19)}, A_B},
    {"a (1), b (1)", 2, {IN(1), IN(1)}, A_B},
    {"a (2,3), b (2,3)", 2, {IN(2, 3), IN(2, 3)}, A_B},
    {"a (2,3,4), b (4)", 2, {IN(2, 3, 4), IN(4)}, A_B},
    {"a (4), b (2,3,4)", 2, {IN(4), IN(2, 3, 4)}, A_B},
    {"a (2,1,4), b (3,4)", 2, {IN(2, 1, 4), IN(3, 4)}, A_B},
    {"a (0,3), b (1,3)", 2, {IN(0, 3), IN(1, 3)}, A_B, .zero_because = "y has no element"},
    {"a (2,0), b (2,0)", 2, {IN(2, 0), IN(2, 0)}, A_B, .zero_because = "no input has an element"},
    {"a (2,3), b = a", 1, {IN(2, 3)}, .build = with_itself, .numpy = "np.sum(a * a, -1)"},
};

RG__PRODUCT(dot, "y = sum_k a_k b_k along the last axis", shape, samples, .no_backward = NULL);

rg_node *rg_dot(rg_graph *graph, rg_node *a, rg_node *b)
{
    return RG__APPLY(dot, graph, NULL, 0, a, b);
}

/* matmul: Y = A B as NumPy's @, optionally with the last two axes of A or B transposed.
 *
 *     dL/dA = dL/dY B^T        dL/dB = A^T dL/dY
 *
 * A is (...,M,K) and B is (...,K,N), whose leading axes broadcast; the gradient of a broadcast axis
 * is summed. A may be (K), a row, and B may be (K), a column; that axis is missing from Y. Sparse
 * rows are passed on to csr_matmul. The kernels are those of product.h. */
#include "autograd/product.h"

struct transposes {
    bool a, b;
};

static bool shape(rg_node *y)
{
    char sa[RG__SHAPE_TEXT], sb[RG__SHAPE_TEXT];
    const rg_tensor *a = rg_operand(y, 0), *b = rg_operand(y, 1);
    const struct transposes *t = rg_attributes(y);
    bool row = a->ndim == 1, column = b->ndim == 1;
    if ((t->a && a->ndim < 2) || (t->b && b->ndim < 2))
        return rg_reject(y,
                         "shapes %s and %s; expected at least 2 dimensions of what is transposed",
                         rg__shape_text(a, sa), rg__shape_text(b, sb));
    if (a->ndim < 1 || b->ndim < 1)
        return rg_reject(y, "shapes %s and %s; expected at least one dimension",
                         rg__shape_text(a, sa), rg__shape_text(b, sb));
    const int64_t *da = a->dims + a->ndim - 1, *db = b->dims + b->ndim - 1; /* the last extents */
    int64_t k = da[-t->a], k_of_b = column ? db[0] : db[t->b - 1];
    if (k != k_of_b)
        return rg_reject(y, "shapes %s and %s; expected %s with %s, with equal K",
                         rg__shape_text(a, sa), rg__shape_text(b, sb),
                         t->a ? "(...,K,M)" : "(...,M,K)", t->b ? "(...,N,K)" : "(...,K,N)");
    struct rg__product p = {.trans_a = t->a,
                            .trans_b = t->b,
                            .m = row ? 1 : da[t->a - 1],
                            .k = k,
                            .n = column ? 1 : db[-t->b],
                            .batch_a = rg__leading_axes(a, 2),
                            .batch_b = rg__leading_axes(b, 2)};
    return rg__set_product(y, &p, !row, !column);
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    static const struct transposes neither = {false, false};
    const struct transposes *t = user ? user : &neither;
    return rg_matmul_with(graph, x[0], t->a, x[1], t->b);
}

static rg_node *squared(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_matmul(graph, x[0], x[0]);
}

/* A times its own transpose. */
static rg_node *gram(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_matmul_with(graph, x[0], false, x[0], true);
}

#define IN  RG__PRODUCT_INPUT
#define A_B .build = build, .numpy = "a @ b"
#define T   "np.swapaxes"

static const struct transposes left = {true, false}, right = {false, true}, both = {true, true};

static const struct rg__sample samples[] = {
    {"a (3,4), b (4,2)", 2, {IN(3, 4), IN(4, 2)}, A_B},
    {"a (3,21), b (21)", 2, {IN(3, 21), IN(21)}, A_B},
    {"a (2,3), b (3,1)", 2, {IN(2, 3), IN(3, 1)}, A_B},
    {"a (1,1), b (1,1)", 2, {IN(1, 1), IN(1, 1)}, A_B},
    {"a (4), b (4)", 2, {IN(4), IN(4)}, A_B},
    {"a (4), b (2,4,3)", 2, {IN(4), IN(2, 4, 3)}, A_B},
    {"a (2,3,4), b (4)", 2, {IN(2, 3, 4), IN(4)}, A_B},
    {"a (2,3,4), b (1,4,2)", 2, {IN(2, 3, 4), IN(1, 4, 2)}, A_B},
    {"a (2,1,3,4), b (3,4,2)", 2, {IN(2, 1, 3, 4), IN(3, 4, 2)}, A_B},
    {"a (3,4), b (2,4,1)", 2, {IN(3, 4), IN(2, 4, 1)}, A_B},
    {"a (0,4), b (4,2)", 2, {IN(0, 4), IN(4, 2)}, A_B, .zero_because = "y has no element"},
    {"a (2,0), b (0,3)", 2, {IN(2, 0), IN(0, 3)}, A_B, .zero_because = "no input has an element"},
    {"a (0,2,3), b (3,2)", 2, {IN(0, 2, 3), IN(3, 2)}, A_B, .zero_because = "y has no element"},
    {"a (3,3), b = a", 1, {IN(3, 3)}, .build = squared, .numpy = "a @ a"},
    {"a (2,3,4), b = a transposed", 1, {IN(2, 3, 4)}, .build = gram, .numpy = "a @ " T "(a, 1, 2)"},
    {"a (4,3) transposed, b (4,2)",
     2,
     {IN(4, 3), IN(4, 2)},
     .build = build,
     .numpy = "a.T @ b",
     .user = &left},
    {"a (2,4,3) transposed, b (4)",
     2,
     {IN(2, 4, 3), IN(4)},
     .build = build,
     .numpy = T "(a, 1, 2) @ b",
     .user = &left},
    {"a (3,4), b (2,2,4) transposed",
     2,
     {IN(3, 4), IN(2, 2, 4)},
     .build = build,
     .numpy = "a @ " T "(b, 1, 2)",
     .user = &right},
    {"a (2,4,3), b (2,4), both transposed",
     2,
     {IN(2, 4, 3), IN(2, 4)},
     .build = build,
     .numpy = T "(a, 1, 2) @ b.T",
     .user = &both},
};

RG__PRODUCT(matmul, "Y = A B", shape, samples, .reads_rows = true);

rg_node *rg_matmul(rg_graph *graph, rg_node *a, rg_node *b)
{
    return rg_matmul_with(graph, a, false, b, false);
}

rg_node *rg_matmul_with(rg_graph *graph, rg_node *a, bool transpose_a, rg_node *b, bool transpose_b)
{
    const struct transposes t = {transpose_a, transpose_b};
    if (a && b && rg__is_sparse(a) && !t.a && !t.b && rg_node_value(b)->ndim <= 2)
        return rg_csr_matmul(graph, a, b);
    return RG__APPLY(matmul, graph, &t, sizeof t, a, b);
}

/* linear: Y = X W + b, a fully connected layer, as one node.
 *
 *     dL/dX = dL/dY W^T    dL/dW = sum over rows of x^T dL/dy    dL/db = sum over rows of dL/dy
 *
 * X is (...,K), W is (K,N) and b, which may be absent, is (N). All rows of X are multiplied at once
 * by the kernels of product.h; the rows of dL/db are added in double. The bits are those of
 * rg_matmul and rg_add. */
#include "autograd/product.h"
#include "tensor/real.h"

#include <string.h>

RG__KERNELS(linear);

/* The number of rows of y, of n elements each. */
static int64_t F(rows_of)(const rg_node *y, int64_t *n)
{
    const rg_tensor *value = rg_node_value(y);
    *n = value->dims[value->ndim - 1];
    return *n > 0 ? rg__count(value) / *n : 0;
}

void F(rg__linear_forward)(rg_node *y)
{
    const rg_tensor *tb = rg_operand(y, 2);
    const real *b = tb ? tb->data : NULL;
    real *out = rg_output_data(y);
    int64_t n, rows = F(rows_of)(y, &n);
    F(rg__product_forward)(y);
    for (int64_t r = 0; b && r < rows; r++, out += n)
        for (int64_t j = 0; j < n; j++)
            out[j] += b[j];
}

void F(rg__linear_backward)(rg_node *y)
{
    const real *g = rg_output_grad(y);
    real *gb = rg_operand_grad(y, 2);
    int64_t n, rows = F(rows_of)(y, &n);
    F(rg__product_backward)(y);
    double *sum = gb ? rg_graph_alloc(rg_node_graph(y), (size_t)n * sizeof *sum) : NULL;
    if (!sum)
        return;
    memset(sum, 0, (size_t)n * sizeof *sum);
    for (int64_t r = 0; r < rows; r++, g += n)
        for (int64_t j = 0; j < n; j++)
            sum[j] += ACC(g[j]);
    for (int64_t j = 0; j < n; j++)
        gb[j] += (real)sum[j];
}

#ifdef RG__ONCE
/* Whether the shapes fit; b may be NULL. */
static bool fits(const rg_tensor *x, const rg_tensor *w, const rg_tensor *b)
{
    return x->ndim >= 1 && w->ndim == 2 && x->dims[x->ndim - 1] == w->dims[0] &&
           (!b || (b->ndim == 1 && b->dims[0] == w->dims[1]));
}

static bool shape(rg_node *y)
{
    char text[3][RG__SHAPE_TEXT];
    const rg_tensor *x = rg_operand(y, 0), *w = rg_operand(y, 1), *b = rg_operand(y, 2);
    if (!fits(x, w, b))
        return rg_reject(y, "shapes %s, %s%s%s; expected x (...,K), w (K,N) and b (N)",
                         rg__shape_text(x, text[0]), rg__shape_text(w, text[1]), b ? ", " : "",
                         b ? rg__shape_text(b, text[2]) : "");
    struct rg__product p = {.m = x->ndim > 1 ? x->dims[x->ndim - 2] : 1,
                            .k = w->dims[0],
                            .n = w->dims[1],
                            .batch_a = rg__leading_axes(x, 2),
                            .batch_b = rg__leading_axes(w, 2)};
    return rg__set_product(y, &p, x->ndim > 1, true);
}

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_linear(graph, x[0], x[1], x[2]);
}

static rg_node *without_bias(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_linear(graph, x[0], x[1], NULL);
}

static rg_node *with_itself(rg_graph *graph, rg_node *const *x, void *user)
{
    (void)user;
    return rg_linear(graph, x[0], x[0], rg_sum(graph, x[0], rg_axis(0)));
}

#define IN    RG__PRODUCT_INPUT
#define X_W_B .build = build, .numpy = "a @ b + c"

static const struct rg__sample samples[] = {
    {"x (3,4), w (4,2), b (2)", 3, {IN(3, 4), IN(4, 2), IN(2)}, X_W_B},
    {"x (4), w (4,2), b (2)", 3, {IN(4), IN(4, 2), IN(2)}, X_W_B},
    {"x (2,3,4), w (4,2), b (2)", 3, {IN(2, 3, 4), IN(4, 2), IN(2)}, X_W_B},
    {"x (2,2,3), w (3,1), b (1)", 3, {IN(2, 2, 3), IN(3, 1), IN(1)}, X_W_B},
    {"x (1,1), w (1,1), b (1)", 3, {IN(1, 1), IN(1, 1), IN(1)}, X_W_B},
    {"x (3,4), w (4,2)", 2, {IN(3, 4), IN(4, 2)}, .build = without_bias, .numpy = "a @ b"},
    {"x (2,0), w (0,3), b (3)",
     3,
     {IN(2, 0), IN(0, 3), IN(3)},
     X_W_B,
     .zero_because = "x and w have no element"},
    {"x (0,3), w (3,2), b (2)",
     3,
     {IN(0, 3), IN(3, 2), IN(2)},
     X_W_B,
     .zero_because = "y has no element"},
    {"x (3,3), w = x, b of x",
     1,
     {IN(3, 3)},
     .build = with_itself,
     .numpy = "a @ a + np.sum(a, 0)"},
};

RG__OPERATOR_WITH(linear, "Y = X W + b", shape, samples, .reads_rows = true,
                  .operands = {0, 0, RG_OPERAND_OPTIONAL, 0});

rg_node *rg_linear(rg_graph *graph, rg_node *x, rg_node *w, rg_node *b)
{
    if (x && w && rg__is_sparse(x) && fits(rg_node_value(x), rg_node_value(w), rg_node_value(b))) {
        rg_node *y = rg_csr_matmul(graph, x, w);
        return b ? rg_add(graph, y, b) : y;
    }
    return RG__APPLY(linear, graph, NULL, 0, x, w, b);
}
#endif

/* list_attention: scaled dot-product attention (Vaswani et al. 2017) in which each item attends to
 * the items of its own list.
 *
 * The columns of q and k are n_heads groups of D, those of v and y as many of E. For each list of n
 * items and each head, with Q, K (n,D) and V (n,E) its rows and columns:
 *
 *     S = Q K^T / sqrt D,    P_ij = exp S_ij / sum_k exp S_ik,    Y = P V
 *
 * Backward. With G = dL/dY:
 *
 *     dL/dV = P^T G,    dL/dP = G V^T,    dL/dS_ij = P_ij (dL/dP_ij - sum_k P_ik dL/dP_ik)
 *     dL/dQ = dL/dS K / sqrt D,    dL/dK = dL/dS^T Q / sqrt D
 *
 * All of these are computed for BLOCK rows of Q at a time, so that memory is proportional to the
 * number of items, apart from P, which is kept for backward unless it is recomputed. Either way the
 * bits are the same. Rows and columns are copied so that BLAS gets the same arguments wherever the
 * list is: the bits of a list depend on its own rows alone. Sums over blocks are in double. */
#include "autograd/along.h"
#include "autograd/segments/segments.h"
#include "tensor/blas.h"

#include <math.h>
#include <string.h>

RG__KERNELS(list_attention);

enum { BLOCK = 64 };

struct rg__attention {
    struct rg__segments lists;
    int64_t n_heads;
    bool recompute;
};

/* One head of one list, and memory for any. */
struct F(head) {
    int64_t n, d, e;
    double factor;                 /* 1 / sqrt d; 1 for no column, whose scores are 0 */
    int64_t first, head;           /* the list's first row; the index of the head */
    real *q, *k, *v, *g;           /* (n,d) divided by sqrt d, (n,d), (n,e), (n,e) */
    real *p, *gp;                  /* (BLOCK,n): P if it is not kept, dL/dP and dL/dS */
    real *product;                 /* (n,d) or (n,e) */
    double *sum_q, *sum_k, *sum_v; /* the gradients, (n,d), (n,d), (n,e) */
    void *scratch;                 /* of BLAS */
    const struct rg__attention *a;
};

static int64_t F(n_probabilities)(const struct rg__segments *lists, int64_t n_heads)
{
    int64_t total = 0;
    for (int64_t q = 0; q < lists->n_lists; q++) {
        int64_t n = lists->offsets[q + 1] - lists->offsets[q];
        total += n_heads * n * n;
    }
    return total;
}

static void *F(reals)(rg_node *y, int64_t rows, int64_t columns)
{
    return rg_graph_alloc(rg_node_graph(y), (size_t)(rows * columns) * sizeof(real));
}

/* The bytes of scratch memory of the largest product. */
static size_t F(scratch_size)(int64_t n, int64_t d, int64_t e)
{
    int64_t wide = d > e ? d : e;
    size_t one = F(rg__gemm_scratch)(BLOCK, wide, n), other = F(rg__gemm_scratch)(BLOCK, n, wide);
    return one > other ? one : other;
}

/* Allocates memory for the longest list; false when out of memory. */
static bool F(prepare)(rg_node *y, bool backward, struct F(head) * h)
{
    rg_graph *graph = rg_node_graph(y);
    const struct rg__attention *a = rg_attributes(y);
    int64_t n = rg__longest_list(&a->lists), d = rg_operand(y, 0)->dims[1] / a->n_heads;
    int64_t e = rg_operand(y, 2)->dims[1] / a->n_heads, wide = d > e ? d : e;
    size_t scratch = F(scratch_size)(n, d, e);
    *h = (struct F(head)){.d = d, .e = e, .a = a, .factor = d > 0 ? 1 / sqrt((double)d) : 1};
    h->q = F(reals)(y, n, d);
    h->k = F(reals)(y, n, d);
    h->v = F(reals)(y, n, e);
    h->p = F(reals)(y, n < BLOCK ? n : BLOCK, n);
    h->product = F(reals)(y, n, wide);
    h->scratch = scratch ? rg_graph_alloc(graph, scratch) : NULL;
    bool all = h->q && h->k && h->v && h->p && h->product && (h->scratch || !scratch);
    if (!backward || !all)
        return all;
    h->g = F(reals)(y, n, e);
    h->gp = F(reals)(y, n < BLOCK ? n : BLOCK, n);
    h->sum_q = rg_graph_alloc(graph, (size_t)(n * d) * sizeof(double));
    h->sum_k = rg_graph_alloc(graph, (size_t)(n * d) * sizeof(double));
    h->sum_v = rg_graph_alloc(graph, (size_t)(n * e) * sizeof(double));
    return h->g && h->gp && h->sum_q && h->sum_k && h->sum_v;
}

/* Copies the head's columns, `width` of them, of the list's rows from x. */
static void F(fetch)(const struct F(head) * h, const real *x, int64_t width, real *to)
{
    int64_t stride = width * h->a->n_heads;
    x += h->first * stride + h->head * width;
    for (int64_t i = 0; i < h->n; i++)
        memcpy(to + i * width, x + i * stride, (size_t)width * sizeof *to);
}

/* Goes to a head of a list, and copies its Q, K and V. */
static void F(go_to)(struct F(head) * h, const rg_node *y, int64_t list, int64_t head)
{
    h->first = h->a->lists.offsets[list];
    h->n = h->a->lists.offsets[list + 1] - h->first;
    h->head = head;
    F(fetch)(h, rg_operand(y, 0)->data, h->d, h->q);
    F(fetch)(h, rg_operand(y, 1)->data, h->d, h->k);
    F(fetch)(h, rg_operand(y, 2)->data, h->e, h->v);
    for (int64_t i = 0; i < h->n * h->d; i++)
        h->q[i] = (real)(ACC(h->q[i]) * h->factor);
}

/* P (rows,n) of `rows` rows from row `begin`. */
static void F(probabilities)(const struct F(head) * h, const rg_node *y, int64_t begin,
                             int64_t rows, real *p)
{
    F(rg__gemm)(false, true, rows, h->n, h->d, h->q + begin * h->d, h->k, p, false, h->scratch);
    for (int64_t i = 0; i < rows; i++)
        F(rg__softmax_run)(y, p + i * h->n, h->n, p + i * h->n);
}

static int64_t F(rows_at)(const struct F(head) * h, int64_t begin)
{
    return h->n - begin < BLOCK ? h->n - begin : BLOCK;
}

static void F(head_forward)(const struct F(head) * h, rg_node *y, real *kept)
{
    int64_t stride = h->e * h->a->n_heads;
    real *out = (real *)rg_output_data(y) + h->first * stride + h->head * h->e;
    for (int64_t begin = 0; begin < h->n; begin += BLOCK) {
        int64_t rows = F(rows_at)(h, begin);
        real *p = kept ? kept + begin * h->n : h->p;
        F(probabilities)(h, y, begin, rows, p);
        F(rg__gemm)(false, false, rows, h->e, h->n, p, h->v, h->product, false, h->scratch);
        for (int64_t i = 0; i < rows; i++, out += stride)
            for (int64_t j = 0; j < h->e; j++)
                out[j] = h->product[i * h->e + j];
    }
}

void F(rg__list_attention_forward)(rg_node *y)
{
    struct F(head) h;
    const struct rg__attention *a = rg_attributes(y);
    real *kept = NULL;
    if (!a->recompute && rg__needs_backward(y)) {
        size_t count = (size_t)F(n_probabilities)(&a->lists, a->n_heads);
        kept = rg_graph_alloc(rg_node_graph(y), count * sizeof *kept);
        rg_set_saved(y, kept);
        if (!kept)
            return;
    }
    if (!F(prepare)(y, false, &h))
        return;
    for (int64_t q = 0; q < a->lists.n_lists; q++)
        for (int64_t head = 0; head < a->n_heads; head++) {
            F(go_to)(&h, y, q, head);
            F(head_forward)(&h, y, kept);
            kept += kept ? h.n * h.n : 0;
        }
}

/* ---- Backward ---- */

/* sum (m,width) += op(A) B by BLAS, over n terms. */
static void F(add_product)(const struct F(head) * h, bool trans_a, int64_t m, int64_t width,
                           int64_t n, const real *a, const real *b, double *sum)
{
    F(rg__gemm)(trans_a, false, m, width, n, a, b, h->product, false, h->scratch);
    for (int64_t i = 0; i < m * width; i++)
        sum[i] += ACC(h->product[i]);
}

/* Adds a gradient (n,width), times a factor, to the head's columns of `grad`, unless NULL. */
static void F(add_columns)(const struct F(head) * h, const double *sum, int64_t width,
                           double factor, real *grad)
{
    int64_t stride = width * h->a->n_heads, first = h->first * stride + h->head * width;
    for (int64_t i = 0; grad && i < h->n; i++)
        for (int64_t j = 0; j < width; j++)
            grad[first + i * stride + j] += (real)(factor * sum[i * width + j]);
}

static void F(head_backward)(const struct F(head) * h, rg_node *y, const real *kept)
{
    real *gq = rg_operand_grad(y, 0), *gk = rg_operand_grad(y, 1), *gv = rg_operand_grad(y, 2);
    memset(h->sum_q, 0, (size_t)(h->n * h->d) * sizeof *h->sum_q);
    memset(h->sum_k, 0, (size_t)(h->n * h->d) * sizeof *h->sum_k);
    memset(h->sum_v, 0, (size_t)(h->n * h->e) * sizeof *h->sum_v);
    for (int64_t begin = 0; begin < h->n; begin += BLOCK) {
        int64_t n = h->n, rows = F(rows_at)(h, begin), row = begin * h->d;
        const real *p = kept ? kept + begin * n : h->p, *g = h->g + begin * h->e;
        if (!kept)
            F(probabilities)(h, y, begin, rows, h->p);
        if (gv)
            F(add_product)(h, true, n, h->e, rows, p, g, h->sum_v);
        if (!gq && !gk)
            continue;
        F(rg__gemm)(false, true, rows, n, h->e, g, h->v, h->gp, false, h->scratch);
        for (int64_t i = 0; i < rows; i++)
            F(rg__softmax_run_backward)(y, NULL, p + i * n, h->gp + i * n, n, h->gp + i * n);
        if (gk)
            F(add_product)(h, true, n, h->d, rows, h->gp, h->q + row, h->sum_k);
        if (gq)
            F(add_product)(h, false, rows, h->d, n, h->gp, h->k, h->sum_q + row);
    }
    F(add_columns)(h, h->sum_q, h->d, h->factor, gq);
    F(add_columns)(h, h->sum_k, h->d, 1, gk); /* the factor 1 / sqrt D is part of h->q */
    F(add_columns)(h, h->sum_v, h->e, 1, gv);
}

void F(rg__list_attention_backward)(rg_node *y)
{
    struct F(head) h;
    const struct rg__attention *a = rg_attributes(y);
    const real *kept = rg_saved(y);
    if (!F(prepare)(y, true, &h))
        return;
    for (int64_t q = 0; q < a->lists.n_lists; q++)
        for (int64_t head = 0; head < a->n_heads; head++) {
            F(go_to)(&h, y, q, head);
            F(fetch)(&h, rg_output_grad(y), h.e, h.g);
            F(head_backward)(&h, y, kept);
            kept += kept ? h.n * h.n : 0;
        }
}

#ifdef RG__ONCE
/* Whether the probabilities, if they are kept, have a size below 2^63 bytes. */
static bool fits(const struct rg__attention *a)
{
    double total = 0;
    for (int64_t q = 0; q < a->lists.n_lists; q++) {
        double n = (double)(a->lists.offsets[q + 1] - a->lists.offsets[q]);
        total += (double)a->n_heads * n * n;
    }
    return a->recompute || total < 1e18;
}

static bool shape(rg_node *y)
{
    char text[3][RG__SHAPE_TEXT];
    const struct rg__attention *a = rg_attributes(y);
    const rg_tensor *q = rg_operand(y, 0), *k = rg_operand(y, 1), *v = rg_operand(y, 2);
    if (q->ndim != 2 || v->ndim != 2 || !rg__same_shape(q, k) || v->dims[0] != q->dims[0])
        return rg_reject(y, "q has shape %s, k %s, v %s; expected (N,C), (N,C) and (N,E)",
                         rg__shape_text(q, text[0]), rg__shape_text(k, text[1]),
                         rg__shape_text(v, text[2]));
    if (a->n_heads < 1 || q->dims[1] % a->n_heads != 0 || v->dims[1] % a->n_heads != 0)
        return rg_reject(y,
                         "%lld heads; expected a divisor of the %lld columns of q and of the %lld "
                         "of v",
                         (long long)a->n_heads, (long long)q->dims[1], (long long)v->dims[1]);
    if (!rg__check_lists(y, &a->lists, q->dims[0], "rows of q"))
        return false;
    int64_t longest = rg__longest_list(&a->lists);
    if (longest > INT32_MAX || q->dims[1] > INT32_MAX || v->dims[1] > INT32_MAX)
        return rg_reject(y,
                         "a list of %lld items, %lld columns of q, %lld of v; expected at most "
                         "2^31 - 1 each",
                         (long long)longest, (long long)q->dims[1], (long long)v->dims[1]);
    if (!fits(a))
        return rg_reject(y,
                         "the probabilities of lists of up to %lld items do not fit into "
                         "memory; expected shorter lists, or to recompute them",
                         (long long)longest);
    rg_set_shape(y, q->dtype, 2, v->dims);
    return true;
}

/* Lists of 3, 0, 1 and 5 items, and two heads. */
static const int64_t sample_offsets[] = {0, 3, 3, 4, 9};
static const bool no = false, yes = true; /* recompute */

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    return rg_list_attention(graph, x[0], x[1], x[2], sample_offsets, 4, 2, *(const bool *)user);
}

static rg_node *self(rg_graph *graph, rg_node *const *x, void *user)
{
    return rg_list_attention(graph, x[0], x[0], x[0], sample_offsets, 4, 1, *(const bool *)user);
}

static rg_node *singles(rg_graph *graph, rg_node *const *x, void *user)
{
    return rg_list_attention(graph, x[0], x[1], x[2], (const int64_t[]){0, 1, 2}, 2, 1,
                             *(const bool *)user);
}

static rg_node *none(rg_graph *graph, rg_node *const *x, void *user)
{
    return rg_list_attention(graph, x[0], x[0], x[0], (const int64_t[]){0}, 0, 1,
                             *(const bool *)user);
}

static const struct rg__sample samples[] = {
    {"q (9,4), k (9,4), v (9,6), two heads",
     3,
     {{2, {9, 4}, -2, 2, 0}, {2, {9, 4}, -2, 2, 0}, {2, {9, 6}, -2, 2, 0}},
     .build = build,
     .numpy = "list_attention(a, b, c, [0, 3, 3, 4, 9], 2)",
     .user = &no},
    {"the same, recomputed",
     3,
     {{2, {9, 4}, -2, 2, 0}, {2, {9, 4}, -2, 2, 0}, {2, {9, 6}, -2, 2, 0}},
     .build = build,
     .numpy = "list_attention(a, b, c, [0, 3, 3, 4, 9], 2)",
     .user = &yes},
    {"q = k = v (9,3)",
     1,
     {{2, {9, 3}, -2, 2, 0}},
     .build = self,
     .numpy = "list_attention(a, a, a, [0, 3, 3, 4, 9], 1)",
     .user = &no},
    {"q (2,3), k (2,3), v (2,1), lists of one",
     3,
     {{2, {2, 3}, -2, 2, 0}, {2, {2, 3}, -2, 2, 0}, {2, {2, 1}, -2, 2, 0}},
     .build = singles,
     .numpy = "c",
     .zero_because = "an item alone attends to itself whatever q and k are",
     .user = &no},
    {"q (9,0), k (9,0), v (9,2): means of the lists",
     3,
     {{2, {9, 0}, -2, 2, 0}, {2, {9, 0}, -2, 2, 0}, {2, {9, 2}, -2, 2, 0}},
     .build = build,
     .numpy = "list_attention(a, b, c, [0, 3, 3, 4, 9], 2)",
     .user = &yes},
    {"x (0,3), no list", 1, {{2, {0, 3}, -2, 2, 0}}, .build = none, .user = &no},
};

RG__OPERATOR(list_attention, "y = softmax(q k^T / sqrt D) v, per list and head", shape, samples);

rg_node *rg_list_attention(rg_graph *graph, rg_node *q, rg_node *k, rg_node *v,
                           const int64_t *offsets, int64_t n_lists, int64_t n_heads, bool recompute)
{
    struct rg__attention a = {.n_heads = n_heads, .recompute = recompute};
    if (!rg__copy_lists(graph, "list_attention", offsets, n_lists, &a.lists))
        return NULL;
    return RG__APPLY(list_attention, graph, &a, sizeof a, q, k, v);
}
#endif

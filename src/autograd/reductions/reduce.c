/* reduce.c (compiled twice): reductions over any set of axes, made from reduce.def.
 *
 * A reduction is the transpose of broadcasting: with its reduced axes kept as extents of 1, the
 * shape of y broadcasts to that of x, and iterating over both gives the elements x that belong to
 * each y. A reduction itself is a few functions of one element (F(reduction) below):
 *
 *     y = finish(combine over the axes(term(x)))          dL/dx += slope(dL/dy, x, y)
 *
 * Accumulators are double. A contiguous axis is reduced in LANES accumulators that are then
 * combined in a fixed order (tensor/lanes.h), so that the bits do not depend on the machine. */
#include "autograd/op.h"
#include "tensor/broadcast.h"
#include "tensor/lanes.h"
#include "tensor/real.h"

/* The reduced elements of one y. */
struct rg__reduced {
    double acc;   /* the accumulator */
    double first; /* the result of the first pass, if there is one */
    double n;     /* the number of elements */
};

/* The functions that define a reduction. They may use the result of a first pass over the elements
 * (the maximum in logsumexp, the mean in a variance). */
struct F(reduction) {
    const struct F(reduction) * first_pass;             /* NULL: none */
    double initial;                                     /* of the accumulator */
    double (*combine)(double accumulator, double term); /* associative */
    double (*term)(double x, double first);
    double (*finish)(struct rg__reduced reduced);                      /* y */
    real (*slope)(real g, real x, real y, struct rg__reduced reduced); /* g dy/dx */
};

/* ---- What the rows of reduce.def name ---- */

static inline double F(combine_sum)(double acc, double term)
{
    return acc + term;
}

static inline double F(combine_max)(double a, double b) /* NaN if either is NaN */
{
    return a > b || isnan(a) ? a : b;
}

static inline double F(term_x)(double x, double first)
{
    (void)first;
    return x;
}

static inline double F(finish_acc)(struct rg__reduced reduced)
{
    return reduced.acc;
}

/* 0 instead of an infinite accumulator, because inf - inf is NaN. */
static inline double F(finish_finite)(struct rg__reduced reduced)
{
    return isinf(reduced.acc) ? 0 : reduced.acc;
}

static const struct F(reduction)
    F(maximum) = {NULL, -HUGE_VAL, F(combine_max), F(term_x), F(finish_acc), NULL};
static const struct F(reduction)
    F(finite_maximum) = {NULL, -HUGE_VAL, F(combine_max), F(term_x), F(finish_finite), NULL};

/* ---- Loops ---- */

/* The shape of y with its reduced axes as extents of 1; *n is the number of elements per y. */
static inline rg_tensor F(keepdims_shape)(const rg_node *y, double *n)
{
    const rg_axes *axes = rg_attributes(y);
    rg_tensor kept = *rg_operand(y, 0);
    *n = 1;
    for (int i = 0; i < kept.ndim; i++)
        if (rg__is_reduced(axes, kept.ndim, i)) {
            *n *= (double)kept.dims[i];
            kept.dims[i] = 1;
        }
    return kept;
}

/* Combines n adjacent elements. */
INLINED double F(combine_run)(const struct F(reduction) * r, const real *x, int64_t n, double first)
{
    double acc[LANES];
    int64_t i = 0;
    for (int lane = 0; lane < LANES; lane++)
        acc[lane] = r->initial;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            acc[lane] = r->combine(acc[lane], r->term(ACC(x[i + lane]), first));
    for (int lane = 0; i < n; i++, lane++)
        acc[lane] = r->combine(acc[lane], r->term(ACC(x[i]), first));
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int lane = 0; lane < width; lane++)
            acc[lane] = r->combine(acc[lane], acc[lane + width]);
    return acc[0];
}

/* Reduces all of x: acc[i] is the accumulator of y[i], first[i] (if not NULL) its first result. */
INLINED void F(combine_all)(const struct F(reduction) * r, const rg_tensor *tx,
                            const rg_tensor *kept, const double *first, double *acc)
{
    struct rg__broadcast_iter it;
    for (int64_t i = 0; i < rg__count(kept); i++)
        acc[i] = r->initial;
    rg__broadcast_begin(tx, kept, tx, &it);
    while (rg__broadcast_next(&it)) {
        const real *x = (const real *)tx->data + it.a;
        double *to = acc + it.b;
        const double *p = first ? first + it.b : NULL;
        if (it.step_b == 0)
            *to = r->combine(*to, F(combine_run)(r, x, it.length, p ? *p : 0));
        else
            for (int64_t i = 0; i < it.length; i++)
                to[i] = r->combine(to[i], r->term(ACC(x[i]), p ? p[i] : 0));
    }
}

/* The reduced elements of y[i]. `acc` has the accumulators of the `count` elements of y and, if
 * there is a first pass, after them its results. */
INLINED struct rg__reduced F(reduced)(const struct F(reduction) * r, const double *acc,
                                      int64_t count, int64_t i, double n)
{
    return (struct rg__reduced){acc[i], r->first_pass ? acc[count + i] : 0, n};
}

INLINED void F(reduce_forward)(rg_node *y, const struct F(reduction) * r)
{
    const rg_tensor *x = rg_operand(y, 0);
    real *out = rg_output_data(y);
    double n;
    int64_t count = rg__count(rg_node_value(y));
    rg_tensor kept = F(keepdims_shape)(y, &n);
    size_t size = (size_t)count * (r->first_pass ? 2 : 1) * sizeof(double);
    double *acc = rg_graph_alloc(rg_node_graph(y), size), *first = NULL;
    if (!acc)
        return;
    if (r->first_pass) {
        first = acc + count;
        F(combine_all)(r->first_pass, x, &kept, NULL, first);
        for (int64_t i = 0; i < count; i++)
            first[i] = r->first_pass->finish((struct rg__reduced){first[i], 0, n});
    }
    F(combine_all)(r, x, &kept, first, acc);
    for (int64_t i = 0; i < count; i++)
        out[i] = (real)r->finish(F(reduced)(r, acc, count, i, n));
    rg_set_saved(y, acc);
}

INLINED void F(add_slopes)(const struct F(reduction) * r, int64_t step,
                           const struct rg__broadcast_iter *it, rg_node *y, double n, real *gx)
{
    const real *x = (const real *)rg_operand(y, 0)->data + it->a, *g = rg_output_grad(y);
    const real *out = rg_output_data(y);
    const double *acc = rg_saved(y);
    int64_t count = rg__count(rg_node_value(y));
    for (int64_t i = 0; i < it->length; i++) {
        int64_t at = it->b + i * step;
        gx[it->a + i] += r->slope(g[at], x[i], out[at], F(reduced)(r, acc, count, at, n));
    }
}

INLINED void F(reduce_backward)(rg_node *y, const struct F(reduction) * r)
{
    const rg_tensor *x = rg_operand(y, 0);
    real *gx = rg_operand_grad(y, 0);
    double n;
    if (!gx)
        return;
    rg_tensor kept = F(keepdims_shape)(y, &n);
    struct rg__broadcast_iter it;
    rg__broadcast_begin(x, &kept, x, &it);
    while (rg__broadcast_next(&it)) /* constant steps, so that the loops are vectorised */
        if (it.step_b == 0)
            F(add_slopes)(r, 0, &it, y, n, gx);
        else
            F(add_slopes)(r, 1, &it, y, n, gx);
}

/* clang-format off */
#define RG_REDUCTION(id, formula, numpy, first_, initial, combine, term, finish, slope)            \
    static inline double F(term_of_##id)(double x, double first)                                   \
    {                                                                                              \
        (void)x, (void)first;                                                                      \
        return term;                                                                               \
    }                                                                                              \
    static inline double F(finish_of_##id)(struct rg__reduced r) { (void)r; return finish; }       \
    static inline real F(slope_of_##id)(real g, real x, real y, struct rg__reduced r)              \
    {                                                                                              \
        (void)g, (void)x, (void)y, (void)r;                                                        \
        return slope;                                                                              \
    }                                                                                              \
    static const struct F(reduction) F(reduction_##id) = {                                         \
        first_, initial, F(combine_##combine), F(term_of_##id), F(finish_of_##id),                 \
        F(slope_of_##id)};                                                                         \
    RG__KERNELS(id);                                                                               \
    void F(rg__##id##_forward)(rg_node *y) { F(reduce_forward)(y, &F(reduction_##id)); }           \
    void F(rg__##id##_backward)(rg_node *y) { F(reduce_backward)(y, &F(reduction_##id)); }
#include "autograd/reductions/reduce.def"
#undef RG_REDUCTION

#ifdef RG__ONCE
/* ---- The public functions, and the table's entries ---- */

#define RG_REDUCTION(id, formula, NUMPY, first_, initial, combine, term, finish, slope)            \
    rg_node *rg_##id(rg_graph *graph, rg_node *x, rg_axes axes)                                    \
    {                                                                                              \
        return RG__APPLY(id, graph, &axes, sizeof axes, x);                                        \
    }                                                                                              \
    static rg_node *id##_sample(rg_graph *graph, rg_node *const *x, void *user)                    \
    {                                                                                              \
        return rg_##id(graph, x[0], *(const rg_axes *)user);                                       \
    }                                                                                              \
    static const struct rg__sample id##_samples[] = {                                              \
        {"x (3,5), all axes", 1, {{2, {3, 5}, -2, 2, 0}}, .build = id##_sample,                    \
         .numpy = NUMPY "(x)", .user = &rg__sample_axes[0]},                                       \
        {"x (2,19), last axis", 1, {{2, {2, 19}, -2, 2, 0}}, .build = id##_sample,                 \
         .numpy = NUMPY "(x, axis=-1)", .user = &rg__sample_axes[1]},                              \
        {"x (2,3,2), middle axis", 1, {{3, {2, 3, 2}, -2, 2, 0}}, .build = id##_sample,            \
         .numpy = NUMPY "(x, axis=1)", .user = &rg__sample_axes[2]},                               \
        {"x (2,3,2), outer axes, kept", 1, {{3, {2, 3, 2}, -2, 2, 0}}, .build = id##_sample,       \
         .numpy = NUMPY "(x, axis=(0, 2), keepdims=True)", .user = &rg__sample_axes[3]},           \
        {"x (2,1), axis of extent 1", 1, {{2, {2, 1}, -2, 2, 0}}, .build = id##_sample,            \
         .numpy = NUMPY "(x, axis=-1)", .user = &rg__sample_axes[1]},                              \
        {"x scalar", 1, {{0, {0}, -2, 2, 0}}, .build = id##_sample,                                \
         .numpy = NUMPY "(x)", .user = &rg__sample_axes[0]},                                       \
        {"x (2,0,3), middle axis", 1, {{3, {2, 0, 3}, -2, 2, 0}}, .build = id##_sample,            \
         .user = &rg__sample_axes[2]},                                                             \
    };                                                                                             \
    RG__OPERATOR(id, formula, rg__reduce_rule, id##_samples);
#include "autograd/reductions/reduce.def"
#endif

/* reduce.h (internal; for files compiled twice): reductions over any set of axes.
 *
 * A reduction is the transpose of broadcasting: y with its reduced axes kept as extents of 1
 * broadcasts to the shape of x, and the walk over both says which x go into which y. What a
 * reduction adds to that is a few functions of one element (F(reduction) below):
 *
 *     y = finish(fold over the axes of term(x))          dL/dx += slope(dL/dy, x, y)
 *
 * Accumulators are double. A contiguous axis is folded in LANES accumulators that are joined in a
 * fixed order (tensor/lanes.h), so that the bits do not depend on the machine. */
#ifndef RG_AUTOGRAD_REDUCE_H
#define RG_AUTOGRAD_REDUCE_H

#include "autograd/op.h"
#include "tensor/broadcast.h"
#include "tensor/lanes.h"
#include "tensor/real.h"

/* What the elements that go into one y leave behind. */
struct rg__folded {
    double acc;   /* the accumulator */
    double pivot; /* the result of the first pass, where there is one */
    double n;     /* how many elements there are */
};

/* A reduction: the functions of one element, and a first pass over all of them whose result the
 * others may use (the maximum in logsumexp, the mean in a variance). */
struct F(reduction) {
    const struct F(reduction) * pivot;               /* the first pass; NULL: none */
    double initial;                                  /* of the accumulator */
    double (*fold)(double accumulator, double term); /* associative */
    double (*term)(double x, double pivot);
    double (*finish)(struct rg__folded folded);                      /* y */
    real (*slope)(real g, real x, real y, struct rg__folded folded); /* g dy/dx */
};

/* Functions that several reductions are made of. */
static inline double F(fold_sum)(double acc, double term)
{
    return acc + term;
}

static inline double F(fold_max)(double a, double b) /* a NaN stays */
{
    return a > b || isnan(a) ? a : b;
}

static inline double F(term_x)(double x, double pivot)
{
    (void)pivot;
    return x;
}

static inline double F(finish_acc)(struct rg__folded folded)
{
    return folded.acc;
}

/* The shape of y with its reduced axes as extents of 1, and the number of x that go into a y. */
static inline rg_tensor F(kept_shape)(const rg_node *y, double *n)
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

/* The fold of n neighbouring elements. */
INLINED double F(fold_run)(const struct F(reduction) * r, const real *x, int64_t n, double pivot)
{
    double acc[LANES];
    int64_t i = 0;
    for (int lane = 0; lane < LANES; lane++)
        acc[lane] = r->initial;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            acc[lane] = r->fold(acc[lane], r->term(ACC(x[i + lane]), pivot));
    for (int lane = 0; i < n; i++, lane++)
        acc[lane] = r->fold(acc[lane], r->term(ACC(x[i]), pivot));
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int lane = 0; lane < width; lane++)
            acc[lane] = r->fold(acc[lane], acc[lane + width]);
    return acc[0];
}

/* acc (count of y) = the fold of all of x. */
INLINED void F(fold_all)(const struct F(reduction) * r, const rg_tensor *tx, const rg_tensor *kept,
                         const double *pivot, double *acc)
{
    struct rg__broadcast_iter run;
    for (int64_t i = 0; i < rg__count(kept); i++)
        acc[i] = r->initial;
    rg__broadcast_begin(tx, kept, tx, &run);
    while (rg__broadcast_next(&run)) {
        const real *x = (const real *)tx->data + run.a;
        double *to = acc + run.b;
        const double *p = pivot ? pivot + run.b : NULL;
        if (run.step_b == 0)
            *to = r->fold(*to, F(fold_run)(r, x, run.length, p ? *p : 0));
        else
            for (int64_t i = 0; i < run.length; i++)
                to[i] = r->fold(to[i], r->term(ACC(x[i]), p ? p[i] : 0));
    }
}

/* The accumulators of y, and behind them, where there is a first pass, its results. */
INLINED struct rg__folded F(folded)(const struct F(reduction) * r, const double *acc, int64_t count,
                                    int64_t i, double n)
{
    return (struct rg__folded){acc[i], r->pivot ? acc[count + i] : 0, n};
}

INLINED void F(reduce_forward)(rg_node *y, const struct F(reduction) * r)
{
    const rg_tensor *x = rg_operand(y, 0);
    real *out = rg_output_data(y);
    double n;
    int64_t count = rg__count(rg_node_value(y));
    rg_tensor kept = F(kept_shape)(y, &n);
    size_t size = (size_t)count * (r->pivot ? 2 : 1) * sizeof(double);
    double *acc = rg_graph_alloc(rg_node_graph(y), size), *pivot = NULL;
    if (!acc)
        return;
    if (r->pivot) {
        pivot = acc + count;
        F(fold_all)(r->pivot, x, &kept, NULL, pivot);
        for (int64_t i = 0; i < count; i++)
            pivot[i] = r->pivot->finish((struct rg__folded){pivot[i], 0, n});
    }
    F(fold_all)(r, x, &kept, pivot, acc);
    for (int64_t i = 0; i < count; i++)
        out[i] = (real)r->finish(F(folded)(r, acc, count, i, n));
    rg_set_saved(y, acc);
}

INLINED void F(run_slopes)(const struct F(reduction) * r, int64_t step,
                           const struct rg__broadcast_iter *run, rg_node *y, double n, real *gx)
{
    const real *x = (const real *)rg_operand(y, 0)->data + run->a, *g = rg_output_grad(y);
    const real *out = rg_output_data(y);
    const double *acc = rg_saved(y);
    int64_t count = rg__count(rg_node_value(y));
    for (int64_t i = 0; i < run->length; i++) {
        int64_t at = run->b + i * step;
        gx[run->a + i] += r->slope(g[at], x[i], out[at], F(folded)(r, acc, count, at, n));
    }
}

INLINED void F(reduce_backward)(rg_node *y, const struct F(reduction) * r)
{
    const rg_tensor *x = rg_operand(y, 0);
    real *gx = rg_operand_grad(y, 0);
    double n;
    if (!gx)
        return;
    rg_tensor kept = F(kept_shape)(y, &n);
    struct rg__broadcast_iter run;
    rg__broadcast_begin(x, &kept, x, &run);
    while (rg__broadcast_next(&run)) /* with constant steps the loops become vector code */
        if (run.step_b == 0)
            F(run_slopes)(r, 0, &run, y, n, gx);
        else
            F(run_slopes)(r, 1, &run, y, n, gx);
}

/* clang-format off */
/* The kernels of operator `id`, and (once) its samples and public function; NUMPY is the same
 * function in Python, low and high the range of the samples. */
#define RG__REDUCTION(id, reduction)                                                               \
    RG__KERNELS(id);                                                                               \
    void F(rg__##id##_forward)(rg_node *y) { F(reduce_forward)(y, &(reduction)); }                 \
    void F(rg__##id##_backward)(rg_node *y) { F(reduce_backward)(y, &(reduction)); }

#ifdef RG__ONCE
#define RG__REDUCTION_ENTRY(id, formula, NUMPY, low, high)                                         \
    static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)                          \
    {                                                                                              \
        return rg_##id(graph, x[0], *(const rg_axes *)user);                                       \
    }                                                                                              \
    static const struct rg__sample samples[] = {                                                   \
        {"x (3,5), all axes", 1, {{2, {3, 5}, low, high, 0}}, .build = build,                      \
         .numpy = NUMPY "(x)", .user = &rg__sample_axes[0]},                                       \
        {"x (2,19), last axis", 1, {{2, {2, 19}, low, high, 0}}, .build = build,                   \
         .numpy = NUMPY "(x, axis=-1)", .user = &rg__sample_axes[1]},                              \
        {"x (2,3,2), middle axis", 1, {{3, {2, 3, 2}, low, high, 0}}, .build = build,              \
         .numpy = NUMPY "(x, axis=1)", .user = &rg__sample_axes[2]},                               \
        {"x (2,3,2), outer axes, kept", 1, {{3, {2, 3, 2}, low, high, 0}}, .build = build,         \
         .numpy = NUMPY "(x, axis=(0, 2), keepdims=True)", .user = &rg__sample_axes[3]},           \
        {"x (2,1), axis of extent 1", 1, {{2, {2, 1}, low, high, 0}}, .build = build,              \
         .numpy = NUMPY "(x, axis=-1)", .user = &rg__sample_axes[1]},                              \
        {"x scalar", 1, {{0, {0}, low, high, 0}}, .build = build,                                  \
         .numpy = NUMPY "(x)", .user = &rg__sample_axes[0]},                                       \
        {"x (2,0,3), middle axis", 1, {{3, {2, 0, 3}, low, high, 0}}, .build = build,              \
         .user = &rg__sample_axes[2]},                                                             \
    };                                                                                             \
    RG__OPERATOR(id, formula, rg__reduce_rule, samples);                                           \
    rg_node *rg_##id(rg_graph *graph, rg_node *x, rg_axes axes)                                    \
    {                                                                                              \
        return RG__APPLY(id, graph, &axes, sizeof axes, x);                                        \
    }
#endif
/* clang-format on */

#endif

/* reduce.c (compiled twice): reductions over any set of axes, made from reduce.def.
 *
 * A reduction is the transpose of broadcasting: with its reduced axes kept as extents of 1, the
 * shape of y broadcasts to that of x, and iterating over both gives the elements x that belong to
 * each y. A reduction itself is a few functions of one element (F(reduction) below):
 *
 *     y = finish(combine over the axes(term(x)))          dL/dx += slope(dL/dy, x, y)
 *
 * With lists, the rows of each list are reduced on their own (F(part) below).
 *
 * Accumulators are double. A contiguous axis is reduced in LANES accumulators that are then
 * combined in a fixed order (tensor/lanes.h), so that the bits do not depend on the machine. */
#include "autograd/reductions/reduce.h"

#include "tensor/broadcast.h"
#include "tensor/lanes.h"
#include "tensor/real.h"

/* The reduced elements of one y. */
struct rg__reduced {
    double acc;   /* the accumulator */
    double first; /* the result of the first pass, if there is one */
    double n;     /* the number of elements */
    double c;     /* the constant of the call */
};

/* The functions that define a reduction. They may use the result of a first pass over the elements
 * (the maximum in logsumexp, the mean in a variance). */
struct F(reduction) {
    const struct F(reduction) * first_pass;             /* NULL: none */
    double initial;                                     /* of the accumulator */
    double (*combine)(double accumulator, double term); /* associative */
    double (*term)(double x, double first, double c);
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

static inline double F(combine_min)(double a, double b)
{
    return a < b || isnan(a) ? a : b;
}

static inline double F(combine_prod)(double acc, double term)
{
    return acc * term;
}

static inline double F(term_x)(double x, double first, double c)
{
    (void)first, (void)c;
    return x;
}

static inline double F(term_magnitude)(double x, double first, double c)
{
    (void)first, (void)c;
    return fabs(x);
}

static inline double F(term_is_zero)(double x, double first, double c)
{
    (void)first, (void)c;
    return x == 0;
}

static inline double F(finish_acc)(struct rg__reduced reduced)
{
    return reduced.acc;
}

static inline double F(finish_mean)(struct rg__reduced reduced)
{
    return reduced.acc / reduced.n;
}

/* 0 instead of an infinite accumulator, because inf - inf is NaN. */
static inline double F(finish_finite)(struct rg__reduced reduced)
{
    return isinf(reduced.acc) ? 0 : reduced.acc;
}

static const struct F(reduction)
    F(maximum) = {NULL, -HUGE_VAL, F(combine_max), F(term_x), F(finish_acc), NULL};
static const struct F(reduction)
    F(minimum) = {NULL, HUGE_VAL, F(combine_min), F(term_x), F(finish_acc), NULL};
static const struct F(reduction)
    F(magnitude) = {NULL, 0, F(combine_max), F(term_magnitude), F(finish_acc), NULL};
static const struct F(reduction)
    F(zeros) = {NULL, 0, F(combine_sum), F(term_is_zero), F(finish_acc), NULL};
static const struct F(reduction)
    F(average) = {NULL, 0, F(combine_sum), F(term_x), F(finish_mean), NULL};
static const struct F(reduction)
    F(finite_maximum) = {NULL, -HUGE_VAL, F(combine_max), F(term_x), F(finish_finite), NULL};

/* The term of a norm, (|x| / largest)^p: within [0, 1], so that no power overflows. */
static inline double F(norm_term)(double x, double largest, double p)
{
    if (largest == 0)
        return 0;
    double t = isinf(largest) ? isinf(x) : fabs(x) / largest;
    return p == 1 ? t : p == 2 ? t * t : pow(t, p);
}

static inline real F(norm_slope)(real g, real x, real y, double p)
{
    real sign = x > 0 ? 1 : x < 0 ? -1 : 0;
    if (y == 0 || p == 1)
        return g * sign;
    return g * sign * (real)pow(fabs((double)x) / (double)y, p - 1);
}

/* ---- Loops ---- */

/* What is reduced on its own: all of x, or the rows of one list. */
struct F(part) {
    rg_tensor x;
    rg_tensor kept; /* the shape of its y with the reduced axes as extents of 1 */
    double n;       /* elements per y */
    double c;       /* the constant of the call */
    int64_t from;   /* index of its first element in x */
    int64_t to;     /* index of its first element in y */
};

static inline int64_t F(n_parts)(const rg_node *y)
{
    const struct rg__reduction_call *call = rg_attributes(y);
    return call->lists.offsets ? call->lists.n_lists : 1;
}

static inline struct F(part) F(part_at)(const rg_node *y, int64_t q)
{
    const struct rg__reduction_call *call = rg_attributes(y);
    const int64_t *offsets = call->lists.offsets;
    struct F(part) part = {.x = *rg_operand(y, 0), .n = 1, .c = call->c};
    if (offsets) {
        int64_t width = part.x.ndim == 2 ? part.x.dims[1] : 1;
        part.from = offsets[q] * width;
        part.to = q * width;
        part.x.data = (real *)part.x.data + part.from;
        part.x.dims[0] = offsets[q + 1] - offsets[q];
    }
    part.kept = part.x;
    for (int i = 0; i < part.x.ndim; i++)
        if (rg__is_reduced(&call->axes, part.x.ndim, i)) {
            part.n *= (double)part.x.dims[i];
            part.kept.dims[i] = 1;
        }
    return part;
}

/* Combines n adjacent elements. */
INLINED double F(combine_run)(const struct F(reduction) * r, const real *x, int64_t n, double first,
                              double c)
{
    double acc[LANES];
    int64_t i = 0;
    for (int lane = 0; lane < LANES; lane++)
        acc[lane] = r->initial;
    for (; i + LANES <= n; i += LANES)
        for (int lane = 0; lane < LANES; lane++)
            acc[lane] = r->combine(acc[lane], r->term(ACC(x[i + lane]), first, c));
    for (int lane = 0; i < n; i++, lane++)
        acc[lane] = r->combine(acc[lane], r->term(ACC(x[i]), first, c));
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int lane = 0; lane < width; lane++)
            acc[lane] = r->combine(acc[lane], acc[lane + width]);
    return acc[0];
}

/* Reduces a part: acc[i] is the accumulator of y[i], first[i] (if not NULL) its first result. */
INLINED void F(combine_all)(const struct F(reduction) * r, const struct F(part) * part,
                            const double *first, double *acc)
{
    struct rg__broadcast_iter it;
    for (int64_t i = 0; i < rg__count(&part->kept); i++)
        acc[i] = r->initial;
    rg__broadcast_begin(&part->x, &part->kept, &part->x, &it);
    while (rg__broadcast_next(&it)) {
        const real *x = (const real *)part->x.data + it.a;
        double *to = acc + it.b;
        const double *p = first ? first + it.b : NULL;
        if (it.step_b == 0)
            *to = r->combine(*to, F(combine_run)(r, x, it.length, p ? *p : 0, part->c));
        else
            for (int64_t i = 0; i < it.length; i++)
                to[i] = r->combine(to[i], r->term(ACC(x[i]), p ? p[i] : 0, part->c));
    }
}

/* The reduced elements of y[i], of a part. `acc` has the accumulators of the `count` elements of y
 * and, if there is a first pass, after them its results. */
INLINED struct rg__reduced F(reduced)(const struct F(reduction) * r, const double *acc,
                                      int64_t count, int64_t i, const struct F(part) * part)
{
    return (struct rg__reduced){acc[i], r->first_pass ? acc[count + i] : 0, part->n, part->c};
}

INLINED void F(reduce_forward)(rg_node *y, const struct F(reduction) * r)
{
    real *out = rg_output_data(y);
    int64_t count = rg__count(rg_node_value(y)), n_parts = F(n_parts)(y);
    size_t size = (size_t)count * (r->first_pass ? 2 : 1) * sizeof(double);
    double *acc = rg_graph_alloc(rg_node_graph(y), size);
    for (int64_t q = 0; acc && q < n_parts; q++) {
        struct F(part) part = F(part_at)(y, q);
        int64_t end = part.to + rg__count(&part.kept);
        double *first = r->first_pass ? acc + count : NULL;
        if (first) {
            F(combine_all)(r->first_pass, &part, NULL, first + part.to);
            for (int64_t i = part.to; i < end; i++)
                first[i] = r->first_pass->finish((struct rg__reduced){first[i], 0, part.n, part.c});
        }
        F(combine_all)(r, &part, first ? first + part.to : NULL, acc + part.to);
        for (int64_t i = part.to; i < end; i++)
            out[i] = (real)r->finish(F(reduced)(r, acc, count, i, &part));
    }
    rg_set_saved(y, acc);
}

INLINED void F(add_slopes)(const struct F(reduction) * r, int64_t step,
                           const struct rg__broadcast_iter *it, rg_node *y,
                           const struct F(part) * part, real *gx)
{
    const real *x = (const real *)part->x.data + it->a, *g = rg_output_grad(y);
    const real *out = rg_output_data(y);
    const double *acc = rg_saved(y);
    int64_t count = rg__count(rg_node_value(y));
    for (int64_t i = 0; i < it->length; i++) {
        int64_t at = part->to + it->b + i * step;
        gx[it->a + i] += r->slope(g[at], x[i], out[at], F(reduced)(r, acc, count, at, part));
    }
}

INLINED void F(reduce_backward)(rg_node *y, const struct F(reduction) * r)
{
    real *gx = rg_operand_grad(y, 0);
    int64_t n_parts = gx ? F(n_parts)(y) : 0;
    for (int64_t q = 0; q < n_parts; q++) {
        struct F(part) part = F(part_at)(y, q);
        struct rg__broadcast_iter it;
        rg__broadcast_begin(&part.x, &part.kept, &part.x, &it);
        while (rg__broadcast_next(&it)) /* constant steps, so that the loops are vectorised */
            if (it.step_b == 0)
                F(add_slopes)(r, 0, &it, y, &part, gx + part.from);
            else
                F(add_slopes)(r, 1, &it, y, &part, gx + part.from);
    }
}

/* clang-format off */
#define RG__LOOPS(id, first_, initial, combine, term, finish, slope)                               \
    static inline double F(term_of_##id)(double x, double first, double c)                         \
    {                                                                                              \
        (void)x, (void)first, (void)c;                                                             \
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
#define RG_REDUCTION(id, formula, numpy, first, initial, combine, term, finish, slope)             \
    RG__LOOPS(id, first, initial, combine, term, finish, slope)
#define RG_REDUCTION_1(id, formula, numpy, first, initial, combine, term, finish, slope, c, one)   \
    RG__LOOPS(id, first, initial, combine, term, finish, slope)
#include "autograd/reductions/reduce.def"
#undef RG_REDUCTION
#undef RG_REDUCTION_1

#ifdef RG__ONCE
/* ---- The public functions, and the table's entries ---- */

static rg_node *apply(rg_graph *graph, const struct rg__builtin *b, rg_node *x, rg_axes axes,
                      double c)
{
    struct rg__reduction_call call = {.axes = axes, .c = c};
    return rg_apply(graph, &b->op, &x, 1, &call, sizeof call);
}

/* `call` is the public function with x[0] and *axes; WITH ends the arguments of NUMPY. `one` is why
 * a reduction of one element has no gradient, or NULL. */
#define RG__ENTRY(id, formula, NUMPY, WITH, one, call)                                             \
    static rg_node *id##_sample(rg_graph *graph, rg_node *const *x, void *user)                    \
    {                                                                                              \
        const rg_axes *axes = user;                                                                \
        return call;                                                                               \
    }                                                                                              \
    static const struct rg__sample id##_samples[] = {                                              \
        {"x (3,5), all axes", 1, {{2, {3, 5}, -2, 2, 0}}, .build = id##_sample,                    \
         .numpy = NUMPY "(x" WITH, .user = &rg__sample_axes[0]},                                   \
        {"x (2,19), last axis", 1, {{2, {2, 19}, -2, 2, 0}}, .build = id##_sample,                 \
         .numpy = NUMPY "(x, axis=-1" WITH, .user = &rg__sample_axes[1]},                          \
        {"x (2,3,2), middle axis", 1, {{3, {2, 3, 2}, -2, 2, 0}}, .build = id##_sample,            \
         .numpy = NUMPY "(x, axis=1" WITH, .user = &rg__sample_axes[2]},                           \
        {"x (2,3,2), outer axes, kept", 1, {{3, {2, 3, 2}, -2, 2, 0}}, .build = id##_sample,       \
         .numpy = NUMPY "(x, axis=(0, 2), keepdims=True" WITH, .user = &rg__sample_axes[3]},       \
        {"x (2,1), axis of extent 1", 1, {{2, {2, 1}, -2, 2, 0}}, .build = id##_sample,            \
         .numpy = NUMPY "(x, axis=-1" WITH, .user = &rg__sample_axes[1], .zero_because = one},     \
        {"x scalar", 1, {{0, {0}, -2, 2, 0}}, .build = id##_sample,                                \
         .numpy = NUMPY "(x" WITH, .user = &rg__sample_axes[0], .zero_because = one},              \
        {"x (2,0,3), middle axis", 1, {{3, {2, 0, 3}, -2, 2, 0}}, .build = id##_sample,            \
         .user = &rg__sample_axes[2]},                                                             \
    };                                                                                             \
    RG__OPERATOR(id, formula, rg__reduce_rule, id##_samples);

#define RG_REDUCTION(id, formula, NUMPY, first_, initial, combine, term, finish, slope)            \
    rg_node *rg_##id(rg_graph *graph, rg_node *x, rg_axes axes)                                    \
    {                                                                                              \
        return apply(graph, &rg__builtin_##id, x, axes, 0);                                        \
    }                                                                                              \
    RG__ENTRY(id, formula, NUMPY, ")", NULL, rg_##id(graph, x[0], *axes))

#define RG_REDUCTION_1(id, formula, NUMPY, first_, initial, combine, term, finish, slope, c_, one) \
    rg_node *rg_##id(rg_graph *graph, rg_node *x, rg_axes axes, double c)                          \
    {                                                                                              \
        return apply(graph, &rg__builtin_##id, x, axes, c);                                        \
    }                                                                                              \
    RG__ENTRY(id, formula, NUMPY, ", c=" #c_ ")", one, rg_##id(graph, x[0], *axes, c_))

#include "autograd/reductions/reduce.def"
#endif

/* unary.c (compiled twice): the element-wise operators of one operand, made from unary.def.
 *
 *     y_i = value(x_i)        dL/dx_i += dL/dy_i slope(x_i, y_i)
 *
 * Each row becomes rg__NAME_forward, rg__NAME_backward, rg_NAME and the samples that the tests of
 * all operators use. */
#include "autograd/op.h"
#include "tensor/real.h"

/* ---- Functions for rows that need more than one expression ---- */

/* Uses exp(-|x|), which cannot overflow. */
static inline real F(sigmoid)(real x)
{
    real e = M(exp)(-M(fabs)(x));
    return (x < 0 ? e : 1) / (1 + e);
}

/* e / (1 + e)^2 with e = exp(-|x|): y (1 - y) would be 0 where y rounds to 1. */
static inline real F(sigmoid_slope)(real x)
{
    real e = M(exp)(-M(fabs)(x));
    return e / ((1 + e) * (1 + e));
}

/* 1 / cosh^2 x: 1 - y^2 would be 0 where y rounds to 1. */
static inline real F(tanh_slope)(real x)
{
    real c = M(cosh)(x);
    return 1 / c / c;
}

/* ---- Loops ---- */

typedef real F(unary)(real x, real y, real c, real d);

/* The constants of the call. */
struct constants {
    double c, d;
};

INLINED void F(unary_forward)(rg_node *y, F(unary) * value)
{
    const struct constants *own = rg_attributes(y);
    real c = (real)own->c, d = (real)own->d, *out = rg_output_data(y);
    const real *x = rg_operand(y, 0)->data;
    int64_t n = rg__count(rg_node_value(y));
    for (int64_t i = 0; i < n; i++)
        out[i] = value(x[i], 0, c, d);
}

INLINED void F(unary_backward)(rg_node *y, F(unary) * slope)
{
    const struct constants *own = rg_attributes(y);
    real c = (real)own->c, d = (real)own->d, *gx = rg_operand_grad(y, 0);
    const real *x = rg_operand(y, 0)->data, *out = rg_output_data(y), *g = rg_output_grad(y);
    int64_t n = gx ? rg__count(rg_node_value(y)) : 0;
    for (int64_t i = 0; i < n; i++)
        gx[i] += g[i] * slope(x[i], out[i], c, d);
}

/* clang-format off */
#define RG_UNARY(id, formula, numpy, value, slope, ...)                                            \
    static inline real F(value_of_##id)(real x, real y, real c, real d)                            \
    {                                                                                              \
        (void)x, (void)y, (void)c, (void)d;                                                        \
        return value;                                                                              \
    }                                                                                              \
    static inline real F(slope_of_##id)(real x, real y, real c, real d)                            \
    {                                                                                              \
        (void)x, (void)y, (void)c, (void)d;                                                        \
        return slope;                                                                              \
    }                                                                                              \
    RG__KERNELS(id);                                                                               \
    void F(rg__##id##_forward)(rg_node *y) { F(unary_forward)(y, F(value_of_##id)); }              \
    void F(rg__##id##_backward)(rg_node *y) { F(unary_backward)(y, F(slope_of_##id)); }
#define RG_UNARY_1 RG_UNARY
#define RG_UNARY_2 RG_UNARY
#include "autograd/elementwise/unary.def"
#undef RG_UNARY
#undef RG_UNARY_1
#undef RG_UNARY_2

#ifdef RG__ONCE
/* ---- Public functions and samples ---- */

static rg_node *apply(rg_graph *graph, const struct rg__builtin *b, rg_node *x, double c, double d)
{
    struct constants own = {c, d};
    return rg_apply(graph, &b->op, &x, 1, &own, sizeof own);
}

/* The samples of an operator, which `call`s its public function with x[0], and its table entry. */
#define RG__ENTRY(id, formula_, numpy_, low, high, gap, call)                                      \
    static rg_node *id##_sample(rg_graph *graph, rg_node *const *x, void *user)                    \
    {                                                                                              \
        (void)user;                                                                                \
        return call;                                                                               \
    }                                                                                              \
    static const struct rg__sample id##_samples[] = {                                              \
        {"x (2,3)", 1, {{2, {2, 3}, low, high, gap}}, .build = id##_sample, .numpy = numpy_},      \
        {"x scalar", 1, {{0, {0}, (high) / 2.0, high, gap}},                                       \
         .build = id##_sample, .numpy = numpy_},                                                   \
        {"x (1,3,1)", 1, {{3, {1, 3, 1}, low, high, gap}}, .build = id##_sample, .numpy = numpy_}, \
        {"x (2,0)", 1, {{2, {2, 0}, low, high, gap}}, .build = id##_sample, .numpy = numpy_},      \
    };                                                                                             \
    RG__OPERATOR(id, formula_, NULL, id##_samples);

#define RG_UNARY(id, formula, numpy, value, slope, low, high, gap)                                 \
    rg_node *rg_##id(rg_graph *graph, rg_node *x)                                                  \
    {                                                                                              \
        return apply(graph, &rg__builtin_##id, x, 0, 0);                                           \
    }                                                                                              \
    RG__ENTRY(id, formula, numpy, low, high, gap, rg_##id(graph, x[0]))

#define RG_UNARY_1(id, formula, numpy, value, slope, low, high, gap, c_)                           \
    rg_node *rg_##id(rg_graph *graph, rg_node *x, double c)                                        \
    {                                                                                              \
        return apply(graph, &rg__builtin_##id, x, c, 0);                                           \
    }                                                                                              \
    RG__ENTRY(id, formula, "(lambda c: " numpy ")(" #c_ ")", low, high, gap,                       \
              rg_##id(graph, x[0], c_))

#define RG_UNARY_2(id, formula, numpy, value, slope, low, high, gap, c_, d_)                       \
    rg_node *rg_##id(rg_graph *graph, rg_node *x, double c, double d)                              \
    {                                                                                              \
        return apply(graph, &rg__builtin_##id, x, c, d);                                           \
    }                                                                                              \
    RG__ENTRY(id, formula, "(lambda c, d: " numpy ")(" #c_ ", " #d_ ")", low, high, gap,           \
              rg_##id(graph, x[0], c_, d_))

#include "autograd/elementwise/unary.def"
#endif

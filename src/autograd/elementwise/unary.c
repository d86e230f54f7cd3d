/* unary.c (compiled twice): the element-wise operators of one operand, made from unary.def.
 *
 *     y_i = value(x_i)        dL/dx_i += dL/dy_i slope(x_i, y_i)
 *
 * Each row becomes rg__NAME_forward, rg__NAME_backward, rg_NAME and the samples that the tests of
 * all operators use. */
#include "autograd/elementwise/functions.h"
#include "autograd/op.h"

/* ---- Functions for rows that need more than one expression ---- */

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

/* -1, 0 or 1, or NaN. */
static inline real F(sign)(real x)
{
    return x > 0 ? 1 : x < 0 ? -1 : x * 0;
}

/* The smaller of high and the larger of low and x; NaN stays NaN. */
static inline real F(clip)(real x, real low, real high)
{
    real above = x < low ? low : x;
    return above > high ? high : above;
}

/* x p, and 0 where p is 0: the limit at infinity of functions that fall faster than x grows. */
static inline real F(times)(real x, real p)
{
    return p == 0 ? 0 : x * p;
}

/* The standard normal distribution and its density. */
static inline real F(normal)(real x)
{
    return (real)0.5 * M(erfc)(x * (real)-0.70710678118654752440); /* 1 / sqrt 2 */
}

static inline real F(density)(real x)
{
    return (real)0.39894228040143267794 * M(exp)((real)-0.5 * x * x); /* 1 / sqrt(2 pi) */
}

static const real F(SELU_SCALE) = (real)1.05070098735548049342;
static const real F(SELU_ALPHA) = (real)1.67326324235437728482;

/* u of gelu_tanh; (1 + tanh u) / 2 is sigmoid(2 u). */
static inline real F(gelu_inner)(real x)
{
    return (real)0.79788456080286535588 * x * (1 + (real)0.044715 * x * x); /* sqrt(2 / pi) */
}

static inline real F(gelu_tanh_slope)(real x)
{
    real u = F(gelu_inner)(x), p = F(sigmoid_slope)(2 * u);
    real du = (real)0.79788456080286535588 * (1 + (real)0.134145 * x * x);
    return F(sigmoid)(2 * u) + F(times)(2 * x * du, p);
}

/* With t = tanh(softplus x): t + x (1 - t^2) sigmoid(x). */
static inline real F(mish_slope)(real x)
{
    real s = F(softplus)(x);
    return M(tanh)(s) + F(times)(x, F(tanh_slope)(s) * F(sigmoid)(x));
}

/* c x^(c - 1), 0 for c = 0 even where x^-1 is infinite. */
static inline real F(pow_slope)(real x, real c)
{
    return c == 0 ? 0 : c * M(pow)(x, c - 1);
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
#define RG__VALUE(id, value)                                                                       \
    static inline real F(value_of_##id)(real x, real y, real c, real d)                            \
    {                                                                                              \
        (void)x, (void)y, (void)c, (void)d;                                                        \
        return value;                                                                              \
    }

#define RG_UNARY(id, formula, numpy, value, slope, ...)                                            \
    RG__VALUE(id, value)                                                                           \
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
#define RG_UNARY_FLAT(id, formula, numpy, value, reason)                                           \
    RG__VALUE(id, value)                                                                           \
    extern const struct rg__builtin rg__builtin_##id;                                              \
    void F(rg__##id##_forward)(rg_node *y);                                                        \
    void F(rg__##id##_forward)(rg_node *y) { F(unary_forward)(y, F(value_of_##id)); }
#include "autograd/elementwise/unary.def"
#undef RG_UNARY
#undef RG_UNARY_1
#undef RG_UNARY_2
#undef RG_UNARY_FLAT

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

/* The sample multiplies by x, because the gradient check needs something to differentiate. */
#define RG_UNARY_FLAT(id, formula_, numpy_, value, reason)                                         \
    void rg__##id##_forward_f32(rg_node *y);                                                       \
    rg_node *rg_##id(rg_graph *graph, rg_node *x)                                                  \
    {                                                                                              \
        return apply(graph, &rg__builtin_##id, x, 0, 0);                                           \
    }                                                                                              \
    static rg_node *id##_sample(rg_graph *graph, rg_node *const *x, void *user)                    \
    {                                                                                              \
        (void)user;                                                                                \
        return rg_mul(graph, x[0], rg_##id(graph, rg_detach(graph, x[0])));                        \
    }                                                                                              \
    static const struct rg__sample id##_samples[] = {                                              \
        {"x (2,3)", 1, {{2, {2, 3}, -2, 2, 0.1}}, .build = id##_sample,                            \
         .numpy = "x * " numpy_},                                                                  \
    };                                                                                             \
    const struct rg__builtin rg__builtin_##id = {                                                  \
        {.name = #id,                                                                              \
         .forward = {[RG_F32] = rg__##id##_forward_f32, [RG_F64] = rg__##id##_forward_f64},        \
         .no_backward = reason},                                                                   \
        formula_, id##_samples, RG__COUNT(id##_samples)};

#include "autograd/elementwise/unary.def"
#endif

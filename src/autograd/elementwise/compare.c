/* compare.c (compiled twice): comparisons and logical operators, made from compare.def.
 *
 *     y_i = value(a_i, b_i), a bool */
#include "autograd/op.h"
#include "tensor/broadcast.h"
#include "tensor/real.h"

typedef bool F(comparison)(real a, real b);

INLINED void F(compare_forward)(rg_node *y, F(comparison) * value)
{
    const rg_tensor *ta = rg_operand(y, 0), *tb = rg_operand(y, 1);
    uint8_t *out = rg_output_data(y);
    struct rg__broadcast_iter it;
    rg__broadcast_begin(ta, tb, rg_node_value(y), &it);
    while (rg__broadcast_next(&it)) {
        const real *a = (const real *)ta->data + it.a, *b = (const real *)tb->data + it.b;
        for (int64_t i = 0; i < it.length; i++)
            out[it.y + i] = value(a[i * it.step_a], b[i * it.step_b]);
    }
}

/* clang-format off */
#define RG_COMPARE(id, formula, numpy, value)                                                      \
    static inline bool F(value_of_##id)(real a, real b) { return value; }                          \
    void F(rg__##id##_forward)(rg_node *y);                                                        \
    void F(rg__##id##_forward)(rg_node *y) { F(compare_forward)(y, F(value_of_##id)); }
#define RG_LOGICAL(id, formula, numpy, value)
#include "autograd/elementwise/compare.def"
#undef RG_COMPARE
#undef RG_LOGICAL

#ifdef RG__ONCE
/* ---- Compiled once: logical operators, public functions and samples ---- */

static bool shape(rg_node *y)
{
    if (!rg__broadcast_rule(y))
        return false;
    rg_tensor found = *rg_node_value(y);
    rg_set_shape(y, RG_BOOL, found.ndim, found.dims);
    return true;
}

INLINED void logical_forward(rg_node *y, bool (*value)(bool a, bool b))
{
    const rg_tensor *ta = rg_operand(y, 0), *tb = rg_operand(y, 1);
    uint8_t *out = rg_output_data(y);
    struct rg__broadcast_iter it;
    rg__broadcast_begin(ta, tb, rg_node_value(y), &it);
    while (rg__broadcast_next(&it)) {
        const uint8_t *a = (const uint8_t *)ta->data + it.a;
        const uint8_t *b = (const uint8_t *)tb->data + it.b;
        for (int64_t i = 0; i < it.length; i++)
            out[it.y + i] = value(a[i * it.step_a] != 0, b[i * it.step_b] != 0);
    }
}

/* x plus 0, 1 and -1, so that it is equal to, greater and less than x. */
static rg_node *shifted(rg_graph *graph, rg_node *x)
{
    double shifts[] = {0, 1, -1};
    const rg_tensor shift = {RG_F64, 1, {3}, shifts};
    return rg_add(graph, x, rg_cast(graph, rg_constant(graph, &shift), rg_node_value(x)->dtype));
}

#define NO_BACKWARD "the derivative of a comparison is 0 wherever it exists"

/* The public function, a sample, and the table entry. The sample is x where `condition` is true,
 * else 0, because the gradient check needs something to differentiate. Last: the kernels. */
#define RG__ENTRY(id, formula_, numpy_, condition, ...)                                            \
    rg_node *rg_##id(rg_graph *graph, rg_node *a, rg_node *b)                                      \
    {                                                                                              \
        return RG__APPLY(id, graph, NULL, 0, a, b);                                                \
    }                                                                                              \
    static rg_node *id##_sample(rg_graph *graph, rg_node *const *x, void *user)                    \
    {                                                                                              \
        (void)user;                                                                                \
        return rg_mul(graph, x[0], rg_cast(graph, condition, rg_node_value(x[0])->dtype));         \
    }                                                                                              \
    static const struct rg__sample id##_samples[] = {                                              \
        {"x (2,3)", 1, {{2, {2, 3}, -2, 2, 0.1}}, .build = id##_sample, .numpy = numpy_},          \
    };                                                                                             \
    const struct rg__builtin rg__builtin_##id = {                                                  \
        {.name = #id, .shape = shape, .forward = __VA_ARGS__, .no_backward = NO_BACKWARD},         \
        formula_, id##_samples, RG__COUNT(id##_samples)};

#define RG_COMPARE(id, formula, numpy, value)                                                      \
    extern const struct rg__builtin rg__builtin_##id;                                              \
    void rg__##id##_forward_f32(rg_node *y);                                                       \
    RG__ENTRY(id, formula, "(lambda b: a * (" numpy "))(a + np.array([0, 1, -1]))",                \
              rg_##id(graph, x[0], shifted(graph, x[0])),                                          \
              {[RG_F32] = rg__##id##_forward_f32, [RG_F64] = rg__##id##_forward_f64})

/* The sample's conditions are x > 0 and x < 1. */
#define RG_LOGICAL(id, formula, numpy, value)                                                      \
    extern const struct rg__builtin rg__builtin_##id;                                              \
    static inline bool value_of_##id(bool a, bool b) { return value; }                             \
    static void id##_forward(rg_node *y) { logical_forward(y, value_of_##id); }                    \
    RG__ENTRY(id, formula, "x * (lambda a, b: " numpy ")(x > 0, x < 1)",                           \
              rg_##id(graph, rg_greater(graph, x[0], rg_scale(graph, x[0], 0)),                    \
                      rg_less(graph, x[0], rg_exp(graph, rg_scale(graph, x[0], 0)))),              \
              {[RG_BOOL] = id##_forward})

#include "autograd/elementwise/compare.def"
#endif

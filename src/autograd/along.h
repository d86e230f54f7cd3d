/* along.h (internal): operators that turn the elements along one axis, or those of each list, into
 * as many others, such as softmax and cumulative sums.
 *
 * x is (outer, n, inner), and a run is n elements that are `inner` apart. With lists, x is
 * (N, inner), and the runs of list q are the columns of its rows. Where inner is not 1, a run is
 * copied to memory in which its elements are adjacent, so that the functions of one run see arrays
 * only. */
#ifndef RG_AUTOGRAD_ALONG_H
#define RG_AUTOGRAD_ALONG_H

#include "autograd/op.h"
#include "autograd/segments/segments.h"

#ifdef RG_REAL
#include "tensor/real.h"
#endif

/* The attributes. Those of argmax and argsort only begin with the axis. */
struct rg__along_call {
    int axis;
    double c;                  /* the constant of an operator that has one */
    struct rg__segments lists; /* if it has offsets, the runs are those of the lists */
};

/* The shape rules: x has the axis, and x (N) or (N,F) fits the lists; y has the shape of x. */
bool rg__along_rule(rg_node *y);
bool rg__along_lists_rule(rg_node *y);

/* Applies an operator along an axis. */
rg_node *rg__apply_along(rg_graph *graph, const struct rg__builtin *b, rg_node *x, int axis);

/* Applies an operator to each list, with a constant. */
rg_node *rg__apply_to_lists(rg_graph *graph, const struct rg__builtin *b, rg_node *x,
                            const int64_t *offsets, int64_t n_lists, double c);

struct rg__along {
    int64_t outer, n, inner; /* n: with lists the length of the longest */
    const int64_t *offsets;  /* (outer + 1), of the lists; NULL: each run has n elements */
};

struct rg__along rg__along_of(const rg_tensor *x, int axis);

#ifdef RG_REAL
/* For files compiled for both types. What they define: y of one run, and dL/dx of one run from x, y
 * and g = dL/dy, for a node that applies the operator. */
typedef void F(run_forward)(const rg_node *node, const real *x, int64_t n, real *y);
typedef void F(run_backward)(const rg_node *node, const real *x, const real *y, const real *g,
                             int64_t n, real *gx);

/* The functions of softmax, which list_attention uses too; y may be x, and gx may be g. */
F(run_forward) F(rg__softmax_run);
F(run_backward) F(rg__softmax_run_backward);

void F(rg__along_forward)(rg_node *y, F(run_forward) * run);
void F(rg__along_backward)(rg_node *y, F(run_backward) * run);
#endif

/* Samples of an operator rg_NAME(graph, x, axis), whose value in NumPy is NUMPY(x, axis). `single`
 * is why the gradient is 0 for runs of one element, or NULL. */
#define RG__ALONG_SAMPLES(id, NUMPY, single)                                                       \
    static rg_node *last_axis(rg_graph *graph, rg_node *const *x, void *user)                      \
    {                                                                                              \
        (void)user;                                                                                \
        return rg_##id(graph, x[0], -1);                                                           \
    }                                                                                              \
    static rg_node *axis_1(rg_graph *graph, rg_node *const *x, void *user)                         \
    {                                                                                              \
        (void)user;                                                                                \
        return rg_##id(graph, x[0], 1);                                                            \
    }                                                                                              \
    static const struct rg__sample samples[] = {                                                   \
        {"x (2,19), last axis",                                                                    \
         1,                                                                                        \
         {{2, {2, 19}, -2, 2, 0}},                                                                 \
         .build = last_axis,                                                                       \
         .numpy = NUMPY "(x, -1)"},                                                                \
        {"x (2,3,2), axis 1",                                                                      \
         1,                                                                                        \
         {{3, {2, 3, 2}, -2, 2, 0}},                                                               \
         .build = axis_1,                                                                          \
         .numpy = NUMPY "(x, 1)"},                                                                 \
        {"x (2,1), last axis",                                                                     \
         1,                                                                                        \
         {{2, {2, 1}, -2, 2, 0}},                                                                  \
         .build = last_axis,                                                                       \
         .numpy = NUMPY "(x, -1)",                                                                 \
         .zero_because = single},                                                                  \
        {"x (2,0), last axis", 1, {{2, {2, 0}, -2, 2, 0}}, .build = last_axis},                    \
    }

#endif

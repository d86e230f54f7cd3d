/* segments.c: ragged lists, and the operators over them that segments.def makes of others. */
#include "autograd/segments/segments.h"

#include "autograd/along.h"
#include "autograd/reductions/reduce.h"

#include <string.h>

bool rg__copy_lists(rg_graph *graph, const char *who, const int64_t *offsets, int64_t n_lists,
                    struct rg__segments *lists)
{
    enum { MOST = 57 }; /* log2 of the number of lists, so that sizes do not overflow */
    if (rg_graph_status(graph) != RG_OK)
        return false;
    if (!offsets)
        rg__graph_fail(graph, RG_USAGE, "%s: offsets is NULL", who);
    else if (n_lists < 0 || n_lists > INT64_C(1) << MOST)
        rg__graph_fail(graph, RG_BAD_DATA, "%s: %lld lists; expected 0 to 2^%d", who,
                       (long long)n_lists, MOST);
    if (rg_graph_status(graph) != RG_OK)
        return false;
    size_t size = (size_t)(n_lists + 1) * sizeof *offsets;
    void *copy = rg_graph_alloc(graph, size);
    if (!copy)
        return false;
    *lists = (struct rg__segments){n_lists, memcpy(copy, offsets, size)};
    return true;
}

bool rg__check_lists(rg_node *y, const struct rg__segments *lists, int64_t n, const char *rows)
{
    const int64_t *offsets = lists->offsets;
    if (offsets[0] != 0)
        return rg_reject(y, "offsets begin with %lld; expected 0", (long long)offsets[0]);
    for (int64_t q = 0; q < lists->n_lists; q++)
        if (offsets[q + 1] < offsets[q])
            return rg_reject(y, "offsets[%lld] = %lld is below offsets[%lld] = %lld",
                             (long long)q + 1, (long long)offsets[q + 1], (long long)q,
                             (long long)offsets[q]);
    if (offsets[lists->n_lists] != n)
        return rg_reject(y, "offsets end with %lld; expected the number of %s, %lld",
                         (long long)offsets[lists->n_lists], rows, (long long)n);
    return true;
}

bool rg__check_segments(rg_node *y, const struct rg__segments *lists)
{
    char shape[RG__SHAPE_TEXT];
    const rg_tensor *x = rg_operand(y, 0);
    if (x->ndim < 1 || x->ndim > 2)
        return rg_reject(y, "x has shape %s; expected (N) or (N,F)", rg__shape_text(x, shape));
    return rg__check_lists(y, lists, x->dims[0], "rows of x");
}

int64_t rg__longest_list(const struct rg__segments *lists)
{
    int64_t longest = 0;
    for (int64_t q = 0; q < lists->n_lists; q++) {
        int64_t n = lists->offsets[q + 1] - lists->offsets[q];
        longest = n > longest ? n : longest;
    }
    return longest;
}

/* ---- Operators made of others ---- */

/* The shape rule of reductions: (Q) or (Q,F). */
static bool reduction_rule(rg_node *y)
{
    const struct rg__reduction_call *call = rg_attributes(y);
    const rg_tensor *x = rg_operand(y, 0);
    if (!rg__check_segments(y, &call->lists))
        return false;
    rg_set_shape(y, x->dtype, x->ndim, (const int64_t[]){call->lists.n_lists, x->dims[1]});
    return true;
}

static rg_node *reduce_lists(rg_graph *graph, const struct rg__builtin *b, rg_node *x,
                             const int64_t *offsets, int64_t n_lists)
{
    struct rg__reduction_call call = {.axes = rg_axis(0)};
    if (!rg__copy_lists(graph, b->op.name, offsets, n_lists, &call.lists))
        return NULL;
    return rg_apply(graph, &b->op, &x, 1, &call, sizeof call);
}

/* The samples' lists have 3, 0, 1 and 5 rows. The values of an empty list may be infinite or NaN,
 * with which there are no differences for the gradient check, so reductions leave it out. */
static const int64_t sample_offsets[] = {0, 3, 3, 4, 9};

typedef rg_node *over_lists(rg_graph *graph, rg_node *x, const int64_t *offsets, int64_t n_lists);

struct segment_sample {
    over_lists *function;
    bool reduces;
};

static rg_node *build(rg_graph *graph, rg_node *const *x, void *user)
{
    const struct segment_sample *sample = user;
    rg_node *y = sample->function(graph, x[0], sample_offsets, 4);
    const rg_tensor filled = {RG_I64, 1, {3}, (int64_t[]){0, 2, 3}};
    return sample->reduces ? rg_index_select(graph, y, 0, rg_constant(graph, &filled)) : y;
}

static rg_node *build_empty(rg_graph *graph, rg_node *const *x, void *user)
{
    return ((const struct segment_sample *)user)->function(graph, x[0], (const int64_t[]){0}, 0);
}

#define IS_REDUCTION                                   true
#define IS_MAP                                         false
#define RULE_REDUCTION                                 reduction_rule
#define RULE_MAP                                       rg__along_lists_rule
#define APPLY_REDUCTION(graph, b, x, offsets, n_lists) reduce_lists(graph, b, x, offsets, n_lists)
#define APPLY_MAP(graph, b, x, offsets, n_lists)                                                   \
    rg__apply_to_lists(graph, b, x, offsets, n_lists, 0)
#define NUMPY_REDUCTION(function) "np.stack([" function " for l in (x[0:3], x[3:4], x[4:9])])"
#define NUMPY_MAP(function)       "np.concatenate([" function " for l in (x[0:3], x[3:4], x[4:9])])"

#define LISTS_SAMPLE(id, what, value, ndim, ...)                                                   \
    {                                                                                              \
        what ", lists of 3, 0, 1, 5", 1, {{ndim, {__VA_ARGS__}, -2, 2, 0}},                        \
            .build = build, .numpy = value, .user = &id##_sample                                   \
    }

#define RG_SEGMENT(id, of, formula, KIND, function)                                                \
    RG__KERNELS(of);                                                                               \
    extern const struct rg__builtin rg__builtin_##id;                                              \
    static const struct segment_sample id##_sample = {rg_##id, IS_##KIND};                         \
    static const struct rg__sample id##_samples[] = {                                              \
        LISTS_SAMPLE(id, "x (9)", NUMPY_##KIND(function), 1, 9),                                   \
        LISTS_SAMPLE(id, "x (9,2)", NUMPY_##KIND(function), 2, 9, 2),                              \
        LISTS_SAMPLE(id, "x (9,1)", NUMPY_##KIND(function), 2, 9, 1),                              \
        LISTS_SAMPLE(id, "x (9,0)", NULL, 2, 9, 0),                                                \
        {"x (0), no list", 1, {{1, {0}, -2, 2, 0}}, .build = build_empty, .user = &id##_sample},   \
    };                                                                                             \
    const struct rg__builtin rg__builtin_##id = {                                                  \
        {.name = #id,                                                                              \
         .shape = RULE_##KIND,                                                                     \
         .forward = {rg__##of##_forward_f32, rg__##of##_forward_f64},                              \
         .backward = {rg__##of##_backward_f32, rg__##of##_backward_f64}},                          \
        formula,                                                                                   \
        id##_samples,                                                                              \
        RG__COUNT(id##_samples)};                                                                  \
    rg_node *rg_##id(rg_graph *graph, rg_node *x, const int64_t *offsets, int64_t n_lists)         \
    {                                                                                              \
        return APPLY_##KIND(graph, &rg__builtin_##id, x, offsets, n_lists);                        \
    }
#include "autograd/segments/segments.def"

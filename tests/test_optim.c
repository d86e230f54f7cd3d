/* test_optim.c: the steps of sgd and adam against their closed forms and PyTorch's, clipping,
 * schedules, and a convex problem that must reach its known optimum. */
#include "check.h"

#include "optim/optimizer.h"

#include <float.h>

enum { MOST = 40 };

/* An optimizer and its parameters, in f32 or f64. */
struct fixture {
    rg_context *ctx;
    rg_parameters block;
    rg_optimizer *optimizer;
    double value[MOST], grad[MOST];        /* the f64 storage */
    float value_f32[MOST], grad_f32[MOST]; /* the f32 storage */
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    f->ctx = rg_context_create(NULL);
    return f->ctx ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    rg_optimizer_destroy(f->optimizer);
    rg_context_destroy(f->ctx);
    free(f);
    return 0;
}

static double get(const struct fixture *f, const void *block, int i)
{
    return f->block.dtype == RG_F32 ? (double)((const float *)block)[i]
                                    : ((const double *)block)[i];
}

static void set(const struct fixture *f, void *block, int i, double x)
{
    if (f->block.dtype == RG_F32)
        ((float *)block)[i] = (float)x;
    else
        ((double *)block)[i] = x;
}

#define value_of(f, i) get(f, (f)->block.value, i)
#define grad_of(f, i)  get(f, (f)->block.grad, i)
#define epsilon_of(f)  ((f)->block.dtype == RG_F32 ? (double)FLT_EPSILON : DBL_EPSILON)

/* Creates an optimizer of `count` parameters, all equal to `value`. */
static void start(struct fixture *f, rg_dtype dtype, int count, double value,
                  const rg_optimizer_options *options)
{
    rg_optimizer_destroy(f->optimizer);
    f->block = dtype == RG_F32 ? (rg_parameters){dtype, count, f->value_f32, f->grad_f32}
                               : (rg_parameters){dtype, count, f->value, f->grad};
    for (int i = 0; i < MOST; i++) {
        set(f, f->block.value, i, value);
        set(f, f->block.grad, i, 0);
    }
    assert_ok(f->ctx, rg_optimizer_create(f->ctx, &f->block, options, &f->optimizer));
}

static void step(struct fixture *f, double factor)
{
    assert_ok(f->ctx, rg_optimizer_step(f->optimizer, factor));
    for (int i = 0; i < f->block.count; i++)
        assert_close(grad_of(f, i), 0, 0, 0); /* set to 0 for the next backward */
}

#define FOR_BOTH(dtype) for (rg_dtype dtype = RG_F32; dtype <= RG_F64; dtype++)

/* ---- sgd ---- */

static void defaults_are_gradient_descent(void **state)
{
    struct fixture *f = *state;
    rg_optimizer_options o = rg_optimizer_options_default();
    assert_string_equal(o.name, "sgd");
    assert_close(o.lr, 0.1, 0, 0);
    assert_close(o.l2 + o.clip_norm, 0, 0, 0);
    FOR_BOTH(dtype)
    {
        start(f, dtype, 2, 1, NULL);
        set(f, f->block.grad, 0, 4);
        step(f, 1);
        assert_close(value_of(f, 0), 0.6, epsilon_of(f), 0);
        assert_close(value_of(f, 1), 1, 0, 0);
        set(f, f->block.grad, 0, -4);
        step(f, 0.5); /* the factor multiplies the learning rate */
        assert_close(value_of(f, 0), 0.8, epsilon_of(f), 0);
    }
}

/* With a constant gradient g, m_t = g (1 - mu^t) / (1 - mu), and the value decreases by lr times
 * the sum of these: lr g (t - mu (1 - mu^t) / (1 - mu)) / (1 - mu). */
static void momentum_is_a_geometric_series(void **state)
{
    struct fixture *f = *state;
    rg_optimizer_options o = {.name = "sgd(momentum=0.9)", .lr = 0.03};
    FOR_BOTH(dtype)
    {
        start(f, dtype, 3, 2, &o);
        for (int t = 1; t <= 50; t++) {
            for (int i = 0; i < 3; i++)
                set(f, f->block.grad, i, i - 1.0);
            step(f, 1);
            double way = 0.03 * (t - 0.9 * (1 - pow(0.9, t)) / 0.1) / 0.1;
            for (int i = 0; i < 3; i++)
                assert_close(value_of(f, i), 2 - (i - 1) * way, 0, 100 * epsilon_of(f));
        }
    }
}

static void l2_shrinks_parameters(void **state)
{
    struct fixture *f = *state;
    rg_optimizer_options o = {.name = "sgd", .lr = 0.5, .l2 = 0.25};
    FOR_BOTH(dtype)
    {
        start(f, dtype, 1, 3, &o);
        for (int t = 1; t <= 20; t++) {
            step(f, 1);
            assert_close(value_of(f, 0), 3 * pow(0.875, t), 40 * epsilon_of(f), 0);
        }
    }
}

/* Without a gradient, v_{t+1} = (1 + mu - lr l2) v_t - mu v_{t-1}. With mu = lr l2 = 1/4 the
 * characteristic roots are both 1/2, and v_t = (1 + t/2) / 2^t: exact in binary. */
static void momentum_and_l2_together(void **state)
{
    struct fixture *f = *state;
    rg_optimizer_options o = {.name = "sgd(momentum=0.25)", .lr = 0.5, .l2 = 0.5};
    FOR_BOTH(dtype)
    {
        start(f, dtype, MOST, 1, &o);
        for (int t = 1; t <= 8; t++) {
            step(f, 1);
            for (int i = 0; i < MOST; i++)
                assert_close(value_of(f, i), ldexp(1 + t / 2.0, -t), 0, 0);
        }
    }
}

/* ---- adam ---- */

/* Expected values: five steps of torch.optim.Adam(foreach=False), PyTorch 2.15.0 on x86-64 in
 * float64, from (1, -2, 0.5) with the gradients (0.5 t, -1 / t, 1e-4 (t - 3)). */
static void adam_steps_as_in_pytorch(void **state)
{
    struct fixture *f = *state;
    const rg_optimizer_options ways[] = {
        {.name = "adam", .lr = 0.1},
        {.name = "adam(beta1=0.8, beta2=0.99, epsilon=1e-3)", .lr = 0.05, .l2 = 0.25},
    };
    const double expected[2][5][3] = {
        {{0.90000000199999997, -1.900000001, 0.59999500024998753},
         {0.80348180063850938, -1.806782038298161, 0.69320706799740894},
         {0.70768167911536572, -1.7194661867609113, 0.76525924088021469},
         {0.61164065289257175, -1.6373423024144422, 0.79537452912928308},
         {0.51491691017037233, -1.5598539163406202, 0.78054656023976765}},
        {{0.95006657789613846, -1.950033311125916, 0.45039745627980921},
         {0.9002891100789151, -1.9021730271630157, 0.40115377009807285},
         {0.85008294261380535, -1.8560070469060217, 0.352545541595914},
         {0.7991284426541736, -1.8112629991392886, 0.30488829979164989},
         {0.74724779043183021, -1.7677480712515889, 0.25853620853807263}},
    };
    FOR_BOTH(dtype)
    {
        for (int way = 0; way < 2; way++) {
            start(f, dtype, 3, 0, &ways[way]);
            const double from[] = {1, -2, 0.5};
            for (int i = 0; i < 3; i++)
                set(f, f->block.value, i, from[i]);
            for (int t = 1; t <= 5; t++) {
                set(f, f->block.grad, 0, 0.5 * t);
                set(f, f->block.grad, 1, -1.0 / t);
                set(f, f->block.grad, 2, 1e-4 * (t - 3));
                step(f, 1);
                for (int i = 0; i < 3; i++)
                    assert_close(value_of(f, i), expected[way][t - 1][i], 10 * epsilon_of(f), 0);
            }
        }
    }
}

/* With a constant gradient m' = g and v' = g^2, so every step is lr g / (|g| + epsilon), in the
 * elements of full vectors and in the rest. */
static void adam_steps_have_the_size_of_lr(void **state)
{
    struct fixture *f = *state;
    rg_optimizer_options o = rg_optimizer_options_default();
    o.name = "adam(epsilon=0.5)";
    FOR_BOTH(dtype)
    {
        start(f, dtype, MOST - 3, 1, &o);
        for (int t = 1; t <= 30; t++) {
            for (int i = 0; i < f->block.count; i++)
                set(f, f->block.grad, i, i % 2 ? 1.5 : -0.5);
            step(f, 0.5);
            for (int i = 0; i < f->block.count; i++)
                assert_close(value_of(f, i), 1 - t * 0.05 * (i % 2 ? 0.75 : -0.5), 0,
                             300 * epsilon_of(f));
        }
    }
}

/* Clipping precedes l2 and the moments: at 0, these see only the clipped gradient. */
static void adam_clips_before_its_moments(void **state)
{
    struct fixture *f = *state;
    rg_optimizer_options o = {
        .name = "adam(beta1=0.5, beta2=0.5, epsilon=0.3)", .lr = 1, .clip_norm = 0.5};
    FOR_BOTH(dtype)
    {
        start(f, dtype, 2, 0, &o);
        set(f, f->block.grad, 0, 3);
        set(f, f->block.grad, 1, -4);
        step(f, 1);
        assert_close(rg_optimizer_grad_norm(f->optimizer), 5, 0, 0);
        assert_close(value_of(f, 0), -0.3 / 0.6, 4 * epsilon_of(f), 0);
        assert_close(value_of(f, 1), 0.4 / 0.7, 4 * epsilon_of(f), 0);
    }
}

/* ---- Clipping ---- */

/* One step with learning rate 1 from 0 with the gradient (x, y): the step is -value. */
static void step_on(struct fixture *f, rg_dtype dtype, double x, double y, double clip)
{
    rg_optimizer_options o = {.name = "sgd", .lr = 1, .clip_norm = clip};
    start(f, dtype, 2, 0, &o);
    set(f, f->block.grad, 0, x);
    set(f, f->block.grad, 1, y);
    step(f, 1);
}

static void clipping_begins_beyond_the_norm(void **state)
{
    struct fixture *f = *state;
    FOR_BOTH(dtype)
    {
        const double clips[] = {0, 5, 5.5, (double)INFINITY};
        for (int i = 0; i < 4; i++) {
            step_on(f, dtype, 3, -4, clips[i]);
            assert_close(rg_optimizer_grad_norm(f->optimizer), 5, 0, 0);
            assert_close(value_of(f, 0), -3, 0, 0);
            assert_close(value_of(f, 1), 4, 0, 0);
        }
        step_on(f, dtype, 3, -4, 2.5);
        assert_close(rg_optimizer_grad_norm(f->optimizer), 5, 0, 0); /* before clipping */
        assert_close(value_of(f, 0), -1.5, 0, 0);
        assert_close(value_of(f, 1), 2, 0, 0);
        step_on(f, dtype, 3, -4, nextafter(5, 0));
        assert_true(hypot(value_of(f, 0), value_of(f, 1)) <= 5);
        assert_close(value_of(f, 1), 4, epsilon_of(f), 0);
        step_on(f, dtype, 0, 0, 1);
        assert_close(rg_optimizer_grad_norm(f->optimizer), 0, 0, 0);
        assert_close(value_of(f, 0), 0, 0, 0);
    }
}

/* Neither the squares nor the scale overflow or underflow. */
static void clipping_of_extreme_gradients(void **state)
{
    struct fixture *f = *state;
    const struct {
        rg_dtype dtype;
        double size, clip;
    } cases[] = {
        {RG_F64, 1e300, 1},   {RG_F64, 1e307, 1e5},     {RG_F64, 1e-300, 1e-301},
        {RG_F32, 6e37, 1},    {RG_F32, 6e37, 1e-3},     {RG_F64, 1e150, 1e-150},
        {RG_F32, 6e37, 1e-7}, {RG_F32, 1e30, 1e-30},    {RG_F32, 1e-36, 1e-37},
        {RG_F64, 1e154, 1},   {RG_F64, 1e-162, 1e-163}, {RG_F64, 2e-308, 2e-309},
    };
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        double size = cases[i].size, clip = cases[i].clip;
        step_on(f, cases[i].dtype, 3 * size, 4 * size, clip);
        double rtol = 4 * epsilon_of(f);
        assert_close(rg_optimizer_grad_norm(f->optimizer), 5 * size, rtol, 0);
        assert_close(value_of(f, 0), -0.6 * clip, rtol, 0);
        assert_close(value_of(f, 1), -0.8 * clip, rtol, 0);
    }
    step_on(f, RG_F64, 3 * 0x1p-1074, 4 * 0x1p-1074, 0); /* the smallest positive numbers */
    assert_close(rg_optimizer_grad_norm(f->optimizer), 5 * 0x1p-1074, 0, 0);
    step_on(f, RG_F32, (double)FLT_MAX, (double)-FLT_MAX, 1); /* the norm is beyond f32 */
    assert_close(rg_optimizer_grad_norm(f->optimizer), (double)FLT_MAX * sqrt(2), 1e-15, 0);
    assert_close(value_of(f, 1), sqrt(0.5), (double)FLT_EPSILON, 0);
}

/* l2 is added after clipping. */
static void clipping_does_not_affect_l2(void **state)
{
    struct fixture *f = *state;
    rg_optimizer_options o = {.name = "sgd", .lr = 1, .l2 = 0.5, .clip_norm = 2.5};
    FOR_BOTH(dtype)
    {
        start(f, dtype, 2, 100, &o);
        set(f, f->block.grad, 0, 3);
        set(f, f->block.grad, 1, 4);
        step(f, 1);
        assert_close(value_of(f, 0), 100 - (1.5 + 50), 0, 0);
        assert_close(value_of(f, 1), 100 - (2 + 50), 0, 0);
    }
}

/* One 1 and 2^16 times 2^-13 in f32: squares of 2^-26 added to 1 in f32 would be lost. */
static void the_norm_is_summed_in_double(void **state)
{
    struct fixture *f = *state;
    enum { N = 1 + (1 << 16) };
    float *value = calloc(N, sizeof *value), *grad = calloc(N, sizeof *grad);
    rg_parameters block = {RG_F32, N, value, grad};
    for (int i = 0; i < N; i++)
        grad[i] = i ? 0x1p-13f : 1;
    assert_ok(f->ctx, rg_optimizer_create(f->ctx, &block, NULL, &f->optimizer));
    assert_ok(f->ctx, rg_optimizer_step(f->optimizer, 1));
    assert_close(rg_optimizer_grad_norm(f->optimizer), sqrt(1 + 0x1p-10), 1e-14, 0);
    assert_close((double)value[N - 1], -0.1 * 0x1p-13, 1e-6, 0);
    free(value);
    free(grad);
}

/* ---- Gradients that are not finite ---- */

/* At any position: the step fails and changes nothing, and the next step with a finite gradient is
 * the same as without it. */
static void a_bad_gradient_changes_nothing(void **state)
{
    struct fixture *f = *state;
    const double bad[] = {(double)NAN, (double)INFINITY, (double)-INFINITY};
    const rg_optimizer_options ways[] = {
        {.name = "sgd(momentum=0.5)", .lr = 0.5, .l2 = 0.25, .clip_norm = 1},
        {.name = "adam(beta1=0.5, beta2=0.5, epsilon=1)", .lr = 0.5, .l2 = 0.25}};
    FOR_BOTH(dtype)
    {
        for (int at = 0; at < MOST; at++)
            for (int b = 0; b < 6; b++) {
                double once[2];
                for (int turn = 0; turn < 2; turn++) { /* without and with the bad gradient */
                    start(f, dtype, MOST, 1, &ways[b / 3]);
                    set(f, f->block.grad, 0, 0.5);
                    step(f, 1);
                    double before = value_of(f, at);
                    set(f, f->block.grad, at, bad[b % 3]);
                    if (at % 2) /* two of them */
                        set(f, f->block.grad, (at + 1) % MOST, bad[(b + 1) % 3]);
                    if (turn)
                        assert_fails(f->ctx, RG_DIVERGED, ": the gradient's norm is ",
                                     rg_optimizer_step(f->optimizer, 1));
                    assert_close(grad_of(f, at), bad[b % 3], 0, 0);
                    assert_close(value_of(f, at), before, 0, 0);
                    for (int i = 0; i < MOST; i++)
                        set(f, f->block.grad, i, 0);
                    step(f, 1);
                    once[turn] = value_of(f, 0);
                }
                assert_close(once[1], once[0], 0, 0);
            }
    }
}

static void no_parameters(void **state)
{
    struct fixture *f = *state;
    rg_parameters none = {RG_F32, 0, NULL, NULL};
    assert_ok(f->ctx, rg_optimizer_create(f->ctx, &none, NULL, &f->optimizer));
    assert_close(rg_optimizer_grad_norm(f->optimizer), 0, 0, 0);
    assert_ok(f->ctx, rg_optimizer_step(f->optimizer, 1));
    assert_close(rg_optimizer_grad_norm(f->optimizer), 0, 0, 0);
}

/* ---- Options ---- */

static void options_out_of_range(void **state)
{
    struct fixture *f = *state;
    const double nan = (double)NAN, infinite = (double)INFINITY;
    const struct {
        const char *words;
        rg_optimizer_options o;
    } cases[] = {
        {"`lr` is 0;", {.name = "sgd", .lr = 0}},
        {"`lr` is -0.1;", {.name = "sgd", .lr = -0.1}},
        {"`lr` is inf;", {.name = "sgd", .lr = infinite}},
        {"`lr` is ", {.name = "sgd", .lr = nan}},
        {"`l2` is -1;", {.name = "sgd", .lr = 1, .l2 = -1}},
        {"`l2` is inf;", {.name = "sgd", .lr = 1, .l2 = infinite}},
        {"`l2` is ", {.name = "sgd", .lr = 1, .l2 = nan}},
        {"`clip_norm` is -1;", {.name = "sgd", .lr = 1, .clip_norm = -1}},
        {"`clip_norm` is ", {.name = "sgd", .lr = 1, .clip_norm = nan}},
        {"momentum is -0.1;", {.name = "sgd(momentum=-0.1)", .lr = 1}},
        {"momentum is 1; expected a number >= 0 and < 1", {.name = "sgd(momentum=1)", .lr = 1}},
        {"momentum is nan", {.name = "sgd(momentum=nan)", .lr = 1}},
        {"adam: has no parameter momentum; expected one of beta1, beta2, epsilon",
         {.name = "adam(momentum=0.5)", .lr = 1}},
        {"beta1 is 1; expected a number >= 0 and < 1", {.name = "adam(beta1=1)", .lr = 1}},
        {"beta2 is -0.1;", {.name = "adam(beta2=-0.1)", .lr = 1}},
        {"beta2 is inf;", {.name = "adam(beta2=inf)", .lr = 1}},
        {"epsilon is 0;", {.name = "adam(epsilon=0)", .lr = 1}},
        {"epsilon is 1e-50;", {.name = "adam(epsilon=1e-50)", .lr = 1}},
        {"\"nonesuch\" is unknown; expected one of sgd, adam", {.name = "nonesuch", .lr = 1}},
        {"\"SGD\" is unknown", {.name = "SGD", .lr = 1}},
        {"NULL", {.name = NULL, .lr = 1}},
    };
    rg_parameters block = {RG_F64, 1, f->value, f->grad};
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
        rg_optimizer *made = (rg_optimizer *)f;
        assert_fails(f->ctx, RG_USAGE, cases[i].words,
                     rg_optimizer_create(f->ctx, &block, &cases[i].o, &made));
        assert_null(made);
    }
}

static void parameters_of_the_wrong_kind(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *words;
        rg_parameters block;
    } cases[] = {
        {"1 parameters of type i32", {RG_I32, 1, f->value, f->grad}},
        {"type f16", {RG_F16, 1, f->value, f->grad}},
        {"-1 parameters", {RG_F64, -1, f->value, f->grad}},
        {"type none", {RG_DTYPE_COUNT, 1, f->value, f->grad}},
    };
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++)
        assert_fails(f->ctx, RG_USAGE, cases[i].words,
                     rg_optimizer_create(f->ctx, &cases[i].block, NULL, &f->optimizer));
    rg_parameters huge = {RG_F64, INT64_MAX, f->value, f->grad};
    assert_fails(f->ctx, RG_LIMIT, "moments",
                 rg_optimizer_create(f->ctx, &huge, NULL, &f->optimizer));
    assert_null(f->optimizer);
    rg_optimizer_destroy(NULL);
}

static void out_of_memory(void **state)
{
    struct fixture *f = *state;
    rg_parameters block = {RG_F64, 1, f->value, f->grad};
    for (int n = 1; n <= 3; n++) { /* the context, the optimizer, its moments */
        struct memory memory = {.refuse = n + 1};
        rg_context *ctx = memory_context(&memory);
        rg_optimizer *made = NULL;
        if (n == 3)
            assert_ok(ctx, rg_optimizer_create(ctx, &block, NULL, &made));
        else
            assert_fails(ctx, RG_LIMIT, "out of memory",
                         rg_optimizer_create(ctx, &block, NULL, &made));
        assert_int_equal(made != NULL, n == 3);
        rg_optimizer_destroy(made);
        rg_context_destroy(ctx);
        assert_int_equal(memory.live, 0);
    }
}

/* ---- State ---- */

static void copy_state(rg_optimizer *from, rg_optimizer *to)
{
    struct rg__named old[RG__OPTIMIZER_ARRAYS], new[RG__OPTIMIZER_ARRAYS];
    int n = rg__optimizer_state(from, old);
    assert_int_equal(rg__optimizer_state(to, new), n);
    for (int i = 0; i < n; i++)
        memcpy(new[i].tensor.data, old[i].tensor.data, rg__tensor_bytes(&old[i].tensor));
}

/* Ten steps give the same bits as five steps, a new optimizer with that state, and five more. */
static void a_restored_state_continues(void **state)
{
    struct fixture *f = *state;
    for (int k = 0; rg_registry_at(rg_optimizers(), k); k++)
        FOR_BOTH(dtype)
        {
            rg_optimizer_options o = {.name = rg_registry_at(rg_optimizers(), k)->name, .lr = 0.1};
            double straight[MOST];
            for (int turn = 0; turn < 2; turn++) {
                start(f, dtype, MOST, 1, &o);
                for (int t = 0; t < 10; t++) {
                    if (turn && t == 5) {
                        rg_optimizer *next;
                        assert_ok(f->ctx, rg_optimizer_create(f->ctx, &f->block, &o, &next));
                        copy_state(f->optimizer, next);
                        rg_optimizer_destroy(f->optimizer);
                        f->optimizer = next;
                    }
                    for (int i = 0; i < MOST; i++)
                        set(f, f->block.grad, i, sin(i + t));
                    step(f, 1);
                }
                for (int i = 0; i < MOST; i++) {
                    assert_true(!turn || value_of(f, i) == straight[i]);
                    straight[i] = value_of(f, i);
                }
            }
        }
}

/* ---- Schedules ---- */

static double factor(struct fixture *f, const char *text, int64_t step, int64_t n_steps)
{
    rg_choice schedule;
    assert_ok(f->ctx, rg_choice_parse(f->ctx, rg_schedules(), text, &schedule));
    return rg_schedule_factor(&schedule, step, n_steps);
}

static void schedules(void **state)
{
    struct fixture *f = *state;
    const int64_t n = 1000;
    double last = 2, sum = 0;
    for (int64_t t = 0; t < n; t++) {
        double now = factor(f, "cosine", t, n);
        assert_true(now < last && now > 0);
        assert_close(factor(f, "constant", t, n), 1, 0, 0);
        sum += now;
        last = now;
    }
    assert_close(factor(f, "cosine", 0, n), 1, 0, 0);
    assert_close(factor(f, "cosine", 250, n), 0.5 + sqrt(0.125), 1e-14, 0);
    assert_close(factor(f, "cosine", 500, n), 0.5, 1e-14, 0);
    assert_close(last, pow(sin(acos(-1) / (2.0 * 1000)), 2), 1e-9, 0);
    assert_close(sum, 500.5, 1e-12, 0); /* symmetric about 1/2, except for the first 1 */
    assert_close(factor(f, "cosine", 0, 1), 1, 0, 0);
    for (int64_t none = -1; none <= 0; none++)
        assert_close(factor(f, "cosine", 0, none), 1, 0, 0);
    int64_t many = (int64_t)1 << 40;
    assert_close(factor(f, "cosine", many / 2, many), 0.5, 1e-14, 0);
}

/* ---- A convex problem with a known optimum ---- */

enum { N = 5 };

/* One list of N items with one-hot features (X the identity): the loss of the logits X w is minimal
 * where softmax(w) = y / sum y. The gradient sums to 0, so from w = 0 the sum of w stays 0, and
 * w_k -> log y_k - mean log y. */
static void descend(struct fixture *f, const double *y, int n_steps, double *gradient)
{
    double x[N * N] = {0}, labels[N];
    for (int i = 0; i < N; i++)
        x[i * N + i] = 1;
    memcpy(labels, y, sizeof labels);
    rg_tensor tx = {RG_F64, 2, {N, N}, x}, ty = {RG_F64, 1, {N}, labels};
    rg_tensor tw = {RG_F64, 1, {N}, f->value};
    rg_graph *graph = rg_graph_create(f->ctx);
    for (int t = 0; t < n_steps; t++) {
        rg_graph_reset(graph);
        rg_node *w = rg_variable(graph, &tw, f->grad);
        rg_node *logits = rg_matmul(graph, rg_leaf(graph, &tx), w);
        rg_node *loss = rg_ranking_softmax_loss(graph, logits, rg_leaf(graph, &ty), NULL);
        assert_ok(f->ctx, rg_backward(graph, loss, NULL));
        assert_ok(f->ctx, rg_optimizer_step(f->optimizer, 1));
    }
    *gradient = rg_optimizer_grad_norm(f->optimizer);
    rg_graph_destroy(graph);
}

static void a_convex_problem_reaches_its_optimum(void **state)
{
    struct fixture *f = *state;
    const double y[N] = {4, 0.5, 1, 2.5, 3};
    const rg_optimizer_options ways[] = {
        {.name = "sgd", .lr = 0.15},
        {.name = "sgd(momentum=0.8)", .lr = 0.05},
        {.name = "sgd", .lr = 0.15, .clip_norm = 1}, /* clips only in the first steps */
        {.name = "adam(beta1=0.5, beta2=0.9, epsilon=1)", .lr = 0.1},
    };
    double mean = 0;
    for (int i = 0; i < N; i++)
        mean += log(y[i]) / N;
    for (int way = 0; way < 4; way++) {
        double gradient;
        start(f, RG_F64, N, 0, &ways[way]);
        descend(f, y, 600, &gradient);
        assert_close(gradient, 0, 0, 1e-10);
        double middle = 0; /* 0 for sgd; adam's steps do not preserve the sum */
        for (int i = 0; i < N; i++)
            middle += value_of(f, i) / N;
        for (int i = 0; i < N; i++)
            assert_close(value_of(f, i) - middle, log(y[i]) - mean, 0, 1e-9);
        assert_close(middle, 0, 0, way < 3 ? 1e-9 : 1);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(defaults_are_gradient_descent),
        TEST(momentum_is_a_geometric_series),
        TEST(l2_shrinks_parameters),
        TEST(momentum_and_l2_together),
        TEST(adam_steps_as_in_pytorch),
        TEST(adam_steps_have_the_size_of_lr),
        TEST(adam_clips_before_its_moments),
        TEST(clipping_begins_beyond_the_norm),
        TEST(clipping_of_extreme_gradients),
        TEST(clipping_does_not_affect_l2),
        TEST(the_norm_is_summed_in_double),
        TEST(a_bad_gradient_changes_nothing),
        TEST(no_parameters),
        TEST(options_out_of_range),
        TEST(parameters_of_the_wrong_kind),
        TEST(out_of_memory),
        TEST(a_restored_state_continues),
        TEST(schedules),
        TEST(a_convex_problem_reaches_its_optimum),
    };
    RUN_TESTS(tests);
}

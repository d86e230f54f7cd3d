/* check.h: included by every test in C: cmocka, a comparison of numbers that fails for NaN, and an
 * allocator that counts its blocks and fails on demand.
 *
 * In cmocka 1.1.5, assert_float_equal(NAN, 1, .1) passes, and 256 failing tests give exit status 0.
 * So numbers are compared with assert_close, and every main ends with RUN_TESTS(tests). */
#ifndef RG_TESTS_CHECK_H
#define RG_TESTS_CHECK_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <rankgrad/rankgrad.h>

/* Passes if |actual - expected| <= atol + rtol |expected|. NaN is equal only to NaN, an infinity
 * only to the same infinity. */
#define assert_close(actual, expected, rtol, atol)                                                 \
    check_close((actual), (expected), (rtol), (atol), #actual, __FILE__, __LINE__)

static inline void check_close(double actual, double expected, double rtol, double atol,
                               const char *what, const char *file, int line)
{
    int same = isnan(expected)   ? isnan(actual)
               : isinf(expected) ? actual == expected
                                 : fabs(actual - expected) <= atol + rtol * fabs(expected);
    if (same)
        return;
    print_error("%s: %.17g, expected %.17g (rtol %g, atol %g)\n", what, actual, expected, rtol,
                atol);
    _fail(file, line);
}

/* Passes for RG_OK; otherwise prints the error message. */
#define assert_ok(ctx, call)                                                                       \
    do {                                                                                           \
        rg_status status_ = (call);                                                                \
        if (status_ != RG_OK) {                                                                    \
            print_error("%s: %s: %s\n", #call, rg_status_name(status_), rg_last_error(ctx));       \
            _fail(__FILE__, __LINE__);                                                             \
        }                                                                                          \
    } while (0)

/* Passes if the call returns that status and the error message contains `words`. */
#define assert_fails(ctx, status, words, call)                                                     \
    do {                                                                                           \
        rg_status status_ = (call);                                                                \
        if (status_ != (status) || !strstr(rg_last_error(ctx), words)) {                           \
            print_error("%s: %s: \"%s\"; expected %s with \"%s\"\n", #call,                        \
                        rg_status_name(status_), rg_last_error(ctx), rg_status_name(status),       \
                        words);                                                                    \
            _fail(__FILE__, __LINE__);                                                             \
        }                                                                                          \
    } while (0)

/* An allocator that counts requests and live blocks, and fails one request. */
struct memory {
    int64_t requests, live;
    int64_t refuse; /* the number of the request that fails, from 1; 0: none */
};

static inline void *memory_resize(void *user, void *block, size_t size)
{
    struct memory *memory = user;
    if (size == 0) {
        memory->live -= block != NULL;
        free(block);
        return NULL;
    }
    if (++memory->requests == memory->refuse)
        return NULL;
    void *resized = realloc(block, size);
    memory->live += resized && !block;
    return resized;
}

/* A context with that allocator; NULL if the request for the context itself fails. */
static inline rg_context *memory_context(struct memory *memory)
{
    rg_context_options options = rg_context_options_default();
    options.allocator = (rg_allocator){memory_resize, memory};
    return rg_context_create(&options);
}

/* A context with that many threads. */
static inline rg_context *context_of(int n_threads)
{
    rg_context_options options = rg_context_options_default();
    options.n_threads = n_threads;
    rg_context *ctx = rg_context_create(&options);
    assert_non_null(ctx);
    return ctx;
}

/* ranking_softmax with its defaults. */
static inline const rg_objective *softmax_objective(void)
{
    static rg_objective objective;
    rg_context *ctx = context_of(1);
    assert_ok(ctx, rg_objective_parse(ctx, rg_losses(), "ranking_softmax", &objective));
    rg_context_destroy(ctx);
    return &objective;
}

/* The name of the i-th normalisation; NULL past the last one. */
static inline const char *normalization_at(int i)
{
    const rg_component *component = rg_registry_at(rg_normalizations(), i);
    return component ? component->name : NULL;
}

/* The normalisation of that name, with the defaults of its parameters, not fitted. */
static inline rg_normalization normalization_of(const char *name, int64_t n_features)
{
    rg_normalization z = {.n_features = n_features};
    rg_context *own = rg_context_create(NULL);
    assert_ok(own, rg_choice_parse(own, rg_normalizations(), name, &z.choice));
    rg_context_destroy(own);
    return z;
}

static inline bool same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

#define RUN_TESTS(tests) return cmocka_run_group_tests(tests, NULL, NULL) != 0

#endif

/* test_pool.c: the thread pool: every task runs once, the error of the lowest task is reported, and
 * the allocator is called by one thread at a time. */
#include "check.h"

#include "base/pool.h"

#include <stdatomic.h>
#include <time.h>

enum { MAX_TASKS = 1000 };

static void pause_for(long microseconds)
{
    nanosleep(&(struct timespec){0, 1000 * microseconds}, NULL);
}

struct run {
    _Atomic int count[MAX_TASKS];
    _Atomic int per_worker[64];
    int64_t fails[2]; /* these tasks fail */
};

static rg_status count(rg_context *ctx, void *user, int worker, int64_t i)
{
    struct run *run = user;
    atomic_fetch_add(&run->count[i], 1);
    atomic_fetch_add(&run->per_worker[worker], 1);
    for (int k = 0; k < 2; k++)
        if (i == run->fails[k])
            return rg__fail(ctx, RG_BAD_DATA, "task %lld failed", (long long)i);
    return RG_OK;
}

static void every_task_runs_once(void **state)
{
    (void)state;
    for (int n_threads = 1; n_threads <= 8; n_threads++) {
        rg_context *ctx = context_of(n_threads);
        struct rg__pool *pool = rg__pool(ctx);
        assert_ptr_equal(rg__pool(ctx), pool);
        assert_int_equal(rg__pool_size(pool), n_threads);
        for (int64_t n = 0; n <= MAX_TASKS; n += n < 20 ? 1 : 245) {
            struct run run = {.fails = {-1, -1}};
            int total = 0;
            assert_ok(ctx, rg__pool_run(pool, n, count, &run));
            for (int64_t i = 0; i < MAX_TASKS; i++)
                assert_int_equal(run.count[i], i < n);
            for (int w = 0; w < n_threads; w++)
                total += run.per_worker[w];
            assert_int_equal(total, n); /* all worker numbers are below the pool's size */
        }
        rg_context_destroy(ctx);
    }
}

/* Runs in quick succession, and after pauses in which the workers go to sleep. */
static void many_runs(void **state)
{
    (void)state;
    rg_context *ctx = context_of(3);
    for (int r = 0; r < 2000; r++) {
        struct run run = {.fails = {-1, -1}};
        if (r % 500 == 499)
            pause_for(2000);
        assert_ok(ctx, rg__pool_run(rg__pool(ctx), 7, count, &run));
        for (int i = 0; i < 7; i++)
            assert_int_equal(run.count[i], 1);
    }
    rg_context_destroy(ctx);
}

static void the_lowest_failure_is_reported(void **state)
{
    (void)state;
    for (int n_threads = 1; n_threads <= 4; n_threads++) {
        rg_context *ctx = context_of(n_threads);
        for (int r = 0; r < 300; r++) {
            struct run run = {.fails = {41, 40}};
            assert_int_equal(rg__pool_run(rg__pool(ctx), MAX_TASKS, count, &run), RG_BAD_DATA);
            assert_string_equal(rg_last_error(ctx), "task 40 failed");
            for (int i = 0; i <= 40; i++)
                assert_int_equal(run.count[i], 1);
        }
        struct run run = {.fails = {-1, -1}};
        assert_ok(ctx,
                  rg__pool_run(rg__pool(ctx), MAX_TASKS, count, &run)); /* the pool still works */
        assert_int_equal(run.count[MAX_TASKS - 1], 1);
        rg_context_destroy(ctx);
    }
}

/* An allocator that counts calls made while another one is in progress. */
struct shared {
    _Atomic int inside, concurrent;
    int64_t live;
};

static void *shared_resize(void *user, void *block, size_t size)
{
    struct shared *shared = user;
    shared->concurrent += atomic_fetch_add(&shared->inside, 1) > 0;
    pause_for(50);
    shared->live += size == 0 ? -(block != NULL) : !block;
    void *resized = size ? realloc(block, size) : NULL;
    if (size == 0)
        free(block);
    atomic_fetch_sub(&shared->inside, 1);
    return resized;
}

static rg_status allocate(rg_context *ctx, void *user, int worker, int64_t i)
{
    (void)worker;
    ((void **)user)[i] = rg__alloc(ctx, 10, 1, "a test");
    return ((void **)user)[i] ? RG_OK : RG_LIMIT;
}

static void allocator_calls_do_not_overlap(void **state)
{
    (void)state;
    struct shared shared = {0};
    void *block[200];
    rg_context_options o = rg_context_options_default();
    o.allocator = (rg_allocator){shared_resize, &shared};
    o.n_threads = 4;
    rg_context *ctx = rg_context_create(&o);
    assert_ok(ctx, rg__pool_run(rg__pool(ctx), 200, allocate, block));
    for (int i = 0; i < 200; i++)
        rg__free(ctx, block[i]);
    rg_context_destroy(ctx);
    assert_int_equal(shared.concurrent, 0);
    assert_int_equal(shared.live, 0);
}

static void no_memory_for_workers(void **state)
{
    (void)state;
    struct memory memory = {.refuse = 2};
    rg_context *ctx = memory_context(&memory);
    assert_null(rg__pool(ctx));
    assert_int_equal(rg_last_status(ctx), RG_LIMIT);
    assert_non_null(rg__pool(ctx)); /* the next request succeeds */
    rg_context_destroy(ctx);
    assert_int_equal(memory.live, 0);
}

/* The pool of a worker's context has one worker, so tasks may themselves run tasks. */
static rg_status nested(rg_context *ctx, void *user, int worker, int64_t i)
{
    (void)worker;
    struct run *runs = user;
    assert_int_equal(rg__pool_size(rg__pool(ctx)), 1);
    return rg__pool_run(rg__pool(ctx), 5, count, &runs[i]);
}

static void tasks_within_tasks(void **state)
{
    (void)state;
    rg_context *ctx = context_of(2);
    struct run runs[4] = {
        {.fails = {-1, -1}}, {.fails = {-1, -1}}, {.fails = {3, -1}}, {.fails = {-1, -1}}};
    assert_int_equal(rg__pool_run(rg__pool(ctx), 4, nested, runs), RG_BAD_DATA);
    assert_string_equal(rg_last_error(ctx), "task 3 failed");
    assert_int_equal(runs[0].count[4], 1);
    rg_context_destroy(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once),
        cmocka_unit_test(many_runs),
        cmocka_unit_test(the_lowest_failure_is_reported),
        cmocka_unit_test(allocator_calls_do_not_overlap),
        cmocka_unit_test(no_memory_for_workers),
        cmocka_unit_test(tasks_within_tasks),
    };
    RUN_TESTS(tests);
}

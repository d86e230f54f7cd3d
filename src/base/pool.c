/* pool.c: a pool of POSIX threads; see pool.h. The only file that includes pthread.h.
 *
 * Each run is a generation. The caller stores the task function and its arguments, increments
 * `generation`, and takes tasks itself. A worker that sees the new generation takes tasks from
 * `next` until none is left and then decrements `running`. The steps of a training follow each
 * other within microseconds, but waking a sleeping thread takes about 50 us, so waiting threads
 * spin for a while before they sleep. */
#define _GNU_SOURCE /* sched_getaffinity */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

enum { MAX_WORKERS = 256, SPINS = 4000 /* about 50 us */, CACHE_LINE = 64 };

struct worker {
    rg_context ctx; /* its own errors, the caller's allocator */
    struct rg__pool *pool;
    pthread_t thread;
    int64_t failed; /* the task that failed in this run; -1: none */
    char padding[CACHE_LINE];
};

struct rg__pool {
    rg_context *ctx;
    int n_workers, spins;
    rg__task *task; /* of the current run */
    void *user;
    int64_t n;
    _Atomic int64_t next;
    char padding[CACHE_LINE]; /* against false sharing of `next` with what follows */
    _Atomic uint64_t generation;
    _Atomic int running;
    bool stop;
    pthread_mutex_t lock; /* for sleeping and waking */
    pthread_cond_t wake, done;
    pthread_mutex_t allocator_lock; /* the caller's allocator is used by one thread at a time */
    struct worker worker[];
};

static void *locked_resize(void *user, void *block, size_t size)
{
    struct rg__pool *pool = user;
    pthread_mutex_lock(&pool->allocator_lock);
    const rg_allocator *a = &pool->ctx->allocator;
    void *resized = a->resize(a->user, block, size);
    pthread_mutex_unlock(&pool->allocator_lock);
    return resized;
}

/* The number of CPUs that this process may run on. */
static int count_cpus(void)
{
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        return CPU_COUNT(&set);
#endif
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

static void pause_briefly(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    sched_yield();
#endif
}

/* ---- Workers --------------------------------------------------------------------------------- */

static void take_tasks(struct rg__pool *pool, struct worker *worker)
{
    int id = (int)(worker - pool->worker);
    worker->failed = -1;
    for (;;) {
        int64_t i = atomic_fetch_add_explicit(&pool->next, 1, memory_order_relaxed);
        if (i >= pool->n)
            return;
        if (pool->task(&worker->ctx, pool->user, id, i) != RG_OK) {
            worker->failed = i;
            atomic_store_explicit(&pool->next, pool->n, memory_order_relaxed);
            return;
        }
    }
}

/* Waits for a generation after `seen` and returns it. */
static uint64_t next_generation(struct rg__pool *pool, uint64_t seen)
{
    for (int i = 0; i < pool->spins; i++) {
        uint64_t now = atomic_load_explicit(&pool->generation, memory_order_acquire);
        if (now != seen)
            return now;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->generation) == seen)
        pthread_cond_wait(&pool->wake, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    return atomic_load(&pool->generation);
}

static void *run_worker(void *argument)
{
    struct worker *worker = argument;
    struct rg__pool *pool = worker->pool;
    for (uint64_t seen = 0;;) {
        seen = next_generation(pool, seen);
        if (pool->stop)
            return NULL;
        take_tasks(pool, worker);
        if (atomic_fetch_sub(&pool->running, 1) > 1)
            continue;
        pthread_mutex_lock(&pool->lock);
        pthread_cond_signal(&pool->done);
        pthread_mutex_unlock(&pool->lock);
    }
}

static void start_generation(struct rg__pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add_explicit(&pool->generation, 1, memory_order_release);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static void wait_for_workers(struct rg__pool *pool)
{
    for (int i = 0; i < pool->spins; i++) {
        if (atomic_load_explicit(&pool->running, memory_order_acquire) == 0)
            return;
        pause_briefly();
    }
    pthread_mutex_lock(&pool->lock);
    while (atomic_load(&pool->running) > 0)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}

/* ---- The pool -------------------------------------------------------------------------------- */

/* Starts workers 1, 2, ... with all signals blocked, so that handlers run in the caller's threads.
 */
static void start_threads(struct rg__pool *pool, int n_workers)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pool->n_workers = 1;
    while (pool->n_workers < n_workers &&
           pthread_create(&pool->worker[pool->n_workers].thread, NULL, run_worker,
                          &pool->worker[pool->n_workers]) == 0)
        pool->n_workers++;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct rg__pool *rg__pool(rg_context *ctx)
{
    if (!ctx || ctx->pool)
        return ctx ? ctx->pool : NULL;
    int n_cpus = count_cpus(), n = ctx->n_threads > 0 ? ctx->n_threads : n_cpus;
    n = n < MAX_WORKERS ? n : MAX_WORKERS;
    struct rg__pool *pool =
        rg__alloc(ctx, 1, sizeof *pool + (size_t)n * sizeof pool->worker[0], "the thread pool");
    if (!pool)
        return NULL;
    pool->ctx = ctx;
    pool->spins = n <= n_cpus ? SPINS : 0;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_mutex_init(&pool->allocator_lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    for (int i = 0; i < n; i++) {
        struct worker *worker = &pool->worker[i];
        worker->pool = pool;
        worker->ctx = *ctx;
        worker->ctx.allocator = (rg_allocator){locked_resize, pool};
        worker->ctx.log = NULL;
        worker->ctx.n_threads = 1;
    }
    start_threads(pool, n);
    return ctx->pool = pool;
}

int rg__pool_size(const struct rg__pool *pool)
{
    return pool->n_workers;
}

rg_context *rg__pool_context(struct rg__pool *pool, int worker)
{
    return &pool->worker[worker].ctx;
}

rg_status rg__pool_run(struct rg__pool *pool, int64_t n, rg__task *task, void *user)
{
    bool parallel = pool->n_workers > 1 && n > 1;
    pool->task = task;
    pool->user = user;
    pool->n = n;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    if (parallel) {
        atomic_store(&pool->running, pool->n_workers - 1);
        start_generation(pool);
    }
    take_tasks(pool, &pool->worker[0]);
    if (parallel)
        wait_for_workers(pool);
    const struct worker *first = NULL;
    for (int i = 0; i < (parallel ? pool->n_workers : 1); i++) {
        const struct worker *w = &pool->worker[i];
        if (w->failed >= 0 && (!first || w->failed < first->failed))
            first = w;
    }
    return first ? rg__fail(pool->ctx, first->ctx.status, "%s", first->ctx.error) : RG_OK;
}

void rg__pool_destroy(struct rg__pool *pool)
{
    if (!pool)
        return;
    pool->stop = true;
    start_generation(pool);
    for (int i = 1; i < pool->n_workers; i++)
        pthread_join(pool->worker[i].thread, NULL);
    for (int i = 0; i < pool->n_workers; i++)
        rg__pool_destroy(pool->worker[i].ctx.pool);
    pthread_cond_destroy(&pool->wake);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->allocator_lock);
    rg__free(pool->ctx, pool);
}

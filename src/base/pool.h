/* pool.h (internal): the thread pool of a context.
 *
 * A run calls a task function for each i from 0 to n - 1; idle workers take the next i. The result
 * of task i may depend only on i, not on the worker, so that results do not depend on the number of
 * threads. The calling thread is worker 0 and takes tasks like the others.
 */
#ifndef RG_BASE_POOL_H
#define RG_BASE_POOL_H

#include "base/base.h"

struct rg__pool;

/* Executes task i on `worker`. `ctx` is the worker's own context, for errors and memory. */
typedef rg_status rg__task(rg_context *ctx, void *user, int worker, int64_t i);

/* The pool of a context, started by the first call; NULL when out of memory (recorded). If the
 * system refuses to start a thread, there are fewer workers than requested. The pool of a worker's
 * own context has one worker, that thread itself. */
struct rg__pool *rg__pool(rg_context *ctx);

/* The number of workers, at least 1. */
int rg__pool_size(const struct rg__pool *pool);

/* The context of a worker, for objects that outlive one task (its graph, its scratch memory). */
rg_context *rg__pool_context(struct rg__pool *pool, int worker);

/* Runs tasks 0 to n - 1 and waits for them. After a failure no further task is started; the result
 * is the status and the message of the failed task with the lowest number, which does not depend on
 * the number of workers. */
rg_status rg__pool_run(struct rg__pool *pool, int64_t n, rg__task *task, void *user);

/* Stops the threads and frees the pool. NULL is allowed. */
void rg__pool_destroy(struct rg__pool *pool);

#endif

/* pool.h (internal): the workers of a context, which share out the numbers 0 to n - 1.
 *
 * The one idea: a task is a function of a number, and what it leaves behind may depend on that
 * number alone. Whoever is free takes the next one, so that nothing is gained or lost by the number
 * of workers but time. The caller is worker 0 and works along.
 */
#ifndef RG_BASE_POOL_H
#define RG_BASE_POOL_H

#include "base/base.h"

struct rg__pool;

/* Task i, run by `worker`: errors and memory go through ctx, which is that worker's own. */
typedef rg_status rg__task(rg_context *ctx, void *user, int worker, int64_t i);

/* The workers of a context, started at the first call; NULL when out of memory (recorded). Where
 * the system gives fewer threads than were asked for, there are fewer workers. A worker's own
 * context has itself for its only worker. */
struct rg__pool *rg__pool(rg_context *ctx);

/* How many workers there are, at least 1. */
int rg__pool_size(const struct rg__pool *pool);

/* The context of a worker, for what outlives one task (its graph, its scratch). */
rg_context *rg__pool_context(struct rg__pool *pool, int worker);

/* Runs tasks 0 to n - 1. After a failure no further task begins; the status and the sentence of the
 * lowest-numbered one that failed are the result, whatever the number of workers. */
rg_status rg__pool_run(struct rg__pool *pool, int64_t n, rg__task *task, void *user);

/* Ends the workers. NULL is allowed. */
void rg__pool_destroy(struct rg__pool *pool);

#endif

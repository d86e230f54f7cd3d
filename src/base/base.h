/* base.h (internal): what every layer may use of the context: errors, memory, notes, the clock.
 *
 * The one idea: a failing function records one sentence and returns its status in one expression,
 *     return rg__fail(ctx, RG_BAD_DATA, "%s: ...", path);
 */
#ifndef RG_BASE_BASE_H
#define RG_BASE_BASE_H

#include <rankgrad/base.h>

struct rg__files;

struct rg_context {
    rg_allocator allocator;
    rg_log_function *log;
    void *log_user;
    const volatile sig_atomic_t *cancel;
    const struct rg__files *files; /* every file operation goes through it; tests replace it */
    int level;                     /* of x86-64: 1, 3 (AVX2) or 4 (AVX-512); elsewhere 1 */
    int n_threads;                 /* 0: one for each CPU */
    struct rg__pool *pool;         /* NULL: not started */
    rg_status status;
    char error[1024];
    char note[1024]; /* the last one, which is not repeated */
};

#define RG__PRINTF(text, first) __attribute__((format(printf, text, first)))

/* Records the sentence and returns the status. */
rg_status rg__fail(rg_context *ctx, rg_status status, const char *format, ...) RG__PRINTF(3, 4);

/* "1 list", "2 lists": a number and a noun with a regular plural, for messages. */
struct rg__counted {
    char text[48];
};
struct rg__counted rg__counted(int64_t n, const char *noun);

/* RG_LIMIT: "out of memory: N bytes for WHAT". */
rg_status rg__fail_memory(rg_context *ctx, size_t size, const char *what);

/* RG_IO: "PATH: cannot VERB: errno's text". */
rg_status rg__fail_errno(rg_context *ctx, const char *path, const char *verb, int error);

/* RG_USAGE for the first NULL of the pointers that are listed after their names, up to a final
 * NULL:
 *     rg__require(ctx, "rg_train", "train", train, "out", out, NULL)
 * gives "rg_train: train is NULL". RG_LIMIT where the context itself is NULL, as rg__fail. */
rg_status rg__require(rg_context *ctx, const char *who, ...) __attribute__((sentinel));

/* A member of an options struct and whether its value is in range. */
struct rg__range {
    const char *name; /* the member's */
    double value;
    bool valid;
    const char *expected; /* "0 <= momentum < 1" */
};

/* RG_USAGE for the first that is not valid: "WHO: `NAME` is VALUE; expected EXPECTED". */
rg_status rg__check_ranges(rg_context *ctx, const char *who, const struct rg__range *ranges, int n);

/* Sends a sentence to the caller's log. */
void rg__log(rg_context *ctx, rg_log_level level, const char *format, ...) RG__PRINTF(3, 4);

/* RG_OK, or RG_CANCELLED once the caller's flag is set; for loops that last. */
rg_status rg__cancelled(rg_context *ctx);

/* count * size bytes from the context's allocator, zeroed; NULL (error recorded) when they cannot
 * be had or the product overflows. Never NULL on success: 0 bytes are one. */
void *rg__alloc(rg_context *ctx, int64_t count, size_t size, const char *what);

/* The same, not zeroed: for what is as large as the data, to be filled on all workers. */
void *rg__alloc_uninitialized(rg_context *ctx, int64_t count, size_t size, const char *what);

/* Grows an array to at least `count` elements, doubling; *capacity is updated. False: no memory,
 * the old block stands. */
bool rg__grow(rg_context *ctx, void **block, int64_t *capacity, int64_t count, size_t size,
              const char *what);

void rg__free(rg_context *ctx, void *block);

/* A copy of a string, or of its first n bytes. */
char *rg__strdup(rg_context *ctx, const char *text);
char *rg__strndup(rg_context *ctx, const char *text, size_t n);

/* The index of `text` in a NULL-ended array; -1 when it is not there. */
int rg__find_name(const char *const *names, const char *text);

/* Seconds on a clock that never goes back. */
double rg__seconds(void);

/* The smallest limit on this process's memory, and what sets it, for messages: the machine's
 * memory, its cgroup or one around that (versions 1 and 2), or what RLIMIT_AS leaves. */
struct rg__memory_limit {
    int64_t bytes;
    const char *source;
};
struct rg__memory_limit rg__memory_limit(rg_context *ctx);

#define RG__COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

#endif

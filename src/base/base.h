/* base.h (internal): what every layer uses of the context: errors, memory, log messages, the clock.
 *
 * A function that fails records its error message and returns the status in one statement:
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
    int level;                     /* x86-64 level: 1, 3 (AVX2) or 4 (AVX-512); 1 elsewhere */
    int n_threads;                 /* 0: one per CPU */
    struct rg__pool *pool;         /* NULL: not started */
    rg_status status;              /* of the last error */
    char error[1024];              /* its message */
    char last_logged[1024];        /* not logged again if the next message is the same */
};

#define RG__PRINTF(text, first) __attribute__((format(printf, text, first)))

/* Records an error message and returns the status. */
rg_status rg__fail(rg_context *ctx, rg_status status, const char *format, ...) RG__PRINTF(3, 4);

/* "1 list", "2 lists": a number and a noun with a regular plural, for messages. */
struct rg__counted {
    char text[48];
};
struct rg__counted rg__counted(int64_t n, const char *noun);

/* RG_LIMIT: "out of memory: N bytes for WHAT". */
rg_status rg__fail_memory(rg_context *ctx, size_t size, const char *what);

/* RG_IO: "PATH: cannot VERB: " and the text of an errno value. */
rg_status rg__fail_errno(rg_context *ctx, const char *path, const char *verb, int error);

/* Checks arguments for NULL, given as pairs of name and pointer and ended by NULL:
 *     rg__require(ctx, "rg_train", "train", train, "out", out, NULL)
 * RG_USAGE for the first that is NULL: "rg_train: train is NULL". RG_LIMIT if the context itself is
 * NULL, as for rg__fail. */
rg_status rg__require(rg_context *ctx, const char *who, ...) __attribute__((sentinel));

/* A member of an options struct and whether its value is in range. */
struct rg__range {
    const char *name; /* of the member */
    double value;
    bool valid;
    const char *expected; /* "0 <= momentum < 1" */
};

/* RG_USAGE for the first option out of range: "WHO: `NAME` is VALUE; expected EXPECTED". */
rg_status rg__check_ranges(rg_context *ctx, const char *who, const struct rg__range *ranges, int n);

/* Sends a message to the caller's log function. */
void rg__log(rg_context *ctx, rg_log_level level, const char *format, ...) RG__PRINTF(3, 4);

/* RG_CANCELLED once the caller's flag is set, else RG_OK; to be called in long loops. */
rg_status rg__cancelled(rg_context *ctx);

/* Allocates count * size bytes (at least one) from the context's allocator, zeroed. NULL, with the
 * error recorded, when out of memory or when the product overflows. `what` is for the message. */
void *rg__alloc(rg_context *ctx, int64_t count, size_t size, const char *what);

/* The same, not zeroed: for memory as large as the data, which the workers fill in parallel. */
void *rg__alloc_uninitialized(rg_context *ctx, int64_t count, size_t size, const char *what);

/* Grows an array to at least `count` elements, by doubling, and updates *capacity. False when out
 * of memory; the old block is then unchanged. */
bool rg__grow(rg_context *ctx, void **block, int64_t *capacity, int64_t count, size_t size,
              const char *what);

void rg__free(rg_context *ctx, void *block);

/* A copy of a string, or of its first n bytes. */
char *rg__strdup(rg_context *ctx, const char *text);
char *rg__strndup(rg_context *ctx, const char *text, size_t n);

/* The index of `text` in an array that ends with NULL, or -1. */
int rg__find_name(const char *const *names, const char *text);

/* Seconds on a monotonic clock. */
double rg__seconds(void);

/* The smallest limit on this process's memory and, for messages, what sets it: the machine's
 * memory, the limit of its cgroup or an enclosing one (versions 1 and 2), or what is left of
 * RLIMIT_AS. */
struct rg__memory_limit {
    int64_t bytes;
    const char *source;
};
struct rg__memory_limit rg__memory_limit(rg_context *ctx);

#define RG__COUNT(array) ((int)(sizeof(array) / sizeof((array)[0])))

#endif

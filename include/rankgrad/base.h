/* base.h: status codes, the context, and the rules that every call follows.
 *
 * A context holds everything a call needs besides its arguments (allocator, last error message, log
 * callback, worker threads), so the library has no global state,
 * except that rg_train sets OpenBLAS's number of threads, which is one per process, to 1 and
 * restores it. Use one context from one thread at
 * a time; a program may have any number of contexts.
 *
 *   rg_context *ctx = rg_context_create(NULL);
 *   if (rg_dataset_open(ctx, "mq2008.h5", NULL, &data) != RG_OK)
 *       fprintf(stderr, "%s\n", rg_last_error(ctx));
 *   rg_context_destroy(ctx);
 *
 * Arguments are checked at the start of every call: a NULL pointer (where the comment does not
 * allow NULL), a negative or impossible count or an enum value that does not exist is RG_USAGE or
 * RG_BAD_DATA with a message such as "rg_train: train is NULL". A NULL context, graph, model,
 * optimizer or data set is one that could not be created: a call with it returns RG_LIMIT, NULL, 0
 * or false, and there is no message. What cannot be checked: that an array is as long as its count
 * says, and that a pointer that is not NULL is valid.
 */
#ifndef RANKGRAD_BASE_H
#define RANKGRAD_BASE_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RG_VERSION "0.1.0"

#if defined(RG_BUILD) && defined(__GNUC__)
#define RG_API __attribute__((visibility("default")))
#else
#define RG_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The result of a call: name, value, meaning. The program `rankgrad` uses the values as its exit
 * statuses. */
#define RG_STATUS_MAP(X)                                                                           \
    X(OK, 0, "done")                                                                               \
    X(INTERNAL, 1, "a defect of Rankgrad itself")                                                  \
    X(USAGE, 2, "an argument or option is out of range or contradicts another")                    \
    X(BAD_DATA, 3, "the data are wrong: shapes, types, NaN, order of the lists")                   \
    X(DAMAGED, 4, "the file is truncated, inconsistent or hostile")                                \
    X(IO, 5, "the system refused to read or write")                                                \
    X(LIMIT, 6, "out of memory, or past a stated limit")                                           \
    X(DIVERGED, 7, "training diverged, or failed as rg_train_verdict says")                        \
    X(CANCELLED, 8, "the caller asked to stop")

typedef enum rg_status {
#define RG_STATUS_ENUM(name, value, meaning) RG_##name = value,
    RG_STATUS_MAP(RG_STATUS_ENUM)
#undef RG_STATUS_ENUM
        RG_STATUS_COUNT
} rg_status;

/* The name of a status, such as "BAD_DATA"; NULL for an invalid value. Static. */
RG_API const char *rg_status_name(rg_status status);

/* A custom allocator. resize(user, NULL, n) allocates n > 0 bytes aligned as malloc does,
 * resize(user, block, n) grows or shrinks a block, and resize(user, block, 0) frees it and returns
 * NULL. When an allocation returns NULL, the call in progress fails with RG_LIMIT. It is called
 * from the thread that uses the context and from its workers, never from two threads at once
 * (except by rg_model_score: from every thread that scores). libhdf5, OpenBLAS and jansson use
 * malloc instead. */
typedef struct rg_allocator {
    void *(*resize)(void *user, void *block, size_t size);
    void *user;
} rg_allocator;

typedef enum rg_log_level { RG_LOG_INFO, RG_LOG_WARNING } rg_log_level;

/* Receives every note and warning, one line without a line end; a message equal to the previous one
 * is dropped. `message` is valid only during the call. */
typedef void rg_log_function(void *user, rg_log_level level, const char *message);

typedef struct rg_context_options {
    rg_allocator allocator; /* resize NULL: malloc and free */
    rg_log_function *log;   /* NULL: notes are dropped */
    void *log_user;         /* passed to log */
    /* Long calls return RG_CANCELLED once this is not 0 (a signal handler may set it); may be
     * NULL. */
    const volatile sig_atomic_t *cancel;
    /* Threads that loading, training and scoring a split may use, the caller's included; results
     * have the same bits for any number. 0 or less: one for each CPU of this process. They are
     * started when first needed and joined by rg_context_destroy. After a fork, use the context in
     * the parent or in the child, not in both. */
    int n_threads;
} rg_context_options;

typedef struct rg_context rg_context;

/* The defaults: malloc, no log, no cancel flag, one thread for each CPU. */
RG_API rg_context_options rg_context_options_default(void);

/* Creates a context, owned by the caller; NULL when out of memory. NULL options mean the defaults;
 * the struct is copied. */
RG_API rg_context *rg_context_create(const rg_context_options *options);

/* Destroys a context. Destroy everything created with it first. NULL is allowed. */
RG_API void rg_context_destroy(rg_context *ctx);

/* The message of the last failed call: what was found, what was expected, where, and the remedy. A
 * word in backquotes, in errors and in notes, is a member of an options struct or a component's
 * parameter: "a smaller `lr` may help". "" when no call has failed. Valid until the next failing
 * call or rg_context_destroy. For a NULL context, "out of memory". */
RG_API const char *rg_last_error(const rg_context *ctx);

/* The status of the last failed call; RG_OK when no call has failed. */
RG_API rg_status rg_last_status(const rg_context *ctx);

/* The x86-64 level of the kernels that the context uses: 4 (AVX-512), 3 (AVX2) or 1 (any CPU). */
RG_API int rg_context_cpu_level(const rg_context *ctx);

/* Writes name and version of the i-th library that Rankgrad uses, such as "HDF5 1.10.8", to `text`
 * (size bytes; truncated if necessary). Versions are those of the loaded libraries, not of the
 * headers. For OpenBLAS the build options and the CPU core of its kernels are included. Past the
 * last one, the result is false and the text is "". */
RG_API bool rg_library_version(int i, char *text, size_t size);

#ifdef __cplusplus
}
#endif
#endif

/* context.c: the context: memory from the caller's allocator, the last error, log messages, the
 * clock. */
#include "base/base.h"

#include "base/file.h"
#include "base/pool.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#ifdef __x86_64__
#include <cpuid.h>
#endif

enum { LARGE = 4 << 20 }; /* bytes: from this size on a block gets huge pages */

static void *system_resize(void *user, void *block, size_t size)
{
    (void)user;
    if (size == 0) {
        free(block);
        return NULL;
    }
    return realloc(block, size);
}

const char *rg_status_name(rg_status status)
{
    static const char *const names[] = {
#define NAME(name, value, meaning) [value] = #name,
        RG_STATUS_MAP(NAME)
#undef NAME
    };
    return (unsigned)status < RG_STATUS_COUNT ? names[status] : NULL;
}

/* The x86-64 level (of the psABI), as far as the loops of tensor/vector.c need it. */
static int machine_level(void)
{
#ifdef __x86_64__
    unsigned a, b, c = 0, d;
    bool avx2 = __builtin_cpu_supports("avx2") && __get_cpuid(1, &a, &b, &c, &d) && c & bit_F16C;
    bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                  __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return avx2 && avx512 ? 4 : avx2 ? 3 : 1;
#else
    return 1;
#endif
}

int rg_context_cpu_level(const rg_context *ctx)
{
    return ctx ? ctx->level : 1;
}

rg_context_options rg_context_options_default(void)
{
    return (rg_context_options){.allocator = {system_resize, NULL}};
}

rg_context *rg_context_create(const rg_context_options *options)
{
    rg_context_options o = options ? *options : rg_context_options_default();
    if (!o.allocator.resize)
        o.allocator = (rg_allocator){system_resize, NULL};
    rg_context *ctx = o.allocator.resize(o.allocator.user, NULL, sizeof *ctx);
    if (!ctx)
        return NULL;
    *ctx = (rg_context){.allocator = o.allocator,
                        .log = o.log,
                        .log_user = o.log_user,
                        .cancel = o.cancel,
                        .level = machine_level(),
                        .n_threads = o.n_threads,
                        .files = &rg__system_files};
    return ctx;
}

void rg_context_destroy(rg_context *ctx)
{
    if (!ctx)
        return;
    rg__pool_destroy(ctx->pool);
    ctx->allocator.resize(ctx->allocator.user, ctx, 0);
}

const char *rg_last_error(const rg_context *ctx)
{
    return ctx ? ctx->error : "out of memory: the context is NULL";
}

rg_status rg_last_status(const rg_context *ctx)
{
    return ctx ? ctx->status : RG_LIMIT;
}

rg_status rg__fail(rg_context *ctx, rg_status status, const char *format, ...)
{
    if (!ctx) /* it could not be created, so there is no place for a message */
        return RG_LIMIT;
    char message[sizeof ctx->error]; /* the arguments may point into the last error */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    memcpy(ctx->error, message, sizeof message);
    ctx->status = status;
    return status;
}

struct rg__counted rg__counted(int64_t n, const char *noun)
{
    struct rg__counted counted;
    snprintf(counted.text, sizeof counted.text, "%lld %s%s", (long long)n, noun, n == 1 ? "" : "s");
    return counted;
}

rg_status rg__fail_memory(rg_context *ctx, size_t size, const char *what)
{
    return rg__fail(ctx, RG_LIMIT, "out of memory: %zu bytes for %s", size, what);
}

rg_status rg__fail_errno(rg_context *ctx, const char *path, const char *verb, int error)
{
    char text[128];
    if (strerror_r(error, text, sizeof text) != 0)
        snprintf(text, sizeof text, "error %d", error);
    return rg__fail(ctx, RG_IO, "%s: cannot %s: %s", path, verb, text);
}

rg_status rg__require(rg_context *ctx, const char *who, ...)
{
    rg_status status = ctx ? RG_OK : RG_LIMIT;
    va_list arguments;
    va_start(arguments, who);
    for (const char *name; status == RG_OK && (name = va_arg(arguments, const char *)) != NULL;)
        if (!va_arg(arguments, const void *))
            status = rg__fail(ctx, RG_USAGE, "%s: %s is NULL", who, name);
    va_end(arguments);
    return status;
}

rg_status rg__check_ranges(rg_context *ctx, const char *who, const struct rg__range *ranges, int n)
{
    for (int i = 0; i < n; i++)
        if (!ranges[i].valid)
            return rg__fail(ctx, RG_USAGE, "%s: `%s` is %g; expected %s", who, ranges[i].name,
                            ranges[i].value, ranges[i].expected);
    return RG_OK;
}

void rg__log(rg_context *ctx, rg_log_level level, const char *format, ...)
{
    if (!ctx->log)
        return;
    char message[sizeof ctx->last_logged];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    if (strcmp(message, ctx->last_logged) == 0)
        return;
    memcpy(ctx->last_logged, message, sizeof message);
    ctx->log(ctx->log_user, level, message);
}

rg_status rg__cancelled(rg_context *ctx)
{
    if (ctx->cancel && *ctx->cancel)
        return rg__fail(ctx, RG_CANCELLED, "interrupted");
    return RG_OK;
}

void *rg__alloc_uninitialized(rg_context *ctx, int64_t count, size_t size, const char *what)
{
    size_t total;
    if (count < 0 || __builtin_mul_overflow((size_t)count, size, &total)) {
        rg__fail(ctx, RG_LIMIT,
                 "cannot allocate %lld elements of %zu bytes for %s: the size overflows",
                 (long long)count, size, what);
        return NULL;
    }
    if (total == 0)
        total = 1;
    void *block = ctx ? ctx->allocator.resize(ctx->allocator.user, NULL, total) : NULL;
    if (!block)
        rg__fail_memory(ctx, total, what);
    else if (total >= LARGE)
        rg__advise_huge_pages(block, total);
    return block;
}

void *rg__alloc(rg_context *ctx, int64_t count, size_t size, const char *what)
{
    void *block = rg__alloc_uninitialized(ctx, count, size, what);
    size_t total = (size_t)count * size;
    return block ? memset(block, 0, total ? total : 1) : NULL;
}

bool rg__grow(rg_context *ctx, void **block, int64_t *capacity, int64_t count, size_t size,
              const char *what)
{
    if (count <= *capacity)
        return true;
    int64_t next = *capacity < 16 ? 16 : *capacity;
    while (next < count && next <= INT64_MAX / 2)
        next *= 2;
    size_t total;
    if (next < count || __builtin_mul_overflow((size_t)next, size, &total)) {
        rg__fail_memory(ctx, SIZE_MAX, what);
        return false;
    }
    void *grown = ctx->allocator.resize(ctx->allocator.user, *block, total);
    if (!grown) {
        rg__fail_memory(ctx, total, what);
        return false;
    }
    *block = grown;
    *capacity = next;
    return true;
}

void rg__free(rg_context *ctx, void *block)
{
    if (block)
        ctx->allocator.resize(ctx->allocator.user, block, 0);
}

char *rg__strndup(rg_context *ctx, const char *text, size_t n)
{
    char *copy = rg__alloc(ctx, (int64_t)n + 1, 1, "a string");
    if (copy)
        memcpy(copy, text, n);
    return copy;
}

char *rg__strdup(rg_context *ctx, const char *text)
{
    return rg__strndup(ctx, text, strlen(text));
}

int rg__find_name(const char *const *names, const char *text)
{
    for (int i = 0; names[i]; i++)
        if (strcmp(names[i], text) == 0)
            return i;
    return -1;
}

double rg__seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

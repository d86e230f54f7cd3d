/* test_base.c: src/base: errors, allocation, the memory limit, the arena, random numbers, reading,
 * and outputs, which appear complete or not at all, also when any operation fails. */
#include "check.h"

#include "base/arena.h"
#include "base/output.h"
#include "base/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

/* ---- A folder per test, an allocator that counts, file operations that fail ---- */

struct hook {
    size_t live; /* bytes allocated */
    int64_t calls;
    int64_t fail_at; /* this allocation fails; 0: none */
};

union header {
    size_t size;
    max_align_t align;
};

static void *hook_resize(void *user, void *block, size_t size)
{
    struct hook *hook = user;
    union header *old = block ? (union header *)block - 1 : NULL;
    size_t before = old ? old->size : 0;
    if (size == 0) {
        hook->live -= before;
        free(old);
        return NULL;
    }
    if (++hook->calls == hook->fail_at || size > PTRDIFF_MAX / 2)
        return NULL;
    union header *grown = realloc(old, sizeof *grown + size);
    if (!grown)
        return NULL;
    hook->live += size - before;
    grown->size = size;
    return grown + 1;
}

static struct hook hook;
static rg_context *ctx;
static char folder[256];
static char *usual_folder; /* $TMPDIR before the test, which has it in its folder; NULL: not set */

static int set_up(void **state)
{
    (void)state;
    rg_context_options options = {.allocator = {hook_resize, &hook}};
    const char *base = getenv("TMPDIR");
    hook = (struct hook){0};
    ctx = rg_context_create(&options);
    usual_folder = base ? strdup(base) : NULL;
    snprintf(folder, sizeof folder, "%s/rankgrad-XXXXXX", base ? base : "/tmp");
    return ctx && mkdtemp(folder) && setenv("TMPDIR", folder, 1) == 0 ? 0 : -1;
}

/* The path of a file in the test's folder; valid until the fourth call after this one. */
static const char *in_folder(const char *name)
{
    static char paths[4][512];
    static int call;
    char *path = paths[++call % 4];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* The number of files in the folder; also removes them if `and_remove`. */
static int files_in_folder(bool and_remove)
{
    DIR *dir = opendir(folder);
    int n = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        n++;
        if (and_remove)
            remove(in_folder(entry->d_name));
    }
    closedir(dir);
    return n;
}

static int tear_down(void **state)
{
    (void)state;
    rg_context_destroy(ctx);
    if (usual_folder)
        setenv("TMPDIR", usual_folder, 1);
    else
        unsetenv("TMPDIR");
    free(usual_folder);
    files_in_folder(true);
    return rmdir(folder) == 0 && hook.live == 0 ? 0 : -1; /* no test leaks memory */
}

static void write_file(const char *path, const char *text)
{
    FILE *stream = fopen(path, "w");
    assert_non_null(stream);
    assert_true(fputs(text, stream) >= 0);
    assert_int_equal(fclose(stream), 0);
}

static void assert_content(const char *path, const char *expected)
{
    char text[128] = "";
    FILE *stream = fopen(path, "r");
    assert_non_null(stream);
    text[fread(text, 1, sizeof text - 1, stream)] = '\0';
    fclose(stream);
    assert_string_equal(text, expected);
}

/* Settings and counters of the file operations below, which fail on demand. */
static struct {
    int calls, fail_at;  /* the operation that fails; 0: none */
    int error;           /* its errno */
    bool returns_0;      /* the failing write returns 0 instead of an error */
    size_t max_transfer; /* bytes per read or write; 0: any number */
    bool interrupts;     /* every other read or write fails with EINTR */
    int transfers;       /* reads and writes */
    int open_files;
    char operations[512]; /* the names of the operations called */
    char last_opened[512];
} fault;

/* Records a call; true if it must fail. */
static bool must_fail(const char *operation)
{
    size_t used = strlen(fault.operations);
    snprintf(fault.operations + used, sizeof fault.operations - used, "%s ", operation);
    errno = fault.error;
    return ++fault.calls == fault.fail_at;
}

static int fault_open(const char *path, int flags, mode_t mode)
{
    if (must_fail("open"))
        return -1;
    int fd = rg__system_files.open(path, flags, mode);
    fault.open_files += fd >= 0;
    snprintf(fault.last_opened, sizeof fault.last_opened, "%s", path);
    return fd;
}

static int fault_close(int fd)
{
    bool failed = must_fail("close");
    int status = rg__system_files.close(fd); /* as Linux: the descriptor is gone in any case */
    fault.open_files--;
    errno = fault.error;
    return failed ? -1 : status;
}

static int fault_fstat(int fd, struct stat *st)
{
    return must_fail("fstat") ? -1 : rg__system_files.fstat(fd, st);
}

/* How many bytes may be transferred; -1 with EINTR to interrupt the call. */
static ssize_t transfer_size(size_t size)
{
    errno = EINTR;
    if (fault.interrupts && fault.transfers++ % 2 == 0)
        return -1;
    return (ssize_t)(fault.max_transfer && size > fault.max_transfer ? fault.max_transfer : size);
}

static ssize_t fault_pread(int fd, void *to, size_t size, off_t offset)
{
    if (must_fail("pread"))
        return -1;
    ssize_t part = transfer_size(size);
    return part < 0 ? part : rg__system_files.pread(fd, to, (size_t)part, offset);
}

static ssize_t fault_pwrite(int fd, const void *from, size_t size, off_t offset)
{
    if (must_fail("pwrite"))
        return fault.returns_0 ? 0 : -1;
    ssize_t part = transfer_size(size);
    return part < 0 ? part : rg__system_files.pwrite(fd, from, (size_t)part, offset);
}

static int fault_ftruncate(int fd, off_t size)
{
    return must_fail("ftruncate") ? -1 : rg__system_files.ftruncate(fd, size);
}

static int fault_fsync(int fd)
{
    return must_fail("fsync") ? -1 : rg__system_files.fsync(fd);
}

static int fault_rename(const char *from, const char *to)
{
    return must_fail("rename") ? -1 : rg__system_files.rename(from, to);
}

static int fault_unlink(const char *path)
{
    return must_fail("unlink") ? -1 : rg__system_files.unlink(path);
}

static int fault_link(const char *from, const char *to)
{
    return must_fail("link") ? -1 : rg__system_files.link(from, to);
}

static ssize_t fault_readlink(const char *path, char *to, size_t size)
{
    return must_fail("readlink") ? -1 : rg__system_files.readlink(path, to, size);
}

static ssize_t fault_write(int fd, const void *from, size_t size)
{
    return must_fail("write") ? -1 : rg__system_files.write(fd, from, size);
}

static int fault_dup(int fd)
{
    if (must_fail("dup"))
        return -1;
    fault.open_files++;
    return rg__system_files.dup(fd);
}

static int fault_fchmod(int fd, mode_t mode)
{
    return must_fail("fchmod") ? -1 : rg__system_files.fchmod(fd, mode);
}

static int fault_fchown(int fd, uid_t user, gid_t group)
{
    return must_fail("fchown") ? -1 : rg__system_files.fchown(fd, user, group);
}

static int fault_copy_attributes(const char *from, int fd)
{
    return must_fail("attributes") ? -1 : rg__system_files.copy_attributes(from, fd);
}

/* From here on the context uses the operations above; number `fail_at` fails with `error`. */
static void inject_fault(int fail_at, int error)
{
    static struct rg__files files;
    memset(&fault, 0, sizeof fault);
    fault.fail_at = fail_at;
    fault.error = error;
    files = rg__system_files;
    files.open = fault_open;
    files.close = fault_close;
    files.fstat = fault_fstat;
    files.pread = fault_pread;
    files.pwrite = fault_pwrite;
    files.ftruncate = fault_ftruncate;
    files.fsync = fault_fsync;
    files.rename = fault_rename;
    files.unlink = fault_unlink;
    files.link = fault_link;
    files.readlink = fault_readlink;
    files.write = fault_write;
    files.dup = fault_dup;
    files.fchmod = fault_fchmod;
    files.fchown = fault_fchown;
    files.copy_attributes = fault_copy_attributes;
    ctx->files = &files;
}

/* ---- Statuses, errors, log messages ---- */

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(rg_status_name(RG_OK), "OK");
    assert_string_equal(rg_status_name(RG_BAD_DATA), "BAD_DATA");
    assert_string_equal(rg_status_name(RG_CANCELLED), "CANCELLED");
    for (int i = 0; i < RG_STATUS_COUNT; i++)
        assert_non_null(rg_status_name((rg_status)i));
    assert_null(rg_status_name(RG_STATUS_COUNT));
    assert_null(rg_status_name((rg_status)-1));
}

static void the_last_error_is_kept(void **state)
{
    (void)state;
    assert_string_equal(rg_last_error(ctx), "");
    assert_int_equal(rg_last_status(ctx), RG_OK);
    assert_int_equal(rg__fail(ctx, RG_USAGE, "%d is not %s", 3, "four"), RG_USAGE);
    assert_string_equal(rg_last_error(ctx), "3 is not four");
    assert_int_equal(rg_last_status(ctx), RG_USAGE);
    rg__fail(ctx, RG_IO, "x.h5: %s", rg_last_error(ctx)); /* with itself as an argument */
    assert_string_equal(rg_last_error(ctx), "x.h5: 3 is not four");
    rg__fail(ctx, RG_IO, "%*s!", 5000, "x");
    assert_int_equal(strlen(rg_last_error(ctx)), sizeof ctx->error - 1);
    assert_fails(ctx, RG_IO, strerror(ENOSPC), rg__fail_errno(ctx, "a.h5", "write", ENOSPC));
    assert_fails(ctx, RG_IO, "a.h5: cannot write: ", rg__fail_errno(ctx, "a.h5", "write", ENOSPC));
    assert_fails(ctx, RG_LIMIT, "out of memory: 12 bytes for a cake",
                 rg__fail_memory(ctx, 12, "a cake"));
}

static void store_message(void *user, rg_log_level level, const char *message)
{
    snprintf(user, 64, "%d %s", (int)level, message);
}

static void logging_and_cancelling(void **state)
{
    (void)state;
    char logged[64] = "";
    volatile int cancel = 0;
    rg_context_options options = rg_context_options_default();
    rg__log(ctx, RG_LOG_WARNING, "this context has no log function");
    options.log = store_message;
    options.log_user = logged;
    options.cancel = &cancel;
    rg_context *other = rg_context_create(&options);
    rg__log(other, RG_LOG_WARNING, "%s of %d", "one", 7);
    assert_string_equal(logged, "1 one of 7");
    assert_string_equal(rg_last_error(other), ""); /* a log message is not an error */
    assert_ok(other, rg__cancelled(other));
    cancel = 1;
    assert_fails(other, RG_CANCELLED, "interrupted", rg__cancelled(other));
    assert_ok(ctx, rg__cancelled(ctx));
    rg_context_destroy(other);
    rg_context_destroy(NULL);
}

static void names_and_the_clock(void **state)
{
    (void)state;
    const char *const names[] = {"none", "zscore", NULL};
    assert_int_equal(rg__find_name(names, "zscore"), 1);
    assert_int_equal(rg__find_name(names, "z"), -1);
    assert_int_equal(rg__find_name(names, ""), -1);
    double before = rg__seconds();
    assert_true(rg__seconds() >= before);
}

/* ---- The memory limit ---- */

/* The files of a simulated system; all others are missing. */
static const char *const *simulated; /* path, content, ..., NULL */

static int open_simulated(const char *path, int flags, mode_t mode)
{
    (void)mode;
    for (const char *const *file = simulated; *file; file += 2)
        if (strcmp(*file, path) == 0) {
            char at[512];
            snprintf(at, sizeof at, "%s/simulated", folder);
            FILE *stream = fopen(at, "w");
            fputs(file[1], stream);
            fclose(stream);
            return rg__system_files.open(at, flags, 0);
        }
    errno = ENOENT;
    return -1;
}

#define GROUPS "/proc/self/cgroup"
#define MOUNTS "/proc/self/mountinfo"
#define V1     "35 31 0:32 / /cg/memory rw,relatime - cgroup cgroup rw,memory\n"
#define V2     "41 31 0:38 / /cg rw,relatime shared:9 - cgroup2 cgroup2 rw\n"
#define OTHER                                                                                      \
    "32 31 0:29 / /cg/cpu rw - cgroup cgroup rw,cpu,cpuacct\n23 1 0:2 / / rw - ext4 /dev/a rw\n"
#define MEGA "000000"

static const struct {
    int64_t megabytes; /* 0: the machine's memory */
    const char *const files[16];
} limits[] = {
    {0, {NULL}},
    {5, {GROUPS, "0::/a\n", MOUNTS, V2, "/cg/a/memory.max", "5" MEGA "\n", NULL}},
    {0, {GROUPS, "0::/a\n", MOUNTS, V2, "/cg/a/memory.max", "max\n", NULL}},
    {3, /* an enclosing group has less */
     {GROUPS, "0::/a/b/c\n", MOUNTS, OTHER V2, "/cg/a/b/c/memory.max", "max\n",
      "/cg/a/b/memory.max", "9" MEGA, "/cg/a/memory.max", "3" MEGA, NULL}},
    {2, /* memory.high: memory is reclaimed above it */
     {GROUPS, "0::/a\n", MOUNTS, V2, "/cg/a/memory.max", "5" MEGA, "/cg/a/memory.high", "2" MEGA,
      NULL}},
    {4, {GROUPS, "0::/\n", MOUNTS, V2, "/cg/memory.max", "4" MEGA "\n", NULL}},
    {6,
     {GROUPS, "5:devices:/x\n4:memory:/job/1\n0::/\n", MOUNTS, OTHER V1,
      "/cg/memory/job/1/memory.limit_in_bytes", "6" MEGA "\n", NULL}},
    {7,
     {GROUPS, "4:cpu,memory:/job/1\n", MOUNTS, OTHER V1, "/cg/memory/job/1/memory.limit_in_bytes",
      "9223372036854771712\n", "/cg/memory/job/memory.limit_in_bytes", "7" MEGA "\n", NULL}},
    {8, /* a container sees its group as the root of the mount */
     {GROUPS, "4:memory:/docker/f00\n", MOUNTS,
      "35 31 0:32 /docker/f00 /cg/memory ro - cgroup cgroup rw,memory\n",
      "/cg/memory/memory.limit_in_bytes", "8" MEGA, NULL}},
    {8, /* a process whose group is outside of what is mounted */
     {GROUPS, "4:memory:/elsewhere\n", MOUNTS,
      "35 31 0:32 /docker/f00 /cg/memory ro - cgroup cgroup rw,memory\n",
      "/cg/memory/memory.limit_in_bytes", "8" MEGA, NULL}},
    {1, /* both versions at once */
     {GROUPS, "4:memory:/a\n0::/a\n", MOUNTS, V1 V2, "/cg/memory/a/memory.limit_in_bytes", "2" MEGA,
      "/cg/a/memory.max", "1" MEGA, NULL}},
    {0,
     {GROUPS, "4:memories:/a\n", MOUNTS, V1, "/cg/memory/a/memory.limit_in_bytes", "2" MEGA, NULL}},
    {0, {GROUPS, "no line\n\n::\n0:\n", MOUNTS, "1 2 3\n - \n", NULL}},
    {0, {GROUPS, "0::/a", NULL}},
};

static void the_smallest_limit_applies(void **state)
{
    (void)state;
    struct rg__files files = rg__system_files;
    files.open = open_simulated;
    ctx->files = &files;
    int64_t machine = (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        simulated = limits[i].files;
        struct rg__memory_limit limit = rg__memory_limit(ctx);
        assert_int_equal(limit.bytes,
                         limits[i].megabytes ? limits[i].megabytes * 1000000 : machine);
        assert_non_null(strstr(limit.source, limits[i].megabytes ? "cgroup" : "machine"));
    }
    struct rlimit before, now;
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    now = before;
    now.rlim_cur = (rlim_t)machine / 2;
    if (now.rlim_cur > before.rlim_cur || setrlimit(RLIMIT_AS, &now) != 0)
        skip(); /* for example with AddressSanitizer */
    simulated = (const char *const[]){"/proc/self/statm", "1000 5 5\n", NULL};
    struct rg__memory_limit limit = rg__memory_limit(ctx);
    setrlimit(RLIMIT_AS, &before);
    assert_int_equal(limit.bytes, machine / 2 - 1000 * sysconf(_SC_PAGESIZE));
    assert_non_null(strstr(limit.source, "ulimit -v"));
}

/* ---- Memory ---- */

static void allocation(void **state)
{
    (void)state;
    size_t before = hook.live;
    assert_int_equal(before, sizeof *ctx);
    unsigned char *bytes = rg__alloc(ctx, 3, 5, "bytes");
    assert_int_equal(hook.live - before, 15);
    for (int i = 0; i < 15; i++)
        assert_int_equal(bytes[i], 0);
    rg__free(ctx, bytes);
    unsigned char *empty = rg__alloc(ctx, 0, 8, "nothing");
    assert_non_null(empty);
    assert_int_equal(*empty, 0);
    rg__free(ctx, empty);
    rg__free(ctx, NULL);
    int64_t calls = hook.calls;
    assert_null(rg__alloc(ctx, -1, 1, "rows"));
    assert_non_null(strstr(rg_last_error(ctx), "-1 elements of 1 bytes for rows"));
    assert_null(rg__alloc(ctx, INT64_MAX, 8, "rows"));
    assert_int_equal(rg_last_status(ctx), RG_LIMIT);
    assert_int_equal(hook.calls, calls); /* the allocator was not called */
    assert_null(rg__alloc(ctx, INT64_MAX, 1, "rows"));
    assert_string_equal(rg_last_error(ctx), "out of memory: 9223372036854775807 bytes for rows");
    char *copy = rg__strndup(ctx, "rankgrad", 4), *whole = rg__strdup(ctx, "");
    assert_string_equal(copy, "rank");
    assert_string_equal(whole, "");
    rg__free(ctx, copy);
    rg__free(ctx, whole);
    assert_int_equal(hook.live, before);
}

static void growth(void **state)
{
    (void)state;
    void *block = NULL;
    int64_t capacity = 0, calls = hook.calls;
    for (int64_t i = 0; i < 10000; i++) {
        assert_true(rg__grow(ctx, &block, &capacity, i + 1, sizeof i, "numbers"));
        assert_true(capacity > i);
        ((int64_t *)block)[i] = i;
    }
    assert_true(hook.calls - calls <= 11); /* 16, 32, .. 16384 */
    void *before = block;
    hook.fail_at = hook.calls + 1;
    assert_false(rg__grow(ctx, &block, &capacity, capacity + 1, sizeof(int64_t), "numbers"));
    assert_non_null(strstr(rg_last_error(ctx), "for numbers"));
    calls = hook.calls;
    assert_false(rg__grow(ctx, &block, &capacity, INT64_MAX / 2, 8, "numbers"));
    assert_false(rg__grow(ctx, &block, &capacity, INT64_MAX, 1, "numbers"));
    assert_int_equal(hook.calls, calls);
    assert_int_equal(rg_last_status(ctx), RG_LIMIT);
    assert_ptr_equal(block, before);
    assert_int_equal(capacity, 16384);
    for (int64_t i = 0; i < 10000; i++)
        assert_int_equal(((int64_t *)block)[i], i);
    rg__free(ctx, block);
}

/* Calls everything in src/base that allocates. */
static rg_status allocate_everything(rg_context *with, const char *path)
{
    struct rg__arena arena = {.ctx = with};
    struct rg__output out = {0};
    void *array = NULL;
    int64_t capacity = 0;
    char *copy = rg__strdup(with, "a word");
    rg_status status = RG_LIMIT;
    if (!copy || !rg__grow(with, &array, &capacity, 3, 8, "an array") ||
        !rg__grow(with, &array, &capacity, 1000, 8, "an array"))
        goto done;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 3; i++)
            if (!rg__arena_alloc(&arena, 15000))
                goto done;
        rg__arena_reset(&arena);
    }
    status = rg__output_begin(with, path, &out);
    if (status != RG_OK)
        goto done;
    rg__output_write(&out, "whole", 5, 0);
    status = rg__output_commit(&out);
done:
    rg__output_abandon(&out);
    rg__arena_free(&arena);
    rg__free(with, array);
    rg__free(with, copy);
    return status;
}

static void every_failing_allocation_is_reported(void **state)
{
    (void)state;
    const char *path = in_folder("out");
    struct hook failing = {.calls = 1};
    int64_t k;
    for (k = 1; failing.calls >= failing.fail_at; k++) {
        failing = (struct hook){.fail_at = k};
        rg_context_options options = {.allocator = {hook_resize, &failing}};
        rg_context *with = rg_context_create(&options);
        assert_int_equal(with == NULL, k == 1);
        if (with && allocate_everything(with, path) == RG_OK)
            assert_content(path, "whole"); /* a failed merge of the arena's chunks is no error */
        else if (with)
            assert_fails(with, RG_LIMIT, "out of memory: ", rg_last_status(with));
        assert_int_equal(files_in_folder(true), with && rg_last_status(with) == RG_OK);
        rg_context_destroy(with);
        assert_int_equal(failing.live, 0);
    }
    assert_true(k >= 9);
}

#ifdef __GLIBC__
static char memory_area[1 << 20];
static size_t area_used;

/* Allocates from memory_area and frees nothing. */
static void *area_resize(void *user, void *block, size_t size)
{
    (void)user;
    if (size == 0)
        return NULL;
    char *taken = memory_area + area_used;
    area_used += (size + 63) & ~(size_t)63;
    assert_true(area_used <= sizeof memory_area);
    if (block) /* the old size is unknown, so bytes after the old block are copied, too */
        memmove(taken, block, size);
    return taken;
}

/* malloc is not called, as the number of bytes it has handed out shows. */
static void all_memory_comes_from_the_allocator(void **state)
{
    (void)state;
    const char *path = in_folder("out");
    rg_context_options options = {.allocator = {area_resize, NULL}};
    size_t before = mallinfo2().uordblks;
    rg_context *with = rg_context_create(&options);
    rg_status status = allocate_everything(with, path);
    rg__fail(with, RG_IO, "%s: %g", path, 0.1);
    rg__fail_errno(with, path, "read", ENOENT);
    rg_context_destroy(with);
    assert_int_equal(mallinfo2().uordblks, before);
    assert_int_equal(status, RG_OK);
}
#endif

/* ---- The arena ---- */

static void arena_blocks_are_aligned_and_disjoint(void **state)
{
    (void)state;
    struct rg__arena arena = {.ctx = ctx};
    unsigned char *blocks[200];
    for (size_t i = 0; i < 200; i++) {
        blocks[i] = rg__arena_alloc(&arena, i * 7);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % (i * 7 < 64 ? 16 : 64), 0);
        memset(blocks[i], (int)i, i * 7);
    }
    for (size_t i = 0; i < 200; i++)
        for (size_t k = 0; k < i * 7; k++)
            assert_int_equal(blocks[i][k], i);
    assert_ptr_not_equal(blocks[0], blocks[1]); /* also blocks of 0 bytes */
    for (int i = 0; i < 9000; i++) {            /* fills several chunks to the last byte */
        memset(rg__arena_alloc(&arena, 64), 1, 64);
        assert_true(arena.chunks->used <= arena.chunks->size);
    }
    rg__arena_free(&arena);
    assert_int_equal(rg__arena_bytes(&arena), 0);
}

static int count_chunks(const struct rg__arena *arena)
{
    int n = 0;
    for (const struct rg__arena_chunk *c = arena->chunks; c; c = c->next)
        n++;
    return n;
}

/* The same allocations again need no new memory, from the third round at the latest. */
static void arena_reuses_its_memory(void **state)
{
    (void)state;
    struct rg__arena arena = {.ctx = ctx};
    int64_t calls = 0;
    size_t bytes = 0;
    rg__arena_reset(&arena); /* of nothing */
    for (int round = 0; round < 10; round++) {
        if (round == 2) {
            calls = hook.calls;
            bytes = rg__arena_bytes(&arena);
        }
        for (size_t i = 0; i < 100; i++)
            assert_non_null(rg__arena_alloc(&arena, i % 10 == 9 ? 3000000 : 1000 * (i % 10)));
        if (round == 0)
            assert_true(count_chunks(&arena) > 2);
        rg__arena_reset(&arena);
        assert_int_equal(count_chunks(&arena), 1);
    }
    assert_int_equal(hook.calls, calls);
    assert_int_equal(rg__arena_bytes(&arena), bytes);
    rg__arena_free(&arena);
}

/* Only chunks of small blocks double: four arrays of 40 MB take 160 MB, not 280. */
static void arena_takes_large_blocks_exactly(void **state)
{
    (void)state;
    enum { LARGE = 40 * 1000 * 1000 };
    struct rg__arena arena = {.ctx = ctx};
    size_t before = hook.live;
    for (int i = 0; i < 4; i++) {
        assert_non_null(rg__arena_alloc(&arena, LARGE));
        assert_non_null(rg__arena_alloc(&arena, 100));
    }
    assert_true(rg__arena_bytes(&arena) >= 4u * LARGE);
    assert_true(hook.live - before <= 4u * LARGE + (1u << 20) + 4096);
    rg__arena_reset(&arena);
    assert_non_null(rg__arena_alloc(&arena, 100));
    assert_true(hook.live - before <= 4u * LARGE + (1u << 20) + 4096);
    rg__arena_free(&arena);
}

/* After a large block, small ones are still taken from the old chunk. */
static void arena_continues_after_a_large_block(void **state)
{
    (void)state;
    struct rg__arena arena = {.ctx = ctx};
    char *first = rg__arena_alloc(&arena, 64), *large = rg__arena_alloc(&arena, 1 << 22);
    char *second = rg__arena_alloc(&arena, 64);
    assert_ptr_equal(second, first + 64);
    memset(large, 1, 1 << 22);
    memset(first, 2, 128);
    assert_int_equal(large[0] + large[(1 << 22) - 1], 2);
    rg__arena_free(&arena);
}

static void arena_without_memory(void **state)
{
    (void)state;
    struct rg__arena arena = {.ctx = ctx};
    assert_null(rg__arena_alloc(&arena, SIZE_MAX));
    assert_int_equal(rg_last_status(ctx), RG_LIMIT);
    assert_null(rg__arena_alloc(&arena, SIZE_MAX - 64));
    assert_null(rg__arena_alloc(&arena, SIZE_MAX - 200));
    assert_int_equal(rg__arena_bytes(&arena), 0);
    assert_non_null(rg__arena_alloc(&arena, 10000));
    assert_non_null(rg__arena_alloc(&arena, 10000));
    hook.fail_at = hook.calls + 1;
    rg__arena_reset(&arena); /* the merge fails: the arena is empty but usable */
    assert_int_equal(rg__arena_bytes(&arena), 0);
    assert_non_null(rg__arena_alloc(&arena, 10000));
    hook.fail_at = hook.calls + 1;
    assert_null(rg__arena_alloc(&arena, 10000));
    assert_non_null(strstr(rg_last_error(ctx), "out of memory"));
    assert_non_null(rg__arena_alloc(&arena, 10000));
    rg__arena_free(&arena);
}

static void arena_is_poisoned_at_reset(void **state)
{
    (void)state;
#ifdef NDEBUG
    skip();
#endif
    struct rg__arena arena = {.ctx = ctx};
    unsigned char *block = rg__arena_alloc(&arena, 1000);
    memset(block, 0, 1000);
    rg__arena_reset(&arena);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(block[i], 0xa5);
    rg__arena_free(&arena);
}

/* ---- Random numbers ---- */

static uint64_t join(uint32_t low, uint32_t high)
{
    return (uint64_t)high << 32 | low;
}

/* philox4x32-10 in kat_vectors of Random123: counter (4 words), key (2), result (4). */
static const uint32_t known[][10] = {
    {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
    {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e,
     0xa20bc7c6, 0x6d5451fd},
    {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb,
     0x5001e420, 0x24126ea1},
};

static void random_bits_are_philox(void **state)
{
    (void)state;
    for (int i = 0; i < RG__COUNT(known); i++)
        for (int s = RG__STREAM_SHUFFLE; s <= RG__STREAM_COTANGENT; s++) {
            const uint32_t *k = known[i];
            enum rg__stream stream = (enum rg__stream)s;
            uint64_t a = join(k[0], k[1]), b = join(k[2], k[3]), bits = join(k[6], k[7]);
            /* the key is seed + stream * (the odd number next to 2^64 / golden ratio) */
            uint64_t seed = join(k[4], k[5]) - (uint64_t)s * 0x9E3779B97F4A7C15u;
            assert_true(rg_random(seed, stream, a, b) == bits);
            double u = (double)(bits >> 11) / 9007199254740992.0;
            double v = (double)(join(k[8], k[9]) >> 11) / 9007199254740992.0;
            assert_close(rg_uniform(seed, stream, a, b), u, 0, 0);
            assert_close(rg_normal(seed, stream, a, b),
                         sqrt(-2 * log(1 - u)) * cos(2 * acos(-1) * v), 1e-14, 1e-14);
        }
}

/* Each of seed, stream, a and b matters, the high halves of a and b included. */
static void draws_depend_on_all_four(void **state)
{
    (void)state;
    uint64_t draws[] = {
        rg_random(1, RG__STREAM_SHUFFLE, 2, 3),
        rg_random(2, RG__STREAM_SHUFFLE, 2, 3),
        rg_random(1, RG__STREAM_SPLIT, 2, 3),
        rg_random(1, RG__STREAM_SHUFFLE, 3, 3),
        rg_random(1, RG__STREAM_SHUFFLE, 2, 4),
        rg_random(1, RG__STREAM_SHUFFLE, 3, 2),
        rg_random(1 + (1ull << 40), RG__STREAM_SHUFFLE, 2, 3),
        rg_random(1, RG__STREAM_SHUFFLE, 2 + (1ull << 40), 3),
        rg_random(1, RG__STREAM_SHUFFLE, 2, 3 + (1ull << 40)),
    };
    for (int i = 0; i < RG__COUNT(draws); i++)
        for (int k = 0; k < i; k++)
            assert_true(draws[i] != draws[k]);
    assert_true(draws[0] == rg_random(1, RG__STREAM_SHUFFLE, 2, 3));
}

static void moments(void **state)
{
    (void)state;
    enum { N = 200000 };
    double u1 = 0, n1 = 0, n2 = 0, n3 = 0, n4 = 0, chi = 0;
    int64_t bins[64] = {0};
    for (uint64_t i = 0; i < N; i++) {
        double u = rg_uniform(7, RG__STREAM_GENERATE, 1, i);
        double z = rg_normal(7, RG__STREAM_GENERATE, 2, i);
        assert_true(u >= 0 && u < 1);
        assert_true(isfinite(z));
        bins[(int)(u * 64)]++;
        u1 += u;
        n1 += z;
        n2 += z * z;
        n3 += z * z * z;
        n4 += z * z * z * z;
    }
    for (int i = 0; i < 64; i++)
        chi += pow((double)bins[i] - N / 64.0, 2) / (N / 64.0);
    double se = 1 / sqrt(N); /* bounds of five standard errors */
    assert_close(u1 / N, 0.5, 0, 5 * se * sqrt(1 / 12.0));
    assert_close(n1 / N, 0, 0, 5 * se);
    assert_close(n2 / N, 1, 0, 5 * se * sqrt(2));
    assert_close(n3 / N, 0, 0, 5 * se * sqrt(15));
    assert_close(n4 / N, 3, 0, 5 * se * sqrt(96));
    assert_true(chi < 63 + 5 * sqrt(126));
}

static void shuffle_permutes(void **state)
{
    (void)state;
    enum { N = 1000 };
    int64_t first[N], second[N], again[N];
    bool seen[N] = {false};
    int moved = 0, differ = 0;
    for (int i = 0; i < N; i++)
        first[i] = second[i] = again[i] = i;
    rg_shuffle(first, N, 5, RG__STREAM_SHUFFLE, 0);
    rg_shuffle(second, N, 5, RG__STREAM_SHUFFLE, 1);
    rg_shuffle(again, N, 5, RG__STREAM_SHUFFLE, 0);
    for (int i = 0; i < N; i++) {
        assert_in_range(first[i], 0, N - 1);
        assert_false(seen[first[i]]);
        seen[first[i]] = true;
        moved += first[i] != i;
        differ += first[i] != second[i];
    }
    assert_true(moved > N - 10); /* one fixed point is expected */
    assert_true(differ > N - 10);
    assert_memory_equal(first, again, sizeof first);
    int64_t one = 42;
    rg_shuffle(&one, 1, 5, RG__STREAM_SHUFFLE, 0);
    rg_shuffle(NULL, 0, 5, RG__STREAM_SHUFFLE, 0);
    assert_int_equal(one, 42);
}

/* The 24 orders of four items are equally likely over the epochs: a chi-square test with 23 degrees
 * of freedom, whose statistic exceeds 49.7 once in a thousand. */
static void shuffle_is_uniform(void **state)
{
    (void)state;
    enum { N = 48000 };
    int counts[256] = {0}, orders = 0;
    double chi = 0;
    for (uint64_t epoch = 0; epoch < N; epoch++) {
        int64_t x[] = {0, 1, 2, 3};
        rg_shuffle(x, 4, 1, RG__STREAM_SHUFFLE, epoch);
        counts[x[0] << 6 | x[1] << 4 | x[2] << 2 | x[3]]++;
    }
    for (int i = 0; i < 256; i++) {
        orders += counts[i] > 0;
        if (counts[i] > 0)
            chi += pow(counts[i] - N / 24.0, 2) / (N / 24.0);
    }
    assert_int_equal(orders, 24);
    assert_true(chi < 49.7);
}

/* ---- Reading ---- */

static rg_status open_and_close(const char *path, int64_t *size)
{
    int fd;
    rg_status status = rg__open_input(ctx, path, &fd, size);
    assert_int_equal(fd >= 0, status == RG_OK);
    rg__close_input(ctx, fd);
    return status;
}

/* Some systems report the number of bytes in a pipe as st_size, which is not its size. */
static int fstat_of_a_pipe(int fd, struct stat *st)
{
    (void)fd;
    *st = (struct stat){.st_mode = S_IFIFO, .st_size = 99};
    return 0;
}

static void inputs_open(void **state)
{
    (void)state;
    int64_t size = -1;
    inject_fault(0, 0);
    write_file(in_folder("text"), "seven b");
    assert_ok(ctx, open_and_close(in_folder("text"), &size));
    assert_int_equal(size, 7);
    write_file(in_folder("empty"), "");
    assert_ok(ctx, open_and_close(in_folder("empty"), &size));
    assert_int_equal(size, 0);
    assert_int_equal(mkfifo(in_folder("pipe"), 0600), 0);
    int writer = open(in_folder("pipe"), O_RDWR); /* or opening it would wait for a writer */
    assert_true(writer >= 0);
    assert_int_equal(write(writer, "abc", 3), 3);
    size = -1;
    assert_ok(ctx, open_and_close(in_folder("pipe"), &size));
    assert_int_equal(size, 0);
    close(writer);
    assert_int_equal(fault.open_files, 0);
    struct rg__files files = rg__system_files;
    files.fstat = fstat_of_a_pipe;
    ctx->files = &files;
    assert_ok(ctx, open_and_close(in_folder("text"), &size));
    assert_int_equal(size, 0);
}

static void inputs_that_cannot_be_opened(void **state)
{
    (void)state;
    int64_t size;
    inject_fault(0, 0);
    assert_fails(ctx, RG_IO, strerror(ENOENT), open_and_close(in_folder("none"), &size));
    assert_fails(ctx, RG_IO, "none: cannot open: ", open_and_close(in_folder("none"), &size));
    assert_fails(ctx, RG_IO, strerror(EISDIR), open_and_close(folder, &size));
    assert_fails(ctx, RG_IO, folder, open_and_close(folder, &size));
    write_file(in_folder("text"), "x");
    assert_fails(ctx, RG_IO, strerror(ENOTDIR), open_and_close(in_folder("text/x"), &size));
    for (int k = 1; k <= 2; k++) { /* open, fstat */
        inject_fault(k, EACCES);
        assert_fails(ctx, RG_IO, strerror(EACCES), open_and_close(in_folder("text"), &size));
        assert_int_equal(fault.open_files, 0);
    }
}

static void inputs_without_permission(void **state)
{
    (void)state;
    int64_t size;
    if (geteuid() == 0)
        skip(); /* root may read everything */
    write_file(in_folder("secret"), "x");
    assert_int_equal(chmod(in_folder("secret"), 0), 0);
    assert_fails(ctx, RG_IO, strerror(EACCES), open_and_close(in_folder("secret"), &size));
}

static void reading_is_exact(void **state)
{
    (void)state;
    char text[32] = "";
    int64_t size;
    int fd;
    write_file(in_folder("text"), "0123456789");
    inject_fault(0, 0);
    assert_ok(ctx, rg__open_input(ctx, in_folder("text"), &fd, &size));
    fault.max_transfer = 3;
    fault.interrupts = true;
    assert_ok(ctx, rg__read_at(ctx, "text", fd, text, 8, 2));
    assert_string_equal(text, "23456789");
    assert_ok(ctx, rg__read_at(ctx, "text", fd, text, 0, 99));
    assert_fails(ctx, RG_DAMAGED, "text: the file ends at byte 10, 2 bytes too early",
                 rg__read_at(ctx, "text", fd, text, 9, 3));
    fault.fail_at = fault.calls + 2;
    fault.error = EIO;
    assert_fails(ctx, RG_IO, strerror(EIO), rg__read_at(ctx, "text", fd, text, 8, 0));
    char *mapped = ctx->files->mmap(10, fd);
    assert_memory_equal(mapped, "0123456789", 10);
    assert_int_equal(ctx->files->munmap(mapped, 10), 0);
    assert_null(ctx->files->mmap(0, fd));
    rg__close_input(ctx, fd);
    rg__close_input(ctx, -1); /* does nothing */
    assert_int_equal(fault.open_files, 0);
}

/* ---- Writing ---- */

/* Writes "new contents" out of order, over a longer text that is then truncated. */
static rg_status save(const char *path)
{
    struct rg__output out;
    rg_status status = rg__output_begin(ctx, path, &out);
    if (status != RG_OK)
        return status;
    rg__output_write(&out, "contents, and more", 18, 4);
    rg__output_write(&out, "new ", 4, 0);
    rg__output_truncate(&out, 12);
    status = rg__output_commit(&out);
    rg__output_abandon(&out); /* safe also after a commit */
    return status;
}

static void outputs_are_complete(void **state)
{
    (void)state;
    const char *path = in_folder("out");
    assert_ok(ctx, save(path));
    assert_content(path, "new contents");
    write_file(path, "old, and very much longer than the new one");
    assert_ok(ctx, save(path));
    assert_content(path, "new contents");
    inject_fault(0, 0);
    fault.max_transfer = 1;
    fault.interrupts = true;
    assert_ok(ctx, save(in_folder("slow")));
    assert_content(in_folder("slow"), "new contents");
    assert_true(fault.transfers >= 44);
    assert_int_equal(fault.open_files, 0);
    assert_int_equal(files_in_folder(false), 2);
}

static void abandoned_outputs_leave_nothing(void **state)
{
    (void)state;
    struct rg__output out = {0};
    rg__output_abandon(&out);
    inject_fault(0, 0);
    write_file(in_folder("out"), "old");
    assert_ok(ctx, rg__output_begin(ctx, in_folder("out"), &out));
    assert_int_equal(files_in_folder(false), 2);
    rg__output_write(&out, "new", 3, 0);
    assert_content(in_folder("out"), "old"); /* until the commit */
    rg__output_abandon(&out);
    rg__output_abandon(&out);
    assert_int_equal(files_in_folder(false), 1);
    assert_content(in_folder("out"), "old");
    assert_int_equal(fault.open_files, 0);
}

/* The name of the k-th operation (from 1) in a list. */
static const char *operation_at(const char *operations, int k, char name[16])
{
    const char *at = operations;
    for (; k > 1; k--)
        at = strchr(at, ' ') + 1;
    snprintf(name, 16, "%.*s", (int)strcspn(at, " "), at);
    return name;
}

/* Whichever operation fails, the target is either the old or the new file, complete, and no other
 * file remains. Failures after the rename, and of setting the owner or the attributes, are no
 * errors. */
static void every_failing_operation_is_reported(void **state)
{
    (void)state;
    const int errors[] = {ENOSPC, EIO, EDQUOT, EACCES};
    const char *path = in_folder("out");
    inject_fault(0, 0);
    write_file(path, "old");
    assert_ok(ctx, save(path));
    static const char expected[] = "readlink open fstat close open fchown attributes fchmod pwrite "
                                   "pwrite ftruncate fsync close rename open fsync close ";
    assert_string_equal(fault.operations, expected);
    enum { CLOSE_STAT = 4, RENAME = 14, ALL = 17 };
    for (int e = 0; e < RG__COUNT(errors); e++)
        for (int k = 1; k <= ALL; k++) {
            char name[16];
            operation_at(expected, k, name);
            bool fine = k > RENAME || k == CLOSE_STAT || strcmp(name, "fchown") == 0 ||
                        strcmp(name, "attributes") == 0;
            write_file(path, "old");
            inject_fault(k, errors[e]);
            if (fine)
                assert_ok(ctx, save(path));
            else
                assert_fails(ctx, RG_IO, strerror(errors[e]), save(path));
            assert_true(fault.calls >= k);
            assert_int_equal(fault.open_files, 0);
            assert_int_equal(files_in_folder(false), 1);
            assert_content(path, fine ? "new contents" : "old");
            if (!fine)
                assert_non_null(strstr(rg_last_error(ctx), path));
        }
}

/* Two outputs, committed together. */
static rg_status save_both(void)
{
    rg_output *outs[2] = {NULL, NULL};
    rg_status status = rg_output_begin(ctx, in_folder("a"), &outs[0]);
    if (status == RG_OK)
        status = rg_output_begin(ctx, in_folder("b"), &outs[1]);
    if (status == RG_OK) {
        rg_output_write(outs[0], "new", 3);
        rg_output_write(outs[1], "n", 1);
        rg_output_write(outs[1], "ew", 2);
        status = rg_output_commit(outs, 2);
    }
    rg_output_destroy(outs[0]);
    rg_output_destroy(outs[1]);
    return status;
}

/* Whichever operation fails, both files are old or both are new, and no other file remains. */
static void outputs_appear_together(void **state)
{
    (void)state;
    for (int old = 0; old < 4; old++) {
        int n_failed = 0;
        for (int k = 1;; k++) {
            const char *names[] = {"a", "b"};
            for (int i = 0; i < 2; i++)
                if (old >> i & 1)
                    write_file(in_folder(names[i]), "old");
                else
                    unlink(in_folder(names[i]));
            inject_fault(k, EIO);
            rg_status status = save_both();
            bool failed = fault.calls >= k;
            char name[16];
            operation_at(fault.operations, k < fault.calls ? k : fault.calls, name);
            assert_int_equal(fault.open_files, 0);
            n_failed += status != RG_OK;
            if (strcmp(name, "link") == 0 && failed) /* a missing backup is no error */
                assert_ok(ctx, status);
            for (int i = 0; i < 2; i++)
                if (status == RG_OK || old >> i & 1)
                    assert_content(in_folder(names[i]), status == RG_OK ? "new" : "old");
                else
                    assert_int_equal(access(in_folder(names[i]), F_OK), -1);
            int expected = status == RG_OK ? 2 : (old & 1) + (old >> 1);
            assert_int_equal(files_in_folder(false),
                             expected + (failed && strcmp(name, "unlink") == 0));
            files_in_folder(true);
            if (!failed)
                break;
        }
        assert_true(n_failed > 10);
    }
}

/* A stream's staging file is copied to it; the stream itself is never replaced. */
static void outputs_to_a_stream(void **state)
{
    (void)state;
    char path[64], text[32] = "";
    int ends[2];
    for (int k = 0; k < 12; k++) {
        assert_int_equal(pipe(ends), 0);
        snprintf(path, sizeof path, "/dev/fd/%d", ends[1]);
        inject_fault(k, ENOSPC);
        struct rg__output out;
        rg_status status = rg__output_begin(ctx, path, &out);
        if (status == RG_OK) {
            status = rg__output_stage(&out);
            if (status == RG_OK) {
                rg__output_write(&out, "contents", 8, 4);
                rg__output_write(&out, "new ", 4, 0);
                status = rg__output_commit(&out);
            }
            rg__output_abandon(&out);
        }
        close(ends[1]);
        ssize_t n = read(ends[0], text, sizeof text);
        close(ends[0]);
        assert_true(n == 12 ? memcmp(text, "new contents", 12) == 0 : status != RG_OK);
        if (k == 0)
            assert_ok(ctx, status);
        if (k == 0)
            assert_string_equal(
                fault.operations,
                "fstat dup open unlink pwrite pwrite pread write pread close close ");
        assert_int_equal(fault.open_files, 0);
        assert_int_equal(files_in_folder(true),
                         k == 4); /* of a staging file that cannot be removed */
    }
}

static void a_write_of_0_bytes_means_a_full_disk(void **state)
{
    (void)state;
    inject_fault(4, 0);
    fault.returns_0 = true;
    assert_fails(ctx, RG_IO, strerror(ENOSPC), save(in_folder("out")));
    assert_int_equal(files_in_folder(false), 0);
}

/* The first error is reported, and nothing is written after it. */
static void the_first_error_is_reported(void **state)
{
    (void)state;
    struct rg__output out;
    inject_fault(4, ENOSPC);
    assert_ok(ctx, rg__output_begin(ctx, in_folder("out"), &out));
    rg__output_write(&out, "a", 1, 0);
    int calls = fault.calls;
    fault.fail_at = calls + 1;
    fault.error = EIO;
    rg__output_write(&out, "b", 1, 1);
    rg__output_truncate(&out, 1);
    assert_int_equal(fault.calls, calls);
    fault.fail_at = 0;
    assert_fails(ctx, RG_IO, strerror(ENOSPC), rg__output_commit(&out));
    assert_int_equal(files_in_folder(false), 0);
    assert_int_equal(fault.open_files, 0);
}

static void outputs_in_bad_places(void **state)
{
    (void)state;
    inject_fault(0, 0);
    assert_fails(ctx, RG_IO, strerror(ENOENT), save(in_folder("nowhere/out")));
    assert_fails(ctx, RG_IO, "nowhere/out: cannot write: ", save(in_folder("nowhere/out")));
    assert_null(strstr(fault.operations, "unlink")); /* no temporary file was created */
    assert_int_equal(mkdir(in_folder("taken"), 0700), 0);
    assert_fails(ctx, RG_IO, "taken: cannot write: ", save(in_folder("taken")));
    assert_int_equal(files_in_folder(false), 1);
    assert_int_equal(fault.open_files, 0);
}

static void a_path_without_a_folder(void **state)
{
    (void)state;
    char before[512];
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(folder), 0);
    inject_fault(0, 0);
    rg_status status = save("plain");
    assert_int_equal(chdir(before), 0);
    assert_ok(ctx, status);
    assert_content(in_folder("plain"), "new contents");
    assert_string_equal(fault.last_opened, "."); /* for fsync of the folder */
    assert_ok(ctx, save(in_folder("full")));
    assert_string_equal(fault.last_opened, in_folder(""));
}

static int open_always_exists(const char *path, int flags, mode_t mode)
{
    if (!(flags & O_EXCL))
        return rg__system_files.open(path, flags, mode);
    errno = EEXIST;
    return -1;
}

/* A temporary file of another process is neither used nor removed. */
static void temporaries_of_others_remain(void **state)
{
    (void)state;
    char others[512];
    snprintf(others, sizeof others, "%s/out.tmp-%ld-0", folder, (long)getpid());
    write_file(others, "theirs");
    assert_ok(ctx, save(in_folder("out")));
    assert_content(in_folder("out"), "new contents");
    assert_content(others, "theirs");
    inject_fault(0, 0);
    struct rg__files files = *ctx->files;
    files.open = open_always_exists;
    ctx->files = &files;
    assert_fails(ctx, RG_IO, strerror(EEXIST), save(in_folder("out")));
    assert_null(strstr(fault.operations, "unlink"));
    assert_content(others, "theirs");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(statuses_have_names),
        TEST(the_last_error_is_kept),
        TEST(logging_and_cancelling),
        TEST(names_and_the_clock),
        TEST(the_smallest_limit_applies),
        TEST(allocation),
        TEST(growth),
        TEST(every_failing_allocation_is_reported),
#ifdef __GLIBC__
        TEST(all_memory_comes_from_the_allocator),
#endif
        TEST(arena_blocks_are_aligned_and_disjoint),
        TEST(arena_reuses_its_memory),
        TEST(arena_takes_large_blocks_exactly),
        TEST(arena_continues_after_a_large_block),
        TEST(arena_without_memory),
        TEST(arena_is_poisoned_at_reset),
        TEST(random_bits_are_philox),
        TEST(draws_depend_on_all_four),
        TEST(moments),
        TEST(shuffle_permutes),
        TEST(shuffle_is_uniform),
        TEST(inputs_open),
        TEST(inputs_that_cannot_be_opened),
        TEST(inputs_without_permission),
        TEST(reading_is_exact),
        TEST(outputs_are_complete),
        TEST(abandoned_outputs_leave_nothing),
        TEST(every_failing_operation_is_reported),
        TEST(outputs_appear_together),
        TEST(outputs_to_a_stream),
        TEST(a_write_of_0_bytes_means_a_full_disk),
        TEST(the_first_error_is_reported),
        TEST(outputs_in_bad_places),
        TEST(a_path_without_a_folder),
        TEST(temporaries_of_others_remain),
    };
    RUN_TESTS(tests);
}

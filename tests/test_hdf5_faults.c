/* test_hdf5_faults.c: every file operation and every allocation fails in its turn, while a data set
 * is written and while it is read: the right status, nothing left behind, the target as it was. */
#include "hdf5_fixture.h"

#include "base/base.h"

#include <errno.h>
#include <hdf5.h>
#include <signal.h>
#include <sys/resource.h>

/* ---- File operations that fail --------------------------------------------------------------- */

enum { OPEN, CLOSE, FSTAT, PREAD, PWRITE, FTRUNCATE, FSYNC, RENAME, UNLINK, MMAP, MUNMAP };

static struct {
    int left;    /* operations that still succeed; < 0: all do */
    bool always; /* after the first failing one all writes fail: a full disk */
    int failed;  /* which one failed first; -1: none */
} fault;

static bool fails(int operation)
{
    bool now = fault.left == 0;
    if (fault.left >= 0)
        fault.left--;
    if (now)
        fault.failed = operation;
    bool full = fault.always && fault.failed >= 0 && operation == PWRITE;
    if (now || full)
        errno = operation == PWRITE ? ENOSPC : EIO;
    return now || full;
}

static int faulty_open(const char *path, int flags, mode_t mode)
{
    return fails(OPEN) ? -1 : rg__system_files.open(path, flags, mode);
}

static int faulty_close(int fd)
{
    int result = rg__system_files.close(fd); /* Linux: closed even where it fails */
    return fails(CLOSE) ? -1 : result;
}

static int faulty_fstat(int fd, struct stat *st)
{
    return fails(FSTAT) ? -1 : rg__system_files.fstat(fd, st);
}

static ssize_t faulty_pread(int fd, void *to, size_t size, off_t offset)
{
    return fails(PREAD) ? -1 : rg__system_files.pread(fd, to, size, offset);
}

static ssize_t faulty_pwrite(int fd, const void *from, size_t size, off_t offset)
{
    return fails(PWRITE) ? -1 : rg__system_files.pwrite(fd, from, size, offset);
}

static int faulty_ftruncate(int fd, off_t size)
{
    return fails(FTRUNCATE) ? -1 : rg__system_files.ftruncate(fd, size);
}

static int faulty_fsync(int fd)
{
    return fails(FSYNC) ? -1 : rg__system_files.fsync(fd);
}

static int faulty_rename(const char *from, const char *to)
{
    return fails(RENAME) ? -1 : rg__system_files.rename(from, to);
}

static int faulty_unlink(const char *path)
{
    return fails(UNLINK) ? -1 : rg__system_files.unlink(path);
}

static void *faulty_mmap(size_t size, int fd)
{
    return fails(MMAP) ? NULL : rg__system_files.mmap(size, fd);
}

static void arm(rg_context *ctx, int left, bool always)
{
    static struct rg__files files;
    files = rg__system_files;
    files.open = faulty_open;
    files.close = faulty_close;
    files.fstat = faulty_fstat;
    files.pread = faulty_pread;
    files.pwrite = faulty_pwrite;
    files.ftruncate = faulty_ftruncate;
    files.fsync = faulty_fsync;
    files.rename = faulty_rename;
    files.unlink = faulty_unlink;
    files.mmap = faulty_mmap;
    fault.left = left;
    fault.always = always;
    fault.failed = -1;
    ctx->files = &files;
}

static void disarm(rg_context *ctx)
{
    ctx->files = &rg__system_files;
    fault.left = -1;
}

static void expect_content(struct fixture *f, const char *path, const rg_split *split)
{
    rg_dataset *data = NULL;
    assert_ok(f->ctx, rg_dataset_open(f->ctx, path, NULL, &data));
    same_rows(split, rg_dataset_split_at(data, 0));
    rg_dataset_close(data);
}

/* The `k`-th operation of a write fails; false when there are fewer. */
static bool write_with_fault(struct fixture *f, const char *path, int k, bool always,
                             const rg_write_options *options, const rg_split *old,
                             const rg_split *new)
{
    arm(f->ctx, -1, false);
    disarm(f->ctx);
    assert_ok(f->ctx, write_quietly(f->ctx, path, old, options));
    arm(f->ctx, k, always);
    rg_status status = write_quietly(f->ctx, path, new, options);
    int failed = fault.failed;
    disarm(f->ctx);
    if (status == RG_OK) {
        /* What may fail without harm: closing, and making the rename durable. */
        if (failed >= 0)
            assert_true(failed == CLOSE || failed == FSYNC || failed == UNLINK || failed == OPEN);
        expect_content(f, path, new);
    } else {
        if (status != RG_IO)
            print_error("operation %d (%d): %s\n", k, failed, rg_last_error(f->ctx));
        assert_int_equal(status, RG_IO);
        assert_non_null(strstr(rg_last_error(f->ctx), path));
        expect_content(f, path, old);
    }
    int n_files = empty_folder(f->folder);
    assert_true(n_files == 1 || failed == UNLINK);
    return failed >= 0;
}

static void each_operation_of_a_write_fails(void **state)
{
    struct fixture *f = *state;
    struct full *old = full_split("", RG_F32), *new = full_split("", RG_F64);
    new->labels[1] = 77;
    for (int mode = 0; mode < 8; mode++) {
        rg_write_options options = {.compress = mode & 1, .sparse = mode & 2};
        int k = 0;
        while (write_with_fault(f, path_of(f, "w.h5"), k, mode & 4, &options, &old->split,
                                &new->split))
            k++;
        assert_in_range(k, 20, 1000);
    }
    free(old), free(new);
}

static void each_operation_of_a_read_fails(void **state)
{
    struct fixture *f = *state;
    struct full *full = full_split("", RG_F32);
    const rg_split *split = &full->split;
    const char *path = path_of(f, "r.h5");
    for (int mode = 0; mode < 4; mode++) {
        rg_write_options options = {.compress = mode & 1, .sparse = mode & 2};
        assert_ok(f->ctx, rg_dataset_write(f->ctx, path, &split, 1, &options));
        int k = 0;
        do {
            rg_dataset *data = NULL;
            arm(f->ctx, k, false);
            rg_status status = open_quietly(f->ctx, path, NULL, &data);
            if (status == RG_OK) {
                assert_true(fault.failed == -1 || fault.failed == CLOSE || fault.failed == MMAP);
                same_rows(split, rg_dataset_split_at(data, 0));
            } else {
                if (status != RG_IO)
                    print_error("operation %d: %s\n", k, rg_last_error(f->ctx));
                assert_int_equal(status, RG_IO);
                assert_non_null(strstr(rg_last_error(f->ctx), path));
                assert_null(data);
            }
            rg_dataset_close(data);
            k++;
        } while (fault.failed >= 0);
        disarm(f->ctx);
        assert_in_range(k, 20, 1000);
    }
    free(full);
}

/* Past a limit of the file's size: an ordinary failure, and no crash at the process's end. */
static void a_limit_of_the_files_size(void **state)
{
    struct fixture *f = *state;
    struct full *full = full_split("", RG_F32);
    struct rlimit old, limit;
    getrlimit(RLIMIT_FSIZE, &old);
    limit = old;
    limit.rlim_cur = 50000;
    signal(SIGXFSZ, SIG_IGN);
    for (int compress = 0; compress < 2; compress++) {
        rg_write_options options = {.compress = compress};
        setrlimit(RLIMIT_FSIZE, &limit);
        rg_status status = write_quietly(f->ctx, path_of(f, "l.h5"), &full->split, &options);
        setrlimit(RLIMIT_FSIZE, &old);
        assert_int_equal(status, RG_IO);
        assert_non_null(strstr(rg_last_error(f->ctx), "File too large"));
        assert_int_equal(empty_folder(f->folder), 0);
    }
    free(full);
}

/* ---- Allocations that fail ------------------------------------------------------------------- */

static void each_allocation_fails(void **state)
{
    struct fixture *f = *state;
    struct full *full = full_split("", RG_F32);
    const char *path = path_of(f, "m.h5");
    for (int mode = 0; mode < 4; mode++) {
        rg_write_options options = {.compress = mode & 1, .sparse = mode & 2, .force = true};
        bool reading = false, failed = true;
        /* Each string that is read is one: their hundreds are tried by samples. */
        for (int k = 0; failed || !reading; k += k < 200 ? 1 : 101) {
            if (!failed) {
                reading = true;
                k = 0;
            }
            struct memory memory = {0};
            rg_context *ctx = memory_context(&memory);
            rg_dataset *data = NULL;
            memory.refuse = memory.requests + k + 1;
            rg_status status = reading ? open_quietly(ctx, path, NULL, &data)
                                       : write_quietly(ctx, path, &full->split, &options);
            failed = memory.requests >= memory.refuse;
            memory.refuse = 0;
            if (status != (failed ? RG_LIMIT : RG_OK))
                print_error("allocation %d: %s\n", k, rg_last_error(ctx));
            assert_int_equal(status, failed ? RG_LIMIT : RG_OK);
            rg_dataset_close(data);
            rg_context_destroy(ctx);
            assert_int_equal(memory.live, 0);
            assert_true(reading || access(path, F_OK) != 0 || !failed);
        }
        assert_int_equal(empty_folder(f->folder), 1);
    }
    free(full);
}

/* A failed read makes libhdf5 1.10.8 forget a block of its own. It complains of that at exit, if
 * errors are to be printed, and so does the address sanitizer, to whom this function speaks. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libhdf5";
}

int main(void)
{
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
    const struct CMUnitTest tests[] = {
        HDF5_TEST(each_operation_of_a_write_fails),
        HDF5_TEST(each_operation_of_a_read_fails),
        HDF5_TEST(a_limit_of_the_files_size),
        HDF5_TEST(each_allocation_fails),
    };
    RUN_TESTS(tests);
}

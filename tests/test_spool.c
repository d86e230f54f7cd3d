/* test_spool.c: text larger than the memory it may take: the same file as without a limit, memory
 * that does not grow with the text, and nothing left behind when an operation fails. */
#include "hdf5_fixture.h"

#include "base/base.h"

#include <errno.h>

enum { LIMIT = 1 << 20, FEATURES = 40 };

/* ---- Text to HDF5 ---------------------------------------------------------------------------- */

/* How a text is made, and turned into HDF5. */
struct task {
    int n_rows;
    bool wide;      /* few of many columns: sparse */
    bool scattered; /* lists in turns, doc ids */
    rg_write_options writing;
};

static const char *write_rows(struct fixture *f, const char *name, const struct task *task)
{
    const char *path = path_of(f, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    unsigned state = 1;
    for (int row = 0; row < task->n_rows; row++) {
        fprintf(file, "%d qid:%d", row % 5, task->scattered ? row / 20 % 50 : row / 100);
        for (int i = 1; i <= FEATURES; i++) {
            state = state * 1664525u + 1013904223u;
            if (state >> 24 < 100)
                continue;
            fprintf(file, " %d:%g", task->wide ? 1000 * i + (int)(state >> 12 & 511) : i,
                    (double)(state >> 10) / 4194304);
        }
        fprintf(file, task->scattered ? " #d%d\n" : "\n", row);
    }
    assert_int_equal(fclose(file), 0);
    return path;
}

/* The text's file with all rows but the first third in train, the others in test. */
static rg_status convert(rg_context *ctx, const char *a, const char *b, const char *to,
                         int64_t limit, const struct task *task)
{
    const rg_data_source sources[] = {{a, "test"}, {b, "train"}};
    rg_dataset_options reading = rg_dataset_options_default();
    rg_dataset *data;
    reading.regroup = task->scattered;
    reading.sparse = task->writing.sparse;
    reading.allow_absent = true; /* splits have very different widths */
    reading.memory_limit = limit;
    reading.spool_path = to;
    rg_status status = rg_dataset_import(ctx, sources, 2, &reading, &data);
    if (status != RG_OK)
        return status;
    const rg_split *splits[] = {rg_dataset_find(data, "train"), rg_dataset_find(data, "test")};
    status = rg_dataset_write(ctx, to, splits, 2, &task->writing);
    rg_dataset_close(data);
    return status;
}

static void same_files(const char *a, const char *b)
{
    size_t n_a, n_b;
    char *bytes_a = slurp(a, &n_a), *bytes_b = slurp(b, &n_b);
    assert_int_equal(n_a, n_b);
    assert_memory_equal(bytes_a, bytes_b, n_a);
    free(bytes_a), free(bytes_b);
}

/* Dense and sparse, in order and not, limits that many or none of the rows fit into. */
static void a_limit_changes_no_byte(void **state)
{
    struct fixture *f = *state;
    for (int mode = 0; mode < 8; mode++) {
        struct task task = {12000, mode & 1, mode & 2, {.sparse = mode & 4}};
        const char *a = write_rows(f, "a", &task), *free_path = path_of(f, "free"),
                   *bound = path_of(f, "bound");
        task.n_rows = 2000;
        task.wide = task.wide && task.scattered; /* else splits of which one is dense */
        const char *b = write_rows(f, "b", &task);
        assert_ok(f->ctx, convert(f->ctx, a, b, free_path, 0, &task));
        for (int64_t limit = 1; limit < (int64_t)1 << 34; limit <<= 11) {
            assert_ok(f->ctx, convert(f->ctx, b, a, bound, limit, &task));
            assert_ok(f->ctx, convert(f->ctx, a, b, bound, limit, &task));
            same_files(free_path, bound);
        }
        assert_int_equal(empty_folder(f->folder), 4);
    }
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* Memory that counts its bytes; a block's size stands in front of it. */
struct bytes {
    size_t now, peak;
};

enum { FRONT = 64 };

static void *count_bytes(void *user, void *block, size_t size)
{
    struct bytes *bytes = user;
    char *whole = block ? (char *)block - FRONT : NULL;
    size_t before = 0;
    if (whole)
        memcpy(&before, whole, sizeof before);
    bytes->now = bytes->now - before + size;
    if (bytes->peak < bytes->now)
        bytes->peak = bytes->now;
    if (size == 0) {
        free(whole);
        return NULL;
    }
    whole = realloc(whole, size + FRONT);
    assert_non_null(whole);
    memcpy(whole, &size, sizeof size);
    return whole + FRONT;
}

/* The most bytes held while a text of so many rows is turned into HDF5. */
static size_t peak_of(struct fixture *f, int n_rows, int64_t limit, bool sparse)
{
    struct bytes bytes = {0};
    struct task task = {n_rows, false, false, {.sparse = sparse}};
    rg_context_options options = {.allocator = {count_bytes, &bytes}, .n_threads = 2};
    rg_context *ctx = rg_context_create(&options);
    const char *a = write_rows(f, "a", &task);
    task.n_rows = 10;
    const char *b = write_rows(f, "b", &task);
    assert_ok(ctx, convert(ctx, a, b, path_of(f, "out"), limit, &task));
    rg_context_destroy(ctx);
    assert_int_equal(bytes.now, 0);
    return bytes.peak;
}

static void memory_does_not_grow_with_the_text(void **state)
{
    struct fixture *f = *state;
    enum { ROWS = 4 * LIMIT / FEATURES / 4 }; /* 4 times the limit as dense ones */
    for (int sparse = 0; sparse < 2; sparse++) {
        size_t small = peak_of(f, ROWS, LIMIT, sparse), large = peak_of(f, 3 * ROWS, LIMIT, sparse);
        size_t all = peak_of(f, 3 * ROWS, 0, sparse);
        print_message("peak: %.1f MiB, of a text three times as long %.1f MiB, without a limit "
                      "%.1f MiB\n",
                      (double)small / 1048576, (double)large / 1048576, (double)all / 1048576);
        assert_true(large < small + LIMIT / 2);
        assert_true(large < (size_t)LIMIT + (12 << 20)); /* the text under way */
        assert_true(all > large + 8 * LIMIT);
    }
}

/* ---- Faults ---------------------------------------------------------------------------------- */

enum operation { OPEN, PWRITE, FTRUNCATE, MMAP, UNLINK /* leaves files */, N_OPERATIONS };

static struct {
    enum operation operation;
    int left;    /* calls of it that still succeed */
    bool always; /* all behind them fail too: a full disk */
} fault;

static bool fails(enum operation operation, int error)
{
    if (operation != fault.operation)
        return false;
    errno = error;
    return fault.left-- == 0 || (fault.always && fault.left < 0);
}

static int faulty_open(const char *path, int flags, mode_t mode)
{
    return flags & O_CREAT && fails(OPEN, EACCES) ? -1 : rg__system_files.open(path, flags, mode);
}

static int faulty_unlink(const char *path)
{
    return fails(UNLINK, EPERM) ? -1 : rg__system_files.unlink(path);
}

static ssize_t faulty_pwrite(int fd, const void *from, size_t size, off_t offset)
{
    return fails(PWRITE, ENOSPC) ? -1 : rg__system_files.pwrite(fd, from, size, offset);
}

static int faulty_ftruncate(int fd, off_t size)
{
    return fails(FTRUNCATE, EIO) ? -1 : rg__system_files.ftruncate(fd, size);
}

static void *faulty_mmap(size_t size, int fd)
{
    return fails(MMAP, ENOMEM) ? NULL : rg__system_files.mmap(size, fd);
}

static int count_files(const char *folder)
{
    DIR *dir = opendir(folder);
    int n = 0;
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir));)
        n += entry->d_name[0] != '.';
    closedir(dir);
    return n;
}

/* Whether the k-th operation of that kind was reached; it has failed then. */
static bool convert_with_fault(struct fixture *f, enum operation operation, int k, bool always)
{
    struct rg__files files = rg__system_files;
    const struct task task = {0};
    const char *a = path_of(f, "a"), *b = path_of(f, "b"), *out = path_of(f, "out");
    files.open = faulty_open;
    files.unlink = faulty_unlink;
    files.pwrite = faulty_pwrite;
    files.ftruncate = faulty_ftruncate;
    files.mmap = faulty_mmap;
    fault.operation = operation;
    fault.left = k;
    fault.always = always;
    f->ctx->files = &files;
    rg_status status = convert(f->ctx, a, b, out, LIMIT, &task);
    f->ctx->files = &rg__system_files;
    if (status == RG_OK) {
        unlink(out);
        return false;
    }
    assert_int_equal(status, RG_IO);
    assert_non_null(strstr(rg_last_error(f->ctx), out));
    assert_true(operation == UNLINK || count_files(f->folder) == 2);
    return true;
}

static void each_operation_fails(void **state)
{
    struct fixture *f = *state;
    struct task task = {7000, false, false, {0}};
    static const int least[] = {3, 15, 2, 2, 2}; /* two spools, and the file itself */
    rg_context_destroy(f->ctx);
    f->ctx = rg_context_create(&(rg_context_options){.n_threads = 1}); /* faults are counted */
    write_rows(f, "a", &task);
    task.n_rows = 10;
    write_rows(f, "b", &task);
    for (enum operation operation = 0; operation < N_OPERATIONS; operation++) {
        int k = 0;
        while (convert_with_fault(f, operation, k, false)) {
            assert_true(convert_with_fault(f, operation, k, true));
            k++;
        }
        assert_in_range(k, least[operation], 1000);
    }
    assert_fails(
        f->ctx, RG_IO, "none/out: cannot write: No such file",
        convert(f->ctx, path_of(f, "a"), path_of(f, "b"), path_of(f, "none/out"), LIMIT, &task));
}

static void a_limit_needs_a_path(void **state)
{
    struct fixture *f = *state;
    const rg_data_source source = {path_of(f, "a"), ""};
    rg_dataset_options options = rg_dataset_options_default();
    rg_dataset *data;
    options.memory_limit = LIMIT;
    assert_fails(f->ctx, RG_USAGE, "spool_path",
                 rg_dataset_import(f->ctx, &source, 1, &options, &data));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HDF5_TEST(a_limit_changes_no_byte),
        HDF5_TEST(memory_does_not_grow_with_the_text),
        HDF5_TEST(each_operation_fails),
        HDF5_TEST(a_limit_needs_a_path),
    };
    RUN_TESTS(tests);
}

/* test_hdf5_memory.c: a data set is written and read with a limit on the process's memory that
 * grows by small steps: status 6 (RG_LIMIT), or the same content; no crash, and nothing said by
 * libhdf5 at the process's end.
 *
 * Each try is a child of its own, for libhdf5 is used for the first time in it. Not under a
 * sanitizer, which needs more address space than a limit allows. */
#include "hdf5_fixture.h"

#include <hdf5.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#if defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) || __has_feature(thread_sanitizer))
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif

enum { STEP = 192 << 10, STEPS = 100 };

/* What a child finds; its exit status. */
enum { SAME, REFUSED, OTHER };

struct
try {
    const char *path;
    const rg_split *split;
    bool write, compress;
};

/* The address space of this process in bytes. */
static rlim_t address_space(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (!file || fscanf(file, "%lu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
}

static bool same_content(const rg_split *a, const rg_split *b)
{
    return a->n_rows == b->n_rows && b->labels && b->weights && b->doc_ids &&
           memcmp(a->labels, b->labels, (size_t)a->n_rows * sizeof *a->labels) == 0 &&
           memcmp(a->weights, b->weights, (size_t)a->n_rows * sizeof *a->weights) == 0 &&
           strcmp(a->doc_ids[1], b->doc_ids[1]) == 0;
}

static int run_child(const struct try *t, rlim_t room)
{
    rg_context *ctx = context_of(1);
    rg_dataset *data = NULL;
    rlim_t most = address_space() + room;
    struct rlimit limit = {most, most};
    rg_status status;
    if (setrlimit(RLIMIT_AS, &limit) != 0)
        return OTHER;
    if (t->write) {
        const rg_write_options options = {.force = true, .compress = t->compress};
        status = rg_dataset_write(ctx, t->path, &t->split, 1, &options);
    } else {
        status = rg_dataset_open(ctx, t->path, NULL, &data);
    }
    bool same = !data || same_content(t->split, rg_dataset_split_at(data, 0));
    int result = status == RG_LIMIT ? REFUSED : status == RG_OK && same ? SAME : OTHER;
    if (result == OTHER)
        fprintf(stderr, "%s: %s\n", rg_status_name(status), rg_last_error(ctx));
    rg_dataset_close(data);
    rg_context_destroy(ctx);
    return result;
}

/* A child with so much room; its result. */
static int try_with(const struct try *t, rlim_t room)
{
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL); /* cmocka catches it */
        alarm(20);
        exit(run_child(t, room)); /* with what is to be done at exit */
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status))
        print_error("%s\n", strsignal(WTERMSIG(status)));
    return WIFEXITED(status) ? WEXITSTATUS(status) : OTHER;
}

static void limits_of_memory(void **state)
{
    struct fixture *f = *state;
    struct full *full = full_split("", RG_F32);
    for (int i = 0; i < 4 && !SANITIZED; i++) {
        struct try t = {path_of(f, "m.h5"), &full->split, .write = true, .compress = i % 2};
        int n_refused = 0, n_wrong = 0, result = OTHER;
        assert_int_equal(try_with(&t, (rlim_t)1 << 30), SAME);
        t.write = i / 2;
        for (int k = 0; k < STEPS; k++) {
            result = try_with(&t, (rlim_t)k * STEP);
            n_refused += result == REFUSED;
            if (result > REFUSED)
                print_error("%s, compress %d: room for %d bytes\n", t.write ? "write" : "read",
                            t.compress, k * STEP);
            n_wrong += result > REFUSED;
        }
        assert_int_equal(n_wrong, 0);
        assert_int_equal(result, SAME);
        assert_in_range(n_refused, 10, STEPS - 10);
    }
    free(full);
}

/* libhdf5 does nothing at the process's end, when what it would need may be gone (H5dont_atexit): a
 * file that the calling program has left open keeps the superblock that was written when it was
 * created, where libhdf5 would have written the group. */
static void nothing_is_done_at_exit(void **state)
{
    struct fixture *f = *state;
    const char *left = path_of(f, "left.h5"), *used = path_of(f, "used.h5");
    struct full *full = full_split("", RG_F32);
    struct stat st;
    int status;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        const rg_split *split = &full->split;
        rg_context *ctx = context_of(1);
        status = rg_dataset_write(ctx, used, &split, 1, NULL) != RG_OK;
        rg_context_destroy(ctx);
        hid_t file = H5Fcreate(left, H5F_ACC_EXCL, H5P_DEFAULT, H5P_DEFAULT);
        exit(H5Gcreate2(file, "group", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT) < 0 || status);
    }
    free(full);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(stat(left, &st), 0);
    assert_in_range(st.st_size, 0, 128);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HDF5_TEST(limits_of_memory),
        HDF5_TEST(nothing_is_done_at_exit),
    };
    RUN_TESTS(tests);
}

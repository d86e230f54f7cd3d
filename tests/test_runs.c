/* test_runs.c: TREC runs and files of scores from C: what the split holds, and every allocation and
 * file operation that fails. test_trec.py and test_evaluate.py test what the files may hold. */
#include "check.h"

#include "base/base.h"
#include "base/file.h"

#include <errno.h>
#include <float.h>

#define RUN    "test_runs.run"
#define QRELS  "test_runs.qrels"
#define SCORES "test_runs.scores"

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void write_files(void)
{
    write_text(RUN,
               "q2 Q0 a 1 2 t\nq1 Q0 c 1 0.1 t\nq2 Q0 b 2 -inf t\nq3 Q0 a 1 1 t\nq1 Q0 a 2 7 t\n");
    write_text(QRELS, "q2 0 c 2\nq1 0 a 0\nq1 0 z 1\nq4 0 a 1\nq1 0 b 1\nq2 0 a 1\n");
    write_text(SCORES, "query\tdocument\tscore\n1\t1\t2\n1\t2\t1.5\n");
}

/* Lists in the order of ids; the documents of the run in its order, then the other judged ones. */
static void the_split(void **state)
{
    (void)state;
    static const char *const queries[] = {"q1", "q2", "q4"};
    static const char *const documents[] = {"c", "a", "b", "z", "a", "b", "c", "a"};
    static const double labels[] = {-1, 0, 1, 1, 1, -1, 2, 1};
    static const int64_t offsets[] = {0, 4, 7, 8};
    rg_context *ctx = context_of(1);
    write_files();
    for (int complete = 0; complete < 2; complete++) {
        rg_dataset *data;
        assert_ok(ctx, rg_trec_open(ctx, RUN, QRELS, complete, &data));
        const rg_split *split = rg_dataset_split_at(data, 0);
        const double scores[] = {0.1, 7, -INFINITY, -INFINITY, 2, -DBL_MAX, -INFINITY, -INFINITY};
        assert_int_equal(split->n_lists, 3);
        assert_int_equal(split->n_rows, 8);
        assert_memory_equal(split->offsets, offsets, sizeof offsets);
        for (int i = 0; i < 8; i++) {
            assert_string_equal(split->doc_ids[i], documents[i]);
            assert_close(split->labels[i], labels[i], 0, 0);
            assert_close(split->scores[i], scores[i], 0, 0);
            assert_int_equal(split->mask[i], complete || i < 7);
        }
        for (int q = 0; q < 3; q++)
            assert_string_equal(split->query_ids[q], queries[q]);
        assert_null(rg_dataset_split_at(data, 1));
        rg_dataset_close(data);
    }
    rg_context_destroy(ctx);
}

/* Reads everything. */
static rg_status read_all(rg_context *ctx)
{
    rg_dataset *data;
    float features[2] = {0};
    double scores[2];
    const int64_t offsets[] = {0, 2};
    rg_split split = {.name = "",
                      .n_rows = 2,
                      .n_features = 1,
                      .n_lists = 1,
                      .features = {RG_F32, 2, {2, 1}, features},
                      .offsets = offsets};
    rg_status status = rg_trec_open(ctx, RUN, QRELS, false, &data);
    rg_dataset_close(data);
    return status == RG_OK ? rg_scores_read(ctx, SCORES, &split, scores) : status;
}

static void out_of_memory(void **state)
{
    (void)state;
    int64_t n_failed = 0;
    write_files();
    for (int64_t k = 1, done = 0; !done; k++) {
        struct memory memory = {.refuse = k};
        rg_context *ctx = memory_context(&memory);
        if (ctx) {
            rg_status status = read_all(ctx);
            done = memory.requests < k;
            assert_int_equal(status, done ? RG_OK : RG_LIMIT);
            n_failed += !done;
        }
        rg_context_destroy(ctx);
        assert_int_equal(memory.live, 0);
    }
    assert_in_range(n_failed, 20, 200);
}

static int countdown; /* of file operations until one fails */

static int fail_open(const char *path, int flags, mode_t mode)
{
    return --countdown == 0 ? (errno = EIO, -1) : rg__system_files.open(path, flags, mode);
}

static ssize_t fail_read(int fd, void *to, size_t size)
{
    return --countdown == 0 ? (errno = EIO, -1) : rg__system_files.read(fd, to, size);
}

static void failing_files(void **state)
{
    (void)state;
    struct rg__files files = rg__system_files;
    files.open = fail_open;
    files.read = fail_read;
    write_files();
    int k = 0;
    rg_status status = RG_IO;
    while (status != RG_OK) {
        struct memory memory = {.refuse = 0};
        rg_context *ctx = memory_context(&memory);
        ctx->files = &files;
        countdown = ++k;
        status = read_all(ctx);
        assert_true(status == RG_OK || status == RG_IO);
        if (status == RG_IO)
            assert_non_null(strstr(rg_last_error(ctx), "test_runs."));
        rg_context_destroy(ctx);
        assert_int_equal(memory.live, 0);
    }
    assert_in_range(k, 7, 100); /* each file is opened and read */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_split),
        cmocka_unit_test(out_of_memory),
        cmocka_unit_test(failing_files),
    };
    RUN_TESTS(tests);
}

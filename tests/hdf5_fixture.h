/* hdf5_fixture.h: what the tests of HDF5 data sets share: a folder that ends with the test, a split
 * with everything in it, exact comparison, and a stderr that must stay empty. */
#ifndef RG_TESTS_HDF5_FIXTURE_H
#define RG_TESTS_HDF5_FIXTURE_H

#include "check.h"

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    rg_context *ctx;
    char folder[64];
    char path[8][128]; /* a few names at a time */
    int n_paths;
};

/* A file of that name in the folder; good for the next seven calls. */
static inline const char *path_of(struct fixture *f, const char *name)
{
    char *path = f->path[f->n_paths++ % 8];
    snprintf(path, sizeof f->path[0], "%s/%s", f->folder, name);
    return path;
}

static inline int fixture_setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    const char *base = getenv("TMPDIR");
    snprintf(f->folder, sizeof f->folder, "%.40s/rankgrad-XXXXXX", base ? base : "/tmp");
    f->ctx = rg_context_create(NULL);
    *state = f;
    return f->ctx && mkdtemp(f->folder) ? 0 : -1;
}

/* Removes the files, and tells how many there were. */
static inline int empty_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    int n = 0;
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[512];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (unlink(path) != 0)
            rmdir(path);
        n++;
    }
    if (dir)
        closedir(dir);
    return n;
}

static inline int fixture_teardown(void **state)
{
    struct fixture *f = *state;
    empty_folder(f->folder);
    rmdir(f->folder);
    rg_context_destroy(f->ctx);
    free(f);
    return 0;
}

#define HDF5_TEST(function)                                                                        \
    cmocka_unit_test_setup_teardown(function, fixture_setup, fixture_teardown)

/* The whole of a file; the caller frees it. */
static inline char *slurp(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    assert_int_equal(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static inline void spill(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Between quiet_begin and quiet_end whatever goes to stderr goes to a file, which must stay empty.
 * No assertion may stand between them: its message would be lost. */
struct quiet {
    int saved, file;
};

static inline struct quiet quiet_begin(void)
{
    char name[] = "/tmp/rankgrad-stderr-XXXXXX";
    struct quiet q = {dup(2), mkstemp(name)};
    unlink(name);
    dup2(q.file, 2);
    return q;
}

static inline void quiet_end(struct quiet q)
{
    struct stat st;
    fflush(stderr);
    fstat(q.file, &st);
    dup2(q.saved, 2);
    close(q.saved);
    close(q.file);
    if (st.st_size != 0)
        print_error("%lld bytes on stderr\n", (long long)st.st_size);
    assert_int_equal(st.st_size, 0);
}

/* rg_dataset_open and rg_dataset_write (one split), which must print nothing. */
static inline rg_status open_quietly(rg_context *ctx, const char *path,
                                     const rg_dataset_options *options, rg_dataset **out)
{
    struct quiet q = quiet_begin();
    rg_status status = rg_dataset_open(ctx, path, options, out);
    quiet_end(q);
    return status;
}

static inline rg_status write_quietly(rg_context *ctx, const char *path, const rg_split *split,
                                      const rg_write_options *options)
{
    struct quiet q = quiet_begin();
    rg_status status = rg_dataset_write(ctx, path, &split, 1, options);
    quiet_end(q);
    return status;
}

/* ---- A split with everything in it ----------------------------------------------------------- */

enum { N_ROWS = 3001, N_FEATURES = 7, N_LISTS = 203 };

struct full {
    rg_split split;
    float f32[N_ROWS * N_FEATURES];
    double f64[N_ROWS * N_FEATURES];
    uint16_t f16[N_ROWS * N_FEATURES];
    double labels[N_ROWS], weights[N_ROWS], list_weights[N_LISTS];
    int64_t positions[N_ROWS], offsets[N_LISTS + 1];
    uint8_t mask[N_ROWS];
    char text[N_ROWS + N_LISTS + N_FEATURES][24];
    const char *strings[N_ROWS + N_LISTS + N_FEATURES];
};

static inline void *features_of(struct full *full, rg_dtype dtype)
{
    return dtype == RG_F16 ? (void *)full->f16 : dtype == RG_F32 ? (void *)full->f32 : full->f64;
}

/* Two thirds of the features are 0; lists of 0 to 30 rows. The caller frees it. */
static inline struct full *full_split(const char *name, rg_dtype dtype)
{
    struct full *full = calloc(1, sizeof *full);
    for (int i = 0; i < N_ROWS * N_FEATURES; i++) {
        double x = i % 3 ? 0 : sin(i) * pow(10, i % 9 - 4);
        full->f64[i] = x;
        full->f32[i] = (float)x;
        full->f16[i] = (uint16_t)(i % 3 ? 0 : (unsigned)i * 7919 % 0x7c00);
    }
    full->f32[3] = NAN, full->f64[3] = (double)NAN, full->f16[3] = 0x7e00;
    full->f32[4] = -0.0f, full->f64[4] = -0.0, full->f16[4] = 0x8000;
    for (int i = 0; i < N_ROWS; i++) {
        full->labels[i] = i % 5 + (i % 97 == 0 ? 0.1 : 0);
        full->weights[i] = 1.0 / (i + 1);
        full->positions[i] = i % 11 + 1;
        full->mask[i] = i % 13 != 0;
    }
    for (int i = 1; i < N_LISTS; i++) {
        int64_t next = full->offsets[i - 1] + (i * 31) % 29;
        full->offsets[i] = next < N_ROWS ? next : N_ROWS;
    }
    full->offsets[N_LISTS] = N_ROWS;
    for (int i = 0; i < N_LISTS; i++)
        full->list_weights[i] = i % 4;
    for (int i = 0; i < N_ROWS + N_LISTS + N_FEATURES; i++) {
        if (i % 5)
            snprintf(full->text[i], sizeof full->text[i], "n\xc3\xb6-%d", i);
        full->strings[i] = full->text[i];
    }
    full->split = (rg_split){
        .name = name,
        .n_rows = N_ROWS,
        .n_features = N_FEATURES,
        .n_lists = N_LISTS,
        .features = {dtype, 2, {N_ROWS, N_FEATURES}, features_of(full, dtype)},
        .labels = full->labels,
        .offsets = full->offsets,
        .weights = full->weights,
        .list_weights = full->list_weights,
        .positions = full->positions,
        .mask = full->mask,
        .doc_ids = full->strings,
        .query_ids = full->strings + N_ROWS,
        .feature_names = full->strings + N_ROWS + N_LISTS,
    };
    return full;
}

static inline void same_bytes(const void *a, const void *b, int64_t count, size_t size)
{
    assert_int_equal(a != NULL, b != NULL);
    if (a && count > 0)
        assert_memory_equal(a, b, (size_t)count * size);
}

static inline void same_strings(const char *const *a, const char *const *b, int64_t n)
{
    assert_int_equal(a != NULL, b != NULL);
    for (int64_t i = 0; a && i < n; i++)
        assert_string_equal(a[i], b[i]);
}

/* All but the features. */
static inline void same_rows(const rg_split *a, const rg_split *b)
{
    assert_string_equal(a->name, b->name);
    assert_int_equal(a->n_rows, b->n_rows);
    assert_int_equal(a->n_features, b->n_features);
    assert_int_equal(a->n_lists, b->n_lists);
    same_bytes(a->labels, b->labels, a->n_rows, sizeof *a->labels);
    same_bytes(a->offsets, b->offsets, a->n_lists + 1, sizeof *a->offsets);
    same_bytes(a->weights, b->weights, a->n_rows, sizeof *a->weights);
    same_bytes(a->list_weights, b->list_weights, a->n_lists, sizeof *a->list_weights);
    same_bytes(a->positions, b->positions, a->n_rows, sizeof *a->positions);
    same_bytes(a->mask, b->mask, a->n_rows, sizeof *a->mask);
    same_strings(a->doc_ids, b->doc_ids, a->n_rows);
    same_strings(a->query_ids, b->query_ids, a->n_lists);
    same_strings(a->feature_names, b->feature_names, a->n_features);
}

static inline void same_split(const rg_split *a, const rg_split *b)
{
    same_rows(a, b);
    assert_int_equal(a->csr.indptr != NULL, b->csr.indptr != NULL);
    if (a->csr.indptr) {
        int64_t nnz = a->csr.indptr[a->n_rows];
        assert_int_equal(a->csr.dtype, b->csr.dtype);
        assert_int_equal(a->csr.n_rows, b->csr.n_rows);
        assert_int_equal(a->csr.n_cols, b->csr.n_cols);
        same_bytes(a->csr.indptr, b->csr.indptr, a->n_rows + 1, sizeof *a->csr.indptr);
        same_bytes(a->csr.indices, b->csr.indices, nnz, sizeof *a->csr.indices);
        same_bytes(a->csr.data, b->csr.data, nnz, rg_dtype_size(a->csr.dtype));
    } else {
        assert_int_equal(a->features.dtype, b->features.dtype);
        assert_int_equal(b->features.ndim, 2);
        assert_int_equal(b->features.dims[0], a->n_rows);
        assert_int_equal(b->features.dims[1], a->n_features);
        same_bytes(a->features.data, b->features.data, a->n_rows * a->n_features,
                   rg_dtype_size(a->features.dtype));
    }
}

#endif

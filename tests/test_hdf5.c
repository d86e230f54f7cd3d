/* test_hdf5.c: data sets written to HDF5 and read back: the same numbers, the same bytes. */
#include "hdf5_fixture.h"

#include "data/formats.h"

#include "data/dataset.h"
#include "hdf5/h5.h"
#include "tensor/tensor.h"

#include <hdf5.h>
#include <malloc.h>

static rg_dataset *reopen(struct fixture *f, const char *path, const rg_dataset_options *options)
{
    rg_dataset *data = NULL;
    assert_ok(f->ctx, rg_dataset_open(f->ctx, path, options, &data));
    return data;
}

static void write_one(struct fixture *f, const char *path, const rg_split *split, bool compress,
                      bool sparse)
{
    rg_write_options options = {.compress = compress, .sparse = sparse};
    assert_ok(f->ctx, rg_dataset_write(f->ctx, path, &split, 1, &options));
}

static void everything_comes_back(void **state)
{
    static const rg_dtype dtypes[] = {RG_F16, RG_F32, RG_F64};
    struct fixture *f = *state;
    for (int i = 0; i < 6; i++) {
        const char *path = path_of(f, "full.h5");
        struct full *full = full_split("", dtypes[i / 2]);
        write_one(f, path, &full->split, i % 2, false);
        for (int no_map = 0; no_map < 2; no_map++) {
            rg_dataset_options options = {.no_map = no_map, .needs_lists = true};
            rg_dataset *data = reopen(f, path, &options);
            assert_null(rg_dataset_split_at(data, 1));
            assert_null(rg_dataset_split_at(data, -1));
            assert_null(rg_dataset_find(data, "train"));
            assert_string_equal(rg_dataset_path(data), path);
            same_split(&full->split, rg_dataset_find(data, ""));
            assert_int_equal(rg_dataset_split_at(data, 0)->mapped, !no_map && i % 2 == 0);
            rg_dataset_close(data);
        }
        int n_checked = 0;
        assert_ok(f->ctx, rg_dataset_verify(f->ctx, path, &n_checked));
        assert_int_equal(n_checked, 10);
        free(full);
    }
}

static void sparse_rows_come_back(void **state)
{
    static const rg_dtype dtypes[] = {RG_F16, RG_F32, RG_F64};
    struct fixture *f = *state;
    for (int i = 0; i < 6; i++) {
        const char *path = path_of(f, "sparse.h5"), *again = path_of(f, "again.h5");
        struct full *full = full_split("", dtypes[i / 2]);
        write_one(f, path, &full->split, i % 2, true);
        rg_dataset *data = reopen(f, path, NULL);
        const rg_split *split = rg_dataset_split_at(data, 0);
        same_rows(&full->split, split);
        assert_null(split->features.data);
        assert_non_null(split->csr.indptr);
        assert_int_equal(split->csr.dtype, dtypes[i / 2] == RG_F64 ? RG_F64 : RG_F32);
        int64_t k = 0;
        size_t size = rg_dtype_size(dtypes[i / 2]);
        for (int64_t at = 0; at < N_ROWS * N_FEATURES; at++) {
            char value[8], zero[8] = {0}, *element = (char *)features_of(full, dtypes[i / 2]);
            if (memcmp(element + (size_t)at * size, zero, size) == 0)
                continue;
            assert_in_range(k, split->csr.indptr[at / N_FEATURES],
                            split->csr.indptr[at / N_FEATURES + 1] - 1);
            assert_int_equal(split->csr.indices[k], at % N_FEATURES);
            rg__cast(dtypes[i / 2], element + (size_t)at * size, split->csr.dtype, value, 1);
            size_t wide = rg_dtype_size(split->csr.dtype);
            assert_memory_equal((const char *)split->csr.data + (size_t)k * wide, value, wide);
            k++;
        }
        assert_int_equal(k, split->csr.indptr[N_ROWS]);
        write_one(f, again, split, !(i % 2), false); /* sparse stays sparse */
        rg_dataset *other = reopen(f, again, NULL);
        same_split(split, rg_dataset_split_at(other, 0));
        rg_dataset_close(other);
        rg_dataset_close(data);
        free(full);
    }
}

static void three_splits(void **state)
{
    struct fixture *f = *state;
    struct full *train = full_split("train", RG_F32), *vali = full_split("vali", RG_F64),
                *test = full_split("test", RG_F16);
    const rg_split *splits[] = {&test->split, &train->split, &vali->split};
    const char *path = path_of(f, "three.h5");
    assert_ok(f->ctx, rg_dataset_write(f->ctx, path, splits, 3, NULL));
    rg_dataset *data = reopen(f, path, NULL);
    same_split(&train->split, rg_dataset_split_at(data, 0));
    same_split(&vali->split, rg_dataset_split_at(data, 1));
    same_split(&test->split, rg_dataset_find(data, "test"));
    rg_dataset_close(data);
    splits[2] = &train->split;
    assert_fails(f->ctx, RG_USAGE, "at most once", rg_dataset_write(f->ctx, path, splits, 3, NULL));
    train->split.name = "validation";
    assert_fails(f->ctx, RG_USAGE, "train, vali and test",
                 rg_dataset_write(f->ctx, path, splits, 3, NULL));
    free(train), free(vali), free(test);
}

static void small_ones(void **state)
{
    struct fixture *f = *state;
    float x[2] = {1, 2};
    double labels[1] = {3};
    int64_t offsets[4] = {0, 0, 1, 1};
    for (int i = 0; i < 12; i++) {
        bool compress = i & 1, sparse = i & 2;
        int64_t n = i < 4 ? 0 : 1, q = i < 4 ? 0 : i < 8 ? 1 : 3;
        rg_split split = {.name = "",
                          .n_rows = n,
                          .n_features = 2,
                          .n_lists = q,
                          .features = {RG_F32, 2, {n, 2}, n ? x : NULL},
                          .labels = labels,
                          .offsets = q == 1 ? offsets + 1 : offsets};
        write_one(f, path_of(f, "small.h5"), &split, compress, sparse);
        rg_dataset *data = reopen(f, path_of(f, "small.h5"), NULL);
        const rg_split *back = rg_dataset_split_at(data, 0);
        same_rows(&split, back);
        assert_int_equal(back->csr.indptr != NULL, sparse);
        if (!sparse)
            same_bytes(split.features.data, n ? back->features.data : NULL, 2 * n, sizeof *x);
        rg_dataset_close(data);
        assert_ok(f->ctx, rg_dataset_verify(f->ctx, path_of(f, "small.h5"), NULL));
    }
}

/* A row that is longer than a chunk. */
static void one_long_row(void **state)
{
    struct fixture *f = *state;
    enum { WIDE = 700000 };
    float *x = calloc(WIDE, sizeof *x);
    for (int i = 0; i < WIDE; i++)
        x[i] = (float)i;
    int64_t offsets[2] = {0, 1};
    rg_split split = {.name = "",
                      .n_rows = 1,
                      .n_features = WIDE,
                      .n_lists = 1,
                      .features = {RG_F32, 2, {1, WIDE}, x},
                      .offsets = offsets};
    write_one(f, path_of(f, "wide.h5"), &split, true, false);
    rg_dataset *data = reopen(f, path_of(f, "wide.h5"), NULL);
    same_split(&split, rg_dataset_split_at(data, 0));
    rg_dataset_close(data);
    assert_ok(f->ctx, rg_dataset_verify(f->ctx, path_of(f, "wide.h5"), NULL));
    free(x);
}

/* Whatever the memory held before. */
static void same_content_same_bytes(void **state)
{
    struct fixture *f = *state;
    struct full *full = full_split("train", RG_F32);
    for (int i = 0; i < 4; i++) {
        size_t size_a, size_b;
        mallopt(M_PERTURB, 0x55);
        write_one(f, path_of(f, "a.h5"), &full->split, i & 1, i & 2);
        mallopt(M_PERTURB, 0xaa);
        sleep(i == 0); /* a time of creation would change */
        write_one(f, path_of(f, "b.h5"), &full->split, i & 1, i & 2);
        mallopt(M_PERTURB, 0);
        char *a = slurp(path_of(f, "a.h5"), &size_a), *b = slurp(path_of(f, "b.h5"), &size_b);
        assert_int_equal(size_a, size_b);
        assert_memory_equal(a, b, size_a);
        free(a), free(b);
    }
    free(full);
}

static void features_lie_on_a_page(void **state)
{
    struct fixture *f = *state;
    struct full *full = full_split("", RG_F32);
    struct rg__h5_info info;
    struct rg__h5 *file;
    write_one(f, path_of(f, "page.h5"), &full->split, false, false);
    assert_ok(f->ctx, rg__h5_open(f->ctx, path_of(f, "page.h5"), &file));
    assert_ok(f->ctx, rg__h5_describe(file, "/features", &info));
    assert_int_equal(info.native, RG_F32);
    assert_true(info.offset > 0 && info.offset % 4096 == 0);
    rg__h5_close(file);
    free(full);
}

static void checksums_find_a_changed_number(void **state)
{
    struct fixture *f = *state;
    struct full *full = full_split("train", RG_F32);
    size_t size;
    const char *path = path_of(f, "flip.h5");
    write_one(f, path, &full->split, false, false);
    char *bytes = slurp(path, &size), *found = NULL;
    for (char *at = bytes; !found && at + 64 < bytes + size; at++)
        if (memcmp(at, full->weights, 64) == 0)
            found = at;
    assert_non_null(found);
    found[3] ^= 1;
    spill(path, bytes, size);
    rg_dataset *data;
    assert_fails(f->ctx, RG_DAMAGED, "/train/weights", rg_dataset_verify(f->ctx, path, NULL));
    assert_fails(f->ctx, RG_DAMAGED, "/train/weights", rg_dataset_open(f->ctx, path, NULL, &data));
    free(bytes);
    free(full);
}

/* ---- Outputs --------------------------------------------------------------------------------- */

static void nothing_foreign_is_replaced(void **state)
{
    struct fixture *f = *state;
    struct full *full = full_split("", RG_F32);
    const rg_split *split = &full->split;
    const char *path = path_of(f, "mine.txt");
    rg_write_options force = {.force = true};
    spill(path, "thesis", 6);
    assert_fails(f->ctx, RG_USAGE, "`force`", rg_dataset_write(f->ctx, path, &split, 1, NULL));
    size_t size;
    char *bytes = slurp(path, &size);
    assert_int_equal(size, 6);
    free(bytes);
    assert_ok(f->ctx, rg_dataset_write(f->ctx, path, &split, 1, &force));
    assert_ok(f->ctx, rg_dataset_write(f->ctx, path, &split, 1, NULL)); /* now it is ours */
    spill(path, "", 0);
    assert_ok(f->ctx, rg_dataset_write(f->ctx, path, &split, 1, NULL)); /* nothing to lose */
    assert_fails(f->ctx, RG_IO, "directory",
                 rg_dataset_write(f->ctx, f->folder, &split, 1, &force));
    assert_fails(f->ctx, RG_IO, "none/x.h5",
                 rg_dataset_write(f->ctx, path_of(f, "none/x.h5"), &split, 1, NULL));
    assert_ok(f->ctx, rg_dataset_write(f->ctx, "/dev/null", &split, 1, NULL)); /* a stream */
    assert_fails(f->ctx, RG_IO, "/dev/full: cannot write: No space",
                 rg_dataset_write(f->ctx, "/dev/full", &split, 1, NULL));
    assert_int_equal(empty_folder(f->folder), 1);
    free(full);
}

static void an_output_is_no_input(void **state)
{
    struct fixture *f = *state;
    struct full *full = full_split("", RG_F32);
    const char *path = path_of(f, "in.h5"), *other = path_of(f, "other.h5"),
               *link_path = path_of(f, "link.h5");
    write_one(f, path, &full->split, false, false);
    assert_int_equal(link(path, link_path), 0);
    const char *inputs[] = {NULL, other, path};
    rg_output_options forced = {.force = true, .inputs = inputs, .n_inputs = 3};
    assert_fails(f->ctx, RG_USAGE, "in.h5", rg_output_check(f->ctx, path, &forced));
    assert_fails(f->ctx, RG_USAGE, "in.h5", rg_output_check(f->ctx, link_path, &forced));
    assert_ok(f->ctx, rg_output_check(f->ctx, other,
                                      &(rg_output_options){.inputs = inputs, .n_inputs = 3}));
    forced.n_inputs = 2;
    assert_ok(f->ctx, rg_output_check(f->ctx, path, &forced));
    assert_fails(f->ctx, RG_USAGE, "empty", rg_output_check(f->ctx, "", NULL));
    free(full);
}

static float X[4] = {1, 2, 3, 4};
static const int64_t GOOD[3] = {0, 1, 2}, FIRST[3] = {1, 1, 2}, ORDER[3] = {0, 3, 2},
                     LAST[3] = {0, 1, 3}, BOTH[3] = {0, 2, 2};
static const int32_t COLUMN[2] = {0, 1}, NEGATIVE[2] = {0, -1}, BEYOND[3] = {0, 0, 2},
                     DOWN[2] = {1, 0}, TWICE[3] = {0, 1, 1};

/* What is wrong with a split of 2 rows, 2 features and 2 lists. */
/* clang-format off */
#define DENSE {RG_F32, 2, {2, 2}, X}
static const struct {
    const char *words;
    const int64_t *offsets;
    rg_tensor features;
    rg_csr csr;
} unsound[] = {
    {"offsets goes from 1 to 2; from 0 to the number of rows, 2", FIRST, DENSE, {0}},
    {"offsets: element 3 (from 1) is 2 after 3", ORDER, DENSE, {0}},
    {"offsets goes from 0 to 3", LAST, DENSE, {0}},
    {"2 lists without offsets", NULL, DENSE, {0}},
    {"features are (3,2) of f32 for a split of 2 rows", GOOD, {RG_F32, 2, {3, 2}, X}, {0}},
    {"features are (2,3) of f32", GOOD, {RG_F32, 2, {2, 3}, X}, {0}},
    {"features are (4) of f32", GOOD, {RG_F32, 1, {4}, X}, {0}},
    {"features are (2,2) of f32 without data", GOOD, {RG_F32, 2, {2, 2}, NULL}, {0}},
    {"features are (2,2) of i32", GOOD, {RG_I32, 2, {2, 2}, X}, {0}},
    {"features are (2,2) of an unknown type", GOOD, {(rg_dtype)99, 2, {2, 2}, X}, {0}},
    {"neither features.data nor csr.indptr", GOOD, {0}, {0}},
    {"csr is (3,2)", GOOD, {0}, {3, 2, GOOD, COLUMN, RG_F32, X}},
    {"csr is (2,1)", GOOD, {0}, {2, 1, GOOD, COLUMN, RG_F32, X}},
    {"csr is (2,2) of f16", GOOD, {0}, {2, 2, GOOD, COLUMN, RG_F16, X}},
    {"csr.indptr: element 3 (from 1) is 2 after 3", GOOD, {0}, {2, 2, ORDER, COLUMN, RG_F32, X}},
    {"csr.indptr goes from 1 to 2", GOOD, {0}, {2, 2, FIRST, COLUMN, RG_F32, X}},
    {"csr has 2 values, but no indices", GOOD, {0}, {2, 2, GOOD, NULL, RG_F32, X}},
    {"csr has 2 values, but no indices or no data", GOOD, {0}, {2, 2, GOOD, COLUMN, RG_F32, NULL}},
    {"csr.indices: row 2 (from 1) has column -1; 0", GOOD, {0}, {2, 2, GOOD, NEGATIVE, RG_F32, X}},
    {"csr.indices: row 2 (from 1) has column 2; 0 to", GOOD, {0}, {2, 2, LAST, BEYOND, RG_F32, X}},
    {"csr.indices: row 1 (from 1) has column 0 after", GOOD, {0}, {2, 2, BOTH, DOWN, RG_F32, X}},
    {"csr.indices: row 2 (from 1) has column 1 twice", GOOD, {0}, {2, 2, LAST, TWICE, RG_F32, X}},
};
/* clang-format on */

/* A split that somebody filled wrongly is told before anything is written, and before anything is
 * computed from it. */
static void unsound_splits(void **state)
{
    struct fixture *f = *state;
    rg_split it = {.name = "", .n_rows = 2, .n_features = 2, .n_lists = 2};
    const rg_split *split = &it;
    for (int i = 0; i < (int)(sizeof unsound / sizeof unsound[0]); i++) {
        rg_normalization z;
        char words[128];
        it.offsets = unsound[i].offsets;
        it.features = unsound[i].features;
        it.csr = unsound[i].csr;
        snprintf(words, sizeof words, "x.h5: not written: %s", unsound[i].words);
        assert_fails(f->ctx, RG_BAD_DATA, words,
                     rg_dataset_write(f->ctx, path_of(f, "x.h5"), &split, 1, NULL));
        assert_int_equal(empty_folder(f->folder), 0);
        snprintf(words, sizeof words, "the split: %s", unsound[i].words);
        assert_fails(f->ctx, RG_BAD_DATA, words,
                     rg_normalization_fit(f->ctx, "zscore", split, &z));
        assert_null(z.shift);
    }
    it.offsets = GOOD;
    it.csr = (rg_csr){2, 2, GOOD, COLUMN, RG_F32, X};
    write_one(f, path_of(f, "x.h5"), &it, false, false);
}

/* Counts that make no shape; and which split of several it is. */
static void unsound_counts(void **state)
{
    struct fixture *f = *state;
    static const struct {
        int64_t n_rows, n_features, n_lists;
    } rows[] = {{-1, 2, 2}, {2, 0, 2}, {2, 2, -1}};
    static float x[4] = {0};
    const rg_split sound = {
        .name = "train", .n_rows = 2, .n_features = 2, .features = {RG_F32, 2, {2, 2}, x}};
    for (int i = 0; i < 3; i++) {
        rg_split bad = sound;
        const rg_split *split = &bad;
        bad.n_rows = rows[i].n_rows;
        bad.n_features = rows[i].n_features;
        bad.n_lists = rows[i].n_lists;
        assert_fails(f->ctx, RG_BAD_DATA, "nothing negative",
                     rg_dataset_write(f->ctx, path_of(f, "x.h5"), &split, 1, NULL));
    }
    rg_split test = sound;
    const rg_split *splits[] = {&sound, &test};
    test.name = "test";
    test.features.data = NULL;
    assert_fails(f->ctx, RG_BAD_DATA, "x.h5: not written: /test: features",
                 rg_dataset_write(f->ctx, path_of(f, "x.h5"), splits, 2, NULL));
    assert_int_equal(empty_folder(f->folder), 0);
}

static bool is_hdf5(rg_context *ctx, const char *path)
{
    const struct rg__format *format = NULL;
    assert_ok(ctx, rg__detect_file(ctx, path, &format));
    assert_true(!format || format == &rg__format_hdf5);
    return format;
}

/* What a file is, is told from its content; a pipe keeps what waits in it. */
static void hdf5_is_recognised(void **state)
{
    struct fixture *f = *state;
    const struct rg__format *format;
    struct full *full = full_split("", RG_F32);
    const char *path = path_of(f, "a.h5"), *moved = path_of(f, "b.h5"), *pipe = path_of(f, "pipe");
    size_t size;
    write_one(f, path, &full->split, false, false);
    free(full);
    char *bytes = slurp(path, &size), *shifted = calloc(1, 2048 + size);
    memcpy(shifted + 2048, bytes, size);
    spill(moved, shifted, 2048 + size);
    free(shifted);
    free(bytes);
    assert_true(is_hdf5(f->ctx, path));
    assert_true(is_hdf5(f->ctx, moved));
    spill(path, "1 qid:1 1:2\n", 12);
    static const char *const others[] = {"-", "/dev/null"};
    const char *all[] = {path, f->folder, others[0], others[1]};
    for (int i = 0; i < 4; i++)
        assert_false(is_hdf5(f->ctx, all[i]));
    assert_fails(f->ctx, RG_IO, "No such file",
                 rg__detect_file(f->ctx, path_of(f, "none"), &format));
    assert_null(format);
    assert_int_equal(mkfifo(pipe, 0600), 0);
    alarm(20); /* opening it would wait for a writer that never comes */
    assert_false(is_hdf5(f->ctx, pipe));
    struct rg__h5 *file;
    assert_fails(f->ctx, RG_BAD_DATA, "no regular file", rg__h5_open(f->ctx, pipe, &file));
    alarm(0);
}

/* ---- Chunks ---------------------------------------------------------------------------------- */

/* Filters in that order: d(eflate), s(huffle), f(letcher32); e: none for the chunks at an edge. */
static hid_t chunked(int ndim, const hsize_t *chunk, const char *filters)
{
    const int fill = 7;
    hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    H5Pset_chunk(creation, ndim, chunk);
    H5Pset_fill_value(creation, H5T_NATIVE_INT, &fill);
    for (; *filters; filters++) {
        if (*filters == 'd')
            H5Pset_deflate(creation, 4);
        else if (*filters == 's')
            H5Pset_shuffle(creation);
        else if (*filters == 'f')
            H5Pset_fletcher32(creation);
        else
            H5Pset_chunk_opts(creation, H5D_CHUNK_DONT_FILTER_PARTIAL_CHUNKS);
    }
    return creation;
}

static const struct shape {
    int ndim;
    hsize_t dims[2], chunk[2];
} shapes[] = {
    {1, {1}, {1}},          {1, {100}, {1}},           {1, {1000}, {1000}},
    {1, {1000}, {77}},      {1, {100}, {4096}},        {2, {60, 11}, {7, 4}},
    {2, {60, 11}, {1, 11}}, {2, {60, 11}, {60, 1}},    {2, {60, 11}, {20, 11}},
    {2, {3, 2}, {64, 64}},  {2, {300, 50}, {299, 49}}, {2, {200, 136}, {65, 136}},
};
static const char *const filter_orders[] = {"",    "d",   "s",   "f",   "sd",   "ds",   "sdf",
                                            "fsd", "dfs", "fff", "dsd", "sdfe", "dsde", "fdf"};

/* What has been written of a data set: all of it, its first row or element, nothing; or all, and
 * then its first chunk again past filters that check what they read, or past all of them. */
enum written { WHOLE, ONE, NOTHING, SOME_PAST, ALL_PAST, N_WRITTEN };

static void write_past(hid_t set, const struct shape *shape, const char *filters, size_t size,
                       bool all)
{
    hsize_t origin[2] = {0, 0};
    size_t n = size * shape->chunk[0] * (shape->ndim == 2 ? shape->chunk[1] : 1);
    uint32_t skipped = 0;
    unsigned char *bytes = malloc(n);
    for (size_t i = 0; i < n; i++)
        bytes[i] = (unsigned char)(i * i / 3);
    for (int i = 0; filters[i]; i++)
        if (filters[i] != 's' || all)
            skipped |= 1u << i;
    assert_true(H5Dwrite_chunk(set, H5P_DEFAULT, skipped, origin, n, bytes) >= 0);
    free(bytes);
}

static hid_t write_chunked(hid_t file, const char *name, const struct shape *shape, hid_t type,
                           const char *filters, enum written written)
{
    static double values[200 * 136];
    for (int i = 0; i < 200 * 136; i++)
        values[i] = i * 37 % 251 - 100;
    hid_t creation = chunked(shape->ndim, shape->chunk, filters);
    const hsize_t endless[2] = {H5S_UNLIMITED, H5S_UNLIMITED};
    bool larger = shape->chunk[0] > shape->dims[0];
    hid_t space = H5Screate_simple(shape->ndim, shape->dims, larger ? endless : NULL);
    hid_t set = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    assert_true(set >= 0);
    hsize_t from[2] = {0, 0}, count[2] = {1, shape->dims[1]};
    if (written == ONE)
        H5Sselect_hyperslab(space, H5S_SELECT_SET, from, NULL, count, NULL);
    if (written != NOTHING)
        H5Dwrite(set, H5T_NATIVE_DOUBLE, space, space, H5P_DEFAULT, values);
    if (written == SOME_PAST || written == ALL_PAST)
        write_past(set, shape, filters, H5Tget_size(type), written == ALL_PAST);
    H5Sclose(space);
    H5Pclose(creation);
    return set;
}

/* As type 0, 1 or 2, by 1, 2 and 5 threads, what libhdf5 itself reads. */
static void same_as_hdf5(struct rg__h5 *files[3], rg_context *contexts[3], const char *name,
                         hid_t set, int64_t count, int i)
{
    const struct {
        rg_dtype dtype;
        hid_t type;
    } as[] = {{RG_F32, H5T_NATIVE_FLOAT}, {RG_F64, H5T_NATIVE_DOUBLE}, {RG_I64, H5T_NATIVE_INT64}};
    char *expected = malloc((size_t)count * 8), *actual = malloc((size_t)count * 8);
    size_t n = (size_t)count * rg_dtype_size(as[i].dtype);
    assert_true(H5Dread(set, as[i].type, H5S_ALL, H5S_ALL, H5P_DEFAULT, expected) >= 0);
    for (int k = 0; k < 3; k++) {
        memset(actual, 0, n);
        assert_ok(contexts[k], rg__h5_read(files[k], name, as[i].dtype, count, actual));
        if (memcmp(actual, expected, n) != 0)
            fail_msg("%s as %s", name, rg_dtype_name(as[i].dtype));
    }
    free(expected);
    free(actual);
}

static void chunks_are_read_as_hdf5_reads_them(void **state)
{
    struct fixture *f = *state;
    const hid_t types[] = {H5T_IEEE_F32LE, H5T_IEEE_F64BE, H5T_STD_I8LE, H5T_STD_U16BE,
                           H5T_STD_I64LE};
    const int threads[3] = {1, 2, 5};
    enum { SHAPES = sizeof shapes / sizeof shapes[0], N_TYPES = 5 };
    enum {
        ORDERS = sizeof filter_orders / sizeof filter_orders[0],
        SETS = SHAPES * ORDERS * N_WRITTEN
    };
    hid_t access = H5Pcreate(H5P_FILE_ACCESS);
    for (int newest = 0; newest < 2; newest++) { /* whose chunks are found by other indices */
        static char names[SETS][64];
        const char *path = path_of(f, newest ? "newest.h5" : "oldest.h5");
        rg_context *contexts[3];
        struct rg__h5 *files[3];
        H5Pset_libver_bounds(access, newest ? H5F_LIBVER_LATEST : H5F_LIBVER_EARLIEST,
                             H5F_LIBVER_LATEST);
        hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, access);
        for (int i = 0; i < SETS; i++) {
            int order = i / SHAPES % ORDERS, written = i / SHAPES / ORDERS, shape = i % SHAPES;
            snprintf(names[i], sizeof names[i], "/%d-%s-%d-%d", shape, filter_orders[order],
                     written, i % N_TYPES);
            H5Dclose(write_chunked(file, names[i], &shapes[shape], types[i % N_TYPES],
                                   filter_orders[order], (enum written)written));
        }
        H5Fclose(file);
        for (int k = 0; k < 3; k++) {
            rg_context_options options = rg_context_options_default();
            options.n_threads = threads[k];
            contexts[k] = rg_context_create(&options);
            assert_ok(contexts[k], rg__h5_open(contexts[k], path, &files[k]));
        }
        file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
        for (int i = 0; i < SETS; i++) {
            const struct shape *s = &shapes[i % SHAPES];
            hid_t set = H5Dopen2(file, names[i], H5P_DEFAULT);
            same_as_hdf5(files, contexts, names[i], set,
                         (int64_t)(s->dims[0] * (s->ndim == 2 ? s->dims[1] : 1)), i / SHAPES % 3);
            H5Dclose(set);
        }
        H5Fclose(file);
        for (int k = 0; k < 3; k++) {
            rg__h5_close(files[k]);
            rg_context_destroy(contexts[k]);
        }
    }
    H5Pclose(access);
}

/* HDF5 up to 1.6.2 swapped the bytes of each half of a checksum. */
static void an_old_checksum(void **state)
{
    struct fixture *f = *state;
    const char *path = path_of(f, "old.h5");
    static unsigned char bytes[4004], swapped[4004];
    static float numbers[1000];
    const hsize_t origin[2] = {0, 0};
    uint32_t skipped;
    struct rg__h5 *opened;
    hid_t file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    hid_t set = write_chunked(file, "x", &shapes[2], H5T_IEEE_F32LE, "f", WHOLE);
    H5Dflush(set);
    assert_true(H5Dread_chunk(set, H5P_DEFAULT, origin, &skipped, bytes) >= 0);
    for (int i = 0; i < 4004; i++)
        swapped[i] = bytes[i < 4000 ? i : i ^ 1];
    assert_memory_not_equal(bytes, swapped, sizeof bytes);
    assert_true(H5Dwrite_chunk(set, H5P_DEFAULT, 0, origin, sizeof swapped, swapped) >= 0);
    H5Dclose(set);
    H5Fclose(file);
    assert_ok(f->ctx, rg__h5_open(f->ctx, path, &opened));
    assert_ok(f->ctx, rg__h5_read(opened, "/x", RG_F32, 1000, numbers));
    assert_memory_equal(numbers, bytes, sizeof numbers);
    rg__h5_close(opened);
}

/* ---- HDF5's own state ------------------------------------------------------------------------ */

static herr_t my_printer(hid_t stack, void *user)
{
    (void)stack;
    ++*(int *)user;
    return 0;
}

/* A new id of each kind, ended at once: ids are numbered in order. */
static void next_ids(hid_t ids[3])
{
    ids[0] = H5Pcreate(H5P_DATASET_CREATE);
    ids[1] = H5Screate(H5S_SCALAR);
    ids[2] = H5Tcopy(H5T_NATIVE_INT);
    H5Pclose(ids[0]);
    H5Sclose(ids[1]);
    H5Tclose(ids[2]);
}

/* Drivers that are registered; their ids follow those of HDF5's own. */
static int count_drivers(void)
{
    int n = 0;
    for (hid_t id = H5FD_SEC2; id < H5FD_SEC2 + 1000; id++)
        n += H5Iis_valid(id) > 0;
    return n;
}

static void hdf5_is_left_as_found(void **state)
{
    struct fixture *f = *state;
    struct full *full = full_split("", RG_F32);
    int printed = 0;
    H5E_auto2_t print, first_print;
    void *user, *first_user;
    rg_dataset *data, *none;
    hid_t before[3], after[3];
    write_one(f, path_of(f, "a.h5"), &full->split, true, false);
    size_t size;
    char *bytes = slurp(path_of(f, "a.h5"), &size);
    bytes[44] ^= 1; /* the superblock's checksum: only libhdf5 looks at it */
    spill(path_of(f, "bad.h5"), bytes, size);
    free(bytes);
    H5Eget_auto2(H5E_DEFAULT, &first_print, &first_user);
    H5Eset_auto2(H5E_DEFAULT, my_printer, &printed);
    next_ids(before);
    int n_drivers = count_drivers();
    write_one(f, path_of(f, "a.h5"), &full->split, false, true);
    data = reopen(f, path_of(f, "a.h5"), NULL);
    assert_ok(f->ctx, rg_dataset_verify(f->ctx, path_of(f, "a.h5"), NULL));
    assert_fails(f->ctx, RG_DAMAGED, "checksum",
                 rg_dataset_open(f->ctx, path_of(f, "bad.h5"), NULL, &none));
    assert_null(none);
    next_ids(after);
    assert_int_equal(count_drivers(), n_drivers);
    for (int i = 0; i < 3; i++)
        for (hid_t id = before[i]; id <= after[i]; id++)
            assert_true(H5Iis_valid(id) <= 0);
    assert_int_equal(H5Fget_obj_count((hid_t)H5F_OBJ_ALL, H5F_OBJ_ALL), 0);
    rg_dataset_close(data);
    H5Eget_auto2(H5E_DEFAULT, &print, &user);
    assert_true(print == my_printer && user == &printed);
    assert_int_equal(printed, 0);
    H5Eset_auto2(H5E_DEFAULT, first_print, first_user);
    free(full);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HDF5_TEST(everything_comes_back),
        HDF5_TEST(sparse_rows_come_back),
        HDF5_TEST(three_splits),
        HDF5_TEST(small_ones),
        HDF5_TEST(one_long_row),
        HDF5_TEST(same_content_same_bytes),
        HDF5_TEST(features_lie_on_a_page),
        HDF5_TEST(checksums_find_a_changed_number),
        HDF5_TEST(nothing_foreign_is_replaced),
        HDF5_TEST(an_output_is_no_input),
        HDF5_TEST(unsound_splits),
        HDF5_TEST(unsound_counts),
        HDF5_TEST(hdf5_is_recognised),
        HDF5_TEST(chunks_are_read_as_hdf5_reads_them),
        HDF5_TEST(an_old_checksum),
        HDF5_TEST(hdf5_is_left_as_found),
    };
    RUN_TESTS(tests);
}

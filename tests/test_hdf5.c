/* test_hdf5.c: data sets written to HDF5 and read back: the same numbers, the same bytes. */
#include "hdf5_fixture.h"

#include "data/dataset.h"
#include "io/h5.h"
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
            assert_int_equal(data->map != NULL, !no_map && i % 2 == 0);
            rg_dataset_close(data);
        }
        int n_checked = 0;
        assert_ok(f->ctx, rg_dataset_verify(f->ctx, path, &n_checked));
        assert_int_equal(n_checked, 7);
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
    assert_fails(f->ctx, RG_DAMAGED, "/train/weights", rg_dataset_verify(f->ctx, path, NULL));
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
    assert_fails(f->ctx, RG_USAGE, "--force", rg_dataset_write(f->ctx, path, &split, 1, NULL));
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
    assert_fails(f->ctx, RG_USAGE, "device",
                 rg_dataset_write(f->ctx, "/dev/null", &split, 1, &force));
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
    assert_fails(f->ctx, RG_USAGE, "in.h5", rg_output_check(f->ctx, path, true, inputs, 3));
    assert_fails(f->ctx, RG_USAGE, "in.h5", rg_output_check(f->ctx, link_path, true, inputs, 3));
    assert_ok(f->ctx, rg_output_check(f->ctx, other, false, inputs, 3));
    assert_ok(f->ctx, rg_output_check(f->ctx, path, false, inputs, 2));
    assert_fails(f->ctx, RG_USAGE, "empty", rg_output_check(f->ctx, "", false, NULL, 0));
    free(full);
}

/* A split that somebody filled wrongly is told before anything is written. */
static void unsound_splits(void **state)
{
    struct fixture *f = *state;
    float x[4] = {0};
    int64_t bad_first[3] = {1, 1, 2}, bad_order[3] = {0, 3, 2}, bad_last[3] = {0, 1, 3},
            good[3] = {0, 1, 2};
    rg_split sound = {.name = "",
                      .n_rows = 2,
                      .n_features = 2,
                      .n_lists = 2,
                      .features = {RG_F32, 2, {2, 2}, x},
                      .offsets = good};
    rg_split bad[10];
    for (int i = 0; i < 10; i++)
        bad[i] = sound;
    bad[0].offsets = bad_first;
    bad[1].offsets = bad_order;
    bad[2].offsets = bad_last;
    bad[3].offsets = NULL;
    bad[4].features.dims[0] = 3;
    bad[5].features.data = NULL;
    bad[6].features.dtype = RG_I32;
    bad[7].n_features = 0;
    bad[8].csr = (rg_csr){2, 2, bad_order, NULL, RG_F32, NULL};
    bad[9].csr = (rg_csr){2, 2, good, NULL, RG_F32, x};
    for (int i = 0; i < 10; i++) {
        const rg_split *split = &bad[i];
        assert_fails(f->ctx, RG_BAD_DATA, "not written",
                     rg_dataset_write(f->ctx, path_of(f, "x.h5"), &split, 1, NULL));
        assert_int_equal(empty_folder(f->folder), 0);
    }
    write_one(f, path_of(f, "x.h5"), &sound, false, false);
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
        HDF5_TEST(hdf5_is_left_as_found),
    };
    RUN_TESTS(tests);
}
